"""The server of `[server:main]`: waitress, with limits that hold and an end that finishes what it has begun.

Owns the sockets, the limits of the wire and the answers to what is no HTTP. Knows nothing of the app but that it is a
WSGI callable that may have `close()`. Values are never taken from `[DEFAULT]`, where they would win over the command
line: `http_port` comes from `global_conf`, everything else from the section itself.
"""

from __future__ import annotations

import gc
import http.client
import logging
import math
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer
from waitress.task import ThreadedTaskDispatcher

from pubsite.errors import SettingsError
from pubsite.wire import Channel
from pubsite.wire.lanes import Lanes
from pubsite.wire.patrol import Patrol

log = logging.getLogger(__name__)
DEFAULTS: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "port": 6543,
    "ident": "pubsite",
    "threads": 8,
    "asyncore_use_poll": True,  # select() ends at 1,024 descriptors
    "backlog": 4096,  # where it is full, who connects tries again after a whole second
    "connection_limit": 2000,  # lowered where the system gives fewer descriptors
    "channel_timeout": 30,
    # Never reached: a thread that has its answer hands it over, and does not wait for a slow reader.
    "outbuf_high_watermark": 1 << 40,
    "outbuf_overflow": 524_288,  # beyond these, what waits for one client lies in a file and not in memory
    "inbuf_overflow": 131_072,
    # Above the app's own limit (64 MiB), so that the app answers its 413 itself, in its own form.
    "max_request_body_size": 68_157_440,
    "max_request_header_size": 65_536,
}
DRAIN_SECONDS = 10.0
DESCRIPTORS = 65_536  # at most; more would only make every child process slow to start
OTHER_DESCRIPTORS = 384  # databases, objects, render processes, and what one turn accepts beyond the limit
ACCEPTED_AT_ONCE = 128
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
    options = {**options, "connection_limit": _connection_limit(options)}
    lanes = Lanes(ThreadedTaskDispatcher(), ThreadedTaskDispatcher(), getattr(app, "is_heavy", lambda path: False))
    lanes.set_thread_count(int(options["threads"]))
    create_server(app, map=sockets, _dispatcher=lanes, **options)
    listeners = [item for item in sockets.values() if isinstance(item, BaseWSGIServer)]
    for listener in listeners:
        listener.channel_class = Channel
        listener.next_channel_cleanup = math.inf  # the patrol's: waitress never closes who does not read
        listener.handle_accept = partial(_accept, listener, listener.handle_accept)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # else a line for each request that waits for a thread
    patrol = _patrol(listeners)
    stopping = threading.Event()
    try:
        with _stop_signals(stopping, listeners[0].pull_trigger):
            if announce:
                address = (listeners[0].effective_host, int(listeners[0].effective_port), stopping)
                threading.Thread(target=_announce, args=address, daemon=True).start()
            while not stopping.is_set():
                wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
                patrol.go(time.monotonic())
            _drain(listeners, sockets)
    finally:
        lanes.shutdown(timeout=1)
        wasyncore.close_all(sockets, ignore_all=True)
        if (close := getattr(app, "close", None)) is not None:
            close()


def _connection_limit(options: Mapping[str, Any]) -> int:
    """As many connections as asked for, or as there can be: each may need a socket and a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    asked, possible = int(options["connection_limit"]), max(16, (descriptors - OTHER_DESCRIPTORS) // 2)
    if possible < asked:
        log.warning("connection_limit is %d instead of %d: %d descriptors are allowed", possible, asked, descriptors)
    return min(asked, possible)


def _patrol(listeners: list[Any]) -> Patrol:
    """Over the connections of all listeners. It makes room before waitress would stop accepting."""
    adj = listeners[0].adj

    def connections() -> list[Any]:
        return list(chain.from_iterable(listener.active_channels.values() for listener in listeners))

    # Each listener and its trigger count as connections too.
    return Patrol(connections, max(1, adj.connection_limit - 2 * len(listeners)), adj.channel_timeout)


def _accept(listener: Any, accept: Callable[[], None]) -> None:
    """Accept what waits: waitress takes one a turn, and a turn over thousands of connections takes its time."""
    for _ in range(ACCEPTED_AT_ONCE):
        before = len(listener.active_channels)
        accept()
        if len(listener.active_channels) == before:
            return


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
