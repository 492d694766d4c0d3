"""Accounts of outside issuers: (issuer, subject) → an account, made on first sight.

It is made in a transaction of its own, before the request's begins: a request that reads writes nothing, and on SQLite
a second writer within one request would wait for the first in vain.
"""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pubsite.errors import Conflict
from pubsite.models import Account, OutsideIdentity, text_digest
from pubsite.services.accounts import NAME_LENGTH

MOST_REMEMBERED = 10_000


class Transactions(Protocol):
    """What makes transactions: the database."""

    def reading(self) -> AbstractContextManager[Session]: ...

    def transaction(self) -> AbstractContextManager[Session]: ...


class OutsideAccounts:
    """Which account an outside identity is; remembers those that this process has seen."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self._known: dict[str, uuid.UUID] = {}

    def account_of(self, issuer: str, subject: str, *, called: str, email: str | None) -> uuid.UUID:
        """The account's id; on first sight it is made. `called`: the issuer's name in names of accounts."""
        digest = _digest(issuer, subject)
        if (known := self._known.get(digest)) is not None:
            return known
        with self._database.reading() as db:
            account_id = _find(db, digest)
        if account_id is None:
            with self._database.transaction() as db:
                account_id = make(db, issuer, subject, called=called, email=email)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = account_id
        return account_id

    def forget(self, issuer: str, subject: str) -> None:
        """Its account is gone: look again the next time."""
        self._known.pop(_digest(issuer, subject), None)


def make(db: Session, issuer: str, subject: str, *, called: str, email: str | None) -> uuid.UUID:
    """The account of a new identity; of any number at once one makes it and the others find it."""
    digest = _digest(issuer, subject)
    if (found := _find(db, digest)) is not None:
        return found
    for name in _names(subject, called, digest):
        account = Account(id=uuid.uuid4(), name=name, email=email, is_staff=False)
        try:
            with db.begin_nested():
                db.add(account)
                db.flush()
                db.add(OutsideIdentity(digest=digest, issuer=issuer, subject=subject, account_id=account.id))
                db.flush()
                return account.id
        except IntegrityError:
            if (found := _find(db, digest)) is not None:
                return found  # somebody was quicker; else the name is another account's
    raise Conflict("No name is left for this account")


def _find(db: Session, digest: str) -> uuid.UUID | None:
    return db.scalar(select(OutsideIdentity.account_id).where(OutsideIdentity.digest == digest))


def _names(subject: str, called: str, digest: str) -> list[str]:
    """What the account may be called, best first: by its subject, unless that is no name; else by its digest too."""
    plain, behind = f"{subject}@{called}", f"~{digest[:16]}@{called}"
    cut = "".join(filter(str.isprintable, subject)).strip()[: NAME_LENGTH - len(behind)] + behind
    is_name = plain.isprintable() and len(plain) <= NAME_LENGTH and subject.strip() == subject
    return [plain, cut] if is_name else [cut]


def _digest(issuer: str, subject: str) -> str:
    return text_digest(f"{issuer}\n{subject}")
