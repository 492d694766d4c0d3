"""A pubsite as its operator runs it: `pserve` without a worker, `pubsite worker` beside it, and an API client."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys
from tests.crash.process import ROOT, Broken, Pserve

Json = dict[str, Any]
OPTIONS = ("outgoing_allow=127.0.0.1", "worker=off")


@dataclass
class WorkerProcess:
    """The process that sends, to be killed. `command`: what is run, with the settings in its environment."""

    data_dir: Path
    port: int
    command: tuple[str, ...] = ()
    lease_seconds: int = 5
    kills: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        pubsite = str(Path(sys.executable).with_name("pubsite"))
        settings = {
            "PUBSITE_DATA_DIR": str(self.data_dir),
            "PUBSITE_SITES_PORT": str(self.port),
            "PUBSITE_OUTGOING_ALLOW": "127.0.0.1",
            "PUBSITE_DELIVERY_THREADS": "8",
            "PUBSITE_JOB_LEASE_SECONDS": str(self.lease_seconds),
        }
        command = self.command or (pubsite, "-c", "development.ini", "worker")
        with (self.data_dir.parent / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9, once it runs; another is started at once, as a supervisor does."""
        with self._lock:
            if self._process is None:
                return
            self._process.kill()
            self._process.wait()
            self.kills += 1
            self.start()

    def stop(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(timeout=60)
                self._process = None


@dataclass
class Tenant:
    """The API as the owner of the publisher `acme` uses it."""

    http: httpx.Client

    def ask(self, method: str, path: str, body: Any = None, **kw: Any) -> Any:
        """The answer's data; raises Broken for anything but success."""
        answer = self.http.request(method, path, json=body, **kw)
        if not answer.is_success:
            raise Broken(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found = answer.json() if answer.content else None
        return found["data"] if isinstance(found, dict) and "data" in found else found

    def publisher(self, method: str, path: str, body: Any = None, **kw: Any) -> Any:
        return self.ask(method, f"/api/v1/publisher/{path}", body, **kw)

    def site(self, slug: str) -> Json:
        return dict(self.ask("POST", "/api/sites/acme", {"slug": slug, "name": slug.title()}))

    def deploy(self, site: Json) -> None:
        asked = {"site_id": site["id"]}
        record = self.publisher("POST", "deployments/", asked, headers={"Prefer": "wait=60"})
        if record["status"] != "deployed":
            raise Broken(f"the deployment is {record['status']}: {record.get('error')}")

    def destination(self, site: Json, name: str, base_url: str, secret: str, **config: Any) -> Json:
        body = {"site_id": site["id"], "name": name, "type": "wordpress", "base_url": base_url, "config": config}
        return dict(self.publisher("POST", "destinations/", {**body, "secret": secret}))

    def publish(self, content_id: str, *destination_ids: str, **asked: Any) -> list[Json]:
        body = {"content_id": content_id, "destination_ids": list(destination_ids), **asked}
        return [each["record"] for each in self.publisher("POST", "publish/", body)["records"]]

    def ended(self, record: Json, seconds: float = 90) -> Json:
        """The record once nothing is due any more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = dict(self.publisher("GET", f"publishing-records/{record['id']}/"))
            taken_down = found["status"] == "pending" and "unpublished_at" in found and "next_attempt_at" not in found
            if found["status"] in ("published", "failed") or taken_down:
                return found
            time.sleep(0.2)
        raise Broken(f"the record has not ended after {seconds:.0f} s: {found}")

    def notes(self, record: Json) -> list[str]:
        """Of the last attempt."""
        [last, *_] = self.http.get(f"/api/v1/publisher/publishing-records/{record['id']}/attempts/").json()["results"]
        return list(last["notes"])

    def records(self, site: Json) -> list[Json]:
        """All of a site."""
        found: list[Json] = []
        while True:
            page = len(found) // 100 + 1
            asked: dict[str, str | int] = {"site_id": site["id"], "page": page, "page_size": 100}
            answer = self.http.get("/api/v1/publisher/publishing-records/", params=asked).json()
            found += answer["results"]
            if not answer["next"]:
                return found


def tenant(pserve: Pserve) -> Tenant:
    """The owner of a new publisher on a server that runs, by SQLite."""
    url = f"sqlite:///{pserve.data_dir / 'pubsite.sqlite'}"
    with closing(Database(url)) as database, database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        account_id = account.id
    token, _ = Keys.load(pserve.data_dir).issue_token(account_id, lifetime=timedelta(hours=12))
    headers = {"Authorization": f"Bearer {token}"}
    return Tenant(httpx.Client(base_url=f"http://127.0.0.1:{pserve.port}", headers=headers, timeout=70))
