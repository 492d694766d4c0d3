"""Throttles of the publisher API: how many requests of each kind an account may make, and what answers say of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from webtest import TestResponse

from pubsite import contexts
from pubsite.api import Service
from pubsite.api.throttling import RedisWindow, Throttle, Window, Windows
from pubsite.db import DatabaseBusy
from pubsite.models import Role
from pubsite.security import Permission
from tests.conftest import Client, Tenant
from tests.throttling import Wire, redis_url, throttled

BASE = "/api/v1/publisher"
LIST = f"{BASE}/deployments/"
NOTHING = f"{BASE}/deployments/{uuid.uuid4()}/"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
Throttling = Callable[..., Tenant]


@pytest.fixture(params=["memory", "redis"])
def throttling(request: pytest.FixtureRequest, tenant: Tenant) -> Iterator[Throttling]:
    """The tenant on a server with these rates, and windows of so many seconds."""
    opened: list[Windows] = []

    def throttling(*, seconds: int = 60, services: tuple[Service, ...] = (), **rates: int) -> Tenant:
        in_memory = request.param == "memory"
        windows = Window.in_memory(seconds=seconds) if in_memory else RedisWindow(redis_url(), seconds=seconds)
        opened.append(windows)
        return with_windows(tenant, windows, services=services, **rates)

    yield throttling
    for windows in opened:
        windows.close()


def with_windows(tenant: Tenant, windows: Windows, **options: Any) -> Tenant:
    server = throttled(tenant.server, windows, **options)
    return replace(tenant, server=server, client=server.client(tenant.owner))


def told(answer: TestResponse) -> tuple[int, int]:
    """Limit and remaining, of an answer whose reset lies within the minute."""
    limit, remaining, reset = (int(answer.headers[name]) for name in HEADERS)
    assert time.time() <= reset <= time.time() + 61
    return limit, remaining


def is_refused(answer: TestResponse) -> bool:
    """Whether it is over the rate, and says so in the right way."""
    if answer.status_int != 429:
        return False
    body = answer.json
    assert (body["success"], body["code"]) == (False, "throttled")
    assert set(body) == {"success", "error", "code", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert told(answer)[1] == 0
    return True


# Who shares what


def test_as_many_as_the_rate_pass_and_their_answers_count_down(throttling: Throttling) -> None:
    client = throttling(read=3).client
    answers = [client.get(LIST, status="*") for _ in range(5)]
    assert [is_refused(answer) for answer in answers] == [False, False, False, True, True]
    assert [told(answer) for answer in answers] == [(3, 2), (3, 1), (3, 0), (3, 0), (3, 0)]
    assert [answer.status_int for answer in answers[:3]] == [200, 200, 200]
    assert answers[3].json["error"].startswith("Over 3 read requests a minute: wait ")


def test_kinds_are_counted_apart(throttling: Throttling) -> None:
    tenant = throttling(read=1, write=1, deploy=1)
    site = tenant.site()
    hold, deploy = f"{BASE}/sites/{site['id']}/hold/", {"site_id": site["id"]}
    for ask, kind in (
        (lambda: tenant.client.get(LIST, status="*"), "read"),
        (lambda: tenant.client.post(LIST, deploy), "deploy"),
        (lambda: tenant.client.post(hold), "write"),
    ):
        assert told(ask()) == (1, 0)
        answer = ask()
        assert is_refused(answer)
        assert f"Over 1 {kind} requests" in answer.json["error"]


def test_deploys_and_rollbacks_share_a_rate(throttling: Throttling) -> None:
    tenant = throttling(deploy=2)
    record = tenant.client.post(LIST, {"site_id": tenant.site()["id"]}, status=202).json["data"]
    rollback = f"{LIST}{record['id']}/rollback/"
    assert told(tenant.client.post(rollback)) == (2, 0)
    assert is_refused(tenant.client.post(rollback))
    assert is_refused(tenant.client.post(LIST, {"site_id": record["site_id"]}))


def test_one_account_does_not_use_up_what_another_has(throttling: Throttling) -> None:
    tenant = throttling(read=1)
    tenant.client.get(LIST)
    assert is_refused(tenant.client.get(LIST, status="*"))
    assert told(tenant.member(Role.Viewer).get(LIST)) == (1, 0)


def test_all_tokens_of_an_account_share_its_rate(throttling: Throttling) -> None:
    tenant = throttling(read=3)
    made = tenant.client.post("/api/tokens", {"name": "ci", "scopes": ["read"]}, status=200).json
    api_token = Client(tenant.client.app, {"Authorization": f"Bearer {made['token']}"})
    clients = (tenant.client, tenant.server.client(tenant.owner, scopes=("read",)), api_token, tenant.client)
    answers = [client.get(LIST, status="*") for client in clients]
    assert [told(answer)[1] for answer in answers] == [2, 1, 0, 0]
    assert is_refused(answers[-1])


def test_staff_are_throttled_too(throttling: Throttling) -> None:
    server = throttling(read=1).server
    staff = server.client(server.account(is_staff=True))
    assert told(staff.get(LIST)) == (1, 0)
    assert is_refused(staff.get(LIST, status="*"))


# What is counted


def test_every_spelling_of_a_path_and_head_count_as_one(throttling: Throttling) -> None:
    client = throttling(read=4).client
    for path in (LIST, LIST.rstrip("/"), LIST.replace("/api", "/zone")):
        client.get(path)
    assert told(client.send("HEAD", LIST)) == (4, 0)
    assert is_refused(client.get(LIST, status="*"))


def test_errors_are_counted_and_say_how_it_stands(throttling: Throttling) -> None:
    tenant = throttling(read=9, write=9, deploy=9)
    client, viewer, site = tenant.client, tenant.member(Role.Viewer), tenant.site()
    # Wrong query, nothing there, no JSON wanted; wrong body, wrong type of body; method that there is not; no right.
    for answer, status, remaining in (
        (client.get(f"{LIST}?page=x", status="*"), 400, 8),
        (client.get(NOTHING, status="*"), 404, 7),
        (client.get(LIST, status="*", Accept="text/html"), 406, 6),
        (client.post(LIST, {"site_id": 7}), 400, 8),
        (client.send("POST", LIST, b"x", **{"Content-Type": "text/plain"}), 415, 7),
        (client.put(LIST, {}), 405, 8),
        (viewer.post(LIST, {"site_id": site["id"]}), 403, 8),
        (viewer.delete(f"{BASE}/sites/{site['id']}/hold/"), 403, 8),
    ):
        assert answer.status_int == status, answer.text
        assert told(answer) == (9, remaining)


def test_a_flood_of_what_is_not_there_is_refused(throttling: Throttling) -> None:
    client = throttling(read=2).client
    assert [client.get(NOTHING, status="*").status_int for _ in range(4)] == [404, 404, 429, 429]


def test_whoever_is_not_signed_in_gets_the_401_as_ever(throttling: Throttling) -> None:
    server = throttling(read=1, deploy=1).server
    wrong = server.client()
    wrong.headers["Authorization"] = "Bearer wrong"
    for client in (server.client(), wrong):
        for answer in (client.get(LIST, status=401), client.get(LIST, status=401), client.post(LIST, status=401)):
            assert not set(HEADERS) & set(answer.headers)


def test_the_other_api_is_not_throttled(throttling: Throttling) -> None:
    tenant = throttling(**dict.fromkeys(Throttle, 1))
    for _ in range(3):
        assert not set(HEADERS) & set(tenant.client.get("/api/sites/me").headers)


def test_a_kind_without_a_rate_is_not_counted(throttling: Throttling) -> None:
    client = throttling(read=0, write=1).client
    for _ in range(5):
        assert not set(HEADERS) & set(client.get(LIST).headers)


def test_a_refusal_leaves_the_idempotency_key_free_and_a_repeat_counts(tenant: Tenant, throttling: Throttling) -> None:
    unthrottled, tenant = tenant.client, throttling(deploy=2)
    body = {"site_id": tenant.site()["id"]}
    first = tenant.client.post(LIST, body, status=202, **{"Idempotency-Key": "a"})
    again = tenant.client.post(LIST, body, status=202, **{"Idempotency-Key": "a"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["data"] == first.json["data"]
    assert is_refused(tenant.client.post(LIST, body, **{"Idempotency-Key": "b"}))
    later = unthrottled.post(LIST, body, **{"Idempotency-Key": "b"})
    assert later.status_int in (200, 202)
    assert "Idempotent-Replayed" not in later.headers


def test_a_request_that_the_database_makes_try_again_counts_once(throttling: Throttling) -> None:
    attempts: list[int] = []
    again = Service("again", f"{BASE}/again", contexts.signed_in)

    @again.on("POST", permission=Permission.SIGNED_IN, throttle=Throttle.TEST)
    def try_again(request: Any) -> None:
        attempts.append(request.environ["retry.attempt"])
        if len(attempts) < 3:
            raise DatabaseBusy("somebody else was quicker")

    answer = throttling(test=5, services=(again,)).client.post(f"{BASE}/again", status=200)
    assert attempts == [0, 1, 2]
    assert told(answer) == (5, 4)


# As time goes by


def test_there_is_room_again_when_the_refusal_said(throttling: Throttling) -> None:
    client = throttling(read=1, seconds=2).client
    client.get(LIST)
    refused = client.get(LIST, status="*")
    assert is_refused(refused)
    assert int(refused.headers["Retry-After"]) <= 2
    time.sleep(int(refused.headers["Retry-After"]))
    assert told(client.get(LIST)) == (1, 0)


def test_a_redis_that_dies_between_two_requests_stops_none(tenant: Tenant) -> None:
    wire = Wire(redis_url())
    windows = RedisWindow(wire.url)
    client = with_windows(tenant, windows, read=3).client
    assert told(client.get(LIST)) == (3, 2)
    wire.cut()
    answers = [client.get(LIST, status="*") for _ in range(4)]
    assert [is_refused(answer) for answer in answers] == [False, False, False, True]
    windows.close()
    wire.close()
