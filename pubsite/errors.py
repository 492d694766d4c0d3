"""Domain errors with stable codes. They know no HTTP: `api.py` maps them to statuses, `cli` to exit codes.

PubsiteError
├── Invalid              what was sent is wrong; names every offending field
│   └── LimitExceeded    a size or a count over its limit
├── Unauthorized         nobody is signed in
├── Forbidden            signed in, and not allowed
├── NotFound             no such thing, or not for you
├── Conflict             a duplicate, or a state that forbids it
├── PreconditionFailed   If-Match named an older state
├── KeyReused            an idempotency key that belongs to another request
├── NotReady             a deploy that cannot start or go on; bears the problems
│   └── BuildFailed
├── SettingsError        the configuration is wrong; the start stops
├── Throttled            too many requests of a kind; says when there is room again
└── Unavailable          try again later
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Of an answer: nobody reads more, and one body can have a million wrong fields, or one field of a megabyte.
MOST_PROBLEMS = 100
LONGEST_NAME = 1000


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where it was sent (`body`, `querystring`, `path`, `header`), its dotted name, what is wrong."""

    location: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a build or an import found: `error` stops it, `warn` does not. `path` is the page, asset or file."""

    severity: str
    path: str
    code: str
    message: str


class PubsiteError(Exception):
    """Base of every error that pubsite raises on purpose; `code` is stable, `message` is for people."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Invalid(PubsiteError):
    code = "invalid"

    def __init__(self, message: str, errors: Sequence[FieldError] = (), *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.errors = tuple(errors)

    @classmethod
    def field(cls, name: str, message: str, *, location: str = "body", code: str | None = None) -> Invalid:
        """An error of one field, which the answer's message names too."""
        return cls(f"{name} {message}", [FieldError(location, name, message)], code=code)

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Invalid:
        """Some wrong fields; the message names the first, and how many more there are."""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return cls(f"{errors[0].name or errors[0].location} {errors[0].message}{more}", errors)

    @classmethod
    def all_of(cls, errors: Sequence[FieldError]) -> Invalid:
        """The errors of a write of many things, of which none was done."""
        count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
        return cls(f"{count}: nothing was written; the first is {errors[0].name} {errors[0].message}", errors)


class LimitExceeded(Invalid):
    code = "limit_exceeded"


class Unauthorized(PubsiteError):
    code = "unauthorized"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(PubsiteError):
    code = "forbidden"

    def __init__(self, message: str = "Forbidden") -> None:
        super().__init__(message)


class NotFound(PubsiteError):
    code = "not_found"


class Conflict(PubsiteError):
    """`subject_id` names the object that is there already, where telling it helps."""

    code = "conflict"

    def __init__(self, message: str, *, code: str | None = None, subject_id: str | None = None) -> None:
        super().__init__(message, code=code)
        self.subject_id = subject_id


class PreconditionFailed(PubsiteError):
    code = "precondition_failed"


class KeyReused(PubsiteError):
    code = "idempotency_key_reused"


class NotReady(PubsiteError):
    code = "not_ready"

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.problems = tuple(problems)


class BuildFailed(NotReady):
    code = "build_failed"


class SettingsError(PubsiteError):
    code = "settings"


class Throttled(PubsiteError):
    """`retry_after`: seconds until there is room for one more."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(PubsiteError):
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
