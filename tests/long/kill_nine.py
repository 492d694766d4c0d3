"""kill -9 of a real pserve at random moments under mixed writes, deploys and visits; what was acknowledged must stay.

`--rounds 50` (5 with `--short`); on SQLite, or with `--postgres` in a new database on the server that
PUBSITE_TEST_POSTGRES names. Ends with exit code 1 at the first promise that does not hold. Loopback only.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys
from pubsite.storage import open_storage
from tests.crash.checks import Checks, under_way
from tests.crash.clients import PAGES, Clients, Ledger, Setting, batch_of, swap_trees
from tests.crash.process import Broken, Pserve, new_database, require_gone

CLIENT_SECONDS = (0.3, 3.0)
DEPLOY_SECONDS = (0.0, 0.2)
STARTING_SECONDS = (0.0, 1.5)
ROUND_SECONDS = 90.0  # more is a hang


def main() -> int:
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder, new_database(asked.postgres) as url:
        data_dir = Path(folder) / "data"
        pserve = Pserve(data_dir, url)
        try:
            print(run(pserve, asked.rounds, asked.seed))
            return 0
        except Broken as broken:
            print(f"BROKEN (seed {asked.seed}): {broken}", *tail(pserve.log), sep="\n", file=sys.stderr)
            return 1
        finally:
            pserve.kill()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="5 rounds")
    parser.add_argument("--postgres", action="store_true", help="on the server of PUBSITE_TEST_POSTGRES")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (5 if asked.short else 50)
    return asked


def run(pserve: Pserve, rounds: int, seed: int) -> str:
    """All rounds; what they came to, in one line. Raises Broken."""
    chance, ledger, numbers, slowest = random.Random(seed), Ledger(), itertools.count(1), 0.0
    print(f"seed {seed}, port {pserve.port}, {'PostgreSQL' if pserve.database_url else 'SQLite'}", flush=True)
    pserve.data_dir.mkdir(parents=True)
    pserve.start()
    url = pserve.database_url or f"sqlite:///{pserve.data_dir / 'pubsite.sqlite'}"
    with closing(Database(url)) as database, closing(open_storage(pserve.data_dir)) as storage:
        setting = prepare(pserve, database, storage, ledger, numbers)
        checks = Checks(setting, ledger, database, pserve.data_dir)
        for number in range(1, rounds + 1):
            before = time.monotonic()
            told = one_round(pserve, checks, numbers, chance)
            started = pserve.start()
            seconds = verify(checks, pserve)
            slowest = max(slowest, seconds)
            print(
                f"round {number}: {told}; up in {started:.1f} s, deployments ended after {seconds:.1f} s; "
                f"{ledger.writes} writes, {ledger.responses} responses",
                flush=True,
            )
            if time.monotonic() - before > ROUND_SECONDS:
                raise Broken(f"a round took more than {ROUND_SECONDS:.0f} s")
        if code := pserve.stop():
            raise Broken(f"pserve ended with {code}")
    return (
        f"{rounds} rounds: {ledger.writes} acknowledged writes, 0 lost; slowest deployment after a restart "
        f"{slowest:.1f} s; {ledger.responses} hosting responses, {len(ledger.torn)} torn"
    )


def prepare(
    pserve: Pserve, database: Database, storage: object, ledger: Ledger, numbers: itertools.count[int]
) -> Setting:
    """An account, a publisher and three sites with their first content."""
    with database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        account_id = account.id
    token, _ = Keys.load(pserve.data_dir).issue_token(account_id, lifetime=timedelta(hours=12))
    base = f"http://127.0.0.1:{pserve.port}"
    setting = Setting(base, token, "acme", {}, {}, {}, {}, storage)  # type: ignore[arg-type]  # filled in below
    with setting.http() as http:
        for name, mode in (("pages", "FullyManaged"), ("files", "SelfManaged"), ("tree", "SelfManaged")):
            made = http.post("/api/sites/acme", json={"slug": name, "name": name, "mode": mode}).raise_for_status()
            setattr(setting, name, made.json())
        for n in range(PAGES):
            page = {"path": f"/p/{n}", "config": {"content": "<p>mark-0</p>", "title": f"page /p/{n}"}}
            made = http.post("/api/sites/acme/pages/pages", json=page).raise_for_status()
            setting.page_ids[f"/p/{n}"] = made.json()["id"]
            ledger.acknowledged[f"page /p/{n}"] = "<p>mark-0</p>"
        http.post("/api/sites/acme/pages/pages:batch", json={"upsert": batch_of(0)}).raise_for_status()
        ledger.acknowledged["batch"] = "0"
        upload = {"data": {"filePath": "d/0.txt"}, "files": {"file": ("name", b"mark-0")}}
        http.post(f"/api/sites/{setting.files['id']}/files/upload", **upload).raise_for_status()
        ledger.acknowledged["file d/0.txt"] = "mark-0"
        swap_trees(setting, ledger, http, random.Random(0), next(numbers))
        for site in setting.sites:
            asked = {"site_id": site["id"]}
            http.post("/api/v1/publisher/deployments/", json=asked, headers={"Prefer": "wait=30"}).raise_for_status()
    return setting


def one_round(pserve: Pserve, checks: Checks, numbers: itertools.count[int], chance: random.Random) -> str:
    """Let the clients work, kill the server under them, sometimes once more while it starts; what was killed."""
    clients = Clients(checks.setting, checks.ledger, numbers, chance.randrange(10**9))
    started = time.monotonic()
    clients.start()
    time.sleep(chance.uniform(*CLIENT_SECONDS))
    if chance.random() < 0.6:  # a moment within a deployment: those are what must be recovered
        deadline = time.monotonic() + 5
        while not under_way(checks.database) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.uniform(*DEPLOY_SECONDS))
    lived, children = time.monotonic() - started, pserve.kill()
    clients.stop()
    told = f"killed after {lived:.2f} s with {under_way(checks.database)} deployments under way"
    if chance.random() < 0.2:
        pserve.launch()
        time.sleep(chance.uniform(*STARTING_SECONDS))
        children += pserve.kill()
        told += ", and while it started"
    require_gone(children)
    return told


def verify(checks: Checks, pserve: Pserve) -> float:
    """Everything that must hold after a restart; seconds until the last deployment had ended."""
    if broken := checks.ledger.broken + checks.ledger.torn:
        raise Broken(f"{len(broken)} wrong answers: " + "; ".join(broken[:5]))
    checks.files_are_whole()
    checks.acknowledged_writes()
    seconds = checks.deployments_end(pserve.started_at)
    checks.one_live_version()
    checks.counters()
    return seconds


def tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-40:] if log.exists() else []


if __name__ == "__main__":
    sys.exit(main())
