"""Deliveries to a real WordPress: what stands there, field by field; then publishes with the answer cut everywhere.

Starts a WordPress, a pubsite with a worker beside it, and a proxy in between. 200 posts (10 with `--short`), each cut
off once: at one of its requests, in one of the proxy's ways, the worker's kill -9 among them. Each must stand there
once, and each record end published. Without `--short`, the suite of every kind of destination runs against it too.
Ends with exit code 1 when a promise does not hold. Loopback only.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.crash.process import ROOT, Broken, Pserve
from tests.doubles.cutting import KILLS, Cutting, Point, Way, cutting
from tests.doubles.delivering import OPTIONS, Json, Tenant, WorkerProcess, tenant
from tests.long.wordpress_fields import check_fields, check_words
from tests.long.wordpress_server import Server, missing, wordpress

DESTINATIONS = 8
PATIENCE = 45 * 60.0
LATE_SECONDS = 25.0  # the client gives up after 20
POSTS = (
    "SELECT post_title AS title, post_content AS content, post_status AS status FROM wp_posts WHERE post_type = 'post'"
)
SHORT_LATE_SECONDS, SHORT_TOTAL_SECONDS, SHORT_SETTLE_SECONDS = 2.5, 2.0, 3.0


@dataclass(frozen=True)
class World:
    """Everything that runs. `direct`: the WordPress's own address; `proxied`: that of the proxy before it."""

    server: Server
    api: Tenant
    worker: WorkerProcess
    proxy: Cutting

    @property
    def secret(self) -> str:
        return f"{self.server.user}:{self.server.application_password}"


def main() -> int:
    asked = arguments()
    if asked.worker:
        return hurried_worker()
    if absent := missing():
        print(f"skipped: {absent}")
        return 0
    with tempfile.TemporaryDirectory(prefix="delivery-") as folder:
        try:
            with running(Path(folder), short=asked.short) as world:
                print(check_fields(world.server, world.api), check_words(world.server, world.api), sep="\n", flush=True)
                print(check_cuts(world, asked.posts, random.Random(asked.seed)), flush=True)
        except Broken as broken:
            print(f"BROKEN (seed {asked.seed}): {broken}", *tails(Path(folder)), sep="\n", file=sys.stderr)
            return 1
    return 0 if asked.short else the_suite()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="10 posts, with shorter waiting times")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.posts = asked.posts or (10 if asked.short else 200)
    return asked


@contextmanager
def running(folder: Path, *, short: bool) -> Iterator[World]:
    pserve = Pserve(folder / "data", options=OPTIONS)
    pserve.data_dir.mkdir()
    command = (sys.executable, str(Path(__file__).absolute()), "--worker") if short else ()
    worker = WorkerProcess(pserve.data_dir, pserve.port, command, lease_seconds=2 if short else 5)
    with wordpress(folder / "blog") as server:
        late = SHORT_LATE_SECONDS if short else LATE_SECONDS
        with cutting(Cutting(server.port, worker.kill, late)) as proxy:
            try:
                pserve.start()
                worker.start()
                yield World(server, tenant(pserve), worker, proxy)
            finally:
                worker.stop()
                pserve.kill()


def hurried_worker() -> int:
    """`pubsite worker` with other waiting times, and otherwise the same."""
    from pubsite import app, cli
    from pubsite.outgoing import Allowed, Client
    from pubsite.publishing.kinds import KINDS
    from pubsite.services import delivering

    delivering.SETTLE = timedelta(seconds=SHORT_SETTLE_SECONDS)
    KINDS["wordpress"] = replace(KINDS["wordpress"], schedule=(timedelta(seconds=1),) * 10)
    app.make_outgoing = lambda settings: Client(
        Allowed.parse(settings.outgoing_allow), total_seconds=SHORT_TOTAL_SECONDS
    )
    return cli.main(["-c", "development.ini", "worker"])


def check_cuts(world: World, posts: int, chance: random.Random) -> str:
    """Publish so many pages, each cut off once; what came of it, in words. Raises Broken."""
    api, base_url = world.api, f"http://127.0.0.1:{world.proxy.port}"
    site = api.site("cuts")
    titles = [f"Cut number {number}." for number in range(posts)]
    ids = pages_of(api, site, titles)
    count = min(DESTINATIONS, posts)
    destinations = [api.destination(site, f"blog {n}", base_url, world.secret) for n in range(count)]
    planned = dict(zip(titles, chance.sample(ways(posts), posts), strict=True))
    world.proxy.plan, started = dict(planned), time.monotonic()
    for number, title in enumerate(titles):
        api.publish(ids[title], destinations[number % count]["id"])
    tests = wait_until_ended(world, site, started)
    seconds, by_page = time.monotonic() - started, {record["content_id"]: record for record in api.records(site)}
    found = {title: by_page[ids[title]] for title in titles}
    judged(world, planned, found)
    kills = sum(way in KILLS for _, way in planned.values())
    told = (
        f"{world.worker.kills} kills ({kills} planned), {world.proxy.requests} requests, {tests} tests of what paused"
    )
    return "\n".join((*figures(planned, found), f"  {seconds:.0f} s in all, {told}"))


