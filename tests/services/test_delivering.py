"""Deliveries against a clock that is turned, and ends that fail at every point: what is sent when, what is recorded.

The database, the storage and the renderers are real; the Sender is a double of the other ends (tests/doubles/shelf.py).
Time passes by moving the times in the rows back.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pubsite.build.pool import RendererPool
from pubsite.db import Database, DatabaseBusy
from pubsite.models import (
    Account,
    Deployment,
    Destination,
    Job,
    Page,
    Publisher,
    PublishingAttempt,
    PublishingRecord,
    Site,
    now,
)
from pubsite.models.drafts import Draft
from pubsite.publishing.kinds import KINDS
from pubsite.services import (
    accounts,
    deployments,
    destinations,
    following,
    jobs,
    pages,
    publishers,
    publishing_records,
    refreshing,
    sealing,
    sites,
)
from pubsite.services.delivering import SETTLE, Delivering
from pubsite.services.deploying import Deploying
from pubsite.services.jobs import Claim
from pubsite.services.publishing_records import PUBLISH, Wish
from pubsite.signing.sealing import Sealer
from pubsite.storage import Storage, open_storage
from tests.doubles import shelf
from tests.doubles.receiver import Receiver
from tests.doubles.shelf import (
    Act,
    Ends,
    Hook,
    Killed,
    Shelf,
    answer_lost,
    answers,
    goes_well,
    killed,
    meanwhile,
    request_lost,
    unreachable,
)
from tests.planted import TOKENS, WEBHOOKS

LEASE = timedelta(seconds=60)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
BACKOFF = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR]
TIMES = {
    Job: ("run_at", "lease_until"),
    PublishingRecord: ("next_attempt_at", "scheduled_at", "unsettled_until", "started_at"),
    Destination: ("paused_until",),
}


@pytest.fixture(scope="module")
def renderers() -> Iterator[RendererPool]:
    pool = RendererPool(1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    opened = open_storage(tmp_path_factory.mktemp("storage"))
    yield opened
    opened.close()


@dataclass
class Place:
    """A destination and its other end."""

    id: uuid.UUID
    host: str
    end: Any


@dataclass
class Desk:
    """One publisher with a site, its destinations, and the worker's hands."""

    database: Database
    storage: Storage
    renderers: RendererPool
    ends: Ends = field(default_factory=Ends)
    keys: list[bytes] = field(default_factory=lambda: [bytes(range(32))])

    def __post_init__(self) -> None:
        self.seals = Sealer(lambda: tuple(self.keys))
        self.delivering = Delivering(
            self.database.transaction, self.database.reading, self.storage, self.renderers, self.seals, self.ends,
            self.site_url,
        )  # fmt: skip
        self.deploying = Deploying(self.database.transaction, self.database.reading, self.storage, self.renderers, 3600)
        with self.database.transaction() as db:
            db.execute(delete(Job))  # what tests before left waiting
            owner = accounts.create(db, name=f"account-{uuid.uuid4().hex[:12]}")
            publisher = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=owner)
            db.flush()
            self.account_id, self.publisher_id = owner.id, publisher.id
            self.site_id = self._site(db, publisher, owner)

    def _site(self, db: Session, publisher: Publisher, owner: Account) -> uuid.UUID:
        return sites.create(db, publisher, owner.id, slug="docs", name="Docs", limit=100).id

    def site_url(self, site: Site) -> str:
        return f"https://{site.host_label}.example"

    def place(self, kind: str = "shelf", secret: str | None = None, **config: Any) -> Place:
        """A destination that takes pages as they are saved, unless it is told otherwise."""
        host = f"{uuid.uuid4().hex[:12]}.example"
        secret = secret or (WEBHOOKS[0] if kind == "webhook" else TOKENS[0])
        end = Hook(Receiver(secret)) if kind == "webhook" else Shelf()
        self.ends.ends[host] = end
        with self.database.transaction() as db:
            made, _ = destinations.create(
                db, db.get_one(Publisher, self.publisher_id), db.get_one(Site, self.site_id), self.account_id,
                self.seals, name="There", type=kind, base_url=f"https://{host}", secret=secret,
                config={"before_live": True, **config},
            )  # fmt: skip
            return Place(made.id, host, end)

    def page(self, title: str = "One", path: str | None = None) -> uuid.UUID:
        with self.database.transaction() as db:
            draft = Draft(path or f"/{uuid.uuid4().hex[:8]}", {"title": title, "content": "<p>Text</p>"})
            return pages.create(db, db.get_one(Site, self.site_id), self.account_id, draft).id

    def edit(self, page_id: uuid.UUID, **config: Any) -> None:
        with self.database.transaction() as db:
            page = db.get_one(Page, page_id)
            changes = {"config": {**page.config, **config}}
            pages.update(db, db.get_one(Site, self.site_id), page, self.account_id, changes)

    def deploy(self) -> None:
        """Make the site live, and do what follows from that."""
        with self.database.transaction() as db:
            site = db.get_one(Site, self.site_id)
            made, _ = deployments.create(db, site, self.account_id, deployments.Request())
            made_id = made.id
        self.deploying.run(self.claimed(deployments.DEPLOY))
        with self.database.reading() as db:
            assert db.get_one(Deployment, made_id).status == "deployed"
        if (claim := self.claim(following.FOLLOW)) is not None:
            with self.database.transaction() as db:
                following.follow(db, self.storage, self.site_id, self.site_url)
                jobs.finish(db, claim)

    def publish(self, page_id: uuid.UUID, place: Place, **wish: Any) -> uuid.UUID:
        return self.asked(page_id, place, **wish)[0]

    def asked(self, page_id: uuid.UUID, place: Place, **wish: Any) -> tuple[uuid.UUID, str]:
        """The record, and what became of the wish."""
        with self.database.transaction() as db:
            site, page = db.get_one(Site, self.site_id), db.get_one(Page, page_id)
            destination = db.get_one(Destination, place.id)
            record, result, _ = publishing_records.publish(db, site, page, destination, self.account_id, Wish(**wish))
            return record.id, result

    def of_record(self, act: Callable[[Session, PublishingRecord], Any], record_id: uuid.UUID) -> None:
        """What a person asks of a record."""
        with self.database.transaction() as db:
            act(db, db.get_one(PublishingRecord, record_id))

    def change(self, place: Place, **changes: Any) -> None:
        with self.database.transaction() as db:
            destinations.change(db, db.get_one(Destination, place.id), self.seals, changes)

    def test(self, place: Place) -> destinations.Tested:
        asked_at = now()
        found = destinations.test(self.destination(place), self.seals, self.ends)
        with self.database.transaction() as db:
            destinations.tested(db, place.id, asked_at, found)
        return found

    def look(self, record_id: uuid.UUID) -> PublishingRecord:
        return refreshing.Look(self.database.transaction, self.seals, self.ends).at(record_id)

    # The worker's hands

    def claim(self, kind: str = PUBLISH, worker: str = "ann") -> Claim | None:
        with self.database.transaction() as db:
            return jobs.claim(db, [kind], worker, LEASE)

    def claimed(self, kind: str = PUBLISH, worker: str = "ann") -> Claim:
        claim = self.claim(kind, worker)
        assert claim is not None
        return claim

    def run(self) -> int:
        """Do all that is due; how many tries that were."""
        count = 0
        while (claim := self.claim()) is not None:
            self.delivering.run(claim)
            count += 1
            assert count < 100
        return count

    def later(self, passed: timedelta) -> int:
        """Let time pass, and do what is due then; how many tries that were."""
        with self.database.transaction() as db:
            for model, names in TIMES.items():
                for row in db.scalars(select(model)):
                    for name in names:
                        if (value := getattr(row, name)) is not None:
                            setattr(row, name, value - passed)
        return self.run()

    # What there is

    def record(self, record_id: uuid.UUID) -> PublishingRecord:
        with self.database.reading() as db:
            found = db.get_one(PublishingRecord, record_id)
            db.expunge_all()
        return found

    def destination(self, place: Place) -> Destination:
        with self.database.reading() as db:
            found = db.get_one(Destination, place.id)
            db.expunge_all()
        return found

    def waits(self, record_id: uuid.UUID) -> timedelta | None:
        """How long until the record is looked at again; None: never."""
        with self.database.reading() as db:
            run_at = db.scalar(select(Job.run_at).where(Job.kind == PUBLISH, Job.subject_id == record_id))
        return None if run_at is None else run_at - now()

    def outcomes(self, record_id: uuid.UUID) -> list[str]:
        """The outcome of each attempt, or its error's code, the first one first."""
        query = select(PublishingAttempt).where(PublishingAttempt.record_id == record_id)
        with self.database.reading() as db:
            return [row.error_code or row.outcome for row in db.scalars(query.order_by(PublishingAttempt.number))]

    def state(self, record_id: uuid.UUID) -> tuple[str, str]:
        record = self.record(record_id)
        return record.status, record.remote_state


