"""API tokens: made, used, listed, withdrawn; never more than the token that made them; shown once."""

from __future__ import annotations

import logging
import re
import threading
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from webtest import TestApp

from pubsite.errors import Conflict
from pubsite.models import ApiToken, Role, now, text_digest
from pubsite.openapi import own_services
from pubsite.security import NEEDS, PUBLIC, Permission
from pubsite.services import members, tokens
from tests.conftest import API_HOST, Client, Server, Tenant, new_tenant

URL = "/api/tokens"
VALUE = re.compile(r"pst_[A-Za-z0-9_-]{43}[0-9a-f]{8}\Z")


def bearer(server: Server, value: str) -> Client:
    return Client(TestApp(server.app, extra_environ={"HTTP_HOST": API_HOST}), {"Authorization": f"Bearer {value}"})


def make(client: Client, *scopes: str, **limits: Any) -> dict[str, Any]:
    """A new token as it is shown to its maker."""
    body = {"name": "ci", "scopes": list(scopes or ("read",)), **limits}
    made: dict[str, Any] = client.post(URL, body, status=200).json
    return made


def holder(tenant: Tenant, *scopes: str, by: Client | None = None, **limits: Any) -> Client:
    """Somebody with a new token of the tenant's Owner."""
    return bearer(tenant.server, make(by or tenant.client, *scopes, **limits)["token"])


def refused(client: Client, **body: Any) -> set[str]:
    """The fields for which a token is refused."""
    answer = client.post(URL, {"name": "ci", "scopes": ["read"], **body}, status=400)
    return {error["name"] for error in answer.json["errors"]}


def in_days(days: float) -> str:
    return (now() + timedelta(days=days)).isoformat()


def jwt_of_a_year(tenant: Tenant) -> Client:
    value, _ = tenant.server.keys.issue_token(tenant.owner.id, lifetime=timedelta(days=365))
    return bearer(tenant.server, value)


# Made and used


def test_a_token_is_the_account_that_made_it(tenant: Tenant) -> None:
    made = make(tenant.client, "read", "write")
    assert VALUE.match(made["token"])
    assert {key: made[key] for key in ("name", "scopes")} == {"name": "ci", "scopes": ["read", "write"]}
    client = bearer(tenant.server, made["token"])
    me = client.get("/api/accounts/me").json
    assert (me["id"], me["token"]["scopes"]) == (str(tenant.owner.id), ["read", "write"])
    client.post(f"/api/sites/{tenant.name}", {"slug": "docs", "name": "Docs"}, status=200)
    client.get("/api/v1/publisher/deployments/", status=200)
    client.patch(f"/api/publishers/{tenant.name}", {"description": "x"}, status=403)


def test_values_are_random_and_end_with_their_checksum() -> None:
    values = {tokens.new_value() for _ in range(100)}
    assert len(values) == 100
    for value in values:
        assert value[-8:] == f"{zlib.crc32(value[:-8].encode()):08x}"


def test_scopes_come_once_and_in_one_order(tenant: Tenant) -> None:
    assert make(tenant.client, "deploy", "read", "deploy")["scopes"] == ["read", "deploy"]


@pytest.mark.parametrize("value", ["pst_", "pst_x", "pst_" + "é" * 10, "pst_" + "a" * 8000, "pst_ \x00"])
def test_a_value_that_is_nobodys_is_401(server: Server, value: str) -> None:
    client = bearer(server, value.encode().decode("latin-1"))
    answer = client.get("/api/accounts/me", status=401).json
    assert (answer["statusCode"], answer["message"]) == (401, "Unauthorized")


def test_a_token_without_its_last_character_is_401(tenant: Tenant) -> None:
    value = make(tenant.client)["token"]
    for wrong in (value[:-1], value + "a", value.upper(), value[4:]):
        bearer(tenant.server, wrong).get("/api/accounts/me", status=401)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"scopes": []}, {"scopes"}),
        ({"scopes": ["owner"]}, {"scopes.0"}),
        ({"scopes": "read"}, {"scopes"}),
        ({"name": ""}, {"name"}),
        ({"name": "a\nb"}, {"name"}),
        ({"name": "x" * 256}, {"name"}),
        ({"expires_at": "soon"}, {"expires_at"}),
        ({"expires_at": "2001-01-01"}, {"expires_at"}),
        ({"expires_at": None}, {"expires_at"}),
        ({"publisher_id": "acme"}, {"publisher_id"}),
        ({"publisher_id": str(uuid.uuid4())}, {"publisher_id"}),
        ({"site_id": str(uuid.uuid4())}, {"site_id"}),
        ({"token": "pst_mine", "publisher": "acme"}, {"token", "publisher"}),
        ({"scopes": [], "expires_at": "2001-01-01", "site_id": str(uuid.uuid4())}, {"scopes", "expires_at", "site_id"}),
    ],
)
def test_a_wrong_token_names_its_fields(tenant: Tenant, body: dict[str, Any], names: set[str]) -> None:
    assert refused(tenant.client, **body) == names


