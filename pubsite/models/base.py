"""The declarative base and the column types on which both databases agree."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String, Text, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no zones, so that it is stored naive there and made aware again when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are equal as JSON: for Python `true` is 1, and 1 is 1.0."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class ExactJson(JSON):
    """JSON whose changes are all written: SQLAlchemy's own leaves out what `==` cannot tell apart."""

    def compare_values(self, x: Any, y: Any) -> bool:
        return same_json(x, y)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # json, not jsonb: it keeps the order of keys, so that both databases answer the same bytes.
    type_annotation_map: ClassVar = {
        uuid.UUID: Uuid(),
        datetime: UtcDateTime(),
        dict[str, Any]: ExactJson(),
        list[str]: ExactJson(),
        str: Text(),
    }


Digest = String(64)
# Ordered by code points on both databases, whatever the collation of the PostgreSQL database is.
PathText = Text().with_variant(Text(collation="C"), "postgresql")


def now() -> datetime:
    """The present, aware, in UTC; the one clock of rows."""
    return datetime.now(UTC)


def text_digest(text: str) -> str:
    """The sha256 of a text's UTF-8 bytes, in hex: what uniqueness goes over where a text is too long for an index."""
    return hashlib.sha256(text.encode()).hexdigest()
