"""The body of a saved page as HTML, for readers of the API: rendered in a limited child, kept by revision."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol

from sqlalchemy.orm import Session

from pubsite.build.publication import is_published
from pubsite.errors import BuildFailed, NotFound, Unavailable
from pubsite.models import Page, PageType, Site, now
from pubsite.services import pages, sites

KEPT_BYTES = 16 * 1_048_576
# A page that takes its whole time holds a thread of the server: those behind it are told to come again.
RENDERED_AT_ONCE = 2
TURN_SECONDS = 1.0
Key = tuple[uuid.UUID, int, int]  # the page, its revision, its site's


class BodyRenderer(Protocol):
    """What renders one page's body: `build.pool.RendererPool`."""

    def render_body(self, config: dict[str, Any], content: str, site_config: dict[str, Any]) -> str: ...


class PageBodies:
    """Rendered bodies by page and revision, the least recently used dropped beyond KEPT_BYTES. Thread-safe."""

    def __init__(self, renderer: BodyRenderer) -> None:
        self._renderer = renderer
        self._kept: OrderedDict[Key, str | BuildFailed] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self._turns = BoundedSemaphore(RENDERED_AT_ONCE)

    def of(self, site: Site, page: Page) -> str:
        """The page's body, by the site's config; raises BuildFailed that names what is wrong with it."""
        key = (page.id, page.revision, site.revision)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is None:
            kept = self._render(site, page)
            self._keep(key, kept)
        if isinstance(kept, BuildFailed):
            raise BuildFailed(kept.message, kept.problems)
        return kept

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Render within it; raises Unavailable when others do and none of them ends soon."""
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise Unavailable("Too many pages are being rendered; try again")
        try:
            yield
        finally:
            self._turns.release()

    def _render(self, site: Site, page: Page) -> str | BuildFailed:
        """A page that fails is kept as well: it would cost its whole time limit at every visit."""
        try:
            with self.turn():
                config = {**page.meta, "path": page.path}
                return self._renderer.render_body(config, page.content or "", site.config)
        except BuildFailed as error:
            return error

    def _keep(self, key: Key, body: str | BuildFailed) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = body
                self._bytes += _weight(body)
            while self._bytes > KEPT_BYTES:
                self._bytes -= _weight(self._kept.popitem(last=False)[1])


def _weight(body: str | BuildFailed) -> int:
    return 512 + (len(body) if isinstance(body, str) else 0)


def published_page(db: Session, slug: str, publisher_name: str | None, path: str) -> tuple[Site, Page]:
    """The site of that slug and its page at a path; drafts, future and expired pages are NotFound."""
    site = sites.oldest_of_slug(db, slug, publisher_name)
    page = pages.at_path(db, site, path)
    if not is_visible(page, now()):
        raise NotFound("Page not found")
    return site, page


def is_visible(page: Page, as_of: datetime) -> bool:
    """Whether a page is for everybody at that time."""
    return page.type == PageType.Redirect or is_published(page.meta, as_of)


def answer(bodies: PageBodies, site: Site, page: Page) -> dict[str, str]:
    """What a page's path answers: its `html`, or the `location` that it leads to."""
    if page.type == PageType.Redirect:
        return {"location": str(page.meta.get("target", ""))}
    return {"html": bodies.of(site, page)}
