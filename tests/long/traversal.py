"""Every traversal form through every place that takes a path: some 36,000 requests. The suite sends each form to a few.

`--short`: every twentieth form. Ends with exit code 1 at the first answer that a file outside of the tree has moved.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.conftest import Tenant, new_tenant, running_server
from tests.property.test_traversal import outside, problem_of, targets
from tests.property.traversal import Places, pairs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="every twentieth form")
    step = 20 if parser.parse_args().short else 1
    with tempfile.TemporaryDirectory() as folder:
        servers = running_server({"pubsite.development": "true", "pubsite.data_dir": f"{folder}/data"})
        try:
            return run(new_tenant(next(servers)), step)
        finally:
            next(servers, None)


def run(tenant: Tenant, step: int) -> int:
    known, places = targets(tenant), Places(tenant)
    before = outside(tenant)
    statuses: Counter[int] = Counter()
    for number, (there, missing, *names) in enumerate(pairs(known)):
        if number % step:
            continue
        for place, ask in (*places.quick().items(), *places.slow().items()):
            one, other = ask(there), ask(missing)
            statuses.update([one.status, other.status])
            if problem := problem_of(one, other, names):
                print(f"BROKEN: {place} {there!r}: {problem}", file=sys.stderr)
                return 1
    if outside(tenant) != before:
        print("BROKEN: there are files that were not there before", file=sys.stderr)
        return 1
    print(f"{sum(statuses.values())} requests, 0 escapes:", dict(sorted(statuses.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
