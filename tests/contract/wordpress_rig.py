"""WordPress for `test_destinations.py`: in memory, or with PUBSITE_TEST_WORDPRESS=real one as tests/long starts it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pubsite.publishing import wordpress
from tests.doubles.http import serving
from tests.doubles.line import Line
from tests.doubles.wordpress import Blog
from tests.long.wordpress_server import Server
from tests.long.wordpress_server import wordpress as real_wordpress

VARIABLE = "PUBSITE_TEST_WORDPRESS"
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


@dataclass
class Real:
    """Emptied for each rig."""

    server: Server

    def __post_init__(self) -> None:
        for table in ("posts", "postmeta", "term_relationships"):
            self._do(f"DELETE FROM wp_{table}")

    @property
    def base_url(self) -> str:
        return self.server.base_url

    @property
    def secret(self) -> str:
        return f"{self.server.user}:{self.server.application_password}"

    def posts(self) -> dict[str, tuple[str, str]]:
        rows = self.server.query(
            "SELECT ID AS id, post_title AS title, post_status AS status FROM wp_posts WHERE post_type = 'post'"
        )
        return {row["id"] or "": (row["title"] or "", row["status"] or "") for row in rows}

    def trash(self, external_id: str) -> None:
        self._do(f"UPDATE wp_posts SET post_status = 'trash' WHERE ID = {int(external_id)}")

    def _do(self, sql: str) -> None:
        self.server.query(f"{sql}; SELECT 1")


@contextmanager
def wordpress_end() -> Iterator[Callable[[], WordPressRig]]:
    if os.environ.get(VARIABLE) == "real":
        with tempfile.TemporaryDirectory(prefix="wordpress-") as folder, real_wordpress(Path(folder)) as server:
            yield lambda: WordPressRig(Real(server))
        return
    blogs: list[Blog] = []

    def new() -> WordPressRig:
        blogs.append(Blog())
        return WordPressRig(InMemory(origin, blogs[-1]))

    with serving(lambda asked: blogs[-1](asked)) as origin:
        yield new
