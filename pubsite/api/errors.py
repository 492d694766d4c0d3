"""The one writer of errors: which status each has, and the two shapes in which they leave.

`{"statusCode", "message", "errors"?, "request_id"}`, and under `/api/v1/publisher` the envelope
`{"success": false, "error", "code", "errors"?, "request_id"}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from itertools import islice
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPException
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pubsite import errors
from pubsite.api.input import UnsupportedMediaType
from pubsite.db import DatabaseBusy
from pubsite.errors import LONGEST_NAME, MOST_PROBLEMS, FieldError

ENVELOPED = "/api/v1/publisher"
log = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[errors.PubsiteError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.PreconditionFailed, 412),
    (errors.KeyReused, 422),
    (errors.NotReady, 422),
    (errors.Throttled, 429),
    (errors.Unavailable, 503),
)
# What Pyramid's own exceptions say to clients: never their `detail`, which names views and echoes paths.
MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable: the answer would be application/json",
    411: "Length Required",
    413: "The body is too large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def error_response(
    request: Request,
    status: int,
    message: str,
    field_errors: Iterable[FieldError] = (),
    *,
    code: str | None = None,
    subject_id: str | None = None,
) -> Response:
    """The one shape of errors, by the part of the API that was asked."""
    request_id = getattr(request, "request_id", None)
    message = message[:LONGEST_NAME]
    listed = [
        FieldError(e.location, e.name[:LONGEST_NAME], e.message[:LONGEST_NAME])
        for e in islice(field_errors, MOST_PROBLEMS)
    ]
    body: dict[str, Any]
    if request.environ.get("PATH_INFO", "").startswith(ENVELOPED):
        fields: dict[str, list[str]] = {}
        for error in listed:
            fields.setdefault(error.name or error.location, []).append(error.message)
        body = {"success": False, "error": message, "code": code, "errors": fields}
    else:
        places = [{"location": e.location, "name": e.name, "message": e.message} for e in listed]
        body = {"statusCode": status, "message": message, "errors": places}
    body |= {"id": subject_id, "request_id": request_id}
    told = {name: value for name, value in body.items() if value not in (None, [], {})}
    text = json.dumps(told, ensure_ascii=False).encode(errors="replace")  # a wrong field may be named by a surrogate
    return Response(text, status=status, content_type="application/json")


def domain_error_response(request: Request, error: errors.PubsiteError) -> Response:
    """The answer that a domain error is."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if isinstance(error, UnsupportedMediaType):
        status = 415
    if status is None:
        return _unexpected(error, request)
    listed = list(getattr(error, "errors", ()))
    listed += [FieldError("site", p.path, p.message) for p in getattr(error, "problems", ())]
    subject_id = getattr(error, "subject_id", None)
    response = error_response(request, status, error.message, listed, code=error.code, subject_id=subject_id)
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.Unavailable | errors.Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _domain_error(error: errors.PubsiteError, request: Request) -> Response:
    return domain_error_response(request, error)


def _http_error(error: HTTPException, request: Request) -> Response:
    status = error.status_code
    if status == 403 and request.pubsite_identity is None:
        return domain_error_response(request, errors.Unauthorized())
    if status < 400:
        return error
    response = error_response(request, status, MESSAGES.get(status, error.title or "Error"))
    if status == 405 and error.headers.get("Allow"):
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _busy(error: Exception, request: Request) -> Response:
    return domain_error_response(request, errors.Unavailable("The database is busy or away; try again"))


def _database_error(error: DBAPIError, request: Request) -> Response:
    if error.connection_invalidated or type(error).__name__ == "OperationalError":
        log.warning("database unavailable", exc_info=error)
        return _busy(error, request)
    return _unexpected(error, request)


def _bad_encoding(error: UnicodeDecodeError, request: Request) -> Response:
    return error_response(request, 400, "The path or the query is not UTF-8")


def _unexpected(error: Exception, request: Request) -> Response:
    log.error("unexpected error", exc_info=error)
    return error_response(request, 500, MESSAGES[500])


def includeme(config: Configurator) -> None:
    for kind, view in (
        (Exception, _unexpected),
        (HTTPException, _http_error),
        (errors.PubsiteError, _domain_error),
        (UnicodeDecodeError, _bad_encoding),
        (DatabaseBusy, _busy),
        (PoolTimeout, _busy),
        (DBAPIError, _database_error),
    ):
        config.add_exception_view(view, context=kind)
    config.add_notfound_view(_http_error)
    config.add_forbidden_view(_http_error)
