"""Task lists, as GitHub's Markdown writes them: `- [ ] to do` and `- [x] done` (GFM 5.3)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

_BOX = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_BLOCKS = frozenset({"ul", "ol", "p", "pre", "div", "table", "blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6"})
_BEFORE_INLINE = 25  # while an item's text is still as it was written


class Tasks(Extension):
    """Add to Python-Markdown."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Boxes(md), "pubsite_tasks", _BEFORE_INLINE)


class _Boxes(Treeprocessor):
    def run(self, root: Element) -> None:
        for item in root.iter("li"):
            first = item[0] if len(item) and not (item.text or "").strip() and item[0].tag == "p" else item
            if match := _BOX.match((first.text or "").lstrip()):
                _label(first, (first.text or "").lstrip()[match.end() :], checked=match[1] != " ")


def _label(element: Element, text: str, *, checked: bool) -> None:
    """Put a box in front of an element's own words, and both into a label."""
    words = []
    for child in list(element):
        if child.tag in _BLOCKS:
            break
        words.append(child)
        element.remove(child)
    element.text = ""
    label = Element("label")
    element.insert(0, label)
    box = SubElement(label, "input", {"type": "checkbox", "disabled": "disabled"})
    if checked:
        box.set("checked", "checked")
    box.tail = " " + text
    label.extend(words)
