"""Strict Colander types. Colander's own take "7" for 7, "nope" for true and a trailing newline for the end.

Constraints live in the types, so that one place checks them and the API's description can read them. Every type
refuses None unless its node says `nullable=True`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import colander

from pubsite.errors import LONGEST_NAME, MOST_PROBLEMS
from pubsite.models.paths import page_path_problem, redirect_target_problem

MAX_INTEGER = 2**53 - 1  # what every JSON client can hold (RFC 8259 §6)

SLUG = re.compile(r"(?!(-?[0-9a-f]){32}\Z)[a-z0-9]+(-[a-z0-9]+)*\Z")  # and none that reads as a UUID
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")
# One character, then any: two runs that overlap would try each place between them.
URL = re.compile(r"https?://[^\s/?#\\][^\s\\]*\Z", re.IGNORECASE)


def _refuse(node: colander.SchemaNode, message: str) -> NoReturn:
    raise colander.Invalid(node, message)


class _Strict(colander.SchemaType):
    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if cstruct is None:
            return None if getattr(node, "nullable", False) else _refuse(node, "must not be null")
        return self.parse(node, cstruct)

    def parse(self, node: colander.SchemaNode, value: Any) -> Any:
        raise NotImplementedError(type(self).__name__)  # each type brings its own


class Text(_Strict):
    """A JSON string of `minimum` to `maximum` characters, matching `pattern` when there is one."""

    def __init__(
        self, minimum: int = 0, maximum: int = 65_536, pattern: re.Pattern[str] | None = None, what: str = ""
    ) -> None:
        self.minimum, self.maximum, self.pattern, self.what = minimum, maximum, pattern, what

    def parse(self, node: colander.SchemaNode, value: Any) -> str:
        if not isinstance(value, str):
            _refuse(node, "must be a string")
        text: str = value
        if len(text) < self.minimum:
            _refuse(node, "must not be empty" if self.minimum == 1 else f"must have {self.minimum} characters or more")
        if len(text) > self.maximum:
            _refuse(node, f"must have at most {self.maximum} characters")
        if self.pattern is not None and not self.pattern.match(text):
            _refuse(node, f"must be {self.what}" if self.what else f"must match {self.pattern.pattern}")
        return text


class Path(_Strict):
    """A path of a site, by the rules of pages; that of a file does not end with a slash."""

    def __init__(self, *, of_file: bool = False) -> None:
        self.of_file = of_file

    def parse(self, node: colander.SchemaNode, value: Any) -> str:
        if not isinstance(value, str):
            _refuse(node, "must be a string")
        path: str = value
        if problem := page_path_problem(path):
            _refuse(node, problem)
        if self.of_file and path.endswith("/"):
            _refuse(node, "must not end with /")
        return path


class Target(_Strict):
    """Where a redirect leads: a path of the site, or a whole http(s) URL."""

    def parse(self, node: colander.SchemaNode, value: Any) -> str:
        if problem := redirect_target_problem(value):
            _refuse(node, problem if isinstance(value, str) else "must be a string")
        return str(value)


class Integer(_Strict):
    """A JSON integer; with `text`, its digits in a query string."""

    def __init__(self, minimum: int = -MAX_INTEGER, maximum: int = MAX_INTEGER, *, text: bool = False) -> None:
        self.minimum, self.maximum, self.text = minimum, maximum, text

    def parse(self, node: colander.SchemaNode, value: Any) -> int:
        if self.text and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,16}", value, re.ASCII):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            _refuse(node, "must be an integer")
        if not self.minimum <= value <= self.maximum:
            _refuse(node, f"must lie between {self.minimum} and {self.maximum}")
        return value


class Boolean(_Strict):
    """JSON's true and false; with `text`, these words in a query string."""

    def __init__(self, *, text: bool = False) -> None:
        self.text = text

    def parse(self, node: colander.SchemaNode, value: Any) -> bool:
        if self.text and value in ("true", "false"):
            return bool(value == "true")
        if not isinstance(value, bool):
            _refuse(node, "must be true or false")
        return value


