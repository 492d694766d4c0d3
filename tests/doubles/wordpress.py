"""A WordPress in memory: as much of its REST API as deliveries use, with the answers that WordPress 6.1.9 gave."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.doubles.http import Answered, Asked

SHOWN = ("tags", "categories", "featured_media", "date_gmt", "status", "slug")
CAPABILITIES = (
    "edit_posts publish_posts edit_published_posts delete_published_posts edit_pages publish_pages "
    "edit_published_pages delete_published_pages upload_files manage_categories unfiltered_html"
)
Json = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str = "Sorry.", **data: Any) -> None:
        super().__init__(code)
        self.status, self.document = status, {"code": code, "message": message, "data": {"status": status, **data}}


@dataclass
class Blog:
    """`posts`: by id, pages too (`kind`). What a test changes: `kses` (of content), `cannot` (capabilities), `warning`
    (stands before each answer), `pretty` (whether /wp-json answers), `closed` (every call's refusal)."""

    user: str = "grace"
    password: str = "abcd efgh ijkl mnop qrst uvwx"
    posts: dict[int, Json] = field(default_factory=dict)
    media: dict[int, Json] = field(default_factory=dict)
    terms: dict[str, dict[int, str]] = field(default_factory=lambda: {"tags": {}, "categories": {1: "Uncategorized"}})
    kses: Callable[[str], str] = lambda content: content
    cannot: frozenset[str] = frozenset()
    warning: str = ""
    pretty: bool = True
    trash: bool = True
    application_passwords: bool = True
    closed: Refusal | None = None
    now: str = "2026-11-29T12:00:00"
    _last_id: int = 1

    @property
    def secret(self) -> str:
        return f"{self.user}:{self.password}"

    def __call__(self, asked: Asked) -> Answered:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        route = query.pop("rest_route", None) or (self.pretty and parts.path.removeprefix("/wp-json"))
        if not route or route == parts.path:
            return 404, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>404 Not Found</title>"
        try:
            status, document = self._answer(asked, route, query)
        except Refusal as refusal:
            status, document = refusal.status, refusal.document
        body = self.warning + json.dumps(document)
        return status, {"Content-Type": "application/json"}, body.encode()

    def _answer(self, asked: Asked, route: str, query: dict[str, str]) -> tuple[int, Any]:
        if self.closed is not None:
            raise self.closed
        if route == "/":
            allowed: Any = {"application-passwords": {}} if self.application_passwords else []
            return 200, {"name": "A blog", "namespaces": ["wp/v2"], "authentication": allowed}
        known = self._is_known(asked)
        if not known and "status" in query:
            inner = {"code": "rest_forbidden_status", "message": "Status is forbidden."}
            raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): status", details={"status": inner})
        if not known:
            raise Refusal(401, "rest_not_logged_in", "You are not currently logged in.")
        _, kind, key = re.fullmatch(r"/(wp/v2)/(\w+)(?:/(\w+))?", route).groups()  # type: ignore[union-attr]
        document = json.loads(asked.body) if asked.body and kind != "media" else {}
        if kind == "users":
            can = {name: name not in self.cannot for name in CAPABILITIES.split()}
            return 200, {"id": 1, "name": "Grace", "slug": self.user, "roles": ["editor"], "capabilities": can}
        if kind in self.terms:
            return self._term(asked.method, kind, document, query)
        if kind == "media":
            return self._media(asked, query)
        return self._post(asked.method, kind, key, document, query)

    def _is_known(self, asked: Asked) -> bool:
        secret = f"{self.user}:{self.password.replace(' ', '')}"
        given = asked.headers.get("Authorization", "")
        return self.application_passwords and given == "Basic " + base64.b64encode(secret.encode()).decode()

    def _post(self, method: str, kind: str, key: str | None, document: Json, query: dict[str, str]) -> tuple[int, Any]:
        if key is None:
            return (200, self._found(kind, query)) if method == "GET" else (201, self._write(kind, None, document))
        post = self.posts.get(int(key))
        if post is None or post["kind"] != kind:
            raise Refusal(404, "rest_post_invalid_id", "Invalid post ID.")
        if method == "DELETE":
            return 200, self._delete(post, force=query.get("force") == "true")
        return 200, self._write(kind, post, document) if method == "POST" else self._shown(post)

    def _found(self, kind: str, query: dict[str, str]) -> list[Json]:
        wanted = query.get("status", "publish").split(",")
        slugs = [quote(slug).lower() for slug in query.get("slug", "").split(",") if slug]
        return [
            {"id": post["id"]}
            for post in self.posts.values()
            if post["kind"] == kind
            and (post["status"] in wanted or ("any" in wanted and post["status"] != "trash"))
            and (not slugs or post["slug"] in slugs)
            and query.get("search", "") in post["content"]
        ]

    def _write(self, kind: str, post: Json | None, document: Json) -> Json:
        if post is None:
            post = {"id": self._new_id(), "kind": kind, "status": "draft", "slug": "", "date_gmt": self.now}
            post |= {"title": "", "excerpt": "", "content": "", "featured_media": 0, "tags": [], "categories": [1]}
            self.posts[post["id"]] = post
        post |= {name: document[name] for name in ("title", "excerpt", "status", "date_gmt") if name in document}
        if "content" in document:
            post["content"] = self.kses(document["content"])
        post["categories"] = post["categories"] or [1]
        for name in ("tags", "categories"):
            if name in document and kind == "posts":
                post[name] = [one for one in document[name] if one in self.terms[name]]
        if "featured_media" in document:
            post["featured_media"] = document["featured_media"] if document["featured_media"] in self.media else 0
        if post["status"] == "publish" and post["date_gmt"] > self.now:
            post["status"] = "future"
        post["slug"] = self._slug(post, document.get("slug", post["slug"]))
        return self._shown(post)

    def _slug(self, post: Json, wanted: str) -> str:
        if not wanted and post["status"] == "publish":
            wanted = re.sub(r"[^a-z0-9]+", "-", post["title"].lower()).strip("-")
        base = slug = quote(wanted.replace(".", "-").lower())
        others = {other["slug"] for other in self.posts.values() if other is not post and other["status"] != "draft"}
        number = 2
        while post["status"] != "draft" and slug in others:
            slug, number = f"{base}-{number}", number + 1
        return slug

    def _delete(self, post: Json, *, force: bool) -> Json:
        if force:
            del self.posts[post["id"]]
            return {"deleted": True}
        if not self.trash:
            raise Refusal(501, "rest_trash_not_supported", "Set 'force=true' to delete.")
        if post["status"] == "trash":
            raise Refusal(410, "rest_already_trashed", "The post has already been deleted.")
        post |= {"status": "trash", "slug": post["slug"] + "__trashed"}
        return self._shown(post)

    def _shown(self, post: Json) -> Json:
        raw = {name: {"raw": post[name]} for name in ("title", "excerpt", "content")}
        link = f"http://blog.example/{post['slug']}/" if post["status"] == "publish" else f"/?p={post['id']}"
        return {"id": post["id"], "link": link, **{name: post[name] for name in SHOWN}, **raw}

    def _term(self, method: str, kind: str, document: Json, query: dict[str, str]) -> tuple[int, Any]:
        names = self.terms[kind]
        if method == "GET":
            return 200, [
                {"id": key, "name": name} for key, name in names.items() if query["search"].lower() in name.lower()
            ]
        name = html.escape(re.sub(r"<[^>]*>", "", document["name"]).strip(), quote=False)
        if kind == "categories" and "manage_categories" in self.cannot:
            raise Refusal(403, "rest_cannot_create", "Sorry, you are not allowed to create terms in this taxonomy.")
        if not name:
            raise Refusal(500, "empty_term_name", "A name is required for this term.")
        for key, known in names.items():
            if known.lower() == name.lower():
                raise Refusal(400, "term_exists", "A term with the name provided already exists.", term_id=key)
        key = self._new_id()
        names[key] = name
        return 201, {"id": key}

    def _media(self, asked: Asked, query: dict[str, str]) -> tuple[int, Any]:
        if asked.method == "GET":
            return 200, [{"id": key} for key, one in self.media.items() if one["slug"] == query["slug"]]
        if "upload_files" in self.cannot:
            raise Refusal(403, "rest_cannot_create", "Sorry, you are not allowed to upload media on this site.")
        if not asked.body.startswith(b"\x89PNG"):
            raise Refusal(500, "rest_upload_sideload_error", "Sorry, you are not allowed to upload this file type.")
        key = self._new_id()
        self.media[key] = {"slug": query["slug"], "body": asked.body, "type": asked.headers["Content-Type"]}
        return 201, {"id": key}

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id
