"""The built-in themes: what the loader gives, and that every template renders with little and with much."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import minijinja
import pytest

import pubsite.themes
from pubsite.errors import Invalid
from pubsite.themes import Theme, load_theme, theme_names

PAGES = ("page.html", "section.html", "not_found.html")
NAMESPACES = ("http://www.w3.org/2000/svg",)


@pytest.fixture(scope="module")
def theme() -> Theme:
    return load_theme("paper")


def render(theme: Theme, template: str, context: Mapping[str, Any]) -> str:
    env = minijinja.Environment(loader=theme.templates.get, undefined_behavior="strict")
    return env.render_template(template, **context)


def context(
    site: Mapping[str, Any] | None = None, page: Mapping[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    """What the build always gives, empty where it may be."""
    names = load_theme("paper").assets
    return {
        "site": {
            "title": "Handbook", "description": "", "language": "en", "home_url": "/", "nav": [], "feed_url": "",
            "theme_options": {}, "style_override": "", **(site or {}),
        },
        "page": {
            "title": "Install", "description": "", "url": "/install/", "body": "<p>Text.</p>", "has_h1": False,
            "toc": [], "date": "", "date_human": "", "author": "", "tags": [], "image": "", "no_index": False,
            "canonical_url": "", "language": "en", "reading_minutes": 1, "data": {}, "config": {}, **(page or {}),
        },
        "breadcrumbs": [], "sidebar": [], "previous": None, "next": None, "children": [],
        "assets": {name: f"/_assets/{name}" for name in names}, "generator": "pubsite", **extra,
    }  # fmt: skip


def full_context() -> dict[str, Any]:
    leaf = {"title": "Leaf & more", "url": "/guide/leaf/", "current": True, "open": True, "children": []}
    heading = {"level": 3, "id": "deep", "title": "Deep", "children": []}
    return context(
        site={
            "description": "About it", "nav": [{"label": "Guide", "href": "/guide/", "current": True}],
            "feed_url": "/atom.xml", "style_override": "body { color: red }",
            "theme_options": {"accent": "#c2410c", "footer": "© <us>", "font": "serif", "scheme": "dark"},
        },
        page={
            "description": "How to", "date": "2026-01-31", "date_human": "31 January 2026", "author": "Ada",
            "tags": ["a", "b"], "image": "/cover.png", "no_index": True, "config": {"description": "How to"},
            "canonical_url": "https://example.org/install/",
            "toc": [
                {"level": 2, "id": "one", "title": "One", "children": [heading]},
                {"level": 2, "id": "two", "title": "Two", "children": []},
            ],
        },
        breadcrumbs=[{"title": "Home", "url": "/"}],
        sidebar=[{"title": "Guide", "url": "/guide/", "current": False, "open": True, "children": [leaf]}],
        previous={"title": "Before", "url": "/before/"},
        next={"title": "After", "url": "/after/"},
        children=[{"title": "Child", "url": "/child/", "description": "d", "date": "", "date_human": ""}],
    )  # fmt: skip


def test_a_theme_holds_its_templates_and_assets_and_cannot_be_changed(theme: Theme) -> None:
    assert set(PAGES) <= set(theme.templates)
    assert {"paper.css", "favicon.svg"} <= set(theme.assets)
    assert re.fullmatch("[0-9a-f]{64}", theme.digest)
    with pytest.raises(TypeError):
        theme.templates["page.html"] = ""  # type: ignore[index]  # that it cannot be done is the test


@pytest.mark.parametrize("name", ["", "nope", ".", "..", "paper/templates", "../themes/paper", "__pycache__"])
def test_an_unknown_theme_is_invalid(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        load_theme(name)
    assert caught.value.errors[0].name == "theme"


def test_every_folder_with_a_theme_toml_is_a_theme_of_that_name() -> None:
    assert "paper" in theme_names()
    for name in theme_names():
        text = (resources.files(pubsite.themes) / name / "theme.toml").read_text("utf-8")
        assert tomllib.loads(text)["name"] == name


def test_every_option_that_the_theme_names_is_used_by_it(theme: Theme) -> None:
    text = (resources.files(pubsite.themes) / "paper" / "theme.toml").read_text("utf-8")
    source = "".join(theme.templates.values())
    assert [name for name in tomllib.loads(text)["options"] if f"options.{name}" not in source] == []


@pytest.mark.parametrize("template", PAGES)
@pytest.mark.parametrize("given", [context(), full_context()], ids=["minimal", "full"])
def test_every_page_renders_under_strict_undefined(theme: Theme, template: str, given: dict[str, Any]) -> None:
    html = render(theme, template, given)
    assert html.startswith("<!doctype html>")
    assert html.count("<h1") == 1
    assert html.count("<main") == 1
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_no_template_and_no_asset_names_another_host(theme: Theme) -> None:
    texts = [*theme.templates.values(), *(body.decode() for body in theme.assets.values())]
    for text in texts:
        for namespace in NAMESPACES:
            text = text.replace(namespace, "")
        assert re.findall(r"https?://|@import|url\(\s*['\"]?//", text) == []


def test_the_bodys_own_h1_replaces_the_title(theme: Theme) -> None:
    html = render(theme, "page.html", context(page={"has_h1": True, "body": "<h1>Mine</h1><p>x</p>"}))
    assert html.count("<h1") == 1
    assert "<h1>Mine</h1>" in html


def test_what_people_write_is_escaped_and_bodies_are_not(theme: Theme) -> None:
    given = context(
        site={"title": "A & <B>", "theme_options": {"footer": "<script>"}},
        page={"title": "<img>", "body": minijinja.safe("<p>a &amp; b</p>")},
    )
    html = render(theme, "page.html", given)
    assert "A &amp; &lt;B&gt;" in html
    assert "<h1>&lt;img&gt;</h1>" in html
    assert "&lt;script&gt;" in html
    assert "<p>a &amp; b</p>" in html


@pytest.mark.parametrize("wrap", [str, minijinja.safe])
def test_a_plain_table_gets_a_box_that_scrolls(theme: Theme, wrap: Any) -> None:
    body = "<table><tr><td>1</td></tr></table>"
    html = render(theme, "page.html", context(page={"body": wrap(body)}))
    assert f'<div class="table">{body}</div>' in html


def test_tables_that_are_not_plain_are_left_as_they_are(theme: Theme) -> None:
    body = '<table class="x"><tr><td><table><tr><td>1</td></tr></table></td></tr></table>'
    assert body in render(theme, "page.html", context(page={"body": body}))


@pytest.mark.parametrize(
    "accent",
    ["#fa0", "#C2410C", "#c2410c80", "teal", "rebeccapurple", "rgb(1, 2, 3)", "hsl(200deg 50% 40% / .5)",
     "oklch(62% 0.19 40)"],
)  # fmt: skip
def test_an_accent_that_is_a_colour_is_taken(theme: Theme, accent: str) -> None:
    html = render(theme, "page.html", context(site={"theme_options": {"accent": accent}}))
    assert f"<style>:root {{ --accent: {accent.lower()} }}</style>" in html


@pytest.mark.parametrize(
    "accent",
    ["", None, "#ggg", "#12345", "red;}", "red</style>", "url(x)", "var(--x)", "rgb(1,2,3", "rgb(1,2,3);x",
     "rgb(url(x))", "image(x)", "a" * 40, "rgb(" + "1" * 90 + ")", "\\72 ed", "red/**/"],
)  # fmt: skip
def test_an_accent_that_is_anything_else_is_left_out(theme: Theme, accent: str | None) -> None:
    html = render(theme, "page.html", context(site={"theme_options": {"accent": accent}}))
    assert "<style" not in html


def test_a_style_override_cannot_end_its_element(theme: Theme) -> None:
    html = render(theme, "page.html", context(site={"style_override": "a > b { } </style><script>"}))
    assert "a > b { }" in html
    assert html.count("</style>") == 1


def test_a_language_that_the_theme_speaks_changes_its_words(theme: Theme) -> None:
    html = render(theme, "not_found.html", context(page={"language": "de-AT"}))
    assert '<html lang="de-AT"' in html
    assert "Seite nicht gefunden" in html


def test_every_language_has_every_word(theme: Theme) -> None:
    env = minijinja.Environment(loader=theme.templates.get, undefined_behavior="strict")
    words = json.loads(env.render_str('{% from "labels.html" import words %}{{ words|tojson }}'))
    assert {language for language in words if set(words[language]) != set(words["en"])} == set()


def test_dated_pages_have_no_tree_when_the_site_has_links_in_its_header(theme: Theme) -> None:
    tree = [{"title": "Blog", "url": "/blog/", "current": False, "open": False, "children": []}]
    nav = {"nav": [{"label": "Blog", "href": "/blog/", "current": True}]}
    dated = {"date": "2026-01-31", "date_human": "31 January 2026"}
    assert 'class="tree"' in render(theme, "page.html", context(sidebar=tree))
    assert 'class="tree"' in render(theme, "page.html", context(page=dated, sidebar=tree))
    assert 'class="tree"' not in render(theme, "page.html", context(site=nav, page=dated, sidebar=tree))
    held = {**nav, "theme_options": {"layout": "docs"}}
    assert 'class="tree"' in render(theme, "page.html", context(site=held, page=dated, sidebar=tree))


def test_the_menu_names_no_address_twice(theme: Theme) -> None:
    tree = [{"title": "Blog", "url": "/blog/", "current": False, "open": False, "children": []}]
    nav = [{"label": label, "href": href, "current": False} for label, href in (("Blog", "/blog/"), ("Shop", "/shop/"))]
    html = render(theme, "section.html", context(site={"nav": nav}, sidebar=tree))
    menu = html[html.index('<details class="menu">') : html.index("</details>")]
    assert (menu.count('href="/blog/"'), menu.count('href="/shop/"')) == (1, 1)


def test_the_stylesheet_stays_lean(theme: Theme) -> None:
    assert len(theme.assets["paper.css"]) < 24_000
    assert len(theme.assets["paper.js"]) < 4_000


@pytest.mark.parametrize("template", ["page.html", "section.html"])
def test_every_page_of_the_tree_leads_to_its_neighbours(theme: Theme, template: str) -> None:
    html = render(theme, template, full_context())
    assert '<a rel="prev" href="/before/">' in html
    assert '<a rel="next" href="/after/">' in html
    assert 'class="pager"' not in render(theme, template, context())
