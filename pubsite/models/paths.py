"""The rules of paths: a page's path in its site, a file's path in its tree. Refused, never rewritten.

`page_path_problem` and `file_path_problem` say what is wrong with a path, or None; `page_key` and `file_key` give the
digest over which uniqueness goes: two paths with one key cannot live in one site.
"""

from __future__ import annotations

import re
import unicodedata

from pubsite.models.base import text_digest

PAGE_PATH_LENGTH = 8192
FILE_PATH_BYTES = 4096
SEGMENT_BYTES = 255
REDIRECT_STATUSES = (301, 302, 303, 307, 308)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TARGET = re.compile(r"(/(?![/\\])|https?://[^/\\\s?#@])[^\s\\]*\Z", re.IGNORECASE)
# Names that Windows gives to devices, with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?\Z", re.IGNORECASE)
# Code points that HFS+ ignores in names: `.g\u200cit` is `.git` there (CVE-2014-9390).
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def page_path_problem(path: str) -> str | None:
    """What is wrong with a page's path, in words for its author, or None."""
    if not path.startswith("/"):
        return "must begin with /"
    if len(path) > PAGE_PATH_LENGTH:
        return f"must have at most {PAGE_PATH_LENGTH} characters"
    if _CONTROL.search(path):
        return "must not hold control characters"
    for character in "\\?#":
        if character in path:
            return f"must not hold {character}"
    if not unicodedata.is_normalized("NFC", path):
        return "must be in Unicode's normal form NFC"
    segments = path[1:].removesuffix("/").split("/")
    if "" in segments and path != "/":
        return "must not hold an empty segment (//)"
    if "." in segments or ".." in segments:
        return "must not hold the segments . or .."
    return None


def page_key(path: str) -> str:
    """`/a` and `/a/` are one path, and so are `/A` and `/a`."""
    return text_digest(_fold(path.rstrip("/")))


def redirect_target_problem(target: object) -> str | None:
    """What is wrong with the target of a redirect, or None: a path of this site, or a whole http(s) URL."""
    if not isinstance(target, str):
        return "is required: a path such as /new, or an http or https URL"
    if len(target) > PAGE_PATH_LENGTH:
        return f"must have at most {PAGE_PATH_LENGTH} characters"
    if _CONTROL.search(target) or not _TARGET.match(target):
        return "must be /path, http://… or https://…, without white space or backslashes"
    return None


def file_path_problem(path: str) -> str | None:
    """What is wrong with a file's path, in words for its author, or None."""
    if not path:
        return "must not be empty"
    if path.startswith("/"):
        return "must be relative"
    if _CONTROL.search(path):
        return "must not hold control characters"
    if len(path.encode()) > FILE_PATH_BYTES:
        return f"must have at most {FILE_PATH_BYTES} bytes"
    for character in "\\:":
        if character in path:
            return f"must not hold {character}"
    if not unicodedata.is_normalized("NFC", path):
        return "must be in Unicode's normal form NFC"
    for segment in path.split("/"):
        if problem := _segment_problem(segment):
            return problem
    return None


def _segment_problem(segment: str) -> str | None:
    if not segment:
        return "must not hold an empty segment"
    plain = segment if segment.isascii() else _plain(segment)
    if plain in (".", ".."):
        return "must not hold the segments . or .."
    if len(segment.encode()) > SEGMENT_BYTES:
        return f"must not hold a segment over {SEGMENT_BYTES} bytes"
    if segment[-1] in ". ":
        return "must not hold a segment that ends with a dot or a space"
    if _DEVICE.match(segment):
        return f"must not hold the device name {segment}"
    if plain.casefold() in (".git", "git~1"):
        return "must not hold .git"
    return None


def _plain(segment: str) -> str:
    """A segment without its disguise: full-width letters and dots as plain ones, what some systems ignore left out."""
    return unicodedata.normalize("NFKC", _IGNORED.sub("", segment))


def file_key(path: str) -> str:
    """`A.txt` and `a.txt` are one path: a file system that folds case could not hold both."""
    return text_digest(_fold(path))


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold())
