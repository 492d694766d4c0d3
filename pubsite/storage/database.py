"""The SQLite file beside the big objects: one connection a thread, writes one at a time over all processes.

WAL with synchronous=FULL: what a write transaction committed survives a power cut. The file appears whole or not at
all. It must lie on a local disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, local
from typing import Any
from weakref import WeakSet

from pubsite.errors import Unavailable
from pubsite.storage.big_files import sync_directory

_VERSION = 1
_BUSY_SECONDS = 10
_SHRINK_PAGES = 4096
_SCHEMA = """
CREATE TABLE objects (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, coding TEXT, renewed_at REAL NOT NULL
);
-- Apart from `objects`, so that renewing an age rewrites 60 bytes and not the body; no row: the body is a file.
CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE refs (
    site TEXT NOT NULL, target TEXT NOT NULL, version INTEGER NOT NULL, manifest TEXT NOT NULL,
    generation INTEGER NOT NULL, content_sequence INTEGER NOT NULL, highest_sequence INTEGER NOT NULL,
    deployment TEXT NOT NULL, previous TEXT NOT NULL, grace_until REAL NOT NULL,
    PRIMARY KEY (site, target)
) WITHOUT ROWID;
CREATE TABLE hosts (label TEXT PRIMARY KEY, site TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
"""


class _Connection(sqlite3.Connection):
    """Weakly referable, so that a thread's connection closes when the thread ends."""


class Database:
    def __init__(self, path: Path) -> None:
        if not path.exists():
            _create(path)
        self._path = path
        self._local = local()
        self._open: WeakSet[_Connection] = WeakSet()
        self._lock = Lock()
        if (found := self.one("PRAGMA user_version")[0]) != _VERSION:
            raise Unavailable(f"{path.name} has format {found}, and this program reads format {_VERSION}")

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row or None. Raises Unavailable when the file cannot be read."""
        try:
            return self._connection().execute(sql, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise Unavailable("the object store cannot be read") from error

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise Unavailable("the object store cannot be read") from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start; committed and durable when the block ends."""
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise Unavailable("the object store cannot be written") from error

    def shrink(self) -> None:
        """Give the pages that nothing uses back to the file system, some at a time so that writers get their turn."""
        while unused := self.one("PRAGMA freelist_count")[0]:
            # `execute` would stop after the first page
            self._connection().executescript(f"PRAGMA incremental_vacuum({_SHRINK_PAGES})")
            if self.one("PRAGMA freelist_count")[0] >= unused:
                return

    def close(self) -> None:
        """Close the connections of every thread; nobody may be using them."""
        with self._lock:
            for connection in list(self._open):
                connection.close()
            self._open.clear()
            self._local = local()

    def _connection(self) -> _Connection:
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self._path)
            with self._lock:
                self._open.add(connection)
        return connection


def _connect(path: Path) -> _Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=_Connection
    )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA journal_size_limit=67108864")
    return connection


def _create(path: Path) -> None:
    """Make the file under another name and link it into place: of several that start at once, one wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    connection = _connect(draft)
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
    connection.close()  # the last connection moves the log into the file, flushes it and removes the log
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    sync_directory(path.parent)
