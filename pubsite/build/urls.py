"""Where a page lies and how it is addressed: its output file (plain text) and its URL (percent-encoded).

The lookup rules are hosting's, seen from the other side.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:  # the render children load this module, and no storage
    from pubsite.storage import TrailingSlash

_FILE_EXTENSIONS = (".html", ".htm", ".xml", ".txt", ".json")
_ELSEWHERE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|//|/?\\)")
_SAFE = "/!$'()*+,;=:@~"


class Location(NamedTuple):
    file: str
    url: str


def locate(path: str, policy: TrailingSlash) -> Location:
    """The output file and the URL of the page at `path`."""
    path = path.rstrip("/")
    if not path:
        return Location("/index.html", "/")
    if is_file_path(path):
        return Location(path, encode(path))
    if policy == "never":
        return Location(f"{path}.html", encode(path))
    return Location(f"{path}/index.html", encode(f"{path}/"))


def is_file_path(path: str) -> bool:
    """Whether a page path names its output file itself."""
    return path.lower().endswith(_FILE_EXTENSIONS) and not path.rpartition("/")[2].startswith(".")


def encode(path: str) -> str:
    """The percent-encoded form of a path, fit for an attribute."""
    return quote(path, safe=_SAFE, errors="replace")


def slot(file: str, policy: TrailingSlash) -> str:
    """The path that readers ask for, without trailing slash: two outputs of one slot collide."""
    if file.endswith("/index.html"):
        return file[: -len("/index.html")] or "/"
    if policy == "never" and file.endswith(".html"):
        return file.removesuffix(".html")
    return file.rstrip("/") or "/"


def internal_path(link: str, base: str, origin: str = "") -> str | None:
    """The decoded path within the site that `link` leads to from the URL `base`; None when it leads elsewhere.

    base, link: percent-encoded URLs; a link that begins with `origin` (the site's base_url) stays within the site.
    """
    if origin and (link == origin or link.startswith((f"{origin}/", f"{origin}?", f"{origin}#"))):
        link = link[len(origin) :] or "/"
    if not link or link[0] == "#" or _ELSEWHERE.match(link):
        return None
    path = link.partition("#")[0].partition("?")[0]
    if not path:
        return None
    if not path.startswith("/"):
        path = base.rpartition("/")[0] + "/" + path
    if "/." in path:
        path = _without_dots(path)
    return unquote(path, errors="replace") if "%" in path else path


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            kept = kept[:-1] if len(kept) > 1 else kept
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
