"""How much of what it may have each publisher uses, deleted sites that can be restored included."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from pubsite.models import Member, Publisher, Site


@dataclass(frozen=True, slots=True)
class Usage:
    """What one publisher uses."""

    publisher_id: uuid.UUID
    publisher: str
    sites: int
    bytes: int
    files: int


def of_account(db: Session, account_id: uuid.UUID, publisher_id: uuid.UUID | None = None) -> Sequence[Usage]:
    """The usage of every publisher of which the account is an accepted member, by name; or of that one alone."""
    is_member = and_(
        Member.publisher_id == Publisher.id, Member.account_id == account_id, Member.accepted_at.is_not(None)
    )
    query = (
        select(
            Publisher.id,
            Publisher.name,
            Publisher.sites_used,
            func.coalesce(func.sum(Site.files_bytes), 0),
            func.coalesce(func.sum(Site.files_count), 0),
        )
        .join(Member, is_member)
        .outerjoin(Site, Site.publisher_id == Publisher.id)
        .group_by(Publisher.id, Publisher.name, Publisher.sites_used)
    )
    if publisher_id is not None:
        query = query.where(Publisher.id == publisher_id)
    # SUM of integers is a Decimal on PostgreSQL. Sorted here: databases order text in ways of their own.
    rows = [Usage(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in db.execute(query)]
    return sorted(rows, key=lambda usage: usage.publisher)
