"""`pubsite demo`: a publisher with two sites to look at, made once and brought up to date by every later run.

`demo/docs` is built from the project's own docs, `demo/hello` is a folder of files as they are.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

import pubsite
from pubsite.cli.client import Api, SiteName
from pubsite.cli.deploying import DEPLOYMENTS, tell_problems, wait_for
from pubsite.cli.failures import Failed
from pubsite.cli.import_command import import_plan
from pubsite.cli.importing import plan_import
from pubsite.cli.invocation import Command, Invocation, pass_invocation
from pubsite.cli.local import LocalServer
from pubsite.cli.sites import find_site
from pubsite.cli.syncing import sync
from pubsite.cli.tree import read_tree
from pubsite.errors import NotFound

NAME = "demo"
DOCS = SiteName(NAME, "docs")
HELLO = SiteName(NAME, "hello")
HELLO_FILES = Path(__file__).parent / "demo_site"
TOKEN_LIFETIME = timedelta(days=30)
DEPLOY_SECONDS = 120.0


@click.command(cls=Command)
@pass_invocation
def demo(invocation: Invocation) -> None:
    """Make and deploy two sites to look at.

    Tells their URLs, a token and how to go on. Safe to run again.
    """
    server = invocation.local()
    server.init()
    _make_publisher(server)
    token = server.issue_token(NAME, None, lifetime=TOKEN_LIFETIME)[0]
    with server.http(token, work=True) as http:
        api = Api(http)
        made = [_docs(invocation, api), _hello(invocation, api)]
        sites = [_deploy(invocation, api, name, site_id) for name, site_id in made if site_id]
    document = {"api": server.url, "token": token, "publisher": NAME, "sites": sites}
    invocation.output.result(document, _text(document, made[0][1]))


def docs_folder() -> Path | None:
    """The project's docs, which a checkout has and an installed package does not."""
    root = Path(pubsite.__file__).parent.parent
    folder = root / "docs"
    return folder if (root / "pyproject.toml").is_file() and any(folder.glob("*.md")) else None


def _make_publisher(server: LocalServer) -> None:
    from pubsite.services import accounts, publishers

    with server.database() as database, database.transaction() as db:
        try:
            account = accounts.find(db, NAME)
        except NotFound:
            account = accounts.create(db, name=NAME)
        try:
            publishers.find(db, NAME)
        except NotFound:
            publishers.create(db, name=NAME, display_name="Demo", owner=account)


def _docs(invocation: Invocation, api: Api) -> tuple[SiteName, str | None]:
    folder = docs_folder()
    if folder is None:
        invocation.output.note("The demo/docs site is left out: it is made from the docs folder of a checkout.")
        return DOCS, None
    site_id = _site(api, DOCS, "pubsite", "FullyManaged", "The documentation of pubsite")
    invocation.output.problems(import_plan(api, DOCS, plan_import(folder), invocation.output.progress).problems)
    return DOCS, site_id


def _hello(invocation: Invocation, api: Api) -> tuple[SiteName, str | None]:
    site_id = _site(api, HELLO, "Hello", "SelfManaged", "One page, written by hand")
    sync(api, f"/api/sites/{site_id}/files", read_tree(HELLO_FILES).files, invocation.output.progress)
    return HELLO, site_id


def _site(api: Api, site: SiteName, name: str, mode: str, description: str) -> str:
    try:
        return str(find_site(api, site)["id"])
    except NotFound:
        body = {"slug": site.slug, "name": name, "mode": mode, "description": description}
        return str(api.post(f"/api/sites/{site.publisher}", body)["id"])


def _deploy(invocation: Invocation, api: Api, site: SiteName, site_id: str) -> dict[str, Any]:
    """Deploy, though the user may have put the site on hold: a demo shows what is in it."""
    body = {"site_id": site_id, "message": "pubsite demo", "release_hold": True}
    record = wait_for(api, api.post(DEPLOYMENTS, body)["data"], invocation.output, DEPLOY_SECONDS)
    if record["status"] == "failed":
        tell_problems(invocation.output, record)
        invocation.output.note(f"Error: {site} was not deployed: {record.get('error', '')}")
        raise Failed
    url = record.get("url") or find_site(api, site)["url"]
    return {"slug": site.slug, "url": url, "version": record.get("deployed_version") or record.get("version")}


def _text(document: dict[str, Any], docs_id: str | None) -> list[str]:
    api = document["api"]
    lines = [f"{each['slug']:6} {each['url']}  (version {each['version']})" for each in document["sites"]]
    lines += [f"api    {api}", f"token  {document['token']}", ""]
    if docs_id is None:
        return lines
    live = next(each["url"] for each in document["sites"] if each["slug"] == DOCS.slug)
    curl = "curl -s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json'"
    return [
        *lines,
        f"With the server running, list the pages, write one, and make it live at {live}hello/:",
        "",
        f"TOKEN='{document['token']}'",
        f"{curl} {api}/api/sites/{DOCS}/pages",
        f"{curl} -d '{_PAGE}' {api}/api/sites/{DOCS}/pages:batch",
        f"{curl} -H 'Prefer: wait=20' -d '{{\"site_id\": \"{docs_id}\"}}' {api}{DEPLOYMENTS}",
    ]


# A page of its own, so that the documentation stays whole; writing it twice changes nothing.
_PAGE = (
    '{"upsert": [{"path": "/hello", "config": '
    '{"title": "Hello", "format": "markdown", "content": "# Hello\\n\\nWritten by `curl`."}}]}'
)

COMMANDS = (demo,)
