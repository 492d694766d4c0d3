"""The pages of a site, read: all of them, or those that pass filters; in parts, and never more than asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from pubsite.errors import LimitExceeded
from pubsite.models import Page, Site
from pubsite.services.listing import WHOLE, CutShort, Slice, cut

# How many rows are read at once where not all are wanted in the end: each can have a mebibyte.
_PORTION = 100

_ALL = select(Page).where(Page.site_id == bindparam("site_id")).order_by(Page.path).limit(_PORTION)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which pages of a site; `q` is looked for in path, title, description and content, whatever the case."""

    path_prefix: str | None = None
    type: str | None = None
    draft: bool | None = None
    tag: str | None = None
    sector_id: uuid.UUID | None = None
    q: str | None = None

    def take(self, page: Page) -> bool:
        """What the database is not asked: both would compare and fold in ways of their own."""
        if self.draft is not None and (page.meta.get("draft") is True) is not self.draft:
            return False
        if self.tag is not None and self.tag not in _list(page.meta.get("tags")):
            return False
        return self.q is None or self.q.casefold() in _text(page).casefold()


def list_of_site(
    db: Session,
    site: Site,
    filters: Filters | None = None,
    part: Slice = WHOLE,
    *,
    most_bytes: int | None = None,
) -> Sequence[Page]:
    """The pages of a site that pass the filters, by path in the order of code points; their key is `(path,)`.

    most_bytes: beyond that a part ends early, as CutShort, and the whole raises LimitExceeded.
    """
    filters = filters or Filters()
    found: list[Page] = []
    total = 0
    for page in _rows(db, _query(site, filters, part.after)):
        if not filters.take(page):
            continue
        total += _size(page)
        if most_bytes is not None and total > most_bytes:
            if part.limit is None:
                raise LimitExceeded(f"The pages have over {most_bytes} bytes: read them in parts, with limit")
            if found:
                return CutShort(found)
        found.append(page)
        if len(found) == part.limit:
            break
    return found


def _size(page: Page) -> int:
    return len((page.content or "").encode()) + len(str(page.meta))


def all_within(db: Session, site: Site, most_bytes: int) -> Sequence[Page]:
    """All pages of a site, by path; raises LimitExceeded when they are longer together, having read no more."""
    found: list[Page] = []
    total = 0
    for page in _rows(db, _ALL, site_id=site.id):
        total += _size(page)
        if total > most_bytes:
            raise LimitExceeded(f"The pages of the site have over {most_bytes} bytes: read them by its page list")
        found.append(page)
    return found


def _query(site: Site, filters: Filters, after: tuple[Any, ...] | None) -> Select[Page]:
    query = cut(select(Page).where(Page.site_id == site.id), (Page.path,), Slice(_PORTION, after))
    if filters.type is not None:
        query = query.where(Page.type == filters.type)
    if filters.sector_id is not None:
        query = query.where(Page.sector_id == filters.sector_id)
    if filters.path_prefix is not None:  # LIKE folds case on SQLite
        query = query.where(func.substr(Page.path, 1, len(filters.path_prefix)) == filters.path_prefix)
    return query


def _rows(db: Session, query: Select[Page], **values: Any) -> Iterator[Page]:
    """The rows, by path: the first ones in one go, and what is beyond as it is read, so that who has enough leaves it.

    Not all of them so: on PostgreSQL that is a cursor, three round trips where most sites need one.
    """
    first = db.scalars(query, values).all()
    yield from first
    if len(first) < _PORTION:
        return
    rest = query.limit(None).where(Page.path > first[-1].path)
    with db.scalars(rest, values, execution_options={"yield_per": _PORTION}) as rows:
        yield from rows


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(page: Page) -> str:
    words = (page.path, page.meta.get("title"), page.meta.get("description"), page.content)
    return "\n".join(word for word in words if isinstance(word, str))
