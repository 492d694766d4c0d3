"""Sites: made, found, changed, deleted. `lock` comes first in every change of a site's content."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, exists, select
from sqlalchemy import update as update_rows
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, NotFound
from pubsite.models import (
    Deployment,
    File,
    HostLabel,
    Member,
    Mode,
    Page,
    Publisher,
    Role,
    Site,
    host_label,
    now,
    text_digest,
)
from pubsite.models.base import same_json
from pubsite.models.drafts import CONFIG_BYTES
from pubsite.services import jobs, publishers
from pubsite.services.constraints import flush_unique, insert_unique
from pubsite.services.listing import WHOLE, Slice, cut

ON_AIR = "site.on_air"
PURGE = "site.purge"
RESTORE_DAYS = 30
_BY_ID = select(Site).where(Site.id == bindparam("id"), Site.deleted_at.is_(None))
_OF_PUBLISHER = (
    select(Site, Member.role)
    .join(Publisher, Publisher.id == Site.publisher_id)
    .outerjoin(
        Member,
        and_(
            Member.publisher_id == Publisher.id,
            Member.account_id == bindparam("account_id"),
            Member.accepted_at.is_not(None),
        ),
    )
    .where(Publisher.name == bindparam("publisher_name"))
)
# (by its id?, deleted ones too?) -> a site and the caller's role.
_WITH_ROLE = {
    (by_id, or_deleted): (_OF_PUBLISHER if or_deleted else _OF_PUBLISHER.where(Site.deleted_at.is_(None))).where(
        (Site.id if by_id else Site.slug_digest) == bindparam("which")
    )
    for by_id in (True, False)
    for or_deleted in (True, False)
}
_LOCKED = _BY_ID.with_for_update().execution_options(populate_existing=True)


def create(
    db: Session,
    publisher: Publisher,
    account_id: uuid.UUID,
    *,
    slug: str,
    name: str,
    limit: int,
    description: str | None = None,
    mode: str = Mode.FullyManaged,
    config: dict[str, Any] | None = None,
) -> Site:
    """A new site; raises Conflict when the slug is taken, LimitExceeded when the publisher has `limit` sites."""
    _require_size(config or {})
    publishers.take_site(db, publisher, limit)
    site = Site(
        id=uuid.uuid4(),
        publisher_id=publisher.id,
        account_id=account_id,
        slug=slug,
        slug_digest=_slug_digest(slug),
        name=name,
        description=description,
        mode=mode,
        config=config or {},
    )
    site.host_label = _take_label(db, site.id, slug, publisher.name)
    insert_unique(db, site, _slug_taken(slug))
    return site


def _take_label(db: Session, site_id: uuid.UUID, slug: str, publisher_name: str) -> str:
    for attempt in range(100):
        # After the first two it is by chance: whoever could foresee the labels could take them all.
        label = host_label(slug, publisher_name, attempt if attempt < 2 else secrets.randbits(64))
        try:
            insert_unique(db, HostLabel(label=label, site_id=site_id), Conflict(label))
        except Conflict:
            continue
        return label
    raise Conflict(f"No host label is left for {publisher_name}/{slug}")


def _slug_digest(slug: str) -> str:
    return text_digest(slug)


def _slug_taken(slug: str) -> Conflict:
    shown = slug if len(slug) <= 100 else slug[:100] + "…"
    return Conflict(f"This publisher has a site {shown} already (a deleted one holds its slug for {RESTORE_DAYS} days)")


def find(db: Session, publisher: Publisher, slug_or_id: str, *, or_deleted: bool = False) -> Site:
    """The publisher's site of that slug or id, with `or_deleted` also while it can be restored; raises NotFound."""
    which = Site.slug_digest == _slug_digest(slug_or_id)
    if publishers.is_uuid(slug_or_id):
        which = Site.id == uuid.UUID(slug_or_id)
    query = select(Site).where(Site.publisher_id == publisher.id, which)
    site = db.scalar(query if or_deleted else query.where(Site.deleted_at.is_(None)))
    if site is None:
        raise NotFound("Site not found")
    return site


def find_for(
    db: Session, publisher_name: str, slug_or_id: str, account_id: uuid.UUID | None, *, or_deleted: bool = False
) -> tuple[Site, Role | None]:
    """What `publishers.find`, `find` and `members.role_of` find, in one statement; raises NotFound as they do."""
    by_id = publishers.is_uuid(slug_or_id)
    values = {
        "publisher_name": publisher_name if publishers.NAME.match(publisher_name) else "",
        "which": uuid.UUID(slug_or_id) if by_id else _slug_digest(slug_or_id),
        "account_id": account_id,
    }
    found = db.execute(_WITH_ROLE[by_id, or_deleted], values).first()
    if found is None:
        publishers.find(db, publisher_name)  # tells when it is the publisher that is missing
        raise NotFound("Site not found")
    return found[0], None if found[1] is None else Role(found[1])


def get(db: Session, site_id: uuid.UUID) -> Site | None:
    """The site of that id; None when it is unknown or deleted."""
    return db.scalar(_BY_ID, {"id": site_id})


def oldest_of_slug(db: Session, slug: str, publisher_name: str | None) -> Site:
    """The site of a slug: the oldest of any publisher, or that of the named one; raises NotFound."""
    query = select(Site).where(Site.slug_digest == _slug_digest(slug), Site.deleted_at.is_(None))
    if publisher_name is not None:
        query = query.join(Publisher, Publisher.id == Site.publisher_id).where(Publisher.name == publisher_name)
    site = db.scalar(query.order_by(Site.created_at, Site.id).limit(1))
    if site is None:
        raise NotFound("Site not found")
    return site


