"""The first step of a build: one read transaction becomes a frozen Snapshot. The only reader of models in `build`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.build.publication import is_published, next_change
from pubsite.build.snapshot import AssetSource, PageSource, RedirectSource, SiteSource, Snapshot
from pubsite.models import File, Page, PageType, Site

# Only what a build sees: a row's owner, times and counters would make equal content look different.
_PAGE_COLUMNS = (Page.id, Page.type, Page.path, Page.revision, Page.meta, Page.content)


@dataclass(frozen=True, slots=True)
class Collected:
    """A snapshot, and when a build of the same rows would first see another one because time went on."""

    snapshot: Snapshot
    next_change_at: datetime | None


def collect(db: Session, site_id: uuid.UUID, as_of: datetime) -> Collected:
    """Everything that a build of the site may know at `as_of`; the session reads it in one transaction."""
    site = db.get_one(Site, site_id)
    rows = db.execute(select(*_PAGE_COLUMNS).where(Page.site_id == site_id)).all()
    html = [row for row in rows if row.type == PageType.HtmlPage]
    pages = [
        PageSource(str(row.id), row.path, row.revision, row.meta, row.content or "")
        for row in html
        if is_published(row.meta, as_of)
    ]
    redirects = [
        RedirectSource(str(row.id), row.path, str(row.meta["target"]), int(row.meta.get("status", 302)))
        for row in rows
        if row.type == PageType.Redirect
    ]
    files = db.execute(
        select(File.path, File.digest, File.size).where(File.site_id == site_id, File.is_directory.is_(False))
    )
    assets = [AssetSource(f"/{row.path}", row.digest or "", row.size) for row in files]
    snapshot = Snapshot(
        site=SiteSource(site.slug, site.name, site.description or "", site.mode, site.config),
        pages=tuple(sorted(pages, key=lambda page: page.path)),
        redirects=tuple(sorted(redirects, key=lambda redirect: redirect.path)),
        assets=tuple(sorted(assets, key=lambda asset: asset.path)),
        content_sequence=site.content_sequence,
        as_of=as_of,
    )
    changes = [change for row in html if (change := next_change(row.meta, as_of)) is not None]
    return Collected(snapshot, min(changes, default=None))
