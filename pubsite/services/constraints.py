"""Inserts that a unique constraint may refuse: the constraint decides, so that one of any number at once wins."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pubsite.errors import Conflict


def insert_unique(db: Session, row: Any, conflict: Conflict) -> None:
    """Flush a new row in a savepoint; raises `conflict` when a row with its key is there already."""
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as error:
        raise conflict from error


def flush_unique(db: Session, conflict: Conflict) -> None:
    """Flush changes; raises `conflict` when a constraint refuses them, and then the transaction has ended."""
    try:
        db.flush()
    except IntegrityError as error:
        raise conflict from error
