"""Who may use which endpoint: every route of today against every kind of caller, held as one table."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from pyramid.interfaces import IRoutesMapper

from pubsite.models import Account, Deployment, Member, Role
from pubsite.services import members
from tests.conftest import Client, Server, Tenant, new_tenant

CALLERS = ("anonymous", "stranger", "invited", "viewer", "editor", "manager", "owner", "staff", "read_only")
BLOB = hashlib.sha256(b"blob").hexdigest()
PUBLISHER = "/api/v1/publisher"


@dataclass(frozen=True)
class Route:
    """An endpoint, and what each caller gets: in the order of CALLERS, by the first digit or the whole status."""

    method: str
    path: str
    answers: str
    body: Any = None


PUBLIC = "200 200 200 200 200 200 200 200 200"
SIGNED_IN = "401 200 200 200 200 200 200 200 200"
VIEWERS = "401 403 403 200 200 200 200 200 200"
READ_FILES = "401 403 403 403 200 200 200 200 200"
# Staff read everything and write nothing of others; a token without the scope `write` does not write.
EDITORS = "401 403 403 403 200 200 200 403 403"
MANAGERS = "401 403 403 403 403 200 200 403 403"
# Under /api/v1/publisher what is another tenant's does not exist.
VIEWERS_OR_404 = "401 404 404 200 200 200 200 200 200"
EDITORS_OR_404 = "401 404 404 403 200 200 200 403 403"

ROUTES = (
    Route("GET", "/", PUBLIC),
    Route("GET", "/api/accounts/me", SIGNED_IN),
    Route("GET", "/api/sites/me", SIGNED_IN),
    Route("GET", "/api/sites/{publisher}", VIEWERS),
    Route("POST", "/api/sites/{publisher}", EDITORS, {"slug": "new", "name": "New"}),
    Route("GET", "/api/sites/{publisher}/docs", PUBLIC),
    Route("PATCH", "/api/sites/{publisher}/docs", EDITORS, {"name": "Changed"}),
    Route("DELETE", "/api/sites/{publisher}/docs", EDITORS.replace("200", "204")),
    Route("GET", "/api/sites/site/docs/page?publisher={publisher}", PUBLIC),
    Route("GET", "/api/sites/{publisher}/docs/pages", VIEWERS),
    Route("POST", "/api/sites/{publisher}/docs/pages", EDITORS, {"path": "/new"}),
    Route("POST", "/api/sites/{publisher}/docs/pages:batch", EDITORS, {"delete": ["/none"]}),
    Route("GET", "/api/sites/pages/{page}", PUBLIC),
    Route("PATCH", "/api/sites/pages/{page}", EDITORS, {"path": "/moved"}),
    Route("DELETE", "/api/sites/pages/{page}", EDITORS.replace("200", "204")),
    *(
        route
        for kind, site in (("files", "{raw}"), ("assets", "{docs}"))
        for route in (
            Route("GET", f"/api/sites/{site}/{kind}", READ_FILES),
            Route("POST", f"/api/sites/{site}/{kind}/upload", EDITORS, b"upload"),
            Route("GET", f"/api/sites/{site}/{kind}/content/a.txt", READ_FILES),
            Route("GET", f"/api/sites/{site}/{kind}/download/a.txt", READ_FILES),
            Route("PUT", f"/api/sites/{site}/{kind}/edit/a.txt", EDITORS, {"new_content": "x"}),
            Route("DELETE", f"/api/sites/{site}/{kind}/delete/a.txt", EDITORS),
            Route("POST", f"/api/sites/{site}/{kind}/sync", EDITORS, {"files": {}}),
            Route("PUT", f"/api/sites/{site}/{kind}/blobs/{BLOB}", EDITORS.replace("200", "204"), b"blob"),
        )
    ),
    Route("GET", f"{PUBLISHER}/deployments/", SIGNED_IN),
    Route("POST", f"{PUBLISHER}/deployments/", EDITORS_OR_404.replace("200", "202"), {"site_id": "{docs}"}),
    Route("GET", f"{PUBLISHER}/deployments/{{record}}/", VIEWERS_OR_404),
    # The record has no bundle and is not live: whoever gets past the permission hears that.
    Route("GET", f"{PUBLISHER}/deployments/{{record}}/archive/", "401 404 404 404 404 404 404 404 404"),
    Route("POST", f"{PUBLISHER}/deployments/{{record}}/rollback/", EDITORS_OR_404.replace("200", "409"), {}),
    Route("POST", f"{PUBLISHER}/sites/{{docs}}/hold/", EDITORS_OR_404, {}),
    Route("DELETE", f"{PUBLISHER}/sites/{{docs}}/hold/", EDITORS_OR_404.replace("200", "204")),
    Route("GET", "/api/accounts?name={owner_name}", SIGNED_IN),
    Route("GET", "/api/publishers", SIGNED_IN),
    Route("POST", "/api/publishers", "401 200 200 200 200 200 200 200 403", {"name": "{publisher}-new"}),
    Route("GET", "/api/publishers/{publisher}", VIEWERS),
    Route("PATCH", "/api/publishers/{publisher}", MANAGERS, {"description": "Maps"}),
    # It has sites: who may delete it hears that.
    Route("DELETE", "/api/publishers/{publisher}", "401 403 403 403 403 403 409 403 403"),
    Route("GET", "/api/publishers/{publisher}/members", VIEWERS),
    Route("POST", "/api/publishers/{publisher}/members", MANAGERS, {"account_id": "{outsider}", "role": "Viewer"}),
    Route("GET", "/api/publishers/{publisher}/members/{member}", VIEWERS),
    Route("PATCH", "/api/publishers/{publisher}/members/{member}", MANAGERS, {"role": "Editor"}),
    Route("DELETE", "/api/publishers/{publisher}/members/{member}", MANAGERS.replace("200", "204")),
    # Who is a member already stays one.
    Route("POST", "/api/publishers/{publisher}/members/me/accept", "401 403 200 200 200 200 200 403 403"),
    Route("GET", "/api/tokens", SIGNED_IN),
    Route("POST", "/api/tokens", "401 200 200 200 200 200 200 200 403", {"name": "ci", "scopes": ["read"]}),
    # Another account's does not exist; the last caller is its owner, and lacks the scope.
    Route("DELETE", "/api/tokens/{token}", "401 404 404 404 404 404 404 404 403"),
)


class World:
    """A tenant with one of everything, and its names for the table's paths."""

    def __init__(self, server: Server) -> None:
        self.tenant = tenant = new_tenant(server)
        self.names = {"publisher": tenant.name}
        self.names["docs"] = tenant.site("docs")["id"]
        self.names["raw"] = tenant.site("raw", "SelfManaged")["id"]
        self.names["page"] = tenant.page("docs", "/", "x")["id"]
        outsider, member = server.account(), server.account()
        self.names |= {"owner_name": tenant.owner.name, "outsider": str(outsider.id), "member": str(member.id)}
        self.names["token"] = tenant.client.post("/api/tokens", {"name": "ci", "scopes": ["read"]}, status=200).json[
            "id"
        ]
        for kind, site in (("files", "raw"), ("assets", "docs")):
            url = f"/api/sites/{self.names[site]}/{kind}/upload"
            tenant.client.upload(url, "a.txt", b"text", status=200)
        with server.database.transaction() as db:
            members.add(db, tenant.publisher, member, Role.Viewer)
            site_id = uuid.UUID(self.names["docs"])
            ids = {"publisher_id": tenant.publisher.id, "account_id": tenant.owner.id, "site_id": site_id}
            record = Deployment(**ids, status="failed")
            db.add(record)
            db.flush()
            self.names["record"] = str(record.id)

    def caller(self, kind: str) -> Client:
        server, tenant = self.tenant.server, self.tenant
        if kind == "anonymous":
            return server.client()
        if kind == "read_only":
            return server.client(tenant.owner, scopes=("read",))
        if kind == "invited":
            account = server.account()
            with server.database.transaction() as db:
                members.add(db, tenant.publisher, account, Role.Owner)
                db.get_one(Member, (tenant.publisher.id, account.id)).accepted_at = None
            return server.client(account)
        roles = {"viewer": Role.Viewer, "editor": Role.Editor, "manager": Role.Manager, "owner": Role.Owner}
        if kind in roles:
            return tenant.member(roles[kind])
        return server.client(server.account(is_staff=kind == "staff"))

    def ask(self, client: Client, route: Route) -> int:
        path = fill(route.path, self.names)
        if route.body == b"upload":
            return client.upload(path, "b.txt", b"x").status_int
        if isinstance(route.body, bytes):
            return client.put_bytes(path, route.body).status_int
        body = b"" if route.body is None else fill(json.dumps(route.body), self.names).encode()
        return client.send(route.method, path, body).status_int


