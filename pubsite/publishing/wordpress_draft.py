"""What a page becomes in WordPress, in names and without any call; what is lost on the way; the options of that."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from pubsite.publishing.adapter import Desired, Draft, Loss
from pubsite.publishing.content import Content
from pubsite.publishing.options import Option
from pubsite.publishing.outcomes import Rejected
from pubsite.publishing.wordpress_html import fit, prepared, text_as_html
from pubsite.storage.media_types import media_type

OPTIONS = (
    Option("post_type", "choice", "What pages become there.", "posts", choices=("posts", "pages")),
    Option("categories", "texts", "Categories that every post is put under, besides the page's own.", (), longest=200),
    Option("source_link", "boolean", "End with a visible link to the page: First published at.", False),
    Option("upload_image", "boolean", "Upload the page's image as the featured image.", True),
    Option("unpublish", "choice", "Where a page that is taken down goes: to the trash, or back to a draft.", "trash",
           choices=("trash", "draft")),
)  # fmt: skip
# Of the text as WordPress writes it into its answers: one that is longer could not be read back within 1 MiB.
LONGEST_CONTENT = 900_000
LONGEST_TERM = 200  # of tags and categories: wp_terms.name
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_SECRET = re.compile(r"[^:\s\x00-\x1f\x7f][^:\x00-\x1f\x7f]{0,59}:(?: ?[A-Za-z0-9]){24} ?")


def drafted(content: Content, desired: Desired, options: Mapping[str, Any]) -> Draft:
    """The payload is all that decides: names of terms, not their ids; of the image, where it lies and its sha256.

    Without `featured_image`, the one that is there stays; None takes it away. Raises Rejected for a text too long.
    """
    losses = _always_lost(content, options)
    payload: dict[str, Any] = {
        "type": options["post_type"],
        "title": text_as_html(content.title),
        "slug": fit(content.slug),
        "status": desired,
        "excerpt": text_as_html(content.excerpt),
        "content": _body(content, options),
    }
    if content.date is not None:
        payload["date_gmt"] = content.date.strftime("%Y-%m-%dT%H:%M:%S")
    if options["post_type"] == "posts":
        payload["tags"] = _terms("tags", content.tags, losses)
        payload["categories"] = _terms("categories", (*content.categories, *options["categories"]), losses)
    elif content.tags or content.categories:
        losses.append(Loss("tags", "Pages in WordPress have no tags and no categories"))
    if options["upload_image"]:
        _add_image(payload, content, losses)
    elif content.image:
        losses.append(Loss("image", "The destination is set not to upload it"))
    return Draft(payload, tuple(losses))


def _body(content: Content, options: Mapping[str, Any]) -> str:
    body = prepared(content.html)
    if options["source_link"]:
        url = html.escape(fit(content.canonical_url))
        body += f'\n<p class="pubsite-source">First published at <a href="{url}">{url}</a></p>'
    # As PHP writes JSON: six bytes for what is not ASCII, and slashes escaped.
    if (size := len(json.dumps(body)) + body.count("/")) > LONGEST_CONTENT:
        message = f"The page is too long: {size} bytes in the answers of WordPress, of which at most"
        raise Rejected(f"{message} {LONGEST_CONTENT} can be read back", code="too_large")
    return body


def _always_lost(content: Content, options: Mapping[str, Any]) -> list[Loss]:
    losses = []
    if options.get("canonical") != "none":
        losses.append(
            Loss("canonical_url", "WordPress names itself as the original: its core has no field for another")
        )
    if content.author:
        losses.append(Loss("author", "The post belongs to the user of the application password"))
    if content.language:
        losses.append(Loss("language", "WordPress has one language for the whole site"))
    if content.data:
        losses.append(Loss("data", "WordPress has no place for it"))
    return losses


def _terms(name: str, wanted: Sequence[str], losses: list[Loss]) -> list[str]:
    """Names of tags or categories, each once whatever its case, as WordPress compares them."""
    found = {fit(term).casefold(): fit(term) for term in reversed(wanted)}
    good = [term for term in reversed(found.values()) if len(term) <= LONGEST_TERM]
    if len(good) < len(found):
        losses.append(Loss(name, f"Those of more than {LONGEST_TERM} characters are left out"))
    return good


def _add_image(payload: dict[str, Any], content: Content, losses: list[Loss]) -> None:
    if not content.image:
        payload["featured_image"] = None
        return
    body = content.files.read(content.image_path) if content.image_path and content.files is not None else None
    kind = media_type(content.image_path)
    if not content.image_path:
        losses.append(Loss("image", "It does not lie in this site, and WordPress takes files only"))
    elif not body:
        losses.append(Loss("image", "No such file is live in this site"))
    elif kind not in IMAGES:
        losses.append(Loss("image", f"WordPress takes JPEG, PNG, GIF and WebP, not {kind}"))
    else:
        payload["featured_image"] = {"url": fit(content.image), "path": content.image_path,
                                     "sha256": sha256(body).hexdigest()}  # fmt: skip


def secret_problem(secret: str) -> str | None:
    if _SECRET.fullmatch(secret):
        return None
    return "must be the user's name, a colon, and an application password: 24 letters and digits, spaces do not count"
