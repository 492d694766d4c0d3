"""What people write on a deployment record over HTTP, and which records they may remove."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from pubsite.models import Deployment, Role, Status
from tests.conftest import Tenant, new_tenant

RECORDS = "/api/v1/publisher/deployments"
Json = dict[str, Any]


@pytest.fixture
def site(tenant: Tenant) -> Json:
    made = tenant.site("docs")
    tenant.page("docs", "/", "<p>first</p>")
    return made


def row(tenant: Tenant, site: Json, status: str = "failed", **values: Any) -> str:
    """The URL of a record that no worker will touch."""
    with tenant.server.database.transaction() as db:
        ids = {"publisher_id": tenant.publisher.id, "account_id": tenant.owner.id, "site_id": uuid.UUID(site["id"])}
        record = Deployment(id=uuid.uuid4(), status=status, **ids, **values)
        db.add(record)
        return f"{RECORDS}/{record.id}/"


def versions(tenant: Tenant, site: Json, count: int) -> list[str]:
    """The URLs of the records of so many versions, the first one first."""
    urls = []
    for number in range(count):
        tenant.page("docs", f"/{number}", "x")
        urls.append(f"{RECORDS}/{tenant.deploy(site['id'])['id']}/")
    return urls


# Notes and pins


def test_patch_changes_what_is_sent(tenant: Tenant, site: Json) -> None:
    url = row(tenant, site, message="First", metadata_={"ticket": 7})
    before = tenant.client.get(url).json["data"]
    answer = tenant.client.patch(url, {"pinned": True}, status=200).json
    assert set(answer) == {"success", "data", "request_id"}
    assert answer["data"] == {**before, "pinned": True}
    changes = {"message": "Ü", "metadata": {"nested": [None, {"a": 1.5}]}}
    changed = tenant.client.patch(url, changes, status=200).json["data"]
    assert changed == {**before, "pinned": True, **changes}
    assert tenant.client.get(url).json["data"] == changed
    removed = tenant.client.patch(url, {"message": None}, status=200).json["data"]
    assert "message" not in removed
    assert tenant.client.patch(url, {}, status=200).json["data"] == removed


def test_put_resets_what_is_left_out(tenant: Tenant, site: Json) -> None:
    url = row(tenant, site, message="First", metadata_={"ticket": 7}, pinned=True)
    before = tenant.client.get(url).json["data"]
    put = tenant.client.put(url, {"message": "Second"}, status=200).json["data"]
    assert put == {**before, "message": "Second", "metadata": {}, "pinned": False}
    whole = {"message": "", "metadata": {"a": True}, "pinned": True}
    assert tenant.client.put(url, whole, status=200).json["data"] == {**before, **whole}
    assert tenant.client.put(url, {"metadata": {"a": 1}}, status=200).json["data"]["metadata"] == {"a": 1}
    emptied = tenant.client.put(url, {}, status=200).json["data"]
    assert ("message" in emptied, emptied["metadata"], emptied["pinned"]) == (False, {}, False)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"message": 7},
        {"message": "x" * 4097},
        {"metadata": None},
        {"metadata": []},
        {"metadata": {"": 1}},
        {"metadata": {"a": "x" * 65_530}},
        {"pinned": None},
        {"pinned": 1},
        {"status": "deployed"},
        {"sector_id": None},
        {"version": 1},
        {"is_live": True},
        {"id": str(uuid.uuid4())},
    ],
)
def test_all_else_is_the_servers(tenant: Tenant, site: Json, method: str, wrong: Json) -> None:
    url = row(tenant, site)
    before = tenant.client.get(url).json["data"]
    send = tenant.client.put if method == "PUT" else tenant.client.patch
    answer = send(url, {"message": "x", **wrong}, status=400).json
    assert answer["success"] is False
    assert next(iter(answer["errors"])).startswith(next(iter(wrong)))
    assert tenant.client.get(url).json["data"] == before


def test_every_wrong_field_is_named(tenant: Tenant, site: Json) -> None:
    body = {"message": 1, "metadata": [], "pinned": "yes", "status": "x", "zz": 1}
    assert set(tenant.client.patch(row(tenant, site), body, status=400).json["errors"]) == set(body)


# Removing


@pytest.mark.parametrize("status", Status)
def test_a_record_that_has_ended_can_be_removed(tenant: Tenant, site: Json, status: Status) -> None:
    url = row(tenant, site, status)
    answer = tenant.client.delete(url)
    if status in (Status.pending, Status.deploying):
        assert (answer.status_int, answer.json["code"]) == (409, "under_way")
        tenant.client.get(url)
    else:
        assert (answer.status_int, answer.body) == (204, b"")
        tenant.client.get(url, status=404)
        tenant.client.delete(url, status=404)


def test_a_pinned_record_stays(tenant: Tenant, site: Json) -> None:
    url = row(tenant, site, pinned=True)
    assert tenant.client.delete(url, status=409).json["code"] == "pinned"
    tenant.client.patch(url, {"pinned": False}, status=200)
    tenant.client.delete(url, status=204)


def test_what_is_live_and_what_was_live_before_stay(tenant: Tenant, site: Json) -> None:
    first, second, third = versions(tenant, site, 3)
    assert tenant.client.delete(third, status=409).json["code"] == "live"
    assert tenant.client.delete(second, status=409).json["code"] == "previous"
    tenant.client.delete(first, status=204)
    visitor, listed = tenant.visitor(site), tenant.client.get(f"{RECORDS}/?site_id={site['id']}").json
    assert visitor.get("/").status_int == 200
    assert listed["count"] == 2


def test_after_a_rollback_the_version_that_was_left_stays_too(tenant: Tenant, site: Json) -> None:
    first, second = versions(tenant, site, 2)
    body = {"to_version": 1}
    back = tenant.client.post(f"{second}rollback/", body, status=202, Prefer="wait=30").json["data"]
    assert (back["status"], back["previous_version"]) == ("deployed", 2)
    assert tenant.client.delete(f"{RECORDS}/{back['id']}/", status=409).json["code"] == "live"
    assert tenant.client.delete(second, status=409).json["code"] == "previous"
    tenant.client.delete(first, status=204)


def test_the_version_of_a_removed_record_is_still_there(tenant: Tenant, site: Json) -> None:
    """Only the record goes: its bundle can be made live again, and downloaded by the record of that."""
    first, _, third = versions(tenant, site, 3)
    tenant.client.delete(first, status=204)
    back = tenant.client.post(f"{third}rollback/", {"to_version": 1}, status=202, Prefer="wait=30").json["data"]
    assert (back["status"], back["deployed_version"]) == ("deployed", 1)
    tenant.client.get(f"{RECORDS}/{back['id']}/archive/")


def test_a_repeated_removal_is_answered_as_the_first(tenant: Tenant, site: Json) -> None:
    url, key = row(tenant, site), {"Idempotency-Key": "once"}
    tenant.client.delete(url, status=204, **key)
    again = tenant.client.delete(url, status=204, **key)
    assert again.headers["Idempotent-Replayed"] == "true"


# Who may


def test_tenants_and_roles_are_apart(tenant: Tenant, site: Json) -> None:
    url, other = row(tenant, site), new_tenant(tenant.server)
    for answer in (
        other.client.patch(url, {}, status=404),
        other.client.put(url, {}, status=404),
        other.client.delete(url, status=404),
    ):
        assert answer.json["error"] == "Deployment not found"
    viewer, editor, manager = (tenant.member(role) for role in (Role.Viewer, Role.Editor, Role.Manager))
    for refused in (viewer.patch(url, {}), viewer.put(url, {}), viewer.delete(url), editor.delete(url)):
        assert refused.status_int == 403
    editor.patch(url, {"pinned": True}, status=200)
    editor.put(url, {}, status=200)
    staff = tenant.server.client(tenant.server.account(is_staff=True))
    staff.patch(url, {}, status=403)
    writer = tenant.server.client(tenant.owner, scopes=("read", "write"))
    assert [writer.patch(url, {}).status_int, writer.delete(url).status_int] == [403, 403]
    manager.delete(url, status=204)


def test_nothing_is_overwritten_unseen(tenant: Tenant, site: Json) -> None:
    url = row(tenant, site)
    tag = tenant.client.get(url).headers["ETag"]
    unchanged = tenant.client.get(url, status=304, **{"If-None-Match": tag})
    assert unchanged.body == b""
    changed = tenant.client.patch(url, {"message": "New"}, status=200, **{"If-Match": tag})
    assert changed.headers["ETag"] == tenant.client.get(url).headers["ETag"] != tag
    for answer in (
        tenant.client.patch(url, {"message": "x"}, **{"If-Match": tag}),
        tenant.client.put(url, {"message": "x"}, **{"If-Match": tag}),
        tenant.client.delete(url, **{"If-Match": tag}),
    ):
        assert (answer.status_int, answer.json["success"]) == (412, False)
    assert tenant.client.get(url).json["data"]["message"] == "New"
    tenant.client.delete(url, status=204, **{"If-Match": changed.headers["ETag"]})


def test_a_deploy_moves_the_tag_of_its_record(tenant: Tenant, site: Json) -> None:
    (url,) = versions(tenant, site, 1)
    tag = tenant.client.get(url).headers["ETag"]
    tenant.page("docs", "/again", "x")
    tenant.deploy(site["id"])
    answer = tenant.client.patch(url, {"message": "x"}, status=412, **{"If-Match": tag})
    assert "another state" in answer.json["error"]
