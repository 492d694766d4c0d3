"""The object store of one machine: objects in `objects.sqlite`, those over 256 KiB as files beside it.

Everything of one `put_many` becomes durable in one transaction. Compressing and writing big files happen before the
write lock is taken; who exists is decided again under it.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from pubsite.errors import Unavailable
from pubsite.storage.big_files import BIG_FROM, BigFiles
from pubsite.storage.database import Database
from pubsite.storage.objects import ObjectMissing, Stored, Swept, digest_of, pack

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BATCH = 500
_FIND = "SELECT coding, body FROM objects LEFT JOIN bodies USING (id) WHERE digest = ?"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An object ready to be named by a row: its stored form, or the draft of its file."""

    digest: str
    size: int
    stored: Stored
    draft: Path | None


class SqliteObjects:
    """An ObjectStore; also safe between processes."""

    def __init__(self, database: Database, big_files: BigFiles, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._big = big_files
        self._clock = clock

    def put(self, body: bytes) -> str:
        return self.put_many([body])[0]

    def put_many(self, bodies: Iterable[bytes]) -> list[str]:
        digests: list[str] = []
        wanted: dict[str, bytes] = {}
        for body in bodies:
            digests.append(digest := digest_of(body))
            wanted.setdefault(digest, body)
        if not wanted:
            return digests
        prepared: dict[str, _Prepared] = {}
        try:
            for digest in self.missing(wanted):
                prepared[digest] = self._prepare(digest, wanted[digest])
            with self._database.write() as connection:
                absent = self.missing(wanted)  # on this thread's connection: within the transaction
                for digest in absent - prepared.keys():  # swept since
                    prepared[digest] = self._prepare(digest, wanted[digest])
                self._insert(connection, [prepared[digest] for digest in sorted(absent)])
                _renew(connection, wanted.keys() - absent, self._clock())
        except OSError as error:
            raise Unavailable("the object store cannot be written") from error
        finally:
            for draft in [p.draft for p in prepared.values() if p.draft]:
                draft.unlink(missing_ok=True)
        return digests

    def get(self, digest: str) -> bytes:
        return self.get_stored(digest).identity()

    def get_stored(self, digest: str) -> Stored:
        row = self._database.one(_FIND, [_key(digest)])
        if row is None:
            raise ObjectMissing(digest)
        coding, body = row
        if body is None:
            try:
                body = self._big.read(digest)
            except FileNotFoundError as error:  # swept since the row was read, or lost
                raise ObjectMissing(digest) from error
            except OSError as error:
                raise Unavailable("the object store cannot be read") from error
        return Stored(body, coding)

    def size(self, digest: str) -> int:
        row = self._database.one("SELECT size FROM objects WHERE digest = ?", [_key(digest)])
        if row is None:
            raise ObjectMissing(digest)
        return int(row[0])

    def missing(self, digests: Iterable[str]) -> set[str]:
        wanted = set(digests)
        return wanted - {
            bytes(row[0]).hex()
            for batch in _batches(wanted)
            for row in self._database.all(_among(len(batch)), [_key(digest) for digest in batch])
        }

    def renew(self, digests: Iterable[str]) -> None:
        with self._database.write() as connection:
            _renew(connection, digests, self._clock())

    def digests(self) -> Iterator[str]:
        last: bytes = b""
        while rows := self._database.all(
            "SELECT digest FROM objects WHERE digest > ? ORDER BY digest LIMIT ?", [last, _BATCH]
        ):
            yield from (bytes(row[0]).hex() for row in rows)
            last = rows[-1][0]

    def sweep(self, keep: Set[str], *, older_than: float, dry_run: bool = False) -> Swept:
        rows = self._database.all("SELECT id, digest, size FROM objects WHERE renewed_at < ?", [older_than])
        stale = [(row[0], row[2]) for row in rows if bytes(row[1]).hex() not in keep]
        if dry_run:
            return Swept(len(stale), sum(size for _, size in stale))
        swept = [size for n in range(0, len(stale), _BATCH) for size in self._remove(stale[n : n + _BATCH], older_than)]
        self._sweep_files(older_than)
        self._database.shrink()
        return Swept(len(swept), sum(swept))

    def _remove(self, rows: Sequence[tuple[int, int]], older_than: float) -> list[int]:
        """Remove those that are still old; their sizes. Few at a time, so that no writer waits for long."""
        removed = []
        with self._database.write() as connection:
            for row, size in rows:
                gone = connection.execute("DELETE FROM objects WHERE id = ? AND renewed_at < ?", [row, older_than])
                if gone.rowcount:
                    connection.execute("DELETE FROM bodies WHERE id = ?", [row])
                    removed.append(size)
        return removed

    def _sweep_files(self, older_than: float) -> None:
        """Remove files that no row names, under the lock that a put holds while it names one."""
        self._big.remove_drafts(older_than)
        for folder in self._big.folders():
            with self._database.write():
                self._big.remove(self.missing(self._big.digests(folder)))

    def _prepare(self, digest: str, body: bytes) -> _Prepared:
        stored = pack(body)
        draft = self._big.draft(stored.body) if len(stored.body) >= BIG_FROM else None
        return _Prepared(digest, len(body), stored, draft)

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[_Prepared]) -> None:
        self._big.place([(row.draft, row.digest) for row in rows if row.draft])
        first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM objects").fetchone()[0]
        now = self._clock()
        connection.executemany(
            "INSERT INTO objects (id, digest, size, coding, renewed_at) VALUES (?, ?, ?, ?, ?)",
            [(first + n, _key(row.digest), row.size, row.stored.coding, now) for n, row in enumerate(rows)],
        )
        connection.executemany(
            "INSERT INTO bodies (id, body) VALUES (?, ?)",
            [(first + n, row.stored.body) for n, row in enumerate(rows) if not row.draft],
        )


def _renew(connection: sqlite3.Connection, digests: Iterable[str], now: float) -> None:
    connection.executemany(
        "UPDATE objects SET renewed_at = ? WHERE digest = ?", [(now, _key(digest)) for digest in digests]
    )


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(digests)  # neighbours in the index
    return (ordered[n : n + _BATCH] for n in range(0, len(ordered), _BATCH))


def _among(count: int) -> str:
    return f"SELECT digest FROM objects WHERE digest IN ({','.join('?' * count)})"


def _key(digest: str) -> bytes:
    """The digest as it is kept; what is none becomes a key that no row has."""
    return bytes.fromhex(digest) if _DIGEST.fullmatch(digest) else b""
