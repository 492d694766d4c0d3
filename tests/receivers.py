"""Ends of outgoing calls on loopback that answer by a script: whole, late, cut, or without end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Script = Callable[[socket.socket], None]


@dataclass
class Receiver:
    """What has come so far: `connections` and the `requests` that were heard whole."""

    host: str
    port: int
    scheme: str
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/hook"


@contextmanager
def receiver(
    answer: bytes | Script, *, host: str = "127.0.0.1", listens: bool = True, certificate: Path | None = None
) -> Iterator[Receiver]:
    """A running one; answers each connection, one after the other, with these bytes or by this script, then closes it.

    listens: hear the request first. certificate: a file with a certificate and its key, for TLS.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=128) as listener:
        served = Receiver(host, listener.getsockname()[1], "https" if certificate else "http")
        thread = threading.Thread(target=_serve, args=(listener, served, answer, listens, certificate), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.ended.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            thread.join()


def _serve(
    listener: socket.socket, served: Receiver, answer: bytes | Script, listens: bool, certificate: Path | None
) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            served.connections += 1
            with suppress(OSError), connection:
                connection.settimeout(5)
                if certificate is None:
                    _answer(connection, served, answer, listens)
                    continue
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                with context.wrap_socket(connection, server_side=True) as secured:
                    _answer(secured, served, answer, listens)


def _answer(connection: socket.socket, served: Receiver, answer: bytes | Script, listens: bool) -> None:
    if listens:
        request = heard(connection)
        if request is None:
            return
        served.requests.append(request)
    if isinstance(answer, bytes):
        connection.sendall(answer)
    else:
        answer(connection)


def heard(connection: socket.socket) -> bytes | None:
    """One whole request; None: the other end went away before."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65_536)
        if not more:
            return None
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        more = connection.recv(65_536)
        if not more:
            return None
        body += more
    return head + b"\r\n\r\n" + body


def dripping(begins: bytes, drop: bytes = b"x", seconds: float = 0.05) -> Script:
    """Sends `begins`, then a drop now and then, until the other end goes."""

    def script(connection: socket.socket) -> None:
        connection.sendall(begins)
        while True:
            time.sleep(seconds)
            connection.sendall(drop)

    return script


def endless(begins: bytes, more: bytes) -> Script:
    """Sends `begins`, then `more` over and over, as fast as it goes, until the other end goes."""

    def script(connection: socket.socket) -> None:
        connection.sendall(begins)
        while True:
            connection.sendall(more)

    return script


def silent(connection: socket.socket) -> None:
    """Keeps the connection and says nothing, until the other end goes."""
    while connection.recv(65_536):
        pass
