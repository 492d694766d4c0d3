"""The Atom feed (RFC 4287) of a site's newest dated pages. Its times are the pages' dates, never a clock's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape

from pubsite.build.nav import Node
from pubsite.build.titles import date_of
from pubsite.build.xml import clean, element

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{}">\n'


def atom(
    *,
    slug: str,
    title: str,
    language: str,
    origin: str,
    path: str,
    nodes: tuple[Node, ...],
    bodies: Mapping[str, str],
) -> bytes:
    """The feed of `nodes` (newest first), at `path` below `origin`; bodies: page path → HTML with absolute links."""
    lines = [
        _HEAD.format(escape(clean(language))),
        element("title", title),
        element("id", f"tag:{slug}.invalid,2000:/"),
        element("link", rel="self", type="application/atom+xml", href=origin + path),
        element("link", rel="alternate", type="text/html", href=f"{origin}/"),
        element("updated", _time(max(_updated(node) for node in nodes))),
        f"<author>{element('name', title)}</author>\n",
        *(_entry(node, slug, origin, bodies.get(node.path, "")) for node in nodes),
        "</feed>\n",
    ]
    return "".join(lines).encode()


def _entry(node: Node, slug: str, origin: str, body: str) -> str:
    config = node.source.config if node.source else {}
    author, tags = config.get("author"), config.get("tags")
    tags = tags if isinstance(tags, list) else []
    parts = [
        "<entry>\n",
        element("title", node.title),
        element("id", f"tag:{slug}.invalid,2000:{node.url}"),
        element("link", rel="alternate", type="text/html", href=origin + node.url),
        element("published", _time(node.date)) if node.date else "",
        element("updated", _time(_updated(node))),
        f"<author>{element('name', author)}</author>\n" if isinstance(author, str) and author else "",
        *(element("category", term=tag) for tag in tags if isinstance(tag, str)),
        element("summary", node.description) if node.description else "",
        element("content", body, type="html") if body else "",
        "</entry>\n",
    ]
    return "".join(parts)


def _updated(node: Node) -> datetime:
    config = node.source.config if node.source else {}
    updated = date_of(config.get("updated")) or node.date
    if updated is None:
        raise ValueError(f"{node.path} has no date")
    return updated


def _time(moment: datetime) -> str:
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
