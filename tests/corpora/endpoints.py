"""Every endpoint that there is, from the services' own registry, and the strings that its schemas take.

New services are found by themselves; `NAMES` of a world says what the braces of their paths stand for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import colander

from pubsite import schema
from pubsite.api import Media, Service
from pubsite.models import Deployment
from pubsite.openapi import own_services
from tests.conftest import Server, Tenant, new_tenant

PLACE = re.compile(r"\{(?P<name>\w+)(:(?:[^{}]|\{[^{}]*\})*)?\}")
MISSING = "none"
NOWHERE = "https://127.0.0.1:9"
# Steps to a place within a schema, beside names and the 0 of a list: the value of any key, and that key itself.
VALUE, KEY = "*", "**"


class Variant(NamedTuple):
    """A step into `member`, whose schema is the one of `kind`, the value of `key`."""

    key: str
    kind: str
    member: str

    def __str__(self) -> str:
        return self.member


Step = str | int | Variant
Place = tuple[Step, ...]


@dataclass(frozen=True)
class Endpoint:
    """One method of one path, with the schemas of what it reads; `form` are the fields of a multipart body."""

    method: str
    path: str
    body: colander.SchemaNode | None
    query: colander.SchemaNode | None
    form: tuple[tuple[str, str], ...] = ()
    reads_only: bool = False

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
            "deployment": f"/api/v1/publisher/deployments/{names['deployment_id']}",
            "destination": f"/api/v1/publisher/destinations/{names['destination_id']}",
            "record": f"/api/v1/publisher/publishing-records/{names['record_id']}",
        }
        found = {name: client.get(path).json for name, path in paths.items()}
        enveloped = ("sector", "deployment", "destination", "record")
        found |= {name: found[name]["data"] for name in enveloped}  # the request's id is another each time
        for kind in ("deployments", "sectors", "destinations", "publishing-records"):
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
    names["content_id"] = names["page_id"]

    def made(kind: str, **body: str) -> str:
        return str(tenant.client.post(f"/api/v1/publisher/{kind}", body, status=201).json["data"]["id"])

    names["sector_id"] = made("sectors", site_id=names["docs"], name="News")
    for name in ("destination_id", "elsewhere"):  # the page is sent elsewhere, so that it can yet be sent there
        place = {"type": "webhook", "base_url": NOWHERE}
        names[name] = made("destinations", site_id=names["docs"], name=name, **place)
    sent = {"content_id": names["page_id"], "destination_id": names["elsewhere"]}
    names["record_id"] = made("publishing-records", **sent, scheduled_at="2999-01-01T00:00:00Z")
    for kind, site in (("files", "raw"), ("assets", "docs")):
        tenant.client.upload(f"/api/sites/{names[site]}/{kind}/upload", "a.txt", b"text", status=200)
    with server.database.transaction() as db:
        ids = {"publisher_id": tenant.publisher.id, "account_id": tenant.owner.id, "site_id": uuid.UUID(names["docs"])}
        record = Deployment(**ids, status="failed")
        db.add(record)
        db.flush()
        names["deployment_id"] = str(record.id)
    return World(tenant, names)


def endpoints() -> list[Endpoint]:
    """All of them, in the order of their declaration."""
    services = [service for service in own_services() if isinstance(service, Service)]
    return [
        Endpoint(
            method,
            service.path,
            _node(endpoint.body),
            _node(endpoint.query),
            endpoint.body.fields if isinstance(endpoint.body, Media) else (),
            not service.keeps_answers(method),
        )
        for service in services
        for method, endpoint in service.endpoints.items()
    ]


def _node(schema: Any) -> colander.SchemaNode | None:
    return schema if isinstance(schema, colander.SchemaNode) else None


def fields(node: colander.SchemaNode, within: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Each place below a schema where a value can stand, with its type; those of keys that the author names as well."""
    typ = node.typ
    if isinstance(typ, schema.ListOf):
        yield from fields(typ.member, (*within, 0))
    elif isinstance(typ, schema.MapOf):
        yield (*within, KEY), typ.key
        yield from fields(typ.member, (*within, VALUE))
    elif node.children:
        yield from _fields_of_object(node, within)
    else:
        yield within, typ


def _fields_of_object(node: colander.SchemaNode, within: Place) -> Iterator[tuple[Place, Any]]:
    key, member, kinds = getattr(node, "variants", ("", "", {}))
    for child in node.children:
        if child.name != member:
            yield from fields(child, (*within, child.name))
    for kind, variant in kinds.items():
        yield from fields(variant, (*within, Variant(key, kind, member)))
    if node.typ.keep_unknown:
        yield (*within, KEY), schema.Text()
        yield (*within, VALUE), schema.Anything()
