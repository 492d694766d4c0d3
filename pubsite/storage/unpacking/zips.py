"""Zip archives (APPNOTE 6.3): the central directory is read, and every local header must say the same.

The entries must fill the file from its first byte to the directory, and the directory and its end the rest: so that
nothing overlaps, nothing is hidden, and every reader finds the same files.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pubsite.storage.unpacking.entries import Allow, Entry, decoded, refuse
from pubsite.storage.unpacking.zip_ends import Directory, directory, wide

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIBED, _PATCHED, _STRONG, _MASKED = 1, 8, 32, 64, 8192
_UTF8 = 0x800
_MUST_AGREE = _ENCRYPTED | _DESCRIBED | _PATCHED | _STRONG | _MASKED | _UTF8
_WIDE = 0xFFFFFFFF
_UNICODE_PATH = 0x7075
_DESCRIPTOR = b"PK\x07\x08"


@dataclass(frozen=True, slots=True)
class _Member:
    """A line of the central directory. `start`: of its local header."""

    raw_name: bytes
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int


def read_zip(data: bytes, allow: Allow, most: int) -> Iterator[Entry]:
    """See `read_archive`."""
    where = directory(data)
    if where.entries > most:
        raise refuse("", f"has more than {most} entries")
    members = list(_members(data, where))
    for member in members:
        if not member.name.endswith("/"):
            allow(member.name, member.size)
        elif member.size:
            raise refuse(member.name, "is a directory with content")
    bodies = _places(data, members, where.start)
    for member in members:
        body = _body(memoryview(data)[bodies[member.start] :][: member.packed], member)
        yield Entry(member.name[:-1], None) if member.name.endswith("/") else Entry(member.name, body)


def _members(data: bytes, where: Directory) -> Iterator[_Member]:
    at = where.start
    for _ in range(where.entries):
        if at + _CENTRAL.size > where.end:
            raise refuse("", "is damaged: its directory ends too early")
        fields = _CENTRAL.unpack_from(data, at)
        lengths = fields[10:13]
        name_end = at + _CENTRAL.size + lengths[0]
        extra = data[name_end : name_end + lengths[1]]
        if fields[0] != b"PK\x01\x02" or name_end + lengths[1] + lengths[2] > where.end:
            raise refuse("", "is damaged: its directory is none")
        yield _member(fields, data[at + _CENTRAL.size : name_end], extra)
        at = name_end + lengths[1] + lengths[2]
    if at != where.end:
        raise refuse("", "has a directory of more entries than it says")


def _member(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> _Member:
    flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
    disk, attributes, start = fields[13], fields[15], fields[16]
    name = decoded(raw_name)
    fields_of = dict(_extras(extra))
    size, packed, start = wide(name, fields_of.get(1, b""), size, packed, start)
    if flags & (_ENCRYPTED | _STRONG | _MASKED):
        raise refuse(name, "is encrypted")
    if flags & _PATCHED or method not in (_STORED, _DEFLATED):
        raise refuse(name, f"is compressed by a method (number {method}) other than deflate")
    if disk:
        raise refuse(name, "lies in another part of the archive")
    if _UNICODE_PATH in fields_of and fields_of[_UNICODE_PATH][5:] != raw_name:
        raise refuse(name, "has two names")
    if problem := _kind_problem(attributes >> 16, name):
        raise refuse(name, problem)
    if method == _STORED and packed != size:
        raise refuse(name, "has two sizes")
    return _Member(raw_name, name, flags, method, crc, packed, size, start)


def _kind_problem(mode: int, name: str) -> str | None:
    """What is wrong with an entry of that Unix mode (0 where the archive was made elsewhere)."""
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a directory"
    if kind and (kind == stat.S_IFDIR) is not name.endswith("/"):
        return "is a file by its name and a directory by its mode, or the reverse"
    return None


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + size]
        at += 4 + size


def _places(data: bytes, members: list[_Member], end: int) -> dict[int, int]:
    """Start of an entry → where its bytes begin; raises Invalid unless the entries fill the file up to `end`."""
    ordered = sorted(members, key=lambda member: member.start)
    starts = [member.start for member in ordered] + [end]
    if starts[0]:
        raise refuse("", "has other data before its first entry")
    bodies = {}
    for member, (start, following) in zip(ordered, pairwise(starts), strict=True):
        begin = bodies[start] = _begin(data, member, following)
        gap = following - begin - member.packed
        if gap < 0:
            raise refuse(member.name, "overlaps another entry")
        if gap and not _describes(data[following - gap : following], member):
            raise refuse(member.name, "is followed by data that belongs to no entry")
    return bodies


def _begin(data: bytes, member: _Member, end: int) -> int:
    """Where the bytes of an entry begin; raises Invalid unless its local header says what the directory says."""
    if member.start + _LOCAL.size > end:
        raise refuse(member.name, "overlaps another entry")
    signature, _, flags, method, _, _, *numbers, named, extended = _LOCAL.unpack_from(data, member.start)
    begin: int = member.start + _LOCAL.size + named + extended
    if signature != b"PK\x03\x04" or begin > end:
        raise refuse(member.name, "is damaged: its header is none")
    if data[begin - extended - named : begin - extended] != member.raw_name:
        raise refuse(member.name, "has two names")
    if method != member.method or (flags ^ member.flags) & _MUST_AGREE:
        raise refuse(member.name, "has two headers that differ")
    crc, packed, size = numbers
    extra = dict(_extras(data[begin - extended : begin]))
    size, packed, _ = wide(member.name, extra.get(1, b""), size, packed, 0)
    later = member.flags & _DESCRIBED  # the numbers stand behind the bytes
    for told, known in ((crc, member.crc), (packed, member.packed), (size, member.size)):
        if told != known and not (later and told in (0, _WIDE)):
            raise refuse(member.name, "has two sizes or checksums")
    if _UNICODE_PATH in extra and extra[_UNICODE_PATH][5:] != member.raw_name:
        raise refuse(member.name, "has two names")
    return begin


def _describes(descriptor: bytes, member: _Member) -> bool:
    """Whether that is the descriptor behind an entry's bytes: in one of its four forms, and true."""
    if not member.flags & _DESCRIBED:
        return False
    forms = (struct.pack(form, member.crc, member.packed, member.size) for form in ("<3L", "<LQQ"))
    return any(descriptor in (form, _DESCRIPTOR + form) for form in forms)


def _body(packed: memoryview, member: _Member) -> bytes:
    body = bytes(packed) if member.method == _STORED else _inflated(packed, member)
    if zlib.crc32(body) != member.crc:
        raise refuse(member.name, "is damaged")
    return body


def _inflated(packed: memoryview, member: _Member) -> bytes:
    engine = zlib.decompressobj(-15)
    try:
        body = engine.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise refuse(member.name, "is damaged") from error
    if len(body) != member.size or not engine.eof or engine.unused_data:
        raise refuse(member.name, "is not as long as it says")
    return body
