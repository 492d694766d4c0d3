"""Where a zip's directory lies: the record at its very end, its wide form (zip64), and wide numbers of entries."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pubsite.storage.unpacking.entries import refuse

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_WIDE_END = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 65_535
_WIDE_COUNT, _WIDE = 0xFFFF, 0xFFFFFFFF


class Directory(NamedTuple):
    start: int
    end: int
    entries: int


def directory(data: bytes) -> Directory:
    """The place of the directory; raises Invalid unless it ends where the archive's last record begins."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _LONGEST_COMMENT - _END.size))
    if at < 0 or at + _END.size > len(data):
        raise refuse("", "is cut off, or has other data behind its end")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, at)
    if at + _END.size + comment != len(data):
        raise refuse("", "is cut off, or has other data behind its end")
    found = Directory(start, at, count)
    if data[max(0, at - _LOCATOR.size) :].startswith(b"PK\x06\x07"):
        found = _wide(data, at - _LOCATOR.size, (here, count, size, start))
        here, size = found.entries, found.end - found.start
    if disk or first_disk or here != found.entries:
        raise refuse("", "has several parts: send it as one")
    if found.start + size != found.end:
        raise refuse("", "is damaged: its directory does not lie where it says")
    return found


def _wide(data: bytes, locator: int, narrow: tuple[int, int, int, int]) -> Directory:
    """The directory by its wide record, which must say what the narrow one says as far as that can."""
    _, disk, at, disks = _LOCATOR.unpack_from(data, locator)
    if disk or disks != 1 or at + _WIDE_END.size != locator:
        raise refuse("", "has a zip64 record that does not lie where it says")
    signature, length, _, _, disk, first_disk, *numbers = _WIDE_END.unpack_from(data, at)
    if signature != b"PK\x06\x06" or length != _WIDE_END.size - 12 or disk or first_disk:
        raise refuse("", "has a zip64 record that is none")
    here, count, size, start = numbers
    limits = (_WIDE_COUNT, _WIDE_COUNT, _WIDE, _WIDE)
    if any(told not in (real, limit) for told, real, limit in zip(narrow, numbers, limits, strict=True)):
        raise refuse("", "has two records of its end that differ")
    if here != count or start + size != at:
        raise refuse("", "is damaged: its directory does not lie where it says")
    return Directory(start, at, count)


def wide(name: str, extra: bytes, *numbers: int) -> tuple[int, ...]:
    """An entry's numbers, those that are all ones taken from its zip64 field; raises Invalid when they are not there.

    The field holds them in the order size, compressed size, offset. Without it, all ones are what they are.
    """
    if not extra:
        return numbers
    found, at = [], 0
    for number in numbers:
        if number == _WIDE:
            if at + 8 > len(extra):
                raise refuse(name, "has a zip64 field that is too short")
            number = struct.unpack_from("<Q", extra, at)[0]
            at += 8
        found.append(number)
    return tuple(found)
