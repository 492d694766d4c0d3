"""Ghost for `test_destinations.py`: the double, which answers as a real one was seen to. No test may ask for mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pubsite.publishing import ghost
from tests.doubles.ghost import GhostDouble, ghost_double
from tests.doubles.line import Line

STATES = {"published": "present", "draft": "draft"}


@dataclass
class GhostRig:
    """Taken down is deleted here: what becomes of drafts is told in `tests/unit/test_ghost.py`."""

    double: GhostDouble
    kind = ghost.KIND
    wrong_secret = f"{'0' * 24}:{'0' * 64}"
    config: Mapping[str, Any] = field(default_factory=lambda: {"unpublish": "delete"})
    line: Line = field(default_factory=Line)

    @property
    def base_url(self) -> str:
        return self.double.base_url

    @property
    def secret(self) -> str:
        return self.double.admin_key

    def fields(self, external_id: str) -> dict[str, Any] | None:
        post = self.double.posts.get(external_id)
        return None if post is None else {"title": post["title"], "state": STATES[post["status"]]}

    def count(self) -> int:
        return len(self.double.posts)

    def remove(self, external_id: str) -> None:
        del self.double.posts[external_id]


@contextmanager
def ghost_end() -> Iterator[Callable[[], GhostRig]]:
    with ghost_double() as double:

        def new() -> GhostRig:
            double.posts.clear()
            double.tags.clear()
            return GhostRig(double)

        yield new
        assert double.mailings == []
        assert not any(request.asks_for_mail for request in double.requests)
