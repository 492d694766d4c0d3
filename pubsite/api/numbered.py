"""Lists of `/api/v1/publisher`: numbered pages in the envelope, with filters and an order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import colander
from pyramid.request import Request

from pubsite.api.input import read_query
from pubsite.schema import Choice, Identifier, Integer, OpenObject, optional
from pubsite.security import require_identity
from pubsite.services.visibility import Viewer, Window

Row = TypeVar("Row")


class NumberedOfNobody(OpenObject):
    """Rows that belong to no account. Which ones (all filters must be met), which page of them, and how long it is."""

    publisher_id = optional(Identifier())
    site_id = optional(Identifier())
    page = colander.SchemaNode(Integer(1, 1_000_000, text=True), missing=1)
    page_size = colander.SchemaNode(Integer(1, 100, text=True), missing=25)


class Numbered(NumberedOfNobody):
    """Rows that bear the account which made them."""

    account_id = optional(Identifier())


def ordering(*columns: str) -> colander.SchemaNode:
    """The parameter `ordering` over these columns; the newest first where it is left out."""
    return colander.SchemaNode(Choice(*columns, *(f"-{column}" for column in columns)), missing="-created_at")


def viewer(request: Request) -> Viewer:
    """Who asks, as lists need it."""
    identity = require_identity(request)
    return Viewer(identity.account_id, identity.is_staff, identity.publisher_id, identity.site_id)


def window(request: Request) -> Window:
    """The part of a list that a request asks for."""
    query = request.validated["querystring"]
    size = query["page_size"]
    return Window(size, (query["page"] - 1) * size, query.get("ordering", "-created_at"))


def filters(request: Request, names: Iterable[str]) -> dict[str, Any]:
    """What the query says of these parameters; None where nothing."""
    query = request.validated["querystring"]
    return {name: query.get(name) for name in names}


def numbered(
    request: Request, count: int, rows: Sequence[Row], present: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """A page of a list of `count` rows, with the links to those before and behind it."""
    query = request.validated.get("querystring", {})  # a list that is short, and never in parts, has none
    page, size = query.get("page", 1), query.get("page_size", max(1, count))
    return {
        "success": True,
        "count": count,
        "next": _page_link(request, page + 1) if page < math.ceil(count / size) else None,
        "previous": _page_link(request, page - 1) if page > 1 else None,
        "results": [present(row) for row in rows],
        "request_id": request.request_id,
    }


def _page_link(request: Request, page: int) -> str:
    query = urlencode({**read_query(request), "page": page})
    return f"{request.host_url}{request.environ['pubsite.path']}?{query}"
