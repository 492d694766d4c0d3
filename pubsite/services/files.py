"""The tree of a site: files of a SelfManaged site, assets of a FullyManaged one.

Contents are objects, stored before the row that names them is committed. Every write holds the site's row lock, so
that the counters equal the sum of the files and no number of simultaneous writes passes a limit by a byte.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid, LimitExceeded, NotFound
from pubsite.models import File, Site, now
from pubsite.models.paths import file_key, file_path_problem
from pubsite.services import sites
from pubsite.services.listing import WHOLE, Slice

MEBIBYTE = 1_048_576
MOST_DIRECTORIES = 100_000
MOST_CHARACTERS = 33_554_432  # of the directories' paths together
# PostgreSQL takes at most 65,535 parameters a statement, SQLite 32,766.
_MOST_PARAMETERS = 10_000
_T = TypeVar("_T")

# Called under the lock with the digest of what is there ("" of a directory), None for nothing; raises what it refuses.
Guard = Callable[[str | None], None]


def _anything(digest: str | None) -> None:
    return None


class Objects(Protocol):
    """What files need of the object store."""

    def put(self, body: bytes) -> str: ...
    def get(self, digest: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that one file, and the files of one site together, may have; and how many files these may be."""

    file_size: int
    site_size: int
    files: int = 100_000


def list_directory(db: Session, site: Site, path: str, part: Slice = WHOLE) -> Sequence[File]:
    """One level of the tree, directories first, then by name: by `rank`; raises NotFound for what is no directory."""
    if path:
        require_path(path, "path", location="querystring")
        directory = at(db, site, path)
        if directory is None or not directory.is_directory or directory.path != path:
            raise NotFound("Directory not found")
    rows = db.scalars(select(File).where(File.site_id == site.id, File.parent_digest == file_key(path))).all()
    behind = [row for row in rows if part.after is None or rank(row) > part.after]
    return sorted(behind, key=rank)[: part.limit]


def rank(row: File) -> tuple[int, str]:
    """Where an entry stands among those of its directory."""
    return (0 if row.is_directory else 1, row.path)


def find(db: Session, site: Site, path: str) -> File:
    """The file at a path; raises NotFound when there is none, Invalid when it is a directory or no path at all."""
    require_path(path, "path", location="path")
    file = named(db, site, path)
    if file.is_directory:
        raise Invalid.field("path", "is a directory", location="path")
    return file


def text_of(objects: Objects, file: File) -> str:
    """A file's content as text; raises Invalid when it is not UTF-8."""
    try:
        return objects.get(file.digest or "").decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not UTF-8 text (byte {error.start}); download it instead") from error


def put(
    db: Session,
    objects: Objects,
    site: Site,
    path: str,
    body: bytes,
    limits: Limits,
    *,
    field: str,
    guard: Guard = _anything,
) -> File:
    """Write a file and the directories above it; `field` is the name under which the path was sent."""
    require_path(path, field)
    require_size(len(body), limits, field="file")
    digest = objects.put(body)
    site = sites.lock(db, site)
    file = at(db, site, path)
    if file is not None and file.path != path:
        raise Conflict(f"The site has {file.path}, which some file systems cannot tell from {path}")
    if file is not None and file.is_directory:
        raise Conflict(f"{path} is a directory")
    guard(None if file is None else file.digest)
    if file is None:
        if site.files_count >= limits.files:
            raise LimitExceeded(f"The site has all of the {limits.files} files that it may have")
        make_directories(db, site, path)
        file = new_row(site, path)
        db.add(file)
        site.files_count += 1
    _set_content(db, site, file, digest, len(body), limits)
    return file


def edit(
    db: Session, objects: Objects, site: Site, path: str, text: str, limits: Limits, guard: Guard = _anything
) -> File:
    """Replace the content of a text file that exists, and still does once the site is locked."""
    body = text.encode()
    text_of(objects, find(db, site, path))
    require_size(len(body), limits, field="file")
    digest = objects.put(body)
    site = sites.lock(db, site)
    file = find(db, site, path)
    text_of(objects, file)
    guard(file.digest)
    _set_content(db, site, file, digest, len(body), limits)
    return file


def _set_content(db: Session, site: Site, file: File, digest: str, size: int, limits: Limits) -> None:
    if file.digest == digest:
        return
    count_bytes(site, size - file.size, limits)
    file.digest, file.size, file.modified_at = digest, size, now()
    sites.content_changed(db, site)


def make_directory(db: Session, site: Site, path: str) -> File:
    """The directory at a path, made with those above it where it is not there yet."""
    require_path(path, "path")
    site = sites.lock(db, site)
    if make_directories(db, site, f"{path}/"):
        sites.content_changed(db, site)
    return named(db, site, path)


def remove(db: Session, site: Site, path: str, *, recursive: bool = False, guard: Guard = _anything) -> int:
    """Delete a file, an empty directory, or with `recursive` a whole tree; how many files and directories that were."""
    require_path(path, "path", location="path")
    site = sites.lock(db, site)
    top = named(db, site, path)
    guard(top.digest or "")
    under = below(db, site, top)
    if under and not recursive:
        raise Conflict(f"The directory {path} is not empty: delete what is in it, or send ?recursive=true")
    forget(db, site, (top, *under))
    sites.content_changed(db, site)
    return 1 + len(under)


