"""Runs Alembic on the engine that `pubsite.migrations` hands over.

Foreign keys are off while SQLite's tables are copied: with them on, dropping the old table deletes every child row.
PostgreSQL takes an advisory lock, so that two servers that start at once migrate one after the other.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine, text

from pubsite.models import Base

ADVISORY_LOCK = 0x70756273  # "pubs"


def run(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        # IMMEDIATE: a second process waits here, and then finds nothing to do.
        with engine.connect() as connection:
            _foreign_keys(connection, on=False)
            with connection.begin():
                _migrate(connection)
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                    raise RuntimeError(f"the migration left rows without parents: {broken[:5]}")
            _foreign_keys(connection, on=True)
        return
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '30s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=False,  # the transaction is ours, and holds all revisions
    )
    context.run_migrations()


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    # The pragma does nothing inside a transaction: it goes past SQLAlchemy's, to the connection itself.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


run(context.config.attributes["engine"])
