"""The service class of every endpoint, and how answers are written. The only user of Cornice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import colander
import cornice
from cornice.validators import colander_validator
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPException, HTTPNoContent, HTTPNotAcceptable
from pyramid.renderers import JSON
from pyramid.request import Request

from pubsite.api import idempotency
from pubsite.api.errors import ENVELOPED
from pubsite.api.input import read_json, read_query
from pubsite.api.throttling import Throttle, count
from pubsite.db import READS_ONLY
from pubsite.errors import FieldError, Invalid, NotFound
from pubsite.security import NEEDS, PUBLIC, Permission

JSON_TYPES = ("application/json", "application/json;charset=utf-8")


class RequestSchema(colander.MappingSchema):
    """The three places that a request is read from; a service gives the schema of each that it uses."""

    def __init__(self, **places: colander.SchemaNode) -> None:
        super().__init__()
        for place, schema in places.items():
            schema.name = place
            self.add(schema)


@dataclass(frozen=True, slots=True)
class Media:
    """An answer, or a body, that is not JSON: its media type, and the form fields of a multipart body."""

    type: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of a service, as its description in the API's document needs it.

    `answer`: the schema of what a success answers, None for nothing. `statuses`: the successes other than `status`.
    `conflicts`: whether it may answer 409. `tagged`: whether it obeys If-Match and If-None-Match. `scope_of`: the
    permission in force where the handler asks for it itself. `recheck`: see `Service.on`. `throttle`: the kind of
    request that it is, None where these are not counted.
    """

    handler: Callable[[Request], Any]
    permission: str
    body: colander.SchemaNode | Media | None
    query: colander.SchemaNode | None
    answer: Any
    status: int
    statuses: tuple[int, ...]
    conflicts: bool
    tagged: bool
    scope_of: str | None
    recheck: Callable[[Request], object] | None
    throttle: Throttle | None


class Service(cornice.Service):
    """A path. Each method names its permission and the schemas of `body` and `query`; handlers get them validated
    as `request.validated["body"]` and `["querystring"]`."""

    def __init__(
        self, name: str, path: str, factory: Callable[[Request], Any], *, reads_only: bool = False, **kw: Any
    ) -> None:
        """reads_only: its POST changes nothing, so that it need not stand in a writer's way."""
        super().__init__(name=name, path=path, factory=self._found_or_gone(factory), depth=2, **kw)
        if reads_only:
            READS_ONLY.add(name)
        self.endpoints: dict[str, Endpoint] = {}

    def _found_or_gone(self, factory: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """The factory, but for the repeat of a DELETE: what that removed is not found, and answered as it was."""

        def find(request: Request) -> Any:
            if (throttle := self.throttle_of(request.method)) is not None:
                count(request, throttle)
            try:
                return factory(request)
            except NotFound:
                endpoint = self.endpoints.get(request.method)
                if endpoint is None or endpoint.permission not in NEEDS:
                    raise
                scope = NEEDS[Permission(endpoint.permission)].scope
                if not idempotency.was_deleted(request, f"{request.method} {self.name}", scope):
                    raise
                raise HTTPNoContent(headers={"Idempotent-Replayed": "true"}) from None

        return find

    def throttle_of(self, method: str) -> Throttle | None:
        """The kind of a request, also of one whose method there is not; None outside of the publisher API."""
        if not self.path.startswith(ENVELOPED):
            return None
        endpoint = self.endpoints.get("GET" if method == "HEAD" else method)
        return Throttle.of_method(method) if endpoint is None else endpoint.throttle

    def keeps_answers(self, method: str) -> bool:
        """Whether a method heeds `Idempotency-Key`: it changes something, and so has a transaction that can write."""
        return method in idempotency.METHODS and self.name not in READS_ONLY

    def on(
        self,
        method: str,
        *,
        permission: str = PUBLIC,
        body: colander.SchemaNode | Media | None = None,
        query: colander.SchemaNode | None = None,
        answer: Any = None,
        status: int = 200,
        statuses: tuple[int, ...] = (),
        conflicts: bool = False,
        tagged: bool = False,
        scope_of: str | None = None,
        recheck: Callable[[Request], object] | None = None,
        throttle: Throttle | None = None,
        **kw: Any,
    ) -> Callable[[Callable[[Request], Any]], Callable[[Request], Any]]:
        """Register a handler of one method; what `Endpoint` says of it stands in the API's document.

        recheck: where the handler itself asks what is allowed, what is asked before a stored answer is given again.
        throttle: the kind of request under `/api/v1/publisher`, where it is neither plain reading nor writing.
        """
        if self.path.startswith(ENVELOPED):
            throttle = throttle or Throttle.of_method(method)
        elif throttle is not None:
            raise ValueError(f"{method} {self.path}: only {ENVELOPED} is throttled")
        read = None if isinstance(body, Media) else body
        places = {name: node for name, node in (("body", read), ("querystring", query)) if node is not None}
        if places:
            kw.update(
                schema=RequestSchema(**places), validators=(colander_validator,), deserializer=_deserializer(places)
            )

        def register(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
            self.endpoints[method] = Endpoint(
                *(handler, permission, body, query, answer, status, statuses, conflicts, tagged, scope_of, recheck),
                throttle,
            )
            route = f"{method} {self.name}"
            answers_json = answer is not None and not isinstance(answer, Media)

            def view(request: Request) -> Any:
                if answers_json:
                    _require_json_accepted(request)
                request.response.status_code = status
                if idempotency.HEADER in request.headers and self.keeps_answers(method):
                    return idempotency.answer_once(request, route, handler, recheck)
                return handler(request)

            view.__name__, view.__doc__ = handler.__name__, handler.__doc__
            self.add_view(method, view, permission=permission, **kw)
            return handler

        return register


def _require_json_accepted(request: Request) -> None:
    """Raise a 406 for a client that takes no JSON, before anything is done for it."""
    accepted = request.headers.get("Accept") or "*/*"
    if "*/*" not in accepted and not request.accept.acceptable_offers(JSON_TYPES):
        raise HTTPNotAcceptable


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


def includeme(config: Configurator) -> None:
    config.include("cornice")
    config.commit()
    config.add_renderer("cornicejson", _Renderer())
    config.include("pubsite.api.errors")
