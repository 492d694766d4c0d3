"""API tokens of one's own: `/api/tokens` and `/api/tokens/{token_id}`. Their values are shown once, by POST."""

from __future__ import annotations

import uuid
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import require_match, tag_of
from pubsite.api.paging import Paged, id_key, paged, time_key
from pubsite.models import ApiToken
from pubsite.schema import (
    Choice,
    Identifier,
    Instant,
    ListOf,
    Object,
    Text,
    Timestamp,
    many,
    optional,
    parse_time,
    required,
)
from pubsite.security import Identity, Permission
from pubsite.services import tokens
from pubsite.services.tokens import Limits
from pubsite.signing import SCOPES
from pubsite.views.pages import UUID
from pubsite.views.publishers import ONE_LINE

SCOPE_LIST = ListOf(required(Choice(*SCOPES)), len(SCOPES))


class TokenCreate(Object):
    """The body of POST: a name for people, and limits, none beyond those of the token at hand."""

    name = required(Text(1, 255, ONE_LINE, "one line without control characters"))
    scopes = required(SCOPE_LIST, described="Scopes")
    publisher_id = optional(Identifier())
    site_id = optional(Identifier())
    expires_at = optional(Timestamp())


class TokenObject(Object):
    """A token without its value; `parent_id` is the one that made it."""

    id = required(Identifier())
    name = required(Text())
    scopes = required(SCOPE_LIST)
    publisher_id = optional(Identifier())
    site_id = optional(Identifier())
    parent_id = optional(Identifier())
    created_at = required(Instant())
    expires_at = optional(Instant())


class NewToken(TokenObject):
    """A token with its value, which is never shown again."""

    token = required(Text())


def token_json(token: ApiToken) -> dict[str, Any]:
    ids = {name: getattr(token, name) for name in ("publisher_id", "site_id", "parent_id")}
    return present(
        id=str(token.id),
        name=token.name,
        scopes=token.scopes,
        **{name: value and str(value) for name, value in ids.items()},
        created_at=time(token.created_at),
        expires_at=time(token.expires_at),
    )


def own_limits(identity: Identity) -> Limits:
    """What the token of the request may at most do."""
    scopes = tuple(scope for scope in SCOPES if scope in identity.scopes)
    return Limits(scopes, identity.publisher_id, identity.site_id, identity.expires_at)


collection = Service("tokens", "/api/tokens", contexts.signed_in)
one = Service("token", f"/api/tokens/{{token_id:{UUID}}}", contexts.signed_in)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Paged(), answer=many(TokenObject()))
def list_tokens(request: Request) -> list[dict[str, Any]]:
    """Tokens of mine, as far as the token at hand reaches; never their values."""
    identity = request.pubsite_identity
    listed = paged(
        request,
        lambda part: tokens.list_of_account(request.db, identity.account_id, own_limits(identity), part),
        key=lambda token: (token.created_at, token.id),
        parse=(time_key, id_key),
    )
    return [token_json(token) for token in listed]


@collection.on("POST", permission=Permission.SIGNED_IN_ADMIN, body=TokenCreate(), answer=NewToken(), conflicts=True)
def create(request: Request) -> dict[str, Any]:
    """Make a token, within the limits of the one at hand. Its value is shown once."""
    identity, body = request.pubsite_identity, dict(request.validated["body"])
    name, until = body.pop("name"), parse_time(body.pop("expires_at", ""))
    wanted, own = Limits(**body, expires_at=until), own_limits(identity)
    made, value = tokens.create(
        request.db, identity.account_id, name=name, wanted=wanted, own=own, parent_id=identity.token_id
    )
    request.secret_of = str(made.id)
    return {**token_json(made), "token": value}


@one.on("DELETE", permission=Permission.SIGNED_IN_ADMIN, status=204, tagged=True)
def delete(request: Request) -> None:
    """Withdraw a token, and those that it made."""
    identity, token_id = request.pubsite_identity, uuid.UUID(request.matchdict["token_id"])
    token = tokens.get(request.db, identity.account_id, own_limits(identity), token_id)
    require_match(request, lambda: tag_of(token_json(token)))
    tokens.remove(request.db, token)


def includeme(config: Configurator) -> None:
    for service in (collection, one):
        config.add_cornice_service(service)
