"""A write with an `Idempotency-Key` is done once, however often it is sent."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from webtest import TestResponse

from pubsite.api.idempotency import METHODS
from pubsite.models import IdempotencyKey, Role, now
from pubsite.openapi import own_services
from pubsite.security import NEEDS, PUBLIC
from pubsite.services import idempotency
from tests.api.test_tokens import holder
from tests.conftest import Client, Server, Tenant

NEW = {"slug": "new", "name": "New"}


def create(tenant: Tenant, key: str, body: Any = NEW, **headers: str) -> TestResponse:
    client = tenant.server.client(tenant.owner)
    return client.post(f"/api/sites/{tenant.name}", body, **{"Idempotency-Key": key, **headers})


def test_a_repeat_gets_the_first_answer(tenant: Tenant) -> None:
    key = uuid.uuid4().hex
    first, again = create(tenant, key), create(tenant, key)
    assert (first.status_int, again.status_int) == (200, 200)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(tenant.client.get(f"/api/sites/{tenant.name}").json) == 1


def test_a_deletion_is_answered_again(tenant: Tenant) -> None:
    tenant.site()
    url, key = f"/api/sites/{tenant.name}/site", {"Idempotency-Key": uuid.uuid4().hex}
    assert tenant.client.delete(url, **key).status_int == 204
    again = tenant.client.delete(url, **key)
    assert (again.status_int, again.body, again.headers["Idempotent-Replayed"]) == (204, b"", "true")
    tenant.client.delete(url, status=404)
    tenant.client.delete(url, status=404, **{"Idempotency-Key": "another"})
    tenant.server.client(tenant.owner, scopes=("read",)).delete(url, status=404, **key)
    tenant.member(Role.Owner).delete(url, status=404, **key)
    tenant.server.client().delete(url, status=401, **key)


def test_another_body_under_the_same_key_is_refused(tenant: Tenant) -> None:
    create(tenant, "key")
    answer = create(tenant, "key", {"slug": "other", "name": "New"})
    assert answer.status_int == 422
    assert "Idempotency-Key" in answer.json["message"]


def test_a_refused_request_leaves_its_key_free(tenant: Tenant) -> None:
    tenant.site("taken")
    assert create(tenant, "key", {"slug": "taken", "name": "x"}).status_int == 409
    assert create(tenant, "key", {"slug": "x"}).status_int == 400
    assert create(tenant, "key").status_int == 200


def test_keys_are_an_accounts_and_a_routes(tenant: Tenant) -> None:
    site = create(tenant, "key").json
    page = tenant.client.post(f"/api/sites/{tenant.name}/new/pages", {}, status=200, **{"Idempotency-Key": "key"})
    assert page.json["site_id"] == site["id"]


def test_an_odd_key_is_refused_by_name(tenant: Tenant) -> None:
    for key in ("", "a b", "x" * 256, "\xe9"):
        answer = create(tenant, key)
        assert answer.status_int == 400
        assert answer.json["errors"][0]["name"] == "Idempotency-Key"


def test_a_day_later_the_key_is_free_again(tenant: Tenant) -> None:
    create(tenant, "key")
    with tenant.server.database.transaction() as db:
        before = now() - timedelta(hours=24, minutes=1)
        mine = IdempotencyKey.account_id == tenant.owner.id
        db.execute(update(IdempotencyKey).where(mine).values(created_at=before))
    assert create(tenant, "key").status_int == 409  # done anew: the slug is taken


def test_of_many_at_once_one_is_done(tenant: Tenant) -> None:
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(tenant, key), range(16)))
    assert {answer.status_int for answer in answers} == {200}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


# A repeat needs the rights of the first time

DEPLOYMENTS = "/api/v1/publisher/deployments/"


def invited(tenant: Tenant) -> tuple[str, Client]:
    """The id of somebody who is invited, and their client."""
    account = tenant.server.account()
    body = {"account_id": str(account.id), "role": "Viewer"}
    tenant.client.post(f"/api/publishers/{tenant.name}/members", body, status=200)
    return str(account.id), tenant.server.client(account)


def my_id(client: Client) -> str:
    found: str = client.get("/api/accounts/me").json["id"]
    return found


def test_a_removed_member_gets_no_stored_answer(tenant: Tenant) -> None:
    key, members = {"Idempotency-Key": "k"}, f"/api/publishers/{tenant.name}/members"
    site, manager, (other, accepting) = tenant.site(), tenant.member(Role.Manager), invited(tenant)
    requests = (
        lambda: manager.post(DEPLOYMENTS, {"site_id": site["id"]}, **key),
        lambda: manager.patch(f"{members}/{other}", {"role": "Editor"}, **key),
        lambda: accepting.post(f"{members}/me/accept", **key),
        lambda: manager.patch(f"{members}/me", {"role": "Manager"}, **{"Idempotency-Key": "other"}),
    )
    for _ in ("first", "again"):
        assert [send().status_int for send in requests] == [202, 200, 200, 200]
    for account_id in (my_id(manager), other):
        tenant.client.delete(f"{members}/{account_id}", status=204)
    assert [send().status_int for send in requests] == [404, 403, 403, 403]


def test_who_left_is_told_so_again(tenant: Tenant) -> None:
    me, key = f"/api/publishers/{tenant.name}/members/me", {"Idempotency-Key": "k"}
    member = tenant.member(Role.Editor)
    assert [member.delete(me, **key).status_int for _ in range(2)] == [204, 204]
    assert member.delete(me).status_int == 403


def test_a_demoted_manager_gets_no_stored_answer_about_others(tenant: Tenant) -> None:
    key, members = {"Idempotency-Key": "k"}, f"/api/publishers/{tenant.name}/members"
    manager, (other, _) = tenant.member(Role.Manager), invited(tenant)
    manager.delete(f"{members}/{other}", status=204, **key)
    manager.delete(f"{members}/{other}", status=204, **key)
    tenant.client.patch(f"{members}/{my_id(manager)}", {"role": "Editor"}, status=200)
    manager.delete(f"{members}/{other}", status=403, **key)


@pytest.mark.parametrize(("scopes", "narrow", "status"), [(("read",), False, 403), (("read", "deploy"), True, 404)])
def test_a_narrower_token_gets_no_stored_answer(
    tenant: Tenant, scopes: tuple[str, ...], narrow: bool, status: int
) -> None:
    docs, blog = tenant.site("docs"), tenant.site("blog")
    token = holder(tenant, *scopes, **({"site_id": blog["id"]} if narrow else {}))
    for client, expected in ((tenant.client, 202), (token, status), (tenant.client, 202)):
        client.post(DEPLOYMENTS, {"site_id": docs["id"]}, status=expected, **{"Idempotency-Key": "k"})


def test_a_narrowed_token_is_not_told_of_a_publisher_that_was_made(tenant: Tenant) -> None:
    body, key = {"name": f"p-{uuid.uuid4().hex[:12]}"}, {"Idempotency-Key": "k"}
    tenant.client.post("/api/publishers", body, status=200, **key)
    holder(tenant, "admin", publisher_id=str(tenant.publisher.id)).post("/api/publishers", body, status=403, **key)
    assert tenant.client.post("/api/publishers", body, status=200, **key).headers["Idempotent-Replayed"] == "true"


def test_where_the_handler_asks_for_rights_a_repeat_asks_again(server: Server) -> None:
    asked, left = [], {"POST tokens", "DELETE token"}  # of one's own account, and their answers are not stored
    for service in (service for service in own_services() if service.path.startswith("/api/")):
        for method, endpoint in service.endpoints.items():
            need = None if endpoint.permission == PUBLIC else NEEDS[endpoint.permission].role
            if method in METHODS and need is None and f"{method} {service.name}" not in left:
                asked.append(endpoint.recheck)
    assert len(asked) == 9
    assert None not in asked


# Limits


def test_an_account_has_so_many_keys_at_most(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MOST", 2)
    for slug in ("a", "b"):
        assert create(tenant, slug, {"slug": slug, "name": "x"}).status_int == 200
    answer = create(tenant, "c", {"slug": "c", "name": "x"})
    assert (answer.status_int, answer.json["errors"][0]["name"]) == (400, "Idempotency-Key")
    assert create(tenant, "a", {"slug": "a", "name": "x"}).headers["Idempotent-Replayed"] == "true"
    assert len(tenant.client.get(f"/api/sites/{tenant.name}").json) == 2


def test_long_answers_are_kept_of_few_keys_alone(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "SHARED", 40_000)
    tenant.site()
    url = f"/api/sites/{tenant.name}/site/pages"
    for name, length in (("a", 30_000), ("b", 30_000), ("c", 10_000), ("d", 2_000)):
        body = {"path": f"/{name}", "config": {"content": "x" * length}}
        tenant.client.post(url, body, status=200, **{"Idempotency-Key": name})
        tenant.client.post(url, body, status=409 if name == "b" else 200, **{"Idempotency-Key": name})
    with tenant.server.database.reading() as db:
        query = select(IdempotencyKey.answer).where(IdempotencyKey.account_id == tenant.owner.id)
        kept = [answer is not None for answer in db.scalars(query.order_by(IdempotencyKey.key))]
    assert kept == [True, False, True, True]
