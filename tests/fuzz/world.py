"""A tenant with some of everything, made over HTTP, so that another server can be given the very same."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pubsite
from pubsite.app import make_outside
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.services import accounts
from pubsite.settings import load
from pubsite.signing import Keys
from pubsite.storage import open_storage
from pubsite.worker import Worker
from tests.fuzz.recording import Recorder, WsgiApp, call, environ_of
from tests.throttling import LIFTED

TEXT = "body { color: teal }\n"
PEOPLE = ("owner", "other", "third")
PUBLISHER = "/api/v1/publisher"
NOWHERE = "https://127.0.0.1:9"


@dataclass
class Server:
    """An app without a worker thread: `work` runs what is due, so that answers do not hang on who is quicker."""

    app: WsgiApp
    work: Callable[[], None]
    accounts: dict[str, str]
    tokens: dict[str, str]

    def stands_for(self, other: Server) -> dict[str, str]:
        """What of this server stands for what of the other."""
        kinds = ((self.accounts, other.accounts), (self.tokens, other.tokens))
        return {mine[name]: others[name] for mine, others in kinds for name in PEOPLE}


@contextmanager
def new_server(data_dir: Path, database_url: str = "") -> Iterator[Server]:
    """A server of its own with three accounts; nothing else is in it."""
    ini = {
        **LIFTED,
        "pubsite.development": "true",
        "pubsite.data_dir": str(data_dir),
        "pubsite.worker": "off",
        "pubsite.render_processes": "1",
        "pubsite.sites_per_publisher": "1000000",
        **({"sqlalchemy.url": database_url} if database_url else {}),
    }
    settings = load(ini, environ={})
    with ExitStack() as opened:
        app = opened.enter_context(closing(pubsite.main({}, **ini)))
        database = opened.enter_context(closing(Database(settings.database_url)))
        storage = opened.enter_context(closing(open_storage(settings.data_dir)))
        worker = Worker(
            settings, database, storage, opened.enter_context(closing(RendererPool(1))), make_outside(settings, {})
        )
        with database.transaction() as db:
            people = {name: accounts.create(db, name=name) for name in PEOPLE}
            db.flush()
            ids = {name: account.id for name, account in people.items()}
        keys = Keys.load(settings.data_dir)
        tokens = {name: keys.issue_token(ids[name], lifetime=timedelta(hours=12))[0] for name in PEOPLE}

        def work() -> None:
            while worker.run_one():
                pass

        yield Server(app, work, {name: str(number) for name, number in ids.items()}, tokens)


@dataclass
class World:
    """What is there, by name; `fresh_*` makes something to be taken away."""

    server: Server
    recorder: Recorder
    ids: dict[str, str] = field(default_factory=dict)
    deployments: dict[str, str] = field(default_factory=dict)
    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def send(self, method: str, path: str, body: Any = None, *, who: str = "owner", raw: bytes | None = None) -> Any:
        """A request that must succeed; its JSON."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if raw is not None else "application/json"
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.server.tokens[who]}", "CONTENT_TYPE": kind}
        path, _, query = path.partition("?")
        status, _, answer = call(self.recorder, environ_of(method, path, query, headers, sent))
        if status[0] != "2":
            raise AssertionError(f"{method} {path}: {status} {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def work(self) -> None:
        self.recorder.worked()
        self.server.work()

    def build(self) -> None:
        for name in ("press", "makers", "guests"):
            self.send("POST", "/api/publishers", {"name": name})
        for slug in ("docs", "changed", "batched", "assets", "broken"):
            self.ids[slug] = self.site(slug)["id"]
        for slug in ("plain", "tree"):
            self.ids[slug] = self.site(slug, 1)["id"]
        for slug in ("docs", "changed", "batched"):
            self.ids[f"sector of {slug}"] = self.sector(slug, "News")["id"]
        self.page("docs", "/", {"content": "<p>home</p>"})
        self.ids["page"] = self.page("docs", "/kept", {"content": "# Kept", "format": "markdown"})["id"]
        self.send("PATCH", f"/api/sites/pages/{self.ids['page']}", {"config": {"content": "<p>twice</p>"}})
        self.ids["html"] = self.page("changed", "/html", {"content": "<p>x</p>"})["id"]
        self.ids["redirect"] = self.page("changed", "/redirect", {"target": "/"}, type="Redirect")["id"]
        self.page("broken", "/index.txt", {"content": "at the path of an asset: it cannot be deployed"})
        trees = (
            ("files", "plain"),
            ("files", "tree"),
            ("assets", "assets"),
            ("assets", "batched"),
            ("assets", "broken"),
        )
        for kind, slug in trees:
            for path in ("index.txt", "css/site.css"):
                self.put_file(kind, self.ids[slug], path)
        self.send(
            "POST", "/api/publishers/press/members", {"account_id": self.server.accounts["other"], "role": "Viewer"}
        )
        self.ids["destination"] = self.destination("kept")
        self.ids["changed destination"] = self.destination("changed")
        self.ids["looked at"] = self.destination("site", type="site", config={"publisher": "press", "site": "docs"})
        self.ids["record"] = self.record(self.ids["page"], self.ids["destination"])
        for slug in ("docs", "changed"):
            for n in (1, 2):
                self.page(slug, f"/deployed-{n}", {"content": f"<p>{n}</p>"})
                asked = self.send("POST", f"{PUBLISHER}/deployments", {"site_id": self.ids[slug]})
                self.deployments[slug] = asked["data"]["id"]
                self.work()

    def site(self, slug: str, mode: int = 0, publisher: str = "press") -> Any:
        return self.send("POST", f"/api/sites/{publisher}", {"slug": slug, "name": slug, "mode": mode})

    def page(self, slug: str, path: str, config: dict[str, Any], **fields: Any) -> Any:
        return self.send("POST", f"/api/sites/press/{self.ids[slug]}/pages", {"path": path, "config": config, **fields})

    def sector(self, slug: str, name: str) -> Any:
        return self.send("POST", f"{PUBLISHER}/sectors", {"site_id": self.ids[slug], "name": name})["data"]

    def destination(self, name: str, **fields: Any) -> str:
        """The id of a new one at an address that this server does not call."""
        body = {"site_id": self.ids["docs"], "name": name, "type": "webhook", "base_url": NOWHERE, **fields}
        if body["type"] == "site":
            body["secret"] = "pst_" + "a" * 40
        return str(self.send("POST", f"{PUBLISHER}/destinations", body)["data"]["id"])

    def record(self, content_id: str, destination_id: str) -> str:
        """The id of a record that waits: its page is not live."""
        body = {"content_id": content_id, "destination_id": destination_id, "scheduled_at": "2999-01-01T00:00:00Z"}
        return str(self.send("POST", f"{PUBLISHER}/publishing-records", body)["data"]["id"])

    def failed_deployment(self) -> str:
        """The id of a record that nothing needs."""
        made = self.send("POST", f"{PUBLISHER}/deployments", {"site_id": self.ids["broken"]})
        self.work()
        return str(made["data"]["id"])

    def put_file(self, kind: str, site_id: str, path: str) -> None:
        """By sync, so that no multipart body must be made."""
        content = TEXT.encode()
        digest = hashlib.sha256(content).hexdigest()
        base = f"/api/sites/{site_id}/{kind}"
        self.send("PUT", f"{base}/blobs/{digest}", raw=content)
        tree = {**self.trees.get(site_id, {}), path: digest}
        self.send("POST", f"{base}/sync?commit=true", {"files": tree})
        self.trees[site_id] = tree

    def fresh_name(self, word: str) -> str:
        return f"{word}-{next(self.numbers)}"


def archive(*names: str) -> str:
    """A tar of small text files, in ASCII: the generator takes only text for a valid body."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(TEXT)
            packed.addfile(entry, io.BytesIO(TEXT.encode()))
    return file.getvalue().decode("ascii")
