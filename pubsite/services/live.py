"""What of a page is live: which revision, at which URL, with which body. What other places are sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.build.options import Options
from pubsite.build.pages import links_of_sources
from pubsite.build.pool import Elsewhere, RendererPool
from pubsite.build.publication import is_published
from pubsite.build.titles import date_of, title_of
from pubsite.build.urls import internal_path, locate
from pubsite.models import PRODUCTION, File, Page, PageRevision, PageType, Site, now
from pubsite.publishing.bundle_files import BundleFiles
from pubsite.publishing.content import Content
from pubsite.services.deployments import bundle_of
from pubsite.storage import FileEntry, Manifest, Storage

SiteUrl = Callable[[Site], str]


@dataclass(frozen=True, slots=True)
class State:
    """One state of a page, with all that its body is rendered from; made in one transaction, used outside of it."""

    page_id: uuid.UUID
    revision: int
    path: str
    meta: dict[str, Any]
    content: str
    site_name: str
    site_config: dict[str, Any]
    origin: str
    sources: dict[str, str]
    files: BundleFiles | None = field(default=None, repr=False)


def saved(db: Session, site: Site, page: Page, site_url: SiteUrl) -> State:
    """The page as it is saved, live or not."""
    return _state(db, site, page.revision, page, None, site_url)


def live(db: Session, storage: Storage, site: Site, page_id: uuid.UUID, site_url: SiteUrl) -> State | None:
    """The page as its URL serves it; None where it serves none.

    The live bundle says which content it saw, and each revision which content it made: the newest that it saw is the
    one that is live, as long as the bundle has a file for it.
    """
    ref = storage.refs.get(str(site.id), PRODUCTION)
    bundle = bundle_of(db, site.id, ref.version) if ref else None
    if ref is None or bundle is None:
        return None
    sequence = max(ref.content_sequence, bundle.content_sequence)
    revision = db.scalar(
        select(PageRevision)
        .where(PageRevision.page_id == page_id, PageRevision.content_sequence <= sequence)
        .order_by(PageRevision.number.desc())
        .limit(1)
    )
    if revision is None or revision.site_id != site.id or revision.type != PageType.HtmlPage:
        return None
    manifest = Manifest(storage.objects, ref.manifest)
    file = locate(revision.path, Options.of(site.config).trailing_slash).file
    if not isinstance(manifest.lookup(file), FileEntry):
        return None
    files = BundleFiles(storage.objects, manifest, file, origin_of(site, site_url))
    return _state(db, site, revision.number, revision, files, site_url)


def live_revision(db: Session, storage: Storage, site: Site, page_id: uuid.UUID, site_url: SiteUrl) -> int | None:
    """The number of the revision that is live, None where none is."""
    found = live(db, storage, site, page_id, site_url)
    return None if found is None else found.revision


def origin_of(site: Site, site_url: SiteUrl) -> str:
    """What the site's URLs begin with (`https://host`): its own base_url, or where the server hosts it."""
    return Options.of(site.config).base_url or site_url(site).rstrip("/")


def _state(
    db: Session, site: Site, number: int, row: Page | PageRevision, files: BundleFiles | None, site_url: SiteUrl
) -> State:
    sources = _sources(db, site) if row.meta.get("source") else {}
    page_id = row.id if isinstance(row, Page) else row.page_id
    meta, origin = dict(row.meta), origin_of(site, site_url)
    return State(page_id, number, row.path, meta, row.content or "", site.name, dict(site.config), origin, sources,
                 files)  # fmt: skip


def _sources(db: Session, site: Site) -> dict[str, str]:
    """Where the relative links of an imported page lead."""
    policy, present = Options.of(site.config).trailing_slash, now()
    rows = db.execute(select(Page.path, Page.meta).where(Page.site_id == site.id, Page.type == PageType.HtmlPage))
    pages = [(meta, locate(path, policy).url) for path, meta in rows if is_published(meta, present)]
    assets = db.scalars(select(File.path).where(File.site_id == site.id, File.is_directory.is_(False)))
    return links_of_sources(pages, [f"/{path}" for path in assets])


def content_of(state: State, renderers: RendererPool) -> Content:
    """The page with its body rendered, links and images absolute; raises BuildFailed that names what is wrong."""
    meta, options = state.meta, Options.of(state.site_config)
    url = locate(state.path, options.trailing_slash).url
    title = title_of(meta, state.content, state.path, options.title or state.site_name)
    elsewhere = Elsewhere(state.origin, url, title, _text(meta, "source"), state.sources)
    html = renderers.render_body({**meta, "path": state.path}, state.content, state.site_config, elsewhere)
    image = _text(meta, "image")
    image_path = internal_path(image, url, state.origin) or ""
    canonical = _text(meta, "canonical_url")
    return Content(
        page_id=str(state.page_id),
        revision=state.revision,
        path=state.path,
        url=state.origin + url,
        canonical_url=_absolute(state.origin + url, canonical) or state.origin + url,
        title=title,
        html=html,
        excerpt=_text(meta, "description"),
        slug=state.path.rstrip("/").rpartition("/")[2],
        tags=_texts(meta.get("tags")),
        categories=_texts(meta.get("categories")),
        author=_text(meta, "author"),
        image=_absolute(state.origin + url, image),
        image_path=image_path,
        language=_text(meta, "language") or options.language,
        date=date_of(meta.get("date")),
        data=data if isinstance(data := meta.get("data"), dict) else {},
        files=state.files,
    )


def _absolute(base: str, link: str) -> str:
    """A link from the page at `base`, whole; "" for one that is no URL (`https://[::1`)."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return ""


def _text(meta: dict[str, Any], name: str) -> str:
    value = meta.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    """Tags as a list or as one text with commas, without repeats, in their order."""
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(str(item).strip() for item in listed if isinstance(item, str) and item.strip()))
