"""The other ends of deliveries, in memory: a Sender that routes by host, ends that fail as they are told, and a small
kind of destination that can be looked at.

A `shelf` keeps pages by an id of its own; they are found by our marker, or by their slug. Who puts the same page there
twice has it there twice: that is what tests look for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from pubsite.outgoing import Answer
from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.outcomes import Down, Unsure
from pubsite.publishing.wire import Reply
from tests.doubles.http import Asked
from tests.doubles.receiver import Receiver

End = Callable[[Asked], Answer]
Act = Callable[[Callable[[], Answer]], Answer]


@dataclass
class Ends:
    """A Sender: each host is an end, and `plans` say what happens to its next calls; then all goes well."""

    ends: dict[str, End] = field(default_factory=dict)
    calls: list[tuple[str, Asked]] = field(default_factory=list)
    plans: dict[str, list[Act]] = field(default_factory=dict)

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(url)
        asked = Asked(method, f"{parts.path}?{parts.query}", Message(), body)
        for name, value in headers.items():
            asked.headers[name] = value
        self.calls.append((parts.netloc, asked))
        plan = self.plans.get(parts.netloc)
        act = plan.pop(0) if plan else goes_well
        return act(lambda: self.ends[parts.netloc](asked))

    def next(self, host: str, *acts: Act) -> None:
        """What happens to the next calls of a host."""
        self.plans.setdefault(host, []).extend(acts)

    def count(self, host: str) -> int:
        """How many calls a host has had."""
        return sum(each == host for each, _ in self.calls)


def goes_well(send: Callable[[], Answer]) -> Answer:
    return send()


def answer_lost(send: Callable[[], Answer]) -> Answer:
    """It is done, and nobody hears of it."""
    send()
    raise Unsure("no whole answer")


def request_lost(send: Callable[[], Answer]) -> Answer:
    """It never arrives; nobody here can tell."""
    raise Unsure("no whole answer")


def unreachable(send: Callable[[], Answer]) -> Answer:
    raise Down("it takes no connection")


def answers(status: int, body: bytes = b"", **headers: str) -> Act:
    """It answers so, and does nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda send: Answer(status, named, body)


def meanwhile(act: Callable[[], object]) -> Act:
    """While the call is under way, this happens; then it is done."""

    def go(send: Callable[[], Answer]) -> Answer:
        act()
        return send()

    return go


def killed(send: Callable[[], Answer]) -> Answer:
    """The process dies while it waits for the answer: nothing of what would follow happens."""
    send()
    raise Killed


class Killed(BaseException):
    """As SIGKILL: no handler of ours sees it."""


@dataclass
class Hook:
    """A receiver of webhooks, which verifies them and takes each once."""

    receiver: Receiver

    def __call__(self, asked: Asked) -> Answer:
        status, headers, body = self.receiver(asked)
        return Answer(status, headers, body)


@dataclass
class Shelf:
    """What stands there, by id. `state`: present, draft, or absent (in its trash)."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: int = 0

    def __call__(self, asked: Asked) -> Answer:
        path, _, query = asked.path.partition("?")
        name = path.removeprefix("/items").strip("/")
        if asked.method == "GET" and not name:
            ((key, (value, *_)),) = parse_qs(query).items()
            return _answer(200, [item for item in self.items.values() if item[key] == value])
        if asked.method == "POST" and not name:
            self.made += 1
            return self._put(f"n{self.made}", asked)
        if name not in self.items:
            return _answer(404, {"message": "no such page"})
        if asked.method == "GET":
            return _answer(200, self.items[name])
        if asked.method == "DELETE":
            return _answer(200, self.items.pop(name))
        return self._put(name, asked)

    def _put(self, name: str, asked: Asked) -> Answer:
        self.items[name] = {**json.loads(asked.body), "id": name}
        return _answer(200, self.items[name])


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class ShelfAdapter:
    """Speaks to a shelf. The external id is the page's id there."""

    connection: Connection

    def draft(self, content: Content, desired: Desired) -> Draft:
        state = "draft" if desired == "draft" else "present"
        return Draft({"slug": content.path, "title": content.title, "html": content.html, "state": state})

    def test(self) -> str:
        self._call("GET", "?marker=nobody")
        return "a shelf"

    def read(self, external_id: str) -> Remote | None:
        reply = self._call("GET", f"/{external_id}", expect=(404,))
        return None if reply.status == 404 else _remote(reply.json())

    def find(self, marker: str, draft: Draft) -> Remote | None:
        return self._first(f"?marker={marker}")

    def find_other(self, draft: Draft) -> Remote | None:
        return self._first(f"?slug={quote(draft.payload['slug'])}")

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        return _remote(self._call("POST", "", _item(marker, draft)).json())

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        return _remote(self._call("PUT", f"/{remote.external_id}", _item(marker, draft)).json())

    def unpublish(self, remote: Remote) -> Remote:
        self._call("DELETE", f"/{remote.external_id}", expect=(404,))
        return Remote(remote.external_id, state="absent")

    def _first(self, query: str) -> Remote | None:
        found = self._call("GET", query).json()
        return _remote(found[0]) if found else None

    def _call(self, method: str, path: str, body: Any = None, expect: tuple[int, ...] = ()) -> Reply:
        headers = {"Authorization": f"Bearer {self.connection.secrets[0]}"}
        url = f"{self.connection.base_url}/items{path}"
        return self.connection.wire.call(method, url, headers=headers, json_body=body, expect=expect)


def _item(marker: str, draft: Draft) -> dict[str, Any]:
    return {**draft.payload, "marker": marker, "hash": draft.content_hash}


def _remote(item: dict[str, Any]) -> Remote:
    return Remote(item["id"], f"https://shelf.example/{item['id']}", item["state"], item["hash"])


KIND = Kind(
    name="shelf",
    title="Shelf",
    options=(),
    secret="anything",
    can=frozenset({"draft", "update", "unpublish", "find", "adopt", "refresh"}),
    connect=ShelfAdapter,
    secret_problem=lambda secret: None,
)
