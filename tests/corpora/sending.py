"""A string to any place of any request, and what must hold of the answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

from webtest import TestResponse

from pubsite import schema
from pubsite.models import drafts
from tests.conftest import Server
from tests.corpora.bodies import body_with, least
from tests.corpora.endpoints import KEY, PLACE, VALUE, Endpoint, Place, Variant, World, endpoints, fields, new_world
from tests.corpora.naughty_strings import STRINGS, UNSTORABLE

# Writes in one world: an account has at most 100 tokens, a publisher 100 sites, and lists stay short.
MOST_WRITES = 90
ENVELOPED = "/api/v1/publisher"
FORM = "multipart/form-data; boundary=b"
REWRITTEN = {"base_url": lambda url: url.rstrip("/")}
ALIASES = {alias for alias, _ in drafts.ALIASES.values()}  # shown under their other name


@dataclass(frozen=True)
class Spot:
    """A place where a string can stand: in the body, the query or the path of an endpoint."""

    endpoint: Endpoint
    part: str
    place: Place
    typ: Any = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.endpoint} {self.part} {self.name}"

    @property
    def name(self) -> str:
        """As errors name it."""
        return ".".join("key" if step == VALUE else str(step) for step in self.place)


def spots() -> list[Spot]:
    """All that there are, of each endpoint in the order of its declaration."""
    return [spot for endpoint in endpoints() for spot in _spots_of(endpoint)]


def _spots_of(endpoint: Endpoint) -> Iterator[Spot]:
    for place, typ in fields(endpoint.body) if endpoint.body is not None else ():
        yield Spot(endpoint, "body", place, typ)
    for name, kind in endpoint.form:
        if kind != "binary":
            yield Spot(endpoint, "body", (name,))
    for place, typ in fields(endpoint.query) if endpoint.query is not None else ():
        if VALUE not in place:
            yield Spot(endpoint, "query", place, typ)
    for brace in PLACE.finditer(endpoint.path):
        yield Spot(endpoint, "path", (brace["name"],))


def rotation(number: int, length: int) -> list[str]:
    """The strings of the spot of that number: each begins elsewhere, so that all are used in the end."""
    start = number * length % len(STRINGS)
    return [*STRINGS, *STRINGS][start : start + length]


def escaped(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


class Sender:
    """Sends strings to spots, in a new world whenever the one at hand is full, or has lost what a path names."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.statuses: Counter[int] = Counter()
        self.taken: Counter[Spot] = Counter()
        self.shown: Counter[Spot] = Counter()
        self._readers = {endpoint.path for endpoint in endpoints() if endpoint.method == "GET"}
        self._renew()

    def _renew(self) -> None:
        self.world: World = new_world(self.server)
        self._writes = 0
        self._made: set[Any] = set()

    def check(self, spot: Spot, text: str) -> None:
        """Send it. Raises AssertionError unless it is refused by its name, or taken and shown as it is."""
        answer = self.send(spot, text)
        problem = _problem(spot, text, answer)
        if problem is None and answer.status_int < 300 and spot.part == "body":
            self.taken[spot] += 1
            problem = self._shown_otherwise(spot, text, answer)
        assert problem is None, f"{spot}: {text[:200]!a}: {problem}"

    def send(self, spot: Spot, text: str) -> TestResponse:
        """The answer to a string there, where all else is right."""
        if self._writes >= MOST_WRITES:
            self._renew()
        answer = self._ask(spot, text)
        # A string that was taken can be another name, or another path, of what all others ask for.
        if answer.status_int == 404 and self._writes and spot.part != "path":
            self._renew()
            answer = self._ask(spot, text)
        self._writes += answer.status_int < 300 and not spot.endpoint.reads_only
        return answer

    def _ask(self, spot: Spot, text: str) -> TestResponse:
        endpoint, others = spot.endpoint, {}
        if spot.part == "path":
            others = {str(spot.place[0]): escaped(text)}
        path = self.world.fill(endpoint.path, others)
        if spot.part == "query":
            path += f"?{escaped(text)}=a" if spot.place == (KEY,) else f"?{spot.name}={escaped(text)}"
        media_type, raw = self._body(spot, text)
        return self._told(endpoint.method, path, raw, **{"Content-Type": media_type})

    def _told(self, method: str, path: str, raw: bytes = b"", **headers: str) -> TestResponse:
        answer = self.world.tenant.client.send(method, path, raw, **headers)
        self.statuses[answer.status_int] += 1
        return answer

    def _body(self, spot: Spot, text: str) -> tuple[str, bytes]:
        endpoint, names = spot.endpoint, self.world.names
        if endpoint.form:
            sent = {str(spot.place[0]): text.encode(errors="surrogatepass")} if spot.part == "body" else {}
            parts = [_part(name, kind, sent.get(name, b"a")) for name, kind in endpoint.form]
            return FORM, b"".join(parts) + b"--b--\r\n"
        if endpoint.body is None:
            return "application/json", b""
        is_here = spot.part == "body"
        value = body_with(endpoint.body, spot.place, text, names) if is_here else least(endpoint.body, names)
        return "application/json", json.dumps(value).encode()

    def _shown_otherwise(self, spot: Spot, text: str, answer: TestResponse) -> str | None:
        """What an answer to the write, or to who reads it then, shows in its place; None where it is as it was sent."""
        shown = [told := _json(spot, answer)]
        if spot.endpoint.method == "POST" and not self._is_new(told):
            return None
        if (url := self._url_of(spot.endpoint, told)) is not None:
            read = self._told("GET", url)
            shown += [_json(spot, read)] if read.status_int == 200 else []
        for value in shown:
            found = list(_at(value, spot.place, text))
            self.shown[spot] += len(found)
            if found and not _is_same(spot, text, found[0]):
                return f"taken, and shown as {found[0]!a}"[:500]
        return None

    def _is_new(self, told: Any) -> bool:
        """Whether nobody was told of that object before: a deploy that changes nothing shows the live record."""
        made = told.get("id") if isinstance(told, dict) else None
        is_new = made is None or made not in self._made
        self._made.add(made)
        return is_new

    def _url_of(self, endpoint: Endpoint, told: Any) -> str | None:
        """Where what was written can be read: at the path of a change, or below that of what was made."""
        if endpoint.reads_only:
            return None
        if endpoint.method != "POST":
            return self.world.fill(endpoint.path) if endpoint.path in self._readers else None
        is_read = any(_below(path, endpoint.path) for path in self._readers)
        return f"{self.world.fill(endpoint.path)}/{told['id']}" if is_read and "id" in (told or ()) else None


