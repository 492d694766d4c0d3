"""Pages of a site, written. Every write appends a revision and moves the site's content sequence."""

from __future__ import annotations

import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid, NotFound
from pubsite.models import Page, PageRevision, Site, now
from pubsite.models.drafts import UNSAID, Draft
from pubsite.models.paths import page_key
from pubsite.services import sectors, sites
from pubsite.services.constraints import flush_unique, insert_unique


def at_path(db: Session, site: Site, path: str) -> Page:
    """The page at a path of a site, with or without its last slash; raises NotFound. Another case is another path."""
    page = db.scalar(select(Page).where(Page.site_id == site.id, Page.path_digest == page_key(path)))
    if page is None or page.path.rstrip("/") != path.rstrip("/"):
        raise NotFound("Page not found")
    return page


def get(db: Session, page_id: uuid.UUID) -> Page | None:
    return db.get(Page, page_id)


def lock(db: Session, site: Site, page: Page) -> Page:
    """The page as it is now, which nobody else changes until the transaction ends; raises NotFound without it."""
    sites.lock(db, site)
    return _newest(db, page)


def create(db: Session, site: Site, account_id: uuid.UUID, draft: Draft) -> Page:
    """A new page; raises Invalid for what is wrong with it, Conflict when its path is taken."""
    site = sites.lock(db, site)
    draft = _checked(site, draft)
    sectors.require(db, site, draft.named_sector)
    page = _new(site, draft)
    insert_unique(db, page, _path_taken(draft.path))
    _append_revision(db, site, page, account_id)
    sites.content_changed(db, site)
    return page


def update(db: Session, site: Site, page: Page, account_id: uuid.UUID, changes: dict[str, Any]) -> Page:
    """Apply what was sent of `type`, `path`, `config` and `sector_id`, each of which replaces the whole of it."""
    site, page = sites.lock(db, site), _newest(db, page)
    present = _draft_of(page)
    draft = _checked(site, replace(present, **changes))
    if draft == present:
        return page
    if draft.sector_id != present.sector_id:
        sectors.require(db, site, draft.named_sector)
    _apply(page, draft)
    flush_unique(db, _path_taken(draft.path))
    _append_revision(db, site, page, account_id)
    sites.content_changed(db, site)
    return page


def remove(db: Session, site: Site, page: Page) -> None:
    site, page = sites.lock(db, site), _newest(db, page)
    db.delete(page)
    db.flush()
    sites.content_changed(db, site)


def _newest(db: Session, page: Page) -> Page:
    """The page as it is now that its site is locked; raises NotFound when it was deleted meanwhile."""
    newest = db.scalar(select(Page).where(Page.id == page.id), execution_options={"populate_existing": True})
    if newest is None:
        raise NotFound("Page not found")
    return newest


@dataclass(slots=True)
class BatchCounts:
    """What a batch did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0


def batch(
    db: Session, site: Site, account_id: uuid.UUID, *, upsert: Sequence[Draft], delete: Sequence[str]
) -> BatchCounts:
    """Write and delete many pages in one go, all or nothing; raises Invalid that lists each problem.

    Deletes go first, so that a page can move to a path that the same batch frees. Deleting what is not there is fine.
    """
    site = sites.lock(db, site)
    drafts = _checked_batch(db, site, upsert)
    gone = {page_key(path) for path in delete} - set(drafts)
    present = _at_keys(db, site, gone | set(drafts))
    counts = BatchCounts()
    for key in gone:
        if (page := present.pop(key, None)) is not None:
            db.delete(page)
            counts.deleted += 1
    db.flush()
    written = []
    for key, draft in drafts.items():
        page = present.get(key)
        if page is None:
            page = _new(site, draft)
            db.add(page)
            counts.created += 1
        elif draft.of_page_in(page.sector_id) == _draft_of(page):
            counts.unchanged += 1
            continue
        else:
            _apply(page, draft)
            counts.updated += 1
        written.append(page)
    db.flush()
    for page in written:
        _append_revision(db, site, page, account_id)
    if counts.created or counts.updated or counts.deleted:
        sites.content_changed(db, site)
    return counts


def _at_keys(db: Session, site: Site, keys: Set[str]) -> dict[str, Page]:
    """The pages whose paths have those keys."""
    query = select(Page).where(Page.site_id == site.id, Page.path_digest.in_(keys))
    return {page.path_digest: page for page in db.scalars(query)}


def _checked_batch(db: Session, site: Site, upsert: Sequence[Draft]) -> dict[str, Draft]:
    drafts: dict[str, Draft] = {}
    problems: list[FieldError] = []
    known = sectors.known(db, site, (draft.named_sector for draft in upsert))
    for index, draft in enumerate(upsert):
        if draft.named_sector is not None and draft.named_sector not in known:
            problems.append(FieldError("body", f"upsert.{index}.sector_id", sectors.FOREIGN))
        try:
            checked = _checked(site, draft)
        except Invalid as error:
            problems += [FieldError("body", f"upsert.{index}.{e.name}", e.message) for e in error.errors]
            continue
        key = page_key(checked.path)
        if key in drafts:
            problems.append(FieldError("body", f"upsert.{index}.path", f"{checked.path} is given twice"))
        drafts[key] = checked
    if problems:
        raise Invalid.all_of(problems)
    return drafts


def _checked(site: Site, draft: Draft) -> Draft:
    """The draft with its config's aliases resolved; raises Invalid that names all that is wrong."""
    if problems := draft.problems(site.mode):
        raise Invalid.of(problems)
    return draft.resolved()


def _new(site: Site, draft: Draft) -> Page:
    page = Page(id=uuid.uuid4(), site_id=site.id, sector_id=None, revision=0)
    _apply(page, draft)
    page.created_at = page.updated_at
    return page


def _draft_of(page: Page) -> Draft:
    """The page as it is."""
    return Draft(page.path, page.config, page.type, page.sector_id)


def _apply(page: Page, draft: Draft) -> None:
    page.type, page.path, page.path_digest = draft.type, draft.path, page_key(draft.path)
    page.config = draft.config
    if draft.sector_id is not UNSAID:
        page.sector_id = draft.sector_id
    page.revision += 1
    page.updated_at = now()


def _append_revision(db: Session, site: Site, page: Page, account_id: uuid.UUID) -> None:
    """Of a locked site, before `content_changed` moves its sequence to the one that the revision bears."""
    db.add(
        PageRevision(
            page_id=page.id,
            number=page.revision,
            site_id=page.site_id,
            type=page.type,
            path=page.path,
            meta=page.meta,
            content=page.content,
            account_id=account_id,
            content_sequence=site.content_sequence + 1,
        )
    )


def _path_taken(path: str) -> Conflict:
    shown = path if len(path) <= 200 else path[:200] + "…"
    return Conflict(f"The site has a page at {shown} already")
