"""A post of Ghost: how it is written, how it is read, and the mark in its text by which we know it again.

The text is one HTML card, which Ghost keeps to the byte. Its first line is our mark, a comment: what readers see does
not show it, and it goes wherever the text goes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from pubsite.publishing.adapter import Remote, State

Status = Literal["new", "draft", "published"]
OURS = "#pubsite-"  # what our internal tags begin with
PUBLIC = frozenset({"published", "sent"})
ID = re.compile(r"[0-9a-f]{24}")
_MARK = re.compile(
    r"<!-- pubsite:(?P<marker>[0-9A-Za-z-]{1,64}):(?P<status>new|draft|published):(?P<turn>first|again)"
    r":(?P<slug>[0-9a-f]{16}|):(?P<hash>[0-9a-f]{64}|) -->"
)
_URL = re.compile(r"https?://[^\s\[\]\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a post of ours is made from.

    marker: the record's id. status: as it was sent; `new`: its place is only reserved. is_first: the record has never
    shown readers anything. slug: `digest_of` the slug that it was sent with, "" while it has none.
    """

    marker: str
    status: Status
    is_first: bool
    slug: str = ""
    content_hash: str = ""

    def __str__(self) -> str:
        turn = "first" if self.is_first else "again"
        return f"<!-- pubsite:{self.marker}:{self.status}:{turn}:{self.slug}:{self.content_hash} -->"


@dataclass(frozen=True, slots=True)
class Post:
    """What stands there. `lexical`: None where Ghost's old editor wrote it. `tags`: names, those with `#` internal.

    `newsletter`, `email`: whether it is bound to a newsletter, and whether it was mailed, or is to be.
    """

    id: str
    status: str
    url: str
    slug: str
    title: str
    created_at: str
    updated_at: str
    published_at: str | None
    lexical: str | None
    tags: tuple[str, ...]
    feature_image: str
    newsletter: bool
    email: bool
    email_only: bool

    @classmethod
    def of(cls, data: Any) -> Post | None:
        """From an answer; None where it is no post."""
        if not isinstance(data, dict) or not all(isinstance(data.get(n), str) for n in ("id", "status", "updated_at")):
            return None
        if not ID.fullmatch(data["id"]) or not _URL.fullmatch(_text(data.get("url"))):
            return None
        tags = data["tags"] if isinstance(data.get("tags"), list) else []
        return cls(
            id=data["id"],
            status=data["status"],
            url=data["url"],
            slug=_text(data.get("slug")),
            title=_text(data.get("title")),
            created_at=_text(data.get("created_at")),
            updated_at=data["updated_at"],
            published_at=_text(data.get("published_at")) or None,
            lexical=_text(data.get("lexical")) or None,
            tags=tuple(_text(tag.get("name")) for tag in tags if isinstance(tag, dict)),
            feature_image=_text(data.get("feature_image")),
            newsletter=bool(data.get("newsletter")),
            email=bool(data.get("email")),
            email_only=bool(data.get("email_only")),
        )

    @property
    def is_public(self) -> bool:
        return self.status in PUBLIC

    @property
    def mark(self) -> Mark | None:
        return mark_of(self.lexical or "")

    @property
    def remote(self) -> Remote:
        mark = self.mark
        state: State = "present" if self.is_public else "draft"
        notes = (f"Somebody scheduled it there for {self.published_at}",) if self.status == "scheduled" else ()
        return Remote(self.id, self.url, state, None if mark is None else self._content_hash(mark), notes)

    def is_reserved(self, marker: str) -> bool:
        """Whether it is a draft that holds our mark and nothing else, so that nobody misses it."""
        mark = self.mark
        if mark is None or (mark.marker, mark.status) != (marker, "new"):
            return False
        texts = [str(child.get("html", "?")).strip() for child in _children(self.lexical or "")]
        return texts == [str(mark)] and self.status == "draft" and self.published_at is None

    def _content_hash(self, mark: Mark) -> str:
        """Empty where it does not stand as it was sent: only reserved yet, or taken down or published since."""
        return mark.content_hash if (mark.status == "published") == self.is_public else ""


def lexical_of(mark: Mark, html: str = "") -> str:
    """The document of one HTML card, as Ghost's editor stores it (JSON)."""
    card = {"type": "html", "version": 1, "html": f"{mark}\n{html}"}
    root = {"children": [card], "direction": None, "format": "", "indent": 0, "type": "root", "version": 1}
    return json.dumps({"root": root}, ensure_ascii=False)


def mark_of(lexical: str) -> Mark | None:
    """The mark of the first card that begins with one; people may have put something before it."""
    for child in _children(lexical):
        html = child.get("html") if child.get("type") == "html" else None
        if found := _MARK.match(html) if isinstance(html, str) else None:
            status: Any = found["status"]
            return Mark(found["marker"], status, found["turn"] == "first", found["slug"], found["hash"])
    return None


def digest_of(slug: str) -> str:
    return sha256(slug.encode()).hexdigest()[:16]


def _children(lexical: str) -> list[dict[str, Any]]:
    """The cards and paragraphs of a document; none where it is no document."""
    try:
        document = json.loads(lexical)
    except (ValueError, RecursionError):
        return []
    root = document.get("root") if isinstance(document, dict) else None
    children = root.get("children") if isinstance(root, dict) else None
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
