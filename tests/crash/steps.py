"""The steps of a deployment, taken one by one on a server on which no worker runs; and stores that fail as told."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

import pubsite
from pubsite.app import make_outside
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.models import Bundle, Deployment, Job, Page, Site, Status, now
from pubsite.services import deployments, jobs, pages, publishers, sites
from pubsite.services.deploying import Deploying
from pubsite.services.deployments import DEPLOY
from pubsite.services.jobs import Claim
from pubsite.settings import load
from pubsite.signing import Keys
from pubsite.storage import Ref, Refs, Storage, open_storage
from pubsite.worker import Worker
from tests.conftest import Server
from tests.throttling import LIFTED

LEASE = timedelta(seconds=10)
KINDS = (DEPLOY,)


@contextmanager
def idle_server(data_dir: Path, database_url: str) -> Iterator[Bench]:
    """A server on which nobody works but the test; database_url empty: SQLite in data_dir."""
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(data_dir), "sqlalchemy.url": database_url, **LIFTED}
    settings = load(ini, environ={})
    with (
        closing(pubsite.main({}, **ini)) as app,
        closing(Database(settings.database_url)) as database,
        closing(open_storage(settings.data_dir)) as storage,
        closing(RendererPool(1, settings.render_seconds, settings.render_memory)) as renderers,
    ):
        yield Bench(Server(app, settings, database, storage, Keys.load(settings.data_dir)), renderers)


class Bench:
    """Doors to that server, and the steps that a worker takes."""

    def __init__(self, server: Server, renderers: RendererPool) -> None:
        self.server, self.renderers = server, renderers
        self.database, self.storage = server.database, server.storage

    def deploying(self, storage: Storage | None = None) -> Deploying:
        database = self.database
        return Deploying(database.transaction, database.reading, storage or self.storage, self.renderers, 3600)

    def worker(self, renderers: RendererPool | None = None, storage: Storage | None = None) -> Worker:
        settings = self.server.settings
        return Worker(
            settings,
            self.database,
            storage or self.storage,
            renderers or self.renderers,
            make_outside(settings, {}),
        )

    def site(self, content: str = "<p>one</p>") -> Work:
        owner = self.server.account()
        with self.database.transaction() as db:
            publisher = publishers.create(db, name=f"p-{uuid.uuid4().hex[:12]}", owner=owner)
            db.flush()
            site = sites.create(db, publisher, owner.id, slug="site", name="Site", limit=9)
            page = pages.create(db, site, owner.id, pages.Draft("/", {"content": content}))
            return Work(self, site.id, page.id, owner.id)


class Work:
    """One site, and what is done with it."""

    def __init__(self, bench: Bench, site_id: uuid.UUID, page_id: uuid.UUID, account_id: uuid.UUID) -> None:
        self.bench, self.site_id, self.page_id, self.account_id = bench, site_id, page_id, account_id

    def write(self, content: str, **config: Any) -> None:
        with self.bench.database.transaction() as db:
            page, site = db.get_one(Page, self.page_id), db.get_one(Site, self.site_id)
            pages.update(db, site, page, self.account_id, {"config": {"content": content, **config}})

    def write_many(self, count: int) -> None:
        drafts = [pages.Draft(f"/many/{n}", {"content": f"*{n}*", "format": "markdown"}) for n in range(count)]
        with self.bench.database.transaction() as db:
            pages.batch(db, db.get_one(Site, self.site_id), self.account_id, upsert=drafts, delete=())

    def ask(self, **asked: Any) -> uuid.UUID:
        with self.bench.database.transaction() as db:
            request = deployments.Request(**asked)
            record, is_new = deployments.create(db, db.get_one(Site, self.site_id), self.account_id, request)
            assert is_new
            return record.id

    def roll_back(self, record_id: uuid.UUID) -> uuid.UUID:
        with self.bench.database.transaction() as db:
            site, record = db.get_one(Site, self.site_id), db.get_one(Deployment, record_id)
            return deployments.rollback(db, site, record, self.account_id)[0].id

    def claim(self, worker: str = "dead") -> Claim:
        with self.bench.database.transaction() as db:
            claim = jobs.claim(db, KINDS, worker, LEASE)
        assert claim is not None
        return claim

    def lapse(self, claim: Claim) -> None:
        """Let the lease end, as time would."""
        with self.bench.database.transaction() as db:
            db.execute(update(Job).where(Job.id == claim.job_id).values(lease_until=now() - timedelta(seconds=1)))

    def hasten(self) -> None:
        """Let the pause before the next attempt be over."""
        with self.bench.database.transaction() as db:
            db.execute(update(Job).where(Job.lane == str(self.site_id)).values(run_at=now()))

    def deploy(self, **asked: Any) -> Deployment:
        record_id = self.ask(**asked)
        assert self.bench.worker().run_one()
        return self.record(record_id)

    def record(self, record_id: uuid.UUID) -> Deployment:
        with self.bench.database.reading() as db:
            record = db.get_one(Deployment, record_id)
            db.expunge(record)
        return record

    def job(self) -> Job | None:
        with self.bench.database.reading() as db:
            job = db.scalar(select(Job).where(Job.lane == str(self.site_id)))
            db.expunge_all()
        return job

    def versions(self) -> list[int]:
        with self.bench.database.reading() as db:
            return sorted(db.scalars(select(Bundle.version).where(Bundle.site_id == self.site_id)))

    @property
    def ref(self) -> Ref | None:
        return self.bench.storage.refs.get(str(self.site_id), "production")

    def require_live(self, record_id: uuid.UUID, version: int) -> None:
        """One live record, and ref, site and record agree on it."""
        with self.bench.database.reading() as db:
            live = db.scalars(select(Deployment).where(Deployment.site_id == self.site_id, Deployment.is_live)).all()
            assert [record.id for record in live] == [record_id]
            assert (live[0].status, live[0].stage) == (Status.deployed, "done")
            assert (live[0].version, live[0].deployed_version) == (version, version)
            assert db.get_one(Site, self.site_id).live_version == version
        ref = self.ref
        assert ref is not None
        assert ref.version == version
        assert self.job() is None


class Killed(BaseException):
    """The end of a worker: nothing catches it, and its transaction is rolled back."""


def die() -> None:
    raise Killed


class TroubledRefs(Refs):
    """A store of refs that calls `before` and `after` each swap."""

    def __init__(self, refs: Refs, *, before: Callable[[], None] = int, after: Callable[[], None] = int) -> None:
        self._refs, self._before, self._after = refs, before, after

    def get(self, site: str, target: str) -> Ref | None:
        return self._refs.get(site, target)

    def all(self) -> list[Ref]:
        return self._refs.all()

    def remove(self, site: str) -> None:
        self._refs.remove(site)

    def _swap(self, swap: Any) -> Ref:
        self._before()
        ref = self._refs._swap(swap)
        self._after()
        return ref
