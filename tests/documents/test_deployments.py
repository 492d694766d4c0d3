"""The second document, as far as it speaks of deployment records."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from pubsite.api.throttling import Window
from pubsite.models import Deployment, Role, Status
from tests.conftest import new_tenant
from tests.documents.document import PUBLISHER, says
from tests.documents.quotes import (
    CRUD,
    ERRORS,
    FLOW,
    MODELS,
    REFERENCES,
    SCOPE,
    STATES,
    TENANCY,
    TITLE,
    TRACK,
    VIEWSETS,
)
from tests.documents.shapes import GUID, ISO_8601
from tests.documents.world import World
from tests.throttling import throttled

LIST = "GET /api/v1/publisher/deployments/"
CREATE = "POST /api/v1/publisher/deployments/"
GET = "GET /api/v1/publisher/deployments/{id}/"
ROLLBACK = "POST /api/v1/publisher/deployments/{id}/rollback/"


def site_of(world: World, slug: str = "docs") -> dict[str, Any]:
    """A new site of one page."""
    site = world.site(slug)
    world.page(slug, "/", content="<p>first</p>")
    return site


def deploy(world: World, site: dict[str, Any], **body: Any) -> dict[str, Any]:
    """A record that has ended."""
    path = world.path(CREATE.removeprefix("POST "))
    answer = world.editor.post(path, {"site_id": site["id"], **body}, status=202, Prefer="wait=30")
    return answer.json["data"]


def row(world: World, site: dict[str, Any], status: str) -> str:
    """The id of a record in a state that no worker will end."""
    with world.tenant.server.database.transaction() as db:
        ids = {"publisher_id": world.tenant.publisher.id, "account_id": world.tenant.owner.id}
        record = Deployment(**ids, site_id=uuid.UUID(site["id"]), status=status)
        db.add(record)
        db.flush()
        return str(record.id)


@says(PUBLISHER, TITLE, CRUD)
@says(PUBLISHER, "• Base path: /api/v1/publisher/", "• deployments/DeploymentRecordViewSet")
def test_deployment_records_are_made_listed_and_read(world: World) -> None:
    site = site_of(world)
    made = world.ask(CREATE, {"site_id": site["id"]}, status=202).json
    assert set(made) == {"success", "data", "request_id"}
    read = world.ask(GET, id=made["data"]["id"]).json
    assert (read["success"], read["data"]["id"]) == (True, made["data"]["id"])
    assert [record["id"] for record in world.ask(LIST).json["results"]] == [made["data"]["id"]]
    for endpoint in (LIST, GET):
        world.ask(endpoint.removesuffix("/"), id=made["data"]["id"])


@says(PUBLISHER, SCOPE, VIEWSETS)
def test_records_are_scoped_and_filtered_by_account_and_site(world: World) -> None:
    first, second, other = site_of(world, "a"), site_of(world, "b"), new_tenant(world.tenant.server)
    ids = {site["slug"]: row(world, site, "failed") for site in (first, second)}
    foreign = row(World(other, "/api"), other.site("a"), "failed")
    for client in (world.tenant.member(Role.Viewer), world.editor, world.tenant.client):
        assert {record["id"] for record in world.ask(LIST, by=client).json["results"]} == set(ids.values())
        assert world.ask(GET, by=client, status=404, id=foreign).json["error"] == "Deployment not found"
    for query, found in (
        (f"site_id={first['id']}", {ids["a"]}),
        (f"account_id={world.tenant.owner.id}", set(ids.values())),
        (f"account_id={other.owner.id}", set()),
        (f"publisher_id={world.tenant.publisher.id}&site_id={second['id']}", {ids["b"]}),
        (f"publisher_id={other.publisher.id}", set()),
        ("status=failed", set(ids.values())),
        ("status=deployed", set()),
    ):
        assert {record["id"] for record in world.ask(f"{LIST}?{query}").json["results"]} == found


@says(PUBLISHER, SCOPE, ERRORS)
def test_every_response_is_unified(world: World) -> None:
    site = site_of(world)
    made = row(world, site, "failed"), row(world, site, "failed")
    one = world.ask(GET, id=made[0])
    many = world.ask(f"{LIST}?page_size=1")
    assert set(one.json) == {"success", "data", "request_id"}
    assert set(many.json) == {"success", "count", "next", "previous", "results", "request_id"}
    assert (many.json["count"], many.json["previous"]) == (2, None)
    path = world.path(LIST.removeprefix("GET "))
    assert many.json["next"] == f"http://localhost:6543{path}?page_size=1&page=2"
    second = world.editor.get(many.json["next"].removeprefix("http://localhost:6543")).json
    assert (second["next"], second["previous"]) == (None, f"http://localhost:6543{path}?page_size=1&page=1")
    refused = [
        world.ask(LIST, by=world.nobody, status=401),
        world.ask(CREATE, {"site_id": site["id"]}, by=world.tenant.member(Role.Viewer), status=403),
        world.ask(GET, id=str(uuid.uuid4()), status=404),
        world.ask(ROLLBACK, {}, id=made[0], status=409),
        world.ask(LIST.replace("GET", "PUT"), {}, status=405),
        world.ask(CREATE, {"site_id": site["id"], "version": 9}, status=404),
    ]
    for answer in refused:
        assert {"success", "error", "request_id"} <= set(answer.json) <= {"success", "error", "code", "request_id"}
        assert answer.json["success"] is False
        assert type(answer.json["error"]) is str
    assert all(answer.json["request_id"] == answer.headers["X-Request-Id"] for answer in (one, many, *refused))


@says(PUBLISHER, ERRORS)
def test_missing_and_invalid_fields_are_validation_errors(world: World) -> None:
    body = {"version": "7", "target": "moon", "message": 1, "metadata": [], "release_hold": "yes", "zz": 1}
    answer = world.ask(CREATE, body, status=400).json
    assert answer["success"] is False
    assert answer["errors"] == {
        "site_id": ["is required"],
        "version": ["must be an integer"],
        "target": ["must be one of production"],
        "message": ["must be a string"],
        "metadata": ["must be an object"],
        "release_hold": ["must be true or false"],
        "zz": ["is not known"],
    }
    for query in ("site_id=x", "status=gone", "page=0", "page_size=101"):
        name = query.partition("=")[0]
        assert list(world.ask(f"{LIST}?{query}", status=400).json["errors"]) == [name]


@says(PUBLISHER, FLOW)
def test_who_asks_comes_before_what_is_asked_for_and_that_before_the_body(world: World) -> None:
    record, wrong = row(world, site_of(world), "failed"), {"to_version": "x"}
    for client, status in (
        (world.nobody, 401),
        (world.stranger, 404),
        (world.tenant.member(Role.Viewer), 403),
        (world.editor, 400),
    ):
        assert world.ask(ROLLBACK, wrong, by=client, status=status, id=record).json["success"] is False
    world.ask(ROLLBACK, {}, status=409, id=record)


@says(PUBLISHER, VIEWSETS)
def test_each_role_may_what_it_may(world: World) -> None:
    site = site_of(world)
    record = row(world, site, "failed")
    viewer, staff = (
        world.tenant.member(Role.Viewer),
        world.tenant.server.client(world.tenant.server.account(is_staff=True)),
    )
    for client, reads, writes in (
        (world.nobody, 401, 401),
        (world.stranger, 404, 404),
        (viewer, 200, 403),
        (staff, 200, 403),
        (world.editor, 200, 202),
    ):
        world.ask(GET, by=client, status=reads, id=record)
        world.ask(CREATE, {"site_id": site["id"]}, by=client, status=writes)


@says(PUBLISHER, VIEWSETS)
def test_requests_are_throttled_by_account_and_kind(world: World) -> None:
    server = throttled(world.tenant.server, Window.in_memory(), read=2, deploy=1)
    site, tenant = site_of(world), replace(world.tenant, server=server)
    client = server.client(tenant.owner)
    limits = World(replace(tenant, client=client), world.prefix)
    allowed = [limits.ask(LIST, by=client), limits.ask(LIST, by=client)]
    allowed.append(limits.ask(CREATE, {"site_id": site["id"]}, by=client, status=202))
    told = [(answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) for answer in allowed]
    assert told == [("2", "1"), ("2", "0"), ("1", "0")]
    for endpoint, body in ((LIST, None), (CREATE, {"site_id": site["id"]})):
        refused = limits.ask(endpoint, body, by=client, status=429)
        assert (refused.json["success"], refused.json["code"]) == (False, "throttled")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    limits.ask(LIST)


@says(PUBLISHER, TRACK, MODELS, REFERENCES)
def test_a_deployment_tracks_versions_status_url_and_metadata(world: World) -> None:
    site, metadata = site_of(world), {"ticket": 7, "nested": [None, {"ü": 1.5}]}
    first = deploy(world, site, message="First", metadata=metadata)
    expected = {
        "publisher_id": str(world.tenant.publisher.id),
        "site_id": site["id"],
        "version": 1,
        "deployed_version": 1,
        "status": "deployed",
        "url": site["url"],
        "metadata": metadata,
        "message": "First",
        "is_live": True,
    }
    assert {name: first[name] for name in expected} == expected
    assert all(GUID.match(first[name]) for name in ("id", "publisher_id", "account_id", "site_id"))
    assert all(ISO_8601.match(first[name]) for name in ("created_at", "started_at", "deployed_at"))
    world.page("docs", "/b", content="second")
    second = deploy(world, site)
    assert (second["version"], second["previous_version"], second["metadata"]) == (2, 1, {})
    assert world.ask(GET, id=first["id"]).json["data"] == {**first, "is_live": False}
    assert world.ask("GET /api/sites/{pubName}/{slug}", slug="docs").json["live_version"] == 2


@says(PUBLISHER, STATES)
def test_a_deployment_has_one_of_five_states(world: World) -> None:
    assert list(Status) == ["pending", "deploying", "deployed", "failed", "rolled_back"]
    waiting, site = site_of(world, "waiting"), site_of(world)
    assert world.ask(CREATE, {"site_id": waiting["id"]}, status=202).json["data"]["status"] == "pending"
    deploy(world, site)
    world.page("docs", "/c", content="third")
    live = deploy(world, site)
    assert live["status"] == "deployed"
    rollback = world.path(ROLLBACK.removeprefix("POST "), id=live["id"])
    back = world.editor.post(rollback, {}, status=202, Prefer="wait=30").json["data"]
    assert (back["status"], back["is_live"]) == ("deployed", True)
    left = world.ask(GET, id=live["id"]).json["data"]
    assert (left["status"], bool(ISO_8601.match(left["rolled_back_at"]))) == ("rolled_back", True)
    broken = site_of(world, "broken")
    world.page("broken", "/logo.txt", content="a page at the path of an asset")
    world.tenant.client.upload(f"/api/sites/{broken['id']}/assets/upload", "logo.txt", b"x", status=200)
    failed = deploy(world, broken)
    assert (failed["status"], type(failed["error"]), type(failed["error_code"])) == ("failed", str, str)
    row(world, broken, "deploying")
    row(world, broken, "pending")
    for status in Status:
        results = world.ask(f"{LIST}?status={status}").json["results"]
        assert {record["status"] for record in results} == {str(status)}
    world.ask(f"{LIST}?status=published", status=400)


@says(PUBLISHER, TENANCY)
def test_staff_see_everybodys_records_with_their_tenants_fields(world: World) -> None:
    site, other = site_of(world), new_tenant(world.tenant.server)
    mine = row(world, site, "failed")
    foreign = row(World(other, "/api"), other.site("theirs"), "failed")
    server = world.tenant.server
    staff = server.client(server.account(is_staff=True))
    tenants = {mine: (world.tenant, site["id"]), foreign: (other, None)}
    for record_id, (tenant, site_id) in tenants.items():
        owner = world.ask(GET, by=tenant.client, id=record_id).json["data"]
        assert world.ask(GET, by=staff, id=record_id).json["data"] == owner
        listed = world.ask(f"{LIST}?publisher_id={tenant.publisher.id}", by=staff).json["results"]
        assert listed == [owner]
        assert (owner["publisher_id"], owner["account_id"]) == (str(tenant.publisher.id), str(tenant.owner.id))
        assert site_id in (None, owner["site_id"])
    world.ask(GET, id=foreign, status=404)
    world.ask(GET, by=other.client, id=mine, status=404)