def test_a_token_ends_when_it_says_and_no_later_than_its_maker(tenant: Tenant) -> None:
    made = make(tenant.client)
    assert made["expires_at"] == tenant.client.get("/api/accounts/me").json["token"]["expires_at"]
    assert refused(tenant.client, expires_at=in_days(1)) == {"expires_at"}  # the JWT at hand lives for an hour
    made = make(jwt_of_a_year(tenant), expires_at=in_days(300))
    client = bearer(tenant.server, made["token"])
    client.get("/api/accounts/me", status=200)
    with tenant.server.database.transaction() as db:
        past = now() - timedelta(milliseconds=1)
        db.execute(update(ApiToken).where(ApiToken.id == uuid.UUID(made["id"])).values(expires_at=past))
    client.get("/api/accounts/me", status=401)
    assert made["id"] not in {row["id"] for row in tenant.client.get(URL).json}
    tenant.client.delete(f"{URL}/{made['id']}", status=404)


def test_a_bare_date_is_its_midnight(tenant: Tenant) -> None:
    day = (now() + timedelta(days=2)).date()
    made = make(jwt_of_a_year(tenant), expires_at=day.isoformat())
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert datetime.fromisoformat(made["expires_at"]) == midnight


def test_expired_tokens_are_dropped_when_one_is_made(tenant: Tenant) -> None:
    old = make(tenant.client)
    with tenant.server.database.transaction() as db:
        db.execute(update(ApiToken).where(ApiToken.id == uuid.UUID(old["id"])).values(expires_at=now()))
    make(tenant.client)
    with tenant.server.database.reading() as db:
        assert db.get(ApiToken, uuid.UUID(old["id"])) is None


# Never more than the token at hand


def test_a_token_gives_no_scope_that_it_lacks(tenant: Tenant) -> None:
    weaker = holder(tenant, "read", "admin")
    for scopes in (["write"], ["read", "deploy"], ["admin", "read", "write", "deploy"]):
        assert refused(weaker, scopes=scopes) == {"scopes"}
    assert make(weaker, "read", "admin")["scopes"] == ["read", "admin"]
    of_a_jwt = tenant.server.client(tenant.owner, scopes=("admin",))
    assert refused(of_a_jwt, scopes=["read"]) == {"scopes"}
    holder(tenant, "read", "write", "deploy").post(URL, {"name": "ci", "scopes": ["read"]}, status=403)


def test_a_token_gives_no_longer_life_than_its_own(tenant: Tenant) -> None:
    until = (now() + timedelta(days=2)).replace(microsecond=0)
    short = holder(tenant, "read", "admin", by=jwt_of_a_year(tenant), expires_at=until.isoformat())
    assert refused(short, expires_at=in_days(3)) == {"expires_at"}
    assert datetime.fromisoformat(make(short)["expires_at"]) == until
    make(short, expires_at=in_days(1))


def test_a_narrowed_token_gives_narrowed_ones_alone(tenant: Tenant) -> None:
    other = new_tenant(tenant.server)
    with tenant.server.database.transaction() as db:
        members.add(db, other.publisher, tenant.owner, Role.Owner)
    here, there = str(tenant.publisher.id), str(other.publisher.id)
    docs, blog, theirs = tenant.site("docs")["id"], tenant.site("blog")["id"], other.site("docs")["id"]
    of_publisher = holder(tenant, "read", "admin", publisher_id=here)
    assert make(of_publisher)["publisher_id"] == here
    assert refused(of_publisher, publisher_id=there) == {"publisher_id"}
    assert refused(of_publisher, site_id=theirs) == {"site_id"}
    assert make(of_publisher, site_id=docs)["publisher_id"] == here
    of_site = holder(tenant, "read", "admin", site_id=docs)
    assert {key: value for key, value in make(of_site).items() if key in ("publisher_id", "site_id")} == {
        "publisher_id": here,
        "site_id": docs,
    }
    assert refused(of_site, site_id=blog) == {"site_id"}
    assert refused(of_site, publisher_id=there) >= {"publisher_id"}
    assert refused(tenant.client, publisher_id=here, site_id=theirs) == {"site_id"}


