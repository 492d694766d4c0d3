"""What was answered to a request that bore an `Idempotency-Key`, so that its repeat gets the same."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, now


class IdempotencyKey(Base):
    """One key of an account on a route. Written in the transaction of the request itself: a second caller waits for it.

    `digest` tells the request; `answer` is unset where it cannot be given again (a secret, or too long to be kept).
    """

    __tablename__ = "idempotency_keys"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    route: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    digest: Mapped[str] = mapped_column(Digest)
    status: Mapped[int | None]
    answer: Mapped[str | None]
    subject_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
