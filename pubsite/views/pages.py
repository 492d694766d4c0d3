"""Pages: `/api/sites/{pubName}/{slug}/pages`, `/api/sites/pages/{page_id}`, `/api/sites/site/{slug}/page`."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present, time
from pubsite.errors import MOST_PROBLEMS, FieldError, Invalid
from pubsite.models import Page, PageType
from pubsite.models.drafts import Draft
from pubsite.models.paths import page_path_problem
from pubsite.schema import Identifier, ListOf, Object, OpenObject, Text, optional, required
from pubsite.security import PUBLIC, Permission
from pubsite.services import page_html, pages
from pubsite.views.page_config import CONFIG, PAGE_TYPE, draft_of

UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


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


rendered = Service("page.rendered", "/api/sites/site/{slug}/page", contexts.anybody)
one = Service("page", "/api/sites/pages/{page_id}", contexts.page)
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
    page, account_id = context.page, request.pubsite_identity.account_id
    asked = draft_of(context.site, {"type": page.type, "path": page.path, "config": page.config, **changes})
    if "config" in changes:
        changes["config"] = asked.config
    return page_json(pages.update(request.db, context.site, page, account_id, changes))


@one.on("DELETE", permission=Permission.WRITE, status=204)
def delete(request: Request) -> None:
    pages.remove(request.db, request.context.site, request.context.page)


@collection.on("GET", permission=Permission.READ)
def list_pages(request: Request) -> list[dict[str, Any]]:
    return [page_json(page) for page in pages.list_of_site(request.db, request.context.site)]


@collection.on("POST", permission=Permission.WRITE, body=PageCreate())
def create(request: Request) -> dict[str, Any]:
    site, account_id = request.context.site, request.pubsite_identity.account_id
    draft = draft_of(site, request.validated["body"])
    return page_json(pages.create(request.db, site, account_id, draft))


@batched.on("POST", permission=Permission.WRITE, body=Batch())
def batch(request: Request) -> dict[str, int]:
    body, site = request.validated["body"], request.context.site
    problems: list[FieldError] = []
    drafts: list[Draft] = []
    for index, put in enumerate(body["upsert"]):
        try:
            drafts.append(draft_of(site, put, f"upsert.{index}."))
        except Invalid as error:
            problems += error.errors
            if len(problems) >= MOST_PROBLEMS:  # each page can have as many
                break
    for index, path in enumerate(body["delete"]):
        if problem := page_path_problem(path):
            problems.append(FieldError("body", f"delete.{index}", problem))
    if problems:
        raise Invalid.all_of(problems)
    account_id = request.pubsite_identity.account_id
    counts = pages.batch(request.db, site, account_id, upsert=drafts, delete=body["delete"])
    return {name: getattr(counts, name) for name in ("created", "updated", "unchanged", "deleted")}


def includeme(config: Configurator) -> None:
    for service in (rendered, one, batched, collection):
        config.add_cornice_service(service)
