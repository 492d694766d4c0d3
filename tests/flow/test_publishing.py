"""From a page to a destination and back, over HTTP, with the worker at work: when it goes out, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from webtest import TestResponse

from tests.conftest import Tenant
from tests.doubles.http import Answered, Asked, serving
from tests.doubles.receiver import Receiver
from tests.planted import WEBHOOKS

BASE = "/api/v1/publisher"
SECRET = WEBHOOKS[0]


@dataclass
class End:
    """A webhook's receiver that can be told to answer otherwise."""

    receiver: Receiver = field(default_factory=lambda: Receiver(SECRET))
    answers: list[Answered] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def __call__(self, asked: Asked) -> Answered:
        self.asked.append(asked)
        return self.answers.pop(0) if self.answers else self.receiver(asked)

    @property
    def titles(self) -> list[str]:
        return [page["title"] for page in self.receiver.pages.values()]


@pytest.fixture
def end() -> Iterator[End]:
    made = End()
    with serving(made) as url:
        made.url = url
        yield made


@dataclass
class Desk:
    """A tenant with a site, its destination, and shorthands for the publisher API."""

    tenant: Tenant
    site: dict[str, Any]
    destination: dict[str, Any]

    def page(self, path: str = "/a", content: str = "<p>Hello</p>", **config: Any) -> dict[str, Any]:
        return self.tenant.page(self.site["slug"], path, content, **config)

    def post(self, path: str, body: Any = None, status: int | str = "*", **headers: str) -> TestResponse:
        return self.tenant.client.post(f"{BASE}/{path}", body, status=status, **headers)

    def publish(self, page: dict[str, Any], **body: Any) -> dict[str, Any]:
        sent = {"content_id": page["id"], "destination_ids": [self.destination["id"]], **body}
        (made,) = self.post("publish/", sent, status=202).json["data"]["records"]
        return {"result": made["result"], **made["record"]}

    def record(self, record_id: str) -> dict[str, Any]:
        return self.tenant.client.get(f"{BASE}/publishing-records/{record_id}/").json["data"]

    def until(self, record: dict[str, Any], is_good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 15
        while True:
            shown = self.record(record["id"])
            if is_good(shown):
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.02)

    def published(self, record: dict[str, Any]) -> dict[str, Any]:
        return self.until(record, lambda shown: shown["status"] == "published")

    def deploy(self) -> None:
        assert self.tenant.deploy(self.site["id"])["status"] == "deployed"

    def attempts(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        return self.tenant.client.get(f"{BASE}/publishing-records/{record['id']}/attempts/").json["results"]


def new_desk(tenant: Tenant, end: End, **config: Any) -> Desk:
    site = tenant.site("docs")
    body = {"site_id": site["id"], "name": "Hook", "type": "webhook", "base_url": end.url, "secret": SECRET}
    made = tenant.client.post(f"{BASE}/destinations/", {**body, "config": config}, status=201).json["data"]
    return Desk(tenant, site, made)


@pytest.fixture
def desk(tenant: Tenant, end: End) -> Desk:
    return new_desk(tenant, end)


def test_a_page_goes_out_when_it_is_live(desk: Desk, end: End) -> None:
    page = desk.page(content="<p>See <a href='/b'>b</a></p>", title="First", tags=["x"])
    record = desk.publish(page)
    assert record["result"] == "queued"
    assert record["status"] == "pending"
    waiting = desk.until(record, lambda shown: "error_code" in shown)
    assert waiting["error_code"] == "not_live"
    assert end.asked == []
    desk.deploy()
    sent = desk.published(record)
    assert sent["remote_state"] == "present"
    assert sent["operation"] == "create"
    assert sent["content_revision"] == page["revision"]
    (arrived,) = end.receiver.pages.values()
    host = f"http://{desk.site['host_label']}.localhost:6543"
    assert arrived["title"] == "First"
    assert arrived["url"] == f"{host}/a/"
    assert f'href="{host}/b"' in arrived["html"]
    assert [event["type"] for event in end.receiver.events] == ["page.published"]


def test_what_stands_there_is_not_sent_again(desk: Desk, end: End) -> None:
    page = desk.page(title="One")
    desk.deploy()
    record = desk.publish(page)
    desk.published(record)
    calls = len(end.asked)
    assert desk.publish(page)["result"] == "unchanged"
    again = desk.publish(page, force=True)
    assert again["result"] == "queued"
    desk.until(record, lambda shown: len(end.asked) > calls and shown["status"] == "published")


def test_an_edit_that_changes_nothing_that_is_sent_makes_no_call(desk: Desk, end: End) -> None:
    page = desk.page(title="One")
    desk.deploy()
    record = desk.publish(page)
    desk.published(record)
    calls, tries = len(end.asked), desk.record(record["id"])["attempts"]
    changed = desk.tenant.client.patch(
        f"/api/sites/pages/{page['id']}", {"config": {**page["config"], "no_index": True}}, status=200
    ).json
    desk.deploy()
    assert desk.publish(changed)["result"] == "queued"
    ended = desk.until(record, lambda shown: shown.get("content_revision") == 2 and shown["status"] == "published")
    assert ended["attempts"] in (tries, tries + 1)  # the revision is part of what a webhook is sent
    assert len(end.asked) - calls == ended["attempts"] - tries


def test_a_destination_that_follows_gets_each_new_live_state(tenant: Tenant, end: End) -> None:
    desk = new_desk(tenant, end, follow=True)
    page = desk.page(title="One")
    desk.deploy()
    record = desk.publish(page)
    desk.published(record)
    changed = {"config": {"content": "<p>New</p>", "title": "Two"}}
    tenant.client.patch(f"/api/sites/pages/{page['id']}", changed, status=200)
    desk.deploy()
    desk.until(record, lambda shown: shown.get("content_revision") == 2 and shown["status"] == "published")
    assert end.titles == ["Two"]
    assert end.receiver.events[-1]["type"] == "page.updated"


def test_a_take_down_and_back(desk: Desk, end: End) -> None:
    page = desk.page(title="One")
    desk.deploy()
    record = desk.publish(page)
    desk.published(record)
    assert desk.post(f"publishing-records/{record['id']}/unpublish/").status_int == 202
    gone = desk.until(record, lambda shown: "unpublished_at" in shown)
    assert (gone["status"], gone["remote_state"]) == ("pending", "absent")
    assert end.receiver.pages == {}
    status = desk.tenant.client.get(f"{BASE}/publish/status/?content_id={page['id']}").json["data"]
    assert status["overall"] == "none"
    desk.publish(page)
    desk.published(record)
    assert end.titles == ["One"]


def test_refusals_pause_the_destination_until_a_person_mends_it(desk: Desk, end: End) -> None:
    page, other = desk.page(title="One"), desk.page("/b", title="Two")
    desk.deploy()
    end.answers += [(401, {}, b"{}")]
    record = desk.publish(page)
    waiting = desk.until(record, lambda shown: shown.get("error_code") == "denied")
    assert waiting["status"] == "pending"
    second = desk.publish(other)
    desk.until(second, lambda shown: shown.get("error_code") == "denied")
    assert len(end.asked) == 1  # the second one was not sent at all
    at = f"{BASE}/destinations/{desk.destination['id']}/"
    assert desk.tenant.client.get(at).json["data"]["health"] == "denied"
    tested = desk.post(f"destinations/{desk.destination['id']}/test/", status=200).json["data"]
    assert tested["ok"] is True
    desk.published(record)
    desk.published(second)
    assert desk.tenant.client.get(at).json["data"]["health"] == "ok"


def test_what_is_gone_is_switched_off(desk: Desk, end: End) -> None:
    page = desk.page()
    desk.deploy()
    end.answers += [(410, {}, b"")]
    record = desk.publish(page)
    failed = desk.until(record, lambda shown: shown["status"] == "failed")
    assert failed["error_code"] == "gone"
    shown = desk.tenant.client.get(f"{BASE}/destinations/{desk.destination['id']}/").json["data"]
    assert (shown["is_active"], shown["health"]) == (False, "gone")
    sent = {"content_id": page["id"], "destination_ids": [desk.destination["id"]]}
    assert "is switched off" in desk.post("publish/", sent, status=400).json["error"]


def test_temporary_failures_are_tried_again_and_told(desk: Desk, end: End) -> None:
    page = desk.page()
    desk.deploy()
    end.answers += [(500, {}, b'{"message": "no"}')]
    record = desk.publish(page)
    waiting = desk.until(record, lambda shown: "next_attempt_at" in shown and shown["attempts"] == 1)
    assert waiting["status"] == "pending"
    assert waiting["error_retryable"] is True
    assert desk.post(f"publishing-records/{record['id']}/retry/").status_int == 202
    done = desk.published(record)
    assert "error" not in done
    assert [attempt["outcome"] for attempt in desk.attempts(record)] == ["created", "failed"]
    assert desk.attempts(record)[1]["http_status"] == 500
    assert len({asked.headers["webhook-id"] for asked in end.asked}) == 1


def test_too_many_requests_make_all_wait_as_long_as_is_said(desk: Desk, end: End) -> None:
    page = desk.page()
    desk.deploy()
    end.answers += [(429, {"Retry-After": "1"}, b"")]
    record = desk.publish(page)
    desk.until(record, lambda shown: shown.get("error_code") == "rate_limited")
    started = time.monotonic()
    desk.published(record)
    assert time.monotonic() - started > 0.5


def test_what_waits_can_be_cancelled_and_scheduled(desk: Desk, end: End) -> None:
    page = desk.page()
    desk.deploy()
    record = desk.publish(page, scheduled_at="2999-01-01T00:00:00Z")
    assert record["scheduled_at"] == "2999-01-01T00:00:00.000Z"
    at = f"{BASE}/publishing-records/{record['id']}/"
    cancelled = desk.post(f"publishing-records/{record['id']}/cancel/", status=200).json["data"]
    assert (cancelled["status"], cancelled["error_code"]) == ("failed", "cancelled")
    assert desk.post(f"publishing-records/{record['id']}/cancel/").status_int == 200
    desk.publish(page, scheduled_at="2999-01-01T00:00:00Z")
    assert desk.tenant.client.patch(at, {"scheduled_at": None}).status_int == 200
    desk.published(record)


def test_a_dry_run_shows_what_would_be_sent_and_lost(desk: Desk, end: End) -> None:
    page = desk.page(title="One", content="<p><img src='/a.png'></p>")
    body = {"content_id": page["id"], "destination_ids": [desk.destination["id"]], "dry_run": True}
    (shown,) = desk.post("publish/", body, status=200).json["data"]["dry_run"]
    assert shown["live"] is False
    assert shown["payload"]["title"] == "One"
    assert "localhost" in shown["payload"]["html"]
    assert end.asked == []
    assert desk.tenant.client.get(f"{BASE}/publishing-records/?content_id={page['id']}").json["count"] == 0
