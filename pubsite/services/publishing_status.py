"""How a page stands at its destinations: its records as a whole, and the attempts at one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pubsite.models import PublishingAttempt, PublishingRecord, PublishingStatus, RemoteState


def of_content(db: Session, content_id: uuid.UUID) -> Sequence[PublishingRecord]:
    """The records of a page, the oldest first: as many as its publisher has destinations, at most."""
    query = select(PublishingRecord).where(PublishingRecord.content_id == content_id)
    return db.scalars(query.order_by(PublishingRecord.created_at, PublishingRecord.id)).all()


def overall(records: Sequence[PublishingRecord]) -> str:
    """How a page stands as a whole: none, pending, partial, published or failed. What was taken down does not count,
    also where a draft of it is left."""
    taken_down = (RemoteState.absent, RemoteState.draft)
    counting = [r for r in records if r.unpublished_at is None or r.remote_state not in taken_down]
    statuses = {record.status for record in counting}
    if not statuses:
        return "none"
    if statuses & {PublishingStatus.pending, PublishingStatus.publishing}:
        return "pending"
    return "partial" if len(statuses) > 1 else str(statuses.pop())


def attempts_of(
    db: Session, record: PublishingRecord, limit: int, offset: int
) -> tuple[int, Sequence[PublishingAttempt]]:
    """How many attempts at a record there were, and some of them, the last first."""
    query = select(PublishingAttempt).where(PublishingAttempt.record_id == record.id)
    count = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    return count, db.scalars(query.order_by(PublishingAttempt.number.desc()).limit(limit).offset(offset)).all()
