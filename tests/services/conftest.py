"""Databases without a server: migrated ones for the services, empty ones for the migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pubsite import migrations
from pubsite.db import Database
from tests.databases import new_postgresql, require_postgresql

KINDS = ["sqlite", "postgresql"]


@contextmanager
def new_database(kind: str, directory: Path) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'test.sqlite'}"
        return
    require_postgresql()
    with new_postgresql() as url:
        yield url


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
