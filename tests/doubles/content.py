"""A page to send, with the files of the bundle that it is part of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pubsite.publishing.content import Content, OutFile
from pubsite.storage.media_types import media_type

PAGE_ID = "3f1c7f0e-6a51-4f5f-9b6e-2b9f6a0f7c11"


@dataclass(frozen=True)
class Files:
    """Live files by path. `own`: the page's HTML; `needed`: what it names."""

    files: Mapping[str, bytes]
    own: str
    needed: tuple[str, ...] = ()

    def page(self) -> Iterator[OutFile]:
        return map(self._file, (*self.needed, self.own))

    def bundle(self) -> Iterator[OutFile]:
        return map(self._file, sorted(self.files, key=lambda path: (path.endswith(".html"), path)))

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def _file(self, path: str) -> OutFile:
        body = self.files[path]
        return OutFile(path, sha256(body).hexdigest(), media_type(path), len(body), lambda: body)


def page(
    title: str = "Hello", path: str = "/notes/hello", assets: Mapping[str, bytes] | None = None, **kw: Any
) -> Content:
    """A page with all that a page can have; `assets`: what its HTML names, by path."""
    assets = {"/css/paper.css": b"body{}"} if assets is None else assets
    whole = f"<!doctype html><title>{title}</title><p>Text &amp; more".encode()
    own = f"{path}/index.html"
    content = Content(
        page_id=PAGE_ID,
        revision=1,
        path=path,
        url=f"https://us.example{path}/",
        canonical_url=f"https://us.example{path}/",
        title=title,
        html='<p>Text &amp; <em>more</em>, ö <img src="https://us.example/img/a.png"></p>',
        excerpt="What it is about",
        slug=path.rpartition("/")[2],
        tags=("maps", "ink"),
        categories=("news",),
        author="Grace",
        image="https://us.example/img/a.png",
        image_path="/img/a.png",
        language="en",
        date=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
        data={"price": 3},
        files=Files({**assets, own: whole, "/index.html": b"<title>Home</title>"}, own, tuple(assets)),
    )
    return replace(content, **kw)
