"""What must hold after a kill: read through the API and hosting, and from the database and the stores themselves."""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from pubsite.db import Database
from pubsite.models import Deployment, File, Job, Publisher, Site, StagedBlob, Status
from tests.crash.clients import BATCH, LOT, MARK, PAGES, TREE, Ledger, Setting, entry_digest, judge
from tests.crash.process import Broken

MOST_SECONDS = 30.0
UNDER_WAY = (Status.pending, Status.deploying)


@dataclass
class Checks:
    """The checks of one server, whose files lie in `data_dir`."""

    setting: Setting
    ledger: Ledger
    database: Database
    data_dir: Path

    def acknowledged_writes(self) -> None:
        """Every acknowledged write is there, or one of the same key that was under way at the kill."""
        found = self._found()
        lost = []
        for key in sorted({*self.ledger.acknowledged, *self.ledger.maybe}):
            allowed = [self.ledger.acknowledged.get(key)]
            if key in self.ledger.maybe:
                allowed.append(self.ledger.maybe[key])
            if found.get(key) not in allowed:
                lost.append(f"{key} is {_short(found.get(key))}, not {' or '.join(map(_short, allowed))}")
        if unknown := sorted(set(found) - {*self.ledger.acknowledged, *self.ledger.maybe}):
            lost.append(f"nobody wrote {unknown}")
        with self.database.reading() as db:
            known = {str(each) for each in db.scalars(select(Deployment.id))}
        lost += [f"deployment {each} is gone" for each in sorted(self.ledger.deployments - known)]
        if lost:
            raise Broken(f"{len(lost)} lost: " + "; ".join(lost[:5]))
        self.ledger.acknowledged = {**dict.fromkeys(self.ledger.acknowledged), **found}
        self.ledger.maybe.clear()

    def _found(self) -> dict[str, str | None]:
        """What the API answers, by the ledger's keys."""
        with self.setting.http() as http:
            pages = http.get(f"/api/sites/{self.setting.publisher}/{self.setting.pages['slug']}/pages").json()
            contents = {page["path"]: page["config"]["content"] for page in pages}
            found: dict[str, str | None] = {
                f"page {path}": content for path, content in contents.items() if not path.startswith("/b/")
            }
            found["batch"] = _one_mark(LOT, "batch", [contents.get(f"/b/{n}", "") for n in range(BATCH)])
            files = f"/api/sites/{self.setting.files['id']}/files"
            for entry in http.get(files, params={"path": "d"}).json():
                path = entry["relative_path"]
                found[f"file {path}"] = http.get(f"{files}/content/{path}").json()["content"]
            tree = f"/api/sites/{self.setting.tree['id']}/files/content"
            found["tree"] = _one_mark(MARK, "tree", [http.get(f"{tree}/{n}.txt").text for n in range(TREE)])
        return found

    def deployments_end(self, started_at: float) -> float:
        """Wait until no deployment is under way; seconds since the server's start of the last that was."""
        slowest = 0.0
        while True:
            if not (left := under_way(self.database)):
                break
            slowest = time.monotonic() - started_at
            if slowest > MOST_SECONDS:
                raise Broken(f"{left} deployments have not ended {MOST_SECONDS} s after the restart")
            time.sleep(0.05)
        with self.database.reading() as db:
            if jobs := db.scalar(select(func.count()).select_from(Job)):
                raise Broken(f"{jobs} jobs are left though every deployment has ended")
        return slowest

    def one_live_version(self) -> None:
        """Of each site exactly one record is live; it, the ref and hosting agree."""
        for site in self.setting.sites:
            with self.database.reading() as db:
                mine = Deployment.site_id == uuid.UUID(site["id"])
                live = db.scalars(select(Deployment).where(mine, Deployment.is_live)).all()
                expected = Deployment.error_code.in_(("held", "superseded"))
                failed = db.scalars(select(Deployment).where(mine, Deployment.status == Status.failed, ~expected)).all()
                shown = db.scalar(select(Site.live_version).where(Site.id == uuid.UUID(site["id"])))
                db.expunge_all()
            ref = self.setting.storage.refs.get(site["id"], "production")
            if failed:
                raise Broken(f"{site['slug']}: a deployment failed with {failed[0].error_code}: {failed[0].error}")
            if ref is None or len(live) != 1:
                raise Broken(f"{site['slug']}: {len(live)} live records, ref {ref}")
            record = live[0]
            if not record.deployed_version == record.version == ref.version == shown or record.status != "deployed":
                raise Broken(
                    f"{site['slug']}: record {record.version} {record.status}, ref {ref.version}, site {shown}"
                )
            if not record.unchanged and ref.deployment != str(record.id):
                raise Broken(f"{site['slug']}: the ref is of deployment {ref.deployment}, live is {record.id}")
            self._hosting_answers(site, ref)

    def _hosting_answers(self, site: dict[str, Any], ref: Any) -> None:
        host = {"Host": f"{site['host_label']}.localhost:{self.setting.base.rpartition(':')[2]}"}
        paths = {
            self.setting.pages["id"]: ["/b/", *(f"/b/{n}/" for n in range(BATCH)), *(f"/p/{n}/" for n in range(PAGES))],
            self.setting.tree["id"]: [f"/{n}.txt" for n in range(TREE)],
        }.get(site["id"], ["/d/0.txt", "/d/1.txt"])
        with httpx.Client(base_url=self.setting.base, headers=host) as http:
            answers = {path: http.get(path) for path in paths}
        self.ledger.responses += len(answers)
        for path, answer in answers.items():
            if problem := judge(self.setting.storage, ref, ref, path, answer):
                raise Broken(f"{site['slug']}{path}: {problem}")
            etag = answer.headers.get("ETag", "").replace("-gzip", "")
            if answer.status_code == 200 and etag != f'"{_etag(self.setting, ref, path)}"':
                raise Broken(f"{site['slug']}{path}: ETag {etag}")
        if site["id"] == self.setting.tree["id"]:
            _one_mark(MARK, "live tree", [answer.text for answer in answers.values()])
        if site["id"] == self.setting.pages["id"]:
            _one_mark(LOT, "live batch", [answers[f"/b/{n}/"].text for n in range(BATCH)])

    def counters(self) -> None:
        """The counters of quotas equal the sums that they stand for."""
        with self.database.reading() as db:
            for site in db.scalars(select(Site)):
                files = db.execute(
                    select(func.coalesce(func.sum(File.size), 0), func.count(File.digest)).where(
                        File.site_id == site.id
                    )
                ).one()
                staged = db.scalar(
                    select(func.coalesce(func.sum(StagedBlob.size), 0)).where(StagedBlob.site_id == site.id)
                )
                counted = (site.files_bytes, site.files_count, site.staged_bytes)
                if counted != (*map(int, files), int(staged or 0)):
                    raise Broken(f"{site.slug}: counters {counted}, sums {tuple(files)} and {staged}")
            for publisher in db.scalars(select(Publisher)):
                sites = db.scalar(select(func.count()).select_from(Site).where(Site.publisher_id == publisher.id))
                if publisher.sites_used != sites:
                    raise Broken(f"{publisher.name}: {publisher.sites_used} sites counted, {sites} are there")

    def files_are_whole(self) -> None:
        """SQLite finds nothing wrong with its files."""
        for name in ("pubsite.sqlite", "objects.sqlite"):
            if (self.data_dir / name).exists():
                connection = sqlite3.connect(self.data_dir / name)
                (result,) = connection.execute("PRAGMA integrity_check").fetchone()
                broken_keys = connection.execute("PRAGMA foreign_key_check").fetchall()
                connection.close()
                if result != "ok" or broken_keys:
                    raise Broken(f"{name}: {result} {broken_keys[:3]}")


def under_way(database: Database) -> int:
    """How many deployments have not ended."""
    with database.reading() as db:
        query = select(func.count()).select_from(Deployment).where(Deployment.status.in_(UNDER_WAY))
        return db.scalar(query) or 0


def _etag(setting: Setting, ref: Any, path: str) -> str:
    return (entry_digest(setting.storage, ref.manifest, path) or "")[:32]


def _one_mark(kind: re.Pattern[str], what: str, texts: list[str]) -> str:
    marks: set[str] = {match for text in texts for match in kind.findall(text)}
    if len(marks) != 1 or not all(kind.search(text) for text in texts):
        raise Broken(f"{what}: marks {sorted(marks)} in what was written at once")
    return marks.pop()


def _short(value: str | None) -> str:
    return "nothing" if value is None else repr(value[:40])
