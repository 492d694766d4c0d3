"""A worker that dies or stalls anywhere within a deployment: the next one brings it to its end, and its late deeds
change nothing. The pieces of `Deploying` are run by hand, or in a process that ends itself in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import pubsite
from pubsite.build.pool import RendererPool
from pubsite.models import Deployment, Job, Status, now
from pubsite.services import deploying, jobs
from pubsite.services.deploying import Abandoned, Deploying
from pubsite.services.jobs import Claim
from pubsite.storage import Superseded
from pubsite.worker import MAX_CLAIMS
from tests.crash.process import new_database
from tests.crash.steps import LEASE, Bench, Killed, TroubledRefs, die, idle_server
from tests.databases import require_postgresql


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    on_postgres = request.param == "postgresql"
    if on_postgres:
        require_postgresql()
    with new_database(on_postgres) as url, idle_server(tmp_path_factory.mktemp("recovery"), url) as bench:
        yield bench


# The points at which a worker dies: what it has done by then.


def claimed(doing: Deploying, claim: Claim) -> None:
    pass


def started(doing: Deploying, claim: Claim) -> None:
    assert doing._start(claim)


def built(doing: Deploying, claim: Claim) -> None:
    started(doing, claim)
    doing._build(claim)


def swapped(doing: Deploying, claim: Claim) -> None:
    built(doing, claim)
    refs = TroubledRefs(doing.storage.refs, after=die)
    with suppress(Killed):
        replace(doing, storage=replace(doing.storage, refs=refs))._activate(claim)


COLUMNS = [attribute.key for attribute in Deployment.__mapper__.column_attrs]
POINTS = [claimed, started, built, swapped]


@pytest.mark.parametrize("point", POINTS)
def test_a_second_worker_ends_what_a_dead_one_began(bench: Bench, point: Any) -> None:
    work = bench.site()
    assert work.deploy().version == 1
    work.write("<p>two</p>")
    record_id = work.ask()
    claim = work.claim()
    point(bench.deploying(), claim)
    generation = work.ref.generation
    assert not bench.worker().run_one(), "the lease holds"
    work.lapse(claim)

    assert bench.worker().run_one()
    work.require_live(record_id, 2)
    assert work.versions() == [1, 2], "nothing was built under a second number"
    assert work.ref.deployment == str(record_id)
    assert work.ref.generation == generation + (point is not swapped), "one swap, whoever made it"
    record = work.record(record_id)
    assert (record.unchanged, record.previous_version) == (False, 1)


@pytest.mark.parametrize("point", POINTS)
def test_the_first_deploy_of_a_site_survives_as_well(bench: Bench, point: Any) -> None:
    work = bench.site()
    record_id = work.ask()
    claim = work.claim()
    point(bench.deploying(), claim)
    work.lapse(claim)
    assert bench.worker().run_one()
    work.require_live(record_id, 1)
    assert work.ref.generation == 1


@pytest.mark.parametrize("point", [claimed, started, swapped])
def test_a_rollback_survives_as_well(bench: Bench, point: Any) -> None:
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    two = work.deploy()
    back = work.roll_back(two.id)
    claim = work.claim()
    point(bench.deploying(), claim)
    work.lapse(claim)
    assert bench.worker().run_one()
    work.require_live(back, 1)
    assert work.record(two.id).status == Status.rolled_back


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_comes_back_after_its_lease_changes_nothing(
    bench: Bench, point: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "UNSEEN_SECONDS", 0)
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    record_id = work.ask()
    late, claim = bench.deploying(), work.claim()
    point(late, claim)
    work.lapse(claim)
    assert bench.worker().run_one()
    record, ref = work.record(record_id), work.ref

    late.run(claim)
    late._progress(claim)("pack", 0, 1)
    for step in (late._start, late._activate):
        with pytest.raises(Abandoned):
            step(claim)
    late._fail(claim, Superseded("late"))
    with bench.database.transaction() as db:
        assert not jobs.renew(db, claim, LEASE)
        assert not jobs.finish(db, claim)
        jobs.retry_later(db, claim, "late")
    assert work.ref == ref
    assert work.versions() == [1, 2]
    after = work.record(record_id)
    assert {c: getattr(after, c) for c in COLUMNS} == {c: getattr(record, c) for c in COLUMNS}


def test_a_worker_that_stalls_while_another_is_at_work_does_not_disturb_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "UNSEEN_SECONDS", 0)
    work = bench.site()
    record_id = work.ask()
    late, old = bench.deploying(), work.claim("late")
    started(late, old)
    work.lapse(old)
    new = work.claim("new")
    assert new.fence == old.fence + 1
    built(bench.deploying(), new)
    late.run(old)
    late._progress(old)("render", 0, 1)
    assert work.versions() == [1]
    assert work.record(record_id).stage == "pack"
    bench.deploying()._activate(new)
    work.require_live(record_id, 1)


def test_what_is_live_is_never_given_up(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    claim = work.claim()
    swapped(bench.deploying(), claim)
    assert not bench.deploying().give_up(claim, RuntimeError("the database was away at the commit"))
    assert work.record(record_id).status == Status.deploying
    work.lapse(claim)
    assert bench.worker().run_one()
    work.require_live(record_id, 1)


def test_a_deployment_that_kills_every_worker_ends(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    with bench.database.transaction() as db:
        db.execute(update(Job).where(Job.subject_id == record_id).values(attempts=MAX_CLAIMS))
    assert bench.worker().run_one()
    record = work.record(record_id)
    assert (record.status, record.error_code) == (Status.failed, "worker_died")


def test_a_deployment_that_is_live_ends_as_such_however_many_workers_died(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    claim = work.claim()
    swapped(bench.deploying(), claim)
    work.lapse(claim)
    with bench.database.transaction() as db:
        db.execute(update(Job).where(Job.subject_id == record_id).values(attempts=MAX_CLAIMS))
    assert bench.worker().run_one()
    work.require_live(record_id, 1)


def test_a_build_that_the_servers_end_cuts_off_goes_on_with_the_next_server(bench: Bench) -> None:
    work = bench.site("<p>" + "word " * 1000)
    record_id = work.ask()
    pool = RendererPool(1, 10, bench.server.settings.render_memory)
    pool.close()
    assert bench.worker(pool).run_one()
    assert work.record(record_id).status == Status.deploying
    work.hasten()
    assert bench.worker().run_one()
    work.require_live(record_id, 1)


def test_a_build_that_is_cut_off_while_it_renders_goes_on_with_the_next_server(bench: Bench) -> None:
    work = bench.site()
    work.write_many(200)
    record_id = work.ask()
    pool = RendererPool(1, 10, bench.server.settings.render_memory)
    thread = threading.Thread(target=bench.worker(pool).run_one)
    thread.start()
    deadline = time.monotonic() + 20
    while not pool.pids and time.monotonic() < deadline:
        time.sleep(0.001)
    pool.close()
    thread.join(20)
    record = work.record(record_id)
    assert (record.status, record.error_code) == (Status.deploying, None)
    work.hasten()
    assert bench.worker().run_one()
    work.require_live(record_id, 1)
    assert work.record(record_id).stats["rendered"] > 200


DYING_WORKER = """
import os, sys
from dataclasses import replace
from pubsite.app import make_outside
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.storage import open_storage
from pubsite.settings import load
from pubsite.worker import Worker

