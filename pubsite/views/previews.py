"""A page shown before it is saved: `/api/sites/{pubName}/{slug}/preview`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.models import PageType
from pubsite.schema import MAX_INTEGER, Choice, Object, Text, many, required
from pubsite.security import Permission
from pubsite.services import previews
from pubsite.views.page_config import CONFIG, CONFIGS, draft_of


class PreviewBody(Object):
    """The page to show; redirects show nothing."""

    variants = ("type", "config", {PageType.HtmlPage: CONFIGS[PageType.HtmlPage]})
    type = colander.SchemaNode(Choice(PageType.HtmlPage, aliases={0: PageType.HtmlPage}), missing=PageType.HtmlPage)
    path = colander.SchemaNode(Text(1, 8192), missing="/", described="PagePath")
    config = CONFIG


class ProblemObject(Object):
    """Something about the page: `error` would stop a deploy, `warn` would not."""

    severity = required(Text(1, 16))
    path = required(Text(0, 8192))
    code = required(Text(1, 64))
    message = required(Text(0, 65_536))


class PreviewObject(Object):
    """The whole page as HTML, empty where it cannot be rendered, and its problems."""

    html = required(Text(0, MAX_INTEGER))
    problems = required(many(ProblemObject()))


shown = Service("page.preview", "/api/sites/{pubName}/{slug}/preview", contexts.site_of_member, reads_only=True)


@shown.on("POST", permission=Permission.WRITE, body=PreviewBody(), answer=PreviewObject())
def show(request: Request) -> dict[str, Any]:
    """A page body as it would look with the site's theme; nothing is stored."""
    site, registry = request.context.site, request.registry
    draft = draft_of(site, request.validated["body"]).resolved()
    with registry.page_bodies.turn():
        seen = previews.of_draft(request.db, registry.renderers, site, draft)
    return {"html": seen.html, "problems": [asdict(problem) for problem in seen.problems]}


def includeme(config: Configurator) -> None:
    config.add_cornice_service(shown)
