"""What a token may, whatever its account may."""

from __future__ import annotations

from pubsite.models import Account, Member, Role
from pubsite.services import members
from tests.conftest import Tenant

PUBLISHER = "/api/v1/publisher"


def test_a_read_only_token_of_an_owner_reads_and_writes_nothing(tenant: Tenant) -> None:
    tenant.site("docs")
    reader = tenant.server.client(tenant.owner, scopes=("read",))
    assert len(reader.get(f"/api/sites/{tenant.name}").json) == 1
    reader.patch(f"/api/sites/{tenant.name}/docs", {"name": "x"}, status=403)


def test_a_token_without_the_scope_deploy_cannot_deploy(tenant: Tenant) -> None:
    site = tenant.site("docs")
    writer = tenant.server.client(tenant.owner, scopes=("read", "write"))
    writer.patch(f"/api/sites/{tenant.name}/docs", {"name": "x"}, status=200)
    writer.post(f"{PUBLISHER}/deployments/", {"site_id": site["id"]}, status=403)
    deployer = tenant.server.client(tenant.owner, scopes=("read", "deploy"))
    deployer.patch(f"/api/sites/{tenant.name}/docs", {"name": "y"}, status=403)
    deployer.post(f"{PUBLISHER}/deployments/", {"site_id": site["id"]}, status=202)


def test_a_token_without_scopes_sees_what_strangers_see(tenant: Tenant) -> None:
    tenant.site("docs")
    tenant.page("docs", "/", "x", draft=True)
    nobody = tenant.server.client(tenant.owner, scopes=())
    assert nobody.get(f"/api/sites/{tenant.name}/docs").json["pages"] == []
    nobody.get("/api/sites/me", status=403)


def test_a_token_of_an_account_that_is_gone_is_401(tenant: Tenant) -> None:
    account = tenant.server.account()
    client = tenant.server.client(account)
    client.get("/api/sites/me", status=200)
    with tenant.server.database.transaction() as db:
        db.delete(db.get_one(Account, account.id))
    client.get("/api/sites/me", status=401)


def test_a_member_who_is_removed_loses_all_rights_at_once(tenant: Tenant) -> None:
    account = tenant.server.account()
    with tenant.server.database.transaction() as db:
        members.add(db, tenant.publisher, account, Role.Editor)
    client = tenant.server.client(account)
    client.get(f"/api/sites/{tenant.name}", status=200)
    with tenant.server.database.transaction() as db:
        db.delete(db.get_one(Member, (tenant.publisher.id, account.id)))
    client.get(f"/api/sites/{tenant.name}", status=403)


def test_a_token_that_only_writes_changes_the_drafts_that_it_makes(tenant: Tenant) -> None:
    tenant.site("docs")
    writer = tenant.server.client(tenant.owner, scopes=("write",))
    body = {"path": "/", "config": {"draft": True, "content": "x"}}
    url = f"/api/sites/pages/{writer.post(f'/api/sites/{tenant.name}/docs/pages', body, status=200).json['id']}"
    writer.get(url, status=404)
    writer.get(f"{url}/revisions", status=403)
    writer.patch(url, {"path": "/other"}, status=200)
    writer.post(f"{url}/revisions/1/restore", status=200)
    tenant.server.client(tenant.server.account()).patch(url, {"path": "/x"}, status=404)
    writer.delete(url, status=204)
