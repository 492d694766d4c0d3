"""From the snapshot's pages to the tree: titles, dates, order, and a generated section for each folder without a page.

Three kinds of page stand outside of the tree: the site's 404 page, and files such as `/humans.txt`, which are
published as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pubsite.build.nav import Node, Tree, finish
from pubsite.build.options import Options
from pubsite.build.snapshot import PageSource, SiteSource, Snapshot
from pubsite.build.titles import date_of, readable, title_of
from pubsite.build.urls import encode, is_file_path, locate
from pubsite.errors import Problem

DEEPEST_SECTION = 32
NOT_FOUND_FILE = "/404.html"


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page, once: in the tree, as a raw file, or as the 404 page (generated when its source is None)."""

    tree: Tree
    raw: tuple[Node, ...]
    not_found: Node
    problems: tuple[Problem, ...]


def arrange(snapshot: Snapshot, options: Options) -> Pages:
    """Give each page of the snapshot its place."""
    problems: list[Problem] = []
    home = options.title or snapshot.site.name or snapshot.site.slug
    missing = _not_found_source(snapshot, options)
    raw, nodes = [], {}
    for source in snapshot.pages:
        if source is missing:
            continue
        node = _page_node(source, options, home, problems)
        if is_file_path(source.path) and not source.path.lower().endswith((".html", ".htm")):
            raw.append(node)
        else:
            nodes[node.path] = node
    _add_folders(nodes, snapshot.site, options, home)
    _reparent(nodes, problems)
    for node in nodes.values():
        if node.parent is not None:
            node.parent.children.append(node)
    not_found = _not_found_node(missing, options, home, problems)
    return Pages(finish(nodes["/"]), tuple(raw), not_found, tuple(problems))


def _not_found_source(snapshot: Snapshot, options: Options) -> PageSource | None:
    wanted = (options.not_found_path.rstrip("/"), "/404", NOT_FOUND_FILE)
    found = {source.path: source for source in snapshot.pages if source.path in wanted}
    return next((found[path] for path in wanted if path in found), None)


def _not_found_node(source: PageSource | None, options: Options, home: str, problems: list[Problem]) -> Node:
    title = "Page not found"
    node = _page_node(source, options, home, problems) if source else Node("/404", "", "", title, title)
    node.file = node.url = NOT_FOUND_FILE
    return node


def _page_node(source: PageSource, options: Options, home: str, problems: list[Problem]) -> Node:
    config = source.config
    path = source.path.rstrip("/") or "/"
    file, url = locate(path, options.trailing_slash)
    title = title_of(config, source.content, path, home)
    date = date_of(config.get("date"))
    if date is None and config.get("date"):
        problems.append(Problem("warn", path, "bad_date", f"date {config['date']!r} is not an ISO 8601 date"))
    menu = menu_of(config)
    orders = (menu.get("order"), config.get("order"), config.get("weight"))
    label = menu.get("label")
    description = config.get("description")
    return Node(
        path=path,
        file=file,
        url=url,
        title=title,
        label=label if isinstance(label, str) and label else title,
        source=source,
        date=date,
        order=next((order for order in orders if _is_number(order)), None),
        description=description if isinstance(description, str) else "",
    )


def menu_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The page's `menu` when it is an object, else an empty one."""
    menu = config.get("menu")
    return menu if isinstance(menu, Mapping) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _add_folders(nodes: dict[str, Node], site: SiteSource, options: Options, home: str) -> None:
    """Give every node its folder as parent, making the folders that have no page."""
    if "/" not in nodes:
        nodes["/"] = Node("/", *locate("/", options.trailing_slash), home, home, description=site.description)
    waiting = [path for path in nodes if path != "/"]
    while waiting:
        path = waiting.pop()
        folder = _folder(path)
        if folder not in nodes:
            title = readable(folder)
            nodes[folder] = Node(folder, *locate(folder, options.trailing_slash), title, title)
            waiting.append(folder)
        nodes[path].parent = nodes[folder]


def _folder(path: str) -> str:
    """The path above; at most DEEPEST_SECTION segments, so that no path makes thousands of sections."""
    folder = path.rpartition("/")[0]
    if folder.count("/") > DEEPEST_SECTION:
        folder = "/".join(folder.split("/", DEEPEST_SECTION + 1)[: DEEPEST_SECTION + 1])
    return folder or "/"


def _reparent(nodes: dict[str, Node], problems: list[Problem]) -> None:
    """Obey `menu.parent`, in the order of paths; one that is no page, or that lies below the page itself, is named."""
    for path in sorted(nodes):
        node = nodes[path]
        wanted = menu_of(node.source.config).get("parent") if node.source else None
        if not isinstance(wanted, str) or node.parent is None:
            continue
        parent = nodes.get(wanted.rstrip("/") or "/")
        if parent is None or node in parent.branch or len(parent.branch) > DEEPEST_SECTION:
            problems.append(Problem("warn", path, "bad_menu_parent", f"menu.parent {wanted!r} cannot be its parent"))
        else:
            node.parent = parent


def source_links(snapshot: Snapshot, pages: Pages) -> dict[str, str]:
    """What relative links in imported pages may mean: source path (also of a folder's README or index) → URL."""
    sourced = [(node.source.config, node.url) for node in pages.tree.nodes if node.source]
    return links_of_sources(sourced, [asset.path for asset in snapshot.assets])


def links_of_sources(pages: Iterable[tuple[Mapping[str, Any], str]], assets: Iterable[str]) -> dict[str, str]:
    """The same, of pages (config and URL) and of assets (path, beginning with `/`)."""
    links = {path[1:]: encode(path) for path in assets}
    for config, url in pages:
        source = config.get("source")
        if isinstance(source, str) and source:
            links[source] = url
            folder, _, name = source.rpartition("/")
            if name.rpartition(".")[0].lower() in ("readme", "index", "_index"):
                links[folder] = url
    return links
