"""Looking what stands at the other end of a record, without writing anything there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pubsite.errors import Conflict, NotFound, PubsiteError
from pubsite.models import Destination, PublishingRecord, PublishingStatus, RemoteState, now
from pubsite.publishing import delivery
from pubsite.publishing.adapter import Remote
from pubsite.publishing.delivery import Order
from pubsite.publishing.guarding import guarded, told
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.wire import Sender
from pubsite.services import destinations
from pubsite.services import publishing_records as records
from pubsite.services.sealing import Seals


def require_idle(record: PublishingRecord) -> None:
    """Raise Conflict for a record that cannot be looked at now, or whose destination cannot be looked at at all."""
    if record.status == PublishingStatus.publishing:
        raise Conflict("The record is being sent: look at it when that has ended")
    if not KINDS[record.destination_type].looks:
        raise Conflict(f"A {record.destination_type} shows nothing of what it was sent")


@dataclass(frozen=True, slots=True)
class Look:
    """Looks, outside of any transaction, and writes down what it saw."""

    transaction: Callable[[], AbstractContextManager[Session]]
    seals: Seals
    send: Sender

    def at(self, record_id: uuid.UUID) -> PublishingRecord:
        """The record with what stands there now; raises Conflict, with what is in the way, when that cannot be seen."""
        with self.transaction() as db:
            record = records.get(db, record_id)
            destination = destinations.get(db, record.destination_id) if record else None
            if record is None or destination is None:
                raise NotFound("Publishing record not found")
            db.expunge_all()
        try:
            found = self._look(record, destination)
        except PubsiteError as error:  # of the other end, or of our secret for it: no failure of this server
            raise Conflict(f"Nothing can be seen there now: {error.message}", code=error.code) from error
        with self.transaction() as db:
            current = records.lock(db, record)
            if current.updated_at == record.updated_at:
                _write_down(current, found)
                db.flush()
            db.expunge(current)
        return current

    def _look(self, record: PublishingRecord, destination: Destination) -> Remote | None:
        adapter, wire = destinations.connect(destination, self.seals, self.send)
        with guarded(wire):
            return told(wire, delivery.refresh(adapter, Order(str(record.id), record.external_id)))


def _write_down(record: PublishingRecord, found: Remote | None) -> None:
    """What stands there otherwise than we sent it is no longer known to be ours: the next publish sends it again."""
    if record.external_id is None:  # nothing is known to stand there: only the next try looks by our marker
        return
    record.remote_state = RemoteState(found.state) if found is not None else RemoteState.absent
    record.external_url = (found.url if found is not None else "") or record.external_url
    if found is None or (found.content_hash is not None and found.content_hash != record.content_hash):
        record.content_hash = None
    record.updated_at = now()