def test_what_is_not_mine_is_refused_in_the_same_words_as_what_does_not_exist(tenant: Tenant) -> None:
    other = new_tenant(tenant.server)
    theirs = other.site("docs")["id"]

    def words(**limits: str) -> str:
        answer = tenant.client.post(URL, {"name": "ci", "scopes": ["read"], **limits}, status=400).json
        return re.sub(r"[0-9a-f-]{32,36}", "<id>", str(answer))

    nowhere = str(uuid.uuid4())
    publisher_id = str(other.publisher.id)
    assert words(site_id=theirs) == words(site_id=nowhere)
    assert words(publisher_id=publisher_id) == words(publisher_id=nowhere)
    assert words(publisher_id=publisher_id, site_id=theirs) == words(publisher_id=publisher_id, site_id=nowhere)


def test_an_invitation_is_not_enough_for_a_token(tenant: Tenant) -> None:
    account, site_id = tenant.server.account(), tenant.site("docs")["id"]
    body = {"account_id": str(account.id), "role": "Owner"}
    tenant.client.post(f"/api/publishers/{tenant.name}/members", body, status=200)
    client = tenant.server.client(account)
    assert refused(client, publisher_id=str(tenant.publisher.id)) == {"publisher_id"}
    assert refused(client, site_id=site_id) == {"site_id"}
    client.post(f"/api/publishers/{tenant.name}/members/me/accept", status=200)
    make(client, site_id=site_id)


# Narrowed tokens


def test_a_token_for_a_publisher_reaches_no_other(tenant: Tenant) -> None:
    other = new_tenant(tenant.server)
    with tenant.server.database.transaction() as db:
        members.add(db, other.publisher, tenant.owner, Role.Manager)
    other.site("docs")
    client = holder(tenant, "read", "write", "deploy", "admin", publisher_id=str(tenant.publisher.id))
    me = client.get("/api/accounts/me").json
    assert [row["name"] for row in me["publishers"]] == [tenant.name]
    assert [row["name"] for row in client.get("/api/publishers").json] == [tenant.name]
    client.patch(f"/api/publishers/{tenant.name}", {"description": "x"}, status=200)
    client.post("/api/publishers", {"name": f"p-{uuid.uuid4().hex[:12]}"}, status=403)
    url, owner = f"/api/publishers/{other.name}", other.owner.id
    for path in (url, f"{url}/members", f"/api/sites/{other.name}"):
        client.get(path, status=403)
    client.patch(url, {"description": "x"}, status=403)
    client.delete(f"{url}/members/me", status=403)
    client.patch(f"{url}/members/me", {"role": "Viewer"}, status=403)
    client.patch(f"{url}/members/{owner}", {"role": "Viewer"}, status=403)
    client.patch(f"/api/sites/{other.name}/docs", {"name": "x"}, status=403)
    tenant.client.patch(f"/api/sites/{other.name}/docs", {"name": "x"}, status=200)


def test_a_token_for_a_publisher_accepts_no_invitation_of_another(tenant: Tenant) -> None:
    other = new_tenant(tenant.server)
    body = {"account_id": str(tenant.owner.id), "role": "Editor"}
    other.client.post(f"/api/publishers/{other.name}/members", body, status=200)
    narrowed = holder(tenant, "read", "admin", publisher_id=str(tenant.publisher.id))
    assert narrowed.get("/api/accounts/me").json["invitations"] == []
    narrowed.post(f"/api/publishers/{other.name}/members/me/accept", status=403)
    assert len(tenant.client.get("/api/accounts/me").json["invitations"]) == 1


