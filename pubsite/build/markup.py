"""HTML as users write it, read tag by tag: headings get unique ids and make the table of contents, links are listed.

Runs in the render children only, where a pathological page meets its limits. Nothing but the attributes named here
is changed; what is no tag stays as it is.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

_ATTRIBUTES = r"""(?:"[^"]*"|'[^']*'|[^'"<>])*+"""
_TOKEN = re.compile(
    rf"""<!--.*?(?:-->|\Z)
    | <(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>])(?P<raw_attributes>{_ATTRIBUTES})>
      .*?(?:</(?P=raw)(?=[\s/>])|\Z)
    | <(?P<close>/?)(?P<name>[a-z][^\s/>]*)(?P<attributes>{_ATTRIBUTES})>""",
    re.I | re.S | re.X,
)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")
_TAG = re.compile(r"<[^<>]*>")
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>', re.S)
_FIRST_HEADING = re.compile(r"\s*+<h1(?:\s[^<>]*)?>(.*?)</h1>\s*", re.I | re.S)
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.S)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LINKS = {
    **dict.fromkeys(("a", "area", "link"), ("href",)),
    **dict.fromkeys(("audio", "embed", "iframe", "script", "track"), ("src",)),
    **dict.fromkeys(("img", "source"), ("src", "srcset")),
    "video": ("src", "poster"),
    "object": ("data",),
}
_DESCRIPTION = 160
_WITHIN_HEADING = 200


@dataclass(slots=True)
class Scan:
    """A document with its ids made unique. `links`: as written, and as they stand now."""

    html: str
    toc: list[dict[str, Any]] = field(default_factory=list)
    has_h1: bool = False
    links: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Value:
    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Tag:
    name: str
    closing: bool
    start: int
    end: int
    values: dict[str, _Value]


_Edit = tuple[int, int, str]


def scan(source: str, resolve: Callable[[str], str], reserved: Collection[str] = ()) -> Scan:
    """Read a fragment: resolve its links, give each heading an id of its own that is none of `reserved`."""
    tags = list(_tags(source))
    result = Scan(source)
    edits = _link_edits(tags, resolve, result)
    edits += _heading_edits(source, tags, reserved, result)
    result.html = _apply(source, edits)
    return result


def absolute(source: str, resolve: Callable[[str], str]) -> str:
    """The fragment with every link resolved, and nothing else changed."""
    return _apply(source, _link_edits(list(_tags(source)), resolve, Scan(source)))


def without_title(fragment: str, title: str) -> str:
    """The fragment without its first heading, where that says the title and nothing stands before it."""
    match = _FIRST_HEADING.match(fragment) if title else None
    return fragment if match is None or plain(match[1]) != title else fragment[match.end() :]


def slugify(text: str, separator: str = "-") -> str:
    """A heading's text as an id: letters and digits of any script, lower case, words joined by `separator`."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]+|_+", separator, text).strip(separator) or "section"


def plain(fragment: str) -> str:
    """The text of a fragment on one line."""
    return " ".join(html.unescape(_TAG.sub("", _PERMALINK.sub("", fragment))).split())


def excerpt(fragment: str) -> str:
    """The first paragraph's text, cut at a word."""
    for match in _PARAGRAPH.finditer(fragment):
        if text := plain(match[1]):
            return text if len(text) <= _DESCRIPTION else text[:_DESCRIPTION].rpartition(" ")[0] + " …"
    return ""


def words(fragment: str) -> int:
    """How many words a fragment has."""
    return len(_TAG.sub(" ", fragment).split())


def _tags(source: str) -> Iterator[_Tag]:
    """The tags that have a link or an id or are headings, in order."""
    for match in _TOKEN.finditer(source):
        group = "raw_attributes" if match["raw"] else "attributes"
        name = (match["raw"] or match["name"] or "").lower()
        attributes = match[group] or ""
        if name in _HEADINGS or name in _LINKS or "id" in attributes:
            values = _values(attributes, match.start(group)) if attributes else {}
            end = match.end(group) + 1
            yield _Tag(name, bool(match["close"]), match.start(), end, values)


