"""One try at bringing a page to a destination, so that it stands there once. Knows no kind, no database and no clock.

Look before anything is made: under the id that it gave us, then by our marker, then (only to adopt) by the slug. After
every write, read back. Where something was sent and no good answer came, look; what cannot be found yet is looked for
again later, and nothing is made or changed as long as what was sent may still arrive. Taken down is at once, and again
when nothing can arrive any more.

Kinds that cannot be looked at are sent to again instead: the other end takes a repeat for what it is, by an id that
their adapters derive from marker, content and turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pubsite.publishing.adapter import Adapter, Draft, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.outcomes import DeliveryError, Failing, Rejected, Unsure

Done = Literal["created", "updated", "unchanged", "adopted", "unpublished", "absent"]


@dataclass(frozen=True, slots=True)
class Order:
    """What one record asks for.

    marker: its id. external_id: what the other end called it, None before the first time. may_create: False as long as
    something sent before may still arrive. looks: whether this kind can be looked at. adopt, force: as the user said.
    turn: any text that is the same for all tries up to a success and another after it (the time of the last success);
    "" before the first.
    sent: of a kind that cannot be looked at, what was sent last, as the record knows it: external_id (before the first
    success: the page's id), url, content_hash.
    """

    marker: str
    external_id: str | None = None
    may_create: bool = True
    looks: bool = True
    adopt: bool = False
    force: bool = False
    turn: str = ""
    sent: Remote | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was done, and what stands at the other end now; None: nothing."""

    done: Done
    remote: Remote | None


class Unsettled(DeliveryError):
    """Nothing was found, and what was sent before may still arrive: look again later."""

    code = "unsettled"


def publish(adapter: Adapter, order: Order, draft: Draft, content: Content) -> Delivered:
    """Bring the destination to the draft; raises DeliveryError."""
    draft = replace(draft, turn=order.turn)
    found, adopted = _locate(adapter, order, draft)
    if found is None:
        if not order.may_create and order.looks:
            raise Unsettled("What was sent before may still arrive there: looking again before anything is made")
        return Delivered("created", _create(adapter, order, draft, content))
    if found.state == "absent" and order.external_id is not None and not order.force:
        raise _gone(found)
    if found.content_hash == draft.content_hash and found.state != "absent" and not order.force:
        return Delivered("unchanged", found)
    if not order.may_create and order.looks:  # it would be overwritten by what comes late
        raise Unsettled("What was sent before may still arrive there: sending again once it cannot")
    return Delivered("adopted" if adopted else "updated", _update(adapter, order, found, draft, content))


def unpublish(adapter: Adapter, order: Order, draft: Draft | None = None) -> Delivered:
    """Take off the air what this record has put there; nothing there is fine."""
    found = refresh(adapter, order, draft) if order.looks else _sent(order)
    is_there = found is not None and found.state != "absent"
    after = _take_down(adapter, order, found) if found is not None and is_there else found
    if not order.may_create and order.looks:  # what comes late would bring it back: at once, and once more then
        raise Unsettled("What was sent before may still arrive there: looking again before it counts as gone")
    return Delivered("unpublished" if is_there else "absent", after)


def _take_down(adapter: Adapter, order: Order, found: Remote) -> Remote | None:
    """What stands there afterwards; None: nothing."""
    unsure: Unsure | None = None
    try:
        adapter.unpublish(found)
    except Unsure as error:
        if not order.looks:
            raise
        unsure = error  # the look tells
    after = adapter.read(found.external_id) if order.looks else None
    if after is not None and after.state == "present":
        raise unsure or Failing("It was asked to take the page down, and still shows it", code="still_present")
    return after


def refresh(adapter: Adapter, order: Order, draft: Draft | None = None) -> Remote | None:
    """What stands at the other end, without any write; None: nothing."""
    found = adapter.read(order.external_id) if order.external_id is not None else None
    return adapter.find(order.marker, draft) if found is None and draft is not None else found


def _sent(order: Order) -> Remote | None:
    """What a kind that cannot be looked at was sent, or may have been; None: nothing."""
    if order.external_id is None and order.may_create:
        return None
    return replace(order.sent or Remote(order.external_id or order.marker), turn=order.turn)


def _locate(adapter: Adapter, order: Order, draft: Draft) -> tuple[Remote | None, bool]:
    """What stands there already, and whether it is somebody else's that we may adopt."""
    if not order.looks:  # what may have been sent, but was never confirmed, is sent as the very same message
        return (None if order.external_id is None else _sent(order)), False
    if order.external_id is not None:
        found = adapter.read(order.external_id)
        if found is None and not order.force:
            found = adapter.find(order.marker, draft)
            if found is None:
                raise _gone(None)
        if found is not None:
            return found, False
    if (found := adapter.find(order.marker, draft)) is not None:
        return found, False
    if order.adopt and (found := adapter.find_other(draft)) is not None:
        return found, True
    return None, False


def _gone(found: Remote | None) -> Rejected:
    where = "in its trash" if found is not None else "gone"
    return Rejected(
        f"What was published there is {where}: somebody removed it at the destination. "
        "Publish with force: true to bring it back",
        code="remote_trashed" if found is not None else "remote_gone",
    )


def _create(adapter: Adapter, order: Order, draft: Draft, content: Content) -> Remote:
    try:
        made = adapter.create(order.marker, draft, content)
    except Unsure as error:
        made = _look_for_lost(adapter, order, draft, error)
    return _read_back(adapter, order, made)


def _look_for_lost(adapter: Adapter, order: Order, draft: Draft, error: Unsure) -> Remote:
    """What was made though its answer was lost; raises the Unsure again where nothing can be seen yet."""
    if not order.looks:
        raise error
    try:
        found = adapter.find(order.marker, draft)
    except DeliveryError:
        raise error from None
    if found is None or found.content_hash not in (None, draft.content_hash):  # nothing, or not yet whole
        raise error
    return found


def _update(adapter: Adapter, order: Order, found: Remote, draft: Draft, content: Content) -> Remote:
    try:
        changed = adapter.update(found, order.marker, draft, content)
    except Unsure as error:
        after = _after_lost_update(adapter, order, found, error)
        if after.content_hash != draft.content_hash:
            raise
        changed = after
    return _read_back(adapter, order, changed)


def _after_lost_update(adapter: Adapter, order: Order, found: Remote, error: Unsure) -> Remote:
    if not order.looks:
        raise error
    try:
        after = adapter.read(found.external_id)
    except DeliveryError:
        raise error from None
    if after is None:
        raise error
    return after


def _read_back(adapter: Adapter, order: Order, written: Remote) -> Remote:
    """What really stands there after a write; the notes of the write stay."""
    if not order.looks:
        return written
    try:
        seen = adapter.read(written.external_id)
    except DeliveryError as error:
        raise Unsure(f"It was sent; reading it back failed: {error.message}", http_status=error.http_status) from error
    if seen is None or seen.state == "absent":
        raise Unsure("It was sent, and the destination said yes, but it cannot be read there", code="not_readable")
    if seen.content_hash == "":
        raise Unsure("It was sent, and the destination said yes, but it does not stand there whole", code="not_whole")
    notes = (*written.notes, *(note for note in seen.notes if note not in written.notes))
    return Remote(seen.external_id, seen.url or written.url, seen.state, seen.content_hash, notes)
