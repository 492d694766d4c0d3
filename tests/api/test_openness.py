"""What is open to everybody, and what of it is not: drafts, pages to come, private config, and what exists at all."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from pubsite.models import Role, now
from tests.conftest import Client, Tenant

PAST, FUTURE = ((now() + timedelta(days=days)).isoformat() for days in (-1, 1))
HIDDEN: dict[str, dict[str, Any]] = {
    "draft": {"draft": True},
    "to-come": {"publish_at": FUTURE},
    "expired": {"expires_at": PAST},
    "a-draft-of-the-past": {"draft": True, "publish_at": PAST},
}
SHOWN: dict[str, dict[str, Any]] = {
    "plain": {},
    "no-draft": {"draft": False},
    "since-yesterday": {"publish_at": PAST},
    "until-tomorrow": {"expires_at": FUTURE, "publish_at": "2026-01-31"},
}
PRIVATE = {
    "extra": {"key": "secret-extra"},
    "quality": {"broken_link": "block"},
    "quality_baseline": False,
    "retention": {"versions": 77},
    "auto_deploy": True,
}


@pytest.fixture
def pages(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """A page of each kind, by its name."""
    tenant.site("docs", config={"title": "Open", **PRIVATE})
    return {name: tenant.page("docs", f"/{name}", name, **config) for name, config in {**HIDDEN, **SHOWN}.items()}


def strangers(tenant: Tenant) -> dict[str, Client]:
    server = tenant.server
    return {
        "anonymous": server.client(),
        "stranger": server.client(server.account()),
        "no scopes": server.client(tenant.owner, scopes=()),
    }


def insiders(tenant: Tenant) -> list[Client]:
    server = tenant.server
    staff = server.client(server.account(is_staff=True))
    return [tenant.member(Role.Viewer), tenant.client, server.client(tenant.owner, scopes=("read",)), staff]


def test_strangers_see_a_site_without_what_is_not_published(tenant: Tenant, pages: dict[str, Any]) -> None:
    for client in strangers(tenant).values():
        site = client.get(f"/api/sites/{tenant.name}/docs").json
        assert {page["path"][1:] for page in site["pages"]} == set(SHOWN)


def test_members_and_staff_see_all_pages(tenant: Tenant, pages: dict[str, Any]) -> None:
    for client in insiders(tenant):
        site = client.get(f"/api/sites/{tenant.name}/docs").json
        assert {page["path"][1:] for page in site["pages"]} == {*SHOWN, *HIDDEN}


@pytest.mark.parametrize("name", [*HIDDEN, *SHOWN])
def test_a_page_by_its_id_is_open_when_it_is_published(tenant: Tenant, pages: dict[str, Any], name: str) -> None:
    url = f"/api/sites/pages/{pages[name]['id']}"
    for client in strangers(tenant).values():
        answer = client.get(url, status=404 if name in HIDDEN else 200)
        assert name in SHOWN or answer.json["message"] == "Page not found"
    for client in insiders(tenant):
        assert client.get(url).json == pages[name]


@pytest.mark.parametrize("name", [*HIDDEN, *SHOWN])
def test_nobody_renders_what_is_not_published(tenant: Tenant, pages: dict[str, Any], name: str) -> None:
    url = f"/api/sites/site/docs/page?publisher={tenant.name}&path=/{name}"
    for client in (tenant.server.client(), tenant.client):
        client.get(url, status=404 if name in HIDDEN else 200)


def test_a_hidden_page_looks_like_none_to_strangers(tenant: Tenant, pages: dict[str, Any]) -> None:
    client = tenant.server.client()
    hidden = client.get(f"/api/sites/pages/{pages['draft']['id']}", status=404).json
    missing = client.get(f"/api/sites/pages/{uuid.uuid4()}", status=404).json
    assert hidden["message"] == missing["message"]


def test_the_private_part_of_a_config_is_for_members(tenant: Tenant, pages: dict[str, Any]) -> None:
    url = f"/api/sites/{tenant.name}/docs"
    for client in strangers(tenant).values():
        answer = client.get(url)
        assert answer.json["config"] == {"title": "Open"}
        assert "secret-extra" not in answer.text
    for client in insiders(tenant):
        assert client.get(url).json["config"] == {"title": "Open", **PRIVATE}


def test_a_site_that_was_never_deployed_is_open_as_it_is_saved(tenant: Tenant) -> None:
    tenant.site("fresh")
    assert tenant.server.client().get(f"/api/sites/{tenant.name}/fresh").json["pages"] == []


def test_a_draft_that_is_published_is_open_at_once(tenant: Tenant, pages: dict[str, Any]) -> None:
    url = f"/api/sites/pages/{pages['draft']['id']}"
    tenant.client.patch(url, {"config": {"content": "now"}}, status=200)
    assert tenant.server.client().get(url).json["config"] == {"content": "now"}


def test_who_is_not_signed_in_learns_nothing_of_what_exists(tenant: Tenant) -> None:
    site = tenant.site("raw", "SelfManaged")
    client = tenant.server.client()
    for url in (
        f"/api/sites/{tenant.name}",
        "/api/sites/no-such-publisher",
        f"/api/sites/{site['id']}/files",
        f"/api/sites/{uuid.uuid4()}/files",
        f"/api/v1/publisher/deployments/{uuid.uuid4()}",
    ):
        assert client.get(url, status=401).json.get("message", "Unauthorized") == "Unauthorized"


def test_emails_and_tokens_are_in_no_answer(tenant: Tenant) -> None:
    tenant.site("docs")
    for client in (tenant.server.client(), tenant.client):
        text = client.get(f"/api/sites/{tenant.name}/docs").text
        assert "email" not in text
        assert "token" not in text
