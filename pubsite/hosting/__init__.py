"""The other WSGI app: sends built sites. Host → label → ref → manifest → object; needs no database.

The ref is read once a request, from the store itself: a response is made of one version, and a swap shows at once.
Whatever a stranger sends, the answer is not a 5xx.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from pubsite.errors import PubsiteError
from pubsite.hosting.bodies import Bodies, Body
from pubsite.hosting.http import (
    ByteRange,
    byte_range,
    lists_strongly,
    lists_weakly,
    prefers_gzip,
    site_label,
    url_path,
    with_query,
)
from pubsite.hosting.pages import CHANGED, GONE, METHOD, NO_PAGE, NO_SITE, UNAVAILABLE, OwnPage
from pubsite.storage import FileEntry, Manifest, ObjectMissing, Ref, Storage, is_text, route

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

TARGET = "production"

_STATUS = {
    200: "200 OK",
    206: "206 Partial Content",
    301: "301 Moved Permanently",
    302: "302 Found",
    303: "303 See Other",
    304: "304 Not Modified",
    307: "307 Temporary Redirect",
    308: "308 Permanent Redirect",
    404: "404 Not Found",
    416: "416 Range Not Satisfiable",
}
_SAFETY = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "strict-origin-when-cross-origin")]
_NOTHING = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")]
_FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")
_ASK_AGAIN = ("Cache-Control", "public, max-age=0, must-revalidate")
_NO_STORE = ("Cache-Control", "no-store")

Headers = list[tuple[str, str]]


class Response(NamedTuple):
    status: str
    headers: Headers
    body: bytes


class Hosting:
    """The app. sites_domain: every site lives on one label before it. clock: seconds of the epoch."""

    def __init__(self, storage: Storage, sites_domain: str, clock: Callable[[], float] = time.time) -> None:
        self._storage = storage
        self._domain = sites_domain.lower().strip(".")
        self._clock = clock
        self._bodies = Bodies(storage.objects)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        try:
            response = self._answer(environ)
        except PubsiteError:
            log.exception("the storage failed")
            response = _own(UNAVAILABLE)
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body
        start_response(response.status, response.headers)
        return [body]

    def _answer(self, environ: WSGIEnvironment) -> Response:
        named = site_label(environ.get("HTTP_HOST", ""), self._domain)
        host = self._storage.hosts.get(named[0]) if named else None
        ref = self._storage.refs.get(host.site, TARGET) if host else None
        if named is None or host is None or (ref is None and host.state == "on"):
            return _own(NO_SITE)
        if ref is None or host.state == "off":
            return _own(GONE)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _own(METHOD)
        path = url_path(environ.get("PATH_INFO", ""))
        if path is None:
            return _own(NO_PAGE)
        return self._respond(environ, ref, path, f"{environ['wsgi.url_scheme']}://{named[1]}")

    def _respond(self, environ: WSGIEnvironment, ref: Ref, path: str, origin: str) -> Response:
        found = route(Manifest(self._storage.objects, ref.manifest), path, lambda: self._earlier(ref))
        if found.location:
            location = with_query(found.location, environ.get("QUERY_STRING", ""))
            headers = [("Location", location), ("Cache-Control", "no-cache"), *_NOTHING, *_SAFETY]
            return Response(_STATUS[found.status], headers, b"")
        if found.entry is None:
            return _own(NO_PAGE)
        body = self._bodies.get(found.entry, origin)
        if found.status != 200:
            return _error_page(found.entry, body, environ)
        return _file(found.entry, body, environ, origin)

    def _earlier(self, ref: Ref) -> Iterator[Manifest]:
        """The manifests of replaced versions, while their grace lasts; a collected one is passed over."""
        if self._clock() >= ref.grace_until:
            return
        for _, digest in ref.previous:
            try:
                yield Manifest(self._storage.objects, digest)
            except ObjectMissing:
                continue


def _file(entry: FileEntry, body: Body, environ: WSGIEnvironment, origin: str) -> Response:
    etag = _etag(entry, origin)
    gzip_etag = f'{etag[:-1]}-gzip"'
    required = environ.get("HTTP_IF_MATCH")
    if required is not None and not lists_strongly(required, etag, gzip_etag):
        return _own(CHANGED)
    wanted = _range(environ, etag, len(body.identity))
    gzip = body.gzip if wanted is None and prefers_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")) else None
    if gzip is not None:
        etag = gzip_etag
    headers: Headers = [("ETag", etag), _FOR_EVER if entry.fingerprinted else _ASK_AGAIN, *_SAFETY]
    if body.gzip is not None:
        headers.append(("Vary", "Accept-Encoding"))
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is not None and lists_weakly(known, etag):
        return Response(_STATUS[304], headers, b"")
    headers += [("Content-Type", _content_type(entry)), ("Accept-Ranges", "bytes")]
    if wanted is not None:
        return _part(body.identity, wanted, headers)
    return _whole(200, body.identity if gzip is None else gzip, headers, coded=gzip is not None)


def _range(environ: WSGIEnvironment, etag: str, size: int) -> ByteRange | None:
    """The range to send: of GET only, of the identity form only, and where If-Range names just that form."""
    header = environ.get("HTTP_RANGE")
    if header is None or environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_IF_RANGE", etag).strip() != etag:
        return None
    return byte_range(header, size)


def _part(identity: bytes, wanted: ByteRange, headers: Headers) -> Response:
    size = len(identity)
    if wanted.start >= wanted.end:
        headers = [("Content-Range", f"bytes */{size}"), _NO_STORE, *_NOTHING, *_SAFETY]
        return Response(_STATUS[416], headers, b"")
    part = identity[wanted.start : wanted.end]
    headers += [
        ("Content-Range", f"bytes {wanted.start}-{wanted.end - 1}/{size}"),
        ("Content-Length", str(len(part))),
    ]
    return Response(_STATUS[206], headers, part)


def _whole(status: int, body: bytes, headers: Headers, *, coded: bool) -> Response:
    if coded:
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body))))
    return Response(_STATUS[status], headers, body)


def _error_page(entry: FileEntry, body: Body, environ: WSGIEnvironment) -> Response:
    headers: Headers = [("Content-Type", _content_type(entry)), _NO_STORE, *_SAFETY]
    if body.gzip is not None:
        headers.append(("Vary", "Accept-Encoding"))
        if prefers_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            return _whole(404, body.gzip, headers, coded=True)
    return _whole(404, body.identity, headers, coded=False)


def _own(page: OwnPage) -> Response:
    headers: Headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(page.body))),
        _NO_STORE,
        *_SAFETY,
        *page.headers,
    ]
    return Response(page.status, headers, page.body)


def _etag(entry: FileEntry, origin: str) -> str:
    if not entry.origin:
        return f'"{entry.digest[:32]}"'
    return f'"{entry.digest[:32]}-{sha256(origin.encode()).hexdigest()[:8]}"'


def _content_type(entry: FileEntry) -> str:
    kind = entry.media_type
    return f"{kind}; charset=utf-8" if is_text(kind) else kind
