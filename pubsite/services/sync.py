"""Whole trees at once: a client says which digest lies at which path, sends only what is missing, and swaps.

What is missing is looked up among what this publisher holds, so that nobody learns what others have. Sent objects are
staged: together they may have the site's size limit, until the swap takes them or they lapse.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Set
from datetime import timedelta
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pubsite.errors import FieldError, Invalid, LimitExceeded
from pubsite.models import File, Site, StagedBlob, now
from pubsite.models.paths import file_key, file_path_problem
from pubsite.services import files, sites, trees

STAGED_FOR = timedelta(hours=1)
DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Objects(Protocol):
    """What a sync needs of the object store."""

    def put(self, body: bytes) -> str: ...
    def missing(self, digests: Set[str]) -> set[str]: ...
    def renew(self, digests: Set[str]) -> None: ...


def missing(db: Session, objects: Objects, site: Site, wanted: Mapping[str, str]) -> list[str]:
    """The digests of `wanted` (path → digest) that this publisher does not hold, each once. Renews the others' age."""
    _check(wanted)
    digests = set(wanted.values())
    held = set(_sizes(db, site, digests))
    objects.renew(held)
    return sorted((digests - held) | objects.missing(held))


def stage(db: Session, objects: Objects, site: Site, digest: str, body: bytes, limits: files.Limits) -> None:
    """Keep an object for a swap to come; raises Invalid when the body is not what the digest says."""
    if hashlib.sha256(body).hexdigest() != digest:
        raise Invalid("The body's sha256 is not the one in the URL", [FieldError("path", "digest", "is another")])
    files.require_size(len(body), limits, field="body")
    objects.put(body)
    site = sites.lock(db, site)
    _drop_lapsed(db, site)
    if db.get(StagedBlob, (site.id, digest)) is not None:
        return
    if site.staged_bytes + len(body) > limits.site_size:
        raise LimitExceeded(f"The objects sent for this site and not committed would pass {limits.site_size} bytes")
    site.staged_bytes += len(body)
    db.add(StagedBlob(site_id=site.id, digest=digest, size=len(body)))
    db.flush()


def commit(
    db: Session,
    objects: Objects,
    site: Site,
    wanted: Mapping[str, str],
    limits: files.Limits,
    guard: files.Guard = lambda tag: None,
) -> trees.Outcome:
    """Make the site's tree exactly `wanted` (path → digest), in one go; raises Invalid when objects are missing.

    guard: called with the tag of the tree that is to be replaced.
    """
    directories = _check(wanted)
    site = sites.lock(db, site)
    present = trees.rows(db, site)
    guard(trees.tag_of({path: row.content for path, row in present.items()}))
    held = {row.content.digest: row.content.size for row in present.values() if row.content}
    sizes = held | _available(db, objects, site, set(wanted.values()) - held.keys())
    contents = {path: trees.Content(digest, sizes[digest]) for path, digest in wanted.items()}
    outcome = trees.swap(db, site, present, contents, directories, limits)
    site.staged_bytes = 0
    db.execute(delete(StagedBlob).where(StagedBlob.site_id == site.id))
    db.flush()
    return outcome


def _check(wanted: Mapping[str, str]) -> set[str]:
    """The directories above the paths of a tree; raises Invalid that names every wrong path and digest."""
    problems: list[FieldError] = []
    seen: dict[str, str] = {}
    for path, digest in wanted.items():
        problem = file_path_problem(path) or (None if DIGEST.match(digest) else "must be a sha256 in lower-case hex")
        other = seen.setdefault(file_key(path), path)
        if problem is None and other != path:
            problem = f"collides with {other} where case is folded"
        if problem is not None:
            problems.append(FieldError("body", f"files.{path}", problem))
    directories = trees.directories_above(wanted)
    for directory in directories:
        other = seen.setdefault(file_key(directory), directory)
        if other != directory:
            problems.append(FieldError("body", f"files.{other}", f"collides with the directory {directory}"))
        elif directory in wanted:
            problems.append(FieldError("body", f"files.{directory}", "is a file and a directory"))
    if problems:
        raise Invalid.all_of(problems)
    return directories


def _available(db: Session, objects: Objects, site: Site, digests: Set[str]) -> dict[str, int]:
    """The sizes of all those objects; raises Invalid that names each that is missing."""
    sizes = _sizes(db, site, digests)
    if absent := sorted(digests - sizes.keys() | objects.missing(sizes.keys())):
        problems = [FieldError("body", "files", f"{digest} is missing") for digest in absent]
        raise Invalid(f"{len(absent)} objects are missing: send them first", problems)
    return sizes


def _sizes(db: Session, site: Site, digests: Set[str]) -> dict[str, int]:
    """The sizes of those digests that this publisher's sites hold, or that were staged for this site."""
    mine = select(Site.id).where(Site.publisher_id == site.publisher_id, Site.deleted_at.is_(None))
    sizes: dict[str, int] = {}
    for some in files.slices(sorted(digests)):
        held = select(File.digest, File.size).where(File.site_id.in_(mine), File.digest.in_(some))
        staged = select(StagedBlob.digest, StagedBlob.size).where(
            StagedBlob.site_id == site.id, StagedBlob.digest.in_(some), StagedBlob.created_at > now() - STAGED_FOR
        )
        for query in (held, staged):
            sizes.update((row.digest, row.size) for row in db.execute(query))
    return sizes


def _drop_lapsed(db: Session, site: Site) -> None:
    lapsed = db.scalars(
        delete(StagedBlob)
        .where(StagedBlob.site_id == site.id, StagedBlob.created_at <= now() - STAGED_FOR)
        .returning(StagedBlob.size),
        execution_options={"synchronize_session": False},
    ).all()
    site.staged_bytes -= sum(lapsed)
