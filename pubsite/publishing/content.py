"""What is sent: a page as it is live, whole and with absolute URLs; and the files of the bundle that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file of the live bundle: its path (beginning with `/`), sha256 of `read()`, and media type without charset."""

    path: str
    digest: str
    media_type: str
    size: int
    read: Callable[[], bytes] = field(repr=False, compare=False)


class LiveFiles(Protocol):
    """The files of the bundle that is live, with the site's own origin put in."""

    def page(self) -> Iterator[OutFile]:
        """The files that the page needs: those that it names, then its own HTML, last."""
        ...

    def bundle(self) -> Iterator[OutFile]:
        """All of them: those that are no HTML first, sorted by path within each kind."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes at a path of the site (`/img/a.png`), None where no file lies."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """One state of a page. All URLs are absolute; texts are "" where the page has none.

    `slug`: the last segment of its path ("" for the front page). `image_path`: of `image` within the site, "" when it
    lies elsewhere. `canonical_url`: the page's own, or its `url`. `date`: aware, in UTC.
    """

    page_id: str
    revision: int
    path: str
    url: str
    canonical_url: str
    title: str
    html: str
    excerpt: str = ""
    slug: str = ""
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    author: str = ""
    image: str = ""
    image_path: str = ""
    language: str = ""
    date: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    files: LiveFiles | None = field(default=None, repr=False, compare=False)
