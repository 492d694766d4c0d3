"""A post or page of WordPress: how it is sent, how it is read, and how both differ, in words."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pubsite.publishing.adapter import Remote, State
from pubsite.publishing.wordpress_html import Mark, mark_of, taken_out, without_mark

FIELDS = (
    "id,status,link,slug,title.raw,excerpt.raw,content.raw,date_gmt,tags,categories,featured_media"  # all that Post has
)
STATES: Mapping[str, State] = {"publish": "present", "trash": "absent"}
SHOWN_TEXT = 200


@dataclass(frozen=True, slots=True)
class Post:
    """What stands there. `kind`: posts or pages; the texts are raw, that is, as they would be edited."""

    kind: str
    id: int
    status: str
    link: str
    slug: str
    title: str
    excerpt: str
    content: str
    date_gmt: str
    tags: frozenset[int]
    categories: frozenset[int]
    featured_media: int

    @classmethod
    def of(cls, kind: str, data: Any) -> Post | None:
        """From an answer; None where it is no post."""
        if not isinstance(data, dict) or type(data.get("id")) is not int or not isinstance(data.get("status"), str):
            return None
        return cls(
            kind,
            data["id"],
            data["status"],
            _text(data.get("link")),
            _text(data.get("slug")),
            _raw(data.get("title")),
            _raw(data.get("excerpt")),
            _raw(data.get("content")),
            _text(data.get("date_gmt")),
            _ids(data.get("tags")),
            _ids(data.get("categories")),
            media if type(media := data.get("featured_media")) is int else 0,
        )

    @property
    def mark(self) -> Mark | None:
        return mark_of(self.content)

    @property
    def remote(self) -> Remote:
        state = STATES.get(self.status, "draft")
        return Remote(str(self.id), self.link, state, self._content_hash(state), self._notes())

    def _content_hash(self, state: State) -> str | None:
        """Empty where it does not stand as it was sent: only reserved yet, or made a draft or published by hand."""
        mark = self.mark
        if mark is None or state == "absent":
            return None if mark is None else mark.content_hash
        stands_as = "draft" if state == "draft" and self.status != "future" else "publish"
        return mark.content_hash if mark.wanted == stands_as else ""

    def _notes(self) -> tuple[str, ...]:
        if self.status == "future":
            return (f"WordPress shows it from {self.date_gmt.replace('T', ' ')} UTC on, the date of the page",)
        if self.status in ("pending", "private"):
            return (f"It is {self.status} there: readers do not see it",)
        return ()


def differences(sent: Mapping[str, Any], post: Post) -> tuple[str, ...]:
    """What WordPress made otherwise of the fields that it was sent."""
    notes = []
    slug = sent.get("slug")
    if slug and unquote(post.slug) != slug.lower() and post.slug:
        notes.append(
            f"The slug became {unquote(post.slug)[:SHOWN_TEXT]}: that of the page is taken, or not possible there"
        )
    for name in ("title", "excerpt"):
        if name in sent and html.unescape(getattr(post, name)).strip() != html.unescape(sent[name]).strip():
            notes.append(f"The {name} became: {html.unescape(getattr(post, name))[:SHOWN_TEXT]}")
    if changed := taken_out(without_mark(sent["content"]), without_mark(post.content)):
        notes.append(changed)
    for name in ("tags", "categories"):
        if missing := set(sent.get(name, ())) - getattr(post, name):
            notes.append(f"WordPress did not put it under {len(missing)} of its {name}")
    if sent.get("featured_media") and post.featured_media != sent["featured_media"]:
        notes.append("WordPress did not take the featured image")
    if "date_gmt" in sent and post.date_gmt != sent["date_gmt"]:
        notes.append(f"The date became {post.date_gmt}")
    if post.status not in (sent["status"], "future"):
        notes.append(f"Its status became {post.status}")
    return tuple(notes)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _raw(value: object) -> str:
    return _text(value.get("raw")) if isinstance(value, dict) else ""


def _ids(value: object) -> frozenset[int]:
    return frozenset(one for one in value if type(one) is int) if isinstance(value, list) else frozenset()
