"""Every write of a page is a revision; any of them can be read and brought back."""

from __future__ import annotations

import uuid
from typing import Any

from pubsite.models import Role
from tests.conftest import Tenant

BASE = "/api/sites/pages"


def written(tenant: Tenant, times: int = 3) -> dict[str, Any]:
    """A page of that many revisions."""
    tenant.site()
    page = tenant.page("site", "/a", "1", title="One")
    for number in range(2, times + 1):
        config = {"content": str(number)}
        page = tenant.client.patch(f"{BASE}/{page['id']}", {"config": config}, status=200).json
    return page


def test_every_write_is_listed_without_its_content(tenant: Tenant) -> None:
    page = written(tenant)
    listed = tenant.client.get(f"{BASE}/{page['id']}/revisions").json
    assert [each["revision"] for each in listed] == [1, 2, 3]
    assert {key for each in listed for key in each} == {
        "page_id", "revision", "type", "path", "account_id", "created_at",
    }  # fmt: skip
    assert {each["account_id"] for each in listed} == {str(tenant.owner.id)}


def test_a_revision_is_read_as_it_was_written(tenant: Tenant) -> None:
    page = written(tenant)
    first = tenant.client.get(f"{BASE}/{page['id']}/revisions/1").json
    assert first["config"] == {"content": "1", "title": "One"}


def test_a_restored_revision_is_a_new_one(tenant: Tenant) -> None:
    page = written(tenant)
    tenant.client.patch(f"{BASE}/{page['id']}", {"path": "/moved"}, status=200)
    answer = tenant.client.post(f"{BASE}/{page['id']}/revisions/1/restore", status=200).json
    assert (answer["path"], answer["config"], answer["revision"]) == ("/a", {"content": "1", "title": "One"}, 5)
    assert len(tenant.client.get(f"{BASE}/{page['id']}/revisions").json) == 5


def test_a_path_that_is_taken_by_now_is_a_conflict(tenant: Tenant) -> None:
    page = written(tenant)
    tenant.client.patch(f"{BASE}/{page['id']}", {"path": "/moved"}, status=200)
    tenant.page("site", "/a", "another")
    assert "/a" in tenant.client.post(f"{BASE}/{page['id']}/revisions/1/restore", status=409).json["message"]


def test_what_is_no_revision_is_not_found(tenant: Tenant) -> None:
    page = written(tenant)
    for number in ("0", "4", "99999999999", "9999999999", "x", "-1"):
        tenant.client.get(f"{BASE}/{page['id']}/revisions/{number}", status=404)
    tenant.client.get(f"{BASE}/{uuid.uuid4()}/revisions", status=404)


def test_revisions_are_for_members(tenant: Tenant) -> None:
    page = written(tenant)
    url = f"{BASE}/{page['id']}/revisions"
    tenant.server.client().get(url, status=401)
    tenant.server.client(tenant.server.account()).get(url, status=403)
    viewer = tenant.member(Role.Viewer)
    viewer.get(f"{url}/1", status=200)
    viewer.post(f"{url}/1/restore", status=403)


def test_restoring_obeys_if_match(tenant: Tenant) -> None:
    page = written(tenant)
    url = f"{BASE}/{page['id']}/revisions/1/restore"
    tenant.client.post(url, status=412, **{"If-Match": '"1"'})
    assert tenant.client.post(url, status=200, **{"If-Match": '"3"'}).headers["ETag"] == '"4"'
