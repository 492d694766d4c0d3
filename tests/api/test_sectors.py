"""Sectors over HTTP: made, listed, changed, removed; what carries one, and what becomes of that."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pubsite.models import Deployment, Destination, PublishingRecord, Role
from tests.conftest import Tenant, new_tenant

SECTORS = "/api/v1/publisher/sectors"
RECORDS = "/api/v1/publisher/deployments"
Json = dict[str, Any]


@pytest.fixture
def site(tenant: Tenant) -> Json:
    return tenant.site("docs")


def sector(tenant: Tenant, site: Json, name: str = "News", **fields: Any) -> Json:
    answer = tenant.client.post(f"{SECTORS}/", {"site_id": site["id"], "name": name, **fields}, status=201)
    made: Json = answer.json["data"]
    return made


def url_of(made: Json) -> str:
    return f"{SECTORS}/{made['id']}/"


def listed(tenant: Tenant, query: str = "") -> list[str]:
    return [found["name"] for found in tenant.client.get(f"{SECTORS}/{query}").json["results"]]


def page_in(tenant: Tenant, path: str, sector_id: str | None, status: int = 200) -> Json:
    url = f"/api/sites/{tenant.name}/docs/pages"
    made: Json = tenant.client.post(url, {"path": path, "sector_id": sector_id}, status=status).json
    return made


# Sectors


def test_a_sector_is_made_read_changed_and_removed(tenant: Tenant, site: Json) -> None:
    answer = tenant.client.post(f"{SECTORS}/", {"site_id": site["id"], "name": "News & Views"}, status=201).json
    assert set(answer) == {"success", "data", "request_id"}
    made = answer["data"]
    assert made == {
        "id": made["id"],
        "publisher_id": str(tenant.publisher.id),
        "site_id": site["id"],
        "name": "News & Views",
        "slug": "news-views",
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert tenant.client.get(url_of(made)).json["data"] == made
    assert tenant.client.get(url_of(made).rstrip("/")).json["data"] == made
    patched = tenant.client.patch(url_of(made), {"name": "Views"}, status=200).json["data"]
    assert patched == {**made, "name": "Views", "updated_at": patched["updated_at"]}
    assert patched["updated_at"] > made["updated_at"]
    put = tenant.client.put(url_of(made), {"name": "Ü", "slug": "u"}, status=200).json["data"]
    assert (put["name"], put["slug"], put["created_at"]) == ("Ü", "u", made["created_at"])
    assert tenant.client.delete(url_of(made), status=204).body == b""
    tenant.client.get(url_of(made), status=404)
    tenant.client.delete(url_of(made), status=404)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Größe & Übersicht", "grosse-ubersicht"),
        ("  What's new?  ", "what-s-new"),
        ("x" * 255, "x" * 255),
        ("a" * 253 + "\N{LATIN SMALL LETTER SHARP S}b", "a" * 253 + "ss"),
        ("日本", "sector-cf2abf0c"),
        ("!", "sector-bb7208bc"),
        ("A" * 32, "sector-22a48051"),
    ],
)
def test_a_slug_is_made_of_the_name(tenant: Tenant, site: Json, name: str, slug: str) -> None:
    assert sector(tenant, site, name)["slug"] == slug


def test_a_slug_is_once_in_a_site(tenant: Tenant, site: Json) -> None:
    first, second = sector(tenant, site, "News"), sector(tenant, site, "Views")
    refused = tenant.client.post(f"{SECTORS}/", {"site_id": site["id"], "name": "news!"}, status=409).json
    assert refused["error"] == "The site has a sector news already"
    tenant.client.patch(url_of(second), {"slug": "news"}, status=409)
    tenant.client.put(url_of(second), {"name": "Views", "slug": "news"}, status=409)
    tenant.client.put(url_of(first), {"name": "News", "slug": "news"}, status=200)
    assert tenant.client.get(url_of(second)).json["data"] == second
    assert sector(tenant, tenant.site("other"), "News")["slug"] == "news"


def test_of_racing_creates_one_wins(tenant: Tenant, site: Json) -> None:
    clients = [tenant.server.client(tenant.owner) for _ in range(4)]
    body = {"site_id": site["id"], "name": "News"}
    with ThreadPoolExecutor(4) as pool:
        statuses = pool.map(lambda client: client.post(f"{SECTORS}/", body).status_int, clients)
    assert sorted(statuses) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("method", "body", "fields"),
    [
        ("POST", {}, ["site_id", "name"]),
        ("POST", {"site_id": "x", "name": ""}, ["site_id", "name"]),
        ("POST", {"name": "x" * 256, "slug": "x" * 256}, ["name", "slug"]),
        ("POST", {"name": 7, "slug": None}, ["name", "slug"]),
        ("POST", {"name": "a\0b"}, None),
        ("POST", {"slug": "A"}, ["slug"]),
        ("POST", {"slug": "a--b"}, ["slug"]),
        ("POST", {"slug": "0" * 32}, ["slug"]),
        ("POST", {"publisher_id": str(uuid.uuid4())}, ["publisher_id"]),
        ("PUT", {}, ["name", "slug"]),
        ("PUT", {"name": "x"}, ["slug"]),
        ("PUT", {"name": "x", "slug": "x", "id": str(uuid.uuid4())}, ["id"]),
        ("PATCH", {"site_id": str(uuid.uuid4())}, ["site_id"]),
        ("PATCH", {"slug": "", "name": True}, ["name", "slug"]),
        ("PATCH", {"created_at": "2026-01-01"}, ["created_at"]),
    ],
)
def test_what_is_wrong_is_named(tenant: Tenant, site: Json, method: str, body: Json, fields: list[str] | None) -> None:
    made = sector(tenant, site, "News")
    if method == "POST":
        whole = {"site_id": site["id"], "name": "x", **body} if body else {}
        answer = tenant.client.post(f"{SECTORS}/", whole, status=400)
    else:
        answer = (tenant.client.put if method == "PUT" else tenant.client.patch)(url_of(made), body, status=400)
    assert answer.json["success"] is False
    assert fields is None or sorted(answer.json["errors"]) == sorted(fields)
    assert tenant.client.get(url_of(made)).json["data"] == made


def test_a_sector_stays_in_its_site(tenant: Tenant, site: Json) -> None:
    made, other = sector(tenant, site), tenant.site("other")
    for send, body in ((tenant.client.patch, {}), (tenant.client.put, {"name": "x", "slug": "x"})):
        answer = send(url_of(made), {**body, "site_id": other["id"]}, status=400).json
        assert answer["errors"] == {"site_id": ["cannot change: a sector stays in its site"]}
        send(url_of(made), {**body, "site_id": site["id"]}, status=200)


def test_a_list_is_filtered_ordered_and_paged(tenant: Tenant, site: Json) -> None:
    other = tenant.site("other")
    for name, slug in (("b", "x-1"), ("A", "x1"), ("ä", "x")):
        sector(tenant, site, name, slug=slug)
    sector(tenant, other, "c")
    assert listed(tenant) == ["c", "ä", "A", "b"]
    assert listed(tenant, f"?site_id={other['id']}") == ["c"]
    assert listed(tenant, f"?publisher_id={tenant.publisher.id}&ordering=created_at") == ["b", "A", "ä", "c"]
    assert listed(tenant, f"?publisher_id={uuid.uuid4()}") == []
    assert listed(tenant, "?ordering=name") == ["A", "b", "c", "ä"]
    assert listed(tenant, f"?ordering=-slug&site_id={site['id']}") == ["A", "b", "ä"]
    first = tenant.client.get(f"{SECTORS}/?page_size=3").json
    assert (first["count"], len(first["results"]), first["previous"]) == (4, 3, None)
    assert "page=2" in first["next"]
    for query in ("ordering=site_id", "site_id=x", "page=0", "page_size=101"):
        errors = tenant.client.get(f"{SECTORS}/?{query}", status=400).json["errors"]
        assert list(errors) == [query.partition("=")[0]]


def test_tenants_and_roles_are_apart(tenant: Tenant, site: Json) -> None:
    made, other = sector(tenant, site), new_tenant(tenant.server)
    body, put = {"site_id": site["id"], "name": "x"}, {"name": "x", "slug": "x"}
    assert listed(other) == []
    for answer in (
        other.client.get(url_of(made), status=404),
        other.client.patch(url_of(made), {}, status=404),
        other.client.put(url_of(made), put, status=404),
        other.client.delete(url_of(made), status=404),
    ):
        assert answer.json["error"] == "Sector not found"
    other.client.post(f"{SECTORS}/", body, status=404)
    viewer = tenant.member(Role.Viewer)
    viewer.get(url_of(made))
    for refused in (viewer.patch(url_of(made), {}), viewer.put(url_of(made), put), viewer.delete(url_of(made))):
        assert refused.status_int == 403
    viewer.post(f"{SECTORS}/", body, status=403)
    editor = tenant.member(Role.Editor)
    editor.post(f"{SECTORS}/", body, status=201)
    editor.delete(url_of(made), status=204)
    tenant.server.client().get(f"{SECTORS}/", status=401)


def test_nothing_is_overwritten_unseen(tenant: Tenant, site: Json) -> None:
    made = sector(tenant, site)
    tag = tenant.client.get(url_of(made)).headers["ETag"]
    tenant.client.get(url_of(made), status=304, **{"If-None-Match": tag})
    changed = tenant.client.patch(url_of(made), {"name": "New"}, status=200, **{"If-Match": tag})
    assert changed.headers["ETag"] == tenant.client.get(url_of(made)).headers["ETag"] != tag
    for answer in (
        tenant.client.patch(url_of(made), {"name": "x"}, **{"If-Match": tag}),
        tenant.client.put(url_of(made), {"name": "x", "slug": "x"}, **{"If-Match": tag}),
        tenant.client.delete(url_of(made), **{"If-Match": tag}),
    ):
        assert answer.status_int == 412
    assert tenant.client.get(url_of(made)).json["data"]["name"] == "New"
    tenant.client.delete(url_of(made), status=204, **{"If-Match": changed.headers["ETag"]})


def test_a_sector_of_a_deleted_site_is_gone(tenant: Tenant, site: Json) -> None:
    made = sector(tenant, site)
    tenant.client.delete(f"/api/sites/{tenant.name}/docs", status=204)
    tenant.client.get(url_of(made), status=404)
    assert listed(tenant) == []
    tenant.client.post(f"/api/sites/{tenant.name}/docs/restore", status=200)
    assert listed(tenant) == ["News"]


# Pages that carry one


def test_a_page_carries_a_sector(tenant: Tenant, site: Json) -> None:
    news, views = sector(tenant, site, "News"), sector(tenant, site, "Views")
    made = page_in(tenant, "/a", news["id"])
    page_in(tenant, "/b", None)
    tenant.page("docs", "/c", "x")
    assert made["sector_id"] == news["id"]
    url = f"/api/sites/pages/{made['id']}"
    tag = tenant.client.get(url).headers["ETag"]
    moved = tenant.client.patch(url, {"sector_id": views["id"]}, status=200, **{"If-Match": tag})
    assert (moved.json["sector_id"], moved.json["revision"]) == (views["id"], 2)
    assert moved.json["updated_at"] > made["updated_at"]
    assert moved.headers["ETag"] == tenant.client.get(url).headers["ETag"] != tag
    same = tenant.client.patch(url, {"sector_id": views["id"]}, status=200).json
    assert same == moved.json
    assert tenant.client.patch(url, {"path": "/d"}, status=200).json["sector_id"] == views["id"]
    assert "sector_id" not in tenant.client.patch(url, {"sector_id": None}, status=200).json


def test_the_page_list_is_filtered_by_sector(tenant: Tenant, site: Json) -> None:
    news = sector(tenant, site)
    page_in(tenant, "/a", news["id"])
    tenant.page("docs", "/b", "x")
    url = f"/api/sites/{tenant.name}/docs/pages"

    def paths(query: str) -> list[str]:
        return [page["path"] for page in tenant.client.get(f"{url}?{query}").json]

    assert paths(f"sector_id={news['id']}") == ["/a"]
    assert paths(f"sector_id={news['id']}&path_prefix=/b") == []
    assert paths(f"sector_id={uuid.uuid4()}") == []
    answer = tenant.client.get(f"{url}?sector_id=x", status=400).json
    assert [error["name"] for error in answer["errors"]] == ["sector_id"]
    site_now = tenant.client.get(f"/api/sites/{tenant.name}/docs").json
    assert [page.get("sector_id") for page in site_now["pages"]] == [news["id"], None]


def test_a_page_takes_a_sector_of_its_own_site_only(tenant: Tenant, site: Json) -> None:
    foreign = sector(tenant, tenant.site("other"))
    stranger = new_tenant(tenant.server)
    theirs = sector(stranger, stranger.site("docs"))
    url = f"/api/sites/{tenant.name}/docs/pages"
    page = tenant.page("docs", "/a", "x")
    for wrong in (foreign["id"], theirs["id"], str(uuid.uuid4())):
        problem = {"location": "body", "name": "sector_id", "message": "must be a sector of this site"}
        assert page_in(tenant, "/b", wrong, status=400)["errors"] == [problem]
        patched = tenant.client.patch(f"/api/sites/pages/{page['id']}", {"sector_id": wrong}, status=400)
        assert patched.json["errors"] == [problem]
        body = {"upsert": [{"path": "/c"}, {"path": "/d", "sector_id": wrong, "config": {"tags": 1}}]}
        listed = tenant.client.post(f"{url}:batch", body, status=400).json["errors"]
        assert {error["name"] for error in listed} == {"upsert.1.sector_id", "upsert.1.config.tags"}
    for odd in ("", 7, "x", True, []):
        answer = page_in(tenant, "/b", odd, status=400)  # type: ignore[arg-type]  # it is wrong on purpose
        assert [error["name"] for error in answer["errors"]] == ["sector_id"]
    assert [page["path"] for page in tenant.client.get(url).json] == ["/a"]


def test_a_batch_puts_pages_into_sectors_and_leaves_them_there(tenant: Tenant, site: Json) -> None:
    news, views = sector(tenant, site, "News"), sector(tenant, site, "Views")
    url = f"/api/sites/{tenant.name}/docs/pages"

    def batch(*upsert: Json) -> Json:
        done: Json = tenant.client.post(f"{url}:batch", {"upsert": list(upsert)}, status=200).json
        return done

    assert batch({"path": "/a", "sector_id": news["id"]}, {"path": "/b", "sector_id": views["id"]})["created"] == 2
    assert batch({"path": "/a"}, {"path": "/b", "sector_id": views["id"]})["unchanged"] == 2
    assert batch({"path": "/a", "config": {"content": "new"}}, {"path": "/b", "sector_id": None})["updated"] == 2
    assert [page.get("sector_id") for page in tenant.client.get(url).json] == [news["id"], None]


def test_a_restored_revision_stays_in_the_present_sector(tenant: Tenant, site: Json) -> None:
    news = sector(tenant, site)
    url = f"/api/sites/pages/{tenant.page('docs', '/a', 'first')['id']}"
    tenant.client.patch(url, {"config": {"content": "second"}}, status=200)
    tenant.client.patch(url, {"sector_id": news["id"]}, status=200)
    restored = tenant.client.post(f"{url}/revisions/1/restore", status=200).json
    assert (restored["config"], restored["sector_id"]) == ({"content": "first"}, news["id"])
    assert len(tenant.client.get(f"{url}/revisions").json) == 4


def test_what_carries_a_sector_loses_it_with_its_end(tenant: Tenant, site: Json) -> None:
    """And says so by another tag: what a reader kept does not hold any more."""
    news = sector(tenant, site)
    page = page_in(tenant, "/a", news["id"])
    ids = rows_in(tenant, site, news, page)
    urls = [f"/api/sites/pages/{page['id']}", f"{RECORDS}/{ids[0]}/", f"/api/sites/{tenant.name}/docs"]
    tags = {url: tenant.client.get(url).headers["ETag"] for url in urls}
    tenant.client.delete(url_of(news), status=204)
    for url, tag in tags.items():
        answer = tenant.client.get(url, status=200, **{"If-None-Match": tag})
        assert news["id"] not in answer.text
    with tenant.server.database.reading() as db:
        rows = [db.get_one(kind, i) for kind, i in zip((Deployment, Destination, PublishingRecord), ids, strict=True)]
        assert [row.sector_id for row in rows] == [None] * 3
    tenant.client.patch(urls[0], {"sector_id": news["id"]}, status=400)


def rows_in(tenant: Tenant, site: Json, sector: Json, page: Json) -> list[uuid.UUID]:
    """One of each kind of row that carries the sector, besides pages."""
    ids = {
        "publisher_id": tenant.publisher.id,
        "account_id": tenant.owner.id,
        "site_id": uuid.UUID(site["id"]),
        "sector_id": uuid.UUID(sector["id"]),
    }
    with tenant.server.database.transaction() as db:
        record = Deployment(id=uuid.uuid4(), status="failed", **ids)
        place = Destination(id=uuid.uuid4(), name="x", type="webhook", base_url="https://example.org", **ids)
        db.add_all([record, place])
        db.flush()
        sent = PublishingRecord(id=uuid.uuid4(), content_id=uuid.UUID(page["id"]), destination_id=place.id,
                                destination_type=place.type, **ids)  # fmt: skip
        db.add(sent)
        return [record.id, place.id, sent.id]


def test_racing_writers_and_the_end_of_a_sector(tenant: Tenant, site: Json) -> None:
    """A page gets it and loses it again, or is refused: never a foreign key that leads nowhere."""
    for number in range(5):
        made = sector(tenant, site, f"Sector {number}")
        page = tenant.page("docs", f"/{number}", "x")
        clients = [tenant.server.client(tenant.owner) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            put = pool.submit(clients[0].patch, f"/api/sites/pages/{page['id']}", {"sector_id": made["id"]})
            gone = pool.submit(clients[1].delete, url_of(made))
            assert gone.result().status_int == 204
            assert put.result().status_int in (200, 400)
        assert "sector_id" not in tenant.client.get(f"/api/sites/pages/{page['id']}").json


# Deployments that carry one


def test_a_deployment_carries_a_sector(tenant: Tenant, site: Json) -> None:
    news, foreign = sector(tenant, site), sector(tenant, tenant.site("other"))
    tenant.page("docs", "/", "x")
    for wrong in (foreign["id"], str(uuid.uuid4())):
        body = {"site_id": site["id"], "sector_id": wrong}
        errors = tenant.client.post(f"{RECORDS}/", body, status=400).json["errors"]
        assert errors == {"sector_id": ["must be a sector of this site"]}
    first = tenant.deploy(site["id"], sector_id=news["id"])
    tenant.page("docs", "/b", "x")
    second = tenant.deploy(site["id"], sector_id=None)
    assert (first["sector_id"], second.get("sector_id")) == (news["id"], None)
    found = tenant.client.get(f"{RECORDS}/?sector_id={news['id']}").json["results"]
    assert [record["id"] for record in found] == [first["id"]]
    tenant.page("docs", "/c", "x")
    third = tenant.deploy(site["id"], sector_id=news["id"])
    back = tenant.client.post(f"{RECORDS}/{third['id']}/rollback/", {}, status=202).json["data"]
    assert back["sector_id"] == news["id"]
