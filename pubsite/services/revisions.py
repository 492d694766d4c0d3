"""The revisions of a page: every state that it had, and the way back to one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from pubsite.errors import NotFound
from pubsite.models import Page, PageRevision, Site
from pubsite.services import pages
from pubsite.services.listing import WHOLE, Slice, cut


def list_of_page(db: Session, page: Page, part: Slice = WHOLE) -> Sequence[PageRevision]:
    """The revisions of a page, the first one first, without their contents; their key is `(number,)`."""
    query = select(PageRevision).where(PageRevision.page_id == page.id).options(defer(PageRevision.content))
    return db.scalars(cut(query, (PageRevision.number,), part)).all()


def find(db: Session, page: Page, number: int) -> PageRevision:
    """The revision of that number; raises NotFound."""
    revision = db.get(PageRevision, (page.id, number))
    if revision is None:
        raise NotFound("Revision not found")
    return revision


def restore(db: Session, site: Site, page: Page, account_id: uuid.UUID, revision: PageRevision) -> Page:
    """Bring a page back to what it was at a revision, as a new one; raises Conflict when its path is taken by now."""
    changes = {"type": revision.type, "path": revision.path, "config": revision.config}
    return pages.update(db, site, page, account_id, changes)
