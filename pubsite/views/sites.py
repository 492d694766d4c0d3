"""Sites: `/api/sites/me`, `/api/sites/{pubName}` and `/api/sites/{pubName}/{slug}` (the slug or the id)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.api.conditions import not_modified, require_match, tagged
from pubsite.api.paging import Paged, id_key, paged, time_key
from pubsite.errors import LimitExceeded
from pubsite.models import Mode, Site, now, text_digest
from pubsite.schema import SLUG, Choice, Identifier, Instant, Integer, Object, Text, many, optional, required
from pubsite.security import PUBLIC, Permission, may
from pubsite.services import page_html, page_lists, quotas, sites
from pubsite.services.listing import Slice
from pubsite.services.quotas import Usage
from pubsite.settings import Settings
from pubsite.views.page_objects import MOST_PAGE_BYTES, PageObject, page_json
from pubsite.views.site_config import PRIVATE, SiteConfig

MODE = Choice(*Mode, aliases={0: Mode.FullyManaged, 1: Mode.SelfManaged})
SLUG_TEXT = Text(1, 4096, SLUG, "lower-case letters, digits and single hyphens between them, and no UUID")


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


class SiteObject(Object):
    """A site."""

    id = required(Identifier())
    slug = required(Text(1, 4096))
    name = required(Text(1, 4096))
    description = optional(Text(0, 8192))
    mode = required(Choice(*Mode))
    config = SiteConfig()
    publisher_id = required(Identifier())
    account_id = required(Identifier())
    host_label = required(Text(1, 40))
    url = required(Text(1, 8192))
    live_version = optional(Integer(1))
    created_at = required(Instant())
    updated_at = required(Instant())


class WholeSite(SiteObject):
    """A site with its pages; a write leaves these out where they are over 64 MiB together."""

    pages = optional(many(PageObject()))


class Amount(Object):
    """How much of what is allowed."""

    used = required(Integer(0))
    allowed = required(Integer(0))


class QuotaObject(Object):
    """What a publisher uses of what it may have; each of its sites may have so many bytes and files."""

    publisher_id = required(Identifier())
    publisher = required(Text(1, 63))
    sites = Amount()
    bytes = Amount()
    files = Amount()
    bytes_per_site = required(Integer(0))
    files_per_site = required(Integer(0))


def quota_json(usage: Usage, settings: Settings) -> dict[str, Any]:
    """A publisher's usage as responses show it."""
    sites, of_bytes, of_files = settings.sites_per_publisher, settings.site_size_limit, settings.site_files_limit
    return {
        "publisher_id": str(usage.publisher_id),
        "publisher": usage.publisher,
        "sites": {"used": usage.sites, "allowed": sites},
        "bytes": {"used": usage.bytes, "allowed": sites * of_bytes},
        "files": {"used": usage.files, "allowed": sites * of_files},
        "bytes_per_site": of_bytes,
        "files_per_site": of_files,
    }


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


def site_tag(request: Request, site: Site) -> str:
    """The entity tag of a site with its pages, as members see it: all of that moves one of these counters."""
    url = text_digest(site_url(request, site))[:8]
    return f'"{site.revision}.{site.content_sequence}.{site.live_version or 0}.{url}"'


def whole_site(request: Request, site: Site) -> dict[str, Any]:
    """A site with its pages, for its members."""
    listed = page_lists.all_within(request.db, site, MOST_PAGE_BYTES)
    return {**site_json(request, site), "pages": [page_json(page) for page in listed]}


def public_site(request: Request, site: Site) -> dict[str, Any]:
    """A site with its pages, for everybody: without drafts, pages of another time, and private config."""
    present_time, listed = now(), page_lists.all_within(request.db, site, MOST_PAGE_BYTES)
    shown = [page_json(page) for page in listed if page_html.is_visible(page, present_time)]
    return {**site_json(request, site, for_members=False), "pages": shown}


def changed_site(request: Request, site: Site) -> dict[str, Any]:
    """A site after a write, with its pages unless they are too long together: what was done stays done."""
    request.response.headers["ETag"] = site_tag(request, site)
    try:
        return whole_site(request, site)
    except LimitExceeded:
        return site_json(request, site)


