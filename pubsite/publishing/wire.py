"""Calls to one destination: JSON over the guarded client, and its failures as delivery outcomes.

Counts its calls and remembers the last status. Error texts of the other end are cut, and rid of our secrets: they may
echo what was sent.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pubsite.publishing.hiding import HIDDEN, hide
from pubsite.publishing.outcomes import Closed, Denied, Failing, Limited, Rejected, Unsure

LONGEST_REMARK = 300
LONGEST_WAIT = 86_400.0


class Reply(Protocol):
    """An answer of the guarded client."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    def json(self) -> Any: ...


class Sender(Protocol):
    """The guarded client, with its failures as delivery outcomes: Rejected, Down, or (`sent`) Unsure."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply: ...


@dataclass(slots=True)
class Wire:
    """One destination's line. `secrets`: what must not stand in any message; nor must what we last signed in with."""

    send: Sender
    secrets: tuple[str, ...] = field(default=(), repr=False)
    calls: int = 0
    last_status: int | None = None
    _signed_in_with: str = field(default="", repr=False)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        json_body: Any = None,
        expect: Collection[int] = (),
    ) -> Reply:
        """A whole answer with status 2xx, or one of `expect`; everything else raises a DeliveryError.

        A method other than GET and HEAD changes something: a 5xx to it is Unsure, since it may have been done.
        """
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", "application/json")
        sent.setdefault("Accept", "application/json")
        sent.setdefault("User-Agent", "pubsite")
        self._signed_in_with = sent.get("Authorization", "").partition(" ")[2]
        self.calls += 1
        self.last_status = None
        try:
            reply = self.send(method, url, sent, body)
        except Unsure as error:
            if method in ("GET", "HEAD"):
                raise Failing(error.message, code=error.code) from error
            raise
        self.last_status = reply.status
        if 200 <= reply.status < 300 or reply.status in expect:
            return reply
        raise self.failure(method, reply)

    def json(self, method: str, url: str, **kw: Any) -> Any:
        """The JSON of such an answer; one that is none raises as a 5xx would."""
        reply = self.call(method, url, **kw)
        try:
            return reply.json()
        except ValueError as error:
            message = "The answer is not JSON: is base_url right, and nothing in between?"
            kind = Failing if method in ("GET", "HEAD") else Unsure
            raise kind(message, code="not_json", http_status=reply.status) from error

    def failure(self, method: str, reply: Reply, remark: str | None = None) -> Exception:
        """The outcome that a status stands for; `remark`: what the other end says, default: what its body tells."""
        status = reply.status
        said = self.redacted(remark if remark is not None else remark_of(reply))
        text = f"It answered {status}" + (f": {said}" if said else "")
        if status in (401, 403):
            return Denied(text, http_status=status)
        if status == 410:
            return Closed(text, http_status=status)
        if status == 429 or (status == 503 and "retry-after" in reply.headers):
            return Limited(text, http_status=status, retry_after=retry_after(reply))
        if status >= 500 or status == 408:
            kind = Failing if method in ("GET", "HEAD") else Unsure
            return kind(text, code="remote_error", http_status=status)
        if 300 <= status < 400:
            location = self.redacted(reply.headers.get("location", ""))
            return Rejected(f"It redirects to {location or 'another place'}: give that as base_url",
                            code="redirected", http_status=status)  # fmt: skip
        return Rejected(text, http_status=status)

    def hidden(self, text: str) -> str:
        """The text without our secrets and the parts of them."""
        if self._signed_in_with:
            text = text.replace(self._signed_in_with, HIDDEN)
        return hide(text, self.secrets)

    def redacted(self, text: str) -> str:
        """The same on one line, and cut."""
        text = self.hidden(text)
        text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", text).split())
        return text if len(text) <= LONGEST_REMARK else text[:LONGEST_REMARK] + "…"


def remark_of(reply: Reply) -> str:
    """What an error's body says, where it has one of the usual shapes."""
    try:
        found = reply.json()
    except ValueError:
        return ""
    for name in ("errors", "error"):
        if isinstance(found, dict) and isinstance(found.get(name), list | dict | str) and found[name]:
            found = found[name][0] if isinstance(found[name], list) else found[name]
            break
    if isinstance(found, dict):
        texts = [found.get(name) for name in ("message", "context", "detail", "code")]
        found = ": ".join(text for text in texts[:2] if isinstance(text, str) and text) or texts[2] or texts[3]
    return found if isinstance(found, str) else ""


def retry_after(reply: Reply) -> float | None:
    """The seconds of a Retry-After (RFC 9110 §10.2.3), at most a day; None where there is no readable one."""
    value = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
        return min(float(value), LONGEST_WAIT)
    try:
        when = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, when - time.time()), LONGEST_WAIT)
