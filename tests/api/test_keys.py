"""Keys that change under a running server, by the command line: no request is refused for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pubsite.cli import main
from pubsite.signing import Keys
from tests.conftest import Server, running_server

INI = """\
[app:main]
use = egg:pubsite
pubsite.development = true
pubsite.data_dir = %(here)s/data
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One of its own: whoever drops keys ends everybody's tokens."""
    (tmp_path / "development.ini").write_text(INI)
    yield from running_server({"pubsite.development": "true", "pubsite.data_dir": str(tmp_path / "data")})


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["-c", str(folder / "development.ini"), *words, "--json"]) == code
    out = capsys.readouterr().out
    for key in Keys.load(folder / "data").tokens:
        assert key.hex() not in out
    return json.loads(out)


def test_keys_change_and_no_request_is_refused(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = server.account()
    of_old = server.client(account)
    statuses: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            statuses.append(of_old.get("/api/accounts/me", status="*").status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for count in range(2, 8):
            listed = run(tmp_path, capsys, "key", "rotate")
            assert [key["signs"] for key in listed] == [True] + [False] * (count - 1)
            server.keys = Keys.load(tmp_path / "data")
            of_new = server.client(account)
            assert of_new.get("/api/accounts/me", status="*").status_code == 200
        seen = len(statuses)
        while len(statuses) < seen + 20:
            ended.wait(0.01)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}

    old = run(tmp_path, capsys, "key", "list")[-1]["fingerprint"]
    left = run(tmp_path, capsys, "key", "drop", old)
    assert old not in [key["fingerprint"] for key in left]
    assert of_old.get("/api/accounts/me", status="*").status_code == 401
    assert of_new.get("/api/accounts/me", status="*").status_code == 200


def test_the_key_that_signs_cannot_be_dropped(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = run(tmp_path, capsys, "key", "list")[0]["fingerprint"]
    assert run(tmp_path, capsys, "key", "drop", only, code=5)["error"]["code"] == "conflict"
    assert run(tmp_path, capsys, "key", "drop", "0" * 12, code=4)["error"]["code"] == "not_found"
    assert server.client(server.account()).get("/api/accounts/me").status_code == 200
