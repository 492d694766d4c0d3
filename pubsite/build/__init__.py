"""A site's content becomes a bundle: collect → plan → render → pack. But for collect, a pure function of the snapshot.

No clock, no randomness, no environment: the same snapshot gives the same digest on any machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pubsite.build.pack import Packer, missing_assets
from pubsite.build.plan import Plan, make_plan
from pubsite.build.pool import RendererPool
from pubsite.build.render import count, render_pages
from pubsite.build.snapshot import Snapshot
from pubsite.errors import BuildFailed, Problem
from pubsite.storage import Bundle, ObjectStore

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A finished build. `problems` are warnings; `seconds` by stage.

    `rendered`: how many outputs were rendered anew; the others were known from earlier builds.
    """

    bundle: Bundle
    problems: tuple[Problem, ...]
    outputs: int
    rendered: int
    seconds: dict[str, float]


def build(
    snapshot: Snapshot, objects: ObjectStore, renderers: RendererPool, progress: Progress | None = None
) -> BuildResult:
    """Build what `collect` read; raises BuildFailed with every problem when outputs collide or pages fail.

    progress: told (stage, done, total) as the work goes on.
    """
    tell = progress or _nobody
    seconds: dict[str, float] = {}
    if snapshot.site.mode != "SelfManaged":
        renderers.start()
    with _timed("plan", seconds):
        tell("plan", 0, 1)
        planned = make_plan(snapshot)
        _stop_at_errors(planned, [*planned.problems, *missing_assets(planned, objects)])
    packer = Packer(planned, objects)
    with _timed("render", seconds):
        problems, rendered = _render(planned, objects, renderers, packer, tell)
    with _timed("pack", seconds):
        tell("pack", 0, 1)
        bundle = packer.finish()
    return BuildResult(bundle, problems, bundle.files + bundle.redirects, rendered, seconds)


def _render(
    planned: Plan, objects: ObjectStore, renderers: RendererPool, packer: Packer, tell: Progress
) -> tuple[tuple[Problem, ...], int]:
    """Render every page, the ones after a failing one too, so that all that fail are named at once."""
    problems, done, new, total = list(planned.problems), 0, 0, count(planned)
    tell("render", 0, total)
    if total:
        for rendered in render_pages(planned, objects, renderers):
            problems += rendered.problems
            done += 1
            new += not rendered.digest
            if not any(problem.severity == "error" for problem in rendered.problems):
                packer.add(rendered)
            tell("render", done, total)
    return _stop_at_errors(planned, problems), new


def _stop_at_errors(planned: Plan, problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems, sorted, with the severities that the site's config gives them; raises when an error is left."""
    judged = sorted(_judged(planned, problems), key=lambda problem: (problem.severity, problem.path, problem.message))
    errors = [problem for problem in judged if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise BuildFailed(f"The build stops: {errors[0].message}{more}", judged)
    return tuple(judged)


def _judged(planned: Plan, problems: list[Problem]) -> Iterator[Problem]:
    """`config.quality` turns a warning off or lets it block; errors stay."""
    for problem in problems:
        rule = planned.options.quality.get(problem.code)
        if problem.severity == "warn" and rule == "block":
            yield replace(problem, severity="error")
        elif problem.severity != "warn" or rule != "off":
            yield problem


def _nobody(stage: str, done: int, total: int) -> None:
    return None


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[stage] = round(time.monotonic() - started, 4)
