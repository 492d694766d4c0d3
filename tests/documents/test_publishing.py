"""The second document, as far as it speaks of publishing records and of the destinations that they name."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pubsite.models import PublishingRecord, PublishingStatus, Role
from pubsite.publishing.webhook import new_secret
from tests.conftest import Tenant, new_tenant
from tests.documents.document import PUBLISHER, says
from tests.documents.quotes import (
    CRUD,
    ERRORS,
    FLOW,
    MODELS,
    REFERENCES,
    SCOPE,
    SEPARATION,
    STATES,
    TENANCY,
    TITLE,
    TRACK,
    VIEWSETS,
)
from tests.documents.shapes import GUID, ISO_8601
from tests.documents.test_deployments import LIST as DEPLOYMENTS
from tests.documents.test_deployments import deploy, site_of
from tests.documents.world import World
from tests.doubles.http import Answered, Asked, serving
from tests.doubles.receiver import Receiver

RECORDS = "/api/v1/publisher/publishing-records/"
RECORD = "/api/v1/publisher/publishing-records/{id}/"
DESTINATIONS = "/api/v1/publisher/destinations/"
DESTINATION = "/api/v1/publisher/destinations/{id}/"
PUBLISH = "POST /api/v1/publisher/publish/"
NEVER = "2999-01-01T00:00:00Z"  # what is scheduled for then waits as long as a test takes
PATIENCE = 15.0


@dataclass
class End:
    """The other end: takes what it is sent, unless it was told how to answer next."""

    receiver: Receiver = field(default_factory=lambda: Receiver(new_secret()))
    answers: list[Answered] = field(default_factory=list)
    url: str = ""

    def __call__(self, asked: Asked) -> Answered:
        return self.answers.pop(0) if self.answers else self.receiver(asked)


@pytest.fixture
def end() -> Iterator[End]:
    made = End()
    with serving(made) as url:
        made.url = url
        yield made


def destination(world: World, site: dict[str, Any], end: End | None = None, **fields: Any) -> dict[str, Any]:
    """A new destination of a site; without an end, of which nothing is asked."""
    there = {"base_url": end.url, "secret": end.receiver.secret} if end else {"base_url": "https://hooks.example"}
    body = {"site_id": site["id"], "name": "There", "type": "webhook", **there, **fields}
    manager = world.tenant.member(Role.Manager)
    made: dict[str, Any] = world.ask(f"POST {DESTINATIONS}", body, by=manager, status=201).json["data"]
    return made


def record_of(world: World, page: dict[str, Any], there: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A new record, which waits."""
    body = {"content_id": page["id"], "destination_id": there["id"], "scheduled_at": NEVER, **fields}
    made: dict[str, Any] = world.ask(f"POST {RECORDS}", body, status=201).json["data"]
    return made


