"""The tree of a site: files of a SelfManaged site, assets of a FullyManaged one.

Contents are objects, stored before the row that names them is committed. Every write holds the site's row lock, so
that the counters equal the sum of the files and no number of simultaneous writes passes a limit by a byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid, LimitExceeded, NotFound
from pubsite.models import File, Site, now
from pubsite.models.paths import file_key, file_path_problem
from pubsite.services import sites

MEBIBYTE = 1_048_576
# PostgreSQL takes at most 65,535 parameters a statement, SQLite 32,766.
_MOST_PARAMETERS = 10_000


class Objects(Protocol):
    """What files need of the object store."""

    def put(self, body: bytes) -> str: ...
    def get(self, digest: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that one file, and the files of one site together, may have."""

    file_size: int
    site_size: int


def list_directory(db: Session, site: Site, path: str) -> Sequence[File]:
    """One level of the tree, directories first, then by name; raises NotFound for what is no directory."""
    if path:
        _require_path(path, "path", location="querystring")
        directory = _at(db, site, path)
        if directory is None or not directory.is_directory or directory.path != path:
            raise NotFound("Directory not found")
    rows = db.scalars(select(File).where(File.site_id == site.id, File.parent_digest == file_key(path))).all()
    return sorted(rows, key=lambda row: (not row.is_directory, row.path))


def find(db: Session, site: Site, path: str) -> File:
    """The file at a path; raises NotFound when there is none, Invalid when it is a directory or no path at all."""
    _require_path(path, "path", location="path")
    file = _named(db, site, path)
    if file.is_directory:
        raise Invalid.field("path", "is a directory", location="path")
    return file


def text_of(objects: Objects, file: File) -> str:
    """A file's content as text; raises Invalid when it is not UTF-8."""
    try:
        return objects.get(file.digest or "").decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not UTF-8 text (byte {error.start}); download it instead") from error


def put(db: Session, objects: Objects, site: Site, path: str, body: bytes, limits: Limits, *, field: str) -> File:
    """Write a file and the directories above it; `field` is the name under which the path was sent."""
    _require_path(path, field)
    require_size(len(body), limits, field="file")
    digest = objects.put(body)
    site = sites.lock(db, site)
    file = _at(db, site, path)
    if file is not None and file.path != path:
        raise Conflict(f"The site has {file.path}, which some file systems cannot tell from {path}")
    if file is not None and file.is_directory:
        raise Conflict(f"{path} is a directory")
    if file is not None and file.digest == digest:
        return file
    if file is None:
        _make_directories(db, site, path)
        file = new_row(site, path)
        db.add(file)
        site.files_count += 1
    count_bytes(site, len(body) - file.size, limits)
    file.digest, file.size, file.modified_at = digest, len(body), now()
    sites.content_changed(db, site)
    return file


def edit(db: Session, objects: Objects, site: Site, path: str, text: str, limits: Limits) -> File:
    """Replace the content of a text file that exists."""
    text_of(objects, find(db, site, path))
    return put(db, objects, site, path, text.encode(), limits, field="path")


def remove(db: Session, site: Site, path: str, *, recursive: bool = False) -> int:
    """Delete a file, an empty directory, or with `recursive` a whole tree; how many files and directories that were."""
    _require_path(path, "path", location="path")
    site = sites.lock(db, site)
    top = _named(db, site, path)
    below = _below(db, site, path) if top.is_directory else ()
    if below and not recursive:
        raise Conflict(f"The directory {path} is not empty: delete what is in it, or send ?recursive=true")
    for file in (top, *below):
        site.files_bytes -= file.size
        site.files_count -= not file.is_directory
        db.delete(file)
    sites.content_changed(db, site)
    return 1 + len(below)


def require_size(size: int, limits: Limits, *, field: str) -> None:
    """Raise LimitExceeded for a file over the limit."""
    if size > limits.file_size:
        message = f"File size exceeds {_shown(limits.file_size)} limit"
        raise LimitExceeded(
            message, [FieldError("body", field, f"{size} bytes are over the limit of {limits.file_size}")]
        )


def count_bytes(site: Site, added: int, limits: Limits) -> None:
    """Move the quota's counter of a locked site; raises LimitExceeded when it would pass the limit."""
    total = site.files_bytes + added
    if added > 0 and total > limits.site_size:
        message = f"Site total size would exceed {_shown(limits.site_size)} limit"
        problem = f"{site.files_bytes} bytes and {added} more are over the limit of {limits.site_size}"
        raise LimitExceeded(message, [FieldError("body", "file", problem)])
    site.files_bytes = total


def _shown(limit: int) -> str:
    return f"{limit // MEBIBYTE}MB" if limit % MEBIBYTE == 0 else f"{limit} bytes"


def _require_path(path: str, field: str, *, location: str = "body") -> None:
    if problem := file_path_problem(path):
        raise Invalid("Invalid file path", [FieldError(location, field, problem)])


def _at(db: Session, site: Site, path: str) -> File | None:
    return db.scalar(select(File).where(File.site_id == site.id, File.path_digest == file_key(path)))


def _named(db: Session, site: Site, path: str) -> File:
    """What lies at exactly that path: another case is another name, though both cannot lie in one tree."""
    file = _at(db, site, path)
    if file is None or file.path != path:
        raise NotFound("File or directory not found")
    return file


def _below(db: Session, site: Site, path: str) -> Sequence[File]:
    """Everything under a directory, however deep."""
    query = select(File).where(File.site_id == site.id, File.path.startswith(f"{path}/", autoescape=True))
    return db.scalars(query).all()


def ancestors(path: str) -> list[str]:
    """The directories above a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def slices(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in portions that fit one statement of either database."""
    for start in range(0, len(values), _MOST_PARAMETERS):
        yield values[start : start + _MOST_PARAMETERS]


def _make_directories(db: Session, site: Site, path: str) -> None:
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


def new_row(site: Site, path: str, *, is_directory: bool = False) -> File:
    """A row of the tree that is not in the session yet; its content is the caller's to set."""
    return File(
        site_id=site.id,
        path=path,
        path_digest=file_key(path),
        parent_digest=file_key(path.rpartition("/")[0]),
        is_directory=is_directory,
        size=0,
        modified_at=now(),
    )
