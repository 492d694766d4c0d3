"""Deployment records under `/api/v1/publisher/`: made, listed, rolled back; the bundle of one as an archive."""

from __future__ import annotations

import json
import tempfile
import time as clock
from collections.abc import Callable
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import FileIter, Response

from pubsite import contexts
from pubsite.api import Media, Service, envelope, time
from pubsite.api.numbered import Numbered, filters, numbered, ordering, viewer, window
from pubsite.api.throttling import Throttle
from pubsite.errors import NotFound
from pubsite.models import PRODUCTION, Deployment, Site, Status
from pubsite.schema import (
    Anything,
    Boolean,
    Choice,
    Identifier,
    Integer,
    MapOf,
    Object,
    OpenObject,
    Text,
    many,
    optional,
    required,
)
from pubsite.security import PUBLIC, Permission
from pubsite.services import archives, deployments, visibility
from pubsite.views.deployment_objects import DeploymentObject, HoldObject, deployment_json
from pubsite.views.pages import UUID
from pubsite.views.sites import site_url

BASE = "/api/v1/publisher"
MAX_WAIT = 60
LISTED_BYTES = 4096
POLL = (0.002, 0.025)  # seconds between looks, first and last


class DeploymentCreate(Object):
    """The body of POST; without `version` the site is built as it is now."""

    site_id = required(Identifier())
    sector_id = optional(Identifier(), nullable=True)
    version = optional(Integer(1, 2**31 - 1))
    target = colander.SchemaNode(Choice(PRODUCTION), missing=PRODUCTION)
    message = optional(Text(0, 4096))
    metadata = optional(MapOf(required(Anything())))
    release_hold = optional(Boolean())


class Rollback(Object):
    """Where to go back to; left out: the highest kept lower version that nobody rolled back from."""

    to_version = optional(Integer(1, 2**31 - 1))


class Listing(Numbered):
    """Which records, and which page of them."""

    sector_id = optional(Identifier())
    status = optional(Choice(*Status))
    ordering = ordering("created_at", "deployed_at", "status", "version")


class Format(OpenObject):
    """How the bundle is packed."""

    format = colander.SchemaNode(Choice("tar.gz", "zip"), missing="tar.gz")


collection = Service("deployments", f"{BASE}/deployments", contexts.signed_in)
back = Service("deployment.rollback", f"{BASE}/deployments/{{deployment_id:{UUID}}}/rollback", contexts.deployment)
archive = Service("deployment.archive", f"{BASE}/deployments/{{deployment_id:{UUID}}}/archive", contexts.deployment)
holds = Service("site.hold", f"{BASE}/sites/{{site_id:{UUID}}}/hold", contexts.site_by_id)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Listing(), answer=many(DeploymentObject()))
def list_deployments(request: Request) -> dict[str, Any]:
    """Records of the sites that I may read, the newest first."""
    asked = filters(request, ("account_id", "publisher_id", "site_id", "sector_id", "status"))
    count, listed = visibility.listed(request.db, Deployment, viewer(request), asked, window(request))
    urls = {site.id: site_url(request, site) for site in deployments.sites_of(request.db, listed)}
    return numbered(request, count, listed, lambda record: deployment_json(request, record, urls.get(record.site_id)))


def _asked_site(request: Request) -> contexts.InSite:
    """The site that the body names, for whoever may deploy it."""
    return contexts.site_in_body(request, Permission.DEPLOY)


# The site stands in the body: who may deploy it is asked in the handler. The factory has refused the anonymous.
@collection.on(
    "POST",
    permission=PUBLIC,
    scope_of=Permission.DEPLOY,
    body=DeploymentCreate(),
    answer=DeploymentObject(),
    statuses=(202,),
    conflicts=True,
    recheck=_asked_site,
    throttle=Throttle.DEPLOY,
)
def create(request: Request) -> dict[str, Any]:
    """Make a site live as it is now, or a version of it. 202: under way; 200: known to change nothing."""
    context = _asked_site(request)
    asked = deployments.Request(**{key: v for key, v in request.validated["body"].items() if key != "site_id"})
    record, is_new = deployments.create(request.db, context.site, request.pubsite_identity.account_id, asked)
    if not is_new:
        shown = deployment_json(request, record, site_url(request, context.site))
        return envelope(request, {**shown, "unchanged": True})
    return _accepted(request, context.site, record, is_new=True)


