"""Files and directories written as an archive: the same ones give the same bytes, whenever and wherever.

Fixed times, owners, modes and order; nothing of the clock and nothing of this machine.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from typing import IO, Literal

ArchiveFormat = Literal["tar.gz", "zip"]

_FILE, _DIRECTORY = 0o644, 0o755
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_UNIX = 3
_LEVEL = 6


def write_files(entries: Iterable[tuple[str, bytes | None]], file: IO[bytes], *, format: ArchiveFormat) -> None:
    """Write (path, bytes) of files and (path, None) of directories, one in memory at a time, in the order given."""
    if format == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for path, body in entries:
                archive.writestr(_zip_entry(path, body), body or b"")
        return
    with (
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        empty = True
        for path, body in entries:
            tar.addfile(_tar_entry(path, body), io.BytesIO(body or b""))
            empty = False
        if empty:
            tar.addfile(_tar_entry(".", None))  # readers take an archive without members for a damaged one


def _zip_entry(path: str, body: bytes | None) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path if body is not None else f"{path}/", _ZIP_TIME)
    entry.create_system = _ZIP_UNIX
    entry.external_attr = (0o100000 | _FILE) << 16 if body is not None else (0o040000 | _DIRECTORY) << 16 | 0x10
    entry.compress_type = zipfile.ZIP_DEFLATED if body else zipfile.ZIP_STORED
    return entry


def _tar_entry(path: str, body: bytes | None) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type = tarfile.REGTYPE if body is not None else tarfile.DIRTYPE
    entry.mode = _FILE if body is not None else _DIRECTORY
    entry.size = len(body or b"")
    return entry
