"""`pubsite page`: single pages written, read, listed and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from pubsite.cli.client import Api, SiteName
from pubsite.cli.importing import HTML, decode, page_from_text
from pubsite.cli.invocation import Group, Invocation, pass_invocation, site_argument
from pubsite.cli.output import table
from pubsite.errors import NotFound

PER_REQUEST = 200


@click.group(cls=Group)
def page() -> None:
    """Write, read, list and delete single pages."""


@page.command("put")
@site_argument
@click.argument("path")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--title", help="The title; else the front matter's, else the first heading.")
@click.option("--format", "markup", type=click.Choice(["markdown", "html"]), help="Default: by FILE's ending.")
@click.option("--page-config", "config_text", metavar="JSON", help="More of the page's config, as a JSON object.")
@click.option("--redirect", "target", metavar="TARGET", help="Make PATH lead to TARGET instead of showing a page.")
@click.option("--status", type=int, help="The redirect's status: 301, 302, 303, 307 or 308.")
@pass_invocation
def put_page(
    invocation: Invocation,
    site: SiteName,
    path: str,
    file: Any,
    title: str | None,
    markup: str | None,
    config_text: str | None,
    target: str | None,
    status: int | None,
) -> None:
    """Write the page at PATH from FILE (`-`: stdin), Markdown or HTML with front matter; what was there is replaced."""
    config: dict[str, Any] = {}
    if target is not None:
        config = {"target": target, **({} if status is None else {"status": status})}
    elif file is not None:
        config = _config_of(invocation, file, markup)
    elif config_text is None:
        raise click.UsageError("give a FILE (`-` for stdin), or --redirect TARGET")
    config |= _object(config_text) | ({} if title is None else {"title": title})
    upsert = [{"path": path, "type": "HtmlPage" if target is None else "Redirect", "config": config}]
    with invocation.api(site.publisher) as api:
        answer = api.post(f"/api/sites/{site.publisher}/{site.slug}/pages:batch", {"upsert": upsert})
        written = find_page(api, site, path)
    outcome = next((word for word in ("created", "updated") if answer.get(word)), "unchanged")
    invocation.output.result(written, f"{path}: {outcome}")


@page.command("get")
@site_argument
@click.argument("path")
@pass_invocation
def get_page(invocation: Invocation, site: SiteName, path: str) -> None:
    """The page at PATH: its content on stdout, with --json the whole object."""
    with invocation.api(site.publisher) as api:
        found = find_page(api, site, path)
    config = found["config"]
    invocation.output.result(found, config.get("content") or f"→ {config.get('target', '')}")


@page.command("list")
@site_argument
@click.option("--prefix", help="Only paths that begin so, for example /guide.")
@pass_invocation
def list_pages(invocation: Invocation, site: SiteName, prefix: str | None) -> None:
    """The pages of a site."""
    with invocation.api(site.publisher) as api:
        found = list(each_page(api, site, prefix))
    invocation.output.result(found, table([(each["path"], each["type"], _about(each["config"])) for each in found]))


@page.command("delete")
@site_argument
@click.argument("path")
@pass_invocation
def delete_page(invocation: Invocation, site: SiteName, path: str) -> None:
    """Delete the page at PATH."""
    with invocation.api(site.publisher) as api:
        found = find_page(api, site, path)
        api.delete(f"/api/sites/pages/{found['id']}")
    invocation.output.result({"id": found["id"], "path": found["path"], "deleted": True}, f"Deleted {found['path']}")


def each_page(api: Api, site: SiteName, prefix: str | None = None) -> Iterator[dict[str, Any]]:
    """Every page of a site, in the server's order."""
    where = {} if prefix is None else {"path_prefix": prefix}
    for each in api.listed(f"/api/sites/{site.publisher}/{site.slug}/pages", limit=PER_REQUEST, **where):
        if prefix is None or each["path"].startswith(prefix):
            yield each


def find_page(api: Api, site: SiteName, path: str) -> dict[str, Any]:
    """The page at a path (`/a` and `/a/` are one); raises NotFound."""
    wanted = path.rstrip("/")
    for each in each_page(api, site, wanted or "/"):
        if each["path"].rstrip("/") == wanted:
            return each
    raise NotFound(f"{site} has no page {path}: `pubsite page list {site}` names those there are")


def _config_of(invocation: Invocation, file: Any, markup: str | None) -> dict[str, Any]:
    text, wrong = decode(file.read())
    name = str(getattr(file, "name", ""))
    is_html = name.lower().endswith(HTML) if markup is None else markup == "html"
    config, head_wrong = page_from_text(text, "page.html" if is_html else "page.md")
    for _, message in wrong + head_wrong:
        invocation.output.note(f"warn: {name}: {message}")
    return config


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise click.UsageError(f"--page-config is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError('--page-config must be a JSON object, for example \'{"tags": ["news"]}\'')
    return value


def _about(config: dict[str, Any]) -> str:
    title = str(config.get("title") or (f"→ {config['target']}" if "target" in config else ""))
    return f"{title} (draft)" if config.get("draft") else title


COMMANDS = (page,)
