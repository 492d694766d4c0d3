"""Lists of `/api/sites` and `/api/publishers`: whole without `limit`, else in parts that `Link: …; rel="next"` ties."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from pyramid.request import Request

from pubsite.api.input import read_query
from pubsite.errors import Invalid
from pubsite.models.paths import page_path_problem
from pubsite.schema import Integer, OpenObject, Text, optional
from pubsite.services.listing import WHOLE, CutShort, Slice

MOST = 1000
Row = TypeVar("Row")
Parse = Callable[[str], Any]


class Paged(OpenObject):
    """How many members of a list, and from where on: the cursor of a `Link` header, as it is."""

    limit = optional(Integer(1, MOST, text=True))
    cursor = optional(Text(1, 65_536))


def paged(
    request: Request,
    listing: Callable[[Slice], Sequence[Row]],
    *,
    key: Callable[[Row], tuple[Any, ...]],
    parse: Sequence[Parse],
) -> Sequence[Row]:
    """The rows that a request asks for, with the link to the next ones.

    key: a row's place in the list's order. parse: reads each part of such a key from text; raises ValueError.
    """
    query = request.validated["querystring"]
    if "limit" not in query and "cursor" not in query:
        return listing(WHOLE)
    limit = query.get("limit", MOST)
    rows = listing(Slice(limit + 1, _read(query["cursor"], parse) if "cursor" in query else None))
    shown = rows[:limit]
    if len(rows) > limit or isinstance(rows, CutShort):
        request.response.headers["Link"] = f'<{_next(request, key(shown[-1]))}>; rel="next"'
    return shown


def _next(request: Request, key: tuple[Any, ...]) -> str:
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in key]
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    path = request.environ["pubsite.path"].encode("latin-1").decode("utf-8", "replace")
    return f"{request.host_url}{quote(path, safe='/:')}?{urlencode({**read_query(request), 'cursor': cursor})}"


def _read(cursor: str, parse: Sequence[Parse]) -> tuple[Any, ...]:
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ValueError("not a list of texts")
        return tuple(read(part) for read, part in zip(parse, parts, strict=True))
    except (ValueError, OverflowError, binascii.Error, RecursionError) as error:
        raise Invalid.field("cursor", "is none of ours: take it from a Link header", location="querystring") from error


def time_key(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)  # raises where UTC has no such year


def id_key(text: str) -> uuid.UUID:
    return uuid.UUID(text)


def path_key(text: str) -> str:
    if page_path_problem(text):
        raise ValueError("no path")
    return text
