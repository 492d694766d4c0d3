"""Sectors of sites: `/api/v1/publisher/sectors/` and `sectors/{sector_id}/`."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import require_match, tag_of, tagged_data
from pubsite.api.numbered import NumberedOfNobody, filters, numbered, ordering, viewer, window
from pubsite.errors import Invalid
from pubsite.models import Sector
from pubsite.schema import SLUG, Identifier, Instant, Object, Text, many, optional, required
from pubsite.security import PUBLIC, Permission
from pubsite.services import sectors, visibility
from pubsite.views.pages import UUID

BASE = "/api/v1/publisher/sectors"
NAME = Text(1, sectors.LENGTH)
SLUG_TEXT = Text(1, sectors.LENGTH, SLUG, "lower-case letters, digits and single hyphens between them, and no UUID")


class SectorCreate(Object):
    """The body of POST; a slug that is left out is made of the name."""

    site_id = required(Identifier())
    name = required(NAME)
    slug = optional(SLUG_TEXT)


class SectorPut(Object):
    """The body of PUT. Its site never changes; it is here to say so."""

    site_id = optional(Identifier(), hidden=True)
    name = required(NAME)
    slug = required(SLUG_TEXT)


class SectorUpdate(Object):
    """The body of PATCH: what is left out stays. Its site never changes; it is here to say so."""

    site_id = optional(Identifier(), hidden=True)
    name = optional(NAME)
    slug = optional(SLUG_TEXT)


class Listing(NumberedOfNobody):
    """Which sectors, and which page of them."""

    ordering = ordering("created_at", "name", "slug")


class SectorObject(Object):
    """A named part of a site."""

    id = required(Identifier())
    publisher_id = required(Identifier())
    site_id = required(Identifier())
    name = required(Text(1, sectors.LENGTH))
    slug = required(Text(1, sectors.LENGTH))
    created_at = required(Instant())
    updated_at = required(Instant())


def sector_json(sector: Sector) -> dict[str, Any]:
    """A sector as answers show it."""
    return present(
        id=str(sector.id),
        publisher_id=str(sector.publisher_id),
        site_id=str(sector.site_id),
        name=sector.name,
        slug=sector.slug,
        created_at=time(sector.created_at),
        updated_at=time(sector.updated_at),
    )


collection = Service("sectors", BASE, contexts.signed_in)
one = Service("sector", f"{BASE}/{{sector_id:{UUID}}}", contexts.sector)


@collection.on("GET", permission=Permission.SIGNED_IN, query=Listing(), answer=many(SectorObject()))
def list_sectors(request: Request) -> dict[str, Any]:
    """Sectors of the sites that I may read, the newest first."""
    asked = filters(request, ("publisher_id", "site_id"))
    count, listed = visibility.listed(request.db, Sector, viewer(request), asked, window(request))
    return numbered(request, count, listed, sector_json)


def _asked_site(request: Request) -> contexts.InSite:
    """The site that the body names, for whoever may write there."""
    return contexts.site_in_body(request, Permission.WRITE)


# The site stands in the body: who may write there is asked in the handler. The factory has refused the anonymous.
@collection.on(
    "POST",
    permission=PUBLIC,
    scope_of=Permission.WRITE,
    body=SectorCreate(),
    answer=SectorObject(),
    status=201,
    conflicts=True,
    recheck=_asked_site,
)
def create(request: Request) -> Any:
    """Make a sector."""
    body, site = request.validated["body"], _asked_site(request).site
    made = sectors.create(request.db, site, name=body["name"], slug=body.get("slug"))
    return tagged_data(request, sector_json(made))


@one.on("GET", permission=Permission.READ, answer=SectorObject(), tagged=True)
def get(request: Request) -> Any:
    """One sector."""
    return tagged_data(request, sector_json(request.context.sector))


@one.on("PUT", permission=Permission.WRITE, body=SectorPut(), answer=SectorObject(), conflicts=True, tagged=True)
def replace(request: Request) -> Any:
    """Give a sector another name and slug."""
    return _change(request)


@one.on("PATCH", permission=Permission.WRITE, body=SectorUpdate(), answer=SectorObject(), conflicts=True, tagged=True)
def update(request: Request) -> Any:
    """Change a sector; what is left out stays."""
    return _change(request)


@one.on("DELETE", permission=Permission.WRITE, status=204, tagged=True)
def delete(request: Request) -> None:
    """Delete a sector. Pages, records and destinations that carry it lose it, and stay."""
    _require_match(request)
    sectors.remove(request.db, request.context.site, request.context.sector)


def _change(request: Request) -> Any:
    context, changes = request.context, request.validated["body"]
    if changes.pop("site_id", context.site.id) != context.site.id:
        raise Invalid.field("site_id", "cannot change: a sector stays in its site")
    _require_match(request)
    changed = sectors.update(request.db, context.site, context.sector, changes)
    return tagged_data(request, sector_json(changed))


def _require_match(request: Request) -> None:
    context = request.context
    require_match(request, lambda: tag_of(sector_json(sectors.lock(request.db, context.site, context.sector))))


def includeme(config: Configurator) -> None:
    for service in (collection, one):
        config.add_cornice_service(service)
