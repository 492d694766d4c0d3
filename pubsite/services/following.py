"""What a new live state of a site sets going: pages that waited for it are sent, and what destinations follow."""

from __future__ import annotations

import uuid

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pubsite.models import Destination, PublishingRecord, PublishingStatus, Site
from pubsite.services import jobs, live
from pubsite.services import publishing_records as records
from pubsite.services.delivering import NOT_LIVE
from pubsite.services.live import SiteUrl
from pubsite.storage import Storage

FOLLOW = "follow"


def enqueue(db: Session, site_id: uuid.UUID, deployment_id: uuid.UUID) -> None:
    """A deployment has gone live: look at the site's records, if it has any. A job a deployment: none is lost."""
    if db.scalar(select(exists().where(PublishingRecord.site_id == site_id))):
        jobs.enqueue(db, FOLLOW, deployment_id, lane=f"follow:{site_id}")


def follow(db: Session, storage: Storage, site_id: uuid.UUID, site_url: SiteUrl) -> None:
    """Send what waited for the site's new live state, and again what its destination follows."""
    site = db.get(Site, site_id)
    if site is None or site.deleted_at is not None:
        return
    rows = select(PublishingRecord, Destination).join(Destination, Destination.id == PublishingRecord.destination_id)
    for record, destination in db.execute(rows.where(PublishingRecord.site_id == site_id)).all():
        if record.status == PublishingStatus.pending and record.operation != "unpublish":
            if record.error_code in (NOT_LIVE, None):
                records.wake(db, record)
        elif destination.config.get("follow") is True and record.status == PublishingStatus.published:
            revision = live.live_revision(db, storage, site, record.content_id, site_url)
            if revision is not None and revision != record.content_revision:
                records.send_again(db, record, revision)
