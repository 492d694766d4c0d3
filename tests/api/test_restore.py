"""A deleted site can be brought back by an Owner, as it was and on the air; until then it holds what it had."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from pubsite.app import make_outside
from pubsite.build.pool import RendererPool
from pubsite.models import HostLabel, Job, Role, now
from pubsite.services.jobs import Claim
from pubsite.services.sites import PURGE
from pubsite.worker import Worker
from tests.conftest import Tenant


def live(tenant: Tenant) -> dict[str, Any]:
    site = tenant.site()
    tenant.page("site", "/", "<p>Here</p>")
    assert tenant.deploy(site["id"])["status"] == "deployed"
    return tenant.client.get(f"/api/sites/{tenant.name}/site").json


def shown(tenant: Tenant, site: dict[str, Any], status: int) -> bool:
    """Whether a visitor gets that status within 5 s: a job brings the host in line."""
    deadline = time.monotonic() + 5
    while tenant.visitor(site).get("/", status="*").status_int != status:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_restored_site_is_as_it_was_and_on_the_air(tenant: Tenant) -> None:
    before = live(tenant)
    url = f"/api/sites/{tenant.name}/{before['id']}"
    tenant.client.delete(url, status=204)
    assert shown(tenant, before, 410)
    tenant.client.get(url, status=404)
    restored = tenant.client.post(f"{url}/restore", status=200).json
    assert {**restored, "updated_at": ""} == {**before, "updated_at": ""}
    assert shown(tenant, before, 200)
    tenant.client.post(f"{url}/restore", status=409)


def test_a_deleted_site_holds_its_slug_and_its_quota(tenant: Tenant) -> None:
    tenant.site()
    url = f"/api/sites/{tenant.name}/site"
    tenant.client.delete(url, status=204)
    tenant.client.post(f"/api/sites/{tenant.name}", {"slug": "site", "name": "x"}, status=409)
    (usage,) = tenant.client.get("/api/sites/quota").json
    assert usage["sites"] == {"used": 1, "allowed": 100}
    tenant.client.post(f"{url}/restore", status=200)


def test_only_an_owner_restores(tenant: Tenant) -> None:
    tenant.site()
    url = f"/api/sites/{tenant.name}/site"
    tenant.client.delete(url, status=204)
    for role in (Role.Viewer, Role.Editor, Role.Manager):
        tenant.member(role).post(f"{url}/restore", status=403)
    tenant.server.client().post(f"{url}/restore", status=401)
    tenant.member(Role.Owner).post(f"{url}/restore", status=200)


def test_quota_counts_what_files_take(tenant: Tenant) -> None:
    site = tenant.site("raw", "SelfManaged")
    tenant.client.upload(f"/api/sites/{site['id']}/files/upload", "a.txt", b"12345", status=200)
    (usage,) = tenant.client.get("/api/sites/quota").json
    assert usage["publisher"] == tenant.name
    assert usage["bytes"]["used"] == 5
    assert usage["files"]["used"] == 1
    assert usage["bytes_per_site"] == 26_214_400


def test_a_stranger_does_not_learn_what_was_deleted(tenant: Tenant) -> None:
    site, stranger = tenant.site(), tenant.server.client(tenant.server.account())
    stranger.post(f"/api/sites/{tenant.name}/site/restore", status=403)  # sites on the air are no secret
    tenant.client.delete(f"/api/sites/{tenant.name}/site", status=204)
    answers = [
        stranger.post(f"/api/sites/{tenant.name}/{name}/restore", status=404) for name in ("site", site["id"], "never")
    ]
    assert {answer.json["message"] for answer in answers} == {"Site not found"}


def test_a_purged_site_gives_back_its_slug_and_its_quota_but_not_its_label(tenant: Tenant) -> None:
    site, url = live(tenant), f"/api/sites/{tenant.name}/site"
    tenant.client.delete(url, status=204)
    with tenant.server.database.transaction() as db:
        db.execute(update(Job).where(Job.kind == PURGE, Job.subject_id == uuid.UUID(site["id"])).values(run_at=now()))
    deadline = time.monotonic() + 10
    while tenant.client.get("/api/sites/quota").json[0]["sites"]["used"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    tenant.client.post(f"{url}/restore", status=404)
    assert shown(tenant, site, 404)
    again = tenant.site()
    assert again["host_label"] != site["host_label"]
    with tenant.server.database.reading() as db:
        query = select(HostLabel.site_id).where(HostLabel.label.in_((site["host_label"], again["host_label"])))
        assert set(db.scalars(query)) == {None, uuid.UUID(again["id"])}


def test_a_purge_that_was_claimed_before_a_restore_does_nothing(tenant: Tenant) -> None:
    """Its worker was frozen meanwhile. The site is deleted again by now, so its row alone does not tell."""
    site, url = tenant.site(), f"/api/sites/{tenant.name}/site"
    tenant.client.delete(url, status=204)
    held = {"worker": "frozen", "fence": 1, "lease_until": now() + timedelta(hours=1)}
    with tenant.server.database.transaction() as db:
        mine = Job.kind == PURGE, Job.subject_id == uuid.UUID(site["id"])
        job_id = db.execute(update(Job).where(*mine).values(**held).returning(Job.id)).scalar_one()
    tenant.client.post(f"{url}/restore", status=200)
    tenant.client.delete(url, status=204)
    server = tenant.server
    worker = Worker(
        server.settings, server.database, server.storage, RendererPool(1), make_outside(server.settings, {})
    )
    worker._handle(Claim(job_id, PURGE, uuid.UUID(site["id"]), "frozen", 1, 1))
    tenant.client.post(f"{url}/restore", status=200)
