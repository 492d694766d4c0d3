"""The one reader of multipart forms: each field exactly once and of the right kind, a whole body, limits on all of it.

WebOb's own reader takes a body that was cut off, and the last of two fields; it is never used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from multipart import MultipartError, MultipartParser, MultipartPart, ParserLimitReached, parse_options_header
from pyramid.request import Request

from pubsite.errors import FieldError, Invalid

MAX_PARTS = 16
MAX_HEADERS = 8
MAX_TEXT = 65_536
MAX_BOUNDARY = 70  # RFC 2046, 5.1.1
AS_THEY_ARE = ("", "7bit", "8bit", "binary")
UTF_8 = ("", "utf-8", "utf8", "us-ascii")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


@dataclass(frozen=True, slots=True)
class Form:
    """An upload: a text field and a file."""

    text: str
    file: bytes


def read_form(request: Request, *, text: str, file: str) -> Form:
    """The text field and the file of those names; raises Invalid that names what is missing, double or of another kind.

    An empty file is refused: it is far more often a mistake of the client than meant.
    """
    parts = _parts(request)
    problems = [
        FieldError("body", name, problem)
        for name, is_file in ((text, False), (file, True))
        if (problem := _problem([part for part in parts if part.name == name], is_file=is_file)) is not None
    ]
    problems += [FieldError("body", part.name, odd) for part in parts if (odd := _oddity(part)) is not None]
    problems += [FieldError("body", part.name, "is not known") for part in parts if part.name not in (text, file)]
    if problems:
        raise Invalid(f"{problems[0].name} {problems[0].message}", problems)
    fields = {part.name: part for part in parts}
    try:
        value = fields[text].raw.decode()
    except UnicodeDecodeError as error:
        raise Invalid.field(text, "must be UTF-8") from error
    return Form(value, fields[file].raw)


def _parts(request: Request) -> list[MultipartPart]:
    media_type, options = parse_options_header(request.headers.get("Content-Type", ""))
    if media_type != "multipart/form-data" or not options.get("boundary"):
        raise Invalid("Send multipart/form-data with a boundary", [FieldError("header", "Content-Type", "is another")])
    if len(options["boundary"]) > MAX_BOUNDARY:
        raise Invalid(
            f"A boundary has at most {MAX_BOUNDARY} characters", [FieldError("header", "Content-Type", "is odd")]
        )
    body = request.body
    try:
        parts: list[MultipartPart] = MultipartParser(
            BytesIO(body),
            options["boundary"],
            content_length=len(body),
            spool_limit=len(body) + 1,
            memory_limit=len(body) + 1,
            part_limit=MAX_PARTS,
            header_limit=MAX_HEADERS,
            strict=True,
        ).parts()
    except ParserLimitReached as error:
        raise Invalid(f"The form is over a limit: {error}") from error
    except (MultipartError, ValueError, LookupError) as error:
        raise Invalid(f"The body is not a whole multipart form: {error}") from error
    return parts


def _problem(parts: list[MultipartPart], *, is_file: bool) -> str | None:
    if not parts:
        return "is required"
    if len(parts) > 1:
        return "must be given once"
    (part,) = parts
    if (part.filename is not None) is not is_file:
        return "must be a file" if is_file else "must be text, not a file"
    if is_file and not part.size:
        return "must not be empty"
    if not is_file and part.size > MAX_TEXT:
        return f"must have at most {MAX_TEXT} bytes"
    return None


def read_file(request: Request, name: str = "file") -> bytes:
    """The only field of a form, a file of that name; raises Invalid as `read_form` does."""
    parts = _parts(request)
    problems = [FieldError("body", part.name, "is not known") for part in parts if part.name != name]
    if problem := _problem([part for part in parts if part.name == name], is_file=True):
        problems.insert(0, FieldError("body", name, problem))
    if problems:
        raise Invalid(f"{problems[0].name} {problems[0].message}", problems)
    return bytes(parts[0].raw)


def _oddity(part: MultipartPart) -> str | None:
    """What RFC 7578 forbids, and another reader would take for other bytes or another name."""
    disposition = _QUOTED.sub("", part.headers.get("Content-Disposition", ""))
    media_type, options = parse_options_header(part.headers.get("Content-Type", ""))
    if "*" in disposition:
        return "must have its name and file name without *"
    if part.headers.get("Content-Transfer-Encoding", "").strip().lower() not in AS_THEY_ARE:
        return "must be sent as it is, without an encoding"
    if media_type.startswith("multipart/"):
        return "must not be a form of its own"
    if part.filename is None and options.get("charset", "").lower() not in UTF_8:
        return "must be UTF-8"
    return None
