"""Where a page of a tree lives in its site: `guide/install.md` → `/guide/install`, an index file → its folder.

Every path given out is one that the API takes, and no two fold to the same; whoever comes second gets `-2`.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from pubsite.models.paths import page_key, page_path_problem

# The first of these in a folder is its page; the others keep paths of their own.
INDEX_NAMES = ("index.md", "index.markdown", "_index.md", "index.html", "index.htm", "readme.md", "readme.markdown")
_FILE_ENDINGS = (".xml", ".txt", ".json")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\\?#%:*\"<>|^`{}\[\]]+")


def folder_indexes(sources: list[str]) -> dict[str, str]:
    """The source that is the page of each folder; a folder is its path with a trailing `/`, the root ``."""
    best: dict[str, tuple[int, str]] = {}
    for source in sources:
        folder, name = _parted(source)
        if (lower := name.lower()) in INDEX_NAMES:
            best[folder] = min(best.get(folder, (99, "")), (INDEX_NAMES.index(lower), source))
    return {folder: source for folder, (_, source) in best.items()}


def path_of(source: str, *, is_index: bool, slug: str = "", url: str = "") -> str:
    """The page's path; front matter's `slug` replaces the last segment, its `url` the whole.

    Raises ValueError that names the wrong one.
    """
    if url:
        return _checked("/" + "/".join(unquote(urlsplit(url).path).strip("/").split("/")), "url")
    folder, name = _parted(source)
    segments = [fit(part) for part in folder.split("/") if part]
    if not is_index:
        segments.append(_page_name(name))
    if slug:
        if not segments:
            raise ValueError("slug: the home page has none")
        segments[-1:] = [fit(part) for part in slug.strip("/").split("/")]
    return _checked("/" + "/".join(segments), "path")


def alias_path(alias: str, source: str) -> str:
    """An alias as a path; a relative one begins at the source's folder. ValueError names a bad one."""
    path = unquote(urlsplit(alias).path)
    base = "" if path.startswith("/") else "/" + _parted(source)[0]
    return _checked("/" + (base + path).strip("/"), "aliases")


class TakenPaths:
    """The paths given out so far, by what they fold to."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def take(self, path: str, source: str) -> tuple[str, str]:
        """The path, or the first free one of `path-2`, `path-3` …, and the source that was there first (or ``)."""
        first, number, candidate = self._owners.get(_key(path), ""), 1, path
        while _key(candidate) in self._owners:
            number += 1
            candidate = _numbered(path, number)
        self._owners[_key(candidate)] = source
        return candidate, first


def fit(segment: str) -> str:
    """A file's name as a path segment: unfit characters become `-`, case and other letters stay."""
    kept = _UNFIT.sub("-", unicodedata.normalize("NFC", segment)) if _UNFIT.search(segment) else segment
    kept = unicodedata.normalize("NFC", kept)
    kept = kept.strip("-") if kept != segment else kept
    return kept.rstrip(". ") or "page"


def _page_name(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if ending.lower() in ("html", "htm"):
        # `index.html` beside another index would be the folder's own output.
        return "index" if stem.lower() == "index" else fit(stem) + dot + ending
    stem = fit(stem)
    for wrong in _FILE_ENDINGS:
        if stem.lower().endswith(wrong):  # a page is HTML: it must not be published as notes.txt
            return stem[: -len(wrong)] + "-" + wrong[1:]
    return stem


def _numbered(path: str, number: int) -> str:
    if path == "/":
        return f"/index-{number}"
    head, dot, ending = path.rpartition(".")
    if dot and ending.lower() in ("html", "htm") and not head.endswith("/"):
        return f"{head}-{number}.{ending}"
    return f"{path}-{number}"


def _checked(path: str, field: str) -> str:
    path = unicodedata.normalize("NFC", path)
    if problem := page_path_problem(path):
        raise ValueError(f"{field}: {path[:200]!r} {problem}")
    return path


def _key(path: str) -> str:
    return page_key(re.sub(r"(?i)/index\.html\Z", "", path) or "/")


def _parted(source: str) -> tuple[str, str]:
    folder, slash, name = source.rpartition("/")
    return folder + slash, name
