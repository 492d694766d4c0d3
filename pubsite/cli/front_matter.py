"""The head of a Markdown or HTML file: YAML between `---`, TOML between `+++`, or one JSON object.

Owns the syntax only: values come out as plain JSON types, texts of dates as they were written. A head that cannot be
read is named with its line, and the whole text stays content.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import yaml

HEAD_LIMIT = 64 * 1024
DEPTH_LIMIT = 32
VALUES_LIMIT = 10_000
LARGEST_INTEGER = 2**53

_FENCED = {
    "---": re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE),
    "+++": re.compile(r"\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE),
}
_JSON = re.compile(r"\{\s*[\"}]")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """`problem` is empty when the head was read (or there is none); else `content` is the whole text."""

    values: dict[str, Any] = field(default_factory=dict)
    content: str = ""
    problem: str = ""


class _Unreadable(Exception):
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)


def split(text: str) -> FrontMatter:
    """Head and content of a text whose lines end in newlines. Never raises."""
    try:
        found = _split(text)
        if found is None:
            return FrontMatter(content=text)
        values, content = found
        if not isinstance(values, dict):
            raise _Unreadable("not a list of keys and values", 2)
        return FrontMatter(_plain(values, 0, [0]), content)
    except _Unreadable as error:
        return FrontMatter(content=text, problem=str(error))
    except RecursionError:
        return FrontMatter(content=text, problem="nested too deep")


def _split(text: str) -> tuple[Any, str] | None:
    fence = text[:3]
    if _JSON.match(text):
        return _json(text)
    if fence not in _FENCED or not re.match(r"[ \t]*(?:\n|\Z)", text[3:]):
        return None
    match = _FENCED[fence].match(text)
    if match is None:
        if fence == "---" and not re.match(r"---[ \t]*\n\w[\w -]*:", text):
            return None  # a thematic break, and no head at all
        raise _Unreadable(f"no closing {fence}", 1)
    if len(match[1]) > HEAD_LIMIT:
        raise _Unreadable(f"longer than {HEAD_LIMIT:,} characters", 1)
    read = _yaml if fence == "---" else _toml
    return read(match[1]), text[match.end() :]


def _yaml(head: str) -> Any:
    try:
        depth = 0
        for event in yaml.parse(head, _Loader):  # nesting kills the C library's composer: look before it is built
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_LIMIT:
                raise _Unreadable("nested too deep")
        values = yaml.load(head, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or "not YAML"
        raise _Unreadable(str(message), mark.line + 2 if mark else None) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise _Unreadable(f"not YAML: {error}") from error
    return {} if values is None else values


def _toml(head: str) -> Any:
    try:
        return tomllib.loads(head)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        message = str(error)
        at = re.search(r" \(at line (\d+), column \d+\)", message)
        raise _Unreadable(message.replace(at[0], "") if at else message, int(at[1]) + 1 if at else None) from error


def _json(text: str) -> tuple[Any, str] | None:
    try:
        values, end = json.JSONDecoder().raw_decode(text[: HEAD_LIMIT * 2])
    except json.JSONDecodeError as error:
        raise _Unreadable(error.msg, error.lineno) from error
    except ValueError as error:
        raise _Unreadable(str(error)) from error
    return values, text[end:].lstrip("\n")


def _plain(value: Any, depth: int, count: list[int]) -> Any:
    """The value in JSON's types; shared and endless YAML values are bounded by depth and count."""
    count[0] += 1
    if depth > DEPTH_LIMIT or count[0] > VALUES_LIMIT:
        raise _Unreadable("nested too deep or too many values")
    if isinstance(value, dict):
        return {text_of(key): _plain(each, depth + 1, count) for key, each in value.items()}
    if isinstance(value, set):  # of YAML's !!set: any order, but always the same
        value = sorted(value, key=text_of)
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1, count) for each in value]
    if isinstance(value, str):
        return text_of(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else _digits(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return text_of(value)


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:  # more digits than Python writes out
        raise _Unreadable("a number with too many digits") from error


def text_of(value: Any) -> str:
    """The value as a text that JSON and every database take: no NUL, no lone surrogate."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else str(value)
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the class depends on the build
    """YAML 1.2's plain scalars: `no` is a text, `12:30` is no number, a date stays as it was written."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own form


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
