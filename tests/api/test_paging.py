"""Lists: whole without `limit`, else in parts; filters; and as many statements for 2 objects as for 20."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from pubsite.views import pages
from tests.conftest import API_HOST, Tenant

PATHS = ["/", "/A", "/a/b", "/b", "/é", "/ß", "/\U0001f600", "/z"]


def in_parts(tenant: Tenant, url: str, limit: int) -> list[Any]:
    """All members, read by following the links."""
    found: list[Any] = []
    joint = "&" if "?" in url else "?"
    answer = tenant.client.get(f"{url}{joint}limit={limit}")
    while True:
        assert len(answer.json) <= limit
        found += answer.json
        link = answer.headers.get("Link")
        if link is None:
            return found
        assert link.endswith('>; rel="next"')
        answer = tenant.client.get(link[1:].partition(">")[0].removeprefix(f"http://{API_HOST}"))


def filled(tenant: Tenant, sites: int = 1) -> str:
    for number in range(sites):
        tenant.site(f"s{number}")
    put = [{"path": path, "config": {"content": f"At {path}", "tags": ["Even"] * (i % 2)}} for i, path in
           enumerate(PATHS)]  # fmt: skip
    tenant.client.post(f"/api/sites/{tenant.name}/s0/pages:batch", {"upsert": put}, status=200)
    return f"/api/sites/{tenant.name}/s0/pages"


@pytest.mark.parametrize("limit", [1, 3, 8, 1000])
def test_the_parts_are_the_whole(tenant: Tenant, limit: int) -> None:
    pages = filled(tenant, sites=4)
    for url in (pages, f"/api/sites/{tenant.name}", "/api/sites/me", f"{pages}?tag=Even"):
        assert in_parts(tenant, url, limit) == tenant.client.get(url).json


def test_pages_come_in_the_order_of_code_points(tenant: Tenant) -> None:
    assert [page["path"] for page in tenant.client.get(filled(tenant)).json] == sorted(PATHS)


def test_links_keep_the_prefix_and_the_filters(tenant: Tenant) -> None:
    url = filled(tenant).replace("/api/", "/zone/") + "?path_prefix=/a&path_prefix_=1&limit=1&type=HtmlPage"
    assert "Link" not in tenant.client.get(url).headers
    link = tenant.client.get(url.replace("=/a&", "=/&")).headers["Link"]
    assert link.startswith(f"<http://{API_HOST}/zone/sites/")
    assert "path_prefix=%2F&" in link


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("path_prefix=/a", ["/a/b"]),
        ("path_prefix=/A", ["/A"]),
        ("path_prefix=%25", []),
        ("tag=Even", ["/A", "/b", "/ß", "/z"]),
        ("tag=even", []),
        ("q=at%20/%C3%89", ["/é"]),
        ("q=SS", ["/ß"]),
        ("type=Redirect", []),
        ("draft=true", []),
        ("draft=false&path_prefix=/z", ["/z"]),
    ],
)
def test_filters(tenant: Tenant, query: str, paths: list[str]) -> None:
    url = filled(tenant)
    assert {page["path"] for page in tenant.client.get(f"{url}?{query}").json} == set(paths)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "cursor=x", "cursor=" + "W" * 4000, "cursor=WyJhIl0",
     "cursor=WyJcdTAwMDAiXQ", "cursor=W1tdXQ", "cursor=bnVsbA", "draft=yes", "type=Page", "tag=", "q=",
     "q=%ff", "tag=a%ed%a0%80"],
)  # fmt: skip
def test_what_is_wrong_is_named(tenant: Tenant, query: str) -> None:
    url = filled(tenant)
    answer = tenant.client.get(f"{url}?{query}", status=400).json
    assert answer["errors"][0] == {**answer["errors"][0], "location": "querystring", "name": query.partition("=")[0]}


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


def test_lists_take_as_many_statements_whatever_their_length(tenant: Tenant) -> None:
    urls = [
        f"/api/sites/{tenant.name}",
        "/api/sites/me",
        "/api/sites/quota",
        f"/api/sites/{tenant.name}/s0/pages",
        f"/api/sites/{tenant.name}/s0",
        "/api/v1/publisher/deployments/",
    ]
    counts = []
    for round in range(2):
        for number in range(9):
            tenant.site(f"s{number + 10 * round}" if (round, number) != (1, 0) else "s99")
            tenant.page("s0", f"/{round}-{number}", "x")
        counts.append({})
        for url in urls:
            with statements(tenant) as seen:
                tenant.client.get(url)
            counts[-1][url] = len(seen)
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 6


def test_a_site_of_many_pages_takes_one_statement_more(tenant: Tenant) -> None:
    """The first 500 come in one go, and all the others in another, however many they are."""
    tenant.site("s0")
    url, counts = f"/api/sites/{tenant.name}/s0/pages", []
    for start in (0, 600, 1200):
        put = [{"path": f"/{number:05}"} for number in range(start, start + 600)]
        tenant.client.post(f"{url}:batch", {"upsert": put}, status=200)
        with statements(tenant) as seen:
            listed = tenant.client.get(url).json
        assert [page["path"] for page in listed] == [f"/{number:05}" for number in range(start + 600)]
        counts.append(len(seen))
    assert len(set(counts)) == 1


def test_a_list_of_long_pages_comes_in_shorter_parts(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    url = filled(tenant)
    whole = tenant.client.get(url).json
    monkeypatch.setattr(pages, "MOST_PAGE_BYTES", 100)
    answer = tenant.client.get(f"{url}?limit=8")
    assert 0 < len(answer.json) < 8
    assert "Link" in answer.headers
    assert in_parts(tenant, url, 8) == whole
    assert in_parts(tenant, f"{url}?tag=Even", 8) == [
        page for page in whole if "Even" in page["config"].get("tags", [])
    ]
    assert "with limit" in tenant.client.get(url, status=400).json["message"]
    monkeypatch.setattr(pages, "MOST_PAGE_BYTES", 1)  # each page alone is longer
    assert in_parts(tenant, url, 8) == whole


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_a_directory_comes_in_parts_too(tenant: Tenant, limit: int) -> None:
    url = f"/api/sites/{tenant.site('raw', 'SelfManaged')['id']}/files"
    for path in ("b.txt", "a.txt", "z/1.txt", "c/1.txt", "\U0001f600.txt"):
        tenant.client.upload(f"{url}/upload", path, b"x", status=200)
    whole = tenant.client.get(url).json
    assert [entry["relative_path"] for entry in whole] == ["c", "z", "a.txt", "b.txt", "\U0001f600.txt"]
    assert in_parts(tenant, url, limit) == whole
    for wrong in ("W10", "WyIxIiwgMl0", "WyJ4IiwgImEiXQ"):
        tenant.client.get(f"{url}?cursor={wrong}", status=400)
