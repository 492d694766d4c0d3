"""Destinations: made, changed, tested, forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, NotFound, PubsiteError
from pubsite.models import Destination, Health, Publisher, PublishingRecord, RemoteState, Site, now
from pubsite.publishing import options
from pubsite.publishing.adapter import Adapter, Connection
from pubsite.publishing.adapter import Kind as Kind
from pubsite.publishing.guarding import guarded
from pubsite.publishing.kinds import KINDS as KINDS
from pubsite.publishing.options import MOST_TEXTS as MOST_TEXTS
from pubsite.publishing.options import Option
from pubsite.publishing.outcomes import Denied
from pubsite.publishing.sending import url_problem
from pubsite.publishing.wire import Sender, Wire
from pubsite.services import jobs, sealing, sectors
from pubsite.services.sealing import Seals as Seals

MOST_OF_PUBLISHER = 100
WRITABLE = ("name", "base_url", "config", "is_active", "sector_id")


@dataclass(frozen=True, slots=True)
class Tested:
    """How a destination stood when it was asked. `identity`: who we are there, in words."""

    ok: bool
    identity: str = ""
    error_code: str = ""
    error: str = ""


def lane(destination_id: uuid.UUID) -> str:
    """The lane of a destination's jobs: one at a time, in order."""
    return f"destination:{destination_id}"


def get(db: Session, destination_id: uuid.UUID) -> Destination | None:
    return db.get(Destination, destination_id)


def kind_of(name: str) -> Kind:
    """A kind of destination; raises Invalid for one that there is not, or that lacks a library here."""
    kind = KINDS.get(name)
    if kind is None:
        raise Invalid.field("type", "must be one of " + ", ".join(KINDS))
    if needs := kind.needs():
        raise Invalid.field("type", f"cannot be used on this server: {needs}")
    return kind


def options_of(kind: Kind) -> tuple[Option, ...]:
    """The options of a kind, those of every kind first."""
    return (*options.COMMON, *kind.options)


def config_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind's config."""
    return options.schema(kind.options)


def create(
    db: Session,
    publisher: Publisher,
    site: Site | None,
    account_id: uuid.UUID,
    seals: Seals,
    *,
    name: str,
    type: str,
    base_url: str,
    config: dict[str, Any],
    secret: str | None = None,
    sector_id: uuid.UUID | None = None,
    is_active: bool = True,
) -> tuple[Destination, str | None]:
    """A new destination; and its secret where we made it ourselves, to be shown this once."""
    kind = kind_of(type)
    db.scalar(select(Publisher.id).where(Publisher.id == publisher.id).with_for_update())
    count = db.scalar(select(func.count()).select_from(Destination).where(Destination.publisher_id == publisher.id))
    if (count or 0) >= MOST_OF_PUBLISHER:
        raise Invalid(f"A publisher has at most {MOST_OF_PUBLISHER} destinations", code="limit_exceeded")
    shown = None
    if secret is None:
        if kind.new_secret is None:
            raise Invalid.field("secret", f"is required: {kind.secret}")
        secret = shown = kind.new_secret()
    row = Destination(id=uuid.uuid4(), publisher_id=publisher.id, account_id=account_id, name=name, type=type)
    row.site_id = site.id if site else None
    row.base_url, row.config = _base_url(kind, base_url), options.checked(kind.options, config)
    row.is_active = is_active
    row.sector_id = _sector(db, row, sector_id)
    sealing.replace(row, kind, seals, secret)
    db.add(row)
    db.flush()
    return row, shown


def lock(db: Session, destination: Destination) -> Destination:
    """The row as it is now, which nobody else changes until the transaction ends; raises NotFound without it."""
    return lock_id(db, destination.id)


