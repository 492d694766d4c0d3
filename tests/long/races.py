"""Races between processes: one slug created 200 times at once, uploads against the last MiB, edits with If-Match.

Four processes call the whole app from many threads, of which 8 are served at once, as pserve does; on SQLite and,
where PUBSITE_TEST_POSTGRES names a server, on PostgreSQL. `--short` takes a tenth of each. Ends with exit code 1
when a promise does not hold.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import os

from sqlalchemy import func, select

import pubsite
from pubsite.models import File, Site
from pubsite.services import publishers
from pubsite.settings import load
from pubsite.signing import Keys
from tests.conftest import Client, Server, Tenant, running_server
from tests.databases import VARIABLE, new_postgresql

PROCESSES = 4
SERVED_AT_ONCE = 8
MEBIBYTE = 1_048_576
Ini = dict[str, str]
Task = Callable[[Client, dict[str, Any], int, int], list[int]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a tenth of each race")
    share = 10 if parser.parse_args().short else 1
    failed = 0
    for name, ini in databases():
        for race in (one_slug, last_mebibyte, edits):
            started = time.monotonic()
            told, broken = run(ini, race, share)
            failed += bool(broken)
            print(f"{name}: {told} in {time.monotonic() - started:.1f} s {broken or 'ok'}", flush=True)
    return 1 if failed else 0


def databases() -> Iterator[tuple[str, Ini]]:
    """A fresh server of each database that there is."""
    with tempfile.TemporaryDirectory() as folder:
        yield "SQLite", {"pubsite.development": "true", "pubsite.data_dir": folder}
    if not os.environ.get(VARIABLE):
        print(f"skipped PostgreSQL: {VARIABLE} is not set")
        return
    with tempfile.TemporaryDirectory() as folder, new_postgresql() as url:
        yield "PostgreSQL", {"pubsite.development": "true", "pubsite.data_dir": folder, "sqlalchemy.url": url}


def run(ini: Ini, race: Callable[[Server, Tenant, Ini, int], tuple[str, str]], share: int) -> tuple[str, str]:
    with contextmanager(running_server)(ini) as server:
        return race(server, new_tenant(server), ini, share)


def new_tenant(server: Server) -> Tenant:
    owner = server.account()
    with server.database.transaction() as db:
        publisher = publishers.create(db, name=f"p-{random.randrange(10**9)}", owner=owner)
        db.flush()
        db.refresh(publisher)
        db.expunge(publisher)
    return Tenant(server, publisher, owner, server.client(owner))


def one_slug(server: Server, tenant: Tenant, ini: Ini, share: int) -> tuple[str, str]:
    """All create the same site at the same moment: one is told 200, all others 409."""
    count = max(200 // share // PROCESSES, 1)
    answers = Counter(at_once(ini, tenant, create, {"publisher": tenant.name}, threads=count, each=1))
    expected = {200: 1, 409: PROCESSES * count - 1}
    return f"{PROCESSES * count} creates of one slug: {dict(answers)}", "" if answers == expected else "BROKEN"


def create(client: Client, names: dict[str, Any], seed: int, each: int) -> list[int]:
    return [client.post(f"/api/sites/{names['publisher']}", {"slug": "one", "name": "One"}).status_int]


def last_mebibyte(server: Server, tenant: Tenant, ini: Ini, share: int) -> tuple[str, str]:
    """Uploads of all sizes against a site with 1 MiB left: the sum never passes the limit, and the counter is it."""
    site = tenant.site("raw", "SelfManaged")
    url = f"/api/sites/{site['id']}/files/upload"
    for number in range(24):
        tenant.client.upload(url, f"full/{number}.bin", random.randbytes(MEBIBYTE), status=200)
    each = max(1000 // share // PROCESSES // 5, 1)
    answers = Counter(at_once(ini, tenant, upload, {"url": url, "most": 16_384 * min(share, 4)}, threads=5, each=each))
    with server.database.reading() as db:
        files = select(func.sum(File.size), func.count()).where(File.site_id == Site.id, File.is_directory.is_(False))
        mine = Site.id == uuid.UUID(site["id"])
        counted, of_files = db.execute(select(Site.files_bytes, Site.files_count).where(mine)).one()
        total, count = db.execute(files.where(mine)).one()
    limit = server.settings.site_size_limit
    right = total <= limit and (total, count) == (counted, of_files) and set(answers) <= {200, 400}
    told = f"{PROCESSES * 5 * each} uploads: {dict(answers)}, {total} of {limit} bytes, counter {counted}"
    return told, "" if right and (total > limit - 65_536 or share > 1) else "BROKEN"


def upload(client: Client, names: dict[str, Any], seed: int, each: int) -> list[int]:
    chance = random.Random(seed)
    statuses = []
    for number in range(each):
        path = f"{chance.randrange(40)}.bin" if number % 3 == 0 else f"{seed}/{number}.bin"
        body = chance.randbytes(chance.randrange(1, names["most"]))
        statuses.append(client.upload(names["url"], path, body).status_int)
    return statuses


def edits(server: Server, tenant: Tenant, ini: Ini, share: int) -> tuple[str, str]:
    """Each edit adds a mark to what was read, and says so by If-Match: what was answered 200 is all there."""
    tenant.site()
    page = tenant.page("site", "/", "")
    url = f"/api/sites/pages/{page['id']}"
    each = max(1000 // share // PROCESSES // 5, 1)
    answers = Counter(at_once(ini, tenant, edit, {"url": url}, threads=5, each=each))
    final = tenant.client.get(url).json
    marks = final["config"]["content"].split()
    right = len(marks) == len(set(marks)) == answers[200] == final["revision"] - 1 and set(answers) <= {200, 412}
    told = f"{PROCESSES * 5 * each} edits: {dict(answers)}, {len(marks)} marks"
    return told, "" if right and answers[200] else "BROKEN"


def edit(client: Client, names: dict[str, Any], seed: int, each: int) -> list[int]:
    statuses = []
    for number in range(each):
        seen = client.get(names["url"])
        config = {"content": f"{seen.json['config']['content']} {seed}.{number}"}
        answer = client.patch(names["url"], {"config": config}, **{"If-Match": seen.headers["ETag"]})
        statuses.append(answer.status_int)
    return statuses


def at_once(ini: Ini, tenant: Tenant, task: Task, names: dict[str, Any], *, threads: int, each: int) -> list[int]:
    """The statuses that all threads of all processes got; they begin together."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES), context.Queue()
    token = tenant.client.headers["Authorization"]
    processes = [
        context.Process(target=child, args=(ini, token, task, names, number, threads, each, barrier, results))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [status for _ in processes for status in results.get(timeout=600)]
    for process in processes:
        process.join()
    return found


def child(
    ini: Ini, token: str, task: Task, names: dict[str, Any], number: int, threads: int, each: int, barrier: Any,
    results: Any,
) -> None:  # fmt: skip
    app = pubsite.main({}, **ini)
    settings = load(ini, environ={})
    start, served = threading.Barrier(threads), threading.Semaphore(SERVED_AT_ONCE)

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        with served:
            return app(environ, start_response)

    server = Server(serve, settings, None, None, Keys.load(settings.data_dir))  # type: ignore[arg-type]  # only its clients are used

    def one(index: int) -> list[int]:
        client = server.client()
        client.headers["Authorization"] = token
        start.wait()
        return task(client, names, number * 1000 + index, each)

    barrier.wait()
    with ThreadPoolExecutor(threads) as pool:
        results.put([status for statuses in pool.map(one, range(threads)) for status in statuses])
    app.close()


if __name__ == "__main__":
    sys.exit(main())
