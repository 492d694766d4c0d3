"""The bytes of outputs as hosting sends them, with the origin put in where they ask for it; small ones are kept."""

from __future__ import annotations

from dataclasses import dataclass

from pubsite.storage import ORIGIN_TOKEN, FileEntry, ObjectStore, Stored
from pubsite.storage.cache import Lru
from pubsite.storage.objects import pack

_CACHE_BYTES = 64 * 1024 * 1024
_CACHED_UP_TO = 1024 * 1024
_OVERHEAD = 512
_TOKEN = ORIGIN_TOKEN.encode()


@dataclass(frozen=True, slots=True)
class Body:
    """Both forms of an output; `gzip` is None where compressing gains nothing."""

    identity: bytes
    gzip: bytes | None


class Bodies:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._held: Lru[tuple[str, str], Body] = Lru(_CACHE_BYTES)

    def get(self, entry: FileEntry, origin: str) -> Body:
        """The body of `entry` for a client that reached it at `origin`; raises ObjectMissing."""
        key = (entry.digest, origin if entry.origin else "")
        body = self._held.get(key)
        if body is None:
            body = self._load(entry, origin)
            weight = _OVERHEAD + len(body.identity) + len(body.gzip or b"")
            if weight <= _CACHED_UP_TO:
                self._held.put(key, body, weight)
        return body

    def _load(self, entry: FileEntry, origin: str) -> Body:
        stored = self._objects.get_stored(entry.digest)
        if entry.origin:
            stored = pack(stored.identity().replace(_TOKEN, origin.encode()))
        return _body(stored)


def _body(stored: Stored) -> Body:
    return Body(stored.identity(), stored.body if stored.coding else None)
