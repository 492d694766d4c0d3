"""Publishers (tenants): made, found, changed, deleted; and the quota of sites that each has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select, update
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, LimitExceeded, NotFound
from pubsite.models import Account, Member, Publisher, Role, Site, now
from pubsite.services.constraints import insert_unique
from pubsite.services.listing import WHOLE, Slice, cut

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
NAME_LENGTH = 63
MOST = 1000  # that an account may make, as long as it owns them
RESERVED = frozenset({"me", "quota", "pages", "site", "api", "zone", "www"})

_BY_NAME = select(Publisher).where(Publisher.name == bindparam("name"))


def create(
    db: Session, *, name: str, owner: Account, display_name: str | None = None, description: str | None = None
) -> Publisher:
    """A new publisher whose Owner is `owner`; raises Conflict when the name is taken."""
    if problem := name_problem(name):
        raise Invalid.field("name", problem)
    publisher = Publisher(name=name, display_name=display_name or name, description=description)
    insert_unique(db, publisher, Conflict(f"The publisher {name} exists already"))
    db.add(Member(publisher_id=publisher.id, account_id=owner.id, role=Role.Owner, accepted_at=now()))
    db.flush()
    return publisher


def require_room(db: Session, account: Account) -> None:
    """Raise LimitExceeded when an account has as many publishers as it may. One of any number at once asks."""
    db.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    owned = Member.account_id == account.id, Member.role == Role.Owner, Member.accepted_at.is_not(None)
    if (db.scalar(select(func.count()).select_from(Member).where(*owned)) or 0) >= MOST:
        raise LimitExceeded(f"An account makes no more publishers while it is the Owner of {MOST}")


def name_problem(name: str) -> str | None:
    """What is wrong with a publisher's name, or None. It must not look like anything else in a URL."""
    if len(name) > NAME_LENGTH or not NAME.match(name):
        return f"must be 1 to {NAME_LENGTH} lower-case letters, digits and single hyphens between them"
    if name in RESERVED or is_uuid(name):
        return "is reserved"
    return None


def is_uuid(text: str) -> bool:
    """Whether a text parses as a UUID, in any of its spellings."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def get(db: Session, publisher_id: uuid.UUID) -> Publisher | None:
    return db.get(Publisher, publisher_id)


def find(db: Session, name: str) -> Publisher:
    """The publisher of that name; raises NotFound."""
    # What cannot be a name is not looked up: a NUL in it would be an error of PostgreSQL's.
    publisher = db.scalar(_BY_NAME, {"name": name}) if NAME.match(name) else None
    if publisher is None:
        raise NotFound("Publisher not found")
    return publisher


def list_of_account(
    db: Session, account_id: uuid.UUID, part: Slice = WHOLE, *, publisher_id: uuid.UUID | None = None
) -> Sequence[Row[Publisher, Member]]:
    """Where the account is an accepted member, the oldest first; the key is `(publisher.created_at, publisher.id)`.

    publisher_id: only that one.
    """
    query = _of_account(account_id, publisher_id).where(Member.accepted_at.is_not(None))
    return db.execute(cut(query, (Publisher.created_at, Publisher.id), part)).all()


def invitations(
    db: Session, account_id: uuid.UUID, *, publisher_id: uuid.UUID | None = None
) -> Sequence[Row[Publisher, Member]]:
    """Where the account is invited, the oldest invitation first."""
    query = _of_account(account_id, publisher_id).where(Member.accepted_at.is_(None))
    return db.execute(query.order_by(Member.created_at, Publisher.id)).all()


def _of_account(account_id: uuid.UUID, publisher_id: uuid.UUID | None) -> Select[Publisher, Member]:
    query = select(Publisher, Member).join(Member, Member.publisher_id == Publisher.id)
    query = query.where(Member.account_id == account_id)
    return query if publisher_id is None else query.where(Publisher.id == publisher_id)


def lock(db: Session, publisher: Publisher, *, to_remove: bool = False) -> Publisher:
    """The publisher's newest row, locked until the transaction ends; raises NotFound when it was deleted meanwhile.

    It is the lock of its members. Rows that name the publisher can still be written meanwhile, but for `to_remove`.
    """
    locked = db.scalar(
        select(Publisher).where(Publisher.id == publisher.id).with_for_update(key_share=not to_remove),
        execution_options={"populate_existing": True},
    )
    if locked is None:
        raise NotFound("Publisher not found")
    return locked


def change(db: Session, publisher: Publisher, changes: dict[str, Any]) -> Publisher:
    """Apply what was sent: `display_name`, where None is the name again, and `description`, where None removes it."""
    publisher = lock(db, publisher)
    changes = dict(changes)
    if "display_name" in changes:
        changes["display_name"] = changes["display_name"] or publisher.name
    changed = {name: value for name, value in changes.items() if getattr(publisher, name) != value}
    for name, value in changed.items():
        setattr(publisher, name, value)
    db.flush()
    return publisher


def remove(db: Session, publisher: Publisher, *, restore_days: int) -> None:
    """Delete a publisher with its members and tokens; raises Conflict while it has sites.

    restore_days: for how long a deleted site can be restored, and so belongs to it.
    """
    publisher = lock(db, publisher, to_remove=True)
    sites, deleted, last = db.execute(
        select(func.count(), func.count(Site.deleted_at), func.max(Site.deleted_at)).where(
            Site.publisher_id == publisher.id
        )
    ).one()
    if sites > deleted:
        raise Conflict(f"{publisher.name} has sites ({sites - deleted}): delete them first")
    if last is not None:
        until = f"{last + timedelta(days=restore_days):%Y-%m-%d}"
        raise Conflict(f"{publisher.name} has deleted sites ({deleted}) that can be restored until {until}")
    db.delete(publisher)
    db.flush()


def take_site(db: Session, publisher: Publisher, limit: int) -> None:
    """Count one more site; one UPDATE decides, so that no number of simultaneous creates passes the limit."""
    counted = db.execute(
        update(Publisher)
        .where(Publisher.id == publisher.id, Publisher.sites_used < limit)
        .values(sites_used=Publisher.sites_used + 1, updated_at=Publisher.updated_at)
        .returning(Publisher.id)
    )
    if counted.first() is None:
        if db.scalar(select(Publisher.id).where(Publisher.id == publisher.id)) is None:
            raise NotFound("Publisher not found")
        raise LimitExceeded(f"This publisher has all of the {limit} sites that it may have")


def give_back_site(db: Session, publisher_id: uuid.UUID) -> None:
    values = {"sites_used": Publisher.sites_used - 1, "updated_at": Publisher.updated_at}
    db.execute(update(Publisher).where(Publisher.id == publisher_id).values(values))
