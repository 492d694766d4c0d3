"""When a page is published: a draft never, others from `publish_at` until `expires_at`. Time is an input."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def is_published(config: Mapping[str, Any], as_of: datetime) -> bool:
    """Whether a page with this config is published at `as_of` (aware)."""
    if config.get("draft") is True:
        return False
    publish_at, expires_at = _time(config.get("publish_at")), _time(config.get("expires_at"))
    return (publish_at is None or publish_at <= as_of) and (expires_at is None or as_of < expires_at)


def next_change(config: Mapping[str, Any], as_of: datetime) -> datetime | None:
    """The next time after `as_of` at which `is_published` turns; None when it stays as it is."""
    if config.get("draft") is True:
        return None
    times = (_time(config.get("publish_at")), _time(config.get("expires_at")))
    return min((time for time in times if time is not None and time > as_of), default=None)


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
