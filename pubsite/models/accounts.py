"""Accounts, publishers (tenants) and the members that tie them together."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import IntEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, now


class Role(IntEnum):
    """What a member may do; each role may do all that the lower ones may."""

    Viewer = 10
    Editor = 20
    Manager = 30
    Owner = 40


class Account(Base):
    """A person or a service."""

    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    email: Mapped[str | None]
    is_staff: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


class OutsideIdentity(Base):
    """Which account a token of an outside issuer stands for; `digest` is the sha256 of issuer and subject."""

    __tablename__ = "outside_identities"

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[str]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Publisher(Base):
    """The tenant. Its name never changes; `sites_used` is its quota's counter, moved by one conditional UPDATE."""

    __tablename__ = "publishers"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    display_name: Mapped[str]
    description: Mapped[str | None]
    sites_used: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Member(Base):
    """An account in a publisher. Without `accepted_at` it is an invitation and gives no rights."""

    __tablename__ = "members"

    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    accepted_at: Mapped[datetime | None]
