"""Migrations: they make what the models say, once however many start, and nothing starts on what they do not know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from pubsite import migrations
from pubsite.db import Database
from pubsite.errors import SettingsError
from pubsite.models import Base
from pubsite.signing import Keys


def test_migrations_make_what_the_models_say(empty_url: str) -> None:
    database = Database(empty_url)
    migrations.upgrade(database.engine)
    migrations.check(database.engine)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        if database.engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def test_partial_indices_of_the_models_are_there(empty_url: str) -> None:
    """Alembic compares neither their conditions: what they hold is tried."""
    database = Database(empty_url)
    migrations.upgrade(database.engine)
    with database.engine.connect() as connection:
        unique = {
            index["name"]: index
            for table in ("deployments", "jobs")
            for index in inspect(connection).get_indexes(table)
            if index["unique"]
        }
    for name, column in (("uq_deployments_live", "target"), ("uq_jobs_lane_claimed", "lane")):
        assert column in unique[name]["column_names"]
        dialect = database.engine.dialect.name
        assert str(unique[name]["dialect_options"][f"{dialect}_where"])
    database.close()


def test_the_newest_file_is_the_revision_that_the_code_wants() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [migrations.HEAD]


def test_upgrades_at_once_migrate_one_after_the_other(empty_url: str) -> None:
    upgrade = (
        "import sys; from pubsite import migrations; from pubsite.db import Database\n"
        "database = Database(sys.argv[1]); migrations.upgrade(database.engine); database.close()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", upgrade, empty_url]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    database = Database(empty_url)
    migrations.check(database.engine)
    database.close()


def test_an_upgrade_of_the_newest_changes_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    for _ in range(2):
        migrations.upgrade(database.engine)
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    database.close()


@pytest.mark.parametrize("revision", [None, "9999"])
def test_a_database_at_another_revision_is_refused_with_what_to_run(empty_url: str, revision: str | None) -> None:
    database = Database(empty_url)
    if revision:
        set_revision(database, revision)
    with pytest.raises(SettingsError) as caught:
        migrations.check(database.engine)
    database.close()
    assert f"is at revision {revision or 'none'}, this pubsite needs {migrations.HEAD}" in caught.value.message
    assert "run `pubsite migrate`" in caught.value.message


@pytest.mark.parametrize("development", ["false", "true"])
def test_a_database_at_an_unknown_revision_stops_the_start(empty_url: str, tmp_path: Path, development: str) -> None:
    database = Database(empty_url)
    set_revision(database, "9999")
    database.close()
    Keys.create(tmp_path)
    ini = {"sqlalchemy.url": empty_url, "pubsite.data_dir": str(tmp_path), "pubsite.sites_domain": "sites.example"}
    start = f"import pubsite; pubsite.main({{}}, **{ {**ini, 'pubsite.development': development}!r})"
    ended = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "9999" in ended.stderr.splitlines()[-1]


def set_revision(database: Database, revision: str) -> None:
    migrations.upgrade(database.engine)
    with database.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
