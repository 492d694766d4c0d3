"""What earlier builds of this process rendered, by the digest of the whole request: equal requests, equal outputs.

So a build after a small edit renders only the pages that look different, and yet its bundle is that of a clean build.
The bodies themselves lie in the object store, and count only as long as they are there.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object that a request came to, and what else the child answered."""

    digest: str
    size: int
    answer: str

    @classmethod
    def of(cls, digest: str, size: int, values: Mapping[str, Any]) -> Outcome:
        return cls(digest, size, json.dumps(values))

    @property
    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.answer)
        return values


class Memo:
    """The last KEPT outcomes. Thread-safe."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, sources: Mapping[str, str]) -> Outcome | None:
        """What the request of that digest came to, if the sources that it looked up are still the same."""
        with self._lock:
            outcome = self._outcomes.get(digest)
            if outcome is None:
                return None
            self._outcomes.move_to_end(digest)
        looked_up = outcome.values["looked_up"]
        return outcome if all(sources.get(path) == url for path, url in looked_up.items()) else None

    def keep(self, digest: str, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[digest] = outcome
            self._outcomes.move_to_end(digest)
            if len(self._outcomes) > KEPT:
                self._outcomes.popitem(last=False)
