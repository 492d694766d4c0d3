"""Whatever people write: reading it ends, never fails, changes nothing twice, and leaves no two headings of one id."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pubsite.build.markup import scan
from pubsite.build.titles import first_heading
from pubsite.build.urls import encode, internal_path

PIECES = st.sampled_from(
    [
        *(
            "<h1>",
            "</h1>",
            "<h2 id='a'>",
            "<h2 id=a>",
            "</h2>",
            "<h3>",
            "</h3>",
            "<!--",
            "-->",
            "<script>",
            "</script>",
        ),
        *("<a href=", '"', "'", ">", "<", "x", "a", " ", "\n", "&amp;", "&", "=", "<p id='a'>"),
        "<img src='a b' srcset='x 1x, y'>",
    ]
)
SOURCES = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join))


@settings(max_examples=400)
@given(source=SOURCES)
def test_scanning_a_second_time_changes_nothing(source: str) -> None:
    once = scan(source, str)
    twice = scan(once.html, str)
    assert twice.html == once.html
    assert twice.toc == once.toc


@settings(max_examples=400)
@given(source=SOURCES)
def test_headings_never_share_an_id(source: str) -> None:
    ids = re.findall(r"'id': '(.*?)'", repr(scan(source, str, reserved={"a"}).toc))
    assert len(ids) == len(set(ids))


@settings(max_examples=200)
@given(source=SOURCES)
def test_without_headings_and_changed_links_the_source_is_kept(source: str) -> None:
    result = scan(source, str)
    if not result.toc:
        assert result.html == source


@given(content=SOURCES)
def test_a_heading_is_one_line_of_text(content: str) -> None:
    for markdown in (True, False):
        assert "\n" not in first_heading(content, markdown=markdown)


@given(path=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(lambda text: "/" + text))
def test_the_encoded_form_of_a_path_leads_to_it(path: str) -> None:
    if "//" not in path and "/." not in path and not path.startswith(("/\\", "/?", "/#")):
        assert internal_path(encode(path), "/") == path
