"""The schemas of a page's `config`, by the page's type; and the drafts that bodies of requests ask for."""

from __future__ import annotations

import uuid
from collections.abc import Set
from dataclasses import replace
from typing import Any

import colander

from pubsite.errors import FieldError, Invalid
from pubsite.models import PageType, Site
from pubsite.models.drafts import UNSAID, Draft
from pubsite.schema import (
    LANGUAGE,
    URL,
    Anything,
    Boolean,
    Choice,
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
from pubsite.services.sectors import FOREIGN

PAGE_TYPE = Choice(*PageType, aliases={0: PageType.HtmlPage, 1: PageType.Redirect})
# Checked by the page's type, in `draft_of`.
CONFIG = optional(MapOf(required(Anything()), maximum=10_000, key=Text(0, 8192)))
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
    format = optional(Choice("html", "markdown"), default="html")
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
    """Where a redirect leads: `target`, or `url` as another name for it."""

    one_of = ("target", "url")
    target = optional(Text(1, 8192), described="RedirectTarget")
    url = optional(Text(1, 8192), alone="RedirectTarget")
    status = optional(Integer(301, 308), described="RedirectStatus", default=302)


CONFIGS: dict[str, colander.SchemaNode] = {
    PageType.HtmlPage: HtmlPageConfig(),
    PageType.Redirect: RedirectConfig(),
}


def draft_of(site: Site, body: dict[str, Any], prefix: str = "", *, sectors: Set[uuid.UUID] = frozenset()) -> Draft:
    """The page that a body asks for; raises Invalid that names all that is wrong with it, each name behind `prefix`.

    sectors: those of the site, as far as bodies name them.
    """
    draft = Draft(body["path"], body.get("config", {}), body["type"], body.get("sector_id", UNSAID))
    found: dict[str, str] = {}
    if draft.named_sector is not None and draft.named_sector not in sectors:
        found["sector_id"] = FOREIGN
    try:
        draft = replace(draft, config=CONFIGS[draft.type].deserialize(draft.config))
    except colander.Invalid as error:
        found |= {f"config.{name}": text for name, text in error.asdict(translate=None).items()}
    for problem in draft.problems(site.mode):
        found.setdefault(problem.name, problem.message)
    if found:
        raise Invalid.of([FieldError("body", prefix + name, text) for name, text in sorted(found.items())])
    return draft
