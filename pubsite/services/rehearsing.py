"""What a page would be sent as, with nothing sent: the exact payload of each destination, and what would be lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pubsite.build.pool import RendererPool
from pubsite.errors import Conflict, NotFound, PubsiteError
from pubsite.models import Destination, Page, Site
from pubsite.publishing.adapter import Desired, Draft
from pubsite.publishing.content import Content
from pubsite.publishing.guarding import guarded
from pubsite.publishing.outcomes import Rejected
from pubsite.publishing.wire import Reply
from pubsite.services import destinations, live
from pubsite.services.live import SiteUrl
from pubsite.services.sealing import Seals
from pubsite.storage import Storage


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one destination would be sent. `live`: whether it is the state that is live, else the saved one."""

    destination_id: uuid.UUID
    destination_type: str
    live: bool
    content_revision: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Renders a page once, and drafts it for each destination. Never within a transaction that writes."""

    reading: Callable[[], AbstractContextManager[Session]]
    storage: Storage
    renderers: RendererPool
    seals: Seals
    site_url: SiteUrl

    def of(self, page_id: uuid.UUID, ids: Sequence[uuid.UUID], desired: Desired) -> Iterator[Rehearsed]:
        """One for each destination, in that order; raises what is wrong with the page or a destination."""
        with self.reading() as db:
            page = db.get(Page, page_id)
            site = db.get(Site, page.site_id) if page else None
            if page is None or site is None:
                raise NotFound("Page not found")
            at_live = live.live(db, self.storage, site, page_id, self.site_url)
            state = at_live or live.saved(db, site, page, self.site_url)
            found = destinations.of_ids(db, ids)
            db.expunge_all()
        content = live.content_of(state, self.renderers)
        for destination_id in ids:
            if (destination := found.get(destination_id)) is None:
                raise NotFound("Destination not found")
            draft = self._draft(destination, content, desired)
            yield Rehearsed(destination_id, destination.type, at_live is not None, content.revision, draft)

    def _draft(self, destination: Destination, content: Content, desired: Desired) -> Draft:
        """Raises Conflict that names the destination, where it would not be sent this page as it is."""
        try:
            adapter, wire = destinations.connect(destination, self.seals, _send_nothing)
            with guarded(wire):
                return adapter.draft(content, desired)
        except PubsiteError as error:
            raise Conflict(f"{destination.name}: {error.message}", code=error.code) from error


def _send_nothing(method: str, url: str, headers: object, body: bytes) -> Reply:
    raise Rejected("A draft makes no call", code="internal_error")
