"""A few warm render children for all builds of a server, and the threads that talk to them.

A page that needs too much ends its child, is named, and nobody else waits for it: the next page gets another child.
Each build has only a few pages in the queue, so that a large one does not hold up a small one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from pubsite.build import frames
from pubsite.build.memo import Memo
from pubsite.build.options import Options
from pubsite.build.process import Answer, Child, Died, Overdue, Request
from pubsite.errors import BuildFailed, Problem, Unavailable

IN_FLIGHT = 3
_Tag = TypeVar("_Tag")


@dataclass(slots=True)
class _Job:
    request: Request
    answers: SimpleQueue[_Job]
    tag: Any = None
    outcome: Answer | Exception = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A body for readers outside of its site: what its links begin with (`https://host`), its own URL below that.

    source, sources: an imported page's place in its tree, and what the others' places are here (`docs/a.md` → `/a/`).
    title: is shown above the body by whoever shows it, so that a first heading that says the same is left out.
    """

    base: str
    url: str
    title: str = ""
    source: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


class RendererPool:
    """`processes` children, started when first needed; each page may take `seconds` and `memory` bytes. Thread-safe.

    `memo` holds what they rendered before.
    """

    def __init__(self, processes: int = 2, seconds: int = 10, memory: int = 1 << 30) -> None:
        self._processes = max(1, processes)
        self._seconds = seconds
        self._memory = memory
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._children: set[Child] = set()
        self._closed = False
        self.memo = Memo()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children that run."""
        with self._lock:
            return tuple(child.pid for child in self._children)

    def start(self) -> None:
        """Start the children now, so that they come up while something else is done."""
        with self._lock:
            if self._closed:
                raise _closed()
            for _ in range(self._processes - len(self._threads)):
                thread = threading.Thread(target=self._serve, name="pubsite-render", daemon=True)
                self._threads.append(thread)
                thread.start()

    def render(self, requests: Iterable[tuple[_Tag, Request]]) -> Iterator[tuple[_Tag, Answer]]:
        """The answers to `requests` as they come, each with the tag that its request bore; taken up lazily.

        What is the matter with a page is in its answer; Unavailable says that no page can be rendered now.
        """
        self.start()
        answers: SimpleQueue[_Job] = SimpleQueue()
        waiting = iter(requests)
        in_flight = 0
        while True:
            while in_flight < IN_FLIGHT * self._processes and (item := next(waiting, None)) is not None:
                self._put(_Job(item[1], answers, item[0]))
                in_flight += 1
            if not in_flight:
                return
            job = answers.get()
            in_flight -= 1
            if isinstance(job.outcome, Exception):
                raise job.outcome
            yield job.tag, job.outcome

    def render_body(
        self,
        config: Mapping[str, Any],
        content: str,
        site_config: Mapping[str, Any] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> str:
        """The body of one page as HTML, without a theme; raises BuildFailed that names what is wrong with it.

        config: the page's, with its `path`; site_config: its site's, for the markdown options and `sanitize`;
        elsewhere: where the body is to be read outside of its site, with absolute links.
        """
        options = Options.of(site_config or {})
        request = {
            "op": "body",
            "format": "markdown" if config.get("format") == "markdown" else "html",
            "content": content,
            "extensions": options.extensions,
            "highlight": options.highlight,
            "sanitize": options.sanitize,
            "elsewhere": None if elsewhere is None else asdict(elsewhere),
        }
        ((_, answer),) = self.render([(None, Request(frames.encode(request)))])
        if answer.error:
            path = str(config.get("path", ""))
            message = f"{path or 'The page'} {answer.message}"
            raise BuildFailed(message, [Problem("error", path, answer.error, message)])
        return answer.body.decode()

    def close(self) -> None:
        """End the children; who still waits for an answer gets Unavailable."""
        with self._lock:
            self._closed = True
            threads, children = self._threads, list(self._children)
        for _ in threads:
            self._jobs.put(None)
        for child in children:
            child.kill()
        for thread in threads:
            thread.join()
        with suppress(Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    job.outcome = _closed()
                    job.answers.put(job)

    def _put(self, job: _Job) -> None:
        """Queue a job; never behind `close`, where nobody would answer it."""
        with self._lock:
            if self._closed:
                raise _closed()
            self._jobs.put(job)

    def _serve(self) -> None:
        """Answer jobs with one child after another until the pool closes."""
        child: Child | None = None
        with suppress(Unavailable):
            child = self._new_child()
        while (job := self._jobs.get()) is not None:
            try:
                job.outcome, child = self._ask(job.request, child)
            except Exception as error:  # for the build that waits; this thread serves the next one
                job.outcome, child = error, None
            job.answers.put(job)
        if child is not None:
            self._forget(child)
            child.close()

    def _ask(self, request: Request, child: Child | None, *, again: bool = True) -> tuple[Answer, Child | None]:
        """The answer, and the child that is left. A page whose child was ended from outside is tried a second time."""
        child = child or self._new_child()
        try:
            return child.ask(request), child
        except Overdue as error:
            self._forget(child)
            return Answer("render_timeout", str(error)), None
        except Died as died:
            self._forget(child)
            if self._closed:
                raise _closed() from died
            if died.by_limit or not again:
                return Answer(*child.explain(died)), None
            return self._ask(request, None, again=False)
        except Exception:
            self._forget(child)
            child.close()
            raise

    def _new_child(self) -> Child:
        if self._closed:
            raise _closed()
        try:
            child = Child(self._seconds, self._memory)
        except OSError as error:
            raise Unavailable(f"A render process did not start ({error})") from error
        with self._lock:
            self._children.add(child)
            if self._closed:  # after `close` looked for children to kill
                child.kill()
        try:
            child.wait_until_ready()
        except Unavailable:
            self._forget(child)
            raise
        return child

    def _forget(self, child: Child) -> None:
        with self._lock:
            self._children.discard(child)


def _closed() -> Unavailable:
    return Unavailable("The renderers are closed: the server stops")
