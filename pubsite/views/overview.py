"""The root of the publisher API, `/api/v1/publisher/`: what goes on, and where to look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, envelope
from pubsite.api.numbered import viewer
from pubsite.models import Deployment, PublishingRecord
from pubsite.schema import Integer, MapOf, Object, Text, many, required
from pubsite.security import Permission
from pubsite.services import deployments, overview
from pubsite.services.overview import Summary
from pubsite.views.deployment_objects import DeploymentObject, deployment_json
from pubsite.views.publishing_record_objects import PublishingRecordObject, publishing_record_json
from pubsite.views.sites import site_url

R = TypeVar("R", Deployment, PublishingRecord)
# What stands behind the root, by the name of its link.
PLACES = {
    "deployments": "deployments",
    "publishing_records": "publishing-records",
    "destinations": "destinations",
    "destination_types": "destination-types",
    "sectors": "sectors",
    "publish": "publish",
}


COUNTS = MapOf(required(Integer(0)))


class DeploymentsSummary(Object):
    """Deployment records: how many of each status, and the newest five."""

    by_status = required(COUNTS)
    last = required(many(DeploymentObject()))


class RecordsSummary(Object):
    """Publishing records: how many of each status, and the newest five."""

    by_status = required(COUNTS)
    last = required(many(PublishingRecordObject()))


class Overview(Object):
    """What goes on, as far as I may read it, and where to look."""

    deployments = DeploymentsSummary()
    publishing_records = RecordsSummary()
    links = required(MapOf(required(Text(1, 8192))))


root = Service("overview", "/api/v1/publisher", contexts.signed_in)


@root.on("GET", permission=Permission.SIGNED_IN, answer=Overview())
def get(request: Request) -> dict[str, Any]:
    """What goes on in my publishers, and where to look."""
    who, db = viewer(request), request.db
    deployed = overview.of_deployments(db, who)
    urls = {site.id: site_url(request, site) for site in deployments.sites_of(db, deployed.last)}
    data = {
        "deployments": _shown(deployed, lambda record: deployment_json(request, record, urls.get(record.site_id))),
        "publishing_records": _shown(overview.of_publishing_records(db, who), publishing_record_json),
        "links": _links(request),
    }
    return envelope(request, data)


def _shown(summary: Summary[R], present: Callable[[R], dict[str, Any]]) -> dict[str, Any]:
    return {"by_status": dict(summary.by_status), "last": [present(record) for record in summary.last]}


def _links(request: Request) -> dict[str, str]:
    """The addresses of PLACES, with the prefix of the request."""
    base = f"{request.host_url}{request.environ['pubsite.path'].rstrip('/')}"
    return {name: f"{base}/{path}/" for name, path in PLACES.items()}


def includeme(config: Configurator) -> None:
    config.add_cornice_service(root)
