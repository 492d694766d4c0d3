"""Outputs by URL: which files and redirects the built site has, and what stands against them.

Pages, assets and redirects are the user's: where two of them want one place, that is a collision, and all are listed.
What pubsite generates gives way to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from pubsite.build import redirects as redirecting
from pubsite.build.links import Destinations
from pubsite.build.nav import Node
from pubsite.build.options import Options, unsupported
from pubsite.build.pages import NOT_FOUND_FILE, Pages, arrange
from pubsite.build.redirects import Redirect
from pubsite.build.snapshot import AssetSource, Snapshot
from pubsite.build.theme_assets import ThemeAsset, theme_assets, theme_of
from pubsite.build.urls import slot
from pubsite.errors import Problem
from pubsite.storage import TrailingSlash
from pubsite.themes import Theme

SITEMAP_URLS = 50_000


class Kind(StrEnum):
    page = "page"
    section = "section"
    not_found = "not_found"
    raw = "raw"
    asset = "asset"
    theme = "theme"
    sitemap = "sitemap"
    feed = "feed"
    robots = "robots"


@dataclass(frozen=True, slots=True)
class Output:
    """One file of the built site; `owner` names it for people, the rest says what it is made of."""

    file: str
    kind: Kind
    owner: str
    node: Node | None = None
    asset: AssetSource | None = None
    theme_asset: ThemeAsset | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be there, sorted by path. With an error among `problems` nothing of it may be built."""

    snapshot: Snapshot
    options: Options
    outputs: tuple[Output, ...]
    redirects: dict[str, Redirect]
    destinations: Destinations
    problems: tuple[Problem, ...]
    pages: Pages | None = None
    theme: Theme | None = None
    feed: tuple[Node, ...] = ()
    listed: tuple[Node, ...] = field(default=())

    @property
    def theme_assets(self) -> tuple[ThemeAsset, ...]:
        """The theme's assets as this site publishes them."""
        options = self.options
        return theme_assets(options.theme, minify=options.minify, fingerprint=options.fingerprint) if self.theme else ()

    @property
    def home(self) -> str:
        """The site's title."""
        return self.options.title or self.snapshot.site.name or self.snapshot.site.slug


def make_plan(snapshot: Snapshot) -> Plan:
    """The plan of a snapshot; collisions, loops and what is not supported are among its problems."""
    options = Options.of(snapshot.site.config)
    problems = unsupported(snapshot.site.config)
    assets = [Output(asset.path, Kind.asset, f"asset {asset.path}", asset=asset) for asset in snapshot.assets]
    if snapshot.site.mode == "SelfManaged":
        return _settle(Plan(snapshot, options, (), {}, _nowhere(options), tuple(problems)), assets, [])
    pages = arrange(snapshot, options)
    in_tree = [node for node in pages.tree.nodes if node.source]
    own = [*assets, *(_page(node, Kind.page) for node in in_tree), *(_page(node, Kind.raw) for node in pages.raw)]
    if pages.not_found.source:
        own.append(_page(pages.not_found, Kind.not_found))
    listed = tuple(
        node for node in pages.tree.nodes if not (node.source and node.source.config.get("no_index") is True)
    )
    draft = Plan(
        snapshot=snapshot,
        options=options,
        outputs=(),
        redirects={},
        destinations=_nowhere(options),
        problems=(*problems, *pages.problems),
        pages=pages,
        theme=theme_of(options.theme),
        feed=_newest(pages.tree.nodes, options),
        listed=listed,
    )
    return _settle(draft, own, list(_generated(draft)))


