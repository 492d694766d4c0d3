"""The one writer of user paths to a disk. Every step is taken from an open folder (openat) and follows no link.

It writes into a new or empty folder, or one that bears the marker of an earlier export, whose files it first takes
away: those that the marker names and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pubsite.errors import Conflict

MARKER = ".pubsite-export"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_HOLD = {
    errno.ENAMETOOLONG: "its name is too long for the file system",
    errno.EINVAL: "its name is not possible on the file system",
    errno.EILSEQ: "its name is not possible on the file system",
    errno.EEXIST: "another output has that name on the file system",
    errno.EISDIR: "a folder has that name",
    errno.ENOTDIR: "one of its folders is a file",
    errno.ELOOP: "one of its folders is a link",
}


def name_problem(path: str) -> str | None:
    """Why no file can have the output path `path`, or None."""
    segments = path.split("/")[1:]
    if not path.startswith("/") or "\0" in path or any(segment in ("", ".", "..") for segment in segments):
        return _problem(path, "it names no file")
    if segments == [MARKER]:
        return _problem(path, "the name is reserved")
    return None


class TreeWriter:
    """A context manager; when it ends, also by an error, the marker names all that was written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folders: list[tuple[str, int]] = []  # the open folders from the top to where the last file went
        self._written: list[str] = []

    def __enter__(self) -> TreeWriter:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._folders = [("", os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))]
        try:
            self._clear()
        except BaseException:
            self._leave(0)
            raise
        return self

    def add(self, path: str, body: bytes) -> str | None:
        """Write one output; a text that says why the file system cannot hold it, or None."""
        if problem := name_problem(path):
            return problem
        *folders, name = path.split("/")[1:]
        try:
            self._enter(folders)
            handle = os.open(name, _NEW_FILE, 0o644, dir_fd=self._here)
        except UnicodeEncodeError:
            return _problem(path, _CANNOT_HOLD[errno.EILSEQ])
        except OSError as error:
            if error.errno in _CANNOT_HOLD:
                return _problem(path, _CANNOT_HOLD[error.errno])
            raise
        self._written.append(path)
        with open(handle, "wb") as file:
            file.write(body)
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(1)
        try:
            self._mark(self._written)
        finally:
            self._leave(0)
        os.sync()

    @property
    def _here(self) -> int:
        return self._folders[-1][1]

    def _enter(self, names: list[str], *, make: bool = True) -> None:
        """Open the folders of a path, from where the last one left off."""
        opened = [name for name, _ in self._folders[1:]]
        shared = next((n for n, (a, b) in enumerate(zip(opened, names, strict=False)) if a != b), None)
        self._leave(1 + (min(len(opened), len(names)) if shared is None else shared))
        for name in names[len(self._folders) - 1 :]:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=self._here)
            self._folders.append((name, os.open(name, _FOLDER, dir_fd=self._here)))

    def _leave(self, depth: int) -> None:
        while len(self._folders) > depth:
            os.close(self._folders.pop()[1])

    def _clear(self) -> None:
        if not os.listdir(self._here):
            self._mark([])
            return
        earlier = self._marked()
        for path in earlier:
            self._remove(path)
        self._leave(1)
        folders = {path.rpartition("/")[0] for path in earlier}
        parents = {parent for folder in folders for parent in _ancestors(folder)}
        for folder in sorted(parents, key=len, reverse=True):
            with suppress(OSError):  # something else lies in it: it stays
                self._enter(folder.split("/")[1:-1], make=False)
                os.rmdir(folder.rpartition("/")[2], dir_fd=self._here)
        self._leave(1)

    def _remove(self, path: str) -> None:
        *folders, name = path.split("/")[1:]
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._enter(folders, make=False)
            os.unlink(name, dir_fd=self._here)

    def _marked(self) -> list[str]:
        """The paths that an earlier export wrote; raises Conflict where there was none."""
        try:
            with open(os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._here), "rb") as file:
                paths = json.loads(file.read())["files"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Conflict(f"{self._directory} is not empty, and no earlier export", code="not_empty") from error
        return [path for path in paths if isinstance(path, str) and name_problem(path) is None]

    def _mark(self, paths: list[str]) -> None:
        body = json.dumps({"format": 1, "files": sorted(paths)}, ensure_ascii=False, indent=0).encode()
        with suppress(FileNotFoundError):
            os.unlink(MARKER, dir_fd=self._here)
        with open(os.open(MARKER, _NEW_FILE, 0o644, dir_fd=self._here), "wb") as file:
            file.write(body + b"\n")


def _ancestors(folder: str) -> list[str]:
    """`/a/b` → `/a/b`, `/a`."""
    parts = folder.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), 1, -1)]


def _problem(path: str, reason: str) -> str:
    return f"file {path}: {reason}"
