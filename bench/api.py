"""How fast the API reads and writes one object, beside Django REST Framework doing the same work.

    python bench/api.py [--rounds 9] [--seconds 2] [--connections 4] [--postgres] [--wsgi] [--drf-python PATH]

Reads are GET, writes PATCH of the name, of a site without pages, with a JWT. Each side is a process of its own: pserve
with development.ini, and waitress with bench/drf/site_api.py; as many threads, a line of log a request, the same
durability (SQLite in WAL with synchronous=FULL, or with --postgres the server of PUBSITE_TEST_POSTGRES). This process
is the client: keep-alive connections, each with a site of its own. Rounds are interleaved; figures are medians, with
the lowest and the highest. CPU time is the server's, of all its threads, and says more than rates do on a machine that
others use; the ratios are how many times better pubsite is.

--wsgi calls both apps without sockets, on one thread: what the code alone costs (bench/pubsite_calls.py is what to
profile). Without --drf-python, Django and its parts are installed into a venv that goes away. It asserts nothing about
time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import IO, cast

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import load
from bench.pubsite_calls import new_site, new_token
from tests.crash.process import Pserve, free_port, new_database

ROOT = Path(__file__).parents[1]
THREADS = 8  # as development.ini has it
CALLS = Path(__file__).parent / "pubsite_calls.py"
SITE_API = Path(__file__).parent / "drf" / "site_api.py"
DRF = ("django", "djangorestframework", "pyjwt", "waitress", "psycopg[binary]")
BODY = b'{"name": "%s"}' % load.NAME
WORK = {"read": ("GET", b""), "write": ("PATCH", BODY)}


@dataclass
class Side:
    """A running server, and the paths of its sites."""

    name: str
    pid: int
    port: int
    token: str
    paths: list[str]
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    micros: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def measure(self, work: str, seconds: float, counter: Iterator[int]) -> None:
        method, body = WORK[work]
        requests = [load.request_bytes(method, path, self.port, self.token, body) for path in self.paths]
        before = load.cpu_seconds(self.pid)
        answers, took = load.drive(self.port, requests, seconds, partial(next, counter))
        self.rates[work].append(answers / took)
        self.micros[work].append((load.cpu_seconds(self.pid) - before) / answers * 1e6)


def main() -> None:
    asked = _arguments()
    os.environ["PYTHONPATH"] = str(ROOT)  # pserve serves this tree, whichever one is installed
    database = "PostgreSQL" if asked.postgres else "SQLite"
    where = (
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {database}"
    )
    print(f"{where}, {asked.rounds} rounds; medians", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        python = asked.drf_python or (asked.only != "pubsite" and _new_venv(Path(folder) / "drf")) or ""
        measure = in_process if asked.wsgi else over_sockets
        measure(asked, Path(folder), python, running)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2, help="of one round of one kind of work of one side")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--postgres", action="store_true", help="on the server of PUBSITE_TEST_POSTGRES")
    parser.add_argument("--wsgi", action="store_true", help="call the apps without sockets, on one thread")
    parser.add_argument("--count", type=int, default=100, help="of the calls in a round of --wsgi")
    parser.add_argument("--only", choices=("pubsite", "drf"), help="one side")
    parser.add_argument("--drf-python", help="a Python that has " + ", ".join(DRF))
    return parser.parse_args()


def _new_venv(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *DRF], check=True, stdout=sys.stderr)
    return python


def over_sockets(asked: argparse.Namespace, folder: Path, python: str, running: ExitStack) -> None:
    """Both servers side by side, one after the other in each round."""
    sides = []
    if asked.only != "drf":
        sides.append(running.enter_context(_pubsite(folder / "pubsite", asked)))
    if asked.only != "pubsite":
        sides.append(running.enter_context(_drf(folder, python, asked)))
    counter = count(1)
    for number in range(asked.rounds + 1):
        for work in WORK:
            for side in sides if number % 2 else reversed(sides):
                side.measure(work, asked.seconds if number else 0.5, counter)
    for side in sides:
        for work in WORK:  # the first round warmed up
            del side.rates[work][0], side.micros[work][0]
    _print_table(sides)


def _print_table(sides: list[Side]) -> None:
    head = f"{'':>6} {'':>8} {'requests/s':>22} {'CPU µs/request':>24}"
    print(head + (f" {'rate':>6} {'CPU':>6}" if len(sides) == 2 else ""))
    for work in WORK:
        for side in sides:
            line = f"{work:>6} {side.name:>8} {_shown(side.rates[work]):>22} {_shown(side.micros[work]):>24}"
            if len(sides) == 2 and side is sides[0]:
                rate, cpu = (
                    median(figures[0][work]) / median(figures[1][work])
                    for figures in ([each.rates for each in sides], [each.micros for each in sides])
                )
                line += f" {rate:>5.2f}x {1 / cpu:>5.2f}x"
            print(line)


def _shown(figures: list[float]) -> str:
    return f"{median(figures):.0f} ({min(figures):.0f}-{max(figures):.0f})"


@contextmanager
def _pubsite(folder: Path, asked: argparse.Namespace) -> Iterator[Side]:
    folder.mkdir()
    with new_database(asked.postgres) as url:
        pserve = Pserve(folder / "data", url)
        pserve.data_dir.mkdir()
        pserve.start()
        try:
            token = new_token(pserve.data_dir, url)
            base = f"http://127.0.0.1:{pserve.port}"
            paths = []
            with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}) as http:
                for number in range(asked.connections):
                    http.post("/api/sites/acme", json=new_site(number)).raise_for_status()
                    paths.append(f"/api/sites/acme/site-{number}")
            yield Side("pubsite", pserve.pid, pserve.port, token, paths)
        finally:
            pserve.stop()


@contextmanager
def _drf(folder: Path, python: str, asked: argparse.Namespace) -> Iterator[Side]:
    with new_database(asked.postgres) as url:
        prepared, where = _prepared(folder, python, url, asked.connections)
        port = free_port()
        command = [python, str(SITE_API), "serve", where, str(port), str(THREADS)]
        with (folder / "drf.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _await(process, port, folder / "drf.log")
            yield Side("DRF", process.pid, port, prepared["token"], prepared["paths"])
        finally:
            process.terminate()
            process.wait(30)


def _prepared(folder: Path, python: str, url: str, sites: int) -> tuple[dict[str, list[str]], str]:
    where = url.replace("postgresql+psycopg://", "postgresql://") or str(folder / "drf.sqlite")
    made = subprocess.run([python, str(SITE_API), "prepare", where, str(sites)], check=True, capture_output=True)
    return json.loads(made.stdout), where


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"the Django server did not start:\n{log.read_text()}")
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the Django server did not answer")


def in_process(asked: argparse.Namespace, folder: Path, python: str, running: ExitStack) -> None:
    """Each app in a process of its own that calls it in loops; short rounds, so that both meet the same neighbours."""
    sides = {}
    if asked.only != "drf":
        url = running.enter_context(new_database(asked.postgres))
        sides["pubsite"] = [sys.executable, str(CALLS), "--database", url]
    if asked.only != "pubsite":
        prepared, where = _prepared(folder, python, running.enter_context(new_database(asked.postgres)), 1)
        sides["DRF"] = [python, str(SITE_API), "wsgi", where, prepared["token"], prepared["paths"][0]]
    with (folder / "calls.log").open("w") as log:
        callers = {name: running.enter_context(_caller(command, log)) for name, command in sides.items()}
    figures: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in sides}
    for number in range(asked.rounds + 1):
        for work in WORK:
            for name, call in callers.items():
                took = call(work, asked.count)
                if number:  # the first round warmed up
                    figures[name][work].append(took)
    for work in WORK:
        for name, measured in figures.items():
            print(f"{work:>6} {name:>8} {_shown(measured[work]):>24} CPU µs/call")
        if len(sides) == 2:
            ratios = [b / a for a, b in zip(*(each[work] for each in figures.values()), strict=True)]
            print(f"{'':>15} {median(ratios):.2f} times cheaper, the median of the rounds")


@contextmanager
def _caller(command: list[str], log: IO[str]) -> Iterator[Callable[[str, int], float]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    tell, told = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def call(work: str, number: int) -> float:
        print(work, number, file=tell, flush=True)
        return float(told.readline() or sys.exit(f"{command[1]} ended"))

    try:
        yield call
    finally:
        process.communicate()


if __name__ == "__main__":
    main()
