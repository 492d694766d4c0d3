"""The API's document and its page, as they are served; and every example of the document, as it is answered."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from pubsite import openapi
from pubsite.openapi.examples import BODIES
from pubsite.settings import Settings
from tests.conftest import Server, Tenant

ASSETS = {"reference.js": "text/javascript", "reference.css": "text/css", "reference.svg": "image/svg+xml"}


def test_the_document_is_that_of_this_version(server: Server) -> None:
    response = server.client().get("/api/openapi.json")
    assert response.body == openapi.dumped(openapi.own_services(), Settings())
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/docs", *(f"/api/docs/{name}" for name in ASSETS)])
def test_who_has_it_already_gets_304(server: Server, path: str) -> None:
    client = server.client()
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, status=304, **{"If-None-Match": first.headers["ETag"]})
    assert (again.body, again.headers["ETag"]) == (b"", first.headers["ETag"])
    assert client.get(path, **{"If-None-Match": '"another"'}).body == first.body
    assert client.send("HEAD", path).headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("prefix", ["/api", "/zone"])
def test_the_page_loads_what_lies_beside_it_and_nothing_else(server: Server, prefix: str) -> None:
    client = server.client()
    page = client.get(f"{prefix}/docs")
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', page.text))
    assert named == {"openapi.json", *(f"docs/{name}" for name in ASSETS)}
    for name, media_type in ASSETS.items():
        asset = client.get(f"{prefix}/docs/{name}")
        assert asset.content_type == media_type
        assert re.findall(r"https?://[^\s\"')]+", asset.text) in ([], ["http://www.w3.org/2000/svg"])
        assert "innerHTML" not in asset.text
    assert client.get(f"{prefix}/openapi.json").json["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    "name", ["index.html", "reference.py", "..%2Freference.py", "reference.js/x", "reference.css.map"]
)
def test_nothing_else_is_an_asset(server: Server, name: str) -> None:
    server.client().get(f"/api/docs/{name}", status=404)


def test_others_than_get_are_refused(server: Server) -> None:
    client = server.client()
    for path in ("/api/docs", "/api/openapi.json"):
        assert client.post(path).status_int == 405
    assert client.post("/api/docs/reference.js").status_int in (404, 405)


def test_every_example_works(tenant: Tenant) -> None:
    """Each body, sent to something of this tenant's, is a success; only ids and names are put in."""
    paths = {
        operation["operationId"]: (method, path)
        for path, item in openapi.document(openapi.own_services(), Settings())["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    values, ids = prepared(tenant)
    for name, body in BODIES.items():
        method, path = paths[name]
        sent = {**body, **{key: ids[name][key] for key in set(body) & set(ids.get(name, {}))}}
        kind = values["assets" if name.startswith("assets") else "files"]
        filled = path.format(**{**values["all"], **kind, **ids.get(name, {}).get("path", {})})
        answered = tenant.client.send(method.upper(), filled, body=json.dumps(sent).encode())
        assert answered.status_int in (200, 201, 202), (name, answered.text)


def prepared(tenant: Tenant) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Values of placeholders, and by operation what else must be put in."""
    site, plain = tenant.site("site"), tenant.site("plain", "SelfManaged")
    page = tenant.page("site", "/kept", "<p>kept</p>")
    for kind, of in (("files", plain), ("assets", site)):
        base = f"/api/sites/{of['id']}/{kind}"
        tenant.client.upload(f"{base}/upload", "index.html", b"<p>hello</p>", status=200)
        tenant.client.put_bytes(f"{base}/blobs/{hashlib.sha256(b'').hexdigest()}", b"", status=204)
    first = tenant.deploy(site["id"])
    assert first["version"] == 1
    tenant.page("site", "/more", "<p>more</p>")
    second = tenant.deploy(site["id"])
    account, newcomer = tenant.server.account(), tenant.server.account()
    tenant.client.post(f"/api/publishers/{tenant.name}/members", {"account_id": str(account.id), "role": "Editor"}, 200)
    base = "/api/v1/publisher"
    sector = tenant.client.post(f"{base}/sectors", {"site_id": plain["id"], "name": "A"}, status=201).json["data"]
    place = {"site_id": site["id"], "name": "A", "type": "webhook", "base_url": "https://hooks.example.org/a"}
    destination = tenant.client.post(f"{base}/destinations", place, status=201).json["data"]
    asked = {"content_id": page["id"], "destination_id": destination["id"]}
    record = tenant.client.post(f"{base}/publishing-records", asked, status=201).json["data"]
    common = {
        "pubName": tenant.name,
        "slug": "site",
        "page_id": page["id"],
        "path": "index.html",
        "account_id": str(account.id),
        "deployment_id": second["id"],
        "sector_id": sector["id"],
        "destination_id": destination["id"],
        "record_id": record["id"],
    }
    special = {
        "publishers_post": {"name": f"{tenant.name}-2"},
        "members_post": {"account_id": str(newcomer.id)},
        "deployments_post": {"site_id": plain["id"]},
        "sites_post": {"slug": "blog-2"},
        "sectors_post": {"site_id": site["id"]},
        "destinations_post": {"site_id": site["id"]},
        "publishing_records_post": asked,
        "publish_post": {"content_id": page["id"], "destination_ids": [destination["id"]]},
    }
    return {"all": common, "files": {"site_id": plain["id"]}, "assets": {"site_id": site["id"]}}, special
