"""Claims jobs and runs them: threads inside pserve, or the process of `pubsite worker`.

Any number may run beside each other. Each job is held by a lease that a second thread renews; a worker that dies or is
stopped for longer than its lease loses the job, and what it does afterwards changes nothing.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pubsite.build.pool import RendererPool
from pubsite.db import Database, DatabaseBusy
from pubsite.errors import PubsiteError
from pubsite.publishing.wire import Sender
from pubsite.services import deployments, following, jobs, sites
from pubsite.services.delivering import Delivering
from pubsite.services.deploying import Deploying
from pubsite.services.deployments import DEPLOY
from pubsite.services.following import FOLLOW
from pubsite.services.jobs import Claim
from pubsite.services.live import SiteUrl
from pubsite.services.publishing_records import PUBLISH
from pubsite.services.sealing import Seals
from pubsite.settings import Settings
from pubsite.storage import Storage

POLL_SECONDS = 0.5
LONG_POLL_SECONDS = 10.0
MAX_ATTEMPTS = 5  # with an error nobody foresaw
MAX_CLAIMS = 15  # beyond that many workers died over it
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outside:
    """How this server meets others: what calls out, what opens the secrets for that, where its own sites are live."""

    send: Sender
    seals: Seals
    site_url: SiteUrl


class Worker:
    """A thread that builds, some that send pages elsewhere, and one for the quick jobs, which never wait for these."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        storage: Storage,
        renderers: RendererPool,
        outside: Outside,
    ) -> None:
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._database = database
        self._storage = storage
        self._lease = timedelta(seconds=settings.job_lease_seconds)
        self._deploying = Deploying(
            database.transaction, database.reading, storage, renderers, settings.asset_grace_seconds
        )
        self._site_url = outside.site_url
        self._delivering = Delivering(
            database.transaction, database.reading, storage, renderers, outside.seals, outside.send, outside.site_url
        )
        self._senders = settings.delivery_threads
        self._handlers: dict[str, Callable[[Claim], None]] = {
            DEPLOY: self._deploying.run,
            PUBLISH: self._delivering.run,
            FOLLOW: self._follow,
            sites.ON_AIR: self._on_air,
            sites.PURGE: self._purge,
        }
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wake_ups: list[threading.Event] = []
        database.on_new_jobs(self._wake)

    def start(self) -> None:
        """Run in threads of its own until `stop`."""
        quick = tuple(kind for kind in self._handlers if kind not in (DEPLOY, PUBLISH))
        for kinds, count in (((DEPLOY,), 1), (quick, 1), ((PUBLISH,), self._senders)):
            group = [threading.Event() for _ in range(count)]
            self._wake_ups += group
            for number in range(count):
                thread = threading.Thread(
                    target=self._run, args=(kinds, group, number), name="pubsite-worker", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Claim nothing more, and wait for the job at hand; what does not end in time is taken over by its lease."""
        self._stopping.set()
        self._wake()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _wake(self) -> None:
        for due in self._wake_ups:
            due.set()

    def _run(self, kinds: Collection[str], group: Sequence[threading.Event], number: int) -> None:
        """One of the threads that share these kinds. The first looks again by itself; whoever finds work wakes all."""
        due, patience = group[number], POLL_SECONDS if number == 0 else LONG_POLL_SECONDS
        while not self._stopping.is_set():
            due.clear()
            try:
                worked = self.run_one(kinds)
            except Exception:  # the loop must outlive a database that is away
                log.exception("the worker could not work; it tries again")
                worked = False
                self._stopping.wait(POLL_SECONDS)
            if not worked and not self._stopping.is_set():
                due.wait(patience)
            elif worked:
                for other in group:
                    other.set()

    def run_one(self, kinds: Collection[str] = ()) -> bool:
        """Run one due job of these kinds (default: of any); False when there is none."""
        kinds = kinds or tuple(self._handlers)
        try:
            with self._database.reading() as db:
                if not jobs.any_due(db, kinds):
                    return False
            with self._database.transaction() as db:
                claim = jobs.claim(db, kinds, self.name, self._lease)
        except DatabaseBusy:
            return False
        if claim is None:
            return False
        with _Heartbeat(self._database, claim, self._lease):
            self._handle(claim)
        return True

    def _handle(self, claim: Claim) -> None:
        try:
            died = PubsiteError("The worker died over this again and again", code="worker_died")
            if claim.kind == DEPLOY and claim.attempts > MAX_CLAIMS and self._deploying.give_up(claim, died):
                return
            self._handlers[claim.kind](claim)
        except Exception as error:  # whatever it was, the job goes back or ends; the worker goes on
            log.exception("job %s of kind %s failed (attempt %d)", claim.job_id, claim.kind, claim.attempts)
            if claim.kind == DEPLOY and claim.attempts >= MAX_ATTEMPTS and self._deploying.give_up(claim, error):
                return
            if claim.kind == PUBLISH:
                self._delivering.failed_unexpectedly(claim)
                return
            with self._database.transaction() as db:
                jobs.retry_later(db, claim, f"{type(error).__name__}: {error}")

    def _on_air(self, claim: Claim) -> None:
        """Switch a site's host on or off, as its row says: the row is locked, so that the last change wins."""
        with self._database.transaction() as db:
            air = sites.lock_air(db, claim.subject_id)
            if air is not None and self._storage.hosts.get(air[0]) is not None:
                self._storage.hosts.set_state(air[0], "on" if air[1] else "off")
            jobs.finish(db, claim)

    def _follow(self, claim: Claim) -> None:
        with self._database.transaction() as db:
            record = deployments.get(db, claim.subject_id)
            if record is not None:
                following.follow(db, self._storage, record.site_id, self._site_url)
            jobs.finish(db, claim)

    def _purge(self, claim: Claim) -> None:
        with self._database.transaction() as db:
            label = sites.purge(db, claim.subject_id)
            if not jobs.finish(db, claim):  # restored since it was claimed, and perhaps deleted again
                db.rollback()
            elif label is not None:
                self._storage.hosts.remove(label)
                self._storage.refs.remove(str(claim.subject_id))


class _Heartbeat:
    """Renews a lease three times within its length, for as long as the block runs."""

    def __init__(self, database: Database, claim: Claim, lease: timedelta) -> None:
        self._database, self._claim, self._lease = database, claim, lease
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pubsite-lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._lease.total_seconds() / 3):
            try:
                with self._database.transaction() as db:
                    if not jobs.renew(db, self._claim, self._lease):
                        return
            except Exception:  # the lease may yet hold until the next beat
                log.warning("could not renew the lease of job %s", self._claim.job_id, exc_info=True)
