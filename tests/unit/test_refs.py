"""Refs and hosts, in memory and in SQLite: one swap wins, older content never returns, every process sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pubsite.errors import Conflict, Invalid, NotFound, Unavailable
from pubsite.storage import Host, Ref, RefConflict, Refs, Storage, Superseded, memory_storage, open_storage

SITE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    storage = memory_storage() if request.param == "memory" else open_storage(tmp_path)
    yield storage
    storage.close()


def swap(refs: Refs, expected: int, version: int, **changes: Any) -> Ref:
    wish: dict[str, Any] = {
        "site": SITE,
        "target": "production",
        "manifest": f"{version:064x}",
        "content_sequence": version,
        "deployment": f"deployment {version}",
        "rollback": False,
        "grace_seconds": 60.0,
        "now": 1000.0,
    }
    return refs.swap(expected_generation=expected, version=version, **{**wish, **changes})


def test_the_first_swap_makes_the_ref(storage: Storage) -> None:
    assert storage.refs.get(SITE, "production") is None
    ref = swap(storage.refs, 0, 1)
    assert ref == Ref(SITE, "production", 1, f"{1:064x}", 1, 1, 1, "deployment 1", (), 1060.0)
    assert storage.refs.get(SITE, "production") == ref
    assert storage.refs.get(SITE, "preview") is None


def test_each_swap_raises_the_generation_and_remembers_the_last_five(storage: Storage) -> None:
    for n in range(8):
        ref = swap(storage.refs, n, n + 1)
        assert ref.generation == n + 1
    assert ref.previous == tuple((version, f"{version:064x}") for version in (7, 6, 5, 4, 3))
    assert storage.refs.get(SITE, "production") == ref


def test_a_manifest_is_remembered_once_and_never_beside_itself(storage: Storage) -> None:
    swap(storage.refs, 0, 1)
    swap(storage.refs, 1, 2)
    ref = swap(storage.refs, 2, 1, rollback=True)
    assert [version for version, _ in ref.previous] == [2]
    ref = swap(storage.refs, 3, 2)
    assert [version for version, _ in ref.previous] == [1]


def test_a_swap_that_expects_another_generation_changes_nothing(storage: Storage) -> None:
    live = swap(storage.refs, 0, 1)
    for expected in (0, 2):
        with pytest.raises(RefConflict) as caught:
            swap(storage.refs, expected, 2)
        assert caught.value.code == "ref_conflict"
    assert storage.refs.get(SITE, "production") == live


def test_a_first_swap_that_expects_a_ref_is_refused(storage: Storage) -> None:
    with pytest.raises(RefConflict):
        swap(storage.refs, 1, 1)
    assert storage.refs.all() == []


def test_content_older_than_what_was_ever_live_is_superseded(storage: Storage) -> None:
    swap(storage.refs, 0, 1, content_sequence=10)
    swap(storage.refs, 1, 2, content_sequence=4, rollback=True)
    with pytest.raises(Superseded) as caught:
        swap(storage.refs, 2, 3, content_sequence=9)
    assert caught.value.code == "superseded"
    live = storage.refs.get(SITE, "production")
    assert live
    assert (live.version, live.content_sequence, live.highest_sequence) == (2, 4, 10)
    assert swap(storage.refs, 2, 3, content_sequence=10).highest_sequence == 10


def test_targets_and_sites_do_not_touch_each_other(storage: Storage) -> None:
    swap(storage.refs, 0, 5)
    swap(storage.refs, 0, 1, target="preview")
    swap(storage.refs, 0, 1, site=OTHER)
    assert [(ref.site, ref.target) for ref in storage.refs.all()] == [
        (SITE, "preview"),
        (SITE, "production"),
        (OTHER, "production"),
    ]
    storage.refs.remove(SITE)
    assert [ref.site for ref in storage.refs.all()] == [OTHER]


def test_of_many_swaps_at_once_one_wins_each_round(storage: Storage) -> None:
    def try_one(wish: tuple[int, int]) -> bool:
        generation, version = wish
        try:
            swap(storage.refs, generation, version, content_sequence=1)
        except RefConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        for generation in range(10):
            assert sum(threads.map(try_one, [(generation, n) for n in range(8)])) == 1


def test_a_host_shows_a_site_and_can_be_switched_off(storage: Storage) -> None:
    hosts = storage.hosts
    assert hosts.get("docs") is None
    hosts.bind("docs", SITE)
    hosts.bind("docs", SITE)
    assert hosts.get("docs") == Host("docs", SITE, "on")
    hosts.set_state("docs", "off")
    hosts.bind("docs", SITE)
    assert hosts.get("docs") == Host("docs", SITE, "off")
    hosts.remove("docs")
    hosts.remove("docs")
    assert hosts.get("docs") is None


def test_a_label_of_another_site_is_taken(storage: Storage) -> None:
    storage.hosts.bind("docs", SITE)
    with pytest.raises(Conflict) as caught:
        storage.hosts.bind("docs", OTHER)
    assert caught.value.code == "host_label_taken"
    assert storage.hosts.get("docs") == Host("docs", SITE, "on")


@pytest.mark.parametrize("label", ["", "-a", "a-", "A", "a.b", "a" * 64, "é", "a\n"])
def test_what_is_no_label_is_refused(storage: Storage, label: str) -> None:
    with pytest.raises(Invalid):
        storage.hosts.bind(label, SITE)


def test_an_unknown_label_has_no_state(storage: Storage) -> None:
    with pytest.raises(NotFound):
        storage.hosts.set_state("nobody", "off")


CHILD = """
import sys
from pubsite.storage import RefConflict, open_storage
storage = open_storage(sys.argv[1])
won = 0
for generation in range(40):
    try:
        storage.refs.swap(site="s", target="t", expected_generation=generation, version=1, manifest="m",
            content_sequence=0, deployment="d", rollback=False, grace_seconds=0, now=0)
        won += 1
    except RefConflict:
        while storage.refs.get("s", "t").generation <= generation: pass
print(won)
"""


def test_of_swaps_by_several_processes_one_wins_each_generation(tmp_path: Path) -> None:
    open_storage(tmp_path).close()
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environ)
        for _ in range(3)
    ]
    assert sum(int(child.communicate(timeout=60)[0]) for child in children) == 40


def test_a_swap_is_seen_at_once_through_another_connection(tmp_path: Path) -> None:
    writer, reader = open_storage(tmp_path), open_storage(tmp_path)
    for n in range(50):
        assert swap(writer.refs, n, n + 1) == reader.refs.get(SITE, "production")
    writer.close()
    reader.close()


def test_a_swap_outlives_the_store(tmp_path: Path) -> None:
    first = open_storage(tmp_path)
    ref = swap(first.refs, 0, 1)
    first.hosts.bind("docs", SITE)
    first.close()
    second = open_storage(tmp_path)
    assert second.refs.get(SITE, "production") == ref
    assert second.hosts.get("docs") == Host("docs", SITE, "on")
    second.close()


def test_a_file_of_another_format_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "objects.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(Unavailable):
        open_storage(tmp_path)
