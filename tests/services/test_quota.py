"""Limits under contention: many clients at once, through the whole app, never pass one by a byte."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import func, select, update
from webtest import TestResponse

from pubsite.models import File, HostLabel, Page, Publisher, Site, StagedBlob
from tests.conftest import Client, Tenant

MEBIBYTE = 1_048_576
SITE_LIMIT = 25 * MEBIBYTE


def at_once(tenant: Tenant, count: int, ask: Callable[[Client, int], TestResponse]) -> list[TestResponse]:
    """The answers of so many clients that ask at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(count)

    def one(number: int) -> TestResponse:
        client = tenant.server.client(tenant.owner)
        barrier.wait(10)
        return ask(client, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def statuses(answers: list[TestResponse]) -> dict[int, int]:
    return dict(Counter(answer.status_int for answer in answers))


def sums(tenant: Tenant, site_id: str) -> tuple[int, int, int, int]:
    """Bytes and files by the site's counters, and by its rows, in one state of the database."""
    key = uuid.UUID(site_id)
    with tenant.server.database.reading() as db:
        site = db.get_one(Site, key)
        rows = select(func.coalesce(func.sum(File.size), 0), func.count(File.digest)).where(File.site_id == key)
        return (site.files_bytes, site.files_count, *db.execute(rows).one())


def almost_full(tenant: Tenant) -> str:
    """The id of a site whose files leave one MiB of its limit."""
    site_id: str = tenant.site("raw", "SelfManaged")["id"]
    base, blob = f"/api/sites/{site_id}/files", bytes(MEBIBYTE)
    digest = hashlib.sha256(blob).hexdigest()
    tenant.client.put_bytes(f"{base}/blobs/{digest}", blob, status=204)
    tree = {f"full/{number}": digest for number in range(24)}
    tenant.client.post(f"{base}/sync?commit=true", {"files": tree}, status=200)
    return site_id


def test_uploads_at_once_never_pass_the_limit_by_a_byte(tenant: Tenant) -> None:
    site_id = almost_full(tenant)
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            counted, _, summed, _ = sums(tenant, site_id)
            seen.extend((counted, summed))

    watcher = threading.Thread(target=watch)
    watcher.start()
    size = 150_000  # six of them fit into what is left
    url = f"/api/sites/{site_id}/files/upload"
    answers = at_once(tenant, 12, lambda client, number: client.upload(url, f"d/{number}", bytes([number]) * size))
    stop.set()
    watcher.join()
    assert statuses(answers) == {200: 6, 400: 6}
    messages = {answer.json["message"] for answer in answers if answer.status_int == 400}
    assert messages == {"Site total size would exceed 25MB limit"}
    counted, files, summed, rows = sums(tenant, site_id)
    assert (counted, files) == (summed, rows) == (24 * MEBIBYTE + 6 * size, 30)
    assert max(seen) <= SITE_LIMIT


def test_writes_of_one_file_at_once_count_it_once(tenant: Tenant) -> None:
    site_id = almost_full(tenant)
    base = f"/api/sites/{site_id}/files"
    tenant.client.upload(f"{base}/upload", "same.txt", b"x", status=200)

    def ask(client: Client, number: int) -> TestResponse:
        content = "y" * (MEBIBYTE - number)
        if number % 2:
            return client.put(f"{base}/edit/same.txt", {"new_content": content})
        return client.upload(f"{base}/upload", "same.txt", content.encode())

    assert statuses(at_once(tenant, 8, ask)) == {200: 8}
    counted, files, summed, rows = sums(tenant, site_id)
    assert (counted, files) == (summed, rows)
    assert files == 25
    assert counted <= SITE_LIMIT


def test_writes_and_deletes_at_once_keep_the_counter_right(tenant: Tenant) -> None:
    site_id = almost_full(tenant)
    base = f"/api/sites/{site_id}/files"

    def ask(client: Client, number: int) -> TestResponse:
        if number % 3 == 0:
            return client.delete(f"{base}/delete/full/{number}")
        if number % 3 == 1:
            return client.upload(f"{base}/upload", f"new/{number}", bytes(700_000))
        return client.delete(f"{base}/delete/new?recursive=true")

    assert set(statuses(at_once(tenant, 12, ask))) <= {200, 400, 404}
    counted, files, summed, rows = sums(tenant, site_id)
    assert (counted, files) == (summed, rows)
    assert counted <= SITE_LIMIT


def test_objects_staged_at_once_never_pass_the_limit(tenant: Tenant) -> None:
    site_id = tenant.site("raw", "SelfManaged")["id"]
    key = uuid.UUID(site_id)
    before = SITE_LIMIT - 500_000
    with tenant.server.database.transaction() as db:
        db.execute(update(Site).where(Site.id == key).values(staged_bytes=before))

    def ask(client: Client, number: int) -> TestResponse:
        body = bytes([number // 2]) * 120_000  # four of the five different ones fit; each is sent twice
        return client.put_bytes(f"/api/sites/{site_id}/files/blobs/{hashlib.sha256(body).hexdigest()}", body)

    assert statuses(at_once(tenant, 10, ask)) == {204: 8, 400: 2}
    with tenant.server.database.reading() as db:
        staged = db.scalar(select(func.sum(StagedBlob.size)).where(StagedBlob.site_id == key))
        assert staged == db.get_one(Site, key).staged_bytes - before == 480_000


def test_of_creates_of_one_slug_at_once_exactly_one_wins(tenant: Tenant) -> None:
    body = {"slug": "same", "name": "Same"}
    answers = at_once(tenant, 10, lambda client, number: client.post(f"/api/sites/{tenant.name}", body))
    assert statuses(answers) == {200: 1, 409: 9}
    assert len(tenant.client.get(f"/api/sites/{tenant.name}").json) == 1
    with tenant.server.database.reading() as db:
        assert db.get_one(Publisher, tenant.publisher.id).sites_used == 1
        of_sites = select(func.count()).select_from(HostLabel).where(HostLabel.label.startswith(f"same-{tenant.name}"))
        assert db.scalar(of_sites) == 1


def test_creates_at_once_never_pass_the_publishers_limit(tenant: Tenant) -> None:
    limit = tenant.server.settings.sites_per_publisher
    with tenant.server.database.transaction() as db:
        db.get_one(Publisher, tenant.publisher.id).sites_used = limit - 3

    def ask(client: Client, number: int) -> TestResponse:
        return client.post(f"/api/sites/{tenant.name}", {"slug": f"site-{number}", "name": "x"})

    assert statuses(at_once(tenant, 8, ask)) == {200: 3, 400: 5}
    with tenant.server.database.reading() as db:
        assert db.get_one(Publisher, tenant.publisher.id).sites_used == limit


def test_of_creates_of_one_path_at_once_exactly_one_wins(tenant: Tenant) -> None:
    site = tenant.site("docs")
    spellings = ["/same", "/same/", "/SAME", "/Same/"]

    def ask(client: Client, number: int) -> TestResponse:
        return client.post(f"/api/sites/{tenant.name}/docs/pages", {"path": spellings[number % 4]})

    assert statuses(at_once(tenant, 8, ask)) == {200: 1, 409: 7}
    with tenant.server.database.reading() as db:
        assert db.scalar(select(func.count()).where(Page.site_id == uuid.UUID(site["id"]))) == 1


def test_uploads_into_one_new_directory_at_once_make_it_once(tenant: Tenant) -> None:
    site_id = tenant.site("raw", "SelfManaged")["id"]
    base = f"/api/sites/{site_id}/files"
    answers = at_once(tenant, 8, lambda client, number: client.upload(f"{base}/upload", f"a/b/{number}", b"x"))
    assert statuses(answers) == {200: 8}
    assert len(tenant.client.get(f"{base}?path=a").json) == 1
    assert len(tenant.client.get(f"{base}?path=a/b").json) == 8


def test_deploys_asked_for_at_once_all_end_well(tenant: Tenant) -> None:
    site = tenant.site("docs")
    tenant.page("docs", "/", "x")

    def ask(client: Client, number: int) -> TestResponse:
        return client.post("/api/v1/publisher/deployments/", {"site_id": site["id"]}, Prefer="wait=20")

    answers = at_once(tenant, 5, ask)
    assert set(statuses(answers)) <= {200, 202}
    assert tenant.deploy(site["id"])["unchanged"] is True
    records: list[dict[str, Any]] = tenant.client.get(
        f"/api/v1/publisher/deployments/?site_id={site['id']}&page_size=100"
    ).json["results"]
    assert [record["is_live"] for record in records].count(True) == 1
    assert {record["deployed_version"] for record in records if record["status"] == "deployed"} == {1}
