"""Sectors: named parts of a site. Whoever removes one locks its site, as does whoever puts a page into one."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable, Set
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, NotFound
from pubsite.models import Sector, Site, now, text_digest
from pubsite.services import publishers, sites
from pubsite.services.constraints import flush_unique, insert_unique

LENGTH = 255
FOREIGN = "must be a sector of this site"


def get(db: Session, sector_id: uuid.UUID) -> Sector | None:
    return db.get(Sector, sector_id)


def create(db: Session, site: Site, *, name: str, slug: str | None = None) -> Sector:
    """A new sector, its slug made of the name where none is given; raises Conflict when the slug is taken."""
    site = sites.lock(db, site)
    slug = slug or slug_of(name)
    sector = Sector(id=uuid.uuid4(), publisher_id=site.publisher_id, site_id=site.id, name=name, slug=slug)
    sector.created_at = sector.updated_at = now()
    insert_unique(db, sector, _slug_taken(slug))
    return sector


def slug_of(name: str) -> str:
    """The slug of a name: its Latin letters without their marks and its digits; of a name without any, a digest."""
    marked = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in marked if not unicodedata.combining(letter))
    slug = "-".join(re.findall("[a-z0-9]+", plain))[:LENGTH].strip("-")
    return f"sector-{text_digest(name)[:8]}" if not slug or publishers.is_uuid(slug) else slug


def lock(db: Session, site: Site, sector: Sector) -> Sector:
    """The sector as it is now, which nobody else changes until the transaction ends; raises NotFound without it."""
    sites.lock(db, site)
    return _newest(db, sector)


def _newest(db: Session, sector: Sector) -> Sector:
    newest = db.scalar(select(Sector).where(Sector.id == sector.id), execution_options={"populate_existing": True})
    if newest is None:
        raise NotFound("Sector not found")
    return newest


def update(db: Session, site: Site, sector: Sector, changes: dict[str, Any]) -> Sector:
    """Apply what was sent of `name` and `slug`; raises Conflict when the slug is taken."""
    sector = lock(db, site, sector)
    changed = {name: value for name, value in changes.items() if getattr(sector, name) != value}
    if not changed:
        return sector
    for name, value in changed.items():
        setattr(sector, name, value)
    sector.updated_at = now()
    flush_unique(db, _slug_taken(sector.slug))
    return sector


def remove(db: Session, site: Site, sector: Sector) -> None:
    """Delete a sector. What carried it loses it, by the foreign keys."""
    site, sector = sites.lock(db, site), _newest(db, sector)
    db.delete(sector)
    site.revision += 1  # its entity tag covers its pages, which show no sector from now on
    db.flush()


def known(db: Session, site: Site, sector_ids: Iterable[uuid.UUID | None]) -> Set[uuid.UUID]:
    """Those of some ids that are sectors of the site; None is nobody's."""
    named = {sector_id for sector_id in sector_ids if sector_id is not None}
    if not named:
        return frozenset()
    return set(db.scalars(select(Sector.id).where(Sector.site_id == site.id, Sector.id.in_(named))))


def require(db: Session, site: Site, sector_id: uuid.UUID | None) -> None:
    """Raise Invalid that names `sector_id`, unless it is none or a sector of the site, which then stays one.

    Until the transaction ends nobody removes it: else a row that names it would be refused by its foreign key.
    """
    if sector_id is None:
        return
    query = select(Sector.id).where(Sector.id == sector_id, Sector.site_id == site.id)
    if db.scalar(query.with_for_update(read=True, key_share=True)) is None:
        raise Invalid.field("sector_id", FOREIGN)


def kept(db: Session, sector_id: uuid.UUID | None) -> uuid.UUID | None:
    """A sector that another row names, as long as it is there: then it stays until the transaction ends; else None."""
    if sector_id is None:
        return None
    return db.scalar(select(Sector.id).where(Sector.id == sector_id).with_for_update(read=True, key_share=True))


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"The site has a sector {slug} already")
