"""The document's sites: each endpoint, field, status and limit."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from pubsite.models import Role
from tests.conftest import new_tenant
from tests.documents.document import API, says
from tests.documents.shapes import assert_is, assert_like
from tests.documents.world import World, shown

GET = "GET /api/sites/{pubName}/{slug}"
LIST = "GET /api/sites/{pubName}"
MINE = "GET /api/sites/me"
CREATE = "POST /api/sites/{pubName}"
UPDATE = "PATCH /api/sites/{pubName}/{id}"
DELETE = "DELETE /api/sites/{pubName}/{id}"

SITE = API.interface("PublicationSite")
GET_EXAMPLE = API.example(f"Endpoint: {GET}")
LIST_EXAMPLE = API.example(f"Endpoint: {LIST}")
CREATE_EXAMPLE = API.example(f"Endpoint: {CREATE}")


def messages(answer: Any) -> dict[str, str]:
    """The message of each wrong field."""
    return {error["name"]: error["message"] for error in answer.json["errors"]}


@says(API, "- Site CRUD operations (Create, Read, Update, Delete)")
def test_a_site_is_created_read_updated_and_deleted(world: World) -> None:
    site = world.ask(CREATE, CREATE_EXAMPLE.value).json
    assert world.ask(GET, slug="my-new-site").json == site
    updated = world.ask(UPDATE, {"name": "Changed"}, id=site["id"]).json
    assert world.ask(GET, slug="my-new-site").json == updated
    assert updated == {**site, "name": "Changed", "updated_at": updated["updated_at"]}
    world.ask(DELETE, id=site["id"], status=204)
    assert shown(world.ask(GET, slug="my-new-site", status=404))["message"] == "Site not found"


@says(API, "- Publisher-based site organization")
def test_a_site_belongs_to_one_publisher(world: World) -> None:
    site, other = world.site("my-site"), new_tenant(world.tenant.server)
    theirs = world.ask(CREATE, {"slug": "my-site", "name": "Theirs"}, pubName=other.name, by=other.client).json
    assert site["publisher_id"] == str(world.tenant.publisher.id)
    assert theirs["publisher_id"] == str(other.publisher.id)
    assert [listed["id"] for listed in world.ask(LIST).json] == [site["id"]]
    assert world.ask(GET, slug="my-site", pubName=other.name).json["id"] == theirs["id"]
    world.ask(GET, slug=site["id"], pubName=other.name, status=404)


@says(API, "- Support for FullyManaged and SelfManaged site modes")
@pytest.mark.parametrize("mode", ["FullyManaged", "SelfManaged"])
def test_a_site_has_one_of_two_modes(world: World, mode: str) -> None:
    assert world.site("my-site", mode)["mode"] == mode
    assert world.ask(GET, slug="my-site").json["mode"] == mode
    other = {"slug": "other", "name": "x", "mode": "HalfManaged"}
    assert messages(world.ask(CREATE, other, status=400)) == {"mode": "must be one of FullyManaged, SelfManaged"}


@says(
    API,
    f"Get Site (Public)\nGet a publication site by publisher name and slug.\nEndpoint: {GET}\nResponse: 200 OK",
    GET_EXAMPLE,
)
def test_anybody_gets_a_site_by_publisher_name_and_slug(world: World) -> None:
    shown_site = GET_EXAMPLE.value
    (shown_page,) = shown_site["pages"]
    made = world.site("my-site", name="My Site", description=shown_site["description"])
    page = world.page("my-site", "/", **shown_page["config"])
    site = world.ask(GET, slug="my-site", by=world.nobody).json
    assert_like(shown_site, site)
    same = ("slug", "name", "description", "mode")
    assert {name: site[name] for name in same} == {name: shown_site[name] for name in same}
    assert (site["id"], site["account_id"]) == (made["id"], made["account_id"])
    assert site["publisher_id"] == str(world.tenant.publisher.id)
    assert site["pages"] == [page]
    assert {name: page[name] for name in ("type", "path", "config")} == {
        name: shown_page[name] for name in ("type", "path", "config")
    }
    assert page["site_id"] == site["id"]


@says(API, f"List all sites for a specific publisher.\nEndpoint: {LIST}")
@says(
    API,
    "Authorization: Required (Viewer role or higher in publisher)\nResponse: 200 OK\n[\n{\n"
    '"id": "123e4567-e89b-12d3-a456-426614174000",\n"slug": "site1",',
    LIST_EXAMPLE,
)
def test_members_list_all_sites_of_a_publisher(world: World) -> None:
    (site1,) = LIST_EXAMPLE.value
    first = world.site("site1", "SelfManaged", name=site1["name"], description=site1["description"])
    second = world.site("site2", description="x")
    listed = world.ask(LIST, by=world.tenant.member(Role.Viewer)).json
    assert_like(LIST_EXAMPLE.value, listed)
    same = ("slug", "name", "description", "mode")
    assert {name: listed[0][name] for name in same} == {name: site1[name] for name in same}
    assert [site["id"] for site in listed] == [first["id"], second["id"]]
    assert all("pages" not in site for site in listed)


@says(
    API,
    "List all sites for publishers where the authenticated user is a member.\n"
    f"Endpoint: {MINE}\nAuthorization: Required\nResponse: 200 OK - Array of sites as shown above.",
)
def test_an_account_lists_the_sites_of_its_publishers(world: World) -> None:
    site = world.site("site1", "SelfManaged", description="First site")
    new_tenant(world.tenant.server).site("not-mine")
    listed = world.ask(MINE).json
    assert_like(LIST_EXAMPLE.value, listed)
    assert listed == world.ask(LIST).json
    assert [mine["id"] for mine in listed] == [site["id"]]
    assert world.ask(MINE, by=world.stranger).json == []
    assert shown(world.ask(MINE, by=world.nobody, status=401)) == {"statusCode": 401, "message": "Unauthorized"}


@says(
    API,
    f"Create a new publication site.\nEndpoint: {CREATE}",
    CREATE_EXAMPLE,
    "Response: 200 OK - Returns created site object.",
)
def test_a_create_returns_the_new_site(world: World) -> None:
    site = world.ask(CREATE, CREATE_EXAMPLE.value).json
    assert_is(SITE, site)
    assert_like(CREATE_EXAMPLE.value, site)
    assert {name: site[name] for name in CREATE_EXAMPLE.value} == CREATE_EXAMPLE.value
    assert site["pages"] == []


@says(API, "- User must have appropriate permissions in the publisher")
def test_only_editors_of_the_publisher_create(world: World) -> None:
    for client, status in ((world.nobody, 401), (world.stranger, 403), (world.tenant.member(Role.Viewer), 403)):
        world.ask(CREATE, CREATE_EXAMPLE.value, by=client, status=status)
    assert world.ask(LIST).json == []


@says(API, "- Slug must be unique within the publisher")
def test_a_slug_is_unique_within_the_publisher(world: World) -> None:
    world.ask(CREATE, CREATE_EXAMPLE.value)
    assert shown(world.ask(CREATE, CREATE_EXAMPLE.value, status=409))["statusCode"] == 409
    other = world.site("other")
    world.ask(UPDATE, {"slug": "my-new-site"}, id=other["id"], status=409)
    assert len(world.ask(LIST).json) == 2
    elsewhere = new_tenant(world.tenant.server)
    world.ask(CREATE, CREATE_EXAMPLE.value, pubName=elsewhere.name, by=elsewhere.client)


@says(API, "- Name is required, max 4096 characters")
def test_a_name_is_required_and_has_4096_characters_at_most(world: World) -> None:
    assert messages(world.ask(CREATE, {"slug": "a"}, status=400)) == {"name": "is required"}
    longest = world.ask(CREATE, {"slug": "a", "name": "ä" * 4096}).json
    assert longest["name"] == "ä" * 4096
    too_long = {"name": "must have at most 4096 characters"}
    assert messages(world.ask(CREATE, {"slug": "b", "name": "ä" * 4097}, status=400)) == too_long
    assert messages(world.ask(UPDATE, {"name": "ä" * 4097}, id=longest["id"], status=400)) == too_long
    assert messages(world.ask(UPDATE, {"name": ""}, id=longest["id"], status=400)) == {"name": "must not be empty"}


@says(API, "- Description max 8192 characters")
def test_a_description_has_8192_characters_at_most(world: World) -> None:
    longest = world.site("a", description="😀" * 8192)
    assert longest["description"] == "😀" * 8192
    too_long = {"description": "must have at most 8192 characters"}
    over = {"slug": "b", "name": "x", "description": "😀" * 8193}
    assert messages(world.ask(CREATE, over, status=400)) == too_long
    assert messages(world.ask(UPDATE, {"description": "x" * 8193}, id=longest["id"], status=400)) == too_long


CHANGES = ({}, *({name: value} for name, value in CREATE_EXAMPLE.value.items()), CREATE_EXAMPLE.value)


@says(
    API,
    f"Update an existing publication site.\nEndpoint: {UPDATE}",
    "Request Body: Same as Create Site, all fields optional.\nResponse: 200 OK - Returns updated site object.",
)
@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: "+".join(changes) or "nothing")
def test_an_update_changes_what_it_names_and_returns_the_site(world: World, changes: dict[str, str]) -> None:
    site = world.site("before", name="Before", description="before")
    updated = world.ask(UPDATE, changes, id=site["id"]).json
    assert_is(SITE, updated)
    assert updated == {**site, **changes, "updated_at": updated["updated_at"]}
    assert world.ask(GET, slug=changes.get("slug", "before")).json == updated


@says(
    API,
    f"Delete a publication site and all its associated pages.\nEndpoint: {DELETE}",
    f"Endpoint: {DELETE}\nAuthorization: Required (Editor role or higher in publisher)\nResponse: 204 No Content",
)
def test_a_deleted_site_is_gone_with_all_its_pages(world: World) -> None:
    site = world.site("my-site")
    made = [world.page("my-site", path, content="x") for path in ("/", "/about")]
    answer = world.ask(DELETE, id=site["id"], status=204)
    assert (answer.status, answer.body) == ("204 No Content", b"")
    assert "Content-Type" not in answer.headers
    world.ask(GET, slug="my-site", status=404)
    for page in made:
        world.ask("GET /api/sites/pages/{id}", id=page["id"], status=404)
    world.ask("GET /api/sites/{pubName}/{siteSlug}/pages", siteSlug="my-site", status=404)
    assert world.ask(LIST).json == []
    world.ask(DELETE, id=site["id"], status=404)
    world.ask(DELETE, id=str(uuid.uuid4()), status=404)
