"""Pages: `/api/sites/{pubName}/{slug}/pages`, `/api/sites/pages/{page_id}`, `/api/sites/site/{slug}/page`."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.errors import FieldError, Invalid
from pubsite.models import Page, PageType
from pubsite.models.paths import page_path_problem
from pubsite.schema import (
    LANGUAGE,
    URL,
    Anything,
    Boolean,
    Choice,
    Identifier,
    Integer,
    ListOf,
    MapOf,
    Object,
    OpenObject,
    Text,
    Timestamp,
    optional,
    required,
)
from pubsite.security import PUBLIC, Permission
from pubsite.services import page_html, pages
from pubsite.services.pages import Draft

UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PAGE_TYPE = Choice(*PageType, aliases={0: PageType.HtmlPage, 1: PageType.Redirect})
# Checked by the page's type, in `checked_config`.
CONFIG = optional(MapOf(required(Anything()), key=Text(1, 8192)))
WORDS = ListOf(required(Text(1, 255)), maximum=100)


class Menu(Object):
    """Where a page stands in menus."""

    label = optional(Text(1, 255))
    order = optional(Integer(-1_000_000, 1_000_000))
    parent = optional(Text(1, 255))


class HtmlPageConfig(OpenObject):
    """A page's config: these keys are checked, any further key is kept for templates."""

    title = optional(Text(0, 4096))
    content = optional(Text(0, 1_048_576))
    html = optional(Text(0, 1_048_576))
    format = optional(Choice("html", "markdown"))
    description = optional(Text(0, 8192))
    layout = optional(Text(1, 255))
    date = optional(Timestamp())
    tags = optional(WORDS)
    categories = optional(WORDS)
    author = optional(Text(0, 255))
    image = optional(Text(1, 8192))
    draft = optional(Boolean())
    publish_at = optional(Timestamp())
    expires_at = optional(Timestamp())
    menu = Menu(missing=colander.drop)
    no_index = optional(Boolean())
    canonical_url = optional(Text(1, 8192, URL, "an http or https URL"))
    aliases = optional(ListOf(required(Text(1, 8192)), maximum=100))
    language = optional(Text(2, 35, LANGUAGE, "a language tag such as en or de-AT"))
    data = optional(MapOf(required(Anything())))


class RedirectConfig(OpenObject):
    """Where a redirect leads."""

    target = optional(Text(1, 8192))
    url = optional(Text(1, 8192))
    status = optional(Integer(301, 308))


CONFIGS: dict[str, colander.SchemaNode] = {
    PageType.HtmlPage: HtmlPageConfig(),
    PageType.Redirect: RedirectConfig(),
}


class PageCreate(Object):
    """The body of POST; its config is checked by the page's type."""

    type = colander.SchemaNode(PAGE_TYPE, missing=PageType.HtmlPage)
    path = colander.SchemaNode(Text(1, 8192), missing="/")
    config = CONFIG


class PageUpdate(Object):
    """The body of PATCH: what is left out stays."""

    id = optional(Identifier())
    type = optional(PAGE_TYPE)
    path = optional(Text(1, 8192))
    config = CONFIG


class PagePut(Object):
    """A page of a batch."""

    type = colander.SchemaNode(PAGE_TYPE, missing=PageType.HtmlPage)
    path = required(Text(1, 8192))
    config = CONFIG


class Batch(Object):
    """Pages to write and paths to delete, 1,000 of each at most."""

    upsert = colander.SchemaNode(ListOf(PagePut()), missing=())
    delete = colander.SchemaNode(ListOf(required(Text(1, 8192))), missing=())


class AtPath(OpenObject):
    """Which page to render."""

    path = colander.SchemaNode(Text(1, 8192), missing="/")
    publisher = optional(Text(1, 63))


def page_json(page: Page) -> dict[str, Any]:
    """A page as responses show it."""
    return present(
        id=str(page.id),
        type=page.type,
        path=page.path,
        config=page.config,
        site_id=str(page.site_id),
        revision=page.revision,
        created_at=time(page.created_at),
        updated_at=time(page.updated_at),
    )


def checked_config(page_type: str, config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A config by the schema of its page's type; raises Invalid that names every wrong key."""
    try:
        checked: dict[str, Any] = CONFIGS[page_type].deserialize(config)
    except colander.Invalid as error:
        named = [Invalid.field(prefix + name, text).errors[0] for name, text in error.asdict(translate=None).items()]
        raise Invalid(f"{named[0].name} {named[0].message}", named) from error
    return checked


rendered = Service("page.rendered", "/api/sites/site/{slug}/page", contexts.anybody)
one = Service("page", f"/api/sites/pages/{{page_id:{UUID}}}", contexts.page)
batched = Service("pages.batch", "/api/sites/{pubName}/{slug}/pages:batch", contexts.site_of_member)
collection = Service("pages", "/api/sites/{pubName}/{slug}/pages", contexts.site_of_member)


@rendered.on("GET", permission=PUBLIC, query=AtPath())
def render(request: Request) -> dict[str, Any]:
    query = request.validated["querystring"]
    site, page = page_html.published_page(request.db, request.matchdict["slug"], query.get("publisher"), query["path"])
    return {**page_json(page), **page_html.answer(request.registry.page_bodies, site, page)}


@one.on("GET", permission=PUBLIC)
def get(request: Request) -> dict[str, Any]:
    return page_json(request.context.page)


@one.on("PATCH", permission=Permission.WRITE, body=PageUpdate())
def update(request: Request) -> dict[str, Any]:
    context, changes = request.context, request.validated["body"]
    if changes.pop("id", context.page.id) != context.page.id:
        raise Invalid.field("id", "must equal the id in the URL")
    page_type = changes.get("type", context.page.type)
    changes["config"] = checked_config(page_type, changes.get("config", context.page.config), "config.")
    return page_json(pages.update(request.db, context.site, context.page, request.pubsite_identity.account_id, changes))


@one.on("DELETE", permission=Permission.WRITE, status=204)
def delete(request: Request) -> None:
    pages.remove(request.db, request.context.site, request.context.page)


@collection.on("GET", permission=Permission.READ)
def list_pages(request: Request) -> list[dict[str, Any]]:
    return [page_json(page) for page in pages.list_of_site(request.db, request.context.site)]


@collection.on("POST", permission=Permission.WRITE, body=PageCreate())
def create(request: Request) -> dict[str, Any]:
    body = request.validated["body"]
    draft = Draft(body["path"], checked_config(body["type"], body.get("config", {}), "config."), body["type"])
    return page_json(pages.create(request.db, request.context.site, request.pubsite_identity.account_id, draft))


@batched.on("POST", permission=Permission.WRITE, body=Batch())
def batch(request: Request) -> dict[str, int]:
    body = request.validated["body"]
    problems: list[FieldError] = []
    drafts: list[Draft] = []
    for index, put in enumerate(body["upsert"]):
        if problem := page_path_problem(put["path"]):
            problems.append(FieldError("body", f"upsert.{index}.path", problem))
        try:
            config = checked_config(put["type"], put.get("config", {}), f"upsert.{index}.config.")
            drafts.append(Draft(put["path"], config, put["type"]))
        except Invalid as error:
            problems += error.errors
    if problems:
        raise Invalid.all_of(problems)
    account_id = request.pubsite_identity.account_id
    counts = pages.batch(request.db, request.context.site, account_id, upsert=drafts, delete=body["delete"])
    return {name: getattr(counts, name) for name in ("created", "updated", "unchanged", "deleted")}


def includeme(config: Configurator) -> None:
    for service in (rendered, one, batched, collection):
        config.add_cornice_service(service)
