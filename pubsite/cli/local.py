"""This machine's server, without its socket: the ini's settings, the database, and the app behind a WSGI transport."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import plaster
from plaster_pastedeploy import Loader  # type: ignore[import-untyped]  # ships no types

from pubsite.errors import NotFound, SettingsError
from pubsite.settings import Settings, load

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from pubsite.db import Database

DEFAULT_INI = "development.ini"
DEFAULT_PORT = 6543
SCOPES = ("read", "write", "deploy", "admin")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """What `pserve INI` would serve: its settings, and the texts that they were made from."""

    global_config: Mapping[str, str]
    ini: Mapping[str, str]
    settings: Settings
    port: int

    @property
    def url(self) -> str:
        """Where the API answers; in process it decides the scheme and port of the URLs that answers name."""
        hosts = self.settings.api_hosts
        host = "localhost" if "localhost" in hosts or not hosts else hosts[0]
        scheme, port = self.settings.sites_scheme, self.settings.sites_port
        if scheme:  # a proxy stands in front
            return f"{scheme}://{host}" + (f":{port}" if port else "")
        return f"http://{host}:{self.port}"

    def setup_logging(self) -> None:
        """Log as the ini says; without a word about it there, only warnings are shown."""
        loader = _loader(self.global_config["__file__"])
        if "loggers" in loader.get_sections():
            loader.setup_logging(dict(self.global_config))

    def init(self) -> None:
        """Make what is missing of the data folder: keys, database, schema."""
        from pubsite.signing import Keys

        Path(self.settings.data_dir).mkdir(parents=True, exist_ok=True)
        Keys.create(self.settings.data_dir)
        self.migrate()

    def migrate(self) -> None:
        from pubsite import migrations
        from pubsite.db import Database

        database = Database(self.settings.database_url)
        try:
            migrations.upgrade(database.engine)
        finally:
            database.close()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database, whose schema must be this pubsite's; in development it is made so."""
        from pubsite import migrations
        from pubsite.db import Database

        if self.settings.development:
            self.init()
        database = Database(self.settings.database_url)
        try:
            migrations.check(database.engine)
            yield database
        finally:
            database.close()

    @contextmanager
    def http(self, token: str, *, work: bool = False) -> Iterator[httpx.Client]:
        """A client of the app in this process, signed in with a token; `work`: with its worker running.

        Leases keep that worker and those of a server on the same data out of each other's way.
        """
        import pubsite

        # The app starts its worker when it is served, which here it is.
        served = {"__script__": "pserve", "worker": "embedded"} if work else {}
        app = pubsite.main({**self.global_config, **served}, **self.ini)
        transport = httpx.WSGITransport(app=app)
        headers = {"Authorization": f"Bearer {token}"}
        with closing(app), httpx.Client(transport=transport, base_url=self.url, headers=headers) as client:
            yield client

    def issue_token(
        self, account: str | None, publisher: str | None, *, scopes: tuple[str, ...] = SCOPES, lifetime: timedelta
    ) -> tuple[str, datetime]:
        """A token and when it expires, for `account` (name or id), else for the first Owner of `publisher`."""
        from pubsite.signing import Keys

        with self.database() as database, database.reading() as db:
            account_id = _identity(db, account, publisher)
        return Keys.load(self.settings.data_dir).issue_token(account_id, scopes=scopes, lifetime=lifetime)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker at work in this process, until the context ends."""
        from pubsite.app import make_outside
        from pubsite.build.pool import RendererPool
        from pubsite.storage import open_storage
        from pubsite.worker import Worker

        settings = self.settings
        pool = RendererPool(settings.render_processes, settings.render_seconds, settings.render_memory)
        with self.database() as database, closing(open_storage(settings.data_dir)) as storage, closing(pool):
            worker = Worker(settings, database, storage, pool, make_outside(settings, self.global_config))
            worker.start()
            try:
                yield
            finally:
                worker.stop()


def local_server(config: str | None, overrides: Mapping[str, str]) -> LocalServer:
    """The server of an ini file; raises SettingsError when there is none, or it is wrong.

    config: the file's path; None: `development.ini` here. overrides: `data_dir` and others, as behind pserve's ini.
    """
    path = Path(config or DEFAULT_INI)
    if not path.is_file():
        hint = "name it with -c FILE or PUBSITE_CONFIG, or another server with --server URL"
        raise SettingsError(f"no configuration file {str(path)!r}: {hint}")
    loader = _loader(str(path.absolute()))
    defaults = {"__file__": str(path.absolute()), "here": str(path.absolute().parent), **overrides}
    try:
        ini = dict(loader.get_settings(_app_section(loader), defaults))
        server = dict(loader.get_settings("server:main", defaults))
    except Exception as error:  # configparser's and plaster's errors have no common base
        raise SettingsError(f"{path}: {error}") from error
    settings = load(ini, command_line=overrides)
    return LocalServer(defaults, ini, settings, _port(settings, server, overrides))


def _loader(path: str) -> Loader:
    """Plaster's loader of ini files; asking for it by its entry point would read the metadata of every package."""
    return Loader(plaster.parse_uri(path))


def _app_section(loader: Any) -> str:
    sections = [section for section in loader.get_sections() if section.startswith("app:")]
    if not sections:
        raise SettingsError("no section [app:main]")
    return "app:main" if "app:main" in sections else str(sections[0])


def _port(settings: Settings, server: Mapping[str, str], overrides: Mapping[str, str]) -> int:
    """The port that pserve would take, unless site URLs are set to another."""
    listen = server.get("listen", "").split(" ")[0].rpartition(":")[2]
    for text in (overrides.get("http_port", ""), str(settings.sites_port or ""), listen, server.get("port", "")):
        if text.isdecimal():
            return int(text)
    return DEFAULT_PORT


def _identity(db: Session, account: str | None, publisher: str | None) -> UUID:
    from pubsite.services import accounts, members, publishers

    if account is not None:
        return accounts.find(db, account).id
    if publisher is None:
        raise SettingsError("who are you here? Name an account with --as ACCOUNT or PUBSITE_ACCOUNT")
    try:
        return members.first_owner(db, publishers.find(db, publisher)).id
    except NotFound as error:
        hint = f"`pubsite publisher create {publisher} --owner ACCOUNT` makes one; --as ACCOUNT acts as somebody"
        raise NotFound(f"publisher {publisher}: {error.message}; {hint}") from error
