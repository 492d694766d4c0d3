"""What people write on a deployment record: notes, a pin; and its end. What a deploy made of it never changes here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, NotFound
from pubsite.models import Deployment, Site
from pubsite.services import sites
from pubsite.services.deployments import ENDED, live_record, require_size


def lock(db: Session, site: Site, record: Deployment) -> Deployment:
    """The record as it is now, which nobody else changes until the transaction ends; raises NotFound without it.

    The site first, as whoever makes a record live does: else each could wait for the other.
    """
    sites.lock(db, site)
    query = select(Deployment).where(Deployment.id == record.id).with_for_update()
    newest = db.scalar(query, execution_options={"populate_existing": True})
    if newest is None:
        raise NotFound("Deployment not found")
    return newest


def change(db: Session, site: Site, record: Deployment, changes: dict[str, Any]) -> Deployment:
    """Apply what was sent of `message` (None removes it), `metadata` (as a whole) and `pinned`."""
    require_size(changes.get("metadata", {}))
    record = lock(db, site, record)
    for name, value in changes.items():
        setattr(record, "metadata_" if name == "metadata" else name, value)
    db.flush()
    return record


def remove(db: Session, site: Site, record: Deployment) -> None:
    """Delete a record, and nothing but the record; raises Conflict for one that is still needed."""
    record = lock(db, site, record)
    if record.status not in ENDED:
        raise Conflict("The deploy is under way: wait until it has ended", code="under_way")
    if record.is_live:
        raise Conflict("The record is live", code="live")
    live = live_record(db, site, record.target)
    if live is not None and record.deployed_version is not None and record.deployed_version == live.previous_version:
        raise Conflict(f"The record is of version {record.deployed_version}, which was live before", code="previous")
    if record.pinned:
        raise Conflict("The record is pinned: send pinned: false first", code="pinned")
    db.delete(record)
    db.flush()
