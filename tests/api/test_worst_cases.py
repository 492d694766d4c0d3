"""No request of up to 1.1 MB costs the thread that serves it more than a second, nor makes a 5xx or a huge answer."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from pubsite.server import GC_ALLOCATIONS
from tests.conftest import API_HOST, Server, Tenant, new_tenant, running_server
from tests.corpora.worst_cases import CASES, MEGABYTE, Case

MOST_SECONDS = 1.0
MOST_OF_AN_ERROR = 400_000


@dataclass
class World:
    """A tenant with a site of each kind, a page, a file and a live version; and what the cases call them."""

    tenant: Tenant
    names: dict[str, str]
    host: str


@pytest.fixture(scope="module", autouse=True)
def _garbage_is_looked_for_as_in_the_server() -> Iterator[None]:
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    tenant = new_tenant(server)
    docs, raw = tenant.site("docs"), tenant.site("raw", "SelfManaged")
    tenant.page("docs", "/", "# Home", format="markdown")
    tenant.client.upload(f"/api/sites/{raw['id']}/files/upload", "a.txt", b"text", status=200)
    tenant.deploy(docs["id"])
    names = {"publisher": tenant.name, "docs": docs["id"], "raw": raw["id"]}
    return World(tenant, names, f"{docs['host_label']}.localhost:6543")


def environ_of(world: World, case: Case) -> dict[str, Any]:
    """The request, made before the clock runs."""
    path, body = case.path, case.body()
    for name, value in world.names.items():
        path, body = path.replace(f"{{{name}}}", value), body.replace(b"{%s}" % name.encode(), value.encode())
    assert len(body) <= MEGABYTE + 1000, "the corpus promises bodies of up to 1.1 MB"
    sent = {"Content-Type": "application/json", **world.tenant.client.headers, **case.headers}
    sent.setdefault("Host", world.host if case.on_site else API_HOST)
    request = TestApp.RequestClass.blank(path, method=case.method, body=body, headers=sent)
    return dict(request.environ)


def serve(server: Server, environ: dict[str, Any]) -> tuple[float, int, bytes]:
    """The seconds of CPU, the status and the body of one request."""
    statuses: list[str] = []
    started = time.thread_time()
    body = b"".join(server.app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    return time.thread_time() - started, int(statuses[-1][:3]), body


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_costs_at_most_a_second(server: Server, world: World, case: Case) -> None:
    for attempt in (1, 2):
        seconds, status, body = serve(server, environ_of(world, case))
        print(f"{seconds:.3f} s, status {status}, {len(body)} bytes")
        assert status < 500
        if status >= 400:
            assert len(body) <= MOST_OF_AN_ERROR
        if seconds <= MOST_SECONDS:
            return
        assert attempt == 1, f"{seconds:.2f} s of CPU for {case.name}"


# Markdown, which is rendered beside the server in a child with limits


MARKDOWN = {
    "brackets": "[" * 1_000_000,
    "stars": "*" * 1_000_000,
    "stars and letters": "*a " * 333_000,
    "underscores": "_a__" * 250_000,
    "ticks": "`" * 1_000_000,
    "images": "![" * 500_000,
    "addresses": "<http://" * 125_000,
    "quotes": "> " * 2_000 + "a",
    "nested lists": "\n".join("    " * depth + "- a" for depth in range(600)),
    "tables": "|" * 2_000 + "\n" + "|-" * 2_000 + "\n" + "|a" * 400_000,
    "footnotes": "[^1]" * 250_000,
    "attributes": "# a {" + ".b " * 300_000 + "}",
    "references": "\n".join(f"[{n}]: /a" for n in range(75_000)),
    "emphasis that never ends": "**a _b " * 140_000,
}
RENDER_SECONDS = 1


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    data_dir = str(tmp_path_factory.mktemp("rendering"))
    settings = {"development": "true", "data_dir": data_dir, "render_seconds": str(RENDER_SECONDS)}
    for running in running_server({f"pubsite.{name}": value for name, value in settings.items()}):
        tenant = new_tenant(running)
        tenant.site("docs")
        yield tenant


@pytest.mark.parametrize("kind", MARKDOWN)
def test_what_a_page_costs_to_render_is_limited(renderer: Tenant, kind: str) -> None:
    page = renderer.page("docs", f"/{kind.replace(' ', '-')}", MARKDOWN[kind], format="markdown")
    environ = TestApp.RequestClass.blank(f"/api/sites/site/docs/page?path={page['path']}", headers={"Host": API_HOST})
    before = cpu_of_children(renderer.server)
    seconds, status, _ = serve(renderer.server, dict(environ.environ))
    assert status in (200, 422)
    assert seconds < MOST_SECONDS
    assert cpu_of_children(renderer.server) - before < RENDER_SECONDS + 1
    started = time.monotonic()  # what came of it is kept: the next one costs nothing
    assert serve(renderer.server, dict(environ.environ))[1] == status
    assert time.monotonic() - started < RENDER_SECONDS


def cpu_of_children(server: Server) -> float:
    """Seconds of CPU of the render children, of those that were ended and those that run."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for pid in server.app.api.registry.page_bodies._renderer.pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return usage.ru_utime + usage.ru_stime + ticks / os.sysconf("SC_CLK_TCK")
