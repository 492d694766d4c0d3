"""Accounts and publishers: who I am, whom I can find, and tenants made, read, changed and deleted."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from pubsite.errors import Invalid
from pubsite.models import Member, Publisher, Role, Site, now
from pubsite.services import accounts, members, publishers, sites
from tests.conftest import Server, Tenant, new_tenant


def fresh() -> str:
    return f"p-{uuid.uuid4().hex[:12]}"


@contextmanager
def counted(server: Server) -> Iterator[list[str]]:
    """The SQL statements of this thread's requests meanwhile: the worker's threads ask on their own."""
    statements: list[str] = []
    engine, here = server.app.api.registry.database.engine, threading.current_thread()

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if threading.current_thread() is here:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


# Accounts


def test_me_tells_who_i_am_and_where_i_belong(tenant: Tenant) -> None:
    me = tenant.client.get("/api/accounts/me").json
    shown = {"id": str(tenant.publisher.id), "name": tenant.name, "display_name": tenant.name, "role": "Owner"}
    assert me["publishers"] == [shown]
    assert (me["id"], me["name"]) == (str(tenant.owner.id), tenant.owner.name)
    assert (me["is_staff"], me["invitations"], "email" in me) == (False, [], False)
    assert me["token"]["scopes"] == ["read", "write", "deploy", "admin"]
    assert set(me["token"]) == {"scopes", "expires_at"}


def test_me_shows_an_email_to_its_owner_alone(server: Server) -> None:
    with server.database.transaction() as db:
        account = accounts.create(db, name=fresh(), email="ada@example.org")
        db.flush()
        db.expunge(account)
    assert server.client(account).get("/api/accounts/me").json["email"] == "ada@example.org"
    seen = server.client(server.account()).get(f"/api/accounts?name={account.name}").json
    assert seen == {"id": str(account.id), "name": account.name}


def test_me_lists_invitations_apart(tenant: Tenant) -> None:
    account = tenant.server.account()
    tenant.client.patch(f"/api/publishers/{tenant.name}", {"display_name": "Acme Maps"}, status=200)
    body = {"account_id": str(account.id), "role": "Editor"}
    tenant.client.post(f"/api/publishers/{tenant.name}/members", body, status=200)
    me = tenant.server.client(account).get("/api/accounts/me").json
    (invitation,) = me["invitations"]
    assert me["publishers"] == []
    assert invitation.pop("invited_at").endswith("Z")
    assert invitation == {"publisher": tenant.name, "display_name": "Acme Maps", "role": "Editor"}


def test_me_answers_304_when_nothing_has_changed(tenant: Tenant) -> None:
    tag = tenant.client.get("/api/accounts/me").headers["ETag"]
    headers = {"If-None-Match": tag}
    assert tenant.client.get("/api/accounts/me", status=304, **headers).body == b""


def test_an_account_is_found_by_its_exact_name_alone(tenant: Tenant) -> None:
    stranger = tenant.server.client(tenant.server.account())
    name = tenant.owner.name
    assert stranger.get(f"/api/accounts?name={name}").json["id"] == str(tenant.owner.id)
    for other in (name[:-1], name.upper(), f"{name}%20", "%25", str(tenant.owner.id)):
        stranger.get(f"/api/accounts?name={other}", status=404)


@pytest.mark.parametrize("query", ["", "?name=", "?name=a&name=b", "?name=%00", "?name=" + "x" * 256])
def test_a_lookup_without_one_good_name_is_400(tenant: Tenant, query: str) -> None:
    (error,) = tenant.client.get(f"/api/accounts{query}", status=400).json["errors"]
    assert (error["location"], error["name"]) == ("querystring", "name")


@pytest.mark.parametrize(
    "email", ["", "ada", "@example.org", "ada@", "a b@example.org", "a@b@c", "a@b\n", "a@b\x07", "x" * 251 + "@a.b"]
)
def test_an_account_needs_an_email_that_can_be_one(server: Server, email: str) -> None:
    with server.database.transaction() as db, pytest.raises(Invalid, match="email must"):
        accounts.create(db, name=fresh(), email=email)


# Publishers

NO_NAMES = ("-a", "a--b", "a_b", "a\n", "", "a.b", "é", 7, None)


def test_who_makes_a_publisher_is_its_owner(server: Server) -> None:
    client, name = server.client(server.account()), fresh()
    body = {"name": name, "display_name": "Acme Maps", "description": "Maps of everywhere"}
    made = client.post("/api/publishers", body, status=200).json
    assert {key: made[key] for key in body} == body
    assert made["role"] == "Owner"
    assert client.get(f"/api/publishers/{name}").json == made
    assert client.get("/api/publishers").json == [made]
    client.post(f"/api/sites/{name}", {"slug": "docs", "name": "Docs"}, status=200)


def test_a_publisher_without_a_display_name_shows_its_name(server: Server) -> None:
    made = server.client(server.account()).post("/api/publishers", {"name": fresh(), "display_name": None}).json
    assert made["display_name"] == made["name"]
    assert "description" not in made


@pytest.mark.parametrize(
    "name",
    [*sorted(publishers.RESERVED), str(uuid.UUID(int=7)), uuid.UUID(int=7).hex, "a" * 64, "Acme", *NO_NAMES],
)
def test_a_name_that_cannot_be_one_is_400(server: Server, name: Any) -> None:
    (error,) = server.client(server.account()).post("/api/publishers", {"name": name}, status=400).json["errors"]
    assert (error["location"], error["name"]) == ("body", "name")


def test_every_wrong_field_is_named(server: Server) -> None:
    body = {"name": "A B", "display_name": "two\nlines", "description": 7, "owner": "me"}
    errors = server.client(server.account()).post("/api/publishers", body, status=400).json["errors"]
    assert {error["name"] for error in errors} == set(body)


def test_a_taken_name_is_409_and_the_publisher_stays_its_owners(tenant: Tenant) -> None:
    stranger = tenant.server.client(tenant.server.account())
    stranger.post("/api/publishers", {"name": tenant.name}, status=409)
    assert stranger.get("/api/publishers").json == []
    stranger.get(f"/api/publishers/{tenant.name}", status=403)


def test_an_unknown_publisher_is_404(tenant: Tenant) -> None:
    for name in (fresh(), "%00", "A", "x" * 5000):
        tenant.client.get(f"/api/publishers/{name}", status=404)


def test_a_publisher_changes_in_what_was_sent_alone(tenant: Tenant) -> None:
    url = f"/api/publishers/{tenant.name}"
    before = tenant.client.get(url).json
    tenant.client.patch(url, {"description": "Maps"}, status=200)
    after = tenant.client.patch(url, {"display_name": "Acme"}, status=200).json
    assert (after["display_name"], after["description"]) == ("Acme", "Maps")
    assert after["updated_at"] > before["updated_at"]
    assert tenant.client.patch(url, {}, status=200).json == after
    removed = tenant.client.patch(url, {"description": None, "display_name": None}, status=200).json
    assert "description" not in removed
    assert removed["display_name"] == tenant.name


def test_the_name_of_a_publisher_never_changes(tenant: Tenant) -> None:
    answer = tenant.client.patch(f"/api/publishers/{tenant.name}", {"name": fresh()}, status=400).json
    assert answer["message"] == "name never changes"
    assert answer["errors"][0]["name"] == "name"


def test_a_stale_tag_of_a_publisher_changes_nothing(tenant: Tenant) -> None:
    url = f"/api/publishers/{tenant.name}"
    tag = tenant.client.get(url).headers["ETag"]
    changed = tenant.client.patch(url, {"description": "1"}, status=200, **{"If-Match": tag})
    tenant.client.patch(url, {"description": "2"}, status=412, **{"If-Match": tag})
    tenant.client.delete(url, status=412, **{"If-Match": tag})
    assert tenant.client.get(url).json["description"] == "1"
    assert tenant.client.get(url).headers["ETag"] == changed.headers["ETag"]
    tenant.client.delete(url, status=204, **{"If-Match": changed.headers["ETag"]})


def test_sites_do_not_change_their_publisher(tenant: Tenant) -> None:
    before = tenant.client.get(f"/api/publishers/{tenant.name}").json
    tenant.site("docs")
    assert tenant.client.get(f"/api/publishers/{tenant.name}").json == before


def test_a_publisher_with_sites_stays(tenant: Tenant) -> None:
    url = f"/api/publishers/{tenant.name}"
    tenant.site("docs"), tenant.site("blog")
    assert tenant.client.delete(url, status=409).json["message"] == f"{tenant.name} has sites (2): delete them first"
    tenant.client.delete(f"/api/sites/{tenant.name}/docs", status=204)
    assert "has sites (1)" in tenant.client.delete(url, status=409).json["message"]


def test_a_publisher_stays_while_a_deleted_site_can_be_restored(tenant: Tenant) -> None:
    url, site_id = f"/api/publishers/{tenant.name}", uuid.UUID(tenant.site("docs")["id"])
    tenant.client.delete(f"/api/sites/{tenant.name}/docs", status=204)
    day = (now() + timedelta(days=sites.RESTORE_DAYS)).date().isoformat()
    message = tenant.client.delete(url, status=409).json["message"]
    assert message == f"{tenant.name} has deleted sites (1) that can be restored until {day}"
    with tenant.server.database.transaction() as db:
        sites.purge(db, site_id)
    tenant.client.delete(url, status=204)
    with tenant.server.database.reading() as db:
        assert db.get(Publisher, tenant.publisher.id) is None
        assert db.get(Site, site_id) is None


def test_a_deleted_publisher_is_gone_for_its_members_and_its_name_is_free(tenant: Tenant) -> None:
    viewer, url = tenant.member(Role.Viewer), f"/api/publishers/{tenant.name}"
    tenant.client.delete(url, status=204)
    for client in (viewer, tenant.client):
        client.get(url, status=404)
        assert client.get("/api/publishers").json == client.get("/api/accounts/me").json["publishers"] == []
    with tenant.server.database.reading() as db:
        assert db.get(Member, (tenant.publisher.id, tenant.owner.id)) is None
    viewer.post("/api/publishers", {"name": tenant.name}, status=200)


def test_staff_read_publishers_and_change_none(tenant: Tenant) -> None:
    staff, url = tenant.server.client(tenant.server.account(is_staff=True)), f"/api/publishers/{tenant.name}"
    assert "role" not in staff.get(url).json
    assert staff.get("/api/publishers").json == []
    staff.patch(url, {"description": "x"}, status=403)
    staff.delete(url, status=403)


def test_a_write_that_is_sent_again_is_done_once(tenant: Tenant) -> None:
    body, key = {"name": fresh()}, {"Idempotency-Key": uuid.uuid4().hex}
    made = tenant.client.post("/api/publishers", body, status=200, **key).json
    assert tenant.client.post("/api/publishers", body, status=200, **key).json == made
    tenant.client.post("/api/publishers", body, status=409)


# Lists


def join_many(tenant: Tenant, count: int) -> list[str]:
    """The names of so many more publishers of which the tenant's Owner is a member."""
    names = []
    for _ in range(count):
        other = new_tenant(tenant.server)
        with tenant.server.database.transaction() as db:
            members.add(db, other.publisher, tenant.owner, Role.Viewer)
        names.append(other.name)
    return names