def _below(path: str, above: str) -> bool:
    """Whether a path is another one with a place behind it."""
    return path.startswith(f"{above}/") and PLACE.fullmatch(path, len(above) + 1) is not None


def _part(name: str, kind: str, text: bytes) -> bytes:
    """A field of a form: the text, or an archive, which is a file like any other as well."""
    is_file = kind == "binary"
    file_name = '; filename="a.zip"' if is_file else ""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'
    return head.encode() + (_archive() if is_file else text) + b"\r\n"


@cache
def _archive() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


def _problem(spot: Spot, text: str, answer: TestResponse) -> str | None:
    """What is wrong with the answer's status, or with the names of its errors."""
    status = answer.status_int
    if status >= 500:
        return f"{status} {answer.text}"
    if status < 400 and text in UNSTORABLE:
        return f"{status}, and nothing can hold it"
    if status == 400 and spot.part != "path" and not _names(spot, answer):
        return f"refused, but not by its name: {answer.text[:500]}"
    return None


def _names(spot: Spot, answer: TestResponse) -> bool:
    """Whether errors name the spot, or what it lies in; where it is a key itself, whether they name anything."""
    errors = answer.json.get("errors", [])
    names = {error["name"] for error in errors} if isinstance(errors, list) else set(errors)
    is_named = any(f"{spot.name}.".startswith(f"{name}.") for name in names)
    return is_named or (KEY in spot.place and any(names))


def _json(spot: Spot, answer: TestResponse) -> Any:
    if answer.content_type != "application/json":
        return None
    return answer.json.get("data") if spot.endpoint.path.startswith(ENVELOPED) else answer.json


def _at(value: Any, place: Place, text: str) -> Iterator[Any]:
    """What stands at a place of an answer, if it shows anything there."""
    for step in place:
        if step == KEY:
            if isinstance(value, dict) and text not in ALIASES:
                yield text if text in value else list(value)
            return
        name = "key" if step == VALUE else step.member if isinstance(step, Variant) else step
        if isinstance(value, list) and name == 0 and value:
            value = value[0]
        elif isinstance(value, dict) and name in value:
            value = value[str(name)]
        else:
            return
    yield value


def _is_same(spot: Spot, text: str, shown: Any) -> bool:
    """Equal, but for what the docs say of a field; a time can be shown in UTC and in milliseconds."""
    text = REWRITTEN.get(spot.name, str)(text)
    if shown != text and isinstance(spot.typ, schema.Timestamp) and isinstance(shown, str):
        sent, told = schema.parse_time(text), schema.parse_time(shown)
        return sent is not None and told is not None and abs(sent - told) < timedelta(milliseconds=1)
    return bool(shown == text)
