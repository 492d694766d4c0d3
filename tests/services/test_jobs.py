"""The queue of work: each job in one pair of hands, one of a lane at a time, and back when a worker dies or fails."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from pubsite.db import Database, DatabaseBusy
from pubsite.models import Job, now
from pubsite.services import jobs
from pubsite.services.jobs import Claim

MINUTE = timedelta(minutes=1)
LAPSED = timedelta(microseconds=1)


class Queue:
    """The jobs of one test, of a kind of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.kind = uuid.uuid4().hex

    def add(self, lane: str | None = None, *, seconds: float = 0) -> uuid.UUID:
        """A job that is due in so many seconds; the id of its subject."""
        subject = uuid.uuid4()
        run_at = now() + timedelta(seconds=seconds)
        with self.database.transaction() as db:
            jobs.enqueue(
                db, self.kind, subject, lane=f"{self.kind}-{lane}"[:64] if lane else subject.hex, run_at=run_at
            )
        return subject

    def claim(self, worker: str = "ann", lease: timedelta = MINUTE) -> Claim | None:
        with self.database.transaction() as db:
            return jobs.claim(db, [self.kind], worker, lease)

    def claimed(self, worker: str = "ann", lease: timedelta = MINUTE) -> Claim:
        claim = self.claim(worker, lease)
        assert claim is not None
        return claim

    def any_due(self) -> bool:
        with self.database.reading() as db:
            return jobs.any_due(db, [self.kind])

    def finish(self, claim: Claim) -> bool:
        with self.database.transaction() as db:
            return jobs.finish(db, claim)

    def renew(self, claim: Claim, lease: timedelta = MINUTE) -> bool:
        with self.database.transaction() as db:
            return jobs.renew(db, claim, lease)

    def still_held(self, claim: Claim) -> bool:
        with self.database.transaction() as db:
            return jobs.still_held(db, claim)

    def retry_later(self, claim: Claim, error: str) -> None:
        with self.database.transaction() as db:
            jobs.retry_later(db, claim, error)

    def rows(self) -> list[Job]:
        with self.database.reading() as db:
            found = list(db.scalars(select(Job).where(Job.kind == self.kind)))
            db.expunge_all()
            return found


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


def test_the_oldest_due_job_comes_first(queue: Queue) -> None:
    late, early = queue.add(seconds=-1), queue.add(seconds=-9)
    queue.add(seconds=60)
    assert [queue.claimed().subject_id, queue.claimed().subject_id] == [early, late]
    assert queue.claim() is None
    assert not queue.any_due()


def test_only_the_kinds_that_were_asked_for_are_claimed(queue: Queue) -> None:
    queue.add()
    other = Queue(queue.database)
    assert other.claim() is None
    assert not other.any_due()


def test_a_job_that_is_done_is_gone(queue: Queue) -> None:
    queue.add()
    claim = queue.claimed()
    assert queue.finish(claim)
    assert queue.rows() == []
    assert not queue.finish(claim)


def test_a_job_in_somebodys_hands_is_not_given_to_another(queue: Queue) -> None:
    queue.add()
    claim = queue.claimed("ann")
    assert (claim.worker, claim.fence, claim.attempts) == ("ann", 1, 1)
    assert queue.claim("bob") is None
    assert queue.claim("ann") is None
    assert queue.still_held(claim)


def test_jobs_of_one_lane_run_one_after_the_other_and_other_lanes_beside_them(queue: Queue) -> None:
    first, second, beside = queue.add("lane", seconds=-3), queue.add("lane", seconds=-2), queue.add(seconds=-1)
    claim = queue.claimed("ann")
    assert claim.subject_id == first
    assert queue.claimed("bob").subject_id == beside
    assert queue.claim("bob") is None
    queue.finish(claim)
    assert queue.claimed("bob").subject_id == second


def test_a_job_whose_lease_lapsed_goes_to_another_before_the_rest_of_its_lane(queue: Queue) -> None:
    first = queue.add("lane", seconds=-1)
    queue.add("lane", seconds=-2)
    with queue.database.transaction() as db:  # its worker died; the other job is older
        job = db.scalars(select(Job).where(Job.subject_id == first)).one()
        job.worker, job.lease_until, job.fence = "dead", now() - MINUTE, 1
    claim = queue.claimed("bob")
    assert (claim.subject_id, claim.fence) == (first, 2)


