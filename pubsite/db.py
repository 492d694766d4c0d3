"""Engines, sessions and transactions, on SQLite and PostgreSQL. The only user of zope.sqlalchemy.

A request's session joins pyramid_tm's transaction; workers and commands use `Database.transaction()`. SQLite writers
take their lock at BEGIN (IMMEDIATE), so that a read followed by a write cannot fail half-way; readers never wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from transaction.interfaces import TransientError

BUSY_SECONDS = 10
IDLE_SECONDS = 60
# Names of routes whose requests change nothing, whatever their method.
READS_ONLY: set[str] = set()
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# PostgreSQL: serialization failure, deadlock, lock not available.
_RETRY_STATES = ("40001", "40P01", "55P03")


class DatabaseBusy(TransientError):
    """Somebody else's transaction stood in the way: try the whole transaction again."""


class Database:
    """The engine of one process and the sessions made from it."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # One state for all statements of a reader: what a build collects must belong together.
        one_state = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        is_sqlite = self.engine.dialect.name == "sqlite"
        reader = self.engine.execution_options(**({"sqlite_begin": "DEFERRED"} if is_sqlite else one_state))
        self._writers = sessionmaker(self.engine, autoflush=False)
        self._readers = sessionmaker(reader, autoflush=False)
        self._wake_ups: list[Callable[[], None]] = []

    def session(self, *, read_only: bool = False) -> Session:
        """A new session; its owner commits. After its commit, new jobs wake the workers of this process."""
        session = (self._readers if read_only else self._writers)()
        event.listen(session, "after_commit", self._wake)
        return session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction for workers and commands: committed at the end, rolled back by any exception."""
        with self.session() as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads: it sees a single state, and stands in nobody's way."""
        with self.session(read_only=True) as session, session.begin():
            yield session

    def on_new_jobs(self, wake_up: Callable[[], None]) -> None:
        """Call `wake_up` after each commit that made work due."""
        self._wake_ups.append(wake_up)

    def close(self) -> None:
        self.engine.dispose()

    def _wake(self, session: Session) -> None:
        if session.info.get("jobs_due") and not session.in_nested_transaction():
            for wake_up in self._wake_ups:
                wake_up()


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _end_sqlite)
    else:
        engine = create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True, pool_timeout=BUSY_SECONDS)
        event.listen(engine, "connect", _prepare_postgresql)
    event.listen(engine, "handle_error", _tell_busy)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, in _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(connection: DBAPIConnection, record: object) -> None:
    """A process that is frozen within a transaction loses it, and with it the rows that it has locked."""
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}")
    cursor.close()
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _end_sqlite(connection: DBAPIConnection | None, record: object) -> None:
    """A COMMIT that failed (on a full disk) leaves its transaction open, and with it the lock that writers wait for."""
    if connection is not None and connection.in_transaction:
        connection.rollback()


def _tell_busy(context: ExceptionContext) -> None:
    error: Any = context.original_exception
    busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY_CODES
    if busy or getattr(error, "sqlstate", None) in _RETRY_STATES:
        raise DatabaseBusy("the database is busy") from error


def _request_session(request: Request) -> Session:
    """`request.db`: a session in the request's transaction, closed by it; a reader's for GET and HEAD."""
    route = request.matched_route
    read_only = request.method in ("GET", "HEAD") or (route is not None and route.name in READS_ONLY)
    session: Session = request.registry.database.session(read_only=read_only)
    zope.sqlalchemy.register(session, transaction_manager=request.tm)
    return session


def includeme(config: Configurator) -> None:
    config.add_request_method(_request_session, "db", reify=True)
