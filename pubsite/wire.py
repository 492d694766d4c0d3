"""What waitress would answer or cut by itself, in our form: errors in JSON with a request id, and no cut uploads.

Only for requests that never become a WSGI call: what is no HTTP, headers or a body over the limit, a crash of the app.
No text of the request comes back.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, RequestEntityTooLarge

# A client that is cut off while it sends sees a broken connection and never the 413: so much is read and dropped.
DROPPED_AT_MOST = 512 * 1024 * 1024
ENVELOPED = "/api/v1/", "/zone/v1/"


class Parser(HTTPRequestParser):
    """Reads a body that is too large to its end without keeping it, then answers."""

    left = 0

    def received(self, data: bytes) -> int:
        if self.left:
            used = min(len(data), self.left)
            self.left -= used
            self.completed = not self.left
            return used
        try:
            used = int(super().received(data))
        except ValueError:  # a Content-Length of thousands of digits
            self.error, self.completed, used = BadRequest(""), True, len(data)
        if isinstance(self.error, RequestEntityTooLarge) and not self.chunked:
            self._drop_the_rest()
        return used

    def _drop_the_rest(self) -> None:
        left = self.content_length - self.body_bytes_received
        if not self.expect_continue and left <= DROPPED_AT_MOST:
            self.left = left
            self.completed = not left
        self.expect_continue = False  # 413 instead of 100: a client that asks first need not send at all


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
        self.content_length = len(body)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


class Channel(HTTPChannel):
    """One connection, with our parser and our error answers."""

    parser_class = Parser
    error_task_class = JsonErrorTask


def error_body(status: int, message: str, path: str, request_id: str) -> bytes:
    """The JSON of an error in the form of the API under `path`."""
    shape: dict[str, Any] = {"statusCode": status, "message": message, "request_id": request_id}
    if path.startswith(ENVELOPED):
        shape = {"success": False, "error": message, "request_id": request_id}
    return json.dumps(shape).encode()
