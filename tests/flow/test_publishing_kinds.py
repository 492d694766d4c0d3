"""From a saved page to each kind of destination that can be looked at, over HTTP, with the worker running."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Tenant
from tests.contract.rigs import RIGS, Rig, S3Rig

BASE = "/api/v1/publisher"
PATIENCE = 30.0


@pytest.fixture(scope="module", params=[name for name in RIGS if name != "webhook"])
def new_rig(request: pytest.FixtureRequest) -> Iterator[Callable[[], Rig]]:
    with RIGS[request.param]() as new_rig:
        yield new_rig


def until(tenant: Tenant, record_id: str, status: str, remote_state: str) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while True:
        shown = tenant.client.get(f"{BASE}/publishing-records/{record_id}/").json["data"]
        if (shown["status"], shown["remote_state"]) == (status, remote_state):
            return dict(shown)
        assert time.monotonic() < end, shown
        time.sleep(0.05)


def test_there_changed_away_and_there_again(tenant: Tenant, new_rig: Callable[[], Rig]) -> None:
    rig = new_rig()
    ours = tenant.site("ours")
    page = tenant.page("ours", "/notes", "<p>See <a href='/b'>b</a></p>", title="Hello")
    body = {"site_id": ours["id"], "name": "There", "type": rig.kind.name, "base_url": rig.base_url}
    asked = {**body, "secret": rig.secret, "config": dict(rig.config)}
    made = tenant.client.post(f"{BASE}/destinations/", asked, status=201).json["data"]
    tested = tenant.client.post(f"{BASE}/destinations/{made['id']}/test/", status=200).json["data"]
    assert tested["ok"], tested

    def publish() -> str:
        tenant.deploy(ours["id"])
        sent = {"content_id": page["id"], "destination_ids": [made["id"]]}
        (answer,) = tenant.client.post(f"{BASE}/publish/", sent, status=202).json["data"]["records"]
        return str(answer["record"]["id"])

    record = until(tenant, publish(), "published", "present")
    assert title(rig, record) == "Hello"
    looked = tenant.client.post(f"{BASE}/publishing-records/{record['id']}/refresh/", status=200).json["data"]
    assert (looked["remote_state"], looked["content_hash"]) == ("present", record["content_hash"])
    tenant.client.patch(f"/api/sites/pages/{page['id']}", {"config": {"title": "New", "content": "<p>"}}, status=200)
    publish()
    until(tenant, record["id"], "published", "present")
    end = time.monotonic() + PATIENCE
    while title(rig, record) != "New":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert rig.count() == 1
    until(tenant, record["id"], "published", "present")
    tenant.client.post(f"{BASE}/publishing-records/{record['id']}/unpublish/", status=202)
    until(tenant, record["id"], "pending", "absent")
    assert rig.count() == 0
    assert not isinstance(rig, S3Rig) or rig.objects == {}
    publish()  # what we took down ourselves is none that somebody removed there
    until(tenant, record["id"], "published", "present")
    assert rig.count() == 1


def title(rig: Rig, record: dict[str, Any]) -> str | None:
    found = rig.fields(record["external_id"])
    return None if found is None else str(found["title"]).split(" · ")[0]


def test_what_was_removed_there_is_seen_by_a_look(tenant: Tenant, new_rig: Callable[[], Rig]) -> None:
    rig = new_rig()
    ours = tenant.site("ours")
    page = tenant.page("ours", "/notes", "<p>Text</p>", title="Hello")
    tenant.deploy(ours["id"])
    body = {"site_id": ours["id"], "name": "There", "type": rig.kind.name, "base_url": rig.base_url}
    asked = {**body, "secret": rig.secret, "config": dict(rig.config)}
    made = tenant.client.post(f"{BASE}/destinations/", asked, status=201).json["data"]
    sent = {"content_id": page["id"], "destination_ids": [made["id"]]}
    (answer,) = tenant.client.post(f"{BASE}/publish/", sent, status=202).json["data"]["records"]
    record = until(tenant, answer["record"]["id"], "published", "present")
    rig.remove(record["external_id"])
    seen = tenant.client.post(f"{BASE}/publishing-records/{record['id']}/refresh/", status=200).json["data"]
    assert seen["remote_state"] == "absent"


def test_a_dry_run_of_what_would_be_refused_says_so(tenant: Tenant, new_rig: Callable[[], Rig]) -> None:
    rig = new_rig()
    ours = tenant.site("ours")
    page = tenant.page("ours", "/notes", "<p>Text</p>")
    body = {"site_id": ours["id"], "name": "There", "type": rig.kind.name, "base_url": rig.base_url}
    asked = {**body, "secret": rig.secret, "config": dict(rig.config)}
    made = tenant.client.post(f"{BASE}/destinations/", asked, status=201).json["data"]
    sent = {"content_id": page["id"], "destination_ids": [made["id"]], "status": "draft", "dry_run": True}
    answer = tenant.client.post(f"{BASE}/publish/", sent)
    if "draft" in rig.kind.can:
        assert answer.status_int == 200
        return
    assert (answer.status_int, answer.json["code"]) == (409, "no_drafts")
    assert answer.json["error"].startswith("There: ")
