"""Sites, and the label under which each is hosted."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, now

LABEL_LENGTH = 40


class Mode(StrEnum):
    """Who makes a site's outputs: pubsite from pages, or its owner as files."""

    FullyManaged = "FullyManaged"
    SelfManaged = "SelfManaged"


class Site(Base):
    """A site. Its row is the lock of its content: every change of it moves `content_sequence` first.

    `files_bytes` and `staged_bytes` are the quota's counters. A deleted site keeps slug, label and quota until it is
    purged.
    """

    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("publisher_id", "slug_digest"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    slug: Mapped[str]
    slug_digest: Mapped[str] = mapped_column(Digest, index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    mode: Mapped[str] = mapped_column(String(16))
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    host_label: Mapped[str] = mapped_column(String(LABEL_LENGTH), unique=True)
    revision: Mapped[int] = mapped_column(default=1)
    content_sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    files_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    files_count: Mapped[int] = mapped_column(default=0)
    staged_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    last_version: Mapped[int] = mapped_column(default=0)
    live_version: Mapped[int | None]
    held_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class HostLabel(Base):
    """Every label ever given, so that none is given twice; `site_id` is unset once its site is purged."""

    __tablename__ = "host_labels"

    label: Mapped[str] = mapped_column(String(LABEL_LENGTH), primary_key=True)
    site_id: Mapped[uuid.UUID | None]


def host_label(slug: str, publisher_name: str, attempt: int = 0) -> str:
    """The label of a new site: slug and publisher, with a short digest when that is too long or taken (attempt > 0)."""
    plain = f"{slug}-{publisher_name}"
    if attempt == 0 and len(plain) <= LABEL_LENGTH:
        return plain
    digest = hashlib.sha256(f"{publisher_name}/{slug}/{attempt}".encode()).hexdigest()[:8]
    return f"{plain[: LABEL_LENGTH - 9].rstrip('-')}-{digest}"
