"""Moving a file, or a directory with all that lies below it, within a site's tree."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, FieldError, Invalid
from pubsite.models import File, Site
from pubsite.models.paths import file_key, file_path_problem
from pubsite.services import files, sites

_SHOWN = 100


def move(db: Session, site: Site, source: str, target: str, *, overwrite: bool = False) -> File:
    """What lies at `source` comes to lie at `target`; the row that moved.

    Raises NotFound, Conflict where something lies at the target (a file makes way for a file with `overwrite`), and
    Invalid for paths that are none, a target below the source, or a path below it that would be too long.
    """
    files.require_path(source, "from")
    files.require_path(target, "to")
    site = sites.lock(db, site)
    moved = files.named(db, site, source)
    if source == target:
        return moved
    if file_key(source) in {file_key(directory) for directory in files.ancestors(target)}:
        raise Invalid.field("to", f"lies below {source}, which is to move")
    _make_way(db, site, moved, target, overwrite=overwrite)
    files.make_directories(db, site, target)
    paths = {row.id: target + row.path[len(source) :] for row in files.below(db, site, moved)}
    _check(db, site, moved, {path: file_key(path) for path in paths.values()})
    changes = [{"id": key, **files.place(path)} for key, path in paths.items()]
    for column, value in files.place(target).items():
        setattr(moved, column, value)
    db.flush()
    if changes:
        db.execute(update(File), changes)
    sites.content_changed(db, site)
    return moved


def _make_way(db: Session, site: Site, moved: File, target: str, *, overwrite: bool) -> None:
    """Remove the file at the target; raises Conflict unless that is asked for and possible."""
    present = files.at(db, site, target)
    if present is None or present is moved:  # itself, in another case
        return
    if present.path != target:
        raise Conflict(f"The site has {present.path}, which some file systems cannot tell from {target}")
    if present.is_directory or moved.is_directory:
        raise Conflict(f"{target} exists, and a directory neither replaces anything nor is replaced")
    if not overwrite:
        raise Conflict(f'{target} exists: send "overwrite": true to replace it')
    files.forget(db, site, [present])


def _check(db: Session, site: Site, moved: File, keys: Mapping[str, str]) -> None:
    """Refuse paths below a moved directory that are none, or that collide with what stays where it is."""
    for path in keys:
        if problem := file_path_problem(path):
            message = f"{problem}; below it there would be …{path[-_SHOWN:]}"
            raise Invalid("Invalid file path", [FieldError("body", "to", message)])
    stays = ~File.path.startswith(f"{moved.path}/", autoescape=True)
    for some in files.slices(list(keys.values())):
        query = select(File.path).where(File.site_id == site.id, File.path_digest.in_(some), stays)
        if (other := db.scalar(query.limit(1))) is not None:
            raise Conflict(f"The site has {other}, which some file systems cannot tell from what would be moved there")
