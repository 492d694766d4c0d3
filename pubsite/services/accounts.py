"""Accounts: people and services."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, NotFound
from pubsite.models import Account
from pubsite.services.constraints import insert_unique

NAME_LENGTH = 255
EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3: a path of 256 with its two brackets
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
_IS_STAFF = select(Account.is_staff).where(Account.id == bindparam("id"))


def create(db: Session, *, name: str, email: str | None = None, is_staff: bool = False) -> Account:
    """A new account; raises Conflict when the name is taken. Names that differ in case are two names."""
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid.field("name", f"must be 1 to {NAME_LENGTH} printable characters")
    if email is not None and (problem := email_problem(email)):
        raise Invalid.field("email", problem)
    account = Account(name=name, email=email, is_staff=is_staff)
    insert_unique(db, account, Conflict(f"An account named {name} exists already"))
    return account


def email_problem(email: str) -> str | None:
    """What is wrong with an address, or None. Only its shape is looked at: no mail is sent."""
    if len(email) > EMAIL_LENGTH:
        return f"must have at most {EMAIL_LENGTH} characters"
    if not _EMAIL.match(email) or not email.isprintable():
        return "must be an address such as ada@example.org"
    return None


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


def named(db: Session, name: str) -> Account:
    """The account of that exact name; raises NotFound."""
    account = db.scalar(select(Account).where(Account.name == name))
    if account is None:
        raise NotFound("Account not found")
    return account


def is_staff(db: Session, account_id: uuid.UUID) -> bool | None:
    """Whether an account is staff; None when there is no such account."""
    return db.scalar(_IS_STAFF, {"id": account_id})


def list_all(db: Session) -> Sequence[Account]:
    """All accounts, by name."""
    return db.scalars(select(Account).order_by(Account.name)).all()
