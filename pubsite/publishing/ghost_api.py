"""Ghost's Admin API (v5 and later), as far as sending a page there needs it; failures as outcomes, in plain words.

Whatever answers there may be no Ghost: what is read of an answer is checked. Nothing here asks for mail but `edit`,
and that only when it is given a newsletter.
"""

from __future__ import annotations

import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt

from pubsite.publishing.adapter import Connection
from pubsite.publishing.ghost_post import ID, Post
from pubsite.publishing.outcomes import Failing, Rejected, Unsure
from pubsite.publishing.wire import Reply, remark_of

VERSION = "v5.0"
TOKEN_SECONDS = 300  # Ghost takes no older ones
MOST_FOUND = 100
MOST_TAGS = 50  # that are asked for: they stand in a URL
FORMATS = {"formats": "lexical"}
_FAILED = range(300, 1000)

# What Ghost says (in its code or context) -> what a person can do about it.
HINTS = {
    "UNKNOWN_ADMIN_API_KEY": "Ghost has no such key: was the integration removed there?",
    "invalid signature": "what stands after the colon of the key is wrong",
    "jwt expired": "the clocks of the two servers differ by over five minutes",
    "maxAge exceeded": "the clocks of the two servers differ by over five minutes",
    "Unable to determine the authenticated user": "a proxy in front of Ghost takes the Authorization header away",
    "match any active newsletter": "the option newsletter names no active newsletter",
}

Json = dict[str, Any]


@dataclass(slots=True)
class Api:
    """Speaks to the Ghost of a connection. `clock`: seconds since 1970."""

    connection: Connection
    clock: Callable[[], float] = time.time

    def check_key(self) -> None:
        """Raises Denied where Ghost does not take our key (what follows, `site`, needs none)."""
        _listed(self._call("GET", "posts", {"limit": "1", "fields": "id"}), "posts", "GET")

    def site(self) -> Json:
        """`title`, `version` and `url`."""
        site = _object(self._call("GET", "site"), "GET").get("site")
        if isinstance(site, dict) and all(isinstance(site.get(name), str) for name in ("title", "version", "url")):
            return site
        raise _not_ghost("GET", 200)

    def newsletters(self) -> set[str]:
        """The slugs of those that are active."""
        found = _listed(self._call("GET", "newsletters", {"limit": "all"}), "newsletters", "GET")
        return {str(one.get("slug")) for one in found if isinstance(one, dict) and one.get("status") == "active"}

    def post(self, external_id: str) -> Post | None:
        return self._read(f"posts/{external_id}") if ID.fullmatch(external_id) else None

    def post_of_slug(self, slug: str) -> Post | None:
        return self._read(f"posts/slug/{slug}") if re.fullmatch(r"[a-z0-9_-]+", slug) else None

    def tagged(self, tag: str) -> list[str]:
        """The ids of the posts under a tag, by its slug; each is read on its own, as answers are read up to 1 MiB."""
        query = {"filter": f"tag:{tag}", "fields": "id", "limit": str(MOST_FOUND), "order": "created_at asc"}
        found = _listed(self._call("GET", "posts", query), "posts", "GET")
        return [str(one["id"]) for one in found if isinstance(one, dict) and ID.fullmatch(str(one.get("id")))]

    def tags(self, names: Sequence[str]) -> dict[str, str]:
        """The ids of tags by their names in lower case, of those that there are.

        Ghost on SQLite takes `news` for another tag than `News`, and calls it news-2; so it is asked by slug.
        """
        slugs = sorted({_slug(name) for name in names[:MOST_TAGS]} - {""})
        if not slugs:
            return {}
        # In quotes, or `2026` would be taken for a number, and `null` for none.
        query = {
            "filter": "slug:[" + ",".join(f"'{slug}'" for slug in slugs) + "]",
            "fields": "id,name",
            "limit": str(MOST_FOUND),
        }
        found = _listed(self._call("GET", "tags", query), "tags", "GET")
        good = [one for one in found if isinstance(one, dict) and ID.fullmatch(str(one.get("id")))]
        return {str(one.get("name")).casefold(): one["id"] for one in good}

    def add(self, fields: Json) -> Post:
        """Make a post; not safe to repeat."""
        return _one(self._call("POST", "posts", FORMATS, {"posts": [fields]}), "POST")

    def edit(self, post: Post, fields: Json, newsletter: str = "") -> Post | None:
        """Change a post, if nobody has since it was read; None: it is gone. `newsletter`: mail it to that one, as it
        leaves its draft. Raises Failing `changed_there` where somebody has."""
        query = {**FORMATS, **({"newsletter": newsletter} if newsletter else {})}
        body = {"posts": [{**fields, "updated_at": post.updated_at}]}
        reply = self._call("PUT", f"posts/{post.id}", query, body, expect=(404, 409))
        if reply.status == 409:
            text = "Somebody edited the post in Ghost at the same moment"
            raise Failing(text, code="changed_there", http_status=409)
        return None if reply.status == 404 else _one(reply, "PUT")

    def delete(self, external_id: str) -> None:
        """Delete a post; one that is not there is fine."""
        self._call("DELETE", f"posts/{external_id}", expect=(404,))

    def upload(self, name: str, kind: str, body: bytes) -> str | None:
        """The URL of an image, now in Ghost; None: Ghost does not want it. One more for each time."""
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        form = f"{head}Content-Type: {kind}\r\n\r\n".encode() + body + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        reply = self._call("POST", "images/upload", headers=headers, body=form, expect=(413, 415, 422))
        if reply.status in _FAILED:
            return None
        image = _listed(reply, "images", "POST")[:1]
        url = image[0].get("url") if image and isinstance(image[0], dict) else None
        if isinstance(url, str) and url.startswith("http"):
            return url
        raise _not_ghost("POST", reply.status)

    def _read(self, path: str) -> Post | None:
        reply = self._call("GET", path, FORMATS, expect=(404,))
        return None if reply.status == 404 else _one(reply, "GET")

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        json_body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        expect: Collection[int] = (),
    ) -> Reply:
        """An answer with status 2xx, or one of `expect`: a 404 only where it is Ghost that says so."""
        token, wire = self._token(), self.connection.wire
        url = f"{self._base}/ghost/api/admin/{path}/" + (f"?{urlencode(query)}" if query else "")
        sent = {"Authorization": f"Ghost {token}", "Accept-Version": VERSION, **(headers or {})}
        reply = wire.call(method, url, headers=sent, body=body, json_body=json_body, expect=_FAILED)
        if reply.status in (404, 406) and not _is_ghosts(reply):
            raise _not_ghost(method, reply.status)
        if reply.status in _FAILED and reply.status not in expect:
            raise self._failure(method, reply, token)
        return reply

    @property
    def _base(self) -> str:
        """Where Ghost is: people copy the address of its admin."""
        return self.connection.base_url.rstrip("/").removesuffix("/ghost")

    def _token(self) -> str:
        """The key as a JWT, which Ghost wants anew for each five minutes (ghost.org/docs/admin-api, Token)."""
        key, _, secret = self.connection.secrets[0].partition(":")
        now = int(self.clock())
        claims = {"iat": now, "exp": now + TOKEN_SECONDS, "aud": "/admin/"}
        return jwt.encode(claims, bytes.fromhex(secret), algorithm="HS256", headers={"kid": key})

    def _failure(self, method: str, reply: Reply, token: str) -> Exception:
        """What a failure means; a redirect names what base_url should be."""
        if 300 <= reply.status < 400:
            place = self.connection.wire.redacted(reply.headers.get("location", "").partition("/ghost/api/")[0])
            text = f"It redirects to {place or 'another place'}: give that as base_url"
            return Rejected(text, code="redirected", http_status=reply.status)
        said = remark_of(reply).replace(token, "…")
        told = f"{_error(reply).get('code')} {said}"
        hint = next((hint for sign, hint in HINTS.items() if sign in told), "")
        if reply.status == 413:
            hint = "the page is larger than Ghost, or a proxy in front of it, takes"
        return self.connection.wire.failure(method, reply, remark=": ".join(filter(None, (hint, said))))


