"""The schema of a site's `config`. `null` is taken for every key: a PATCH removes what it sends as null."""

from __future__ import annotations

import colander

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
    Path,
    Target,
    Text,
    optional,
    required,
)

# What only members see.
PRIVATE = frozenset({"extra", "quality", "quality_baseline", "retention", "auto_deploy"})
# What the build knows; a test holds both to the same.
EXTENSIONS = (
    *("abbr", "admonition", "attr_list", "codehilite", "def_list", "extra", "fenced_code", "footnotes", "legacy_attrs"),
    *("legacy_em", "md_in_html", "meta", "nl2br", "sane_lists", "smarty", "tables", "toc", "wikilinks"),
)


class NavItem(Object):
    """A link in the head of every page."""

    label = required(Text(1, 255))
    href = required(Text(1, 8192))


class Markdown(Object):
    """How Markdown is read."""

    engine = optional(Choice("markdown"), default="markdown")
    extensions = optional(ListOf(required(Choice(*EXTENSIONS)), maximum=len(EXTENSIONS)), default=())
    highlight = optional(Boolean(), default=True)


class Feed(Object):
    """One feed."""

    path = optional(Path(of_file=True))
    limit = optional(Integer(1, 1000), default=20)
    content = optional(Choice("full", "excerpt"), default="full")


class Feeds(Object):
    """Which feeds there are."""

    # null: no such feed
    atom = Feed(missing=colander.drop, nullable=True)
    rss = Feed(missing=colander.drop, nullable=True)
    json = Feed(missing=colander.drop, nullable=True)


class Sitemap(Object):
    """Whether there is a sitemap, and where."""

    path = optional(Path(of_file=True), default="/sitemap.xml")
    enabled = optional(Boolean(), default=True)


class Redirect(Object):
    """A redirect that is no page; `from` is a path of the site."""

    to = required(Target())
    status = optional(Integer(200, 451), default=301)
    force = optional(Boolean(), default=False)
    query = optional(MapOf(required(Text(0, 1024))))
    language = optional(ListOf(required(Text(2, 35))))


class Headers(Object):
    """Headers for the paths that a pattern names."""

    values = required(MapOf(required(Text(0, 4096))))


class Retention(Object):
    """How many versions are kept, and for how long."""

    versions = optional(Integer(10, 100_000), default=50)
    days = optional(Integer(1, 36_500), default=90)


def _keyword(schema: colander.SchemaNode, name: str, typ: colander.SchemaType) -> colander.SchemaNode:
    """Add a key whose name is a word of Python."""
    schema.add(required(typ, name=name))
    return schema


class SiteConfig(Object):
    """Everything that a site's owner can set. Defaults are what a build takes; null is as good as left out."""

    title = optional(Text(0, 4096), nullable=True)
    language = optional(Text(2, 35, LANGUAGE, "a language tag such as en or de-AT"), nullable=True, default="en")
    base_url = optional(Text(1, 2048, URL, "an http or https URL"), nullable=True)
    theme = optional(Choice("paper"), nullable=True, default="paper")
    theme_options = optional(MapOf(required(Anything())), nullable=True)
    nav_items = optional(ListOf(NavItem(), maximum=200), nullable=True)
    style_override = optional(Text(0, 65_536), nullable=True)
    markdown = Markdown(missing=colander.drop, nullable=True)
    sanitize = optional(Boolean(), nullable=True, default=False)
    feeds = Feeds(missing=colander.drop, nullable=True)
    sitemap = Sitemap(missing=colander.drop, nullable=True)
    robots = optional(Text(0, 65_536), nullable=True)
    search = optional(Boolean(), nullable=True, default=True)
    taxonomies = optional(ListOf(required(Text(1, 63)), maximum=20), nullable=True, default=("tags", "categories"))
    trailing_slash = optional(Choice("always", "never", "ignore"), nullable=True, default="always")
    minify = optional(Boolean(), nullable=True, default=True)
    fingerprint = optional(Boolean(), nullable=True, default=True)
    redirects = optional(ListOf(_keyword(Redirect(), "from", Path()), maximum=1000), nullable=True)
    headers = optional(ListOf(_keyword(Headers(), "for", Text(1, 8192)), maximum=1000), nullable=True)
    not_found_path = optional(Path(), nullable=True, default="/404")
    auto_deploy = optional(Boolean(), nullable=True)
    quality = optional(MapOf(required(Choice("off", "warn", "block"))), nullable=True)
    quality_baseline = optional(Boolean(), nullable=True, default=True)
    retention = Retention(missing=colander.drop, nullable=True)
    extra = optional(MapOf(required(Anything())), nullable=True)
