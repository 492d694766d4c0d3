"""The schema of a site's config and what the build makes of it agree."""

from __future__ import annotations

from pubsite.build.options import EXTENSIONS, Options, unsupported
from pubsite.views import site_config


def test_the_schema_takes_the_extensions_that_the_build_knows() -> None:
    assert set(site_config.EXTENSIONS) == EXTENSIONS


def test_a_feed_that_is_null_is_off() -> None:
    config = site_config.SiteConfig().deserialize({"feeds": {"atom": None}})
    assert Options.of(config).feed is None


def test_what_a_build_does_not_obey_yet_is_named() -> None:
    config = site_config.SiteConfig().deserialize({"feeds": {"rss": {}}, "taxonomies": ["tags"], "auto_deploy": True})
    named = " ".join(problem.message for problem in unsupported(config))
    assert "rss feed" in named
    assert "config.taxonomies" in named
    assert "config.auto_deploy" in named
