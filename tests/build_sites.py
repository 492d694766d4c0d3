"""Snapshots for the tests of `build`, and bundles read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pubsite.build.snapshot import AssetSource, PageSource, RedirectSource, SiteSource, Snapshot
from pubsite.storage import Entry, FileEntry, Manifest, ObjectStore

PNG = b"\x89PNG not really"


def page(path: str, content: str = "<p>Text</p>", **config: Any) -> PageSource:
    return PageSource(f"id-of-{path}", path, 1, config, content)


def markdown(path: str, content: str, **config: Any) -> PageSource:
    return page(path, content, format="markdown", **config)


def redirect(path: str, target: str, status: int = 301) -> RedirectSource:
    return RedirectSource(f"id-of-{path}", path, target, status)


def asset(objects: ObjectStore, path: str, body: bytes = PNG) -> AssetSource:
    return AssetSource(path, objects.put(body), len(body))


def site(
    *pages: PageSource,
    redirects: Iterable[RedirectSource] = (),
    assets: Iterable[AssetSource] = (),
    mode: str = "FullyManaged",
    description: str = "",
    slug: str = "demo",
    redirect_rules: list[dict[str, Any]] | None = None,
    **config: Any,
) -> Snapshot:
    """A site called Demo, sorted as collect sorts it; `redirect_rules` are its `config.redirects`."""
    config |= {"redirects": redirect_rules} if redirect_rules else {}
    return Snapshot(
        site=SiteSource(slug, "Demo", description, mode, config),
        pages=tuple(sorted(pages, key=lambda page: page.path)),
        redirects=tuple(sorted(redirects, key=lambda redirect: redirect.path)),
        assets=tuple(sorted(assets, key=lambda asset: asset.path)),
        content_sequence=1,
        as_of=datetime(2026, 1, 31, tzinfo=UTC),
    )


def entries(objects: ObjectStore, digest: str) -> Mapping[str, Entry]:
    return dict(Manifest(objects, digest).entries())


def text(objects: ObjectStore, digest: str, path: str) -> str:
    """The content of one output."""
    entry = Manifest(objects, digest).lookup(path)
    assert isinstance(entry, FileEntry), f"{path} is no file"
    return objects.get(entry.digest).decode()
