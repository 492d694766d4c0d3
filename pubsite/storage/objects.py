"""Objects: immutable bytes, named by the sha256 of their identity form. What a store promises, and how bytes lie in it.

A store knows no sites. An object is durable once `put` or `put_many` returned; putting or renewing one that exists
makes it young again, so that a running collection cannot take what is about to be named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Literal, Protocol

from isal import igzip, isal_zlib

from pubsite.errors import NotFound

Coding = Literal["gzip"] | None

_COMPRESS_FROM = 256
_GZIP_FRAMING = 31
_GZIP_LEVEL = 2  # 26 µs a page, where zlib's level 6 takes 131


class ObjectMissing(NotFound):
    """The store has no object of that digest."""

    code = "object_missing"

    def __init__(self, digest: str) -> None:
        super().__init__(f"object {digest} is missing")
        self.digest = digest


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes as they lie in the store; `coding` is None for the identity form."""

    body: bytes
    coding: Coding

    def identity(self) -> bytes:
        return isal_zlib.decompress(self.body, _GZIP_FRAMING) if self.coding else self.body


@dataclass(frozen=True, slots=True)
class Swept:
    """How many objects went, and how many bytes they had in identity form."""

    objects: int
    bytes: int


class ObjectStore(Protocol):
    def put(self, body: bytes) -> str:
        """Store `body` durably and return its digest."""
        ...

    def put_many(self, bodies: Iterable[bytes]) -> list[str]:
        """Store all of `bodies` in one durable transaction; their digests in the order given."""
        ...

    def get(self, digest: str) -> bytes:
        """The identity bytes; raises ObjectMissing."""
        ...

    def get_stored(self, digest: str) -> Stored:
        """The bytes as they lie, to be sent as they are; raises ObjectMissing."""
        ...

    def size(self, digest: str) -> int:
        """Bytes of the identity form; raises ObjectMissing."""
        ...

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those that the store does not hold; anything that is no digest is missing."""
        ...

    def renew(self, digests: Iterable[str]) -> None:
        """Make those that exist young again. To learn safely what to send: first `renew`, then `missing`."""
        ...

    def digests(self) -> Iterator[str]:
        """Every object's digest, in order."""
        ...

    def sweep(self, keep: Set[str], *, older_than: float, dry_run: bool = False) -> Swept:
        """Remove what is not in `keep` and was put or renewed last before `older_than` (seconds of the epoch)."""
        ...


def digest_of(body: bytes) -> str:
    return sha256(body).hexdigest()


def pack(body: bytes) -> Stored:
    """The form in which `body` is kept: gzip when that saves a tenth or more. The digest never depends on it."""
    if len(body) >= _COMPRESS_FROM:
        packed = igzip.compress(body, _GZIP_LEVEL, mtime=0)
        if len(packed) * 10 <= len(body) * 9:
            return Stored(packed, "gzip")
    return Stored(body, None)


@dataclass(slots=True)
class _Held:
    stored: Stored
    size: int
    renewed_at: float


class MemoryObjects:
    """An ObjectStore that ends with its process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._lock = Lock()

    def put(self, body: bytes) -> str:
        return self.put_many([body])[0]

    def put_many(self, bodies: Iterable[bytes]) -> list[str]:
        fresh = [(digest_of(body), _Held(pack(body), len(body), self._clock())) for body in bodies]
        with self._lock:
            self._held.update(fresh)
        return [digest for digest, _ in fresh]

    def get(self, digest: str) -> bytes:
        return self.get_stored(digest).identity()

    def get_stored(self, digest: str) -> Stored:
        return self._find(digest).stored

    def size(self, digest: str) -> int:
        return self._find(digest).size

    def missing(self, digests: Iterable[str]) -> set[str]:
        return {digest for digest in digests if digest not in self._held}

    def renew(self, digests: Iterable[str]) -> None:
        with self._lock:
            for digest in digests:
                if held := self._held.get(digest):
                    held.renewed_at = self._clock()

    def digests(self) -> Iterator[str]:
        return iter(sorted(self._held))

    def sweep(self, keep: Set[str], *, older_than: float, dry_run: bool = False) -> Swept:
        with self._lock:
            stale = {d: held.size for d, held in self._held.items() if d not in keep and held.renewed_at < older_than}
            if not dry_run:
                self._held = {digest: held for digest, held in self._held.items() if digest not in stale}
        return Swept(len(stale), sum(stale.values()))

    def _find(self, digest: str) -> _Held:
        try:
            return self._held[digest]
        except KeyError:
            raise ObjectMissing(digest) from None
