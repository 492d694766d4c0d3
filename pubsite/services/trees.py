"""A site's tree as a whole: what lies in it, its tag, and the swap of one for another in few statements.

The caller holds the site's lock, so that a tag that was checked is still the tree's when the swap is done.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from pubsite.errors import Invalid, LimitExceeded
from pubsite.models import File, Site, now
from pubsite.services import files, sites
from pubsite.services.files import MOST_CHARACTERS, MOST_DIRECTORIES

MOST_FILES = 100_000


class Content(NamedTuple):
    """What a file holds: an object's digest, and its size in bytes."""

    digest: str
    size: int


class Row(NamedTuple):
    """A path that lies in the tree; a directory's content is None."""

    id: uuid.UUID
    content: Content | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a swap did, in files, and the tag of the tree that it left."""

    created: int
    updated: int
    unchanged: int
    deleted: int
    tag: str


def rows(db: Session, site: Site) -> dict[str, Row]:
    """Path → row of everything that lies in the tree."""
    query = select(File.path, File.id, File.is_directory, File.digest, File.size).where(File.site_id == site.id)
    return {
        row.path: Row(row.id, None if row.is_directory else Content(row.digest or "", row.size))
        for row in db.execute(query)
    }


def contents(db: Session, site: Site) -> dict[str, Content | None]:
    """Path → content of everything that lies in the tree; a directory has none."""
    return {path: row.content for path, row in rows(db, site).items()}


def tag_of(tree: Mapping[str, Content | None]) -> str:
    """A tree's strong validator: the same for the same paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(tree):
        content = tree[path]
        digest.update(f"{path}\0{content.digest if content else '/'}\n".encode())
    return digest.hexdigest()[:32]


def swap(
    db: Session,
    site: Site,
    present: Mapping[str, Row],
    wanted: Mapping[str, Content],
    directories: Set[str],
    limits: files.Limits,
) -> Outcome:
    """Make the tree of a locked site exactly `wanted` and `directories`; raises LimitExceeded. present: see `rows`."""
    if len(wanted) > limits.files or len(directories) > MOST_DIRECTORIES:
        raise LimitExceeded(f"A site may have {limits.files} files, and {MOST_DIRECTORIES} directories")
    files.count_bytes(site, sum(content.size for content in wanted.values()) - site.files_bytes, limits)
    stays = {
        path: row for path, row in present.items() if (path in directories if row.content is None else path in wanted)
    }
    gone = [row for path, row in present.items() if path not in stays]
    new = [path for path in (*sorted(directories), *wanted) if path not in stays]
    changed = [path for path, content in wanted.items() if path in stays and stays[path].content != content]
    files.forget_ids(db, [row.id for row in gone])  # first: a path may come back as the other kind, or in another case
    if new:
        db.execute(insert(File), [_new(site, path, wanted.get(path)) for path in new])
    if changed:
        db.execute(update(File), [{"id": stays[path].id, **_content(wanted[path])} for path in changed])
    site.files_count = len(wanted)
    if gone or new or changed:
        sites.content_changed(db, site)
    created = sum(path in wanted for path in new)
    deleted = sum(row.content is not None for row in gone)
    unchanged = len(wanted) - created - len(changed)
    left = tag_of({**dict.fromkeys(directories), **wanted})
    return Outcome(created, len(changed), unchanged, deleted, left)


def purge(db: Session, site: Site, guard: files.Guard) -> int:
    """Empty the tree; how many files and directories that were."""
    site = sites.lock(db, site)
    present = rows(db, site)
    guard(tag_of({path: row.content for path, row in present.items()}))
    if present:
        db.execute(delete(File).where(File.site_id == site.id), execution_options={"synchronize_session": False})
        site.files_bytes = site.files_count = 0
        sites.content_changed(db, site)
    return len(present)


@dataclass(slots=True)
class Directories:
    """The directories above some paths: few enough, and short enough. One path alone can have 2,000 of them."""

    found: set[str] = field(default_factory=set)
    characters: int = 0

    def add_above(self, path: str) -> None:
        """Take in those above a path; raises Invalid when they become too many."""
        directory = path.rpartition("/")[0]
        while directory and directory not in self.found:
            self.found.add(directory)
            self.characters += len(directory)
            directory = directory.rpartition("/")[0]
        if len(self.found) > MOST_DIRECTORIES or self.characters > MOST_CHARACTERS:
            raise Invalid.field("files", f"must have at most {MOST_DIRECTORIES} directories, and not such deep ones")


def directories_above(paths: Iterable[str]) -> set[str]:
    """The directories above all of the paths; raises Invalid when they are too many."""
    directories = Directories()
    for path in paths:
        directories.add_above(path)
    return directories.found


def _new(site: Site, path: str, content: Content | None) -> dict[str, Any]:
    values = {"site_id": site.id, "is_directory": content is None, **files.place(path)}
    return {**values, **(_content(content) if content else {"digest": None, "size": 0, "modified_at": now()})}


def _content(content: Content) -> dict[str, Any]:
    return {"digest": content.digest, "size": content.size, "modified_at": now()}
