"""Everything that a build may know, read in one transaction and frozen.

It names no clock, no user and no database; two equal snapshots build to the same digest. `collect` makes it and has
taken drafts, future and expired pages out already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SiteSource:
    """The site itself; `config` as stored, without defaults (`options.Options.of` adds them)."""

    slug: str
    name: str
    description: str
    mode: str  # "FullyManaged" or "SelfManaged"
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PageSource:
    """One HtmlPage: its config without `content`, and the content. `id` and `revision` never reach an output."""

    id: str
    path: str
    revision: int
    config: Mapping[str, Any]
    content: str


@dataclass(frozen=True, slots=True)
class RedirectSource:
    """One Redirect page."""

    id: str
    path: str
    target: str
    status: int


@dataclass(frozen=True, slots=True)
class AssetSource:
    """One stored file, asset of a FullyManaged site or file of a SelfManaged one; `path` begins with a slash."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A site at one content sequence; the tuples are sorted by path."""

    site: SiteSource
    pages: tuple[PageSource, ...]
    redirects: tuple[RedirectSource, ...]
    assets: tuple[AssetSource, ...]
    content_sequence: int
    as_of: datetime  # aware UTC; what was published by then is in here
