"""A bounded least-recently-used map for immutable values, safe between threads. It never expires what it holds:
only what can be named by a digest, and so cannot become stale, belongs in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Values with a weight each, together at most `capacity`; one heavier than a quarter of it is not kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            held = self._held.get(key)
            if held is None:
                return None
            self._held.move_to_end(key)
            return held[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        if weight * 4 > self._capacity:
            return
        with self._lock:
            old = self._held.pop(key, None)
            self._weight += weight - (old[1] if old else 0)
            self._held[key] = (value, weight)
            while self._weight > self._capacity:
                self._weight -= self._held.popitem(last=False)[1][1]
