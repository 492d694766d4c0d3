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

from pyramid.request import Request

from pubsite import errors
from pubsite.errors import FieldError, Invalid
from pubsite.schema import MAX_INTEGER

DEEPEST = 64
MOST_PROBLEMS = 100
LONGEST_NAME = 1000
LONGEST_INTEGER = 32  # digits; int() of thousands of them raises, or takes its time
_SURROGATE = re.compile("[\ud800-\udfff]")
_NESTED = (dict, list)


class UnsupportedMediaType(errors.PubsiteError):
    code = "unsupported_media_type"


def read_query(request: Request) -> dict[str, str]:
    """The query string as names to texts; a name given twice is refused."""
    query: dict[str, str] = {}
    problems: list[FieldError] = []
    for name, value in request.GET.items():
        if name in query:
            problems.append(FieldError("querystring", name, "must be given once"))
        problems += [FieldError("querystring", name, problem) for _, problem in unsafe_json(value)]
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
    if not text.strip():
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
    levels: list[Iterator[tuple[Any, Any]]] = [iter([("", value)])]
    while levels and len(problems) < MOST_PROBLEMS:
        for keys[-1], member in levels[-1]:
            is_nested = isinstance(member, _NESTED)
            problem = _unsafe(keys[-1]) or _unsafe(member)
            if is_nested and len(levels) > DEEPEST:
                problem = f"must not be nested deeper than {DEEPEST}"
            if problem is not None:
                problems.append((".".join(map(str, keys[1:]))[:LONGEST_NAME], problem))
                break
            if is_nested:
                levels.append(iter(member.items()) if isinstance(member, dict) else enumerate(member))
                keys.append("")
                break
        else:
            levels.pop()
            keys.pop()
    return problems


def _unsafe(value: Any) -> str | None:
    if isinstance(value, str):
        if "\0" in value:
            return "must not hold NUL"
        if not value.isascii() and _SURROGATE.search(value):
            return "must not hold lone surrogates"
    elif isinstance(value, float) and not math.isfinite(value):
        return "must not hold NaN or Infinity"
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "must not hold integers beyond 2^53"
    return None
