"""A double of Ghost's Admin API, in memory and on loopback, as Ghost 5.130 was seen to answer.

Keys and their tokens, posts (collisions, slugs, tags, filters), images, errors in Ghost's shape. What it leaves out:
rendering, members, pages, bounds of sizes. `?source=html` loses markup as the real conversion does, though not the
same markup: what must survive goes into an HTML card, best as `lexical`.
"""

from __future__ import annotations

import email
import json
import re
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.doubles import ghost_rules as rules
from tests.doubles.ghost_rules import Failure, Post

API = "/ghost/api/admin/"


@dataclass(frozen=True)
class Request:
    """What a client sent; `status` is what it got, or would have got had the answer not been lost."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int

    @property
    def asks_for_mail(self) -> bool:
        """Whether Ghost might mail members for it, now or once the post is published."""
        posts = self.body.get("posts", []) if isinstance(self.body, dict) else []
        return bool({"newsletter", "email_segment"} & set(self.query)) or any(post.get("email_only") for post in posts)


@dataclass
class GhostDouble:
    """The server's memory, for tests to look at. `faults`: what befalls the next requests, one each.

    "lose": it is carried out, and the connection closed without an answer. A number: that status, and nothing done.
    """

    base_url: str = ""
    admin_key: str = field(default_factory=lambda: f"{secrets.token_hex(12)}:{secrets.token_hex(32)}")
    posts: dict[str, Post] = field(default_factory=dict)  # by id, the oldest first
    tags: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)  # by path
    newsletters: tuple[str, ...] = ("default-newsletter",)
    mailings: list[tuple[str, str]] = field(default_factory=list)  # (post's id, newsletter's slug)
    requests: list[Request] = field(default_factory=list)
    faults: deque[str | int] = field(default_factory=deque)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any) -> Any:
        """The status and the body for one request."""
        parts = path.removeprefix(API).strip("/").split("/")
        if (method, parts) == ("GET", ["site"]):  # for everybody
            return 200, {"site": {"title": "Ghost", "url": f"{self.base_url}/", "version": "5.130"}}
        self._authenticate(headers.get("authorization"))
        match method, parts:
            case "GET", ["posts"]:
                return 200, self._page(query)
            case "POST", ["posts"]:
                return 201, _shown([self._added(rules.only_post(body, method), query)], query)
            case "GET", ["posts", "slug", slug]:
                return 200, _shown([self._post(method, "slug", slug)], query)
            case "GET", ["posts", key]:
                return 200, _shown([self._post(method, "id", key)], query)
            case "PUT", ["posts", key]:
                given = rules.only_post(body, method)
                return 200, _shown([self._edited(self._post(method, "id", key), given, query)], query)
            case "DELETE", ["posts", key]:
                del self.posts[self._post(method, "id", key)["id"]]
                return 204, None
            case "POST", ["images", "upload"]:
                return 201, {"images": [self._uploaded(body, headers.get("content-type", ""))]}
            case "GET", ["tags"]:
                return 200, {"tags": [tag for tag in self.tags if rules.matches(tag, query.get("filter", ""))]}
            case "GET", ["newsletters"]:
                return 200, {"newsletters": [{"slug": slug, "status": "active"} for slug in self.newsletters]}
        if "accept-version" in headers:
            raise Failure(406, "RequestNotAcceptableError", "Request could not be served, the endpoint was not found.")
        raise Failure(404, "NotFoundError", "Resource not found")

    def _authenticate(self, header: str | None) -> None:
        if header is None:
            unknown = "Unable to determine the authenticated user or integration."
            raise Failure(403, "NoPermissionError", "Authorization failed", unknown)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "ghost" or not token:
            wanted = 'Authorization header format is "Authorization: Ghost [token]"'
            raise Failure(401, "UnauthorizedError", wanted, code="INVALID_AUTH_HEADER")
        key, _, secret = self.admin_key.partition(":")
        rules.verify(token, key, bytes.fromhex(secret), self.clock().timestamp())

    def _post(self, method: str, name: str, value: str) -> Post:
        if name == "id" and not re.fullmatch(r"[0-9a-f]{24}", value):
            raise rules.invalid(method, "Validation (matches) failed for id undefined.id")
        if found := next((post for post in self.posts.values() if post[name] == value), None):
            return found
        said = f"Resource not found error, cannot {rules.VERBS[method]} post."
        raise Failure(404, "NotFoundError", said, "Post not found.")

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        """The newest first."""
        newest, wanted = reversed(self.posts.values()), query.get("filter", "")
        found = [post for post in newest if rules.matches(post, wanted)]
        asked = query.get("limit", "15")
        limit = len(found) or 1 if asked == "all" else int(asked) or 15
        page, pages = int(query.get("page", "1")), max(1, -(-len(found) // limit))
        meta: dict[str, Any] = {"page": page, "limit": limit, "pages": pages, "total": len(found)}
        meta |= {"next": page + 1 if page < pages else None, "prev": page - 1 if page > 1 else None}
        return _shown(found[(page - 1) * limit : page * limit], query) | {"meta": {"pagination": meta}}

    def _added(self, given: Post, query: dict[str, str]) -> Post:
        key, now = secrets.token_hex(12), rules.stamp(self.clock())
        post: Post = {"id": key, "uuid": str(uuid.uuid4()), "title": "", "slug": "", "html": None, "lexical": None}
        post |= dict.fromkeys(rules.NULLS) | {"slug": "", "status": "draft", "visibility": "public", "featured": False}
        post |= {"published_at": None, "email": None, "newsletter": None, "email_only": False, "tags": []}
        self._write(post, given, query)
        self.posts[key] = post | {"created_at": now, "updated_at": now}
        return self.posts[key]

    def _edited(self, post: Post, given: Post, query: dict[str, str]) -> Post:
        edited = dict(post)
        self._write(edited, given, query)
        changed = sorted(name for name in edited if edited[name] != post[name] and name not in {"html", "url"})
        if changed and rules.normal_time(given["updated_at"]) != post["updated_at"]:
            said = "Saving failed! Someone else is editing this post."
            times = {"clientUpdatedAt": given["updated_at"], "serverUpdatedAt": post["updated_at"]}
            details = {"changedFields": changed, **times}
            raise Failure(409, "UpdateCollisionError", said, said, code="UPDATE_COLLISION", details=details)
        if "newsletter" in query and edited["status"] != post["status"] != "published" and edited["status"] != "draft":
            self._mail(edited, query["newsletter"])
        post.update(edited | ({"updated_at": rules.stamp(self.clock())} if changed else {}))
        return post

    def _mail(self, post: Post, newsletter: str) -> None:
        """What Ghost does on PUT alone, as a post leaves its draft."""
        if newsletter not in self.newsletters:
            said = "The newsletter parameter doesn't match any active newsletter."
            raise Failure(400, "BadRequestError", "Request not understood error, cannot edit post.", said)
        post["newsletter"], post["email"] = {"slug": newsletter}, {"status": "pending", "recipient_filter": "all"}
        self.mailings.append((post["id"], newsletter))

    def _write(self, post: Post, given: Post, query: dict[str, str]) -> None:
        """Set what was given; unknown names and those that only Ghost sets are passed over without a word."""
        before = post["slug"]
        post |= {name: value for name, value in given.items() if name in rules.WRITABLE}
        post["title"] = post["title"].strip() or "(Untitled)"
        if post["slug"] != before or not before:
            taken = {other["slug"] for other in self.posts.values()}
            post["slug"] = rules.free(rules.slug(post["slug"] or post["title"], "post"), taken)
        if query.get("source") == "html" and given.get("html"):  # without `source`, or empty: not looked at
            post["lexical"] = rules.lexical_of(given["html"])
        post["html"] = rules.html_of(post["lexical"], self.base_url)
        if "tags" in given:
            tags = [self._tag({"name": tag} if isinstance(tag, str) else tag) for tag in given["tags"]]
            post["tags"] = list({tag["id"]: tag for tag in tags}.values())
        if post["status"] in ("published", "sent"):
            post["status"] = "sent" if post["email_only"] else "published"
            post["published_at"] = post["published_at"] or rules.stamp(self.clock())
        post["published_at"] = post["published_at"] and rules.normal_time(post["published_at"])
        where = post["slug"] if post["status"] == "published" else f"p/{post['uuid']}"
        post |= {"url": f"{self.base_url}/{where}/", "excerpt": post["custom_excerpt"]}

    def _tag(self, given: dict[str, Any]) -> dict[str, Any]:
        """The tag of that id, name (as spelled) or slug; made if it is not there. `#name`: internal."""
        key = next((key for key in ("id", "name", "slug") if key in given), "name")
        if found := next((tag for tag in self.tags if tag[key] == given.get(key)), None):
            return found
        name = given.get("name") or ""
        if not name:
            raise rules.invalid("POST", "Value in [tags.name] cannot be blank. tags.name")
        internal = name.startswith("#")
        slug = ("hash-" if internal else "") + rules.slug(given.get("slug") or name, "" if internal else "tag")
        tag = {"id": secrets.token_hex(12), "name": name, "slug": rules.free(slug, {tag["slug"] for tag in self.tags})}
        self.tags.append(tag | {"visibility": "internal" if internal else "public"})
        return self.tags[-1]

    def _uploaded(self, body: bytes, content_type: str) -> dict[str, Any]:
        """A form's `file`; a name that is taken gets a number."""
        form = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.walk()}
        if "file" not in parts:
            raise Failure(422, "ValidationError", "Please select an image.")  # a file by another name: 400
        path = PurePosixPath(parts["file"].get_filename() or "")
        if parts["file"].get_content_type() != rules.IMAGES.get(path.suffix.lstrip(".").lower()):
            raise Failure(415, "UnsupportedMediaTypeError", "Please select a valid image.")
        folder = f"/content/images/{self.clock():%Y/%m}/"
        taken = {PurePosixPath(other).stem for other in self.images if other.startswith(folder)}
        stem = re.sub(r"[^\w@.]", "-", path.stem, flags=re.ASCII)
        where = folder + rules.free(stem, taken, first=1) + path.suffix
        self.images[where] = _content(parts["file"])
        return {"url": self.base_url + where, "ref": _content(parts["ref"]).decode() if "ref" in parts else None}


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _shown(posts: list[Post], query: dict[str, str]) -> dict[str, Any]:
    """`formats` says which bodies; `fields` which of the rest, tags then only by `include` and where `id` is named."""
    hidden = {"html", "lexical"} - set(query.get("formats", "mobiledoc,lexical").split(","))
    if fields := {name for name in query.get("fields", "").split(",") if name}:
        kept = fields | {"id"} | set(query.get("include", "").split(","))
        posts = posts if "id" in fields else [post | {"tags": []} for post in posts]
        return {"posts": [{name: value for name, value in post.items() if name in kept} for post in posts]}
    return {"posts": [{name: value for name, value in post.items() if name not in hidden} for post in posts]}


