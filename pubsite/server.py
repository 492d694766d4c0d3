"""The server of `[server:main]`: waitress, with limits that hold and an end that finishes what it has begun.

Owns the sockets, the limits of the wire and the answers to what is no HTTP. Knows nothing of the app but that it is a
WSGI callable that may have `close()`. Values are never taken from `[DEFAULT]`, where they would win over the command
line: `http_port` comes from `global_conf`, everything else from the section itself.
"""

from __future__ import annotations

import gc
import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer

from pubsite.errors import SettingsError
from pubsite.wire import Channel

DEFAULTS: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "port": 6543,
    "ident": "pubsite",
    "threads": 8,
    "asyncore_use_poll": True,  # select() ends at 1,024 descriptors
    "connection_limit": 1000,
    "channel_timeout": 30,
    "cleanup_interval": 10,
    # Above the app's own limit (64 MiB), so that the app answers its 413 itself, in its own form.
    "max_request_body_size": 68_157_440,
    "max_request_header_size": 65_536,
}
DRAIN_SECONDS = 10.0
GC_ALLOCATIONS = 50_000  # a body of 1 MB can be 500,000 arrays: looking for cycles at every 700 costs most of a second
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def serve_paste(global_conf: Mapping[str, str] | None, **section: str) -> Callable[[Any], None]:
    """The server factory: returns what serves a WSGI app until SIGTERM or SIGINT, then closes it.

    section: waitress's arguments by their names, and `announce = true`, which prints `ready http://HOST:PORT` on
    stdout once the app answers. Raises SettingsError when a port is none.
    """
    announce = section.pop("announce", "false").strip().lower() == "true"
    options = server_options(global_conf or {}, section)
    return lambda app: serve(app, options, announce=announce)


def server_options(global_conf: Mapping[str, str], section: Mapping[str, str]) -> dict[str, Any]:
    """Waitress's arguments: `http_port` of the command line, then the section, then DEFAULTS."""
    options = {**DEFAULTS, **section}
    if port := global_conf.get("http_port"):
        options["port"] = port
        options.pop("listen", None)
    if "listen" in options:
        del options["host"], options["port"]
    elif not str(options["port"]).isdecimal() or not 0 <= int(options["port"]) <= 65_535:
        raise SettingsError(f"http_port must be a number from 0 to 65535, not {options['port']!r}")
    return options


def serve(app: Any, options: Mapping[str, Any], *, announce: bool = False) -> None:
    """Serve `app` until a signal asks for the end; requests under way get DRAIN_SECONDS to finish."""
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    sockets: dict[int, Any] = {}
    dispatcher = create_server(app, map=sockets, **options).task_dispatcher
    listeners = [item for item in sockets.values() if isinstance(item, BaseWSGIServer)]
    for listener in listeners:
        listener.channel_class = Channel
    stopping = threading.Event()
    try:
        with _stop_signals(stopping, listeners[0].pull_trigger):
            if announce:
                address = (listeners[0].effective_host, int(listeners[0].effective_port), stopping)
                threading.Thread(target=_announce, args=address, daemon=True).start()
            while not stopping.is_set():
                wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
            _drain(listeners, sockets)
    finally:
        dispatcher.shutdown(timeout=1)
        wasyncore.close_all(sockets, ignore_all=True)
        if (close := getattr(app, "close", None)) is not None:
            close()


@contextmanager
def _stop_signals(stopping: threading.Event, wake: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT set `stopping`; the second one ends the process as it always did."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGTERM else signal.default_int_handler)
        stopping.set()
        wake()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(host: str, port: int, stopping: threading.Event) -> None:
    shown = "localhost" if host in ("127.0.0.1", "::1", *ANYWHERE) else host
    while not stopping.wait(0.05):
        connection = http.client.HTTPConnection(ANYWHERE.get(host, host), port, timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": f"{shown}:{port}"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
        if status < 500:
            print(f"ready http://{shown}:{port}", flush=True)
            return


def _drain(listeners: list[Any], sockets: dict[int, Any]) -> None:
    """Accept nothing more, and go on until every request under way has its answer."""
    for listener in listeners:
        wasyncore.dispatcher.close(listener)  # its own close() would take the trigger from the threads at work
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        channels = [channel for listener in listeners for channel in listener.active_channels.values()]
        if not any(channel.requests or channel.total_outbufs_len for channel in channels):
            return
        wasyncore.loop(timeout=0.05, use_poll=True, map=sockets, count=1)
