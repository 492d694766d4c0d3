"""Conditional requests for single objects (RFC 9110, section 13): strong entity tags, If-Match, If-None-Match."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from pubsite.api import envelope
from pubsite.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def tag_of(body: Any) -> str:
    """The entity tag of an object that has no revision of its own: of its JSON."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def tagged(request: Request, body: dict[str, Any], tag: str | None = None) -> Any:
    """An object as the answer, with its tag; 304 when the client has it already. `tag`: default by its JSON."""
    tag = tag or tag_of(body)
    if request.method in ("GET", "HEAD") and (unchanged := not_modified(request, tag)):
        return unchanged
    request.response.headers["ETag"] = tag
    return body


def tagged_data(request: Request, shown: dict[str, Any]) -> Any:
    """An object in its envelope, with the tag of the object alone: the envelope is another one each time."""
    return tagged(request, envelope(request, shown), tag_of(shown))


def not_modified(request: Request, tag: str) -> Response | None:
    """The 304 of a reader who has that state already, else None; raises PreconditionFailed by If-Match."""
    headers = request.headers
    if "If-Match" in headers and not names(headers["If-Match"], tag, weakly=False):
        raise PreconditionFailed("If-Match names another state than the present one")
    if names(headers.get("If-None-Match", ""), tag, weakly=True):
        return Response(status=304, headers={"ETag": tag})
    return None


def require_match(request: Request, lock: Callable[[], str]) -> None:
    """Raise PreconditionFailed unless If-Match, when it was sent, names the present state.

    `lock` locks the object until the transaction ends, so that nobody changes it in between, and gives its tag.
    """
    sent = request.headers.get("If-Match")
    if sent is not None and not names(sent, lock(), weakly=False):
        raise PreconditionFailed("If-Match names another state than the present one: read it again")


def names(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether a list of entity tags names that one; `*` names any."""
    if header.strip() == "*":
        return True
    return any(named == tag and (weakly or not weak) for weak, named in _TAG.findall(header))
