"""Publishing records: that one page was sent to one destination; and the attempts at it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, now


class PublishingStatus(StrEnum):
    """The states of a publishing record."""

    pending = "pending"
    publishing = "publishing"
    published = "published"
    failed = "failed"


# Every change of state moves along one of these by compare-and-set; there are no others.
PUBLISHING_TRANSITIONS: dict[PublishingStatus, tuple[PublishingStatus, ...]] = {
    PublishingStatus.pending: (PublishingStatus.publishing, PublishingStatus.failed),
    PublishingStatus.publishing: (PublishingStatus.published, PublishingStatus.failed, PublishingStatus.pending),
    PublishingStatus.published: (PublishingStatus.pending,),
    PublishingStatus.failed: (PublishingStatus.pending,),
}


class RemoteState(StrEnum):
    """What stands at the other end, as far as we know."""

    unknown = "unknown"
    present = "present"
    draft = "draft"
    absent = "absent"


class Operation(StrEnum):
    """What a record is to do next, or did last."""

    create = "create"
    update = "update"
    unpublish = "unpublish"


class PublishingRecord(Base):
    """One page at one destination. What an earlier try may have left at the other end is found by the record's id.

    `desired`: how it is to stand there (`publish` or `draft`). `wanted_revision`: what must be live before anything is
    sent. `unsettled_until`: until then something sent before may still arrive, so that nothing is created. `failures`:
    temporary ones in a row. `started_at`: when the present try began, while there is one. `woken_at`: when its site
    went live while it waited for that.
    """

    __tablename__ = "publishing_records"
    __table_args__ = (
        UniqueConstraint("content_id", "destination_id"),
        Index("ix_publishing_records_publisher_id_created_at", "publisher_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    sector_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sectors.id", ondelete="SET NULL"), index=True)
    content_id: Mapped[uuid.UUID]  # no foreign key: a page may go before what was sent of it
    content_revision: Mapped[int | None]
    wanted_revision: Mapped[int | None]
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("destinations.id", ondelete="CASCADE"), index=True)
    destination_type: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), default=PublishingStatus.pending)
    remote_state: Mapped[str] = mapped_column(String(16), default=RemoteState.unknown)
    operation: Mapped[str] = mapped_column(String(16), default=Operation.create)
    desired: Mapped[str] = mapped_column(String(16), default="publish")
    force: Mapped[bool] = mapped_column(default=False)
    adopt: Mapped[bool] = mapped_column(default=False)
    external_id: Mapped[str | None]
    external_url: Mapped[str | None]
    content_hash: Mapped[str | None] = mapped_column(Digest)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None]
    error_retryable: Mapped[bool | None]
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    unsettled_until: Mapped[datetime | None]
    woken_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    unpublished_at: Mapped[datetime | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class PublishingAttempt(Base):
    """One try at a record; written when it has ended, and never changed. `notes`: what the other end made otherwise."""

    __tablename__ = "publishing_attempts"

    record_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("publishing_records.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None]
    http_status: Mapped[int | None]
    calls: Mapped[int] = mapped_column(default=0)
    notes: Mapped[list[str]] = mapped_column(default=list)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(default=now)