def test_who_lost_the_lease_changes_nothing_any_more(queue: Queue) -> None:
    queue.add()
    lost = queue.claimed("ann", LAPSED)
    time.sleep(0.01)
    taken = queue.claimed("bob")
    assert (taken.job_id, taken.fence, taken.attempts) == (lost.job_id, 2, 2)
    assert not queue.still_held(lost)
    assert not queue.renew(lost)
    assert not queue.finish(lost)
    queue.retry_later(lost, "late")
    assert queue.still_held(taken)
    assert queue.rows()[0].last_error is None
    assert queue.finish(taken)


def test_the_same_worker_is_told_apart_by_its_fence(queue: Queue) -> None:
    queue.add()
    lost = queue.claimed("ann", LAPSED)
    time.sleep(0.01)
    taken = queue.claimed("ann")
    assert not queue.finish(lost)
    assert queue.finish(taken)


def test_a_renewed_lease_keeps_the_job(queue: Queue) -> None:
    queue.add()
    claim = queue.claimed("ann", LAPSED)
    assert queue.renew(claim, MINUTE)
    time.sleep(0.01)
    assert queue.claim("bob") is None
    assert queue.finish(claim)


def test_a_job_that_failed_waits_a_little_longer_each_time(queue: Queue) -> None:
    queue.add()
    waits = []
    for attempt in range(1, 4):
        claim = queue.claimed()
        assert claim.attempts == attempt
        queue.retry_later(claim, "x" * 5000)
        assert queue.claim() is None
        (row,) = queue.rows()
        waits.append(round((row.run_at - now()).total_seconds()))
        assert (row.worker, row.lease_until, row.last_error) == (None, None, "x" * 2000)
        with queue.database.transaction() as db:
            db.get_one(Job, row.id).run_at = now()
    assert waits == [1, 2, 4]


def test_the_longest_wait_is_five_minutes(queue: Queue) -> None:
    queue.add()
    with queue.database.transaction() as db:
        db.scalars(select(Job).where(Job.kind == queue.kind)).one().attempts = 1_000_000
    queue.retry_later(queue.claimed(), "x")
    (row,) = queue.rows()
    assert timedelta(minutes=4) < row.run_at - now() <= timedelta(minutes=5)


def test_one_subject_has_one_job_of_a_kind(queue: Queue) -> None:
    subject = queue.add()
    with pytest.raises(IntegrityError), queue.database.transaction() as db:
        jobs.enqueue(db, queue.kind, subject, lane="another")


def test_work_is_due_when_its_transaction_is_committed_and_not_before(queue: Queue) -> None:
    woken: list[int] = []
    queue.database.on_new_jobs(lambda: woken.append(len(queue.rows())))
    with queue.database.session() as db:
        jobs.enqueue(db, queue.kind, uuid.uuid4(), lane="x")
        db.rollback()
    assert (woken, queue.any_due()) == ([], False)
    with queue.database.transaction() as db:
        with db.begin_nested():
            jobs.enqueue(db, queue.kind, uuid.uuid4(), lane="x")
        assert woken == []
    assert woken[:1] == [1]
    queue.database._wake_ups.clear()


def test_workers_side_by_side_take_each_job_once_and_one_of_a_lane_at_a_time(queue: Queue) -> None:
    subjects = [queue.add(f"{number % 3}") for number in range(12)]
    lanes = {subject: number % 3 for number, subject in enumerate(subjects)}
    running: set[int] = set()
    done: list[uuid.UUID] = []
    together: list[str] = []
    guard = threading.Lock()

    def work(name: str) -> None:
        deadline = time.monotonic() + 30
        while len(done) < len(subjects) and time.monotonic() < deadline:
            try:
                claim = queue.claim(name)
            except DatabaseBusy:
                continue
            if claim is None:
                time.sleep(0.002)
                continue
            lane = lanes[claim.subject_id]
            with guard:
                together.extend(["two of a lane"] if lane in running else [])
                running.add(lane)
            time.sleep(0.003)
            with guard:
                running.discard(lane)
                done.append(claim.subject_id)
            assert queue.finish(claim)

    threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(subjects)
    assert together == []
    assert queue.rows() == []


def test_a_job_that_is_being_finished_stops_no_other_worker_on_postgresql(queue: Queue) -> None:
    if queue.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    queue.add(seconds=-9)
    other = queue.add(seconds=-1)
    lost = queue.claimed("ann", LAPSED)
    time.sleep(0.01)
    with queue.database.transaction() as db:
        assert jobs.still_held(db, lost)
        started = time.monotonic()
        assert queue.claimed("bob").subject_id == other
        assert time.monotonic() - started < 2
