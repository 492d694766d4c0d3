"""Two lanes of threads: what is large or slow by its nature has its own, so that all the rest never waits for it.

A burst of downloads or archives, or pages that take their whole time to render, would else hold every thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

LARGE_BODY = 65_536


class Lane(Protocol):
    """Threads behind a queue, as waitress has them."""

    def add_task(self, task: Any) -> None: ...

    def set_thread_count(self, count: int) -> None: ...

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool: ...


class Lanes:
    """Stands where waitress expects its one dispatcher. is_heavy: whether a path asks for much."""

    def __init__(self, quick: Lane, heavy: Lane, is_heavy: Callable[[str], bool]) -> None:
        self._quick, self._heavy, self._is_heavy = quick, heavy, is_heavy

    def set_thread_count(self, count: int) -> None:
        self._quick.set_thread_count(count)
        self._heavy.set_thread_count((count + 1) // 2)

    def add_task(self, task: Any) -> None:
        request = task.requests[0]
        heavy = request.error is None and (request.body_bytes_received > LARGE_BODY or self._is_heavy(request.path))
        (self._heavy if heavy else self._quick).add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        ended = [lane.shutdown(cancel_pending, timeout) for lane in (self._quick, self._heavy)]
        return all(ended)
