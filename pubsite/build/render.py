"""Every page of a plan through the render children, unless an earlier build did the same; and what is wrong with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pubsite.build import frames
from pubsite.build.memo import Memo, Outcome
from pubsite.build.plan import Kind, Output, Plan
from pubsite.build.pool import RendererPool
from pubsite.build.process import Answer, Request
from pubsite.build.requests import Requests
from pubsite.errors import Problem
from pubsite.storage import ObjectStore

_BATCH = 200
_RENDERED = (Kind.page, Kind.section, Kind.not_found)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One page's output: its bytes, or the digest and the size of the object that an earlier build made of them.

    `feed`: the page's body with absolute links, when the feed wants it.
    """

    output: Output
    body: bytes = b""
    digest: str = ""
    size: int = 0
    problems: tuple[Problem, ...] = ()
    feed: str = ""


def render_pages(plan: Plan, objects: ObjectStore, renderers: RendererPool) -> Iterator[Rendered]:
    """Every page, section and 404 page of the plan, as they come; one that fails has an error among its problems."""
    requests = Requests(plan)
    known: deque[Rendered] = deque()

    def unknown() -> Iterator[tuple[tuple[Output, str], Request]]:
        for batch in _batches([output for output in plan.outputs if output.kind in _RENDERED]):
            asked = [(output, requests.of(output)) for output in batch]
            digests = [frames.digest(request.frame) for _, request in asked]
            outcomes = _remembered(digests, requests.sources, objects, renderers.memo)
            for (output, request), digest in zip(asked, digests, strict=True):
                if outcome := outcomes.get(digest):
                    known.append(_from_memo(plan, output, outcome))
                else:
                    yield (output, digest), request

    for (output, digest), answer in renderers.render(unknown()):
        if not answer.error:
            renderers.memo.keep(digest, Outcome.of(sha256(answer.body).hexdigest(), len(answer.body), answer.values))
        yield _from_child(plan, output, answer)
        while known:
            yield known.popleft()
    yield from known


def _batches(outputs: list[Output]) -> Iterator[list[Output]]:
    return (outputs[start : start + _BATCH] for start in range(0, len(outputs), _BATCH))


def _remembered(digests: list[str], sources: dict[str, str], objects: ObjectStore, memo: Memo) -> dict[str, Outcome]:
    """Request digest → outcome, of those whose objects are still there; they are made young before that is asked."""
    found = {digest: outcome for digest in digests if (outcome := memo.get(digest, sources))}
    if not found:
        return {}
    wanted = [outcome.digest for outcome in found.values()]
    objects.renew(wanted)
    missing = objects.missing(wanted)
    return {digest: outcome for digest, outcome in found.items() if outcome.digest not in missing}


def count(plan: Plan) -> int:
    """How many outputs `render_pages` gives."""
    return sum(output.kind in _RENDERED for output in plan.outputs)


def _from_memo(plan: Plan, output: Output, outcome: Outcome) -> Rendered:
    values = outcome.values
    problems = _problems(plan, output, values)
    return Rendered(output, b"", outcome.digest, outcome.size, problems, values.get("feed", ""))


def _from_child(plan: Plan, output: Output, answer: Answer) -> Rendered:
    problems = problems_of(plan, output, answer)
    return Rendered(output, answer.body, problems=problems, feed=answer.values.get("feed", ""))


def problems_of(plan: Plan, output: Output, answer: Answer) -> tuple[Problem, ...]:
    """What is wrong with a page by a child's answer."""
    if answer.error:
        path = output.node.path if output.node else output.file
        return (Problem("error", path, answer.error, f"{path} {answer.message}"),)
    return _problems(plan, output, answer.values)


def _problems(plan: Plan, output: Output, values: dict[str, Any]) -> tuple[Problem, ...]:
    node = output.node
    path, url = (node.path, node.url) if node else (output.file, "/")
    content = node.source.content if node and node.source else ""
    problems = plan.destinations.broken(path, url, [(written, link) for written, link in values["links"]], content)
    if scrubbed := values.get("scrubbed"):
        message = f"{scrubbed} control characters are left out"
        problems.append(Problem("warn", path, "control_characters", message))
    return tuple(problems)
