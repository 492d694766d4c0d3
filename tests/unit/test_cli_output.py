"""What a command writes: one document or text on stdout, the rest on stderr, nothing that a terminal would obey."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from pubsite.cli.output import SHOWN_PROBLEMS, OneLine, Output, Progress, counted, printable, sized, table
from pubsite.errors import Problem


def test_with_json_stdout_holds_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.note("for people")
    output.problems([Problem("warn", "a.md", "code", "message")])
    output.result({"a": "é"}, "text")
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": "é"}
    assert err == "for people\nwarn: a.md: message [code]\n"


def test_errors_are_told_before_warnings_and_a_flood_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem("warn", f"{n}.md", "c", "m") for n in range(SHOWN_PROBLEMS + 5)]
    Output(as_json=False).problems([*problems, Problem("error", "bad.md", "c", "m")])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: bad.md")
    assert len(lines) == SHOWN_PROBLEMS + 1
    assert lines[-1].startswith("… and 6 more")


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Output(as_json=False).progress.show("1 of 2")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    output = Output(as_json=False)
    output.progress.show("1 of 10")
    output.progress.show("2 of 10")
    output.note("Done")
    assert capsys.readouterr().err == "\r1 of 10\r2 of 10\r       \rDone\n"


def test_nothing_reaches_a_terminal_that_it_would_obey() -> None:
    assert printable("a\x1b[2Jb\u202ec\rd\te\n") == "a\ufffd[2Jb\ufffdc\ufffdd\te\n"
    progress = Progress(shown=False)
    progress.show("\x1b[2J")
    progress.clear()


def test_numbers_and_columns_are_for_people() -> None:
    assert [counted(1, "page"), counted(1200, "page")] == ["1 page", "1,200 pages"]
    assert [sized(0), sized(1023), sized(1536), sized(5 * 1024**3)] == ["0 bytes", "1023 bytes", "1.5 KiB", "5.0 GiB"]
    assert table([("a", 1, ""), ("long", 22, "x")]) == ["a     1", "long  22  x"]
    assert table([]) == []


def test_a_log_record_of_the_server_in_process_is_one_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("pubsite", logging.ERROR, "", 0, "job %s failed", ("x",), sys.exc_info())
    assert OneLine().format(record) == "error: job x failed: ValueError: two lines"
