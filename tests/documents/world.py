"""The caller's side of the documents: requests in their spelling, on `/api` or on `/zone`, by people of each role."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from webtest import TestResponse

from pubsite.models import Role
from tests.conftest import API_HOST, Client, Tenant


@dataclass
class World:
    """A publisher, and the prefix under which its API is asked."""

    tenant: Tenant
    prefix: str

    @cached_property
    def editor(self) -> Client:
        """Who the documents speak to: an Editor, no more."""
        return self.tenant.member(Role.Editor)

    @cached_property
    def stranger(self) -> Client:
        """Somebody who is signed in and no member."""
        return self.tenant.server.client(self.tenant.server.account())

    @cached_property
    def nobody(self) -> Client:
        return self.tenant.server.client()

    def path(self, template: str, **names: str) -> str:
        """A documented path, with its names filled in, under the prefix."""
        assert template.startswith("/api/")
        filled = template.format(**{"pubName": self.tenant.name, **names})
        return self.prefix + filled.removeprefix("/api")

    def ask(
        self, endpoint: str, body: Any = None, *, by: Client | None = None, status: int | None = 200, **names: str
    ) -> TestResponse:
        """The answer to `METHOD /api/…` as the documents write it; by an Editor unless another is named."""
        method, _, template = endpoint.partition(" ")
        path, client = self.path(template, **names), by or self.editor
        if template.endswith("/files/upload"):
            answer = client.upload(path, *(body or ("index.html", b"x")))
        else:
            sent = b"" if body is None else json.dumps(body).encode()
            answer = client.send(method, path, sent, Host=API_HOST)
        assert status in (None, answer.status_int), f"{endpoint}: {answer.status_int} {answer.text[:500]}"
        return answer

    def site(self, slug: str = "my-site", mode: str = "FullyManaged", **fields: Any) -> dict[str, Any]:
        return self.ask("POST /api/sites/{pubName}", {"slug": slug, "name": slug, "mode": mode, **fields}).json

    def files(self, *paths: str) -> str:
        """The id of a new SelfManaged site with small files at these paths."""
        site_id = self.site("raw", "SelfManaged")["id"]
        for path in paths:
            self.upload(site_id, path)
        return str(site_id)

    def upload(self, site_id: str, path: str, body: bytes = b"x", status: int = 200) -> TestResponse:
        return self.ask("POST /api/sites/{siteId}/files/upload", (path, body), status=status, siteId=site_id)

    def page(self, slug: str = "my-site", path: str = "/", **config: Any) -> dict[str, Any]:
        body = {"type": "HtmlPage", "path": path, "config": config}
        return self.ask("POST /api/sites/{pubName}/{siteSlug}/pages", body, siteSlug=slug).json


def shown(answer: TestResponse) -> dict[str, Any]:
    """An error body without what the contract adds to the documents: the request's id, and each wrong field."""
    body = dict(answer.json)
    assert body.pop("request_id") == answer.headers["X-Request-Id"]
    body.pop("errors", None)
    return body
