"""Where built sites lie: objects, manifests over them, refs that say what is live, hosts. Knows no models, no HTTP.

The format of bundles lives here. Write order: objects → manifest → ref; readers go the other way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pubsite.storage.big_files import BigFiles, make_directory
from pubsite.storage.database import Database
from pubsite.storage.hosts import Host, Hosts, HostState, MemoryHosts
from pubsite.storage.manifests import (
    ORIGIN_TOKEN,
    Bundle,
    Entry,
    FileEntry,
    Manifest,
    RedirectEntry,
    Routing,
    TrailingSlash,
    reachable,
    write_manifest,
)
from pubsite.storage.media_types import is_text, media_type
from pubsite.storage.objects import MemoryObjects, ObjectMissing, ObjectStore, Stored, Swept, digest_of
from pubsite.storage.refs import MemoryRefs, Ref, RefConflict, Refs, Superseded
from pubsite.storage.routing import Route, route
from pubsite.storage.sqlite_objects import SqliteObjects
from pubsite.storage.sqlite_refs import SqliteHosts, SqliteRefs

__all__ = [
    "ORIGIN_TOKEN",
    "Bundle",
    "Entry",
    "FileEntry",
    "Host",
    "HostState",
    "Hosts",
    "Manifest",
    "ObjectMissing",
    "ObjectStore",
    "RedirectEntry",
    "Ref",
    "RefConflict",
    "Refs",
    "Route",
    "Routing",
    "Storage",
    "Stored",
    "Superseded",
    "Swept",
    "TrailingSlash",
    "digest_of",
    "is_text",
    "media_type",
    "memory_storage",
    "open_storage",
    "reachable",
    "route",
    "write_manifest",
]


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of one server, safe between threads; those of `open_storage` also between processes."""

    objects: ObjectStore
    refs: Refs
    hosts: Hosts
    close: Callable[[], None] = _nothing


def open_storage(data_dir: str | Path, *, clock: Callable[[], float] = time.time) -> Storage:
    """The stores in `data_dir` (made when missing): `objects.sqlite`, and `objects/` for the big ones."""
    folder = Path(data_dir).absolute()
    make_directory(folder)
    database = Database(folder / "objects.sqlite")
    objects = SqliteObjects(database, BigFiles(folder / "objects"), clock)
    return Storage(objects, SqliteRefs(database), SqliteHosts(database), database.close)


def memory_storage(*, clock: Callable[[], float] = time.time) -> Storage:
    """Stores that end with the process, for tests."""
    return Storage(MemoryObjects(clock), MemoryRefs(), MemoryHosts())
