"""One rig a kind of destination: the other end, real or a stub, and what stands there, seen with its own eyes.

Another kind: a function that starts its end and yields a maker of rigs, and its line in RIGS.
"""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pubsite.publishing import s3, site, webhook
from pubsite.publishing.adapter import Adapter, Connection, Kind
from pubsite.publishing.options import complete
from pubsite.publishing.wire import Wire
from tests import planted
from tests.conftest import Tenant, new_tenant, running_server
from tests.contract.ghost_rig import ghost_end
from tests.contract.wordpress_rig import wordpress_end
from tests.doubles.http import serving
from tests.doubles.line import Line
from tests.doubles.receiver import Receiver
from tests.doubles.s3 import Store, store


class Rig(Protocol):
    """A destination of its own. `wrong_secret` has the right form, and is refused there."""

    kind: Kind
    base_url: str
    secret: str
    wrong_secret: str
    config: Mapping[str, Any]
    line: Line

    def fields(self, external_id: str) -> dict[str, Any] | None:
        """`title` and `state` (present, draft) of what stands there under an external id; None: nothing."""
        ...

    def count(self) -> int:
        """How many pages stand there, whoever made them."""
        ...

    def remove(self, external_id: str) -> None:
        """What somebody at the other end does behind our back."""
        ...


def connected(rig: Rig, *, secret: str | None = None, base_url: str | None = None, **config: Any) -> Adapter:
    """An adapter as one delivery has it: fresh, with no memory of those before."""
    secret = rig.secret if secret is None else secret
    options = complete(rig.kind.options, {**rig.config, **config})
    return rig.kind.connect(Connection(base_url or rig.base_url, options, (secret,), Wire(rig.line, (secret,))))


@dataclass
class WebhookRig:
    base_url: str
    receiver: Receiver
    kind = webhook.KIND
    wrong_secret = planted.WEBHOOKS[1]
    config: Mapping[str, Any] = field(default_factory=dict)
    line: Line = field(default_factory=Line)

    @property
    def secret(self) -> str:
        return self.receiver.secret

    def fields(self, external_id: str) -> dict[str, Any] | None:
        page = self.receiver.pages.get(external_id)
        state = {"published": "present", "draft": "draft"}
        return None if page is None else {"title": page["title"], "state": state[page["status"]]}

    def count(self) -> int:
        return len(self.receiver.pages)

    def remove(self, external_id: str) -> None:
        del self.receiver.pages[external_id]


@contextmanager
def webhook_end() -> Iterator[Callable[[], Rig]]:
    receivers: dict[str, Receiver] = {}

    def new() -> Rig:
        path = f"/{uuid.uuid4().hex}"
        receivers[path] = Receiver(planted.WEBHOOKS[0])
        return WebhookRig(origin + path, receivers[path])

    with serving(lambda asked: receivers[asked.path](asked)) as origin:
        yield new


@dataclass
class S3Rig:
    store: Store
    config: Mapping[str, Any]
    kind = s3.KIND
    line: Line = field(default_factory=Line)

    @property
    def base_url(self) -> str:
        return self.store.endpoint

    @property
    def secret(self) -> str:
        return self.store.secret

    @property
    def wrong_secret(self) -> str:
        return self.secret[:-1] + ("x" if self.secret[-1] != "x" else "y")

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        return self.store.objects(self.config["bucket"])

    def fields(self, external_id: str) -> dict[str, Any] | None:
        objects = self.objects
        if external_id not in objects:
            return None
        *_, own = json.loads(objects[external_id]["Body"])["keys"]
        found = re.search(b"<title>(.*?)</title>", objects[own]["Body"])
        return {"title": found[1].decode() if found else "", "state": "present"}

    def count(self) -> int:
        return sum(key.endswith(".html") for key in self.objects)

    def remove(self, external_id: str) -> None:
        self.store.client.delete_object(Bucket=self.config["bucket"], Key=external_id)


@contextmanager
def s3_end() -> Iterator[Callable[[], Rig]]:
    with store() as started:
        yield lambda: S3Rig(started, {"bucket": started.bucket(), "prefix": "docs"})


@dataclass
class SiteRig:
    base_url: str
    tenant: Tenant
    kind = site.KIND
    wrong_secret: str = planted.TOKENS[0]
    config: Mapping[str, Any] = field(default_factory=dict)
    line: Line = field(default_factory=Line)

    def __post_init__(self) -> None:
        self.site = self.tenant.site("blog")
        self.config = {"publisher": self.tenant.name, "site": "blog", "path_prefix": "/from-us"}
        self.secret = self.token("read", "write", "deploy")

    def token(self, *scopes: str) -> str:
        token, _ = self.tenant.server.keys.issue_token(self.tenant.owner.id, scopes=scopes, lifetime=timedelta(hours=1))
        return token

    def page(self, external_id: str) -> dict[str, Any] | None:
        answer = self.tenant.client.get(f"/api/sites/pages/{external_id}", status="*")
        return answer.json if answer.status_code == 200 else None

    def fields(self, external_id: str) -> dict[str, Any] | None:
        page = self.page(external_id)
        if page is None:
            return None
        return {"title": page["config"]["title"], "state": "draft" if page["config"].get("draft") else "present"}

    def count(self) -> int:
        return len(self.tenant.client.get(f"/api/sites/{self.tenant.name}/blog/pages").json)

    def remove(self, external_id: str) -> None:
        self.tenant.client.delete(f"/api/sites/pages/{external_id}", status=204)


@contextmanager
def site_end() -> Iterator[Callable[[], Rig]]:
    with tempfile.TemporaryDirectory() as folder:
        servers = running_server({"pubsite.development": "true", "pubsite.data_dir": folder})
        server = next(servers)
        httpd = make_server("127.0.0.1", 0, server.app, _Threads, _Quiet)
        Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            origin = f"http://127.0.0.1:{httpd.server_port}"
            yield lambda: SiteRig(origin, new_tenant(server))
        finally:
            httpd.shutdown()
            httpd.server_close()
            next(servers, None)


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


RIGS: dict[str, Callable[[], AbstractContextManager[Callable[[], Rig]]]] = {
    "webhook": webhook_end,
    "s3": s3_end,
    "site": site_end,
    "ghost": ghost_end,
    "wordpress": wordpress_end,
}
