"""The tree of a site's pages: who is whose parent, in which order, and what navigation each page shows.

A folder without a page of its own gets a generated section, so that every page can be reached from `/`. Making the tree
is near linear in the number of pages; what one page shows is bounded, however many siblings it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pubsite.build.snapshot import PageSource
from pubsite.build.titles import human

SHOWN_SIBLINGS = 50


@dataclass(slots=True, eq=False)
class Node:
    """One page or generated section (`source` is None). `index` and `rank`: places in the site and among siblings."""

    path: str
    file: str
    url: str
    title: str
    label: str
    source: PageSource | None = None
    date: datetime | None = None
    order: float | None = None
    description: str = ""
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    index: int = 0
    rank: int = 0

    @property
    def sort_key(self) -> tuple[int, float, str, str]:
        """Ordered ones first, then dated ones, the newest first, then by title."""
        if self.order is not None:
            return (0, self.order, self.label.casefold(), self.path)
        if self.date is not None:
            return (1, -self.date.timestamp(), self.label.casefold(), self.path)
        return (2, 0.0, self.label.casefold(), self.path)

    @property
    def branch(self) -> list[Node]:
        """From the home page to this one."""
        branch, node = [self], self.parent
        while node is not None:
            branch.append(node)
            node = node.parent
        return branch[::-1]


@dataclass(frozen=True, slots=True)
class Tree:
    """A finished tree; `nodes` in reading order, the home page first."""

    root: Node
    nodes: tuple[Node, ...]

    def neighbours(self, node: Node) -> tuple[Node | None, Node | None]:
        """The pages before and after in reading order."""
        before = self.nodes[node.index - 1] if node.index else None
        after = self.nodes[node.index + 1] if node.index + 1 < len(self.nodes) else None
        return before, after


def finish(root: Node) -> Tree:
    """Put the children of every node in order and number the whole."""
    for node in _walk(root, in_order=False):
        node.children.sort(key=lambda child: child.sort_key)
        for rank, child in enumerate(node.children):
            child.rank = rank
    nodes = tuple(_walk(root, in_order=True))
    for index, node in enumerate(nodes):
        node.index = index
    return Tree(root, nodes)


def breadcrumbs(node: Node) -> list[dict[str, str]]:
    """From the home page to the parent."""
    return [_link(above) for above in node.branch[:-1]]


def sidebar(tree: Tree, node: Node | None) -> list[dict[str, Any]]:
    """The top level, and below it the opened branch of the page; a long level is cut around the branch."""
    return _level(tree.root, node.branch[1:] if node else [])


def listing(node: Node) -> list[dict[str, Any]]:
    """All children of a folder, as its page lists them."""
    return [
        {
            "title": child.title,
            "url": child.url,
            "description": child.description,
            "date": child.date.date().isoformat() if child.date else "",
            "date_human": human(child.date) if child.date else "",
        }
        for child in node.children
    ]


def neighbour(node: Node | None) -> dict[str, str] | None:
    return _link(node) if node else None


def _level(parent: Node, branch: Sequence[Node]) -> list[dict[str, Any]]:
    opened = branch[0] if branch else None
    items = [
        {
            **_link(node),
            "current": node is opened and len(branch) == 1,
            "open": node is opened,
            "children": _level(node, branch[1:]) if node is opened else [],
        }
        for node in _shown(parent.children, opened)
    ]
    if (total := len(parent.children)) > SHOWN_SIBLINGS:
        items.append(
            {"title": f"All {total} pages", "url": parent.url, "current": False, "open": False, "children": []}
        )
    return items


def _shown(siblings: list[Node], opened: Node | None) -> list[Node]:
    if len(siblings) <= SHOWN_SIBLINGS:
        return siblings
    middle = opened.rank if opened else 0
    start = min(max(middle - SHOWN_SIBLINGS // 2, 0), len(siblings) - SHOWN_SIBLINGS)
    return siblings[start : start + SHOWN_SIBLINGS]


def _link(node: Node) -> dict[str, str]:
    return {"title": node.label, "url": node.url}


def _walk(root: Node, *, in_order: bool) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children) if in_order else node.children)
