"""`pubsite import`: a folder of Markdown and HTML becomes the pages and assets of a FullyManaged site.

Pages are written in batches, each all or nothing; what the server refuses is named and left out, the rest goes on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from pubsite.cli.client import Api, ApiError, SiteName
from pubsite.cli.failures import Failed
from pubsite.cli.importing import ImportPlan, PageDraft, plan_import
from pubsite.cli.invocation import Command, Invocation, pass_invocation, site_argument
from pubsite.cli.output import Progress, counted
from pubsite.cli.pages import each_page
from pubsite.cli.pushing import name_hidden
from pubsite.cli.sites import find_site
from pubsite.cli.syncing import add, sync
from pubsite.errors import Invalid, Problem
from pubsite.models.paths import page_key

BATCH_PAGES = 1000
BATCH_BYTES = 8 * 1024 * 1024
# `upsert.12.config.tags.3`: a page's place in the batch, and the key of its config.
_REFUSED = re.compile(r"upsert\.(\d+)(?:\.config\.([^.]+))?")


@dataclass(slots=True)
class Imported:
    """What an import did; the counts are pages."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    assets: str = ""

    def document(self) -> dict[str, Any]:
        counts = {key: self.counts[key] for key in ("created", "updated", "unchanged", "deleted")}
        return {**counts, "problems": [asdict(problem) for problem in self.problems]}


@click.command("import", cls=Command)
@site_argument
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--keep", is_flag=True, help="Keep pages and assets whose files are gone.")
@click.option("--strict", is_flag=True, help="Exit with 1 when there are problems.")
@click.option("--allow-empty", is_flag=True, help="Import even a folder without pages.")
@pass_invocation
def import_tree(
    invocation: Invocation, site: SiteName, directory: Path, keep: bool, strict: bool, allow_empty: bool
) -> None:
    """Turn a folder of Markdown into pages and assets.

    DIRECTORY holds Markdown or HTML, with front matter; the site must be FullyManaged.

    Files that cannot be imported, or only in part, are named; the others are imported. Deploy afterwards.
    """
    plan = plan_import(directory)
    if not plan.pages and not allow_empty:
        invocation.output.problems(plan.problems)
        raise Invalid(f"{directory} has no pages (.md, .html): is it the right folder? --allow-empty goes on")
    name_hidden(invocation, plan.hidden)
    with invocation.api(site.publisher) as api:
        imported = import_plan(api, site, plan, invocation.output.progress, keep=keep)
    output = invocation.output
    output.problems(imported.problems)
    counts = ", ".join(f"{imported.counts[key]} {key}" for key in ("created", "updated", "unchanged", "deleted"))
    output.note(imported.assets)
    problems = counted(len(imported.problems), "problem")
    output.result(imported.document(), f"Imported {counted(len(plan.pages), 'page')} to {site}: {counts}; {problems}")
    if strict and imported.problems:
        raise Failed


def import_plan(api: Api, site: SiteName, plan: ImportPlan, progress: Progress, *, keep: bool = False) -> Imported:
    """Send a plan to a site; raises UsageError when the site is SelfManaged."""
    found = find_site(api, site, mode="FullyManaged")
    imported = Imported(problems=list(plan.problems))
    gone = [] if keep else _gone(api, site, plan)
    operations: list[PageDraft | str] = [*gone, *plan.pages]
    done = 0
    for batch in _batches(operations):
        _send(api, site, batch, imported)
        done += len(batch)
        progress.show(f"Importing {done:,} of {counted(len(operations), 'page')}")
    _import_assets(api, found["id"], plan, imported, progress, keep=keep)
    imported.problems.sort(key=lambda problem: (problem.path, problem.message))
    return imported


def _gone(api: Api, site: SiteName, plan: ImportPlan) -> list[str]:
    """Paths of pages that an earlier import made and whose files are no longer there. Unreadable ones are."""
    kept = {page_key(page.path) for page in plan.pages}
    pages = [(each["path"], each["config"].get("source")) for each in each_page(api, site)]
    return [path for path, source in pages if source and source not in plan.left_out and page_key(path) not in kept]


def _batches(operations: Sequence[PageDraft | str]) -> Iterator[list[PageDraft | str]]:
    """Deletions come first: a page may have moved to a path that differs in case only."""
    batch: list[PageDraft | str] = []
    size = 0
    for operation in operations:
        bytes_more = len(operation) if isinstance(operation, str) else operation.size
        if batch and (len(batch) == BATCH_PAGES or size + bytes_more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += bytes_more
    if batch:
        yield batch


def _send(api: Api, site: SiteName, batch: Sequence[PageDraft | str], imported: Imported) -> None:
    """One batch; what the server names as wrong is left out, and the rest is sent again."""
    paths = [each for each in batch if isinstance(each, str)]
    pages = [each for each in batch if not isinstance(each, str)]
    while pages or paths:
        upsert = [{"path": page.path, "type": "HtmlPage", "config": page.config} for page in pages]
        body = {key: value for key, value in (("upsert", upsert), ("delete", paths)) if value}
        try:
            answer = api.post(f"/api/sites/{site.publisher}/{site.slug}/pages:batch", body)
        except ApiError as error:
            pages = _without_refused(pages, error, imported.problems)
            continue
        for key in ("created", "updated", "unchanged", "deleted"):
            imported.counts[key] += int(answer.get(key, 0))
        return


def _without_refused(pages: Sequence[PageDraft], error: ApiError, problems: list[Problem]) -> list[PageDraft]:
    """The pages without what a refusal names: a value of the front matter, else the page; raises the rest."""
    wrong: dict[int, dict[str, str]] = {}
    for each in error.fields if error.status in (400, 409) else ():
        if (match := _REFUSED.match(each.name)) and int(match[1]) < len(pages):
            wrong.setdefault(int(match[1]), {})[match[2] or ""] = each.message
    if not wrong:
        raise error
    kept: list[PageDraft] = []
    for index, page in enumerate(pages):
        refused = wrong.get(index, {})
        known = all(key in page.config and key not in ("content", "format", "source") for key in refused)
        for key, message in refused.items():
            text = f"{key} {message}; the value was left out" if known else f"the server refused the page: {message}"
            problems.append(Problem("warn" if known else "error", page.source, "refused", text))
        if known:
            config = {key: value for key, value in page.config.items() if key not in refused}
            kept.append(replace(page, config=config) if refused else page)
    return kept


def _import_assets(
    api: Api, site_id: str, plan: ImportPlan, imported: Imported, progress: Progress, *, keep: bool
) -> None:
    base = f"/api/sites/{site_id}/assets"
    send = add if keep else partial(sync, keep_going=True)
    done = send(api, base, plan.assets, progress)
    imported.problems.extend(done.refused)
    if done.files or done.deleted:
        imported.assets = f"Assets: {done.sent} sent, {done.unchanged} unchanged, {done.deleted} deleted"


COMMANDS = (import_tree,)
