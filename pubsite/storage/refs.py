"""Refs: what is live now, per site and target, and the rule of going live.

Going live is one compare-and-swap: the generation only ever rises, and content older than what was ever live on a
target never goes live but by a rollback. A swap is durable, and seen by every process, once it returned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from threading import Lock

from pubsite.errors import Conflict

_KEPT = 5


class Superseded(Conflict):
    """The content is older than what has been live on that target."""

    code = "superseded"


class RefConflict(Conflict):
    """Another swap came first: the ref's generation is not the one expected."""

    code = "ref_conflict"


@dataclass(frozen=True, slots=True)
class Ref:
    """What is live. `previous`: the last replaced (version, manifest), the newest first, whose fingerprinted files
    stay reachable until `grace_until` (seconds of the epoch). `site` and `deployment` are UUIDs as text."""

    site: str
    target: str
    version: int
    manifest: str
    generation: int
    content_sequence: int
    highest_sequence: int
    deployment: str
    previous: tuple[tuple[int, str], ...]
    grace_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A wish to go live; `expected_generation` is 0 where nothing is live yet."""

    site: str
    target: str
    expected_generation: int
    version: int
    manifest: str
    content_sequence: int
    deployment: str
    rollback: bool
    grace_seconds: float
    now: float

    def apply(self, live: Ref | None) -> Ref:
        """The ref that `live` becomes; raises Superseded or RefConflict."""
        highest = live.highest_sequence if live else 0
        if not self.rollback and self.content_sequence < highest:
            raise Superseded(f"content {self.content_sequence} is older than {highest}, which has been live")
        generation = live.generation if live else 0
        if generation != self.expected_generation:
            raise RefConflict(f"the ref is at generation {generation}, not {self.expected_generation}")
        return Ref(
            self.site,
            self.target,
            self.version,
            self.manifest,
            generation + 1,
            self.content_sequence,
            max(highest, self.content_sequence),
            self.deployment,
            _previous(live, self.manifest),
            self.now + self.grace_seconds,
        )


class Refs(ABC):
    @abstractmethod
    def get(self, site: str, target: str) -> Ref | None: ...

    @abstractmethod
    def all(self) -> list[Ref]:
        """Every ref, by site and target."""

    @abstractmethod
    def remove(self, site: str) -> None:
        """Take every target of a site off the air."""

    def swap(
        self,
        *,
        site: str,
        target: str,
        expected_generation: int,
        version: int,
        manifest: str,
        content_sequence: int,
        deployment: str,
        rollback: bool,
        grace_seconds: float,
        now: float,
    ) -> Ref:
        """Make `manifest` live. expected_generation: 0 where nothing is. Raises Superseded or RefConflict."""
        swap = Swap(
            site=site,
            target=target,
            expected_generation=expected_generation,
            version=version,
            manifest=manifest,
            content_sequence=content_sequence,
            deployment=deployment,
            rollback=rollback,
            grace_seconds=grace_seconds,
            now=now,
        )
        return self._swap(swap)

    @abstractmethod
    def _swap(self, swap: Swap) -> Ref:
        """Read the ref, `swap.apply` it and keep the result, with nobody between."""


class MemoryRefs(Refs):
    """Refs that end with their process."""

    def __init__(self) -> None:
        self._refs: dict[tuple[str, str], Ref] = {}
        self._lock = Lock()

    def get(self, site: str, target: str) -> Ref | None:
        return self._refs.get((site, target))

    def all(self) -> list[Ref]:
        with self._lock:
            return [ref for _, ref in sorted(self._refs.items(), key=lambda item: item[0])]

    def remove(self, site: str) -> None:
        with self._lock:
            self._refs = {key: ref for key, ref in self._refs.items() if ref.site != site}

    def _swap(self, swap: Swap) -> Ref:
        with self._lock:
            ref = self._refs[swap.site, swap.target] = swap.apply(self._refs.get((swap.site, swap.target)))
        return ref


def _previous(live: Ref | None, manifest: str) -> tuple[tuple[int, str], ...]:
    """The replaced versions after `manifest` replaced `live`, each manifest once."""
    if live is None:
        return ()
    replaced = ((live.version, live.manifest), *live.previous)
    first: dict[str, tuple[int, str]] = {}
    for version, digest in replaced:
        if digest != manifest:
            first.setdefault(digest, (version, digest))
    return tuple(first.values())[:_KEPT]