def test_publishers_come_in_parts_that_make_the_whole(tenant: Tenant) -> None:
    names = [tenant.name, *join_many(tenant, 4)]
    seen, url = [], "/api/publishers?limit=2"
    while url:
        answer = tenant.client.get(url)
        assert len(answer.json) <= 2
        seen += [publisher["name"] for publisher in answer.json]
        link = answer.headers.get("Link", "")
        url = link.partition(">")[0].removeprefix("<")
    assert seen == names == [publisher["name"] for publisher in tenant.client.get("/api/publishers").json]


def test_the_statements_of_a_list_do_not_grow_with_it(tenant: Tenant) -> None:
    urls = ("/api/publishers", "/api/accounts/me", f"/api/publishers/{tenant.name}/members", "/api/tokens")

    def counts() -> list[int]:
        found = []
        for url in urls:
            with counted(tenant.server) as statements:
                tenant.client.get(url)
            found.append(len([s for s in statements if s.startswith("SELECT")]))
        return found

    before = counts()
    join_many(tenant, 5)
    for _ in range(5):
        tenant.member(Role.Viewer)
        tenant.client.post("/api/tokens", {"name": "x", "scopes": ["read"]}, status=200)
    assert len(tenant.client.get("/api/publishers").json) == 6
    # One more or less: whether the caller's account is still in the session's map hangs on the garbage collector.
    assert all(abs(later - earlier) <= 1 for earlier, later in zip(before, counts(), strict=True))
    assert max(before) <= 5


def test_an_account_makes_so_many_publishers_at_most(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishers, "MOST", 2)
    client, names = server.client(server.account()), [fresh() for _ in range(2)]
    for name in names:
        client.post("/api/publishers", {"name": name}, status=200)
    assert "2" in client.post("/api/publishers", {"name": fresh()}, status=400).json["message"]
    client.delete(f"/api/publishers/{names[0]}", status=204)
    client.post("/api/publishers", {"name": fresh()}, status=200)


@pytest.mark.parametrize("odd", ["a\nb", "a\u2028b", "a\u2029b", "\x1b[31m", "a\x85b"])
def test_names_for_people_are_one_line(tenant: Tenant, odd: str) -> None:
    changed = tenant.client.patch(f"/api/publishers/{tenant.name}", {"display_name": odd}, status=400)
    made = tenant.client.post("/api/tokens", {"name": odd, "scopes": ["read"]}, status=400)
    assert [answer.json["errors"][0]["name"] for answer in (changed, made)] == ["display_name", "name"]
