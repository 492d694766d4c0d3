"""Cuts off who is too slow, and makes room: however many half-open connections there are, a new one is served.

Runs between two turns of the server's loop, never within one: there a descriptor that is closed and given out anew
would get what was meant for the old one. A connection whose request is being worked on is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

HEAD_SECONDS = 15.0
MIN_RATE = 500  # bytes a second, in each window
BODY_WINDOW = 20.0
ANSWER_WINDOW = 60.0
LINGER_WINDOW = 5.0
PATROL_SECONDS = 1.0
EVICTED = 16  # one of so many connections goes when there is no room


class Connection(Protocol):
    """What the patrol knows of a connection. `moved`: bytes read and sent since `since`."""

    phase: tuple[str, object]
    since: float
    moved: int

    def now_in(self) -> tuple[str, object]:
        """`work`, `idle`, `head`, `body`, `answer` or `linger`, and the request that it is about."""

    def cut(self) -> None:
        """Close it, at once."""

    def time_out(self) -> None:
        """Answer 408 to the request that does not come to its end, and close."""


class Patrol:
    """The rounds over all connections. limit: how many there may be; idle_seconds: for how long one may be unused."""

    def __init__(self, connections: Callable[[], Collection[Connection]], limit: int, idle_seconds: float) -> None:
        self._connections = connections
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._next = 0.0

    def go(self, now: float) -> None:
        """Look at every connection once a second, and make room whenever there is none left."""
        if now >= self._next:
            self._next = now + PATROL_SECONDS
            for connection in list(self._connections()):
                self._look_at(connection, now)
        if len(self._connections()) >= self._limit:
            self._make_room()

    def _look_at(self, connection: Connection, now: float) -> None:
        phase = connection.now_in()
        if phase != connection.phase:
            connection.phase, connection.since, connection.moved = phase, now, 0
            return
        name, lasted = phase[0], now - connection.since
        if name == "idle" and lasted >= self._idle_seconds:
            connection.cut()
        elif name == "head" and lasted >= HEAD_SECONDS:
            connection.time_out()
        elif (window := {"body": BODY_WINDOW, "answer": ANSWER_WINDOW, "linger": LINGER_WINDOW}.get(name)) is not None:
            if lasted < window:
                return
            if connection.moved < window * MIN_RATE:
                (connection.time_out if name == "body" else connection.cut)()
            else:
                connection.since, connection.moved = now, 0

    def _make_room(self) -> None:
        """Cut off some: who sends no body and reads no answer goes first, and of those who came first."""
        found = [(connection.now_in()[0], connection) for connection in self._connections()]
        idle = [
            (name in ("body", "answer"), connection.since, connection) for name, connection in found if name != "work"
        ]
        idle.sort(key=lambda each: each[:2])
        for _, _, connection in idle[: len(found) - self._limit + 1 + self._limit // EVICTED]:
            connection.cut()
