"""The body of a saved page as HTML, for readers of the API: rendered in a limited child, kept by revision."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from datetime import datetime
from threading import Lock
from typing import Any, Protocol

from sqlalchemy.orm import Session

from pubsite.build.publication import is_published
from pubsite.errors import NotFound
from pubsite.models import Page, PageType, now
from pubsite.services import pages, sites

KEPT_BYTES = 16 * 1_048_576


class BodyRenderer(Protocol):
    """What renders one page's body: `build.pool.RendererPool`."""

    def render_body(self, config: dict[str, Any], content: str) -> str: ...


class PageBodies:
    """Rendered bodies by page and revision, the least recently used dropped beyond KEPT_BYTES. Thread-safe."""

    def __init__(self, renderer: BodyRenderer) -> None:
        self._renderer = renderer
        self._kept: OrderedDict[tuple[uuid.UUID, int], str] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def of(self, page: Page) -> str:
        """The page's body; raises BuildFailed that names what is wrong with it."""
        key = (page.id, page.revision)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        html = self._renderer.render_body({**page.meta, "path": page.path}, page.content or "")
        with self._lock:
            if key not in self._kept:
                self._kept[key] = html
                self._bytes += len(html)
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return html


def published_page(db: Session, slug: str, publisher_name: str | None, path: str) -> Page:
    """The page at a path of the site of that slug; drafts, future and expired pages are NotFound."""
    page = pages.at_path(db, sites.oldest_of_slug(db, slug, publisher_name), path)
    if not is_visible(page, now()):
        raise NotFound("Page not found")
    return page


def is_visible(page: Page, as_of: datetime) -> bool:
    """Whether a page is for everybody at that time."""
    return page.type == PageType.Redirect or is_published(page.meta, as_of)


def answer(bodies: PageBodies, page: Page) -> dict[str, str]:
    """What a page's path answers: its `html`, or the `location` that it leads to."""
    if page.type == PageType.Redirect:
        return {"location": str(page.meta.get("target", ""))}
    return {"html": bodies.of(page)}
