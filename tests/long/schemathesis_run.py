"""Schemathesis on the served document, with all of its checks and a valid token; then the same requests on PostgreSQL.

`--cases 20000` at least (2,000 with `--short`). Every request and answer of the first run, on SQLite, is played to a
new server on PostgreSQL where PUBSITE_TEST_POSTGRES names one, and must be answered the same. Ends with 1 on a failed
check, a 5xx, an operation that never answered 2xx, too few cases, or another answer.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import schemathesis
import werkzeug.test
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from tests.databases import VARIABLE, new_postgresql
from tests.fuzz.aiming import Aim
from tests.fuzz.recording import Recorder, replay
from tests.fuzz.world import Server, World, new_server


@dataclass
class Tally:
    """What the cases came to."""

    cases: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, operation: str, status: int) -> None:
        self.cases += 1
        self.statuses[operation][status] += 1

    def problems(self, least: int) -> list[str]:
        found = list(self.failures.values())
        for operation, statuses in sorted(self.statuses.items()):
            if not any(200 <= status < 300 for status in statuses):
                found.append(f"{operation}: never 2xx, but {dict(statuses)}")
            if any(status >= 500 for status in statuses):
                found.append(f"{operation}: 5xx, {dict(statuses)}")
        if self.cases < least:
            found.append(f"{self.cases} cases, fewer than {least}")
        return found


def main() -> int:
    asked = arguments()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with new_server(Path(folder) / "sqlite") as server:
            world = World(server, Recorder(server.app))
            world.build()
            tally = fuzz(world, asked)
        report(tally, time.monotonic() - started, asked.verbose)
        problems: list[str] = []
        if os.environ.get(VARIABLE):
            problems += on_postgresql(Path(folder) / "postgresql", server, world.recorder)
        else:
            print(f"skipped: {VARIABLE} is not set: no PostgreSQL to compare with")
        problems += tally.problems(asked.cases)
    print(*problems[:50], sep="\n\n", file=sys.stderr)
    print(f"{len(problems)} problems (seed {asked.seed})")
    return 1 if problems else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="2,000 cases")
    parser.add_argument("--examples", type=int, default=0, help="examples of each operation")
    parser.add_argument("--only", default="", help="operations whose path holds this")
    parser.add_argument("--verbose", action="store_true", help="statuses of every operation")
    parser.add_argument("--seed", type=int, default=20260131)
    asked = parser.parse_args()
    asked.cases = asked.cases or (2_000 if asked.short else 20_000)
    return asked


def send_in_process() -> None:
    """Mend Schemathesis's in-process transport.

    It passes on what only sockets have, in its own checks of tokens; and Werkzeug's boundaries, made of the time, are
    now and then longer than the 70 characters that RFC 2046 allows.
    """
    werkzeug.test.stream_encode_multipart = partial(werkzeug.test.stream_encode_multipart, boundary="a-form")
    send = WSGITransport.send

    def drop(self: WSGITransport, case: Any, *, session: Any = None, **kwargs: Any) -> Any:
        for name in ("max_redirects", "verify", "cert", "proxies"):
            kwargs.pop(name, None)
        return send(self, case, session=session, **kwargs)

    WSGITransport.send = drop  # type: ignore[method-assign]  # its client knows no max_redirects


def fuzz(world: World, asked: argparse.Namespace) -> Tally:
    # From a dict: loaded from its own URL, the operation that serves the document would be left out.
    document = world.send("GET", "/api/openapi.json")
    schema = schemathesis.openapi.from_dict(document, config=configured(asked, world.server.tokens["owner"]))
    schema.app = world.recorder
    if asked.only:
        schema = schema.include(path_regex=asked.only)
    send_in_process()
    tally, aim = Tally(), Aim(world, asked.seed)
    for found in schema.get_all_operations():
        tally.statuses[found.ok().definition.raw["operationId"]] = Counter()

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        aim(case)

    @schemathesis.hook
    def after_call(context: Any, case: Any, response: Any) -> None:
        operation = case.operation.definition.raw["operationId"]
        tally.add(operation, response.status_code)
        if case.method.upper() == "POST" and response.status_code == 200:
            aim.after(case, response.status_code, json.loads(response.content))

    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            collect(event, tally)
            if asked.verbose:
                cases = len(event.recorder.cases)
                print(f"{event.phase.value} {event.label}: {cases} cases in {event.elapsed_time:.1f} s", flush=True)
        elif isinstance(event, events.NonFatalError):
            tally.failures.setdefault(f"{event.label}: {event.value}"[:100], f"{event.label}: {event.info.format()}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return tally


def configured(asked: argparse.Namespace, token: str) -> SchemathesisConfig:
    examples = asked.examples or (30 if asked.short else 220)
    return SchemathesisConfig.from_dict(
        {
            "seed": asked.seed,
            "suppress-health-check": ["all"],
            "auth": {"openapi": {"bearer": {"bearer": token}}},
            "continue-on-failure": True,
            "generation": {"deterministic": True, "no-shrink": True, "database": "none"},
            "checks": {"enabled": True},
            "phases": {
                "coverage": {"enabled": not asked.short},  # thousands of its own: every bound and type, each once
                "fuzzing": {"generation": {"max-examples": examples}},
                "stateful": {"enabled": False},
            },
        }
    )


def collect(event: events.ScenarioFinished, tally: Tally) -> None:
    """The failed checks of a scenario, one of each kind and operation."""
    recorder = event.recorder
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            case = recorder.cases[case_id].value
            kind = f"{case.operation.label}: {check.name}"
            if kind in tally.failures:
                continue
            told, interaction = check.failure_info.failure, recorder.interactions.get(case_id)
            answer = interaction.response.content[:500] if interaction and interaction.response else b""
            tally.failures[kind] = (
                f"{kind}: {told.title}\n{told.message[:1000]}\n{answer!r}\n{check.failure_info.code_sample[:1500]}"
            )


def on_postgresql(data_dir: Path, first: Server, recorder: Recorder) -> list[str]:
    """Every answer that PostgreSQL gives another way."""
    started = time.monotonic()
    with new_postgresql() as url, new_server(data_dir, url) as second:
        found = list(replay(recorder.exchanges, second.app, second.work, first.stands_for(second)))
    took = time.monotonic() - started
    print(f"{len(recorder.exchanges)} requests again on PostgreSQL in {took:.0f} s: {len(found)} other answers")
    return [f"another answer on PostgreSQL: {each}" for each in found]


def report(tally: Tally, seconds: float, verbose: bool) -> None:
    statuses: Counter[int] = sum(tally.statuses.values(), Counter())
    told = ", ".join(f"{status}: {number}" for status, number in sorted(statuses.items()))
    print(f"{tally.cases} cases of {len(tally.statuses)} operations on SQLite in {seconds:.0f} s; {told}")
    if verbose:
        for operation, counted in sorted(tally.statuses.items()):
            print(f"  {operation}: {dict(sorted(counted.items()))}")


if __name__ == "__main__":
    sys.exit(main())
