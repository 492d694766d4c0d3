"""How long from an edit to the live page, and back: a real pserve on loopback, sites of several sizes, interleaved.

    python bench/deploy.py [--rounds 9] [--sizes 10 100 1000] [--postgres]

Each round edits one page of each site by PATCH, deploys it with `Prefer: wait`, reads the page as a visitor until it
shows the edit, and rolls back. Medians, with the fastest and the slowest beside them. It asserts nothing about time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys
from tests.crash.process import Pserve, new_database

RECORDS = "/api/v1/publisher/deployments/"
WAIT = {"Prefer": "wait=60"}
PARAGRAPH = "The quick *brown* fox jumps over the [lazy](/section-0/page-0) dog, and `again`.\n\n"
COLUMNS = ("first deploy", "PATCH", "deploy", "edit → live", "rollback", "build")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--postgres", action="store_true", help="on the server of PUBSITE_TEST_POSTGRES")
    asked = parser.parse_args()
    figures: dict[tuple[int, str], list[float]] = defaultdict(list)
    with server(asked.postgres) as (http, visitor):
        sites = {size: make_site(http, size, figures) for size in asked.sizes}
        for number in range(asked.rounds):
            for size, site in sites.items():
                edit_and_back(http, visitor, site, number, figures, size)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, ", end="")
    print(
        f"{'PostgreSQL' if asked.postgres else 'SQLite'}, {asked.rounds} rounds; milliseconds: median (fastest-slowest)"
    )
    print(f"{'pages':>6} " + " ".join(f"{column:>20}" for column in COLUMNS))
    for size in asked.sizes:
        print(f"{size:>6} " + " ".join(f"{shown(figures[size, column]):>20}" for column in COLUMNS))


@contextmanager
def server(on_postgres: bool) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A client of the API, and one for visits; the server ends with the block."""
    with tempfile.TemporaryDirectory() as folder, new_database(on_postgres) as url:
        pserve = Pserve(Path(folder) / "data", url)
        pserve.data_dir.mkdir()
        pserve.start()
        try:
            base = f"http://127.0.0.1:{pserve.port}"
            headers = {"Authorization": f"Bearer {token(pserve)}"}
            with (
                httpx.Client(base_url=base, headers=headers, timeout=120) as http,
                httpx.Client(base_url=base, timeout=10) as visitor,
            ):
                yield http, visitor
        finally:
            pserve.stop()


def token(pserve: Pserve) -> str:
    url = pserve.database_url or f"sqlite:///{pserve.data_dir / 'pubsite.sqlite'}"
    with closing(Database(url)) as database, database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        return Keys.load(pserve.data_dir).issue_token(account.id, lifetime=timedelta(hours=12))[0]


def make_site(http: httpx.Client, size: int, figures: dict[tuple[int, str], list[float]]) -> dict[str, Any]:
    """A site of `size` Markdown pages of some 130 words, twenty to a section; deployed once."""
    made = http.post("/api/sites/acme", json={"slug": f"s{size}", "name": f"{size} pages"}).raise_for_status()
    pages = [
        {
            "path": f"/section-{n // 20}/page-{n}",
            "config": {"title": f"Page {n}", "format": "markdown", "content": PARAGRAPH * 10},
        }
        for n in range(size)
    ]
    for start in range(0, size, 500):
        http.post(
            f"/api/sites/acme/s{size}/pages:batch", json={"upsert": pages[start : start + 500]}
        ).raise_for_status()
    listed = http.get(f"/api/sites/acme/s{size}/pages").raise_for_status().json()
    site: dict[str, Any] = {**made.json(), "page": next(page for page in listed if page["path"] == "/section-0/page-0")}
    started = time.perf_counter()
    ended(http.post(RECORDS, json={"site_id": site["id"]}, headers=WAIT))
    figures[size, "first deploy"].append(time.perf_counter() - started)
    return site


def edit_and_back(
    http: httpx.Client,
    visitor: httpx.Client,
    site: dict[str, Any],
    number: int,
    figures: dict[tuple[int, str], list[float]],
    size: int,
) -> None:
    """One round of one site."""
    word = f"edit-{number}-of-{size}"
    config = {**site["page"]["config"], "content": f"{word}\n\n{PARAGRAPH * 10}"}
    started = time.perf_counter()
    http.patch(f"/api/sites/pages/{site['page']['id']}", json={"config": config}).raise_for_status()
    patched = time.perf_counter()
    record = ended(http.post(RECORDS, json={"site_id": site["id"], "release_hold": True}, headers=WAIT))
    deployed = time.perf_counter()
    host = {"Host": f"{site['host_label']}.localhost:{http.base_url.port}"}
    while word not in visitor.get("/section-0/page-0/", headers=host).text:
        pass
    live = time.perf_counter()
    ended(http.post(f"{RECORDS}{record['id']}/rollback/", json={}, headers=WAIT))
    back = time.perf_counter()
    for column, seconds in (
        ("PATCH", patched - started),
        ("deploy", deployed - patched),
        ("edit → live", live - started),
        ("rollback", back - live),
        ("build", record["stats"]["seconds"]["all"]),
    ):
        figures[size, column].append(seconds)


def ended(response: httpx.Response) -> dict[str, Any]:
    record: dict[str, Any] = response.raise_for_status().json()["data"]
    if record["status"] != "deployed":
        raise SystemExit(f"a deployment is {record['status']}: {record.get('error')}")
    return record


def shown(seconds: list[float]) -> str:
    low, middle, high = (f"{1000 * value:.0f}" for value in (min(seconds), median(seconds), max(seconds)))
    return middle if len(seconds) == 1 else f"{middle} ({low}-{high})"


if __name__ == "__main__":
    main()
