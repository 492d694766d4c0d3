"""Requests that are carried out once: the row of their key is written in their own transaction.

So a second caller with the same key waits for the first one's end: then it finds the answer, or, when the first was
rolled back, nothing.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pubsite.models import IdempotencyKey, now

KEPT_FOR = timedelta(hours=24)
LONGEST_ANSWER = 1_048_576  # characters; a longer one is not kept


def begin(db: Session, account_id: uuid.UUID, route: str, key: str, digest: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether it is new; `digest` tells the request, so that a key of another one shows."""
    db.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.account_id == account_id, IdempotencyKey.created_at < now() - KEPT_FOR
        ),
        execution_options={"synchronize_session": False},
    )
    row = IdempotencyKey(account_id=account_id, route=route, key=key, digest=digest)
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError:
        return db.get_one(IdempotencyKey, (account_id, route, key)), False
    return row, True


def keep(db: Session, row: IdempotencyKey, *, status: int, answer: str | None, subject_id: str | None) -> None:
    """Write down what was answered; an answer that must not or cannot be given again is left out."""
    row.status, row.subject_id = status, subject_id
    row.answer = answer if answer is not None and len(answer) <= LONGEST_ANSWER else None
    db.flush()
