"""The API in this process, called without sockets; what bench/api.py --wsgi runs, and what to profile:

    python bench/pubsite_calls.py <<<"read 5000"      or "write 5000"; under cProfile, pyinstrument, py-spy

Answers lines `read|write COUNT` on stdin with the CPU microseconds of a call. `--database URL`: not SQLite.
"""

from __future__ import annotations

import argparse
import json
import logging
import logging.config
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import load
from pubsite.app import make_app
from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", default="")
    url = parser.parse_args().database
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        logging.config.fileConfig(ROOT / "development.ini", disable_existing_loggers=False)
        logging.getLogger().handlers[0].setStream(log)  # type: ignore[attr-defined]
        data_dir = Path(folder) / "data"
        ini = {"pubsite.development": "true", "pubsite.data_dir": str(data_dir)}
        with closing(make_app({}, {**ini, **({"sqlalchemy.url": url} if url else {})})) as app:
            token = new_token(data_dir, url)
            load.call_wsgi(app, "POST", "/api/sites/acme", token, 1, json.dumps(new_site(0)).encode())
            load.answer_rounds(app, "/api/sites/acme/site-0", token)


def new_token(data_dir: Path, url: str) -> str:
    """The token of a new account that owns the new publisher `acme`."""
    with closing(Database(url or f"sqlite:///{data_dir / 'pubsite.sqlite'}")) as database, database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        return Keys.load(data_dir).issue_token(account.id, lifetime=timedelta(hours=12))[0]


def new_site(number: int) -> dict[str, object]:
    config = {"title": f"Site {number}", "markdown": {"engine": "markdown"}}
    return {"slug": f"site-{number}", "name": "Site", "config": config}


if __name__ == "__main__":
    main()
