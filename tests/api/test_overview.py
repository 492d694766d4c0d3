"""The root of the publisher API: counts, the newest records, links; what each may see, and at what price."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from pubsite.models import Deployment, Destination, PublishingRecord, Role
from tests.conftest import Tenant, new_tenant

ROOT = "/api/v1/publisher/"
Json = dict[str, Any]


def overview(tenant: Tenant) -> Json:
    shown: Json = tenant.client.get(ROOT).json["data"]
    return shown


def deployments(tenant: Tenant, site: Json, *statuses: str) -> list[str]:
    """The ids of new records of these states, the newest first."""
    ids = []
    with tenant.server.database.transaction() as db:
        for status in statuses:
            record = Deployment(id=uuid.uuid4(), status=status, **owner(tenant, site))
            db.add(record)
            db.flush()
            ids.insert(0, str(record.id))
    return ids


def publishing_records(tenant: Tenant, site: Json, *statuses: str) -> list[str]:
    """The ids of new publishing records of these states, the newest first."""
    ids = []
    with tenant.server.database.transaction() as db:
        place = Destination(name="x", type="webhook", base_url="https://example.org", **owner(tenant, site))
        db.add(place)
        db.flush()
        for status in statuses:
            record = PublishingRecord(id=uuid.uuid4(), status=status, content_id=uuid.uuid4(), destination_id=place.id,
                                      destination_type=place.type, **owner(tenant, site))  # fmt: skip
            db.add(record)
            db.flush()
            ids.insert(0, str(record.id))
    return ids


def owner(tenant: Tenant, site: Json) -> Json:
    return {"publisher_id": tenant.publisher.id, "account_id": tenant.owner.id, "site_id": uuid.UUID(site["id"])}


def ids_of(part: Json) -> list[str]:
    return [record["id"] for record in part["last"]]


def test_who_has_nothing_sees_every_status_at_zero(tenant: Tenant) -> None:
    answer = tenant.client.get(ROOT).json
    assert set(answer) == {"success", "data", "request_id"}
    assert answer["data"]["deployments"] == {
        "by_status": {"pending": 0, "deploying": 0, "deployed": 0, "failed": 0, "rolled_back": 0},
        "last": [],
    }
    assert answer["data"]["publishing_records"] == {
        "by_status": {"pending": 0, "publishing": 0, "published": 0, "failed": 0},
        "last": [],
    }
    tenant.client.get(ROOT.rstrip("/"), status=200)


def test_links_lead_where_the_request_came_in(tenant: Tenant) -> None:
    names = ["deployments", "publishing_records", "destinations", "destination_types", "sectors", "publish"]
    for prefix in ("/api", "/zone"):
        for end in ("", "/"):
            links = tenant.client.get(f"{prefix}/v1/publisher{end}").json["data"]["links"]
            base = f"http://localhost:6543{prefix}/v1/publisher"
            assert links == {name: f"{base}/{name.replace('_', '-')}/" for name in names}
            for name in names[:-1]:  # the last is for POST
                tenant.client.get(links[name].removeprefix("http://localhost:6543"), status=200)


def test_it_counts_by_status_and_shows_the_newest_five(tenant: Tenant) -> None:
    site, other = tenant.site("docs"), tenant.site("other")
    made = deployments(tenant, site, *["failed"] * 4, "pending", "deploying")
    made = [*deployments(tenant, other, "rolled_back"), *made]
    sent = publishing_records(tenant, site, *["published"] * 5, "failed", "pending")
    shown = overview(tenant)
    assert shown["deployments"]["by_status"] == {
        "pending": 1,
        "deploying": 1,
        "deployed": 0,
        "failed": 4,
        "rolled_back": 1,
    }
    assert ids_of(shown["deployments"]) == made[:5]
    assert shown["publishing_records"]["by_status"] == {"pending": 1, "publishing": 0, "published": 5, "failed": 1}
    assert ids_of(shown["publishing_records"]) == sent[:5]
    for kind in ("deployments", "publishing_records"):
        listed = tenant.client.get(f"{shown['links'][kind].removeprefix('http://localhost:6543')}?page_size=5").json
        assert shown[kind]["last"] == listed["results"]


def test_it_shows_what_lists_show(tenant: Tenant) -> None:
    """Members their publishers', a narrowed token its site's, staff everybody's; of a deleted site nobody anything."""
    site, other, foreign = tenant.site("docs"), tenant.site("other"), new_tenant(tenant.server)
    mine = deployments(tenant, site, "failed") + deployments(tenant, other, "failed")
    publishing_records(tenant, site, "failed")
    theirs = deployments(foreign, foreign.site("docs"), "failed")
    assert sorted(ids_of(overview(tenant)["deployments"])) == sorted(mine)
    assert ids_of(overview(foreign)["deployments"]) == theirs
    assert overview(foreign)["publishing_records"]["by_status"]["failed"] == 0
    viewer = tenant.member(Role.Viewer).get(ROOT).json["data"]
    assert viewer["deployments"]["by_status"]["failed"] == 2
    body = {"name": "one", "scopes": ["read"], "site_id": other["id"]}
    narrow = tenant.server.client()
    narrow.headers["Authorization"] = f"Bearer {tenant.client.post('/api/tokens', body, status=200).json['token']}"
    seen = narrow.get(ROOT).json["data"]
    assert (ids_of(seen["deployments"]), seen["publishing_records"]["by_status"]["failed"]) == (mine[1:], 0)
    staff = tenant.server.client(tenant.server.account(is_staff=True)).get(ROOT).json["data"]
    assert ids_of(staff["deployments"])[:1] == theirs
    tenant.client.delete(f"/api/sites/{tenant.name}/docs", status=204)
    assert overview(tenant)["publishing_records"]["last"] == []
    assert ids_of(overview(tenant)["deployments"]) == mine[1:]


def test_it_is_for_who_is_signed_in_and_reads(tenant: Tenant) -> None:
    tenant.server.client().get(ROOT, status=401)
    tenant.server.client(tenant.owner, scopes=("write", "deploy", "admin")).get(ROOT, status=403)
    tenant.server.client(tenant.server.account()).get(ROOT, status=200)


def test_it_takes_as_many_statements_however_much_there_is(tenant: Tenant) -> None:
    counts = []
    for number in range(3):
        site = tenant.site(f"s-{number}")
        deployments(tenant, site, *["failed", "deployed"] * 10)
        publishing_records(tenant, site, *["failed", "published"] * 10)
        with statements(tenant) as seen:
            overview(tenant)
        counts.append(len(seen))
    assert len(set(counts)) == 1
    assert counts[0] <= 6


@contextmanager
def statements(tenant: Tenant) -> Iterator[list[str]]:
    """The SQL that the server runs meanwhile, without its worker's."""
    seen: list[str] = []
    engine = tenant.server.app.api.registry.database.engine

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if " jobs" not in statement and not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
