"""Pages of a site and their revisions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, PathText, now


class PageType(StrEnum):
    """What a page's path answers: HTML, or another place."""

    HtmlPage = "HtmlPage"
    Redirect = "Redirect"


def whole_config(meta: dict[str, Any], content: str | None) -> dict[str, Any]:
    """A config as clients send and read it."""
    return dict(meta) if content is None else {**meta, "content": content}


class Page(Base):
    """The present state of a page. `config` is split: `content` is apart, so that lists and plans need not load it."""

    __tablename__ = "pages"
    __table_args__ = (UniqueConstraint("site_id", "path_digest"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    sector_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sectors.id", ondelete="SET NULL"), index=True)
    type: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(PathText)
    path_digest: Mapped[str] = mapped_column(Digest)
    meta: Mapped[dict[str, Any]]
    content: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def config(self) -> dict[str, Any]:
        return whole_config(self.meta, self.content)

    @config.setter
    def config(self, config: dict[str, Any]) -> None:
        self.meta = {key: value for key, value in config.items() if key != "content"}
        self.content = config.get("content")


class PageRevision(Base):
    """One immutable state of a page. It outlives its page, so that a deleted page can be brought back.

    `content_sequence`: the site's, as this state moved it; a bundle that saw that or a later one has seen this state or
    a later one.
    """

    __tablename__ = "page_revisions"

    page_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    type: Mapped[str] = mapped_column(String(16))
    path: Mapped[str]
    meta: Mapped[dict[str, Any]]
    content: Mapped[str | None]
    account_id: Mapped[uuid.UUID | None]
    content_sequence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def config(self) -> dict[str, Any]:
        return whole_config(self.meta, self.content)
