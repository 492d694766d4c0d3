"""One try at a publishing record, ready to be made: the adapter, what is sent, and the order that the engine gets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pubsite.models import Operation, PublishingRecord, RemoteState, now
from pubsite.publishing import delivery
from pubsite.publishing.adapter import Adapter, Desired, Draft, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Order
from pubsite.publishing.guarding import guarded, told
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.wire import Wire


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one try will do; made without a transaction that writes. `record`: as it was read for that."""

    record: PublishingRecord
    adapter: Adapter
    wire: Wire
    content: Content | None = None
    draft: Draft | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether the destination holds just that already, as far as we know: then no call is made."""
        record = self.record
        wanted = RemoteState.draft if record.desired == "draft" else RemoteState.present
        same = self.draft is not None and record.content_hash == self.draft.content_hash
        return same and record.remote_state == wanted and not record.force and record.operation != Operation.unpublish

    def send(self, record: PublishingRecord) -> Delivered:
        """Do it, for the record as it stands now; raises DeliveryError. Nothing that comes of it holds a secret."""
        with guarded(self.wire):
            done = self._deliver(record)
            return replace(done, remote=told(self.wire, done.remote))

    def _deliver(self, record: PublishingRecord) -> Delivered:
        order = Order(
            str(record.id),
            record.external_id,
            may_create=record.unsettled_until is None or record.unsettled_until <= now(),
            looks=KINDS[record.destination_type].looks,
            adopt=record.adopt,
            force=record.force,
            turn=_last_success(record),
            sent=_last_sent(record),
        )
        if record.operation == Operation.unpublish:
            return delivery.unpublish(self.adapter, order, self.draft)
        assert self.draft is not None
        assert self.content is not None
        return delivery.publish(self.adapter, order, self.draft, self.content)


def _last_success(record: PublishingRecord) -> str:
    times = [time for time in (record.published_at, record.unpublished_at) if time is not None]
    return max(times).isoformat() if times else ""


def _last_sent(record: PublishingRecord) -> Remote:
    """What it was sent last, as far as that is known: after a try whose answer was lost its content is in doubt."""
    external_id, in_doubt = record.external_id or str(record.content_id), record.remote_state == RemoteState.unknown
    to_go = record.operation == Operation.unpublish  # that message is named by the content of which it tells
    content_hash = None if in_doubt and not to_go else record.content_hash
    return Remote(external_id, record.external_url or "", content_hash=content_hash)


def desired_of(record: PublishingRecord) -> Desired:
    """How the record's page is to stand there."""
    return "draft" if record.desired == "draft" else "publish"
