"""Bundles, and the records of making them live."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, now

PRODUCTION = "production"


class Status(StrEnum):
    """The states of a deployment record."""

    pending = "pending"
    deploying = "deploying"
    deployed = "deployed"
    failed = "failed"
    rolled_back = "rolled_back"


# Every change of state moves along one of these by compare-and-set; there are no others.
TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    Status.pending: (Status.deploying, Status.failed),
    Status.deploying: (Status.deployed, Status.failed),
    Status.deployed: (Status.rolled_back,),
    Status.failed: (),
    Status.rolled_back: (),
}


class Stage(StrEnum):
    """How far the job behind a record has come."""

    queued = "queued"
    collect = "collect"
    plan = "plan"
    render = "render"
    pack = "pack"
    activate = "activate"
    done = "done"


class Kind(StrEnum):
    """A new bundle, or an older one brought back."""

    deploy = "deploy"
    rollback = "rollback"


class Bundle(Base):
    """A version of a site: its manifest's digest and the content that it saw. Immutable."""

    __tablename__ = "bundles"
    __table_args__ = (UniqueConstraint("site_id", "version"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(Digest)
    content_sequence: Mapped[int] = mapped_column(BigInteger)
    generator: Mapped[str] = mapped_column(String(64))
    next_change_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Deployment(Base):
    """The record of one deploy or rollback. At most one record of a site and target is live."""

    __tablename__ = "deployments"
    __table_args__ = (
        Index("ix_deployments_site_id_created_at", "site_id", "created_at"),
        Index(
            "uq_deployments_live",
            "site_id",
            "target",
            unique=True,
            sqlite_where=text("is_live"),
            postgresql_where=text("is_live"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id"), index=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    sector_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sectors.id", ondelete="SET NULL"), index=True)
    version: Mapped[int | None]
    deployed_version: Mapped[int | None]
    previous_version: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(16), default=Status.pending)
    stage: Mapped[str] = mapped_column(String(16), default=Stage.queued)
    kind: Mapped[str] = mapped_column(String(16), default=Kind.deploy)
    target: Mapped[str] = mapped_column(String(64), default=PRODUCTION)
    is_live: Mapped[bool] = mapped_column(default=False)
    unchanged: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[bool] = mapped_column(default=False)
    release_hold: Mapped[bool] = mapped_column(default=False)
    rolled_back_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    message: Mapped[str | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None]
    stats: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    deployed_at: Mapped[datetime | None]
    rolled_back_at: Mapped[datetime | None]
