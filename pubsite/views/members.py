"""Members of a publisher: `/api/publishers/{pubName}/members` and what lies below. `me` stands for one's own id."""

from __future__ import annotations

import uuid
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import require_match, tag_of, tagged
from pubsite.api.paging import Paged, id_key, paged, time_key
from pubsite.errors import Forbidden
from pubsite.models import Member, Role
from pubsite.schema import Boolean, Identifier, Instant, Object, Text, many, optional, required
from pubsite.security import Permission
from pubsite.services import members, publishers
from pubsite.views.accounts import ROLE
from pubsite.views.pages import UUID

BASE = "/api/publishers/{pubName}/members"


class MemberCreate(Object):
    """The body of POST: whom to invite, and as what."""

    account_id = required(Identifier())
    role = required(ROLE)


class MemberUpdate(Object):
    """The body of PATCH."""

    role = required(ROLE)


class MemberObject(Object):
    """A member; an invitation as long as `accepted` is false."""

    account_id = required(Identifier())
    name = required(Text())
    role = required(ROLE)
    accepted = required(Boolean())
    created_at = required(Instant())
    accepted_at = optional(Instant())


def member_json(member: Member, name: str) -> dict[str, Any]:
    return present(
        account_id=str(member.account_id),
        name=name,
        role=Role(member.role).name,
        accepted=member.accepted_at is not None,
        created_at=time(member.created_at),
        accepted_at=time(member.accepted_at),
    )


collection = Service("members", BASE, contexts.publisher)
one = Service("member", f"{BASE}/{{account_id:me|{UUID}}}", contexts.publisher_within_reach)
acceptance = Service("member.accept", f"{BASE}/me/accept", contexts.publisher_within_reach)


@collection.on("GET", permission=Permission.READ, query=Paged(), answer=many(MemberObject()))
def list_members(request: Request) -> list[dict[str, Any]]:
    """Members and who is invited."""
    listed = paged(
        request,
        lambda part: members.list_of_publisher(request.db, request.context.publisher, part),
        key=lambda row: (row[0].created_at, row[0].account_id),
        parse=(time_key, id_key),
    )
    return [member_json(member, name) for member, name in listed]


@collection.on("POST", permission=Permission.ADMIN, body=MemberCreate(), answer=MemberObject(), conflicts=True)
def invite(request: Request) -> Any:
    """Invite an account, to a role that is not above one's own."""
    account_id, role = request.validated["body"]["account_id"], Role[request.validated["body"]["role"]]
    members.invite(request.db, request.context.publisher, _my_id(request), account_id=account_id, role=role)
    return _shown(request, account_id)


@one.on("GET", permission=Permission.READ, answer=MemberObject(), tagged=True)
def get(request: Request) -> Any:
    """One member, or invitation."""
    return _shown(request, _account_id(request))


def _may_again(request: Request) -> None:
    """What a repeat needs: to be a Manager, or of what one did to oneself, to be a member still or to have left."""
    role = request.context.role
    if _account_id(request) == _my_id(request):
        allowed = role is not None or request.method == "DELETE"
    else:
        allowed = role is not None and role >= Role.Manager
    if not allowed:
        raise Forbidden


# Who may change whom hangs on both roles, and anybody may lower themselves or leave: the service asks.
@one.on(
    "PATCH",
    permission=Permission.SIGNED_IN_ADMIN,
    body=MemberUpdate(),
    answer=MemberObject(),
    conflicts=True,
    tagged=True,
    recheck=_may_again,
)
def update(request: Request) -> Any:
    """Change a role: a Manager those below, anybody their own to a lower one. The last Owner stays."""
    _require_match(request)
    account_id, role = _account_id(request), Role[request.validated["body"]["role"]]
    members.change_role(request.db, request.context.publisher, _my_id(request), account_id, role)
    return _shown(request, account_id)


@one.on("DELETE", permission=Permission.SIGNED_IN_ADMIN, status=204, conflicts=True, tagged=True, recheck=_may_again)
def delete(request: Request) -> None:
    """Remove a member, or leave. The last Owner stays."""
    _require_match(request)
    members.remove(request.db, request.context.publisher, _my_id(request), _account_id(request))


@acceptance.on("POST", permission=Permission.SIGNED_IN_ADMIN, answer=MemberObject(), recheck=_may_again)
def accept(request: Request) -> Any:
    """Accept an invitation."""
    members.accept(request.db, request.context.publisher, _my_id(request))
    return _shown(request, _my_id(request))


def _my_id(request: Request) -> uuid.UUID:
    account_id: uuid.UUID = request.pubsite_identity.account_id
    return account_id


def _account_id(request: Request) -> uuid.UUID:
    named = request.matchdict.get("account_id", "me")
    return _my_id(request) if named == "me" else uuid.UUID(named)


def _shown(request: Request, account_id: uuid.UUID) -> Any:
    return tagged(request, member_json(*members.get(request.db, request.context.publisher, account_id)))


def _require_match(request: Request) -> None:
    if request.context.role is None and _account_id(request) != _my_id(request):
        raise Forbidden  # before a tag could tell a stranger who is a member

    def lock() -> str:
        publisher = publishers.lock(request.db, request.context.publisher)
        return tag_of(member_json(*members.get(request.db, publisher, _account_id(request))))

    require_match(request, lock)


def includeme(config: Configurator) -> None:
    for service in (collection, acceptance, one):
        config.add_cornice_service(service)
