"""Which entry of a manifest answers a URL path, and by which rule. Pure: hosting asks it, and so may an explanation.

The file that stands at a path always wins; the trailing-slash policy decides only where two forms are possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pubsite.storage.manifests import FileEntry, Manifest, RedirectEntry

# What may stand in a Location as it is (RFC 3986: reserved and "%"; unreserved characters always may).
_URL_SAFE = "%:/?#[]@!$&'()*+,;="
_PATH_SAFE = "/:@!$&'()*+,;="
_DEEPEST_NOT_FOUND = 16


@dataclass(frozen=True, slots=True)
class Route:
    """`rule` decided. A file (`path`, `entry`) at `status` 200 or 404, or a move to `location`, percent-encoded."""

    rule: str
    status: int
    path: str = ""
    entry: FileEntry | None = None
    location: str = ""


def route(manifest: Manifest, path: str, older: Callable[[], Iterable[Manifest]] = tuple) -> Route:
    """The route of a decoded URL path without empty, `.` or `..` segments.

    older: gives the manifests whose fingerprinted files are still to be reachable, the newest first.
    """
    for rule in (_exact, _index, _redirect, _policy):
        if (found := rule(manifest, path)) is not None:
            return found
    for earlier in older() if not path.endswith("/") else ():
        entry = earlier.lookup(path)
        if isinstance(entry, FileEntry) and entry.fingerprinted:
            return Route("earlier version", 200, path, entry)
    for candidate in _not_found_paths(path, manifest.routing.not_found):
        if isinstance(entry := manifest.lookup(candidate), FileEntry):
            return Route("not found page", 404, candidate, entry)
    return Route("not found", 404)


def _exact(manifest: Manifest, path: str) -> Route | None:
    return None if path.endswith("/") else _file("file", manifest, path)


def _index(manifest: Manifest, path: str) -> Route | None:
    return _file("index", manifest, path + "index.html") if path.endswith("/") else None


def _redirect(manifest: Manifest, path: str) -> Route | None:
    entry = manifest.lookup(path.rstrip("/") or "/")
    if not isinstance(entry, RedirectEntry) or entry.target == path:
        return None
    return Route("redirect", entry.status, location=quote(entry.target, safe=_URL_SAFE))


def _policy(manifest: Manifest, path: str) -> Route | None:
    policy = manifest.routing.trailing_slash
    if path.endswith("/"):
        return _without_slash(manifest, path.rstrip("/"), serve=policy == "ignore")
    forms = (_with_slash, _without_slash) if policy != "never" else (_without_slash, _with_slash)
    for form in forms:
        if found := form(manifest, path, serve=policy == "ignore" or form is _without_slash):
            return found
    return None


def _with_slash(manifest: Manifest, path: str, *, serve: bool) -> Route | None:
    """`/a` is a folder's index: there, or one move away at `/a/`, where its relative links hold."""
    found = _file("index", manifest, path + "/index.html")
    return found if found is None or serve else _move(path + "/")


def _without_slash(manifest: Manifest, path: str, *, serve: bool) -> Route | None:
    """`/a` is the page `/a.html`."""
    found = _file("page", manifest, path + ".html") if path else None
    return found if found is None or serve else _move(path)


def _file(rule: str, manifest: Manifest, path: str) -> Route | None:
    entry = manifest.lookup(path)
    return Route(rule, 200, path, entry) if isinstance(entry, FileEntry) else None


def _move(path: str) -> Route:
    return Route("trailing slash", 308, location=quote(path, safe=_PATH_SAFE))


def _not_found_paths(path: str, last: str) -> Iterator[str]:
    """The error pages for a path, the nearest first; for an absurdly deep one only those of its upper folders."""
    folders = path.split("/")[1:-1][:_DEEPEST_NOT_FOUND]
    for depth in range(len(folders), -1, -1):
        yield "/".join(["", *folders[:depth], "404.html"])
    yield last