class Choice(_Strict):
    """One of some strings; `aliases` are other spellings, such as the numbers 0 and 1 of an enumeration."""

    def __init__(self, *values: str, aliases: Mapping[Any, str] | None = None) -> None:
        self.values = values
        self.aliases: dict[Any, str] = dict(aliases or {})

    def parse(self, node: colander.SchemaNode, value: Any) -> str:
        if value in self.values:
            return str(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in self.aliases:
            return self.aliases[value]
        _refuse(node, "must be one of " + ", ".join(self.values))


class Identifier(_Strict):
    """A UUID in its usual form, with hyphens."""

    def parse(self, node: colander.SchemaNode, value: Any) -> uuid.UUID:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
            _refuse(node, "must be a UUID")
        return uuid.UUID(value)


class Timestamp(_Strict):
    """An ISO 8601 date, or time with its zone. It stays the text that was sent; `parse_time` reads it."""

    def parse(self, node: colander.SchemaNode, value: Any) -> str:
        if not isinstance(value, str) or parse_time(value) is None:
            _refuse(node, "must be an ISO 8601 date, or a time with its zone, such as 2026-01-31T12:00:00Z")
        return str(value)


class Instant(Timestamp):
    """A time in an answer: ISO 8601 in UTC with milliseconds and `Z`."""


def parse_time(text: str) -> datetime | None:
    """The aware UTC time of an ISO 8601 text: a bare date is its midnight in UTC; None when it is neither."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?", text, re.ASCII):
        return None
    try:
        value = datetime.fromisoformat(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Anything(_Strict):
    """Any JSON value, null included; finite by the deserializer's rules."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        return cstruct


class ListOf(_Strict):
    """A JSON array of at most `maximum` members, each of one node."""

    def __init__(self, member: colander.SchemaNode, maximum: int = 1000) -> None:
        self.member, self.maximum = member, maximum

    def parse(self, node: colander.SchemaNode, value: Any) -> list[Any]:
        if not isinstance(value, list):
            _refuse(node, "must be an array")
        if len(value) > self.maximum:
            _refuse(node, f"must have at most {self.maximum} members")
        return _collect(node, [(str(i), self.member, member) for i, member in enumerate(value)])[1]


class MapOf(_Strict):
    """A JSON object with keys of the author's choice, whose values are all of one node."""

    def __init__(self, member: colander.SchemaNode, maximum: int = 1000, key: Text | None = None) -> None:
        self.member, self.maximum, self.key = member, maximum, key or Text(1, 255)

    def parse(self, node: colander.SchemaNode, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            _refuse(node, "must be an object")
        if len(value) > self.maximum:
            _refuse(node, f"must have at most {self.maximum} members")
        keys = colander.SchemaNode(self.key)
        _collect(node, [(name, keys, name) for name in value])
        names, values = _collect(node, [(name, self.member, member) for name, member in value.items()])
        return dict(zip(names, values, strict=True))


class ObjectType(_Strict):
    """A JSON object of known keys; others are refused by name, or with `keep_unknown` kept as they are."""

    def __init__(self, *, keep_unknown: bool = False) -> None:
        self.keep_unknown = keep_unknown

    def parse(self, node: colander.SchemaNode, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            _refuse(node, "must be an object")
        known = {child.name: child for child in node.children}
        sent = [(name, child, value.get(name, colander.null)) for name, child in known.items()]
        unknown = [key for key in value if key not in known]
        if not self.keep_unknown:
            sent += [(key, UNKNOWN, value[key]) for key in unknown]
        names, values = _collect(node, sent)
        result = {name: v for name, v in zip(names, values, strict=True) if v is not colander.drop}
        if self.keep_unknown:
            result.update({key: value[key] for key in unknown})
        return result

    def cstruct_children(self, node: colander.SchemaNode, cstruct: Any) -> list[Any]:
        return [cstruct.get(child.name, colander.null) for child in node.children]


class _Unknown(_Strict):
    def parse(self, node: colander.SchemaNode, value: Any) -> NoReturn:
        _refuse(node, "is not known")

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> NoReturn:
        self.parse(node, cstruct)


UNKNOWN = colander.SchemaNode(_Unknown())


@dataclass(frozen=True, slots=True)
class _Place:
    """What an error needs of a node: a SchemaNode of its own for each wrong member would cost far more."""

    name: str
    typ: colander.SchemaType


def _collect(
    node: colander.SchemaNode, members: list[tuple[str, colander.SchemaNode, Any]]
) -> tuple[list[str], list[Any]]:
    """Deserialize each member; raise one Invalid that bears the errors of all of them, under their names.

    From MOST_PROBLEMS on no more are looked for.
    """
    names, values, error, count = [], [], None, 0
    for name, child, member in members:
        try:
            values.append(child.deserialize(member))
            names.append(name)
        except colander.Invalid as problem:
            error = error or colander.Invalid(node)
            renamed = colander.Invalid(_Place(name[:LONGEST_NAME], child.typ), problem.msg)
            renamed.children = problem.children
            error.add(renamed)
            count += sum(1 for _ in problem.paths())
            if count >= MOST_PROBLEMS:
                break
    if error is not None:
        raise error
    return names, values


class Object(colander.MappingSchema):
    """A JSON object of exactly the declared keys."""

    schema_type = staticmethod(lambda: ObjectType())


class OpenObject(colander.MappingSchema):
    """A JSON object whose declared keys are checked and whose other keys are kept."""

    schema_type = staticmethod(lambda: ObjectType(keep_unknown=True))


def required(typ: colander.SchemaType, **kw: Any) -> colander.SchemaNode:
    return colander.SchemaNode(typ, missing_msg="is required", **kw)


def optional(typ: colander.SchemaType, **kw: Any) -> colander.SchemaNode:
    """A node whose key may be left out; then it is left out of the result as well."""
    return colander.SchemaNode(typ, missing=colander.drop, **kw)


def many(member: colander.SchemaNode) -> ListOf:
    """A list of an answer, as long as it happens to be."""
    return ListOf(member, maximum=MAX_INTEGER)
