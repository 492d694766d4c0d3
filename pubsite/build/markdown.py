"""Markdown to HTML by Python-Markdown. Quadratic on some input and recursive on other: for render children only."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from markdown import Markdown
from markdown.extensions.toc import TocExtension
from pygments.formatters import HtmlFormatter

from pubsite.build.markup import slugify

_ALWAYS = ("extra", "sane_lists", "admonition")


def convert(text: str, *, extensions: tuple[str, ...], highlight: bool, reserved: frozenset[str]) -> str:
    """The text as an HTML fragment; `reserved` are ids that its headings must not have."""
    converter = _converter(extensions, highlight, reserved)
    try:
        return converter.reset().convert(text)
    except BaseException:
        _converter.cache_clear()  # it may have stopped in the middle of anything
        raise


@lru_cache(maxsize=8)
def _converter(extensions: tuple[str, ...], highlight: bool, reserved: frozenset[str]) -> Markdown:
    names = [*_ALWAYS, *(["codehilite"] if highlight else []), *extensions]
    return Markdown(
        output_format="html",
        extensions=[*dict.fromkeys(name for name in names if name != "toc"), _contents(reserved)],
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