def _slug(name: str) -> str:
    """As Ghost makes it; of letters that have no ASCII twin it makes more."""
    plain = unicodedata.normalize("NFKD", name.replace("'", "")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")


def _one(reply: Reply, method: str) -> Post:
    """The one post of an answer."""
    posts = _listed(reply, "posts", method)
    post = Post.of(posts[0]) if len(posts) == 1 else None
    if post is None:
        raise _not_ghost(method, reply.status)
    return post


def _listed(reply: Reply, name: str, method: str) -> list[Any]:
    found = _object(reply, method).get(name)
    if isinstance(found, list):
        return found
    raise _not_ghost(method, reply.status)


def _object(reply: Reply, method: str) -> Json:
    try:
        found = reply.json()
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise _not_ghost(method, reply.status)


def _error(reply: Reply) -> Json:
    """The error of an answer in Ghost's shape; empty where it has another."""
    try:
        found = reply.json()
    except ValueError:
        return {}
    errors = found.get("errors") if isinstance(found, dict) else None
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}


def _is_ghosts(reply: Reply) -> bool:
    """Whether it is Ghost that does not find something: proxies say 404 too, while Ghost is being started."""
    return _error(reply).get("type") in ("NotFoundError", "RequestNotAcceptableError")


def _not_ghost(method: str, status: int) -> Exception:
    text = "No Ghost answers there: base_url is the address of its admin, without what follows /ghost"
    return (Failing if method == "GET" else Unsure)(text, code="not_ghost", http_status=status)
