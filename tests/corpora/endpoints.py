"""Every endpoint that there is, from the services' own registry, and the strings that its schemas take.

New services are found by themselves; `NAMES` of a world says what the braces of their paths stand for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import colander

from pubsite import schema
from pubsite.api import Service
from pubsite.models import Deployment, Destination, PublishingRecord
from pubsite.openapi import own_services
from tests.conftest import Server, Tenant, new_tenant

PLACE = re.compile(r"\{(?P<name>\w+)(:(?:[^{}]|\{[^{}]*\})*)?\}")
MISSING = "none"


@dataclass(frozen=True)
class Endpoint:
    """One method of one path, with the schemas of what it reads."""

    method: str
    path: str
    body: colander.SchemaNode | None
    query: colander.SchemaNode | None

    def __str__(self) -> str:
        return f"{self.method} {PLACE.sub(lambda place: '{' + place['name'] + '}', self.path)}"


@dataclass
class World:
    """A tenant with one of everything, and the names of it for paths."""

    tenant: Tenant
    names: dict[str, str]

    def fill(self, path: str, others: Mapping[str, str] = MappingProxyType({})) -> str:
        """A path with the world's things in its braces; a site of files where files are meant."""
        names = {**self.names, "site_id": self.names["raw" if "/files" in path else "docs"], **others}
        return PLACE.sub(lambda place: names.get(place["name"], MISSING), path)

    def state(self) -> dict[str, Any]:
        """All that requests of the tenant could have changed."""
        client, names = self.tenant.client, self.names
        paths = {
            "docs": f"/api/sites/{self.tenant.name}/docs",
            "raw": f"/api/sites/{self.tenant.name}/raw",
            "sites": f"/api/sites/{self.tenant.name}",
            "files": f"/api/sites/{names['raw']}/files",
            "assets": f"/api/sites/{names['docs']}/assets",
            "text": f"/api/sites/{names['raw']}/files/content/a.txt",
            "sector": f"/api/v1/publisher/sectors/{names['sector_id']}",
            "record": f"/api/v1/publisher/deployments/{names['deployment_id']}",
        }
        found = {name: client.get(path).json for name, path in paths.items()}
        found |= {name: found[name]["data"] for name in ("sector", "record")}  # the request's id is another each time
        for kind in ("deployments", "sectors"):
            listed = client.get(f"/api/v1/publisher/{kind}/?publisher_id={names['publisher_id']}").json
            found[kind] = listed["count"]
        return found


def new_world(server: Server) -> World:
    tenant = new_tenant(server)
    names = {"pubName": tenant.name, "name": tenant.name, "slug": "docs", "number": "1", "path": "a.txt"}
    names |= {"digest": "0" * 64, "account_id": str(tenant.owner.id), "publisher_id": str(tenant.publisher.id)}
    names["docs"] = tenant.site("docs")["id"]
    names["raw"] = tenant.site("raw", "SelfManaged")["id"]
    names["page_id"] = tenant.page("docs", "/", "x")["id"]
    made = tenant.client.post("/api/v1/publisher/sectors", {"site_id": names["docs"], "name": "News"}, status=201)
    names["sector_id"] = made.json["data"]["id"]
    for kind, site in (("files", "raw"), ("assets", "docs")):
        tenant.client.upload(f"/api/sites/{names[site]}/{kind}/upload", "a.txt", b"text", status=200)
    with server.database.transaction() as db:
        ids = {"publisher_id": tenant.publisher.id, "account_id": tenant.owner.id, "site_id": uuid.UUID(names["docs"])}
        record = Deployment(**ids, status="failed")
        place = Destination(**ids, name="Hook", type="webhook", base_url="https://127.0.0.1:9", is_active=False)
        db.add_all([record, place])
        db.flush()
        page_id = uuid.UUID(names["page_id"])
        sent = PublishingRecord(**ids, content_id=page_id, destination_id=place.id, destination_type=place.type,
                                status="failed")  # fmt: skip
        db.add(sent)
        db.flush()
        names |= {"deployment_id": str(record.id), "destination_id": str(place.id), "record_id": str(sent.id)}
        names["content_id"] = names["page_id"]
    return World(tenant, names)


def endpoints() -> list[Endpoint]:
    """All of them, in the order of their declaration."""
    services = [service for service in own_services() if isinstance(service, Service)]
    return [
        Endpoint(method, service.path, _node(endpoint.body), _node(endpoint.query))
        for service in services
        for method, endpoint in service.endpoints.items()
    ]


def _node(schema: Any) -> colander.SchemaNode | None:
    return schema if isinstance(schema, colander.SchemaNode) else None


def fields(
    node: colander.SchemaNode, within: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Each place below a schema where a value can stand, with its type; `*` names any key, 0 a member of a list."""
    typ = node.typ
    if isinstance(typ, schema.ListOf):
        yield from fields(typ.member, (*within, 0))
    elif isinstance(typ, schema.MapOf):
        yield from fields(typ.member, (*within, "*"))
    elif node.children:
        for child in node.children:
            yield from fields(child, (*within, child.name))
    else:
        yield within, typ


def body_with(place: tuple[str | int, ...], value: Any) -> Any:
    """A body that holds one value at that place, and nothing else."""
    for step in reversed(place):
        value = [value] if step == 0 else {("key" if step == "*" else step): value}
    return value
