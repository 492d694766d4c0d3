"""Deployment records over HTTP: the envelope, lists, what a deploy answers, holds, waits and archives."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import delete

from pubsite.models import Deployment, Job, Role, now
from tests.conftest import Tenant, new_tenant

RECORDS = "/api/v1/publisher/deployments"
Json = dict[str, Any]


@pytest.fixture
def site(tenant: Tenant) -> Json:
    """A site of one page."""
    made = tenant.site("docs")
    tenant.page("docs", "/", "<p>first</p>")
    return made


def records(tenant: Tenant, query: str = "") -> Json:
    return tenant.client.get(f"{RECORDS}/{query}").json


def make_records(tenant: Tenant, site: Json, count: int, **values: Any) -> list[str]:
    """So many records that no worker will touch; their ids, the newest first."""
    with tenant.server.database.transaction() as db:
        ids = [uuid.uuid4() for _ in range(count)]
        for number in ids:
            row: Json = {"account_id": tenant.owner.id, "status": "failed", **values}
            db.add(
                Deployment(id=number, publisher_id=tenant.publisher.id, site_id=uuid.UUID(site["id"]), stats={}, **row)
            )
            db.flush()
    return [str(number) for number in reversed(ids)]


# The envelope


def test_a_record_comes_in_an_envelope(tenant: Tenant, site: Json) -> None:
    body = {"site_id": site["id"], "message": "First ü", "metadata": {"ticket": 7, "nested": [None, {"a": 1.5}]}}
    answer = tenant.client.post(f"{RECORDS}/", body, status=202)
    assert set(answer.json) == {"success", "data", "request_id"}
    assert answer.json["success"] is True
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    record = answer.json["data"]
    assert {name: record[name] for name in ("site_id", "message", "metadata", "kind", "target", "url")} == {
        **body,
        "kind": "deploy",
        "target": "production",
        "url": site["url"],
    }
    assert record["publisher_id"] == str(tenant.publisher.id)
    assert record["account_id"] == str(tenant.owner.id)
    assert record["status"] == "pending"
    assert record["stage"] == "queued"
    assert not {"version", "deployed_version", "started_at", "deployed_at", "error"} & set(record)


@pytest.mark.parametrize("path", ["deployments", "deployments/"])
def test_a_trailing_slash_is_optional(tenant: Tenant, site: Json, path: str) -> None:
    (number,) = make_records(tenant, site, 1)
    tenant.client.get(f"/api/v1/publisher/{path}", status=200)
    tenant.client.get(f"{RECORDS}/{number}" + path[11:], status=200)


def test_errors_come_in_the_envelope_of_errors(tenant: Tenant) -> None:
    answer = tenant.client.post(f"{RECORDS}/", {"site_id": "x", "version": "7", "zz": 1}, status=400)
    assert set(answer.json) == {"success", "error", "code", "errors", "request_id"}
    assert answer.json["success"] is False
    assert answer.json["errors"] == {
        "site_id": ["must be a UUID"],
        "version": ["must be an integer"],
        "zz": ["is not known"],
    }


# What a deploy answers


def test_a_deploy_that_is_waited_for_answers_when_it_has_ended(tenant: Tenant, site: Json) -> None:
    answer = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=202, Prefer="respond-async, wait=30")
    assert answer.headers["Preference-Applied"] == "wait=30"
    record = answer.json["data"]
    assert (record["status"], record["stage"], record["is_live"]) == ("deployed", "done", True)
    assert (record["version"], record["deployed_version"], record["unchanged"]) == (1, 1, False)
    assert record["created_at"] <= record["started_at"] <= record["deployed_at"]
    assert len(record["stats"]["digest"]) == 64
    assert tenant.client.get(f"/api/sites/{tenant.name}/docs").json["live_version"] == 1


def test_known_to_change_nothing_is_200_with_the_live_record(tenant: Tenant, site: Json) -> None:
    live = tenant.deploy(site["id"])
    answer = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=200).json["data"]
    assert answer == {**live, "unchanged": True}
    assert records(tenant, f"?site_id={site['id']}")["count"] == 1


def test_the_live_version_of_a_rollback_is_unchanged_as_well(tenant: Tenant, site: Json) -> None:
    tenant.deploy(site["id"])
    tenant.page("docs", "/b", "second")
    second = tenant.deploy(site["id"])
    tenant.client.post(f"{RECORDS}/{second['id']}/rollback/", {}, status=202, Prefer="wait=30")
    again = {"site_id": site["id"], "version": 1, "release_hold": True}
    answer = tenant.client.post(f"{RECORDS}/", again, status=200).json["data"]
    assert (answer["kind"], answer["unchanged"], answer["deployed_version"]) == ("rollback", True, 1)


def test_a_version_must_be_there_and_not_lower_than_the_live_one(tenant: Tenant, site: Json) -> None:
    tenant.deploy(site["id"])
    tenant.page("docs", "/b", "second")
    tenant.deploy(site["id"])
    missing = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"], "version": 9}, status=404).json
    assert missing["error"] == "The site has no version 9"
    lower = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"], "version": 1}, status=409).json
    assert lower["error"] == "Version 1 is older than the live 2: use rollback"


def test_a_held_site_is_409_until_it_is_released(tenant: Tenant, site: Json) -> None:
    url = f"/api/v1/publisher/sites/{site['id']}/hold"
    held = tenant.client.post(f"{url}/", status=200).json["data"]
    assert held["site_id"] == site["id"]
    assert tenant.client.post(url, status=200).json["data"] == held
    refused = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=409).json
    assert (refused["success"], refused["code"]) == (False, "held")
    assert "release_hold" in refused["error"]
    answer = tenant.client.delete(f"{url}/", status=204)
    assert answer.body == b""
    tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=202)


def test_a_deploy_may_release_the_hold(tenant: Tenant, site: Json) -> None:
    tenant.client.post(f"/api/v1/publisher/sites/{site['id']}/hold/", status=200)
    assert tenant.deploy(site["id"], release_hold=True)["status"] == "deployed"
    tenant.page("docs", "/b", "second")
    assert tenant.deploy(site["id"])["status"] == "deployed"


def test_a_site_that_cannot_be_built_fails_its_record(tenant: Tenant, site: Json) -> None:
    tenant.page("docs", "/logo.txt", "a page at the path of an asset")
    tenant.client.upload(f"/api/sites/{site['id']}/assets/upload", "logo.txt", b"x", status=200)
    record = tenant.deploy(site["id"])
    assert (record["status"], record["is_live"]) == ("failed", False)
    assert record["error_code"]
    assert record["error"]
    assert any("logo.txt" in problem["path"] + problem["message"] for problem in record["stats"]["problems"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"site_id": None},
        {"site_id": 7},
        {"site_id": "x"},
        {"version": 0},
        {"version": 2**31},
        {"version": 1.0},
        {"version": True},
        {"target": "staging"},
        {"message": "x" * 4097},
        {"metadata": []},
        {"metadata": {"": 1}},
        {"release_hold": 1},
        {"allow": True},
    ],
)
def test_what_is_no_deploy_is_refused(tenant: Tenant, site: Json, wrong: Json) -> None:
    body = {"site_id": site["id"], **wrong} if wrong else {}
    answer = tenant.client.post(f"{RECORDS}/", body, status=400).json
    assert answer["success"] is False
    assert next(iter(answer["errors"])).startswith(next(iter(wrong), "site_id"))
    assert records(tenant, f"?site_id={site['id']}")["count"] == 0


@pytest.mark.parametrize("to_version", [0, -1, "1", 1.5, None, True, 2**31])
def test_what_is_no_version_to_go_back_to_is_refused(tenant: Tenant, site: Json, to_version: object) -> None:
    (number,) = make_records(tenant, site, 1)
    answer = tenant.client.post(f"{RECORDS}/{number}/rollback/", {"to_version": to_version}, status=400).json
    assert list(answer["errors"]) == ["to_version"]


def test_a_record_that_is_not_live_cannot_be_rolled_back(tenant: Tenant, site: Json) -> None:
    (number,) = make_records(tenant, site, 1)
    answer = tenant.client.post(f"{RECORDS}/{number}/rollback/", {}, status=409).json
    assert answer["error"] == "Only the live deployment can be rolled back"


# Waiting


@pytest.mark.parametrize(
    "odd", ["", "wait", "wait=", "wait=-1", "wait=x", "wait=1.5", "wait=\xb2", "wait=9999999999", "a\tb"]
)
def test_an_odd_preference_waits_for_nothing(tenant: Tenant, site: Json, odd: str) -> None:
    answer = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=202, Prefer=odd)
    assert "Preference-Applied" not in answer.headers
    assert answer.json["data"]["status"] == "pending"


def test_waiting_is_bounded_and_stands_in_nobodys_way(tenant: Tenant) -> None:
    """As many waits as slots; one more is answered at once, and reads go on meanwhile."""
    slots = tenant.server.settings.wait_slots
    sites = [tenant.site(f"site-{number}") for number in range(slots + 1)]
    clients = [tenant.server.client(tenant.owner) for _ in sites]
    with ThreadPoolExecutor(slots) as pool:
        with busy_lanes(tenant, sites):
            waiting = [
                pool.submit(client.post, f"{RECORDS}/", {"site_id": site["id"]}, 202, Prefer="wait=20")
                for client, site in zip(clients[:slots], sites[:slots], strict=True)
            ]
            while records(tenant)["count"] < slots:
                time.sleep(0.01)
            started = time.monotonic()
            answer = clients[-1].post(f"{RECORDS}/", {"site_id": sites[-1]["id"]}, 202, Prefer="wait=20")
            assert "Preference-Applied" not in answer.headers
            assert time.monotonic() - started < 10
        assert [future.result().json["data"]["status"] for future in waiting] == ["deployed"] * slots


def test_a_wait_ends_after_its_time(tenant: Tenant, site: Json) -> None:
    with busy_lanes(tenant, [site]):
        answer = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=202, Prefer='Wait="1"')
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert answer.json["data"]["status"] == "pending"


@contextmanager
def busy_lanes(tenant: Tenant, sites: list[Json]) -> Iterator[None]:
    """The sites look as if another worker were deploying them: deploys queue behind it until the end."""
    jobs = [uuid.uuid4() for _ in sites]
    with tenant.server.database.transaction() as db:
        for number, site in zip(jobs, sites, strict=True):
            lease = {"worker": "another", "lease_until": now() + timedelta(minutes=5)}
            db.add(Job(id=number, kind="deploy", subject_id=number, lane=site["id"], **lease))
    try:
        yield
    finally:
        with tenant.server.database.transaction() as db:
            db.execute(delete(Job).where(Job.id.in_(jobs)))


# Lists


def test_a_list_is_paged_with_links(tenant: Tenant, site: Json) -> None:
    ids = make_records(tenant, site, 5)
    first = records(tenant, "?page_size=2")
    assert set(first) == {"success", "count", "next", "previous", "results", "request_id"}
    assert (first["success"], first["count"], first["previous"]) == (True, 5, None)
    second = tenant.client.get(path_of(first["next"])).json
    third = tenant.client.get(path_of(second["next"])).json
    assert third["next"] is None
    listed = [record["id"] for page in (first, second, third) for record in page["results"]]
    assert listed == ids
    assert tenant.client.get(path_of(third["previous"])).json["results"] == second["results"]
    assert records(tenant, "?page=99")["results"] == []


def path_of(link: str) -> str:
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc) == ("http", "localhost:6543")
    return f"{parts.path}?{parts.query}"


def test_links_keep_the_filters(tenant: Tenant, site: Json) -> None:
    make_records(tenant, site, 2)
    link = records(tenant, f"?page_size=1&site_id={site['id']}&status=failed&odd=%C3%A4%26")["next"]
    query = parse_qs(urlsplit(link).query)
    assert query == {
        "page_size": ["1"],
        "site_id": [site["id"]],
        "status": ["failed"],
        "odd": ["ä&"],
        "page": ["2"],
    }


def test_a_list_is_filtered(tenant: Tenant, site: Json) -> None:
    other_site = tenant.site("other")
    failed = make_records(tenant, site, 2)
    (rolled_back,) = make_records(tenant, other_site, 1, status="rolled_back")
    editor = tenant.server.account()
    (edited,) = make_records(tenant, site, 1, account_id=editor.id)

    def found(query: str) -> set[str]:
        return {record["id"] for record in records(tenant, f"?{query}")["results"]}

    assert found(f"site_id={site['id']}") == {*failed, edited}
    assert found("status=rolled_back") == {rolled_back}
    assert found(f"account_id={editor.id}") == {edited}
    assert found(f"publisher_id={tenant.publisher.id}") == {*failed, rolled_back, edited}
    assert found(f"publisher_id={uuid.uuid4()}") == set()
    assert found(f"site_id={site['id']}&status=failed&account_id={tenant.owner.id}") == set(failed)


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=x", "page=1.0", "page=-1", "page=99999999999999999999", "page=1&page=2", "page=%00", "page="),
        *("page_size=101", "page_size=0", "status=odd", "status=%ED%A0%80", "site_id=x"),
    ],
)
def test_an_odd_query_is_refused(tenant: Tenant, query: str) -> None:
    answer = tenant.client.get(f"{RECORDS}/?{query}", status=400).json
    assert (answer["success"], bool(answer["error"])) == (False, True)


def test_each_sees_the_records_of_their_publishers(tenant: Tenant, site: Json) -> None:
    (number,) = make_records(tenant, site, 1)
    other = new_tenant(tenant.server)
    assert records(other)["count"] == 0
    assert other.client.get(f"{RECORDS}/?site_id={site['id']}").json["results"] == []
    for url in (f"{RECORDS}/{number}/", f"{RECORDS}/{number}/archive/"):
        assert other.client.get(url, status=404).json["error"] == "Deployment not found"
    other.client.post(f"{RECORDS}/{number}/rollback/", {}, status=404)
    assert other.client.post(f"{RECORDS}/", {"site_id": site["id"]}, status=404).json["error"] == "Site not found"
    other.client.post(f"/api/v1/publisher/sites/{site['id']}/hold/", status=404)
    viewer = tenant.member(Role.Viewer)
    assert viewer.get(f"{RECORDS}/").json["count"] == 1
    viewer.get(f"{RECORDS}/{number}/", status=200)
    viewer.post(f"{RECORDS}/", {"site_id": site["id"]}, status=403)
    staff = tenant.server.client(tenant.server.account(is_staff=True))
    assert staff.get(f"{RECORDS}/?site_id={site['id']}").json["count"] == 1


def test_records_of_a_deleted_site_are_gone(tenant: Tenant, site: Json) -> None:
    (number,) = make_records(tenant, site, 1)
    tenant.client.delete(f"/api/sites/{tenant.name}/docs", status=204)
    tenant.client.get(f"{RECORDS}/{number}/", status=404)
    assert records(tenant)["count"] == 0


def test_unknown_records_are_404(tenant: Tenant) -> None:
    for number in (str(uuid.uuid4()), "1", "x"):
        tenant.client.get(f"{RECORDS}/{number}/", status=404)


# Archives


def test_the_bundle_of_a_record_is_an_archive_bit_for_bit_the_same(tenant: Tenant, site: Json) -> None:
    body = {"path": "/old", "type": "Redirect", "config": {"target": "/"}}
    tenant.client.post(f"/api/sites/{tenant.name}/docs/pages", body, status=200)
    record = tenant.deploy(site["id"])
    url = f"{RECORDS}/{record['id']}/archive/"
    tar = tenant.client.get(url)
    assert tar.headers["Content-Type"] == "application/gzip"
    assert tar.headers["Content-Disposition"] == 'attachment; filename="docs-v1.tar.gz"'
    assert tar.headers["X-Bundle-Digest"] == record["stats"]["digest"]
    assert json.loads(tar.headers["X-Not-Expressed"]) == ["redirect /old → / (302)"]
    packed = tenant.client.get(f"{url}?format=zip")
    assert packed.headers["Content-Type"] == "application/zip"
    assert packed.headers["Content-Disposition"].endswith('docs-v1.zip"')
    with tarfile.open(fileobj=io.BytesIO(tar.body)) as opened:
        names = {member.name for member in opened}
    assert names == set(zipfile.ZipFile(io.BytesIO(packed.body)).namelist())
    assert "index.html" in names
    assert tar.headers["X-Bundle-Files"] == str(len(names))
    for again, before in ((tenant.client.get(url), tar), (tenant.client.get(f"{url}?format=zip"), packed)):
        assert hashlib.sha256(again.body).digest() == hashlib.sha256(before.body).digest()


def test_a_record_without_a_bundle_has_no_archive(tenant: Tenant, site: Json) -> None:
    (number,) = make_records(tenant, site, 1)
    answer = tenant.client.get(f"{RECORDS}/{number}/archive/", status=404).json
    assert answer["error"] == "This deployment has no bundle"
    tenant.client.get(f"{RECORDS}/{number}/archive/?format=rar", status=400)


def test_metadata_has_a_limit(tenant: Tenant) -> None:
    site = tenant.site()
    answer = tenant.client.post(f"{RECORDS}/", {"site_id": site["id"], "metadata": {"a": "x" * 65_530}})
    assert (answer.status_int, list(answer.json["errors"])) == (400, ["metadata"])
    assert tenant.deploy(site["id"], metadata={"a": "x" * 65_520})["status"] == "deployed"
