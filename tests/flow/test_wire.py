"""Requests byte for byte to a real pserve: what is odd or too large is refused in our form, at once and cheaply."""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from pubsite.db import Database
from pubsite.services import accounts, publishers
from pubsite.signing import Keys
from tests.crash.process import Pserve

MARK = b"mark<b>"
CHEAP = 0.2  # seconds of the server's CPU
TICK = os.sysconf("SC_CLK_TCK")
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
PUT = b"PUT /api/sites HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Wire:
    """A server, and somebody who may upload to one of its sites."""

    pserve: Pserve
    upload: bytes

    def say(self, *pieces: bytes) -> bytes:
        """Everything that the server answers until it closes the connection, or is silent for a while."""
        with socket.create_connection(("127.0.0.1", self.pserve.port), timeout=20) as connection:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def cpu(self) -> float:
        numbers = Path(f"/proc/{self.pserve.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / TICK


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    pserve = Pserve(tmp_path_factory.mktemp("wire") / "data")
    pserve.data_dir.mkdir()
    pserve.options = ("worker=off",)
    pserve.start()
    url = f"sqlite:///{pserve.data_dir / 'pubsite.sqlite'}"
    with closing(Database(url)) as database, database.transaction() as db:
        account = accounts.create(db, name="kim")
        db.flush()
        publishers.create(db, name="acme", owner=account)
        account_id = account.id
    token, _ = Keys.load(pserve.data_dir).issue_token(account_id, lifetime=timedelta(hours=1))
    site = httpx.post(
        f"http://127.0.0.1:{pserve.port}/api/sites/acme",
        json={"slug": "files", "name": "Files", "mode": "SelfManaged"},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()
    upload = (
        f"POST /api/sites/{site.json()['id']}/files/upload HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n"
    )
    yield Wire(pserve, upload.encode())
    pserve.kill()


def refused(answer: bytes) -> int:
    """The status of a refusal, which must have our form and hold nothing of what was sent."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, error = int(head.split()[1]), json.loads(body)
    assert 400 <= status < 500
    assert error["statusCode"] == status
    assert f"X-Request-Id: {error['request_id']}" in head.decode().split("\r\n")
    assert MARK not in answer
    return status


ODD: dict[str, tuple[bytes, int]] = {
    "101 fields": (HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(100)) + b"\r\n", 431),
    "a large head": (HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    "a large head without an end": (HEAD + b"X: " + b"x" * 70_000, 431),
    "a long target": (b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "a long query": (b"GET /?a=" + b"a" * 33_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "10,000 parameters": (b"GET /?" + b"a&" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a folded line": (HEAD + b"X: a\r\n " + MARK + b"\r\n\r\n", 400),
    "NUL in a field": (HEAD + b"X: \0" + MARK + b"\r\n\r\n", 400),
    "a bare CR in a field": (HEAD + b"X: a\rb\r\n\r\n", 400),
    "a bare LF in a field": (HEAD + b"X: a\nY: b\r\n\r\n", 400),
    "a space before the colon": (HEAD + b"X : a\r\n\r\n", 400),
    "no colon": (HEAD + MARK + b"\r\n\r\n", 400),
    "a field without a name": (HEAD + b": a\r\n\r\n", 400),
    "two lengths": (PUT + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "a list of lengths": (PUT + b"Content-Length: 1, 1\r\n\r\na", 400),
    "a signed length": (PUT + b"Content-Length: +1\r\n\r\na", 400),
    "a length of another alphabet": (PUT + "Content-Length: ²\r\n\r\na".encode(), 400),
    "an endless length": (PUT + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\na", 400),
    "a length and a coding": (PUT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (PUT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "a coding twice": (PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a coding in HTTP/1.0": (b"PUT / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two hosts": (HEAD + b"Host: localhost\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "another host in the target": (b"GET http://other.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "an address that is none": (b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a tunnel": (b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n", 400),
    "a small method": (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "an endless method": (b"A" * 100 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a body over the limit": (PUT + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", 413),
    "60,000 spaces": (HEAD + b"X:" + b" " * 60_000 + b"x\0\r\n\r\n", 400),
    "an odd chunk extension": (CHUNKED + b'1;a="' + MARK + b"\r\na\r\n0\r\n\r\n", 400),
    "an endless chunk extension": (CHUNKED + b"1;" + b"a" * 1_000_000, 400),
    "an endless chunk size": (CHUNKED + b"0" * 1_000_000, 400),
    "a signed chunk size": (CHUNKED + b"-1\r\na\r\n0\r\n\r\n", 400),
    "a chunk size of 0x1": (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", 400),
    "a chunk that is too short": (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400),
    "a line feed after a chunk size": (CHUNKED + b"1\na\r\n0\r\n\r\n", 400),
    "an endless trailer": (CHUNKED + b"0\r\n" + b"X: y\r\n" * 200_000, 400),
    "a trailer that is none": (CHUNKED + b"0\r\n" + MARK + b"\r\n\r\n", 400),
    "100,000 chunks of a byte": (CHUNKED + b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n", 400),
    **{
        f"host {host.decode('latin-1')}": (b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", status)
        for host, status in {
            b"": 400,
            b"kim@localhost": 400,
            b"[fe80::1%25eth0]": 400,
            b"localhost:99999": 400,
            b"localhost:": 400,
            b"localhost:0x50": 400,
            b"localhost, localhost": 400,
            b"local host": 400,
            b"localhost/": 400,
            b"mark<b>": 400,
            b"a" * 5000: 400,
            b"other.example": 421,
            b"localhost..": 421,
        }.items()
    },
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_or_too_large_is_refused_in_our_form_and_cheaply(wire: Wire, kind: str) -> None:
    text, status = ODD[kind]
    before = wire.cpu()
    assert refused(wire.say(text)) == status
    assert wire.cpu() - before < CHEAP


@pytest.mark.parametrize("method", ["BREW", "TRACE", "PROPFIND", "M-SEARCH", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/", "/api/sites/me", "/api/nothing", "*"])
def test_a_method_that_nobody_knows_is_the_clients_mistake(wire: Wire, method: str, path: str) -> None:
    text = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    expected = {"/": (405,), "/api/sites/me": (401,), "/api/nothing": (404,), "*": (400,)}[path]
    assert refused(wire.say(text.encode())) in expected


@pytest.mark.parametrize(
    "start",
    [
        *(HEAD, b"\r\n" + HEAD, b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n"),
        *(b"GET / HTTP/1.1\r\nHost: LOCALHOST.:6543\r\n", b"GET / HTTP/1.1\r\nHost: [::1]:1\r\n"),
        *(b"GET / HTTP/1.0\r\nHost: localhost\r\n", HEAD + b"X: \t a \t\r\nx-empty:\r\n"),
        HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(98)),
    ],
)
def test_what_is_good_is_answered(wire: Wire, start: bytes) -> None:
    assert wire.say(start + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 OK") or b"HTTP/1.0" in start


def test_requests_in_one_go_are_answered_in_their_order(wire: Wire) -> None:
    paths = [b"/", b"/api/nothing", b"/", b"/api/sites/me"]
    text = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in paths)
    with socket.create_connection(("127.0.0.1", wire.pserve.port), timeout=10) as connection:
        connection.sendall(text)
        answer = b""
        while answer.count(b"HTTP/1.1 ") < len(paths):
            answer += connection.recv(65_536)
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200", b"401"]


def test_a_head_may_come_in_single_bytes(wire: Wire) -> None:
    text = HEAD + b"Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", wire.pserve.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in text:
            connection.sendall(bytes([byte]))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def multipart(*parts: tuple[bytes, bytes], end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n%s\r\n\r\n%s\r\n" % part for part in parts) + end


TEXT = (b'Content-Disposition: form-data; name="filePath"', b"a.txt")
FILE = (b'Content-Disposition: form-data; name="file"; filename="a.txt"', b"content")


@pytest.mark.parametrize("sizes", [(1,), (3, 5), (7, 64, 9)])
def test_who_asks_first_may_send_a_chunked_form(wire: Wire, sizes: tuple[int, ...]) -> None:
    body, chunks, start = multipart(TEXT, FILE), b"", 0
    for size in itertools.cycle(sizes):
        piece = body[start : start + size]
        start += size
        chunks += b'%x;a=b;c="d e"\r\n%s\r\n' % (len(piece), piece) if piece else b"0\r\nX-Trailer: y\r\n\r\n"
        if not piece:
            break
    head = (
        b"Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", wire.pserve.port), timeout=10) as connection:
        connection.sendall(wire.upload + head)
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(chunks)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_chunked_body_over_the_limit_is_413_and_no_broken_connection(wire: Wire) -> None:
    mebibyte = b"100000\r\n" + bytes(1_048_576) + b"\r\n"
    assert refused(wire.say(CHUNKED, *([mebibyte] * 70), b"0\r\n\r\n")) == 413


@pytest.mark.parametrize("how", [b"binary", b"8bit", b"BINARY "])
def test_a_part_may_say_that_it_is_sent_as_it_is(wire: Wire, how: bytes) -> None:
    coded = (FILE[0] + b"\r\nContent-Transfer-Encoding: " + how, FILE[1])
    text = (TEXT[0] + b"\r\nContent-Type: text/plain; charset=UTF-8", TEXT[1])
    body = multipart(text, coded)
    head = b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert wire.say(wire.upload, head, body).startswith(b"HTTP/1.1 200 ")


FORMS: dict[str, tuple[bytes, bytes]] = {
    "a header of 1,000,000 semicolons": (b"b", multipart(TEXT, (FILE[0] + b";" * 1_000_000, b"x"))),
    "20,000 fields": (b"b", multipart(*[TEXT] * 20_000, FILE)),
    "no closing boundary": (b"b", multipart(TEXT, FILE, end=b"")),
    "half a closing boundary": (b"b", multipart(TEXT, FILE, end=b"--b-")),
    "a field twice": (b"b", multipart(TEXT, FILE, TEXT)),
    "a file twice": (b"b", multipart(TEXT, FILE, FILE)),
    "a name twice": (b"b", multipart(TEXT, (FILE[0] + b'; name="filePath"', b"x"))),
    "a form in a form": (b"b", multipart(TEXT, (FILE[0] + b"\r\nContent-Type: multipart/mixed; boundary=c", b"--c--"))),
    "filename*": (b"b", multipart(TEXT, (b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''a", b"x"))),
    "filename and filename*": (b"b", multipart(TEXT, (FILE[0] + b"; filename*=UTF-8''b", b"x"))),
    "name*": (b"b", multipart(TEXT, (b"Content-Disposition: form-data; name*=UTF-8''file; filename=a", b"x"))),
    "a field _charset_": (b"b", multipart(TEXT, FILE, (b'Content-Disposition: form-data; name="_charset_"', b"x"))),
    "a charset": (b"b", multipart((TEXT[0] + b"\r\nContent-Type: text/plain; charset=utf-16", b"a"), FILE)),
    "an odd charset": (b"b", multipart((TEXT[0] + b"\r\nContent-Type: text/plain; charset=bogus", b"a"), FILE)),
    "base64": (b"b", multipart(TEXT, (FILE[0] + b"\r\nContent-Transfer-Encoding: base64", b"Y29udGVudA=="))),
    "a boundary of 10,000 characters": (b"b" * 10_000, multipart(TEXT, FILE)),
    "a boundary of 71 characters": (b"b" * 71, multipart(TEXT, FILE).replace(b"--b", b"--" + b"b" * 71)),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_that_is_odd_is_refused_cheaply(wire: Wire, kind: str) -> None:
    boundary, body = FORMS[kind]
    head = b"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n" % (boundary, len(body))
    before = wire.cpu()
    assert refused(wire.say(wire.upload, head, body)) == 400
    assert wire.cpu() - before < CHEAP


def test_none_of_it_was_stored_and_the_server_answers_as_ever(wire: Wire) -> None:
    started = time.monotonic()
    assert wire.say(HEAD + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - started < 1
