"""Requests that are carried out once: the row of their key is written in their own transaction.

So a second caller with the same key waits for the first one's end: then it finds the answer, or, when the first was
rolled back, nothing.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pubsite.errors import FieldError, LimitExceeded
from pubsite.models import IdempotencyKey, now

KEPT_FOR = timedelta(hours=24)
MOST = 100_000  # keys of one account
LONGEST_ANSWER = 1_048_576  # characters; a longer one is not kept
# The answer of an account's nth key may be that long over n: all of them have at most 300 MiB together.
SHARED = 32 * LONGEST_ANSWER


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


def find(db: Session, account_id: uuid.UUID, route: str, key: str) -> IdempotencyKey | None:
    """The key's row, when it was used within KEPT_FOR."""
    row = db.get(IdempotencyKey, (account_id, route, key))
    return None if row is None or row.created_at < now() - KEPT_FOR else row


def keep(db: Session, row: IdempotencyKey, *, status: int, answer: str | None, subject_id: str | None) -> None:
    """Write down what was answered; an answer that must not or cannot be given again is left out.

    Raises LimitExceeded when the account has too many keys. A long answer is left out where it has many.
    """
    count = db.scalar(select(func.count()).where(IdempotencyKey.account_id == row.account_id)) or 1
    if count > MOST:
        problem = f"is the account's {count}th within 24 hours, of at most {MOST}: send requests without one"
        raise LimitExceeded(f"The Idempotency-Key {problem}", [FieldError("header", "Idempotency-Key", problem)])
    longest = min(LONGEST_ANSWER, SHARED // count)
    row.status, row.subject_id = status, subject_id
    row.answer = answer if answer is not None and len(answer) <= longest else None
    db.flush()
