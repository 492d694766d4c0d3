"""The client of every outgoing call: whom it connects to, what it sends, and how every bad end ends.

Sockets are real ones on loopback; whatever lies elsewhere is a double, so that no packet leaves the machine.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pubsite.outgoing import Allowed, Answer, Client, Cut, OutgoingError, Refused, Unreachable
from pubsite.outgoing.connecting import connect
from tests import jwks
from tests.corpora.inner_addresses import ELSEWHERE, LOOPBACK, MALFORMED, Canary, Form, canaries, look_up
from tests.receivers import Script, dripping, endless, receiver, silent

EVERYTHING = Allowed.parse(["0.0.0.0/0", "::/0"])
PUBLIC, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07::1"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def by_id(form: Form) -> str:
    return form.id


def never(address: str, port: int, seconds: float) -> socket.socket:
    raise AssertionError(f"connected to {address}")


class Names:
    """A resolver that gives one answer after the other, the last one for ever, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Wire:
    """Connects to one port on loopback in place of everything, and remembers what it was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[tuple[str, int]] = []

    def __call__(self, address: str, port: int, seconds: float) -> socket.socket:
        self.asked.append((address, port))
        return connect("127.0.0.1", self.port, seconds)


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with canaries() as running:
        yield running


def local(**more: float) -> Client:
    """A client that may reach this machine."""
    given = {"connect_seconds": 2.0, "total_seconds": 5.0, **more}
    return Client(Allowed.parse(["127.0.0.1", "localhost", "::1"]), **given)  # type: ignore[arg-type]  # most_bytes is whole


# Whom it connects to


@pytest.mark.parametrize("form", LOOPBACK + MALFORMED, ids=by_id)
def test_no_form_of_loopback_is_connected_to(canary: Canary, form: Form) -> None:
    before = canary.connections
    with pytest.raises(Refused) as caught:
        Client(resolve=look_up).send("POST", form.url(canary.port), body=b"secret")
    assert canary.connections == before
    assert caught.value.code == "address_refused"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("form", ELSEWHERE, ids=by_id)
def test_no_form_of_another_inner_address_is_connected_to(form: Form) -> None:
    with pytest.raises(Refused):
        Client(resolve=look_up, connect=never).send("GET", form.url(443))


@pytest.mark.parametrize("form", LOOPBACK, ids=by_id)
def test_with_everything_allowed_each_form_of_loopback_connects_once(canary: Canary, form: Form) -> None:
    """The control: these are the names that the canary would hear of."""
    if "[" in form.template and "::1" not in canary.addresses:
        pytest.skip("no IPv6 on this machine")
    before = canary.connections
    with pytest.raises((Unreachable, Cut)):
        Client(EVERYTHING, resolve=look_up).send("GET", form.url(canary.port))
    assert canary.connections == before + 1


@pytest.mark.parametrize(
    ("entry", "host", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:{port}", "127.0.0.1", True),
        ("127.0.0.1:1", "127.0.0.1", False),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.0/8", "localhost", False),  # which is ::1 as well
        ("127.0.0.0/8", "2130706433", True),
        ("127.0.0.1", "2130706433", False),
        ("127.0.0.1", "localhost", False),
        ("localhost", "localhost", True),
        ("LOCALHOST:{port}", "localhost.", True),
        ("localhost", "127.0.0.1", False),
        ("::1", "[::1]", True),
        ("[::1]:{port}", "[0:0::1]", True),
        ("[::1]:1", "[::1]", False),
        ("::1/128", "[::1]", True),
        ("::1/128", "127.0.0.1", False),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("127.0.0.0/8", "[::ffff:127.0.0.1]", True),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_allowed_connects_once_and_nothing_else(
    canary: Canary, scheme: str, entry: str, host: str, allowed: bool
) -> None:
    if "[" in host and "::1" not in canary.addresses:
        pytest.skip("no IPv6 on this machine")
    client = Client(Allowed.parse([entry.replace("{port}", str(canary.port))]), resolve=look_up)
    before = canary.connections
    with pytest.raises(OutgoingError) as caught:
        client.send("GET", f"{scheme}://{host}:{canary.port}/")
    assert canary.connections == before + allowed
    assert isinstance(caught.value, Refused) is not allowed


def test_a_public_address_needs_https(canary: Canary) -> None:
    client = Client(resolve=Names([PUBLIC]), connect=never)
    with pytest.raises(Refused, match=r"plain http to example.org is not allowed"):
        client.send("GET", "http://example.org/")
    with pytest.raises(Refused, match=r"plain http to example.org is not allowed"):
        Client(Allowed.parse(["10.0.0.0/8"]), resolve=Names([PUBLIC]), connect=never).send("GET", "http://example.org/")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], [PUBLIC_V6, PUBLIC, "fe80::1%2"], [PUBLIC, "nonsense"]],
)
def test_one_address_among_them_that_is_not_public_is_enough(addresses: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        Client(resolve=Names(addresses), connect=never).send("GET", "https://inner.example.org/")
    assert caught.value.message == "the address of inner.example.org is not allowed"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked, and loopback ever after."""
    certificate = jwks.new_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiver(GOOD, certificate=certificate) as served:
        names, wire = Names([PUBLIC], ["127.0.0.1"]), Wire(served.port)
        client = Client(resolve=names, connect=wire)
        assert client.send("GET", "https://localhost/").body == b"ok"
        assert (names.asked, wire.asked) == (1, [(PUBLIC, 443)])
        with pytest.raises(Refused):
            client.send("GET", "https://localhost/")
        assert (names.asked, wire.asked) == (2, [(PUBLIC, 443)])


