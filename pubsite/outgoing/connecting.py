"""From a host to a socket: one look-up and one connection, both with an end; and a deadline for all that follows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port → addresses as text, the best first; raises OSError."""
Connect = Callable[[str, int, float], socket.socket]
"""Address, port, seconds → a connected socket; raises OSError."""

T = TypeVar("T")


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as the machine's resolver finds them; an IPv6 one with its scope, if it has one."""
    found: dict[str, None] = {}
    for *_, end in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address, scope = str(end[0]), end[3] if len(end) == 4 else 0
        found[f"{address}%{scope}" if scope and "%" not in address else address] = None
    return list(found)


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A TCP connection to an address; nothing is looked up."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def connect_first(connect: Connect, addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that takes one; raises OSError, the last one's.

    Each address has its share of the time that is left, so that one that swallows packets does not hide the next.
    """
    end = time.monotonic() + seconds
    failed: OSError = OSError("no address")
    for number, address in enumerate(addresses):
        share = (end - time.monotonic()) / (len(addresses) - number)
        if share <= 0:
            break
        try:
            return connect(address, port, share)
        except OSError as error:
            failed = error
    raise failed


def within(seconds: float, call: Callable[[], T]) -> T:
    """What a call returns or raises; TimeoutError when it takes longer: its thread is then left to itself.

    For getaddrinfo, which nothing can interrupt.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # raised again by whoever waits
            outcome.set_exception(error)

    threading.Thread(target=run, name="pubsite-resolver", daemon=True).start()
    return outcome.result(seconds)


class Deadline:
    """Shuts a socket after so many seconds, so that whoever reads from it comes to an end, in the TLS handshake too.

    A timeout of the socket would not do: it begins anew with each byte that drips in.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self.passed = False
        self._sock = sock.dup()  # TLS takes the first one over
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._timer.cancel()
        self._timer.join()  # it may be at it
        self._sock.close()

    def _shut(self) -> None:
        self.passed = True  # first: a reader takes the shut socket for the end of the answer
        with suppress(OSError):  # it has ended already
            self._sock.shutdown(socket.SHUT_RDWR)
