"""Files of a folder → a site's files or assets, sending only what the server lacks; the tree changes in one step.

The protocol: name every file by its digest, send the missing bytes, then commit the same names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pubsite.cli.client import Api, ApiError
from pubsite.cli.output import Progress, counted, sized
from pubsite.cli.tree import TreeFile
from pubsite.errors import Conflict, Problem

SENDERS = 4


@dataclass(frozen=True, slots=True)
class Synced:
    """sent: contents that were sent; bytes: theirs; refused: files that the server did not take, as problems."""

    files: int
    sent: int
    bytes: int
    unchanged: int
    deleted: int
    refused: tuple[Problem, ...] = ()


def sync(api: Api, base: str, files: Sequence[TreeFile], progress: Progress, *, keep_going: bool = False) -> Synced:
    """Make the tree at `base` (`/api/sites/{id}/files` or `…/assets`) equal to `files`.

    keep_going: leave out files that the server refuses, and name them; else the first refusal is raised.
    """
    named = {file.path: file.digest() for file in files}
    refused: dict[str, str] = {}
    answer = _named(api, f"{base}/sync", named, refused, keep_going)
    missing = set(answer["missing"])
    by_digest = {named[file.path]: file for file in files if named.get(file.path) in missing}
    unsent = _send(api, base, by_digest, progress, keep_going)
    refused |= {path: unsent[digest] for path, digest in named.items() if digest in unsent}
    named = {path: digest for path, digest in named.items() if digest not in unsent}
    committed = api.post(f"{base}/sync", {"files": named}, commit="true")
    sent = [file for digest, file in by_digest.items() if digest not in unsent]
    return Synced(
        files=len(named),
        sent=len(sent),
        bytes=sum(file.size for file in sent),
        unchanged=int(committed["unchanged"]),
        deleted=int(committed["deleted"]),
        refused=tuple(_refused(path, message) for path, message in refused.items()),
    )


def add(api: Api, base: str, files: Sequence[TreeFile], progress: Progress) -> Synced:
    """Put `files` beside what the tree at `base` holds already; files that the server refuses are named."""
    refused: list[Problem] = []
    done = 0
    for number, file in enumerate(files, 1):
        try:
            api.upload(f"{base}/upload", file.path, file.read())
            done += file.size
        except ApiError as error:
            if error.status not in (400, 409, 413):
                raise
            refused.append(_refused(file.path, error.message))
        progress.show(f"Sending {number} of {counted(len(files), 'file')}, {sized(done)}")
    progress.clear()
    return Synced(len(files) - len(refused), len(files) - len(refused), done, 0, 0, tuple(refused))


def _refused(path: str, message: str) -> Problem:
    return Problem("error", path, "refused", f"the server refused it: {message}")


def _named(api: Api, url: str, named: dict[str, str], refused: dict[str, str], keep_going: bool) -> Any:
    """The answer to the names; with keep_going, those that the server calls wrong go from `named` to `refused`."""
    while True:
        try:
            return api.post(url, {"files": named})
        except ApiError as error:
            wrong = {each.name.removeprefix("files."): each.message for each in error.fields}
            if not keep_going or error.status != 400 or not wrong or not set(wrong) <= set(named):
                raise
            for path in wrong:
                del named[path]
            refused.update(wrong)


def _send(api: Api, base: str, by_digest: dict[str, TreeFile], progress: Progress, keep_going: bool) -> dict[str, str]:
    """Send each content; returns the digests that were refused, with the server's words."""
    refused: dict[str, str] = {}
    total, done = sum(file.size for file in by_digest.values()), 0

    def send(item: tuple[str, TreeFile]) -> tuple[str, TreeFile, ApiError | None]:
        digest, file = item
        body = file.read()
        if hashlib.sha256(body).hexdigest() != digest:
            raise Conflict(f"{file.path} changed while it was being sent: run the command again")
        try:
            api.put(f"{base}/blobs/{digest}", body)
        except ApiError as error:
            return digest, file, error
        return digest, file, None

    with ThreadPoolExecutor(SENDERS) as senders:
        for number, (digest, file, error) in enumerate(senders.map(send, by_digest.items()), 1):
            if error is not None:
                if not keep_going or error.status not in (400, 413):
                    senders.shutdown(cancel_futures=True)
                    raise ApiError(error.status, f"{file.path}: {error.message}", error.body)
                refused[digest] = error.message
            done += file.size
            progress.show(f"Sending {number} of {counted(len(by_digest), 'file')}, {sized(done)} of {sized(total)}")
    progress.clear()
    return refused
