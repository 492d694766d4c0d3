"""The OpenAPI 3.1 document of the API, made of its services and their schemas, so that it cannot drift from them.

It raises Undescribed on whatever it has no words for. The same services give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from pyramid.config import Configurator

from pubsite.api import Service
from pubsite.openapi.operations import errors, operation
from pubsite.openapi.paths import TAGS, path_of
from pubsite.openapi.schemas import Schemas, Undescribed
from pubsite.openapi.shared import Schema
from pubsite.settings import Settings

ABOUT = """\
Sites, pages and files lie under `/api/sites`; sectors and deployment records under `/api/v1/publisher`, where answers
come in an envelope and a slash at the end means nothing. `/zone/…` answers exactly as `/api/…`.

JSON in UTF-8. Keys that are not known, wrong types (`"7"`, `7.0` or `true` for an integer), keys given twice, NUL, lone
surrogates and JSON nested deeper than 64 are refused with 400, which names every field. Query parameters that are not
known are passed over. Times are ISO 8601 in UTC; a field that is unset is left out.
"""
PARAMETERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "Your name for this request; taken when it is 1 to 64 letters, digits and `._:-`.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "A request that is sent again with its key within 24 hours gets the first answer, and is not "
        "done again. A key is an account's, on one route.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "description": "An ETag that was answered before, or `*`: do this only if it is still the present one.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "description": "An ETag that was answered before: 304 when it is still the present one.",
        "schema": {"type": "string"},
    },
    "Range": {
        "description": "One range of bytes, such as `bytes=0-99`.",
        "schema": {"type": "string"},
    },
    "Prefer": {
        "description": "`wait=N`: answer when it has ended, or after N seconds, at most 60.",
        "schema": {"type": "string"},
    },
}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": {"description": "The name of this request in the server's log.", "required": True},
    "ETag": {"description": "The strong validator of the present state."},
    "Link": {"description": '`<…>; rel="next"`: where the list goes on.'},
    "Retry-After": {"description": "Seconds.", "required": True},
    "WWW-Authenticate": {"description": "`Bearer`.", "required": True},
    "Allow": {"description": "The methods that there are.", "required": True},
    "Content-Range": {"description": "Which bytes of how many.", "required": True},
    "Idempotent-Replayed": {"description": "`true`: this is the answer of the first time."},
    "Preference-Applied": {"description": "`wait=N`: the answer did wait."},
    "X-RateLimit-Limit": {
        "description": "How many requests of this kind your account may make in a minute.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left now.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When there is room for one more than now, in seconds since 1970 in UTC.",
        "schema": {"type": "integer"},
    },
}


def document(services: Iterable[Any], settings: Settings) -> Schema:
    """The document of these services, with the limits of the settings; raises Undescribed."""
    schemas = Schemas(settings.file_size_limit)
    for shape in ("Error", "EnvelopeError"):
        schemas.shared(shape)
    paths: dict[str, Schema] = {}
    tags = set()
    for service in sorted(services, key=lambda each: each.path):
        if not isinstance(service, Service):
            raise Undescribed(f"{service!r} is a service of another kind")
        path = path_of(service.name, service.path, schemas)
        methods = {method.lower(): operation(service, method, path, schemas) for method in sorted(service.endpoints)}
        if paths.setdefault(path.template, found := _with_parameters(path.parameters, methods)) is not found:
            raise Undescribed(f"two services at {path.template}")
        tags.add(path.tag)
    _require_unique_ids(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "pubsite", "version": version("pubsite"), "description": ABOUT, "license": {"name": "MIT"}},
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": told} for name, told in TAGS.items() if name in tags],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": {name: {"name": name, "in": "header", **told} for name, told in PARAMETERS.items()},
            "responses": errors(),
            "headers": {name: {"schema": {"type": "string"}, **told} for name, told in HEADERS.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A JWT, or an API token (`pst_…`). What it may do are its scopes: `read`, `write`, "
                    "`deploy`, `admin`.",
                }
            },
        },
    }


def dumped(services: Iterable[Any], settings: Settings) -> bytes:
    """The document as JSON."""
    return json.dumps(document(services, settings), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def own_services() -> list[Any]:
    """The services of this version, without a server."""
    with Configurator(settings={"handle_exceptions": False}) as config:
        for part in ("api", "security", "views"):
            config.include(f"pubsite.{part}")
    return list(config.registry.cornice_services.values())


def _with_parameters(parameters: list[Schema], methods: Schema) -> Schema:
    return {"parameters": parameters, **methods} if parameters else methods


def _require_unique_ids(paths: Schema) -> None:
    ids = [found["operationId"] for path in paths.values() for key, found in path.items() if key != "parameters"]
    if double := sorted({name for name in ids if ids.count(name) > 1}):
        raise Undescribed(f"two operations with the id {double[0]}")
