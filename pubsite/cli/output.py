"""What people and scripts read: one JSON document or plain text on stdout, everything else on stderr.

Texts from the server or from file names lose their control characters before they reach a terminal.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from pubsite.errors import Problem

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SHOWN_PROBLEMS = 50


class Output:
    """Where one command writes; `as_json` is the user's `--json`."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.progress = Progress(shown=sys.stderr.isatty())

    def result(self, document: Any, text: str | Iterable[str]) -> None:
        """The command's answer, once: the document with --json, else the text."""
        self.progress.clear()
        if self.as_json:
            click.echo(json.dumps(document, ensure_ascii=False, indent=2))
            return
        for line in [text] if isinstance(text, str) else text:
            click.echo(printable(line))

    def note(self, text: str) -> None:
        """Something for people beside the answer."""
        self.progress.clear()
        click.echo(printable(text), err=True)

    def problems(self, problems: Sequence[Problem]) -> None:
        """Each problem on a line, errors first; all of them are in the JSON document."""
        ranked = sorted(problems, key=lambda problem: problem.severity != "error")
        for problem in ranked[:SHOWN_PROBLEMS]:
            self.note(f"{problem.severity}: {problem.path}: {problem.message} [{problem.code}]")
        if (more := len(ranked) - SHOWN_PROBLEMS) > 0:
            self.note(f"… and {more} more problems; --json lists them all")


class OneLine(logging.Formatter):
    """Log records of the server in process: an error's name, without its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        told = f": {type(error).__name__}: {error}" if error else ""
        return printable(f"{record.levelname.lower()}: {record.getMessage()}{told}".replace("\n", " "))


class Progress:
    """One line on a terminal that is written over; nothing at all anywhere else."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._width = 0

    def show(self, text: str) -> None:
        if self._shown:
            text = printable(text)[:100]
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def printable(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows as aligned columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*texts, strict=True)] if texts else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def counted(number: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sized(number: int) -> str:
    """A number of bytes for people."""
    size, unit = float(number), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{number} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
