"""One deployment record, `/api/v1/publisher/deployments/{deployment_id}/`: read, given notes, pinned, removed."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.api.conditions import require_match, tag_of, tagged_data
from pubsite.models import Deployment
from pubsite.schema import Anything, Boolean, MapOf, Object, Text, optional, required
from pubsite.security import Permission
from pubsite.services import deployment_records
from pubsite.views.deployment_objects import DeploymentObject, deployment_json
from pubsite.views.deployments import BASE
from pubsite.views.pages import UUID
from pubsite.views.sites import site_url


class DeploymentUpdate(Object):
    """What can be written on a record; the rest of it is the server's."""

    message = optional(Text(0, 4096), nullable=True)
    metadata = optional(MapOf(required(Anything())))
    pinned = optional(Boolean())


one = Service("deployment", f"{BASE}/deployments/{{deployment_id:{UUID}}}", contexts.deployment)


@one.on("GET", permission=Permission.READ, answer=DeploymentObject(), tagged=True)
def get(request: Request) -> Any:
    """One record."""
    return _answer(request, request.context.deployment)


@one.on("PUT", permission=Permission.DEPLOY, body=DeploymentUpdate(), answer=DeploymentObject(), tagged=True)
def replace(request: Request) -> Any:
    """Write message, metadata and pin of a record; what is left out is removed."""
    return _change(request, {"message": None, "metadata": {}, "pinned": False, **request.validated["body"]})


@one.on("PATCH", permission=Permission.DEPLOY, body=DeploymentUpdate(), answer=DeploymentObject(), tagged=True)
def update(request: Request) -> Any:
    """Change message, metadata or pin of a record; what is left out stays."""
    return _change(request, request.validated["body"])


@one.on("DELETE", permission=Permission.MANAGE_RECORDS, status=204, conflicts=True, tagged=True)
def delete(request: Request) -> None:
    """Remove a record. One that is live, of the version before, pinned or under way stays."""
    _require_match(request)
    deployment_records.remove(request.db, request.context.site, request.context.deployment)


def _change(request: Request, changes: dict[str, Any]) -> Any:
    context = request.context
    _require_match(request)
    return _answer(request, deployment_records.change(request.db, context.site, context.deployment, changes))


def _require_match(request: Request) -> None:
    context = request.context
    require_match(
        request,
        lambda: tag_of(_shown(request, deployment_records.lock(request.db, context.site, context.deployment))),
    )


def _shown(request: Request, record: Deployment) -> dict[str, Any]:
    return deployment_json(request, record, site_url(request, request.context.site))


def _answer(request: Request, record: Deployment) -> Any:
    return tagged_data(request, _shown(request, record))


def includeme(config: Configurator) -> None:
    config.add_cornice_service(one)
