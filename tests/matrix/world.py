"""A tenant with one of everything, and every kind of caller that can meet it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pubsite.models import (
    Account,
    ApiToken,
    Base,
    Deployment,
    Destination,
    Member,
    Page,
    Publisher,
    PublishingRecord,
    Role,
    now,
)
from pubsite.models.drafts import Draft
from pubsite.services import accounts, files, members, pages, publishers, sectors, sites
from pubsite.services.files import Limits
from pubsite.signing import SCOPES
from tests.conftest import Client, Server
from tests.matrix.table import NOWHERE, Row, Upload

ROLES = {"viewer": Role.Viewer, "editor": Role.Editor, "manager": Role.Manager, "owner": Role.Owner}
REACHES = ("publisher", "site", "other site", "elsewhere")
LIMITS = Limits(1_048_576, 26_214_400)


@dataclass(frozen=True)
class Caller:
    """Who asks: role in the tenant (None: none), scopes, and how far the token reaches (`site`: the site `docs`)."""

    name: str
    role: str | None = None
    scopes: tuple[str, ...] = SCOPES
    reach: str = "all"
    is_staff: bool = False


CALLERS = (
    Caller("anonymous"),
    Caller("wrong token"),
    Caller("stranger"),
    Caller("invited"),
    Caller("removed"),
    Caller("staff", is_staff=True),
    *(Caller(role, role) for role in ROLES),
    *(Caller(f"owner, only {scope}", "owner", (scope,)) for scope in SCOPES),
    Caller("owner, all but read", "owner", ("write", "deploy", "admin")),
    Caller("owner, no scope", "owner", ()),
    Caller("staff, only write", scopes=("write",), is_staff=True),
    *(
        Caller(f"owner, for {reach}", "owner", reach=reach)
        for reach in ("publisher", "site", "other site", "elsewhere")
    ),
)


# Who is no caller: the publishers' first Owner, a Viewer, and somebody who is no member.
OTHERS = ("founder", "member", "outsider")


class People:
    """The accounts of all callers and their clients; each world makes them members anew."""

    def __init__(self, server: Server) -> None:
        with server.database.transaction() as db:
            made = {name: accounts.create(db, name=f"{name}-{uuid.uuid4().hex[:12]}", is_staff=is_staff)
                    for name, is_staff in self._needed()}  # fmt: skip
            db.flush()
            for account in made.values():
                db.expunge(account)
        self.accounts: dict[str, Account] = made
        self.clients = {caller.name: self._client(server, caller) for caller in CALLERS}

    def _needed(self) -> list[tuple[str, bool]]:
        return [*((name, False) for name in OTHERS), *((caller.name, caller.is_staff) for caller in CALLERS)]

    def _client(self, server: Server, caller: Caller) -> Client:
        if caller.name == "anonymous":
            return server.client()
        if caller.name == "wrong token":
            client = server.client()
            client.headers["Authorization"] = "Bearer pst_wrong"
            return client
        return server.client(self.accounts[caller.name], scopes=caller.scopes)


PEOPLE: dict[int, People] = {}


class World:
    """One tenant with one of everything, another one with a site, and the names for the table's paths."""

    def __init__(self, server: Server, *, of_callers: bool = True) -> None:
        """of_callers: whether the callers have their roles in it; else they are strangers there."""
        self.server = server
        self.people = people = PEOPLE.setdefault(id(server), People(server))
        founder = people.accounts["founder"]
        with server.database.transaction() as db:
            self.publisher = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=founder)
            other = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=founder)
            self._add_members(db, CALLERS if of_callers else ())
            self.names = self._fill(db, founder.id)
            foreign = sites.create(db, other, founder.id, slug="x", name="X", limit=100)
            token = ApiToken(account_id=founder.id, name="ci", digest=uuid.uuid4().hex, scopes=["read"])
            db.add(token)
            db.flush()
            self.names |= {"foreign_site": str(foreign.id), "token": str(token.id), "publisher": self.publisher.name}
            self.publisher_id = self.publisher.id
        self.names |= {"owner_name": founder.name}
        self.names |= {name: str(people.accounts[name].id) for name in ("member", "outsider")}
        self._narrowed: dict[str, Client] = {}

    def _add_members(self, db: Session, callers: Sequence[Caller]) -> None:
        people = self.people.accounts
        mine = {people[caller.name].id for caller in callers}
        db.execute(delete(ApiToken).where(ApiToken.account_id.in_(mine)))  # an account has few
        db.add(Member(publisher_id=self.publisher.id, account_id=people["member"].id, role=Role.Viewer,
                      accepted_at=now()))  # fmt: skip
        for caller in callers:
            if caller.name == "invited" or caller.role is not None:
                accepted_at = None if caller.name == "invited" else now()
                role = ROLES[caller.role or "owner"]
                db.add(Member(publisher_id=self.publisher.id, account_id=people[caller.name].id, role=role,
                              accepted_at=accepted_at))  # fmt: skip
        db.flush()

    def _fill(self, db: Session, owner: uuid.UUID) -> dict[str, str]:
        docs, raw, other = (
            sites.create(db, self.publisher, owner, slug=slug, name=slug, limit=100, mode=mode)
            for slug, mode in (("docs", "FullyManaged"), ("raw", "SelfManaged"), ("other", "FullyManaged"))
        )
        page = pages.create(db, docs, owner, Draft("/", {"content": "x"}))
        draft = pages.create(db, docs, owner, Draft("/draft", {"content": "x", "draft": True}))
        for site in (docs, raw):
            files.put(db, self.server.storage.objects, site, "a.txt", b"text", LIMITS, field="filePath")
        record = Deployment(publisher_id=self.publisher.id, account_id=owner, site_id=docs.id, status="failed")
        db.add(record)
        sector = sectors.create(db, docs, name="News")
        ids = {"docs": docs, "raw": raw, "other": other, "page": page, "draft": draft, "record": record,
               "sector": sector, **self._sent(db, page, owner)}  # fmt: skip
        db.flush()
        return {name: str(row.id) for name, row in ids.items()}

    def _sent(self, db: Session, page: Page, owner: uuid.UUID) -> dict[str, Base]:
        """A destination, and the record of a page that could not be sent there."""
        common = {"publisher_id": self.publisher.id, "account_id": owner, "site_id": page.site_id}
        destination = Destination(**common, name="Hook", type="webhook", base_url=NOWHERE)
        db.add(destination)
        db.flush()
        of_both = {"content_id": page.id, "destination_id": destination.id, "destination_type": "webhook"}
        sent = PublishingRecord(**common, **of_both, status="failed")
        db.add(sent)
        return {"destination": destination, "sent": sent}

    def client(self, caller: Caller) -> Client:
        if caller.name == "removed":
            self._remove(caller)
        client = self.people.clients[caller.name]
        if caller.reach == "all":
            return client
        if caller.name not in self._narrowed:
            self._narrowed[caller.name] = self._narrow(client, caller)
        return self._narrowed[caller.name]

    def _remove(self, caller: Caller) -> None:
        """A member who was one until now."""
        whom = self.people.accounts[caller.name]
        with self.server.database.transaction() as db:
            members.add(db, db.get_one(Publisher, self.publisher_id), whom, Role.Owner)
        self.people.clients[caller.name].get(f"/api/sites/{self.names['publisher']}", status=200)
        with self.server.database.transaction() as db:
            db.delete(db.get_one(Member, (self.publisher_id, whom.id)))

    def _narrow(self, client: Client, caller: Caller) -> Client:
        """The same account's client by a token for one publisher or one site."""
        reach: dict[str, Any] = {"publisher_id": str(self.publisher_id)}
        if caller.reach in ("site", "other site"):
            reach = {"site_id": self.names["docs" if caller.reach == "site" else "other"]}
        if caller.reach == "elsewhere":
            name = f"p-{uuid.uuid4().hex[:12]}"
            reach = {"publisher_id": client.post("/api/publishers", {"name": name}, status=200).json["id"]}
        body = {"name": "narrow", "scopes": list(SCOPES), **reach}
        token = client.post("/api/tokens", body, status=200).json["token"]
        narrowed = self.server.client()
        narrowed.headers["Authorization"] = f"Bearer {token}"
        return narrowed

    def ask(self, client: Client, row: Row, path: str) -> int:
        url = fill(path, self.names)
        if isinstance(row.body, Upload):
            sent = [("file", "file", row.body.file)]
            return client.app.post(url, dict(row.body.fields), upload_files=sent, headers=client.headers,
                                   status="*").status_int  # fmt: skip
        if isinstance(row.body, bytes):
            return client.put_bytes(url, row.body).status_int
        body = b"" if row.body is None else fill(json.dumps(row.body), self.names).encode()
        return client.send(row.method, url, body).status_int


def fill(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def site_of(row: Row) -> str | None:
    """Which of the tenant's sites a row is about; None: the publisher itself, or no tenant."""
    for name in ("docs", "raw"):
        if f"/{name}" in row.path or f"{{{name}}}" in row.path or (row.body and f"{{{name}}}" in str(row.body)):
            return name
    of_docs = ("page", "draft", "record", "sector", "destination", "sent")
    return "docs" if any(f"{{{name}}}" in f"{row.path} {row.body}" for name in of_docs) else None
