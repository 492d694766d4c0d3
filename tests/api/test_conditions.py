"""Entity tags: a reader who has the newest state gets 304, a writer who has an older one 412."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Tenant


def site_url(tenant: Tenant) -> str:
    tenant.site()
    return f"/api/sites/{tenant.name}/site"


def page_url(tenant: Tenant) -> str:
    tenant.site()
    return f"/api/sites/pages/{tenant.page('site', '/', 'x')['id']}"


OBJECTS = pytest.mark.parametrize(
    ("url_of", "change"), [(site_url, {"name": "New"}), (page_url, {"config": {"content": "new"}})]
)


@OBJECTS
def test_a_tag_names_a_state(tenant: Tenant, url_of: Callable[[Tenant], str], change: Any) -> None:
    url = url_of(tenant)
    tag = tenant.client.get(url).headers["ETag"]
    assert tag.startswith('"')
    again = tenant.client.get(url, status=304, **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.body, again.headers["ETag"]) == (b"", tag)
    tenant.client.get(url, status=412, **{"If-Match": '"other"'})
    changed = tenant.client.patch(url, change, status=200, **{"If-Match": tag})
    assert changed.headers["ETag"] not in (tag, None)
    assert tenant.client.get(url).headers["ETag"] == changed.headers["ETag"]
    tenant.client.get(url, status=200, **{"If-None-Match": tag})


@OBJECTS
def test_a_stale_writer_changes_nothing(tenant: Tenant, url_of: Callable[[Tenant], str], change: Any) -> None:
    url = url_of(tenant)
    tag = tenant.client.get(url).headers["ETag"]
    tenant.client.patch(url, change, status=200)
    before = tenant.client.get(url)
    for stale in (tag, f"W/{before.headers['ETag']}", "", '"x"', "garbage"):
        tenant.client.patch(url, change, status=412, **{"If-Match": stale})
        tenant.client.delete(url, status=412, **{"If-Match": stale})
    assert tenant.client.get(url).json == before.json
    tenant.client.delete(url, status=204, **{"If-Match": f'"x", {before.headers["ETag"]}'})


def test_a_page_moves_the_tag_of_its_site(tenant: Tenant) -> None:
    url = site_url(tenant)
    for client in (tenant.client, tenant.server.client()):
        before = client.get(url).headers["ETag"]
        tenant.page("site", f"/{len(client.headers)}", "x")
        assert client.get(url).headers["ETag"] != before


def test_any_state_is_matched_by_a_star(tenant: Tenant) -> None:
    tenant.client.patch(page_url(tenant), {"path": "/b"}, status=200, **{"If-Match": "*"})


def test_racing_edits_lose_no_update(tenant: Tenant) -> None:
    """Each of 4 clients adds its mark 10 times, reading anew whenever somebody was quicker."""
    url = page_url(tenant)

    def add(mark: int) -> None:
        client = tenant.server.client(tenant.owner)
        for number in range(10):
            while True:
                seen = client.get(url)
                config = {"content": seen.json["config"]["content"] + f" {mark}.{number}"}
                answer = client.patch(url, {"config": config}, **{"If-Match": seen.headers["ETag"]})
                if answer.status_int == 200:
                    break
                assert answer.status_int == 412

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    marks = tenant.client.get(url).json["config"]["content"].split()[1:]
    assert sorted(marks) == sorted(f"{mark}.{number}" for mark in range(4) for number in range(10))
