"""A page is shown in its site's theme before it is saved, and nothing of it stays."""

from __future__ import annotations

import threading

from pubsite.models import Role
from tests.conftest import Tenant


def url(tenant: Tenant, slug: str = "site") -> str:
    return f"/api/sites/{tenant.name}/{slug}/preview"


def test_a_page_is_rendered_with_the_theme_and_its_problems(tenant: Tenant) -> None:
    tenant.site(config={"title": "Maps"})
    body = {"path": "/new", "config": {"format": "markdown", "content": "# Hello\n\n[x](/none)", "draft": True}}
    shown = tenant.client.post(url(tenant), body, status=200).json
    assert shown["html"].startswith("<!doctype html>")
    assert "Hello" in shown["html"]
    assert "Maps" in shown["html"]
    assert [(each["code"], each["path"]) for each in shown["problems"]] == [("broken_link", "/new")]
    assert tenant.client.get(f"/api/sites/{tenant.name}/site/pages").json == []


def test_an_alias_of_content_is_taken(tenant: Tenant) -> None:
    tenant.site()
    assert "<b>x</b>" in tenant.client.post(url(tenant), {"config": {"html": "<b>x</b>"}}, status=200).json["html"]


def test_what_could_not_be_saved_is_refused_alike(tenant: Tenant) -> None:
    tenant.site()
    tenant.site("raw", "SelfManaged")
    answer = tenant.client.post(url(tenant), {"path": "/a//b", "config": {"title": 7}}, status=400).json
    assert {each["name"] for each in answer["errors"]} == {"path", "config.title"}
    tenant.client.post(url(tenant), {"type": "Redirect", "config": {"target": "/"}}, status=400)
    tenant.client.post(url(tenant, "raw"), {"config": {}}, status=400)
    tenant.member(Role.Viewer).post(url(tenant), {}, status=403)


def test_a_preview_stands_in_no_writers_way(tenant: Tenant) -> None:
    """A page of thousands of brackets takes its renderer seconds; who writes meanwhile does not wait for it."""
    tenant.site()
    ended = threading.Event()

    def show() -> None:
        body = {"config": {"format": "markdown", "content": "[" * 4_000}}
        tenant.server.client(tenant.owner).post(url(tenant), body, status="*")
        ended.set()

    thread = threading.Thread(target=show)
    thread.start()
    written = 0
    while not ended.wait(0.05):
        tenant.page("site", f"/{written}", "x")
        written += 1
    thread.join()
    assert written > 3


def test_an_idempotency_key_is_passed_over(tenant: Tenant) -> None:
    """Nothing is changed, so nothing must be kept: its transaction could not write on PostgreSQL."""
    tenant.site()
    for title in ("One", "Two"):
        body = {"config": {"title": title}}
        assert title in tenant.client.post(url(tenant), body, status=200, **{"Idempotency-Key": "k"}).json["html"]
