"""Publishing records: asked for, read, changed, taken back. The sending behind them is `delivering`'s."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid, NotFound
from pubsite.models import (
    PUBLISHING_TRANSITIONS,
    Destination,
    Operation,
    Page,
    PageType,
    PublishingRecord,
    PublishingStatus,
    RemoteState,
    Site,
    now,
)
from pubsite.services import destinations, jobs, sectors
from pubsite.services.constraints import insert_unique

PUBLISH = "publish"
METADATA_BYTES = 65_536
STANDING = (RemoteState.present, RemoteState.draft)
Result = Literal["queued", "unchanged", "in_progress"]
Status = PublishingStatus


class Moved(Exception):
    """Somebody else changed the record's state in between."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a page is to stand at destinations. `desired`: `publish` or `draft`; `scheduled_at`: not before that."""

    desired: str = "publish"
    scheduled_at: datetime | None = None
    force: bool = False
    adopt: bool = False
    metadata: dict[str, Any] | None = None


def get(db: Session, record_id: uuid.UUID) -> PublishingRecord | None:
    return db.get(PublishingRecord, record_id)


def lock(db: Session, record: PublishingRecord) -> PublishingRecord:
    """The record as it is now, which nobody else changes until the transaction ends; raises NotFound without it."""
    found = lock_id(db, record.id)
    if found is None:
        raise NotFound("Publishing record not found")
    return found


def lock_id(db: Session, record_id: uuid.UUID) -> PublishingRecord | None:
    """The same by its id; None without it."""
    return db.scalar(
        select(PublishingRecord).where(PublishingRecord.id == record_id).with_for_update(),
        execution_options={"populate_existing": True},
    )


def usable(
    db: Session, site: Site, page: Page, ids: Sequence[uuid.UUID], *, field: str = "destination_ids"
) -> list[Destination]:
    """The destinations of some ids, in that order; raises Invalid that names each that this page cannot be sent to."""
    if page.type != PageType.HtmlPage:
        raise Invalid.field("content_id", "names a redirect: only pages can be sent")
    found = destinations.of_ids(db, ids)
    errors = []
    for index, destination_id in enumerate(ids):
        name = f"{field}.{index}" if field == "destination_ids" else field
        if problem := _unusable(found.get(destination_id), site, page):
            errors.append(FieldError("body", name, problem))
        elif destination_id in ids[:index]:
            errors.append(FieldError("body", name, "is given twice"))
    if errors:
        raise Invalid.of(errors)
    return [found[destination_id] for destination_id in ids]


def _unusable(destination: Destination | None, site: Site, page: Page) -> str:
    if destination is None or destination.publisher_id != site.publisher_id:
        return "names no destination of the page's publisher"
    if destination.site_id not in (None, site.id):
        return "is for another site"
    if destination.sector_id not in (None, page.sector_id):
        return "is for another sector"
    return "" if destination.is_active else "is switched off"


def publish(
    db: Session, site: Site, page: Page, destination: Destination, account_id: uuid.UUID, wish: Wish
) -> tuple[PublishingRecord, Result, bool]:
    """Bring a page, as it is now, to a destination; the record, what became of the wish, whether the record is new."""
    _check_metadata(wish.metadata)
    record = of_pair(db, page.id, destination.id)
    if record is None:
        made = _new(site, page, destination, account_id)
        try:
            insert_unique(db, made, Conflict("There is a record of this page and destination already"))
        except Conflict:
            record = of_pair(db, page.id, destination.id)
            if record is None:
                raise
        else:
            _apply(db, made, page, wish)
            _queue(db, made, wish)
            return made, "queued", True
    return record, _publish_again(db, lock(db, record), page, wish), False


def of_pair(db: Session, content_id: uuid.UUID, destination_id: uuid.UUID) -> PublishingRecord | None:
    """The record of a page and a destination."""
    return db.scalar(
        select(PublishingRecord).where(
            PublishingRecord.content_id == content_id, PublishingRecord.destination_id == destination_id
        )
    )


def _new(site: Site, page: Page, destination: Destination, account_id: uuid.UUID) -> PublishingRecord:
    return PublishingRecord(
        id=uuid.uuid4(),
        publisher_id=site.publisher_id,
        account_id=account_id,
        site_id=site.id,
        content_id=page.id,
        destination_id=destination.id,
        destination_type=destination.type,
    )


def _publish_again(db: Session, record: PublishingRecord, page: Page, wish: Wish) -> Result:
    if record.status == Status.published and not wish.force and _stands(record, page, wish):
        return "unchanged"
    running = record.status == Status.publishing
    _apply(db, record, page, wish)
    if running:  # its end sees that more is wanted, and goes on
        db.flush()
        return "in_progress"
    if record.status in (Status.published, Status.failed):
        move(db, record, Status.pending)
    _queue(db, record, wish)
    return "queued"


def _stands(record: PublishingRecord, page: Page, wish: Wish) -> bool:
    wanted = RemoteState.draft if wish.desired == "draft" else RemoteState.present
    return record.content_revision == page.revision and record.remote_state == wanted


def _apply(db: Session, record: PublishingRecord, page: Page, wish: Wish) -> None:
    record.wanted_revision, record.desired = page.revision, wish.desired
    record.force, record.adopt, record.scheduled_at = wish.force, wish.adopt, wish.scheduled_at
    record.operation = Operation.create if record.external_id is None else Operation.update
    record.sector_id = sectors.kept(db, page.sector_id)
    if wish.metadata is not None:
        record.metadata_ = wish.metadata
    record.updated_at = now()


