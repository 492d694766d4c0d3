"""What hinders a look or a rehearsal is a 4xx with the code that a record would get, and never our own fault."""

from __future__ import annotations

import uuid
from typing import Any

from pubsite.models import PublishingRecord
from tests.conftest import Tenant

BASE = "/api/v1/publisher"
NOWHERE = "http://127.0.0.1:9"


def destination(tenant: Tenant, kind: str, secret: str, **config: Any) -> str:
    body = {"publisher_id": str(tenant.publisher.id), "name": "There", "type": kind, "base_url": NOWHERE}
    made = tenant.client.post(f"{BASE}/destinations/", {**body, "secret": secret, "config": config}, status=201)
    return str(made.json["data"]["id"])


def test_a_look_that_fails_is_a_conflict_with_the_outcomes_code(tenant: Tenant) -> None:
    tenant.site("docs")
    page = tenant.page("docs", "/a", "<p>")
    there = destination(tenant, "site", "pst_" + "x" * 40, publisher="p", site="s")
    body = {"content_id": page["id"], "destination_id": there, "scheduled_at": "2999-01-01T00:00:00Z"}
    record = tenant.client.post(f"{BASE}/publishing-records/", body, status=201).json["data"]
    with tenant.server.database.transaction() as db:
        db.get_one(PublishingRecord, uuid.UUID(record["id"])).external_id = "7"
    refused = tenant.client.post(f"{BASE}/publishing-records/{record['id']}/refresh/", status=409).json
    assert refused["code"] == "unreachable"
    assert refused["error"].startswith("Nothing can be seen there now: ")


def test_what_a_destination_cannot_take_is_told_by_a_dry_run(tenant: Tenant) -> None:
    tenant.site("docs")
    page = tenant.page("docs", "/a", "<p>")
    there = destination(tenant, "s3", "access:secret", bucket="pages")
    body = {"content_id": page["id"], "destination_ids": [there], "status": "draft", "dry_run": True}
    refused = tenant.client.post(f"{BASE}/publish/", body, status=409).json
    assert (refused["code"], refused["error"][:7]) == ("no_drafts", "There: ")
