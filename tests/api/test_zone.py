"""`/zone/…` is `/api/…`, as a gateway in front spells it; slashes at the end; links in the spelling that was asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Tenant

VARYING = {"request_id", "created_at", "updated_at", "modified"}


def same(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        names = (set(left) | set(right)) - VARYING
        return all(name in left and name in right and same(left[name], right[name]) for name in names)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/sites/me",
            "/accounts/me",
            "/sites/{publisher}",
            "/sites/{publisher}/docs",
            "/sites/{publisher}/docs/pages",
        ),
        *("/sites/site/docs/page?publisher={publisher}", "/sites/pages/{page}", "/sites/{raw}/files", "/nope"),
        *("/sites/{raw}/files/content/a.txt", "/sites/{raw}/files/download/a.txt", "/sites/{raw}/files/content/none"),
        *("/v1/publisher/deployments", "/v1/publisher/deployments/nope/", "/sites/%ff", "/v1/publisher/nope"),
    ],
)
def test_zone_answers_as_api(tenant: Tenant, path: str) -> None:
    names = {"publisher": tenant.name, "raw": tenant.site("raw", "SelfManaged")["id"]}
    tenant.site("docs")
    names["page"] = tenant.page("docs", "/", "x")["id"]
    tenant.client.upload(f"/zone/sites/{names['raw']}/files/upload", "a.txt", b"text", status=200)
    path = path.format(**names)
    api, zone = (tenant.client.get(f"/{prefix}{path}", status="*") for prefix in ("api", "zone"))
    assert api.status_int == zone.status_int
    assert api.headers["Content-Type"] == zone.headers["Content-Type"]
    if "download" in path:
        assert api.body == zone.body == b"text"
    else:
        assert same(api.json, zone.json)


def test_what_zone_writes_api_reads(tenant: Tenant) -> None:
    site = tenant.client.post(f"/zone/sites/{tenant.name}", {"slug": "docs", "name": "Docs"}, status=200).json
    page = tenant.client.post(f"/zone/sites/{tenant.name}/docs/pages", {"path": "/a"}, status=200).json
    tenant.client.post(f"/zone/sites/{tenant.name}/docs/pages:batch", {"upsert": [{"path": "/b"}]}, status=200)
    assert len(tenant.client.get(f"/api/sites/{tenant.name}/{site['id']}").json["pages"]) == 2
    tenant.client.patch(f"/zone/sites/pages/{page['id']}", {"path": "/c"}, status=200)
    tenant.client.delete(f"/zone/sites/pages/{page['id']}", status=204)
    tenant.client.delete(f"/zone/sites/{tenant.name}/docs", status=204)
    tenant.client.get(f"/api/sites/{tenant.name}/docs", status=404)


@pytest.mark.parametrize("prefix", ["/api", "/zone"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_links_keep_the_spelling_that_was_asked(tenant: Tenant, prefix: str, slash: str) -> None:
    for slug in ("a", "b"):
        site = tenant.site(slug)
        tenant.client.post(f"{prefix}/v1/publisher/deployments{slash}", {"site_id": site["id"]}, status=202)
    url = f"{prefix}/v1/publisher/deployments{slash}"
    first = tenant.client.get(f"{url}?page_size=1").json
    assert first["next"] == f"http://localhost:6543{url}?page_size=1&page=2"
    second = tenant.client.get(first["next"].removeprefix("http://localhost:6543")).json
    assert second["previous"] == f"http://localhost:6543{url}?page_size=1&page=1"


@pytest.mark.parametrize(
    "path", ["/zoned/sites/me", "/zone/zone/sites/me", "/zone/api/sites/me", "/ZONE/sites/me", "/zone"]
)
def test_only_the_prefix_itself_is_a_spelling(tenant: Tenant, path: str) -> None:
    tenant.client.get(path, status=404)


def test_a_slash_at_the_end_means_nothing_under_the_publisher_api_alone(tenant: Tenant) -> None:
    site = tenant.site("docs")
    for slash in ("", "/"):
        tenant.client.get(f"/api/v1/publisher/deployments{slash}", status=200)
        tenant.client.post(f"/zone/v1/publisher/sites/{site['id']}/hold{slash}", status=200)
        tenant.client.get(f"/api/v1/publisher{slash}", status=200)
    tenant.client.get("/api/v1/publisher/deployments//", status=404)
    tenant.client.get("/api/sites/me/", status=404)
