"""Accounts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, NotFound
from pubsite.models import Account
from pubsite.services.constraints import insert_unique

NAME_LENGTH = 255


def create(db: Session, *, name: str, email: str | None = None, is_staff: bool = False) -> Account:
    """A new account; raises Conflict when the name is taken."""
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid.field("name", f"must be 1 to {NAME_LENGTH} printable characters")
    account = Account(name=name, email=email, is_staff=is_staff)
    insert_unique(db, account, Conflict(f"An account named {name} exists already"))
    return account


def find(db: Session, name_or_id: str) -> Account:
    """The account of that exact name or id; raises NotFound."""
    account = db.scalar(select(Account).where(Account.name == name_or_id))
    if account is None:
        try:
            account = db.get(Account, uuid.UUID(name_or_id))
        except ValueError:
            account = None
    if account is None:
        raise NotFound(f"No account {name_or_id}")
    return account


def list_all(db: Session) -> Sequence[Account]:
    """All accounts, by name."""
    return db.scalars(select(Account).order_by(Account.name)).all()
