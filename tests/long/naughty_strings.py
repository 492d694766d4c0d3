"""Each naughty string through every field of every body, every parameter of every query and every place in every path.

The suite sends each place its share of them. On SQLite, or with `--postgres` in a new database on the server that
PUBSITE_TEST_POSTGRES names. `--short`: some 2,000 requests, shared out equally, however many places there are. Ends
with exit code 1 when a string got a 5xx, was taken where nothing can hold it, came back as another one, or was refused
without the name of its field.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.conftest import running_server
from tests.corpora.naughty_strings import STRINGS
from tests.corpora.sending import Sender, Spot, rotation, spots
from tests.crash.process import new_database

SHORT = 2000  # requests
MOST_TOLD = 50


def main() -> int:
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder, new_database(asked.postgres) as url:
        # Without a worker each deploy makes a record, where it would else show the one that is live.
        ini = {"pubsite.development": "true", "pubsite.worker": "off", "pubsite.data_dir": f"{folder}/data"}
        with contextmanager(running_server)(ini | ({"sqlalchemy.url": url} if url else {})) as server:
            return run(Sender(server), [spot for spot in spots() if asked.only in str(spot)], short=asked.short)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help=f"{SHORT} requests in all")
    parser.add_argument("--postgres", action="store_true", help="on the server of PUBSITE_TEST_POSTGRES")
    parser.add_argument("--only", default="", help="places whose line holds this, such as `POST /api/tokens body`")
    return parser.parse_args()


def run(sender: Sender, asked: list[Spot], *, short: bool) -> int:
    """All strings, or each place's share of them; 1 when any broke something."""
    share = min(max(SHORT // len(asked), 1), len(STRINGS)) if short else len(STRINGS)
    started, broken = time.monotonic(), 0
    for number, spot in enumerate(asked):
        before = time.monotonic()
        for text in rotation(number, share):
            try:
                sender.check(spot, text)
            except AssertionError as problem:
                broken += 1
                if broken <= MOST_TOLD:
                    print(f"BROKEN: {problem}", file=sys.stderr, flush=True)
        if not short:
            print(
                f"{spot}: {sender.taken[spot]} taken, {sender.shown[spot]} shown, {time.monotonic() - before:.1f} s",
                flush=True,
            )
    taken = sum(sender.taken.values())
    print(
        f"{len(asked)} places, {share} strings each: {sum(sender.statuses.values())} requests in "
        f"{time.monotonic() - started:.0f} s, {taken} strings taken in bodies and shown {sum(sender.shown.values())} "
        f"times, {broken} broken:",
        dict(sorted(sender.statuses.items())),
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