def list_of_publisher(db: Session, publisher: Publisher, part: Slice = WHOLE) -> Sequence[Site]:
    """The sites of a publisher, the oldest first; their key is `(created_at, id)`."""
    return db.scalars(_alive(part).where(Site.publisher_id == publisher.id)).all()


def list_of_account(
    db: Session,
    account_id: uuid.UUID,
    part: Slice = WHOLE,
    *,
    publisher_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
) -> Sequence[Site]:
    """The sites of every publisher of which the account is an accepted member, the oldest first.

    publisher_id, site_id: only of that publisher, only that one.
    """
    mine = select(Member.publisher_id).where(Member.account_id == account_id, Member.accepted_at.is_not(None))
    query = _alive(part).where(Site.publisher_id.in_(mine))
    if publisher_id is not None:
        query = query.where(Site.publisher_id == publisher_id)
    if site_id is not None:
        query = query.where(Site.id == site_id)
    return db.scalars(query).all()


def _alive(part: Slice) -> Select[Site]:
    return cut(select(Site).where(Site.deleted_at.is_(None)), (Site.created_at, Site.id), part)


def lock(db: Session, site: Site) -> Site:
    """The site's newest row, locked until the transaction ends; raises NotFound when it was deleted meanwhile."""
    if db.get_bind().dialect.name == "sqlite" and site in db and site.deleted_at is None:
        return site  # there the transaction is the lock, taken before the site was read
    locked = db.scalar(_LOCKED, {"id": site.id})
    if locked is None:
        raise NotFound("Site not found")
    return locked


def content_changed(db: Session, site: Site) -> None:
    """Move the content sequence of a locked site; a bundle that saw a lower one is behind."""
    site.content_sequence += 1
    site.updated_at = now()
    db.flush()


def update(db: Session, site: Site, changes: dict[str, Any]) -> Site:
    """Apply what was sent: `config` is merged at its top level, where None removes a key."""
    site = lock(db, site)
    changes = dict(changes)
    if "config" in changes:
        merged = {**site.config, **changes["config"]}
        changes["config"] = {key: value for key, value in merged.items() if value is not None}
        _require_size(changes["config"])
    changed = {name: value for name, value in changes.items() if not same_json(getattr(site, name), value)}
    if not changed:
        return site
    if "mode" in changed and _has_content(db, site):
        raise Conflict("The mode cannot change once the site has pages or files")
    for name, value in changed.items():
        setattr(site, name, value)
    if "slug" in changed:
        site.slug_digest = _slug_digest(site.slug)
    site.revision += 1
    site.content_sequence += 1
    site.updated_at = now()
    flush_unique(db, _slug_taken(site.slug))
    return site


def _require_size(config: dict[str, Any]) -> None:
    """Every request that meets the site reads its config."""
    if len(json.dumps(config, ensure_ascii=False).encode()) > CONFIG_BYTES:
        raise Invalid.field("config", f"must have at most {CONFIG_BYTES} bytes as JSON")


def _has_content(db: Session, site: Site) -> bool:
    query = select(exists().where(Page.site_id == site.id) | exists().where(File.site_id == site.id))
    return bool(db.scalar(query))


def remove(db: Session, site: Site) -> None:
    """Delete a site: at once gone from the API, off the air as soon as the job behind it has run, purged later."""
    site = lock(db, site)
    site.deleted_at = now()
    db.flush()
    _go_on_or_off_air(db, site)
    jobs.enqueue(db, PURGE, site.id, lane=str(site.id), run_at=site.deleted_at + timedelta(days=RESTORE_DAYS))


def restore(db: Session, site: Site) -> Site:
    """Bring a deleted site back as it was, on the air too; raises Conflict when it is not deleted."""
    locked = db.scalar(
        select(Site).where(Site.id == site.id).with_for_update(), execution_options={"populate_existing": True}
    )
    if locked is None:  # purged meanwhile
        raise NotFound("Site not found")
    if locked.deleted_at is None:
        raise Conflict("The site is not deleted")
    locked.deleted_at = None
    locked.revision += 1
    locked.updated_at = now()
    db.flush()
    jobs.cancel(db, PURGE, site.id)
    _go_on_or_off_air(db, locked)
    return locked


def _go_on_or_off_air(db: Session, site: Site) -> None:
    """Let a job bring the site's host in line with its row. A lane of its own: it need not wait for a build."""
    jobs.cancel(db, ON_AIR, site.id)
    jobs.enqueue(db, ON_AIR, site.id, lane=f"off:{site.id}")


def purge(db: Session, site_id: uuid.UUID) -> str | None:
    """Remove a deleted site with all that it had; its label stays taken. Returns that, None when nothing was done."""
    site = db.scalar(select(Site).where(Site.id == site_id, Site.deleted_at.is_not(None)).with_for_update())
    if site is None:
        return None
    publishers.give_back_site(db, site.publisher_id)
    db.execute(delete(Deployment).where(Deployment.site_id == site_id))
    db.execute(update_rows(HostLabel).where(HostLabel.site_id == site_id).values(site_id=None))
    db.delete(site)
    db.flush()
    return site.host_label


def lock_air(db: Session, site_id: uuid.UUID) -> tuple[str, bool] | None:
    """The host label of a site and whether it is to be on the air, locked until the transaction ends."""
    row = db.execute(select(Site.host_label, Site.deleted_at).where(Site.id == site_id).with_for_update()).first()
    return None if row is None else (row.host_label, row.deleted_at is None)