class _Handler(BaseHTTPRequestHandler):
    """One request at a time to the double, and its answer, unless a fault befalls it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: apart, each answer would wait for a delayed ACK
    double: GhostDouble

    def _serve(self) -> None:
        where = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query, headers = dict(parse_qsl(where.query)), {name.lower(): value for name, value in self.headers.items()}
        with self.double.lock:
            fault = self.double.faults.popleft() if self.double.faults else None
            status, answer = self._answer(where.path, query, headers, sent, fault)
        if fault == "lose":
            self.close_connection = True
            return
        content = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Version", "v5.130")
        kind = rules.IMAGES.get(PurePosixPath(where.path).suffix.lstrip(".").lower(), "application/json; charset=utf-8")
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(
        self, path: str, query: dict[str, str], headers: dict[str, str], sent: bytes, fault: str | int | None
    ) -> tuple[int, Any]:
        body: Any = sent
        try:
            if path in self.double.images:
                return 200, self.double.images[path]
            if sent and "json" in headers.get("content-type", ""):
                body = _parsed(sent)
            if isinstance(fault, int):
                raise Failure(fault, "InternalServerError", "An unexpected error occurred, please try again.")
            status, answer = self.double.answer(self.command, path, query, headers, body)
        except Failure as failure:
            status, answer = failure.status, failure.body
        self.double.requests.append(Request(self.command, path, query, headers, body, status))
        return status, answer

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `requests`."""


def _parsed(sent: bytes) -> Any:
    try:
        return json.loads(sent)
    except ValueError as error:
        said = "An unexpected error occurred, please try again."
        raise Failure(400, "InternalServerError", said, str(error), code="UNEXPECTED_ERROR") from None


@contextmanager
def ghost_double() -> Iterator[GhostDouble]:
    """The double, serving on a free port of loopback until the end of the block."""
    double = GhostDouble()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double})) as server:
        server.daemon_threads = True
        double.base_url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
