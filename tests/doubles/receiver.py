"""A receiver of Standard Webhooks as its makers' library wants it: signatures verified, each event taken once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.doubles.http import Answered, Asked


@dataclass
class Receiver:
    """`events`: as they were taken; `pages`: what stands here now, by page id; `seen`: every request's id."""

    secret: str
    events: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answered:
        try:
            event = Webhook(self.secret).verify(asked.body, dict(asked.headers.items()))
        except WebhookVerificationError as error:
            return 401, {}, f"{error} {self.secret}".encode()
        message_id = asked.headers["webhook-id"]
        if message_id not in self.seen:
            self._take(event)
        self.seen.append(message_id)
        return 204, {}, b""

    def _take(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        page = event["data"]
        if event["type"] == "page.unpublished":
            self.pages.pop(page["id"], None)
        elif event["type"].startswith("page."):
            self.pages[page["id"]] = page
