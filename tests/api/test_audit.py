"""What staff change is told in a log of its own."""

from __future__ import annotations

import logging

import pytest

from pubsite.models import Role
from pubsite.services import members
from tests.conftest import Tenant


def test_each_change_by_staff_is_a_line_of_the_audit_log(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    account = tenant.server.account(is_staff=True)
    with tenant.server.database.transaction() as db:
        members.add(db, tenant.publisher, account, Role.Editor)
    staff, url = tenant.server.client(account), f"/api/sites/{tenant.name}"
    with caplog.at_level(logging.INFO, "pubsite.audit"):
        made = staff.post(url, {"slug": "a", "name": "A"}, status=200)
        staff.post(url, {"slug": "a", "name": "A"}, status=409)
        staff.get(url)
        tenant.client.post(url, {"slug": "b", "name": "B"}, status=200)
    lines = [record.getMessage() for record in caplog.records if record.name == "pubsite.audit"]
    assert lines == [f"staff {account.id}: POST {url} 200 id={made.headers['X-Request-Id']}"]
