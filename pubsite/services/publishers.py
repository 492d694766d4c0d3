"""Publishers (tenants), and the quota of sites that each has."""

from __future__ import annotations

import re
import uuid

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pubsite.errors import Conflict, Invalid, LimitExceeded, NotFound
from pubsite.models import Account, Member, Publisher, Role, now
from pubsite.services.constraints import insert_unique

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
NAME_LENGTH = 63
RESERVED = frozenset({"me", "quota", "pages", "site", "api", "zone", "www"})


def create(db: Session, *, name: str, owner: Account, display_name: str | None = None) -> Publisher:
    """A new publisher whose Owner is `owner`; raises Conflict when the name is taken."""
    if problem := name_problem(name):
        raise Invalid.field("name", problem)
    publisher = Publisher(name=name, display_name=display_name or name)
    insert_unique(db, publisher, Conflict(f"The publisher {name} exists already"))
    db.add(Member(publisher_id=publisher.id, account_id=owner.id, role=Role.Owner, accepted_at=now()))
    db.flush()
    return publisher


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


def find(db: Session, name: str) -> Publisher:
    """The publisher of that name; raises NotFound."""
    # What cannot be a name is not looked up: a NUL in it would be an error of PostgreSQL's.
    publisher = db.scalar(select(Publisher).where(Publisher.name == name)) if NAME.match(name) else None
    if publisher is None:
        raise NotFound("Publisher not found")
    return publisher


def take_site(db: Session, publisher: Publisher, limit: int) -> None:
    """Count one more site; one UPDATE decides, so that no number of simultaneous creates passes the limit."""
    counted = db.execute(
        update(Publisher)
        .where(Publisher.id == publisher.id, Publisher.sites_used < limit)
        .values(sites_used=Publisher.sites_used + 1)
        .returning(Publisher.id)
    )
    if counted.first() is None:
        raise LimitExceeded(f"This publisher has all of the {limit} sites that it may have")


def give_back_site(db: Session, publisher_id: uuid.UUID) -> None:
    db.execute(update(Publisher).where(Publisher.id == publisher_id).values(sites_used=Publisher.sites_used - 1))