def test_the_next_address_is_tried_when_one_takes_no_connection(tmp_path: Path) -> None:
    asked: list[tuple[str, float]] = []

    def refuse(address: str, port: int, seconds: float) -> socket.socket:
        asked.append((address, seconds))
        raise ConnectionRefusedError

    client = Client(resolve=Names([PUBLIC_V6, PUBLIC]), connect=refuse, connect_seconds=4)
    with pytest.raises(Unreachable, match=r"example.org takes no connection on port 8443"):
        client.send("GET", "https://example.org:8443/")
    assert [address for address, _ in asked] == [PUBLIC_V6, PUBLIC]
    assert asked[0][1] == pytest.approx(2, abs=0.5)  # half of the time, so that the other has some
    assert asked[1][1] == pytest.approx(4, abs=0.5)


# Names


def test_a_resolver_that_hangs_is_left_alone() -> None:
    ended = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        ended.wait(10)
        return [PUBLIC]

    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"example.org cannot be resolved"):
        Client(resolve=hang, connect=never, connect_seconds=0.1).send("GET", "https://example.org/")
    assert time.monotonic() - started < 2
    ended.set()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), TimeoutError()])
def test_a_name_that_nobody_knows_is_unreachable(error: Exception) -> None:
    def fail(host: str, port: int) -> Sequence[str]:
        raise error

    with pytest.raises(Unreachable, match=r"example.org cannot be resolved"):
        Client(resolve=fail, connect=never).send("GET", "https://example.org/")
    with pytest.raises(Unreachable, match=r"example.org has no address"):
        Client(resolve=Names([]), connect=never).send("GET", "https://example.org/")


