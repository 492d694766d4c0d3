"""A published document as data: its lines, quotes of them, its JSON examples and its TypeScript interfaces.

`says` attaches a test to the lines that it holds; `test_every_line.py` counts that no line is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

FOLDER = Path(__file__).parent
GAP = "…"
_FIELD = re.compile(r"(?P<name>\w+)(?P<optional>\?)?: (?P<type>.+?);(?: // (?P<comment>.*))?")
Test = TypeVar("Test", bound=Callable[..., None])


class Passage(Protocol):
    """Some lines of a document."""

    @property
    def lines(self) -> frozenset[int]: ...


@dataclass(frozen=True)
class Example:
    """A JSON example of a document, as a value."""

    value: Any
    lines: frozenset[int]


@dataclass(frozen=True)
class Field:
    """`name?: type; // comment` of an interface."""

    name: str
    type: str
    comment: str
    is_optional: bool

    @property
    def maximum(self) -> int | None:
        """The N of `max N chars`."""
        match = re.search(r"max (\d+) chars", self.comment)
        return int(match[1]) if match else None


@dataclass(frozen=True)
class Interface:
    """A TypeScript interface of a document."""

    name: str
    fields: tuple[Field, ...]
    lines: frozenset[int]

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


class Document:
    """The text of a document; lines are numbered from 1, white space around them does not count."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lines = [line.strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]

    @property
    def lines(self) -> dict[int, str]:
        """Every line that is not empty, by its number."""
        return {number: line for number, line in enumerate(self._lines, 1) if line}

    def quoted(self, quote: str) -> frozenset[int]:
        """The lines of a quote; `…` alone on a line of it stands for any lines. ValueError unless it is found once."""
        wanted = [line.strip() for line in quote.strip().splitlines()]
        found = [lines for start in self.lines if (lines := self._match(start, wanted))]
        if len(found) != 1:
            raise ValueError(f"{self.name} has {len(found)} times, not once:\n{quote}")
        return found[0]

    def every(self, line: str) -> frozenset[int]:
        """All lines that are exactly that; ValueError when there is none."""
        found = frozenset(number for number, text in self.lines.items() if text == line)
        if not found:
            raise ValueError(f"{self.name} has no line {line!r}")
        return found

    def example(self, quote: str) -> Example:
        """The JSON that comes next after a quote."""
        start = next(n for n in range(max(self.quoted(quote)) + 1, len(self._lines)) if self._lines[n - 1][:1] in "{[")
        text = "\n".join(self._lines[start - 1 :])
        value, end = json.JSONDecoder().raw_decode(text)
        return Example(value, frozenset(range(start, start + text[:end].count("\n") + 1)))

    def interface(self, name: str) -> Interface:
        """The TypeScript interface of that name."""
        lines = self.quoted(f"interface {name} {{\n{GAP}\n}}")
        inner = [self._lines[number - 1] for number in sorted(lines)[1:-1]]
        matches = [match for line in inner if (match := _FIELD.fullmatch(line))]
        assert len(matches) == len(inner), f"a line of {name} is no field"
        fields = (Field(m["name"], m["type"], m["comment"] or "", m["optional"] is not None) for m in matches)
        return Interface(name, tuple(fields), lines)

    def _match(self, start: int, wanted: list[str]) -> frozenset[int]:
        at, number, lines = 0, start, set()
        while at < len(wanted) and number <= len(self._lines):
            text = self._lines[number - 1]
            if wanted[at] == GAP and text == wanted[at + 1]:
                at += 1
            elif wanted[at] != GAP and text != wanted[at]:
                return frozenset()
            lines.add(number)
            number += 1
            at += wanted[at] != GAP
        return frozenset(lines) if at == len(wanted) else frozenset()


API = Document("publication-site-api.txt")
PUBLISHER = Document("publisher-endpoints.txt")
DOCUMENTS = (API, PUBLISHER)


def says(document: Document, *passages: str | Passage) -> Callable[[Test], Test]:
    """Attach a test to the lines that it holds: quotes, each found once, or examples and interfaces of the document."""
    claims = {(document.name, line) for line in lines_of(document, passages)}

    def attach(test: Test) -> Test:
        test.claims = claims | getattr(test, "claims", set())  # type: ignore[attr-defined]  # functions take any
        return test

    return attach


def lines_of(document: Document, passages: Iterable[str | Passage]) -> set[int]:
    """The numbers of all lines of some passages."""
    return {
        line
        for passage in passages
        for line in (document.quoted(passage) if isinstance(passage, str) else passage.lines)
    }
