"""Assets of FullyManaged sites: the endpoints of files under another name."""

from __future__ import annotations

import pytest

from pubsite.models import Role
from tests.conftest import Tenant


@pytest.fixture
def base(tenant: Tenant) -> str:
    return f"/api/sites/{tenant.site('docs')['id']}/assets"


def test_assets_are_written_read_and_deleted_like_files(tenant: Tenant, base: str) -> None:
    tenant.client.upload(f"{base}/upload", "css/site.css", b"a {}", status=200)
    assert [entry["relative_path"] for entry in tenant.client.get(f"{base}?path=css").json] == ["css/site.css"]
    assert tenant.client.get(f"{base}/content/css/site.css").json == {"content": "a {}"}
    tenant.client.put(f"{base}/edit/css/site.css", {"new_content": "b {}"}, status=200)
    assert tenant.client.get(f"{base}/download/css/site.css").headers["Content-Type"] == "text/css"
    assert tenant.client.delete(f"{base}/delete/css?recursive=true", status=200).json == {"deleted": 2}


def test_files_and_assets_are_of_one_mode_each(tenant: Tenant, base: str) -> None:
    raw = tenant.site("raw", "SelfManaged")["id"]
    assert tenant.client.get(f"/api/sites/{raw}/assets", status=404).json["message"] == (
        "Site not found or not fully managed"
    )
    tenant.client.get(base.replace("/assets", "/files"), status=404)


def test_assets_need_an_editor(tenant: Tenant, base: str) -> None:
    tenant.server.client().get(base, status=401)
    tenant.member(Role.Viewer).get(base, status=403)
    tenant.member(Role.Editor).get(base, status=200)


def test_an_asset_is_published_at_its_path(tenant: Tenant, base: str) -> None:
    tenant.page("docs", "/", "<p>home</p>")
    tenant.client.upload(f"{base}/upload", "img/dot.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", status=200)
    site = tenant.client.get(f"/api/sites/{tenant.name}/docs").json
    assert tenant.deploy(site["id"])["status"] == "deployed"
    assert tenant.visitor(site).get("/img/dot.svg").content_type == "image/svg+xml"
