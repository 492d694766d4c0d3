"""What HTTP says about one request for a file: its host and path, the form that is wanted, the bytes, the validators.

Pure functions of texts that a stranger sent: each has an answer for any text, in time linear in its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

_HOST = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.(.+?)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_NO_PATH = re.compile(r"[\x00-\x1f\x7f\\]|//|/\.{1,2}(?:/|\Z)")
_LONGEST_PATH = 32_768  # bytes: 8192 characters of up to four each
_ETAGS = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_CODING = re.compile(r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?")
_RANGE = re.compile(r"\s*bytes\s*=\s*(?:([0-9]+)\s*-\s*([0-9]*)|-\s*([0-9]+))\s*", re.IGNORECASE)
_LONGEST_NUMBER = 18
_LONGEST_HOST = 300
_CACHED_UP_TO = 300  # characters of a header that is kept as a key
_QUERY_SAFE = "%:/?#[]@!$&'()*+,;="


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` up to and without `end`; an empty one cannot be satisfied."""

    start: int
    end: int


def site_label(host: str, domain: str) -> tuple[str, str] | None:
    """(label, authority) of a Host header that names one label before `domain` (lower case); None for another."""
    return _site_label(host, domain) if len(host) <= _LONGEST_HOST else None


@lru_cache(maxsize=1024)
def _site_label(host: str, domain: str) -> tuple[str, str] | None:
    match = _HOST.fullmatch(host)
    if match is None or match[2].lower().rstrip(".") != domain:
        return None
    label = match[1].lower()
    return label, f"{label}.{domain}" + (f":{match[3]}" if match[3] else "")


def url_path(path_info: str) -> str | None:
    """The decoded path of WSGI's PATH_INFO; None where nothing can be: bad UTF-8, controls, `\\`, `//`, `.`, `..`."""
    if len(path_info) > _LONGEST_PATH:
        return None
    try:
        path = path_info.encode("latin-1").decode() or "/"
    except UnicodeError:
        return None
    return None if not path.startswith("/") or _NO_PATH.search(path) else path


def with_query(location: str, query: str) -> str:
    """`location` with the request's query, unless it has one of its own."""
    if not query:
        return location
    base, hash_sign, fragment = location.partition("#")
    query = quote(query.encode("latin-1", "replace"), safe=_QUERY_SAFE)
    return location if "?" in base else f"{base}?{query}{hash_sign}{fragment}"


def prefers_gzip(header: str) -> bool:
    """Whether an Accept-Encoding takes gzip, and does not prefer identity (RFC 9110, 12.5.3). What is malformed in it
    counts for nothing."""
    return _prefers_gzip(header) if len(header) <= _CACHED_UP_TO else _prefers_gzip.__wrapped__(header)


@lru_cache(maxsize=1024)
def _prefers_gzip(accept_encoding: str) -> bool:
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        if match := _CODING.fullmatch(part):
            weights[match[1].removeprefix("x-")] = float(match[2] or 1)
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def lists_weakly(header: str, etag: str) -> bool:
    """Whether an If-None-Match names `etag`, by weak comparison, or is `*`."""
    return header.strip() == "*" or any(tag == etag for _, tag in _ETAGS.findall(header))


def lists_strongly(header: str, *etags: str) -> bool:
    """Whether an If-Match names one of `etags`, by strong comparison, or is `*`."""
    return header.strip() == "*" or not {tag for weak, tag in _ETAGS.findall(header) if not weak}.isdisjoint(etags)


def byte_range(header: str, size: int) -> ByteRange | None:
    """The single range that a Range header asks of `size` bytes; None: answer with the whole."""
    match = _RANGE.fullmatch(header)
    if match is None:
        return None
    first, last, suffix = (_number(text) for text in match.groups())
    if suffix is not None:
        return ByteRange(max(size - suffix, 0), size)
    if first is None or (last is not None and last < first):
        return None
    return ByteRange(first, size if last is None else min(last + 1, size))


def _number(text: str | None) -> int | None:
    """An integer of ASCII digits; one beyond any size stands for all of them."""
    if not text:
        return None
    return int(text) if len(text) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER
