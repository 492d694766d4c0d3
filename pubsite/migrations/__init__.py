"""The schema's history, by Alembic. `upgrade` brings a database to the newest revision; `check` refuses any other.

Alembic is loaded only when there is something to migrate: it takes as long to import as all the rest of the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from pubsite.errors import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"  # the newest file in versions/


def upgrade(engine: Engine) -> None:
    """Apply every missing revision, each database at most once at a time."""
    if revision(engine) == HEAD:
        return
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_config(engine), "head")
    except CommandError:  # a revision of a newer pubsite: `check` tells
        check(engine)
        raise


def check(engine: Engine) -> None:
    """Raise SettingsError unless the database is at the revision that this code was written for."""
    found = revision(engine)
    if found != HEAD:
        raise SettingsError(
            f"the database is at revision {found or 'none'}, this pubsite needs {HEAD}: "
            "run `pubsite migrate` (or the pubsite that made the database)"
        )


def revision(engine: Engine) -> str | None:
    """The revision that a database is at; None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def _config(engine: Engine) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config
