"""The client: one request to an end that was checked, one answer; no redirects, cookies, proxies, or second look-ups.

On sockets, since it must know what others hide: which address it talks to, whether a byte of the request has gone out,
and whether the answer is whole.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property

from pubsite.outgoing.addresses import is_public
from pubsite.outgoing.allowed import NOTHING, Allowed
from pubsite.outgoing.answers import Answer, Malformed, read
from pubsite.outgoing.connecting import Connect, Deadline, Resolve, connect, connect_first, resolve, within
from pubsite.outgoing.errors import Cut, Refused, Unreachable
from pubsite.outgoing.requests import render
from pubsite.outgoing.urls import BadUrl, Target, parse

NO_HEADERS: Mapping[str, str] = {}


class Client:
    """Sends requests to public addresses over https, and to what is allowed beside these. Threads may share it."""

    def __init__(
        self,
        allowed: Allowed = NOTHING,
        *,
        connect_seconds: float = 5.0,
        total_seconds: float = 20.0,
        most_bytes: int = 1_048_576,
        resolve: Resolve = resolve,
        connect: Connect = connect,
    ) -> None:
        """connect_seconds: for the look-up, and again for the connection. total_seconds: from there to the last byte.

        most_bytes: of an answer's body, and again of its headers and whatever else is not body.
        """
        self._allowed = allowed
        self._connect_seconds, self._total_seconds, self._most_bytes = connect_seconds, total_seconds, most_bytes
        self._resolve, self._connect = resolve, connect

    def send(self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b"") -> Answer:
        """Send one request; the answer of whatever status, 3xx too.

        Raises Refused, Unreachable or Cut; ValueError for a method or headers that cannot be sent. `Host`, framing,
        `Connection: close` and `Accept-Encoding: identity` are the client's own.
        """
        try:
            target = parse(url)
        except BadUrl as error:
            raise Refused(f"the URL {error}") from error
        request = render(method, target, headers, body)
        addresses = self._checked_addresses(target)
        end = time.monotonic() + self._total_seconds
        with ExitStack() as held:
            sock = held.enter_context(self._connected(target, addresses))
            deadline = held.enter_context(Deadline(sock, end - time.monotonic()))
            if target.scheme == "https":
                sock = held.enter_context(self._secured(sock, target, deadline))
            return self._exchanged(sock, request, method, target, deadline)

    def _checked_addresses(self, target: Target) -> Sequence[str]:
        """Where the connection may go: all addresses of the host, or Refused for one among them that is not allowed."""
        plain = target.scheme == "http"
        if self._allowed.host(target.host, target.port):
            return self._resolved(target)
        if plain and not self._allowed.networks:
            raise Refused(f"plain http to {target.authority} is not allowed: use https")
        addresses = self._resolved(target)
        if not all(self._allowed.address(address) or (not plain and is_public(address)) for address in addresses):
            what = "plain http to" if plain else "the address of"
            raise Refused(f"{what} {target.authority} is not allowed")
        return addresses

    def _resolved(self, target: Target) -> Sequence[str]:
        try:
            addresses = within(self._connect_seconds, lambda: self._resolve(target.host, target.port))
        except (OSError, ValueError) as error:
            raise Unreachable(f"{target.host} cannot be resolved") from error
        if not addresses:
            raise Unreachable(f"{target.host} has no address")
        return addresses

    def _connected(self, target: Target, addresses: Sequence[str]) -> socket.socket:
        seconds = min(self._connect_seconds, self._total_seconds)
        try:
            sock = connect_first(self._connect, addresses, target.port, seconds)
        except OSError as error:
            raise Unreachable(f"{target.host} takes no connection on port {target.port}") from error
        sock.settimeout(self._total_seconds)  # in case that the shut socket wakes nobody
        return sock

    def _secured(self, sock: socket.socket, target: Target, deadline: Deadline) -> ssl.SSLSocket:
        try:
            # Without close_notify, the end of an answer without a length could be anybody's.
            return self._context.wrap_socket(sock, server_hostname=target.host, suppress_ragged_eofs=False)
        except (OSError, ValueError) as error:
            why = "it takes too long" if deadline.passed else _tls_failure(error)
            raise Unreachable(f"no TLS with {target.authority}: {why}") from error

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """The machine's own certificates: an end may be the company's. Read once: that takes some 40 ms."""
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _exchanged(
        self, sock: socket.socket, request: bytes, method: str, target: Target, deadline: Deadline
    ) -> Answer:
        try:
            # A server may answer (413) and close before it has heard all: then its answer is there to be read.
            with suppress(ConnectionError, ssl.SSLEOFError):
                sock.sendall(request)
            with sock.makefile("rb") as stream:
                answer = read(stream, method, self._most_bytes)
        except (OSError, Malformed) as error:
            why = "timed out" if deadline.passed else _cut(error)
            raise Cut(f"no whole answer from {target.authority}: {why}") from error
        if deadline.passed:  # an answer that ends with the connection: it was we who ended it
            raise Cut(f"no whole answer from {target.authority}: timed out")
        return answer


def _tls_failure(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.reason}: {error.verify_message}"
    return (isinstance(error, ssl.SSLError) and error.reason) or "the connection ended"


def _cut(error: Exception) -> str:
    if isinstance(error, Malformed):
        return str(error)
    return "timed out" if isinstance(error, TimeoutError) else "the connection ended"
