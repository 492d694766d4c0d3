"""Databases without a server: migrated ones for the services, empty ones for the migrations."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from pubsite import migrations
from pubsite.db import Database

KINDS = ["sqlite", "postgresql"]


@contextmanager
def new_database(kind: str, directory: Path) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'test.sqlite'}"
        return
    server = os.environ.get("PUBSITE_TEST_POSTGRES")
    if not server:
        pytest.skip("PUBSITE_TEST_POSTGRES is not set: no PostgreSQL to test on")
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


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database for all tests of a module."""
    with new_database(request.param, tmp_path_factory.mktemp("database")) as url:
        made = Database(url)
        migrations.upgrade(made.engine)
        yield made
        made.close()
