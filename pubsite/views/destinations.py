"""Destinations under `/api/v1/publisher/`: kinds, the places themselves, their tests and their secrets."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, envelope, present
from pubsite.api.conditions import require_match, tag_of, tagged
from pubsite.api.numbered import Numbered, filters, numbered, ordering, viewer, window
from pubsite.api.throttling import Throttle
from pubsite.errors import Forbidden, Invalid
from pubsite.models import Destination, Health, Publisher, now
from pubsite.schema import Boolean, Choice, Identifier, Object, OpenObject, Text, many, optional, required
from pubsite.security import PUBLIC, Permission, may
from pubsite.services import destinations, visibility
from pubsite.views.destination_objects import (
    CONFIG,
    CONFIGS,
    TYPES,
    DestinationObject,
    NewDestination,
    TestedObject,
    TypeObject,
    destination_json,
    tested_json,
    type_json,
)
from pubsite.views.pages import UUID
from pubsite.views.publishers import ONE_LINE

BASE = "/api/v1/publisher"
NAME = Text(1, 255, ONE_LINE, "one line without control characters")
SECRET = Text(1, 4096)


class DestinationCreate(Object):
    """The body of POST: of a publisher, or with `site_id` of one of its sites. What `config` takes hangs on `type`."""

    one_of = ("publisher_id", "site_id")
    variants = ("type", "config", CONFIGS)
    publisher_id = optional(Identifier())
    site_id = optional(Identifier())
    sector_id = optional(Identifier(), nullable=True)
    name = required(NAME)
    type = required(TYPES)
    base_url = required(Text(1, 2048))
    config = colander.SchemaNode(CONFIG, missing={})
    secret = optional(SECRET)
    is_active = colander.SchemaNode(Boolean(), missing=True)


class DestinationUpdate(Object):
    """The body of PATCH: what is left out stays. A `base_url` with another host demands the secret again."""

    sector_id = optional(Identifier(), nullable=True)
    name = optional(NAME)
    base_url = optional(Text(1, 2048))
    config = optional(CONFIG)
    secret = optional(SECRET)
    is_active = optional(Boolean())


class DestinationPut(Object):
    """The body of PUT: the whole of what can be changed, but for the secret, which stays when it is left out."""

    sector_id = colander.SchemaNode(Identifier(), missing=None, nullable=True)
    name = required(NAME)
    base_url = required(Text(1, 2048))
    config = colander.SchemaNode(CONFIG, missing={})
    secret = optional(SECRET)
    is_active = colander.SchemaNode(Boolean(), missing=True)


class SecretChange(Object):
    """The new secret; left out, where the server can make one it does."""

    secret = optional(SECRET)


class Listing(Numbered):
    """Which destinations, and which page of them."""

    sector_id = optional(Identifier())
    type = optional(TYPES)
    health = optional(Choice(*Health))
    ordering = ordering("created_at", "updated_at", "name", "type")


class Removal(OpenObject):
    """`forget`: leave what stands there."""

    forget = colander.SchemaNode(Boolean(text=True), missing=False)


_ONE = f"{BASE}/destinations/{{destination_id:{UUID}}}"
kinds = Service("destination_types", f"{BASE}/destination-types", contexts.signed_in)
collection = Service("destinations", f"{BASE}/destinations", contexts.signed_in)
one = Service("destination", _ONE, contexts.destination)
tests = Service("destination.test", f"{_ONE}/test", contexts.destination)
secrets = Service("destination.rotate_secret", f"{_ONE}/rotate-secret", contexts.destination)


@kinds.on("GET", permission=Permission.SIGNED_IN, answer=many(TypeObject()))
def list_types(request: Request) -> dict[str, Any]:
    """The kinds of destinations, what their config may hold, and what each can do."""
    kinds = list(destinations.KINDS.values())
    return numbered(request, len(kinds), kinds, type_json)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Listing(), answer=many(DestinationObject()))
def list_destinations(request: Request) -> dict[str, Any]:
    """Destinations of my publishers, the newest first."""
    asked = filters(request, ("account_id", "publisher_id", "site_id", "sector_id", "type", "health"))
    count, listed = visibility.listed(request.db, Destination, viewer(request), asked, window(request))
    return numbered(request, count, listed, destination_json)


def _asked_owner(request: Request) -> tuple[Any, Any]:
    """The publisher, and the site if one is named, that the body gives the destination to; for whoever may do that."""
    body = request.validated["body"]
    if "site_id" in body:
        in_site = contexts.tenant_site(request, body["site_id"])
        role, site, publisher_id = in_site.role, in_site.site, in_site.site.publisher_id
        if body.get("publisher_id", publisher_id) != publisher_id:
            raise Invalid.field("publisher_id", "is not that of the site")
        publisher = request.db.get_one(Publisher, publisher_id)
    elif "publisher_id" in body:
        context = contexts.tenant_publisher(request, body["publisher_id"])
        role, site, publisher = context.role, None, context.publisher
    else:
        raise Invalid.field("publisher_id", "is required, or site_id")
    if not may(request.pubsite_identity, role, Permission.ADMIN):
        raise Forbidden
    return publisher, site


# The owner stands in the body: who may is asked in the handler. The factory has refused the anonymous.
@collection.on(
    "POST",
    permission=PUBLIC,
    scope_of=Permission.ADMIN,
    body=DestinationCreate(),
    answer=NewDestination(),
    status=201,
    recheck=_asked_owner,
)
def create(request: Request) -> dict[str, Any]:
    """Make a destination. A secret that the server made is shown this once."""
    publisher, site = _asked_owner(request)
    body = {key: v for key, v in request.validated["body"].items() if key not in ("publisher_id", "site_id")}
    account_id, seals = request.pubsite_identity.account_id, request.registry.outside.seals
    made, shown = destinations.create(request.db, publisher, site, account_id, seals, **body)
    if shown is not None:
        request.secret_of = str(made.id)
    return envelope(request, {**destination_json(made), **present(secret=shown)})


@one.on("GET", permission=Permission.READ, answer=DestinationObject(), tagged=True)
def get(request: Request) -> Any:
    """One destination."""
    return _answer(request, request.context.destination)


@one.on("PATCH", permission=Permission.ADMIN, body=DestinationUpdate(), answer=DestinationObject(), tagged=True)
def update(request: Request) -> Any:
    """Change a destination; what waited for it goes on."""
    return _change(request)


@one.on("PUT", permission=Permission.ADMIN, body=DestinationPut(), answer=DestinationObject(), tagged=True)
def replace(request: Request) -> Any:
    """Change a destination as a whole; its type and owner stay."""
    return _change(request)


@one.on("DELETE", permission=Permission.ADMIN, query=Removal(), status=204, conflicts=True, tagged=True)
def delete(request: Request) -> None:
    """Forget a destination and its records. 409 while pages stand there, unless they may be left there."""
    _require_match(request)
    forget = request.validated["querystring"]["forget"]
    destinations.remove(request.db, request.context.destination, forget=forget)


@tests.on("POST", permission=Permission.ADMIN, answer=TestedObject(), throttle=Throttle.TEST)
def test(request: Request) -> dict[str, Any]:
    """Sign in there and change nothing; 200 with what came of it, also when the other end fails."""
    destination, registry = request.context.destination, request.registry
    request.db.expunge(destination)
    asked_at = now()

    def wait() -> dict[str, Any]:
        found = destinations.test(destination, registry.outside.seals, registry.outside.send)
        with registry.database.transaction() as db:
            destinations.tested(db, destination.id, asked_at, found)
        return envelope(request, tested_json(found))

    request.wait_for, request.must_wait = wait, True
    return envelope(request, {"ok": False})


@secrets.on("POST", permission=Permission.ADMIN, body=SecretChange(), answer=NewDestination())
def rotate_secret(request: Request) -> dict[str, Any]:
    """Change the secret; webhooks are signed with the one before as well for a day."""
    seals, secret = request.registry.outside.seals, request.validated["body"].get("secret")
    changed, shown = destinations.rotate_secret(request.db, request.context.destination, seals, secret)
    if shown:
        request.secret_of = str(changed.id)
    return envelope(request, {**destination_json(changed), **present(secret=shown or None)})


def _change(request: Request) -> Any:
    _require_match(request)
    seals, changes = request.registry.outside.seals, request.validated["body"]
    return _answer(request, destinations.change(request.db, request.context.destination, seals, changes))


def _require_match(request: Request) -> None:
    require_match(request, lambda: _tag(destinations.lock(request.db, request.context.destination)))


def _tag(destination: Destination) -> str:
    """Of what people change: health and pauses come and go by themselves."""
    return tag_of([str(destination.id), destination.updated_at.isoformat(), destination.sealed_secret])


def _answer(request: Request, destination: Destination) -> Any:
    return tagged(request, envelope(request, destination_json(destination)), _tag(destination))


def includeme(config: Configurator) -> None:
    for service in (kinds, collection, one, tests, secrets):
        config.add_cornice_service(service)
