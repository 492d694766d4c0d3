"""How much two sick destinations slow down eighteen healthy ones: records sent by a real worker to a real receiver.

    python bench/publishing.py [--records 10000] [--rounds 1] [--postgres]

Twenty webhooks share the records of a site's pages equally. In one run all that are sent to are healthy (eighteen of
them); in the other two more are sick: one refuses connections, one answers 429. Both runs are measured from the start
of the worker (`pubsite worker`, a process of its own) until the last record of the healthy ones is published, by turns.
The receiver counts every `webhook-id`: none may come twice. It asserts nothing about time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import func, insert, select

from pubsite.app import make_outside
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.models import Job, PublishingRecord, PublishingStatus, now
from pubsite.models.drafts import Draft
from pubsite.services import accounts, deployments, destinations, page_lists, pages, publishers, sites
from pubsite.services.publishing_records import PUBLISH
from pubsite.settings import load
from pubsite.signing import Keys
from pubsite.storage import open_storage
from pubsite.worker import Worker
from tests.crash.process import new_database

HEALTHY, SICK = 18, 2
PAGES = 500
SECONDS = 3600


@dataclass(frozen=True)
class Figures:
    """Of one run: seconds until the healthy ones had all, and what the receiver saw."""

    seconds: float
    published: int
    received: int
    repeated: int
    refused: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000, help="over all twenty destinations")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="on the server of PUBSITE_TEST_POSTGRES")
    asked = parser.parse_args()
    alone: list[float] = []
    beside: list[float] = []
    each = asked.records // (HEALTHY + SICK)
    for _ in range(asked.rounds):
        for sick, times in ((0, alone), (SICK, beside)):
            figures = run(each, sick, postgres=asked.postgres)
            times.append(figures.seconds)
            print(f"{sick} sick: {figures}", flush=True)
    kind = "PostgreSQL" if asked.postgres else "SQLite"
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {kind}")
    print(f"{each * HEALTHY} records of {HEALTHY} healthy destinations: alone {median(alone):.1f} s, "
          f"beside {SICK} sick ones {median(beside):.1f} s, {median(beside) / median(alone):.2f} times")  # fmt: skip


def run(each: int, sick: int, *, postgres: bool) -> Figures:
    """One server, its records, and its worker until the healthy destinations have all of theirs."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder, new_database(postgres) as url:
        environ = {
            **os.environ,
            "PUBSITE_DATA_DIR": folder,
            "PUBSITE_SQLALCHEMY_URL": url,
            "PUBSITE_OUTGOING_ALLOW": "127.0.0.1",
        }
        healthy = prepare(folder, url, port, each, sick)
        seconds, published = measure(environ, url, healthy, each * HEALTHY)
    ours.send("end")
    received, repeated, refused = ours.recv()
    receiver.join()
    return Figures(round(seconds, 2), published, received, repeated, refused)


def prepare(folder: str, url: str, port: int, each: int, sick: int) -> list[uuid.UUID]:
    """A live site, its destinations, and the records with their jobs; the ids of the healthy destinations."""
    ini = {"pubsite.development": "true", "pubsite.data_dir": folder, **({"sqlalchemy.url": url} if url else {})}
    from pubsite import migrations

    settings = load(ini, environ={})
    storage = open_storage(settings.data_dir)
    database = Database(settings.database_url)
    migrations.upgrade(database.engine)
    Keys.create(settings.data_dir)
    outside = make_outside(settings, {})
    with closing(database), closing(storage), closing(RendererPool(1)) as renderers:
        with database.transaction() as db:
            owner = accounts.create(db, name="bench")
            db.flush()
            publisher = publishers.create(db, name="bench", owner=owner)
            site = sites.create(db, publisher, owner.id, slug="docs", name="Docs", limit=100)
            drafts = [Draft(f"/page-{n}", {"content": f"<p>{n}</p>", "title": f"Page {n}"}) for n in range(PAGES)]
            pages.batch(db, site, owner.id, upsert=drafts, delete=[])
            deployments.create(db, site, owner.id, deployments.Request())
            db.flush()
            db.expunge_all()
        Worker(settings, database, storage, renderers, outside).run_one()
        dead = dead_port()
        with database.transaction() as db:
            made = []
            for number in range(HEALTHY + sick):
                at = f"http://127.0.0.1:{dead if number == HEALTHY else port}/{number}"
                if number == HEALTHY + 1:
                    at += "/busy"
                row, _ = destinations.create(
                    db,
                    publisher,
                    site,
                    owner.id,
                    outside.seals,
                    name=str(number),
                    type="webhook",
                    base_url=at,
                    config={},
                )
                made.append(row.id)
            ids = [page.id for page in page_lists.list_of_site(db, site)][:each]
            if len(ids) < each:
                raise SystemExit(f"at most {PAGES * (HEALTHY + SICK)} records")
            common = {"publisher_id": publisher.id, "account_id": owner.id, "site_id": site.id}
            records, due = [], []
            for page_id in ids:
                for destination_id in made:
                    record_id = uuid.uuid4()
                    of_both = {"content_id": page_id, "destination_id": destination_id, "destination_type": "webhook"}
                    records.append({"id": record_id, **common, **of_both, "wanted_revision": 1})
                    lane = destinations.lane(destination_id)
                    due.append({"kind": PUBLISH, "subject_id": record_id, "lane": lane, "run_at": now()})
            db.execute(insert(PublishingRecord), records)
            db.execute(insert(Job), due)
    return made[:HEALTHY]


def measure(environ: dict[str, str], url: str, healthy: list[uuid.UUID], wanted: int) -> tuple[float, int]:
    """Seconds from the worker's start until the healthy destinations' records are all published; and how many are."""
    started = time.monotonic()
    command = [str(Path(sys.executable).with_name("pubsite")), "-c", "development.ini", "worker"]
    worker = subprocess.Popen(command, env=environ, cwd=Path(__file__).parents[1])
    database = Database(url or f"sqlite:///{environ['PUBSITE_DATA_DIR']}/pubsite.sqlite")
    published = 0
    try:
        while published < wanted and time.monotonic() - started < SECONDS:
            time.sleep(0.1)
            if worker.poll() is not None:
                raise SystemExit("the worker has ended")
            with database.reading() as db:
                published = db.scalar(
                    select(func.count())
                    .select_from(PublishingRecord)
                    .where(
                        PublishingRecord.destination_id.in_(healthy),
                        PublishingRecord.status == PublishingStatus.published,
                    )
                ) or 0  # fmt: skip
        return time.monotonic() - started, published
    finally:
        worker.terminate()
        worker.wait(30)
        database.close()


def receive(pipe: Connection) -> None:
    """A receiver of webhooks that answers 204, or 429 under `…/busy`, and counts ids; ends when it is told to."""
    seen: Counter[str] = Counter()
    refused = 0
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        server.settimeout(0.2)
        pipe.send(server.getsockname()[1])
        while not pipe.poll():
            with suppress(TimeoutError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(5)
                    head = _read(connection)
                    busy = b"/busy " in head.split(b"\r\n", 1)[0]
                    refused += busy
                    if not busy:
                        seen[head.lower().split(b"webhook-id: ", 1)[1].split(b"\r\n", 1)[0].decode()] += 1
                    status = b"429 Too Many Requests\r\nRetry-After: 2" if busy else b"204 No Content"
                    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    pipe.recv()
    pipe.send((sum(seen.values()), sum(seen.values()) - len(seen), refused))


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head


def dead_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
