"""Whole trees: what is missing, sending it, and the swap."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from pubsite.models import File, Site, StagedBlob, now
from tests.conftest import Tenant, new_tenant

SITE_LIMIT = 26_214_400


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def new_base(tenant: Tenant, slug: str = "raw") -> str:
    return f"/api/sites/{tenant.site(slug, 'SelfManaged')['id']}/files"


@pytest.fixture
def base(tenant: Tenant) -> str:
    return new_base(tenant)


def ask(tenant: Tenant, base: str, tree: dict[str, bytes]) -> list[str]:
    files = {path: digest(body) for path, body in tree.items()}
    return tenant.client.post(f"{base}/sync", {"files": files}, status=200).json["missing"]


def send(tenant: Tenant, base: str, body: bytes, status: int = 204) -> Any:
    return tenant.client.put_bytes(f"{base}/blobs/{digest(body)}", body, status=status)


def commit(tenant: Tenant, base: str, tree: dict[str, bytes], status: int = 200) -> dict[str, Any]:
    files = {path: digest(body) for path, body in tree.items()}
    return tenant.client.post(f"{base}/sync?commit=true", {"files": files}, status=status).json


def problems(answer: dict[str, Any]) -> dict[str, str]:
    return {error["name"]: error["message"] for error in answer["errors"]}


def counters(tenant: Tenant, base: str) -> tuple[int, int, int]:
    """The site's counters (bytes, files, staged bytes), which equal what its rows say."""
    site_id = uuid.UUID(base.split("/")[3])
    with tenant.server.database.reading() as db:
        site = db.get_one(Site, site_id)
        total = select(func.coalesce(func.sum(File.size), 0), func.count(File.digest)).where(File.site_id == site_id)
        staged = select(func.coalesce(func.sum(StagedBlob.size), 0)).where(StagedBlob.site_id == site_id)
        shown = (site.files_bytes, site.files_count, site.staged_bytes)
        assert (*db.execute(total).one(), db.scalar(staged)) == shown
    return shown


def test_only_what_is_missing_is_sent_and_the_tree_swapped(tenant: Tenant, base: str) -> None:
    tree = {"index.html": b"home", "a/b.txt": b"text", "copy.txt": b"text"}
    assert ask(tenant, base, tree) == sorted([digest(b"home"), digest(b"text")])
    for body in (b"home", b"text"):
        send(tenant, base, body)
    assert ask(tenant, base, tree) == []
    assert counters(tenant, base) == (0, 0, 8)
    assert commit(tenant, base, tree) == {"created": 3, "updated": 0, "unchanged": 0, "deleted": 0}
    assert counters(tenant, base) == (12, 3, 0)
    send(tenant, base, b"new")
    changed = {"index.html": b"new", "b": b"text"}
    assert commit(tenant, base, changed) == {"created": 1, "updated": 1, "unchanged": 0, "deleted": 2}
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["b", "index.html"]
    assert counters(tenant, base) == (7, 2, 0)


def test_the_same_tree_again_changes_nothing(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"x")
    commit(tenant, base, {"d/a": b"x"})
    before = tenant.client.get(f"{base}?path=d").json
    assert commit(tenant, base, {"d/a": b"x"}) == {"created": 0, "updated": 0, "unchanged": 1, "deleted": 0}
    assert tenant.client.get(f"{base}?path=d").json == before


def test_an_empty_tree_empties_the_site(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"x")
    commit(tenant, base, {"d/a": b"x"})
    assert commit(tenant, base, {})["deleted"] == 1
    assert tenant.client.get(base).json == []
    assert counters(tenant, base) == (0, 0, 0)


def test_a_path_may_change_its_case_and_its_kind(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"x")
    commit(tenant, base, {"a": b"x", "B/c": b"x"})
    assert commit(tenant, base, {"a/b": b"x", "b": b"x"})["created"] == 2
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["a", "b"]


def test_a_commit_with_objects_missing_writes_nothing(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"kept")
    commit(tenant, base, {"kept": b"kept"})
    answer = commit(tenant, base, {"a": b"never sent"}, status=400)
    assert answer["message"] == "1 objects are missing: send them first"
    assert answer["errors"][0]["message"] == f"{digest(b'never sent')} is missing"
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["kept"]


def test_nobody_learns_what_another_publisher_has(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"secret")
    commit(tenant, base, {"a": b"secret"})
    other = new_tenant(tenant.server)
    theirs = new_base(other)
    assert ask(other, theirs, {"a": b"secret"}) == [digest(b"secret")]
    commit(other, theirs, {"a": b"secret"}, status=400)


def test_what_another_site_of_the_publisher_holds_need_not_be_sent(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"shared")
    commit(tenant, base, {"a": b"shared"})
    other = new_base(tenant, "other")
    assert ask(tenant, other, {"b": b"shared"}) == []
    assert commit(tenant, other, {"b": b"shared"})["created"] == 1
    assert tenant.client.get(f"{other}/content/b").json == {"content": "shared"}


def test_an_object_must_be_what_its_url_says(tenant: Tenant, base: str) -> None:
    answer = tenant.client.put_bytes(f"{base}/blobs/{digest(b'a')}", b"b", status=400).json
    assert answer["message"] == "The body's sha256 is not the one in the URL"
    for odd in ("x", digest(b"a").upper(), digest(b"a")[:-1]):
        tenant.client.put_bytes(f"{base}/blobs/{odd}", b"a", status=404)


