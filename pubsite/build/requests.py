"""What the render children are asked: for each page what its template sees, and what the whole site shares.

A request holds everything that the page's output depends on, so that equal requests give equal outputs.
"""

from __future__ import annotations

from typing import Any

from pubsite.build import frames, nav
from pubsite.build.body import is_document
from pubsite.build.nav import Node
from pubsite.build.pages import menu_of, source_links
from pubsite.build.plan import Kind, Output, Plan
from pubsite.build.process import Request, Shared
from pubsite.build.titles import human
from pubsite.storage import ORIGIN_TOKEN

GENERATOR = "pubsite"


class Requests:
    """Makes the requests of a plan; what they have in common is shared, and named by its content."""

    def __init__(self, plan: Plan) -> None:
        if plan.pages is None or plan.theme is None:
            raise ValueError("nothing to render")
        self._plan = plan
        self._tree = plan.pages.tree
        self._theme = Shared.of(f"theme:{plan.theme.digest}", dict(plan.theme.templates))
        self._site = _shared("site", _site_values(plan))
        self.sources = source_links(plan.snapshot, plan.pages)
        self._sources = _shared("sources", self.sources)
        self._in_feed = (
            frozenset(node.path for node in plan.feed) if plan.options.feed and plan.options.feed.full else ()
        )

    def of(self, output: Output) -> Request:
        node = output.node
        if node is None:
            raise ValueError(f"{output.file} is not a page")
        content = node.source.content if node.source else ""
        if node.source and is_document(content, node.source.config) and not self._plan.options.sanitize:
            return Request(frames.encode({"op": "document", "content": content}))
        return self._page(output, node, content)

    def _page(self, output: Output, node: Node, content: str) -> Request:
        config = node.source.config if node.source else {}
        source = config.get("source")
        source = source if isinstance(source, str) else ""
        message = {
            "op": "page",
            "theme": self._theme.key,
            "site": self._site.key,
            "template": _template(output),
            "format": "markdown" if config.get("format") == "markdown" else "html",
            "content": content,
            "source": source,
            "feed_base": origin(self._plan) if node.path in self._in_feed else "",
            "values": self._values(output, node),
        }
        if not source:
            return Request(frames.encode(message), (self._theme, self._site))
        return Request(frames.encode(message, self._sources.key.encode()), (self._theme, self._site, self._sources))

    def _values(self, output: Output, node: Node) -> dict[str, Any]:
        """The template's context, without what comes of the content and without what the whole site shares."""
        around: dict[str, Any]
        if output.kind == Kind.not_found:
            sidebar = nav.sidebar(self._tree, None)
            around = {"breadcrumbs": [], "sidebar": sidebar, "previous": None, "next": None, "children": []}
        else:
            before, after = self._tree.neighbours(node)
            listed = not node.source or node.source.config.get("list") is not False
            around = {
                "breadcrumbs": nav.breadcrumbs(node),
                "sidebar": nav.sidebar(self._tree, node),
                "previous": nav.neighbour(before),
                "next": nav.neighbour(after),
                "children": nav.listing(node) if listed else [],
            }
        return {"page": _page_values(self._plan, node), **around}


def _shared(name: str, value: Any) -> Shared:
    return Shared.of(f"{name}:{frames.digest(frames.encode(value))}", value)


def _template(output: Output) -> str:
    if output.kind == Kind.section:
        return "section.html"
    if output.kind == Kind.not_found and not (output.node and output.node.source):
        return "not_found.html"
    return "page.html"


def _site_values(plan: Plan) -> dict[str, Any]:
    options = plan.options
    has_feed = any(output.kind == Kind.feed for output in plan.outputs)
    site = {
        "title": plan.home,
        "description": plan.snapshot.site.description,
        "language": options.language,
        "home_url": "/",
        "nav": [{"label": label, "href": href} for label, href in options.nav_items or _menu(plan)],
        "feed_url": options.feed.path if options.feed and has_feed else "",
        "theme_options": dict(options.theme_options),
        "style_override": options.style_override,
    }
    return {
        "site": site,
        "assets": {asset.name: asset.file for asset in plan.theme_assets},
        "generator": GENERATOR,
        "extensions": options.extensions,
        "highlight": options.highlight,
        "sanitize": options.sanitize,
    }


def _menu(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The pages that ask for a place in the menu by a label of their own, when the site names no items."""
    nodes = plan.pages.tree.nodes if plan.pages else ()
    asking = [node for node in nodes if node.source and menu_of(node.source.config).get("label")]
    return tuple((node.label, node.url) for node in sorted(asking, key=lambda node: node.sort_key))


def _page_values(plan: Plan, node: Node) -> dict[str, Any]:
    config = node.source.config if node.source else {}
    base_url = plan.options.base_url
    return {
        "title": node.title,
        "description": node.description,
        "url": node.url,
        "date": node.date.date().isoformat() if node.date else "",
        "date_human": human(node.date) if node.date else "",
        "author": _text(config.get("author")),
        "tags": _texts(config.get("tags")),
        "image": _text(config.get("image")),
        "no_index": config.get("no_index") is True,
        "canonical_url": _text(config.get("canonical_url")) or (base_url + node.url if base_url else ""),
        "language": _text(config.get("language")) or plan.options.language,
        "data": config.get("data") or {},
        "config": dict(config),
    }


def origin(plan: Plan) -> str:
    """What absolute URLs begin with: the site's base_url, or the token that the host replaces."""
    return plan.options.base_url or ORIGIN_TOKEN


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        value = value.split(",")
    items = value if isinstance(value, (list, tuple)) else ()
    return [str(item).strip() for item in items if isinstance(item, (str, int)) and str(item).strip()]
