"""Destinations: where pages are sent. Their secrets are sealed: no key to them is in the database."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, now


class Health(StrEnum):
    """What is known of a destination: nothing yet; it answers; it fails for now; it refuses us; it is gone (410); the
    key that its secret was sealed with is lost."""

    unknown = "unknown"
    ok = "ok"
    failing = "failing"
    denied = "denied"
    gone = "gone"
    secret_lost = "secret_lost"


class Destination(Base):
    """A place that pages are sent to, of a publisher or of one of its sites.

    `paused_until`: nothing is sent before that. `failures`: how often in a row it could not be reached.
    """

    __tablename__ = "destinations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    sector_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sectors.id", ondelete="SET NULL"), index=True)
    name: Mapped[str]
    type: Mapped[str] = mapped_column(String(32))
    base_url: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed_secret: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    health: Mapped[str] = mapped_column(String(16), default=Health.unknown)
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    last_checked_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
