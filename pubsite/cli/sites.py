"""`pubsite site`: sites made, listed, shown and deleted."""

from __future__ import annotations

import sys
from typing import Any

import click

from pubsite.cli.client import Api, SiteName
from pubsite.cli.invocation import Group, Invocation, pass_invocation, site_argument
from pubsite.cli.output import counted, table
from pubsite.errors import NotFound

MODES = ("FullyManaged", "SelfManaged")


@click.group(cls=Group)
def site() -> None:
    """Make, list, show and delete sites."""


@site.command("create")
@site_argument
@click.option("--name", required=True, help="The site's name for people.")
@click.option("--description", help="What the site is about.")
@click.option("--mode", type=click.Choice(MODES, case_sensitive=False), default=MODES[0], show_default=True)
@pass_invocation
def create_site(invocation: Invocation, site: SiteName, name: str, description: str | None, mode: str) -> None:
    """Make a site: FullyManaged is built from pages, SelfManaged serves files as they are."""
    body = {"slug": site.slug, "name": name, "mode": mode}
    if description is not None:
        body["description"] = description
    with invocation.api(site.publisher) as api:
        made = api.post(f"/api/sites/{site.publisher}", body)
    invocation.output.result(made, f"Made {site} ({made['mode']}); once deployed it lives at {made['url']}")


@site.command("list")
@click.argument("publisher", required=False)
@pass_invocation
def list_sites(invocation: Invocation, publisher: str | None) -> None:
    """The sites of PUBLISHER, or of every publisher that the account belongs to."""
    with invocation.api(publisher) as api:
        found = api.get(f"/api/sites/{publisher or 'me'}")
    rows = [(each["slug"], each["mode"], _live(each), each.get("url", ""), each["name"]) for each in found]
    invocation.output.result(found, table(rows) or ["No sites yet: `pubsite site create PUBLISHER/SLUG --name NAME`"])


@site.command("show")
@site_argument
@pass_invocation
def show_site(invocation: Invocation, site: SiteName) -> None:
    """One site, with its pages."""
    with invocation.api(site.publisher) as api:
        found = api.get(f"/api/sites/{site.publisher}/{site.slug}")
    rows = [(key, found[key]) for key in ("name", "description", "mode", "url", "id") if found.get(key)]
    rows += [("version", _live(found)), ("pages", counted(len(found["pages"]), "page"))]
    invocation.output.result(found, table(rows))


@site.command("delete")
@site_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def delete_site(invocation: Invocation, site: SiteName, yes: bool) -> None:
    """Take a site off the air and delete it, with its pages, files and versions."""
    with invocation.api(site.publisher) as api:
        found = find_site(api, site)
        confirm(f"Delete {site} ({found['name']}) with everything in it?", yes=yes)
        api.delete(f"/api/sites/{site.publisher}/{found['id']}")
    invocation.output.result({"id": found["id"], "deleted": True}, f"Deleted {site}")


def find_site(api: Api, name: SiteName, *, mode: str | None = None) -> dict[str, Any]:
    """The site object, without its pages; raises NotFound, and UsageError when its mode is not `mode`."""
    for each in api.listed(f"/api/sites/{name.publisher}"):
        if each["slug"] == name.slug:
            if mode not in (None, each["mode"]):
                instead = "push" if each["mode"] == "SelfManaged" else "import"
                raise click.UsageError(f"{name} is {each['mode']}: use `pubsite {instead} {name} …`")
            return dict(each)
    raise NotFound(f"no site {name}: `pubsite site list {name.publisher}` names those there are")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere only `--yes` will do."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to be asked: add --yes")
    click.confirm(question, abort=True, err=True)


def _live(site: dict[str, Any]) -> str:
    version = site.get("live_version")
    return f"v{version} live" if version else "not deployed"


COMMANDS = (site,)
