"""Waiting outside the transaction: the answer stands whatever happens to the wait, and every slot is given back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.request import Request
from pyramid.response import Response

from pubsite.tweens import waiting_tween

SLOTS = 2
Tween = Callable[[Request], Response]


def answer(wait_for: Callable[[], Any] | None, tween: Tween, status: int = 202) -> Response:
    request = Request.blank("/")
    request.environ["answer"] = status, wait_for
    return tween(request)


@pytest.fixture
def tween() -> Tween:
    def handler(request: Request) -> Response:
        status, wait_for = request.environ["answer"]
        if wait_for is not None:
            request.wait_for, request.wait_seconds = wait_for, 5
        return Response(b'"committed"', status=status, content_type="application/json")

    registry: Any = SimpleNamespace(settings_of_pubsite=SimpleNamespace(wait_slots=SLOTS))
    return waiting_tween(handler, registry)


def fails() -> Any:
    raise RuntimeError("the database is away")


@pytest.mark.parametrize("wait_for", [fails, lambda: float("nan"), lambda: object(), lambda: "\ud800"])
def test_a_wait_that_fails_leaves_the_committed_answer_and_gives_its_slot_back(
    tween: Tween, wait_for: Callable[[], Any]
) -> None:
    for _ in range(SLOTS + 1):
        response = answer(wait_for, tween)
        assert (response.status_code, response.body) == (202, b'"committed"')
        assert "Preference-Applied" not in response.headers
    assert answer(lambda: "waited", tween).json == "waited"


def test_what_a_wait_found_is_the_answer(tween: Tween) -> None:
    for _ in range(SLOTS + 1):
        response = answer(lambda: {"a": "é"}, tween)
        assert (response.json, response.headers["Preference-Applied"]) == ({"a": "é"}, "wait=5")


def test_with_every_slot_taken_the_answer_goes_out_at_once(tween: Tween) -> None:
    waiting, end = threading.Barrier(SLOTS + 1), threading.Event()

    def wait() -> str:
        waiting.wait(10)
        assert end.wait(10)
        return "waited"

    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(answer(wait, tween).json)) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    waiting.wait(10)
    assert answer(lambda: pytest.fail("it waited"), tween).json == "committed"
    end.set()
    for thread in threads:
        thread.join(10)
    assert found == ["waited"] * SLOTS
    assert answer(lambda: "waited", tween).json == "waited"


def test_a_refusal_does_not_wait(tween: Tween) -> None:
    assert answer(lambda: pytest.fail("it waited"), tween, status=409).json == "committed"
    assert answer(None, tween).json == "committed"
