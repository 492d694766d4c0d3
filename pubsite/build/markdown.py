"""Markdown to HTML by Python-Markdown. Quadratic on some input and recursive on other: for render children only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from typing import Any

from markdown import Markdown
from markdown.extensions.toc import TocExtension
from pygments.formatters import HtmlFormatter

from pubsite.build.fences import Fences
from pubsite.build.markup import slugify
from pubsite.build.tasks import Tasks

_KEPT_CHARACTERS = 32 * 1_048_576
_ALWAYS = ("extra", "sane_lists", "admonition")


def convert(text: str, *, extensions: tuple[str, ...], highlight: bool, reserved: frozenset[str]) -> str:
    """The text as an HTML fragment; `reserved` are ids that its headings must not have."""
    key = sha256(repr((extensions, highlight, sorted(reserved), text)).encode(errors="surrogatepass")).digest()
    if (html := _kept.get(key)) is None:
        html = _convert(text, _converter(extensions, highlight, reserved))
        _kept.put(key, html)
    return html


def _convert(text: str, converter: Markdown) -> str:
    try:
        return converter.reset().convert(text)
    except BaseException:
        _converter.cache_clear()  # it may have stopped in the middle of anything
        raise


class _Kept:
    """The fragments used last: a page is often asked for again, since something around it has changed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._fragments: OrderedDict[bytes, str] = OrderedDict()

    def get(self, key: bytes) -> str | None:
        if key in self._fragments:
            self._fragments.move_to_end(key)
        return self._fragments.get(key)

    def put(self, key: bytes, fragment: str) -> None:
        self._fragments[key] = fragment
        self._size += len(fragment)
        while self._size > self._most:
            self._size -= len(self._fragments.popitem(last=False)[1])


_kept = _Kept(_KEPT_CHARACTERS)


@lru_cache(maxsize=8)
def _converter(extensions: tuple[str, ...], highlight: bool, reserved: frozenset[str]) -> Markdown:
    names = [*_ALWAYS, *(["codehilite"] if highlight else []), *extensions]
    return Markdown(
        output_format="html",
        extensions=[
            *dict.fromkeys(name for name in names if name != "toc"),
            Fences(highlight=highlight),
            Tasks(),
            _contents(reserved),
        ],
        extension_configs={"codehilite": _HIGHLIGHTING} if highlight else {},
    )


def _formatter(**options: Any) -> HtmlFormatter[str]:
    """A formatter for these options, made once: making one computes a whole stylesheet that nobody needs."""
    key = repr(sorted(options.items()))
    if key not in _formatters:
        if len(_formatters) >= _KEPT_FORMATTERS:
            _formatters.clear()
        _formatters[key] = HtmlFormatter(**options)
    return _formatters[key]


_KEPT_FORMATTERS = 32
_formatters: dict[str, HtmlFormatter[str]] = {}
_HIGHLIGHTING = {"guess_lang": False, "css_class": "highlight", "pygments_formatter": _formatter}


def _contents(reserved: Collection[str]) -> TocExtension:
    def slug(text: str, separator: str) -> str:
        name = slugify(text, separator)
        return f"{name}_1" if name in reserved else name

    return TocExtension(permalink=True, slugify=slug)
