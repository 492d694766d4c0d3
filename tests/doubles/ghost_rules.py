"""What Ghost 5.130 was seen to accept, refuse, and make of what it is given: pure rules of its double."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unicodedata
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

Post = dict[str, Any]
MAX_AGE = 300  # seconds that a token lives
LIMITS = {"custom_excerpt": 300, "slug": 191, "meta_title": 300, "og_title": 300, "twitter_title": 300}
LIMITS |= {"meta_description": 500, "og_description": 500, "twitter_description": 500, "feature_image_caption": 65_535}
LIMITS |= {"canonical_url": 2000, "feature_image": 2000, "codeinjection_head": 65_535, "codeinjection_foot": 65_535}
NULLS = (*LIMITS, "feature_image_alt", "og_image", "twitter_image", "email_subject", "custom_template")
WRITABLE = {*NULLS, "title", "status", "featured", "visibility", "published_at", "lexical", "email_only"}
STATUSES = ("published", "draft", "scheduled", "sent")
IMAGES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
IMAGES |= {"svg": "image/svg+xml", "ico": "image/x-icon"}
CARD = re.compile(r"<!--\s*kg-card-begin: html\s*-->(.*?)<!--\s*kg-card-end: html\s*-->", re.DOTALL)
LOST = re.compile(  # attributes, wrappers, comments
    r"\s(?:class|id|style|data-[\w-]+|on\w+)=(?:\"[^\"]*\"|'[^']*')|</?(?:div|section|span|small)\b[^>]*>|<!--.*?-->"
)
PROTECTED = ("ghost", "rss", "amp")
VALUE = re.compile(r"'(?:[^'\\]|\\.)*'|[^\s'\"+,()\[\]<>=~]+")
TERM = re.compile(rf"(?P<name>[a-z_]+):(?P<value>(?:{VALUE.pattern})|\[(?:{VALUE.pattern})(?:,(?:{VALUE.pattern}))*\])")
LISTING = "Request not understood error, cannot list posts."
VERBS = {"GET": "read", "POST": "save", "PUT": "edit", "DELETE": "delete"}


class Failure(Exception):
    """An error as Ghost says it."""

    def __init__(self, status: int, kind: str, message: str, context: str | None = None, **more: Any) -> None:
        super().__init__(message)
        fields = {"message": message, "context": context, "type": kind, "details": None, "property": None}
        fields |= {"help": None, "code": None, "id": str(uuid.uuid4()), "ghostErrorCode": None}
        self.status, self.body = status, {"errors": [fields | more]}


def invalid(method: str, context: str, **more: Any) -> Failure:
    return Failure(422, "ValidationError", f"Validation error, cannot {VERBS[method]} post.", context, **more)


def verify(token: str, key: str, secret: bytes, now: float) -> None:
    """HS256 with the secret's bytes, the key's id as `kid`, for `/admin/`, at most five minutes old."""
    try:
        signed, _, signature = token.rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    except ValueError:
        raise Failure(400, "BadRequestError", "Invalid token", code="INVALID_JWT") from None
    if "kid" not in header:
        raise Failure(400, "BadRequestError", "Admin API kid missing.", code="MISSING_ADMIN_API_KID")
    if header["kid"] != key:
        raise Failure(401, "UnauthorizedError", "Unknown Admin API Key", code="UNKNOWN_ADMIN_API_KEY")
    good = hmac.compare_digest(_decoded(signature), hmac.digest(secret, signed.encode(), hashlib.sha256))
    wrong = {
        "invalid algorithm": header.get("alg") != "HS256",
        "invalid signature": not good,
        "jwt expired": claims.get("exp", now + 1) <= now,
        "jwt audience invalid. expected: /\\/?admin\\/?$/": not re.search(r"/?admin/?$", claims.get("aud", "")),
        "iat required when maxAge is specified": "iat" not in claims,
        "maxAge exceeded": claims.get("iat", now) + MAX_AGE <= now,
    }
    if reason := next((reason for reason, is_wrong in wrong.items() if is_wrong), None):
        raise Failure(401, "UnauthorizedError", f"Invalid token: {reason}", code="INVALID_JWT")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True)


def only_post(body: Any, method: str) -> Post:
    """The one post of a body, with what POST or PUT cannot do without."""
    posts = body.get("posts") if isinstance(body, dict) else None
    if not isinstance(posts, list) or len(posts) != 1 or not isinstance(posts[0], dict):
        raise invalid(method, "Validation failed for posts.", property="posts")
    needed = "updated_at" if method == "PUT" else "title"
    if needed not in posts[0]:
        details = [{"keyword": "required", "params": {"missingProperty": needed}}]
        raise invalid(method, "Validation failed for posts[0].", property="posts[0]", details=details)
    _check(posts[0], method)
    return posts[0]


def _check(post: Post, method: str) -> None:
    """Lengths, names and times; of names that it does not know Ghost says nothing."""
    title, tags, status = post.get("title", ""), post.get("tags", []), post.get("status", "draft")
    wrong = {name: len(post.get(name) or "") > limit for name, limit in LIMITS.items()}
    wrong |= {"title": not isinstance(title, str), "status": status not in STATUSES, "tags": not _are_tags(tags)}
    wrong |= {name: bool(post.get(name)) and normal_time(post[name]) is None for name in ("published_at", "updated_at")}
    wrong |= {"lexical": bool(post.get("lexical")) and not _is_json(post["lexical"])}
    if name := next((name for name, is_wrong in wrong.items() if is_wrong), None):
        raise invalid(method, f"Validation failed for {name}.", property=name)
    if len(title) > 255:
        raise invalid(method, "Value in [posts.title] exceeds maximum length of 255 characters. posts.title")


def _are_tags(tags: Any) -> bool:
    if not isinstance(tags, list):
        return False
    names = [tag if isinstance(tag, str) else tag.get("name", "") for tag in tags if isinstance(tag, str | dict)]
    return len(names) == len(tags) and all(len(name) <= 191 for name in names)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def stamp(moment: datetime) -> str:
    """Ghost keeps whole seconds: two edits within one do not collide."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def normal_time(text: str) -> str | None:
    """RFC 3339 with its offset, in UTC; None: it is something else."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", text, re.ASCII):
        return None
    try:
        return stamp(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def slug(text: str, model: str) -> str:
    """As Ghost spells it; letters that have no ASCII twin are dropped, where Ghost transliterates them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().replace("'", "").lower()
    spelled = re.sub(r"-+", "-", re.sub(r"[^a-z0-9_-]", "-", plain)).strip("-")[:185]
    return f"{spelled}-{model}" if spelled in PROTECTED else spelled or model


def free(name: str, taken: Collection[str], first: int = 2) -> str:
    """`name`, or with the first number that nobody has."""
    number, found = first, name
    while found in taken:
        number, found = number + 1, f"{name}-{number}"
    return found


def lexical_of(html: str) -> str:
    """`?source=html`: cards as they are, and of the rest no classes, ids, styles, or wrappers."""
    outside = [LOST.sub("", part) if index % 2 == 0 else part for index, part in enumerate(CARD.split(html))]
    children = [
        {"type": "html" if index % 2 else "text", "version": 1, "html": part}
        for index, part in enumerate(outside)
        if part.strip()
    ]
    if not children:
        raise invalid("POST", "Invalid lexical structure.", property="lexical")
    return json.dumps({"root": {"children": children, "type": "root", "version": 1}})


def html_of(lexical: str | None, base_url: str) -> str | None:
    """What the site shows: cards between their marks, with the site's own links made whole."""
    if not lexical:
        return None
    children = json.loads(lexical).get("root", {}).get("children") or []
    if not all(isinstance(child, dict) and child.get("type") in ("html", "text", "paragraph") for child in children):
        children = []
    if not children:
        raise invalid("POST", "Invalid lexical structure.", property="lexical")
    html = "".join(_shown(child["type"], child.get("html", "")) for child in children)
    return re.sub(r"""(\s(?:href|src)=["'])/(?!/)""", rf"\g<1>{base_url}/", html).replace("\r\n", "\n") or None


def _shown(kind: str, html: str) -> str:
    return f"\n<!--kg-card-begin: html-->\n{html}\n<!--kg-card-end: html-->\n" if kind == "html" and html else html


def matches(post: Post, wanted: str) -> bool:
    """`name:value`, `name:'value'` and `name:[one,two]`, joined by `+`: the part of Ghost's filters that is used."""
    terms = list(TERM.finditer(wanted))
    if "+".join(term.group() for term in terms) != wanted:
        raise Failure(400, "BadRequestError", LISTING, "Error parsing filter")
    return all(_has(post, term["name"], [_unquoted(value) for value in VALUE.findall(term["value"])]) for term in terms)


def _has(post: Post, name: str, values: list[str]) -> bool:
    if name in ("tag", "tags"):
        return any(tag["slug"] in values for tag in post["tags"])
    if name not in post:
        raise Failure(400, "BadRequestError", LISTING, "Could not understand request.", code="SQLITE_ERROR")
    return str(post[name]) in values


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else value
