"""The `pubsite` command. Content goes through the HTTP API, here in process or on another server; the server's own
matters (accounts, keys, the worker) go through services.

Exit codes and the two ways of telling an error stand in `failures`; no error ever ends in a traceback unless asked.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence

import click

from pubsite.cli import demo, deploying, exporting, import_command, openapi, pages, pushing, server, sites
from pubsite.cli.failures import INTERRUPTED, Failed, failure_of
from pubsite.cli.invocation import Group, Invocation
from pubsite.cli.output import OneLine, Output


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def pubsite() -> None:
    """Write, build, publish and roll back static sites.

    A site is named PUBLISHER/SLUG. Options of this list may stand before or behind the command.
    """


for _module in (server, sites, pages, import_command, pushing, deploying, exporting, demo, openapi):
    for _command in _module.COMMANDS:
        pubsite.add_command(_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    invocation = Invocation()
    if logging.lastResort is not None and "--debug" not in arguments:  # where logs go that nobody configured
        logging.lastResort.setFormatter(OneLine())
    try:
        result = pubsite.main(arguments, prog_name="pubsite", standalone_mode=False, obj=invocation)
        return result if isinstance(result, int) else 0
    except Failed as failed:
        return failed.exit_code
    except (KeyboardInterrupt, click.Abort):
        Output(as_json=False).note("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader had enough; let the interpreter's own flush at exit stay quiet too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _tell(error, invocation, arguments)


def _tell(error: Exception, invocation: Invocation, arguments: Sequence[str]) -> int:
    # A wrong option ends the parsing before the others are seen.
    as_json = invocation.as_json or "--json" in arguments
    output = Output(as_json=as_json)
    if invocation.debug or "--debug" in arguments:
        traceback.print_exc()
    failure = failure_of(error)
    for line in failure.lines():
        output.note(line)
    if as_json:
        output.result(failure.document(), "")
    return failure.exit_code
