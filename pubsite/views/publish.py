"""One page to many destinations: `/api/v1/publisher/publish/`, and how it stands there as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, envelope, present
from pubsite.api.throttling import Throttle
from pubsite.errors import Forbidden, Invalid
from pubsite.schema import (
    Anything,
    Boolean,
    Choice,
    Identifier,
    Integer,
    ListOf,
    MapOf,
    Object,
    OpenObject,
    Text,
    Timestamp,
    optional,
    parse_time,
    required,
)
from pubsite.security import PUBLIC, Permission, may
from pubsite.services import publishing_records, publishing_status, rehearsing
from pubsite.services.publishing_records import Wish
from pubsite.views.publishing_record_objects import PublishingRecordObject, publishing_record_json
from pubsite.views.publishing_records import BASE, asked_page

MOST_DESTINATIONS = 100


class Publish(Object):
    """The body of POST. `force`: send it whatever stands there; `adopt`: take over what has the same slug there;
    `dry_run`: only show what would be sent, and what would be lost."""

    content_id = required(Identifier())
    destination_ids = required(ListOf(required(Identifier()), MOST_DESTINATIONS))
    status = colander.SchemaNode(Choice("publish", "draft"), missing="publish")
    scheduled_at = optional(Timestamp())
    force = colander.SchemaNode(Boolean(), missing=False)
    adopt = colander.SchemaNode(Boolean(), missing=False)
    dry_run = colander.SchemaNode(Boolean(), missing=False)


class LossObject(Object):
    """A field that does not arrive, or not whole."""

    field = required(Text())
    why = required(Text())


class RehearsalObject(Object):
    """What one destination would be sent, and what would be lost. `live`: whether that is the page as it is live."""

    destination_id = required(Identifier())
    destination_type = required(Text())
    live = required(Boolean())
    content_revision = required(Integer(1))
    content_hash = required(Text(64, 64))
    payload = required(MapOf(required(Anything())))
    losses = required(ListOf(LossObject()))


class QueuedRecord(Object):
    """What became of the wish: `queued`, `unchanged`, or `in_progress` (what is new in it is sent when
    the present try has ended)."""

    result = required(Choice("queued", "unchanged", "in_progress"))
    record = PublishingRecordObject()


class PublishAnswer(Object):
    """A record for each destination, in the order asked for; with `dry_run` what would be sent instead."""

    records = optional(ListOf(QueuedRecord()))
    dry_run = optional(ListOf(RehearsalObject()))


class StatusQuery(OpenObject):
    """Which page."""

    content_id = required(Identifier())


class StatusObject(Object):
    """How a page stands at its destinations as a whole."""

    overall = required(Choice("none", "pending", "partial", "published", "failed"))
    records = required(ListOf(PublishingRecordObject(), MOST_DESTINATIONS))


publishing = Service("publish", f"{BASE}/publish", contexts.signed_in)
status = Service("publish.status", f"{BASE}/publish/status", contexts.signed_in)


# The page stands in the body: who may send it is asked in the handler. The factory has refused the anonymous.
@publishing.on(
    "POST",
    permission=PUBLIC,
    scope_of=Permission.DEPLOY,
    body=Publish(),
    answer=PublishAnswer(),
    status=202,
    statuses=(200,),
    conflicts=True,
    throttle=Throttle.PUBLISH,
    recheck=asked_page,
)
def publish(request: Request) -> dict[str, Any]:
    """Send a page to destinations; nothing starts if one of them is wrong. 200 for a dry run, and 409 where one of
    the destinations would not be sent the page as it is."""
    context, body = asked_page(request), request.validated["body"]
    if not body["destination_ids"]:
        raise Invalid.field("destination_ids", "must name at least one")
    found = publishing_records.usable(request.db, context.site, context.page, body["destination_ids"])
    if body["dry_run"]:
        request.wait_for, request.must_wait = _rehearsal(request, context, body), True
        request.response.status_code = 200
        return envelope(request, {})
    wish = Wish(body["status"], parse_time(body.get("scheduled_at", "")), body["force"], body["adopt"])
    account_id, asked = request.pubsite_identity.account_id, (context.site, context.page)
    # In the order of their ids, so that two requests for the same destinations do not wait for each other crosswise.
    done = {
        each.id: publishing_records.publish(request.db, *asked, each, account_id, wish)
        for each in sorted(found, key=lambda each: each.id)
    }
    results = [done[each.id] for each in found]
    return envelope(
        request,
        {"records": [{"result": result, "record": publishing_record_json(row)} for row, result, _ in results]},
    )


def _rehearsal(request: Request, context: contexts.OfPage, body: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    registry = request.registry
    rehearsal = rehearsing.Rehearsal(
        registry.database.reading, registry.storage, registry.renderers, registry.outside.seals,
        registry.outside.site_url,
    )  # fmt: skip
    page_id, ids, desired = context.page.id, body["destination_ids"], body["status"]

    def wait() -> dict[str, Any]:
        return envelope(request, {"dry_run": [_shown(each) for each in rehearsal.of(page_id, ids, desired)]})

    return wait


def _shown(each: rehearsing.Rehearsed) -> dict[str, Any]:
    return present(
        destination_id=str(each.destination_id),
        destination_type=each.destination_type,
        live=each.live,
        content_revision=each.content_revision,
        content_hash=each.draft.content_hash,
        payload=each.draft.payload,
        losses=[{"field": loss.field, "why": loss.why} for loss in each.draft.losses],
    )


def _asked_content(request: Request) -> contexts.OfPage:
    context = contexts.tenant_page(request, request.validated["querystring"]["content_id"])
    if not may(request.pubsite_identity, context.role, Permission.READ):
        raise Forbidden
    return context


@status.on("GET", permission=PUBLIC, scope_of=Permission.READ, query=StatusQuery(), answer=StatusObject())
def get_status(request: Request) -> dict[str, Any]:
    """How a page stands at its destinations."""
    records = publishing_status.of_content(request.db, _asked_content(request).page.id)
    shown = [publishing_record_json(record) for record in records]
    return envelope(request, {"overall": publishing_status.overall(records), "records": shown})


def includeme(config: Configurator) -> None:
    for service in (publishing, status):
        config.add_cornice_service(service)
