"""WordPress for `test_destinations.py`: in memory for the quick suite, or a real one as tests/long starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from pubsite.publishing import wordpress
from tests.doubles.http import serving
from tests.doubles.line import Line
from tests.doubles.wordpress import Blog

STATES = {"publish": "present", "draft": "draft"}


class End(Protocol):
    """A WordPress that is empty at first. `posts`: id → title and status, what lies in the trash too."""

    base_url: str
    secret: str

    def posts(self) -> dict[str, tuple[str, str]]: ...
    def trash(self, external_id: str) -> None: ...


@dataclass
class WordPressRig:
    end: End
    kind = wordpress.KIND
    wrong_secret = "grace:" + "x" * 24
    config: Mapping[str, Any] = field(default_factory=dict)
    line: Line = field(default_factory=Line)

    @property
    def base_url(self) -> str:
        return self.end.base_url

    @property
    def secret(self) -> str:
        return self.end.secret

    def fields(self, external_id: str) -> dict[str, Any] | None:
        title, status = self.end.posts().get(external_id, ("", "trash"))
        return None if status == "trash" else {"title": title, "state": STATES[status]}

    def count(self) -> int:
        return sum(status != "trash" for _, status in self.end.posts().values())

    def remove(self, external_id: str) -> None:
        self.end.trash(external_id)


@dataclass
class InMemory:
    base_url: str
    blog: Blog

    @property
    def secret(self) -> str:
        return self.blog.secret

    def posts(self) -> dict[str, tuple[str, str]]:
        return {str(key): (post["title"], post["status"]) for key, post in self.blog.posts.items()}

    def trash(self, external_id: str) -> None:
        self.blog.posts[int(external_id)]["status"] = "trash"


@contextmanager
def wordpress_end() -> Iterator[Callable[[], WordPressRig]]:
    blogs: list[Blog] = []

    def new() -> WordPressRig:
        blogs.append(Blog())
        return WordPressRig(InMemory(origin, blogs[-1]))

    with serving(lambda asked: blogs[-1](asked)) as origin:
        yield new
