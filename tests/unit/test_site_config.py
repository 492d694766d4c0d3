"""The schema of a site's config and what the build makes of it agree."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import colander

from pubsite.build.options import EXTENSIONS, Options, unsupported
from pubsite.openapi.schemas import default_of
from pubsite.views import site_config


def test_the_schema_takes_the_extensions_that_the_build_knows() -> None:
    assert set(site_config.EXTENSIONS) == EXTENSIONS


def test_the_defaults_of_the_schema_are_those_of_the_build() -> None:
    told = defaults(site_config.SiteConfig())
    assert {"language", "theme", "markdown", "sitemap", "trailing_slash", "not_found_path"} <= set(told)
    feed = told.pop("feeds")["atom"]
    assert Options.of({**told, "feeds": {"atom": feed}}) == Options.of({}) == Options()


def test_each_default_of_the_build_is_told() -> None:
    told = defaults(site_config.SiteConfig())
    own = {field.name for field in fields(Options)} & {child.name for child in site_config.SiteConfig().children}
    empty = {name for name in own if not getattr(Options(), name)} - {"sanitize"}
    assert own - empty - {"sitemap"} == {name for name in own & set(told) if not isinstance(told[name], dict)}


def defaults(schema: colander.SchemaNode) -> dict[str, Any]:
    """Every default of an object, those of what lies below it included."""
    found = {child.name: default_of(child) for child in schema.children}
    found |= {child.name: below for child in schema.children if child.children and (below := defaults(child))}
    return {name: value for name, value in found.items() if value is not None}


def test_a_feed_that_is_null_is_off() -> None:
    config = site_config.SiteConfig().deserialize({"feeds": {"atom": None}})
    assert Options.of(config).feed is None


def test_what_a_build_does_not_obey_yet_is_named() -> None:
    config = site_config.SiteConfig().deserialize({"feeds": {"rss": {}}, "taxonomies": ["tags"], "auto_deploy": True})
    named = " ".join(problem.message for problem in unsupported(config))
    assert "rss feed" in named
    assert "config.taxonomies" in named
    assert "config.auto_deploy" in named