def lock_id(db: Session, destination_id: uuid.UUID) -> Destination:
    """The same by its id."""
    found = db.scalar(
        select(Destination).where(Destination.id == destination_id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if found is None:
        raise NotFound("Destination not found")
    return found


def change(db: Session, destination: Destination, seals: Seals, changes: Mapping[str, Any]) -> Destination:
    """Apply what was sent of WRITABLE and `secret`; a new host demands the secret again."""
    row = lock(db, destination)
    kind = kind_of(row.type)
    secret = changes.get("secret")
    base_url = _base_url(kind, changes.get("base_url", row.base_url))
    if _origin(base_url) != _origin(row.base_url) and secret is None:
        raise Invalid.field("secret", "must be given again when base_url names another host")
    row.base_url = base_url
    if "config" in changes:
        row.config = options.checked(kind.options, changes["config"])
    for name in ("name", "is_active"):
        setattr(row, name, changes.get(name, getattr(row, name)))
    if "sector_id" in changes:
        row.sector_id = _sector(db, row, changes["sector_id"])
    if secret is not None:
        sealing.replace(row, kind, seals, secret)
    row.updated_at = now()
    if changes.keys() & {"base_url", "secret", "config", "is_active"}:
        resume(db, row, Health.unknown)
    db.flush()
    return row


def rotate_secret(db: Session, destination: Destination, seals: Seals, secret: str | None) -> tuple[Destination, str]:
    """Another secret, given or made; where the kind signs with it, the one before counts for a while too."""
    row = lock(db, destination)
    kind = kind_of(row.type)
    if secret is None and kind.new_secret is None:
        raise Invalid.field("secret", f"is required: {kind.secret}")
    made = kind.new_secret() if secret is None and kind.new_secret is not None else None
    before = sealing.in_force(row, seals) if kind.new_secret is not None else []
    sealing.replace(row, kind, seals, made or secret or "", before)
    row.updated_at = now()
    resume(db, row, Health.unknown)
    db.flush()
    return row, made or ""


def remove(db: Session, destination: Destination, *, forget: bool) -> None:
    """Forget a destination and its records; Conflict while something stands there, unless `forget`."""
    row = lock(db, destination)
    standing = db.scalar(
        select(func.count())
        .select_from(PublishingRecord)
        .where(
            PublishingRecord.destination_id == row.id,
            PublishingRecord.remote_state.in_((RemoteState.present, RemoteState.draft)),
        )
    )
    if standing and not forget:
        raise Conflict(f"{standing} pages stand there: unpublish them, or send forget=true to leave them there")
    for record_id in db.scalars(select(PublishingRecord.id).where(PublishingRecord.destination_id == row.id)):
        jobs.cancel(db, "publish", record_id)
    db.delete(row)
    db.flush()


def resume(db: Session, destination: Destination, health: Health) -> None:
    """End a pause: what waits for the destination is due now."""
    destination.health, destination.failures, destination.paused_until = health, 0, None
    if health in (Health.unknown, Health.ok):
        destination.last_error = None
    if destination.is_active:
        jobs.move_lane(db, lane(destination.id), now(), earlier=True)


def connect(destination: Destination, seals: Seals, send: Sender) -> tuple[Adapter, Wire]:
    """The adapter of a destination, and its line; raises SecretLost, or Invalid where its kind cannot be used here."""
    kind = kind_of(destination.type)
    secrets = tuple(sealing.secrets_of(destination, seals))
    wire = Wire(send, secrets)
    config = options.complete(kind.options, destination.config)
    with guarded(wire):
        return kind.connect(Connection(destination.base_url, config, secrets, wire)), wire


def test(destination: Destination, seals: Seals, send: Sender) -> Tested:
    """Sign in there, and change nothing. Calls out: never within a transaction."""
    try:
        adapter, wire = connect(destination, seals, send)
        with guarded(wire):
            return Tested(True, wire.redacted(adapter.test()))
    except PubsiteError as error:
        return Tested(False, error_code=error.code, error=error.message)


def tested(db: Session, destination_id: uuid.UUID, asked_at: datetime, found: Tested) -> None:
    """Remember how a destination stood at `asked_at`, unless it was changed since."""
    row = db.scalar(select(Destination).where(Destination.id == destination_id).with_for_update())
    if row is None or row.updated_at > asked_at:
        return
    row.last_checked_at = now()
    if found.ok:
        resume(db, row, Health.ok)
        return
    row.last_error = found.error
    row.health = {
        Denied.code: Health.denied,
        "secret_lost": Health.secret_lost,
        "gone": Health.gone,
    }.get(found.error_code, Health.failing)


def of_ids(db: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Destination]:
    """The destinations that there are of some ids."""
    return {row.id: row for row in db.scalars(select(Destination).where(Destination.id.in_(ids)))}


def _base_url(kind: Kind, url: str) -> str:
    if problem := url_problem(url):
        raise Invalid.field("base_url", problem)
    return url if kind.whole_url else url.rstrip("/")


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _sector(db: Session, row: Destination, sector_id: uuid.UUID | None) -> uuid.UUID | None:
    """A sector of the destination's site, which then stays one until the transaction ends."""
    if sector_id is not None:
        site = db.get(Site, row.site_id) if row.site_id is not None else None
        if site is None:
            raise Invalid.field("sector_id", "must be a sector of the destination's site")
        sectors.require(db, site, sector_id)
    return sector_id
