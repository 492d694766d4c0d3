"""The render children: their limits, their deaths and what they know of the server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pubsite.build import build, frames
from pubsite.build.pool import RendererPool
from pubsite.build.process import Child, Request, Shared
from pubsite.errors import BuildFailed, Unavailable
from pubsite.storage import memory_storage
from tests.build_sites import entries, markdown, page, site

BOMB = "[" * 20_000
DOUBLING = {
    "doubling.html": "{% set n = namespace(x='xxxx') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
}
LOOP = {"loop.html": "{% for a in range(9000) %}{% for b in range(9000) %}{{ a * b }}{% endfor %}{% endfor %}"}


@pytest.fixture
def pool() -> Iterator[RendererPool]:
    pool = RendererPool(2, seconds=20, memory=1 << 30)
    yield pool
    pool.close()


@pytest.fixture
def hasty_pool() -> Iterator[RendererPool]:
    pool = RendererPool(2, seconds=2, memory=1 << 30)
    yield pool
    pool.close()


def templated(templates: dict[str, str], template: str) -> Request:
    """A page of a theme made for the occasion."""
    theme = Shared.of(f"theme:{template}", templates)
    rules = {"extensions": [], "highlight": False, "sanitize": False}
    values = Shared.of("site:test", {**rules, "site": {"nav": []}, "assets": {}, "generator": "test"})
    message = {
        **{"op": "page", "theme": theme.key, "site": values.key, "template": template},
        **{"format": "html", "content": "<p>x</p>", "source": "", "feed_base": ""},
        "values": {"page": {"url": "/", "image": "", "description": ""}},
    }
    return Request(frames.encode(message), (theme, values))


def body(content: str) -> Request:
    rules = {"extensions": [], "highlight": False, "sanitize": False}
    return Request(frames.encode({"op": "body", "format": "markdown", "content": content, **rules}))


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_a_page_over_its_time_is_named_and_the_others_are_rendered(hasty_pool: RendererPool) -> None:
    pages = [markdown(f"/ok-{number}", "# Fine") for number in range(20)]
    objects = memory_storage().objects
    with pytest.raises(BuildFailed) as raised:
        build(site(markdown("/bad", BOMB), markdown("/bad-too", BOMB), *pages), objects, hasty_pool)
    errors = [problem for problem in raised.value.problems if problem.severity == "error"]
    assert [(problem.path, problem.code) for problem in errors] == [
        ("/bad", "render_timeout"),
        ("/bad-too", "render_timeout"),
    ]
    assert "seconds" in errors[0].message
    assert build(site(*pages), objects, hasty_pool).rendered == 22


def test_other_builds_go_on_while_a_page_eats_its_time(hasty_pool: RendererPool) -> None:
    failed = threading.Event()

    def fail() -> None:
        with suppress(BuildFailed):
            build(site(markdown("/bad", BOMB)), memory_storage().objects, hasty_pool)
        failed.set()

    thread = threading.Thread(target=fail)
    thread.start()
    result = build(site(*(page(f"/{number}") for number in range(10))), memory_storage().objects, hasty_pool)
    assert result.rendered == 12
    assert not failed.is_set()
    thread.join()


def test_a_memory_bomb_ends_its_child_and_nobody_else(pool: RendererPool) -> None:
    requests = [("bomb", templated(DOUBLING, "doubling.html")), ("ok", body("fine")), ("ok2", body("fine"))]
    answers = dict(pool.render(requests))
    assert answers["bomb"].error == "render_crashed"
    assert "memory" in answers["bomb"].message
    assert answers["ok"].body == answers["ok2"].body == b"<p>fine</p>"


def test_an_endless_template_runs_out_of_fuel(pool: RendererPool) -> None:
    ((_, answer),) = pool.render([(None, templated(LOOP, "loop.html"))])
    assert answer.error == "template_error"
    assert "fuel" in answer.message


def test_a_wrong_template_is_the_pages_problem(pool: RendererPool) -> None:
    ((_, answer),) = pool.render([(None, templated({"x.html": "{{ page|nothing }}"}, "x.html"))])
    assert (answer.error, "nothing" in answer.message) == ("template_error", True)


def test_a_child_goes_on_after_a_page_that_fails(pool: RendererPool) -> None:
    endless = {"x.html": "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}"}
    ((_, answer),) = pool.render([(None, templated(endless, "x.html"))])
    assert answer.error == "template_error"
    assert pool.render_body({"format": "markdown"}, "*fine*") == "<p><em>fine</em></p>"


def test_a_child_killed_from_outside_costs_no_page(pool: RendererPool) -> None:
    snapshot = site(*(markdown(f"/{number}", f"# {number}\n\n" + "*a* [b](/) `c`\n\n" * 200) for number in range(40)))
    killed: list[int] = []

    def kill_in_the_middle(stage: str, done: int, total: int) -> None:
        if stage == "render" and done in (5, 20):
            killed.append(pool.pids[0])
            os.kill(killed[-1], signal.SIGKILL)

    result = build(snapshot, memory_storage().objects, pool, kill_in_the_middle)
    assert len(killed) == 2
    assert result.rendered == 42
    assert not set(killed) & set(pool.pids)


@pytest.mark.parametrize("work", ["idle", "busy"])
def test_children_end_when_their_parent_is_killed(work: str) -> None:
    program = (
        "from pubsite.build.pool import RendererPool\n"
        "import sys, threading, time\n"
        "pool = RendererPool(2, 1, 1 << 30)\n"
        "pool.start()\n"
        "while len(pool.pids) < 2: time.sleep(0.01)\n"
        "pool.render_body({'format': 'markdown'}, 'x')\n"
        "if sys.argv[1] == 'busy':\n"
        "    for _ in 'ab':\n"
        "        threading.Thread(target=pool.render_body, args=({'format': 'markdown'}, '[' * 20000)).start()\n"
        "    time.sleep(0.2)\n"
        "print(*pool.pids, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, work]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert parent.stdout
    with parent.stdout:
        pids = [int(text) for text in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(_runs(pid) for pid in pids), 60)


def open_files(pid: int) -> Iterator[str]:
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            yield os.readlink(f"/proc/{pid}/fd/{name}")


def test_children_know_nothing_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSITE_SECRET", "s3cret")
    child = Child(10, 1 << 30)
    try:
        child.wait_until_ready()
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        descriptors = set(open_files(child.pid))
    finally:
        child.close()
    assert {line.partition(b"=")[0] for line in environment.split(b"\0") if line} == {
        *(b"PATH", b"LANG", b"LC_ALL", b"MALLOC_ARENA_MAX")
    }
    assert len([name for name in descriptors if name.startswith("socket:")]) == 1


def test_children_load_neither_the_server_nor_its_database() -> None:
    child = Child(10, 1 << 30)
    try:
        child.wait_until_ready()
        child.ask(body("x"))
        mapped = Path(f"/proc/{child.pid}/maps").read_text()
    finally:
        child.close()
    assert not [name for name in ("sqlalchemy", "sqlite", "igzip", "_ssl") if name in mapped]


def test_one_pages_body_can_be_had_alone(pool: RendererPool) -> None:
    config = {"format": "markdown", "path": "/a"}
    assert pool.render_body(config, "# A") == (
        '<h1 id="a">A<a class="headerlink" href="#a" title="Permanent link">&para;</a></h1>'
    )
    assert pool.render_body({}, "<script>1</script>", {"sanitize": True}) == ""


def test_a_body_that_fails_names_its_page(hasty_pool: RendererPool) -> None:
    with pytest.raises(BuildFailed, match=r"^/a took more than 2 seconds") as raised:
        hasty_pool.render_body({"format": "markdown", "path": "/a"}, BOMB)
    assert [problem.code for problem in raised.value.problems] == ["render_timeout"]


def test_closing_ends_children_and_tells_who_waits() -> None:
    pool = RendererPool(1, 20, 1 << 30)
    told: list[Unavailable] = []

    def wait() -> None:
        try:
            pool.render_body({"format": "markdown"}, BOMB)
        except Unavailable as error:
            told.append(error)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: pool.pids)
    pids = pool.pids
    pool.close()
    for thread in threads:
        thread.join(5)
    assert len(told) == 3
    assert not any(_runs(pid) for pid in pids)
    with pytest.raises(Unavailable):
        pool.render_body({}, "x")


def test_themes_and_sites_are_sent_once_and_forgotten_in_time(pool: RendererPool) -> None:
    requests = [
        (number, templated({f"{number % 12}.html": f"theme {number % 12}"}, f"{number % 12}.html"))
        for number in range(60)
    ]
    answers = dict(pool.render(requests))
    assert [answers[number].body for number in range(60)] == [b"theme %d" % (number % 12) for number in range(60)]


def test_many_builds_share_the_children(pool: RendererPool) -> None:
    objects = memory_storage().objects
    results = {}

    def run(name: str) -> None:
        results[name] = build(site(*(page(f"/{name}/{number}", f"<p>{name}") for number in range(30))), objects, pool)

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"/{name}/7/index.html" in entries(objects, results[name].bundle.digest) for name in "abcd")
    assert len(pool.pids) <= 2


def _runs(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
