"""Deployment records: asked for, read, rolled back. The work behind them is `deploying`'s."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pubsite.build.generator import generator
from pubsite.errors import Conflict, Invalid, NotFound
from pubsite.models import PRODUCTION, Bundle, Deployment, Kind, Site, Status, now
from pubsite.services import jobs, sectors, sites

DEPLOY = "deploy"
METADATA_BYTES = 65_536  # lists show it with every record
ENDED = (Status.deployed, Status.failed, Status.rolled_back)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of a deploy; without `version` the site is built as it is now."""

    version: int | None = None
    target: str = PRODUCTION
    message: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    release_hold: bool = False
    sector_id: uuid.UUID | None = None


def get(db: Session, deployment_id: uuid.UUID) -> Deployment | None:
    return db.get(Deployment, deployment_id)


def create(db: Session, site: Site, account_id: uuid.UUID, request: Request) -> tuple[Deployment, bool]:
    """A new record and the job behind it; or the live record and False when it is known to change nothing."""
    require_size(request.metadata)
    site = sites.lock(db, site)
    sectors.require(db, site, request.sector_id)
    if site.held_at is not None and not request.release_hold:
        raise Conflict(
            f"The site is held at version {site.live_version} since {site.held_at:%Y-%m-%d %H:%M} UTC: "
            "send release_hold: true to go live",
            code="held",
        )
    live = live_record(db, site, request.target)
    if live is not None and _known_unchanged(db, site, live, request):
        if request.release_hold:
            site.held_at = None
            db.flush()
        return live, False
    _check_version(db, site, live, request)
    record = _record(site, account_id, request)
    db.add(record)
    db.flush()
    jobs.enqueue(db, DEPLOY, record.id, lane=str(site.id))
    return record, True


def require_size(metadata: dict[str, Any]) -> None:
    """Raise Invalid for metadata that is too long."""
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > METADATA_BYTES:
        raise Invalid.field("metadata", f"must have at most {METADATA_BYTES} bytes as JSON")


def live_record(db: Session, site: Site, target: str = PRODUCTION) -> Deployment | None:
    """The record of what is live on a target."""
    return db.scalar(
        select(Deployment).where(Deployment.site_id == site.id, Deployment.target == target, Deployment.is_live)
    )


def _known_unchanged(db: Session, site: Site, live: Deployment, request: Request) -> bool:
    if request.version is not None:
        return request.version == live.deployed_version
    bundle = bundle_of(db, site.id, live.deployed_version)
    if bundle is None or bundle.generator != generator() or bundle.content_sequence != site.content_sequence:
        return False
    return bundle.next_change_at is None or bundle.next_change_at > now()


def bundle_of(db: Session, site_id: uuid.UUID, version: int | None) -> Bundle | None:
    """A kept version of a site."""
    return db.scalar(select(Bundle).where(Bundle.site_id == site_id, Bundle.version == version))


def _check_version(db: Session, site: Site, live: Deployment | None, request: Request) -> None:
    if request.version is None:
        return
    if bundle_of(db, site.id, request.version) is None:
        raise NotFound(f"The site has no version {request.version}")
    if live is not None and request.version < (live.deployed_version or 0):
        raise Conflict(f"Version {request.version} is older than the live {live.deployed_version}: use rollback")


def _record(site: Site, account_id: uuid.UUID, request: Request) -> Deployment:
    return Deployment(
        id=uuid.uuid4(),
        publisher_id=site.publisher_id,
        account_id=account_id,
        site_id=site.id,
        sector_id=request.sector_id,
        version=request.version,
        target=request.target,
        message=request.message,
        metadata_=request.metadata,
        release_hold=request.release_hold,
    )


def rollback(
    db: Session, site: Site, record: Deployment, account_id: uuid.UUID, *, to_version: int | None = None
) -> tuple[Deployment, bool]:
    """A record that brings an older bundle back, and holds the site there; repeating it gives the same record."""
    site = sites.lock(db, site)
    db.refresh(record)
    again = db.scalar(
        select(Deployment).where(Deployment.rolled_back_id == record.id, Deployment.status != Status.failed)
    )
    if again is not None and to_version in (None, again.version):
        return again, False
    if not record.is_live or again is not None:
        raise Conflict("Only the live deployment can be rolled back")
    version = _version_before(db, site, record) if to_version is None else to_version
    if bundle_of(db, site.id, version) is None or version >= (record.deployed_version or 0):
        raise Conflict(f"Version {version} is no kept version below the live {record.deployed_version}")
    asked = Request(version=version, target=record.target, sector_id=record.sector_id)
    back = _record(site, account_id, asked)
    back.kind, back.rolled_back_id = Kind.rollback, record.id
    db.add(back)
    site.held_at = now()
    db.flush()
    jobs.enqueue(db, DEPLOY, back.id, lane=str(site.id))
    return back, True


def _version_before(db: Session, site: Site, live: Deployment) -> int:
    """The highest kept lower version that was live and that nobody rolled back from."""

    def versions(status: Status) -> Select[int | None]:
        return select(Deployment.deployed_version).where(
            Deployment.site_id == site.id, Deployment.status == status, Deployment.deployed_version.is_not(None)
        )

    version = db.scalar(
        select(func.max(Bundle.version)).where(
            Bundle.site_id == site.id,
            Bundle.version < live.deployed_version,
            Bundle.version.in_(versions(Status.deployed)),
            Bundle.version.not_in(versions(Status.rolled_back)),
        )
    )
    if version is None:
        raise Conflict("There is no earlier version to go back to")
    return version


def hold(db: Session, site: Site, *, held: bool) -> Site:
    """Set or release the hold: while it is set, only a deploy with `release_hold` goes live."""
    site = sites.lock(db, site)
    site.held_at = (site.held_at or now()) if held else None
    db.flush()
    return site


def sites_of(db: Session, records: Sequence[Deployment]) -> Sequence[Site]:
    """The sites of some records."""
    return db.scalars(select(Site).where(Site.id.in_({record.site_id for record in records}))).all()
