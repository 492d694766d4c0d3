"""The keys that seal secrets of destinations, changed from the command line while their secrets stay usable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pubsite.cli import main
from pubsite.models import Destination
from tests.conftest import Server, Tenant, new_tenant, running_server
from tests.doubles.http import serving
from tests.doubles.receiver import Receiver
from tests.planted import WATCH, WEBHOOKS

BASE = "/api/v1/publisher"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server of a folder's ini, for commands beside it."""
    folder = tmp_path_factory.mktemp("keys")
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(folder / "data")}
    settings = "\n".join(f"{name} = {value}" for name, value in ini.items())
    (folder / "development.ini").write_text(f"[app:main]\nuse = egg:pubsite\n{settings}\n")
    for server in running_server(ini):
        yield server, folder / "development.ini"


class Shell:
    def __init__(self, ini: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.ini, self._capsys = ini, capsys
        self.out = self.err = ""

    def __call__(self, *words: str, code: int = 0) -> Any:
        self._capsys.readouterr()
        found = main(["-c", str(self.ini), *words, "--json"])
        self.out, self.err = self._capsys.readouterr()
        assert found == code, self.err
        for text in (self.out, self.err):
            WATCH.look(text.encode(), " ".join(words))
        return json.loads(self.out)


@pytest.fixture
def shell(running: tuple[Server, Path], capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(running[1], capsys)


@pytest.fixture
def end() -> Iterator[str]:
    with serving(Receiver(WEBHOOKS[2])) as url:
        yield url


def made(tenant: Tenant, url: str) -> str:
    body = {"name": "Hook", "type": "webhook", "base_url": url, "secret": WEBHOOKS[2], "config": {}}
    about = {**body, "publisher_id": str(tenant.publisher.id)}
    return str(tenant.client.post(f"{BASE}/destinations/", about, status=201).json["data"]["id"])


def asked_there(tenant: Tenant, destination: str) -> dict[str, Any]:
    return dict(tenant.client.post(f"{BASE}/destinations/{destination}/test/", status=200).json["data"])


def sealed(server: Server) -> list[str]:
    with server.database.reading() as db:
        return [text or "" for text in db.scalars(select(Destination.sealed_secret))]


def test_a_new_key_seals_all_anew_and_the_old_one_can_go(running: tuple[Server, Path], shell: Shell, end: str) -> None:
    server, tenant = running[0], new_tenant(running[0])
    destination = made(tenant, end)
    (before,) = [key["fingerprint"] for key in shell("key", "list", "--secrets")]
    tokens = shell("key", "list")
    assert all(f".{before}." in text for text in sealed(server))
    new, old = [key["fingerprint"] for key in shell("key", "rotate", "--secrets")]
    assert old == before
    assert "1" in shell.err
    assert all(f".{new}." in text for text in sealed(server))
    assert asked_there(tenant, destination)["ok"] is True
    shell("key", "drop", new, "--secrets", code=5)  # the one in use
    shell("key", "drop", "nothing", "--secrets", code=4)
    assert [key["fingerprint"] for key in shell("key", "drop", old, "--secrets")] == [new]
    assert asked_there(tenant, destination)["ok"] is True
    assert shell("key", "list") == tokens


def test_what_a_dropped_key_alone_has_sealed_is_lost_until_it_is_given_again(
    running: tuple[Server, Path], shell: Shell, end: str
) -> None:
    server, tenant = running[0], new_tenant(running[0])
    destination = made(tenant, end)
    (kept,) = sealed(server)[-1:]
    shell("key", "rotate", "--secrets")
    with server.database.transaction() as db:  # as a backup of the database of before would have it
        for row in db.scalars(select(Destination).where(Destination.publisher_id == tenant.publisher.id)):
            row.sealed_secret = kept
    (old,) = [key["fingerprint"] for key in shell("key", "list", "--secrets")][1:]
    assert asked_there(tenant, destination)["ok"] is True
    shell("key", "drop", old, "--secrets")
    found = asked_there(tenant, destination)
    assert (found["ok"], found["error_code"]) == (False, "secret_lost")
    at = f"{BASE}/destinations/{destination}/"
    shown = tenant.client.get(at).json["data"]
    assert (shown["health"], shown["has_secret"]) == ("secret_lost", True)
    assert tenant.client.post(f"{at}rotate-secret/", {}).status_int == 200
    assert tenant.client.patch(at, {"secret": WEBHOOKS[2]}).json["data"]["health"] == "unknown"
    assert asked_there(tenant, destination)["ok"] is True