point, data_dir, url = sys.argv[1:]
settings = load({"pubsite.development": "true"}, command_line={"data_dir": data_dir, "sqlalchemy_url": url})


class Dying:
    def __init__(self, store, method, done):
        self._store, self._method, self._done = store, method, done

    def __getattr__(self, name):
        if name != self._method:
            return getattr(self._store, name)

        def last(*args, **kw):
            if self._done:
                getattr(self._store, name)(*args, **kw)
            os._exit(9)

        return last


storage = open_storage(settings.data_dir)
store, method, done = point.split(".")
storage = replace(storage, **{store: Dying(getattr(storage, store), method, done == "after")})
outside = make_outside(settings, {})
Worker(settings, Database(settings.database_url), storage, RendererPool(1), outside).run_one()
"""


@pytest.mark.parametrize(
    "point",
    [
        "objects.put_many.before",
        "objects.put_many.after",
        "hosts.bind.before",
        "hosts.bind.after",
        "refs.swap.before",
        "refs.swap.after",
    ],
)
def test_a_process_that_ends_in_the_middle_is_taken_over(bench: Bench, point: str) -> None:
    work = bench.site()
    work.deploy()
    work.write(f"<p>{point}</p>")
    record_id = work.ask()
    settings = bench.server.settings
    command = [sys.executable, "-c", DYING_WORKER, point, settings.data_dir, settings.database_url]
    child = subprocess.run(
        command, timeout=60, check=False, cwd=Path(pubsite.__file__).parents[1], env=dict(os.environ)
    )
    assert child.returncode == 9
    assert work.record(record_id).status == Status.deploying
    job = work.job()
    assert job is not None
    assert job.worker is not None
    with bench.database.transaction() as db:
        db.execute(update(Job).where(Job.id == job.id).values(lease_until=now() - timedelta(seconds=1)))
    assert bench.worker().run_one()
    work.require_live(record_id, 2)
    assert work.ref.generation == 2
    assert work.versions() == [1, 2]
