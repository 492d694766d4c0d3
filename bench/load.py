"""What both sides of a comparison are measured with: a closed-loop HTTP client, a clock of another process's CPU time,
and a loop that calls a WSGI app without sockets. Standard library only: the other side's Python loads it too.
"""

from __future__ import annotations

import io
import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

NAME = b"Name 00000000"


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far (Linux: the clock of clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def request_bytes(method: str, path: str, port: int, token: str, body: bytes = b"") -> bytes:
    """One request of HTTP/1.1, whole."""
    head = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", f"Authorization: Bearer {token}"]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def rename(request: bytes, number: int) -> bytes:
    """The same request with another name in its body, so that each one changes the row; of the same length."""
    return request.replace(NAME, b"Name %08d" % number)


class Connection:
    """A keep-alive connection that sends the same request again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request, self._received = request, b""

    def send(self, number: int) -> None:
        self.socket.sendall(rename(self.request, number))

    def answered(self) -> bool:
        """Read what is there; True once that is a whole answer. Raises RuntimeError unless it is a 200."""
        data = self.socket.recv(262_144)
        if not data:
            raise RuntimeError("the server closed the connection")
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._received.decode(errors="replace"))
        start = head.lower().index(b"content-length:") + len(b"content-length:")
        if len(body) < int(head[start:].partition(b"\r\n")[0]):
            return False
        self._received = b""
        return True


def drive(port: int, requests: list[bytes], seconds: float, counter: Callable[[], int]) -> tuple[int, float]:
    """One connection for each of `requests`, each sending when its last answer came; (answers, seconds)."""
    selector = selectors.DefaultSelector()
    connections = [Connection(port, request) for request in requests]
    started = time.perf_counter()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(counter())
    answers, open_ones = 0, len(connections)
    while open_ones:
        for key, _ in selector.select(30):
            if not key.data.answered():
                continue
            answers += 1
            if time.perf_counter() - started < seconds:
                key.data.send(counter())
            else:
                open_ones -= 1
    took = time.perf_counter() - started
    for connection in connections:
        connection.socket.close()
    selector.close()
    return answers, took


def call_wsgi(app: Any, method: str, path: str, token: str, count: int, body: bytes = b"", start: int = 0) -> float:
    """CPU microseconds that a call of the app takes, on one thread and without a server."""
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        statuses.append(status)
        return lambda data: None

    started = time.process_time()
    for number in range(start, start + count):
        result = app(_environ(method, path, token, rename(body, number)), start_response)
        b"".join(result)
        if hasattr(result, "close"):
            result.close()
    took = time.process_time() - started
    if wrong := {status for status in statuses if not status.startswith("200")}:
        raise RuntimeError(f"{method} {path}: {wrong}")
    return took / count * 1e6


def answer_rounds(app: Any, path: str, token: str) -> None:
    """Serve `wsgi_round` of another process: lines `read|write COUNT` on stdin, CPU microseconds a call on stdout."""
    body = b'{"name": "%s"}' % NAME
    sent = 0
    for line in sys.stdin:
        work, count = line.split()
        if work == "read":
            took = call_wsgi(app, "GET", path, token, int(count))
        else:
            took = call_wsgi(app, "PATCH", path, token, int(count), body, start=sent)
            sent += int(count)
        print(took, flush=True)


def _environ(method: str, path: str, token: str, body: bytes) -> dict[str, Any]:
    """The environ that waitress makes of such a request."""
    environ: dict[str, Any] = {
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_HOST": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "REQUEST_METHOD": method,
        "SERVER_PORT": "6543",
        "SERVER_NAME": "waitress.invalid",
        "SERVER_SOFTWARE": "waitress",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "REQUEST_URI": path,
        "QUERY_STRING": "",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost:6543",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.version": (1, 0),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
    }
    if body:
        environ["CONTENT_TYPE"] = "application/json"
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
