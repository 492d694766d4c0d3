"""What a kind of destination is: its description, and the adapter that speaks to one of them.

The engine (`delivery.py`) knows adapters by this alone. Another kind is one file with a `KIND`, and its line in
`kinds.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal, Protocol

from pubsite.publishing.content import Content
from pubsite.publishing.options import Option
from pubsite.publishing.wire import Wire

State = Literal["present", "draft", "absent"]
Desired = Literal["publish", "draft"]
Payload = dict[str, Any]

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 7200))


@dataclass(frozen=True, slots=True)
class Remote:
    """What stands at the other end. `content_hash`: of the payload that it was made from, None when nobody can tell,
    "" when it is of none (not yet whole).

    `notes`: in plain words, what it made of what was sent (a slug that became `about-2`, an image that was not taken).
    `turn`: as in Draft, for a take-down where nothing can be looked at.
    """

    external_id: str
    url: str = ""
    state: State = "present"
    content_hash: str | None = None
    notes: tuple[str, ...] = ()
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """A field of the page that this kind does not carry, or not whole."""

    field: str
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What would be sent: `payload` is plain JSON, all that decides what the other end shall hold.

    `content_hash` names it: the same payload is the same content, and makes no call. `losses`: what would be lost.
    `turn`: tells a sending from an earlier one of the same content, "" before the first success of the record; set by
    the engine, no part of the content.
    """

    payload: Payload
    losses: tuple[Loss, ...] = ()
    turn: str = ""

    @property
    def content_hash(self) -> str:
        text = json.dumps(self.payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return sha256(text.encode(errors="surrogatepass")).hexdigest()


class Adapter(Protocol):
    """Speaks to one destination. Methods raise DeliveryError alone; `marker` is the record's id, the same each time.

    `draft` makes no call. Whatever writes is followed by `read`, so that what it answers need not be whole.
    """

    def draft(self, content: Content, desired: Desired) -> Draft:
        """What would be sent for a page, and what would be lost."""
        ...

    def test(self) -> str:
        """Sign in and change nothing; who we are there, in words (`WordPress 6.1, as grace`)."""
        ...

    def read(self, external_id: str) -> Remote | None:
        """What stands there under the id that it gave us; None: nothing any more."""
        ...

    def find(self, marker: str, draft: Draft) -> Remote | None:
        """What an earlier try of this record has left there, found by our marker."""
        ...

    def find_other(self, draft: Draft) -> Remote | None:
        """What stands there under the same slug, whoever made it; asked only when it may be adopted."""
        ...

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        """Make it, marked; raises Unsure where it may have been made."""
        ...

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        """Bring what stands there to the draft, marked; safe to do again."""
        ...

    def unpublish(self, remote: Remote) -> Remote:
        """Take it off the air; safe to do again."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """A destination as its adapter sees it. `options`: its config, checked, with the defaults filled in.

    `secrets`: the one in force first, then those that were replaced and still count (webhooks sign with all).
    """

    base_url: str
    options: Mapping[str, Any]
    secrets: tuple[str, ...] = field(repr=False)
    wire: Wire = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of destination.

    `secret`: what the secret is, in words; `secret_problem`: what is wrong with one, or None; `new_secret`: makes one
    where the user gave none (then it is shown once). `can`: of `draft`, `update`, `unpublish`, `find`, `adopt`,
    `refresh`. `looks`: whether what was sent can be found there; where not, sending again must be harmless.
    `whole_url`: whether `base_url` is called as it is; else paths are put behind it, and it ends without a slash.
    `schedule`: how long to wait after each temporary failure. `needs`: what is not installed, in words, "" when all is.
    """

    name: str
    title: str
    options: tuple[Option, ...]
    secret: str
    can: frozenset[str]
    connect: Callable[[Connection], Adapter]
    secret_problem: Callable[[str], str | None]
    new_secret: Callable[[], str] | None = None
    looks: bool = True
    whole_url: bool = False
    schedule: tuple[timedelta, ...] = BACKOFF
    needs: Callable[[], str] = lambda: ""