def wish_of(record: PublishingRecord) -> tuple[object, ...]:
    """What a record is to bring about: two that are equal need one try. When it was asked for, and for when, is none
    of it: once it is brought about, nothing is left to be done at that time."""
    return (record.operation, record.wanted_revision, record.desired, record.force, record.adopt)


def _queue(db: Session, record: PublishingRecord, wish: Wish | None = None) -> None:
    """Make a pending record due: now, or when it is scheduled."""
    record.failures, record.error_code, record.error, record.error_retryable = 0, None, None, None
    run_at = max(now(), wish.scheduled_at) if wish is not None and wish.scheduled_at is not None else now()
    record.next_attempt_at = run_at
    db.flush()
    jobs.ensure(db, PUBLISH, record.id, lane=destinations.lane(record.destination_id), run_at=run_at)


def retry(db: Session, record: PublishingRecord) -> PublishingRecord:
    """Try a failed or waiting record at once; Conflict for one that needs no trying."""
    record = lock(db, record)
    if record.status in (Status.publishing, Status.published):
        raise Conflict(f"The record is {record.status}: only failed and pending ones can be tried again")
    if record.remote_state == RemoteState.absent and record.unpublished_at is not None and not _is_due(db, record):
        raise Conflict("The page was taken down there: publish it again instead")
    if record.status == Status.failed:
        move(db, record, Status.pending)
    _queue(db, record)
    return record


def unpublish(db: Session, record: PublishingRecord) -> PublishingRecord:
    """Take the page down at the other end; repeating it is fine."""
    record = lock(db, record)
    if record.status == Status.publishing:
        raise Conflict("The record is being sent: try again when that has ended")
    if record.status == Status.pending and record.remote_state == RemoteState.absent and not _is_due(db, record):
        return record
    if record.status in (Status.published, Status.failed):
        move(db, record, Status.pending)
    record.operation, record.scheduled_at, record.updated_at = Operation.unpublish, None, now()
    _queue(db, record)
    return record


def cancel(db: Session, record: PublishingRecord) -> PublishingRecord:
    """Give up what is waiting; the record ends `failed` with the code `cancelled`. What is under way is Conflict."""
    record = lock(db, record)
    if record.status == Status.failed and record.error_code == "cancelled":
        return record
    if record.status != Status.pending or not _is_due(db, record):
        raise Conflict("Only what is waiting to be sent can be cancelled")
    jobs.cancel(db, PUBLISH, record.id)
    ended = {"error_code": "cancelled", "error": "Cancelled by a person", "error_retryable": True}
    move(db, record, Status.failed, next_attempt_at=None, **ended)
    return record


def _is_due(db: Session, record: PublishingRecord) -> bool:
    return jobs.is_due(db, PUBLISH, record.id)


def change(db: Session, record: PublishingRecord, changes: Mapping[str, Any]) -> PublishingRecord:
    """Change `scheduled_at` and `metadata`; a new time moves what is waiting."""
    record = lock(db, record)
    if "metadata" in changes:
        _check_metadata(changes["metadata"])
        record.metadata_ = changes["metadata"]
    if "scheduled_at" in changes:
        if record.status != Status.pending and changes["scheduled_at"] is not None:
            raise Conflict("Only a pending record can be scheduled")
        record.scheduled_at = changes["scheduled_at"]
        if record.status == Status.pending and _is_due(db, record):
            _queue(db, record, Wish(scheduled_at=record.scheduled_at))
    record.updated_at = now()
    db.flush()
    return record


def _check_metadata(metadata: dict[str, Any] | None) -> None:
    if metadata is not None and len(json.dumps(metadata, ensure_ascii=False).encode()) > METADATA_BYTES:
        raise Invalid.field("metadata", f"must have at most {METADATA_BYTES} bytes as JSON")


def remove(db: Session, record: PublishingRecord) -> None:
    """Forget a record; what stands at the other end stays there."""
    record = lock(db, record)
    if record.status == Status.publishing:
        raise Conflict("The record is being sent: try again when that has ended")
    jobs.cancel(db, PUBLISH, record.id)
    db.delete(record)
    db.flush()


def wake(db: Session, record: PublishingRecord) -> None:
    """Make a record that waits for its page to go live due now; one that is being looked at sees it by `woken_at`."""
    record.woken_at = now()
    db.flush()
    jobs.ensure(db, PUBLISH, record.id, lane=destinations.lane(record.destination_id))


def send_again(db: Session, record: PublishingRecord, revision: int) -> None:
    """Send a page again whose state of that revision has gone live."""
    record.wanted_revision, record.operation = revision, Operation.update
    move(db, record, Status.pending)
    _queue(db, record)


def move(db: Session, record: PublishingRecord, status: PublishingStatus, **values: Any) -> None:
    """Move a record along one of PUBLISHING_TRANSITIONS by compare-and-set; raises Moved when somebody else did."""
    before = PublishingStatus(record.status)
    if status not in PUBLISHING_TRANSITIONS[before]:
        raise ValueError(f"no way from {before} to {status}")
    db.flush()
    moved = db.execute(
        update(PublishingRecord)
        .where(PublishingRecord.id == record.id, PublishingRecord.status == before)
        .values(status=status, updated_at=now(), **values)
        .returning(PublishingRecord.id),
        execution_options={"synchronize_session": False},
    ).first()
    if moved is None:
        raise Moved
    db.refresh(record)
