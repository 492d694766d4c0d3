"""A site's tree out of an archive: all of it or nothing, in memory, with every path under the rules of uploads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from pubsite.errors import Conflict
from pubsite.models import Site
from pubsite.models.paths import file_key, file_path_problem
from pubsite.services import files, sites, trees
from pubsite.services.trees import Content
from pubsite.storage.unpacking import Entry, read_archive, refuse

_APPLE_DOUBLE = b"\0\5\x16\7"


class Objects(Protocol):
    """What unpacking needs of the object store."""

    def put_many(self, bodies: Iterable[bytes]) -> list[str]: ...


@dataclass(slots=True)
class Unpacked:
    """What an archive holds: path → bytes, and the directories, those above its files too."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.bodies) + len(self.directories)


def deploy(
    db: Session,
    objects: Objects,
    site: Site,
    archive: bytes,
    limits: files.Limits,
    *,
    merge: bool = False,
    smart: bool = True,
    guard: files.Guard = lambda tag: None,
) -> trees.Outcome:
    """Make the tree what a zip, tar, tar.gz or tar.zst holds; with `merge`, add that to the tree.

    smart: leave out what macOS adds, and a folder that wraps all the rest. guard: see `sync.commit`.
    Raises Invalid, of which LimitExceeded is one, that names the entry; Conflict where a merge collides.
    """
    unpacked = unpack(archive, limits, smart=smart)
    digests = objects.put_many(unpacked.bodies.values())
    contents = {
        path: Content(digest, len(body)) for (path, body), digest in zip(unpacked.bodies.items(), digests, strict=True)
    }
    site = sites.lock(db, site)
    present = trees.rows(db, site)
    before = {path: row.content for path, row in present.items()}
    guard(trees.tag_of(before))
    directories = unpacked.directories
    if merge:
        _check_merge(before, {**dict.fromkeys(directories), **contents})
        contents = {**{path: content for path, content in before.items() if content}, **contents}
        directories = directories | {path for path, content in before.items() if content is None}
    return trees.swap(db, site, present, contents, directories, limits)


def unpack(archive: bytes, limits: files.Limits, *, smart: bool) -> Unpacked:
    """What an archive holds; raises Invalid for what is not plain, or not a tree."""
    budget = _Budget(limits)
    unpacked = _collect(read_archive(archive, budget.allow), smart=smart)
    if smart:
        unpacked = _unwrapped(unpacked)
    if not unpacked:
        raise refuse("", "holds nothing; to empty a site, purge it")
    _check_collisions(unpacked)
    return unpacked


@dataclass(slots=True)
class _Budget:
    """The limits, asked before each file is read."""

    limits: files.Limits
    total: int = 0

    def allow(self, name: str, size: int) -> None:
        files.require_size(size, self.limits, field="file", name=name)
        self.total += size
        files.require_total(self.total, self.limits)


def _collect(entries: Iterable[Entry], *, smart: bool) -> Unpacked:
    unpacked, above = Unpacked(), trees.Directories()
    for entry in entries:
        path = unicodedata.normalize("NFC", entry.name.removeprefix("./"))  # as `push` does with names of a disk
        if path in ("", ".") and entry.body is None:
            continue
        if problem := file_path_problem(path):
            raise refuse(entry.name or '""', f"its path {problem}")
        if smart and _of_macos(path, entry.body):
            continue
        above.add_above(path)
        if entry.body is None:
            unpacked.directories.add(path)
        elif path in unpacked.bodies:
            raise refuse(entry.name, "is in it twice")
        else:
            unpacked.bodies[path] = entry.body
    unpacked.directories |= above.found
    return unpacked


def _of_macos(path: str, body: bytes | None) -> bool:
    name = path.rpartition("/")[2]
    double = name.startswith("._") and body is not None and body.startswith(_APPLE_DOUBLE)
    return path.partition("/")[0] == "__MACOSX" or name == ".DS_Store" or double


def _unwrapped(unpacked: Unpacked) -> Unpacked:
    """The same without the one folder that everything lies in, if there is one with something in it."""
    tops = {path.partition("/")[0] for path in (*unpacked.bodies, *unpacked.directories)}
    wrapper = next(iter(tops), "")
    if len(tops) != 1 or unpacked.directories | unpacked.bodies.keys() == {wrapper} or wrapper in unpacked.bodies:
        return unpacked
    start = len(wrapper) + 1
    bodies = {path[start:]: body for path, body in unpacked.bodies.items()}
    return Unpacked(bodies, {path[start:] for path in unpacked.directories if path != wrapper})


def _check_collisions(unpacked: Unpacked) -> None:
    """Refuse two paths that a file system could not tell apart, and a path that is a file and a directory."""
    seen: dict[str, str] = {}
    for path in (*sorted(unpacked.directories), *unpacked.bodies):
        other = seen.setdefault(file_key(path), path)
        if other != path:
            raise refuse(path, f"collides with {other}, which some file systems cannot tell from it")
        if path in unpacked.bodies and path in unpacked.directories:
            raise refuse(path, "is a file and a directory")


def _check_merge(before: Mapping[str, Content | None], new: Mapping[str, Content | None]) -> None:
    spelled = {file_key(path): path for path in before}
    for path, content in new.items():
        other = spelled.get(file_key(path), path)
        if other != path:
            raise Conflict(f"The site has {other}, which some file systems cannot tell from {path}")
        if path in before and (before[path] is None) is not (content is None):
            raise Conflict(f"{path} is a {'directory' if content else 'file'} in the site, and not in the archive")
