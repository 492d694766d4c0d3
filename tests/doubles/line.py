"""The real client to loopback, which remembers its calls and can be made to fail at any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pubsite.outgoing import Allowed, Answer, Client
from pubsite.publishing.outcomes import Unsure
from pubsite.publishing.sending import sender
from pubsite.publishing.wire import Reply, Sender


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


Act = Callable[[Callable[[], Reply]], Reply]


@dataclass
class Line:
    """A Sender. A failure that was asked for happens once, at the call that it was asked for."""

    send: Sender = field(default_factory=lambda: sender(Client(Allowed.parse(["127.0.0.1"]))))
    calls: list[Call] = field(default_factory=list)
    _failures: list[tuple[bool, int, Act]] = field(default_factory=list)

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        call = Call(method, url, dict(headers), body)
        self.calls.append(call)
        act = self._due(call)
        return act(lambda: self.send(method, url, headers, body))

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    def lose_answer(self, *, writes_before: int = 0) -> None:
        """The next write, or one after it, is done, and its answer lost."""
        self._failures.append((True, writes_before, _lose_answer))

    def lose_request(self, *, writes_before: int = 0) -> None:
        """The next write, or one after it, is cut before it arrives; nobody here can tell."""
        self._failures.append((True, writes_before, _lose_request))

    def answer(
        self, status: int, body: bytes = b"", *, to_write: bool = False, calls_before: int = 0, **headers: str
    ) -> None:
        """The next call (or write), or one after it, is answered so, and never arrives."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._failures.append((to_write, calls_before, lambda send: Answer(status, named, body)))

    def forget(self) -> bool:
        """Forget the failures that were asked for; whether there were any that had not had their turn."""
        waiting = bool(self._failures)
        self._failures.clear()
        return waiting

    def _due(self, call: Call) -> Act:
        for index, (of_writes, left, act) in enumerate(self._failures):
            if of_writes and not call.writes:
                continue
            if left == 0:
                del self._failures[index]
                return act
            self._failures[index] = (of_writes, left - 1, act)
        return lambda send: send()


def _lose_answer(send: Callable[[], Reply]) -> Reply:
    send()
    raise Unsure("the answer was lost")


def _lose_request(send: Callable[[], Reply]) -> Reply:
    raise Unsure("the request was lost")
