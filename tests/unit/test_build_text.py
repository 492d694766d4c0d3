"""Titles, dates, paths and links of pages: the small pieces that a plan is made of."""

from __future__ import annotations

import time

import pytest

from pubsite.build.body import is_document
from pubsite.build.links import Destinations
from pubsite.build.titles import date_of, first_heading, human, readable, title_of
from pubsite.build.urls import internal_path, locate


@pytest.mark.parametrize(
    ("content", "heading"),
    [
        ("# Hello *big* [world](x.md) `code` {#id}\n", "Hello big world code"),
        ("text\n\n## Second ##\n# First", "Second"),
        ("```\n# no\n```\n# yes", "yes"),
        ("````\n```\n# no\n````\n# yes", "yes"),
        ("Title\n=====\n", "Title"),
        ("Title\n---\n", "Title"),
        ("- item\n---\n# real", "real"),
        ("snake_case_name\n===", "snake_case_name"),
        ("#hashtag heading", "hashtag heading"),
        ("<h1 class='x'>A &amp; <b>B</b></h1>", "A & B"),
        ("no heading", ""),
        ("# \\*literal\\*", "*literal*"),
    ],
)
def test_the_first_heading_of_markdown_is_plain_text(content: str, heading: str) -> None:
    assert first_heading(content, markdown=True) == heading


@pytest.mark.parametrize("piece", ["<h1>", "<h1 ", "<!---->", "<!--", "</h1>", "=", "#", "`", "a\n", "<html "])
@pytest.mark.parametrize(
    "start", ["", "# ", "<h1>", "# [", "# {", "# " + "[" * 60_000, "# " + "{" * 60_000, "# " + " " * 60_000]
)
def test_no_content_keeps_the_server_busy(start: str, piece: str) -> None:
    content = start + piece * 20_000
    started = time.process_time()
    title_of({"format": "markdown"}, content, "/a", "Home")
    title_of({}, content, "/a", "Home")
    is_document(content, {})
    assert time.process_time() - started < 0.5


def test_titles_come_from_config_then_heading_then_path() -> None:
    assert title_of({"title": " Own "}, "<h1>No</h1>", "/a", "Home") == "Own"
    assert title_of({}, "<h2>Heading</h2>", "/a", "Home") == "Heading"
    assert title_of({"title": ""}, "", "/guide/getting-started_now", "Home") == "Getting started now"
    assert title_of({}, "", "/", "Home") == "Home"
    assert readable("/old/page.html") == "Page"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T23:30:00-02:00", "2026-02-01T01:30:00+00:00"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (20260131, None),
        (None, None),
    ],
)
def test_dates_are_iso_8601_in_utc(value: object, expected: str | None) -> None:
    moment = date_of(value)
    assert (moment and moment.isoformat()) == expected


def test_dates_for_people() -> None:
    moment = date_of("2026-01-31")
    assert moment
    assert human(moment) == "31 January 2026"


def test_urls_are_percent_encoded_and_files_are_not() -> None:
    assert locate("/über uns/50%", "always") == ("/über uns/50%/index.html", "/%C3%BCber%20uns/50%25/")


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/x", "/x"),
        ("/x?a=/b#/c", "/x"),
        ("x", "/a/b/x"),
        ("../x/", "/a/x/"),
        ("../../../../x", "/x"),
        ("./", "/a/b/"),
        ("..", "/a/"),
        ("%C3%BC", "/a/b/ü"),
        ("https://example.com/docs/x", "/docs/x"),
        ("https://example.com", "/"),
        ("https://example.community/x", None),
        ("http://other.example/x", None),
        ("//other.example/x", None),
        ("mailto:a@example.com", None),
        ("#part", None),
        ("?page=2", None),
        ("", None),
    ],
)
def test_links_within_the_site_lead_to_a_path(link: str, path: str | None) -> None:
    assert internal_path(link, "/a/b/", "https://example.com") == path


@pytest.mark.parametrize(
    ("policy", "path", "leads"),
    [
        ("always", "/about", True),
        ("always", "/about/", True),
        ("always", "/about/index.html", True),
        ("always", "/abou", False),
        ("always", "/img/a.png", True),
        ("always", "/old/", True),
        ("always", "/", True),
        ("never", "/plain", True),
        ("never", "/plain/", True),
        ("always", "/plain", False),
        ("never", "/about/", True),
        ("never", "/about", False),
    ],
)
def test_a_path_leads_where_hosting_would_lead_it(policy: str, path: str, leads: bool) -> None:
    files = ["/index.html", "/about/index.html", "/img/a.png", "/plain.html"]
    destinations = Destinations(files, ["/old"], policy)  # type: ignore[arg-type]  # a parameter is a plain string
    assert destinations.leads_somewhere(path) is leads


def test_broken_links_are_named_with_their_line() -> None:
    destinations = Destinations(["/index.html"], [], "always")
    problems = destinations.broken("/a", "/a/", [("/", "/"), ("b.md", "b.md")], "one\ntwo [x](b.md)")
    assert [(problem.severity, problem.path, problem.message) for problem in problems] == [
        ("warn", "/a", "b.md leads nowhere (line 2)")
    ]
