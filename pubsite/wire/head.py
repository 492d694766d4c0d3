"""What the head of a request must look like before anything reads it: RFC 9112 to the letter where it guards a border.

Pure functions of bytes, in time linear in their length. Whatever two readers could understand in two ways is refused:
folded lines, bare line breaks, a length and a coding, two hosts, another host in the target.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_FIELDS = 100
LONGEST_LINE = 32_768
ONCE = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect")
_START = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Z-]{1,64} [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\Z")
_FIELDS = re.compile(rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*\Z")
_UNTIDY = re.compile(rb":[ \t]{2}")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class Refusal(NamedTuple):
    """Why a request is not read: a status and its reason, which is all that the client is told."""

    code: int
    reason: str


BAD = Refusal(400, "Bad Request")
TIMED_OUT = Refusal(408, "Request Timeout")
TOO_LONG = Refusal(414, "URI Too Long")
TOO_MANY = Refusal(431, "Request Header Fields Too Large")


def refusal(head: bytes) -> Refusal | None:
    """What is wrong with a head, from its first line to the empty one; None for a good one."""
    start, fields = _parts(head)
    if len(start) > LONGEST_LINE:
        return TOO_LONG
    if fields.count(b"\r\n") > MOST_FIELDS:
        return TOO_MANY
    if not _START.match(start) or not _FIELDS.match(fields):
        return BAD
    fields = fields.lower()
    if any(fields.count(b"\r\n%s:" % name) > 1 for name in ONCE):
        return BAD
    return None if _is_framed(start, fields) and _is_for_its_host(start, fields) else BAD


def tidy(head: bytes) -> bytes:
    """The head without spaces before values: waitress's pattern takes a time that is quadratic in them."""
    if not _UNTIDY.search(head):
        return head
    start, fields = _parts(head)
    named = (field.partition(b":") for field in fields.split(b"\r\n")[1:])
    return b"\r\n".join([start, *(name + b": " + value.strip(b" \t") for name, _, value in named), b"", b""])


def _parts(head: bytes) -> tuple[bytes, bytes]:
    """The first line, and the fields with a line break before each."""
    head = head.removesuffix(b"\r\n").removesuffix(b"\r\n")
    end = head.find(b"\r\n")
    return (head, b"") if end < 0 else (head[:end], head[end:])


def _value(fields: bytes, name: bytes) -> bytes | None:
    """The value of a field that is given once, in lower case as all of them are here."""
    _, found, rest = fields.partition(b"\r\n%s:" % name)
    return rest.partition(b"\r\n")[0].strip(b" \t") if found else None


def _is_framed(start: bytes, fields: bytes) -> bool:
    """Whether there is one way to tell where the body ends."""
    length, coding = _value(fields, b"content-length"), _value(fields, b"transfer-encoding")
    if coding is not None:
        return length is None and coding == b"chunked" and start.endswith(b"1")
    return length is None or bool(_LENGTH.match(length))


def _is_for_its_host(start: bytes, fields: bytes) -> bool:
    target = start.split(b" ")[1]
    if target.startswith(b"/"):
        return True
    absolute = _ABSOLUTE.match(target)
    return absolute is not None and absolute[1].lower() == _value(fields, b"host")
