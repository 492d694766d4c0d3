"""A folder of the caller's machine, read once: which files can be sent, and what was left out and why.

Follows links to files inside the folder only, opens nothing but regular files, and drops nothing without naming it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pubsite.errors import Problem
from pubsite.models.paths import file_key, file_path_problem

LARGEST_FILE = 64 * 1024 * 1024  # a larger one fits no request
IGNORED_FOLDERS = {"__pycache__", "node_modules"}
PUBLISHED_HIDDEN = {".well-known"}  # RFC 8615


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file: its path in the tree (relative, `/`, NFC) and where it lies."""

    path: str
    file: Path
    size: int

    def read(self) -> bytes:
        return self.file.read_bytes()

    def digest(self) -> str:
        with self.file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Tree:
    """files: sorted by path. hidden: left out because of their name. problems: left out for all other reasons."""

    files: tuple[TreeFile, ...]
    hidden: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_tree(directory: Path, *, file_limit: int = LARGEST_FILE) -> Tree:
    """Every file below `directory` that can be read and named; files over `file_limit` bytes are problems."""
    walk = _Walk(directory.resolve(), min(file_limit, LARGEST_FILE))
    walk.folder(walk.root, "")
    files = sorted(walk.files, key=lambda file: file.path)
    return Tree(tuple(files), tuple(sorted(walk.hidden)), tuple(walk.problems))


def without_collisions(files: Sequence[TreeFile]) -> tuple[tuple[TreeFile, ...], tuple[Problem, ...]]:
    """The files that one site can hold together, and a problem for each other one.

    Of two that a file system which folds case could not keep apart, folders included, the first stays.
    """
    taken: dict[str, tuple[str, bool]] = {}
    kept: list[TreeFile] = []
    problems: list[Problem] = []
    for file in files:
        parents = [file.path[: place + 1] for place, character in enumerate(file.path) if character == "/"]
        wanted = {file_key(path.rstrip("/")): (path, path.endswith("/")) for path in [*parents, file.path]}
        other = next((taken[key] for key, entry in wanted.items() if taken.get(key, entry) != entry), None)
        if other is None:
            taken.update(wanted)
            kept.append(file)
        else:
            text = f"cannot be told from {other[0]} where case is folded; rename one of them"
            problems.append(Problem("error", file.path, "collision", text))
    return tuple(kept), tuple(problems)


class _Walk:
    def __init__(self, root: Path, file_limit: int) -> None:
        self.root = root
        self.file_limit = file_limit
        self.files: list[TreeFile] = []
        self.hidden: list[str] = []
        self.problems: list[Problem] = []

    def folder(self, folder: Path, prefix: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._problem(prefix.rstrip("/") or ".", "unreadable", f"cannot be read: {error.strerror}")
            return
        for entry in entries:
            path = unicodedata.normalize("NFC", prefix + entry.name)
            if (entry.name.startswith(".") and entry.name not in PUBLISHED_HIDDEN) or entry.name in IGNORED_FOLDERS:
                self.hidden.append(printable(path))
            elif entry.is_dir(follow_symlinks=False):
                self.folder(Path(entry.path), path + "/")
            else:
                self._file(Path(entry.path), path, linked=entry.is_symlink())

    def _file(self, file: Path, path: str, *, linked: bool) -> None:
        try:
            if linked and not file.resolve(strict=True).is_relative_to(self.root):
                self._problem(path, "link_outside", "a symbolic link that leads out of the folder; copy the file here")
                return
            status = file.stat()
        except (OSError, RuntimeError) as error:
            self._problem(path, "unreadable", f"cannot be read: {getattr(error, 'strerror', None) or 'a link loop'}")
            return
        if stat.S_ISDIR(status.st_mode):
            self._problem(path, "linked_folder", "a symbolic link to a folder; linked folders are not followed")
        elif not stat.S_ISREG(status.st_mode):
            self._problem(path, "special_file", "no regular file")
        elif not os.access(file, os.R_OK):
            self._problem(path, "unreadable", "cannot be read: permission denied")
        elif wrong := _name_problem(path):
            self._problem(path, "bad_name", f"the name {wrong}; rename the file")
        elif status.st_size > self.file_limit:
            text = f"{status.st_size:,} bytes, over the limit of {self.file_limit:,} bytes a file"
            self._problem(path, "too_large", text)
        else:
            self.files.append(TreeFile(path, file, status.st_size))

    def _problem(self, path: str, code: str, message: str) -> None:
        self.problems.append(Problem("error", printable(path), code, message))


def _name_problem(path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    return file_path_problem(path)


def printable(path: str) -> str:
    """The path as text that any terminal and any JSON reader takes: bytes that are no UTF-8 become `\\udcxx`."""
    return path.encode("utf-8", "backslashreplace").decode()