@pytest.fixture
def desk(database: Database, storage: Storage, renderers: RendererPool, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setitem(KINDS, "shelf", shelf.KIND)
    return Desk(database, storage, renderers)


def about(wait: timedelta | None, expected: timedelta, spread: float = 0.2) -> bool:
    """Whether a wait is what is expected, ± the spread and the second in which we look."""
    assert wait is not None
    return expected * (1 - spread) - 2 * SECOND <= wait <= expected * (1 + spread)


# When it is tried again


def test_temporary_failures_back_off_five_times_and_then_fail(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.ends.next(place.host, *[answers(500)] * 6)
    assert desk.run() == 1
    for step in BACKOFF:
        shown, wait = desk.record(record), desk.waits(record)
        assert (shown.status, shown.error_code, shown.error_retryable) == ("pending", "remote_error", True)
        assert about(wait, step)
        assert shown.next_attempt_at is not None
        assert abs(shown.next_attempt_at - now() - (wait or SECOND)) < 2 * SECOND
        assert desk.later((wait or SECOND) - 5 * SECOND) == 0
        assert desk.later(6 * SECOND) == 1
    failed = desk.record(record)
    assert (failed.status, failed.error_code, failed.error_retryable) == ("failed", "remote_error", True)
    assert (failed.next_attempt_at, desk.waits(record), failed.attempts) == (None, None, 6)
    assert desk.later(9 * HOUR) == 0
    desk.of_record(publishing_records.retry, record)
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert desk.destination(place).health == "ok"


def test_the_spread_is_a_fifth_each_way(desk: Desk) -> None:
    found = [desk.delivering.spread() for _ in range(1000)]
    assert 0.8 <= min(found) < 0.83
    assert 1.17 < max(found) <= 1.2


def test_webhooks_are_tried_by_the_published_schedule_under_one_id(desk: Desk) -> None:
    place, page = desk.place("webhook"), desk.page()
    record = desk.publish(page, place)
    desk.ends.next(place.host, *[answers(503)] * 10)
    desk.run()
    hours = [timedelta(hours=count) for count in (2, 5, 10, 14, 20, 24)]
    for step in (5 * SECOND, 5 * MINUTE, 30 * MINUTE, *hours):
        wait = desk.waits(record)
        assert about(wait, step)
        assert desk.later((wait or SECOND) + SECOND) == 1
    assert desk.record(record).status == "failed"
    assert len({asked.headers["webhook-id"] for _, asked in desk.ends.calls}) == 1
    assert desk.ends.count(place.host) == 10


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_all_for_a_destination_wait_as_long_as_it_asks_and_others_do_not(
    desk: Desk, status: int, as_date: bool
) -> None:
    place, other = desk.place(), desk.place()
    first, second = desk.publish(desk.page(), place), desk.publish(desk.page(), place)
    elsewhere = desk.publish(desk.page(), other)
    asked = format_datetime(datetime.now(UTC) + 20 * MINUTE, usegmt=True) if as_date else "1200"
    desk.ends.next(place.host, answers(status, retry_after=asked))
    desk.run()
    assert desk.state(elsewhere) == ("published", "present")
    assert desk.ends.count(place.host) == 1
    for record in (first, second):
        assert about(desk.waits(record), 20 * MINUTE, spread=0)
        assert desk.record(record).status == "pending"
    late = desk.publish(desk.page(), place)
    desk.run()
    assert desk.record(late).error_code == "destination_paused"
    assert about(desk.waits(late), 20 * MINUTE, spread=0)
    assert desk.later(19 * MINUTE) == 0
    assert desk.later(2 * MINUTE) >= 3
    assert {desk.state(record) for record in (first, second, late)} == {("published", "present")}
    assert desk.outcomes(first) == ["rate_limited", "created"]
    assert desk.outcomes(second) == ["created"]  # a wait is no attempt


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_whoever_asks_for_no_time_at_all_is_not_asked_without_end(desk: Desk, asked: str) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    desk.ends.next(place.host, *[answers(429, retry_after=asked)] * 9)
    assert desk.run() == 1
    waits = []
    for _ in range(8):
        wait = desk.waits(record)
        assert wait is not None
        waits.append(wait)
        assert desk.later(wait + SECOND) == 1
    assert waits[0] > timedelta(seconds=0.5)
    assert waits[-1] > MINUTE / 2
    desk.later(3 * HOUR)
    assert desk.state(record) == ("published", "present")


def test_a_destination_that_is_down_makes_all_of_its_own_wait(desk: Desk) -> None:
    place, other = desk.place(), desk.place()
    first, second = desk.publish(desk.page(), place), desk.publish(desk.page(), place)
    elsewhere = desk.publish(desk.page(), other)
    desk.ends.next(place.host, unreachable)
    desk.run()
    assert desk.ends.count(place.host) == 1
    assert desk.destination(place).health == "failing"
    assert desk.state(elsewhere) == ("published", "present")
    assert about(desk.waits(first), BACKOFF[0])
    assert about(desk.waits(second), BACKOFF[0])
    desk.later(40 * SECOND)
    assert desk.state(first) == desk.state(second) == ("published", "present")
    assert desk.record(first).unsettled_until is None  # nothing was sent: nothing had to settle


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("mend", ["test", "secret", "base_url"])
def test_refusals_stop_everything_until_a_person_mends_it(desk: Desk, status: int, mend: str) -> None:
    place = desk.place()
    first, second = desk.publish(desk.page(), place), desk.publish(desk.page(), place)
    desk.ends.next(place.host, answers(status, b'{"message": "no"}'))
    desk.run()
    assert desk.destination(place).health == "denied"
    assert {desk.record(record).status for record in (first, second)} == {"pending"}
    desk.later(5 * HOUR)
    desk.later(5 * HOUR)
    assert desk.ends.count(place.host) == 1
    desk.change(place, name="Renamed")  # mends nothing
    desk.run()
    assert desk.ends.count(place.host) == 1
    if mend == "test":
        assert desk.test(place).ok
    elif mend == "secret":
        desk.change(place, secret=TOKENS[1])
    else:
        desk.change(place, base_url=f"https://{place.host}/")
    desk.run()
    assert desk.state(first) == desk.state(second) == ("published", "present")
    assert desk.destination(place).health == "ok"


def test_a_test_that_is_refused_keeps_it_stopped(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    desk.ends.next(place.host, answers(401), answers(401))
    desk.run()
    assert desk.test(place).error_code == "denied"
    desk.run()
    assert desk.record(record).status == "pending"
    assert desk.ends.count(place.host) == 2


def test_what_is_gone_is_switched_off_and_can_be_switched_on(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record, waiting = desk.publish(page, place), desk.publish(desk.page(), place)
    desk.ends.next(place.host, answers(410))
    desk.run()
    shown = desk.destination(place)
    assert (shown.is_active, shown.health) == (False, "gone")
    assert (desk.record(record).status, desk.record(record).error_code) == ("failed", "gone")
    assert (desk.record(waiting).status, desk.record(waiting).error_code) == ("failed", "destination_inactive")
    assert desk.ends.count(place.host) == 1
    desk.change(place, is_active=True)
    for each in (record, waiting):
        desk.of_record(publishing_records.retry, each)
    desk.run()
    assert desk.state(record) == desk.state(waiting) == ("published", "present")


def test_what_a_destination_will_not_take_fails_at_once_and_stops_nothing_else(desk: Desk) -> None:
    place = desk.place()
    bad, good = desk.publish(desk.page(), place), desk.publish(desk.page(), place)
    desk.ends.next(place.host, answers(422, b'{"message": "no title"}'))
    desk.run()
    shown = desk.record(bad)
    assert (shown.status, shown.error_code, shown.error_retryable) == ("failed", "rejected", False)
    assert "no title" in (shown.error or "")
    assert desk.state(good) == ("published", "present")


# Secrets


def test_for_a_day_webhooks_are_signed_with_both_secrets(desk: Desk) -> None:
    place = desk.place("webhook", WEBHOOKS[0])
    with desk.database.transaction() as db:
        row = db.get_one(Destination, place.id)
        destinations.rotate_secret(db, row, desk.seals, WEBHOOKS[1])
    desk.publish(desk.page(), place)
    desk.run()
    assert len(desk.ends.calls[-1][1].headers["webhook-signature"].split()) == 2
    assert len(place.end.receiver.pages) == 1  # which knows the old one only
    _age_secret(desk, place, sealing.OLD_SECRET_FOR - MINUTE)
    desk.publish(desk.page(), place)
    desk.run()
    assert len(place.end.receiver.pages) == 2
    _age_secret(desk, place, 2 * MINUTE)
    record = desk.publish(desk.page(), place)
    desk.run()
    assert len(desk.ends.calls[-1][1].headers["webhook-signature"].split()) == 1
    assert desk.record(record).error_code == "denied"
    place.end.receiver.secret = WEBHOOKS[1]
    assert desk.test(place).ok
    desk.run()
    assert len(place.end.receiver.pages) == 3


def _age_secret(desk: Desk, place: Place, passed: timedelta) -> None:
    with desk.database.transaction() as db:
        row = db.get_one(Destination, place.id)
        context = f"{row.publisher_id}/{row.id}"
        document = json.loads(desk.seals.open(row.sealed_secret or "", context))
        document["until"] = (datetime.fromisoformat(document["until"]) - passed).isoformat()
        row.sealed_secret = desk.seals.seal(json.dumps(document), context)


def test_a_secret_whose_key_is_gone_waits_for_a_new_one(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    lost = desk.keys.copy()
    desk.keys[:] = [b"another key, of thirty-two bytes"]
    desk.run()
    assert desk.destination(place).health == "secret_lost"
    assert (desk.record(record).status, desk.record(record).error_code) == ("pending", "secret_lost")
    assert desk.test(place).error_code == "secret_lost"
    desk.later(5 * HOUR)
    assert desk.ends.calls == []
    desk.change(place, secret=TOKENS[1])
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert desk.destination(place).health == "ok"
    assert lost != desk.keys


def test_a_key_that_comes_back_is_seen_by_a_test(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    key = desk.keys.pop()
    desk.keys.append(b"another key, of thirty-two bytes")
    desk.run()
    assert desk.destination(place).health == "secret_lost"
    desk.keys.append(key)
    assert desk.test(place).ok
    desk.run()
    assert desk.state(record) == ("published", "present")


def test_secrets_are_sealed_anew_and_those_that_are_lost_stay(desk: Desk) -> None:
    place = desk.place()
    desk.keys.insert(0, b"the new key, of thirty-two bytes")
    with desk.database.transaction() as db:
        assert sealing.seal_anew(db, desk.seals) >= 1
    del desk.keys[1]
    assert desk.test(place).ok
    desk.keys[:] = [b"another key, of thirty-two bytes"]
    with desk.database.transaction() as db:
        sealing.seal_anew(db, desk.seals)
    assert desk.test(place).error_code == "secret_lost"


# Workers that die, and answers that are lost


@pytest.mark.parametrize("arrived", [False, True])
def test_after_a_kill_nothing_is_made_before_what_was_sent_has_settled(desk: Desk, arrived: bool) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    # A look by the marker, then the write: the process dies over it.
    desk.ends.next(place.host, goes_well, killed if arrived else _killed_before)
    with pytest.raises(Killed):
        desk.run()
    assert desk.record(record).status == "publishing"
    assert desk.run() == 0  # its lease holds
    made = place.end.made
    assert made == int(arrived)
    desk.later(LEASE + SECOND)
    assert place.end.made == made
    if not arrived:
        assert desk.outcomes(record) == ["interrupted", "unsettled"]
        assert desk.record(record).status == "pending"
        assert about(desk.waits(record), SETTLE, spread=0)
        assert desk.later(SETTLE - 5 * SECOND) == 0
        desk.later(6 * SECOND)
    assert desk.outcomes(record)[0] == "interrupted"
    assert desk.outcomes(record)[-1] == ("unchanged" if arrived else "created")
    assert desk.state(record) == ("published", "present")
    assert (place.end.made, len(place.end.items)) == (1, 1)


def _killed_before(send: Callable[[], Any]) -> Any:
    raise Killed


def test_after_a_kill_a_webhook_is_sent_again_under_its_id(desk: Desk) -> None:
    place = desk.place("webhook")
    record = desk.publish(desk.page(), place)
    desk.ends.next(place.host, killed)
    with pytest.raises(Killed):
        desk.run()
    desk.later(LEASE + SECOND)
    assert desk.state(record) == ("published", "present")
    assert len({asked.headers["webhook-id"] for _, asked in desk.ends.calls}) == 1
    assert len(place.end.receiver.events) == 1


def test_a_worker_that_dies_again_and_again_makes_one_page(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    for calls_before in (1, 1, 2):
        desk.ends.plans.clear()
        desk.ends.next(place.host, *[goes_well] * calls_before, killed)
        with suppress(Killed):
            desk.later(LEASE + SETTLE + SECOND)
    desk.ends.plans.clear()
    desk.later(LEASE + SETTLE + SECOND)
    desk.later(SETTLE + SECOND)
    assert desk.state(record) == ("published", "present")
    assert len(place.end.items) == 1


@pytest.mark.parametrize("lose", [answer_lost, request_lost], ids=["answer", "request"])
@pytest.mark.parametrize("calls_before", range(3))
@pytest.mark.parametrize("what", ["create", "update", "unpublish"])
def test_whatever_is_lost_there_is_one_page_or_none(desk: Desk, lose: Act, calls_before: int, what: str) -> None:
    place, page = desk.place(), desk.page()
    record = uuid.uuid4()
    if what != "create":
        record = desk.publish(page, place)
        desk.run()
    if what == "unpublish":
        desk.of_record(publishing_records.unpublish, record)
    else:
        desk.edit(page, title="Two")
        record = desk.publish(page, place)
    desk.ends.next(place.host, *[goes_well] * calls_before, lose)
    desk.run()
    for _ in range(3):
        desk.later(3 * MINUTE)
    if what == "unpublish":
        assert desk.state(record) == ("pending", "absent")
        assert desk.waits(record) is None
        assert place.end.items == {}
        return
    assert desk.state(record) == ("published", "present")
    assert [item["title"] for item in place.end.items.values()] == ["Two"]
    assert place.end.made == 1
    assert desk.record(record).unsettled_until is None


def test_what_arrives_late_is_found_and_not_made_again(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    late: list[Callable[[], Any]] = []

    def on_its_way(send: Callable[[], Any]) -> Any:
        late.append(send)
        return request_lost(send)

    desk.ends.next(place.host, goes_well, on_its_way)
    desk.run()
    assert desk.record(record).remote_state == "unknown"
    desk.later(40 * SECOND)
    assert desk.outcomes(record) == ["no_answer", "unsettled"]
    late[0]()
    desk.later(SETTLE)
    assert desk.state(record) == ("published", "present")
    assert place.end.made == 1


# What people do meanwhile


def test_an_edit_while_a_try_is_under_way_is_sent_next(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    results: list[str] = []

    def edit() -> None:
        desk.edit(page, title="Two")
        results.append(desk.asked(page, place)[1])

    desk.ends.next(place.host, meanwhile(edit))
    desk.run()
    assert results == ["in_progress"]
    assert desk.state(record) == ("published", "present")
    assert [item["title"] for item in place.end.items.values()] == ["Two"]
    assert desk.outcomes(record) == ["created", "updated"]


@pytest.mark.parametrize("fails", [answers(422), answers(410), answers(500), unreachable, request_lost])
def test_an_edit_while_a_try_fails_is_not_forgotten(desk: Desk, fails: Act) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)

    def edit() -> None:
        desk.edit(page, title="Two")
        assert desk.asked(page, place)[1] == "in_progress"

    desk.ends.next(place.host, meanwhile(edit), fails)
    desk.run()
    if not desk.destination(place).is_active:
        desk.change(place, is_active=True)
        desk.of_record(publishing_records.retry, record)
        desk.run()
    for _ in range(3):
        desk.later(3 * MINUTE)
    assert desk.state(record) == ("published", "present")
    assert [item["title"] for item in place.end.items.values()] == ["Two"]


@pytest.mark.parametrize("kind", ["shelf", "webhook"])
@pytest.mark.parametrize("ends", [goes_well, answer_lost, request_lost])
def test_a_page_that_is_wanted_again_while_it_is_taken_down_stands_there_at_last(
    desk: Desk, kind: str, ends: Act
) -> None:
    place, page = desk.place(kind), desk.page()
    record = desk.publish(page, place)
    desk.run()
    desk.of_record(publishing_records.unpublish, record)

    def wanted_again(send: Callable[[], Any]) -> Any:
        desk.publish(page, place)
        return ends(send)

    desk.ends.next(place.host, *([goes_well, wanted_again] if kind == "shelf" else [wanted_again]))
    desk.run()
    for _ in range(3):
        desk.later(3 * MINUTE)
    assert desk.state(record) == ("published", "present")
    standing = place.end.items if kind == "shelf" else place.end.receiver.pages
    assert len(standing) == 1
    assert "internal_error" not in desk.outcomes(record)


def test_what_is_under_way_cannot_be_taken_back(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    refused: list[str] = []

    def try_all() -> None:
        for act in (publishing_records.unpublish, publishing_records.cancel, publishing_records.remove,
                    publishing_records.retry):  # fmt: skip
            with suppress(Exception):
                desk.of_record(act, record)
                refused.append(act.__name__)

    desk.ends.next(place.host, meanwhile(try_all))
    desk.run()
    assert refused == []
    assert desk.state(record) == ("published", "present")


def test_what_waits_can_be_cancelled_and_taken_down(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.of_record(publishing_records.cancel, record)
    assert desk.run() == 0
    assert (desk.record(record).status, desk.record(record).error_code) == ("failed", "cancelled")
    desk.publish(page, place)
    desk.of_record(publishing_records.unpublish, record)
    desk.run()
    assert desk.state(record) == ("pending", "absent")
    assert place.end.made == 0


def test_one_that_is_cancelled_between_claim_and_call_is_not_sent(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    claim = desk.claimed()
    desk.of_record(publishing_records.cancel, record)
    desk.delivering.run(claim)
    assert desk.ends.calls == []
    assert desk.record(record).error_code == "cancelled"


def test_one_that_is_taken_back_between_claim_and_call_is_done_as_wanted_last(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    desk.run()
    desk.edit(desk.record(record).content_id, title="Two")
    desk.publish(desk.record(record).content_id, place)
    claim = desk.claimed()
    desk.of_record(publishing_records.unpublish, record)
    desk.delivering.run(claim)
    desk.run()
    assert desk.state(record) == ("pending", "absent")
    assert place.end.items == {}


def test_a_destination_that_is_deleted_under_way_takes_all_with_it(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)

    def remove() -> None:
        with desk.database.transaction() as db:
            destinations.remove(db, db.get_one(Destination, place.id), forget=True)

    desk.ends.next(place.host, goes_well, meanwhile(remove))
    desk.run()
    assert desk.waits(record) is None
    with desk.database.reading() as db:
        assert db.get(PublishingRecord, record) is None


def test_a_destination_that_is_switched_off_under_way_ends_the_try_and_takes_no_other(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record, other = desk.publish(page, place), desk.publish(desk.page(), place)
    desk.ends.next(place.host, meanwhile(lambda: desk.change(place, is_active=False)))
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert desk.record(other).error_code == "destination_inactive"


def test_a_page_that_is_deleted_under_way_stands_there_until_it_is_taken_down(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)

    def remove() -> None:
        with desk.database.transaction() as db:
            pages.remove(db, db.get_one(Site, desk.site_id), db.get_one(Page, page))

    desk.ends.next(place.host, meanwhile(remove))
    desk.run()
    assert desk.state(record) == ("published", "present")
    desk.of_record(publishing_records.unpublish, record)
    desk.run()
    assert desk.state(record) == ("pending", "absent")
    assert place.end.items == {}


def test_a_page_that_is_deleted_before_it_is_sent_is_not(desk: Desk) -> None:
    place, page = desk.place(before_live=False), desk.page()
    record = desk.publish(page, place)
    with desk.database.transaction() as db:
        pages.remove(db, db.get_one(Site, desk.site_id), db.get_one(Page, page))
    desk.run()
    assert (desk.record(record).status, desk.record(record).error_code) == ("failed", "content_gone")
    assert desk.ends.calls == []


@pytest.mark.parametrize("dies", [False, True])
def test_a_site_that_is_deleted_under_way_and_restored_can_be_published_again(desk: Desk, dies: bool) -> None:
    place, page = desk.place(), desk.page()
    record, waiting = desk.publish(page, place), desk.publish(desk.page(), place)

    def remove() -> None:
        with desk.database.transaction() as db:
            sites.remove(db, db.get_one(Site, desk.site_id))

    desk.ends.next(place.host, meanwhile(remove), killed if dies else goes_well)
    with suppress(Killed):
        desk.run()
    desk.later(LEASE + SECOND)
    assert desk.record(record).status == ("failed" if dies else "published")
    assert desk.record(waiting).status == "failed"
    calls = len(desk.ends.calls)
    with desk.database.transaction() as db:
        sites.restore(db, db.get_one(Site, desk.site_id))
    desk.later(SETTLE + SECOND)
    assert len(desk.ends.calls) == calls  # nobody asked for it
    for each in (record, waiting):
        if desk.record(each).status == "failed":
            desk.of_record(publishing_records.retry, each)
    desk.run()
    desk.later(SETTLE + SECOND)
    assert desk.state(record) == desk.state(waiting) == ("published", "present")
    assert place.end.made == 2


def test_metadata_that_is_written_under_way_sends_nothing_twice(desk: Desk) -> None:
    place, page = desk.place("webhook"), desk.page()
    record = desk.publish(page, place)
    desk.run()
    desk.publish(page, place, force=True)
    write = partial(desk.of_record, lambda db, row: publishing_records.change(db, row, {"metadata": {"a": 1}}))
    desk.ends.next(place.host, meanwhile(lambda: write(record)))
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert desk.record(record).metadata_ == {"a": 1}
    assert desk.ends.count(place.host) == 2


# Workers beside each other


def test_whoever_lost_the_lease_changes_nothing(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)

    def lapse() -> None:
        """Another worker takes it over, and does it, while the first one waits for its answer."""
        desk.later(LEASE + SECOND)
        desk.later(SETTLE + SECOND)

    slow = replace(desk.delivering)
    desk.ends.next(place.host, goes_well, meanwhile(lapse))
    slow.run(desk.claimed(worker="slow"))
    assert desk.state(record) == ("published", "present")
    assert desk.outcomes(record) == ["interrupted", "unsettled", "created"]
    before = desk.record(record)
    assert before.external_id == "n1"
    # The end took both, since the first one's request came only then; that is seen by whoever looks, and told nowhere.
    assert desk.waits(record) is None


def test_whoever_lost_the_lease_before_it_began_sends_nothing(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    lost = desk.claimed(worker="lost")
    desk.later(LEASE + SECOND)
    assert desk.state(record) == ("published", "present")
    calls = len(desk.ends.calls)
    desk.delivering.run(lost)
    assert len(desk.ends.calls) == calls
    assert desk.outcomes(record) == ["created"]


def test_many_workers_keep_the_order_of_each_destination(desk: Desk) -> None:
    places = [desk.place() for _ in range(3)]
    wanted = {place.host: [desk.page(f"{number}") for number in range(4)] for place in places}
    for place in places:
        for page in wanted[place.host]:
            desk.publish(page, place)
    under_way: set[str] = set()
    together: list[str] = []
    guard = threading.Lock()

    def slowly(host: str, end: Shelf, asked: Any) -> Any:
        with guard:
            together.extend([host] if host in under_way else [])
            under_way.add(host)
        time.sleep(0.002)
        answered = end(asked)
        with guard:
            under_way.discard(host)
        return answered

    for place in places:
        desk.ends.ends[place.host] = partial(slowly, place.host, place.end)

    def work(name: str) -> None:
        idle = 0
        while idle < 20:
            claim = None
            with suppress(DatabaseBusy):
                claim = desk.claim(worker=name)
            if claim is None:
                idle += 1
                time.sleep(0.01)
                continue
            idle = 0
            desk.delivering.run(claim)

    threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == []
    for place in places:
        assert [item["title"] for item in place.end.items.values()] == ["0", "1", "2", "3"]


# When it goes out


def test_what_is_scheduled_goes_out_then_and_not_before(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place, scheduled_at=now() + HOUR)
    assert desk.run() == 0
    assert about(desk.waits(record), HOUR, spread=0)
    assert desk.later(59 * MINUTE) == 0
    assert desk.later(2 * MINUTE) == 1
    assert desk.state(record) == ("published", "present")
    assert desk.record(record).scheduled_at is None


def test_a_new_time_moves_what_waits(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place, scheduled_at=now() + HOUR)
    when = now() + 2 * HOUR
    desk.of_record(lambda db, row: publishing_records.change(db, row, {"scheduled_at": when}), record)
    assert desk.later(61 * MINUTE) == 0
    desk.of_record(lambda db, row: publishing_records.change(db, row, {"scheduled_at": None}), record)
    assert desk.run() == 1
    assert desk.state(record) == ("published", "present")


def test_a_page_waits_until_its_site_is_live_with_it(desk: Desk) -> None:
    live, before = desk.place(before_live=False), desk.place()
    page = desk.page()
    waiting, sent = desk.publish(page, live), desk.publish(page, before)
    desk.run()
    assert desk.state(sent) == ("published", "present")
    assert (desk.record(waiting).status, desk.record(waiting).error_code) == ("pending", "not_live")
    assert desk.ends.count(live.host) == 0
    desk.deploy()
    desk.run()
    assert desk.state(waiting) == ("published", "present")
    desk.edit(page, title="Two")
    desk.publish(page, live)
    desk.run()
    assert "revision 1 only" in (desk.record(waiting).error or "")
    assert [item["title"] for item in live.end.items.values()] == ["One"]
    desk.deploy()
    desk.run()
    assert [item["title"] for item in live.end.items.values()] == ["Two"]


def test_a_deployment_that_is_missed_is_seen_within_the_hour(desk: Desk) -> None:
    place, page = desk.place(before_live=False), desk.page()
    record = desk.publish(page, place)
    desk.run()
    with desk.database.transaction() as db:  # as if its FOLLOW had been lost
        site = db.get_one(Site, desk.site_id)
        deployments.create(db, site, desk.account_id, deployments.Request())
    desk.deploying.run(desk.claimed(deployments.DEPLOY))
    assert desk.run() == 0
    desk.later(HOUR + SECOND)
    assert desk.state(record) == ("published", "present")


def test_only_destinations_that_follow_get_new_live_states_by_themselves(desk: Desk) -> None:
    follows, other = desk.place(before_live=False, follow=True), desk.place(before_live=False)
    page, still = desk.page(), desk.page()
    for place in (follows, other):
        for each in (page, still):
            desk.publish(each, place)
    desk.deploy()
    desk.run()
    calls = desk.ends.count(other.host)
    desk.edit(page, title="Two")
    desk.deploy()
    assert desk.run() == 1
    assert sorted(item["title"] for item in follows.end.items.values()) == ["One", "Two"]
    assert {item["title"] for item in other.end.items.values()} == {"One"}
    assert desk.ends.count(other.host) == calls


def test_what_was_taken_down_follows_nothing(desk: Desk) -> None:
    place, page = desk.place(before_live=False, follow=True), desk.page()
    record = desk.publish(page, place)
    desk.deploy()
    desk.run()
    desk.of_record(publishing_records.unpublish, record)
    desk.run()
    desk.edit(page, title="Two")
    desk.deploy()
    assert desk.run() == 0
    assert place.end.items == {}


def test_content_that_stands_there_already_makes_no_call(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.run()
    calls = len(desk.ends.calls)
    assert calls == 3  # looked, made, read back
    assert desk.asked(page, place)[1] == "unchanged"
    assert desk.run() == 0
    desk.edit(page, no_index=True)  # a new revision, of which nothing is sent
    assert desk.asked(page, place)[1] == "queued"
    assert desk.run() == 1
    assert len(desk.ends.calls) == calls
    assert desk.state(record) == ("published", "present")
    assert (desk.record(record).content_revision, desk.record(record).attempts) == (2, 1)
    desk.edit(page, title="Two")
    desk.publish(page, place)
    desk.run()
    assert len(desk.ends.calls) == calls + 3  # read, written, read back


def test_drafts_become_pages_and_drafts_again(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place, desired="draft")
    desk.run()
    assert desk.state(record) == ("published", "draft")
    desk.publish(page, place)
    desk.run()
    assert desk.state(record) == ("published", "present")
    desk.publish(page, place, desired="draft")
    desk.run()
    assert desk.state(record) == ("published", "draft")
    assert place.end.made == 1


# What others do at the other end


def test_what_was_removed_there_comes_back_by_force_alone(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.run()
    place.end.items.clear()
    desk.edit(page, title="Two")
    desk.publish(page, place)
    desk.run()
    assert (desk.record(record).status, desk.record(record).error_code) == ("failed", "remote_gone")
    assert place.end.made == 1
    desk.publish(page, place, force=True)
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert [item["title"] for item in place.end.items.values()] == ["Two"]
    assert desk.record(record).external_id == "n2"
    assert desk.record(record).force is False


def test_what_lies_in_its_trash_comes_back_by_force_alone(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.run()
    place.end.items["n1"]["state"] = "absent"
    desk.edit(page, title="Two")
    desk.publish(page, place)
    desk.run()
    assert (desk.record(record).status, desk.record(record).error_code) == ("failed", "remote_trashed")
    assert place.end.items["n1"]["title"] == "One"
    desk.publish(page, place, force=True)
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert (place.end.made, place.end.items["n1"]["state"]) == (1, "present")


def test_what_has_the_same_slug_is_taken_over_only_when_that_is_asked_for(desk: Desk) -> None:
    place, page = desk.place(), desk.page(path="/about")
    theirs = {"id": "n9", "marker": "", "slug": "/about", "title": "Theirs", "hash": None, "state": "present"}
    place.end.items["n9"] = theirs
    record = desk.publish(page, place, adopt=True)
    desk.run()
    assert desk.state(record) == ("published", "present")
    assert desk.outcomes(record) == ["adopted"]
    assert desk.record(record).external_id == "n9"
    assert place.end.made == 0
    other = desk.place()
    other.end.items["n9"] = dict(theirs)
    desk.publish(page, other)
    desk.run()
    assert other.end.items["n9"]["title"] == "Theirs"
    assert len(other.end.items) == 2


def test_a_look_sees_what_stands_there_and_the_next_publish_mends_it(desk: Desk) -> None:
    place, page = desk.place(), desk.page()
    record = desk.publish(page, place)
    desk.run()
    writes = sum(asked.method != "GET" for _, asked in desk.ends.calls)
    assert desk.look(record).remote_state == "present"
    place.end.items["n1"] |= {"title": "Theirs", "hash": "0" * 64}
    assert desk.look(record).content_hash is None
    place.end.items["n1"]["state"] = "draft"
    assert desk.look(record).remote_state == "draft"
    assert sum(asked.method != "GET" for _, asked in desk.ends.calls) == writes
    desk.publish(page, place)
    desk.run()
    assert place.end.items["n1"]["title"] == "One"
    assert desk.state(record) == ("published", "present")


def test_an_adapter_that_breaks_is_tried_again_and_then_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(connection: Any) -> Any:
        raise RuntimeError(f"a mistake of ours, with {connection.secrets[0]} in it")

    place = desk.place()
    record = desk.publish(desk.page(), place)
    monkeypatch.setitem(KINDS, "shelf", replace(shelf.KIND, connect=connect))
    for _ in range(7):
        desk.later(3 * HOUR)
    shown = desk.record(record)
    assert (shown.status, shown.error_code, shown.attempts) == ("failed", "internal_error", 6)
    assert desk.destination(place).health == "unknown"
    monkeypatch.setitem(KINDS, "shelf", shelf.KIND)
    desk.of_record(publishing_records.retry, record)
    desk.later(SETTLE + SECOND)
    assert desk.state(record) == ("published", "present")


def test_an_end_that_says_what_no_adapter_knows_is_an_outcome(desk: Desk) -> None:
    place = desk.place()
    record = desk.publish(desk.page(), place)
    desk.ends.next(place.host, answers(200, b"[1, 2]"))
    desk.run()
    shown = desk.record(record)
    assert (shown.status, shown.error_code) == ("pending", "internal_error")
    desk.later(2 * SETTLE)
    assert desk.state(record) == ("published", "present")
    assert place.end.made == 1
