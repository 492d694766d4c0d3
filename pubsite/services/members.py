"""Members: which account may do what in which publisher."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, NotFound
from pubsite.models import Account, Member, Publisher, Role, now
from pubsite.services.constraints import insert_unique


def add(db: Session, publisher: Publisher, account: Account, role: Role) -> Member:
    """An accepted member, made by the server's operator; raises Conflict when the account is one already."""
    member = Member(publisher_id=publisher.id, account_id=account.id, role=role, accepted_at=now())
    insert_unique(db, member, Conflict(f"{account.name} is a member of {publisher.name} already"))
    return member


def role_of(db: Session, publisher_id: uuid.UUID, account_id: uuid.UUID) -> Role | None:
    """The role of an accepted member; None for anybody else, the invited included."""
    role = db.scalar(
        select(Member.role).where(
            Member.publisher_id == publisher_id, Member.account_id == account_id, Member.accepted_at.is_not(None)
        )
    )
    return None if role is None else Role(role)


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
