"""The docs' own command lines, pasted one after the other into a shell beside a real server.

A line that the server refuses is a mistake of the page, unless the page shows that very error behind it. An answer that
the page shows has the keys of one that came.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.crash.process import ROOT, Pserve
from tests.doubles.http import serving

ADDRESS = "localhost:6543"  # of the server in the docs
HOOKS = "https://hooks.example.com"  # of the other end in the docs
SECONDS = 120
PART = re.compile(r"^```(\w*)\n(.*?)^```$|^(#+ [^\n]*)$", re.M | re.S)
# Stands before curl in PATH. A curl within the command line of another has ended before that one begins.
CURL = """#!/bin/sh
{curl} "$@" -w '%{{stderr}}%{{http_code}}' 2>"$ANSWERS/$$.status" | tee "$ANSWERS/$$"
printf '%s %s %s %s\\n' "$BLOCK" $$ "$(cat "$ANSWERS/$$.status")" "$(printf '%s ' "$@" | tr '\\n' ' ')" >>"$ANSWERS/log"
"""
# What a page takes for granted, beside a running server.
BEFORE = {
    "files.md": """
        pubsite account create ada
        pubsite publisher create acme --owner ada
        mkdir -p dist/css
        echo '<!doctype html><html lang="en"><title>Hi</title><h1>Hi</h1>' > dist/index.html
        echo 'h1 { color: teal }' > dist/css/site.css
    """
}


@dataclass
class Block:
    """Lines to paste, and the answers that the page shows behind them."""

    lines: str
    shown: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What a curl of a block got; body: None where it is no JSON, or went to a file."""

    block: int
    status: int
    command: str
    body: Any


def blocks(page: str) -> Iterator[Block]:
    """What a page lets its readers paste. Answers belong to the last block of their section."""
    block = None
    for language, content, heading in PART.findall((ROOT / "docs" / page).read_text("utf-8")):
        if heading or language == "bash":
            if block:
                yield block
            block = Block(content) if language == "bash" else None
        elif block and language == "json":
            block.shown.append(json.loads(content))
    if block:
        yield block


@pytest.fixture
def pserve(tmp_path: Path) -> Iterator[Pserve]:
    # A page shows what is left of the rate; the other end of what it sends is on loopback.
    pserve = Pserve(tmp_path / "data", options=("throttle_read=120", "outgoing_allow=127.0.0.1"))
    pserve.data_dir.mkdir()
    pserve.start()
    yield pserve
    pserve.stop()


@pytest.mark.parametrize("page", ["api.md", "people.md", "files.md"])
def test_every_line_of_a_page_can_be_pasted(pserve: Pserve, tmp_path: Path, page: str) -> None:
    pasted = list(blocks(page))
    with serving(lambda asked: (204, {}, b"")) as hooks:
        answers = _run(
            pserve, tmp_path, BEFORE.get(page, ""), pasted, {ADDRESS: f"localhost:{pserve.port}", HOOKS: hooks}
        )
    assert len(answers) == sum(len(re.findall(r"\bcurl ", block.lines)) for block in pasted)
    refused = [answer for answer in answers if not 200 <= answer.status < 400]
    assert [a for a in refused if a.status >= 500 or _shape(a.body) not in _shapes(pasted[a.block])] == []
    missing = []
    for number, block in enumerate(pasted):
        came = [_shape(answer.body) for answer in answers if answer.block == number]
        missing += [shown for shown in block.shown if _shape(shown) not in came]
    assert missing == []


def _shapes(block: Block) -> list[object]:
    return [_shape(shown) for shown in block.shown]


def _shape(body: Any) -> object:
    """What must agree: the keys, of arrays those of the first member; of errors the status too."""
    if isinstance(body, list):
        return [_shape(member) for member in body[:1]]
    if not isinstance(body, dict):
        return type(body)
    return frozenset(body), body.get("statusCode"), body.get("code")


def _run(pserve: Pserve, folder: Path, before: str, pasted: list[Block], addresses: Mapping[str, str]) -> list[Answer]:
    """Paste all of it, with the addresses of the docs replaced by those here; fails when a line does."""
    tools, answers, work = (folder / name for name in ("tools", "answers", "work"))
    for each in (tools, answers, work):
        each.mkdir()
    (tools / "curl").write_text(CURL.format(curl=shutil.which("curl")))
    (tools / "curl").chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PUBSITE_")}
    environ |= {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(work),
        "ANSWERS": str(answers),
        "BLOCK": "",
        "PUBSITE_CONFIG": str(ROOT / "development.ini"),
        "PUBSITE_DATA_DIR": str(pserve.data_dir),
        "PUBSITE_SITES_PORT": str(pserve.port),
    }
    lines = "\n".join(f"BLOCK={number}\n{block.lines}" for number, block in enumerate(pasted))
    for shown, real in addresses.items():
        lines = lines.replace(shown, real)
    script = f"{before}\n{lines}"
    shell = ["bash", "--noprofile", "--norc", "-e", "-u", "-x", "-c", script]
    done = subprocess.run(shell, cwd=work, env=environ, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"the lines stopped:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return [_answer(answers, line) for line in (answers / "log").read_text().splitlines()]


def _answer(answers: Path, line: str) -> Answer:
    block, number, status, command = line.split(" ", 3)
    try:
        body = json.loads((answers / number).read_bytes())
    except ValueError:
        body = None
    return Answer(int(block), int(status), command, body)
