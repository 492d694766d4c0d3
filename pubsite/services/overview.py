"""What goes on where an account may look: how many records of each status there are, and the newest ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pubsite.models import Base, Deployment, PublishingRecord, PublishingStatus, Status
from pubsite.services.visibility import Viewer, visible

R = TypeVar("R", bound=Base)
LAST = 5


@dataclass(frozen=True, slots=True)
class Summary(Generic[R]):
    """Records of one kind: how many there are of each status, none left out; and the newest, the newest first."""

    by_status: Mapping[str, int]
    last: Sequence[R]


def of_deployments(db: Session, viewer: Viewer) -> Summary[Deployment]:
    return _summary(db, Deployment, Status, viewer)


def of_publishing_records(db: Session, viewer: Viewer) -> Summary[PublishingRecord]:
    return _summary(db, PublishingRecord, PublishingStatus, viewer)


def _summary(db: Session, model: type[R], statuses: Iterable[str], viewer: Viewer) -> Summary[R]:
    """Two statements, however many records there are."""
    columns: Any = model
    criteria = visible(model, viewer)
    counted = db.execute(select(columns.status, func.count()).where(*criteria).group_by(columns.status))
    counts: dict[str, int] = dict(counted.all())
    newest = select(model).where(*criteria).order_by(columns.created_at.desc(), columns.id).limit(LAST)
    return Summary({str(status): counts.get(status, 0) for status in statuses}, db.scalars(newest).all())
