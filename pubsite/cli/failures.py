"""Every way in which a command can fail → its exit code, one clear line, and a JSON document.

0 done, 1 the user's mistake, 2 wrong usage, 3 the server's fault, 4 not found, 5 conflict, 6 timed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from pubsite import errors
from pubsite.cli.client import ApiError, Unreachable
from pubsite.errors import FieldError

MISTAKE, USAGE, SERVER, NOT_FOUND, CONFLICT, TIMED_OUT = 1, 2, 3, 4, 5, 6
INTERRUPTED = 130


class Failed(Exception):
    """A command that ended without success, its answer written already."""

    def __init__(self, exit_code: int = MISTAKE) -> None:
        super().__init__()
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of an error."""

    exit_code: int
    code: str
    message: str
    fields: Sequence[FieldError] = ()

    def lines(self) -> list[str]:
        """For people: the message, and each field that it does not name itself."""
        named = [f"{field.name or field.location}: {field.message}" for field in self.fields]
        if len(named) == 1 and self.message == f"{self.fields[0].name} {self.fields[0].message}":
            return [f"Error: {self.message}"]
        return [f"Error: {self.message}", *(f"  {line}" for line in named)]

    def document(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.fields:
            error["errors"] = [{"name": field.name, "message": field.message} for field in self.fields]
        return {"error": error, "exit_code": self.exit_code}


def failure_of(error: Exception) -> Failure:
    """What to tell of an error that came out of a command."""
    if isinstance(error, click.UsageError):
        hint = f" (try `{error.ctx.command_path} --help`)" if error.ctx else ""
        return Failure(USAGE, "usage", error.format_message().rstrip(".") + hint)
    if isinstance(error, click.ClickException):
        return Failure(error.exit_code, "usage", error.format_message())
    if isinstance(error, ApiError):
        return _of_api(error)
    if isinstance(error, Unreachable):
        return Failure(SERVER, "unreachable", str(error))
    if isinstance(error, errors.PubsiteError):
        return Failure(_exit_code(error), error.code, error.message, getattr(error, "errors", ()))
    if type(error).__name__ == "DatabaseBusy":  # imported here it would cost every command the database's libraries
        return Failure(SERVER, "busy", "the database is busy; try again")
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(MISTAKE, "file", f"{error.filename}: {error.strerror}")
    message = f"internal error: {type(error).__name__}: {error}; --debug shows where"
    return Failure(SERVER, "internal", " ".join(message.split()))


def _of_api(error: ApiError) -> Failure:
    exit_code = {404: NOT_FOUND, 409: CONFLICT, 412: CONFLICT}.get(error.status, MISTAKE)
    if error.status >= 500 or error.status == 429:
        exit_code = SERVER
    message = error.message
    if error.status == 401:
        message += ": the token is wrong, expired or withdrawn; `pubsite token create ACCOUNT` makes a new one"
    elif error.status == 403:
        message += ": the account's role, or its token's scopes, do not allow this"
    elif error.body.get("code") == "held":
        message += " (`pubsite deploy --release-hold`)"
    elif exit_code == SERVER and (request_id := error.body.get("request_id")):
        message += f" (request {request_id})"
    return Failure(exit_code, str(error.body.get("code") or f"http_{error.status}"), message, error.fields)


def _exit_code(error: errors.PubsiteError) -> int:
    if isinstance(error, errors.NotFound):
        return NOT_FOUND
    if isinstance(error, errors.Conflict | errors.PreconditionFailed):
        return CONFLICT
    return SERVER if isinstance(error, errors.Unavailable) else MISTAKE
