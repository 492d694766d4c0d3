"""The API's document at `/api/openapi.json`, and the page that shows it at `/api/docs`, with assets of its own.

The page loads nothing from elsewhere, and holds nothing of users: it shares its origin with the API alone.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from pubsite import contexts, openapi
from pubsite.api import Media, Service
from pubsite.api.conditions import not_modified
from pubsite.security import PUBLIC

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

document = Service("reference.document", "/api/openapi.json", contexts.anybody)
page = Service("reference.page", "/api/docs", contexts.anybody)


@document.on("GET", permission=PUBLIC, answer=Media("application/json"), tagged=True)
def get_document(request: Request) -> Response:
    """This document. It is made of the server's own code, so it says what this server does."""
    registry = request.registry
    if not hasattr(registry, "openapi_document"):
        registry.openapi_document = openapi.dumped(registry.cornice_services.values(), registry.settings_of_pubsite)
    return _answer(request, registry.openapi_document, "application/json")


@page.on("GET", permission=PUBLIC, answer=Media("text/html"), tagged=True)
def get_page(request: Request) -> Response:
    """This document, for people."""
    return _asset(request, "index.html")


def get_asset(request: Request) -> Response:
    return _asset(request, request.matchdict["name"])


def _asset(request: Request, name: str) -> Response:
    response = _answer(request, _read(name), TYPES[name.rpartition(".")[2]])
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@cache
def _read(name: str) -> bytes:
    return (files("pubsite.views") / "reference_page" / name).read_bytes()


def _answer(request: Request, body: bytes, media_type: str) -> Response:
    """A body with its tag, to be asked for again each time: it changes when the server does."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    charset = "UTF-8" if media_type.startswith("text/") else None
    response: Any = not_modified(request, tag) or Response(body, content_type=media_type, charset=charset)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"
    return response


def includeme(config: Configurator) -> None:
    for service in (document, page):
        config.add_cornice_service(service)
    config.add_route("reference.asset", r"/api/docs/{name:reference\.(?:js|css|svg)}", factory=contexts.anybody)
    config.add_view(get_asset, route_name="reference.asset", request_method="GET", permission=PUBLIC)
