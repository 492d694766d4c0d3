"""Servers to test against: the whole app on SQLite and on PostgreSQL, with a worker, one of each for all tests.

Every test makes its own publisher, so that tests need no clean database and do not see each other.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

import pubsite
from pubsite.db import Database
from pubsite.models import Account, Publisher, Role
from pubsite.services import accounts, members, publishers
from pubsite.settings import Settings, load
from pubsite.signing import SCOPES, Keys
from pubsite.storage import Storage, open_storage
from tests.databases import new_postgresql, require_postgresql
from tests.planted import WATCH, Watched
from tests.throttling import LIFTED

API_HOST = "localhost:6543"


@dataclass
class Server:
    """A running pubsite: its app, and doors to what is behind it."""

    app: Watched
    settings: Settings
    database: Database
    storage: Storage
    keys: Keys

    def browser(self, host: str) -> TestApp:
        """A visitor of a live site."""
        return TestApp(self.app, extra_environ={"HTTP_HOST": host})

    def client(self, account: Account | None = None, *, scopes: tuple[str, ...] = SCOPES) -> Client:
        """A client of the API, signed in as the account."""
        headers = {}
        if account is not None:
            token, _ = self.keys.issue_token(account.id, scopes=scopes, lifetime=timedelta(hours=1))
            headers["Authorization"] = f"Bearer {token}"
        return Client(TestApp(self.app, extra_environ={"HTTP_HOST": API_HOST}), headers)

    def account(self, *, is_staff: bool = False) -> Account:
        with self.database.transaction() as db:
            account = accounts.create(db, name=f"account-{uuid.uuid4().hex[:12]}", is_staff=is_staff)
            db.flush()
            db.expunge(account)
        return account


@dataclass
class Client:
    """WebTest with a token in every request; `status="*"` unless a test says what it expects."""

    app: TestApp
    headers: dict[str, str]

    def get(self, path: str, status: int | str = 200, **headers: str) -> TestResponse:
        return self.app.get(path, headers={**self.headers, **headers}, status=status)

    def delete(self, path: str, status: int | str = "*", **headers: str) -> TestResponse:
        return self.app.delete(path, headers={**self.headers, **headers}, status=status)

    def post(self, path: str, body: Any = None, status: int | str = "*", **headers: str) -> TestResponse:
        return self.app.post_json(
            path, {} if body is None else body, headers={**self.headers, **headers}, status=status
        )

    def patch(self, path: str, body: Any, status: int | str = "*", **headers: str) -> TestResponse:
        return self.app.patch_json(path, body, headers={**self.headers, **headers}, status=status)

    def put(self, path: str, body: Any, status: int | str = "*", **headers: str) -> TestResponse:
        return self.app.put_json(path, body, headers={**self.headers, **headers}, status=status)

    def put_bytes(self, path: str, body: bytes, status: int | str = "*", **headers: str) -> TestResponse:
        sent = {"Content-Type": "application/octet-stream", **self.headers, **headers}
        return self.app.put(path, body, headers=sent, status=status)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> TestResponse:
        """Any request, byte for byte; JSON unless a header says otherwise."""
        sent = {"Content-Type": "application/json", "Host": API_HOST, **self.headers, **headers}
        return self.app.request(path, method=method, body=body, headers=sent, status="*")

    def upload(self, path: str, file_path: str, body: bytes, status: int | str = "*") -> TestResponse:
        files = [("file", file_path.rpartition("/")[2], body)]
        return self.app.post(path, {"filePath": file_path}, upload_files=files, headers=self.headers, status=status)


@dataclass
class Tenant:
    """A publisher of one test, its Owner, and the Owner's client."""

    server: Server
    publisher: Publisher
    owner: Account
    client: Client

    @property
    def name(self) -> str:
        return self.publisher.name

    def member(self, role: Role) -> Client:
        """The client of a new member."""
        account = self.server.account()
        with self.server.database.transaction() as db:
            members.add(db, self.publisher, account, role)
        return self.server.client(account)

    def site(self, slug: str = "site", mode: str = "FullyManaged", **fields: Any) -> dict[str, Any]:
        body = {"slug": slug, "name": slug.title(), "mode": mode, **fields}
        return self.client.post(f"/api/sites/{self.name}", body, status=200).json

    def page(self, slug: str, path: str, content: str, **config: Any) -> dict[str, Any]:
        body = {"path": path, "config": {"content": content, **config}}
        return self.client.post(f"/api/sites/{self.name}/{slug}/pages", body, status=200).json

    def deploy(self, site_id: str, **body: Any) -> dict[str, Any]:
        """The deployment record once it has ended."""
        asked = {"site_id": site_id, **body}
        response = self.client.post("/api/v1/publisher/deployments/", asked, Prefer="wait=30")
        assert response.status_code in (200, 202), response.text
        return response.json["data"]

    def visitor(self, site: dict[str, Any]) -> TestApp:
        return self.server.browser(f"{site['host_label']}.localhost:6543")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running server of each database for all tests of this process."""
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(tmp_path_factory.mktemp("data"))}
    if request.param == "postgresql":
        ini["sqlalchemy.url"] = request.getfixturevalue("postgresql_url")
    yield from running_server(ini)


def running_server(ini: dict[str, str]) -> Iterator[Server]:
    """A server with its worker, ended afterwards."""
    # The other ends of tests' deliveries are on loopback; tests/api/test_inner_addresses.py has a server without this.
    ini = {**LIFTED, "pubsite.render_processes": "1", "pubsite.outgoing_allow": "127.0.0.1", **ini}
    app = pubsite.main({"__script__": "pserve"}, **ini)
    settings = load(ini, environ={})
    database, storage = Database(settings.database_url), open_storage(settings.data_dir)
    yield Server(WATCH.responses(app), settings, database, storage, Keys.load(settings.data_dir))
    app.close()
    WATCH.rows(database.engine)
    WATCH.objects(storage)
    WATCH.files(Path(settings.data_dir))  # while SQLite's log lies there too
    database.close()
    storage.close()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A database of this process's own, dropped afterwards."""
    require_postgresql()
    with new_postgresql() as url:
        yield url


@pytest.fixture
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


def new_tenant(server: Server) -> Tenant:
    """A new publisher with an Owner."""
    owner = server.account()
    with server.database.transaction() as db:
        publisher = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=owner)
        db.flush()
        db.refresh(publisher)
        db.expunge(publisher)
    return Tenant(server, publisher, owner, server.client(owner))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session", autouse=True)
def _watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every log record, and what tests leave in their folders, is searched for planted secrets."""
    handler = WATCH.logs()
    logging.getLogger().addHandler(handler)
    logging.getLogger("pubsite").setLevel(logging.INFO)  # as the ini files have it
    yield
    logging.getLogger().removeHandler(handler)
    WATCH.files(tmp_path_factory.getbasetemp())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """A test that told a planted secret fails; the last one also for what is found in all that was kept."""
    yield
    WATCH.check()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each reason of skipping, and how many tests it left out."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")
