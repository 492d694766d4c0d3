"""Tokens of outside issuers over HTTP: their accounts, their limits, and that nothing waits for an issuer."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from webtest import TestApp

import pubsite
from pubsite.errors import SettingsError
from pubsite.models import Account, OutsideIdentity, Role
from pubsite.services import accounts, members
from pubsite.services.outside import OutsideAccounts
from tests import jwks
from tests.conftest import API_HOST, Client, Server, Tenant, new_tenant, running_server
from tests.databases import new_postgresql, require_postgresql
from tests.jwks import AUDIENCE, ISSUER, Provider, provider, public_jwk, token

ME = "/api/accounts/me"
DOWN = "https://down.example.org"
NARROW = "https://ci.example.org/narrow"
SLOW = [f"https://slow{number}.example.org" for number in range(8)]


@pytest.fixture(scope="module")
def slow() -> Iterator[Provider]:
    with provider(public_jwk("ES256")) as served:
        yield served


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, slow: Provider
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("issuers")
    common = {"audience": AUDIENCE, "algorithms": "ES256"}
    given = {**common, "keys": [public_jwk("ES256")]}
    entries = [
        {**given, "issuer": ISSUER},
        {**given, "issuer": NARROW, "scopes": ["read"], "name": "ci"},
        {**common, "issuer": DOWN, "jwks_url": f"http://127.0.0.1:{jwks.closed_port()}/"},
        *({**common, "issuer": url, "jwks_url": f"{slow.url}?{url}"} for url in SLOW),
    ]
    (folder / "issuers.json").write_text(json.dumps(entries))
    ini = {
        "pubsite.development": "true",
        "pubsite.data_dir": str(folder / "data"),
        "pubsite.issuers_file": str(folder / "issuers.json"),
    }
    if request.param == "sqlite":
        yield from running_server(ini)
        return
    require_postgresql()
    with new_postgresql() as url:
        yield from running_server({**ini, "sqlalchemy.url": url})


@pytest.fixture
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


def client(server: Server, text: str) -> Client:
    return Client(TestApp(server.app, extra_environ={"HTTP_HOST": API_HOST}), {"Authorization": f"Bearer {text}"})


def outsider(server: Server, subject: str | None = None, **claims: Any) -> tuple[Client, uuid.UUID]:
    """Somebody whom the issuer knows, and the account that stands for them."""
    found = client(server, token(sub=subject or f"s-{uuid.uuid4().hex}", **claims))
    return found, uuid.UUID(found.get(ME).json["id"])


# Accounts


def test_a_subject_gets_an_account_at_first_sight_and_keeps_it(server: Server) -> None:
    subject = f"ann-{uuid.uuid4().hex[:8]}"
    verified = {"email": "ann@example.org", "email_verified": True}
    first = client(server, token(sub=subject, **verified)).get(ME).json
    assert (first["name"], first["is_staff"], first["email"]) == (f"{subject}@id.example.org", False, "ann@example.org")
    assert client(server, token(sub=subject, jti="another")).get(ME).json["id"] == first["id"]
    other = client(server, token(sub=subject, iss=NARROW)).get(ME).json
    assert other["name"] == f"{subject}@ci"
    assert other["id"] != first["id"]


def test_many_first_sights_at_once_make_one_account(server: Server) -> None:
    subject = f"many-{uuid.uuid4().hex}"
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client(server, token(sub=subject)).get(ME).json["id"], range(24)))
        again = pool.map(
            lambda _: OutsideAccounts(server.database).account_of(ISSUER, subject, called="x", email=None), range(12)
        )
        assert {*answers} == {str(each) for each in again}
    with server.database.reading() as db:
        assert db.scalar(select(func.count()).where(OutsideIdentity.subject == subject)) == 1
        assert db.scalar(select(func.count()).where(Account.name.startswith(subject))) == 1


@pytest.mark.parametrize(
    "subject",
    ["ü ñ 中", "a\nb", " a", "‮evil", "x" * 300, "\U0001f600" * 400, "repo:acme/site:ref:refs/heads/main", "'\"<>%00"],
)
def test_every_subject_gets_a_name_that_is_one(server: Server, subject: str) -> None:
    name = client(server, token(sub=subject)).get(ME).json["name"]
    assert name.isprintable()
    assert len(name) <= 255
    assert name.endswith("@id.example.org")
    assert (name == f"{subject}@id.example.org") == (subject.isprintable() and len(subject) < 200 and subject[0] != " ")


def test_a_name_that_is_taken_is_nobody_elses(server: Server) -> None:
    subject = f"taken-{uuid.uuid4().hex[:8]}"
    with server.database.transaction() as db:
        mine = accounts.create(db, name=f"{subject}@id.example.org").id
    me = client(server, token(sub=subject)).get(ME).json
    assert me["id"] != str(mine)
    assert me["name"].startswith(f"{subject}~")
    assert me["name"].endswith("@id.example.org")


def test_the_account_of_a_token_is_never_staff(server: Server, tenant: Tenant) -> None:
    someone, account_id = outsider(server)
    with server.database.transaction() as db:
        db.execute(update(Account).where(Account.id == account_id).values(is_staff=True))
    assert someone.get(f"/api/sites/{tenant.name}", status="*").status_code == 403
    assert server.client(server.account(is_staff=True)).get(f"/api/sites/{tenant.name}").json == []


def test_a_deleted_account_is_unauthorized_and_comes_back_as_a_new_one(server: Server) -> None:
    subject = f"gone-{uuid.uuid4().hex}"
    someone, account_id = outsider(server, subject)
    own = server.account()
    signed_in = server.client(own)
    with server.database.transaction() as db:
        for each in (account_id, own.id):
            db.delete(db.get_one(Account, each))
    assert someone.get(ME, status="*").status_code == 401
    assert signed_in.get(ME, status="*").status_code == 401
    assert someone.get(ME).json["id"] != str(account_id)


# Rights


def test_a_member_from_outside_works_within_role_and_scopes(server: Server, tenant: Tenant) -> None:
    subject = f"editor-{uuid.uuid4().hex}"
    someone, account_id = outsider(server, subject)
    assert someone.get(f"/api/sites/{tenant.name}", status="*").status_code == 403
    with server.database.transaction() as db:
        members.add(db, tenant.publisher, db.get_one(Account, account_id), Role.Editor)
    body = {"slug": "of-outside", "name": "Of outside"}
    reading = client(server, token(sub=subject, scope="openid read"))
    assert reading.get(f"/api/sites/{tenant.name}").json == []
    assert reading.post(f"/api/sites/{tenant.name}", body).status_code == 403
    assert someone.post(f"/api/sites/{tenant.name}", body).status_code == 200


def test_the_entry_of_an_issuer_bounds_its_tokens(server: Server, tenant: Tenant) -> None:
    subject = f"ci-{uuid.uuid4().hex}"
    someone, account_id = outsider(server, subject, iss=NARROW, scope="read write admin")
    with server.database.transaction() as db:
        members.add(db, tenant.publisher, db.get_one(Account, account_id), Role.Owner)
    assert someone.get(f"/api/sites/{tenant.name}").json == []
    assert someone.post(f"/api/sites/{tenant.name}", {"slug": "x", "name": "x"}).status_code == 403


# Refusals


def test_every_wrong_token_gets_the_same_answer(server: Server) -> None:
    ours, _ = server.keys.issue_token(uuid.uuid4(), lifetime=jwks.MINUTE)
    wrong = [
        "x",
        "a.b.c",
        ours,
        ours[:-2] + "AA",
        token(iss="https://unknown.example.org"),
        token(iss="pubsite"),
        token(aud="other"),
        token(exp=1),
        token(sub=""),
        token(sub="a\0b"),
        token("RS256"),
        token(number=1),
        token("RS256", iss=DOWN),
    ]
    answers = []
    for text in wrong:
        answer = client(server, text).get(ME, status=401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        answers.append({name: value for name, value in answer.json.items() if name != "request_id"})
    assert answers == [{"statusCode": 401, "message": "Unauthorized"}] * len(wrong)


def test_an_issuer_that_is_down_is_503_for_its_own_tokens_alone(server: Server) -> None:
    answer = client(server, token(iss=DOWN)).get(ME, status=503)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["request_id"]
    assert DOWN not in answer.text
    assert outsider(server)[1]
    assert server.client(server.account()).get(ME).json


def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text('[{"issuer": "pubsite"}]')
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(tmp_path / "data"), "pubsite.issuers_file": str(path)}
    with pytest.raises(SettingsError, match=r"issuer 1 \('pubsite'\)"):
        pubsite.main({}, **ini)


@pytest.mark.parametrize(
    ("number", "method", "path"),
    [
        (0, "POST", "/api/sites/{publisher}"),
        (1, "PATCH", "/api/sites/{publisher}/docs"),
        (2, "PATCH", "/api/sites/pages/{page}"),
        (3, "POST", "/api/sites/{site}/assets/folder"),
        (4, "POST", "/api/v1/publisher/deployments/"),
        (5, "DELETE", "/api/v1/publisher/sites/{site}/hold"),
        (6, "GET", "/api/sites/pages/{page}"),
        (7, "POST", "/api/tokens"),
    ],
)
def test_no_transaction_is_open_while_keys_are_fetched(
    server: Server, slow: Provider, number: int, method: str, path: str
) -> None:
    tenant = new_tenant(server)
    site = tenant.site("docs")
    page = tenant.page("docs", "/p", "Text")
    reached, release = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        release.wait(20)

    slow.before = wait
    someone = client(server, token(iss=SLOW[number], sub=f"s-{uuid.uuid4().hex}"))
    url = path.format(publisher=tenant.name, site=site["id"], page=page["id"])
    body = json.dumps({"site_id": site["id"]}).encode()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(someone.send, method, url, b"" if method == "GET" else body)
        try:
            assert reached.wait(10)
            started = time.monotonic()
            others = client(server, token(iss=SLOW[number])).get(ME, status=503)
            assert others.headers["Retry-After"]
            assert tenant.client.patch(f"/api/sites/{tenant.name}/docs", {"name": "Changed"}).status_code == 200
            assert time.monotonic() - started < 5  # a writer that waits for another gives up after ten
        finally:
            slow.before = lambda: None
            release.set()
        assert asked.result(20).status_code < 500
