"""Crowds of slow clients on a real pserve: while each is there, every healthy GET must answer within a second.

Half-open connections, uploads and downloads of a byte a second, all of them at once, every waiting slot taken. The
crowd comes back as often as it is cut off. Ends with exit code 1 when one answer is late or wrong. Loopback only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))

from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys
from pubsite.wire.patrol import ANSWER_WINDOW
from tests.crash.process import Broken, Pserve

LATEST = 1.0  # seconds
FILES, FILE_BYTES = 20, 1_000_000
DEPLOYMENTS = "/api/v1/publisher/deployments/"


@dataclass(frozen=True)
class Crowd:
    """`count` connections that send `opening`, then `more` and read `take` bytes every second."""

    name: str
    count: int
    opening: bytes
    more: bytes = b""
    take: int = 65_536


@dataclass(frozen=True)
class Probe:
    """A healthy request."""

    name: str
    host: str
    path: str


@dataclass
class Scene:
    """What stands on the server: a deployed site, files to download, sites whose deployment never ends."""

    token: str
    page_host: str
    files_id: str
    waiting_ids: list[str]

    def request(self, method: str, path: str, *headers: str) -> bytes:
        lines = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}", *headers)
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def probes(self) -> list[Probe]:
        return [
            Probe("/", "localhost", "/"),
            Probe("a site by API", "localhost", "/api/sites/acme/pages"),
            Probe("a hosted page", self.page_host, "/"),
        ]

    def crowds(self) -> dict[str, list[Crowd]]:
        upload = self.request("POST", f"/api/sites/{self.files_id}/files/upload", "Content-Length: 900000")
        download = self.request("GET", f"/api/sites/{self.files_id}/files/download/0.bin")
        archive = self.request("GET", f"/api/sites/{self.files_id}/files/archive?format=zip")
        half_open = [
            Crowd("silent", 500, b""),
            Crowd("half a header", 400, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: "),
            Crowd("a header byte a second", 100, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"),
        ]
        uploads = [Crowd("a body byte a second", 200, upload, b"a")]
        readers = [Crowd("one answer", 150, download, take=1), Crowd("four answers", 50, download * 4, take=1)]
        archives = [Crowd("20 MB archives", 16, archive * 2, take=1)]
        return {
            "nobody": [],
            "1,000 half-open connections": half_open,
            "200 uploads of a byte a second": uploads,
            "200 slow readers": readers,
            "all of them": [*half_open, *uploads, *readers],
            "16 slow readers of archives": archives,
            "twice the connection limit": [Crowd("silent", 4_000, b"")],
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--short", action="store_true", help="100 tries each of the first five crowds, without any timeout"
    )
    parser.add_argument("--only", default="", help="the crowds whose names hold this")
    asked = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        pserve = Pserve(Path(folder) / "data")
        try:
            run(pserve, asked.only, short=asked.short)
            return 0
        except Broken as broken:
            print(f"BROKEN: {broken}", file=sys.stderr)
            return 1
        finally:
            pserve.kill()


def run(pserve: Pserve, only: str, *, short: bool) -> None:
    """Every crowd in turn. Raises Broken."""
    scene = prepare(pserve)
    late: list[str] = []
    seconds = 0.0 if short else ANSWER_WINDOW + 10  # until the slowest are cut off, and have come back
    for name, crowds in islice(scene.crowds().items(), 5 if short else None):
        if only in name:
            with gathered(crowds, pserve.port):
                late += measure(pserve, scene, name, seconds)
    if only in "every waiting slot taken":
        late += with_every_slot_taken(pserve, scene, seconds)
    if late:
        raise Broken("; ".join(late))


def prepare(pserve: Pserve) -> Scene:
    """The sites, made with a worker; afterwards the server runs without one, so that no deployment ends."""
    pserve.data_dir.mkdir(parents=True)
    pserve.start()
    url = f"sqlite:///{pserve.data_dir / 'pubsite.sqlite'}"
    with closing(Database(url)) as database, database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        account_id = account.id
    token, _ = Keys.load(pserve.data_dir).issue_token(account_id, lifetime=timedelta(hours=2))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{pserve.port}", headers=headers, timeout=70) as http:
        pages, files = (new_site(http, *made) for made in (("pages", "FullyManaged"), ("files", "SelfManaged")))
        page = {"path": "/", "config": {"title": "Home", "content": "<p>hello</p>"}}
        http.post("/api/sites/acme/pages/pages", json=page).raise_for_status()
        asked = {"site_id": pages["id"]}
        http.post(DEPLOYMENTS, json=asked, headers={"Prefer": "wait=30"}).raise_for_status()
        for number in range(FILES):
            upload: dict[str, Any] = {
                "data": {"filePath": f"{number}.bin"},
                "files": {"file": ("name", os.urandom(FILE_BYTES))},
            }
            http.post(f"/api/sites/{files['id']}/files/upload", **upload).raise_for_status()
        waiting = [new_site(http, f"waiting-{number}", "FullyManaged")["id"] for number in range(20)]
    pserve.stop()
    pserve.options = ("worker=off",)
    pserve.start()
    return Scene(token, f"{pages['host_label']}.localhost", files["id"], waiting)


def new_site(http: httpx.Client, slug: str, mode: str) -> dict[str, Any]:
    made = http.post("/api/sites/acme", json={"slug": slug, "name": slug, "mode": mode}).raise_for_status()
    site: dict[str, Any] = made.json()
    return site


@contextmanager
def gathered(crowds: Sequence[Crowd], port: int) -> Iterator[None]:
    """The crowds in a process of their own, from when they begin to connect."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=crowd_in, args=(crowds, port, ready), daemon=True)
    process.start()
    ready.wait(30)
    try:
        yield
    finally:
        process.kill()
        process.join()


