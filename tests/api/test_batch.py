"""Many pages in one request: all or nothing, each problem under its place in the batch."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import event

from pubsite.models import Role
from tests.conftest import Tenant


@pytest.fixture
def batch_url(tenant: Tenant) -> str:
    tenant.site("docs")
    return f"/api/sites/{tenant.name}/docs/pages:batch"


def html(path: str, content: str = "x", **config: Any) -> dict[str, Any]:
    return {"path": path, "config": {"content": content, **config}}


def paths(tenant: Tenant) -> list[str]:
    return [page["path"] for page in tenant.client.get(f"/api/sites/{tenant.name}/docs/pages").json]


def problems(answer: dict[str, Any]) -> dict[str, str]:
    return {error["name"]: error["message"] for error in answer["errors"]}


def test_counts_what_it_did(tenant: Tenant, batch_url: str) -> None:
    first = {"upsert": [html("/a"), html("/b"), {"path": "/r", "type": "Redirect", "config": {"target": "/a"}}]}
    created = tenant.client.post(batch_url, first, status=200).json
    assert created == {"created": 3, "updated": 0, "unchanged": 0, "deleted": 0}
    second = {"upsert": [html("/a"), html("/b", "new"), html("/c")], "delete": ["/r", "/none"]}
    changed = tenant.client.post(batch_url, second, status=200).json
    assert changed == {"created": 1, "updated": 1, "unchanged": 1, "deleted": 1}
    assert paths(tenant) == ["/a", "/b", "/c"]


def test_an_empty_batch_changes_nothing(tenant: Tenant, batch_url: str) -> None:
    nothing = {"created": 0, "updated": 0, "unchanged": 0, "deleted": 0}
    assert tenant.client.post(batch_url, {}, status=200).json == nothing
    assert tenant.client.post(batch_url, {"upsert": [], "delete": []}, status=200).json == nothing


def test_all_or_nothing_and_every_problem_is_named(tenant: Tenant, batch_url: str) -> None:
    tenant.page("docs", "/kept", "x")
    body = {
        "upsert": [html("/fine"), html("/b//"), html("c"), html("/d", tags="x"), {"config": {}}],
        "delete": ["/kept"],
    }
    answer = tenant.client.post(batch_url, body, status=400).json
    assert problems(answer) == {"upsert.4.path": "is required"}
    del body["upsert"][4]
    answer = tenant.client.post(batch_url, body, status=400).json
    assert answer["message"].startswith("3 problems: nothing was written")
    assert problems(answer) == {
        "upsert.1.path": "must not hold an empty segment (//)",
        "upsert.2.path": "must begin with /",
        "upsert.3.config.tags": "must be an array",
    }
    assert paths(tenant) == ["/kept"]


@pytest.mark.parametrize("other", ["/a", "/a/", "/A"])
def test_one_path_twice_is_a_problem(tenant: Tenant, batch_url: str, other: str) -> None:
    answer = tenant.client.post(batch_url, {"upsert": [html("/a"), html(other)]}, status=400).json
    assert problems(answer) == {"upsert.1.path": f"{other} is given twice"}


def test_a_page_moves_to_a_path_that_the_same_batch_frees(tenant: Tenant, batch_url: str) -> None:
    tenant.client.post(batch_url, {"upsert": [html("/README"), html("/b")]}, status=200)
    counts = tenant.client.post(batch_url, {"upsert": [html("/readme")], "delete": ["/README", "/b"]}, status=200).json
    assert counts == {"created": 0, "updated": 1, "unchanged": 0, "deleted": 1}
    assert paths(tenant) == ["/readme"]


def test_takes_a_thousand_of_each_and_no_more(tenant: Tenant, batch_url: str) -> None:
    thousand = [html(f"/{number:04}") for number in range(1000)]
    deleted = [f"/d{number}" for number in range(1000)]
    counts = tenant.client.post(batch_url, {"upsert": thousand, "delete": deleted}, status=200).json
    assert counts["created"] == 1000
    body = {"upsert": [*thousand, html("/more")], "delete": [*deleted, "/more"]}
    answer = tenant.client.post(batch_url, body, status=400).json
    assert problems(answer) == {
        "upsert": "must have at most 1000 members",
        "delete": "must have at most 1000 members",
    }


def test_takes_as_many_statements_for_two_hundred_pages_as_for_two(tenant: Tenant, batch_url: str) -> None:
    counts = []
    for number in (2, 200):
        statements: list[str] = []
        count = statement_counter(statements)
        engine = tenant.server.app.api.registry.database.engine
        event.listen(engine, "before_cursor_execute", count)
        upsert = [html(f"/{number}/{page}") for page in range(number)]
        tenant.client.post(batch_url, {"upsert": upsert}, status=200)
        event.remove(engine, "before_cursor_execute", count)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 4


def statement_counter(statements: list[str]) -> Any:
    """Of this thread's requests: the worker's threads ask on their own."""
    here = threading.current_thread()

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if threading.current_thread() is here:
            statements.append(statement)

    return count


@pytest.mark.parametrize("wrong", [{"upsert": {}}, {"upsert": [1]}, {"delete": "/a"}, {"delete": [1]}, {"pages": []}])
def test_what_is_no_batch_is_refused(tenant: Tenant, batch_url: str, wrong: dict[str, Any]) -> None:
    assert tenant.client.post(batch_url, wrong, status=400).json["errors"]


def test_needs_an_editor(tenant: Tenant, batch_url: str) -> None:
    tenant.member(Role.Viewer).post(batch_url, {}, status=403)
    tenant.member(Role.Editor).post(batch_url, {}, status=200)
    tenant.server.client().post(batch_url, {}, status=401)
    tenant.client.get(batch_url, status=405)
