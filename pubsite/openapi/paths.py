"""Route patterns → paths of the document, with parameters and tags. Raises on a placeholder that it does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pubsite.openapi.schemas import Schemas, Undescribed, text
from pubsite.openapi.shared import Schema
from pubsite.schema import SLUG, Text
from pubsite.views.pages import UUID

# What the first word of a service's name stands for: tag → what it is about, in the order of the document.
TAGS = {
    "Server": "Who answers here, and this document.",
    "Accounts": "People and services that sign in.",
    "Tokens": "API tokens.",
    "Publishers": "Tenants: who owns sites, and who works on them.",
    "Sites": "Sites of a publisher, with their config and quota.",
    "Pages": "Pages and redirects of a site, their revisions, and how they look.",
    "Files": "The tree of a SelfManaged site.",
    "Assets": "The tree of a FullyManaged site: images, downloads, fonts. Published beside its pages.",
    "Overview": "What goes on, and where to look.",
    "Sectors": "Named parts of a site, which pages and records may carry.",
    "Deployments": "Versions of a site, made live and rolled back.",
    "Destinations": "Other places that pages are sent to, and the kinds of them.",
    "Publishing": "Pages at destinations: sent, changed, taken down; and each try at it.",
}
_WORDS = {
    "Server": "home reference",
    "Accounts": "accounts",
    "Tokens": "tokens token",
    "Publishers": "publishers publisher members member",
    "Sites": "sites site",
    "Pages": "pages page revisions revision",
    "Files": "files",
    "Assets": "assets",
    "Overview": "overview",
    "Sectors": "sectors sector",
    "Deployments": "deployments deployment",
    "Destinations": "destination_types destinations destination",
    "Publishing": "publishing_records publishing_record publish",
}
_TAG_OF = {word: tag for tag, words in _WORDS.items() for word in words.split()}
_ID: Schema = {"type": "string", "format": "uuid"}
# What a placeholder of each pattern may hold; one without a pattern is known by its name.
_OF_PATTERN: dict[str, Schema | str] = {
    UUID: _ID,
    f"me|{UUID}": {"anyOf": [{"const": "me"}, _ID]},
    ".*": "FilePath",
    "[0-9a-f]{64}": "Digest",
    "[0-9]{1,10}": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
}
_OF_NAME: dict[str, Schema] = {
    "pubName": text(Text(1, 63, SLUG)),
    "slug": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$"},
    "page_id": _ID,
}
_DESCRIPTIONS = {
    "pubName": "A publisher's name.",
    "slug": "A site's slug, or its id.",
    "path": "A path in the tree. Its slashes may be sent as they are, or as `%2F`.",
    "account_id": "An account's id, or `me`.",
    "number": "The revision's number.",
    "digest": "The content's sha256 in lower-case hex.",
}
_EXAMPLES = {"pubName": "press", "slug": "blog", "path": "index.html", "number": 1}


@dataclass(frozen=True, slots=True)
class Path:
    """A path of the document. `is_open`: whether a wrong value may lead to another resource."""

    template: str
    parameters: list[Schema]
    tag: str
    is_open: bool


def path_of(name: str, pattern: str, schemas: Schemas) -> Path:
    """The path of a service; raises Undescribed."""
    word = name.partition(".")[0]
    if word not in _TAG_OF:
        raise Undescribed(f"no tag for the service {name}")
    template, parameters = "", []
    for literal, placeholder in _parts(pattern):
        if ":" in re.sub(r"pages:batch", "", literal):
            raise Undescribed(f"{pattern}: a placeholder without braces")
        template += literal
        if placeholder is not None:
            key, _, regex = placeholder.partition(":")
            template += f"{{{key}}}"
            parameters.append(_parameter(pattern, key, regex, schemas))
    return Path(template, parameters, _TAG_OF[word], "{" in pattern)


def _parameter(pattern: str, name: str, regex: str, schemas: Schemas) -> Schema:
    found = _OF_PATTERN.get(regex) if regex else _OF_NAME.get(name)
    if found is None:
        raise Undescribed(f"{pattern}: nothing is known of {{{name}}}")
    schema = schemas.shared(found) if isinstance(found, str) else found
    told = _DESCRIPTIONS.get(name) or f"The {name.removesuffix('_id').replace('_', ' ')}'s id."
    example = {"example": _EXAMPLES[name]} if name in _EXAMPLES else {}
    return {"name": name, "in": "path", "required": True, "description": told, "schema": schema, **example}


def _parts(pattern: str) -> list[tuple[str, str | None]]:
    """A route pattern as literals, each with the placeholder behind it; placeholders may hold braces."""
    parts: list[tuple[str, str | None]] = []
    literal, depth, start = "", 0, 0
    for index, character in enumerate(pattern):
        if character == "{":
            depth += 1
            start = index + 1 if depth == 1 else start
        elif character == "}":
            depth -= 1
            if depth == 0:
                parts.append((literal, pattern[start:index]))
                literal = ""
        elif depth == 0:
            literal += character
    return [*parts, (literal, None)]
