"""What every kind of destination promises to the engine, and the engine to its user, whichever kind it is."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from pubsite.errors import Invalid
from pubsite.publishing import delivery
from pubsite.publishing.adapter import Desired, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Order, Unsettled
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.options import checked
from pubsite.publishing.outcomes import DeliveryError, Denied, Down, Failing, Limited, Rejected, Unsure
from tests.contract.rigs import RIGS, Rig, connected
from tests.doubles.content import page

ELSEWHERE = {"wordpress"}  # held to this by a real one, in tests/long


@pytest.fixture(scope="module", params=list(RIGS))
def end(request: pytest.FixtureRequest) -> Iterator[Callable[[], Rig]]:
    with RIGS[request.param]() as new_rig:
        yield new_rig


@pytest.fixture
def rig(end: Callable[[], Rig]) -> Rig:
    return end()


@dataclass
class Record:
    """A publishing record as the services keep it between tries."""

    rig: Rig
    marker: str = field(default_factory=lambda: str(uuid.uuid4()))
    external_id: str | None = None
    may_create: bool = True
    successes: int = 0
    sent: Remote | None = None

    def order(self, **kw: Any) -> Order:
        return Order(
            self.marker,
            external_id=self.external_id,
            may_create=self.may_create,
            looks=self.rig.kind.looks,
            turn=str(self.successes or ""),
            sent=self.sent,
            **kw,
        )

    def publish(self, content: Content | None = None, desired: Desired = "publish", **kw: Any) -> Delivered:
        content, adapter = content or page(), connected(self.rig)
        self.sent = self.sent or Remote(content.page_id, content.url)
        draft = adapter.draft(content, desired)
        done = self._tried(lambda: delivery.publish(adapter, self.order(**kw), draft, content))
        assert done.remote is not None
        assert done.remote.content_hash == draft.content_hash
        self.external_id, self.sent = done.remote.external_id, done.remote
        return done

    def unpublish(self, content: Content | None = None) -> Delivered:
        adapter = connected(self.rig)
        draft = adapter.draft(content or page(), "publish")
        done = self._tried(lambda: delivery.unpublish(adapter, self.order(), draft))
        self.external_id = None
        return done

    def _tried(self, go: Callable[[], Delivered]) -> Delivered:
        try:
            done = go()
        except Unsure:
            self.may_create = False
            raise
        except Unsettled:
            self.may_create = True  # the time within which it may arrive has passed
            raise
        self.may_create, self.successes = True, self.successes + 1
        return done


def insist(go: Callable[[], Delivered]) -> Delivered:
    """As the worker does: again after every failure that may pass."""
    for _ in range(4):
        try:
            return go()
        except (Unsure, Failing, Unsettled):
            continue
    return go()


def test_every_kind_has_a_rig() -> None:
    assert set(RIGS) <= set(KINDS) <= {*RIGS, *ELSEWHERE}


def test_its_options(rig: Rig) -> None:
    options = rig.kind.options
    assert checked(options, dict(rig.config)) == rig.config
    with pytest.raises(Invalid) as caught:
        checked(options, {"colour": "red"})
    named = {error.name for error in caught.value.errors}
    assert named == {"config.colour"} | {f"config.{option.name}" for option in options if option.default is None}
    for option in options:
        assert option.default is None or option.problem(option.default) is None


def test_its_secret(rig: Rig) -> None:
    assert rig.kind.needs() == ""
    assert rig.kind.secret_problem(rig.secret) is None
    assert rig.kind.secret_problem(rig.wrong_secret) is None
    for wrong in ("", "x", rig.secret + "\n", "é" * 40):
        assert rig.kind.secret_problem(wrong)


def test_a_test_says_who_we_are_and_changes_nothing(rig: Rig) -> None:
    assert connected(rig).test()
    assert rig.count() == 0
    assert not rig.kind.looks or rig.line.writes == []


def test_a_wrong_secret_is_denied(rig: Rig) -> None:
    with pytest.raises(Denied):
        connected(rig, secret=rig.wrong_secret).test()
    adapter = connected(rig, secret=rig.wrong_secret)
    with pytest.raises(Denied):
        delivery.publish(adapter, Record(rig).order(), adapter.draft(page(), "publish"), page())
    assert rig.count() == 0


def test_a_draft_makes_no_call_and_names_the_content(rig: Rig) -> None:
    adapter = connected(rig)
    draft = adapter.draft(page(), "publish")
    assert draft.content_hash == connected(rig).draft(page(), "publish").content_hash
    assert draft.content_hash != adapter.draft(page("Other"), "publish").content_hash
    assert rig.line.calls == []


def test_nothing_is_found_where_nothing_is(rig: Rig) -> None:
    adapter = connected(rig)
    assert adapter.find(str(uuid.uuid4()), adapter.draft(page(), "publish")) is None
    assert delivery.refresh(adapter, Record(rig).order(), adapter.draft(page(), "publish")) is None


def test_it_is_made_and_found_again(rig: Rig) -> None:
    record = Record(rig)
    done = record.publish()
    assert (done.done, rig.count()) == ("created", 1)
    assert done.remote is not None
    assert done.remote.url.startswith("http")
    assert rig.fields(done.remote.external_id) == {"title": "Hello", "state": "present"}
    if rig.kind.looks:
        adapter = connected(rig)
        draft = adapter.draft(page(), "publish")
        assert adapter.read(done.remote.external_id) == adapter.find(record.marker, draft) == done.remote
        assert adapter.find(str(uuid.uuid4()), draft) is None


def test_a_record_that_forgot_its_id_finds_it_by_the_marker(rig: Rig) -> None:
    record = Record(rig)
    record.publish()
    record.external_id, record.successes = None, 0
    assert record.publish().done == ("unchanged" if rig.kind.looks else "created")
    assert rig.count() == 1


def test_unchanged_content_makes_no_write(rig: Rig) -> None:
    record = Record(rig)
    record.publish()
    written = len(rig.line.writes)
    assert record.publish().done == "unchanged"
    assert len(rig.line.writes) == written


def test_force_writes_it_again(rig: Rig) -> None:
    record = Record(rig)
    record.publish()
    written = len(rig.line.writes)
    assert record.publish(force=True).done == "updated"
    assert len(rig.line.writes) > written
    assert rig.count() == 1


def test_an_update_changes_what_stands_there(rig: Rig) -> None:
    record = Record(rig)
    first = record.publish().remote
    done = record.publish(page("Changed"))
    assert done.done == "updated"
    assert done.remote is not None
    assert first is not None
    assert done.remote.external_id == first.external_id
    assert rig.fields(done.remote.external_id) == {"title": "Changed", "state": "present"}
    assert record.publish(page()).done == "updated"  # and back again
    assert rig.fields(done.remote.external_id) == {"title": "Hello", "state": "present"}
    assert rig.count() == 1


def test_drafts(rig: Rig) -> None:
    record = Record(rig)
    if "draft" not in rig.kind.can:
        with pytest.raises(Rejected):
            record.publish(desired="draft")
        assert rig.line.calls == []
        return
    for desired, state in (("draft", "draft"), ("publish", "present"), ("draft", "draft")):
        done = record.publish(desired=desired)  # type: ignore[arg-type]
        assert done.remote is not None
        assert done.remote.state == state
        assert rig.fields(done.remote.external_id) == {"title": "Hello", "state": state}


def test_it_is_taken_down_and_published_again(rig: Rig) -> None:
    record = Record(rig)
    for _ in range(2):
        done = record.publish()
        assert done.done in ("created", "updated")  # a trash gives back what is in it
        assert done.remote is not None
        assert rig.fields(done.remote.external_id) is not None
        assert record.unpublish().done == "unpublished"
        assert rig.fields(done.remote.external_id) is None
        assert rig.count() == 0
        written = len(rig.line.writes)
        assert record.unpublish().done == "absent"
        assert len(rig.line.writes) == written


@pytest.mark.parametrize("lose", ["lose_answer", "lose_request"])
@pytest.mark.parametrize("what", ["create", "update", "unpublish"])
def test_cut_off_at_any_write_it_ends_as_it_should(end: Callable[[], Rig], what: str, lose: str) -> None:
    cuts = 0
    while _cut_off(end(), what, lose, writes_before=cuts):
        cuts += 1
    assert 1 <= cuts < 20


def _cut_off(rig: Rig, what: str, lose: str, writes_before: int) -> bool:
    """Whether it was: with fewer writes than that, all of them go through."""
    record = Record(rig)
    before = page(assets={"/css/a.css": b"a", "/img/old.png": b"1"})
    after = page("Changed", assets={"/css/a.css": b"b", "/img/new.png": b"2"})
    made = None if what == "create" else record.publish(before).remote
    getattr(rig.line, lose)(writes_before=writes_before)
    if what == "unpublish":
        insist(lambda: record.unpublish(before))
        assert made is not None
        assert rig.fields(made.external_id) in (None, {"title": "Hello", "state": "draft"})
    else:
        done = insist(lambda: record.publish(after))
        assert done.remote is not None
        assert rig.fields(done.remote.external_id) == {"title": "Changed", "state": "present"}
        assert rig.count() == 1
        assert record.publish(after).done == "unchanged"
    return not rig.line.forget()


def test_nothing_else_is_sent_while_what_was_lost_may_still_arrive(rig: Rig) -> None:
    record = Record(rig)
    made = record.publish().remote
    rig.line.lose_request()
    with pytest.raises(Unsure):
        record.publish(page("Lost"))
    if not rig.kind.looks:  # it is told apart by its id there
        return
    written = len(rig.line.writes)
    with pytest.raises(Unsettled):
        record.publish(page("Newer"))
    assert len(rig.line.writes) == written
    assert record.publish(page("Newer")).remote is not None
    assert made is not None
    assert rig.fields(made.external_id) == {"title": "Newer", "state": "present"}


def test_a_page_is_taken_down_at_once_and_again_when_nothing_may_bring_it_back(rig: Rig) -> None:
    record = Record(rig)
    made = record.publish().remote
    rig.line.lose_request()
    with pytest.raises(Unsure):
        record.publish(page("Lost"))
    assert made is not None
    if rig.kind.looks:
        record.may_create = False
        with pytest.raises(Unsettled):
            record.unpublish()
        assert rig.fields(made.external_id) is None
    insist(record.unpublish)
    assert rig.fields(made.external_id) is None


def test_what_was_removed_there_is_not_made_again_by_itself(rig: Rig) -> None:
    record = Record(rig)
    record.publish()
    assert record.external_id is not None
    rig.remove(record.external_id)
    if rig.kind.looks:
        with pytest.raises(Rejected) as caught:
            record.publish()
        assert caught.value.code in ("remote_gone", "remote_trashed")
    done = record.publish(force=True)
    assert done.remote is not None
    assert rig.fields(done.remote.external_id) == {"title": "Hello", "state": "present"}


@pytest.mark.parametrize("status", [401, 403])
def test_refusals(rig: Rig, status: int) -> None:
    rig.line.answer(status)
    with pytest.raises(Denied) as caught:
        connected(rig).test()
    assert caught.value.http_status == status
    rig.line.answer(status, to_write=True)
    with pytest.raises(Denied):
        Record(rig).publish()


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests(rig: Rig, status: int) -> None:
    rig.line.answer(status, retry_after="7")
    with pytest.raises(Limited) as caught:
        Record(rig).publish()
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [500, 502, 504])
def test_failures_of_the_other_end(rig: Rig, status: int) -> None:
    if rig.kind.looks:
        rig.line.answer(status)
        with pytest.raises(Failing):
            Record(rig).publish()
    record = Record(rig)
    rig.line.answer(status, to_write=True)
    with pytest.raises(Unsure):
        record.publish()
    insist(record.publish)
    assert rig.count() == 1


def test_redirects_are_not_followed(rig: Rig) -> None:
    rig.line.answer(302, location="https://elsewhere.example/")
    with pytest.raises(Rejected, match="elsewhere"):
        connected(rig).test()
    assert len(rig.line.calls) == 1


def test_nobody_there(rig: Rig) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    adapter = connected(rig, base_url=nowhere)
    with pytest.raises(Down):
        adapter.test()
    with pytest.raises(Down):
        delivery.publish(adapter, Record(rig).order(), adapter.draft(page(), "publish"), page())


NONSENSE = [b"", b"<html>", b"null", b"[1]", b'{"id": 1}', b"\xff", b'{"a":' * 2000]


@pytest.mark.parametrize("calls_before", range(4))
@pytest.mark.parametrize("status", [200, 404, 500])
def test_nonsense_is_an_outcome_too(rig: Rig, status: int, calls_before: int) -> None:
    """Whatever answers, at whichever call: a DeliveryError, or the adapter did not need to know."""
    for body in NONSENSE:
        for go in (lambda: connected(rig).test(), lambda: Record(rig).publish(page(path=f"/{uuid.uuid4().hex}"))):
            rig.line.answer(status, body, calls_before=calls_before)
            with suppress(DeliveryError):
                go()
            rig.line.forget()


def test_messages_hold_no_part_of_the_secret(rig: Rig) -> None:
    parts = {rig.secret, *(part for part in rig.secret.replace("whsec_", "").split(":") if len(part) >= 8)}
    echo = json.dumps({"message": f"no {rig.secret}", "errors": [{"message": f"no {rig.secret}"}]})
    xml = f"<Error><Code>No</Code><Message>{rig.secret}</Message></Error>"
    for body in (echo.encode(), xml.encode()):
        for status in (400, 401, 403, 404, 409, 422, 500, 503):
            rig.line.answer(status, body)
            with pytest.raises(DeliveryError) as caught:
                connected(rig).test()
            assert not any(part in caught.value.message for part in parts)
    assert not any(part in repr(connected(rig)) for part in parts)
