"""One page as it would look in its site, with nothing stored."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pubsite.build.plan import Kind, make_plan
from pubsite.build.pool import RendererPool
from pubsite.build.render import problems_of
from pubsite.build.requests import Requests
from pubsite.build.snapshot import PageSource, Snapshot
from pubsite.errors import Problem


@dataclass(frozen=True, slots=True)
class Preview:
    """The page's HTML, empty when it cannot be rendered, and what is wrong with the page."""

    html: str
    problems: tuple[Problem, ...]


def preview(snapshot: Snapshot, page: PageSource, renderers: RendererPool) -> Preview:
    """Render `page` in the place of the snapshot's page of that path, or beside the others."""
    others = [other for other in snapshot.pages if other.path != page.path]
    pages = tuple(sorted([*others, page], key=lambda source: source.path))
    planned = make_plan(replace(snapshot, pages=pages))
    output = next(output for output in planned.outputs if output.node and output.node.source is page)
    of_page = [problem for problem in planned.problems if problem.path in (page.path, output.file)]
    if output.kind == Kind.raw:
        return Preview(page.content, tuple(of_page))
    ((_, answer),) = renderers.render([(None, Requests(planned).of(output))])
    return Preview(answer.body.decode(), (*of_page, *problems_of(planned, output, answer)))
