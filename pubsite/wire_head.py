"""What the head of a request must look like before anything reads it: RFC 9112 to the letter where it guards a border.

Pure functions of bytes, in time linear in their length. Whatever two readers could understand in two ways is refused:
folded lines, bare line breaks, a length and a coding, two hosts, another host in the target.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_FIELDS = 100
LONGEST_LINE = 32_768
ONCE = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect"))
_START = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Z-]{1,64} [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\Z")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
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
    """What is wrong with a head, from its first line to the last; None for a good one."""
    start, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    if len(start) > LONGEST_LINE:
        return TOO_LONG
    if len(lines) > MOST_FIELDS:
        return TOO_MANY
    fields = [line.partition(b":") for line in lines]
    if not _START.match(start) or not all(_NAME.match(name) for name, _, _ in fields):
        return BAD
    if any(not colon or _CONTROL.search(value) for _, colon, value in fields):
        return BAD
    names = [name.lower() for name, _, _ in fields]
    if any(names.count(name) > 1 for name in ONCE):
        return BAD
    values = {name: value.strip(b" \t") for name, (_, _, value) in zip(names, fields, strict=True)}
    return None if _is_framed(start, values) and _is_for_its_host(start, values) else BAD


def tidy(head: bytes) -> bytes:
    """The head without spaces around values: waitress's pattern takes a time that is quadratic in them."""
    start, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    fields = [line.partition(b":") for line in lines]
    return b"\r\n".join([start, *(name + b": " + value.strip(b" \t") for name, _, value in fields), b"", b""])


def _is_framed(start: bytes, values: dict[bytes, bytes]) -> bool:
    """Whether there is one way to tell where the body ends."""
    length, coding = values.get(b"content-length"), values.get(b"transfer-encoding")
    if coding is not None:
        return length is None and coding.lower() == b"chunked" and start.endswith(b"1")
    return length is None or bool(_LENGTH.match(length))


def _is_for_its_host(start: bytes, values: dict[bytes, bytes]) -> bool:
    target = start.split(b" ")[1]
    if target.startswith(b"/"):
        return True
    absolute = _ABSOLUTE.match(target)
    return absolute is not None and absolute[1].lower() == values.get(b"host", b"").lower()
