"""What a page is called and when it is dated: from its config, else its first heading, else its path."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_MARKDOWN_LINE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})|^#{1,6}[ \t]*(?P<atx>[^#\n].*)$|^(?P<text>[^\s>*+-].*)\n(?:=+|-{2,})[ \t]*$", re.M
)
_HTML_HEADING = re.compile(r"<h([1-6])(?:\s[^<>]*)?>", re.I)
_TAG = re.compile(r"<[^<>]*>")
_INLINE = re.compile(r"!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])|\\([^\w\s])|(\*\*|__|[*`]|(?<!\w)_|_(?!\w))")
_ATTRIBUTES = re.compile(r"[ \t]*\{:?[^{}\n]*\}[ \t]*$")
# Contents are anybody's, and this runs beside the server: every search is over a bounded text.
_LOOKED_AT = 65_536
_LONGEST_TITLE = 300


def title_of(config: Mapping[str, Any], content: str, path: str, home: str) -> str:
    """The page's title; `home` is what the page at `/` is called when nothing else names it."""
    title = config.get("title")
    if isinstance(title, str) and title.strip():
        return title.strip()
    return first_heading(content, markdown=config.get("format") == "markdown") or readable(path) or home


def first_heading(content: str, *, markdown: bool) -> str:
    """The text of the first heading near the content's start, without markup; "" when there is none."""
    content = content[:_LOOKED_AT]
    heading = (_markdown_heading(content) if markdown else "") or _html_heading(content)
    return " ".join(html.unescape(_TAG.sub("", heading)).split())


def readable(path: str) -> str:
    """The last segment of a path as words: `/guide/getting-started` → `Getting started`."""
    words = re.sub(r"\.html?$", "", path.rstrip("/").rpartition("/")[2])
    words = words.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def date_of(value: object) -> datetime | None:
    """An ISO 8601 date or time as aware UTC; None when it is something else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def human(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _markdown_heading(content: str) -> str:
    fence = ""
    for match in _MARKDOWN_LINE.finditer(content):
        if mark := match["fence"]:
            if not fence:
                fence = mark
            elif mark.startswith(fence):
                fence = ""
        elif not fence:
            text = (match["atx"] or match["text"])[:_LONGEST_TITLE]
            text = _ATTRIBUTES.sub("", text.rstrip()).rstrip().rstrip("#")
            return _INLINE.sub(lambda found: found[1] or found[2] or "", text)
    return ""


def _html_heading(content: str) -> str:
    match = _HTML_HEADING.search(content)
    if match is None:
        return ""
    end = content.find("</", match.end())
    while end >= 0 and content[end + 2 : end + 4].lower() != f"h{match[1]}":
        end = content.find("</", end + 2)
    return content[match.end() : end][:_LONGEST_TITLE] if end >= 0 else ""
