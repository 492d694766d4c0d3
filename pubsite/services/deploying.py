"""The work behind a deployment record: build, then one compare-and-swap of the ref. Safe to run again from the start.

Write order: objects and manifest (durable when the build returns) → bundle row → ref → record. Whoever dies in between
leaves a job whose next run finds what was done by the rows and by the ref's deployment id, and goes on from there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from pubsite import build
from pubsite.build.collect import collect
from pubsite.build.generator import generator
from pubsite.build.pool import RendererPool
from pubsite.errors import NotReady, PubsiteError, Unavailable
from pubsite.models import TRANSITIONS, Bundle, Deployment, Kind, Site, Stage, Status, now
from pubsite.services import following, jobs, sites
from pubsite.services.deployments import bundle_of, live_record
from pubsite.services.jobs import Claim
from pubsite.storage import Ref, RefConflict, Storage, Superseded

SHOWN_PROBLEMS = 200
UNSEEN_SECONDS = 0.2


class Abandoned(Exception):
    """The job was taken over by another worker: change nothing more."""


@dataclass(frozen=True, slots=True)
class Deploying:
    """Everything that deploys need besides the record.

    `transaction` gives a session that commits at its end; `reading` one that sees a single state and blocks nobody.
    """

    transaction: Callable[[], AbstractContextManager[Session]]
    reading: Callable[[], AbstractContextManager[Session]]
    storage: Storage
    renderers: RendererPool
    asset_grace_seconds: int

    def run(self, claim: Claim) -> None:
        """Bring the record that the claim names to its end; raises only what was not foreseen."""
        try:
            if self._start(claim):
                self._build(claim)
                self._activate(claim)
        except Abandoned:
            return
        except (Unavailable, RefConflict):  # may be over when the job is tried again
            raise
        except PubsiteError as error:
            self._fail(claim, error)

    def give_up(self, claim: Claim, error: Exception) -> bool:
        """End a record whose job failed again and again; False, and nothing done, when its bundle is live already."""
        with self.reading() as db:
            record = db.get(Deployment, claim.subject_id)
            ref = self.storage.refs.get(str(record.site_id), record.target) if record else None
        if ref is not None and ref.deployment == str(claim.subject_id):
            return False
        if not isinstance(error, PubsiteError):
            error = PubsiteError("An unexpected error; the server's log tells more", code="internal_error")
        self._fail(claim, error)
        return True

    def _start(self, claim: Claim) -> bool:
        """Move the record to `deploying`; False when it has ended already."""
        with self.transaction() as db:
            _require_claim(db, claim)
            record = db.get(Deployment, claim.subject_id)
            if record is None or record.status not in (Status.pending, Status.deploying):
                jobs.finish(db, claim)
                return False
            if record.status == Status.pending:
                stage = Stage.collect if record.version is None else Stage.activate
                move(db, record, Status.deploying, stage=stage, started_at=now())
            return True

    def _build(self, claim: Claim) -> None:
        """Build what the site is now into a new version, unless the record names one already."""
        started = time.monotonic()
        with self.reading() as db:
            record = db.get_one(Deployment, claim.subject_id)
            if record.version is not None:
                return
            site_id = record.site_id
            collected = collect(db, site_id, now())
        result = build.build(collected.snapshot, self.storage.objects, self.renderers, progress=self._progress(claim))
        stats = {
            "digest": result.bundle.digest,
            "outputs": result.outputs,
            "rendered": result.rendered,
            "bytes": result.bundle.bytes,
            "seconds": {**result.seconds, "all": round(time.monotonic() - started, 4)},
            "problems": [asdict(problem) for problem in result.problems[:SHOWN_PROBLEMS]],
            "problems_count": len(result.problems),
        }
        with self.transaction() as db:
            _require_claim(db, claim)
            record = db.get_one(Deployment, claim.subject_id)
            site = sites.lock(db, db.get_one(Site, site_id))
            record.stats = stats
            ref = self.storage.refs.get(str(site_id), record.target)
            if ref is not None and ref.manifest == result.bundle.digest:
                _refresh_bundle(db, site_id, ref.version, collected.snapshot.content_sequence, collected.next_change_at)
                record.version, record.unchanged = ref.version, True
                return
            site.last_version += 1
            record.version = site.last_version
            bundle = Bundle(
                site_id=site_id,
                version=record.version,
                digest=result.bundle.digest,
                content_sequence=collected.snapshot.content_sequence,
                generator=generator(),
                next_change_at=collected.next_change_at,
            )
            db.add(bundle)

    def _progress(self, claim: Claim) -> Callable[[str, int, int], None]:
        """Shows the stage of a build that takes a while; of a short one nobody would see it."""
        shown, look_at = "", time.monotonic() + UNSEEN_SECONDS

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal shown
            if stage == shown or stage not in Stage.__members__ or time.monotonic() < look_at:
                return
            shown = stage
            with self.transaction() as db:
                this = Deployment.id == claim.subject_id
                db.execute(update(Deployment).where(this, jobs.held(claim)).values(stage=stage))

        return progress

    def _activate(self, claim: Claim) -> None:
        """Swap the ref and end the record, in that order, while the site's row is locked."""
        with self.transaction() as db:
            _require_claim(db, claim)
            record = db.get_one(Deployment, claim.subject_id)
            site = sites.lock(db, db.get_one(Site, record.site_id))
            before = self.storage.refs.get(str(site.id), record.target)
            if record.unchanged and before is not None and before.version == record.version:
                _end_unchanged(db, site, record)
            else:
                record.unchanged = False
                if before is None or before.deployment != str(record.id):
                    self._swap(db, site, record, before)
                _end_deployed(db, site, record)
            if record.kind == Kind.rollback:
                site.held_at = site.held_at or now()  # a deploy that went live meanwhile may have released it
            elif record.release_hold:
                site.held_at = None
            following.enqueue(db, site.id, record.id)
            jobs.finish(db, claim)

    def _swap(self, db: Session, site: Site, record: Deployment, before: Ref | None) -> None:
        is_rollback = record.kind == Kind.rollback
        if site.held_at is not None and not is_rollback and not record.release_hold:
            raise NotReady("The site is held: send release_hold: true to go live", code="held")
        bundle = bundle_of(db, site.id, record.version)
        if bundle is None:
            raise NotReady(f"Version {record.version} is gone", code="version_gone")
        live = bundle_of(db, site.id, before.version) if before else None
        if live is not None and not is_rollback and bundle.content_sequence < live.content_sequence:
            # The ref cannot know: newer content that built to the live bundle did not move it.
            raise Superseded(f"content {bundle.content_sequence} is older than {live.content_sequence}, which is live")
        self.storage.hosts.bind(site.host_label, str(site.id))
        self.storage.refs.swap(
            site=str(site.id),
            target=record.target,
            expected_generation=before.generation if before else 0,
            version=bundle.version,
            manifest=bundle.digest,
            content_sequence=bundle.content_sequence,
            deployment=str(record.id),
            rollback=is_rollback,
            grace_seconds=self.asset_grace_seconds,
            now=time.time(),
        )

    def _fail(self, claim: Claim, error: PubsiteError) -> None:
        problems = [asdict(problem) for problem in getattr(error, "problems", ())]
        with self.transaction() as db:
            record = db.get(Deployment, claim.subject_id)
            if jobs.finish(db, claim) and record is not None and record.status in (Status.pending, Status.deploying):
                stats = {**record.stats, "problems": problems[:SHOWN_PROBLEMS], "problems_count": len(problems)}
                move(db, record, Status.failed, error_code=error.code, error=error.message, stats=stats)


