"""Which rows under `/api/v1/publisher` an account sees, and one numbered page of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, String, collate, func, or_, select
from sqlalchemy.orm import Session

from pubsite.models import Base, Member, Site

R = TypeVar("R", bound=Base)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. `publisher_id` and `site_id`: beyond which the caller's token does not reach."""

    account_id: uuid.UUID
    is_staff: bool = False
    publisher_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Rows `offset` to `offset + limit`, ordered by a column's name, with `-` in front the other way round."""

    limit: int
    offset: int = 0
    ordering: str = "-created_at"


def visible(model: type[Base], viewer: Viewer) -> list[ColumnElement[bool]]:
    """What rows of a model with `publisher_id` and `site_id` must meet; staff see all. Deleted sites' are not there."""
    columns: Any = model
    criteria = [or_(columns.site_id.is_(None), columns.site_id.in_(select(Site.id).where(Site.deleted_at.is_(None))))]
    if not viewer.is_staff:
        mine = select(Member.publisher_id).where(
            Member.account_id == viewer.account_id, Member.accepted_at.is_not(None)
        )
        criteria.append(columns.publisher_id.in_(mine))
    if viewer.publisher_id is not None:
        criteria.append(columns.publisher_id == viewer.publisher_id)
    if viewer.site_id is not None:
        criteria.append(columns.site_id == viewer.site_id)
    return criteria


def listed(
    db: Session, model: type[R], viewer: Viewer, filters: Mapping[str, Any], window: Window
) -> tuple[int, Sequence[R]]:
    """How many visible rows equal all `filters` (None: any), and those of the window; ties go by id."""
    criteria = visible(model, viewer)
    criteria += [getattr(model, name) == value for name, value in filters.items() if value is not None]
    count = db.scalar(select(func.count()).select_from(model).where(*criteria)) or 0
    columns: Any = model
    rows = select(model).where(*criteria).order_by(_order(db, model, window.ordering), columns.id)
    return count, db.scalars(rows.limit(window.limit).offset(window.offset)).all()


def _order(db: Session, model: type[Base], ordering: str) -> ColumnElement[Any]:
    """Texts are ordered by code points on both databases, whatever the collation of the PostgreSQL database is."""
    column: Any = getattr(model, ordering.removeprefix("-"))
    if isinstance(column.type, String) and db.get_bind().dialect.name == "postgresql":
        column = collate(column, "C")
    return cast(ColumnElement[Any], column.desc() if ordering.startswith("-") else column.asc())