def test_the_machines_own_resolver_is_asked_for_the_host_as_it_is_looked_up(canary: Canary) -> None:
    with pytest.raises(Refused, match="the address of localhost:"):
        Client().send("GET", f"https://LocalHost.:{canary.port}/")
    asked = []

    def remember(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return []

    with pytest.raises(Unreachable):
        Client(resolve=remember).send("GET", "https://Bücher.example./")
    assert asked == [("xn--bcher-kva.example", 443)]


# What it sends


def test_a_request_is_one_request_and_says_no_more_than_it_must() -> None:
    with receiver(GOOD) as served:
        client = local()
        client.send("GET", f"{served.url}?a=b%20c&d")
        client.send("POST", served.url, headers={"Content-Type": "text/plain", "X-Latin": "é"}, body=b"\0\xff")
        client.send("PUT", served.url, headers={"user-agent": "other/1"})
        client.send("DELETE", f"http://127.0.0.1:{served.port}")
        served.ended.wait(0.05)
        common = b"Host: 127.0.0.1:%d\r\nConnection: close\r\nAccept-Encoding: identity\r\n" % served.port
        assert served.requests == [
            b"GET /hook?a=b%20c&d HTTP/1.1\r\n" + common + b"User-Agent: pubsite\r\n\r\n",
            b"POST /hook HTTP/1.1\r\n"
            + common
            + b"Content-Length: 2\r\nUser-Agent: pubsite\r\nContent-Type: text/plain\r\nX-Latin: \xe9\r\n\r\n\0\xff",
            b"PUT /hook HTTP/1.1\r\n" + common + b"Content-Length: 0\r\nuser-agent: other/1\r\n\r\n",
            b"DELETE / HTTP/1.1\r\n" + common + b"User-Agent: pubsite\r\n\r\n",
        ]
        assert served.connections == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("X-A", f"b{bad}c")
            for bad in ("\r\n", "\n", "\r", "\0", "\t", "\x1f", "\x7f", "\x85", "\u2028", "ł", "\ud800")
        ),
        *((f"X{bad}A", "b") for bad in ("\r\n", "\n", ":", " ", "\0", "é", "ł", "(", "/")),
        *((name, "b") for name in ("", "Host", "host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade")),
        *((name, "b") for name in ("ACCEPT-ENCODING", "Expect", "TE", "Trailer", "Keep-Alive")),
    ],
)
def test_a_header_that_could_be_another_message_is_not_sent(canary: Canary, name: str, value: str) -> None:
    before = canary.connections
    with pytest.raises(ValueError, match="header") as caught:
        local().send("GET", f"http://127.0.0.1:{canary.port}/", headers={"X-Secret": "secret", name: value})
    assert "secret" not in str(caught.value)
    assert canary.connections == before


@pytest.mark.parametrize("method", ["", "get", "GET /", "GET\r\n", "GÉT", "CONNECT", "A B"])
def test_a_method_that_is_none_is_not_sent(canary: Canary, method: str) -> None:
    before = canary.connections
    with pytest.raises(ValueError, match="method"):
        local().send(method, f"http://127.0.0.1:{canary.port}/")
    assert canary.connections == before


def test_the_environment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    before = canary.connections
    with receiver(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n") as served:
        client = local()
        for _ in range(2):
            assert client.send("GET", served.url).headers["set-cookie"] == "a=b; Path=/"
        assert len(served.requests) == 2
        assert not any(b"authorization" in sent.lower() or b"cookie" in sent.lower() for sent in served.requests)
    assert canary.connections == before


# What comes back


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_a_redirect_is_the_answer(canary: Canary, status: int) -> None:
    before = canary.connections
    moved = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{canary.port}/\r\nContent-Length: 0\r\n\r\n"
    with receiver(moved.encode()) as served:
        answer = local().send("POST", served.url, body=b"x")
        assert (answer.status, answer.headers["Location"]) == (status, f"http://127.0.0.1:{canary.port}/")
        assert served.connections == 1
    assert canary.connections == before


@pytest.mark.parametrize("status", [200, 201, 401, 404, 429, 500, 503])
def test_every_status_is_an_answer(status: int) -> None:
    with receiver(f'HTTP/1.1 {status} So\r\nRetry-After: 7\r\n\r\n{{"a": 1}}'.encode()) as served:
        answer = local().send("GET", served.url)
        assert (answer.status, answer.headers["retry-after"], answer.json()) == (status, "7", {"a": 1})


def test_a_chunked_answer_comes_whole() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1, \r\n2\r\n2]\r\n0\r\n\r\n"

    def in_pieces(connection: socket.socket) -> None:
        for number in range(len(data)):
            connection.sendall(data[number : number + 1])

    for answer in (data, in_pieces):
        with receiver(answer) as served:
            assert local().send("GET", served.url).json() == [1, 2]


def test_what_is_compressed_stays_so() -> None:
    bomb = zlib.compress(bytes(20_000_000), wbits=31)
    with receiver(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    ) as served:
        assert local().send("GET", served.url).body == bomb
        with pytest.raises(Cut, match="over 10000 bytes"):
            local(most_bytes=10_000).send("GET", served.url)


