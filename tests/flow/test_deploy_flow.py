"""Edit, deploy, see it live; roll back, see the old bytes; deploy again: all of it over HTTP, on both databases."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from webtest import TestResponse

from pubsite.models import Bundle, Site
from pubsite.services import publishers
from pubsite.storage import Ref
from tests.conftest import Tenant, running_server

RECORDS = "/api/v1/publisher/deployments"
Json = dict[str, Any]


def ask(tenant: Tenant, site: Json, status: int | str = "*", **body: Any) -> TestResponse:
    return tenant.client.post(f"{RECORDS}/", {"site_id": site["id"], **body}, status, Prefer="wait=30")


def roll_back(tenant: Tenant, record: Json, status: int | str = "*", **body: Any) -> TestResponse:
    return tenant.client.post(f"{RECORDS}/{record['id']}/rollback/", body, status, Prefer="wait=30")


def shown(tenant: Tenant, record: Json) -> Json:
    return tenant.client.get(f"{RECORDS}/{record['id']}/").json["data"]


def live_records(tenant: Tenant, site: Json) -> list[Json]:
    listed = tenant.client.get(f"{RECORDS}/?site_id={site['id']}&page_size=100").json["results"]
    return [record for record in listed if record["is_live"]]


def write(tenant: Tenant, page: Json, content: str, **config: Any) -> None:
    tenant.client.patch(f"/api/sites/pages/{page['id']}", {"config": {"content": content, **config}}, status=200)


def ref_of(tenant: Tenant, site: Json) -> Ref:
    ref = tenant.server.storage.refs.get(site["id"], "production")
    assert ref is not None
    return ref


def put_file(tenant: Tenant, site: Json, path: str, body: bytes) -> None:
    kind = "files" if site["mode"] == "SelfManaged" else "assets"
    assert tenant.client.upload(f"/api/sites/{site['id']}/{kind}/upload", path, body).status_code == 200


@pytest.fixture
def two_versions(tenant: Tenant) -> tuple[Json, Json, Json, Json]:
    """A site with a page, deployed as version 1 with the word `first` and as version 2 with `second`."""
    site = tenant.site()
    page = tenant.page("site", "/", "<p>first</p>")
    one = tenant.deploy(site["id"])
    write(tenant, page, "<p>second</p>")
    two = tenant.deploy(site["id"])
    assert [one["version"], two["version"]] == [1, 2]
    return site, page, one, two


def test_a_patched_page_is_live_after_its_deploy_and_a_rollback_brings_the_old_bytes_and_etag_back(
    tenant: Tenant,
) -> None:
    site = tenant.site()
    page = tenant.page("site", "/", "<p>first words</p>")
    visitor = tenant.visitor(site)

    assert ask(tenant, site, 202).json["data"]["status"] == "deployed"
    first = visitor.get("/")
    assert "first words" in first.text

    write(tenant, page, "<p>second words</p>")
    assert visitor.get("/").body == first.body, "an edit alone shows nothing"
    record = tenant.deploy(site["id"])
    second = visitor.get("/")
    assert "second words" in second.text
    assert second.headers["ETag"] != first.headers["ETag"]
    assert visitor.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200

    roll_back(tenant, record, 202)
    again = visitor.get("/")
    assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])
    assert visitor.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304

    record = tenant.deploy(site["id"], release_hold=True)
    assert (record["status"], record["version"], record["previous_version"]) == ("deployed", 3, 1)
    newest = visitor.get("/")
    assert (newest.body, newest.headers["ETag"]) == (second.body, second.headers["ETag"])


def test_a_record_tells_how_its_deploy_went(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    site, _, one, two = two_versions
    assert (two["status"], two["stage"], two["kind"], two["target"]) == ("deployed", "done", "deploy", "production")
    assert (two["deployed_version"], two["previous_version"], two["is_live"]) == (2, 1, True)
    assert two["created_at"] <= two["started_at"] <= two["deployed_at"]
    assert two["url"].startswith(f"http://{site['host_label']}.")
    assert two["stats"]["digest"] == ref_of(tenant, site).manifest
    assert "previous_version" not in one
    assert shown(tenant, one)["is_live"] is False
    assert tenant.client.get(f"/api/sites/{tenant.name}/site").json["live_version"] == 2


def test_a_rollback_leaves_one_live_record_and_marks_the_one_that_it_left(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, _, one, two = two_versions
    generation = ref_of(tenant, site).generation
    back = roll_back(tenant, two, 202).json["data"]
    assert (back["kind"], back["status"], back["version"], back["previous_version"]) == ("rollback", "deployed", 1, 2)
    left = shown(tenant, two)
    assert (left["status"], left["is_live"]) == ("rolled_back", False)
    assert "rolled_back_at" in left
    assert shown(tenant, one)["status"] == "deployed"
    assert [record["id"] for record in live_records(tenant, site)] == [back["id"]]
    ref = ref_of(tenant, site)
    assert (ref.version, ref.generation, ref.deployment) == (1, generation + 1, back["id"])


def test_a_repeated_rollback_is_the_same_record(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    site, _, _, two = two_versions
    back = roll_back(tenant, two, 202).json["data"]
    generation = ref_of(tenant, site).generation
    assert roll_back(tenant, two, 200).json["data"]["id"] == back["id"]
    assert roll_back(tenant, two, 200, to_version=1).json["data"]["id"] == back["id"]
    assert ref_of(tenant, site).generation == generation


def test_rollbacks_go_down_by_default_and_anywhere_below_when_told(tenant: Tenant) -> None:
    site = tenant.site()
    page = tenant.page("site", "/", "<p>1</p>")
    for number in range(1, 5):
        write(tenant, page, f"<p>number {number}</p>")
        record = tenant.deploy(site["id"])
    assert record["version"] == 4
    record = roll_back(tenant, record, 202).json["data"]
    assert record["version"] == 3
    record = roll_back(tenant, record, 202, to_version=1).json["data"]
    assert record["version"] == 1
    assert "number 1" in tenant.visitor(site).get("/").text
    assert roll_back(tenant, record).status_code == 409, "there is nothing below version 1"
    write(tenant, page, "<p>number 5</p>")
    record = tenant.deploy(site["id"], release_hold=True)
    assert record["version"] == 5
    assert roll_back(tenant, record, 202).json["data"]["version"] == 2, "4 and 3 were rolled back from"


@pytest.mark.parametrize("to_version", [2, 3])
def test_a_rollback_goes_to_kept_lower_versions_only(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant, to_version: int
) -> None:
    assert roll_back(tenant, two_versions[3], to_version=to_version).status_code == 409


def test_only_the_live_record_can_be_rolled_back(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    assert roll_back(tenant, two_versions[2]).status_code == 409


def test_a_version_that_never_was_live_is_no_default_of_a_rollback(tenant: Tenant) -> None:
    site = tenant.site()
    page = tenant.page("site", "/", "<p>1</p>")
    tenant.deploy(site["id"])
    with tenant.server.database.transaction() as db:  # a build that was held up at the last moment leaves its bundle
        row = db.get_one(Site, uuid.UUID(site["id"]))
        row.last_version = 2
        db.add(Bundle(site_id=row.id, version=2, digest="0" * 64, content_sequence=1, generator=""))
    write(tenant, page, "<p>3</p>")
    record = tenant.deploy(site["id"])
    assert record["version"] == 3
    assert roll_back(tenant, record, 202).json["data"]["version"] == 1


def test_a_rollback_holds_the_site_until_a_deploy_releases_it(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, page, _, two = two_versions
    roll_back(tenant, two, 202)
    write(tenant, page, "<p>third</p>")
    refused = ask(tenant, site, 409)
    assert refused.json["code"] == "held"
    assert "release_hold" in refused.json["error"]
    assert "first" in tenant.visitor(site).get("/").text

    assert tenant.deploy(site["id"], release_hold=True)["status"] == "deployed"
    assert "third" in tenant.visitor(site).get("/").text
    write(tenant, page, "<p>fourth</p>")
    assert tenant.deploy(site["id"])["status"] == "deployed", "the hold is gone"


def test_a_hold_is_released_though_nothing_changed(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    site, page, _, two = two_versions
    hold = f"/api/v1/publisher/sites/{site['id']}/hold"
    assert tenant.client.post(hold, status=200).json["data"]["held_at"]
    assert ask(tenant, site, 409).json["code"] == "held"
    assert ask(tenant, site, 200, release_hold=True).json["data"]["id"] == two["id"]
    write(tenant, page, "<p>third</p>")
    assert ask(tenant, site, 202).json["data"]["status"] == "deployed"


def test_a_hold_can_be_released_alone(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    site, page, *_ = two_versions
    hold = f"/api/v1/publisher/sites/{site['id']}/hold"
    tenant.client.post(hold, status=200)
    assert tenant.client.delete(hold).status_code == 204
    write(tenant, page, "<p>third</p>")
    assert ask(tenant, site, 202).json["data"]["status"] == "deployed"


def test_a_deploy_of_nothing_new_answers_the_live_record(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, _, _, two = two_versions
    ref = ref_of(tenant, site)
    same = ask(tenant, site, 200).json["data"]
    assert (same["id"], same["version"], same["unchanged"]) == (two["id"], 2, True)
    assert ref_of(tenant, site) == ref
    assert ask(tenant, site, 200, version=2).json["data"]["id"] == two["id"]


def test_content_that_was_changed_back_is_found_unchanged_by_building(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, page, _, two = two_versions
    before, ref = tenant.visitor(site).get("/"), ref_of(tenant, site)
    write(tenant, page, "<p>something else</p>")
    write(tenant, page, "<p>second</p>")
    record = ask(tenant, site, 202).json["data"]
    assert (record["status"], record["unchanged"], record["version"]) == ("deployed", True, 2)
    assert record["stats"]["digest"] == two["stats"]["digest"]
    assert ref_of(tenant, site) == ref
    assert tenant.visitor(site).get("/").headers["ETag"] == before.headers["ETag"]
    assert [live["id"] for live in live_records(tenant, site)] == [record["id"]]
    assert ask(tenant, site, 200).json["data"]["id"] == record["id"], "now it is known without building"


def test_an_unchanged_record_can_be_rolled_back(two_versions: tuple[Json, Json, Json, Json], tenant: Tenant) -> None:
    site, page, *_ = two_versions
    write(tenant, page, "<p>something else</p>")
    write(tenant, page, "<p>second</p>")
    record = tenant.deploy(site["id"])
    back = roll_back(tenant, record, 202).json["data"]
    assert (back["status"], back["version"], back["previous_version"]) == ("deployed", 1, 2)
    assert "first" in tenant.visitor(site).get("/").text
    assert shown(tenant, record)["status"] == "rolled_back"


def test_a_built_version_goes_live_without_a_build_and_a_lower_one_is_refused(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, _, _, two = two_versions
    assert ask(tenant, site, version=1).status_code == 409
    assert ask(tenant, site, version=9).status_code == 404
    roll_back(tenant, two, 202)
    record = tenant.deploy(site["id"], version=2, release_hold=True)
    assert (record["status"], record["version"], record["stats"]) == ("deployed", 2, {})
    assert "second" in tenant.visitor(site).get("/").text


def test_a_collision_fails_the_record_and_leaves_the_live_site_alone(
    two_versions: tuple[Json, Json, Json, Json], tenant: Tenant
) -> None:
    site, page, _, two = two_versions
    live, ref = tenant.visitor(site).get("/"), ref_of(tenant, site)
    write(tenant, page, "<p>third</p>")
    put_file(tenant, site, "index.html", b"<p>me too</p>")
    record = tenant.deploy(site["id"])
    assert (record["status"], record["error_code"], record["is_live"]) == ("failed", "build_failed", False)
    assert "collision" in {problem["code"] for problem in record["stats"]["problems"]}
    assert "version" not in record
    assert ref_of(tenant, site) == ref
    assert tenant.visitor(site).get("/").body == live.body
    assert [record["id"] for record in live_records(tenant, site)] == [two["id"]]

    assert tenant.client.delete(f"/api/sites/{site['id']}/assets/delete/index.html").status_code == 200
    assert tenant.deploy(site["id"])["version"] == 3
    assert "third" in tenant.visitor(site).get("/").text


def test_a_problem_that_the_site_blocks_fails_the_record_and_names_the_page(tenant: Tenant) -> None:
    site = tenant.site(config={"quality": {"broken_link": "block"}})
    tenant.page("site", "/", '<p><a href="/nowhere">there</a></p>')
    record = tenant.deploy(site["id"])
    assert (record["status"], record["error_code"]) == ("failed", "build_failed")
    assert record["stats"]["problems_count"] == 1
    (problem,) = record["stats"]["problems"]
    assert (problem["code"], problem["path"], problem["severity"]) == ("broken_link", "/", "error")
    assert tenant.visitor(site).get("/", status=404).headers["Cache-Control"] == "no-store"


def test_drafts_and_future_pages_are_not_live(tenant: Tenant) -> None:
    site = tenant.site()
    tenant.page("site", "/", "<p>home</p>")
    tenant.page("site", "/draft", "<p>draft</p>", draft=True)
    tenant.page("site", "/future", "<p>future</p>", publish_at="2999-01-01T00:00:00Z")
    tenant.deploy(site["id"])
    visitor = tenant.visitor(site)
    assert visitor.get("/").status_code == 200
    assert {visitor.get(path, status="*").status_code for path in ("/draft/", "/future/")} == {404}


def test_files_of_a_self_managed_site_are_live_as_they_are(tenant: Tenant) -> None:
    site = tenant.site(mode="SelfManaged")
    put_file(tenant, site, "index.html", b"<!doctype html><title>mine</title>")
    put_file(tenant, site, "img/a.png", b"\x89PNG not really")
    redirect = {"type": "Redirect", "path": "/old", "config": {"target": "/img/a.png", "status": 301}}
    tenant.client.post(f"/api/sites/{tenant.name}/site/pages", redirect, status=200)
    first = tenant.deploy(site["id"])
    assert (first["status"], first["version"]) == ("deployed", 1)

    visitor = tenant.visitor(site)
    assert visitor.get("/").body == b"<!doctype html><title>mine</title>"
    image = visitor.get("/img/a.png")
    assert (image.body, image.content_type) == (b"\x89PNG not really", "image/png")
    moved = visitor.get("/old", status=301)
    assert moved.headers["Location"].endswith("/img/a.png")

    put_file(tenant, site, "index.html", b"<!doctype html><title>changed</title>")
    second = tenant.deploy(site["id"])
    assert b"changed" in visitor.get("/").body
    roll_back(tenant, second, 202)
    assert b"mine" in visitor.get("/").body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_page_is_a_redirect_of_its_status(tenant: Tenant, status: int) -> None:
    site = tenant.site()
    tenant.page("site", "/", "<p>home</p>")
    config = {"target": "https://example.org/there", "status": status}
    page = {"type": "Redirect", "path": "/away", "config": config}
    tenant.client.post(f"/api/sites/{tenant.name}/site/pages", page, status=200)
    tenant.deploy(site["id"])
    answer = tenant.visitor(site).get("/away?a=1", status=status)
    assert answer.headers["Location"] == "https://example.org/there?a=1"


def test_a_deleted_site_is_off_the_air(tenant: Tenant) -> None:
    site = tenant.site()
    tenant.page("site", "/", "<p>home</p>")
    tenant.deploy(site["id"])
    visitor = tenant.visitor(site)
    assert visitor.get("/").status_code == 200
    assert tenant.client.delete(f"/api/sites/{tenant.name}/site").status_code == 204
    gone = until(lambda: visitor.get("/", status="*"), lambda answer: answer.status_code == 410)
    assert "home" not in gone.text
    assert ask(tenant, site).status_code == 404


def until(look: Any, wanted: Any) -> Any:
    """What `look` gives once it is what is wanted, within ten seconds."""
    deadline = time.monotonic() + 10
    while not wanted(found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert wanted(found), found
    return found


PAGES = {
    "/": ("Welcome. See [install](/guide/install/).", {"title": "Home", "format": "markdown"}),
    "/guide/install": ("# Install\n\n```python\nprint(1)\n```\n", {"format": "markdown", "tags": ["setup"]}),
    "/news/first": ("<p>It began.</p>", {"title": "First", "date": "2026-01-02", "aliases": ["/1"]}),
    "/news/zweites-größer": ("<p>Grüße 🎉</p>", {"title": "Größer", "date": "2026-02-03"}),
}
FILES = {"img/mark.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "data.bin": bytes(range(256)) * 2048}
CONFIG = {"title": "Same everywhere", "nav_items": [{"label": "News", "href": "/news/"}]}


def fill(tenant: Tenant, order: int) -> Json:
    """The same site, made in one order (1) or the other (-1), with a past that left no trace."""
    site = tenant.site("same", name="Same", config=CONFIG if order == 1 else {})
    if order == -1:
        tenant.page("same", "/gone", "<p>soon deleted</p>")
        page = tenant.page("same", "/elsewhere", "<p>soon moved</p>")
        moved = {"path": "/news/first", "config": {"content": PAGES["/news/first"][0], **PAGES["/news/first"][1]}}
        tenant.client.patch(f"/api/sites/pages/{page['id']}", moved, status=200)
        put_file(tenant, site, "img/mark.svg", b"soon replaced")
        tenant.deploy(site["id"])
        tenant.client.post(f"/api/sites/{tenant.name}/same/pages:batch", {"delete": ["/gone"]}, status=200)
        tenant.client.patch(f"/api/sites/{tenant.name}/same", {"config": dict(reversed(CONFIG.items()))}, status=200)
    listed = {page["path"] for page in tenant.client.get(f"/api/sites/{tenant.name}/same/pages").json}
    for path, (content, config) in list(PAGES.items())[::order]:
        if path not in listed:
            tenant.page("same", path, content, **dict(list(config.items())[::order]))
    for path, body in list(FILES.items())[::order]:
        put_file(tenant, site, path, body)
    return site


@contextmanager
def second_server(folder: Path) -> Iterator[Tenant]:
    """A tenant of another server: other folder, other domain of sites, more than one render process."""
    ini = {
        "pubsite.development": "true",
        "pubsite.data_dir": str(folder),
        "pubsite.sites_domain": "pages.test",
        "pubsite.sites_port": "7001",
    }
    running = contextmanager(running_server)
    with running(ini) as server:
        owner = server.account()
        with server.database.transaction() as db:
            publisher = publishers.create(db, name=f"q-{uuid.uuid4().hex[:8]}", owner=owner)
            db.flush()
            db.refresh(publisher)
            db.expunge(publisher)
        yield Tenant(server, publisher, owner, server.client(owner))


def test_a_bundle_has_one_digest_on_both_databases_and_on_a_second_server(tenant: Tenant, tmp_path: Path) -> None:
    site = fill(tenant, 1)
    here = tenant.deploy(site["id"])
    assert here["status"] == "deployed", here
    with second_server(tmp_path / "other") as other:
        copy = fill(other, -1)
        there = other.deploy(copy["id"])
        assert there["status"] == "deployed", there
        assert there["stats"]["digest"] == here["stats"]["digest"]
        visitor = other.server.browser(f"{copy['host_label']}.pages.test:7001")
        for path in ("/guide/install/", "/news/", "/data.bin", "/_nowhere"):
            mine, theirs = tenant.visitor(site).get(path, status="*"), visitor.get(path, status="*")
            assert (mine.body, mine.headers.get("ETag")) == (theirs.body, theirs.headers.get("ETag"))
        sitemap = visitor.get("/sitemap.xml").text
        assert f"http://{copy['host_label']}.pages.test:7001/guide/install/" in sitemap
        assert "origin.invalid" not in sitemap
