"""Counting requests: exact from many threads and processes, forgotten in time; a Redis that is away stops nobody."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pubsite import contexts
from pubsite.api import Service
from pubsite.api.throttling import PATIENCE, PAUSE, SECONDS, SILENCE, Memory, RedisWindow, Throttle, Throttles, Window
from pubsite.errors import SettingsError
from pubsite.settings import Settings
from tests.throttling import Wire, redis_url


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def new_key() -> str:
    return f"test/{uuid.uuid4()}"


@pytest.fixture(params=["memory", "redis"])
def window(request: pytest.FixtureRequest) -> Iterator[Window | RedisWindow]:
    found = Window.in_memory() if request.param == "memory" else RedisWindow(redis_url())
    yield found
    found.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(redis_url())
    yield wire
    wire.close()


# Counting


def test_exactly_as_many_as_the_limit_are_counted(window: Window | RedisWindow) -> None:
    key, before = new_key(), time.time()
    found = [window.hit(key, 3) for _ in range(5)]
    assert [(rate.remaining, rate.is_over) for rate in found] == [
        (2, False), (1, False), (0, False), (0, True), (0, True)
    ]  # fmt: skip
    assert all(before + SECONDS - 0.01 <= rate.room_at <= time.time() + SECONDS for rate in found)
    assert not window.hit(new_key(), 3).is_over


def test_no_number_of_threads_gets_more(window: Window | RedisWindow) -> None:
    key, at_once = new_key(), threading.Barrier(8)

    def hit(_: int) -> int:
        at_once.wait()
        return sum(not window.hit(key, 50).is_over for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hit, range(8))) == 50


def test_processes_share_what_redis_counts() -> None:
    first, second = RedisWindow(redis_url()), RedisWindow(redis_url())
    key = new_key()
    assert [window.hit(key, 3).remaining for window in (first, second, first, second)] == [2, 1, 0, 0]
    first.close()
    second.close()


def test_the_window_moves_with_each_request() -> None:
    clock = Clock()
    window, key = Window.in_memory(clock), new_key()
    window.hit(key, 2)
    clock.now += 40
    assert window.hit(key, 2).room_at == pytest.approx(time.time() + 20, abs=1)
    clock.now += 19.9
    assert window.hit(key, 2).is_over
    clock.now += 0.2  # the first one is out, the second is not
    assert window.hit(key, 2).remaining == 0
    clock.now += 1
    assert window.hit(key, 2).room_at == pytest.approx(time.time() + 38.9, abs=1)


def test_memory_forgets_whoever_stays_away() -> None:
    clock = Clock()
    memory = Memory(clock)
    window = Window(memory, clock)
    for _ in range(10):
        for number in range(100):
            window.hit(f"{clock.now}/{number}", 5)
        window.hit("always", 5)
        clock.now += SECONDS + 1
    assert len(memory) <= 101


# Redis is away


def test_without_redis_each_process_counts_in_memory_and_says_so_once_a_minute(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    clock, key = Clock(), new_key()
    window = RedisWindow(wire.url, clock=clock)
    assert window.hit(key, 3).remaining == 2
    wire.cut()
    with caplog.at_level(logging.WARNING):
        assert [window.hit(key, 2).is_over for _ in range(3)] == [False, False, True]
        for _ in range(int(SILENCE / PAUSE) - 1):
            clock.now += PAUSE
            window.hit(new_key(), 3)
        assert len(caplog.records) == 1
        assert "Redis does not count requests, each process does" in caplog.text
        clock.now += PAUSE
        window.hit(new_key(), 3)
        assert len(caplog.records) == 2
    wire.mend()
    assert window.hit(key, 3).remaining == 0  # memory: it is not asked again yet
    clock.now += PAUSE
    assert window.hit(key, 3).remaining == 1  # and it remembers the first
    window.close()


def test_one_request_waits_for_a_silent_redis_and_the_others_do_not(wire: Wire) -> None:
    window = RedisWindow(wire.url)
    window.hit(new_key(), 3)
    wire.is_silent = True
    took = [_seconds(window) for _ in range(50)]
    assert PATIENCE * 0.9 < took[0] < PATIENCE * 2 + 1
    assert sum(took[1:]) < PATIENCE
    window.close()


def test_a_server_starts_without_its_redis() -> None:
    window = RedisWindow("redis://127.0.0.1:1/0")
    assert window.hit(new_key(), 3).remaining == 2
    window.close()


def _seconds(window: RedisWindow) -> float:
    started = time.perf_counter()
    assert window.hit(new_key(), 3).remaining == 2
    return time.perf_counter() - started


# What is configured


@pytest.mark.parametrize("option", ["?colour=red", "?socket_timeout=soon", "?db=x"])
def test_an_option_that_redis_does_not_know_stops_the_start_and_is_not_quoted(option: str) -> None:
    with pytest.raises(SettingsError, match=r"pubsite\.throttle_storage must be") as caught:
        Throttles.of(Settings(throttle_storage=f"redis://:secret@localhost:6379/0{option}"))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_missing_client_of_redis_stops_the_start_with_what_to_install() -> None:
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from pubsite.api.throttling import Throttles\nfrom pubsite.settings import Settings\n"
        "Throttles.of(Settings())\nThrottles.of(Settings(throttle_storage='redis://localhost'))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.splitlines()[-1].endswith("throttle_storage names a Redis: that needs the extra `redis`")


def test_a_rate_of_0_is_none() -> None:
    throttles = Throttles.of(Settings(throttle_deploy=0, throttle_test=1))
    account_id = uuid.uuid4()
    assert throttles.hit(Throttle.DEPLOY, account_id) is None
    found = [throttles.hit(Throttle.TEST, account_id) for _ in range(2)]
    assert [rate is not None and rate.is_over for rate in found] == [False, True]


def test_only_the_publisher_api_is_throttled() -> None:
    elsewhere = Service("elsewhere", "/api/elsewhere", contexts.anybody)
    assert elsewhere.throttle_of("POST") is None
    with pytest.raises(ValueError, match="only /api/v1/publisher is throttled"):
        elsewhere.on("POST", throttle=Throttle.DEPLOY)
    inside = Service("inside", "/api/v1/publisher/inside", contexts.signed_in)
    inside.on("GET", throttle=Throttle.TEST)(lambda request: None)
    methods = ("GET", "HEAD", "POST", "PATCH", "DELETE")
    assert [inside.throttle_of(method) for method in methods] == ["test", "test", "write", "write", "write"]
