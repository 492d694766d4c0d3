"""The HTTP API as the commands use it: one client, errors as exceptions, short waits where the server asks for them.

Knows both error shapes. Repeats a request only when the server said to (429, 503 with Retry-After).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from pubsite.errors import FieldError

PUBLISHER_API = "/api/v1/publisher"
LONGEST_PAUSE = 60
PAUSES = 5


@dataclass(frozen=True, slots=True)
class SiteName:
    """`PUBLISHER/SLUG`, the name of a site in every command."""

    publisher: str
    slug: str

    def __str__(self) -> str:
        return f"{self.publisher}/{self.slug}"


class ApiError(Exception):
    """The server's refusal. `fields`: what it said of single fields. `body`: its JSON, or an empty dict."""

    def __init__(self, status: int, message: str, body: dict[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body

    @property
    def fields(self) -> list[FieldError]:
        errors = self.body.get("errors") or []
        if isinstance(errors, dict):
            named = [(name, each) for name, texts in errors.items() for each in _listed(texts)]
            return [FieldError("body", str(name), str(text)) for name, text in named]
        found = [each for each in errors if isinstance(each, dict)]
        return [FieldError(*(str(each.get(key, "")) for key in ("location", "name", "message"))) for each in found]


class Unreachable(Exception):
    """No answer from the server, or none that is the API's."""


class Api:
    """The API of one server, as one account."""

    def __init__(self, http: httpx.Client, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._sleep = sleep
        self.base_url = str(http.base_url).rstrip("/")

    def get(self, path: str, **params: Any) -> Any:
        return _json(self.request("GET", path, params=params))

    def post(self, path: str, body: Any, **params: Any) -> Any:
        return _json(self.request("POST", path, json=body, params=params))

    def put(self, path: str, content: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        self.request("PUT", path, content=content, headers=headers)

    def upload(self, path: str, name: str, content: bytes) -> None:
        self.request("POST", path, data={"filePath": name}, files={"file": ("file", content)})

    def delete(self, path: str, **params: Any) -> None:
        self.request("DELETE", path, params=params)

    def listed(self, path: str, **params: Any) -> Iterator[Any]:
        """Every item of a list, page by page, of either API."""
        response = self.request("GET", path, params=params)
        while True:
            document = _json(response)
            enveloped = isinstance(document, dict)
            yield from document["results"] if enveloped else document
            following = document.get("next") if enveloped else response.links.get("next", {}).get("url")
            if not following:
                return
            response = self.request("GET", following)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, unless it is an error: ApiError, or Unreachable. A POST may be repeated: it bears a key."""
        if method == "POST":
            options["headers"] = {"Idempotency-Key": str(uuid4()), **options.get("headers", {})}
        if not options.get("params"):
            options.pop("params", None)  # httpx would cut the query of a next link
        for attempt in range(PAUSES + 1):
            response = self._send(method, path, options)
            if (pause := _pause(response)) is None or attempt == PAUSES:
                break
            self._sleep(pause)
        if response.is_success:
            return response
        raise _error(response)

    def stream(self, path: str, **params: Any) -> Any:
        """A context with the streamed answer to a GET; the caller reads it with `iter_bytes`."""
        return self._http.stream("GET", path, params=params)

    def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise Unreachable(f"{self.base_url} gave no answer in time to {method} {path}") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.base_url} cannot be reached: {error}") from error


def checked(response: httpx.Response) -> httpx.Response:
    """A streamed answer whose status was not looked at yet."""
    if response.is_success:
        return response
    response.read()
    raise _error(response)


def _listed(texts: Any) -> list[Any]:
    return texts if isinstance(texts, list) else [texts]


def _pause(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, or None when the answer is to be taken as it is."""
    asked = response.headers.get("Retry-After", "")
    if response.status_code not in (429, 503) or not asked.isdecimal():
        return None
    return float(asked) if int(asked) <= LONGEST_PAUSE else None


def _error(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    message = body.get("message") or body.get("error")
    if not isinstance(message, str) or not message:
        message = f"{response.status_code} {response.reason_phrase}"
    return ApiError(response.status_code, message, body)


def _json(response: httpx.Response) -> Any:
    if response.status_code == 204:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise Unreachable(f"{response.url} answered no JSON: is it pubsite's API?") from error
