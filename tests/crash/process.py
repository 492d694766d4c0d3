"""A real `pserve` on a folder and a port of its own, to be killed. Loopback only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pubsite.api.throttling import Throttle
from tests.databases import new_postgresql

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class Broken(Exception):
    """A promise that did not hold; the message says which."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Pserve:
    """One server at a time on `data_dir`; `database_url` empty: SQLite there."""

    data_dir: Path
    database_url: str = ""
    port: int = field(default_factory=free_port)
    started_at: float = 0.0
    options: tuple[str, ...] = ()  # `name=value` behind the ini's name
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.data_dir.parent / "pserve.log"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise Broken("pserve is not running")
        return self._process.pid

    def launch(self) -> None:
        """Start it, and do not wait for anything."""
        unset = {name: value for name, value in os.environ.items() if not name.startswith("PUBSITE_")}
        environ = {**unset, **{f"PUBSITE_THROTTLE_{kind.upper()}": "0" for kind in Throttle}}
        if self.database_url:
            environ["PUBSITE_SQLALCHEMY_URL"] = self.database_url
        pserve = Path(sys.executable).with_name("pserve")
        command = [str(pserve), "development.ini", f"http_port={self.port}", f"data_dir={self.data_dir}"]
        command += self.options
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        self.started_at = time.monotonic()

    def start(self) -> float:
        """Start it and wait until it answers; how many seconds that took."""
        self.launch()
        while time.monotonic() < self.started_at + START_SECONDS:
            if self._process is None or self._process.poll() is not None:
                raise Broken(f"pserve did not start; see {self.log}")
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5).status_code == 200:
                    return time.monotonic() - self.started_at
            except httpx.TransportError:
                time.sleep(0.05)
        raise Broken(f"pserve did not answer within {START_SECONDS} s")

    def kill(self) -> list[int]:
        """kill -9 of the server, and of nothing else; the ids of the children that it had."""
        if self._process is None:
            return []
        children = _children(self._process.pid)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        return children

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait(timeout=30)
        self._process = None
        return code


@contextmanager
def new_database(on_postgres: bool) -> Iterator[str]:
    """The URL of a database for this run alone; empty for SQLite."""
    if not on_postgres:
        yield ""
        return
    with new_postgresql() as url:
        yield url


def require_gone(children: list[int], seconds: float = 10.0) -> None:
    """Raise Broken when a child outlives its killed parent."""
    deadline = time.monotonic() + seconds
    while alive := [pid for pid in children if _is_render_child(pid)]:
        if time.monotonic() > deadline:
            raise Broken(f"render children {alive} outlived their server by {seconds} s")
        time.sleep(0.05)


def _children(parent: int) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _parent(entry) == parent]


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_render_child(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and b"pubsite.build" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
