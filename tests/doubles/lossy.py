"""A proxy before a real server that cuts the line: at one call, once it was carried out."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

Cut = Literal["no answer", "headers only", "502"]
SECONDS = 60
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"})


@dataclass
class Proxy:
    """`calls`: method and path of each since the last `cut`. `cuts`: how often it has cut the line."""

    target: str
    url: str = ""
    calls: list[str] = field(default_factory=list)
    cuts: int = 0
    _planned: tuple[int, Cut] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut(self, calls_before: int, how: Cut) -> None:
        """Of the calls from now on, cut the one after that many."""
        with self._lock:
            self.calls.clear()
            self._planned = calls_before, how

    def take(self, method: str, path: str) -> Cut | None:
        """Note a call; how it is to be cut."""
        with self._lock:
            self.calls.append(f"{method} {path}")
            if self._planned is None or len(self.calls) != self._planned[0] + 1:
                return None
            self.cuts += 1
            return self._planned[1]


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cut = self.proxy.take(self.command, self.path)
        target = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=SECONDS)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        target.request(self.command, self.path, body or None, sent)
        answer = target.getresponse()
        content = answer.read()
        target.close()
        if cut == "no answer":
            return
        self.send_response(502 if cut == "502" else answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if cut != "headers only":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def lossy(target: str) -> Iterator[Proxy]:
    """A proxy before the origin `target`, until the end of the block."""
    proxy = Proxy(target)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy})) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
