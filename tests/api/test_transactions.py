"""A request is one transaction: kept by success alone, rolled back by everything else, tried again under contention.

Some handlers here are the tests' own, put beside the app's: they write, and then end in a way that the test chooses.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyramid import httpexceptions
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import func, select, text, update
from webtest import TestApp, TestResponse

from pubsite import errors
from pubsite.app import make_api
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.gateway import Gateway
from pubsite.models import Account, File, Page, PageRevision, Publisher, Site
from pubsite.security import PUBLIC
from pubsite.services import sites
from tests.conftest import API_HOST, Server, Tenant

RAISED = {
    "invalid": errors.Invalid("x"),
    "limit": errors.LimitExceeded("x"),
    "unauthorized": errors.Unauthorized(),
    "forbidden": errors.Forbidden(),
    "not-found": errors.NotFound("x"),
    "conflict": errors.Conflict("x"),
    "precondition": errors.PreconditionFailed("x"),
    "not-ready": errors.NotReady("x"),
    "unavailable": errors.Unavailable("x", retry_after=7),
    "http-404": httpexceptions.HTTPNotFound("/secret/path"),
    "http-403": httpexceptions.HTTPForbidden("secret view"),
    "unforeseen": ZeroDivisionError("secret"),
}
STATUSES = {
    "invalid": 400,
    "limit": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "conflict": 409,
    "precondition": 412,
    "not-ready": 422,
    "unavailable": 503,
    "http-404": 404,
    "http-403": 401,
    "unforeseen": 500,
}


def write_then_return(request: Request) -> Response:
    write(request)
    return Response(status=int(request.matchdict["status"]))


def write_then_raise(request: Request) -> Response:
    write(request)
    raise RAISED[request.matchdict["error"]]


def write(request: Request) -> None:
    request.db.add(Account(name=request.GET["name"]))
    request.db.flush()


def write_then_fail_to_commit(request: Request) -> Response:
    """On SQLite a foreign key that is looked at when committing, on PostgreSQL a connection that goes away."""
    if request.db.bind.dialect.name == "sqlite":
        request.db.execute(text("PRAGMA defer_foreign_keys = ON"))
        request.db.add(Page(site_id=uuid.uuid4(), type="HtmlPage", path="/", path_digest="x", meta={}))
        write(request)
    else:
        write(request)
        backend = request.db.scalar(text("SELECT pg_backend_pid()"))
        with request.registry.database.transaction() as db:
            db.execute(text("SELECT pg_terminate_backend(:backend)"), {"backend": backend})
    return Response("committed?")


def read_then_write(request: Request) -> Response:
    """The first attempt reads a state that another connection changes before this one writes on it."""
    if request.db.bind.dialect.name == "postgresql":
        request.db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    name = request.GET["name"]
    before = request.db.scalar(select(Publisher.sites_used).where(Publisher.name == name))
    if request.environ["retry.attempt"] < int(request.GET["losses"]):
        with request.registry.database.transaction() as db:
            db.execute(update(Publisher).where(Publisher.name == name).values(sites_used=Publisher.sites_used + 1))
    request.db.execute(update(Publisher).where(Publisher.name == name).values(sites_used=before + 100))
    return Response(f"{before}")


class Probe:
    """The app of a server with the handlers above beside its own."""

    def __init__(self, server: Server, renderers: RendererPool) -> None:
        self.database: Database = server.database
        config = make_api(server.settings, server.database, server.storage, renderers, {})
        for name, path, view in (
            ("returned", "/probe/returned/{status}", write_then_return),
            ("raised", "/probe/raised/{error}", write_then_raise),
            ("uncommitted", "/probe/uncommitted", write_then_fail_to_commit),
            ("contended", "/probe/contended", read_then_write),
        ):
            config.add_route(name, path)
            config.add_view(view, route_name=name, permission=PUBLIC)
        hosts = {"api_hosts": ["localhost"], "sites_domain": "localhost"}
        self.app = Gateway(config.make_wsgi_app(), config.make_wsgi_app(), close=lambda: None, **hosts)

    def ask(self, method: str, path: str, **environ: str) -> TestResponse:
        app = TestApp(self.app, extra_environ={"HTTP_HOST": API_HOST, **environ})
        return app.request(path, method=method, status="*")

    def is_kept(self, name: str) -> bool:
        with self.database.reading() as db:
            return db.scalar(select(Account).where(Account.name == name)) is not None


@pytest.fixture(scope="module")
def probe(server: Server) -> Iterator[Probe]:
    renderers = RendererPool(1, 1, 2**30)
    yield Probe(server, renderers)
    renderers.close()


# Kept or rolled back


@pytest.mark.parametrize("status", [200, 201, 202, 204, 303, 304])
def test_a_success_is_kept(probe: Probe, status: int) -> None:
    name = uuid.uuid4().hex
    assert probe.ask("POST", f"/probe/returned/{status}?name={name}").status_int == status
    assert probe.is_kept(name)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 429, 500, 503])
def test_an_error_that_is_returned_is_rolled_back(probe: Probe, status: int) -> None:
    name = uuid.uuid4().hex
    assert probe.ask("POST", f"/probe/returned/{status}?name={name}").status_int == status
    assert not probe.is_kept(name)


@pytest.mark.parametrize("error", RAISED)
def test_an_error_that_is_raised_after_a_write_is_rolled_back(probe: Probe, error: str) -> None:
    name = uuid.uuid4().hex
    answer = probe.ask("POST", f"/probe/raised/{error}?name={name}")
    assert (answer.status_int, answer.json["statusCode"]) == (STATUSES[error], STATUSES[error])
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert "secret" not in answer.text
    assert answer.headers.get("Retry-After") == ("7" if error == "unavailable" else None)
    assert not probe.is_kept(name)


def test_a_commit_that_fails_is_an_error_in_the_usual_shape(probe: Probe) -> None:
    name = uuid.uuid4().hex
    answer = probe.ask("POST", f"/probe/uncommitted?name={name}")
    assert answer.json["statusCode"] == answer.status_int >= 500
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert not probe.is_kept(name)
    assert probe.ask("POST", f"/probe/returned/200?name={name}").status_int == 200


def test_a_get_cannot_write_on_postgresql(probe: Probe) -> None:
    if probe.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite's readers are only kept from taking the lock early")
    name = uuid.uuid4().hex
    assert probe.ask("GET", f"/probe/returned/200?name={name}").status_int == 500
    assert not probe.is_kept(name)


def test_a_refused_upload_leaves_no_directories(tenant: Tenant) -> None:
    site = tenant.site("raw", "SelfManaged")
    with tenant.server.database.transaction() as db:
        db.get_one(Site, uuid.UUID(site["id"])).files_bytes = tenant.server.settings.site_size_limit
    tenant.client.upload(f"/api/sites/{site['id']}/files/upload", "new/dir/x", b"x", status=400)
    with tenant.server.database.reading() as db:
        assert db.scalar(select(func.count()).where(File.site_id == uuid.UUID(site["id"]))) == 0


def test_a_refused_create_gives_its_place_in_the_quota_back(tenant: Tenant) -> None:
    tenant.site("taken")
    tenant.client.post(f"/api/sites/{tenant.name}", {"slug": "taken", "name": "x"}, status=409)
    with tenant.server.database.reading() as db:
        assert db.get_one(Publisher, tenant.publisher.id).sites_used == 1


# Contention


def contend(probe: Probe, tenant: Tenant, losses: int) -> TestResponse:
    # Only SQLite's readers can read a state and find it changed: its writers take the lock first.
    method = "GET" if probe.database.engine.dialect.name == "sqlite" else "POST"
    return probe.ask(method, f"/probe/contended?name={tenant.name}&losses={losses}")


@pytest.mark.parametrize("losses", [1, 4])
def test_a_lost_race_is_run_again_and_the_client_sees_nothing_of_it(probe: Probe, tenant: Tenant, losses: int) -> None:
    answer = contend(probe, tenant, losses)
    assert (answer.status_int, answer.text) == (200, str(losses))
    with probe.database.reading() as db:
        assert db.get_one(Publisher, tenant.publisher.id).sites_used == losses + 100


def test_a_race_that_is_lost_every_time_is_503_with_a_time_to_come_back(probe: Probe, tenant: Tenant) -> None:
    answer = contend(probe, tenant, 99)
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json["message"] == "The database is busy or away; try again"
    with probe.database.reading() as db:
        assert db.get_one(Publisher, tenant.publisher.id).sites_used == 5


def test_a_writer_waits_for_the_one_before_it(tenant: Tenant) -> None:
    site = tenant.site("docs")
    client = tenant.server.client(tenant.owner)
    with ThreadPoolExecutor(1) as pool:
        with tenant.server.database.transaction() as db:
            sites.lock(db, db.get_one(Site, uuid.UUID(site["id"])))
            waiting = pool.submit(client.patch, f"/api/sites/{tenant.name}/docs", {"name": "second"})
            time.sleep(0.1)
            assert not waiting.done()
            assert tenant.client.get(f"/api/sites/{tenant.name}/docs").json["name"] == "Docs"
        assert waiting.result().json["name"] == "second"


def test_changes_of_one_site_at_once_are_all_done(tenant: Tenant) -> None:
    site = tenant.site("docs")
    page = tenant.page("docs", "/shared", "x")
    url, pages = f"/api/sites/pages/{page['id']}", f"/api/sites/{tenant.name}/docs/pages"

    def work(number: int) -> list[int]:
        client = tenant.server.client(tenant.owner)
        answers = [
            client.post(pages, {"path": f"/{number}"}),
            client.patch(url, {"config": {"content": f"by {number}"}}),
            client.patch(f"/api/sites/{tenant.name}/docs", {"config": {"extra": {str(number): 1}}}),
            client.delete(f"/api/sites/pages/{client.get(f'{pages}').json[0]['id']}"),
        ]
        return [answer.status_int for answer in answers]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(work, range(6)))
    assert {tuple(found[:3]) for found in statuses} == {(200, 200, 200)}
    # Two may have chosen the same page to delete, or the shared one was gone already.
    assert {found[3] for found in statuses} <= {204, 404}
    with tenant.server.database.reading() as db:
        row = db.get_one(Site, uuid.UUID(site["id"]))
        revisions = select(func.count()).where(PageRevision.site_id == row.id)
        deleted = sum(found[3] == 204 for found in statuses)
        assert row.content_sequence == db.scalar(revisions) + 6 + deleted


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_page_that_is_deleted_meanwhile_is_404(tenant: Tenant, method: str) -> None:
    site = tenant.site("docs")
    page = tenant.page("docs", "/", "x")
    client = tenant.server.client(tenant.owner)
    body = b'{"path": "/moved"}' if method == "PATCH" else b""
    with ThreadPoolExecutor(1) as pool:
        with tenant.server.database.transaction() as db:
            sites.lock(db, db.get_one(Site, uuid.UUID(site["id"])))
            db.delete(db.get_one(Page, uuid.UUID(page["id"])))
            db.flush()
            waiting = pool.submit(client.send, method, f"/api/sites/pages/{page['id']}", body)
            time.sleep(0.1)
        answer = waiting.result()
    assert (answer.status_int, answer.json["message"]) == (404, "Page not found")


@pytest.mark.parametrize("kind", ["pages", "files"])
def test_a_site_that_is_deleted_meanwhile_is_404(tenant: Tenant, kind: str) -> None:
    site = tenant.site("docs", "FullyManaged" if kind == "pages" else "SelfManaged")
    client = tenant.server.client(tenant.owner)

    def change() -> Any:
        if kind == "pages":
            return client.post(f"/api/sites/{tenant.name}/docs/pages", {})
        return client.upload(f"/api/sites/{site['id']}/files/upload", "a", b"x")

    with ThreadPoolExecutor(1) as pool:
        with tenant.server.database.transaction() as db:
            sites.remove(db, db.get_one(Site, uuid.UUID(site["id"])))
            waiting = pool.submit(change)
            time.sleep(0.1)
        assert waiting.result().status_int == 404
