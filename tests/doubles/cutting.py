"""A proxy between pubsite and a WordPress that cuts answers off, or lets requests arrive late, each as planned."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from tests.receivers import heard

BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nBad Gateway"


class Way(StrEnum):
    """What happens to a request; the other end does what it asks for in each case."""

    passed_on = "cut once the request was passed on"
    status_line = "cut after the status line"
    headers = "cut after the headers"
    half = "cut in the middle of the body"
    bad_gateway = "502 once it was done"
    late = "passed on after we gave up"
    killed_before = "worker killed before it arrives"
    killed_done = "worker killed once it was done"
    killed_after = "worker killed with the answer in hand"


class Point(StrEnum):
    """Which request of a delivery."""

    reserve = "reserve"
    fill = "fill"
    read_back = "read back"


KILLS = (Way.killed_before, Way.killed_done, Way.killed_after)


@dataclass
class Cutting:
    """The proxy to the WordPress on `upstream`. `plan`: of a post, by its title, what is to happen at which request,
    or the next one; once each. `happened`: what did. `kill`: ends the worker.
    `late_seconds`: longer than a client waits."""

    upstream: int
    kill: Callable[[], None]
    late_seconds: float
    plan: dict[str, tuple[Point, Way]] = field(default_factory=dict)
    happened: dict[str, tuple[Point, Way]] = field(default_factory=dict)
    requests: int = 0
    port: int = 0
    _titles: dict[str, str] = field(default_factory=dict)  # by the post's id
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, connection: socket.socket) -> None:
        """One request, and what the plan makes of it."""
        with suppress(OSError), connection:
            connection.settimeout(60)
            request = heard(connection)
            if request is None:
                return
            self.requests += 1
            way = self._planned(request)
            if way is None:
                connection.sendall(self._answer(request))
            elif way in KILLS:
                self._kill(connection, request, way)
            else:
                self._cut(connection, request, way)

    def _planned(self, request: bytes) -> Way | None:
        title, point = self._place(request)
        with self._lock:
            if point is None or title not in self.plan:
                return None
            planned, way = self.plan[title]
            order = list(Point)
            # A kill that was meant for another may have skipped the point: then it is one that comes later.
            if order.index(point) < order.index(planned):
                return None
            del self.plan[title]
            self.happened[title] = (point, way)
            return way

    def _place(self, request: bytes) -> tuple[str, Point | None]:
        """Of which post a request is, and which of its requests."""
        head, _, body = request.partition(b"\r\n\r\n")
        asked = re.match(rb"(GET|POST) /wp-json/wp/v2/posts(?:/(\d+))?(?:\?\S*)? ", head)
        if asked is None:
            return "", None
        post_id = (asked[2] or b"").decode()
        if asked[1] == b"GET":
            return self._titles.get(post_id, ""), Point.read_back
        title = json.loads(body).get("title") or self._titles.get(post_id, "")
        if not post_id:
            return title, Point.reserve
        self._titles[post_id] = title
        return title, Point.fill

    def _cut(self, connection: socket.socket, request: bytes, way: Way) -> None:
        if way == Way.passed_on:
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()
            time.sleep(0.01)  # so that it is on its way
            return
        if way == Way.late:
            time.sleep(self.late_seconds)
        answer = self._answer(request)
        head, _, body = answer.partition(b"\r\n\r\n")
        sent = {
            Way.status_line: head.partition(b"\r\n")[0] + b"\r\n",
            Way.headers: head + b"\r\n\r\n",
            Way.half: head + b"\r\n\r\n" + body[: len(body) // 2],
            Way.bad_gateway: BAD_GATEWAY,
            Way.late: answer,
        }
        connection.sendall(sent[way])

    def _kill(self, connection: socket.socket, request: bytes, way: Way) -> None:
        if way == Way.killed_before:
            self.kill()
            self._answer(request)
            return
        answer = self._answer(request)
        if way == Way.killed_after:
            connection.sendall(answer)
        self.kill()

    def _answer(self, request: bytes) -> bytes:
        """The whole answer of the WordPress, which ends with the connection."""
        with socket.create_connection(("127.0.0.1", self.upstream), timeout=60) as there:
            there.sendall(request)
            parts = []
            while part := there.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def cutting(proxy: Cutting) -> Iterator[Cutting]:
    """The proxy, listening on its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        proxy.port = listener.getsockname()[1]
        thread = threading.Thread(target=_listen, args=(listener, proxy), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        thread.join()


def _listen(listener: socket.socket, proxy: Cutting) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=proxy.take, args=(connection,), daemon=True).start()
