"""Pages: made, read, rendered, listed, changed and deleted, as the published document says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pubsite.models import PageRevision, Role, Site
from tests.conftest import Client, Server, Tenant, new_tenant, running_server

ABOUT = {
    "type": "HtmlPage",
    "path": "/about",
    "config": {"content": "<h1>About Us</h1><p>Content here</p>", "title": "About Page"},
}


@pytest.fixture
def pages(tenant: Tenant) -> str:
    """The URL of the pages of a new site `docs`."""
    tenant.site("docs")
    return f"/api/sites/{tenant.name}/docs/pages"


def refused(client: Client, url: str, config: dict[str, Any], **body: Any) -> dict[str, str]:
    """The message of each field of a page that is refused."""
    answer = client.post(url, {**body, "config": config}, status=400).json
    return {error["name"]: error["message"] for error in answer["errors"]}


def render(tenant: Tenant, query: str, status: int = 200) -> dict[str, Any]:
    client = tenant.server.client()
    return client.get(f"/api/sites/site/docs/page?publisher={tenant.name}{query}", status=status).json


def test_the_documented_create_returns_the_page(tenant: Tenant, pages: str) -> None:
    page = tenant.client.post(pages, ABOUT, status=200).json
    assert {name: page[name] for name in ABOUT} == ABOUT
    assert set(page) == {*ABOUT, "id", "site_id", "revision", "created_at", "updated_at"}
    assert page["revision"] == 1
    assert page["site_id"] == tenant.client.get(f"/api/sites/{tenant.name}/docs").json["id"]


def test_type_and_path_have_defaults(tenant: Tenant, pages: str) -> None:
    page = tenant.client.post(pages, {}, status=200).json
    assert (page["type"], page["path"], page["config"]) == ("HtmlPage", "/", {})


@pytest.mark.parametrize(("sent", "name"), [(0, "HtmlPage"), (1, "Redirect")])
def test_types_are_taken_as_numbers_and_sent_as_names(tenant: Tenant, pages: str, sent: int, name: str) -> None:
    assert tenant.client.post(pages, {"type": sent, "config": {"target": "/x"}}, status=200).json["type"] == name


def test_members_list_the_pages_of_a_site_by_path(tenant: Tenant, pages: str) -> None:
    made = {path: tenant.page("docs", path, "x") for path in ("/b", "/", "/a/c", "/B-side", "/ä", "/a", "/-")}
    listed = tenant.member(Role.Viewer).get(pages).json
    assert listed == [made[path] for path in sorted(made)]


def test_a_page_is_read_by_its_id_by_anybody(tenant: Tenant, pages: str) -> None:
    page = tenant.client.post(pages, ABOUT, status=200).json
    assert tenant.server.client().get(f"/api/sites/pages/{page['id']}").json == page
    missing = tenant.client.get(f"/api/sites/pages/{uuid.uuid4()}", status=404).json
    assert missing["message"] == "Page not found"


def test_an_id_that_is_none_is_404(tenant: Tenant) -> None:
    for odd in ("1", "x", page_id_without_hyphens := uuid.uuid4().hex, f"{uuid.uuid4()}x"):
        tenant.client.get(f"/api/sites/pages/{odd}", status=404)
    assert len(page_id_without_hyphens) == 32


def test_render_shows_the_page_at_a_path_with_its_body(tenant: Tenant, pages: str) -> None:
    home = tenant.page("docs", "/", "<h1>Home</h1>", title="Home")
    about = tenant.page("docs", "/about", "# About *us*", format="markdown")
    assert render(tenant, "") == {**home, "html": render(tenant, "")["html"]}
    assert "Home</h1>" in render(tenant, "&path=/")["html"]
    assert "<em>us</em>" in render(tenant, "&path=/about")["html"]
    assert render(tenant, "&path=/about/")["id"] == about["id"]
    assert render(tenant, "&path=/none", status=404)["message"] == "Page not found"


def test_render_tells_where_a_redirect_leads(tenant: Tenant, pages: str) -> None:
    body = {"type": "Redirect", "path": "/old", "config": {"target": "/new", "status": 301}}
    page = tenant.client.post(pages, body, status=200).json
    assert render(tenant, "&path=/old") == {**page, "location": "/new"}


def test_render_follows_edits(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/", "<p>one</p>")
    assert "one" in render(tenant, "")["html"]
    tenant.client.patch(f"/api/sites/pages/{page['id']}", {"config": {"content": "<p>two</p>"}}, status=200)
    assert "two" in render(tenant, "")["html"]


def test_a_slug_of_several_publishers_renders_the_oldest_unless_one_is_named(tenant: Tenant) -> None:
    slug = f"shared-{uuid.uuid4().hex[:8]}"
    tenant.site(slug)
    tenant.page(slug, "/", "<p>oldest</p>")
    other = new_tenant(tenant.server)
    other.site(slug)
    other.page(slug, "/", "<p>younger</p>")
    url = f"/api/sites/site/{slug}/page"
    client = tenant.server.client()
    assert "oldest" in client.get(url).json["html"]
    assert "younger" in client.get(f"{url}?publisher={other.name}").json["html"]
    client.get(f"{url}?publisher=nobody", status=404)
    client.get("/api/sites/site/no-such-slug-anywhere/page", status=404)


def test_a_path_is_unique_in_its_site_whatever_its_case_or_last_slash(tenant: Tenant, pages: str) -> None:
    tenant.page("docs", "/a", "x")
    for path in ("/a", "/a/", "/A", "/A/"):
        taken = tenant.client.post(pages, {"path": path}, status=409).json
        assert taken["message"] == f"The site has a page at {path} already"
    other = tenant.page("docs", "/b", "x")
    tenant.client.patch(f"/api/sites/pages/{other['id']}", {"path": "/A"}, status=409)
    assert [page["path"] for page in tenant.client.get(pages).json] == ["/a", "/b"]


def test_another_case_is_another_path_to_read(tenant: Tenant, pages: str) -> None:
    tenant.page("docs", "/about", "x")
    render(tenant, "&path=/About", status=404)


@pytest.mark.parametrize(
    "path",
    ["", "a", "//", "/a//b", "/./a", "/a/..", "/a?b", "/a#b", "/a\\b", "/a\tb", "/a\x7f", "/e\u0301", "/" + "a" * 8192],
)
def test_a_path_that_is_none_is_refused(tenant: Tenant, pages: str, path: str) -> None:
    assert "path" in refused(tenant.client, pages, {}, path=path)
    page = tenant.page("docs", "/good", "x")
    answer = tenant.client.patch(f"/api/sites/pages/{page['id']}", {"path": path}, status=400).json
    assert [error["name"] for error in answer["errors"]] == ["path"]


def test_the_longest_path_is_kept_on_every_database(tenant: Tenant, pages: str) -> None:
    path = "/" + "ä" * 8191
    assert tenant.client.post(pages, {"path": path}, status=200).json["path"] == path
    assert len(tenant.client.post(pages, {"path": path}, status=409).text) < 2000


def test_config_is_a_flexible_object(tenant: Tenant, pages: str) -> None:
    config = {
        "content": "x",
        "anything": {"nested": [1, 2.5, None, True, {"deep": "ü😀"}]},
        "tags": ["a"],
        "menu": {"label": "A", "order": -3},
        "data": {"rows": [[1, 2], [3]]},
        "date": "2026-01-31",
    }
    page = tenant.client.post(pages, {"config": config}, status=200).json
    assert page["config"] == config


def test_known_keys_of_a_config_are_checked_and_all_named(tenant: Tenant, pages: str) -> None:
    config = {
        "title": 7,
        "content": None,
        "format": "rst",
        "date": "yesterday",
        "tags": "a, b",
        "draft": "yes",
        "publish_at": "2026-01-31T12:00:00",
        "menu": {"order": 1.0, "colour": 1},
        "canonical_url": "example.com",
        "language": "english language",
        "data": [],
    }
    assert set(refused(tenant.client, pages, config)) == {
        "config.title",
        "config.content",
        "config.format",
        "config.date",
        "config.tags",
        "config.draft",
        "config.publish_at",
        "config.menu.order",
        "config.menu.colour",
        "config.canonical_url",
        "config.language",
        "config.data",
    }


def test_html_stands_for_content_and_url_for_target(tenant: Tenant, pages: str) -> None:
    page = tenant.client.post(pages, {"config": {"html": "<p>x</p>"}}, status=200).json
    assert page["config"] == {"content": "<p>x</p>"}
    body = {"type": "Redirect", "path": "/r", "config": {"url": "https://example.com/x"}}
    assert tenant.client.post(pages, body, status=200).json["config"] == {"target": "https://example.com/x"}


def test_a_config_has_at_most_a_mebibyte(tenant: Tenant, pages: str) -> None:
    room = 1_048_576 - len('{"content": ""}')
    tenant.client.post(pages, {"path": "/full", "config": {"content": "x" * room}}, status=200)
    assert refused(tenant.client, pages, {"content": "x" * (room + 1)}) == {
        "config": "must have at most 1048576 bytes as JSON"
    }
    assert "config" in refused(tenant.client, pages, {"content": "ä" * 524_288})


@pytest.mark.parametrize(
    "target",
    [
        "",
        "new",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a b",
        "/a\nb",
        "\t/a",
        "https://",
        None,
        7,
    ],
)
def test_a_redirect_leads_to_a_path_or_a_whole_url(tenant: Tenant, pages: str, target: object) -> None:
    assert "config.target" in refused(tenant.client, pages, {"target": target}, type="Redirect")


def test_a_wrong_target_bears_the_name_that_it_was_sent_under(tenant: Tenant, pages: str) -> None:
    assert list(refused(tenant.client, pages, {"url": "new"}, type="Redirect")) == ["config.url"]
    assert list(refused(tenant.client, pages, {"url": "/a", "target": "new"}, type="Redirect")) == ["config.target"]
    assert list(refused(tenant.client, pages, {}, type="Redirect")) == ["config.target"]


@pytest.mark.parametrize("status", [200, 300, 304, 309, "301", True, 301.0])
def test_a_redirect_has_a_status_of_redirects(tenant: Tenant, pages: str, status: object) -> None:
    assert "config.status" in refused(tenant.client, pages, {"target": "/x", "status": status}, type="Redirect")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_status_of_redirects_is_taken(tenant: Tenant, pages: str, status: int) -> None:
    body = {"type": "Redirect", "config": {"target": "/x", "status": status}}
    assert tenant.client.post(pages, body, status=200).json["config"]["status"] == status


def test_a_self_managed_site_has_redirects_only(tenant: Tenant) -> None:
    tenant.site("raw", "SelfManaged")
    url = f"/api/sites/{tenant.name}/raw/pages"
    assert "type" in refused(tenant.client, url, {})
    page = tenant.client.post(url, {"type": "Redirect", "config": {"target": "/x"}}, status=200).json
    answer = tenant.client.patch(f"/api/sites/pages/{page['id']}", {"type": "HtmlPage"}, status=400).json
    assert [error["name"] for error in answer["errors"]] == ["type"]


def test_a_patch_changes_what_it_names(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/a", "<p>x</p>", title="A", extra_key=1)
    url = f"/api/sites/pages/{page['id']}"
    moved = tenant.client.patch(url, {"path": "/b"}, status=200).json
    assert (moved["path"], moved["config"], moved["type"]) == ("/b", page["config"], "HtmlPage")
    replaced = tenant.client.patch(url, {"config": {"title": "B"}}, status=200).json
    assert (replaced["config"], replaced["path"]) == ({"title": "B"}, "/b")
    redirect = tenant.client.patch(url, {"type": "Redirect", "config": {"target": "/c"}}, status=200).json
    assert (redirect["type"], redirect["revision"]) == ("Redirect", 4)
    answer = tenant.client.patch(url, {"config": {"title": "no target"}}, status=400).json
    assert [error["name"] for error in answer["errors"]] == ["config.target"]


def test_an_id_in_the_body_is_the_one_in_the_url(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/", "x")
    url = f"/api/sites/pages/{page['id']}"
    tenant.client.patch(url, {"id": page["id"].upper()}, status=200)
    for other in (str(uuid.uuid4()), "x", 7, None):
        answer = tenant.client.patch(url, {"id": other}, status=400).json
        assert [error["name"] for error in answer["errors"]] == ["id"]


def test_a_patch_that_changes_nothing_makes_no_revision(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/", "x", title="T")
    url = f"/api/sites/pages/{page['id']}"
    before = content_sequence(tenant, page)
    for body in ({}, {"path": "/"}, {"config": page["config"]}, {"type": 0}):
        assert tenant.client.patch(url, body, status=200).json == page
    assert content_sequence(tenant, page) == before


def test_every_write_appends_a_revision_and_moves_the_content_sequence(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/", "one")
    url = f"/api/sites/pages/{page['id']}"
    tenant.client.patch(url, {"config": {"content": "two"}}, status=200)
    tenant.client.delete(url, status=204)
    assert content_sequence(tenant, page) == 3
    with tenant.server.database.reading() as db:
        query = select(PageRevision).where(PageRevision.page_id == uuid.UUID(page["id"])).order_by(PageRevision.number)
        assert [(row.number, row.content) for row in db.scalars(query)] == [(1, "one"), (2, "two")]


def test_a_deleted_page_is_gone_and_its_path_free(tenant: Tenant, pages: str) -> None:
    page = tenant.page("docs", "/", "x")
    answer = tenant.client.delete(f"/api/sites/pages/{page['id']}", status=204)
    assert answer.body == b""
    tenant.client.get(f"/api/sites/pages/{page['id']}", status=404)
    tenant.client.delete(f"/api/sites/pages/{page['id']}", status=404)
    assert tenant.client.get(pages).json == []
    tenant.page("docs", "/", "again")


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Server]:
    """A server that gives a page a second to render."""
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(tmp_path), "pubsite.render_seconds": "1"}
    yield from running_server(ini)


def test_a_page_that_cannot_be_rendered_is_422_and_names_itself(impatient: Server) -> None:
    tenant = new_tenant(impatient)
    tenant.site("docs")
    tenant.page("docs", "/heavy", "[" * 400_000, format="markdown")
    answer = render(tenant, "&path=/heavy", status=422)
    assert answer["message"].startswith("/heavy")
    assert [error["name"] for error in answer["errors"]] == ["/heavy"]


def content_sequence(tenant: Tenant, page: dict[str, Any]) -> int:
    with tenant.server.database.reading() as db:
        return db.get_one(Site, uuid.UUID(page["site_id"])).content_sequence
