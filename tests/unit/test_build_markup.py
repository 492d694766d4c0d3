"""Users' HTML, read tag by tag: ids of headings, the table of contents, links."""

from __future__ import annotations

import pytest

from pubsite.build.body import Resolver, Rules, body_of, is_document
from pubsite.build.markup import excerpt, plain, scan, slugify, words


def test_headings_without_an_id_get_one_of_their_text() -> None:
    result = scan("<h1>Über <em>uns</em></h1><h2>FAQ &amp; more</h2>", str)
    assert result.html == '<h1 id="über-uns">Über <em>uns</em></h1><h2 id="faq-more">FAQ &amp; more</h2>'
    assert result.has_h1


def test_ids_of_headings_are_unique_whoever_else_uses_them() -> None:
    source = '<h2>A</h2><h2>A</h2><h2 id="x">X</h2><h3 id="x">X</h3><p id="a_2"></p><h2>A</h2><h2 id="main">M</h2>'
    result = scan(source, str, reserved={"main"})
    assert [entry["id"] for entry in _flat(result.toc)] == ["a", "a_1", "x", "x_1", "a_3", "main_1"]


def test_a_later_explicit_id_is_not_taken_away() -> None:
    result = scan('<h2>Intro</h2><div id="intro"></div>', str)
    assert result.html == '<h2 id="intro_1">Intro</h2><div id="intro"></div>'


def test_the_permalink_follows_its_renamed_heading() -> None:
    result = scan('<p id="a"></p><h2 id="a">A<a class="headerlink" href="#a">¶</a></h2>', str)
    assert 'id="a_1">A<a class="headerlink" href="#a_1">¶</a>' in result.html


def test_the_table_of_contents_nests_by_level() -> None:
    toc = scan("<h1>T</h1><h3>Deep</h3><h2>A</h2><h3>B</h3><h2>C</h2>", str).toc
    assert [(entry["title"], [child["title"] for child in entry["children"]]) for entry in toc] == [
        ("T", ["Deep", "A", "C"])
    ]
    assert [child["title"] for child in toc[0]["children"][1]["children"]] == ["B"]


@pytest.mark.parametrize(
    "source",
    [
        "<!-- <h2>no</h2> <a href='x'> -->",
        "<script>var x = '<h2>no</h2><a href=\"x\">'</script>",
        "<style>a:before { content: '<h2>' }</style>",
        "<textarea><h2>no</h2></textarea>",
        "a < b and c > d",
        "<p title='<h2>'>text</p>",
        "<!-- never closed <h2>",
    ],
)
def test_what_is_no_tag_stays_as_it_is(source: str) -> None:
    result = scan(source, str.upper)
    assert (result.html, result.toc, result.links) == (source, [], [])


def test_every_kind_of_link_is_resolved_and_listed() -> None:
    source = (
        """<a href=x>1</a><img src='x' srcset="x 1x, y 2x"><video poster="x"></video><A HREF="x?a=1&amp;b">2</A>"""
        """<img alt="x" data-src="x"><script src="x"></script><object data="x"></object>"""
    )
    result = scan(source, lambda link: f"/{link}")
    assert result.html == (
        """<a href="/x">1</a><img src="/x" srcset="/x 1x, /y 2x"><video poster="/x"></video>"""
        """<A HREF="/x?a=1&amp;b">2</A><img alt="x" data-src="x">"""
        """<script src="/x"></script><object data="/x"></object>"""
    )
    assert len(result.links) == 8


def test_relative_links_of_imported_pages_lead_to_pages_and_assets() -> None:
    sources = {"guide/setup.md": "/guide/setup/", "guide": "/guide/", "img/a.png": "/img/a.png", "": "/"}
    resolver = Resolver("guide/install.md", sources)
    assert [
        resolver(link) for link in ("setup.md#x", "./", "../img/a.png", "../", "missing.md", "#a", "/setup.md")
    ] == [
        "/guide/setup/#x",
        "/guide/",
        "/img/a.png",
        "/",
        "missing.md",
        "#a",
        "/setup.md",
    ]
    assert resolver.looked_up["guide/missing.md"] is None


def test_a_page_without_source_keeps_its_links() -> None:
    assert Resolver("", {"x": "/x"})("x") == "x"


def test_markdown_has_tables_fences_notes_and_anchors() -> None:
    source = "# Über uns\n\n!!! note\n    Text\n\n```python\nx = 1\n```\n\n| a |\n|:-:|\n| 1 |\n\n1. a\n2. b\n"
    html = body_of(source, "markdown", Rules(), Resolver("", {})).html
    assert '<h1 id="über-uns">Über uns<a class="headerlink" href="#über-uns"' in html
    assert '<div class="highlight"><pre>' in html
    assert '<div class="admonition note">' in html
    assert '<td style="text-align: center;">1</td>' in html


def test_headings_of_markdown_avoid_the_ids_of_the_theme() -> None:
    html = body_of("## Main\n", "markdown", Rules(reserved=frozenset({"main"})), Resolver("", {})).html
    assert '<h2 id="main_1">Main<a class="headerlink" href="#main_1"' in html


def test_an_extension_is_used_when_asked_for() -> None:
    assert "<br>" in body_of("a\nb", "markdown", Rules(extensions=("nl2br",)), Resolver("", {})).html
    assert "<br>" not in body_of("a\nb", "markdown", Rules(), Resolver("", {})).html


def test_sanitizing_takes_scripts_and_keeps_highlighting_and_anchors() -> None:
    source = "## Safe\n\n```python\nx = 1\n```\n\n<img src=x onerror=alert(1)>"
    source += '<script>alert(2)</script>\n\n<a href="javascript:x">y</a>'
    html = body_of(source, "markdown", Rules(sanitize=True), Resolver("", {})).html
    assert "alert" not in html
    assert "javascript" not in html
    assert '<h2 id="safe">' in html
    assert 'class="highlight"' in html


def test_whole_documents_are_known_by_their_start() -> None:
    assert is_document("\n<!-- x --> <!DOCTYPE html><p>", {})
    assert is_document("<html lang=en>", {"format": "html"})
    assert not is_document("<p><html>", {})
    assert not is_document("<html>", {"format": "markdown"})


def test_small_things() -> None:
    assert slugify("  ¿Qué_tal?  ") == "qué-tal"
    assert slugify("!!!") == "section"
    assert plain("a <b>b</b>\n c &amp; d") == "a b c & d"
    assert words("<p>one two</p><p>three</p>") == 3
    assert excerpt("<p></p><p>" + "word " * 60 + "</p>").endswith("word …")
    assert len(excerpt("<p>" + "word " * 60 + "</p>")) <= 162


def _flat(toc: list[dict]) -> list[dict]:  # type: ignore[type-arg]  # of mixed values
    return [entry for above in toc for entry in [above, *_flat(above["children"])]]
