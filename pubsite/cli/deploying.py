"""`pubsite deploy`, `rollback` and `status`: a site's versions made live, and what is live now."""

from __future__ import annotations

import time
from typing import Any

import click

from pubsite.cli.client import PUBLISHER_API, Api, SiteName
from pubsite.cli.failures import TIMED_OUT, Failed
from pubsite.cli.invocation import Command, Invocation, pass_invocation, site_argument
from pubsite.cli.output import Output, table
from pubsite.cli.sites import find_site
from pubsite.errors import Conflict, Problem

ENDED = ("deployed", "failed", "rolled_back")
DEPLOYMENTS = f"{PUBLISHER_API}/deployments/"
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)  # then a second each: within the API's limit of reads a minute
SHOWN_RECORDS = 5

timeout_option = click.option("--timeout", type=click.FloatRange(min=0), default=600, help="Seconds; default 600.")
no_wait_option = click.option("--no-wait", is_flag=True, help="Answer as soon as the deployment is queued.")


@click.command(cls=Command)
@site_argument
@click.option("--message", help="Why, for the record.")
@click.option("--release-hold", is_flag=True, help="Go live though a rollback or a person put the site on hold.")
@no_wait_option
@timeout_option
@pass_invocation
def deploy(
    invocation: Invocation, site: SiteName, message: str | None, release_hold: bool, no_wait: bool, timeout: float
) -> None:
    """Build a site as it is now and make it live."""
    body: dict[str, Any] = {} if message is None else {"message": message}
    if release_hold:
        body["release_hold"] = True
    with invocation.api(site.publisher, work=not no_wait) as api:
        body["site_id"] = find_site(api, site)["id"]
        record = api.post(DEPLOYMENTS, body)["data"]
        if not no_wait:
            record = wait_for(api, record, invocation.output, timeout)
    tell(invocation.output, site, record)


@click.command(cls=Command)
@site_argument
@click.option("--to", "version", type=click.IntRange(min=1), help="The version; default: the one before.")
@no_wait_option
@timeout_option
@pass_invocation
def rollback(invocation: Invocation, site: SiteName, version: int | None, no_wait: bool, timeout: float) -> None:
    """Make an earlier version live again.

    Nothing is built. The site is on hold afterwards: only `deploy --release-hold` puts newer content on the air.
    """
    body: dict[str, Any] = {} if version is None else {"to_version": version}
    with invocation.api(site.publisher, work=not no_wait) as api:
        live = live_record(api, find_site(api, site)["id"])
        if live is None:
            raise Conflict(f"{site} has nothing live: there is nothing to go back from")
        record = live
        if version is None or version != live.get("deployed_version"):
            record = api.post(f"{DEPLOYMENTS}{live['id']}/rollback/", body)["data"]
        if not no_wait:
            record = wait_for(api, record, invocation.output, timeout)
    tell(invocation.output, site, record)


@click.command(cls=Command)
@site_argument
@pass_invocation
def status(invocation: Invocation, site: SiteName) -> None:
    """What is live, and the last deployments."""
    with invocation.api(site.publisher) as api:
        found = find_site(api, site)
        answer = api.get(DEPLOYMENTS, site_id=found["id"], page_size=20)["results"]
        live = next((each for each in answer if each.get("is_live")), None) or live_record(api, found["id"])
    rows = [(each["created_at"], each["kind"], _outcome(each), each.get("message", "")) for each in answer]
    head = f"{site}: version {live['deployed_version']} is live at {found['url']}" if live else f"{site}: nothing live"
    document = {"site": found, "live": live, "deployments": answer}
    invocation.output.result(document, [head, *table(rows[:SHOWN_RECORDS])])


def wait_for(api: Api, record: dict[str, Any], output: Output, timeout: float) -> dict[str, Any]:
    """The record once it ended; after `timeout` seconds the record as it is, written out, and Failed."""
    deadline = time.monotonic() + timeout
    pauses = iter(PAUSES)
    while record["status"] not in ENDED:
        output.progress.show(f"{record['stage']} {_progress(record)}")
        if time.monotonic() >= deadline:
            output.note(f"Error: not ended after {timeout:g} s; it goes on, `pubsite status` shows it")
            output.result(record, f"Deployment {record['id']} is {record['status']} ({record['stage']})")
            raise Failed(TIMED_OUT)
        time.sleep(next(pauses, 1.0))
        record = api.get(f"{DEPLOYMENTS}{record['id']}/")["data"]
    output.progress.clear()
    return record


def tell(output: Output, site: SiteName, record: dict[str, Any]) -> None:
    """The record as the command's answer; raises Failed when the deployment did."""
    tell_problems(output, record)
    if record["status"] == "failed":
        output.note(f"Error: {site} was not deployed: {record.get('error', 'failed')} [{record.get('error_code', '')}]")
        output.result(record, f"Deployment {record['id']} failed; what was live before stays live")
        raise Failed
    output.result(record, _success(site, record))


def tell_problems(output: Output, record: dict[str, Any]) -> None:
    """What the build found, warnings too."""
    found = (record.get("stats") or {}).get("problems", ())
    keys = ("severity", "path", "code", "message")
    output.problems([Problem(*(str(each.get(key, "")) for key in keys)) for each in found])


def live_record(api: Api, site_id: str) -> dict[str, Any] | None:
    """The record of what is live on production, if anything is."""
    for record in api.listed(DEPLOYMENTS, site_id=site_id, status="deployed", page_size=100):
        if record.get("is_live") and record.get("target", "production") == "production":
            return dict(record)
    return None


def _success(site: SiteName, record: dict[str, Any]) -> str:
    if record["status"] not in ENDED:
        return f"Deployment {record['id']} of {site} is {record['status']}; `pubsite status {site}` shows how it goes"
    version = record.get("deployed_version") or record.get("version")
    if record.get("unchanged"):
        return f"{site} is unchanged: version {version} stays live at {record.get('url', '')}"
    verb = "is back at" if record["kind"] == "rollback" else "is live at"
    return f"{site} {verb} version {version}: {record.get('url', '')}"


def _outcome(record: dict[str, Any]) -> str:
    version = record.get("deployed_version") or record.get("version")
    words = [record["status"], f"v{version}" if version else "", "live" if record.get("is_live") else ""]
    return " ".join(word for word in [*words, record.get("error_code", "")] if word)


def _progress(record: dict[str, Any]) -> str:
    stats = record.get("stats") or {}
    done, total = stats.get("done"), stats.get("total")
    return f"{done} of {total}" if isinstance(done, int) and isinstance(total, int) else ""


COMMANDS = (deploy, rollback, status)