def crowd_in(crowds: Sequence[Crowd], port: int, ready: Any) -> None:
    """Keep every crowd at its number until killed."""
    members: list[list[socket.socket]] = [[] for _ in crowds]
    ready.set()
    while True:
        began = time.monotonic()
        for crowd, there in zip(crowds, members, strict=True):
            there[:] = [each for each in there if stays(each, crowd)]
            while len(there) < crowd.count and (new := joins(crowd, port)) is not None:
                there.append(new)
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def joins(crowd: Crowd, port: int) -> socket.socket | None:
    new = socket.socket()
    new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    new.settimeout(1)
    try:
        new.connect(("127.0.0.1", port))
        new.sendall(crowd.opening)
    except OSError:
        new.close()
        return None
    new.setblocking(False)
    return new


def stays(member: socket.socket, crowd: Crowd) -> bool:
    """Do what it does in a second; False once the server has cut it off."""
    try:
        if crowd.more:
            member.send(crowd.more)
        with suppress(BlockingIOError):
            if not member.recv(crowd.take):
                raise ConnectionError
    except OSError:
        member.close()
        return False
    return True


def measure(pserve: Pserve, scene: Scene, name: str, seconds: float) -> list[str]:
    """At least 100 tries of each probe, for at least so long; prints the figures, and returns what was late."""
    started, took = time.monotonic(), {probe: [] for probe in scene.probes}  # type: dict[Probe, list[float]]
    while time.monotonic() < started + seconds or len(took[scene.probes[0]]) < 100:
        for probe in scene.probes:
            took[probe].append(ask(pserve.port, probe))
        time.sleep(0.001)
    late = []
    for probe, times in took.items():
        cuts = statistics.quantiles(times, n=100)
        figures = f"p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms, max {max(times) * 1000:.1f} ms"
        print(f"{name}: {probe.name}: {len(times)} tries, {figures}; {pserve_size(pserve)}", flush=True)
        if max(times) > LATEST:
            late.append(f"{name}: {probe.name} took {max(times):.2f} s")
    return late


def ask(port: int, probe: Probe) -> float:
    """Seconds until the whole answer, over a new connection; a wrong one counts as for ever."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", probe.path, headers={"Host": f"{probe.host}:{port}"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            return float("inf")
    except (OSError, http.client.HTTPException):
        return float("inf")
    finally:
        connection.close()
    return time.monotonic() - started


def pserve_size(pserve: Pserve) -> str:
    status = Path(f"/proc/{pserve.pid}/status").read_text()
    kib = int(status.partition("VmRSS:")[2].split()[0])
    return f"{kib // 1024} MiB, {len(os.listdir(f'/proc/{pserve.pid}/fd'))} descriptors"


def with_every_slot_taken(pserve: Pserve, scene: Scene, seconds: float) -> list[str]:
    """Twenty clients wait a minute for deployments that do not end: two do so, the others have their answer at once."""
    waiters = [joins(Crowd("", 1, wait_request(scene, site_id)), pserve.port) for site_id in scene.waiting_ids]
    time.sleep(3)
    answered = 0
    for waiter in filter(None, waiters):
        with suppress(BlockingIOError):
            head, _, body = waiter.recv(65_536).partition(b"\r\n\r\n")
            answered += head.startswith(b"HTTP/1.1 202 ") and json.loads(body)["data"]["status"] == "pending"
    late = measure(pserve, scene, "every waiting slot taken", seconds)
    if answered != len(waiters) - 2:
        late.append(f"{answered} of {len(waiters)} were answered at once")
    for waiter in filter(None, waiters):
        waiter.close()
    return late


def wait_request(scene: Scene, site_id: str) -> bytes:
    body = json.dumps({"site_id": site_id}).encode()
    headers = ("Prefer: wait=60", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return scene.request("POST", DEPLOYMENTS, *headers) + body


if __name__ == "__main__":
    sys.exit(main())
