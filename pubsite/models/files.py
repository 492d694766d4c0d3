"""The tree of a site: files of a SelfManaged site, assets of a FullyManaged one. Contents are objects, by digest."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pubsite.models.base import Base, Digest, PathText, now


class File(Base):
    """One path in a site's tree. A directory has no digest. `parent_digest` finds the entries of one directory."""

    __tablename__ = "files"
    __table_args__ = (
        UniqueConstraint("site_id", "path_digest"),
        Index("ix_files_site_id_parent_digest", "site_id", "parent_digest"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(PathText)
    path_digest: Mapped[str] = mapped_column(Digest)
    parent_digest: Mapped[str] = mapped_column(Digest)
    is_directory: Mapped[bool] = mapped_column(default=False)
    digest: Mapped[str | None] = mapped_column(Digest)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    modified_at: Mapped[datetime] = mapped_column(default=now)


class StagedBlob(Base):
    """An object that a sync has sent and not committed yet; it counts in `sites.staged_bytes` until it lapses."""

    __tablename__ = "staged_blobs"

    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
