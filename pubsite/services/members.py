"""Members: which account may do what in which publisher.

Every change begins with the lock of the publisher, and asks under it for the role of whoever makes it: of two Owners
who demote each other at once, one comes first, and the other is no Owner any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Row, bindparam, exists, select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Forbidden, Invalid, NotFound
from pubsite.models import Account, Member, Publisher, Role, now
from pubsite.services import publishers
from pubsite.services.constraints import insert_unique
from pubsite.services.listing import WHOLE, Slice, cut

# Statements of every request are made once: making one costs as much as running it.
_ROLE = select(Member.role).where(
    Member.publisher_id == bindparam("publisher_id"),
    Member.account_id == bindparam("account_id"),
    Member.accepted_at.is_not(None),
)


def add(db: Session, publisher: Publisher, account: Account, role: Role) -> Member:
    """An accepted member, made by the server's operator; raises Conflict when the account is one already."""
    member = Member(publisher_id=publisher.id, account_id=account.id, role=role, accepted_at=now())
    insert_unique(db, member, Conflict(f"{account.name} is a member of {publisher.name} already"))
    return member


def role_of(db: Session, publisher_id: uuid.UUID, account_id: uuid.UUID) -> Role | None:
    """The role of an accepted member; None for anybody else, the invited included."""
    role = db.scalar(_ROLE, {"publisher_id": publisher_id, "account_id": account_id})
    return None if role is None else Role(role)


def list_of_publisher(db: Session, publisher: Publisher, part: Slice = WHOLE) -> Sequence[Row[Member, str]]:
    """Members and invitations with the names of their accounts, the oldest first; the key is
    `(created_at, account_id)`."""
    query = select(Member, Account.name).join(Account, Account.id == Member.account_id)
    query = query.where(Member.publisher_id == publisher.id)
    return db.execute(cut(query, (Member.created_at, Member.account_id), part)).all()


def get(db: Session, publisher: Publisher, account_id: uuid.UUID) -> Row[Member, str]:
    """A member, or who is invited, and the account's name; raises NotFound."""
    query = select(Member, Account.name).join(Account, Account.id == Member.account_id)
    query = query.where(Member.publisher_id == publisher.id, Member.account_id == account_id)
    found = db.execute(query, execution_options={"populate_existing": True}).first()
    if found is None:
        raise NotFound("Member not found")
    return found


def invite(db: Session, publisher: Publisher, actor_id: uuid.UUID, *, account_id: uuid.UUID, role: Role) -> Member:
    """Offer a role, at most the actor's own; raises Conflict when the account is a member or invited already."""
    publishers.lock(db, publisher)
    if role > _managing_role(db, publisher, actor_id):
        raise Forbidden
    account = db.get(Account, account_id)
    if account is None:
        raise Invalid.field("account_id", "is no account's")
    member = Member(publisher_id=publisher.id, account_id=account_id, role=role)
    insert_unique(db, member, Conflict(f"{account.name} is a member of {publisher.name} or invited already"))
    return member


def accept(db: Session, publisher: Publisher, account_id: uuid.UUID) -> Member:
    """Take up an invitation; who is a member already stays one. Raises Forbidden without an invitation."""
    publishers.lock(db, publisher)
    member = db.get(Member, (publisher.id, account_id), populate_existing=True)
    if member is None:
        raise Forbidden
    member.accepted_at = member.accepted_at or now()
    db.flush()
    return member


def change_role(db: Session, publisher: Publisher, actor_id: uuid.UUID, account_id: uuid.UUID, role: Role) -> Member:
    """Give a member another role; neither the old nor the new one is above the actor's. Anybody may lower themselves.

    Raises Conflict when no Owner would be left.
    """
    publishers.lock(db, publisher)
    own = role_of(db, publisher.id, actor_id)
    if actor_id != account_id:
        own = _managing_role(db, publisher, actor_id)
    if own is None or role > own:
        raise Forbidden
    member, _ = get(db, publisher, account_id)
    if member.role > own:
        raise Forbidden
    if role != Role.Owner:
        _keep_an_owner(db, publisher, member)
    member.role = role
    db.flush()
    return member


def remove(db: Session, publisher: Publisher, actor_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Take a member out, or an invitation back; anybody may leave or decline. Raises Conflict for the last Owner."""
    publishers.lock(db, publisher)
    own = None if actor_id == account_id else _managing_role(db, publisher, actor_id)
    member = db.get(Member, (publisher.id, account_id), populate_existing=True)
    if member is None and own is None:
        raise Forbidden  # as to any stranger
    if member is None:
        raise NotFound("Member not found")
    if own is not None and member.role > own:
        raise Forbidden
    _keep_an_owner(db, publisher, member)
    db.delete(member)
    db.flush()


def _managing_role(db: Session, publisher: Publisher, account_id: uuid.UUID) -> Role:
    """The role of somebody who may change those of others; else Forbidden."""
    role = role_of(db, publisher.id, account_id)
    if role is None or role < Role.Manager:
        raise Forbidden
    return role


def _keep_an_owner(db: Session, publisher: Publisher, member: Member) -> None:
    """Raise Conflict when this member is the last accepted Owner."""
    if member.role != Role.Owner or member.accepted_at is None:
        return
    others = exists().where(
        Member.publisher_id == publisher.id,
        Member.account_id != member.account_id,
        Member.role == Role.Owner,
        Member.accepted_at.is_not(None),
    )
    if not db.scalar(select(others)):
        raise Conflict(f"{publisher.name} needs an Owner: make somebody else one first, and let them accept")


def first_owner(db: Session, publisher: Publisher) -> Account:
    """The Owner of longest standing: on whose behalf the server's operator acts when nobody else is named."""
    account = db.scalar(
        select(Account)
        .join(Member, Member.account_id == Account.id)
        .where(Member.publisher_id == publisher.id, Member.role == Role.Owner, Member.accepted_at.is_not(None))
        .order_by(Member.created_at, Account.id)
        .limit(1)
    )
    if account is None:
        raise NotFound(f"{publisher.name} has no Owner")
    return account
