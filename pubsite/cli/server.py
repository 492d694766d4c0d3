"""Commands on the server's own machine: its data folder, accounts, publishers, members, tokens and the worker."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pubsite.cli.invocation import Command, Group, Invocation, pass_invocation
from pubsite.cli.local import SCOPES
from pubsite.cli.output import table
from pubsite.models import Account, Role

if TYPE_CHECKING:
    from pubsite.signing import Keys

ROLES = [role.name for role in Role]
LONGEST_DAYS = 3650


@click.command(cls=Command)
@pass_invocation
def init(invocation: Invocation) -> None:
    """Make the data folder, keys and database.

    What is there already stays.
    """
    server = invocation.local()
    server.init()
    document = {"data_dir": str(Path(server.settings.data_dir).absolute())}
    invocation.output.result(document, f"Ready: {document['data_dir']} (back up its keys.json apart from the rest)")


@click.command(cls=Command)
@pass_invocation
def migrate(invocation: Invocation) -> None:
    """Bring the database to this version's schema."""
    invocation.local().migrate()
    invocation.output.result({"migrated": True}, "The database is up to date.")


@click.command(cls=Command)
@pass_invocation
def worker(invocation: Invocation) -> None:
    """Run builds and other jobs until a signal.

    For servers with `pubsite.worker = off`, or beside others: each job is run by one worker.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = invocation.local()
    server.setup_logging()
    with server.worker():
        invocation.output.note("Working; Ctrl-C ends it after the job under way.")
        ended.wait()


@click.group(cls=Group)
def account() -> None:
    """Make and list accounts."""


@account.command("create")
@click.argument("name")
@click.option("--email", help="For people to write to.")
@click.option("--staff", is_flag=True, help="May read everything.")
@pass_invocation
def create_account(invocation: Invocation, name: str, email: str | None, staff: bool) -> None:
    """Make an account for a person or a service."""
    from pubsite.services import accounts

    with invocation.local().database() as database, database.transaction() as db:
        made = accounts.create(db, name=name, email=email, is_staff=staff)
        document = {"id": str(made.id), "name": made.name}
    invocation.output.result(document, f"Made account {name}: {document['id']}")


@account.command("list")
@pass_invocation
def list_accounts(invocation: Invocation) -> None:
    """All accounts."""
    from pubsite.services import accounts

    with invocation.local().database() as database, database.reading() as db:
        found = [_account(each) for each in accounts.list_all(db)]
    rows = [(each["name"], each["id"], "staff" if each["is_staff"] else "") for each in found]
    invocation.output.result(found, table(rows) or ["No accounts yet: `pubsite account create NAME`"])


@click.group(cls=Group)
def publisher() -> None:
    """Make publishers, the tenants."""


@publisher.command("create")
@click.argument("name")
@click.option("--owner", required=True, metavar="ACCOUNT", help="Name or id of its first Owner.")
@click.option("--display-name", help="Its name for people.")
@pass_invocation
def create_publisher(invocation: Invocation, name: str, owner: str, display_name: str | None) -> None:
    """Make a publisher: sites belong to one, and its members work on them."""
    from pubsite.services import accounts, publishers

    with invocation.local().database() as database, database.transaction() as db:
        made = publishers.create(db, name=name, display_name=display_name, owner=accounts.find(db, owner))
        document = {"id": str(made.id), "name": made.name}
    invocation.output.result(document, f"Made publisher {name}: {document['id']}")


@click.group(cls=Group)
def member() -> None:
    """Put accounts into publishers."""


@member.command("add")
@click.argument("publisher")
@click.argument("account")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), required=True)
@pass_invocation
def add_member(invocation: Invocation, publisher: str, account: str, role: str) -> None:
    """Make ACCOUNT a member of PUBLISHER, without an invitation."""
    from pubsite.services import accounts, members, publishers

    with invocation.local().database() as database, database.transaction() as db:
        whom = accounts.find(db, account)
        members.add(db, publishers.find(db, publisher), whom, Role[role])
        document = {"publisher": publisher, "account_id": str(whom.id), "role": role}
    invocation.output.result(document, f"{account} is {role} of {publisher}")


@click.group(cls=Group)
def token() -> None:
    """Make tokens for the API."""


@token.command("create")
@click.argument("account")
@click.option("--scopes", default=",".join(SCOPES), show_default=True, help="What it may do, with commas.")
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=30, show_default=True)
@pass_invocation
def create_token(invocation: Invocation, account: str, scopes: str, days: int) -> None:
    """Make a token for ACCOUNT; it cannot be shown again, nor withdrawn before it expires."""
    wanted = tuple(scope.strip() for scope in scopes.split(",") if scope.strip())
    if not wanted or set(wanted) - set(SCOPES):
        raise click.UsageError(f"--scopes takes some of {', '.join(SCOPES)}, with commas, not {scopes!r}")
    value, expires_at = invocation.local().issue_token(account, None, scopes=wanted, lifetime=timedelta(days=days))
    document = {"token": value, "expires_at": iso(expires_at)}
    invocation.output.note(f"For {account}, until {document['expires_at']}:")
    invocation.output.result(document, value)


@click.group(cls=Group)
def key() -> None:
    """List and change the keys that sign tokens, or with --secrets those that seal secrets, while the server runs."""


of_secrets = click.option("--secrets", is_flag=True, help="The keys that seal the secrets of destinations.")


@key.command("list")
@of_secrets
@pass_invocation
def list_keys(invocation: Invocation, secrets: bool) -> None:
    """The keys by their fingerprints; the first is used for what is made now, all for what was made before."""
    from pubsite.signing import Keys

    _tell_keys(invocation, Keys.load(invocation.local().settings.data_dir), secrets=secrets)


@key.command("rotate")
@of_secrets
@pass_invocation
def rotate_keys(invocation: Invocation, secrets: bool) -> None:
    """Make a new key, which signs from now on.

    Tokens of the others stay good until `key drop`. With --secrets, every secret is sealed anew with it.
    """
    from pubsite.services import sealing
    from pubsite.signing import Keys
    from pubsite.signing.sealing import Sealer

    server = invocation.local()
    keys = Keys.rotate(server.settings.data_dir, "secrets" if secrets else "tokens")
    if secrets:
        with server.database() as database, database.transaction() as db:
            count = sealing.seal_anew(db, Sealer(lambda: keys.secrets))
        invocation.output.note(f"Secrets sealed anew: {count}")
    _tell_keys(invocation, keys, secrets=secrets)


@key.command("drop")
@click.argument("fingerprint")
@of_secrets
@pass_invocation
def drop_key(invocation: Invocation, fingerprint: str, secrets: bool) -> None:
    """Take a key out; every token that it signed ends at once.

    With --secrets, what it alone has sealed is lost.
    """
    from pubsite.signing import Keys

    data_dir = invocation.local().settings.data_dir
    _tell_keys(invocation, Keys.drop(data_dir, fingerprint, "secrets" if secrets else "tokens"), secrets=secrets)


def _tell_keys(invocation: Invocation, keys: Keys, *, secrets: bool) -> None:
    """Never the keys themselves."""
    first, others = ("seals", "opens") if secrets else ("signs", "verifies")
    names = keys.fingerprints("secrets" if secrets else "tokens")
    uses = [first] + [others] * (len(names) - 1)
    document = [{"fingerprint": name, first: use == first} for name, use in zip(names, uses, strict=True)]
    invocation.output.result(document, table(list(zip(names, uses, strict=True))))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _account(account: Account) -> dict[str, object]:
    row = {"id": str(account.id), "name": account.name, "email": account.email, "is_staff": account.is_staff}
    return {key: value for key, value in row.items() if value is not None}


COMMANDS = (init, migrate, worker, account, publisher, member, token, key)