def move(db: Session, record: Deployment, status: Status, **values: Any) -> None:
    """Move a record along one of TRANSITIONS by compare-and-set; raises Abandoned when somebody else moved it."""
    before = Status(record.status)
    if status not in TRANSITIONS[before]:
        raise ValueError(f"no way from {before} to {status}")
    moved = db.execute(
        update(Deployment)
        .where(Deployment.id == record.id, Deployment.status == before)
        .values(status=status, **values)
        .returning(Deployment.id),
        execution_options={"synchronize_session": False},
    ).first()
    if moved is None:
        raise Abandoned
    db.refresh(record)


def _require_claim(db: Session, claim: Claim) -> None:
    if not jobs.still_held(db, claim):
        raise Abandoned


def _refresh_bundle(db: Session, site_id: uuid.UUID, version: int, sequence: int, next_change_at: Any) -> None:
    """The live bundle equals what newer content builds to: remember that, so that the next deploy knows at once."""
    db.execute(
        update(Bundle)
        .where(Bundle.site_id == site_id, Bundle.version == version)
        .values(content_sequence=sequence, generator=generator(), next_change_at=next_change_at)
    )


def _end_unchanged(db: Session, site: Site, record: Deployment) -> None:
    """The bundle is live already: the new record becomes the live one, the ref stays."""
    live = _replace_live(db, site, record)
    site.live_version = record.version
    _end(db, record, live.previous_version if live else None)


def _end_deployed(db: Session, site: Site, record: Deployment) -> None:
    live = _replace_live(db, site, record)
    if live is not None and record.kind == Kind.rollback:
        move(db, live, Status.rolled_back, rolled_back_at=now())
    _end(db, record, live.deployed_version if live else None)
    site.live_version = record.version
    site.updated_at = now()
    db.flush()


def _replace_live(db: Session, site: Site, record: Deployment) -> Deployment | None:
    """The record that was live so far, no longer marked so."""
    live = live_record(db, site, record.target)
    if live is not None:
        live.is_live = False
    db.flush()
    return live


def _end(db: Session, record: Deployment, previous_version: int | None) -> None:
    move(
        db,
        record,
        Status.deployed,
        stage=Stage.done,
        is_live=True,
        deployed_version=record.version,
        previous_version=previous_version,
        deployed_at=now(),
    )
