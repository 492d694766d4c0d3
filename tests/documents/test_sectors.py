"""The second document, as far as it speaks of sectors, of the root, and of what is written on deployment records."""

from __future__ import annotations

import uuid
from typing import Any

from pubsite.models import Role
from tests.conftest import new_tenant
from tests.documents.document import PUBLISHER, says
from tests.documents.quotes import CRUD, MODELS, ROOT, SCOPE, TENANCY, VIEWSETS
from tests.documents.shapes import GUID, ISO_8601
from tests.documents.test_deployments import row, site_of
from tests.documents.world import World

SECTORS = "/api/v1/publisher/sectors/"
SECTOR = "/api/v1/publisher/sectors/{id}/"
RECORDS = "/api/v1/publisher/deployments/"
RECORD = "/api/v1/publisher/deployments/{id}/"


def sector(world: World, site: dict[str, Any], name: str = "News") -> dict[str, Any]:
    made: dict[str, Any] = world.ask(f"POST {SECTORS}", {"site_id": site["id"], "name": name}, status=201).json["data"]
    return made


@says(PUBLISHER, MODELS)
def test_a_sector_is_a_named_part_of_a_site(world: World) -> None:
    site = site_of(world)
    made = sector(world, site, "News")
    assert {"id", "site_id", "name", "slug"} <= set(made)
    assert (made["site_id"], made["name"], made["slug"]) == (site["id"], "News", "news")
    assert all(GUID.match(made[name]) for name in ("id", "publisher_id", "site_id"))
    assert all(ISO_8601.match(made[name]) for name in ("created_at", "updated_at"))
    assert world.ask(f"GET {SECTOR}", id=made["id"]).json["data"] == made
    assert world.ask(f"GET {SECTORS}?site_id={site['id']}").json["results"] == [made]
    renamed = world.ask(f"PATCH {SECTOR}", {"name": "Views"}, id=made["id"]).json["data"]
    assert (renamed["name"], renamed["slug"]) == ("Views", "news")
    replaced = world.ask(f"PUT {SECTOR}", {"name": "A", "slug": "b"}, id=made["id"]).json["data"]
    assert (replaced["name"], replaced["slug"]) == ("A", "b")
    world.ask(f"DELETE {SECTOR}", id=made["id"], status=204)
    world.ask(f"GET {SECTOR}", id=made["id"], status=404)


@says(PUBLISHER, SCOPE, VIEWSETS)
def test_records_and_pages_are_filtered_by_sector(world: World) -> None:
    site = site_of(world)
    news, views = sector(world, site, "News"), sector(world, site, "Views")
    pages = "/api/sites/{pubName}/{siteSlug}/pages"
    for path, made in (("/n", news), ("/v", views)):
        world.ask(f"POST {pages}", {"path": path, "sector_id": made["id"]}, siteSlug="docs")
    deployed = world.ask(f"POST {RECORDS}", {"site_id": site["id"], "sector_id": news["id"]}, status=202).json["data"]
    plain = row(world, site, "failed")
    for query, found in (
        (f"sector_id={news['id']}", [deployed["id"]]),
        (f"sector_id={views['id']}", []),
        (f"site_id={site['id']}", [plain, deployed["id"]]),
    ):
        assert [record["id"] for record in world.ask(f"GET {RECORDS}?{query}").json["results"]] == found
    listed = world.ask(f"GET {pages}?sector_id={views['id']}", siteSlug="docs").json
    assert [(page["path"], page["sector_id"]) for page in listed] == [("/v", views["id"])]


@says(PUBLISHER, SCOPE, TENANCY)
def test_sectors_are_scoped_by_account_and_site(world: World) -> None:
    site, other = site_of(world), new_tenant(world.tenant.server)
    mine, theirs = sector(world, site), sector(World(other, world.prefix), other.site("docs"))
    for client in (world.tenant.member(Role.Viewer), world.editor):
        assert [made["id"] for made in world.ask(f"GET {SECTORS}", by=client).json["results"]] == [mine["id"]]
        world.ask(f"GET {SECTOR}", by=client, id=theirs["id"], status=404)
    world.ask(f"GET {SECTORS}", by=world.nobody, status=401)
    assert world.ask(f"GET {SECTORS}", by=world.stranger).json["results"] == []
    world.ask(f"POST {SECTORS}", {"site_id": site["id"], "name": "x"}, by=world.stranger, status=404)
    staff = world.tenant.server.client(world.tenant.server.account(is_staff=True))
    for made, tenant in ((mine, world.tenant), (theirs, other)):
        assert world.ask(f"GET {SECTOR}", by=staff, id=made["id"]).json["data"] == made
        assert made["publisher_id"] == str(tenant.publisher.id)
    for wrong in (theirs["id"], str(uuid.uuid4())):
        body = {"site_id": site["id"], "sector_id": wrong}
        assert list(world.ask(f"POST {RECORDS}", body, status=400).json["errors"]) == ["sector_id"]


@says(PUBLISHER, CRUD)
def test_deployment_records_are_changed_and_removed(world: World) -> None:
    record = row(world, site_of(world), "failed")
    patched = world.ask(f"PATCH {RECORD}", {"message": "Spring", "pinned": True}, id=record).json["data"]
    assert (patched["message"], patched["pinned"], patched["metadata"]) == ("Spring", True, {})
    put = world.ask(f"PUT {RECORD}", {"metadata": {"ticket": 7}}, id=record).json["data"]
    assert (put.get("message"), put["pinned"], put["metadata"]) == (None, False, {"ticket": 7})
    assert world.ask(f"GET {RECORD}", id=record).json["data"] == put
    for name in ("status", "version", "site_id", "account_id", "url"):
        refused = world.ask(f"PATCH {RECORD}", {name: put.get(name, "x")}, id=record, status=400).json
        assert list(refused["errors"]) == [name]
    world.ask(f"DELETE {RECORD}", id=record, status=403)
    manager = world.tenant.member(Role.Manager)
    assert world.ask(f"DELETE {RECORD}", by=manager, id=record, status=204).body == b""
    world.ask(f"GET {RECORD}", id=record, status=404)


@says(PUBLISHER, ROOT)
def test_the_root_tells_what_goes_on_and_where_to_look(world: World) -> None:
    record = row(world, site_of(world), "failed")
    shown = world.ask("GET /api/v1/publisher/").json["data"]
    for kind in ("deployments", "publishing_records"):
        assert set(shown[kind]) == {"by_status", "last"}
    assert shown["deployments"]["by_status"]["failed"] == 1
    assert [last["id"] for last in shown["deployments"]["last"]] == [record]
    links = shown["links"]
    assert {"deployments", "publishing_records", "destinations", "sectors", "publish"} <= set(links)
    for name in ("deployments", "sectors"):
        assert links[name].startswith(f"http://localhost:6543{world.prefix}/v1/publisher/")
        world.editor.get(links[name].removeprefix("http://localhost:6543"), status=200)
    world.ask("GET /api/v1/publisher", by=world.nobody, status=401)
