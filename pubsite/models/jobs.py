"""Work that is due. The row is the truth; any queue or event is only a wake-up."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, now


class Job(Base):
    """One piece of work of any kind; deleted when it is done.

    `lane` keeps work apart that must not run at once (a site's deploys): at most one job of a lane is claimed, held
    by a unique index, not by a query. `fence` rises with every claim: who finishes must name the fence it was given.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id"),
        Index("ix_jobs_kind_run_at_created_at", "kind", "run_at", "created_at"),
        Index("ix_jobs_lane_run_at", "lane", "run_at"),
        # What is claimed: few rows, found without a look at all that wait.
        Index(
            "ix_jobs_lease_until",
            "lease_until",
            sqlite_where=text("worker IS NOT NULL"),
            postgresql_where=text("worker IS NOT NULL"),
        ),
        Index(
            "uq_jobs_lane_claimed",
            "lane",
            unique=True,
            sqlite_where=text("worker IS NOT NULL"),
            postgresql_where=text("worker IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[uuid.UUID]
    lane: Mapped[str] = mapped_column(String(64))
    run_at: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
