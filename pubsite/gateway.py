"""The door of the server: by the Host header, to the API or to the live sites; and the two spellings of API paths.

`/zone/…` is `/api/…`, as a gateway in front spells it, and under `/api/v1/publisher` a trailing slash means nothing.
What the client asked stays in `environ["pubsite.path"]`, for links in answers; `environ["pubsite.request_id"]` names
the request.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

ENVELOPED = "/api/v1/publisher"
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,255})(:(?P<port>[0-9]{1,5}))?\Z")
# Large answers, large changes, and what waits for a render process.
HEAVY = re.compile(r"/(archive|download|content|deploy|diff|sync|blobs|upload|pages:batch|page|preview)(/|\Z)")


class Gateway:
    """One WSGI app out of two. `close` ends what runs behind it."""

    def __init__(
        self, api: WsgiApp, hosting: WsgiApp, *, api_hosts: Iterable[str], sites_domain: str, close: Callable[[], None]
    ) -> None:
        self.api, self.hosting, self.close = api, hosting, close
        self._api_hosts = frozenset(host.lower() for host in api_hosts)
        self._sites_suffix = f".{sites_domain.lower()}"

    @staticmethod
    def is_heavy(path: str) -> bool:
        """Whether the server should keep its quick threads from such a request."""
        return path.startswith(("/api/", "/zone/")) and HEAVY.search(path) is not None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["pubsite.request_id"] = request_id(environ)
        match = HOST.match(environ.get("HTTP_HOST", ""))
        if match is None or int(match["port"] or 0) > 65_535:
            return _refuse(environ, start_response, "400 Bad Request", "The Host header is missing or odd")
        # Else WebOb copies every larger body into a file that nobody closes, only to be able to read it twice.
        body = environ["wsgi.input"]
        environ["webob.is_body_seekable"] = body.seekable() if hasattr(body, "seekable") else hasattr(body, "seek")
        name = match["name"].lower().removesuffix(".")
        if name in self._api_hosts:
            return self.api(_api_path(environ), start_response)
        if name.endswith(self._sites_suffix):
            return self.hosting(environ, start_response)
        return _refuse(environ, start_response, "421 Misdirected Request", "This server does not answer for that host")


def _api_path(environ: dict[str, Any]) -> dict[str, Any]:
    path = environ["pubsite.path"] = environ.get("PATH_INFO", "")
    if path == "/zone" or path.startswith("/zone/"):
        path = "/api" + path.removeprefix("/zone")
    if path.startswith("/api/v1/publisher/"):
        path = path.removesuffix("/")
    environ["PATH_INFO"] = path
    return environ


def request_id(environ: dict[str, Any]) -> str:
    """`X-Request-Id` of the client when it is sane, else a new one; the same for all attempts at one request."""
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    return sent if SANE_ID.match(sent) else uuid.uuid4().hex


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any], status: str, message: str) -> Iterable[bytes]:
    number = environ["pubsite.request_id"]
    shape: dict[str, Any] = {"statusCode": int(status[:3]), "message": message}
    if _api_path(environ)["PATH_INFO"].startswith(ENVELOPED):
        shape = {"success": False, "error": message}
    body = json.dumps({**shape, "request_id": number}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", number),
    ]
    start_response(status, headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
