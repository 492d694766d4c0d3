"""The files of a live bundle as adapters read them: all of them, or those that one page needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from pubsite.publishing.content import OutFile
from pubsite.storage import ORIGIN_TOKEN, FileEntry, Manifest, ObjectStore

HTML = "text/html"
_CSS_URL = re.compile(r"""url\(\s*["']?([^"'()\s]{1,2048})["']?\s*\)""")
_NAMES = frozenset({"href", "src", "poster", "data"})


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """The bundle of `manifest`, of which one page is the file `page_file`; `origin` (`https://host`) is put in."""

    objects: ObjectStore
    manifest: Manifest
    page_file: str
    origin: str

    def page(self) -> Iterator[OutFile]:
        """What the page's HTML names within the site, and what those style sheets name; then the page itself."""
        own = self._file(self.page_file)
        if own is None:
            return
        for path in sorted(self._needed(own)):
            if path != self.page_file and (found := self._file(path)) is not None and found.media_type != HTML:
                yield found
        yield own

    def bundle(self) -> Iterator[OutFile]:
        """Every file: those that are no HTML first."""
        listed = [(path, entry) for path, entry in self.manifest.entries() if isinstance(entry, FileEntry)]
        for path, entry in sorted(listed, key=lambda item: (item[1].media_type == HTML, item[0])):
            yield self._out(path, entry)

    def read(self, path: str) -> bytes | None:
        """The bytes at a path of the site; None where no file lies."""
        found = self._file(path)
        return None if found is None else found.read()

    def _needed(self, own: OutFile) -> set[str]:
        links = _Links()
        links.feed(own.read().decode(errors="replace"))
        needed = self._paths(links.found, own.path)
        for path in list(needed):
            found = self._file(path) if path.endswith(".css") else None
            if found is not None:
                needed |= self._paths(_CSS_URL.findall(found.read().decode(errors="replace")), path)
        return needed

    def _paths(self, links: list[str], base: str) -> set[str]:
        """The paths within the site that links of the file at `base` lead to."""
        found = set()
        for link in links:
            try:
                parts = urlsplit(urljoin(f"{self.origin}{base}", link))
            except ValueError:
                continue
            if f"{parts.scheme}://{parts.netloc}" == self.origin and parts.path:
                found.add(unquote(parts.path))
        return found

    def _file(self, path: str) -> OutFile | None:
        entry = self.manifest.lookup(path)
        return self._out(path, entry) if isinstance(entry, FileEntry) else None

    def _out(self, path: str, entry: FileEntry) -> OutFile:
        if not entry.origin:
            return OutFile(path, entry.digest, entry.media_type, entry.size, lambda: self.objects.get(entry.digest))
        body = self.objects.get(entry.digest).replace(ORIGIN_TOKEN.encode(), self.origin.encode())
        return OutFile(path, sha256(body).hexdigest(), entry.media_type, len(body), lambda: body)


class _Links(HTMLParser):
    """The links of a document, as they stand."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in _NAMES:
                self.found.append(value.strip())
            elif value and name == "srcset":
                self.found += [part.split()[0] for part in value.split(",") if part.strip()]
