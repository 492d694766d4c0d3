"""Answers (HTTP/1.1, RFC 9112), read whole or not at all, within a bound.

Not `http.client`'s reader: it takes an answer that ends within its headers or trailers for a whole one, 103 for the
last word, and `-5`, `0x5` or `5_0` for the size of a chunk. Whoever resends by what came back cannot live with that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

LONGEST_LINE = 65_536
MOST_FIELDS = 100
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,18}")


class Malformed(Exception):
    """What came is no whole answer, or too much; the message says why."""


class Headers(Mapping[str, str]):
    """Header fields by name, in any case; several of one name are one, joined by commas (RFC 9110 §5.3)."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. The body is as it came: a Content-Encoding is not undone. Both may hold secrets: not shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", Headers(self.headers))

    def json(self) -> Any:
        """The body as JSON in UTF-8 (a byte order mark is passed over); raises ValueError when it is none."""
        try:
            return json.loads(self.body.decode("utf-8-sig"), parse_constant=_no_constant)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read(stream: BinaryIO, method: str, most_bytes: int) -> Answer:
    """The answer to a request of this method, from a stream that is read no further than it reaches.

    most_bytes: of the body; and again of all that is not body: headers, interim answers, sizes of chunks, trailers.
    Raises Malformed, and what reading raises.
    """
    lines = _Lines(stream, most_bytes)
    status, headers = _head(lines)
    while status < 200:
        if status == 101:  # the next bytes would be of a protocol that nobody asked for
            raise Malformed("it switches protocols")
        status, headers = _head(lines)
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    return Answer(status, headers, _body(stream, lines, headers, most_bytes))


class _Lines:
    """Lines without their ends, until the budget is used up."""

    def __init__(self, stream: BinaryIO, most_bytes: int) -> None:
        self._stream, self._left = stream, most_bytes

    def next(self) -> bytes:
        line = self._stream.readline(min(LONGEST_LINE, self._left) + 1)
        self._left -= len(line)
        if self._left < 0 or len(line) > LONGEST_LINE:
            raise Malformed("its headers are too long")
        if not line.endswith(b"\n"):
            raise Malformed("it is cut off")
        return line[:-1].removesuffix(b"\r")


def _head(lines: _Lines) -> tuple[int, dict[str, str]]:
    first = _STATUS_LINE.fullmatch(lines.next())
    if first is None:
        raise Malformed("it is not HTTP")
    fields: list[list[bytes]] = []
    while line := lines.next():
        if line[:1] in b" \t" and fields:  # a folded line (RFC 9112 §5.2)
            fields[-1].append(line)
        elif len(fields) == MOST_FIELDS:
            raise Malformed(f"it has over {MOST_FIELDS} header fields")
        else:
            fields.append([line])
    headers: dict[str, str] = {}
    for parts in fields:
        name, value = _field(b" ".join(part.strip(b" \t") for part in parts) if parts[1:] else parts[0])
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(first[1]), headers


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise Malformed("a header field is wrong")
    return found[1].decode("ascii").lower(), found[2].decode("latin-1").rstrip(" \t")


def _body(stream: BinaryIO, lines: _Lines, headers: Mapping[str, str], most_bytes: int) -> bytes:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise Malformed("nobody can tell where it ends")
        return _chunked(stream, lines, most_bytes)
    if length is not None:
        return _exactly(stream, _size(length), most_bytes)
    body = stream.read(most_bytes + 1)  # it ends with the connection
    if len(body) > most_bytes:
        raise _too_long(most_bytes)
    return body


def _size(length: str) -> int:
    sizes = {size.strip() for size in length.split(",")}  # the same one twice is one (RFC 9112 §6.3)
    size = sizes.pop()
    if sizes or not _LENGTH.fullmatch(size):
        raise Malformed("nobody can tell where it ends")
    return int(size)


def _chunked(stream: BinaryIO, lines: _Lines, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    left = most_bytes
    while size := _chunk_size(lines.next()):
        if size > left:
            raise _too_long(most_bytes)
        chunks.append(_exactly(stream, size, left))
        left -= size
        if _exactly(stream, 2, 2) != b"\r\n":
            raise Malformed("a chunk is not as long as it says")
    while lines.next():  # trailers, which say nothing that is needed here
        pass
    return b"".join(chunks)


def _chunk_size(line: bytes) -> int:
    found = _CHUNK.fullmatch(line)
    if found is None:
        raise Malformed("the size of a chunk is wrong")
    return int(found[1], 16)


def _exactly(stream: BinaryIO, size: int, most_bytes: int) -> bytes:
    if size > most_bytes:
        raise _too_long(most_bytes)
    body = stream.read(size)
    if len(body) < size:
        raise Malformed("it is cut off")
    return body


def _too_long(most_bytes: int) -> Malformed:
    return Malformed(f"it is over {most_bytes} bytes")
