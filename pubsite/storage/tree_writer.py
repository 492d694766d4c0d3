"""The one writer of user paths to a disk. Every step is taken from an open folder (openat) and follows no link.

It writes into a new or empty folder, or one that bears the marker of an earlier export, whose files it first takes
away: those that the marker names and nothing else. A file is created, never overwritten.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pubsite.errors import Conflict

# One JSON text a line: a heading, then the path of each file, appended when it has been created.
MARKER = ".pubsite-export"

_HEADING = "pubsite export 1"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_HOLD = {
    errno.ENAMETOOLONG: "its name is too long for the file system",
    errno.EINVAL: "its name is not possible on the file system",
    errno.EILSEQ: "its name is not possible on the file system",
    errno.EEXIST: "something else has that name there",
    errno.ENOTDIR: "one of its folders is a file or a link there",
    errno.ELOOP: "one of its folders is a link there",
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
    """A context manager around `add`. A writer that is killed leaves a folder that the next one can replace."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folders: list[tuple[str, int]] = []  # (name, handle) from the top to where the last file went
        self._marker = -1

    def __enter__(self) -> TreeWriter:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._folders = [("", os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))]
        try:
            if os.listdir(self._here):
                self._clear()
            self._marker = os.open(MARKER, _NEW_FILE | os.O_APPEND, 0o644, dir_fd=self._here)
            self._mark(_HEADING)
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
        except OSError as error:
            if error.errno in _CANNOT_HOLD:
                return _problem(path, _CANNOT_HOLD[error.errno])
            raise
        except UnicodeEncodeError:
            return _problem(path, _CANNOT_HOLD[errno.EILSEQ])
        with open(handle, "wb") as file:
            self._mark(path)
            file.write(body)
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(0)
        os.close(self._marker)
        os.sync()  # once for all files: an export is repeated rather than repaired

    @property
    def _here(self) -> int:
        return self._folders[-1][1]

    def _mark(self, text: str) -> None:
        os.write(self._marker, json.dumps(text).encode() + b"\n")

    def _enter(self, names: list[str], *, make: bool = True) -> None:
        """Go to the folder of those names, from the last one that it shares with where we are."""
        shared = 0
        for (opened, _), name in zip(self._folders[1:], names, strict=False):
            if opened != name:
                break
            shared += 1
        self._leave(1 + shared)
        for name in names[shared:]:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=self._here)
            self._folders.append((name, os.open(name, _FOLDER, dir_fd=self._here)))

    def _leave(self, depth: int) -> None:
        while len(self._folders) > depth:
            os.close(self._folders.pop()[1])

    def _clear(self) -> None:
        """Take away what the marker names, and the folders that are empty then; the marker last."""
        paths = self._marked()
        for path in paths:
            with suppress(OSError):
                self._enter(path.split("/")[1:-1], make=False)
                os.unlink(path.rpartition("/")[2], dir_fd=self._here)
        for folder in sorted({parent for path in paths for parent in _parents(path)}, key=len, reverse=True):
            with suppress(OSError):  # something else lies in it: it stays
                self._enter(folder.split("/")[1:-1], make=False)
                os.rmdir(folder.rpartition("/")[2], dir_fd=self._here)
        self._leave(1)
        os.unlink(MARKER, dir_fd=self._here)

    def _marked(self) -> list[str]:
        """The paths that an earlier export wrote; raises Conflict where there was none."""
        try:
            with open(os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._here), "rb") as file:
                heading, *lines = file.read().splitlines()
            if json.loads(heading) != _HEADING:
                raise ValueError(heading)
            paths = [json.loads(line) for line in lines if line.endswith(b'"')]
        except (OSError, ValueError) as error:
            message = f"{self._directory} is not empty, and no earlier export: name another folder, or empty it"
            raise Conflict(message, code="not_empty") from error
        return [path for path in paths if isinstance(path, str) and name_problem(path) is None]


def _parents(path: str) -> list[str]:
    """`/a/b/c.css` → `/a`, `/a/b`."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(2, len(parts))]


def _problem(path: str, reason: str) -> str:
    return f"file {path}: {reason}"
