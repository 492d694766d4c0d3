"""A publisher never loses its last Owner, however many ask at the same moment."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pubsite.db import Database
from pubsite.errors import Conflict, Forbidden
from pubsite.models import Member, Publisher, Role, now
from pubsite.services import accounts, members, publishers

Change = Callable[[Session, Publisher, uuid.UUID, uuid.UUID], object]


def demote(db: Session, publisher: Publisher, actor: uuid.UUID, subject: uuid.UUID) -> None:
    members.change_role(db, publisher, actor, subject, Role.Viewer)


class Race:
    """A publisher with two Owners, and two threads that change it at the same moment, over and over."""

    def __init__(self, database: Database, races: int) -> None:
        self.database, self.races = database, races
        with database.transaction() as db:
            pair = [accounts.create(db, name=uuid.uuid4().hex) for _ in range(2)]
            publisher = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=pair[0])
            members.add(db, publisher, pair[1], Role.Owner)
            self.ids, self.publisher_id = [account.id for account in pair], publisher.id
        self.ready, self.done = threading.Barrier(2), threading.Barrier(2)

    def run(self, change: Change, *, of_the_other: bool) -> Counter[tuple[str, ...]]:
        """How the races ended: what both were told, in alphabetic order."""
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda place: self._runner(change, place, of_the_other), range(2)))
        return Counter(tuple(sorted(pair)) for pair in zip(*told, strict=True))

    def _runner(self, change: Change, place: int, of_the_other: bool) -> list[str]:
        actor, subject = self.ids[place], self.ids[1 - place if of_the_other else place]
        told = []
        for _ in range(self.races):
            self.ready.wait(30)
            try:
                with self.database.transaction() as db:
                    change(db, db.get_one(Publisher, self.publisher_id), actor, subject)
                told.append("done")
            except (Conflict, Forbidden) as error:
                told.append(error.code)
            self.done.wait(30)
            if place == 0:
                self._check_and_restore()
        return told

    def _check_and_restore(self) -> None:
        """Exactly one of the two is an Owner still; then both are again."""
        with self.database.transaction() as db:
            owners = select(func.count()).where(
                Member.publisher_id == self.publisher_id, Member.role == Role.Owner, Member.accepted_at.is_not(None)
            )
            assert db.scalar(owners) == 1
            for account_id in self.ids:
                db.merge(
                    Member(publisher_id=self.publisher_id, account_id=account_id, role=Role.Owner, accepted_at=now())
                )


KINDS = pytest.mark.parametrize(("change", "races"), [(demote, 200), (members.remove, 50)], ids=["demote", "remove"])


@KINDS
def test_of_two_who_turn_on_each_other_one_stays_owner(database: Database, change: Change, races: int) -> None:
    # Whoever comes second is no Owner any more, and so may not touch one.
    assert Race(database, races).run(change, of_the_other=True) == {("done", "forbidden"): races}


@KINDS
def test_of_two_who_go_one_has_to_stay(database: Database, change: Change, races: int) -> None:
    assert Race(database, races).run(change, of_the_other=False) == {("conflict", "done"): races}