def test_an_object_has_at_most_the_size_of_a_file(tenant: Tenant, base: str) -> None:
    assert send(tenant, base, bytes(1_048_577), status=400).json["message"] == "File size exceeds 1MB limit"
    send(tenant, base, bytes(1_048_576))


def test_staged_objects_have_a_limit_and_count_once(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"0123456789")
    send(tenant, base, b"0123456789")
    assert counters(tenant, base) == (0, 0, 10)
    set_site(tenant, base, staged_bytes=SITE_LIMIT - 5)
    answer = send(tenant, base, b"sixsix", status=400).json
    assert str(SITE_LIMIT) in answer["message"]
    send(tenant, base, b"five5")


def test_staged_objects_lapse_after_an_hour(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"old")
    long_ago = now() - timedelta(minutes=61)
    with tenant.server.database.transaction() as db:
        of_site = StagedBlob.site_id == uuid.UUID(base.split("/")[3])
        db.execute(update(StagedBlob).where(of_site).values(created_at=long_ago))
    assert ask(tenant, base, {"a": b"old"}) == [digest(b"old")]
    send(tenant, base, b"new")
    assert counters(tenant, base) == (0, 0, 3)


def test_a_tree_has_at_most_the_sites_limit(tenant: Tenant, base: str) -> None:
    send(tenant, base, bytes(1_048_576))
    tree = {f"{number}.bin": bytes(1_048_576) for number in range(25)}
    assert commit(tenant, base, tree)["created"] == 25
    assert counters(tenant, base)[0] == SITE_LIMIT
    send(tenant, base, b"x")
    answer = commit(tenant, base, {**tree, "x": b"x"}, status=400)
    assert answer["message"] == "Site total size would exceed 25MB limit"
    assert counters(tenant, base)[:2] == (SITE_LIMIT, 25)


def test_every_wrong_path_and_digest_is_named(tenant: Tenant, base: str) -> None:
    good = digest(b"x")
    files = {"../a": good, "b": "z" * 64, "c/d": good, "C/e": good, "f": good, "f/g": good, "h": good, "H": good}
    answer = tenant.client.post(f"{base}/sync", {"files": files}, status=400).json
    assert set(problems(answer)) >= {"files.../a", "files.b", "files.f", "files.H"}
    assert len(problems(answer)) == 5
    assert tenant.client.post(f"{base}/sync", {"files": {"a": "short"}}, status=400).json["errors"]
    assert tenant.client.post(f"{base}/sync?commit=maybe", {"files": {}}, status=400).json["errors"]
    for wrong in ({}, {"files": []}, {"files": {"a": None}}, {"files": {"": good}}, {"tree": {}}):
        assert tenant.client.post(f"{base}/sync", wrong, status=400).json["errors"]


def test_a_tree_of_deep_paths_costs_no_more_than_its_limit(tenant: Tenant, base: str) -> None:
    files = {f"{number}/" + "d/" * 1900 + "x": digest(b"x") for number in range(60)}
    answer = tenant.client.post(f"{base}/sync", {"files": files}, status=400).json
    assert answer["message"] == "files must have at most 100000 directories, and not such deep ones"


def test_a_commit_with_the_tag_of_the_present_tree_is_done_and_with_another_not(tenant: Tenant, base: str) -> None:
    send(tenant, base, b"x")
    asked = tenant.client.post(f"{base}/sync", {"files": {}}, status=200)
    tree = {"files": {"a": digest(b"x")}}
    done = tenant.client.post(f"{base}/sync?commit=true", tree, status=200, **{"If-Match": asked.headers["ETag"]})
    again = tenant.client.post(f"{base}/sync", tree, status=200)
    assert again.headers["ETag"] == done.headers["ETag"] != asked.headers["ETag"]
    stale = tenant.client.post(f"{base}/sync?commit=true", {"files": {}}, 412, **{"If-Match": asked.headers["ETag"]})
    assert stale.json["message"] == "The tree is another one by now: read it again"
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["a"]


def test_a_commit_takes_few_statements_however_many_files(tenant: Tenant, base: str) -> None:
    bodies = [b"%d" % number for number in range(400)]
    for body in bodies[:3]:
        send(tenant, base, body)
    tree = {f"{number % 7}/{number}": bodies[number % 3] for number in range(400)}
    counted: list[str] = []
    engine = tenant.server.app.api.registry.database.engine  # type: ignore[attr-defined]  # Pyramid's router

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        counted.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    assert commit(tenant, base, tree)["created"] == 400
    assert commit(tenant, base, dict.fromkeys(tree, bodies[0]))["updated"] > 200
    assert commit(tenant, base, {})["deleted"] == 400
    event.remove(engine, "before_cursor_execute", count)
    assert len(counted) < 60
    assert counters(tenant, base) == (0, 0, 0)


def test_assets_are_synced_alike(tenant: Tenant) -> None:
    base = f"/api/sites/{tenant.site('docs')['id']}/assets"
    assert ask(tenant, base, {"a.png": b"png"}) == [digest(b"png")]
    send(tenant, base, b"png")
    assert commit(tenant, base, {"a.png": b"png"})["created"] == 1


def set_site(tenant: Tenant, base: str, **values: int) -> None:
    with tenant.server.database.transaction() as db:
        db.execute(update(Site).where(Site.id == uuid.UUID(base.split("/")[3])).values(**values))
