"""Fenced code as people write it elsewhere: with more behind the language than Python-Markdown reads, and in lists.

Without this, ```` ```toml title="x" ```` does not open a block, and everything up to the next fence is taken for code;
and a fence inside a list item is taken for inline code.
"""

from __future__ import annotations

import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

_OPEN = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)\Z")
_LANGUAGE = re.compile(r"[ .]*(?P<language>[\w#.+-]+)")
# What Python-Markdown's own fences read behind the language.
_READ = re.compile(r" *(\{.*\}|\.?[\w#.+-]*( +hl_lines=(\"|').*?\3)?) *\Z")
_CONTAINER = re.compile(r"(?:[-*+]|\d{1,9}[.)]|!!!|\?\?\?\+?|:|\[\^[^]]+\]:)(?= )")
_AFTER_NORMALISING, _BEFORE_FENCES = 30, 25


class Fences(Extension):
    """Add to Python-Markdown; `highlight` says whether codehilite is on, which reads `:::language`."""

    def __init__(self, *, highlight: bool) -> None:
        super().__init__()
        self._highlight = highlight

    def extendMarkdown(self, md: Markdown) -> None:
        priority = (_AFTER_NORMALISING + _BEFORE_FENCES) / 2
        md.preprocessors.register(Rewriter(highlight=self._highlight), "pubsite_fences", priority)


class Rewriter(Preprocessor):
    """Rewrites a text's fences, line by line, in linear time."""

    def __init__(self, *, highlight: bool) -> None:
        super().__init__()
        self._highlight = highlight

    def run(self, lines: list[str]) -> list[str]:
        written: list[str] = []
        unclosed: set[str] = set()  # fences that nothing closes any more: looking again would take quadratic time
        at = 0
        while at < len(lines):
            opened = _OPEN.match(lines[at])
            if opened and opened["fence"] in unclosed:
                opened = None
            end = _closing(lines, at, opened) if opened else None
            if opened and end is None:
                unclosed.add(opened["fence"])
            block = self._block(opened, lines, at, end) if opened and end else None
            if block is None:
                written.append(lines[at])
                at += 1
            else:
                written += block
                at = (end or at) + 1
        return written

    def _block(self, opened: re.Match[str], lines: list[str], at: int, end: int) -> list[str] | None:
        """The block as Python-Markdown reads it; None for what is no block but indented code that shows a fence."""
        indent, info = len(opened["indent"]), opened["info"]
        found = _LANGUAGE.match(info)
        language = found["language"] if found else ""
        code = [_without(line, indent) for line in lines[at + 1 : end]]
        container = _container(lines, at, indent)
        if container is not None:
            # An indented block is what Python-Markdown knows inside a container; `:::` tells codehilite the language.
            margin = " " * (-(-container // 4) * 4 + 8)
            head = [f"{margin}:::{language or 'text'}"] if self._highlight else []
            return ["", *head, *(margin + line if line.strip() else "" for line in code), ""]
        if indent >= 4:
            return None
        return [opened["fence"] + (info if _READ.match(info) else language), *code, opened["fence"]]


def _container(lines: list[str], at: int, indent: int) -> int | None:
    """The indent of the list item, admonition, definition or footnote that line `at` lies in; None at the top level."""
    for line in reversed(lines[:at]):
        margin = len(line) - len(line.lstrip(" "))
        if line.strip() and margin < indent:
            return margin if _CONTAINER.match(line, margin) else None
    return None


def _without(line: str, indent: int) -> str:
    """The line without up to `indent` leading spaces."""
    margin = len(line) - len(line.lstrip(" "))
    return line[min(indent, margin) :]


def _closing(lines: list[str], at: int, opened: re.Match[str]) -> int | None:
    """The line that closes the fence opened at `at`: as many of its characters or more, and nothing behind."""
    mark, length = opened["fence"][0], len(opened["fence"])
    for index in range(at + 1, len(lines)):
        text = lines[index].strip()
        if len(text) >= length and not text.strip(mark):
            return index
    return None