def forget(db: Session, site: Site, gone: Sequence[Any]) -> None:
    """Delete some rows of the tree, and count them no more."""
    site.files_bytes -= sum(row.size for row in gone)
    site.files_count -= sum(not row.is_directory for row in gone)
    forget_ids(db, [row.id for row in gone])


def forget_ids(db: Session, ids: Sequence[uuid.UUID]) -> None:
    """Delete rows whose counting is the caller's."""
    for some in slices(ids):
        db.execute(delete(File).where(File.id.in_(some)), execution_options={"synchronize_session": False})


def require_size(size: int, limits: Limits, *, field: str, name: str = "") -> None:
    """Raise LimitExceeded for a file over the limit; `name`: which of many it is."""
    if size > limits.file_size:
        message = f"File size exceeds {_shown(limits.file_size)} limit"
        problem = f"{name + ': ' if name else ''}{size} bytes are over the limit of {limits.file_size}"
        raise LimitExceeded(message, [FieldError("body", field, problem)])


def require_total(total: int, limits: Limits, problem: str = "") -> None:
    """Raise LimitExceeded for so many bytes of all files of a site together."""
    if total > limits.site_size:
        message = f"Site total size would exceed {_shown(limits.site_size)} limit"
        problem = problem or f"{total} bytes and more are over the limit of {limits.site_size}"
        raise LimitExceeded(message, [FieldError("body", "file", problem)])


def count_bytes(site: Site, added: int, limits: Limits) -> None:
    """Move the quota's counter of a locked site; raises LimitExceeded when it would pass the limit."""
    total = site.files_bytes + added
    if added > 0:
        problem = f"{site.files_bytes} bytes and {added} more are over the limit of {limits.site_size}"
        require_total(total, limits, problem)
    site.files_bytes = total


def _shown(limit: int) -> str:
    return f"{limit // MEBIBYTE}MB" if limit % MEBIBYTE == 0 else f"{limit} bytes"


def require_path(path: str, field: str, *, location: str = "body") -> None:
    if problem := file_path_problem(path):
        raise Invalid("Invalid file path", [FieldError(location, field, problem)])


def at(db: Session, site: Site, path: str) -> File | None:
    """The newest row at a path, in whatever case it is spelled there."""
    query = select(File).where(File.site_id == site.id, File.path_digest == file_key(path))
    return db.scalar(query, execution_options={"populate_existing": True})


def named(db: Session, site: Site, path: str) -> File:
    """What lies at exactly that path: another case is another name, though both cannot lie in one tree."""
    file = at(db, site, path)
    if file is None or file.path != path:
        raise NotFound("File or directory not found")
    return file


def below(db: Session, site: Site, top: File) -> Sequence[Row[uuid.UUID, str, int, bool]]:
    """`id`, `path`, `size`, `is_directory` of everything under a directory, however deep; under a file is nothing."""
    if not top.is_directory:
        return ()
    within = File.path.startswith(f"{top.path}/", autoescape=True)
    query = select(File.id, File.path, File.size, File.is_directory).where(File.site_id == site.id, within)
    return db.execute(query).all()


def ancestors(path: str) -> list[str]:
    """The directories above a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def slices(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The values in portions that fit one statement of either database."""
    for start in range(0, len(values), _MOST_PARAMETERS):
        yield values[start : start + _MOST_PARAMETERS]


def make_directories(db: Session, site: Site, path: str) -> int:
    """Make the directories above a path that are not there yet, and say how many; raises Conflict where one cannot,
    LimitExceeded where they become too many."""
    keys = {file_key(directory): directory for directory in ancestors(path)}
    rows = db.scalars(select(File).where(File.site_id == site.id, File.path_digest.in_(keys)))
    known = {row.path_digest: row for row in rows}
    for key, directory in keys.items():
        present = known.get(key)
        if present is None:
            db.add(new_row(site, directory, is_directory=True))
        elif not present.is_directory:
            raise Conflict(f"{present.path} is a file: nothing can lie below it")
        elif present.path != directory:
            raise Conflict(f"The site has {present.path}, which some file systems cannot tell from {directory}")
    db.flush()
    if len(known) < len(keys):
        _require_few_directories(db, site)
    return len(keys) - len(known)


def _require_few_directories(db: Session, site: Site) -> None:
    measured = select(func.count(), func.coalesce(func.sum(func.length(File.path)), 0))
    count, characters = db.execute(measured.where(File.site_id == site.id, File.is_directory)).one()
    if count > MOST_DIRECTORIES or characters > MOST_CHARACTERS:
        raise LimitExceeded(f"A site may have {MOST_DIRECTORIES} directories, and not such deep ones")


def new_row(site: Site, path: str, *, is_directory: bool = False) -> File:
    """A row of the tree that is not in the session yet; its content is the caller's to set."""
    return File(site_id=site.id, is_directory=is_directory, size=0, modified_at=now(), **place(path))


def place(path: str) -> dict[str, Any]:
    """The columns that say where a row lies."""
    parent = path.rpartition("/")[0]
    return {"path": path, "path_digest": file_key(path), "parent_digest": file_key(parent)}