def test_a_mebibyte_may_come_and_no_byte_more() -> None:
    for framing in (b"Content-Length: %d\r\n", b"X: %d\r\n"):
        for size in (1_048_576, 1_048_577):
            with receiver(b"HTTP/1.1 200 OK\r\n" + framing % size + b"\r\n" + bytes(size)) as served:
                if size == 1_048_576:
                    assert local().send("GET", served.url).body == bytes(size)
                    continue
                with pytest.raises(Cut, match="over 1048576 bytes"):
                    local().send("GET", served.url)


def test_a_large_request_is_sent_whole() -> None:
    body = bytes(range(256)) * 16_384
    with receiver(GOOD) as served:
        assert local().send("PUT", served.url, body=body).status == 200
        assert served.requests[0].endswith(b"\r\n\r\n" + body)


def test_an_answer_to_half_a_request_counts() -> None:
    """413, before the body was heard."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.1)

    with receiver(refuse, listens=False) as served:
        assert local().send("PUT", served.url, body=bytes(30_000_000)).status == 413


def test_threads_share_a_client() -> None:
    client, answers = local(), []
    with receiver(GOOD) as served:
        threads = [threading.Thread(target=lambda: answers.append(client.send("GET", served.url))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.body for answer in answers] == [b"ok"] * 16


# Ends that are none

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        silent,
        dripping(b""),
        dripping(b"HTTP/1.1 "),
        dripping(OK),
        dripping(OK, b"X: y\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(OK + b"\r\n"),
        dripping(OK + b"Content-Length: 1000\r\n\r\n"),
        dripping(CHUNKED, b"1\r\nx\r\n"),
        dripping(CHUNKED + b"5;"),
        dripping(CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
)
def test_an_answer_that_never_ends_does(script: Script) -> None:
    with receiver(script) as served:
        started = time.monotonic()
        with pytest.raises(Cut, match="timed out") as caught:
            local(total_seconds=0.2).send("POST", served.url, body=b"x")
        assert time.monotonic() - started < 1.5
        assert caught.value.code == "no_answer"


def test_an_answer_that_ends_because_we_end_it_is_not_whole() -> None:
    """Without a length its end is the connection's, which the deadline makes."""
    with receiver(dripping(OK + b"\r\nwhole")) as served, pytest.raises(Cut, match="timed out"):
        local(total_seconds=0.2).send("GET", served.url)


def test_one_who_does_not_listen_is_left() -> None:
    def deaf(connection: socket.socket) -> None:
        time.sleep(0.5)

    with receiver(deaf, listens=False) as served:
        started = time.monotonic()
        with pytest.raises(Cut, match="timed out"):
            local(total_seconds=0.2).send("PUT", served.url, body=bytes(50_000_000))
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (endless(OK + b"\r\n", b"x" * 65_536), "over 100000 bytes"),
        (endless(CHUNKED, b"8000\r\n" + b"x" * 32_768 + b"\r\n"), "over 100000 bytes"),
        (endless(OK, b"X: y\r\n" * 1000), "header"),
        (endless(OK + b"X: ", b"y" * 65_536), "header"),
        (endless(OK + b"X: y\r\n", b" folded\r\n" * 1000), "header"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "header"),
        (endless(b"HTTP/1.1 200 ", b"y" * 65_536), "header"),
        (endless(b"", b"\0" * 65_536), "header"),
        (endless(CHUNKED + b"5;", b"y" * 65_536), "header"),
        (endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), "header"),
    ],
)
def test_a_flood_is_cut(script: Script, says: str) -> None:
    with receiver(script) as served:
        started = time.monotonic()
        with pytest.raises(Cut, match=says):
            local(most_bytes=100_000).send("GET", served.url)
        assert time.monotonic() - started < 2
        served.ended.set()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        OK,
        OK + b"X: y\r\n",
        OK + b"Content-Length: 5\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 204 No Content\r\nX: y\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        CHUNKED,
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_that_stops_too_early_is_cut(answer: bytes, reset: bool) -> None:
    def stop(connection: socket.socket) -> None:
        connection.sendall(answer)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with receiver(stop) as served:
        with pytest.raises(Cut):
            local().send("POST", served.url, body=b"x")
        assert len(served.requests) == 1