def pages_of(api: Tenant, site: Json, titles: list[str]) -> dict[str, str]:
    """New pages that are live; title → id."""
    pages = [
        {"path": f"/{n}", "config": {"title": title, "content": f"<p>Text {n}</p>"}} for n, title in enumerate(titles)
    ]
    api.ask("POST", "/api/sites/acme/cuts/pages:batch", {"upsert": pages})
    api.deploy(site)
    return {page["config"]["title"]: page["id"] for page in api.ask("GET", "/api/sites/acme/cuts/pages")}


def ways(posts: int) -> list[tuple[Point, Way]]:
    """Every way at every point, over and over; some of them where there are fewer posts."""
    every = [(point, way) for way, point in itertools.product(Way, Point)]
    return (
        list(itertools.islice(itertools.cycle(every), posts))
        if posts >= len(every)
        else every[:: len(every) // posts][:posts]
    )


def wait_until_ended(world: World, site: Json, started: float) -> int:
    """Until no record is under way; how often a paused destination had to be tested, as its owner would."""
    tests, told = 0, 0.0
    while True:
        records = world.api.records(site)
        left = Counter(record["status"] for record in records if record["status"] in ("pending", "publishing"))
        if not left:
            return tests
        seconds = time.monotonic() - started
        if seconds > PATIENCE:
            raise Broken(f"after {seconds:.0f} s still {dict(left)}")
        paused = {r["destination_id"] for r in records if r.get("error_code") == "destination_paused"}
        for destination_id in paused:
            world.api.publisher("POST", f"destinations/{destination_id}/test/")
            tests += 1
        if seconds - told > 30:
            told = seconds
            print(
                f"  {seconds:.0f} s: {len(records) - left.total()} ended, {dict(left)}; {world.worker.kills} kills",
                flush=True,
            )
        time.sleep(1)


def judged(world: World, planned: Mapping[str, tuple[Point, Way]], found: Mapping[str, Json]) -> None:
    """Each post once, public, with its mark; each record (by title) published. Raises Broken that names what is not."""
    rows = world.server.query(POSTS)
    wrong = []
    for title, record in found.items():
        marked = [row["status"] for row in rows if f"pubsite:{record['id']}:" in (row["content"] or "")]
        named = [row["status"] for row in rows if row["title"] == title]
        if (record["status"], marked, named) != ("published", ["publish"], ["publish"]):
            told = {name: record.get(name) for name in ("status", "error_code", "error", "attempts")}
            wrong.append(f"{title} {planned[title]}: {told}, marked {marked}, of that title {named}")
    wrong += [f"{title} {planned[title]}: was never cut off" for title in planned.keys() - world.proxy.happened.keys()]
    if found.keys() != planned.keys():
        wrong.append(f"{len(planned)} planned, {len(found)} records")
    if wrong:
        raise Broken(f"{len(wrong)} of {len(found)} posts are wrong:\n" + "\n".join(wrong))


def figures(planned: Mapping[str, tuple[Point, Way]], found: Mapping[str, Json]) -> Iterator[str]:
    """Of each way: how many posts, how many tries, how long it took."""
    yield f"{len(found)} posts, each cut off once: each stands there once, and every record is published"
    for way in Way:
        of_way = [found[title] for title, (_, planned_way) in planned.items() if planned_way == way]
        if not of_way:
            continue
        times, tries = [elapsed(record) for record in of_way], [record["attempts"] for record in of_way]
        middle, most = statistics.median(times), max(times)
        yield f"  {way}: {len(of_way)} posts, {statistics.mean(tries):.1f} tries, {middle:.0f} s (at most {most:.0f} s)"


def elapsed(record: Json) -> float:
    """Seconds from the wish to the end."""
    first, last = (datetime.fromisoformat(record[name]) for name in ("created_at", "published_at"))
    return (last - first).total_seconds()


def the_suite() -> int:
    """The suite of every kind of destination, at a real WordPress; pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/contract/test_destinations.py", "-k", "wordpress"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PUBSITE_TEST_WORDPRESS": "real"}).returncode


def tails(folder: Path) -> list[str]:
    return [
        f"{log.name}: {log.read_text('utf-8', 'replace')[-1500:]}"
        for log in folder.rglob("*.log")
        if log.stem in ("worker", "pserve")
    ]


if __name__ == "__main__":
    sys.exit(main())
