"""The one reader of query strings and JSON bodies: strict, and each problem under the name of its field.

Knows no endpoint: what a body must hold is for the schemas, which get what passed here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from pyramid.request import Request

from pubsite import errors
from pubsite.errors import LONGEST_NAME, MOST_PROBLEMS, FieldError, Invalid
from pubsite.schema import MAX_INTEGER

DEEPEST = 64
LONGEST_INTEGER = 32  # digits; int() of thousands of them raises, or takes its time
LONGEST_QUERY = 131_072  # a path of 8,192 characters, each of four escaped bytes, and some
MOST_PARAMETERS = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnsupportedMediaType(errors.PubsiteError):
    code = "unsupported_media_type"


def read_query(request: Request) -> dict[str, str]:
    """The query string as names to texts; a name given twice is refused. WebOb's own reader takes quadratic time."""
    text = request.environ.get("QUERY_STRING", "")
    if len(text) > LONGEST_QUERY or text.count("&") >= MOST_PARAMETERS:
        message = f"The query has more than {LONGEST_QUERY} bytes or {MOST_PARAMETERS} parameters"
        raise Invalid(message, [FieldError("querystring", "", "is too long")])
    query: dict[str, str] = {}
    problems: list[FieldError] = []
    for parameter in filter(None, text.encode("latin-1").replace(b"+", b" ").split(b"&")):
        parts = (unquote_to_bytes(part) for part in parameter.partition(b"=")[::2])
        name, value = (part.decode(errors="surrogateescape") for part in parts)
        if name in query:
            problems.append(FieldError("querystring", name, "must be given once"))
        if problem := _unsafe(name + value):
            is_text = _SURROGATE.search(name + value) is None
            problems.append(FieldError("querystring", name, problem if is_text else "must be UTF-8"))
        query[name] = value
    if problems:
        raise Invalid.of(problems)
    return query


def read_json(request: Request) -> Any:
    """The body as strict JSON (RFC 8259: UTF-8, unique keys, finite numbers); raises Invalid that says what is off."""
    media_type = request.content_type.lower() if request.content_type else ""
    if media_type not in ("application/json", "") and request.body:
        raise UnsupportedMediaType("send application/json")
    try:
        text = request.body.decode()
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8 (byte {error.start})", error)
    if not text.strip(" \t\r\n"):
        return {}
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except json.JSONDecodeError as error:
        _refuse(f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", error)
    except RecursionError as error:
        _refuse(f"the body is nested deeper than {DEEPEST}", error)
    if problems := [FieldError("body", name, problem) for name, problem in unsafe_json(value)]:
        raise Invalid.of(problems)
    return value


def _refuse(message: str, cause: Exception) -> NoReturn:
    raise Invalid(message, [FieldError("body", "", message)]) from cause


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = sorted(key for key, _ in pairs)
        double = next(key for key, other in pairwise(keys) if key == other)
        raise Invalid.field(double, "must be given once")
    return value


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= LONGEST_INTEGER else MAX_INTEGER + 1  # refused by its name, like any beyond


def unsafe_json(value: Any) -> list[tuple[str, str]]:
    """What makes a parsed JSON value one that we do not store: (dotted name, problem) of at most MOST_PROBLEMS members.

    That is depth, NaN and infinities, integers that not every client can hold, NUL and lone surrogates.
    """
    problems: list[tuple[str, str]] = []
    keys: list[Any] = [""]
    # Iterators, no list of what is left: a million tuples would keep the garbage collector busy.
    levels: list[Iterator[tuple[Any, Any]]] = [iter([("", value)])]
    while levels and len(problems) < MOST_PROBLEMS:
        for key, member in levels[-1]:
            is_nested = type(member) is list or type(member) is dict
            problem = _unsafe(key) if type(key) is str else None
            if is_nested and len(levels) > DEEPEST:
                problem = f"must not be nested deeper than {DEEPEST}"
            elif not is_nested and problem is None:
                problem = _unsafe(member)
            if problem is not None:
                keys[-1] = key
                problems.append((_dotted(keys[1:]), problem))
                break
            if is_nested and member:
                keys[-1] = key
                keys.append("")
                levels.append(iter(member.items()) if type(member) is dict else enumerate(member))
                break
        else:
            levels.pop()
            keys.pop()
    return problems


def _dotted(keys: list[Any]) -> str:
    return ".".join(str(key)[:LONGEST_NAME] for key in keys)[:LONGEST_NAME]


def _unsafe(value: Any) -> str | None:
    if type(value) is str:
        if "\0" in value:
            return "must not hold NUL"
        if not value.isascii() and _SURROGATE.search(value):
            return "must not hold lone surrogates"
    elif type(value) is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            return "must not hold integers beyond 2^53"
    elif type(value) is float and not math.isfinite(value):
        return "must not hold NaN or Infinity"
    return None
