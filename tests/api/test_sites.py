"""Sites: made, read, listed, changed and deleted, as the published document says."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from pubsite.models import Publisher, Role
from pubsite.services import publishers
from tests.conftest import Tenant

SITE_FIELDS = {
    "id",
    "slug",
    "name",
    "mode",
    "config",
    "publisher_id",
    "account_id",
    "host_label",
    "url",
    "created_at",
    "updated_at",
}


def base(tenant: Tenant) -> str:
    return f"/api/sites/{tenant.name}"


def messages(body: dict[str, Any]) -> dict[str, str]:
    """The message of each wrong field."""
    return {error["name"]: error["message"] for error in body["errors"]}


def test_the_documented_create_returns_the_site(tenant: Tenant) -> None:
    body = {
        "mode": "SelfManaged",
        "slug": "my-new-site",
        "name": "My New Site",
        "description": "Description of my new site",
    }
    site = tenant.client.post(base(tenant), body, status=200).json
    assert {name: site[name] for name in body} == body
    assert set(site) == SITE_FIELDS | {"description", "pages"}
    assert site["pages"] == []
    assert site["publisher_id"] == str(tenant.publisher.id)
    assert site["account_id"] == str(tenant.owner.id)
    assert uuid.UUID(site["id"]).version == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", site["created_at"])
    assert site["url"] == f"http://{site['host_label']}.localhost:6543/"


def test_a_new_site_is_fully_managed_and_leaves_out_what_is_unset(tenant: Tenant) -> None:
    site = tenant.site("plain")
    assert site["mode"] == "FullyManaged"
    assert "description" not in site
    assert "live_version" not in site


@pytest.mark.parametrize(("sent", "name"), [(0, "FullyManaged"), (1, "SelfManaged")])
def test_modes_are_taken_as_numbers_and_sent_as_names(tenant: Tenant, sent: int, name: str) -> None:
    body = {"slug": "numbered", "name": "x", "mode": sent}
    assert tenant.client.post(base(tenant), body, status=200).json["mode"] == name


def test_anybody_reads_a_site_with_its_pages(tenant: Tenant) -> None:
    site = tenant.site("my-site", description="A description of my site")
    page = tenant.page("my-site", "/", "<h1>Home</h1>", title="Home Page")
    read = tenant.server.client().get(f"{base(tenant)}/my-site").json
    assert read["pages"] == [page]
    assert page["config"] == {"content": "<h1>Home</h1>", "title": "Home Page"}
    assert (page["type"], page["path"], page["site_id"]) == ("HtmlPage", "/", site["id"])
    assert {name: read[name] for name in ("id", "slug", "name", "description", "mode")} == {
        "id": site["id"],
        "slug": "my-site",
        "name": "My-Site",
        "description": "A description of my site",
        "mode": "FullyManaged",
    }


def test_a_site_is_found_by_its_id_as_well(tenant: Tenant) -> None:
    site = tenant.site("by-id")
    assert tenant.client.get(f"{base(tenant)}/{site['id']}").json["slug"] == "by-id"
    assert tenant.client.get(f"{base(tenant)}/{site['id'].upper()}").json["slug"] == "by-id"


def test_a_site_is_not_found_under_another_publisher(tenant: Tenant) -> None:
    site = tenant.site("mine")
    other = second_publisher(tenant)
    for name in ("mine", site["id"]):
        assert tenant.client.get(f"/api/sites/{other}/{name}", status=404).json["message"] == "Site not found"


def test_members_list_a_publishers_sites_without_pages(tenant: Tenant) -> None:
    made = [tenant.site("site1", "SelfManaged", description="First site"), tenant.site("site2")]
    listed = tenant.member(Role.Viewer).get(base(tenant)).json
    assert listed == [{name: value for name, value in site.items() if name != "pages"} for site in made]


def test_sites_of_an_unknown_publisher_are_404_and_of_anothers_403(tenant: Tenant) -> None:
    stranger = tenant.server.client(tenant.server.account())
    assert stranger.get("/api/sites/no-such-publisher", status=404).json["message"] == "Publisher not found"
    assert stranger.get(base(tenant), status=403).json["message"] == "Forbidden"


def test_my_sites_are_those_of_every_publisher_of_mine(tenant: Tenant) -> None:
    tenant.site("one")
    other = second_publisher(tenant)
    tenant.client.post(f"/api/sites/{other}", {"slug": "two", "name": "Two"}, status=200)
    assert [site["slug"] for site in tenant.client.get("/api/sites/me").json] == ["one", "two"]
    assert [site["slug"] for site in tenant.member(Role.Viewer).get("/api/sites/me").json] == ["one"]
    assert tenant.server.client(tenant.server.account()).get("/api/sites/me").json == []
    tenant.server.client().get("/api/sites/me", status=401)


def test_a_slug_is_unique_within_its_publisher(tenant: Tenant) -> None:
    tenant.site("taken")
    again = tenant.client.post(base(tenant), {"slug": "taken", "name": "Again"}, status=409)
    assert again.json["message"].startswith("This publisher has a site taken already")
    assert len(tenant.client.get(base(tenant)).json) == 1
    other = second_publisher(tenant)
    tenant.client.post(f"/api/sites/{other}", {"slug": "taken", "name": "Elsewhere"}, status=200)


def test_two_sites_never_share_a_host_label(tenant: Tenant) -> None:
    other = second_publisher(tenant, name=f"x-{tenant.name}")
    labels = [
        tenant.client.post(f"/api/sites/{publisher}", {"slug": slug, "name": "x"}, status=200).json["host_label"]
        for publisher, slug in ((tenant.name, "a-x"), (other, "a"), (tenant.name, "a" * 200), (tenant.name, "a" * 201))
    ]
    assert len(set(labels)) == 4
    assert all(len(label) <= 40 and "--" not in label for label in labels)


def test_lengths_hold_on_every_database(tenant: Tenant) -> None:
    body = {"slug": "s" * 4096, "name": "ä" * 4096, "description": "😀" * 8192}
    site = tenant.client.post(base(tenant), body, status=200).json
    assert {name: site[name] for name in body} == body
    again = tenant.client.post(base(tenant), body, status=409)
    assert len(again.text) < 500
    longer = {name: value + value[0] for name, value in body.items()}
    refused = tenant.client.post(base(tenant), longer, status=400).json
    assert messages(refused) == {
        "slug": "must have at most 4096 characters",
        "name": "must have at most 4096 characters",
        "description": "must have at most 8192 characters",
    }


def test_every_wrong_field_is_named_at_once(tenant: Tenant) -> None:
    body = {"slug": "Not A Slug", "mode": "Managed", "descripton": "typo", "config": {"theme": "pape", "zz": 1}}
    assert messages(tenant.client.post(base(tenant), body, status=400).json) == {
        "slug": "must be lower-case letters, digits and single hyphens between them, and no UUID",
        "name": "is required",
        "mode": "must be one of FullyManaged, SelfManaged",
        "descripton": "is not known",
        "config.theme": "must be one of paper",
        "config.zz": "is not known",
    }


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "-a",
        "a-",
        "a--b",
        "A",
        "a b",
        "a\n",
        "ä",
        "a/b",
        ".",
        "..",
        "123e4567-e89b-12d3-a456-426614174000",
        "f" * 32,
    ],
)
def test_a_slug_that_is_none_is_refused(tenant: Tenant, slug: str) -> None:
    assert "slug" in messages(tenant.client.post(base(tenant), {"slug": slug, "name": "x"}, status=400).json)
    site = tenant.site("good")
    assert "slug" in messages(tenant.client.patch(f"{base(tenant)}/{site['id']}", {"slug": slug}, status=400).json)


def test_a_patch_changes_what_it_names(tenant: Tenant) -> None:
    site = tenant.site("before", description="kept", config={"title": "T", "language": "de"})
    path = f"{base(tenant)}/{site['id']}"
    changed = tenant.client.patch(path, {"name": "After"}, status=200).json
    assert changed["name"] == "After"
    same = ("id", "slug", "description", "mode", "config", "host_label", "created_at")
    assert all(changed[name] == site[name] for name in same)
    assert changed["updated_at"] >= site["updated_at"]
    assert tenant.client.patch(path, {}, status=200).json == changed


def test_a_patch_finds_the_site_by_slug_and_can_move_it(tenant: Tenant) -> None:
    site = tenant.site("old")
    moved = tenant.client.patch(f"{base(tenant)}/old", {"slug": "new"}, status=200).json
    assert (moved["slug"], moved["host_label"]) == ("new", site["host_label"])
    tenant.client.get(f"{base(tenant)}/old", status=404)
    tenant.client.get(f"{base(tenant)}/new", status=200)
    tenant.site("other")
    tenant.client.patch(f"{base(tenant)}/other", {"slug": "new"}, status=409)


@pytest.mark.parametrize("path", ["x", "", "/a//b", "/../x", "/a\r\nb", "/a?b", 7, None])
def test_paths_in_a_config_are_paths_of_the_site(tenant: Tenant, path: object) -> None:
    config = {"not_found_path": path or "x", "sitemap": {"path": path}, "feeds": {"atom": {"path": path}}}
    answer = tenant.client.post(base(tenant), {"slug": "a", "name": "x", "config": config}, status=400).json
    assert set(messages(answer)) == {"config.not_found_path", "config.sitemap.path", "config.feeds.atom.path"}
    directories = {"sitemap": {"path": "/"}, "feeds": {"rss": {"path": "/feed/"}}, "not_found_path": "/missing/"}
    answer = tenant.client.post(base(tenant), {"slug": "a", "name": "x", "config": directories}, status=400).json
    assert messages(answer) == dict.fromkeys(("config.sitemap.path", "config.feeds.rss.path"), "must not end with /")


def test_config_is_merged_at_its_top_level(tenant: Tenant) -> None:
    config = {"title": "T", "language": "de", "markdown": {"extensions": ["toc"], "highlight": False}}
    site = tenant.site("merged", config=config)
    assert site["config"] == config
    changes = {"language": None, "markdown": {"highlight": True}, "sanitize": True, "search": None}
    merged = tenant.client.patch(f"{base(tenant)}/merged", {"config": changes}, status=200).json["config"]
    assert merged == {"title": "T", "markdown": {"highlight": True}, "sanitize": True}


def test_a_description_can_be_removed(tenant: Tenant) -> None:
    tenant.site("described", description="x")
    assert "description" not in tenant.client.patch(f"{base(tenant)}/described", {"description": None}, status=200).json


def test_the_mode_cannot_change_under_content(tenant: Tenant) -> None:
    tenant.site("empty")
    changed = tenant.client.patch(f"{base(tenant)}/empty", {"mode": "SelfManaged"}, status=200)
    assert changed.json["mode"] == "SelfManaged"
    tenant.client.patch(f"{base(tenant)}/empty", {"mode": 0}, status=200)
    tenant.page("empty", "/", "x")
    tenant.client.patch(f"{base(tenant)}/empty", {"mode": "SelfManaged"}, status=409)
    tenant.client.patch(f"{base(tenant)}/empty", {"mode": "FullyManaged", "name": "Same mode"}, status=200)


def test_a_deleted_site_is_gone_with_its_pages_and_keeps_its_slug(tenant: Tenant) -> None:
    site = tenant.site("gone")
    page = tenant.page("gone", "/", "x")
    answer = tenant.client.delete(f"{base(tenant)}/{site['id']}", status=204)
    assert answer.body == b""
    assert "Content-Type" not in answer.headers
    for path in (f"{base(tenant)}/gone", f"{base(tenant)}/gone/pages", f"/api/sites/pages/{page['id']}"):
        tenant.client.get(path, status=404)
    tenant.client.get("/api/sites/site/gone/page?publisher=" + tenant.name, status=404)
    tenant.client.delete(f"{base(tenant)}/{site['id']}", status=404)
    assert tenant.client.get(base(tenant)).json == []
    tenant.client.post(base(tenant), {"slug": "gone", "name": "x"}, status=409)


def test_a_publisher_has_no_more_sites_than_allowed(tenant: Tenant) -> None:
    limit = tenant.server.settings.sites_per_publisher
    tenant.site("last")
    with tenant.server.database.transaction() as db:
        db.get_one(Publisher, tenant.publisher.id).sites_used = limit
    refused = tenant.client.post(base(tenant), {"slug": "one-more", "name": "x"}, status=400).json
    assert refused["message"] == f"This publisher has all of the {limit} sites that it may have"


def test_the_root_and_me_say_who_answers_and_who_asks(tenant: Tenant) -> None:
    assert tenant.server.client().get("/").json["name"] == "pubsite"
    me = tenant.client.get("/api/accounts/me").json
    assert (me["id"], me["name"], me["is_staff"]) == (str(tenant.owner.id), tenant.owner.name, False)
    tenant.server.client().get("/api/accounts/me", status=401)


def second_publisher(tenant: Tenant, name: str | None = None) -> str:
    """The name of another publisher of the same Owner."""
    name = name or f"q-{uuid.uuid4().hex[:12]}"
    with tenant.server.database.transaction() as db:
        publishers.create(db, name=name, owner=tenant.owner)
    return name
