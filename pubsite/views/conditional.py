"""Conditional and partial answers for one file (RFC 9110, sections 13 and 14): validators, and a single byte range.

WebOb's own raise for some Range headers, and do so where no error becomes an answer any more; they are not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pyramid.request import Request
from pyramid.response import Response

from pubsite.api.conditions import names
from pubsite.api.errors import error_response
from pubsite.errors import PreconditionFailed

# Longer numbers than 18 digits stand for no file; several ranges are answered with the whole, as the RFC allows.
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))\Z", re.IGNORECASE)


def answer(request: Request, body: bytes, etag: str) -> Response:
    """`body` whole (200), in part (206), or not at all (304, 416); raises PreconditionFailed by If-Match.

    `etag`: the strong validator of `body`, without quotes.
    """
    tag, headers = f'"{etag}"', request.headers
    if "If-Match" in headers and not names(headers["If-Match"], tag, weakly=False):
        raise PreconditionFailed("The file is another one by now")
    if names(headers.get("If-None-Match", ""), tag, weakly=True):
        response = Response(status=304)
    elif request.method != "GET" or (wanted := _wanted(headers, tag, len(body))) is None:
        response = Response(body)
    elif not wanted:
        response = error_response(request, 416, "The file does not have that range")
        response.headers["Content-Range"] = f"bytes */{len(body)}"
        return response
    else:
        response = Response(body[wanted.start : wanted.stop], status=206)
        response.headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(body)}"
    response.headers["ETag"] = tag
    response.headers["Accept-Ranges"] = "bytes"
    return response


def guard(request: Request, what: str = "file") -> Callable[[str | None], None]:
    """What a write asks of the present state: called with its validator, or None where nothing is.

    It raises PreconditionFailed by If-Match and If-None-Match.
    """
    headers = request.headers

    def require(etag: str | None) -> None:
        tag = None if etag is None else f'"{etag}"'
        if "If-Match" in headers and (tag is None or not names(headers["If-Match"], tag, weakly=False)):
            raise PreconditionFailed(f"The {what} is another one by now: read it again")
        if tag is not None and names(headers.get("If-None-Match", ""), tag, weakly=True):
            raise PreconditionFailed(f"The {what} is there already")

    return require


def unchanged(request: Request, etag: str) -> Response | None:
    """Give the answer its validator; the 304 of a reader who has that state, else None."""
    request.response.headers["ETag"] = f'"{etag}"'
    if names(request.headers.get("If-None-Match", ""), f'"{etag}"', weakly=True):
        return Response(status=304, headers={"ETag": f'"{etag}"'})
    return None


def _wanted(headers: Mapping[str, str], tag: str, size: int) -> range | None:
    """The bytes that Range asks for, none where it cannot be met; None: the whole file."""
    match = _RANGE.match(headers.get("Range", "").strip())
    if match is None or headers.get("If-Range", tag) != tag:
        return None
    first, last, suffix = (int(text) if text else None for text in match.groups())
    if first is None:
        return range(max(size - (suffix or 0), 0), size)
    if last is not None and last < first:
        return None
    return range(first, size if last is None else min(last + 1, size))