def _settle(draft: Plan, own: list[Output], generated: list[Output]) -> Plan:
    """Decide who has each place: the user's outputs and redirects, then what is generated."""
    options, snapshot = draft.options, draft.snapshot
    policy = options.trailing_slash
    pages = draft.pages
    nodes = (*pages.tree.nodes, *pages.raw, pages.not_found) if pages else ()
    gathered, problems = redirecting.gather(snapshot.redirects, nodes, options)
    taken = {slot(output.file, policy) for output in own}
    shadowed = {redirect for redirect in gathered if redirect.yielding and slot(redirect.path, policy) in taken}
    problems += [
        Problem("warn", redirect.path, "redirect_shadowed", f"{redirect.owner} is left out: something is there")
        for redirect in shadowed
    ]
    gathered = [redirect for redirect in gathered if redirect not in shadowed]
    problems += _collisions(own, gathered, policy)
    taken |= {slot(redirect.path, policy) for redirect in gathered}
    folders = _folders(output.file for output in own)
    outputs = own + [
        output for output in generated if slot(output.file, policy) not in taken and output.file not in folders
    ]
    outputs.sort(key=lambda output: output.file)
    redirects = {redirect.path: redirect for redirect in gathered}
    destinations = Destinations([output.file for output in outputs], redirects, policy, options.base_url)
    for _, href in options.nav_items:
        problems += destinations.broken("config.nav_items", "/", [(href, href)], "")
    problems += redirecting.check(redirects, destinations.file_at, options.base_url)
    return Plan(
        snapshot=snapshot,
        options=options,
        outputs=tuple(outputs),
        redirects=redirects,
        destinations=destinations,
        problems=(*draft.problems, *problems),
        pages=draft.pages,
        theme=draft.theme,
        feed=draft.feed,
        listed=draft.listed,
    )


def _collisions(own: list[Output], redirects: list[Redirect], policy: TrailingSlash) -> list[Problem]:
    """One problem for each place that several want, and for each file where another needs a folder."""
    places = defaultdict(list)
    for output in own:
        places[slot(output.file, policy)].append(output.owner)
    for redirect in redirects:
        places[slot(redirect.path, policy)].append(redirect.owner)
    problems = [
        Problem("error", place, "collision", f"{place} is wanted by {' and '.join(sorted(owners))}")
        for place, owners in places.items()
        if len(owners) > 1
    ]
    folders = _folders(output.file for output in own)
    for output in own:
        if output.file in folders:
            message = f"{output.owner} is a file where other outputs need the folder {output.file}/"
            problems.append(Problem("error", output.file, "collision", message))
    return sorted(problems, key=lambda problem: (problem.path, problem.message))


def _folders(files: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for file in files:
        folder = file.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _generated(draft: Plan) -> Iterator[Output]:
    pages, options = draft.pages, draft.options
    if pages is None:
        return
    for node in pages.tree.nodes:
        if not node.source:
            yield Output(node.file, Kind.section, f"list of {node.path}", node)
    for asset in draft.theme_assets:
        yield Output(asset.file, Kind.theme, f"theme file {asset.name}", theme_asset=asset)
    if not pages.not_found.source:
        yield Output(NOT_FOUND_FILE, Kind.not_found, "404 page", pages.not_found)
    if options.sitemap:
        for file in sitemap_files(options.sitemap, len(draft.listed)):
            yield Output(file, Kind.sitemap, "sitemap")
    if options.feed and draft.feed:
        yield Output(options.feed.path, Kind.feed, "feed")
    yield Output("/robots.txt", Kind.robots, "robots.txt")


def sitemap_files(path: str, urls: int) -> list[str]:
    """The sitemap alone, or an index and its parts when one file must not hold as many URLs (sitemaps.org: 50,000)."""
    if urls <= SITEMAP_URLS:
        return [path]
    stem = path.removesuffix(".xml")
    return [path, *(f"{stem}-{part}.xml" for part in range(1, -(-urls // SITEMAP_URLS) + 1))]


def _newest(nodes: tuple[Node, ...], options: Options) -> tuple[Node, ...]:
    dated = [node for node in nodes if node.date and node.source]
    dated.sort(key=lambda node: (-node.date.timestamp() if node.date else 0.0, node.path))
    return tuple(dated[: options.feed.limit]) if options.feed else ()


def _page(node: Node, kind: Kind) -> Output:
    return Output(node.file, kind, f"page {node.path}", node)


def _nowhere(options: Options) -> Destinations:
    return Destinations((), (), options.trailing_slash)
