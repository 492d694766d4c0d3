"""Which paths of a built site lead somewhere, by the rules that hosting follows; and the links that do not, named."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pubsite.build.urls import internal_path
from pubsite.errors import Problem
from pubsite.storage import TrailingSlash


class Destinations:
    """The files and redirects of one site."""

    def __init__(
        self, files: Collection[str], redirects: Collection[str], policy: TrailingSlash, origin: str = ""
    ) -> None:
        self._files = frozenset(files)
        self._redirects = frozenset(redirects)
        self._policy = policy
        self._origin = origin

    def file_at(self, path: str) -> bool:
        """Whether a decoded path leads to a file, at once or by adding or taking away its slash."""
        if path in self._files:
            return True
        bare = path.rstrip("/")
        if f"{bare}/index.html" in self._files:
            return path.endswith("/") or self._policy != "never"
        return self._policy == "never" and f"{bare}.html" in self._files

    def leads_somewhere(self, path: str) -> bool:
        """Whether a decoded path leads to a file or a redirect."""
        return self.file_at(path) or (path.rstrip("/") or "/") in self._redirects

    def broken(self, page: str, url: str, links: Iterable[tuple[str, str]], content: str) -> list[Problem]:
        """A problem for each link of a page that leads nowhere within the site.

        page, url: the page's path and URL; links: as written, and as they stand in the output; content: searched for
        the line of the link.
        """
        problems = []
        for written, link in links:
            path = internal_path(link, url, self._origin)
            if path is not None and not self.leads_somewhere(path):
                message = f"{written} leads nowhere{_line(content, written)}"
                problems.append(Problem("warn", page, "broken_link", message))
        return problems


def _line(content: str, link: str) -> str:
    found = content.find(link)
    return f" (line {content.count(chr(10), 0, found) + 1})" if found >= 0 else ""
