"""Route factories: from a URL to the objects of the caller's tenant, with the caller's role there; else 404.

They run before the permission is checked. Whatever is not public asks for an identity first, so that a stranger
cannot tell what exists.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pyramid.request import Request

from pubsite.errors import Forbidden, NotFound
from pubsite.models import Deployment, Destination, Mode, Page, Publisher, PublishingRecord, Role, Sector, Site, now
from pubsite.security import Identity, Permission, may, require_identity
from pubsite.services import (
    deployments,
    destinations,
    members,
    page_html,
    pages,
    publishers,
    publishing_records,
    sectors,
    sites,
)


@dataclass(frozen=True, slots=True)
class Anybody:
    """A route that belongs to no tenant."""

    role: Role | None = None


@dataclass(frozen=True, slots=True)
class InPublisher:
    """A publisher, and the caller's role in it."""

    role: Role | None
    publisher: Publisher


@dataclass(frozen=True, slots=True)
class InSite:
    """A site of a publisher, and the caller's role there."""

    role: Role | None
    site: Site


@dataclass(frozen=True, slots=True)
class OfPage:
    """A page of a site, and the caller's role there."""

    role: Role | None
    site: Site
    page: Page


@dataclass(frozen=True, slots=True)
class OfDeployment:
    """A deployment record, and the caller's role in its publisher."""

    role: Role | None
    site: Site
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class OfDestination:
    """A destination, and the caller's role in its publisher."""

    role: Role | None
    destination: Destination


@dataclass(frozen=True, slots=True)
class OfRecord:
    """A publishing record, and the caller's role in its publisher."""

    role: Role | None
    site: Site
    record: PublishingRecord


@dataclass(frozen=True, slots=True)
class OfSector:
    """A sector of a site, and the caller's role in its publisher."""

    role: Role | None
    site: Site
    sector: Sector


def anybody(request: Request) -> Anybody:
    return Anybody()


def signed_in(request: Request) -> Anybody:
    require_identity(request)
    return Anybody()


def publisher(request: Request) -> InPublisher:
    """`{pubName}`."""
    identity = require_identity(request)
    found = publishers.find(request.db, request.matchdict["pubName"])
    return InPublisher(_role(request, identity, found.id), found)


def publisher_within_reach(request: Request) -> InPublisher:
    """`{pubName}` where the service asks for the role, once it has locked it: so the token's limits are asked here."""
    context = publisher(request)
    if not require_identity(request).reaches(context.publisher.id):
        raise Forbidden
    return context


def site(request: Request) -> InSite:
    """`{pubName}/{slug}`, the slug or the id; public to read."""
    return _site(request, public=request.method in ("GET", "HEAD"))


def site_or_deleted(request: Request) -> InSite:
    """`{pubName}/{slug}`, also of a site that is deleted and can be restored; only its members learn of that."""
    context = _site(request, public=False, or_deleted=True)
    if context.site.deleted_at is not None and context.role is None:
        raise NotFound("Site not found")
    return context


def site_of_member(request: Request) -> InSite:
    """`{pubName}/{slug}` where nothing is public."""
    return _site(request, public=False)


def _site(request: Request, *, public: bool, or_deleted: bool = False) -> InSite:
    identity = request.pubsite_identity if public else require_identity(request)
    asked = request.matchdict["pubName"], request.matchdict["slug"]
    account_id = None if identity is None else identity.account_id
    found, role = sites.find_for(request.db, *asked, account_id, or_deleted=or_deleted)
    reached = identity is not None and identity.reaches(found.publisher_id, found.id)
    return InSite(role if reached else None, found)


def page(request: Request) -> OfPage:
    """`{page_id}`; public to read, as long as it is published."""
    return _page(request, public=request.method in ("GET", "HEAD"))


def page_of_member(request: Request) -> OfPage:
    """`{page_id}` where nothing is public."""
    return _page(request, public=False)


def _page(request: Request, *, public: bool) -> OfPage:
    identity = request.pubsite_identity if public else require_identity(request)
    page_id = request.matchdict["page_id"]
    found = pages.get(request.db, uuid.UUID(page_id)) if publishers.is_uuid(page_id) else None
    owner = None if found is None else sites.get(request.db, found.site_id)
    if found is None or owner is None:
        raise NotFound("Page not found")
    role = _role(request, identity, owner.publisher_id, owner.id)
    # Whom nothing is public for, the permission is asked for next: a token that only writes may change a draft too.
    is_member = role is not None and not public
    if not is_member and not page_html.is_visible(found, now()) and not may(identity, role, Permission.READ):
        raise NotFound("Page not found")
    return OfPage(role, owner, found)


