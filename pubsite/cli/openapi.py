"""`pubsite openapi`: the API's document, as this version serves it."""

from __future__ import annotations

from pathlib import Path

import click

from pubsite.cli.invocation import Command, Invocation, pass_invocation
from pubsite.cli.output import sized


@click.command(cls=Command)
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
@pass_invocation
def openapi(invocation: Invocation, output: Path | None) -> None:
    """Print the API's OpenAPI 3.1 document, without a running server.

    It is the one that /api/openapi.json serves; its limits are those of --config, else the default ones.
    """
    from pubsite.openapi import dumped, own_services
    from pubsite.settings import Settings

    settings = invocation.local().settings if invocation.config else Settings()
    body = dumped(own_services(), settings)
    if output is None:
        click.echo(body, nl=False)
        return
    output.write_bytes(body)
    invocation.output.result({"path": str(output), "bytes": len(body)}, f"{output}: {sized(len(body))}")


COMMANDS = (openapi,)