def _values(attributes: str, offset: int) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    for match in _ATTRIBUTE.finditer(attributes):
        if (group := match.lastindex) and group > 1:
            start, end = match.span(group)
            if group < 4:  # the quotes are part of what an edit replaces
                start, end = start - 1, end + 1
            values.setdefault(match[1].lower(), _Value(html.unescape(match[group]), offset + start, offset + end))
    return values


def _link_edits(tags: list[_Tag], resolve: Callable[[str], str], result: Scan) -> list[_Edit]:
    edits = []
    for tag in tags:
        for name in () if tag.closing else _LINKS.get(tag.name, ()):
            if (value := tag.values.get(name)) is None:
                continue
            written = _candidates(value.text) if name == "srcset" else [value.text.strip()]
            text = value.text
            for link in written:
                resolved = resolve(link)
                result.links.append((link, resolved))
                if resolved != link:
                    text = text.replace(link, resolved, 1)
            if text != value.text:
                edits.append((value.start, value.end, f'"{html.escape(text)}"'))
    return edits


def _candidates(srcset: str) -> list[str]:
    return [candidate.split()[0] for candidate in re.split(r",\s", srcset) if candidate.strip()]


def _heading_edits(source: str, tags: list[_Tag], reserved: Collection[str], result: Scan) -> list[_Edit]:
    names = _Names(reserved, {tag.values["id"].text for tag in tags if "id" in tag.values})
    edits: list[_Edit] = []
    branch: list[tuple[int, list[dict[str, Any]]]] = [(0, result.toc)]
    for index, tag in enumerate(tags):
        own = tag.values.get("id")
        if tag.name not in _HEADINGS or tag.closing:
            if own:
                names.seen.add(own.text)
            continue
        within = tags[index + 1 : index + _WITHIN_HEADING]
        end = next((later.start for later in within if later.name in _HEADINGS), tag.end)
        title = plain(source[tag.end : end])
        name = names.keep_or_replace(own.text) if own else names.make(slugify(title))
        if own is None:
            edits.append((tag.start + 3, tag.start + 3, f' id="{html.escape(name)}"'))
        elif name != own.text:
            edits.append((own.start, own.end, f'"{html.escape(name)}"'))
            edits += _permalink_edits(within, end, own.text, name)
        _hang(branch, int(tag.name[1]), name, title)
        result.has_h1 = result.has_h1 or tag.name == "h1"
    return edits


class _Names:
    """The ids of one page: `seen` so far, and `taken` anywhere in it or by the theme."""

    def __init__(self, reserved: Collection[str], explicit: Collection[str]) -> None:
        self.seen = set(reserved)
        self._taken = {*reserved, *explicit}
        self._last: dict[str, int] = {}

    def keep_or_replace(self, name: str) -> str:
        """The heading's own id, or another one when it is empty or somebody had it before."""
        if not name or name in self.seen:
            return self.make(name or "section")
        self.seen.add(name)
        return name

    def make(self, base: str) -> str:
        """A free id that begins with `base`."""
        name = base
        while name in self._taken:
            self._last[base] = self._last.get(base, 0) + 1
            name = f"{base}_{self._last[base]}"
        self._taken.add(name)
        self.seen.add(name)
        return name


def _permalink_edits(tags: list[_Tag], end: int, before: str, name: str) -> Iterator[_Edit]:
    for tag in tags:
        if tag.start >= end:
            return
        if (value := tag.values.get("href")) and value.text == f"#{before}":
            yield value.start, value.end, f'"#{html.escape(name)}"'


def _hang(branch: list[tuple[int, list[dict[str, Any]]]], level: int, name: str, title: str) -> None:
    entry: dict[str, Any] = {"level": level, "id": name, "title": title, "children": []}
    while branch[-1][0] >= level:
        branch.pop()
    branch[-1][1].append(entry)
    branch.append((level, entry["children"]))


def _apply(source: str, edits: list[_Edit]) -> str:
    pieces, position = [], 0
    for start, end, text in sorted(edits):
        if start >= position:
            pieces += [source[position:start], text]
            position = end
    return "".join([*pieces, source[position:]])
