"""A site's config as a build reads it: every key with its default, and a problem for each that no build obeys yet.

The API's schema has checked what is stored; a value of another kind than expected counts as left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pubsite.errors import Problem
from pubsite.storage import TrailingSlash

EXTENSIONS = frozenset(
    {
        *("abbr", "admonition", "attr_list", "codehilite", "def_list", "extra", "fenced_code", "footnotes"),
        *("legacy_attrs", "legacy_em", "md_in_html", "meta", "nl2br", "sane_lists", "smarty", "tables", "toc"),
        "wikilinks",
    }
)
# Kept in a site's config, and without effect on a build.
_LATER = ("auto_deploy", "retention", "taxonomies")


@dataclass(frozen=True, slots=True)
class FeedOptions:
    path: str = "/atom.xml"
    limit: int = 20
    full: bool = True


@dataclass(frozen=True, slots=True)
class Options:
    """The config with its defaults. `base_url` has no trailing slash; `feed` is None and `sitemap` "" when off."""

    title: str = ""
    language: str = "en"
    base_url: str = ""
    theme: str = "paper"
    theme_options: Mapping[str, Any] = field(default_factory=dict)
    nav_items: tuple[tuple[str, str], ...] = ()
    style_override: str = ""
    extensions: tuple[str, ...] = ()
    highlight: bool = True
    sanitize: bool = False
    feed: FeedOptions | None = FeedOptions()
    sitemap: str = "/sitemap.xml"
    robots: str | None = None
    trailing_slash: TrailingSlash = "always"
    minify: bool = True
    fingerprint: bool = True
    redirects: tuple[Mapping[str, Any], ...] = ()
    not_found_path: str = "/404"
    quality: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Options:
        """Options of a stored config."""
        markdown = _mapping(config, "markdown")
        return cls(
            title=_text(config, "title", ""),
            language=_text(config, "language", "en"),
            base_url=_text(config, "base_url", "").rstrip("/"),
            theme=_text(config, "theme", "paper"),
            theme_options=_mapping(config, "theme_options"),
            nav_items=tuple(
                (item["label"], item["href"])
                for item in _mappings(config, "nav_items")
                if isinstance(item.get("label"), str) and isinstance(item.get("href"), str)
            ),
            style_override=_text(config, "style_override", ""),
            extensions=tuple(sorted(set(_names(markdown, "extensions")) & EXTENSIONS - {"codehilite"})),
            highlight=markdown.get("highlight") is not False,
            sanitize=config.get("sanitize") is True,
            feed=_feed(_mapping(config, "feeds").get("atom", {})),
            sitemap=_sitemap(_mapping(config, "sitemap")),
            robots=_robots(config.get("robots")),
            trailing_slash=_trailing_slash(config.get("trailing_slash")),
            minify=config.get("minify") is not False,
            fingerprint=config.get("fingerprint") is not False,
            redirects=tuple(_mappings(config, "redirects")),
            not_found_path=_text(config, "not_found_path", "/404"),
            quality=_mapping(config, "quality"),
        )


def unsupported(config: Mapping[str, Any]) -> list[Problem]:
    """A problem for each thing that the config asks for and that a build does not do."""
    markdown = _mapping(config, "markdown")
    found = [f"markdown extension {name!r}" for name in _names(markdown, "extensions") if name not in EXTENSIONS]
    if (engine := markdown.get("engine", "markdown")) != "markdown":
        found.append(f"markdown engine {engine!r} (pages are rendered by `markdown`)")
    found += [f"{kind} feed" for kind in ("rss", "json") if _mapping(config, "feeds").get(kind) is not None]
    found += ["own response headers"] if config.get("headers") else []
    found += [f"config.{key}" for key in _LATER if config.get(key)]
    return [Problem("warn", "config", "not_supported", f"Not supported yet, and left out: {what}") for what in found]


def _feed(value: object) -> FeedOptions | None:
    if value is False or value is None:
        return None
    value = value if isinstance(value, Mapping) else {}
    if value.get("enabled") is False:
        return None
    limit = value.get("limit")
    limit = limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else 20
    return FeedOptions(_text(value, "path", "/atom.xml"), limit, value.get("content") != "excerpt")


def _sitemap(value: Mapping[str, Any]) -> str:
    return "" if value.get("enabled") is False else _text(value, "path", "/sitemap.xml")


def _robots(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(line, str) for line in value):
        return "\n".join(value) + "\n"
    return None


def _trailing_slash(value: object) -> TrailingSlash:
    return value if value in ("always", "never", "ignore") else "always"


def _text(config: Mapping[str, Any], key: str, default: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) and value else default


def _mapping(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


def _mappings(config: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = config.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, Sequence) else []


def _names(config: Mapping[str, Any], key: str) -> list[str]:
    value = config.get(key)
    names = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [name for name in names if isinstance(name, str)]
