"""How a try at a publishing record ended: what the record, its destination and the list of attempts say of it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from pubsite.models import (
    Destination,
    Health,
    Operation,
    PublishingAttempt,
    PublishingRecord,
    PublishingStatus,
    RemoteState,
    now,
)
from pubsite.publishing.adapter import Draft, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Unsettled
from pubsite.publishing.guarding import INTERNAL
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.outcomes import Closed, DeliveryError, Denied, Down, Limited, Unsure
from pubsite.publishing.wire import Wire
from pubsite.services import jobs
from pubsite.services import publishing_records as records
from pubsite.services.destinations import lane

FAILURES_OF_DESTINATION = 3  # in a row, of whatever records: then the destination itself is taken to be the cause
LOOK_AGAIN = timedelta(hours=1)  # at what waits for a person; a change wakes it at once


@dataclass(frozen=True, slots=True)
class Ended:
    """A try that has ended. `operation`: what was tried; the record may want something else by now. `spread`: what its
    waiting time is multiplied with. `settle`: how long what was sent may still arrive."""

    record: PublishingRecord
    destination: Destination
    operation: Operation
    wire: Wire | None
    spread: float
    settle: timedelta


def delivered(
    db: Session, ended: Ended, done: Delivered, content: Content | None, draft: Draft | None, *, keep_wish: bool
) -> None:
    """It went well: the record says what stands there now. `keep_wish`: more was asked for meanwhile."""
    record, remote = ended.record, done.remote
    _attempt(db, ended, done.done, notes=remote.notes if remote else ())
    if ended.operation == Operation.unpublish:
        _taken_down(record, remote)
        status = PublishingStatus.pending
    else:
        assert remote is not None
        record.external_id, record.external_url = remote.external_id, remote.url or None
        record.remote_state = RemoteState(remote.state)
        record.content_hash = draft.content_hash if draft else None
        record.content_revision = content.revision if content else None
        record.published_at, record.unpublished_at = now(), None
        record.operation = Operation.create if done.done == "created" else Operation.update
        status = PublishingStatus.published
    _clear(record, keep_wish=keep_wish)
    records.move(db, record, status)
    destination = ended.destination
    destination.health, destination.failures, destination.paused_until = Health.ok, 0, None
    destination.last_checked_at, destination.last_error = now(), None
    db.flush()


def _taken_down(record: PublishingRecord, remote: Remote | None) -> None:
    record.remote_state = RemoteState(remote.state) if remote is not None else RemoteState.absent
    record.unpublished_at, record.content_hash = now(), None
    if record.remote_state == RemoteState.absent:
        # What we took away ourselves is no loss to complain of at the next publish, which finds it by our marker.
        record.external_id = record.external_url = None
    if record.operation != Operation.unpublish:  # by now it is wanted again
        record.operation = Operation.create if record.external_id is None else Operation.update


def unchanged(db: Session, record: PublishingRecord, content: Content | None) -> None:
    """Nothing had to be sent: what stands there is what is wanted."""
    record.content_revision = content.revision if content else record.content_revision
    _clear(record, keep_wish=False)
    records.move(db, record, PublishingStatus.published)


def failed(db: Session, ended: Ended, error: DeliveryError) -> datetime | None:
    """It went wrong: when it is tried again; None when only a person can mend it, or it failed too often."""
    record, destination, present = ended.record, ended.destination, now()
    _attempt(db, ended, "failed", error)
    if isinstance(error, Unsure):
        record.unsettled_until, record.remote_state = present + ended.settle, RemoteState.unknown
    record.started_at = None
    _note_health(destination, error)
    next_at = _next_time(db, ended, error)
    told = {"error_code": error.code[:64], "error": error.message[:1000], "error_retryable": error.retryable}
    status = PublishingStatus.failed if next_at is None else PublishingStatus.pending
    shown = None if next_at is None or isinstance(error, Denied) else next_at
    records.move(db, record, status, next_attempt_at=shown, **told)
    return next_at


def _next_time(db: Session, ended: Ended, error: DeliveryError) -> datetime | None:
    record, destination, present = ended.record, ended.destination, now()
    schedule = KINDS[destination.type].schedule
    if isinstance(error, Unsettled):
        return record.unsettled_until or present
    if isinstance(error, Denied):  # everything for it waits for a person
        return _pause(db, destination, present + LOOK_AGAIN, keep=True)
    if not error.retryable:
        return None
    if isinstance(error, Limited):
        destination.failures += 1
        step = schedule[min(destination.failures, len(schedule)) - 1] * ended.spread
        wait = step if error.retry_after is None else timedelta(seconds=error.retry_after)
        return _pause(db, destination, present + max(wait, _least_wait(destination.failures)))
    record.failures += 1
    destination.failures += error.code != INTERNAL
    if record.failures > len(schedule):
        return None
    next_at = present + schedule[record.failures - 1] * ended.spread
    if isinstance(error, Down) or destination.failures >= FAILURES_OF_DESTINATION:
        _pause(db, destination, present + schedule[min(destination.failures, len(schedule)) - 1] * ended.spread)
    return next_at


def _least_wait(failures: int) -> timedelta:
    """Of whoever asks us again and again to come back at once: 1 s, 2 s, 4 s, at most a minute."""
    return timedelta(seconds=min(2 ** min(failures - 1, 6), 60))


def _pause(db: Session, destination: Destination, until: datetime, *, keep: bool = False) -> datetime:
    """Let everything for a destination wait. `keep`: its health says so, and no time does."""
    destination.paused_until = None if keep else until
    db.flush()
    jobs.move_lane(db, lane(destination.id), until)
    return until


def _note_health(destination: Destination, error: DeliveryError) -> None:
    if error.code == INTERNAL:
        return
    destination.last_checked_at = now()
    if isinstance(error, Closed):
        destination.health, destination.is_active = Health.gone, False
    elif isinstance(error, Denied):
        destination.health = Health.denied
    elif error.retryable and not isinstance(error, Unsettled):
        destination.health = Health.failing
    else:
        return  # it answered: what is wrong is the record's
    destination.last_error = error.message[:1000]


def interrupted(db: Session, record: PublishingRecord, settle: timedelta) -> None:
    """A try ended with its process: what it sent may have arrived, or may arrive yet."""
    started = record.started_at or now()
    db.add(
        PublishingAttempt(
            record_id=record.id,
            number=record.attempts,
            operation=record.operation,
            outcome="interrupted",
            message="The server stopped while it was sending; what arrived is found out by looking",
            started_at=started,
        )
    )
    record.unsettled_until, record.remote_state = now() + settle, RemoteState.unknown
    db.flush()


def _clear(record: PublishingRecord, *, keep_wish: bool) -> None:
    record.error_code = record.error = record.error_retryable = None
    record.next_attempt_at = record.started_at = record.unsettled_until = record.woken_at = None
    record.failures = 0
    if not keep_wish:
        record.force, record.adopt, record.scheduled_at = False, False, None


def _attempt(
    db: Session, ended: Ended, outcome: str, error: DeliveryError | None = None, notes: tuple[str, ...] = ()
) -> None:
    record, wire = ended.record, ended.wire
    status = error.http_status if error is not None else None
    db.add(
        PublishingAttempt(
            record_id=record.id,
            number=record.attempts,
            operation=ended.operation,
            outcome=outcome,
            error_code=error.code[:64] if error else None,
            message=error.message[:1000] if error else None,
            http_status=status or (wire.last_status if wire else None),
            calls=wire.calls if wire else 0,
            notes=list(notes),
            started_at=record.started_at or now(),
        )
    )
    db.flush()
