"""One GET of a JSON document over HTTPS, with an end: in bytes, in seconds, and in hops, of which there are none.

`http.client` rather than httpx: it knows no proxies and no redirects, trusts the machine's own certificates (an
issuer may be the company's), and hands out its socket. Only shutting that bounds an answer that drips in byte by byte.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

CONNECT_SECONDS = 3
TOTAL_SECONDS = 5
MOST_BYTES = 262_144


class FetchFailed(Exception):
    """The document cannot be had now; the message says why."""


def fetch_json(url: str, *, seconds: float = TOTAL_SECONDS) -> Any:
    """The document at an http or https URL, which may take `seconds` once connected; raises FetchFailed."""
    parts = urlsplit(url)
    connection = _connection(parts)
    try:
        with socket.create_connection((connection.host, connection.port), CONNECT_SECONDS) as sock:
            sock.settimeout(seconds)
            with _Deadline(sock, seconds):
                return _json(_body(connection, sock, parts))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchFailed(" ".join(f"{type(error).__name__}: {error}".split())[:200]) from error
    finally:
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port)


def _body(connection: http.client.HTTPConnection, sock: socket.socket, parts: SplitResult) -> bytes:
    if parts.scheme == "https":
        sock = ssl.create_default_context().wrap_socket(sock, server_hostname=connection.host)
    connection.sock = sock
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Accept": "application/json, application/jwk-set+json"})
    response = connection.getresponse()
    if response.status != 200:
        raise FetchFailed(f"it answers {response.status}")
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise FetchFailed(f"the answer is over {MOST_BYTES} bytes")
    if response.length:  # of what was announced, so much is missing
        raise FetchFailed("the answer is cut off")
    return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FetchFailed("the answer is not JSON") from error


class _Deadline:
    """Shuts a socket after so many seconds, so that whoever reads from it comes to an end, in the TLS handshake too."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock.dup()  # TLS takes the first one over
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()
        self._timer.join()  # it may be at it
        self._sock.close()

    def _shut(self) -> None:
        with suppress(OSError):  # it has ended already
            self._sock.shutdown(socket.SHUT_RDWR)