def tree(mode: Mode) -> Callable[[Request], InSite]:
    """`{site_id}` of a site whose tree holds files (SelfManaged) or assets (FullyManaged): 401, then 404, then 403."""
    missing = {
        Mode.SelfManaged: "Site not found or not self-managed",
        Mode.FullyManaged: "Site not found or not fully managed",
    }[mode]

    def factory(request: Request) -> InSite:
        identity = require_identity(request)
        found = sites.get(request.db, uuid.UUID(request.matchdict["site_id"]))
        if found is None or found.mode != mode:
            raise NotFound(missing)
        return InSite(_role(request, identity, found.publisher_id, found.id), found)

    return factory


def deployment(request: Request) -> OfDeployment:
    """`{deployment_id}`; another tenant's is 404."""
    identity = require_identity(request)
    found = deployments.get(request.db, uuid.UUID(request.matchdict["deployment_id"]))
    owner = None if found is None else sites.get(request.db, found.site_id)
    if found is None or owner is None:
        raise NotFound("Deployment not found")
    return OfDeployment(_tenant_role(request, identity, owner, "Deployment not found"), owner, found)


def sector(request: Request) -> OfSector:
    """`{sector_id}`; another tenant's is 404."""
    identity = require_identity(request)
    found = sectors.get(request.db, uuid.UUID(request.matchdict["sector_id"]))
    owner = None if found is None else sites.get(request.db, found.site_id)
    if found is None or owner is None:
        raise NotFound("Sector not found")
    return OfSector(_tenant_role(request, identity, owner, "Sector not found"), owner, found)


def site_by_id(request: Request) -> InSite:
    """`{site_id}` under `/api/v1/publisher`; another tenant's is 404."""
    return tenant_site(request, uuid.UUID(request.matchdict["site_id"]))


def site_in_body(request: Request, permission: Permission) -> InSite:
    """The site that a body names as `site_id`, for whoever has the permission there; another tenant's is 404."""
    context = tenant_site(request, request.validated["body"]["site_id"])
    if not may(require_identity(request), context.role, permission):
        raise Forbidden
    return context


def tenant_site(request: Request, site_id: uuid.UUID) -> InSite:
    """A site named in a body or a query under `/api/v1/publisher`; another tenant's is 404."""
    identity = require_identity(request)
    found = sites.get(request.db, site_id)
    if found is None:
        raise NotFound("Site not found")
    return InSite(_tenant_role(request, identity, found, "Site not found"), found)


def _role(
    request: Request, identity: Identity | None, publisher_id: uuid.UUID, site_id: uuid.UUID | None = None
) -> Role | None:
    """The caller's role in a publisher, for one of its sites or (None) for itself; as far as the token reaches."""
    if identity is None or not identity.reaches(publisher_id, site_id):
        return None
    return members.role_of(request.db, publisher_id, identity.account_id)


def _tenant_role(request: Request, identity: Identity, site: Site, missing: str) -> Role | None:
    role = _role(request, identity, site.publisher_id, site.id)
    if role is None and not identity.is_staff:
        raise NotFound(missing)
    return role


def destination(request: Request) -> OfDestination:
    """`{destination_id}`; another tenant's is 404, and one of another site than the token's too."""
    identity = require_identity(request)
    found = destinations.get(request.db, uuid.UUID(request.matchdict["destination_id"]))
    owner = None if found is None or found.site_id is None else sites.get(request.db, found.site_id)
    if found is None or (found.site_id is not None and owner is None):
        raise NotFound("Destination not found")
    role = _role(request, identity, found.publisher_id, found.site_id)
    if role is None and not identity.is_staff:
        raise NotFound("Destination not found")
    return OfDestination(role, found)


def publishing_record(request: Request) -> OfRecord:
    """`{record_id}`; another tenant's is 404."""
    identity = require_identity(request)
    found = publishing_records.get(request.db, uuid.UUID(request.matchdict["record_id"]))
    owner = None if found is None else sites.get(request.db, found.site_id)
    if found is None or owner is None:
        raise NotFound("Publishing record not found")
    return OfRecord(_tenant_role(request, identity, owner, "Publishing record not found"), owner, found)


def tenant_page(request: Request, page_id: uuid.UUID) -> OfPage:
    """A page named in a body or a query under `/api/v1/publisher`; another tenant's is 404."""
    identity = require_identity(request)
    found = pages.get(request.db, page_id)
    owner = None if found is None else sites.get(request.db, found.site_id)
    if found is None or owner is None:
        raise NotFound("Page not found")
    return OfPage(_tenant_role(request, identity, owner, "Page not found"), owner, found)


def tenant_publisher(request: Request, publisher_id: uuid.UUID) -> InPublisher:
    """A publisher named in a body under `/api/v1/publisher`; another tenant's is 404."""
    identity = require_identity(request)
    found = publishers.get(request.db, publisher_id)
    role = None if found is None else _role(request, identity, found.id)
    if found is None or (role is None and not identity.is_staff):
        raise NotFound("Publisher not found")
    return InPublisher(role, found)
