"""The server's parts by themselves: heads, chunks however they are cut, the patrol by a clock of its own, the lanes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.buffers import OverflowableBuffer

from pubsite.gateway import Gateway
from pubsite.wire.chunks import Chunks
from pubsite.wire.head import BAD, TOO_LONG, TOO_MANY, refusal, tidy
from pubsite.wire.lanes import Lanes
from pubsite.wire.patrol import ANSWER_WINDOW, BODY_WINDOW, HEAD_SECONDS, LINGER_WINDOW, MIN_RATE, Patrol

GOOD = b"GET /a?b HTTP/1.1\r\nHost: localhost\r\n"


def read_chunks(text: bytes, sizes: list[int]) -> tuple[Chunks, int]:
    """The reader after the text in pieces of these sizes, and how many bytes it took."""
    chunks, used, start = Chunks(OverflowableBuffer(1_000_000)), 0, 0
    for size in [*sizes, len(text)]:
        piece = text[start : start + size]
        taken = chunks.received(piece) if piece else 0
        start, used = start + len(piece), used + taken
        if taken < len(piece):
            break
    return chunks, used


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=20), st.lists(st.integers(1, 40), max_size=200))
def test_chunks_are_read_whole_wherever_the_network_cuts_them(pieces: list[bytes], sizes: list[int]) -> None:
    text = b"".join(b"%X;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX: y\r\n\r\n"
    chunks, used = read_chunks(text + b"GET", sizes)
    assert chunks.completed
    assert (used, chunks.getfile().read()) == (len(text), b"".join(pieces))


@given(st.binary(max_size=100), st.lists(st.integers(1, 9), max_size=30))
def test_whatever_comes_as_chunks_is_read_refused_or_unfinished(text: bytes, sizes: list[int]) -> None:
    chunks, used = read_chunks(text, sizes)
    assert used == len(text) or chunks.completed or chunks.error == BAD


@pytest.mark.parametrize("filler", [b"1", b"0\r\n", b"1;" + b"a" * 500 + b"\r\na\r\n", b"1\r\na\r\n"])
def test_framing_without_end_costs_next_to_nothing(filler: bytes) -> None:
    started = time.process_time()
    chunks, used = read_chunks(filler * 20_000, [8192] * 1000)
    assert chunks.error or chunks.completed
    assert used < 100_000
    assert time.process_time() - started < 0.2


@given(st.binary(max_size=200))
def test_any_head_has_a_verdict(text: bytes) -> None:
    assert refusal(text) in (None, BAD)
    assert refusal(GOOD + text) in (None, BAD)


def test_a_head_is_refused_by_its_size() -> None:
    assert refusal(GOOD + b"\r\n") is None
    assert refusal(GOOD + b"X: y\r\n" * 99 + b"\r\n") is None
    assert refusal(GOOD + b"X: y\r\n" * 100 + b"\r\n") == TOO_MANY
    assert refusal(b"GET /" + b"a" * 32_768 + b" HTTP/1.1\r\n\r\n") == TOO_LONG


def test_spaces_around_values_are_dropped_and_nothing_else() -> None:
    assert tidy(GOOD + b"X:\t a  b \r\nY:\r\n\r\n") == GOOD + b"X: a  b\r\nY: \r\n\r\n"
    assert tidy(GOOD + b"X: a\r\n\r\n") == GOOD + b"X: a\r\n\r\n"


@dataclass
class Client:
    """A connection as the patrol sees it."""

    name: str = "idle"
    request: object = None
    phase: tuple[str, object] = ("idle", None)
    since: float = 0.0
    moved: int = 0
    ended: list[str] = field(default_factory=list)

    def now_in(self) -> tuple[str, object]:
        return self.name, self.request

    def cut(self) -> None:
        self.ended.append("cut")

    def time_out(self) -> None:
        self.ended.append("408")


def rounds(client: Client, seconds: float, rate: int = 0) -> list[str]:
    patrol = Patrol(lambda: [client], limit=10, idle_seconds=30)
    for second in range(1, int(seconds) + 1):
        patrol.go(float(second))
        client.moved += rate
    return client.ended


@pytest.mark.parametrize(
    ("phase", "seconds", "end"),
    [
        ("idle", 30, "cut"),
        ("head", HEAD_SECONDS, "408"),
        ("body", BODY_WINDOW, "408"),
        ("answer", ANSWER_WINDOW, "cut"),
        ("linger", LINGER_WINDOW, "cut"),
    ],
)
def test_who_does_not_move_is_cut_off_after_its_time(phase: str, seconds: float, end: str) -> None:
    first_seen = 0 if phase == "idle" else 1
    assert rounds(Client(phase), seconds + first_seen - 1) == []
    assert rounds(Client(phase), seconds + first_seen) == [end]


@pytest.mark.parametrize("phase", ["body", "answer", "linger"])
def test_who_is_slow_but_moves_may_go_on(phase: str) -> None:
    assert rounds(Client(phase), 600, MIN_RATE) == []
    assert rounds(Client(phase), 600, MIN_RATE // 2) != []


def test_a_head_has_its_time_however_many_bytes_come() -> None:
    assert rounds(Client("head"), HEAD_SECONDS + 1, 5000) == ["408"]


def test_who_is_being_answered_is_left_alone() -> None:
    assert rounds(Client("work"), 3600) == []


def test_a_new_request_has_its_own_time() -> None:
    client = Client("head", request=1)
    patrol = Patrol(lambda: [client], limit=10, idle_seconds=30)
    for second in range(60):
        client.request = second // 10
        patrol.go(float(second))
    assert client.ended == []


def test_room_is_made_of_the_oldest_and_never_of_who_is_being_answered() -> None:
    working = [Client("work", since=0.0) for _ in range(20)]
    uploading = [Client("body", since=0.0, phase=("body", None)) for _ in range(20)]
    silent = [Client(since=float(number)) for number in range(60)]
    everybody = [*working, *uploading, *silent]
    Patrol(lambda: everybody, limit=100, idle_seconds=30).go(0.0)
    assert [client for client in everybody if client.ended] == silent[:7]
    Patrol(lambda: [*working, *uploading], limit=10, idle_seconds=30).go(0.0)
    assert not any(client.ended for client in working)
    assert all(client.ended for client in uploading)


def test_heavy_requests_have_a_lane_of_their_own() -> None:
    lanes: dict[str, list[Any]] = {"quick": [], "heavy": []}
    quick, heavy = (SimpleNamespace(add_task=lanes[name].append) for name in lanes)
    dispatcher = Lanes(quick, heavy, Gateway.is_heavy)
    paths = [
        "/",
        "/api/sites/a/b",
        "/api/sites/1/files/archive",
        "/zone/sites/1/files/download/a",
        "/page",
        "/api/page/",
    ]
    for path in paths:
        request = SimpleNamespace(error=None, path=path, body_bytes_received=0)
        dispatcher.add_task(SimpleNamespace(requests=[request]))
    large = SimpleNamespace(error=None, path="/", body_bytes_received=100_000)
    dispatcher.add_task(SimpleNamespace(requests=[large]))
    dispatcher.add_task(SimpleNamespace(requests=[SimpleNamespace(error=BAD)]))
    assert [len(lanes["quick"]), len(lanes["heavy"])] == [4, 4]
