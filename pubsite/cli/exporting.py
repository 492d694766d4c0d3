"""`pubsite export`: a version of a site written out, as an archive or as a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
import httpx

from pubsite.cli.client import Api, SiteName, checked
from pubsite.cli.deploying import DEPLOYMENTS, live_record
from pubsite.cli.invocation import Command, Invocation, pass_invocation, site_argument
from pubsite.cli.output import Progress, counted, sized
from pubsite.cli.sites import find_site
from pubsite.errors import NotFound

FORMATS = ("dir", "tar.gz", "zip")


@click.command(cls=Command)
@site_argument
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What OUT becomes.")
@click.option("--version", type=click.IntRange(min=1), help="Default: the live one.")
@click.argument("out", type=click.Path(path_type=Path))
@pass_invocation
def export(invocation: Invocation, site: SiteName, form: str, version: int | None, out: Path) -> None:
    """Write a version of a site to OUT.

    The same version gives the same bytes every time; what files cannot express (redirects) is named.
    """
    progress = invocation.output.progress
    with invocation.api(site.publisher) as api:
        record = _record(api, site, version)
        if form == "dir":
            with tempfile.TemporaryFile() as archive:
                headers = _download(api, record, "tar.gz", archive, progress)
                archive.seek(0)
                named = _unpack(archive, out)
        else:
            with _replacing(out) as archive:
                headers = _download(api, record, form, archive, progress)
                named = _named(archive, form)
    files, size = int(headers["X-Bundle-Files"]), int(headers["X-Bundle-Bytes"])
    document = {"path": str(out), "files": files, "bytes": size, "digest": headers["X-Bundle-Digest"]}
    for text in named:
        invocation.output.note(f"warn: not in the export: {text}")
    version_text = f"version {record.get('deployed_version') or record.get('version')}"
    text = f"Exported {version_text} of {site} to {out}: {counted(files, 'file')}, {sized(size)}"
    invocation.output.result({**document, "not_expressed": list(named)}, text)


def _record(api: Api, site: SiteName, version: int | None) -> dict[str, Any]:
    """The record of a version that was deployed, else of the live one; raises NotFound."""
    site_id = find_site(api, site)["id"]
    if version is None:
        if (live := live_record(api, site_id)) is None:
            raise NotFound(f"{site} has nothing live: deploy it first, or name a --version")
        return live
    for status in ("deployed", "rolled_back"):
        for record in api.listed(DEPLOYMENTS, site_id=site_id, status=status, page_size=100):
            if record.get("deployed_version") == version:
                return dict(record)
    raise NotFound(f"{site} has no version {version}: `pubsite status {site}` shows its deployments")


def _download(api: Api, record: dict[str, Any], form: str, file: IO[bytes], progress: Progress) -> httpx.Headers:
    done = 0
    with api.stream(f"{DEPLOYMENTS}{record['id']}/archive/", format=form) as response:
        for chunk in checked(response).iter_bytes():
            file.write(chunk)
            done += len(chunk)
            progress.show(f"Received {sized(done)}")
        progress.clear()
        return httpx.Headers(response.headers)


def _unpack(archive: IO[bytes], out: Path) -> tuple[str, ...]:
    from pubsite.storage.export import unpack_archive

    return tuple(unpack_archive(archive, out).not_expressed)


def _named(archive: IO[bytes], form: str) -> tuple[str, ...]:
    """What the downloaded archive says that it could not hold."""
    from pubsite.storage.export import not_expressed

    archive.seek(0)
    return not_expressed(archive, format="zip" if form == "zip" else "tar.gz")


@contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `out` once it is whole; `out` stays as it was when anything fails."""
    with tempfile.NamedTemporaryFile(dir=out.absolute().parent, prefix=f".{out.name}.", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, out)
        except BaseException:
            os.unlink(file.name)
            raise


COMMANDS = (export,)