def test_a_token_for_a_site_reaches_that_site_alone(tenant: Tenant) -> None:
    docs, blog = tenant.site("docs"), tenant.site("blog")
    client = holder(tenant, "read", "write", "deploy", "admin", site_id=docs["id"])
    client.patch(f"/api/sites/{tenant.name}/docs", {"name": "x"}, status=200)
    client.patch(f"/api/sites/{tenant.name}/blog", {"name": "x"}, status=403)
    client.post("/api/v1/publisher/deployments/", {"site_id": blog["id"]}, status=404)
    client.post(f"/api/sites/{tenant.name}", {"slug": "new", "name": "x"}, status=403)
    client.get(f"/api/publishers/{tenant.name}", status=403)
    client.get(f"/api/publishers/{tenant.name}/members", status=403)
    me = client.get("/api/accounts/me").json
    assert (me["publishers"], client.get("/api/publishers").json, client.get("/api/sites/quota").json) == ([], [], [])
    assert (me["token"]["publisher_id"], me["token"]["site_id"]) == (str(tenant.publisher.id), docs["id"])


def test_a_narrowed_token_of_staff_reads_nothing_of_others(tenant: Tenant) -> None:
    account = tenant.server.account(is_staff=True)
    mine = new_tenant(tenant.server)
    with tenant.server.database.transaction() as db:
        members.add(db, mine.publisher, account, Role.Viewer)
    staff = tenant.server.client(account)
    staff.get(f"/api/publishers/{tenant.name}", status=200)
    narrowed = bearer(tenant.server, make(staff, publisher_id=str(mine.publisher.id))["token"])
    narrowed.get(f"/api/publishers/{tenant.name}", status=403)
    narrowed.get(f"/api/publishers/{mine.name}", status=200)


def test_a_token_dies_with_the_membership_and_with_the_publisher(tenant: Tenant) -> None:
    account = tenant.server.account()
    with tenant.server.database.transaction() as db:
        members.add(db, tenant.publisher, account, Role.Manager)
    client = tenant.server.client(account)
    narrowed, wide = (
        bearer(tenant.server, make(client, **limits)["token"])
        for limits in ({"publisher_id": str(tenant.publisher.id)}, {})
    )
    for each in (narrowed, wide):
        each.get(f"/api/publishers/{tenant.name}", status=200)
    tenant.client.delete(f"/api/publishers/{tenant.name}/members/{account.id}", status=204)
    for each in (narrowed, wide):
        each.get(f"/api/publishers/{tenant.name}", status=403)
    tenant.client.delete(f"/api/publishers/{tenant.name}", status=204)
    narrowed.get("/api/accounts/me", status=401)
    wide.get("/api/accounts/me", status=200)


# Listed and withdrawn


def test_a_list_shows_my_tokens_without_their_values(tenant: Tenant) -> None:
    stranger = tenant.server.client(tenant.server.account())
    make(stranger)
    made = [make(tenant.client, name=f"t{number}", expires_at=in_days(0.01)) for number in range(3)]
    listed = tenant.client.get(URL)
    assert listed.json == [{key: value for key, value in token.items() if key != "token"} for token in made]
    for token in made:
        assert token["token"] not in listed.text
        assert text_digest(token["token"]) not in listed.text


def test_a_narrowed_token_sees_and_withdraws_what_is_within_its_own_limits(tenant: Tenant) -> None:
    site_id = tenant.site("docs")["id"]
    here = {"publisher_id": str(tenant.publisher.id)}
    wide, of_publisher, of_site = make(tenant.client), make(tenant.client, **here), make(tenant.client, site_id=site_id)
    narrowed = holder(tenant, "read", "admin", **here)
    assert {wide["id"]}.isdisjoint(ids := {row["id"] for row in narrowed.get(URL).json})
    assert {of_publisher["id"], of_site["id"]} < ids
    narrowed.delete(f"{URL}/{wide['id']}", status=404)
    narrowed.delete(f"{URL}/{of_publisher['id']}", status=204)
    for_site = holder(tenant, "read", "admin", site_id=site_id)
    assert {row["site_id"] for row in for_site.get(URL).json} == {site_id}


def test_tokens_come_in_parts_that_make_the_whole(tenant: Tenant) -> None:
    made = [make(tenant.client)["id"] for _ in range(5)]
    seen, url = [], f"{URL}?limit=2"
    while url:
        answer = tenant.client.get(url)
        seen += [row["id"] for row in answer.json]
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == made


def test_a_withdrawn_token_is_dead_at_once_with_all_that_it_made(tenant: Tenant) -> None:
    parent = make(tenant.client, "read", "admin")
    child = make(bearer(tenant.server, parent["token"]), "read", "admin")
    grandchild = make(bearer(tenant.server, child["token"]))
    assert (child["parent_id"], grandchild["parent_id"], "parent_id" in parent) == (parent["id"], child["id"], False)
    tenant.client.delete(f"{URL}/{parent['id']}", status=204)
    for token in (parent, child, grandchild):
        bearer(tenant.server, token["token"]).get("/api/accounts/me", status=401)
    assert tenant.client.get(URL).json == []
    tenant.client.delete(f"{URL}/{parent['id']}", status=404)


