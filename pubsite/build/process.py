"""One render child: started with limits and without credentials, asked one page at a time, ended when it is overdue."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pubsite.build import frames
from pubsite.errors import Unavailable

START_SECONDS = 30
KEPT_SHARED = 8
_OUT_OF_MEMORY = 70
_PACKAGE = Path(__file__).parents[1]
# The packages stand in sys.modules without their __init__, which would load Pyramid, the database and the storage: ten
# times the time and three times the memory of what a child needs.
_START = """
import sys, types
for name, path in (("pubsite", sys.argv[3]), ("pubsite.build", sys.argv[3] + "/build")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from pubsite.build.child import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
# Nothing of the server's environment: it may hold keys and passwords.
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True, slots=True)
class Shared:
    """A value that many pages need, sent once to each child; `key` names the value's content."""

    key: str
    frame: bytes = field(repr=False)

    @classmethod
    def of(cls, key: str, value: Any) -> Shared:
        return cls(key, frames.encode({"op": "load", "key": key, "value": value}))


@dataclass(frozen=True, slots=True)
class Request:
    """One page to render, and what must be loaded before."""

    frame: bytes = field(repr=False)
    shared: tuple[Shared, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: `error` is a problem's code, or empty; `values` and `body` are the child's answer."""

    error: str = ""
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""


class Overdue(Exception):
    """A page took longer than it may."""


class Died(Exception):
    """The child ended by itself or was ended from outside; `status` as Popen's returncode."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    @property
    def by_limit(self) -> bool:
        """Whether the page is to blame; a stray SIGKILL or SIGTERM is nobody's fault."""
        return self.status not in (-signal.SIGKILL, -signal.SIGTERM)


class Child:
    """A running child. Not thread-safe, but for `kill`. After Overdue or Died it is gone."""

    def __init__(self, seconds: int, memory: int) -> None:
        self._seconds = seconds
        self._memory = memory
        self._loaded: OrderedDict[str, None] = OrderedDict()
        self._deadline = 0.0
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = self._start(theirs.fileno())
        except OSError:
            self._socket.close()
            raise

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(self._seconds), str(self._memory), str(_PACKAGE)],
            stdin=descriptor,
            stdout=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            process_group=0,  # Ctrl-C is for the server, which ends its children itself
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Raises Unavailable when it does not come up."""
        try:
            self._exchange([], START_SECONDS)
        except (Overdue, Died) as error:
            raise Unavailable(f"A render process did not start ({type(error).__name__} {error})") from error

    def ask(self, request: Request) -> Answer:
        """Render one page; raises Overdue or Died."""
        frames_to_send = [*self._loads(request.shared), request.frame]
        values, body = self._exchange(frames_to_send, self._seconds)
        if error := values.get("error"):
            return Answer(error, values["message"])
        return Answer(values=values, body=body)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def explain(self, died: Died) -> tuple[str, str]:
        """A problem's code and message for a death."""
        if died.status == -signal.SIGXCPU:
            return "render_timeout", f"took more than {self._seconds} seconds to render"
        if died.status in (_OUT_OF_MEMORY, -signal.SIGABRT):
            return "render_crashed", f"needed more than the {self._memory >> 20} MiB of memory that it may use"
        return "render_crashed", f"ended its render process (status {died.status})"

    def _loads(self, shared: tuple[Shared, ...]) -> list[bytes]:
        """What the child lacks, and the word to forget what it has not needed for long."""
        needed = []
        for item in shared:
            if item.key not in self._loaded:
                needed.append(item.frame)
                self._loaded[item.key] = None
            self._loaded.move_to_end(item.key)
        while len(self._loaded) > KEPT_SHARED:
            key, _ = self._loaded.popitem(last=False)
            needed.append(frames.encode({"op": "drop", "key": key}))
        return needed

    def _exchange(self, to_send: list[bytes], seconds: float) -> tuple[dict[str, Any], bytes]:
        self._deadline = time.monotonic() + seconds
        try:
            for frame in to_send:
                self._socket.settimeout(self._left())
                self._socket.sendall(frame)
            return frames.read(self._receive)
        except TimeoutError:
            self.close()
            raise Overdue(f"took more than {seconds} seconds to render") from None
        except (EOFError, ConnectionError):
            try:
                status = self._process.wait(1)
            except subprocess.TimeoutExpired:
                status = -signal.SIGKILL
            self.close()
            raise Died(status) from None

    def _receive(self, size: int) -> bytes:
        self._socket.settimeout(self._left())
        return self._socket.recv(size)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
