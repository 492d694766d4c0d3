"""Publishers: `/api/publishers` and `/api/publishers/{pubName}`."""

from __future__ import annotations

import re
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import require_match, tag_of, tagged
from pubsite.api.paging import Paged, id_key, paged, time_key
from pubsite.errors import Forbidden, Invalid
from pubsite.models import Account, Publisher, Role
from pubsite.schema import Identifier, Instant, Object, Text, many, optional, required
from pubsite.security import Permission
from pubsite.services import publishers, sites
from pubsite.views.accounts import ROLE

ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z")
DISPLAY_NAME = Text(1, 255, ONE_LINE, "one line without control characters")
DESCRIPTION = Text(0, 8192)


class PublisherCreate(Object):
    """The body of POST."""

    name = required(
        Text(1, publishers.NAME_LENGTH, publishers.NAME, "lower-case letters, digits and single hyphens between them"),
        described="PublisherName",
    )
    display_name = optional(DISPLAY_NAME, nullable=True)
    description = optional(DESCRIPTION, nullable=True)


class PublisherUpdate(Object):
    """The body of PATCH: what is left out stays. The name never changes; it is here to say so."""

    name = optional(Text(), hidden=True)
    display_name = optional(DISPLAY_NAME, nullable=True)
    description = optional(DESCRIPTION, nullable=True)


class PublisherObject(Object):
    """A publisher; `role` is mine, and left out for staff who are no members."""

    id = required(Identifier())
    name = required(Text())
    display_name = required(Text())
    description = optional(Text())
    role = optional(ROLE)
    created_at = required(Instant())
    updated_at = required(Instant())


def publisher_json(publisher: Publisher, role: int | None) -> dict[str, Any]:
    return present(
        id=str(publisher.id),
        name=publisher.name,
        display_name=publisher.display_name,
        description=publisher.description,
        role=None if role is None else Role(role).name,
        created_at=time(publisher.created_at),
        updated_at=time(publisher.updated_at),
    )


collection = Service("publishers", "/api/publishers", contexts.signed_in)
one = Service("publisher", "/api/publishers/{pubName}", contexts.publisher)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Paged(), answer=many(PublisherObject()))
def list_mine(request: Request) -> list[dict[str, Any]]:
    """Publishers that I am a member of, with my role."""
    identity, db = request.pubsite_identity, request.db
    if identity.site_id is not None:  # a token for one site does not reach its publisher
        return []
    listed = paged(
        request,
        lambda part: publishers.list_of_account(db, identity.account_id, part, publisher_id=identity.publisher_id),
        key=lambda row: (row[0].created_at, row[0].id),
        parse=(time_key, id_key),
    )
    return [publisher_json(publisher, member.role) for publisher, member in listed]


def _require_wide(request: Request) -> None:
    if request.pubsite_identity.is_narrowed:
        raise Forbidden


@collection.on(
    "POST",
    permission=Permission.SIGNED_IN_ADMIN,
    body=PublisherCreate(),
    answer=PublisherObject(),
    conflicts=True,
    recheck=_require_wide,
)
def create(request: Request) -> Any:
    """Make a publisher; its creator is its Owner."""
    _require_wide(request)
    owner = request.db.get_one(Account, request.pubsite_identity.account_id)
    publishers.require_room(request.db, owner)
    made = publishers.create(request.db, owner=owner, **request.validated["body"])
    return tagged(request, publisher_json(made, Role.Owner))


@one.on("GET", permission=Permission.READ, answer=PublisherObject(), tagged=True)
def get(request: Request) -> Any:
    """One publisher."""
    return tagged(request, publisher_json(request.context.publisher, request.context.role))


@one.on("PATCH", permission=Permission.ADMIN, body=PublisherUpdate(), answer=PublisherObject(), tagged=True)
def update(request: Request) -> Any:
    """Change how a publisher shows itself; what is left out stays."""
    changes = request.validated["body"]
    if "name" in changes:
        raise Invalid.field("name", "never changes")
    _require_match(request)
    changed = publishers.change(request.db, request.context.publisher, changes)
    return tagged(request, publisher_json(changed, request.context.role))


@one.on("DELETE", permission=Permission.OWN, status=204, conflicts=True, tagged=True)
def delete(request: Request) -> None:
    """Delete a publisher that has no sites."""
    _require_match(request)
    publishers.remove(request.db, request.context.publisher, restore_days=sites.RESTORE_DAYS)


def _require_match(request: Request) -> None:
    def lock() -> str:
        to_remove = request.method == "DELETE"
        locked = publishers.lock(request.db, request.context.publisher, to_remove=to_remove)
        return tag_of(publisher_json(locked, request.context.role))

    require_match(request, lock)


def includeme(config: Configurator) -> None:
    for service in (collection, one):
        config.add_cornice_service(service)
