"""A publishing record, and an attempt at one, as answers show them."""

from __future__ import annotations

from typing import Any

from pubsite.api import present, time
from pubsite.models import Operation, PublishingAttempt, PublishingRecord, PublishingStatus, RemoteState
from pubsite.schema import (
    Anything,
    Boolean,
    Choice,
    Identifier,
    Instant,
    Integer,
    ListOf,
    MapOf,
    Object,
    Text,
    optional,
    required,
)
from pubsite.views.destination_objects import TYPES

_IDS = ("id", "publisher_id", "account_id", "site_id", "sector_id", "content_id", "destination_id")
_TIMES = ("next_attempt_at", "scheduled_at", "published_at", "unpublished_at", "created_at", "updated_at")
_PLAIN = (
    *("content_revision", "destination_type", "status", "remote_state", "operation", "external_id", "external_url"),
    *("content_hash", "error_code", "error", "error_retryable", "attempts"),
)


class PublishingRecordObject(Object):
    """One page at one destination. `remote_state`: what stands there; `operation`: what is done next, or was last."""

    id = required(Identifier())
    publisher_id = required(Identifier())
    account_id = required(Identifier())
    site_id = required(Identifier())
    sector_id = optional(Identifier())
    content_id = required(Identifier())
    content_revision = optional(Integer(1))
    destination_id = required(Identifier())
    destination_type = required(TYPES)
    status = required(Choice(*PublishingStatus))
    remote_state = required(Choice(*RemoteState))
    operation = required(Choice(*Operation))
    external_id = optional(Text())
    external_url = optional(Text())
    content_hash = optional(Text(64, 64))
    error_code = optional(Text(1, 64))
    error = optional(Text())
    error_retryable = optional(Boolean())
    attempts = required(Integer(0))
    next_attempt_at = optional(Instant())
    scheduled_at = optional(Instant())
    published_at = optional(Instant())
    unpublished_at = optional(Instant())
    metadata = required(MapOf(required(Anything())))
    created_at = required(Instant())
    updated_at = required(Instant())


class AttemptObject(Object):
    """One try. `outcome`: created, updated, unchanged, adopted, unpublished, absent, failed or interrupted.

    `notes`: what the other end made otherwise than it was sent. `calls`: how many requests it took.
    """

    number = required(Integer(1))
    operation = required(Choice(*Operation))
    outcome = required(Text(1, 16))
    error_code = optional(Text(1, 64))
    message = optional(Text())
    http_status = optional(Integer(100, 999))
    calls = required(Integer(0))
    notes = required(ListOf(required(Text())))
    started_at = required(Instant())
    ended_at = required(Instant())
    milliseconds = required(Integer(0))


def publishing_record_json(record: PublishingRecord) -> dict[str, Any]:
    """A record as responses show it."""
    ids = {name: getattr(record, name) for name in _IDS}
    return present(
        **{name: None if value is None else str(value) for name, value in ids.items()},
        **{name: getattr(record, name) for name in _PLAIN},
        **{name: time(getattr(record, name)) for name in _TIMES},
        metadata=record.metadata_,
    )


def attempt_json(attempt: PublishingAttempt) -> dict[str, Any]:
    """An attempt as responses show it."""
    plain = ("number", "operation", "outcome", "error_code", "message", "http_status", "calls", "notes")
    return present(
        **{name: getattr(attempt, name) for name in plain},
        started_at=time(attempt.started_at),
        ended_at=time(attempt.ended_at),
        milliseconds=max(0, round((attempt.ended_at - attempt.started_at).total_seconds() * 1000)),
    )
