"""The queue of work that is due: rows, claimed with a lease and a fence.

A job is written in the transaction that makes it due. A worker claims it for a lease, renews that while it works,
and finishes it by naming its fence; whoever lost the lease in between changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from pubsite.models import Job, now

MAX_BACKOFF = timedelta(minutes=5)
ERROR_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker, until its lease ends."""

    job_id: uuid.UUID
    kind: str
    subject_id: uuid.UUID
    worker: str
    fence: int
    attempts: int


def enqueue(db: Session, kind: str, subject_id: uuid.UUID, *, lane: str, run_at: datetime | None = None) -> None:
    """Make work due, at once or later. `lane`: jobs of one lane never run at once."""
    db.add(Job(kind=kind, subject_id=subject_id, lane=lane, run_at=run_at or now()))
    db.flush()
    db.info["jobs_due"] = True


def ensure(db: Session, kind: str, subject_id: uuid.UUID, *, lane: str, run_at: datetime | None = None) -> None:
    """Make work due at that time whether or not it was already; what a worker has at hand stays with it."""
    run_at = run_at or now()
    known = update(Job).where(Job.kind == kind, Job.subject_id == subject_id).values(run_at=run_at).returning(Job.id)
    if db.execute(known, execution_options={"synchronize_session": False}).first() is None:
        enqueue(db, kind, subject_id, lane=lane, run_at=run_at)
    db.info["jobs_due"] = True


def move_lane(db: Session, lane: str, run_at: datetime, *, earlier: bool = False) -> None:
    """Make the waiting work of a lane due not before that time; or with `earlier` not after it."""
    behind = Job.run_at > run_at if earlier else Job.run_at < run_at
    db.execute(
        update(Job).where(Job.lane == lane, Job.worker.is_(None), behind).values(run_at=run_at),
        execution_options={"synchronize_session": False},
    )
    db.info["jobs_due"] = True


def cancel(db: Session, kind: str, subject_id: uuid.UUID) -> None:
    """Make work no longer due. A worker that has it at hand finds its claim gone when it finishes."""
    db.execute(
        delete(Job).where(Job.kind == kind, Job.subject_id == subject_id),
        execution_options={"synchronize_session": False},
    )


def is_due(db: Session, kind: str, subject_id: uuid.UUID) -> bool:
    """Whether there is such work, now or later."""
    return db.scalar(select(Job.id).where(Job.kind == kind, Job.subject_id == subject_id)) is not None


def any_due(db: Session, kinds: Collection[str]) -> bool:
    """Whether a job can be claimed now: a read, so that an idle worker never takes SQLite's write lock."""
    present = now()
    return bool(db.scalar(select(or_(_waiting(kinds, present).exists(), _of_dead_workers(kinds, present).exists()))))


def claim(db: Session, kinds: Collection[str], worker: str, lease: timedelta) -> Claim | None:
    """The oldest due job of these kinds that nobody holds and whose lane is free; None when there is none."""
    present = now()
    job_id = _first(db, kinds, present)
    if job_id is None:
        return None
    statement = (
        update(Job)
        .where(Job.id == job_id, _is_free(present))
        .values(worker=worker, fence=Job.fence + 1, attempts=Job.attempts + 1, lease_until=present + lease)
        .returning(Job.kind, Job.subject_id, Job.fence, Job.attempts)
    )
    try:
        with db.begin_nested():
            row = db.execute(statement, execution_options={"synchronize_session": False}).first()
    except IntegrityError:  # somebody claimed another job of this lane in between
        return None
    return None if row is None else Claim(job_id, row.kind, row.subject_id, worker, row.fence, row.attempts)


