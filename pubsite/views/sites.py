"""Sites: `/api/sites/me`, `/api/sites/{pubName}` and `/api/sites/{pubName}/{slug}` (the slug or the id)."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.errors import Invalid
from pubsite.models import Mode, Site, now
from pubsite.schema import SLUG, Choice, Object, Text, optional, required
from pubsite.security import PUBLIC, Permission, may
from pubsite.services import page_html, pages, publishers, sites
from pubsite.settings import Settings
from pubsite.views.pages import page_json
from pubsite.views.site_config import PRIVATE, SiteConfig

MODE = Choice(*Mode, aliases={0: Mode.FullyManaged, 1: Mode.SelfManaged})
SLUG_TEXT = Text(1, 4096, SLUG, "lower-case letters, digits and single hyphens between them")


class SiteCreate(Object):
    """The body of POST."""

    slug = required(SLUG_TEXT)
    name = required(Text(1, 4096))
    description = optional(Text(0, 8192), nullable=True)
    mode = colander.SchemaNode(MODE, missing=Mode.FullyManaged)
    config = SiteConfig(missing=colander.drop)


class SiteUpdate(Object):
    """The body of PATCH: what is left out stays."""

    slug = optional(SLUG_TEXT)
    name = optional(Text(1, 4096))
    description = optional(Text(0, 8192), nullable=True)
    mode = optional(MODE)
    config = SiteConfig(missing=colander.drop)


def site_json(request: Request, site: Site, *, for_members: bool = True) -> dict[str, Any]:
    """A site as lists show it; strangers do not see the private part of its config."""
    config = site.config if for_members else {key: v for key, v in site.config.items() if key not in PRIVATE}
    return present(
        id=str(site.id),
        slug=site.slug,
        name=site.name,
        description=site.description,
        mode=site.mode,
        config=config,
        publisher_id=str(site.publisher_id),
        account_id=str(site.account_id),
        host_label=site.host_label,
        url=site_url(request, site),
        live_version=site.live_version,
        created_at=time(site.created_at),
        updated_at=time(site.updated_at),
    )


def site_url(request: Request, site: Site) -> str:
    """Where the site is live, by the settings and by the scheme and port of the request."""
    settings: Settings = request.registry.settings_of_pubsite
    return settings.site_url(site.host_label, scheme=request.scheme, port=int(request.host_port or 0) or None)


def whole_site_json(request: Request, site: Site) -> dict[str, Any]:
    """A site with its pages; drafts and future pages for members only."""
    role = request.context.role
    for_members = may(request.pubsite_identity, role, Permission.READ)
    present_time = now()
    listed = [
        page_json(page)
        for page in pages.list_of_site(request.db, site)
        if for_members or page_html.is_visible(page, present_time)
    ]
    return {**site_json(request, site, for_members=for_members), "pages": listed}


mine = Service("sites.mine", "/api/sites/me", contexts.signed_in)
collection = Service("sites", "/api/sites/{pubName}", contexts.publisher)
one = Service("site", "/api/sites/{pubName}/{slug}", contexts.site)


@mine.on("GET", permission=Permission.SIGNED_IN)
def list_mine(request: Request) -> list[dict[str, Any]]:
    account_id = request.pubsite_identity.account_id
    return [site_json(request, site) for site in sites.list_of_account(request.db, account_id)]


@collection.on("GET", permission=Permission.READ)
def list_sites(request: Request) -> list[dict[str, Any]]:
    listed = sites.list_of_publisher(request.db, request.context.publisher)
    return [site_json(request, site) for site in listed]


@collection.on("POST", permission=Permission.WRITE, body=SiteCreate())
def create(request: Request) -> dict[str, Any]:
    body = request.validated["body"]
    if publishers.is_uuid(body["slug"]):
        raise Invalid.field("slug", "must not look like a UUID")
    limit = request.registry.settings_of_pubsite.sites_per_publisher
    account_id = request.pubsite_identity.account_id
    body["config"] = {key: value for key, value in body.get("config", {}).items() if value is not None}
    site = sites.create(request.db, request.context.publisher, account_id, limit=limit, **body)
    return {**site_json(request, site), "pages": []}


@one.on("GET", permission=PUBLIC)
def get(request: Request) -> dict[str, Any]:
    return whole_site_json(request, request.context.site)


@one.on("PATCH", permission=Permission.WRITE, body=SiteUpdate())
def update(request: Request) -> dict[str, Any]:
    changes = request.validated["body"]
    if publishers.is_uuid(changes.get("slug", "")):
        raise Invalid.field("slug", "must not look like a UUID")
    return whole_site_json(request, sites.update(request.db, request.context.site, changes))


@one.on("DELETE", permission=Permission.WRITE, status=204)
def delete(request: Request) -> None:
    sites.remove(request.db, request.context.site)


def includeme(config: Configurator) -> None:
    for service in (mine, collection, one):
        config.add_cornice_service(service)
