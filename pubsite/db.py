"""Engines, sessions and transactions, on SQLite and PostgreSQL. The only user of zope.sqlalchemy.

A request's session joins pyramid_tm's transaction; workers and commands use `Database.transaction()`. SQLite writers
take their lock at BEGIN (IMMEDIATE), so that a read followed by a write cannot fail half-way; readers never wait.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.orm import Session, sessionmaker
from transaction import TransactionManager
from transaction.interfaces import TransientError
from zope.sqlalchemy.datamanager import ZopeStatus, join_transaction

BUSY_SECONDS = 10
IDLE_SECONDS = 60
# Names of routes whose requests change nothing, whatever their method.
READS_ONLY: set[str] = set()
_TRANSACTIONS = "transactions"
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
        self._writers, self._readers = self._sessions(self.engine), self._sessions(reader)
        # Listeners are set once for all sessions of a request: setting them on each costs more than a query.
        self._request_writers, self._request_readers = self._sessions(self.engine), self._sessions(reader)
        for sessions in (self._request_writers, self._request_readers):
            _InRequest.listen_to(sessions)
        self._wake_ups: list[Callable[[], None]] = []

    def _sessions(self, engine: Engine) -> sessionmaker[Session]:
        sessions = sessionmaker(engine, autoflush=False)
        event.listen(sessions, "after_commit", self._wake)
        return sessions

    def session(self, *, read_only: bool = False) -> Session:
        """A new session; its owner commits. After its commit, new jobs wake the workers of this process."""
        return (self._readers if read_only else self._writers)()

    def session_of_request(self, transactions: TransactionManager, *, read_only: bool) -> Session:
        """A new session that joins the present transaction of `transactions`, which ends it."""
        return (self._request_readers if read_only else self._request_writers)(info={_TRANSACTIONS: transactions})

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


class _InRequest(zope.sqlalchemy.ZopeTransactionEvents):
    """Joins each session to the transaction of its own request: by the manager in its `info`, not by one of its own."""

    EVENTS = (
        *("after_begin", "after_attach", "after_flush", "after_bulk_update", "after_bulk_delete"),
        *("before_commit", "do_orm_execute"),
    )

    @classmethod
    def listen_to(cls, sessions: sessionmaker[Session]) -> None:
        listeners = cls()
        for name in cls.EVENTS:
            event.listen(sessions, name, getattr(listeners, name))

    def after_begin(self, session: Session, transaction: object, connection: object) -> None:
        join_transaction(session, transaction_manager=session.info[_TRANSACTIONS])

    def after_attach(self, session: Session, instance: object) -> None:
        join_transaction(session, transaction_manager=session.info[_TRANSACTIONS])

    # What marks a session as changed finds it joined, and asks for no manager.

    def before_commit(self, session: Session) -> None:
        own = session.info[_TRANSACTIONS].get().status == ZopeStatus.COMMITTING
        assert own or session.in_nested_transaction(), "the request's transaction is pyramid_tm's to commit"


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
    _enter_wal(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _enter_wal(cursor: DBAPICursor) -> None:
    """Two processes that make a database at once: the switch of its mode does not wait, as everything else does."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY_CODES or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


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
    route, database = request.matched_route, request.registry.database
    read_only = request.method in ("GET", "HEAD") or (route is not None and route.name in READS_ONLY)
    session: Session = database.session_of_request(request.tm, read_only=read_only)
    return session


def includeme(config: Configurator) -> None:
    config.add_request_method(_request_session, "db", reify=True)
