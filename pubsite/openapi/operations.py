"""One method of a service → an operation: its parameters, body, every status that it can answer, and who may ask."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pubsite import contexts
from pubsite.api import Endpoint, Media, Service
from pubsite.api.errors import ENVELOPED
from pubsite.api.paging import Paged
from pubsite.openapi.examples import BODIES
from pubsite.openapi.paths import Path
from pubsite.openapi.schemas import Schemas, Undescribed, ref
from pubsite.openapi.shared import Schema
from pubsite.schema import required
from pubsite.security import NEEDS, PUBLIC, Permission

ERRORS = {
    400: "Wrong fields, a limit, or an odd Host; `errors` names each field.",
    401: "No token where one is needed, or a wrong one.",
    403: "The role or the token's scope does not allow it.",
    404: "No such thing, or not for you.",
    405: "The path, as it was sent, leads to another resource, which does not have this method.",
    406: "`Accept` takes no JSON.",
    408: "The request came too slowly.",
    409: "A duplicate, or a state that forbids it; an Idempotency-Key whose first answer is not kept.",
    412: "If-Match names another state than the present one.",
    413: "The body is too large.",
    414: "The first line of the request is too long.",
    415: "Not the media type that is needed.",
    416: "The file does not have that range.",
    421: "This server does not answer for that host.",
    422: "The Idempotency-Key was used for another request, or the site, or a page, is not ready.",
    429: "Too many requests of this kind; try again after `Retry-After` seconds.",
    431: "The headers are too large, or too many.",
    503: "Busy; try again after `Retry-After` seconds.",
}
HEADERS_OF_ERRORS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
# Told before it is known whose request it is, and so without its account's rate.
OF_NOBODY = frozenset({401, 408, 413, 414, 421, 431})


def operation(service: Service, method: str, path: Path, schemas: Schemas) -> Schema:
    """The Operation Object of one method."""
    endpoint = service.endpoints[method]
    found: Schema = {
        "operationId": f"{service.name}_{method.lower()}".replace(".", "_").replace("-", "_"),
        "tags": [path.tag],
        **_told(endpoint),
        "parameters": [*_query(endpoint, schemas), *_headers(service, method, endpoint)],
        "responses": _responses(service, method, endpoint, path, schemas),
        "security": _security(service, endpoint),
    }
    if endpoint.body is not None:
        found["requestBody"] = _body(endpoint.body, schemas, BODIES.get(found["operationId"]))
    return found


def _told(endpoint: Endpoint) -> Schema:
    """Summary and description: the handler's docstring, and who may ask."""
    doc = " ".join((endpoint.handler.__doc__ or endpoint.handler.__name__.replace("_", " ").capitalize()).split())
    summary, _, rest = doc.partition(". ")
    permission = endpoint.scope_of or endpoint.permission
    if endpoint.throttle is not None:
        rest = f"{rest} Throttled as `{endpoint.throttle}`.".strip()
    if permission == PUBLIC:
        return {"summary": summary.removesuffix("."), "description": f"{rest} Public.".strip()}
    need = NEEDS[Permission(permission)]
    who = f"Needs the role {need.role.name}" if need.role is not None else "Needs somebody who is signed in"
    told = f"{rest} {who}, and the scope `{need.scope}`.".strip()
    return {"summary": summary.removesuffix("."), "description": told, "x-scope": need.scope}


def _security(service: Service, endpoint: Endpoint) -> list[Schema]:
    permission = endpoint.scope_of or endpoint.permission
    if permission != PUBLIC:
        return [{"bearer": [NEEDS[Permission(permission)].scope]}]
    return [{}, {"bearer": []}] if _looks_at_token(service) else []


def _asks(endpoint: Endpoint) -> bool:
    """Whether somebody must be signed in."""
    return endpoint.permission != PUBLIC or endpoint.scope_of is not None


def _looks_at_token(service: Service) -> bool:
    """Whether a wrong token is 401 even where none is needed."""
    return service.factory is not contexts.anybody


def _query(endpoint: Endpoint, schemas: Schemas) -> list[Schema]:
    found = []
    for child in endpoint.query.children if endpoint.query is not None else ():
        schema = schemas.of(child)
        described = {"description": schema["description"]} if "description" in schema else {}
        found.append({"name": child.name, "in": "query", **described, "schema": schema})
        if child.required:
            found[-1]["required"] = True
    return found


def _headers(service: Service, method: str, endpoint: Endpoint) -> list[Schema]:
    names = ["X-Request-Id"]
    if service.keeps_answers(method) and _asks(endpoint):
        names.append("Idempotency-Key")
    if endpoint.tagged:
        names += ["If-Match", "If-None-Match"] if method == "GET" else ["If-Match"]
    if isinstance(endpoint.answer, Media) and 206 in endpoint.statuses:
        names.append("Range")
    if 202 in (endpoint.status, *endpoint.statuses):
        names.append("Prefer")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _body(body: Any, schemas: Schemas, example: Any) -> Schema:
    if not isinstance(body, Media):
        content = {"schema": schemas.of(body), **({} if example is None else {"example": example})}
        needed = any(child.required for child in body.children)
        return {"required": needed, "content": {"application/json": content}}
    if not body.fields:
        return {"required": True, "content": {body.type: {"schema": {"type": "string", "format": "binary"}}}}
    schema = {
        "type": "object",
        "properties": {name: _form_field(kind, schemas) for name, kind in body.fields},
        "required": sorted(name for name, _ in body.fields),
        "additionalProperties": False,
    }
    return {"required": True, "content": {body.type: {"schema": schema}}}


