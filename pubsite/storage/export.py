"""Bundles written out: as a reproducible archive, or as a folder. The same bundle and origin give the same bytes.

What a plain set of files cannot say (redirects), or a file system cannot hold, is named and never dropped silently.
An archive carries that list and the bundle's digest in its comment, so that unpacking it reports the same.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol, cast

from pubsite.errors import Invalid
from pubsite.storage.manifests import ORIGIN_TOKEN, FileEntry, Manifest, RedirectEntry
from pubsite.storage.objects import ObjectStore
from pubsite.storage.tree_writer import TreeWriter, name_problem

ArchiveFormat = Literal["tar.gz", "zip"]

_MODE = 0o644
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_UNIX = 3
_LEVEL = 6
_COMMENT = "pubsite bundle "
_ZIP_COMMENT_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class ExportReport:
    """`files` and `bytes` written (before compression), the bundle's `digest`, and what could not be expressed."""

    files: int
    bytes: int
    digest: str
    not_expressed: tuple[str, ...]


class _Writer(Protocol):
    def add(self, path: str, body: bytes) -> str | None:
        """Write one output; a text that says why it cannot be held, or None."""
        ...


def write_archive(
    objects: ObjectStore, manifest: Manifest, fileobj: IO[bytes], *, format: ArchiveFormat, origin: str
) -> ExportReport:
    """Write the bundle as an archive into `fileobj`, which need not be seekable, one output in memory at a time.

    origin: `https://host` without a trailing slash, put where outputs need absolute URLs.
    """
    lost = [text for path, text in _not_files(manifest)]
    sink = cast("IO[bytes]", _Sink(fileobj))
    if format == "zip":
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            report = _write(objects, manifest, _Zip(archive), origin)
            archive.comment = _comment(manifest, lost).encode()[:_ZIP_COMMENT_BYTES]
        return report
    with gzip.GzipFile("", "wb", _LEVEL, sink, mtime=0) as packed:
        comment = {"comment": _comment(manifest, lost)}
        with tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, pax_headers=comment) as tar:
            report = _write(objects, manifest, _Tar(tar), origin)
            if not report.files:
                tar.addfile(_folder("."))  # readers take an archive without members for a damaged one
            return report


def write_tree(objects: ObjectStore, manifest: Manifest, directory: Path, *, origin: str) -> ExportReport:
    """Write the bundle into a folder that is new, empty, or holds an earlier export, which is replaced.

    Raises Conflict for any other folder.
    """
    with TreeWriter(directory) as tree:
        return _write(objects, manifest, tree, origin)


def not_expressed(fileobj: IO[bytes], *, format: ArchiveFormat) -> tuple[str, ...]:
    """What an archive of `write_archive` could not hold, read from its comment; a zip holds 64 KiB of that at most."""
    try:
        if format == "zip":
            with zipfile.ZipFile(fileobj) as archive:
                return tuple(_read_comment(archive.comment.decode(errors="ignore"))[1])
        with tarfile.open(fileobj=fileobj, mode="r|gz") as tar:
            tar.next()  # the comment comes before it
            return tuple(_read_comment(tar.pax_headers.get("comment", ""))[1])
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid("the archive is damaged, cut off, or not of pubsite", code="bad_archive") from error


def unpack_archive(fileobj: IO[bytes], directory: Path) -> ExportReport:
    """Write an archive made by `write_archive` in format tar.gz into a folder, under the rules of `write_tree`.

    Raises Invalid for anything else, with nothing outside of `directory` touched.
    """
    try:
        with tarfile.open(fileobj=fileobj, mode="r|gz") as tar:
            tar.next()  # the comment comes before it
            digest, lost = _read_comment(tar.pax_headers.get("comment", ""))
            files, size = _unpack(tar, directory, lost)
            return ExportReport(files, size, digest, tuple(lost))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid("the archive is damaged, cut off, or not of pubsite", code="bad_archive") from error


def _unpack(tar: tarfile.TarFile, directory: Path, lost: list[str]) -> tuple[int, int]:
    files = size = 0
    with TreeWriter(directory) as tree:
        for member in tar:
            if member.name == ".":
                continue
            if not member.isreg():
                raise Invalid(f"{member.name} is no regular file", code="bad_archive")
            body = cast("IO[bytes]", tar.extractfile(member)).read()
            if problem := tree.add("/" + member.name, body):
                lost.append(problem)
            else:
                files, size = files + 1, size + len(body)
    return files, size


def _write(objects: ObjectStore, manifest: Manifest, writer: _Writer, origin: str) -> ExportReport:
    files = size = 0
    lost = dict(_not_files(manifest))
    for path, entry in manifest.entries():
        if path in lost or not isinstance(entry, FileEntry):
            continue
        body = objects.get(entry.digest)
        if entry.origin:
            body = body.replace(ORIGIN_TOKEN.encode(), origin.encode())
        if problem := writer.add(path, body):
            lost[path] = problem
        else:
            files, size = files + 1, size + len(body)
    return ExportReport(files, size, manifest.digest, tuple(text for _, text in sorted(lost.items())))


def _not_files(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """(path, what is lost) of everything that no archive and no folder can hold."""
    for path, entry in manifest.entries():
        if isinstance(entry, RedirectEntry):
            yield path, f"redirect {path} → {entry.target} ({entry.status})"
        elif problem := name_problem(path):
            yield path, problem


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, path: str, body: bytes) -> None:
        member = tarfile.TarInfo(path[1:])
        member.size = len(body)
        member.mode = _MODE
        self._archive.addfile(member, io.BytesIO(body))


def _folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    return member


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, path: str, body: bytes) -> None:
        member = zipfile.ZipInfo(path[1:], _ZIP_TIME)
        member.create_system = _ZIP_UNIX
        member.external_attr = (0o100000 | _MODE) << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(member, body)


class _Sink:
    """A file that can only be written to: so an archive's bytes do not depend on whether its file can seek."""

    def __init__(self, fileobj: IO[bytes]) -> None:
        self._fileobj = fileobj

    def write(self, data: Any) -> int:
        self._fileobj.write(data)
        return len(data)

    def flush(self) -> None:
        self._fileobj.flush()


def _comment(manifest: Manifest, lost: list[str]) -> str:
    return "\n".join([_COMMENT + manifest.digest, *lost])


def _read_comment(comment: str) -> tuple[str, list[str]]:
    first, *lost = comment.split("\n")
    if not first.startswith(_COMMENT):
        raise Invalid("the archive holds no bundle", code="bad_archive")
    return first.removeprefix(_COMMENT), lost
