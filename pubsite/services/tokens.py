"""API tokens: made, listed, withdrawn, and found by their value, of which only the digest is kept.

A token never allows more than the one that made it, and ends with it.
"""

from __future__ import annotations

import secrets
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid, LimitExceeded, NotFound
from pubsite.models import Account, ApiToken, Site, now, text_digest
from pubsite.services import members
from pubsite.services.constraints import insert_unique
from pubsite.services.listing import WHOLE, Slice, cut

PREFIX = "pst_"
SECRET_BYTES = 32
MOST = 100  # of one account


@dataclass(frozen=True, slots=True)
class Limits:
    """What a token may at most do: in one publisher or site (None: in all of the account's), until some time."""

    scopes: tuple[str, ...]
    publisher_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None
    expires_at: datetime | None = None


def find(db: Session, value: str) -> tuple[ApiToken, bool] | None:
    """The token of that value and whether its account is staff; None when it is unknown or has expired."""
    found = db.execute(
        select(ApiToken, Account.is_staff)
        .join(Account, Account.id == ApiToken.account_id)
        .where(ApiToken.digest == text_digest(value), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now()))
    ).first()
    return None if found is None else (found[0], found[1])


def create(
    db: Session, account_id: uuid.UUID, *, name: str, wanted: Limits, own: Limits, parent_id: uuid.UUID | None
) -> tuple[ApiToken, str]:
    """A new token and its value, which nobody can tell again.

    wanted: what it is for; what is left out there is taken from `own`, the limits of the token at hand. Raises Invalid
    for what goes beyond those. parent_id: the token at hand, where that is an API token.
    """
    limits = _within(db, account_id, wanted, own)
    _make_room(db, account_id)
    value = new_value()
    token = ApiToken(
        account_id=account_id,
        parent_id=parent_id,
        name=name,
        digest=text_digest(value),
        scopes=list(limits.scopes),
        publisher_id=limits.publisher_id,
        site_id=limits.site_id,
        expires_at=limits.expires_at,
    )
    insert_unique(db, token, Conflict("The token at hand, or what the new one is for, was removed just now"))
    return token, value


def new_value() -> str:
    """A random value. It ends with the CRC 32 of the rest, so that who finds one can tell it from an accident."""
    value = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    return f"{value}{zlib.crc32(value.encode()):08x}"


def _within(db: Session, account_id: uuid.UUID, wanted: Limits, own: Limits) -> Limits:
    """What is wanted, filled up from the limits of the token at hand; raises Invalid with all that goes beyond."""
    site_id = wanted.site_id or own.site_id
    owner = db.scalar(select(Site.publisher_id).where(Site.id == site_id, Site.deleted_at.is_(None)))
    publisher_id = wanted.publisher_id or own.publisher_id or owner
    problems = [*_scope_problems(wanted, own), *_expiry_problems(wanted, own)]
    for name in ("publisher_id", "site_id"):
        asked, mine = getattr(wanted, name), getattr(own, name)
        if mine is not None and asked not in (None, mine):
            problems.append(FieldError("body", name, "must not go beyond that of the token at hand"))
    is_member = publisher_id is not None and members.role_of(db, publisher_id, account_id) is not None
    # The same words for what belongs to others and for what does not exist.
    if wanted.publisher_id is not None and not is_member:
        problems.append(FieldError("body", "publisher_id", "is no publisher of yours"))
    elif site_id is not None and (owner != publisher_id or not is_member):
        problems.append(FieldError("body", "site_id", "is no site of yours, or not of that publisher"))
    if problems:
        raise Invalid.of(problems)
    scopes = tuple(scope for scope in own.scopes if scope in wanted.scopes)
    return Limits(scopes, publisher_id, site_id, wanted.expires_at or own.expires_at)


def _scope_problems(wanted: Limits, own: Limits) -> Iterator[FieldError]:
    if not wanted.scopes:
        yield FieldError("body", "scopes", "must not be empty")
    if not set(wanted.scopes) <= set(own.scopes):
        yield FieldError("body", "scopes", f"must not go beyond those of the token at hand: {', '.join(own.scopes)}")


def _expiry_problems(wanted: Limits, own: Limits) -> Iterator[FieldError]:
    if wanted.expires_at is None:
        return
    if wanted.expires_at <= now():
        yield FieldError("body", "expires_at", "lies in the past")
    if own.expires_at is not None and wanted.expires_at > own.expires_at:
        until = own.expires_at.isoformat().replace("+00:00", "Z")
        yield FieldError("body", "expires_at", f"must not be later than that of the token at hand: {until}")


def _make_room(db: Session, account_id: uuid.UUID) -> None:
    """Drop what has expired; raises LimitExceeded when the account still has as many tokens as it may."""
    # One after the other; what only names the account (FOR KEY SHARE) need not wait.
    db.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    mine = ApiToken.account_id == account_id
    _delete(db, mine, ApiToken.expires_at <= now())
    count = db.scalar(select(func.count()).select_from(ApiToken).where(mine)) or 0
    if count >= MOST:
        raise LimitExceeded(f"An account has at most {MOST} tokens: withdraw some first")


def list_of_account(db: Session, account_id: uuid.UUID, own: Limits, part: Slice = WHOLE) -> Sequence[ApiToken]:
    """The account's living tokens within the place of the token at hand, the oldest first; key `(created_at, id)`."""
    return db.scalars(cut(_of_account(account_id, own), (ApiToken.created_at, ApiToken.id), part)).all()


def get(db: Session, account_id: uuid.UUID, own: Limits, token_id: uuid.UUID) -> ApiToken:
    """One of these; raises NotFound."""
    token = db.scalar(_of_account(account_id, own).where(ApiToken.id == token_id))
    if token is None:
        raise NotFound("Token not found")
    return token


def _of_account(account_id: uuid.UUID, own: Limits) -> Select[ApiToken]:
    living = or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now())
    query = select(ApiToken).where(ApiToken.account_id == account_id, living)
    if own.publisher_id is not None:
        query = query.where(ApiToken.publisher_id == own.publisher_id)
    return query if own.site_id is None else query.where(ApiToken.site_id == own.site_id)


def remove(db: Session, token: ApiToken) -> None:
    """Withdraw a token, and with it those that it made."""
    _delete(db, ApiToken.id == token.id)


def _delete(db: Session, *criteria: ColumnElement[bool]) -> None:
    db.execute(delete(ApiToken).where(*criteria), execution_options={"synchronize_session": False})
