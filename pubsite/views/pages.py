"""Pages: `/api/sites/{pubName}/{slug}/pages`, `/api/sites/pages/{page_id}`, `/api/sites/site/{slug}/page`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Set
from dataclasses import asdict, fields
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.api.conditions import require_match, tagged
from pubsite.api.paging import Paged, paged, path_key
from pubsite.errors import MOST_PROBLEMS, FieldError, Invalid
from pubsite.models import Page, PageType, Site
from pubsite.models.drafts import Draft
from pubsite.models.paths import page_path_problem
from pubsite.schema import (
    MAX_INTEGER,
    Boolean,
    Choice,
    Identifier,
    Integer,
    ListOf,
    Object,
    OpenObject,
    Text,
    many,
    optional,
    required,
)
from pubsite.security import PUBLIC, Permission
from pubsite.services import page_html, page_lists, pages, sectors
from pubsite.views.page_config import CONFIG, CONFIGS, PAGE_TYPE, draft_of
from pubsite.views.page_objects import MOST_PAGE_BYTES, PageObject, page_json, page_tag

UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class PageCreate(Object):
    """The body of POST; its config is checked by the page's type."""

    variants = ("type", "config", CONFIGS)
    type = colander.SchemaNode(PAGE_TYPE, missing=PageType.HtmlPage)
    path = colander.SchemaNode(Text(1, 8192), missing="/", described="PagePath")
    sector_id = optional(Identifier(), nullable=True)
    config = CONFIG


class PageUpdate(Object):
    """The body of PATCH: what is left out stays; a config that is sent replaces the whole one."""

    variants = ("type", "config", CONFIGS)
    id = optional(Identifier())
    type = optional(PAGE_TYPE)
    path = optional(Text(1, 8192), described="PagePath")
    sector_id = optional(Identifier(), nullable=True)
    config = CONFIG


class PagePut(Object):
    """A page of a batch."""

    variants = ("type", "config", CONFIGS)
    type = colander.SchemaNode(PAGE_TYPE, missing=PageType.HtmlPage)
    path = required(Text(1, 8192), described="PagePath")
    sector_id = optional(Identifier(), nullable=True)
    config = CONFIG


class Batch(Object):
    """Pages to write and paths to delete, 1,000 of each at most."""

    upsert = colander.SchemaNode(ListOf(PagePut()), missing=())
    delete = colander.SchemaNode(ListOf(required(Text(1, 8192), described="PagePath")), missing=())


class BatchCounts(Object):
    """What a batch did, in pages."""

    created = required(Integer(0))
    updated = required(Integer(0))
    unchanged = required(Integer(0))
    deleted = required(Integer(0))


class Listing(Paged):
    """Which pages: all filters must be met. `q` is looked for in path, title, description and content."""

    path_prefix = optional(Text(1, 8192))
    type = optional(Choice(*PageType))
    draft = optional(Boolean(text=True))
    tag = optional(Text(1, 255))
    sector_id = optional(Identifier())
    q = optional(Text(1, 255))


class RenderedPage(PageObject):
    """A published page, with its body as HTML, or where it leads."""

    html = optional(Text(0, MAX_INTEGER))
    location = optional(Text(1, 8192))


class AtPath(OpenObject):
    """Which page to render."""

    path = colander.SchemaNode(Text(1, 8192), missing="/")
    publisher = optional(Text(1, 63))


rendered = Service("page.rendered", "/api/sites/site/{slug}/page", contexts.anybody)
one = Service("page", "/api/sites/pages/{page_id}", contexts.page)
batched = Service("pages.batch", "/api/sites/{pubName}/{slug}/pages:batch", contexts.site_of_member)
collection = Service("pages", "/api/sites/{pubName}/{slug}/pages", contexts.site_of_member)


@rendered.on("GET", permission=PUBLIC, query=AtPath(), answer=RenderedPage(), tagged=True)
def render(request: Request) -> Any:
    """The published page at a path, with its body as HTML, or where it leads."""
    query = request.validated["querystring"]
    site, page = page_html.published_page(request.db, request.matchdict["slug"], query.get("publisher"), query["path"])
    return tagged(request, {**page_json(page), **page_html.answer(request.registry.page_bodies, site, page)})


