"""Objects too big for the database, as read-only files `ab/cdef…` named by digest.

Write order: bytes, fsync, rename, fsync of the folder; only then may a row name the file. A file without a row is
left-over, never the reverse.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

BIG_FROM = 262_145


class BigFiles:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / "drafts"

    def draft(self, body: bytes) -> Path:
        """Write `body` durably under a name of its own; `place` gives it its digest's name."""
        self._make(self._drafts)
        handle, name = tempfile.mkstemp(dir=self._drafts)
        try:
            with open(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fchmod(handle, 0o444)
                os.fsync(handle)
        except BaseException:
            os.unlink(name)
            raise
        return Path(name)

    def place(self, drafts: Iterable[tuple[Path, str]]) -> None:
        """Move each (draft, digest) to its place, durably."""
        folders = set()
        for draft, digest in drafts:
            path = self._path(digest)
            self._make(path.parent)
            draft.replace(path)
            folders.add(path.parent)
        for folder in folders:
            sync_directory(folder)

    def read(self, digest: str) -> bytes:
        """The bytes; raises FileNotFoundError."""
        return self._path(digest).read_bytes()

    def folders(self) -> list[Path]:
        """The folders that hold objects."""
        return sorted(folder for folder in self._root.glob("??") if folder.is_dir())

    def digests(self, folder: Path) -> list[str]:
        return [folder.name + file.name for file in folder.iterdir()]

    def remove(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._path(digest).unlink(missing_ok=True)

    def remove_drafts(self, older_than: float) -> None:
        """Remove what writers that died left behind."""
        if self._drafts.is_dir():
            for draft in self._drafts.iterdir():
                with suppress(FileNotFoundError):
                    if draft.stat().st_mtime < older_than:
                        draft.unlink()

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:]

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            make_directory(folder)


def make_directory(folder: Path) -> None:
    """Make a folder and its parents, each name flushed in its parent."""
    if folder.is_dir():
        return
    make_directory(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_directory(folder.parent)


def sync_directory(folder: Path) -> None:
    """Flush the names in a folder: without it a power cut undoes a rename."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
