"""What deployments of one site do to each other: an older one never wins, a hold holds, trouble is retried and ends."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from pubsite.errors import Unavailable
from pubsite.models import Job, Site, Status, now
from pubsite.services import jobs, sites
from pubsite.services.jobs import Claim
from pubsite.worker import MAX_ATTEMPTS, Worker
from tests.crash.process import new_database
from tests.crash.steps import KINDS, LEASE, Bench, TroubledRefs, idle_server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    on_postgres = request.param == "postgresql"
    if on_postgres and not os.environ.get("PUBSITE_TEST_POSTGRES"):
        pytest.skip("PUBSITE_TEST_POSTGRES is not set: no PostgreSQL to test on")
    with new_database(on_postgres) as url, idle_server(tmp_path_factory.mktemp("order"), url) as bench:
        yield bench


def test_an_older_build_that_ends_late_never_goes_live(bench: Bench) -> None:
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    slow = work.ask()
    claim = work.claim()
    build(bench, claim)
    with bench.database.transaction() as db:
        jobs.retry_later(db, claim, "the storage was away")
    work.write("<p>three</p>")
    newest = work.deploy()
    assert newest.version == 3

    work.hasten()
    assert bench.worker().run_one()
    failed = work.record(slow)
    assert (failed.status, failed.error_code, failed.is_live) == (Status.failed, "superseded", False)
    work.require_live(newest.id, 3)


def test_an_older_build_stays_behind_a_newer_one_that_changed_nothing(bench: Bench) -> None:
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    slow = work.ask()
    claim = work.claim()
    build(bench, claim)
    with bench.database.transaction() as db:
        jobs.retry_later(db, claim, "the storage was away")
    work.write("<p>one</p>")
    newest = work.deploy()
    assert (newest.version, newest.unchanged) == (1, True)

    work.hasten()
    assert bench.worker().run_one()
    assert work.record(slow).error_code == "superseded"
    work.require_live(newest.id, 1)


def test_the_deploy_that_a_hold_overtook_fails_and_the_rollback_goes_live(bench: Bench) -> None:
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    two = work.deploy()
    work.write("<p>three</p>")
    three = work.ask()
    back = work.roll_back(two.id)
    worker = bench.worker()
    assert worker.run_one()
    assert worker.run_one()
    assert (work.record(three).status, work.record(three).error_code) == (Status.failed, "held")
    work.require_live(back, 1)


def test_a_rollback_holds_the_site_though_a_deploy_before_it_released_the_hold(bench: Bench) -> None:
    work = bench.site()
    work.deploy()
    work.write("<p>two</p>")
    two = work.deploy()
    work.write("<p>three</p>")
    three = work.ask(release_hold=True)
    back = work.roll_back(two.id)
    worker = bench.worker()
    assert worker.run_one()
    assert worker.run_one()
    work.require_live(back, 1)
    assert work.record(three).status == Status.rolled_back, "it was what the rollback left"
    with bench.database.reading() as db:
        assert db.get_one(Site, work.site_id).held_at is not None


def build(bench: Bench, claim: Claim) -> None:
    assert bench.deploying()._start(claim)
    bench.deploying()._build(claim)


def away(bench: Bench, times: int) -> Worker:
    """A worker whose refs cannot be written the first `times` times."""
    left = iter(range(times))

    def fail() -> None:
        if next(left, None) is not None:
            raise Unavailable("the object store cannot be written")

    refs = TroubledRefs(bench.storage.refs, before=fail)
    return bench.worker(storage=replace(bench.storage, refs=refs))


def test_a_storage_that_is_away_for_a_moment_fails_no_deployment(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    worker = away(bench, 2)
    for _ in range(2):
        assert worker.run_one()
        assert work.record(record_id).status == Status.deploying
        assert not worker.run_one(), "it waits before it tries again"
        work.hasten()
    assert worker.run_one()
    work.require_live(record_id, 1)


def test_a_storage_that_stays_away_ends_the_record_with_what_it_said(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    worker = away(bench, 99)
    for _ in range(MAX_ATTEMPTS):
        work.hasten()
        assert worker.run_one()
    record = work.record(record_id)
    assert (record.status, record.error_code) == (Status.failed, "unavailable")
    assert work.job() is None


def test_the_pauses_between_attempts_are_short_and_end(bench: Bench) -> None:
    work = bench.site()
    work.ask()
    claim = work.claim()
    pauses = []
    for attempts in (1, 2, 3, 4, 5, 1000):
        with bench.database.transaction() as db:
            db.execute(update(Job).where(Job.id == claim.job_id).values(worker=claim.worker))
            jobs.retry_later(db, replace(claim, attempts=attempts), "error")
        pauses.append(round((work.job().run_at - now()).total_seconds()))
    assert pauses == [1, 2, 4, 8, 16, 300]
    work.hasten()
    assert bench.worker().run_one()


def test_a_deleted_sites_deployment_fails_and_leaves_nothing_on_the_air(bench: Bench) -> None:
    work = bench.site()
    record_id = work.ask()
    claim = work.claim()
    build(bench, claim)
    with bench.database.transaction() as db:
        sites.remove(db, db.get_one(Site, work.site_id))
    bench.deploying().run(claim)
    assert (work.record(record_id).status, work.record(record_id).error_code) == (Status.failed, "not_found")
    assert work.ref is None
    assert bench.worker().run_one((sites.ON_AIR,))


def test_jobs_of_one_lane_never_run_at_once_and_those_of_others_do(bench: Bench) -> None:
    work, other = bench.site(), bench.site()
    first, second, third = work.ask(), work.ask(), other.ask()
    claims = []
    for _ in range(3):
        with bench.database.transaction() as db:
            claims.append(jobs.claim(db, KINDS, "worker", LEASE))
    assert {claim.subject_id for claim in claims if claim} == {first, third}
    assert claims[2] is None
    with bench.database.reading() as db:
        assert not jobs.any_due(db, KINDS), "an idle worker has nothing to lock for"
    for claim in claims[:2]:
        bench.deploying().run(claim)
    assert bench.worker().run_one()
    assert work.record(second).status == Status.deployed


def test_each_of_many_jobs_is_claimed_once_by_workers_that_ask_at_once(bench: Bench) -> None:
    wanted = {bench.site().ask() for _ in range(8)}
    claimed_by: list[uuid.UUID] = []

    def take(name: str) -> None:
        deadline = time.monotonic() + 20
        while len(claimed_by) < len(wanted) and time.monotonic() < deadline:
            with suppress(Exception), bench.database.transaction() as db:
                claim = jobs.claim(db, KINDS, name, LEASE)
                if claim is not None:
                    claimed_by.append(claim.subject_id)

    threads = [threading.Thread(target=take, args=(f"worker-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed_by) == sorted(wanted)
    with bench.database.transaction() as db:
        for job in db.scalars(select(Job).where(Job.subject_id.in_(wanted))):
            db.delete(job)
