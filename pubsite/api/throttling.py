"""How many requests of a kind an account may make in a minute; counted before anything is looked up for them.

Counts lie in the memory of this process, or in Redis for several of them. What was refused is not counted: whoever
waits as long as the refusal says has room. The only user of limits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from limits.errors import StorageError
from limits.storage import MovingWindowSupport, RedisStorage
from pyramid.request import Request
from pyramid.response import Response

from pubsite.errors import SettingsError, Throttled
from pubsite.settings import MEMORY, Settings

if TYPE_CHECKING:
    import redis

SECONDS = 60
# For Redis: seconds that a request waits for it, until it is asked again, and between two lines in the log.
PATIENCE, PAUSE, SILENCE = 0.5, 5.0, 60.0
RATE = "pubsite.rate"
Clock = Callable[[], float]
log = logging.getLogger(__name__)


class Throttle(StrEnum):
    """The kinds of requests that are counted apart; the setting `throttle_…` of each is its rate."""

    READ = "read"
    WRITE = "write"
    PUBLISH = "publish"
    DEPLOY = "deploy"
    TEST = "test"

    @classmethod
    def of_method(cls, method: str) -> Throttle:
        """The kind of an endpoint that names none."""
        return cls.READ if method in ("GET", "HEAD") else cls.WRITE


@dataclass(frozen=True, slots=True)
class Rate:
    """How an account stands after a request. `room_at`: when the oldest one counted leaves the window, in Unix time."""

    limit: int
    remaining: int
    room_at: float
    is_over: bool

    @property
    def headers(self) -> dict[str, str]:
        found = {"Limit": self.limit, "Remaining": self.remaining, "Reset": ceil(self.room_at)}
        return {f"X-RateLimit-{name}": str(value) for name, value in found.items()}


def count(request: Request, throttle: Throttle) -> None:
    """Count a request of somebody who is signed in; its answer, whatever it is, will tell how they stand.

    Raises Throttled. The anonymous are the route's to refuse, and belong to no account.
    """
    identity = request.pubsite_identity
    if identity is None:
        return
    if RATE not in request.environ:  # which all attempts at a request share, when the database makes it try again
        request.environ[RATE] = request.registry.throttles.hit(throttle, identity.account_id)
    rate: Rate | None = request.environ[RATE]
    if rate is None:
        return
    request.add_response_callback(_tell)
    if rate.is_over:
        seconds = max(ceil(rate.room_at - time.time()), 1)
        raise Throttled(f"Over {rate.limit} {throttle} requests a minute: wait {seconds} s", retry_after=seconds)


def _tell(request: Request, response: Response) -> None:
    response.headers.update(request.environ[RATE].headers)


class Windows(Protocol):
    """Where requests are counted."""

    def hit(self, key: str, limit: int) -> Rate:
        """Count a request of the key, unless it has `limit` of them within the window."""

    def close(self) -> None: ...


class Throttles:
    """The rate of each kind (0: none), and how much of it every account has used."""

    def __init__(self, rates: Mapping[Throttle, int], windows: Windows) -> None:
        self._rates, self._windows = rates, windows
        self.close = windows.close

    @classmethod
    def of(cls, settings: Settings) -> Throttles:
        """Those of the settings; raises SettingsError where `throttle_storage` cannot be used."""
        rates = {throttle: getattr(settings, f"throttle_{throttle}") for throttle in Throttle}
        in_memory = settings.throttle_storage == MEMORY
        return cls(rates, Window.in_memory() if in_memory else RedisWindow(settings.throttle_storage))

    def hit(self, throttle: Throttle, account_id: UUID) -> Rate | None:
        """Count a request; None where its kind has no limit."""
        limit = self._rates[throttle]
        return self._windows.hit(f"{throttle}/{account_id}", limit) if limit else None


@dataclass(frozen=True, slots=True)
class Window:
    """A storage of limits, the clock by which it counts, and how many seconds it looks back."""

    storage: MovingWindowSupport
    clock: Clock
    seconds: int = SECONDS

    @classmethod
    def in_memory(cls, clock: Clock = time.monotonic, seconds: int = SECONDS) -> Window:
        return cls(Memory(clock), clock, seconds)

    def hit(self, key: str, limit: int) -> Rate:
        is_counted = self.storage.acquire_entry(key, limit, self.seconds)
        begin, used = self.storage.get_moving_window(key, limit, self.seconds)
        room_in = begin + self.seconds - self.clock()
        return Rate(limit, limit - used if is_counted else 0, time.time() + room_in, not is_counted)

    def close(self) -> None:
        """Memory has nothing to close."""


class Memory(MovingWindowSupport):
    """When each key's requests were, in this process; keys without any within the window are forgotten.

    limits has such a storage too. It starts a thread for a lone hit, and keeps each key for ever.
    """

    base_exceptions: tuple[type[Exception], ...] = ()  # limits asks for it when something is raised

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}
        self._lock = threading.Lock()
        self._swept_at = clock()

    def __len__(self) -> int:
        return len(self._times)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        with self._lock:
            now = self._clock()
            if now - self._swept_at > expiry:
                self._sweep(now - expiry)
                self._swept_at = now
            times = self._within(key, now - expiry)
            if len(times) + amount > limit:
                return False
            times.extend([now] * amount)
            self._times[key] = times
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        with self._lock:
            now = self._clock()
            times = self._within(key, now - expiry)
            return (times[0], len(times)) if times else (now, 0)

    def _within(self, key: str, oldest: float) -> deque[float]:
        times = self._times.get(key) or deque()
        while times and times[0] < oldest:
            times.popleft()
        return times

    def _sweep(self, oldest: float) -> None:
        self._times = {key: times for key, times in self._times.items() if times and times[-1] >= oldest}


class RedisWindow:
    """A window in Redis, shared by all processes; while that does not answer, one in the memory of each.

    So its loss neither stops a request nor lifts the limits; nor does anybody wait for it but one request in PAUSE.
    """

    def __init__(self, url: str, *, clock: Clock = time.monotonic, seconds: int = SECONDS) -> None:
        """clock: what pauses are measured by; requests are counted by the system's, which all processes share."""
        self._pool = _connections(url)
        storage = RedisStorage(url, connection_pool=self._pool, key_prefix="pubsite", wrap_exceptions=True)
        self._redis, self._memory = Window(storage, time.time, seconds), Window.in_memory(clock, seconds)
        self._clock, self._lock = clock, threading.Lock()
        self._away_until: float | None = None
        self._silent_until = clock()

    def hit(self, key: str, limit: int) -> Rate:
        if self._is_to_be_asked():
            try:
                rate = self._redis.hit(key, limit)
            except (StorageError, OSError, ValueError) as error:  # ValueError: a host's name that nothing can spell
                self._lose(error)
            else:
                self._away_until = None
                return rate
        return self._memory.hit(key, limit)

    def close(self) -> None:
        self._pool.disconnect()

    def _is_to_be_asked(self) -> bool:
        with self._lock:
            if self._away_until is None:
                return True
            now = self._clock()
            if now < self._away_until:
                return False
            self._away_until = now + PAUSE  # the others need not wait for what this one finds
            return True

    def _lose(self, error: Exception) -> None:
        with self._lock:
            now = self._clock()
            self._away_until = now + PAUSE
            is_told = now >= self._silent_until
            if is_told:
                self._silent_until = now + SILENCE
        if is_told:
            why = error.__cause__ or error  # limits wraps what Redis's client raised, and says nothing itself
            log.warning("Redis does not count requests, each process does: %s: %s", type(why).__name__, why)


def _connections(url: str) -> redis.ConnectionPool:
    """Connections to be made when they are needed; raises SettingsError where that can be known not to work."""
    try:
        import redis
    except ImportError as error:
        raise SettingsError("pubsite.throttle_storage names a Redis: that needs the extra `redis`") from error
    try:
        pool = redis.ConnectionPool.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        pool.make_connection()  # opens nothing; else an option that nobody knows would show at the first request
    except (TypeError, ValueError):  # which may quote the URL, and with it a password
        raise SettingsError("pubsite.throttle_storage must be a URL that Redis's client can read") from None
    return pool
