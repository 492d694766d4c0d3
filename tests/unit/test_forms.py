"""Multipart forms: a whole body, each field once and of its kind; and what is malicious costs next to nothing."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.request import Request

from pubsite.errors import Invalid
from pubsite.forms import Form, read_form

TEXT = b'--b\r\nContent-Disposition: form-data; name="filePath"\r\n\r\na.txt\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n'
END = b"--b--\r\n"
WHOLE = TEXT + FILE + END


def read(body: bytes, content_type: str = "multipart/form-data; boundary=b") -> Form:
    request = Request.blank("/", method="POST", body=body, headers={"Content-Type": content_type})
    return read_form(request, text="filePath", file="file")


def refusal(body: bytes, content_type: str = "multipart/form-data; boundary=b") -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(body, content_type)
    return {error.name: error.message for error in caught.value.errors}


def part(name: str, body: bytes, *, filename: str | None = None, more: bytes = b"") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n%s\r\n' % (
        name.encode(),
        file.encode(),
        more,
        body,
    )


def test_a_text_and_a_file_are_read() -> None:
    assert read(WHOLE) == read(FILE + TEXT + END) == Form("a.txt", b"content")


def test_bytes_of_a_file_are_kept_as_they_are() -> None:
    content = bytes(range(256)) + b"\r\n--b \r\n--bb\r\n"
    content = content.replace(b"\r\n--b", b"\n--b")
    assert read(TEXT + part("file", content, filename="x") + END).file == content


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=b",
        'multipart/form-data; boundary="b"',
        "Multipart/Form-Data;boundary=b; charset=utf-8",
    ],
)
def test_spellings_of_the_header_are_read(content_type: str) -> None:
    assert read(WHOLE, content_type).text == "a.txt"


@pytest.mark.parametrize("cut", range(1, len(WHOLE) - 4))
def test_a_body_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(Invalid):
        read(WHOLE[:cut])


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (END, {"filePath": "is required", "file": "is required"}),
        (TEXT + END, {"file": "is required"}),
        (FILE + END, {"filePath": "is required"}),
        (TEXT + TEXT + FILE + END, {"filePath": "must be given once"}),
        (TEXT + FILE + FILE + END, {"file": "must be given once"}),
        (TEXT + part("file", b"content") + END, {"file": "must be a file"}),
        (part("filePath", b"a", filename="x") + FILE + END, {"filePath": "must be text, not a file"}),
        (TEXT + part("file", b"", filename="x") + END, {"file": "must not be empty"}),
        (part("filePath", b"a" * 65_537) + FILE + END, {"filePath": "must have at most 65536 bytes"}),
        (part("filePath", b"\xff") + FILE + END, {"filePath": "must be UTF-8"}),
        (TEXT + FILE + part("more", b"x") + END, {"more": "is not known"}),
        (TEXT + FILE + part("", b"x") + END, {"": "is not known"}),
        (part("filepath", b"a") + FILE + END, {"filePath": "is required", "filepath": "is not known"}),
    ],
)
def test_every_field_that_is_wrong_is_named(body: bytes, problems: dict[str, str]) -> None:
    assert refusal(body) == problems


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "",
            "application/json",
            "multipart/mixed; boundary=b",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ),
        *('multipart/form-data; boundary=""', "application/x-www-form-urlencoded", "multipart/form-data, boundary=b"),
    ],
)
def test_what_is_no_form_is_refused_by_its_header(content_type: str) -> None:
    assert refusal(WHOLE, content_type) == {"Content-Type": "is another"}


@pytest.mark.parametrize(
    "boundary",
    ["c", "B", '"b', "\xff", "b" * 5000, '"a\\"b"', "-", "--", "b; boundary=c", "\x00", "'b'", '"\r\n"'],
)
def test_an_odd_boundary_is_no_more_than_a_form_that_is_not_whole(boundary: str) -> None:
    with pytest.raises(Invalid):
        read(WHOLE.replace(b"a.txt", b"-"), f"multipart/form-data; boundary={boundary}".replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"\r\n", b"--b", b"--b--", b"--b\r\n", b"--b\n\n\n--b--", b"--b\r\n\r\nx\r\n--b--\r\n"),
        *(
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
            b"--b\r\nContent-Disposition: \r\n\r\nx\r\n" + END,
        ),
        b'--b\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff"\r\n\r\nx\r\n' + END,
        b"--b\r\nno header\r\n\r\nx\r\n" + END,
        part("file", b"x", filename="x", more=b"Content-Type: \xff\r\n") + END,
        part("file", b"x", filename="x", more=b"Content-Length: 99999999999999999999\r\n") + END,
        part("file", b"x", filename="x", more=b"".join(b"X-%d: y\r\n" % number for number in range(20))) + END,
    ],
)
def test_odd_parts_are_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(TEXT + body if body.startswith(b"--b\r\nC") else body)


@given(st.binary(max_size=200), st.sampled_from([b"", TEXT, TEXT + FILE, WHOLE]))
def test_no_body_whatever_is_more_than_refused(tail: bytes, head: bytes) -> None:
    with suppress(Invalid):
        read(head + tail)


DISPOSITION = b"--b\r\nContent-Disposition: form-data"
MALICIOUS: dict[str, tuple[bytes, str]] = {
    "20,000 fields": (b"".join(part(f"f{number}", b"x") for number in range(20_000)) + END, "b"),
    "a filename of semicolons": (part("file", b"x", filename=";" * 1_000_000) + END, "b"),
    "a header of semicolons": (DISPOSITION + b";" * 1_000_000 + b"\r\n\r\nx\r\n" + END, "b"),
    "a header of quotes": (DISPOSITION + b"; name=" + b'"\\' * 500_000 + b"\r\n\r\nx\r\n" + END, "b"),
    "a header without an end": (b"--b\r\nX: " + b"a" * 1_000_000, "b"),
    "delimiters": (b"--b\r\n" * 200_000, "b"),
    "beginnings of delimiters": (b"\r\n--b" * 250_000, "b"),
    "a body of dashes": (b"-" * 1_000_000, "-" * 70),
    "a content type of semicolons": (WHOLE, ";" * 1_000_000),
    "a content type of quotes": (WHOLE, '"\\' * 30_000),
}


@pytest.mark.parametrize("kind", MALICIOUS)
def test_what_is_malicious_costs_less_than_a_second(kind: str) -> None:
    body, boundary = MALICIOUS[kind]
    started = time.process_time()
    with pytest.raises(Invalid):
        read(body, f"multipart/form-data; boundary={boundary}")
    assert time.process_time() - started < 1


def test_a_whole_upload_costs_little() -> None:
    body = TEXT + part("file", bytes(1_048_576), filename="x") + END
    started = time.process_time()
    assert len(read(body).file) == 1_048_576
    assert time.process_time() - started < 0.5