def _require_match(request: Request, site: Site) -> None:
    require_match(request, lambda: site_tag(request, sites.lock(request.db, site)))


mine = Service("sites.mine", "/api/sites/me", contexts.signed_in)
quota = Service("sites.quota", "/api/sites/quota", contexts.signed_in)
collection = Service("sites", "/api/sites/{pubName}", contexts.publisher)
one = Service("site", "/api/sites/{pubName}/{slug}", contexts.site)
restored = Service("site.restore", "/api/sites/{pubName}/{slug}/restore", contexts.site_or_deleted)


@mine.on("GET", permission=Permission.SIGNED_IN, query=Paged(), answer=many(SiteObject()))
def list_mine(request: Request) -> list[dict[str, Any]]:
    """Sites of all publishers that I am a member of, the oldest first."""
    who = request.pubsite_identity
    reach = {"publisher_id": who.publisher_id, "site_id": who.site_id}
    return _listed(request, lambda part: sites.list_of_account(request.db, who.account_id, part, **reach))


@quota.on("GET", permission=Permission.SIGNED_IN, answer=many(QuotaObject()))
def get_quota(request: Request) -> list[dict[str, Any]]:
    """What my publishers use of what they may have."""
    who, settings = request.pubsite_identity, request.registry.settings_of_pubsite
    if who.site_id is not None:  # a token for one site does not reach its publisher
        return []
    return [quota_json(usage, settings) for usage in quotas.of_account(request.db, who.account_id, who.publisher_id)]


@collection.on("GET", permission=Permission.READ, query=Paged(), answer=many(SiteObject()))
def list_sites(request: Request) -> list[dict[str, Any]]:
    """Sites of a publisher, the oldest first."""
    return _listed(request, lambda part: sites.list_of_publisher(request.db, request.context.publisher, part))


@collection.on("POST", permission=Permission.WRITE, body=SiteCreate(), answer=WholeSite(), conflicts=True)
def create(request: Request) -> dict[str, Any]:
    """Make a site."""
    body = request.validated["body"]
    limit = request.registry.settings_of_pubsite.sites_per_publisher
    account_id = request.pubsite_identity.account_id
    body["config"] = {key: value for key, value in body.get("config", {}).items() if value is not None}
    site = sites.create(request.db, request.context.publisher, account_id, limit=limit, **body)
    request.response.headers["ETag"] = site_tag(request, site)
    return {**site_json(request, site), "pages": []}


@one.on("GET", permission=PUBLIC, answer=WholeSite(), tagged=True)
def get(request: Request) -> Any:
    """A site with its pages as they are saved. Drafts and private config are for members only."""
    site = request.context.site
    if not may(request.pubsite_identity, request.context.role, Permission.READ):
        return tagged(request, public_site(request, site))
    tag = site_tag(request, site)
    return not_modified(request, tag) or tagged(request, whole_site(request, site), tag)


@one.on("PATCH", permission=Permission.WRITE, body=SiteUpdate(), answer=WholeSite(), conflicts=True, tagged=True)
def update(request: Request) -> dict[str, Any]:
    """Change a site. `config` is merged at its top level, null removes a key."""
    _require_match(request, request.context.site)
    return changed_site(request, sites.update(request.db, request.context.site, request.validated["body"]))


@one.on("DELETE", permission=Permission.WRITE, status=204, tagged=True)
def delete(request: Request) -> None:
    """Delete a site: off the air at once, gone with all that is in it after 30 days."""
    _require_match(request, request.context.site)
    sites.remove(request.db, request.context.site)


@restored.on("POST", permission=Permission.RESTORE, answer=WholeSite(), conflicts=True)
def restore(request: Request) -> dict[str, Any]:
    """Bring back a site that was deleted within 30 days."""
    return changed_site(request, sites.restore(request.db, request.context.site))


def _listed(request: Request, listing: Callable[[Slice], Sequence[Site]]) -> list[dict[str, Any]]:
    rows = paged(request, listing, key=lambda site: (site.created_at, site.id), parse=(time_key, id_key))
    return [site_json(request, site) for site in rows]


def includeme(config: Configurator) -> None:
    for service in (mine, quota, collection, one, restored):
        config.add_cornice_service(service)
