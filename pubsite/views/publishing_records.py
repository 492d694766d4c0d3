"""Publishing records under `/api/v1/publisher/`: that a page is at a destination; what was tried; trying it again."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, envelope
from pubsite.api.conditions import require_match, tag_of, tagged
from pubsite.api.numbered import Numbered, filters, numbered, ordering, viewer, window
from pubsite.api.throttling import Throttle
from pubsite.errors import Forbidden
from pubsite.models import PublishingRecord, PublishingStatus
from pubsite.schema import (
    Anything,
    Choice,
    Identifier,
    Integer,
    MapOf,
    Object,
    OpenObject,
    Timestamp,
    many,
    optional,
    parse_time,
    required,
)
from pubsite.security import PUBLIC, Permission, may
from pubsite.services import publishing_records, publishing_status, refreshing, visibility
from pubsite.services.publishing_records import Wish
from pubsite.views.pages import UUID
from pubsite.views.publishing_record_objects import (
    AttemptObject,
    PublishingRecordObject,
    attempt_json,
    publishing_record_json,
)

BASE = "/api/v1/publisher"
METADATA = MapOf(required(Anything()))


class RecordCreate(Object):
    """The body of POST: a page, and where it is to go; `scheduled_at`: not before that."""

    content_id = required(Identifier())
    destination_id = required(Identifier())
    scheduled_at = optional(Timestamp())
    metadata = optional(METADATA)


class RecordUpdate(Object):
    """The body of PATCH: everything else is the server's. null takes a time away."""

    scheduled_at = optional(Timestamp(), nullable=True)
    metadata = optional(METADATA)


class RecordPut(Object):
    """The body of PUT: what is left out is reset."""

    scheduled_at = colander.SchemaNode(Timestamp(), missing=None, nullable=True)
    metadata = colander.SchemaNode(METADATA, missing={})


class Listing(Numbered):
    """Which records, and which page of them."""

    sector_id = optional(Identifier())
    content_id = optional(Identifier())
    destination_id = optional(Identifier())
    status = optional(Choice(*PublishingStatus))
    ordering = ordering("created_at", "updated_at", "published_at", "next_attempt_at", "status")


class AttemptListing(OpenObject):
    """Which page of the attempts."""

    page = colander.SchemaNode(Integer(1, 1_000_000, text=True), missing=1)
    page_size = colander.SchemaNode(Integer(1, 100, text=True), missing=25)


_ONE = f"{BASE}/publishing-records/{{record_id:{UUID}}}"
collection = Service("publishing_records", f"{BASE}/publishing-records", contexts.signed_in)
one = Service("publishing_record", _ONE, contexts.publishing_record)
attempts = Service("publishing_record.attempts", f"{_ONE}/attempts", contexts.publishing_record)
retries = Service("publishing_record.retry", f"{_ONE}/retry", contexts.publishing_record)
removals = Service("publishing_record.unpublish", f"{_ONE}/unpublish", contexts.publishing_record)
refreshes = Service("publishing_record.refresh", f"{_ONE}/refresh", contexts.publishing_record)
cancels = Service("publishing_record.cancel", f"{_ONE}/cancel", contexts.publishing_record)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Listing(), answer=many(PublishingRecordObject()))
def list_records(request: Request) -> dict[str, Any]:
    """Records of my publishers, the newest first."""
    names = ("account_id", "publisher_id", "site_id", "sector_id", "content_id", "destination_id", "status")
    asked, part = filters(request, names), window(request)
    count, listed = visibility.listed(request.db, PublishingRecord, viewer(request), asked, part)
    return numbered(request, count, listed, publishing_record_json)


def asked_page(request: Request) -> contexts.OfPage:
    """The page that the body names, for whoever may send it."""
    context = contexts.tenant_page(request, request.validated["body"]["content_id"])
    if not may(request.pubsite_identity, context.role, Permission.DEPLOY):
        raise Forbidden
    return context


# The page stands in the body: who may send it is asked in the handler. The factory has refused the anonymous.
@collection.on(
    "POST",
    permission=PUBLIC,
    scope_of=Permission.DEPLOY,
    body=RecordCreate(),
    answer=PublishingRecordObject(),
    status=201,
    statuses=(200,),
    throttle=Throttle.PUBLISH,
    recheck=asked_page,
)
def create(request: Request) -> dict[str, Any]:
    """Send a page to a destination. 201: pending; 200: there is such a record already, which stays as it is."""
    context, body = asked_page(request), request.validated["body"]
    asked = context.site, context.page
    ids = [body["destination_id"]]
    (destination,) = publishing_records.usable(request.db, *asked, ids, field="destination_id")
    record = publishing_records.of_pair(request.db, context.page.id, destination.id)
    if record is None:
        wish = Wish(scheduled_at=parse_time(body.get("scheduled_at", "")), metadata=body.get("metadata"))
        account_id = request.pubsite_identity.account_id
        record, _, is_new = publishing_records.publish(request.db, *asked, destination, account_id, wish)
    else:
        is_new = False
    if not is_new:
        request.response.status_code = 200
    return envelope(request, publishing_record_json(record))