def _first(db: Session, kinds: Collection[str], present: datetime) -> uuid.UUID | None:
    """The job to claim, locked; None when there is none. Those of dead workers come first: they hold their lanes.

    Asked one after the other, so that an index gives the waiting ones in their order, however many there are.
    """
    # A row that somebody has locked is being claimed or finished: waiting for it would stop this worker with that one.
    lost = db.scalar(_of_dead_workers(kinds, present).with_for_update(skip_locked=True))
    if lost is not None:
        return lost
    taken: list[str] = []
    while True:
        query = _waiting(kinds, present).where(Job.lane.not_in(taken)).with_for_update(skip_locked=True)
        job_id = db.scalar(query)
        job = db.get(Job, job_id) if job_id is not None else None
        # What comes behind such a row in its lane must not overtake it.
        if job is None or not db.scalar(_before(job, kinds, present)):
            return job_id
        taken.append(job.lane)


def _before(job: Job, kinds: Collection[str], present: datetime) -> Select[bool]:
    """Whether another job of the same lane is to be claimed before this one."""
    older = or_(Job.run_at < job.run_at, and_(Job.run_at == job.run_at, Job.created_at < job.created_at))
    due = and_(Job.kind.in_(kinds), Job.run_at <= present, _is_free(present))
    return select(exists().where(Job.lane == job.lane, Job.id != job.id, due, or_(Job.worker.is_not(None), older)))


def _of_dead_workers(kinds: Collection[str], present: datetime) -> Select[uuid.UUID]:
    lost = Job.kind.in_(kinds), Job.run_at <= present, Job.worker.is_not(None), Job.lease_until < present
    return select(Job.id).where(*lost).order_by(Job.run_at, Job.created_at).limit(1)


def _waiting(kinds: Collection[str], present: datetime) -> Select[uuid.UUID]:
    other = aliased(Job)
    lane_taken = exists().where(
        other.lane == Job.lane, other.id != Job.id, other.worker.is_not(None), other.lease_until >= present
    )
    due = Job.kind.in_(kinds), Job.run_at <= present, Job.worker.is_(None), ~lane_taken
    return select(Job.id).where(*due).order_by(Job.run_at, Job.created_at).limit(1)


def _is_free(present: datetime) -> ColumnElement[bool]:
    return or_(Job.worker.is_(None), Job.lease_until < present)


def renew(db: Session, claim: Claim, lease: timedelta) -> bool:
    """Prolong a lease; False when the job is no longer ours."""
    row = db.execute(
        update(Job).where(_held(claim)).values(lease_until=now() + lease).returning(Job.id),
        execution_options={"synchronize_session": False},
    ).first()
    return row is not None


def finish(db: Session, claim: Claim) -> bool:
    """Remove a job that is done; False when it is no longer ours."""
    row = db.execute(
        delete(Job).where(_held(claim)).returning(Job.id), execution_options={"synchronize_session": False}
    ).first()
    return row is not None


def give_back(db: Session, claim: Claim, run_at: datetime) -> bool:
    """Give up a job for now: it is due again at that time; False when it is no longer ours."""
    statement = update(Job).where(_held(claim)).values(worker=None, lease_until=None, run_at=run_at).returning(Job.id)
    db.info["jobs_due"] = True
    return db.execute(statement, execution_options={"synchronize_session": False}).first() is not None


def retry_later(db: Session, claim: Claim, error: str) -> None:
    """Give a job back after an unexpected error: it waits a second, then twice as long each time, at most 5 minutes."""
    wait = min(timedelta(seconds=2 ** min(claim.attempts - 1, 20)), MAX_BACKOFF)
    db.execute(
        update(Job)
        .where(_held(claim))
        .values(worker=None, lease_until=None, run_at=now() + wait, last_error=error[:ERROR_LENGTH]),
        execution_options={"synchronize_session": False},
    )


def still_held(db: Session, claim: Claim) -> bool:
    """Whether the claim is still ours, with the row locked until the transaction ends."""
    return db.scalar(select(Job.id).where(_held(claim)).with_for_update()) is not None


def held(claim: Claim) -> ColumnElement[bool]:
    """Whether the claim is still ours, as a condition of a statement on other rows."""
    return exists().where(_held(claim))


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(Job.id == claim.job_id, Job.worker == claim.worker, Job.fence == claim.fence)
