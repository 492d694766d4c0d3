"""Tar archives: ustar, GNU and pax, of which only names are taken; links, devices and sparse files are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pubsite.storage.unpacking.entries import Allow, Entry, decoded, refuse
from pubsite.storage.unpacking.streams import Reader

_BLOCK = 512
_LONGEST_HEADER = 65_536
_MOST_OF_HEADERS = 67_108_864
_MOST_AHEAD = 4  # one of each kind
_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ([^=\0]+)=")
_UTF8 = "ISO-IR 10646 2000 UTF-8"
_FILE, _OLD_FILE, _CONTIGUOUS, _DIRECTORY = b"0", b"\0", b"7", b"5"
_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL = b"L", b"K", b"x", b"g"
_KINDS = {
    b"1": "is a hard link",
    b"2": "is a symbolic link",
    b"3": "is a device",
    b"4": "is a device",
    b"6": "is a fifo",
    b"S": "is a sparse file",
    b"M": "is the rest of a file in another archive",
    b"V": "is the label of a volume",
    b"D": "is an incremental directory",
}


@dataclass(frozen=True, slots=True)
class _Member:
    """A header block. Its name may be a stand-in for that of an extended header, so that it is not decoded yet."""

    raw_name: bytes
    size: int
    kind: bytes

    @property
    def shown(self) -> str:
        return self.raw_name.decode(errors="backslashreplace")


@dataclass(slots=True)
class _Ahead:
    """What extended headers say of the next member."""

    names: list[str] = field(default_factory=list)
    size: int | None = None
    headers: int = 0


def is_tar(block: bytes) -> bool:
    """Whether that is a header: the sum of its bytes stands in it."""
    if len(block) < _BLOCK:
        return False
    return _octal(block[148:156]) == sum(block) - sum(block[148:156]) + 8 * 32


def read_tar(stream: Reader, allow: Allow, most: int) -> Iterator[Entry]:
    """See `read_archive`."""
    ahead, headers, count = _Ahead(), 0, 0
    while (block := stream.take(_BLOCK)).count(0) != _BLOCK:
        if not is_tar(block):
            raise refuse("", "is damaged" if count else "holds no tar")
        member = _member(block)
        if member.kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL):
            headers += member.size
            if headers > _MOST_OF_HEADERS or ahead.headers == _MOST_AHEAD:
                raise refuse(member.shown, "has too many headers")
            _extend(ahead, member, _body(stream, member, _LONGEST_HEADER))
            continue
        count += 1
        if count > most:
            raise refuse("", f"has more than {most} entries")
        yield _entry(stream, member, _name(member, ahead), allow)
        ahead = _Ahead()
    if stream.take(_BLOCK).count(0) != _BLOCK or ahead.names:
        raise refuse("", "is damaged")
    stream.end()


def _member(block: bytes) -> _Member:
    raw_name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].partition(b"\0")[0]):
        raw_name = prefix + b"/" + raw_name
    kind = block[156:157]
    if kind == _OLD_FILE:
        kind = _DIRECTORY if raw_name.endswith(b"/") else _FILE
    size = _number(block[124:136])
    member = _Member(raw_name, size or 0, kind)
    if size is None:
        raise refuse(member.shown, "its size is no number")
    return member


def _name(member: _Member, ahead: _Ahead) -> str:
    if len(ahead.names) > 1:
        raise refuse(ahead.names[0], "has two names")
    name = ahead.names[0] if ahead.names else decoded(member.raw_name)
    if ahead.size not in (None, member.size):
        raise refuse(name, "has two sizes")
    return name


def _entry(stream: Reader, member: _Member, name: str, allow: Allow) -> Entry:
    if member.kind == _DIRECTORY:
        if member.size:
            raise refuse(name, "is a directory with content")
        return Entry(name.removesuffix("/"), None)
    if member.kind not in (_FILE, _CONTIGUOUS):
        raise refuse(name, _KINDS.get(member.kind, "is neither a file nor a directory"))
    allow(name, member.size)
    return Entry(name, _body(stream, member, member.size))


def _body(stream: Reader, member: _Member, limit: int) -> bytes:
    if member.size > limit:
        raise refuse(member.shown, f"has a header over {limit} bytes")
    padded = stream.take(member.size + -member.size % _BLOCK)
    return padded[: member.size]


def _extend(ahead: _Ahead, member: _Member, body: bytes) -> None:
    ahead.headers += 1
    if member.kind == _LONG_NAME:
        ahead.names.append(decoded(body.rstrip(b"\0")))
    for key, value in _records(body) if member.kind in (_PAX, _PAX_OF_ALL) else ():
        if key.startswith("GNU.sparse."):
            raise refuse(member.shown, "is a sparse file")
        if key == "hdrcharset" and value != _UTF8.encode():
            raise refuse(member.shown, "its name is not UTF-8")
        if member.kind == _PAX_OF_ALL and key in ("path", "size", "linkpath"):
            raise refuse("", f"gives all its entries one {key}")
        if key == "path":
            ahead.names.append(decoded(value))
        if key == "size":
            ahead.size = _decimal(value)


def _records(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The `length key=value` lines of a pax header (POSIX.1-2001)."""
    at = 0
    while at < len(body):
        match = _RECORD.match(body, at)
        end = at + int(match[1]) if match else 0
        if match is None or end < match.end() + 1 or body[end - 1 : end] != b"\n":
            raise refuse("", "has a damaged header")
        yield decoded(match[2]), body[match.end() : end - 1]
        at = end


def _number(digits: bytes) -> int | None:
    """Octal digits, or with the highest bit set the big-endian number that GNU writes for large ones."""
    return int.from_bytes(digits[1:]) if digits[0] == 0x80 else _octal(digits)


def _octal(digits: bytes) -> int | None:
    text = digits.strip(b" \0")
    return None if text.strip(b"01234567") else int(text or b"0", 8)


def _decimal(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) < 20 else -1
