"""The document's pages: each endpoint, field, default and status."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from pubsite.models import Role
from tests.documents.document import API, says
from tests.documents.shapes import assert_is, assert_like
from tests.documents.world import World, shown

RENDER = "GET /api/sites/site/{slug}/page"
LIST = "GET /api/sites/{pubName}/{siteSlug}/pages"
GET = "GET /api/sites/pages/{id}"
CREATE = "POST /api/sites/{pubName}/{siteSlug}/pages"
UPDATE = "PATCH /api/sites/pages/{id}"
DELETE = "DELETE /api/sites/pages/{id}"

PAGE = API.interface("PublicationPage")
LIST_EXAMPLE = API.example(f"Endpoint: {LIST}")
CREATE_EXAMPLE = API.example(f"Endpoint: {CREATE}")
REDIRECT = {"type": "Redirect", "path": "/old", "config": {"target": "/about"}}


@pytest.fixture
def slug(world: World) -> str:
    """The slug of a new site that no other publisher has."""
    return str(world.site(f"my-site-{uuid.uuid4().hex[:8]}")["slug"])


def create(world: World, slug: str, body: Any = CREATE_EXAMPLE.value, status: int = 200) -> Any:
    return world.ask(CREATE, body, siteSlug=slug, status=status).json


@says(API, "- Page CRUD operations within sites")
def test_a_page_is_created_read_updated_and_deleted(world: World, slug: str) -> None:
    page = create(world, slug)
    assert world.ask(GET, id=page["id"]).json == page
    updated = world.ask(UPDATE, {"path": "/us"}, id=page["id"]).json
    assert world.ask(GET, id=page["id"]).json == updated
    assert world.ask(LIST, siteSlug=slug).json == [updated]
    world.ask(DELETE, id=page["id"], status=204)
    assert world.ask(LIST, siteSlug=slug).json == []


@says(API, "- Support for HTML pages and redirects")
def test_pages_are_html_or_redirects(world: World, slug: str) -> None:
    assert create(world, slug)["type"] == "HtmlPage"
    assert create(world, slug, REDIRECT)["type"] == "Redirect"
    assert create(world, slug, {**REDIRECT, "type": "Gopher"}, status=400)["errors"] == [
        {"location": "body", "name": "type", "message": "must be one of HtmlPage, Redirect"}
    ]
    assert "About Us</h1><p>Content here</p>" in world.ask(f"{RENDER}?path=/about", slug=slug).json["html"]
    assert world.ask(f"{RENDER}?path=/old", slug=slug).json["location"] == "/about"


FLEXIBLE = {"content": "x", "mine": {"deep": [1, 2.5, None, True, {"ü": "😀", "": 0}]}, "a b": [], "list": [[], {}]}


@says(API, "- Flexible configuration using JSON config objects", "- Config is a flexible JSON object")
def test_a_config_is_any_json_object(world: World, slug: str) -> None:
    page = create(world, slug, {"type": "HtmlPage", "path": "/", "config": FLEXIBLE})
    assert page["config"] == world.ask(GET, id=page["id"]).json["config"] == FLEXIBLE
    for other in ("text", 7, True, [], [{}], None):
        refused = create(world, slug, {"type": "HtmlPage", "path": "/x", "config": other}, status=400)
        assert [error["name"] for error in refused["errors"]] == ["config"]


@says(
    API,
    f"Render Page (Public)\nRender a publication page for public access.\nEndpoint: {RENDER}",
    'path: Page path (defaults to "/")\nResponse: 200 OK - Returns page object.',
)
def test_anybody_renders_the_page_at_a_path(world: World, slug: str) -> None:
    home = create(world, slug, {"type": "HtmlPage", "path": "/", "config": {"content": "<h1>Home</h1>"}})
    about = create(world, slug)
    for query, page in (("", home), ("?path=/", home), ("?path=%2Fabout", about), ("?path=/about", about)):
        rendered = world.ask(RENDER + query, slug=slug, by=world.nobody).json
        assert_is(PAGE, rendered)
        assert page["config"]["content"].partition(">")[2] in rendered.pop("html")
        assert rendered == page
    assert shown(world.ask(f"{RENDER}?path=/none", slug=slug, status=404))["message"] == "Page not found"
    world.ask(RENDER, slug=f"{slug}-none", status=404)


@says(API, f"List all pages belonging to a specific site.\nEndpoint: {LIST}")
@says(
    API,
    f"Endpoint: {LIST}\nAuthorization: Required (Viewer role or higher in publisher)\nResponse: 200 OK",
    LIST_EXAMPLE,
)
def test_members_list_all_pages_of_a_site(world: World, slug: str) -> None:
    (example,) = LIST_EXAMPLE.value
    site = world.ask("GET /api/sites/{pubName}/{slug}", slug=slug).json
    made = create(world, slug, {name: example[name] for name in ("type", "path", "config")})
    second = create(world, slug)
    world.site("other")
    world.page("other", "/elsewhere", content="x")
    listed = world.ask(LIST, siteSlug=slug, by=world.tenant.member(Role.Viewer)).json
    assert_like(LIST_EXAMPLE.value, listed)
    assert listed == [made, second]
    assert {page["site_id"] for page in listed} == {site["id"]}
    assert made["config"] == example["config"]


@says(API, f"Get a specific page by ID.\nEndpoint: {GET}\nResponse: 200 OK - Returns page object as shown above.")
def test_a_page_is_read_by_its_id(world: World, slug: str) -> None:
    page = create(world, slug)
    for client in (world.editor, world.nobody):
        answer = world.ask(GET, id=page["id"], by=client).json
        assert_like(LIST_EXAMPLE.value[0], answer)
        assert answer == page
    assert shown(world.ask(GET, id=str(uuid.uuid4()), status=404)) == {"statusCode": 404, "message": "Page not found"}


@says(
    API,
    f"Create a new publication page.\nEndpoint: {CREATE}",
    CREATE_EXAMPLE,
    "Response: 200 OK - Returns created page object.",
)
def test_a_create_returns_the_new_page(world: World, slug: str) -> None:
    page = create(world, slug)
    assert_is(PAGE, page)
    assert {name: page[name] for name in CREATE_EXAMPLE.value} == CREATE_EXAMPLE.value


@says(API, "- Path must be unique within the site")
def test_a_path_is_unique_within_the_site(world: World, slug: str) -> None:
    create(world, slug)
    assert create(world, slug, status=409)["statusCode"] == 409
    other = create(world, slug, {"type": "HtmlPage", "path": "/b"})
    world.ask(UPDATE, {"path": "/about"}, id=other["id"], status=409)
    assert [page["path"] for page in world.ask(LIST, siteSlug=slug).json] == ["/about", "/b"]
    world.site("other")
    create(world, "other")


CHANGES = (
    {},
    {"type": "Redirect", "config": {"target": "/"}},
    {"path": "/us"},
    {"config": {"content": "new"}},
    {"type": "HtmlPage", "path": "/us", "config": {"content": "new"}},
)


@says(
    API,
    f"Update an existing publication page.\nEndpoint: {UPDATE}",
    "Request Body: Same as Create Page, all fields optional except id.",
    "Response: 200 OK - Returns updated page object.",
)
@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: "+".join(changes) or "nothing")
def test_an_update_changes_what_it_names(world: World, slug: str, changes: dict[str, Any]) -> None:
    page = create(world, slug)
    updated = world.ask(UPDATE, changes, id=page["id"]).json
    assert_is(PAGE, updated)
    assert updated == {**page, **changes, "revision": updated["revision"], "updated_at": updated["updated_at"]}
    assert world.ask(UPDATE, {**changes, "id": page["id"]}, id=page["id"]).json == updated
    assert world.ask(GET, id=page["id"]).json == updated


@says(API, "Request Body: Same as Create Page, all fields optional except id.")
def test_an_update_needs_the_id_of_one_page(world: World, slug: str) -> None:
    page = create(world, slug)
    for other in (str(uuid.uuid4()), "x", 7, None):
        refused = world.ask(UPDATE, {"id": other, "path": "/us"}, id=page["id"], status=400).json
        assert [error["name"] for error in refused["errors"]] == ["id"]
    world.ask(UPDATE, {"path": "/us"}, id=str(uuid.uuid4()), status=404)
    assert world.ask(GET, id=page["id"]).json == page


@says(
    API,
    f"Delete a publication page.\nEndpoint: {DELETE}",
    f"Endpoint: {DELETE}\nAuthorization: Required (Editor role or higher in publisher)\nResponse: 204 No Content",
)
def test_a_deleted_page_is_gone(world: World, slug: str) -> None:
    page, other = create(world, slug), create(world, slug, REDIRECT)
    answer = world.ask(DELETE, id=page["id"], status=204)
    assert (answer.status, answer.body) == ("204 No Content", b"")
    world.ask(GET, id=page["id"], status=404)
    world.ask(DELETE, id=page["id"], status=404)
    assert world.ask(LIST, siteSlug=slug).json == [other]