def sent(world: World, page: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """The record of a page that is on its way."""
    body = {"content_id": page["id"], "destination_ids": [there["id"]]}
    (made,) = world.ask(PUBLISH, body, status=202).json["data"]["records"]
    return dict(made["record"])


def until(world: World, record: dict[str, Any], **expected: Any) -> dict[str, Any]:
    """The record once it is so."""
    ends = time.monotonic() + PATIENCE
    while True:
        shown: dict[str, Any] = world.ask(f"GET {RECORD}", id=record["id"]).json["data"]
        if {name: shown.get(name) for name in expected} == expected:
            return shown
        assert time.monotonic() < ends, shown
        time.sleep(0.03)


def set_status(world: World, record: dict[str, Any], status: str) -> None:
    """As if the worker had done it."""
    with world.tenant.server.database.transaction() as db:
        db.get_one(PublishingRecord, uuid.UUID(record["id"])).status = status


@says(PUBLISHER, TITLE, CRUD)
@says(PUBLISHER, "• Base path: /api/v1/publisher/", "• publishing-records/PublishingRecordViewSet")
def test_publishing_records_are_made_read_listed_changed_and_removed(world: World) -> None:
    site = site_of(world)
    page, there = world.page("docs", "/a", content="x"), destination(world, site)
    body = {"content_id": page["id"], "destination_id": there["id"], "scheduled_at": NEVER, "metadata": {"ticket": 7}}
    answer = world.ask(f"POST {RECORDS}", body, status=201).json
    assert set(answer) == {"success", "data", "request_id"}
    made = answer["data"]
    assert world.ask(f"POST {RECORDS}", body, status=200).json["data"] == made  # one for a page and a destination
    for endpoint in (RECORD, RECORD.removesuffix("/")):
        assert world.ask(f"GET {endpoint}", id=made["id"]).json["data"] == made
    assert world.ask(f"GET {RECORDS}").json["results"] == [made]
    patched = world.ask(f"PATCH {RECORD}", {"metadata": {"ticket": 8}}, id=made["id"]).json["data"]
    assert (patched["metadata"], patched["scheduled_at"]) == ({"ticket": 8}, made["scheduled_at"])
    put = world.ask(f"PUT {RECORD}", {"scheduled_at": "2998-01-01T00:00:00Z"}, id=made["id"]).json["data"]
    assert (put["metadata"], put["scheduled_at"]) == ({}, "2998-01-01T00:00:00.000Z")
    assert world.ask(f"DELETE {RECORD}", id=made["id"], status=204).body == b""
    world.ask(f"GET {RECORD}", id=made["id"], status=404)
    assert world.ask(f"GET {RECORDS}").json["count"] == 0


@says(PUBLISHER, TRACK, MODELS)
def test_a_record_tracks_destination_status_and_urls(world: World, end: End) -> None:
    site = site_of(world)
    page, there = world.page("docs", "/a", content="<p>x</p>", title="News"), destination(world, site, end)
    deploy(world, site)
    shown = until(world, sent(world, page, there), status="published")
    expected = {
        "publisher_id": str(world.tenant.publisher.id),
        "site_id": site["id"],
        "content_id": page["id"],
        "content_revision": page["revision"],
        "destination_id": there["id"],
        "destination_type": "webhook",
        "remote_state": "present",
        "external_id": page["id"],
        "external_url": f"{site['url']}a/",
        "attempts": 1,
        "metadata": {},
    }
    assert {name: shown[name] for name in expected} == expected
    assert all(GUID.match(shown[name]) for name in ("id", "publisher_id", "account_id", "site_id"))
    assert all(ISO_8601.match(shown[name]) for name in ("created_at", "updated_at", "published_at"))
    assert [taken["title"] for taken in end.receiver.pages.values()] == ["News"]
    world.ask("POST /api/v1/publisher/publishing-records/{id}/unpublish/", id=shown["id"], status=202)
    gone = until(world, shown, status="pending", remote_state="absent", content_hash=None)
    assert ISO_8601.match(gone["unpublished_at"])
    assert end.receiver.pages == {}


@says(PUBLISHER, TRACK)
def test_a_record_tracks_errors(world: World, end: End) -> None:
    site = site_of(world)
    page, there = world.page("docs", "/a", content="x"), destination(world, site, end)
    deploy(world, site)
    end.answers += [(422, {}, b""), (500, {}, b"")]
    failed = until(world, sent(world, page, there), status="failed")
    assert (failed["error_code"], failed["error"], failed["error_retryable"]) == ("rejected", "It answered 422", False)
    world.ask("POST /api/v1/publisher/publishing-records/{id}/retry/", id=failed["id"], status=202)
    waiting = until(world, failed, status="pending", attempts=2, error_code="remote_error")
    assert waiting["error_retryable"] is True
    assert ISO_8601.match(waiting["next_attempt_at"])
    world.ask("POST /api/v1/publisher/publishing-records/{id}/retry/", id=failed["id"], status=202)
    assert not {"error", "error_code"} & set(until(world, failed, status="published"))
    attempts = world.ask("GET /api/v1/publisher/publishing-records/{id}/attempts/", id=failed["id"]).json["results"]
    told = [(attempt["number"], attempt["outcome"], attempt["http_status"]) for attempt in attempts]
    assert told == [(3, "created", 204), (2, "failed", 500), (1, "failed", 422)]


@says(PUBLISHER, STATES)
def test_a_publishing_record_has_one_of_four_states(world: World) -> None:
    assert list(PublishingStatus) == ["pending", "publishing", "published", "failed"]
    site = site_of(world)
    there = destination(world, site)
    for status in PublishingStatus:
        made = record_of(world, world.page("docs", f"/{status}", content="x"), there)
        assert made["status"] == "pending"
        set_status(world, made, status)
        results = world.ask(f"GET {RECORDS}?status={status}").json["results"]
        assert [(each["id"], each["status"]) for each in results] == [(made["id"], str(status))]
        set_status(world, made, "failed")
        world.ask(f"DELETE {RECORD}", id=made["id"], status=204)
    world.ask(f"GET {RECORDS}?status=deployed", status=400)


@says(PUBLISHER, REFERENCES)
def test_records_reference_content_and_destinations_decide_how_it_stands_there(world: World, end: End) -> None:
    site = site_of(world)
    page = world.page("docs", "/a", content="<p>x</p>", canonical_url="https://first.example/a")
    other = world.ask("POST /api/sites/{pubName}/{siteSlug}/pages", {"path": "/old", "type": "Redirect",
                      "config": {"target": "/a"}}, siteSlug="docs").json  # fmt: skip
    early = destination(world, site, end, config={"before_live": True, "canonical": "none"})
    for wrong in (str(uuid.uuid4()), other["id"]):  # no page; one without content
        body = {"content_id": wrong, "destination_id": early["id"]}
        assert world.ask(f"POST {RECORDS}", body, status=None).status_int in (400, 404)
    record = until(world, sent(world, page, early), status="published")
    assert (record["content_id"], record["content_revision"]) == (page["id"], 1)
    assert end.receiver.pages[page["id"]]["canonical_url"] == ""
    late = destination(world, site, end)
    waiting = until(world, sent(world, page, late), error_code="not_live")
    deploy(world, site)
    until(world, waiting, status="published")
    assert end.receiver.pages[page["id"]]["canonical_url"] == "https://first.example/a"
    status = world.ask(f"GET /api/v1/publisher/publish/status/?content_id={page['id']}").json["data"]
    assert (status["overall"], {one["destination_id"] for one in status["records"]}) == (
        "published",
        {early["id"], late["id"]},
    )


@says(PUBLISHER, SCOPE, VIEWSETS, TENANCY)
def test_publishing_records_are_scoped_and_filtered_by_account_site_and_sector(world: World) -> None:
    first, second, other = site_of(world, "a"), site_of(world, "b"), new_tenant(world.tenant.server)
    body = {"site_id": first["id"], "name": "News"}
    sector = world.ask("POST /api/v1/publisher/sectors/", body, status=201).json["data"]
    path = world.path("/api/sites/{pubName}/a/pages")
    in_sector = world.editor.post(path, {"path": "/n", "sector_id": sector["id"]}, status=200).json
    ids = {
        "a": record_of(world, in_sector, destination(world, first, sector_id=sector["id"]))["id"],
        "b": record_of(world, world.page("b", "/n", content="x"), destination(world, second))["id"],
    }
    foreign = _foreign_record(World(other, "/api"))
    writer = world.ask("GET /api/accounts/me").json["id"]
    for client in (world.tenant.member(Role.Viewer), world.editor, world.tenant.client):
        assert {one["id"] for one in world.ask(f"GET {RECORDS}", by=client).json["results"]} == set(ids.values())
        world.ask(f"GET {RECORD}", by=client, status=404, id=foreign["id"])
    for query, found in (
        (f"site_id={first['id']}", {ids["a"]}),
        (f"sector_id={sector['id']}", {ids["a"]}),
        (f"account_id={writer}", set(ids.values())),
        (f"account_id={other.owner.id}", set()),
        (f"publisher_id={world.tenant.publisher.id}&site_id={second['id']}", {ids["b"]}),
        (f"publisher_id={other.publisher.id}", set()),
        (f"content_id={in_sector['id']}", {ids["a"]}),
        ("status=pending", set(ids.values())),
    ):
        assert {one["id"] for one in world.ask(f"GET {RECORDS}?{query}").json["results"]} == found
    staff = world.tenant.server.client(world.tenant.server.account(is_staff=True))
    for record_id, tenant in ((ids["a"], world.tenant), (foreign["id"], other)):
        owner = world.ask(f"GET {RECORD}", by=tenant.client, id=record_id).json["data"]
        assert world.ask(f"GET {RECORD}", by=staff, id=record_id).json["data"] == owner
        assert owner["publisher_id"] == str(tenant.publisher.id)
    wrong = {"content_id": in_sector["id"], "destination_id": foreign["destination_id"]}
    assert list(world.ask(f"POST {RECORDS}", wrong, status=400).json["errors"]) == ["destination_id"]
    wrong = {"content_id": world.page("a", "/out", content="x")["id"], "destination_ids": [_of(world, ids["a"])]}
    assert world.ask(PUBLISH, wrong, status=400).json["errors"] == {"destination_ids.0": ["is for another sector"]}


def _foreign_record(world: World) -> dict[str, Any]:
    site = site_of(world, "theirs")
    return record_of(world, world.page("theirs", "/a", content="x"), destination(world, site))


def _of(world: World, record_id: str) -> str:
    return str(world.ask(f"GET {RECORD}", id=record_id).json["data"]["destination_id"])


@says(PUBLISHER, VIEWSETS, FLOW)
def test_each_role_may_send_and_change_what_it_may(world: World) -> None:
    site = site_of(world)
    page, there = world.page("docs", "/a", content="x"), destination(world, site)
    made = record_of(world, page, there)
    tenant: Tenant = world.tenant
    for client, reads, writes, manages in (
        (world.nobody, 401, 401, 401),
        (world.stranger, 404, 404, 404),
        (tenant.member(Role.Viewer), 200, 403, 403),
        (world.editor, 200, 200, 403),
        (tenant.member(Role.Manager), 200, 200, 200),
    ):
        world.ask(f"GET {RECORD}", by=client, status=reads, id=made["id"])
        world.ask(f"GET {DESTINATION}", by=client, status=reads, id=there["id"])
        world.ask(f"PATCH {RECORD}", {"metadata": {}}, by=client, status=writes, id=made["id"])
        world.ask(f"PATCH {DESTINATION}", {"name": "Here"}, by=client, status=manages, id=there["id"])
    assert "secret" not in world.ask(f"GET {DESTINATION}", id=there["id"]).json["data"]


@says(PUBLISHER, ERRORS)
def test_wrong_fields_of_records_and_destinations_are_validation_errors(world: World) -> None:
    site = site_of(world)
    made = record_of(world, world.page("docs", "/a", content="x"), destination(world, site))
    refused = world.ask(f"POST {RECORDS}", {"content_id": 7, "scheduled_at": "soon", "zz": 1}, status=400).json
    assert (refused["success"], set(refused["errors"])) == (
        False,
        {"content_id", "destination_id", "scheduled_at", "zz"},
    )
    for name in ("status", "remote_state", "external_url", "error", "content_id", "attempts"):
        assert list(world.ask(f"PATCH {RECORD}", {name: "x"}, id=made["id"], status=400).json["errors"]) == [name]
    manager = world.tenant.member(Role.Manager)
    body = {"site_id": made["site_id"], "name": "", "type": "pigeon", "base_url": "ftp://x", "config": 1}
    wrong = world.ask(f"POST {DESTINATIONS}", body, by=manager, status=400).json["errors"]
    assert {"name", "type", "config"} <= set(wrong)
    for query in ("site_id=x", "status=gone", "page=0", "page_size=101"):
        assert list(world.ask(f"GET {RECORDS}?{query}", status=400).json["errors"]) == [query.partition("=")[0]]
    set_status(world, made, "publishing")
    assert world.ask(f"DELETE {RECORD}", id=made["id"], status=409).json["code"] == "conflict"


@says(PUBLISHER, SEPARATION)
def test_content_publishing_and_site_deployment_are_distinct(world: World) -> None:
    site = site_of(world)
    made = record_of(world, world.page("docs", "/a", content="x"), destination(world, site))
    assert world.ask(DEPLOYMENTS).json["count"] == 0
    deployment = deploy(world, site)
    assert world.ask(f"GET {RECORDS}").json["results"] == [made]
    world.ask(f"GET {RECORD}", id=deployment["id"], status=404)
    world.ask("GET /api/v1/publisher/deployments/{id}/", id=made["id"], status=404)
    root = world.ask("GET /api/v1/publisher/").json["data"]
    assert root["deployments"]["by_status"]["deployed"] == root["publishing_records"]["by_status"]["pending"] == 1
    world.ask(f"DELETE {RECORD}", id=made["id"], status=204)
    assert world.ask(DEPLOYMENTS).json["count"] == 1
