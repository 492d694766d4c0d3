"""What a post refers to by id: tags, categories, the featured image. Found, or else made; what cannot be is a note.

All of it is safe to do again: a term is unique by its name, an uploaded file by a slug that holds its sha256.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pubsite.publishing.content import Content
from pubsite.publishing.outcomes import Denied, Rejected, Unsure
from pubsite.publishing.wordpress_api import Api, plain
from pubsite.publishing.wordpress_html import text_as_html
from pubsite.storage.media_types import media_type

NOT_ALLOWED = "rest_cannot_create"
# Codes of a name that WordPress makes nothing of, and of a term that a plugin or a limit forbids.
NO_TERM = frozenset({"empty_term_name", "db_insert_error", "rest_invalid_param", "invalid_term_name"})


@dataclass(slots=True)
class Library:
    """`notes`: in plain words, what it did not take."""

    api: Api
    notes: list[str] = field(default_factory=list)

    def terms(self, taxonomy: str, names: list[str]) -> list[int]:
        """The ids of tags or categories, made where there are none of that name."""
        found = (self._term(taxonomy, name) for name in names)
        return list(dict.fromkeys(one for one in found if one is not None))

    def image(self, wanted: Mapping[str, Any] | None, content: Content) -> int:
        """The id of the featured image, uploaded unless it is there; 0: none."""
        if wanted is None:
            return 0
        slug = f"pubsite-{wanted['sha256']}"
        if (found := self._uploaded(slug)) is not None:
            return found
        body = content.files.read(wanted["path"]) if content.files is not None else None
        if body is None or sha256(body).hexdigest() != wanted["sha256"]:  # another version went live since the draft
            self.notes.append("The featured image changed while it was being sent")
            return 0
        try:
            return self._upload(slug, wanted["path"], body, content.title)
        except (Rejected, Denied) as error:
            self.notes.append(f"WordPress did not take the featured image: {error.message}")
            return 0

    def _term(self, taxonomy: str, name: str) -> int | None:
        take = {"term_exists", NOT_ALLOWED, *NO_TERM}
        answer = self.api.post(f"/wp/v2/{taxonomy}", {"name": name}, take=take, _fields="id")
        data = answer.data if isinstance(answer.data, dict) else {}
        if answer.code == "term_exists":
            inner = data.get("data")
            found = inner.get("term_id") if isinstance(inner, dict) else None
        elif answer.code == NOT_ALLOWED and answer.status == 403:
            found = self._existing(taxonomy, name)
            if found is None:
                self.notes.append(f"The user may not make {taxonomy}, and there is no {name!r}: it is left out")
        elif answer.code == NOT_ALLOWED:
            raise self.api.refusal(answer)
        elif answer.code:
            found = None
            self.notes.append(f"WordPress makes nothing of {name!r} in {taxonomy}: {plain(data.get('message'))}")
        else:
            found = data.get("id")
            if type(found) is not int:
                raise Unsure("It made something, and does not say what", code="not_json", http_status=answer.status)
        return found if type(found) is int else None

    def _existing(self, taxonomy: str, name: str) -> int | None:
        """The id of a term that we may use though we may make none: names come with entities, and in any case."""
        answer = self.api.get(f"/wp/v2/{taxonomy}", search=text_as_html(name), per_page="100", _fields="id,name")
        terms = answer.data if isinstance(answer.data, list) else []
        same = (one for one in terms if isinstance(one, dict) and plain(one.get("name")).casefold() == _plain(name))
        return next((one["id"] for one in same if type(one.get("id")) is int), None)

    def _uploaded(self, slug: str) -> int | None:
        answer = self.api.get("/wp/v2/media", slug=slug, _fields="id")
        found = answer.data[0] if isinstance(answer.data, list) and answer.data else None
        return found["id"] if isinstance(found, dict) and type(found.get("id")) is int else None

    def _upload(self, slug: str, path: str, body: bytes, title: str) -> int:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.rpartition("/")[2]).strip("-.") or "image"
        told = {"slug": slug, "title": text_as_html(title)[:200], "_fields": "id"}
        answer = self.api.upload(name, media_type(path), body, **told)
        found = answer.data.get("id") if isinstance(answer.data, dict) else None
        if type(found) is not int:
            raise Unsure("It took the image, and does not say under which id", code="not_json")
        return found


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
