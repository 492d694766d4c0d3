"""The schema's history, by Alembic. `upgrade` brings a database to the newest revision; `check` refuses any other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from pubsite.errors import SettingsError


def upgrade(engine: Engine) -> None:
    """Apply every missing revision, each database at most once at a time."""
    command.upgrade(_config(engine), "head")


def check(engine: Engine) -> None:
    """Raise SettingsError unless the database is at the revision that this code was written for."""
    expected = ScriptDirectory.from_config(_config(engine)).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != expected:
        raise SettingsError(
            f"the database is at revision {found or 'none'}, this pubsite needs {expected}: "
            "run `pubsite migrate` (or the pubsite that made the database)"
        )


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config
