"""Answers are read whole or not at all: every way to end too early, to go on too long, and to be two things at once."""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pubsite.outgoing import Answer
from pubsite.outgoing.answers import Malformed, read

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def answer_of(data: bytes, method: str = "GET", most_bytes: int = 1000) -> Answer:
    return read(io.BytesIO(data), method, most_bytes)


WHOLE: dict[str, tuple[bytes, int, bytes]] = {
    "length": (OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello"),
    "length_zero": (OK + b"Content-Length: 0\r\n\r\n", 200, b""),
    "length_twice": (OK + b"Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
    "length_listed": (OK + b"Content-Length: 5, 5\r\n\r\nhello", 200, b"hello"),
    "no_reason": (b"HTTP/1.1 404\r\nContent-Length: 2\r\n\r\nno", 404, b"no"),
    "http_1_0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    "bare_lines": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    "chunked": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 200, b"hello"),
    "chunked_many": (CHUNKED + b"1\r\nh\r\n04\r\nello\r\n000\r\n\r\n", 200, b"hello"),
    "chunked_hex": (CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", 200, b"0123456789"),
    "chunked_extension": (CHUNKED + b'5;a="b"\r\nhello\r\n0;c\r\n\r\n', 200, b"hello"),
    "chunked_trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\nZ: w\r\n\r\n", 200, b"hello"),
    "chunked_empty": (CHUNKED + b"0\r\n\r\n", 200, b""),
    "chunked_upper": (OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, b"hello"),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", 200, b"ok"),
    "early_hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK + b"Content-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
    "no_content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
    "not_modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
    "odd_status": (b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nok", 999, b"ok"),
    "latin_reason": (b"HTTP/1.1 200 D'accord \xe9\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
}
UNTIL_THE_END = OK + b"X: y\r\n\r\nhello"


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_read_and_nothing_behind_it(name: str) -> None:
    data, status, body = WHOLE[name]
    stream = io.BytesIO(data + b"HTTP/1.1 500 Another\r\n\r\n")
    answer = read(stream, "GET", 1000)
    assert (answer.status, answer.body) == (status, body)
    assert stream.tell() == len(data)


@pytest.mark.parametrize("name", WHOLE)
def test_no_part_of_an_answer_is_an_answer(name: str) -> None:
    data, _, _ = WHOLE[name]
    for end in range(len(data)):
        with pytest.raises(Malformed):
            answer_of(data[:end])


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    assert answer_of(UNTIL_THE_END).body == b"hello"
    for end in range(len(UNTIL_THE_END) - len(b"hello")):
        with pytest.raises(Malformed):
            answer_of(UNTIL_THE_END[:end])


def test_an_answer_to_head_has_no_body() -> None:
    for data in (OK + b"Content-Length: 5\r\n\r\n", CHUNKED, OK + b"\r\n"):
        assert answer_of(data, "HEAD").body == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"hello\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 020 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" + OK + b"\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a : c\r\n\r\n",
        OK + b"a\x00b: c\r\n\r\n",
        OK + b"a: b\x00c\r\n\r\n",
        OK + b"a: b\rc: d\r\n\r\n",
        OK + b"a: b\x7f\r\n\r\n",
        OK + b" folded: first\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        OK + b"Content-Length: 5, 6\r\n\r\nhello!",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: 5_0\r\n\r\nhello",
        OK + b"Content-Length: \xb2\r\n\r\nhello",
        OK + b"Content-Length: \r\n\r\nhello",
        OK + b"Content-Length: five\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nhello",
        CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"x\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5_0\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
        CHUNKED + b"5\r\nhello0\r\n\r\n",
        CHUNKED + b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_to_be_understood_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        answer_of(data)


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (lambda size: OK + b"Content-Length: %d\r\n\r\n" % size + b"x" * size, True),
        (lambda size: OK + b"\r\n" + b"x" * size, True),
        (lambda size: CHUNKED + b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n", True),
        (lambda size: CHUNKED + b"1\r\nx\r\n%x\r\n" % (size - 1) + b"x" * (size - 1) + b"\r\n0\r\n\r\n", True),
        (lambda size: OK + b"Content-Length: %d\r\n\r\n" % size, False),
        (lambda size: CHUNKED + b"%x\r\n" % size, False),
    ],
)
def test_a_body_may_have_so_many_bytes_and_none_more(data: Callable[[int], bytes], whole: bool) -> None:
    if whole:
        assert len(answer_of(data(1000)).body) == 1000
    with pytest.raises(Malformed, match="over 1000 bytes"):
        answer_of(data(1001))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 " + b"x" * 1000,
        OK + b"X: " + b"x" * 1000 + b"\r\n\r\n",
        OK + b"X: 123456\r\n" * 90 + b"\r\n",
        OK + b"X: y\r\n" * 101 + b"\r\n",
        OK + b"X: y\r\n" + b" folded\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + OK + b"\r\n",
        CHUNKED + b"5;" + b"x" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nx\r\n" * 400 + b"0\r\n\r\n",
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_all_that_is_not_body_is_bounded_too(data: bytes) -> None:
    with pytest.raises(Malformed, match="header"):
        answer_of(data)


def test_headers_are_had_in_any_case_and_several_of_a_name_are_one() -> None:
    data = (
        OK
        + b"X-One: a\r\nx-one:b \r\nX-TWO:\t\xe9\t\r\nX-Three: c\r\n\t d\r\n  e\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    )
    headers = answer_of(data).headers
    assert headers["X-ONE"] == headers["x-one"] == "a, b"
    assert headers["x-two"] == "é"
    assert headers["x-three"] == "c d e"
    assert headers["empty"] == ""
    assert headers.get("none") is None
    assert "X-Two" in headers
    assert list(headers) == ["x-one", "x-two", "x-three", "empty", "content-length"]
    assert Answer(200, {"Retry-After": "7"}, b"").headers["retry-after"] == "7"


def test_an_answer_does_not_show_what_may_be_secret() -> None:
    assert repr(Answer(200, {"X-Token": "secret"}, b"secret")) == "Answer(status=200)"


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": [1, null]}', {"a": [1, None]}), (b"\xef\xbb\xbf[]", []), (b" 7 ", 7), ('"ü"'.encode(), "ü")],
)
def test_json_is_read(body: bytes, value: object) -> None:
    assert Answer(200, {}, body).json() == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html>",
        b"\xff\xfe[\0]\0",
        b'"\xe9"',
        b"[" * 100_000,
        b"NaN",
        b"[Infinity]",
        b"9" * 10_000,
        b"{} {}",
    ],
)
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of whichever kind
        Answer(200, {}, body).json()


@given(st.binary(max_size=300), st.sampled_from([b"", OK, CHUNKED, OK + b"Content-Length: 7\r\n"]))
@example(b"\r\n", OK)
def test_no_bytes_break_the_reader(data: bytes, begins: bytes) -> None:
    try:
        answer = answer_of(begins + data)
    except Malformed:
        return
    assert 200 <= answer.status <= 999


FIELD_NAMES = st.text("abcxyz019-_", min_size=1, max_size=20).map("x-{}".format)
FIELD_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)


@given(
    st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    st.dictionaries(FIELD_NAMES, FIELD_VALUES, max_size=10),
    st.lists(st.binary(min_size=1, max_size=50), max_size=10),
    st.sampled_from(["length", "chunked", "close"]),
)
def test_good_answers_are_read_as_the_standard_library_reads_them(
    status: int, fields: dict[str, str], parts: list[bytes], framing: str
) -> None:
    head = [f"HTTP/1.1 {status} Some reason", *(f"{name}: {value}" for name, value in fields.items())]
    body = b"".join(parts)
    if framing == "length":
        head.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        head.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    data = "\r\n".join([*head, "", ""]).encode("latin-1") + body
    ours = answer_of(data, most_bytes=10_000)

    wire = SimpleNamespace(makefile=lambda mode: io.BytesIO(data))  # all that HTTPResponse asks of a socket
    theirs = http.client.HTTPResponse(wire, method="GET")
    theirs.begin()
    assert (ours.status, ours.body) == (theirs.status, theirs.read())
    assert dict(ours.headers) == {name.lower(): value for name, value in theirs.getheaders()}
