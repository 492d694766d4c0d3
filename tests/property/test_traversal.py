"""No path leaves its tree: over 2,000 forms, and no place of the server is moved by what lies outside.

Every form goes through archives and hosting, and through one endpoint of the API, each in its turn; on PostgreSQL a
tenth of them. `tests/long/traversal.py` sends every form through every place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pubsite.models.paths import file_path_problem
from tests.conftest import Tenant
from tests.property.traversal import Answer, Places, pairs, templates

MARKER = "this must never be read"
SECRETS = (MARKER, "root:x:0:0", "daemon:x:")


def targets(tenant: Tenant) -> tuple[tuple[str, str], ...]:
    """What lies outside, and names of the same length that do not."""
    folder = Path(tenant.server.settings.data_dir)
    marker = folder.parent / "marker.txt"
    marker.write_text(MARKER)
    (folder / "marker.txt").write_text(MARKER)
    return (
        ("etc/passwd", "etc/passwx"),
        (str(marker)[1:], str(marker)[1:-1] + "x"),
        ("marker.txt", "marker.txx"),
    )


def outside(tenant: Tenant) -> set[str]:
    """Every file of the data folder and around it, but for the database and the store."""
    top = Path(tenant.server.settings.data_dir).parent
    found = (os.path.relpath(os.path.join(here, name), top) for here, _, names in os.walk(top) for name in names)
    return {path for path in found if "/objects" not in path and "sqlite" not in path}


def problem_of(there: Answer, missing: Answer, names: Sequence[str]) -> str | None:
    """What the answers to a form whose target exists, and to its twin, give away; None for nothing."""
    if max(there.status, missing.status) >= 500:
        return f"a {max(there.status, missing.status)}"
    if any(secret in answer.text for answer in (there, missing) for secret in SECRETS):
        return "something of the machine is shown"
    if there.status != missing.status or there.without(*names) != missing.without(*names):
        return f"the answers differ: {there.text} and {missing.text}"
    return None


def test_there_are_two_thousand_forms_and_all_differ() -> None:
    forms = [form for one, other, *_ in pairs((("etc/passwd", "etc/passwx"),)) for form in (one, other)]
    assert len(set(forms)) > 2000
    assert len(set(templates())) == len(templates())


def test_no_path_leaves_its_tree(tenant: Tenant) -> None:
    known, places = targets(tenant), Places(tenant)
    before = outside(tenant)
    slow = list(places.slow().items())
    step = 1 if tenant.server.settings.database_url.startswith("sqlite") else 10
    asked = 0
    for number, (there, missing, *names) in enumerate(pairs(known)):
        if number % step:
            continue
        for place, ask in (*places.quick().items(), slow[number // step % len(slow)]):
            assert problem_of(ask(there), ask(missing), names) is None, (place, there)
            asked += 2
    assert asked * step > 10_000
    assert outside(tenant) == before


@pytest.mark.parametrize("there", [True, False])
def test_the_rules_know_nothing_of_the_disk(tenant: Tenant, there: bool) -> None:
    """What is accepted holds no segment that any system would climb by."""
    for one, other, *_ in pairs(targets(tenant)):
        form = one if there else other
        if file_path_problem(form) is None:
            assert not form.startswith(("/", "\\"))
            assert not {"", ".", ".."} & set(form.split("/"))
            assert "\\" not in form
            assert ":" not in form
