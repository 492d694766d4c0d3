"""Webhooks: an event for each change of a page, signed as Standard Webhooks say (standardwebhooks.com, 1.0).

Nothing can be looked at there, so what may be lost is sent again, under the same `webhook-id`: a receiver that keeps
the ids that it has seen takes each event once.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets as randomness
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Remote, State
from pubsite.publishing.content import Content
from pubsite.publishing.wire import Reply

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)

# The schedule that the specification proposes, after the first try.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)


def new_secret() -> str:
    return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def secret_problem(secret: str) -> str | None:
    try:
        good = secret.startswith(PREFIX) and len(_key(secret)) in KEY_BYTES
    except ValueError:
        good = False
    return None if good else f"must be {PREFIX} and 24 to 64 bytes in base64; left out, one is made"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver. `clock`: seconds since 1970, the time of sending. The external id is the page's id."""

    connection: Connection
    clock: Callable[[], float] = time.time

    def draft(self, content: Content, desired: Desired) -> Draft:
        page = {
            "id": content.page_id,
            "revision": content.revision,
            "url": content.url,
            "canonical_url": "" if self.connection.options.get("canonical") == "none" else content.canonical_url,
            "path": content.path,
            "title": content.title,
            "html": content.html,
            "excerpt": content.excerpt,
            "slug": content.slug,
            "tags": list(content.tags),
            "categories": list(content.categories),
            "author": content.author,
            "image": content.image,
            "language": content.language,
            "date": None if content.date is None else _time(content.date),
            "data": dict(content.data),
            "status": "draft" if desired == "draft" else "published",
        }
        return Draft(page)

    def test(self) -> str:
        """Send an event `pubsite.test` with a new id: receivers pass over the types that they do not know."""
        reply = self._send("pubsite.test", f"msg_{uuid.uuid4().hex}", {})
        host = urlsplit(self.connection.base_url).netloc
        return f"{host} took a test event (pubsite.test) and answered {reply.status}"

    def read(self, external_id: str) -> Remote | None:
        return None

    def find(self, marker: str, draft: Draft) -> Remote | None:
        return None

    def find_other(self, draft: Draft) -> Remote | None:
        return None

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        return self._tell("page.published", marker, draft)

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        return self._tell("page.updated", marker, draft)

    def unpublish(self, remote: Remote) -> Remote:
        kind, known = "page.unpublished", (remote.external_id, remote.content_hash, remote.turn)
        page = {"id": remote.external_id, "url": remote.url, "status": "unpublished"}
        self._send(kind, self._id(kind, *known), page)
        return Remote(remote.external_id, state="absent")

    def _tell(self, kind: str, marker: str, draft: Draft) -> Remote:
        """A draft is an event of its own: who looks at the type alone must not publish it."""
        page = draft.payload
        state: State = "draft" if page["status"] == "draft" else "present"
        kind = "page.draft" if state == "draft" else kind
        self._send(kind, self._id(kind, marker, draft.content_hash, draft.turn), page)
        return Remote(page["id"], page["url"], state, draft.content_hash)

    def _id(self, *parts: str | None) -> str:
        """The same for the same event, so that one sent twice is known as one. `turn` is among the parts: a page that
        is changed back, or published again after a take-down, is news though its content was sent before."""
        told = json.dumps([self.connection.base_url, *parts]).encode()
        return f"msg_{sha256(told).hexdigest()[:32]}"

    def _send(self, kind: str, message_id: str, page: dict[str, Any]) -> Reply:
        now = self.clock()
        event = {"type": kind, "timestamp": _time(datetime.fromtimestamp(now, UTC)), "data": page}
        # JSON from anywhere may hold lone surrogates; escaped, they can be sent.
        body = json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signatures(self.connection.secrets, message_id, int(now), body),
        }
        wire, everything = self.connection.wire, range(300, 1000)
        reply = wire.call("POST", self.connection.base_url, headers=headers, body=body, expect=everything)
        if reply.status in everything:
            raise wire.failure("POST", reply, remark="")  # bodies of answers mean nothing
        return reply


def signatures(secrets: tuple[str, ...], message_id: str, timestamp: int, body: bytes) -> str:
    """One signature for each secret, so that a receiver that knows one of them is content."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    found = (base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode() for secret in secrets)
    return " ".join(f"v1,{signature}" for signature in found)


def _time(when: datetime) -> str:
    return re.sub(r"\+00:00\Z", "Z", when.astimezone(UTC).isoformat(timespec="milliseconds"))


KIND = Kind(
    name="webhook",
    title="Webhook",
    options=(),
    secret="whsec_ and base64, with which events are signed; made by us when left out",
    can=frozenset({"draft", "update", "unpublish"}),
    connect=Webhook,
    secret_problem=secret_problem,
    new_secret=new_secret,
    looks=False,
    whole_url=True,
    schedule=SCHEDULE,
)
