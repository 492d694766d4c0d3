"""A WSGI app in the middle that keeps every request with its answer, and plays them to another server.

Ids, times and tokens differ from server to server. They are told apart by where they stand: two answers to one request
must be equal but for values that stand for each other from then on.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_OWN = {
    "request_id",
    "host_label",
    "url",
    "token",
    "secret",
    "content_hash",
    "digest",
    "seconds",
}  # random, or made of what is


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and its answer. `work`: what stands for it is the worker's turn."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes
    work: bool = False

    @property
    def line(self) -> str:
        return f"{self.method} {self.path[:200]}{'?' if self.query else ''}{self.query[:200]}"


class Recorder:
    """The app, with all that passed through it."""

    def __init__(self, app: WsgiApp) -> None:
        self.app = app
        self.exchanges: list[Exchange] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, answer = call(self.app, {**environ, "wsgi.input": io.BytesIO(body)})
        kept = {key: value for key, value in environ.items() if key.startswith("HTTP_") or key.startswith("CONTENT_")}
        self.exchanges.append(
            Exchange(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ.get("QUERY_STRING", ""),
                kept,
                zlib.compress(body, 1),
                int(status[:3]),
                zlib.compress(answer, 1),
            )
        )
        start_response(status, headers)
        return [answer]

    def worked(self) -> None:
        """The worker had its turn."""
        self.exchanges.append(Exchange("", "", "", {}, b"", 0, b"", work=True))


def call(app: WsgiApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """The whole answer of a WSGI app."""
    told: list[Any] = []
    chunks = app(environ, lambda status, headers, exc_info=None: told.extend((status, headers)))
    try:
        answer = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return told[0], told[1], answer


def environ_of(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": "localhost",
        **headers,
        "CONTENT_LENGTH": str(len(body)),
    }


def replay(exchanges: list[Exchange], app: WsgiApp, work: Callable[[], None], same: dict[str, str]) -> Iterator[str]:
    """Send them to another server, in order; every answer that is another one.

    same: what stands for each other in both to begin with (ids of accounts, tokens): first server → this one.
    """
    names = Names(same)
    for exchange in exchanges:
        if exchange.work:
            work()
            continue
        sent = environ_of(
            exchange.method,
            names.told(exchange.path),
            names.told(exchange.query),
            {key: names.told(value) for key, value in exchange.headers.items()},
            names.bytes_told(zlib.decompress(exchange.body)),
        )
        status, _, answer = call(app, sent)
        if int(status[:3]) != exchange.status:
            sent_body, first = zlib.decompress(exchange.body)[:1000], zlib.decompress(exchange.answer)[:300]
            yield f"{exchange.line} {sent_body!r}: {exchange.status} {first!r}, then {status[:3]} {answer[:300]!r}"
        elif problem := names.learn(zlib.decompress(exchange.answer), answer):
            yield f"{exchange.line}: {exchange.status}, {problem}"


class Names:
    """What stands for each other in two servers."""

    def __init__(self, same: dict[str, str]) -> None:
        self.same = dict(same)

    def told(self, text: str) -> str:
        for first, second in self.same.items():
            if len(first) > 36 and first in text:  # tokens
                text = text.replace(first, second)
        return _UUID.sub(lambda found: self.same.get(found[0], found[0]), text)

    def bytes_told(self, body: bytes) -> bytes:
        return self.told(body.decode("latin-1")).encode("latin-1")

    def learn(self, first: bytes, second: bytes) -> str | None:
        """What differs between two answers and does not stand for each other; None when they are the same."""
        try:
            return self._learn(json.loads(first), json.loads(second), "")
        except ValueError:
            return None  # archives and files are compared by tests of their own

    def _learn(self, first: Any, second: Any, place: str) -> str | None:
        if isinstance(first, dict) and isinstance(second, dict):
            if first.keys() != second.keys():
                return f"keys of {place or 'the answer'}: {sorted(first)} and {sorted(second)}"
            pairs = [(f"{place}.{key}", first[key], second[key]) for key in first if key not in _OWN]
        elif isinstance(first, list) and isinstance(second, list):
            if len(first) != len(second):
                return f"{place}: {len(first)} and {len(second)} members"
            pairs = [(f"{place}.{i}", *each) for i, each in enumerate(zip(first, second, strict=True))]
        else:
            return self._value(first, second, place)
        return next((problem for name, a, b in pairs if (problem := self._learn(a, b, name))), None)

    def _value(self, first: Any, second: Any, place: str) -> str | None:
        if isinstance(first, str) and isinstance(second, str):
            ids, others = _UUID.findall(first), _UUID.findall(second)
            if len(ids) == len(others):
                for a, b in zip(ids, others, strict=True):
                    if a != b:
                        self.same.setdefault(a, b)
            first = _TIME.sub("TIME", _UUID.sub(lambda found: self.same.get(found[0], found[0]), first))
            second = _TIME.sub("TIME", second)
        return None if first == second else f"{place}: {first!r:.200} and {second!r:.200}"
