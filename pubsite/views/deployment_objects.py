"""A deployment record as answers show it."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request

from pubsite.api import present, time
from pubsite.models import Deployment, Kind, Stage, Status
from pubsite.schema import (
    Anything,
    Boolean,
    Choice,
    Identifier,
    Instant,
    Integer,
    MapOf,
    Object,
    Text,
    optional,
    required,
)


class DeploymentObject(Object):
    """The record of one deploy or rollback. `version` is what it is to make live, `deployed_version` what it did."""

    id = required(Identifier())
    publisher_id = required(Identifier())
    account_id = required(Identifier())
    site_id = required(Identifier())
    sector_id = optional(Identifier())
    version = optional(Integer(1))
    deployed_version = optional(Integer(1))
    previous_version = optional(Integer(1))
    status = required(Choice(*Status))
    stage = required(Choice(*Stage))
    kind = required(Choice(*Kind))
    target = required(Text(1, 64))
    url = optional(Text(1, 8192))
    is_live = required(Boolean())
    unchanged = required(Boolean())
    pinned = required(Boolean())
    message = optional(Text(0, 4096))
    metadata = required(MapOf(required(Anything())))
    error_code = optional(Text(1, 64))
    error = optional(Text())
    stats = required(MapOf(required(Anything())))
    created_at = required(Instant())
    started_at = optional(Instant())
    deployed_at = optional(Instant())
    rolled_back_at = optional(Instant())


class HoldObject(Object):
    """A site on hold: it stays as it is until a deploy releases it, or somebody else."""

    site_id = required(Identifier())
    held_at = required(Instant())


def deployment_json(request: Request, record: Deployment, url: str | None = None) -> dict[str, Any]:
    """A record as responses show it; `url` is the site's, where it is known."""
    return present(
        id=str(record.id),
        publisher_id=str(record.publisher_id),
        account_id=str(record.account_id),
        site_id=str(record.site_id),
        sector_id=None if record.sector_id is None else str(record.sector_id),
        version=record.version,
        deployed_version=record.deployed_version,
        previous_version=record.previous_version,
        status=record.status,
        stage=record.stage,
        kind=record.kind,
        target=record.target,
        url=url,
        is_live=record.is_live,
        unchanged=record.unchanged,
        pinned=record.pinned,
        message=record.message,
        metadata=record.metadata_,
        error_code=record.error_code,
        error=record.error,
        stats=record.stats,
        created_at=time(record.created_at),
        started_at=time(record.started_at),
        deployed_at=time(record.deployed_at),
        rolled_back_at=time(record.rolled_back_at),
    )
