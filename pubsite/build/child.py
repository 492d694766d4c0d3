"""The process that renders pages: reads requests, answers pages, holds limits. It has no credentials and no state.

It lives until its socket closes, so it ends with its parent, however that ends. A page that needs more time or memory
than it may have ends this process; the parent names the page and starts another.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import sys
from collections.abc import Callable
from typing import Any

from minijinja import Environment, TemplateError, safe

from pubsite.build import frames
from pubsite.build.body import Resolver, Rules, body_of
from pubsite.build.markup import Scan, absolute, excerpt, scan, without_title, words
from pubsite.build.urls import internal_path

OUT_OF_MEMORY = 70
_GC_ALLOCATIONS = 50_000  # a page's elements are garbage at its end, without cycles worth looking for before
_FUEL = 20_000_000
_WORDS_A_MINUTE = 220
_ID = re.compile(r"""\sid="([^"{}]+)\"""")
# Characters that neither HTML nor XML may hold.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_Answer = tuple[dict[str, Any], bytes]


def main(seconds: int, memory: int) -> None:
    """Answer requests from descriptor 0 until it closes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    renderer = Renderer()
    _send(frames.encode({"ready": True}))
    import pubsite.build.markdown  # noqa: F401  most pages need it, and nobody waits for it now

    gc.freeze()
    gc.set_threshold(_GC_ALLOCATIONS)
    while True:
        try:
            request, sources = frames.read(_receive)
        except (EOFError, ConnectionError):
            return
        _grant(seconds)
        try:
            answer = renderer.answer(request, sources.decode())
            if answer is not None:
                _send(frames.encode(*answer))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except ConnectionError:
            return


class Renderer:
    """Answers requests. What several pages share (themes, a site's values, its sources) is loaded once, by key."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}
        self._sources = ""

    def answer(self, request: dict[str, Any], sources: str) -> _Answer | None:
        """The answer to one request, an error of the page included; None for those that need none.

        sources: the key of the site's sources, beside the request since it stands for far more than the page sees.
        """
        if request["op"] == "load":
            self._loaded[request["key"]] = request["value"]
            return None
        if request["op"] == "drop":
            self._loaded.pop(request["key"], None)
            return None
        self._sources = sources
        render: Callable[[dict[str, Any]], _Answer] = getattr(self, f"_{request['op']}")
        try:
            return render(request)
        except MemoryError:
            raise
        except TemplateError as error:
            return {"error": "template_error", "message": str(error).partition("\n")[0]}, b""
        except Exception as error:
            text = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
            return {"error": "render_failed", "message": text}, b""

    def _page(self, request: dict[str, Any]) -> _Answer:
        """A page within its theme."""
        site, theme = self._loaded[request["site"]], self._theme(request["theme"])
        resolver = Resolver(request["source"], self._loaded.get(self._sources, {}))
        body = body_of(request["content"], request["format"], _rules(site, theme.reserved), resolver)
        values = request["values"]
        page = _page_values(values["page"], body, resolver)
        values |= {"page": page, "site": _site(site["site"], page["url"])}
        text = theme.environment.render_template(
            request["template"], assets=site["assets"], generator=site["generator"], **values
        )
        html = _FORBIDDEN.sub("", text)
        answer: dict[str, Any] = {
            "links": list(dict.fromkeys(body.links)),
            "looked_up": resolver.looked_up,
            "scrubbed": len(text) - len(html),
        }
        if base := request["feed_base"]:
            answer["feed"] = absolute(_FORBIDDEN.sub("", body.html), lambda link: _absolute(link, page["url"], base))
        return answer, html.encode()

    def _document(self, request: dict[str, Any]) -> _Answer:
        """A whole document stays as it is; only its links are wanted."""
        links = list(dict.fromkeys(scan(request["content"], str).links))
        return {"links": links, "looked_up": {}}, request["content"].encode(errors="replace")

    def _body(self, request: dict[str, Any]) -> _Answer:
        """A page's body alone."""
        rules = Rules(tuple(request["extensions"]), request["highlight"], request["sanitize"])
        place = request.get("elsewhere")
        resolver = Resolver(place["source"], place["sources"]) if place else Resolver("", {})
        html = _FORBIDDEN.sub("", body_of(request["content"], request["format"], rules, resolver).html)
        if place:
            html = without_title(html, place["title"])
            html = absolute(html, lambda link: _absolute(link, place["url"], place["base"]))
        return {}, html.encode()

    def _theme(self, key: str) -> _Theme:
        loaded = self._loaded[key]
        if not isinstance(loaded, _Theme):
            loaded = self._loaded[key] = _Theme(loaded)
        return loaded


class _Theme:
    """A theme's templates, each compiled when it is first used, and the ids that they take."""

    def __init__(self, templates: dict[str, str]) -> None:
        self.environment = Environment(
            templates=templates, fuel=_FUEL, undefined_behavior="chainable", debug=False, keep_trailing_newline=True
        )
        self.reserved = frozenset(name for source in templates.values() for name in _ID.findall(source))


def _page_values(page: dict[str, Any], body: Scan, resolver: Resolver) -> dict[str, Any]:
    """The page as its template sees it; its image counts among its links."""
    if written := page["image"]:
        body.links.append((written, resolver(written)))
    return page | {
        "body": safe(body.html),
        "has_h1": body.has_h1,
        "toc": body.toc,
        "image": resolver(written),
        "description": page["description"] or excerpt(body.html),
        "reading_minutes": max(1, round(words(body.html) / _WORDS_A_MINUTE)),
    }


def _rules(site: dict[str, Any], reserved: frozenset[str]) -> Rules:
    return Rules(tuple(site["extensions"]), site["highlight"], site["sanitize"], reserved)


def _site(site: dict[str, Any], url: str) -> dict[str, Any]:
    nav = [{**item, "current": _is_current(item["href"], url)} for item in site["nav"]]
    return {**site, "nav": nav}


def _is_current(href: str, url: str) -> bool:
    return href == url or (href not in ("", "/") and url.startswith(href.rstrip("/") + "/"))


def _absolute(link: str, url: str, base: str) -> str:
    if link.startswith("#"):
        return base + url + link
    path = internal_path(link, url)
    if path is None:
        return link
    if not link.startswith("/"):
        link = url.rpartition("/")[0] + "/" + link
    return base + link


def _grant(seconds: int) -> None:
    """CPU seconds for one page, should nobody be left to watch the clock."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds + 2, resource.RLIM_INFINITY))


def _receive(size: int) -> bytes:
    return os.read(0, size)


def _send(frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(0, view) :]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
