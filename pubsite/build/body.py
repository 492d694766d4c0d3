"""One page's content as the HTML that stands in its theme: converted, cleaned if the site asks for it, links resolved.

Runs in the render children only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pubsite.build.markup import Scan, scan

_DOCUMENT = re.compile(r"\s*+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype|html)\b", re.I | re.S)
_RELATIVE = re.compile(r"(?![a-z][a-z0-9+.-]*:|[/#?\\])(?P<path>[^?#]+)(?P<rest>.*)\Z", re.I | re.S)
_CLASSED = {"class", "id"}
_ALIGNED = ("td", "th")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site says about the content of its pages."""

    extensions: tuple[str, ...] = ()
    highlight: bool = True
    sanitize: bool = False
    reserved: frozenset[str] = frozenset()


@dataclass(slots=True)
class Resolver:
    """Resolves relative links of an imported page against its source's folder, and remembers what it looked up."""

    source: str
    sources: Mapping[str, str]
    looked_up: dict[str, str | None] = field(default_factory=dict)

    def __call__(self, link: str) -> str:
        match = _RELATIVE.match(link) if self.source else None
        if match is None:
            return link
        target = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), unquote(match["path"])))
        target = "" if target == "." else target
        url = self.looked_up[target] = self.sources.get(target)
        return link if url is None else url + match["rest"]


def body_of(content: str, kind: str, rules: Rules, resolver: Resolver) -> Scan:
    """The body of a page whose `format` is `kind` (markdown or html)."""
    html = content
    if kind == "markdown":
        from pubsite.build.markdown import convert  # not for the parent, which only asks is_document

        html = convert(content, extensions=rules.extensions, highlight=rules.highlight, reserved=rules.reserved)
    if rules.sanitize:
        html = _clean(html)
    return scan(html, resolver, rules.reserved)


def is_document(content: str, config: Mapping[str, Any]) -> bool:
    """Whether a page's content is a whole HTML document, which is published as it is."""
    return config.get("format") != "markdown" and _DOCUMENT.match(content) is not None


def _clean(html: str) -> str:
    """Without scripts, handlers, frames and styles; classes and ids stay, for highlighting and anchors."""
    import nh3

    attributes = {tag: names | _CLASSED for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
    for tag in nh3.ALLOWED_TAGS:
        attributes.setdefault(tag, set(_CLASSED))
    for tag in _ALIGNED:
        attributes[tag] = attributes[tag] | {"style"}
    return nh3.clean(
        html,
        tags=nh3.ALLOWED_TAGS | {"input", "label"},
        attributes=attributes,
        # The boxes of task lists, and no other input.
        tag_attribute_values={"input": {"checked": {"", "checked"}}},
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
        clean_content_tags={"script", "style", "title", "template"},
        filter_style_properties={"text-align"},
    )