def _form_field(kind: str, schemas: Schemas) -> Schema:
    if kind == "binary":
        return {"type": "string", "format": "binary", "description": "The file; an empty one is refused."}
    return {"type": "string"} if kind == "string" else schemas.shared(kind)


def _responses(service: Service, method: str, endpoint: Endpoint, path: Path, schemas: Schemas) -> Schema:
    found = {status: _success(status, service, method, endpoint, schemas) for status in _successes(method, endpoint)}
    shape = "EnvelopeError" if service.path.startswith(ENVELOPED) else "Error"
    for status in _errors(service, method, endpoint, path):
        if status not in ERRORS:
            raise Undescribed(f"{service.name}: no words for the status {status}")
        found[status] = {"$ref": f"#/components/responses/{shape}{status}"}
    return {str(status): found[status] for status in sorted(found)}


def errors() -> Schema:
    """Every error in both shapes, by the name that operations refer to."""
    return {
        f"{shape}{status}": {
            "description": told,
            "headers": _header_refs("X-Request-Id", *HEADERS_OF_ERRORS.get(status, ()), *_rate(shape, status)),
            "content": {"application/json": {"schema": ref(shape)}},
        }
        for shape in ("EnvelopeError", "Error")
        for status, told in ERRORS.items()
    }


def _rate(shape: str, status: int) -> tuple[str, ...]:
    """The headers of an account's rate, where an error has them."""
    return RATE if shape == "EnvelopeError" and status not in OF_NOBODY else ()


def _successes(method: str, endpoint: Endpoint) -> set[int]:
    found = {endpoint.status, *(status for status in endpoint.statuses if status < 400)}
    return found | {304} if endpoint.tagged and method == "GET" else found


def _errors(service: Service, method: str, endpoint: Endpoint, path: Path) -> set[int]:
    """The error statuses that the endpoint can answer, by what it is made of; `statuses` adds those of its own."""
    asks = _asks(endpoint)
    found = {400, 408, 414, 421, 431, 503, *(status for status in endpoint.statuses if status >= 400)}
    for status, is_possible in (
        (401, asks or _looks_at_token(service)),
        (403, asks),
        (404, bool(path.parameters) or endpoint.scope_of is not None),
        (405, path.is_open),
        (406, endpoint.answer is not None and not isinstance(endpoint.answer, Media)),
        (409, endpoint.conflicts),
        (412, endpoint.tagged),
        (413, endpoint.body is not None),
        (415, endpoint.body is not None and not isinstance(endpoint.body, Media)),
        (422, asks and service.keeps_answers(method)),
        (429, endpoint.throttle is not None),
    ):
        if is_possible:
            found.add(status)
    return found


def _success(status: int, service: Service, method: str, endpoint: Endpoint, schemas: Schemas) -> Schema:
    headers = ["X-Request-Id"]
    if endpoint.tagged and status != 204:
        headers.append("ETag")
    if isinstance(endpoint.query, Paged):
        headers.append("Link")
    if service.keeps_answers(method):
        headers.append("Idempotent-Replayed")
    if 202 in (endpoint.status, *endpoint.statuses):
        headers.append("Preference-Applied")
    if status == 206:
        headers.append("Content-Range")
    if endpoint.throttle is not None:
        headers.extend(RATE)
    found: Schema = {"description": _phrase(status), "headers": _header_refs(*headers)}
    if status in (204, 304):
        return found
    answer = endpoint.answer
    if isinstance(answer, Media):
        return {**found, "content": {kind.strip(): {} for kind in answer.type.split(",")}}
    if answer is None:
        raise Undescribed(f"{method} {service.name}: nothing is said of what it answers")
    schema = _answer(answer, schemas)
    if service.path.startswith(ENVELOPED):
        schema = _enveloped(schema)
    return {**found, "content": {"application/json": {"schema": schema}}}


def _answer(answer: Any, schemas: Schemas) -> Schema:
    """The schema of an answer: a node, the class of one, a type, or several of them."""
    if isinstance(answer, tuple):
        return {"anyOf": [_answer(each, schemas) for each in answer]}
    if isinstance(answer, type):
        answer = answer()
    return schemas.of(answer if hasattr(answer, "typ") else required(answer))


def _enveloped(schema: Schema) -> Schema:
    """A success under `/api/v1/publisher`: an object as `data`, a list in its pages."""
    common = {"success": {"const": True}, "request_id": {"type": "string"}}
    link = {"type": ["string", "null"]}
    if schema.get("type") == "array":
        count = {"type": "integer", "minimum": 0}
        members = {**common, "count": count, "next": link, "previous": link, "results": schema}
        needed = sorted(members)
    else:
        members = {**common, "data": schema, "message": {"type": "string"}}
        needed = ["data", "request_id", "success"]
    return {"type": "object", "properties": members, "required": needed, "additionalProperties": False}


def _header_refs(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _phrase(status: int) -> str:
    return {202: "Under way.", 204: "Done.", 206: "The range.", 304: "What you have is still true."}.get(
        status, HTTPStatus(status).phrase + "."
    )
