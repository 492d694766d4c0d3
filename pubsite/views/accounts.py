"""Accounts: `/api/accounts/me`, and `/api/accounts?name=` to find whom to invite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import Row

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import tagged
from pubsite.models import Account, Member, Publisher, Role
from pubsite.schema import Boolean, Choice, Identifier, Instant, Object, OpenObject, Text, many, optional, required
from pubsite.security import Identity, Permission
from pubsite.services import accounts, publishers
from pubsite.signing import SCOPES

ROLE = Choice(*(role.name for role in Role))


class ByName(OpenObject):
    """Whom to look for; the exact name."""

    name = required(Text(1, accounts.NAME_LENGTH))


class AccountObject(Object):
    """What everybody who is signed in may know of an account."""

    id = required(Identifier())
    name = required(Text())


class MyPublisher(Object):
    """A publisher of which I am a member."""

    id = required(Identifier())
    name = required(Text())
    display_name = required(Text())
    role = required(ROLE)


class Invitation(Object):
    """A role that is mine once I accept it."""

    publisher = required(Text())
    display_name = required(Text())
    role = required(ROLE)
    invited_at = required(Instant())


class TokenAtHand(Object):
    """What the token of the request may at most do."""

    scopes = required(many(required(Choice(*SCOPES))))
    publisher_id = optional(Identifier())
    site_id = optional(Identifier())
    expires_at = optional(Instant())


class Me(Object):
    """Who I am; of publishers and invitations what the token reaches."""

    id = required(Identifier())
    name = required(Text())
    email = optional(Text())
    is_staff = required(Boolean())
    publishers = required(many(MyPublisher()))
    invitations = required(many(Invitation()))
    token = TokenAtHand()


def me_json(request: Request) -> dict[str, Any]:
    identity: Identity = request.pubsite_identity
    account = request.db.get_one(Account, identity.account_id)
    joined: Sequence[Row[Publisher, Member]] = ()
    invited: Sequence[Row[Publisher, Member]] = ()
    if identity.site_id is None:  # a token for one site does not reach its publisher
        joined = publishers.list_of_account(request.db, account.id, publisher_id=identity.publisher_id)
        invited = publishers.invitations(request.db, account.id, publisher_id=identity.publisher_id)
    return present(
        id=str(account.id),
        name=account.name,
        email=account.email,
        is_staff=account.is_staff,
        publishers=[_my_publisher(publisher, member) for publisher, member in joined],
        invitations=[_invitation(publisher, member) for publisher, member in invited],
        token=_token_at_hand(identity),
    )


def _my_publisher(publisher: Publisher, member: Member) -> dict[str, Any]:
    return {
        "id": str(publisher.id),
        "name": publisher.name,
        "display_name": publisher.display_name,
        "role": Role(member.role).name,
    }


def _invitation(publisher: Publisher, member: Member) -> dict[str, Any]:
    return {
        "publisher": publisher.name,
        "display_name": publisher.display_name,
        "role": Role(member.role).name,
        "invited_at": time(member.created_at),
    }


def _token_at_hand(identity: Identity) -> dict[str, Any]:
    return present(
        scopes=[scope for scope in SCOPES if scope in identity.scopes],
        publisher_id=identity.publisher_id and str(identity.publisher_id),
        site_id=identity.site_id and str(identity.site_id),
        expires_at=time(identity.expires_at),
    )


me = Service("accounts.me", "/api/accounts/me", contexts.signed_in)
lookup = Service("accounts", "/api/accounts", contexts.signed_in)


@me.on("GET", permission=Permission.SIGNED_IN, answer=Me(), tagged=True)
def get_me(request: Request) -> Any:
    """Who I am, my publishers, my invitations, and what the token at hand may do."""
    return tagged(request, me_json(request))


@lookup.on("GET", permission=Permission.SIGNED_IN, query=ByName(), answer=AccountObject(), statuses=(404,), tagged=True)
def get_by_name(request: Request) -> Any:
    """An account by its exact name, to invite somebody."""
    account = accounts.named(request.db, request.validated["querystring"]["name"])
    return tagged(request, {"id": str(account.id), "name": account.name})


def includeme(config: Configurator) -> None:
    for service in (me, lookup):
        config.add_cornice_service(service)
