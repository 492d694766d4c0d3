"""Archives that somebody sent, read in memory: zip, tar, tar.gz and tar.zst, told by their first bytes.

Only plain files and directories pass. Whatever two readers could understand in two ways is refused, with the entry
named. Nothing is read beyond what an entry says to hold, and nothing at all before the caller has allowed its size.
"""

from __future__ import annotations

from collections.abc import Iterator

from pubsite.storage.unpacking.entries import Allow, Entry, refuse
from pubsite.storage.unpacking.streams import Reader, gunzip, pieces, unzstd
from pubsite.storage.unpacking.tars import is_tar, read_tar
from pubsite.storage.unpacking.zips import read_zip

__all__ = ["Allow", "Entry", "read_archive", "refuse"]

MOST_ENTRIES = 100_000

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def read_archive(data: bytes, allow: Allow, *, most: int = MOST_ENTRIES) -> Iterator[Entry]:
    """The entries in the archive's order, each once it is whole and sound; raises Invalid for what is not plain.

    allow: called with the name and size of each file before a byte of it is read; raises what it does not allow.
    """
    if data.startswith(_ZIP):
        return read_zip(data, allow, most)
    if data.startswith(_GZIP):
        return read_tar(Reader(gunzip(data)), allow, most)
    if data.startswith(_ZSTD):
        return read_tar(Reader(unzstd(data)), allow, most)
    if is_tar(data[:512]):
        return read_tar(Reader(pieces(data)), allow, most)
    raise refuse("", "is no zip, tar, tar.gz or tar.zst")
