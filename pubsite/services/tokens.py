"""API tokens: made, listed, withdrawn, and found by their value, of which only the digest is kept."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pubsite.models import Account, ApiToken, now, text_digest

PREFIX = "pst_"


def find(db: Session, value: str) -> tuple[ApiToken, bool] | None:
    """The token of that value and whether its account is staff; None when it is unknown or has expired."""
    found = db.execute(
        select(ApiToken, Account.is_staff)
        .join(Account, Account.id == ApiToken.account_id)
        .where(ApiToken.digest == text_digest(value), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now()))
    ).first()
    return None if found is None else (found[0], found[1])