@back.on(
    "POST",
    permission=Permission.DEPLOY,
    body=Rollback(),
    answer=DeploymentObject(),
    statuses=(202,),
    conflicts=True,
    throttle=Throttle.DEPLOY,
)
def rollback(request: Request) -> dict[str, Any]:
    """Go back from the live record to a lower version. 202: under way; 200: asked before. Sets the hold."""
    context, account_id = request.context, request.pubsite_identity.account_id
    to_version = request.validated["body"].get("to_version")
    record, is_new = deployments.rollback(
        request.db, context.site, context.deployment, account_id, to_version=to_version
    )
    return _accepted(request, context.site, record, is_new=is_new)


@archive.on("GET", permission=Permission.READ, query=Format(), answer=Media("application/gzip, application/zip"))
def get_archive(request: Request) -> Response:
    """The record's version as an archive, bit for bit the same every time."""
    site, record = request.context.site, request.context.deployment
    bundle = deployments.bundle_of(request.db, site.id, record.version)
    if bundle is None:
        raise NotFound("This deployment has no bundle")
    kind = request.validated["querystring"]["format"]
    objects = request.registry.storage.objects
    file = tempfile.SpooledTemporaryFile(max_size=8 * 1_048_576)  # noqa: SIM115  # the response closes it
    report = archives.write(objects, bundle, file, format=kind, origin=site_url(request, site).rstrip("/"))
    size = file.tell()
    file.seek(0)
    response = Response(app_iter=FileIter(file), content_length=size)
    response.headers["Content-Type"] = "application/zip" if kind == "zip" else "application/gzip"
    name = f"{site.slug[:100]}-v{bundle.version}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Bundle-Digest"] = bundle.digest
    response.headers["X-Bundle-Files"] = str(report.files)
    response.headers["X-Bundle-Bytes"] = str(report.bytes)
    listed = json.dumps(report.not_expressed)
    if len(listed) <= LISTED_BYTES:  # else the archive's own comment has it: clients limit headers
        response.headers["X-Not-Expressed"] = listed
    return response


@holds.on("POST", permission=Permission.DEPLOY, answer=HoldObject())
def hold(request: Request) -> dict[str, Any]:
    """Hold a site: only a deploy with `release_hold` goes live."""
    site = deployments.hold(request.db, request.context.site, held=True)
    return envelope(request, {"site_id": str(site.id), "held_at": time(site.held_at)})


@holds.on("DELETE", permission=Permission.DEPLOY, status=204)
def release(request: Request) -> None:
    """Release a hold."""
    deployments.hold(request.db, request.context.site, held=False)


def _accepted(request: Request, site: Site, record: Deployment, *, is_new: bool) -> dict[str, Any]:
    """202 with the record, or what it became within `Prefer: wait=N`; 200 when nothing new was made."""
    url = site_url(request, site)
    shown = deployment_json(request, record, url)
    if is_new:
        request.response.status_code = 202
    if (seconds := wait_asked(request)) > 0:
        request.wait_for, request.wait_seconds = _waiter(request, record.id, url, seconds), seconds
    return envelope(request, shown)


def wait_asked(request: Request) -> int:
    """The N of `Prefer: wait=N` (RFC 7240), at most MAX_WAIT; 0 without one."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait" and value.strip('"').isdecimal() and len(value) < 10:
            return min(int(value.strip('"')), MAX_WAIT)
    return 0


def _waiter(request: Request, deployment_id: Any, url: str, seconds: int) -> Callable[[], dict[str, Any]]:
    """What waits, outside of any transaction, until the record has ended; and shows it as it is then."""
    database = request.registry.database

    def wait() -> dict[str, Any]:
        deadline, pause = clock.monotonic() + seconds, POLL[0]
        while True:
            with database.reading() as db:
                record = deployments.get(db, deployment_id)
                if record is None or record.status in deployments.ENDED or clock.monotonic() >= deadline:
                    return envelope(request, deployment_json(request, record, url) if record else None)
            clock.sleep(min(pause, max(0.0, deadline - clock.monotonic())))
            pause = min(pause * 1.5, POLL[1])

    return wait


def includeme(config: Configurator) -> None:
    for service in (collection, back, archive, holds):
        config.add_cornice_service(service)
