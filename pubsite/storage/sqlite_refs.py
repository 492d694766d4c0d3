"""Refs and hosts as rows beside the objects: hosting needs nothing else, and sees every change at once."""

from __future__ import annotations

import json
from functools import lru_cache

from pubsite.storage.database import Database
from pubsite.storage.hosts import Host, HostState, check_label, label_taken, label_unknown
from pubsite.storage.refs import Ref, RefConflict, Refs, Swap

_COLUMNS = (
    "site, target, version, manifest, generation, content_sequence, highest_sequence, deployment, previous, grace_until"
)
_GET = f"SELECT {_COLUMNS} FROM refs WHERE site = ? AND target = ?"
_SWAP = f"""
    INSERT INTO refs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (site, target) DO UPDATE SET
        version = excluded.version, manifest = excluded.manifest, generation = excluded.generation,
        content_sequence = excluded.content_sequence, highest_sequence = excluded.highest_sequence,
        deployment = excluded.deployment, previous = excluded.previous, grace_until = excluded.grace_until
    WHERE refs.generation = excluded.generation - 1 AND refs.highest_sequence <= excluded.highest_sequence
"""

Row = tuple[str, str, int, str, int, int, int, str, str, float]


class SqliteRefs(Refs):
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, site: str, target: str) -> Ref | None:
        row = self._database.one(_GET, (site, target))
        return None if row is None else _ref(row)

    def all(self) -> list[Ref]:
        return [_ref(row) for row in self._database.all(f"SELECT {_COLUMNS} FROM refs ORDER BY site, target")]

    def remove(self, site: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM refs WHERE site = ?", (site,))

    def _swap(self, swap: Swap) -> Ref:
        with self._database.write() as connection:
            ref = swap.apply(self.get(swap.site, swap.target))
            if connection.execute(_SWAP, _row(ref)).rowcount != 1:
                raise RefConflict("the ref moved while it was swapped")
        return ref


class SqliteHosts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, label: str) -> Host | None:
        row = self._database.one("SELECT label, site, state FROM hosts WHERE label = ?", (label,))
        return None if row is None else Host(*row)

    def bind(self, label: str, site: str) -> None:
        check_label(label)
        with self._database.write() as connection:
            connection.execute("INSERT INTO hosts VALUES (?, ?, 'on') ON CONFLICT DO NOTHING", (label, site))
            if (host := self.get(label)) is None or host.site != site:
                raise label_taken(label)

    def set_state(self, label: str, state: HostState) -> None:
        with self._database.write() as connection:
            if not connection.execute("UPDATE hosts SET state = ? WHERE label = ?", (state, label)).rowcount:
                raise label_unknown(label)

    def remove(self, label: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM hosts WHERE label = ?", (label,))


@lru_cache(maxsize=4096)  # of the row as read, so never stale: saves hosting the parsing
def _ref(row: Row) -> Ref:
    previous = tuple((version, digest) for version, digest in json.loads(row[8]))
    return Ref(*row[:8], previous, row[9])


def _row(ref: Ref) -> Row:
    return (
        ref.site,
        ref.target,
        ref.version,
        ref.manifest,
        ref.generation,
        ref.content_sequence,
        ref.highest_sequence,
        ref.deployment,
        json.dumps(ref.previous),
        ref.grace_until,
    )
