"""The work behind a publishing record: what is sent, when, and what comes of it. Safe to run again from the start.

Three steps, none of which holds a transaction while it waits: look what is to be sent (a reading transaction, then the
page's body is rendered), mark the record `publishing`, call out, and write down how it ended. Whoever dies in between
leaves a record that is `publishing` with a job whose lease ends: the next run takes it as a try whose answer was lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from pubsite.build.pool import RendererPool
from pubsite.errors import PubsiteError
from pubsite.models import (
    Destination,
    Health,
    Operation,
    Page,
    PublishingRecord,
    PublishingStatus,
    Site,
    now,
)
from pubsite.publishing.guarding import INTERNAL, guarded
from pubsite.publishing.outcomes import DeliveryError, Unsure
from pubsite.publishing.wire import Sender, Wire
from pubsite.services import destinations, jobs, live, outcomes
from pubsite.services import publishing_records as records
from pubsite.services.jobs import Claim
from pubsite.services.live import SiteUrl
from pubsite.services.preparing import Prepared, desired_of
from pubsite.services.sealing import Seals
from pubsite.storage import Storage

# For so long something that was sent may still arrive: longer than servers and their proxies wait for each other.
SETTLE = timedelta(seconds=60)
# Waiting for a deployment wakes by itself; this is for a wake-up that was lost with its process.
LOOK_AGAIN = timedelta(hours=1)
WAITS = (Health.denied, Health.secret_lost)
NOT_LIVE = "not_live"


class Abandoned(Exception):
    """The job was taken over by another worker, or withdrawn: change nothing more."""


class Postponed(Exception):
    """Not now: tried again at that time, and until then the record says why."""

    def __init__(self, until: datetime, code: str, message: str) -> None:
        super().__init__(message)
        self.until, self.code, self.message = until, code, message


@dataclass(frozen=True, slots=True)
class Delivering:
    """Everything that deliveries need besides the record.

    `transaction` and `reading`: as for deploys. `send`: calls out. `site_url`: where a site is live.
    """

    transaction: Callable[[], AbstractContextManager[Session]]
    reading: Callable[[], AbstractContextManager[Session]]
    storage: Storage
    renderers: RendererPool
    seals: Seals
    send: Sender
    site_url: SiteUrl
    spread: Callable[[], float] = field(default=lambda: random.uniform(0.8, 1.2))

    def run(self, claim: Claim) -> None:
        """One try at the record that the claim names; raises only what was not foreseen."""
        with suppress(Abandoned):
            try:
                prepared = self._prepare(claim)
                if prepared is None:
                    self._drop(claim)
                elif (started := self._start(claim, prepared)) is not None:
                    self._deliver(claim, prepared, started)
            except Postponed as later:
                self._postpone(claim, later)
            except PubsiteError as error:  # what is wrong with the page, or with the destination as it is described
                if error.code == INTERNAL:
                    self.failed_unexpectedly(claim)
                else:
                    self._refuse(claim, error)

    def failed_unexpectedly(self, claim: Claim) -> None:
        """End a try that met an error nobody foresaw."""
        error = Unsure("An unexpected error; the server's log tells more", code=INTERNAL)
        with suppress(Abandoned), self.transaction() as db:
            record = self._claimed(db, claim)
            if record.status == PublishingStatus.pending:  # it broke before anything was sent
                self._mark(db, record)
            self._failed(db, claim, record, record, None, error)

    def _prepare(self, claim: Claim) -> Prepared | None:
        """What is to be done; None when there is nothing. Raises Postponed, or what is wrong."""
        with self.reading() as db:
            record = records.get(db, claim.subject_id)
            destination = destinations.get(db, record.destination_id) if record else None
            site = db.get(Site, record.site_id) if record else None
            if record is None or destination is None or site is None:
                return None
            if site.deleted_at is not None:
                raise PubsiteError("The site was deleted", code="site_deleted")
            require_open(record, destination)
            state = self._state(db, record, destination, site)
            db.expunge_all()
        adapter, wire = destinations.connect(destination, self.seals, self.send)
        if state is None:
            return Prepared(record, adapter, wire)
        content = live.content_of(state, self.renderers)
        with guarded(wire):
            draft = adapter.draft(content, desired_of(record))
        return Prepared(record, adapter, wire, content, draft)

    def _state(self, db: Session, record: PublishingRecord, destination: Destination, site: Site) -> live.State | None:
        """The state of the page that is to be sent; None where nothing is. Raises Postponed while it is not live."""
        page = db.get(Page, record.content_id)
        if record.operation == Operation.unpublish:
            # What a lost try left is found by what it would have sent.
            return None if page is None or record.external_id else live.saved(db, site, page, self.site_url)
        if page is not None and destination.config.get("before_live") is True:
            return live.saved(db, site, page, self.site_url)
        state = live.live(db, self.storage, site, record.content_id, self.site_url)
        if state is None and page is None:
            raise PubsiteError("The page is gone", code="content_gone")
        if state is None or state.revision < (record.wanted_revision or 0):
            what = "not live yet" if state is None else f"live as revision {state.revision} only"
            raise Postponed(now() + LOOK_AGAIN, NOT_LIVE, f"The page is {what}: deploy its site")
        return state

    def _start(self, claim: Claim, prepared: Prepared) -> PublishingRecord | None:
        """The record, marked `publishing`, as it is then; None when it has ended by that already."""
        with self.transaction() as db:
            record = self._claimed(db, claim)
            if record.updated_at != prepared.record.updated_at:  # somebody wants something else by now
                jobs.give_back(db, claim, now())
                return None
            if record.status == PublishingStatus.publishing:
                outcomes.interrupted(db, record, SETTLE)
            elif record.status != PublishingStatus.pending:
                jobs.finish(db, claim)
                return None
            if prepared.is_unchanged and record.unsettled_until is None:
                self._mark(db, record, count=False)
                outcomes.unchanged(db, record, prepared.content)
                jobs.finish(db, claim)
                return None
            self._mark(db, record)
            db.expunge(record)
            return record

    def _mark(self, db: Session, record: PublishingRecord, *, count: bool = True) -> None:
        started = {"attempts": record.attempts + 1, "started_at": now(), "next_attempt_at": None} if count else {}
        if record.status == PublishingStatus.pending:
            records.move(db, record, PublishingStatus.publishing, **started)
            return
        for name, value in started.items():
            setattr(record, name, value)
        db.flush()

    def _deliver(self, claim: Claim, prepared: Prepared, started: PublishingRecord) -> None:
        """Call out, and write down how that ended."""
        try:
            done = prepared.send(started)
        except DeliveryError as error:
            with self.transaction() as db:
                self._failed(db, claim, self._claimed(db, claim), started, prepared.wire, error)
            return
        with self.transaction() as db:
            record = self._claimed(db, claim)
            wants_more = records.wish_of(record) != records.wish_of(started)
            ended = self._ended(db, record, started, prepared.wire)
            outcomes.delivered(db, ended, done, prepared.content, prepared.draft, keep_wish=wants_more)
            if wants_more:
                self._go_on(db, claim, record)
            else:
                jobs.finish(db, claim)

    def _failed(
        self, db: Session, claim: Claim, record: PublishingRecord, started: PublishingRecord, wire: Wire | None,
        error: DeliveryError,
    ) -> None:  # fmt: skip
        next_at = outcomes.failed(db, self._ended(db, record, started, wire), error)
        if next_at is not None:
            jobs.give_back(db, claim, next_at)
        elif records.wish_of(record) != records.wish_of(started):
            self._go_on(db, claim, record)
        else:
            jobs.finish(db, claim)

    def _go_on(self, db: Session, claim: Claim, record: PublishingRecord) -> None:
        """Something else was asked for while a try was under way: it is done next, by the wish that the row holds."""
        if record.status != PublishingStatus.pending:
            records.move(db, record, PublishingStatus.pending)
        record.next_attempt_at, record.failures = now(), 0
        db.flush()
        jobs.give_back(db, claim, now())

    def _ended(
        self, db: Session, record: PublishingRecord, started: PublishingRecord, wire: Wire | None
    ) -> outcomes.Ended:
        destination = self._lock_destination(db, record)
        return outcomes.Ended(record, destination, Operation(started.operation), wire, self.spread(), SETTLE)

    def _postpone(self, claim: Claim, later: Postponed) -> None:
        with self.transaction() as db:
            record = self._claimed(db, claim)
            if record.status == PublishingStatus.publishing:  # a try before died
                outcomes.interrupted(db, record, SETTLE)
                records.move(db, record, PublishingStatus.pending)
            try:  # a wake-up between the look and now would be lost
                require_open(record, self._lock_destination(db, record))
            except Postponed as still:
                later = still
            else:
                if later.code != NOT_LIVE or record.woken_at is not None:
                    later.until = now()
            record.woken_at = None
            record.error_code, record.error, record.error_retryable = later.code, later.message, True
            record.next_attempt_at = None if later.code in (NOT_LIVE, *WAITS) else later.until
            db.flush()
            jobs.give_back(db, claim, later.until)

    def _refuse(self, claim: Claim, error: PubsiteError) -> None:
        """End a record that cannot be sent as things are; one whose secret is lost waits for a person."""
        if error.code == Health.secret_lost:
            with self.transaction() as db:
                destination = self._lock_destination(db, self._claimed(db, claim))
                destination.health, destination.last_error = Health.secret_lost, error.message
            self._postpone(claim, Postponed(now() + LOOK_AGAIN, Health.secret_lost, error.message))
            return
        with self.transaction() as db:
            record = self._claimed(db, claim)
            if record.status == PublishingStatus.publishing:
                outcomes.interrupted(db, record, SETTLE)
            if record.status in (PublishingStatus.pending, PublishingStatus.publishing):
                told = {"error_code": error.code[:64], "error": error.message[:1000]}
                retryable = error.code in ("build_failed", "site_deleted", "unavailable")
                records.move(
                    db, record, PublishingStatus.failed, next_attempt_at=None, error_retryable=retryable, **told
                )
            jobs.finish(db, claim)

    def _drop(self, claim: Claim) -> None:
        with self.transaction() as db:
            jobs.finish(db, claim)

    def _lock_destination(self, db: Session, record: PublishingRecord) -> Destination:
        return destinations.lock_id(db, record.destination_id)

    def _claimed(self, db: Session, claim: Claim) -> PublishingRecord:
        """The record, locked, as long as the job is ours."""
        if not jobs.still_held(db, claim):
            raise Abandoned
        record = records.lock_id(db, claim.subject_id)
        if record is None:
            raise Abandoned
        return record


def require_open(record: PublishingRecord, destination: Destination) -> None:
    """Raise Postponed while the destination takes nothing, or PubsiteError when it is switched off."""
    present = now()
    if not destination.is_active:
        raise PubsiteError("The destination is switched off", code="destination_inactive")
    if destination.health in WAITS:
        message = f"The destination waits for a person: {destination.last_error or destination.health}"
        raise Postponed(present + LOOK_AGAIN, destination.health, message)
    if destination.paused_until is not None and destination.paused_until > present:
        message = f"The destination is paused: {destination.last_error or destination.health}"
        raise Postponed(destination.paused_until, "destination_paused", message)
    if record.scheduled_at is not None and record.scheduled_at > present:
        raise Postponed(record.scheduled_at, "scheduled", f"Scheduled for {record.scheduled_at:%Y-%m-%d %H:%M} UTC")