def test_one_who_hangs_up_at_once_may_have_heard_us() -> None:
    with receiver(b"", listens=False) as served, pytest.raises(Cut):
        local().send("POST", served.url, body=b"x" * 100_000)


def test_one_who_takes_no_connection_has_heard_nothing() -> None:
    with pytest.raises(Unreachable) as caught:
        local().send("POST", f"http://127.0.0.1:{jwks.closed_port()}/", body=b"x")
    assert caught.value.code == "unreachable"


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return jwks.new_certificate(tmp_path / "certificate.pem")


def test_a_certificate_that_nobody_vouches_for_is_unreachable(certificate: Path) -> None:
    with receiver(GOOD, certificate=certificate) as served:
        with pytest.raises(Unreachable, match=r"no TLS with localhost:.*CERTIFICATE_VERIFY_FAILED: self"):
            local().send("POST", f"https://localhost:{served.port}/secret", body=b"secret")
        assert served.requests == []


def test_a_certificate_of_another_name_is_unreachable(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiver(GOOD, certificate=certificate) as served:
        client = local()
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            client.send("GET", served.url)
        assert served.requests == []
        assert client.send("GET", f"https://localhost:{served.port}/").body == b"ok"
        assert client.send("GET", f"https://LOCALHOST.:{served.port}/").body == b"ok"
        assert len(served.requests) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (GOOD, "WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE"),
        (b"", "UNEXPECTED_EOF|the connection ended"),
        (silent, "it takes too long"),
        (dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"), "it takes too long"),  # the beginning of a long ServerHello
    ],
)
def test_one_who_speaks_no_tls_is_unreachable(answer: bytes | Script, why: str) -> None:
    with receiver(answer, listens=False) as served:
        started = time.monotonic()
        with pytest.raises(Unreachable, match=why):
            local(total_seconds=0.3).send("GET", f"https://localhost:{served.port}/")
        assert time.monotonic() - started < 1.5


def test_plain_http_to_a_tls_port_is_cut(certificate: Path) -> None:
    with receiver(GOOD, certificate=certificate) as served, pytest.raises(Cut):
        local(total_seconds=2).send("GET", f"http://localhost:{served.port}/")


@pytest.mark.parametrize("said", [True, False])
def test_over_tls_the_end_of_an_answer_without_a_length_must_be_said(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, said: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + b"\r\nhello")
        if said and isinstance(connection, ssl.SSLSocket):
            connection.unwrap()

    with receiver(answer, certificate=certificate) as served:
        url = f"https://localhost:{served.port}/"
        if said:
            assert local().send("GET", url).body == b"hello"
            return
        with pytest.raises(Cut, match="the connection ended"):
            local().send("GET", url)


def test_over_tls_too_an_answer_that_drips_ends(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiver(dripping(OK + b"\r\n"), certificate=certificate) as served:
        started = time.monotonic()
        with pytest.raises(Cut, match="timed out"):
            local(total_seconds=0.3).send("GET", f"https://localhost:{served.port}/")
        assert time.monotonic() - started < 1.5


# What a message may say


@pytest.mark.parametrize(
    "fails",
    [
        lambda client: client.send("GET", "https://inner.example.org/services/secret?key=secret"),
        lambda client: client.send("GET", "http://plain.example.org/services/secret?key=secret"),
        lambda client: client.send("GET", "https://down.example.org/services/secret?key=secret"),
        lambda client: client.send("GET", "https://user:secret@example.org/"),
        lambda client: client.send("GET", "https://example.org/#secret"),
    ],
)
def test_no_message_tells_a_path_or_an_address(fails: Callable[[Client], Answer]) -> None:
    def names(host: str, port: int) -> Sequence[str]:
        return ["10.1.2.3"] if host.startswith("inner") else [PUBLIC]

    def refuse(address: str, port: int, seconds: float) -> socket.socket:
        raise ConnectionRefusedError(f"{address} refuses")

    with pytest.raises(OutgoingError) as caught:
        fails(Client(resolve=names, connect=refuse))
    for secret in ("secret", "10.1.2.3", PUBLIC):
        assert secret not in caught.value.message
        assert secret not in str(caught.value)
