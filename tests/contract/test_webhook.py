"""Webhooks as Standard Webhooks want them; its makers' own library verifies them."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from pubsite.publishing import delivery
from pubsite.publishing.adapter import Connection, Remote
from pubsite.publishing.delivery import Order
from pubsite.publishing.outcomes import Closed, Rejected, Unsure
from pubsite.publishing.webhook import KIND, Webhook, new_secret, secret_problem
from pubsite.publishing.wire import Wire
from tests.doubles.content import PAGE_ID, page
from tests.doubles.http import Answered, Asked, serving
from tests.doubles.line import Line
from tests.doubles.receiver import Receiver

DOCS = Path(__file__).parents[2] / "docs"
MARKER = "0b6e7a55-1d1c-4a34-8f7e-5a3f1a6f2c01"
Connect = Callable[..., Webhook]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(new_secret())


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def connect(receiver: Receiver, line: Line) -> Iterator[Connect]:
    with serving(receiver) as origin:

        def connected(*secrets: str, **kw: Any) -> Webhook:
            secrets = secrets or (receiver.secret,)
            return Webhook(Connection(f"{origin}/hook?key=1", {}, secrets, Wire(line, secrets)), **kw)

        yield connected


def publish(adapter: Webhook, title: str = "Hello", **order: Any) -> delivery.Delivered:
    content = page(title)
    return delivery.publish(adapter, Order(MARKER, looks=False, **order), adapter.draft(content, "publish"), content)


def test_an_event_holds_the_page(connect: Connect, receiver: Receiver) -> None:
    publish(connect())
    [event] = receiver.events
    assert event["type"] == "page.published"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])
    assert event["data"] == {
        "id": PAGE_ID,
        "revision": 1,
        "url": "https://us.example/notes/hello/",
        "canonical_url": "https://us.example/notes/hello/",
        "path": "/notes/hello",
        "title": "Hello",
        "html": page().html,
        "excerpt": "What it is about",
        "slug": "hello",
        "tags": ["maps", "ink"],
        "categories": ["news"],
        "author": "Grace",
        "image": "https://us.example/img/a.png",
        "language": "en",
        "date": "2026-11-21T08:30:00.000Z",
        "data": {"price": 3},
        "status": "published",
    }


def test_while_a_secret_is_replaced_both_verify(connect: Connect, receiver: Receiver, line: Line) -> None:
    old, new = receiver.secret, new_secret()
    publish(connect(new, old))
    call = line.calls[-1]
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert Verifier(secret).verify(call.body, dict(call.headers))["type"] == "page.published"
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(call.body, dict(call.headers))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_the_timestamp_is_the_time_of_sending(connect: Connect, receiver: Receiver, seconds: int) -> None:
    with pytest.raises(Exception, match="401"):
        publish(connect(clock=lambda: time.time() + seconds))
    assert publish(connect(clock=time.time)).done == "created"


def test_an_event_that_is_sent_again_has_the_same_id_and_is_taken_once(
    connect: Connect, receiver: Receiver, line: Line
) -> None:
    line.lose_answer()
    with pytest.raises(Unsure):
        publish(connect())
    assert publish(connect(), may_create=False).done == "created"
    assert len(set(receiver.seen)) == 1
    assert len(receiver.seen) == 2
    assert len(receiver.events) == 1


def test_every_change_has_an_id_of_its_own(connect: Connect, receiver: Receiver) -> None:
    """Back to what was sent before, or published again after a take-down: news all the same."""
    sent = publish(connect(), turn="1").remote
    for turn, title in enumerate(("Other", "Hello", "Other"), 2):
        sent = publish(connect(), title, external_id=PAGE_ID, sent=sent, turn=str(turn)).remote
    for turn in ("5", "7"):
        order = Order(MARKER, external_id=PAGE_ID, looks=False, sent=sent, turn=turn)
        assert delivery.unpublish(connect(), order).done == "unpublished"
        sent = publish(connect(), "Other", turn=f"{turn}.").remote
    assert [event["type"].partition(".")[2] for event in receiver.events] == [
        "published", "updated", "updated", "updated", "unpublished", "published", "unpublished", "published",
    ]  # fmt: skip
    assert len(set(receiver.seen)) == 8


def test_a_draft_is_no_page_published(connect: Connect, receiver: Receiver) -> None:
    adapter, content = connect(), page()
    made = delivery.publish(adapter, Order(MARKER, looks=False), adapter.draft(content, "draft"), content)
    assert made.remote is not None
    assert made.remote.state == "draft"
    assert receiver.events[0]["type"] == "page.draft"
    assert receiver.events[0]["data"]["status"] == "draft"


def test_a_take_down_names_the_page(connect: Connect, receiver: Receiver) -> None:
    sent = publish(connect()).remote
    delivery.unpublish(connect(), Order(MARKER, external_id=PAGE_ID, looks=False, sent=sent))
    gone = {"id": PAGE_ID, "url": "https://us.example/notes/hello/", "status": "unpublished"}
    assert receiver.events[-1]["data"] == gone


def test_a_page_that_may_have_arrived_is_taken_down_too(connect: Connect, receiver: Receiver, line: Line) -> None:
    line.lose_answer()
    with pytest.raises(Unsure):
        publish(connect())
    known = Remote(PAGE_ID, "https://us.example/notes/hello/")
    delivery.unpublish(connect(), Order(MARKER, looks=False, may_create=False, sent=known))
    assert receiver.pages == {}


def test_410_closes_and_a_redirect_is_refused(connect: Connect, line: Line) -> None:
    line.answer(410)
    with pytest.raises(Closed):
        publish(connect())
    line.answer(302, location="https://elsewhere.example/")
    with pytest.raises(Rejected, match="elsewhere"):
        publish(connect())
    assert len(line.calls) == 2


def test_bodies_of_answers_are_ignored(connect: Connect, line: Line) -> None:
    line.answer(500, b'{"message": "blah"}')
    with pytest.raises(Unsure) as caught:
        publish(connect())
    assert caught.value.message == "It answered 500"


def test_a_test_is_an_event_of_its_own(connect: Connect, receiver: Receiver) -> None:
    assert "pubsite.test" in connect().test()
    connect().test()
    assert [event["type"] for event in receiver.events] == ["pubsite.test"] * 2
    assert len(set(receiver.seen)) == 2
    assert receiver.pages == {}


@pytest.mark.parametrize("size", [24, 64])
def test_secrets(size: int) -> None:
    assert secret_problem("whsec_" + base64.b64encode(b"x" * size).decode()) is None
    assert secret_problem(new_secret()) is None
    assert new_secret() != new_secret()


@pytest.mark.parametrize(
    "secret",
    ["", "x", "whsec_", "whsec_" + "A" * 31, "whsec_" + base64.b64encode(b"x" * 23).decode(),
     "whsec_" + base64.b64encode(b"x" * 65).decode(), base64.b64encode(b"x" * 32).decode(),
     "whsec_" + base64.b64encode(b"x" * 32).decode() + "\n", "whsec_é" + "A" * 40],
)  # fmt: skip
def test_wrong_secrets(secret: str) -> None:
    assert secret_problem(secret)


def test_the_schedule_is_the_published_one() -> None:
    hours = [delay.total_seconds() / 3600 for delay in KIND.schedule]
    assert hours == [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]


def test_the_receiver_of_the_docs_takes_each_event_once_and_no_other(line: Line) -> None:
    code = re.search(r"^```python\n(.*?)^```$", (DOCS / "publishing.md").read_text("utf-8"), re.M | re.S)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    secret, seen, taken = new_secret(), set[str](), []

    def answer(asked: Asked) -> Answered:
        taken.append(names["receive"](asked.body, dict(asked.headers.items()), secret, seen))
        return 204, {}, b""

    with serving(answer) as origin:
        for _ in range(2):
            publish(Webhook(Connection(origin, {}, (secret,), Wire(line, (secret,)))))
    assert [event and event["type"] for event in taken] == ["page.published", None]
    with pytest.raises(WebhookVerificationError):
        names["receive"](b"{}", dict(line.calls[0].headers), secret, seen)