def test_a_token_can_withdraw_itself(tenant: Tenant) -> None:
    made = make(tenant.client, "admin")
    client = bearer(tenant.server, made["token"])
    client.delete(f"{URL}/{made['id']}", status=204)
    client.delete(f"{URL}/{made['id']}", status=401)


def test_another_accounts_token_does_not_exist(tenant: Tenant) -> None:
    made = make(tenant.client)
    for stranger in (tenant.server.account(), tenant.server.account(is_staff=True)):
        tenant.server.client(stranger).delete(f"{URL}/{made['id']}", status=404)
    tenant.client.delete(f"{URL}/{uuid.uuid4()}", status=404)
    tenant.client.delete(f"{URL}/{made['id']}", status=412, **{"If-Match": '"stale"'})
    bearer(tenant.server, made["token"]).get("/api/accounts/me", status=200)


# Secrets


def test_a_repeated_request_does_not_tell_the_value_again(tenant: Tenant) -> None:
    key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"name": "ci", "scopes": ["read"]}
    made = tenant.client.post(URL, body, status=200, **key).json
    again = tenant.client.post(URL, body, status=409, **key)
    assert again.json["id"] == made["id"]
    assert made["token"] not in again.text
    assert len(tenant.client.get(URL).json) == 1
    tenant.client.post(URL, {**body, "name": "other"}, status=422, **key)


def test_the_database_and_the_logs_never_hold_a_value(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        made = make(tenant.client, "read", "admin")
        client = bearer(tenant.server, made["token"])
        client.get("/api/accounts/me", status=200)
        client.post(URL, {"name": "ci", "scopes": ["write"]}, status=400)
    secret = made["token"].removeprefix(tokens.PREFIX)
    assert secret not in caplog.text
    with tenant.server.database.reading() as db:
        row = db.get_one(ApiToken, uuid.UUID(made["id"]))
        stored = {column.name: getattr(row, column.name) for column in row.__table__.columns}
        shown = repr(row)
    assert stored["digest"] == text_digest(made["token"])
    assert secret not in repr(stored) + shown
    assert stored["digest"] not in shown


# The limit


def test_no_number_of_creates_at_once_passes_the_limit(tenant: Tenant) -> None:
    with tenant.server.database.transaction() as db:
        for _ in range(tokens.MOST - 3):
            digest = text_digest(tokens.new_value())
            db.add(ApiToken(account_id=tenant.owner.id, name="x", digest=digest, scopes=["read"]))
    barrier = threading.Barrier(8)

    def ask(number: int) -> int:
        client = tenant.server.client(tenant.owner)
        barrier.wait(10)
        return client.post(URL, {"name": "ci", "scopes": ["read"]}).status_int

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [200] * 3 + [400] * 5
    with tenant.server.database.reading() as db:
        mine = select(func.count()).where(ApiToken.account_id == tenant.owner.id)
        assert db.scalar(mine) == tokens.MOST


# What is removed meanwhile


def test_a_token_is_not_made_by_one_that_was_withdrawn_just_now(tenant: Tenant) -> None:
    limits = tokens.Limits(("read",))
    with tenant.server.database.transaction() as db, pytest.raises(Conflict, match="removed just now"):
        tokens.create(db, tenant.owner.id, name="ci", wanted=limits, own=limits, parent_id=uuid.uuid4())


# Scopes


def test_the_scope_of_each_endpoint_is_that_of_the_table_in_the_docs() -> None:
    table = {
        "/api/sites": "write",
        "/api/v1/publisher/sectors": "write",
        "/api/v1/publisher/destinations": "admin",
        "/api/v1/publisher": "deploy",
        "/api/publishers": "admin",
        "/api/tokens": "admin",
    }
    for service in own_services():
        for method, endpoint in service.endpoints.items():
            asked = endpoint.scope_of or endpoint.permission
            if asked != PUBLIC:
                prefix = next((prefix for prefix in table if service.path.startswith(prefix)), "")
                wanted = "read" if method == "GET" else table[prefix]
                assert (method, service.path, NEEDS[Permission(asked)].scope) == (method, service.path, wanted)
