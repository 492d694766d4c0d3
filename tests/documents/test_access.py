"""Who may what, and what others hear: the document's authentication, authorization and error responses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from pubsite.models import Role
from tests.conftest import Client
from tests.documents.document import API, says
from tests.documents.world import World, shown

# Every endpoint of the document with a body that it takes, and the least role that it asks for; None: public.
SITES: tuple[tuple[str, Any, Role | None], ...] = (
    ("GET /api/sites/{pubName}/{slug}", None, None),
    ("GET /api/sites/{pubName}", None, Role.Viewer),
    ("POST /api/sites/{pubName}", {"slug": "new", "name": "New", "mode": "SelfManaged"}, Role.Editor),
    ("PATCH /api/sites/{pubName}/{id}", {"name": "New"}, Role.Editor),
    ("DELETE /api/sites/{pubName}/{id}", None, Role.Editor),
)
PAGES: tuple[tuple[str, Any, Role | None], ...] = (
    ("GET /api/sites/site/{slug}/page", None, None),
    ("GET /api/sites/{pubName}/{siteSlug}/pages", None, Role.Viewer),
    ("GET /api/sites/pages/{id}", None, None),
    ("POST /api/sites/{pubName}/{siteSlug}/pages", {"type": "HtmlPage", "path": "/new"}, Role.Editor),
    ("PATCH /api/sites/pages/{id}", {"path": "/new"}, Role.Editor),
    ("DELETE /api/sites/pages/{id}", None, Role.Editor),
)
FILES: tuple[tuple[str, Any, Role | None], ...] = (
    ("GET /api/sites/{siteId}/files", None, Role.Editor),
    ("POST /api/sites/{siteId}/files/upload", ("a.txt", b"y"), Role.Editor),
    ("GET /api/sites/{siteId}/files/content/{relativePath}", None, Role.Editor),
    ("GET /api/sites/{siteId}/files/download/{relativePath}", None, Role.Editor),
    ("PUT /api/sites/{siteId}/files/edit/{relativePath}", {"new_content": "y"}, Role.Editor),
    ("DELETE /api/sites/{siteId}/files/delete/{relativePath}", None, Role.Editor),
)
MINE = "GET /api/sites/me"
ALL = (*SITES, *PAGES, *FILES)
ASKING = [(endpoint, body, role) for endpoint, body, role in ALL if role is not None]

UNAUTHORIZED = API.example("401 Unauthorized\nUser is not authenticated.")
FORBIDDEN = API.example("403 Forbidden\nUser does not have required permissions.")
NOT_FOUND = API.example("404 Not Found\n- Site not found or not in SelfManaged mode\n- File or directory not found")
BAD_REQUEST = API.example("- Missing required parameters")


def of_each_kind(world: World) -> Callable[[str], dict[str, str]]:
    """Names for the path of any endpoint: one new object of a kind, for all endpoints that do not change it."""
    kinds: dict[tuple[bool, bool], dict[str, str]] = {}

    def find(endpoint: str) -> dict[str, str]:
        kind = ("{siteId}" in endpoint, "/pages/" in endpoint)
        if kind not in kinds:
            kinds[kind] = names(world, endpoint)
        return kinds[kind]

    return find


def names(world: World, endpoint: str) -> dict[str, str]:
    """Names for the path of an endpoint, of a new object."""
    if "{siteId}" in endpoint:
        client, site = world.tenant.client, world.tenant.site(f"s-{uuid.uuid4().hex}", "SelfManaged")
        client.upload(f"/api/sites/{site['id']}/files/upload", "a.txt", b"x", status=200)
        return {"siteId": site["id"], "relativePath": "a.txt"}
    site = world.tenant.site(f"s-{uuid.uuid4().hex}")
    page = world.tenant.page(site["slug"], "/", "x")
    return {"slug": site["slug"], "siteSlug": site["slug"], "id": page["id"] if "/pages/" in endpoint else site["id"]}


def test_the_tables_have_every_endpoint_of_the_document() -> None:
    listed = [line.removeprefix("Endpoint: ") for line in API.lines.values() if line.startswith("Endpoint: ")]
    assert sorted(listed) == sorted([MINE, *(endpoint for endpoint, _, _ in ALL)])


def _authorization(endpoint: str, role: Role) -> str:
    return f"Endpoint: {endpoint}\nAuthorization: Required ({role.name} role or higher in publisher)"


@says(API, *(_authorization(endpoint, role) for endpoint, _, role in ASKING if "{siteId}" not in endpoint))
@says(API, "SelfManagedmode - User must have\nEditorrole in the site's publisher")
@pytest.mark.parametrize(("endpoint", "body", "least"), ASKING, ids=lambda value: value if type(value) is str else "")
def test_an_endpoint_asks_for_a_role_or_a_higher_one(world: World, endpoint: str, body: Any, least: Role) -> None:
    found = names(world, endpoint)
    good = 204 if endpoint.startswith("DELETE") and "{siteId}" not in endpoint else 200
    for role in Role:
        client = world.tenant.member(role)
        if role < least:
            world.ask(endpoint, body, by=client, status=403, **found)
            continue
        world.ask(endpoint, body, by=client, status=good, **found)
        if not endpoint.startswith("GET"):
            body = {**body, "slug": f"new-{role.name.lower()}"} if "slug" in (body or {}) else body
            found = names(world, endpoint)


@says(
    API,
    "All endpoints require authentication via JWT bearer token or similar authentication mechanism configured in the"
    " application.",
    "- User must be authenticated",
    "401 Unauthorized\nUser is not authenticated.",
    UNAUTHORIZED,
)
def test_without_a_valid_token_every_endpoint_is_401(world: World) -> None:
    app = world.nobody.app
    tokens = [None, "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", world.editor.headers["Authorization"][:-2]]
    clients = [Client(app, {} if token is None else {"Authorization": token}) for token in tokens]
    find = of_each_kind(world)
    for endpoint, body, _ in [(MINE, None, None), *ASKING]:
        for client in clients:
            answer = world.ask(endpoint, body, by=client, status=401, **find(endpoint))
            assert shown(answer) == UNAUTHORIZED.value
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@says(API, "Get Site (Public)", "Render Page (Public)", f"Get a specific page by ID.\nEndpoint: {PAGES[2][0]}")
def test_what_is_public_answers_anybody_alike(world: World) -> None:
    find, callers = of_each_kind(world), (world.nobody, world.stranger, world.tenant.client)
    for endpoint in (endpoint for endpoint, _, role in ALL if role is None):
        answers = [world.ask(endpoint, by=caller, **find(endpoint)).json for caller in callers]
        assert answers[0] == answers[1] == answers[2]


@says(API, "403 Forbidden\nUser does not have required permissions.", FORBIDDEN)
def test_without_the_role_every_endpoint_is_403(world: World) -> None:
    find = of_each_kind(world)
    for endpoint, body, _ in ASKING:
        answer = world.ask(endpoint, body, by=world.stranger, status=403, **find(endpoint))
        assert (answer.status, shown(answer)) == ("403 Forbidden", FORBIDDEN.value)


@says(API, "- Site must exist and be in\nSelfManagedmode - User must have", "File Management (SelfManaged Sites Only)")
@says(API, "404 Not Found\n- Site not found or not in SelfManaged mode", NOT_FOUND)
def test_files_are_of_self_managed_sites_that_exist(world: World) -> None:
    managed, deleted = world.site("managed")["id"], world.site("deleted", "SelfManaged")["id"]
    world.ask("DELETE /api/sites/{pubName}/{id}", id=deleted, status=204)
    for site_id in (managed, deleted, str(uuid.uuid4())):
        for endpoint, body, _ in FILES:
            answer = world.ask(endpoint, body, status=404, siteId=site_id, relativePath="a.txt")
            assert shown(answer) == NOT_FOUND.value


@says(API, "400 Bad Request", "- File size limits exceeded", BAD_REQUEST)
def test_a_file_that_is_too_large_is_400_with_the_documented_body(world: World) -> None:
    site_id, over = names(world, FILES[0][0])["siteId"], 1_048_577
    for endpoint, body in ((FILES[1][0], ("a.txt", bytes(over))), (FILES[4][0], {"new_content": "x" * over})):
        answer = world.ask(endpoint, body, status=400, siteId=site_id, relativePath="a.txt")
        assert (answer.status, shown(answer)) == ("400 Bad Request", BAD_REQUEST.value)


@says(API, "- Invalid file path")
def test_a_path_that_is_none_is_400(world: World) -> None:
    site_id = names(world, FILES[0][0])["siteId"]
    for endpoint, body, _ in FILES[2:]:
        for path in ("../a.txt", "a//b", "a%5Cb", ".git/config", "con", "a" * 256):
            answer = world.ask(endpoint, body, status=400, siteId=site_id, relativePath=path)
            assert shown(answer) == {**BAD_REQUEST.value, "message": "Invalid file path"}
    for path in ("", "/", "../a.txt", "a//b", "a\\b", "a/"):
        answer = world.upload(site_id, path, status=400)
        assert shown(answer) == {**BAD_REQUEST.value, "message": "Invalid file path"}


MISSING = (
    ("POST /api/sites/{pubName}", {}, {"slug", "name"}),
    ("POST /api/sites/{pubName}", {"slug": "a"}, {"name"}),
    ("POST /api/sites/{pubName}", {"name": "a"}, {"slug"}),
    ("PUT /api/sites/{siteId}/files/edit/{relativePath}", {}, {"new_content"}),
)
NO_PARTS = b"--b--\r\n"
ONE_PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\na\r\n' + NO_PARTS


@says(API, "- Missing required parameters")
def test_a_parameter_that_is_missing_is_400_and_named(world: World) -> None:
    for endpoint, body, missing in MISSING:
        answer = world.ask(endpoint, body, status=400, **names(world, endpoint))
        assert {error["name"] for error in answer.json["errors"]} == missing
        assert shown(answer)["statusCode"] == 400
    path = world.path("/api/sites/{siteId}/files/upload", **names(world, FILES[0][0]))
    only_path, only_file = ONE_PART % (b"filePath", b""), ONE_PART % (b"file", b'; filename="a"')
    for form, missing in ((NO_PARTS, {"filePath", "file"}), (only_path, {"file"}), (only_file, {"filePath"})):
        answer = world.editor.send("POST", path, form, **{"Content-Type": "multipart/form-data; boundary=b"})
        assert {error["name"] for error in answer.json["errors"]} == missing


@says(API, "When using with the gateway, the /api should be replaced with the /zone")
def test_zone_stands_for_api(world: World) -> None:
    """The same answer under both; what one wrote, the other finds written."""
    other = World(world.tenant, {"/api": "/zone", "/zone": "/api"}[world.prefix])
    find = of_each_kind(world)
    for endpoint, body, _ in [(MINE, None, None), *ALL]:
        found = find(endpoint) if endpoint.startswith("GET") else names(world, endpoint)
        first, second = (one.ask(endpoint, body, by=world.editor, status=None, **found) for one in (world, other))
        assert (endpoint, first.status_int in (200, 204)) == (endpoint, True)
        if endpoint.startswith("DELETE"):
            assert (endpoint, second.status_int) == (endpoint, 404)
        elif endpoint.startswith("POST") and not endpoint.endswith("upload"):
            assert (endpoint, second.status_int) == (endpoint, 409)
        else:
            assert first.headers["Content-Type"] == second.headers["Content-Type"]
            assert first.body == second.body


@says(API, "/api/sites/{siteId}/files")
def test_every_endpoint_of_files_lies_below_their_base(world: World) -> None:
    assert all(endpoint.partition(" ")[2].startswith("/api/sites/{siteId}/files") for endpoint, _, _ in FILES)
    assert world.ask(FILES[0][0], siteId=world.files("a.txt")).json[0]["relative_path"] == "a.txt"
