"""What waitress would answer or cut by itself, in our form: errors in JSON with a request id, and no cut uploads.

Only for requests that never become a WSGI call: what is no HTTP, headers or a body over the limit, a crash of the app.
No text of the request comes back.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import time
import uuid
from contextlib import suppress
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, WSGITask

from pubsite.wire.chunks import Chunks
from pubsite.wire.head import BAD, TIMED_OUT, refusal, tidy

DROPPED_AT_MOST = 512 * 1024 * 1024
UNREAD_AT_MOST = 16 * 1024 * 1024  # bytes of answers beyond which the next pipelined request has none
UNSENT_IN_KERNEL = 131_072  # else megabytes lie there, and for minutes nobody sees whether they are read
RESET = struct.pack("ii", 1, 0)
ENVELOPED = "/api/v1/publisher", "/zone/v1/publisher"
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")


class Parser(HTTPRequestParser):
    """Refuses at once what it will not read; a head is looked at once, when it is whole."""

    error: Any
    expect_continue: bool
    path: str

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self._head = bytearray()

    def received(self, data: bytes) -> int:
        in_head = self.body_rcv is None and not self.completed
        used = self._received_head(data) if in_head else int(super().received(data))
        if self.error:
            self.expect_continue = False  # waitress would send 100 first, and read it all
        return used

    def _received_head(self, data: bytes) -> int:
        before = len(self._head)
        self._head += data
        whole = self._head.find(b"\r\n\r\n", max(0, before - 3)) >= 0
        if not whole and len(self._head) < self.adj.max_request_header_size:
            return len(data)
        head = bytes(self._head)
        self._head.clear()
        return int(super().received(head)) - before

    def parse_header(self, header_plus: bytes) -> None:
        self.error = refusal(header_plus)
        if self.error is None:
            try:
                super().parse_header(tidy(header_plus))
            except ValueError:  # an address in brackets that is none
                self.error, self.body_rcv = BAD, None
        if self.error is None and self.chunked:
            self.body_rcv = Chunks(OverflowableBuffer(self.adj.inbuf_overflow))
        if self.error is not None:
            command, _, rest = header_plus[:1024].decode("latin-1").partition(" ")
            self.command, self.path, self.version = command, rest, "1.1"


class Task(WSGITask):
    """Keeps a connection open behind an answer without a body (204, 304), which waitress would close."""

    close_on_finish: bool

    def build_response_header(self) -> bytes:
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or self.version != "1.1" or asked_to_close:
            return bytes(super().build_response_header())
        before = self.close_on_finish
        self.close_on_finish = True  # waitress closes unless it believes to do so already
        header = bytes(super().build_response_header())
        self.close_on_finish = before
        return header


class JsonErrorTask(ErrorTask):
    """The error answer, in the form of the API that was asked."""

    def execute(self) -> None:
        error = self.request.error
        sent = str(self.request.headers.get("X_REQUEST_ID", ""))
        request_id = sent if SANE_ID.match(sent) else uuid.uuid4().hex
        body = error_body(error.code, error.reason, str(getattr(self.request, "path", "")), request_id)
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-Id", request_id),
        ]
        self.set_close_on_finish()
        self.channel.lingers = True
        self.content_length = len(body)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


class Channel(HTTPChannel):
    """One connection. After an error it still reads for a while: who is cut off while sending never sees the answer."""

    parser_class = Parser
    task_class = Task
    error_task_class = JsonErrorTask
    lingers = False
    dropped: int | None = None
    request: Parser | None
    requests: list[Parser]

    def __init__(self, server: Any, sock: socket.socket, *rest: Any, **kw: Any) -> None:
        with suppress(OSError):  # a unix socket has no such option
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL)
        self.phase: tuple[str, object] = ("idle", None)
        self.since, self.moved = time.monotonic(), 0
        super().__init__(server, sock, *rest, **kw)
        self.sendbuf_len = 2 * UNSENT_IN_KERNEL  # what is read anew from a file at each attempt to send

    def now_in(self) -> tuple[str, object]:
        if self.dropped is not None:
            return "linger", None
        if self.requests:
            return "work", None
        if self.total_outbufs_len:
            return "answer", None
        request = self.request
        if request is None:
            return "idle", None
        return ("body" if request.headers_finished else "head"), request

    def cut(self) -> None:
        if self.total_outbufs_len:  # else the kernel goes on for hours with what it holds for a slow reader
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.lingers = False
        self.handle_close()

    def time_out(self) -> None:
        request, self.request = self.request, None
        if request is not None:
            request.error, request.version = TIMED_OUT, "1.1"
            request.path = getattr(request, "path", "")
            self.requests.append(request)
            self.service()

    def service(self) -> None:
        """Answer one request, on a thread; none to who does not read the answers that it has."""
        if self.total_outbufs_len > UNREAD_AT_MOST:
            with self.requests_lock:
                self.close_when_flushed = True
                for request in self.requests:
                    request.close()
                self.requests = []
            self.server.pull_trigger()
        else:
            super().service()

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close=do_close))
        self.moved += sent
        return sent

    def handle_close(self) -> None:
        if self.request is not None:
            self.request.close()
        if not self.lingers or self.dropped is not None:
            super().handle_close()
            return
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            super().handle_close()
        self.dropped = 0
        self.will_close = False

    def received(self, data: bytes) -> bool:
        self.moved += len(data)
        if self.dropped is None:
            return bool(super().received(data))
        self.dropped += len(data)
        if self.dropped > DROPPED_AT_MOST:
            self.handle_close()
        return False


def error_body(status: int, message: str, path: str, request_id: str) -> bytes:
    """The JSON of an error in the form of the API under `path`."""
    shape: dict[str, Any] = {"statusCode": status, "message": message, "request_id": request_id}
    if path.startswith(ENVELOPED):
        shape = {"success": False, "error": message, "request_id": request_id}
    return json.dumps(shape).encode()
