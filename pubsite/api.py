"""The service class of every endpoint, and the one writer of errors.

The only user of Cornice. Two error shapes leave here: `{"statusCode", "message", "errors"?, "request_id"}`, and under
`/api/v1/publisher` the envelope `{"success": false, "error", "errors"?, "request_id"}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import colander
import cornice
from cornice.validators import colander_validator
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPException
from pyramid.renderers import JSON
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pubsite import errors
from pubsite.api_input import UnsupportedMediaType, read_json, read_query
from pubsite.db import DatabaseBusy
from pubsite.errors import FieldError, Invalid
from pubsite.security import PUBLIC

ENVELOPED = "/api/v1/publisher"
log = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[errors.PubsiteError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.PreconditionFailed, 412),
    (errors.NotReady, 422),
    (errors.Unavailable, 503),
)
# What Pyramid's own exceptions say to clients: never their `detail`, which names views and echoes paths.
MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    411: "Length Required",
    413: "The body is too large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class RequestSchema(colander.MappingSchema):
    """The three places that a request is read from; a service gives the schema of each that it uses."""

    def __init__(self, **places: colander.SchemaNode) -> None:
        super().__init__()
        for place, schema in places.items():
            schema.name = place
            self.add(schema)


class Service(cornice.Service):
    """An endpoint. Each method names its permission and the schemas of `body` and `query`; handlers get them validated
    as `request.validated["body"]` and `["querystring"]`."""

    def __init__(self, name: str, path: str, factory: Callable[[Request], Any], **kw: Any) -> None:
        super().__init__(name=name, path=path, factory=factory, depth=2, **kw)

    def on(
        self,
        method: str,
        *,
        permission: str = PUBLIC,
        body: colander.SchemaNode | None = None,
        query: colander.SchemaNode | None = None,
        status: int = 200,
        **kw: Any,
    ) -> Callable[[Callable[[Request], Any]], Callable[[Request], Any]]:
        """Register a handler of one method."""
        places = {name: node for name, node in (("body", body), ("querystring", query)) if node is not None}
        if places:
            kw.update(
                schema=RequestSchema(**places), validators=(colander_validator,), deserializer=_deserializer(places)
            )

        def register(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
            def view(request: Request) -> Any:
                request.response.status_code = status
                return handler(request)

            view.__name__, view.__doc__ = handler.__name__, handler.__doc__
            self.add_view(method, view, permission=permission, **kw)
            return handler

        return register


def _deserializer(places: Iterable[str]) -> Callable[..., dict[str, Any]]:
    places = tuple(places)

    def read(request: Request, **kw: Any) -> dict[str, Any]:
        cstruct: dict[str, Any] = {}
        if "body" in places:
            cstruct["body"] = read_json(request)
        if "querystring" in places:
            cstruct["querystring"] = read_query(request)
        return cstruct

    return read


def time(value: datetime | None) -> str | None:
    """A time as responses write it: ISO 8601 in UTC, milliseconds, `Z`."""
    return None if value is None else value.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def present(**fields: Any) -> dict[str, Any]:
    """An object of a response: unset fields are left out."""
    return {name: value for name, value in fields.items() if value is not None}


def envelope(request: Request, data: Any, message: str | None = None) -> dict[str, Any]:
    """A success under `/api/v1/publisher`."""
    return present(success=True, data=data, message=message, request_id=request.request_id)


def error_response(
    request: Request, status: int, message: str, field_errors: Iterable[FieldError] = (), code: str | None = None
) -> Response:
    """The one shape of errors, by the part of the API that was asked."""
    request_id = getattr(request, "request_id", None)
    listed = list(field_errors)
    if request.environ.get("PATH_INFO", "").startswith(ENVELOPED):
        fields: dict[str, list[str]] = {}
        for error in listed:
            fields.setdefault(error.name or error.location, []).append(error.message)
        body = present(success=False, error=message, code=code, errors=fields or None, request_id=request_id)
    else:
        places = [{"location": e.location, "name": e.name, "message": e.message} for e in listed]
        body = present(statusCode=status, message=message, errors=places or None, request_id=request_id)
    text = json.dumps(body, ensure_ascii=False).encode(errors="replace")  # a wrong field may be named by a surrogate
    return Response(text, status=status, content_type="application/json")


class _Renderer(JSON):
    """Cornice's renderer under its own name, so that validation errors take our shape."""

    def __init__(self) -> None:
        super().__init__(serializer=lambda value, **kw: json.dumps(value, ensure_ascii=False, allow_nan=False))

    def __call__(self, info: Any) -> Callable[[Any, dict[str, Any]], str]:
        def render(value: Any, system: dict[str, Any]) -> str:
            response = system["request"].response
            if response.status_code == 204:
                response.content_type = None
                return ""
            response.content_type = "application/json"
            return json.dumps(value, ensure_ascii=False, allow_nan=False)

        return render

    def render_errors(self, request: Request) -> HTTPException:
        listed = [FieldError(e["location"], e["name"] or "", e["description"] or "") for e in request.errors]
        raise Invalid.of(listed)


def _domain_error(error: errors.PubsiteError, request: Request) -> Response:
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if isinstance(error, UnsupportedMediaType):
        status = 415
    if status is None:
        return _unexpected(error, request)
    listed = list(getattr(error, "errors", ()))
    listed += [FieldError("site", p.path, p.message) for p in getattr(error, "problems", ())]
    response = error_response(request, status, error.message, listed, error.code)
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _http_error(error: HTTPException, request: Request) -> Response:
    status = error.status_code
    if status == 403 and request.pubsite_identity is None:
        return _domain_error(errors.Unauthorized(), request)
    if status < 400:
        return error
    response = error_response(request, status, MESSAGES.get(status, error.title or "Error"))
    if status == 405 and error.headers.get("Allow"):
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _busy(error: Exception, request: Request) -> Response:
    return _domain_error(errors.Unavailable("The database is busy or away; try again"), request)


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
    config.include("cornice")
    config.commit()
    config.add_renderer("cornicejson", _Renderer())
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
