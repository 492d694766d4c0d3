"""Fenced code with more behind its language than Python-Markdown reads, and in lists."""

from __future__ import annotations

import pytest

from pubsite.build.fences import Rewriter
from pubsite.build.markdown import convert


def html(text: str, *, highlight: bool = False) -> str:
    return convert(text, extensions=("toc",), highlight=highlight, reserved=frozenset())


@pytest.mark.parametrize("info", ["toml config-example", 'toml tab="a.toml"', "toml {1,3}", "toml:a.toml", "toml"])
def test_a_fence_opens_whatever_stands_behind_its_language(info: str) -> None:
    shown = html(f"```{info}\na = 1\n```\n\ntext\n\n```{info}\nb = 2\n```\n")
    assert shown.count("<pre>") == 2
    assert "<p>text</p>" in shown
    assert "```" not in shown


def test_what_python_markdown_reads_itself_is_left_to_it() -> None:
    assert 'class="hll"' in html('``` {.py hl_lines="1"}\nx = 1\n```\n', highlight=True)


@pytest.mark.parametrize("before", ["1. one\n\n", "- one\n\n", "!!! note\n\n    text\n\n", "- a\n\n    - b\n\n    "])
def test_a_fence_in_a_container_is_a_block_in_it(before: str) -> None:
    deep = "        " if before.startswith("- a") else "    "
    shown = html(
        f"{before.rstrip(' ')}{deep}```python\n{deep}def f():\n{deep}    return 1\n{deep}```\n", highlight=True
    )
    assert '<span class="k">def</span>' in shown
    assert ":::" not in shown
    assert "```" not in shown


def test_a_list_item_may_indent_its_fence_by_two() -> None:
    assert "<code>plain\n</code>" in html("- two\n  ```\n  plain\n  ```\n")


def test_indented_code_that_shows_a_fence_stays_as_it_is() -> None:
    assert "```\nshown\n```" in html("text\n\n    ```\n    shown\n    ```\n")


def test_a_longer_fence_shows_a_shorter_one() -> None:
    assert "```py\nnested\n```" in html("````md\n```py\nnested\n```\n````\n")


def test_a_fence_that_nothing_closes_is_text_and_the_rest_stays() -> None:
    shown = html("# A\n\n```py\nabc\n\nlast\n")
    assert "<p>last</p>" in shown


def test_a_hundred_thousand_fences_that_nothing_closes_are_looked_at_once() -> None:
    lines = ["```x"] * 100_000
    assert Rewriter(highlight=False).run(list(lines)) == lines  # quadratic time would take hours
