"""The reader of chunked bodies (RFC 9112, 7.1), with limits on all that is no content.

It takes the place of waitress's, whose time is quadratic in a chunk's line and in the trailer, and which has no limit
on either.
"""

from __future__ import annotations

import re
from typing import Any

from pubsite.wire.head import BAD, Refusal

LONGEST_LINE = 1024
LONGEST_TRAILER = 8192
OVERHEAD = 16_384  # bytes of framing beyond half of the content: each tiny chunk costs as much time as a large one
_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})[ \t]*"
    rb"(?:;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|\"[\t !#-\[\]-~\x80-\xff]*\"))?)*\Z"
)
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\Z")


class Chunks:
    """A body on its way; waitress's receivers look like this. `buffer` gets the content."""

    def __init__(self, buffer: Any) -> None:
        self.completed = False
        self.error: Refusal | None = None
        self._buffer = buffer
        self._line = b""  # what has come of a line
        self._content = 0  # bytes of this chunk that are to come
        self._next = Chunks._size  # what the next line is; no bound method, which would keep the file open
        self._framing = self._trailer = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def getfile(self) -> Any:
        return self._buffer.getfile()

    def getbuf(self) -> Any:
        return self._buffer

    def received(self, data: bytes) -> int:
        """Take what belongs to the body, and return how many bytes that were."""
        at = 0
        while at < len(data) and not self.completed and self.error is None:
            at = self._take_content(data, at) if self._content else self._take_line(data, at)
        return at

    def _take_content(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._content]
        self._buffer.append(piece)
        self._content -= len(piece)
        self._framing = max(0, self._framing - len(piece) // 2)
        return at + len(piece)

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at, at + LONGEST_LINE + 1 - len(self._line))
        stop = end + 1 if end >= 0 else min(len(data), at + LONGEST_LINE + 1 - len(self._line))
        self._line += data[at:stop]
        self._framing += stop - at
        if len(self._line) > LONGEST_LINE or self._framing > OVERHEAD:
            self.error = BAD
        elif end >= 0:
            line, self._line = self._line, b""
            if line.endswith(b"\r\n"):
                self._next(self, line[:-2])
            else:
                self.error = BAD
        return stop

    def _size(self, line: bytes) -> None:
        match = _LINE.match(line)
        if match is None:
            self.error = BAD
            return
        self._content = int(match[1], 16)
        self._next = Chunks._end if self._content else Chunks._field

    def _end(self, line: bytes) -> None:
        if line:
            self.error = BAD
        self._next = Chunks._size

    def _field(self, line: bytes) -> None:
        """A line of the trailer, which nobody reads."""
        self._trailer += len(line)
        self.completed = not line
        if line and (self._trailer > LONGEST_TRAILER or not _FIELD.match(line)):
            self.error = BAD
