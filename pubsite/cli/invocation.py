"""What every command shares: the options that may stand before or behind it, and the way to the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click
import httpx

from pubsite.cli.client import Api, SiteName
from pubsite.cli.local import LocalServer, local_server
from pubsite.cli.output import Output

TOKEN_LIFETIME = timedelta(hours=1)
_SITE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/([a-z0-9]+(?:-[a-z0-9]+)*)\Z")


@dataclass(slots=True)
class Invocation:
    """The global options of one command line."""

    config: str | None = None
    as_json: bool = False
    server: str | None = None
    token: str | None = field(default=None, repr=False)
    acting_as: str | None = None
    debug: bool = False
    overrides: dict[str, str] = field(default_factory=dict)
    _output: Output | None = None

    @property
    def output(self) -> Output:
        self._output = self._output or Output(as_json=self.as_json)
        return self._output

    def local(self) -> LocalServer:
        """This machine's server, for commands that work on it directly."""
        if self.server:
            raise click.UsageError("this command works on the server's own machine: leave --server out")
        return local_server(self.config, self.overrides)

    @contextmanager
    def api(self, publisher: str | None = None, *, work: bool = False) -> Iterator[Api]:
        """The API: of `--server`, else in this process, as `--as` or the first Owner of `publisher`.

        work: in process, run a worker too, for what the command waits for.
        """
        if self.server:
            with httpx.Client(base_url=self._server_url(), headers=self._bearer(), timeout=90) as client:
                yield Api(client)
            return
        server = self.local()
        token = self.token or server.issue_token(self.acting_as, publisher, lifetime=TOKEN_LIFETIME)[0]
        with server.http(token, work=work) as client:
            yield Api(client)

    def _server_url(self) -> str:
        if not re.match(r"https?://[^/\s]", self.server or ""):
            raise click.UsageError(f"--server needs a URL such as https://publish.example.com, not {self.server!r}")
        return str(self.server).rstrip("/")

    def _bearer(self) -> dict[str, str]:
        if not self.token:
            raise click.UsageError("--server needs --token TOKEN (or PUBSITE_TOKEN)")
        if not re.fullmatch(r"[!-~]+", self.token):
            raise click.UsageError("--token holds characters that no token has; is it whole?")
        return {"Authorization": f"Bearer {self.token}"}


class SiteParameter(click.ParamType[SiteName]):
    """`PUBLISHER/SLUG` → SiteName."""

    name = "site"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SiteName:
        if isinstance(value, SiteName):
            return value
        if (match := _SITE.match(value)) is None:
            self.fail(f"{value!r} is no site: write PUBLISHER/SLUG, for example demo/docs", param, ctx)
        return SiteName(match[1], match[2])


class Command(click.Command):
    """A command that takes the global options behind its name as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options(hidden=True))


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options(hidden=False))


def global_options(*, hidden: bool) -> list[click.Parameter]:
    """The options themselves; the environment counts only for those before the command, so that it never wins."""

    def option(*names: str, env: str = "", **kwargs: Any) -> click.Option:
        envvar = None if hidden or not env else env
        return click.Option(names, callback=_keep, expose_value=False, hidden=hidden, envvar=envvar, **kwargs)

    return [
        option("-c", "--config", metavar="INI", env="PUBSITE_CONFIG", help="Configuration; default ./development.ini."),
        option("--json", "as_json", is_flag=True, help="One JSON document on stdout, text for people on stderr."),
        option("--server", metavar="URL", env="PUBSITE_SERVER", help="Another machine's server, through its API."),
        option("--token", metavar="TOKEN", env="PUBSITE_TOKEN", help="The token for it."),
        option(
            "--as", "acting_as", metavar="ACCOUNT", env="PUBSITE_ACCOUNT", help="Who acts here; default: the Owner."
        ),
        option("--set", "overrides", metavar="NAME=VALUE", multiple=True, help="A setting, as behind pserve's ini."),
        option("--debug", is_flag=True, env="PUBSITE_DEBUG", help="Show the traceback of an error."),
    ]


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if not value or param.name is None:
        return
    invocation = ctx.ensure_object(Invocation)
    if param.name != "overrides":
        setattr(invocation, param.name, value)
        return
    for pair in value:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} must be NAME=VALUE, for example data_dir=/var/lib/pubsite")
        invocation.overrides[name] = text


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
site_argument = click.argument("site", type=SiteParameter(), metavar="PUBLISHER/SLUG")
