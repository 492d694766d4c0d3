"""The secrets of destinations: sealed here and opened here, and shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Invalid, PubsiteError
from pubsite.models import Destination, Health, now
from pubsite.publishing.adapter import Kind

OLD_SECRET_FOR = timedelta(hours=24)


class Seals(Protocol):
    """Seals secrets, each for its own context: `signing.sealing.Sealer`."""

    def seal(self, text: str, context: str) -> str: ...
    def open(self, sealed: str, context: str) -> str: ...


def replace(row: Destination, kind: Kind, seals: Seals, secret: str, before: Sequence[str] = ()) -> None:
    """Seal another secret; `before`: those that count for a while too. Raises Invalid for one of no good form."""
    if problem := kind.secret_problem(secret):
        raise Invalid.field("secret", problem)
    until = (now() + OLD_SECRET_FOR).isoformat() if before else None
    text = json.dumps({"secrets": [secret, *before], "until": until})
    row.sealed_secret = seals.seal(text, _context(row))


def in_force(row: Destination, seals: Seals) -> list[str]:
    """The one secret in force; none where there is none, or where it is lost: then another one is needed most."""
    try:
        return secrets_of(row, seals)[:1]
    except PubsiteError as error:
        if error.code != Health.secret_lost:
            raise
        return []


def secrets_of(row: Destination, seals: Seals) -> list[str]:
    """The secret in force, and the one before as long as it counts."""
    if row.sealed_secret is None:
        return []
    document = json.loads(seals.open(row.sealed_secret, _context(row)))
    secrets: list[str] = document["secrets"]
    until = document["until"]
    return secrets if until is not None and now() < datetime.fromisoformat(until) else secrets[:1]


def seal_anew(db: Session, seals: Seals) -> int:
    """Seal every secret with the first key; how many. One whose key is gone stays as it is."""
    count = 0
    for row in db.scalars(select(Destination).where(Destination.sealed_secret.is_not(None)).with_for_update()):
        try:
            row.sealed_secret = seals.seal(seals.open(row.sealed_secret or "", _context(row)), _context(row))
        except PubsiteError:
            continue
        count += 1
    db.flush()
    return count


def _context(row: Destination) -> str:
    return f"{row.publisher_id}/{row.id}"
