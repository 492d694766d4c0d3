"""`pubsite push`: a folder becomes the files of a SelfManaged site."""

from __future__ import annotations

from pathlib import Path

import click

from pubsite.cli.client import SiteName
from pubsite.cli.invocation import Command, Invocation, pass_invocation, site_argument
from pubsite.cli.output import counted, sized
from pubsite.cli.sites import find_site
from pubsite.cli.syncing import sync
from pubsite.cli.tree import read_tree, without_collisions
from pubsite.errors import Invalid

NAMED_HIDDEN = 5


@click.command(cls=Command)
@site_argument
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--allow-empty", is_flag=True, help="Push even a folder without files, which empties the site.")
@pass_invocation
def push(invocation: Invocation, site: SiteName, directory: Path, allow_empty: bool) -> None:
    """Make a site's files equal to a folder's.

    The site must be SelfManaged; only what it lacks is sent. Hidden files stay behind, but for .well-known. Nothing is
    changed when a file cannot be pushed.
    """
    tree = read_tree(directory)
    files, collisions = without_collisions(tree.files)
    if problems := [*tree.problems, *collisions]:
        invocation.output.problems(problems)
        raise Invalid(f"nothing was pushed: {counted(len(problems), 'file')} cannot be; move them out or mend them")
    if not files and not allow_empty:
        raise Invalid(f"{directory} has no files: --allow-empty would empty the site")
    name_hidden(invocation, tree.hidden)
    with invocation.api(site.publisher) as api:
        found = find_site(api, site, mode="SelfManaged")
        done = sync(api, f"/api/sites/{found['id']}/files", files, invocation.output.progress)
    document = {"files": done.files, "sent": done.sent, "bytes": done.bytes, "unchanged": done.unchanged}
    document |= {"deleted": done.deleted, "hidden": len(tree.hidden)}
    text = f"Pushed {counted(done.files, 'file')} to {site}: {done.sent} sent ({sized(done.bytes)})"
    invocation.output.result(document, f"{text}, {done.unchanged} unchanged, {done.deleted} deleted")


def name_hidden(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Say which hidden files stay behind."""
    if names:
        more = f" and {len(names) - NAMED_HIDDEN} more" if len(names) > NAMED_HIDDEN else ""
        invocation.output.note(f"Left out as hidden: {', '.join(names[:NAMED_HIDDEN])}{more}")


COMMANDS = (push,)
