"""Parts of long lists: rows behind a key, in an order that no two rows share (keyset paging)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Slice:
    """At most `limit` rows (None: all of them) behind the one with the key `after` (None: from the first)."""

    limit: int | None = None
    after: tuple[Any, ...] | None = None


WHOLE = Slice()


class CutShort(list[Any]):
    """Rows with more behind them, though they are fewer than the limit: these are long enough together."""


def cut(query: Q, columns: Sequence[InstrumentedAttribute[Any]], part: Slice) -> Q:
    """`query` in the order of `columns`, together unique, and only that part of it."""
    query = query.order_by(*columns)
    if part.after is not None:
        query = query.where(_behind(columns, part.after))
    return query if part.limit is None else query.limit(part.limit)


def _behind(columns: Sequence[InstrumentedAttribute[Any]], key: Sequence[Any]) -> ColumnElement[bool]:
    """`(a, b) > (x, y)`, spelled out: row values do not carry the types of their columns."""
    column, value = columns[0], key[0]
    behind: ColumnElement[bool] = column > value
    return behind if len(columns) == 1 else or_(behind, and_(column == value, _behind(columns[1:], key[1:])))
