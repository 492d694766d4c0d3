"""How a delivery can fail. The engine decides by these alone; adapters raise them, and never anything of HTTP.

DeliveryError
├── Rejected    the other end will not take this content, or this request: only a person can mend it
├── Denied      it refuses us (401, 403): everything for this destination waits for a person
├── Closed      it wants no more (410): the destination is switched off
├── Limited     too many requests (429), or come back later (503 with Retry-After): the destination waits
├── Down        it cannot be reached; nothing was sent: the destination waits
├── Failing     it failed for now, and nothing was changed there (a 5xx to a read): try again later
└── Unsure      something was sent and no good answer came: perhaps it was done: look, never send again
"""

from __future__ import annotations

from pubsite.errors import PubsiteError


class DeliveryError(PubsiteError):
    """`code` is stable; `message` is for people and holds no secret; `http_status`: of the answer, if any."""

    code = "delivery_failed"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.http_status = http_status
        self.retry_after = retry_after


class Rejected(DeliveryError):
    code = "rejected"
    retryable = False


class Denied(DeliveryError):
    code = "denied"
    retryable = False


class Closed(DeliveryError):
    code = "gone"
    retryable = False


class Limited(DeliveryError):
    """`retry_after`: seconds that the other end asks for, None when it did not say."""

    code = "rate_limited"


class Down(DeliveryError):
    code = "unreachable"


class Failing(DeliveryError):
    code = "remote_error"


class Unsure(DeliveryError):
    code = "no_answer"
