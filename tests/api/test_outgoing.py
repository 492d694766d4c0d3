"""The server's one client for calls to others: made of the setting `outgoing_allow`, which is checked at the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pubsite
from pubsite.errors import SettingsError
from pubsite.outgoing import Client, Refused
from tests.conftest import Server, running_server
from tests.receivers import receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from running_server(
        {
            "pubsite.development": "true",
            "pubsite.data_dir": str(tmp_path / "data"),
            "pubsite.outgoing_allow": "localhost, 127.0.0.0/8",
        }
    )


def test_a_wrong_entry_stops_the_start(tmp_path: Path) -> None:
    ini = {
        "pubsite.development": "true",
        "pubsite.data_dir": str(tmp_path / "data"),
        "pubsite.outgoing_allow": "localhost 10.0.0.1/8",
    }
    with pytest.raises(SettingsError, match=r"outgoing_allow: '10\.0\.0\.1/8'"):
        pubsite.main({}, **ini)


def test_what_is_allowed_is_reached_and_the_rest_is_not(server: Server) -> None:
    client = server.app.api.registry.outgoing
    assert isinstance(client, Client)
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as served:
        assert client.send("GET", served.url).status == 204
        with pytest.raises(Refused):
            client.send("GET", f"http://[::1]:{served.port}/")
        assert served.connections == 1
