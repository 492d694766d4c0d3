"""What waitress would answer or cut by itself, in our form: errors in JSON with a request id, and no cut uploads.

Only for requests that never become a WSGI call: what is no HTTP, headers or a body over the limit, a crash of the app.
No text of the request comes back.
"""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest

DROPPED_AT_MOST = 512 * 1024 * 1024
ENVELOPED = "/api/v1/publisher", "/zone/v1/publisher"


class Parser(HTTPRequestParser):
    """Refuses at once what it will not read."""

    expect_continue: bool

    def received(self, data: bytes) -> int:
        try:
            used = int(super().received(data))
        except ValueError:  # a Content-Length of thousands of digits
            self.error, self.completed, used = BadRequest(""), True, len(data)
        if self.error:
            self.expect_continue = False  # waitress would send 100 first, and read it all
        return used


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
        request_id = str(uuid.uuid4())
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

    def handle_close(self) -> None:
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
