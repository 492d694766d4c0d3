"""The setting `outgoing_allow`: checked at the start, and in force in the server's one client for calls to others."""

from __future__ import annotations

from pathlib import Path

import pytest

import pubsite
from pubsite.app import make_outgoing
from pubsite.errors import SettingsError
from pubsite.outgoing import Refused
from pubsite.settings import Settings
from tests.receivers import receiver


def test_a_wrong_entry_stops_the_start(tmp_path: Path) -> None:
    ini = {
        "pubsite.development": "true",
        "pubsite.data_dir": str(tmp_path / "data"),
        "pubsite.outgoing_allow": "localhost 10.0.0.1/8",
    }
    with pytest.raises(SettingsError, match=r"outgoing_allow: '10\.0\.0\.1/8'"):
        pubsite.main({}, **ini)


def test_what_is_allowed_is_reached_and_the_rest_is_not() -> None:
    client = make_outgoing(Settings(outgoing_allow=("localhost", "127.0.0.0/8")))
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as served:
        assert client.send("GET", served.url).status == 204
        with pytest.raises(Refused):
            client.send("GET", f"http://[::1]:{served.port}/")
        assert served.connections == 1
