"""One page shown in its site before it is saved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsite.build.pool import RendererPool
from pubsite.build.preview import preview
from tests.build_sites import markdown, page, site


@pytest.fixture(scope="module")
def pool() -> Iterator[RendererPool]:
    pool = RendererPool(1, seconds=3, memory=1 << 30)
    yield pool
    pool.close()


def test_a_saved_page_is_shown_with_its_new_content(pool: RendererPool) -> None:
    shown = preview(site(page("/"), page("/a", "<p>old</p>")), markdown("/a", "# New\n\n[x](/none)"), pool)
    assert shown.html.startswith("<!doctype html>")
    assert "<title>New · Demo</title>" in shown.html
    assert "old" not in shown.html
    assert [problem.code for problem in shown.problems] == ["broken_link"]


def test_a_page_that_was_never_saved_is_shown_too(pool: RendererPool) -> None:
    assert "Fresh" in preview(site(page("/")), page("/deep/new", "<h2>Fresh</h2>"), pool).html
    assert preview(site(), page("/x.json", "{}"), pool).html == "{}"


def test_a_page_that_cannot_be_rendered_says_so(pool: RendererPool) -> None:
    shown = preview(site(page("/")), markdown("/a", "[" * 20_000), pool)
    assert shown.html == ""
    assert [problem.code for problem in shown.problems] == ["render_timeout"]
