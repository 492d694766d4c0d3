"""Which lines of the documents a test holds, which promise nothing, and which nobody keeps yet."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.documents.document import DOCUMENTS, FOLDER, Document
from tests.documents.later import LATER
from tests.documents.prose import PROSE


@dataclass(frozen=True)
class Coverage:
    """The numbers of a document's lines, by what stands behind them; a line may be kept in part, and so be in two."""

    document: Document
    tested: frozenset[int]
    tests: int
    prose: frozenset[int]
    later: frozenset[int]

    @property
    def forgotten(self) -> list[str]:
        known = self.tested | self.prose | self.later
        return [f"{number}: {line}" for number, line in self.document.lines.items() if number not in known]

    def __str__(self) -> str:
        later = f", {len(self.later)} not there yet" if self.later else ""
        if both := self.later & self.tested:
            later += f" ({len(both)} of them tested as far as it is there)"
        counts = f"{len(self.tested)} tested by {self.tests} tests, {len(self.prose)} prose{later}"
        return f"{self.document.name}: {len(self.document.lines)} lines: {counts}"


@cache
def coverage(document: Document) -> Coverage:
    claims = [lines for lines in map(_claims, _tests()) if any(name == document.name for name, _ in lines)]
    tested = {line for lines in claims for name, line in lines if name == document.name}
    prose = {line for entry, texts in PROSE if entry is document for text in texts for line in document.every(text)}
    later = {line for entry in LATER if entry.document is document for line in document.quoted(entry.line)}
    there = frozenset(document.lines)
    return Coverage(document, there & tested, len(claims), frozenset(prose), frozenset(later))


def summary() -> list[str]:
    return [str(coverage(document)) for document in DOCUMENTS]


def _tests() -> Iterator[object]:
    """Every test function of this folder, whichever of them run."""
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"tests.documents.{path.stem}")
        yield from (value for name, value in vars(module).items() if name.startswith("test_"))


def _claims(test: object) -> set[tuple[str, int]]:
    return getattr(test, "claims", set())
