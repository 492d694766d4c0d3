"""A page, and one of its revisions, as answers show them."""

from __future__ import annotations

from typing import Any

from pubsite.api import present, time
from pubsite.models import Page, PageRevision, PageType
from pubsite.schema import Choice, Identifier, Instant, Integer, Object, Text, optional, required
from pubsite.views.page_config import CONFIG

MOST_PAGE_BYTES = 67_108_864  # of the pages in one answer


class PageObject(Object):
    """A page: what its path shows, or where it leads."""

    id = required(Identifier())
    type = required(Choice(*PageType))
    path = required(Text(1, 8192))
    config = required(CONFIG.typ)
    site_id = required(Identifier())
    sector_id = optional(Identifier())
    revision = required(Integer(1))
    created_at = required(Instant())
    updated_at = required(Instant())


class RevisionObject(Object):
    """One state of a page, as it was written then; lists leave `config` out."""

    page_id = required(Identifier())
    revision = required(Integer(1))
    type = required(Choice(*PageType))
    path = required(Text(1, 8192))
    config = optional(CONFIG.typ)
    account_id = optional(Identifier())
    created_at = required(Instant())


def page_json(page: Page) -> dict[str, Any]:
    """A page as answers show it."""
    return present(
        id=str(page.id),
        type=page.type,
        path=page.path,
        config=page.config,
        site_id=str(page.site_id),
        sector_id=None if page.sector_id is None else str(page.sector_id),
        revision=page.revision,
        created_at=time(page.created_at),
        updated_at=time(page.updated_at),
    )


def page_tag(page: Page) -> str:
    """The entity tag of a page: with every change of it a new revision comes, but for the end of its sector."""
    return f'"{page.revision}"' if page.sector_id is None else f'"{page.revision}.{page.sector_id.hex[:8]}"'


def revision_json(revision: PageRevision, *, whole: bool = True) -> dict[str, Any]:
    """A revision as answers show it."""
    return present(
        page_id=str(revision.page_id),
        revision=revision.number,
        type=revision.type,
        path=revision.path,
        config=revision.config if whole else None,
        account_id=None if revision.account_id is None else str(revision.account_id),
        created_at=time(revision.created_at),
    )
