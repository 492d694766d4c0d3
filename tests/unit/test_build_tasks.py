"""Task lists."""

from __future__ import annotations

from pubsite.build.body import Resolver, Rules, body_of
from pubsite.build.markdown import convert


def html(text: str) -> str:
    return convert(text, extensions=("toc",), highlight=True, reserved=frozenset())


def test_an_item_gets_a_box_in_a_label_with_its_words() -> None:
    shown = html("- [ ] to *do*\n- [x] done\n")
    assert '<label><input disabled type="checkbox"> to <em>do</em></label>' in shown
    assert '<label><input checked disabled type="checkbox"> done</label>' in shown


def test_nested_and_loose_items_have_boxes_too() -> None:
    shown = html("- [ ] a\n    - [X] b\n\n1. [ ] one\n\n2. [x] two\n\n    more\n")
    assert shown.count("<input") == 4
    assert "<p>more</p>" in shown


def test_brackets_elsewhere_stay_text() -> None:
    assert "<input" not in html("- a [ ] b\n- [y] c\n- [ ]\n\n[ ] d\n")


def test_a_sanitized_site_keeps_boxes_and_no_other_input() -> None:
    text = "- [x] done\n\n<input type=text name=password autofocus>\n"
    cleaned = body_of(text, "markdown", Rules(sanitize=True), Resolver("", {})).html
    assert cleaned.count("<input") == cleaned.count('type="checkbox"') == cleaned.count("disabled") == 2
    assert "checked" in cleaned
    assert "password" not in cleaned
    assert "autofocus" not in cleaned
