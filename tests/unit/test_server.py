"""The server over a real socket: limits, errors in JSON, the ready line, and an end that finishes what it has begun."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pubsite.errors import SettingsError
from pubsite.server import server_options

APP = """
import sys, time
from pubsite.wire import patrol
from pubsite.server import serve_paste

class App:
    def __call__(self, environ, start_response):
        size = len(environ["wsgi.input"].read())
        if environ["PATH_INFO"] == "/slow":
            print("slow begins", flush=True)
            time.sleep(0.5)
        if environ["PATH_INFO"] == "/crash":
            raise RuntimeError("a secret")
        if environ["PATH_INFO"] == "/large":
            start_response("200 OK", [("Content-Length", "20000000")])
            return (bytes(100_000) for _ in range(200))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['PATH_INFO']} {size}".encode()]

    def close(self):
        print("closed", flush=True)

patrol.HEAD_SECONDS, patrol.BODY_WINDOW = map(float, sys.argv[2:])
limits = {"max_request_body_size": "100000", "connection_limit": sys.argv[1]}
serve_paste({"http_port": "0"}, announce="true", port="1", **limits)(App())
"""


class Running:
    """A server in a process of its own."""

    def __init__(self, connections: int = 1000, head_seconds: float = 60, body_seconds: float = 60) -> None:
        command = [sys.executable, "-c", APP, str(connections), str(head_seconds), str(body_seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        ready = re.fullmatch(r"ready http://localhost:(\d+)\n", self.line())
        assert ready
        self.port = int(ready[1])

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().decode()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(text)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    running = Running()
    yield running
    running.process.kill()
    running.process.communicate()


def test_answers_with_its_own_name(server: Running) -> None:
    status, body, headers = server.ask("GET", "/a")
    assert (status, body, headers["server"]) == (200, b"/a 0", "pubsite")


@pytest.mark.parametrize("size", [100_001, 5_000_000])
def test_a_body_over_the_limit_is_read_to_its_end_and_answered_in_json(server: Running, size: int) -> None:
    status, body, headers = server.ask("PUT", "/api/sites/x", bytes(size))
    error = json.loads(body)
    assert (status, error["statusCode"]) == (413, 413)
    assert error["request_id"] == headers["x-request-id"]


def test_errors_have_the_shape_of_the_api_that_was_asked(server: Running) -> None:
    _, body, _ = server.ask("PUT", "/zone/v1/publisher/publish/", bytes(100_001))
    assert json.loads(body)["success"] is False


def test_who_asks_before_sending_is_refused_before_sending(server: Running) -> None:
    answer = server.raw(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_crash_tells_nothing(server: Running) -> None:
    status, body, _ = server.ask("GET", "/crash")
    assert status == 500
    assert b"secret" not in body


@pytest.mark.parametrize(
    "text",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
    ids=["no HTTP", "huge length", "negative length", "bad header", "bad address", "huge headers"],
)
def test_what_is_no_http_is_the_clients_mistake(server: Running, text: bytes) -> None:
    head, _, body = server.raw(text).partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"431")
    assert json.loads(body)["statusCode"] in (400, 431)


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """A server with little room and little patience."""
    running = Running(connections=40, head_seconds=0.5, body_seconds=0.5)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha",
    ],
)
def test_what_does_not_come_to_its_end_is_a_408_in_json(strict: Running, text: bytes) -> None:
    head, _, body = strict.raw(text).partition(b"\r\n\r\n")
    error = json.loads(body)
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert error["statusCode"] == 408
    assert f"X-Request-Id: {error['request_id']}" in head.decode()


def test_half_open_connections_beyond_the_limit_give_way(strict: Running) -> None:
    silent = [socket.create_connection(("127.0.0.1", strict.port), timeout=10) for _ in range(200)]
    started = time.monotonic()
    assert [strict.ask("GET", "/a")[0] for _ in range(20)] == [200] * 20
    assert time.monotonic() - started < 5
    for each in silent:
        each.close()


def test_who_does_not_read_holds_no_thread_and_gets_no_more_answers(server: Running) -> None:
    """Sixteen clients ask twice for more than any socket holds; there are eight threads."""
    lazy = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(16)]
    for each in lazy:
        each.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    started = time.monotonic()
    assert server.ask("GET", "/a")[0] == 200
    assert time.monotonic() - started < 5
    answer = b"".join(iter(lambda: lazy[0].recv(1_048_576), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert len(answer) > 20_000_000
    for each in lazy:
        each.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_requests_under_way(number: int) -> None:
    server = Running()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert server.line() == "slow begins\n"
        os.kill(server.process.pid, number)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    output, _ = server.process.communicate(timeout=10)
    assert answer.endswith(b"/slow 0")
    assert output == b"closed\n"
    assert server.process.returncode == 0


def test_the_command_lines_port_wins_over_the_section() -> None:
    assert server_options({"http_port": "7001"}, {"port": "6543"})["port"] == "7001"
    assert server_options({}, {"port": "6543"})["port"] == "6543"
    assert server_options({"http_port": "7001"}, {"listen": "127.0.0.1:80"}).get("listen") is None
    assert "port" not in server_options({}, {"listen": "127.0.0.1:80 [::1]:80"})


@pytest.mark.parametrize("port", ["x", "-1", "65536", "²"])
def test_a_port_that_is_none_stops_the_start(port: str) -> None:
    with pytest.raises(SettingsError):
        server_options({"http_port": port}, {})