@one.on("GET", permission=Permission.READ, answer=PublishingRecordObject(), tagged=True)
def get(request: Request) -> Any:
    """One record."""
    return _answer(request, request.context.record)


@one.on("PATCH", permission=Permission.DEPLOY, body=RecordUpdate(), answer=PublishingRecordObject(), conflicts=True,
        tagged=True)  # fmt: skip
def update(request: Request) -> Any:
    """Change when a pending record is sent, or its metadata."""
    return _change(request)


@one.on("PUT", permission=Permission.DEPLOY, body=RecordPut(), answer=PublishingRecordObject(), conflicts=True,
        tagged=True)  # fmt: skip
def replace(request: Request) -> Any:
    """Change both; a record that is not pending keeps no time."""
    return _change(request)


@one.on("DELETE", permission=Permission.DEPLOY, status=204, conflicts=True, tagged=True)
def delete(request: Request) -> None:
    """Forget a record; what stands at the other end stays there."""
    _require_match(request)
    publishing_records.remove(request.db, request.context.record)


@attempts.on("GET", permission=Permission.READ, query=AttemptListing(), answer=many(AttemptObject()))
def list_attempts(request: Request) -> dict[str, Any]:
    """What was tried, the last first."""
    part = window(request)
    count, listed = publishing_status.attempts_of(request.db, request.context.record, part.limit, part.offset)
    return numbered(request, count, listed, attempt_json)


@retries.on("POST", permission=Permission.DEPLOY, answer=PublishingRecordObject(), status=202, conflicts=True,
            throttle=Throttle.PUBLISH)  # fmt: skip
def retry(request: Request) -> dict[str, Any]:
    """Try a failed or waiting record at once."""
    return envelope(request, publishing_record_json(publishing_records.retry(request.db, request.context.record)))


@removals.on("POST", permission=Permission.DEPLOY, answer=PublishingRecordObject(), status=202, conflicts=True,
             throttle=Throttle.PUBLISH)  # fmt: skip
def unpublish(request: Request) -> dict[str, Any]:
    """Take the page down at the other end."""
    return envelope(request, publishing_record_json(publishing_records.unpublish(request.db, request.context.record)))


@cancels.on("POST", permission=Permission.DEPLOY, answer=PublishingRecordObject(), conflicts=True,
            throttle=Throttle.PUBLISH)  # fmt: skip
def cancel(request: Request) -> dict[str, Any]:
    """Give up what is waiting to be sent."""
    return envelope(request, publishing_record_json(publishing_records.cancel(request.db, request.context.record)))


@refreshes.on("POST", permission=Permission.DEPLOY, answer=PublishingRecordObject(), conflicts=True,
              throttle=Throttle.TEST)  # fmt: skip
def refresh(request: Request) -> dict[str, Any]:
    """Look what stands at the other end, and write nothing there."""
    record, registry = request.context.record, request.registry
    refreshing.require_idle(record)
    record_id = record.id  # its session has ended when we wait
    looked = refreshing.Look(registry.database.transaction, registry.outside.seals, registry.outside.send)
    record_id = record.id  # when the look begins, the request's session is over

    def wait() -> dict[str, Any]:
        return envelope(request, publishing_record_json(looked.at(record_id)))

    request.wait_for, request.must_wait = wait, True
    return envelope(request, publishing_record_json(record))


def _change(request: Request) -> Any:
    _require_match(request)
    changes = dict(request.validated["body"])
    if changes.get("scheduled_at") is not None:
        changes["scheduled_at"] = parse_time(changes["scheduled_at"])
    return _answer(request, publishing_records.change(request.db, request.context.record, changes))


def _require_match(request: Request) -> None:
    record = request.context.record
    require_match(request, lambda: tag_of(publishing_record_json(publishing_records.lock(request.db, record))))


def _answer(request: Request, record: PublishingRecord) -> Any:
    shown = publishing_record_json(record)
    return tagged(request, envelope(request, shown), tag_of(shown))


def includeme(config: Configurator) -> None:
    for service in (collection, one, attempts, retries, removals, refreshes, cancels):
        config.add_cornice_service(service)
