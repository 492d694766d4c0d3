"""A write with an `Idempotency-Key` is done once, however often it is sent."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from webtest import TestResponse

from pubsite.models import IdempotencyKey, now
from tests.conftest import Tenant

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
    url = f"/api/sites/{tenant.name}/site"
    # The second would be 404: its object is gone, and nothing of it is looked up for a repeat.
    assert tenant.client.delete(url, **{"Idempotency-Key": "k"}).status_int == 204


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