def fill(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_caller_gets_what_the_table_says(server: Server, route: Route) -> None:
    world = World(server)
    for kind, status in zip(CALLERS, route.answers.split(), strict=True):
        assert (kind, world.ask(world.caller(kind), route)) == (kind, int(status))
        if route.method != "GET" and status < "300":
            world = World(server)


def test_the_table_has_every_endpoint(server: Server) -> None:
    registry = server.app.api.registry
    world = World(server)
    listed = {(route.method, matched(registry, fill(route.path, world.names))) for route in ROUTES}
    assert listed == endpoints(registry)


def test_each_path_has_one_service(server: Server) -> None:
    """Of two on one path the second would answer 405 to all, and nothing would say so at the start."""
    patterns = [route.pattern for route in server.app.api.registry.queryUtility(IRoutesMapper).get_routes()]
    assert len(patterns) == len(set(patterns))


def matched(registry: Any, path: str) -> str:
    """The pattern of the route that answers a path."""
    path = path.partition("?")[0]
    path = path.removesuffix("/") if path.startswith(PUBLISHER) else path
    routes = registry.queryUtility(IRoutesMapper).get_routes()
    return next(route.pattern for route in routes if route.match(path) is not None)


def endpoints(registry: Any) -> set[tuple[str, str]]:
    """(method, pattern) of every endpoint that the app knows."""
    patterns = {route.name: route.pattern for route in registry.queryUtility(IRoutesMapper).get_routes()}
    views = [entry["introspectable"] for entry in registry.introspector.get_category("views")]
    of_routes = [(view["route_name"], view["request_methods"]) for view in views if view["request_methods"]]
    listed = [(name, [methods] if isinstance(methods, str) else methods) for name, methods in of_routes]
    return {(method, patterns[name]) for name, methods in listed for method in methods if method != "HEAD"}


# What tokens may


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
