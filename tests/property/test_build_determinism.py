"""The same content gives the same digest: in any order of insertion, in any process, after any history."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsite.build import build
from pubsite.build.pool import RendererPool
from pubsite.build.snapshot import PageSource, Snapshot
from pubsite.errors import BuildFailed
from pubsite.storage import memory_storage
from tests.build_sites import markdown, page, redirect, site

ROOT = Path(__file__).parents[2]
DIGEST_OF_SAMPLE = (
    "from pubsite.build import build\n"
    "from pubsite.build.pool import RendererPool\n"
    "from pubsite.storage import memory_storage\n"
    "from tests.property.test_build_determinism import sample\n"
    "pool = RendererPool(1, 30, 1 << 30)\n"
    "print(build(sample(), memory_storage().objects, pool).bundle.digest)\n"
    "pool.close()\n"
)
SEGMENTS = st.sampled_from(["a", "b", "ü", "guide", "x.html", "50%"])
TEXTS = st.sampled_from(
    ["# One\n\n[x](b.md) `y`", "- a\n- b", "# Two\n\n## Part\n\n## Part\n", "*x* [y](/a)\n\n```python\n1\n```"]
)


@pytest.fixture(scope="module")
def pool() -> Iterator[RendererPool]:
    pool = RendererPool(2, seconds=30, memory=1 << 30)
    yield pool
    pool.close()


def sample() -> Snapshot:
    """A site with something of everything."""
    return site(
        *(
            markdown(
                f"/guide/{number}",
                f"# Part {number}\n\n```python\nx = {number}\n```\n",
                tags=["b", "a"],
                date="2026-01-01",
            )
            for number in range(12)
        ),
        page("/about", "<h2>About</h2>", data={"z": 1, "a": [2]}, menu={"label": "About us"}),
        redirects=[redirect("/old", "/about"), redirect("/older", "/old")],
        theme_options={"font": "serif", "accent": "#123456"},
        extra={"b": 1, "a": 2},
    )


@st.composite
def pages(draw: st.DrawFn) -> list[PageSource]:
    paths = draw(st.sets(st.lists(SEGMENTS, max_size=3).map(lambda segments: "/" + "/".join(segments)), max_size=7))
    return [
        markdown(
            path,
            draw(TEXTS),
            **draw(
                st.fixed_dictionaries(
                    {}, optional={"title": st.sampled_from(["T", "U"]), "date": st.just("2026-01-02")}
                )
            ),
        )
        for path in sorted(paths)
    ]


def digest_of(snapshot: Snapshot, pool: RendererPool) -> str:
    """The bundle's digest, or what the build stops at."""
    try:
        return build(snapshot, memory_storage().objects, pool).bundle.digest
    except BuildFailed as failure:
        return repr(failure.problems)


@settings(max_examples=25, deadline=None)
@given(pages=pages(), seed=st.integers(0, 1 << 32))
def test_the_order_of_insertion_does_not_matter(pool: RendererPool, pages: list[PageSource], seed: int) -> None:
    shuffled = [
        replace(page, config=dict(reversed(list(page.config.items()))), id=f"other-{page.id}", revision=7)
        for page in pages
    ]
    random.Random(seed).shuffle(shuffled)
    first, second = site(*pages), site(*shuffled)
    second = replace(second, pages=tuple(shuffled), content_sequence=99, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    with_memo, clean = digest_of(first, pool), RendererPool(1, 30, 1 << 30)
    try:
        assert digest_of(second, clean) == with_memo
    finally:
        clean.close()


@settings(max_examples=20, deadline=None)
@given(states=st.lists(pages(), min_size=2, max_size=5))
def test_a_build_after_edits_equals_a_clean_build(pool: RendererPool, states: list[list[PageSource]]) -> None:
    objects = memory_storage().objects
    for pages in states:
        try:
            incremental = build(site(*pages), objects, pool).bundle.digest
        except BuildFailed as failure:
            incremental = repr(failure.problems)
    clean = RendererPool(1, 30, 1 << 30)
    try:
        assert digest_of(site(*states[-1]), clean) == incremental
    finally:
        clean.close()


def test_processes_with_other_hash_seeds_agree() -> None:
    def run(seed: str) -> str:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": "Asia/Tokyo" if seed == "1" else "UTC",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", DIGEST_OF_SAMPLE], env=environment, cwd=ROOT, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    digests = {run("1"), run("2")}
    assert len(digests) == 1
    assert len(digests.pop()) == 64