@one.on("GET", permission=PUBLIC, answer=PageObject(), tagged=True)
def get(request: Request) -> Any:
    """One page; what is not published now is for members only."""
    page = request.context.page
    return tagged(request, page_json(page), page_tag(page))


@one.on("PATCH", permission=Permission.WRITE, body=PageUpdate(), answer=PageObject(), conflicts=True, tagged=True)
def update(request: Request) -> Any:
    """Change a page. Every change is a revision."""
    context, changes = request.context, request.validated["body"]
    if changes.pop("id", context.page.id) != context.page.id:
        raise Invalid.field("id", "must equal the id in the URL")
    require_page_match(request)
    page, account_id = context.page, request.pubsite_identity.account_id
    present = {"type": page.type, "path": page.path, "config": page.config}
    asked = draft_of(context.site, {**present, **changes}, sectors=_sectors(request, [changes]))
    if "config" in changes:
        changes["config"] = asked.config
    return page_answer(request, pages.update(request.db, context.site, page, account_id, changes))


@one.on("DELETE", permission=Permission.WRITE, status=204, tagged=True)
def delete(request: Request) -> None:
    """Delete a page."""
    require_page_match(request)
    pages.remove(request.db, request.context.site, request.context.page)


@collection.on("GET", permission=Permission.READ, query=Listing(), answer=many(PageObject()))
def list_pages(request: Request) -> list[dict[str, Any]]:
    """Pages of a site with their content, by path."""
    query, site = request.validated["querystring"], request.context.site
    filters = page_lists.Filters(**{f.name: query[f.name] for f in fields(page_lists.Filters) if f.name in query})
    rows = paged(
        request,
        lambda part: page_lists.list_of_site(request.db, site, filters, part, most_bytes=MOST_PAGE_BYTES),
        key=lambda page: (page.path,),
        parse=(path_key,),
    )
    return [page_json(page) for page in rows]


@collection.on("POST", permission=Permission.WRITE, body=PageCreate(), answer=PageObject(), conflicts=True)
def create(request: Request) -> Any:
    """Make a page."""
    site, account_id = request.context.site, request.pubsite_identity.account_id
    body = request.validated["body"]
    draft = draft_of(site, body, sectors=_sectors(request, [body]))
    return page_answer(request, pages.create(request.db, site, account_id, draft))


@batched.on("POST", permission=Permission.WRITE, body=Batch(), answer=BatchCounts(), conflicts=True)
def batch(request: Request) -> dict[str, int]:
    """Write and delete many pages: all of it, or nothing."""
    body, site = request.validated["body"], request.context.site
    drafts = _drafts(site, body, _sectors(request, body["upsert"]))
    account_id = request.pubsite_identity.account_id
    return asdict(pages.batch(request.db, site, account_id, upsert=drafts, delete=body["delete"]))


def _sectors(request: Request, bodies: Iterable[dict[str, Any]]) -> Set[uuid.UUID]:
    """Which of the sectors that some pages name are the site's. The service asks again, once it has locked the site."""
    return sectors.known(request.db, request.context.site, (body.get("sector_id") for body in bodies))


def _drafts(site: Site, body: dict[str, Any], known: Set[uuid.UUID]) -> list[Draft]:
    """The pages that a batch writes; raises Invalid that lists what is wrong with any of its members."""
    problems: list[FieldError] = []
    drafts: list[Draft] = []
    for index, put in enumerate(body["upsert"]):
        try:
            drafts.append(draft_of(site, put, f"upsert.{index}.", sectors=known))
        except Invalid as error:
            problems += error.errors
            if len(problems) >= 10 * MOST_PROBLEMS:  # each page can have as many
                break
    for index, path in enumerate(body["delete"]):
        if problem := page_path_problem(path):
            problems.append(FieldError("body", f"delete.{index}", problem))
    if problems:
        raise Invalid.all_of(problems)
    return drafts


def require_page_match(request: Request) -> None:
    """Obey If-Match for the page of the context."""
    context = request.context
    require_match(request, lambda: page_tag(pages.lock(request.db, context.site, context.page)))


def page_answer(request: Request, page: Page) -> Any:
    """A page after a write."""
    return tagged(request, page_json(page), page_tag(page))


def includeme(config: Configurator) -> None:
    for service in (rendered, one, batched, collection):
        config.add_cornice_service(service)
