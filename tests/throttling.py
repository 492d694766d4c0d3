"""Throttles for tests: lifted everywhere but where they are what is tested; and the Redis of PUBSITE_TEST_REDIS."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pubsite.api import Service
from pubsite.api.throttling import Throttle, Throttles, Windows
from pubsite.app import make_api
from pubsite.gateway import Gateway

if TYPE_CHECKING:
    from tests.conftest import Server

VARIABLE = "PUBSITE_TEST_REDIS"
# A test makes more requests in a second than an account may in a minute.
LIFTED = {f"pubsite.throttle_{kind}": "0" for kind in Throttle}


def redis_url() -> str:
    """Skips where there is no server."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} is not set: no Redis to test on")
    return os.environ[VARIABLE]


def throttled(server: Server, windows: Windows, *, services: Iterable[Service] = (), **rates: int) -> Server:
    """The server behind an app of its own, with these rates; kinds that are not named have none."""
    registry, settings = server.app.api.registry, server.settings
    config = make_api(settings, registry.database, registry.storage, registry.renderers, {})
    for service in services:
        config.add_cornice_service(service)
    config.registry.throttles = Throttles({kind: rates.get(kind, 0) for kind in Throttle}, windows)
    hosts = {"api_hosts": settings.api_hosts, "sites_domain": settings.sites_domain}
    return replace(server, app=Gateway(config.make_wsgi_app(), server.app.hosting, close=lambda: None, **hosts))


class Wire:
    """The way to a Redis: it can be cut, or fall silent, and be mended."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._ends: list[socket.socket] = []
        self.is_cut = self.is_silent = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        database = self._target.path if self._target.scheme == "redis" else "/0"
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}{database}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            _shut(end)

    def mend(self) -> None:
        """For connections that are made from now on."""
        self.cut()
        self.is_cut = self.is_silent = False

    def close(self) -> None:
        self.cut()
        _shut(self._listener)
        for end in (self._listener, *self._ends):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(near)
            if self.is_cut:
                near.close()
                continue
            far = self._connect()
            self._ends.append(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._target.scheme == "unix":
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target.path)
            return far
        return socket.create_connection((self._target.hostname or "localhost", self._target.port or 6379))

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if not self.is_silent:
                    sink.sendall(data)
        except OSError:
            pass  # cut
        finally:
            _shut(sink)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # the other side may have been quicker
        end.shutdown(socket.SHUT_RDWR)
