"""What the documents promise and pubsite does not have yet, in one place: each line, why, and how to see that it is so.

Whoever builds one of these makes `test_what_is_listed_as_later_is_not_there` fail: take the entry out, and attach tests
to its line with `says`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.documents.document import Document
from tests.documents.world import World


@dataclass(frozen=True)
class Later:
    """A line that is not kept, or not wholly; `is_missing` tells by asking."""

    document: Document
    line: str
    reason: str
    is_missing: Callable[[World], bool]


LATER: tuple[Later, ...] = ()
