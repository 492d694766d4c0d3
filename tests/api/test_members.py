"""Members over HTTP: invited, accepted, promoted, demoted, removed; and what roles may do to one another."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pubsite.models import Account, Role
from pubsite.services import members
from tests.conftest import Client, Tenant, new_tenant

ROLES = [role.name for role in Role]


def url_of(tenant: Tenant, account: Account | str | None = None) -> str:
    base = f"/api/publishers/{tenant.name}/members"
    if account is None:
        return base
    return f"{base}/{account if isinstance(account, str) else account.id}"


def join(tenant: Tenant, role: str) -> tuple[Account, Client]:
    """A new member with that role."""
    account = tenant.server.account()
    with tenant.server.database.transaction() as db:
        members.add(db, tenant.publisher, account, Role[role])
    return account, tenant.server.client(account)


def invite(tenant: Tenant, role: str = "Editor") -> tuple[Account, Client]:
    account = tenant.server.account()
    tenant.client.post(url_of(tenant), {"account_id": str(account.id), "role": role}, status=200)
    return account, tenant.server.client(account)


def roles_in(tenant: Tenant) -> dict[str, str]:
    return {row["account_id"]: row["role"] for row in tenant.client.get(url_of(tenant)).json}


# Invitations


def test_who_is_invited_has_no_rights_until_they_accept(tenant: Tenant) -> None:
    tenant.site("docs")
    account, client = invite(tenant)
    for url in (f"/api/publishers/{tenant.name}", url_of(tenant), f"/api/sites/{tenant.name}"):
        client.get(url, status=403)
    assert client.get("/api/publishers").json == client.get("/api/sites/me").json == []
    accepted = client.post(url_of(tenant, "me") + "/accept", status=200).json
    assert (accepted["account_id"], accepted["role"], accepted["accepted"]) == (str(account.id), "Editor", True)
    client.patch(f"/api/sites/{tenant.name}/docs", {"name": "Changed"}, status=200)
    me = client.get("/api/accounts/me").json
    assert (me["invitations"], [row["role"] for row in me["publishers"]]) == ([], ["Editor"])


def test_an_invitation_stands_in_the_list_as_one(tenant: Tenant) -> None:
    account, client = invite(tenant, "Viewer")
    owner, invited = tenant.client.get(url_of(tenant)).json
    assert (owner["name"], owner["role"], owner["accepted"]) == (tenant.owner.name, "Owner", True)
    assert (invited["account_id"], invited["name"]) == (str(account.id), account.name)
    assert (invited["role"], invited["accepted"], "accepted_at" in invited) == ("Viewer", False, False)
    assert tenant.client.get(url_of(tenant, account)).json == invited
    client.post(url_of(tenant, "me") + "/accept", status=200)
    assert tenant.client.get(url_of(tenant)).json[1]["accepted_at"].endswith("Z")


def test_accepting_twice_is_accepting(tenant: Tenant) -> None:
    _, client = invite(tenant)
    first = client.post(url_of(tenant, "me") + "/accept", status=200).json
    assert client.post(url_of(tenant, "me") + "/accept", status=200).json == first


def test_nobody_accepts_what_was_not_offered(tenant: Tenant) -> None:
    other = new_tenant(tenant.server)
    other.client.post(url_of(tenant, "me") + "/accept", status=403)
    other.client.post("/api/publishers/no-such-publisher/members/me/accept", status=404)
    account, client = invite(tenant)
    tenant.client.delete(url_of(tenant, account), status=204)
    client.post(url_of(tenant, "me") + "/accept", status=403)


def test_an_invitation_can_be_declined_and_made_again(tenant: Tenant) -> None:
    account, client = invite(tenant)
    client.delete(url_of(tenant, "me"), status=204)
    assert client.get("/api/accounts/me").json["invitations"] == []
    tenant.client.post(url_of(tenant), {"account_id": str(account.id), "role": "Viewer"}, status=200)


def test_the_role_of_an_invitation_is_changed_by_managers_not_by_the_invited(tenant: Tenant) -> None:
    account, client = invite(tenant, "Editor")
    for role in ROLES:
        client.patch(url_of(tenant, "me"), {"role": role}, status=403)
    assert tenant.client.patch(url_of(tenant, account), {"role": "Viewer"}, status=200).json["accepted"] is False
    assert client.post(url_of(tenant, "me") + "/accept", status=200).json["role"] == "Viewer"


def test_a_member_or_an_invited_one_cannot_be_invited(tenant: Tenant) -> None:
    account, client = invite(tenant)
    body = {"account_id": str(account.id), "role": "Editor"}
    tenant.client.post(url_of(tenant), body, status=409)
    client.post(url_of(tenant, "me") + "/accept", status=200)
    tenant.client.post(url_of(tenant), body, status=409)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"account_id": "ada"}, "account_id"),
        ({"account_id": str(uuid.uuid4())}, "account_id"),
        ({"account_id": None}, "account_id"),
        ({"role": "owner"}, "role"),
        ({"role": 40}, "role"),
        ({"role": "Staff"}, "role"),
        ({"accepted": True}, "accepted"),
    ],
)
def test_a_wrong_invitation_names_its_field(tenant: Tenant, wrong: dict[str, Any], name: str) -> None:
    body = {"account_id": str(tenant.server.account().id), "role": "Viewer", **wrong}
    (error,) = tenant.client.post(url_of(tenant), body, status=400).json["errors"]
    assert error["name"] == name


# What roles may do to one another


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("subject", ROLES)
def test_nobody_touches_a_role_above_their_own(tenant: Tenant, actor: str, subject: str) -> None:
    _, client = join(tenant, actor)
    is_allowed = Role[actor] >= Role.Manager and Role[actor] >= Role[subject]
    invited = {"account_id": str(tenant.server.account().id), "role": subject}
    client.post(url_of(tenant), invited, status=200 if is_allowed else 403)
    demoted, _ = join(tenant, subject)
    client.patch(url_of(tenant, demoted), {"role": "Viewer"}, status=200 if is_allowed else 403)
    promoted, _ = join(tenant, "Viewer")
    client.patch(url_of(tenant, promoted), {"role": subject}, status=200 if is_allowed else 403)
    removed, _ = join(tenant, subject)
    client.delete(url_of(tenant, removed), status=204 if is_allowed else 403)
    roles = roles_in(tenant)
    assert roles[str(demoted.id)] == ("Viewer" if is_allowed else subject)
    assert (str(removed.id) in roles) is not is_allowed


@pytest.mark.parametrize("role", ROLES)
def test_anybody_may_lower_themselves_and_leave_but_not_rise(tenant: Tenant, role: str) -> None:
    account, client = join(tenant, role)
    for other in reversed(ROLES):
        allowed = Role[other] <= Role[roles_in(tenant)[str(account.id)]]
        client.patch(url_of(tenant, "me"), {"role": other}, status=200 if allowed else 403)
    assert roles_in(tenant)[str(account.id)] == "Viewer"
    client.delete(url_of(tenant, account), status=204)
    client.get(url_of(tenant), status=403)


def test_the_last_owner_cannot_go_nor_be_demoted(tenant: Tenant) -> None:
    join(tenant, "Manager")
    invite(tenant, "Owner")  # does not count: it was not accepted
    for url in (url_of(tenant, "me"), url_of(tenant, tenant.owner)):
        answer = tenant.client.delete(url, status=409)
        assert "needs an Owner" in answer.json["message"]
        tenant.client.patch(url, {"role": "Manager"}, status=409)
        tenant.client.patch(url, {"role": "Owner"}, status=200)
    other, client = join(tenant, "Owner")
    tenant.client.delete(url_of(tenant, "me"), status=204)
    client.delete(url_of(tenant, "me"), status=409)
    assert client.get(url_of(tenant, other)).json["role"] == "Owner"


def test_two_owners_who_leave_at_once_leave_one(tenant: Tenant) -> None:
    for _ in range(10):
        both = [join(tenant, "Owner") for _ in range(2)]
        tenant.client.delete(url_of(tenant, "me"), status=204)
        barrier = threading.Barrier(2)

        def leave(client: Client, barrier: threading.Barrier = barrier) -> int:
            barrier.wait(10)
            return client.delete(url_of(tenant, "me")).status_int

        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(leave, [client for _, client in both]))
        assert sorted(statuses) == [204, 409]
        tenant.client = both[statuses.index(409)][1]


def test_a_removed_member_loses_all_rights_at_once(tenant: Tenant) -> None:
    tenant.site("docs")
    account, client = join(tenant, "Editor")
    client.patch(f"/api/sites/{tenant.name}/docs", {"name": "1"}, status=200)
    tenant.client.patch(url_of(tenant, account), {"role": "Viewer"}, status=200)
    client.patch(f"/api/sites/{tenant.name}/docs", {"name": "2"}, status=403)
    client.get(f"/api/sites/{tenant.name}", status=200)
    tenant.client.delete(url_of(tenant, account), status=204)
    client.get(f"/api/sites/{tenant.name}", status=403)
    tenant.client.delete(url_of(tenant, account), status=404)
    tenant.client.patch(url_of(tenant, account), {"role": "Viewer"}, status=404)


def test_strangers_learn_nothing_of_members(tenant: Tenant) -> None:
    stranger, url = tenant.server.client(tenant.server.account()), url_of(tenant, tenant.owner)
    for asked in (url, url_of(tenant, str(uuid.uuid4())), url_of(tenant)):
        stranger.get(asked, status=403)
    for asked in (url, url_of(tenant, str(uuid.uuid4()))):
        for headers in ({}, {"If-Match": '"stale"'}):
            stranger.patch(asked, {"role": "Viewer"}, status=403, **headers)
            stranger.delete(asked, status=403, **headers)
    stranger.delete(url_of(tenant, "me"), status=403)


def test_staff_read_members_and_change_none(tenant: Tenant) -> None:
    staff = tenant.server.client(tenant.server.account(is_staff=True))
    account, _ = join(tenant, "Viewer")
    assert len(staff.get(url_of(tenant)).json) == 2
    staff.patch(url_of(tenant, account), {"role": "Editor"}, status=403)
    staff.delete(url_of(tenant, account), status=403)
    staff.post(url_of(tenant), {"account_id": str(tenant.server.account().id), "role": "Viewer"}, status=403)


def test_changes_of_members_need_the_scope_admin(tenant: Tenant) -> None:
    account, _ = join(tenant, "Viewer")
    writer = tenant.server.client(tenant.owner, scopes=("read", "write", "deploy"))
    writer.get(url_of(tenant), status=200)
    writer.patch(url_of(tenant, account), {"role": "Editor"}, status=403)
    writer.delete(url_of(tenant, account), status=403)
    writer.post(url_of(tenant), {"account_id": str(tenant.server.account().id), "role": "Viewer"}, status=403)


def test_a_stale_tag_of_a_member_changes_nothing(tenant: Tenant) -> None:
    account, _ = join(tenant, "Viewer")
    url = url_of(tenant, account)
    tag = tenant.client.get(url).headers["ETag"]
    changed = tenant.client.patch(url, {"role": "Editor"}, status=200, **{"If-Match": tag})
    tenant.client.patch(url, {"role": "Owner"}, status=412, **{"If-Match": tag})
    tenant.client.delete(url, status=412, **{"If-Match": tag})
    assert tenant.client.get(url).json["role"] == "Editor"
    tenant.client.delete(url, status=204, **{"If-Match": changed.headers["ETag"]})


def test_members_come_in_parts_that_make_the_whole(tenant: Tenant) -> None:
    ids = [str(tenant.owner.id), *(str(join(tenant, "Viewer")[0].id) for _ in range(4))]
    seen, url = [], url_of(tenant) + "?limit=2"
    while url:
        answer = tenant.client.get(url)
        seen += [row["account_id"] for row in answer.json]
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == ids
    tenant.client.get(url_of(tenant) + "?limit=0", status=400)
    tenant.client.get(url_of(tenant) + "?cursor=x", status=400)
