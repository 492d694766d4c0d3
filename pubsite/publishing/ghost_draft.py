"""What a page becomes in Ghost, in names and without any call; what is lost on the way; the options of that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

from pubsite.publishing.adapter import Desired, Draft, Loss
from pubsite.publishing.content import Content
from pubsite.publishing.options import Option
from pubsite.publishing.outcomes import Rejected
from pubsite.storage.media_types import media_type

OPTIONS = (
    Option("newsletter", "text", "The slug of a newsletter: a page that is published for the first time is mailed to "
           "its members. Empty: nothing is ever mailed.", longest=191, pattern=re.compile(r"(?:[a-z0-9_-]*)"),
           what="the slug of a newsletter, such as default-newsletter"),
    Option("categories_as_tags", "boolean", "Categories become tags too, before the others.", True),
    Option("upload_image", "boolean", "Upload the page's image to Ghost, and not only link to it.", False),
    Option("unpublish", "choice", "What becomes of a page that is taken down: a draft, or nothing.", "draft",
           choices=("draft", "delete")),
)  # fmt: skip
# In characters (code points), as Ghost counts them; a slug is shortened by Ghost itself to leave room for a number.
LONGEST_TITLE, LONGEST_EXCERPT, LONGEST_TAG, LONGEST_SLUG, LONGEST_URL = 255, 300, 191, 185, 2000
# Of the text as it stands in Ghost's answers (JSON within JSON): those are read up to 1 MiB.
LONGEST_CONTENT = 900_000
IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/svg+xml": "svg"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SECRET = re.compile(r"[0-9a-f]{24}:[0-9a-f]{64}", re.IGNORECASE)


def drafted(content: Content, desired: Desired, options: Mapping[str, Any]) -> Draft:
    """The payload is all that decides. `feature_image`: a URL, None, or of a file that is to be uploaded its `url`,
    `path` and `sha256`. Raises Rejected for a text too long."""
    losses = _always_lost(content, options)
    payload: dict[str, Any] = {
        "title": _short(_line(content.title), LONGEST_TITLE, "title", losses),
        "slug": _line(content.slug or content.title)[:LONGEST_SLUG],
        "status": "draft" if desired == "draft" else "published",
        "html": _html(content.html),
        "custom_excerpt": _short(fit(content.excerpt).strip(), LONGEST_EXCERPT, "excerpt", losses) or None,
        "canonical_url": None,
        "feature_image": _image(content, options, losses),
        "tags": _tags(content, options, losses),
    }
    if options.get("canonical") != "none":
        payload["canonical_url"] = _url(content.canonical_url, "canonical_url", losses)
    if content.date is not None:
        payload["published_at"] = content.date.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Draft(payload, tuple(losses))


def fit(text: str) -> str:
    """The text without what JSON and databases stumble over."""
    return _CONTROL.sub("", _SURROGATE.sub("\ufffd", text))


def _line(text: str) -> str:
    return " ".join(fit(text).split())


def _short(text: str, most: int, field: str, losses: list[Loss]) -> str:
    if len(text) <= most:
        return text
    losses.append(Loss(field, f"Ghost takes {most} characters: the end of it is cut off"))
    return text[: most - 1].rstrip() + "…"


def _url(url: str, field: str, losses: list[Loss]) -> str | None:
    """A URL that is cut would lead elsewhere: one that is too long is left out."""
    if len(url) <= LONGEST_URL:
        return fit(url) or None
    losses.append(Loss(field, f"Ghost takes URLs of {LONGEST_URL} characters"))
    return None


def _html(html: str) -> str:
    html = fit(html)
    size = len(json.dumps(json.dumps(html, ensure_ascii=False), ensure_ascii=False).encode())
    if size > LONGEST_CONTENT:
        message = f"The page is too long: {size} bytes in the answers of Ghost, of which {LONGEST_CONTENT} can be read"
        raise Rejected(message, code="too_large")
    return html


def _always_lost(content: Content, options: Mapping[str, Any]) -> list[Loss]:
    losses = []
    if content.author:
        losses.append(Loss("author", "The post belongs to the owner of the Ghost site"))
    if content.categories and not options["categories_as_tags"]:
        losses.append(Loss("categories", "Ghost has tags alone, and the destination is set not to make them tags"))
    if content.language:
        losses.append(Loss("language", "Ghost has one language for the whole site"))
    if content.data:
        losses.append(Loss("data", "Ghost has no place for it"))
    return losses


def _tags(content: Content, options: Mapping[str, Any], losses: list[Loss]) -> list[str]:
    """Names, each once whatever its case, as Ghost compares those of one post; the first is the primary tag."""
    wanted = [*(content.categories if options["categories_as_tags"] else ()), *content.tags]
    # A tag that begins with # is internal in Ghost: no reader would see it, and it might be one of ours.
    named = [_line(tag).lstrip("# ") for tag in wanted]
    found = {name.casefold(): name for name in reversed(named) if name}
    good = [name for name in reversed(found.values()) if len(name) <= LONGEST_TAG]
    if len(good) < len(found):
        losses.append(Loss("tags", f"Those of more than {LONGEST_TAG} characters are left out"))
    return good


def _image(content: Content, options: Mapping[str, Any], losses: list[Loss]) -> str | dict[str, str] | None:
    if not content.image:
        return None
    url = _url(content.image, "image", losses)
    if not options["upload_image"] or url is None:
        return url
    body = content.files.read(content.image_path) if content.image_path and content.files is not None else None
    if not body:
        losses.append(Loss("image", "It is only linked to: no such file is live in this site"))
    elif media_type(content.image_path) not in IMAGES:
        losses.append(Loss("image", "It is only linked to: Ghost takes PNG, JPEG, GIF, WebP and SVG"))
    else:
        return {"url": url, "path": content.image_path, "sha256": sha256(body).hexdigest()}
    return url


def secret_problem(secret: str) -> str | None:
    if _SECRET.fullmatch(secret):
        return None
    return "must be the Admin API key that Ghost shows: 24 digits (0-9, a-f), a colon, and 64 more"
