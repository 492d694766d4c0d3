"""PostgreSQL databases for tests, on the server of PUBSITE_TEST_POSTGRES."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url

VARIABLE = "PUBSITE_TEST_POSTGRES"


def require_postgresql() -> None:
    """Skip where there is no server."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} is not set: no PostgreSQL to test on")


@contextmanager
def new_postgresql() -> Iterator[str]:
    """The URL of a new, empty database; dropped afterwards."""
    server = os.environ[VARIABLE]
    name = f"pubsite_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()
