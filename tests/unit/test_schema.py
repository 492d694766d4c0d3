"""The strict types: what they take, what they refuse, and under which name. And what JSON may hold at all."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsite.api.input import DEEPEST, unsafe_json
from pubsite.errors import LONGEST_NAME, MOST_PROBLEMS
from pubsite.schema import (
    MAX_INTEGER,
    URL,
    Anything,
    Boolean,
    Choice,
    Identifier,
    Integer,
    ListOf,
    MapOf,
    Object,
    OpenObject,
    Path,
    Target,
    Text,
    Timestamp,
    optional,
    parse_time,
    required,
)

UUID = "123e4567-e89b-12d3-a456-426614174000"


def read(node: Any, value: Any) -> Any:
    return (node if isinstance(node, colander.SchemaNode) else required(node)).deserialize(value)


def refusal(node: Any, value: Any) -> dict[str, str]:
    """What is said of each field that is wrong."""
    with pytest.raises(colander.Invalid) as caught:
        read(node, value)
    return caught.value.asdict(translate=None)


class Inner(Object):
    number = required(Integer(1, 9))


class Outer(Object):
    name = required(Text(1, 5))
    inner = Inner(missing=colander.drop)
    many = optional(ListOf(Inner(), maximum=2))
    by_name = optional(MapOf(required(Boolean()), maximum=2))
    removable = optional(Text(), nullable=True)


class Open(OpenObject):
    known = optional(Integer())


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (Text(), ""),
        (Text(1, 3), "äöü"),
        (Text(0, 9, re.compile(r"[a-z]+\Z")), "abc"),
        (Integer(), 0),
        (Integer(), MAX_INTEGER),
        (Integer(), -MAX_INTEGER),
        (Boolean(), True),
        (Boolean(), False),
        (Choice("a", "b"), "b"),
        (Target(), "/new"),
        (Target(), "https://a.example/?b#c"),
        (Timestamp(), "2026-01-31"),
        (Timestamp(), "2026-01-31T12:00Z"),
        (Timestamp(), "2026-01-31T12:00:00.123456+01:00"),
        (Anything(), None),
        (Anything(), {"a": [1, None]}),
        (ListOf(required(Integer())), [1, 2]),
        (MapOf(required(Integer())), {"a": 1}),
        (Outer(), {"name": "x", "inner": {"number": 1}, "many": [{"number": 2}], "by_name": {"a": True}}),
        (Outer(), {"name": "x", "removable": None}),
        (Open(), {"known": 1, "other": [None]}),
    ],
)
def test_what_fits_stays_as_it_is(node: Any, value: Any) -> None:
    assert read(node, value) == value


@pytest.mark.parametrize(
    ("node", "value", "message"),
    [
        (Text(), 7, "must be a string"),
        (Text(), None, "must not be null"),
        (Text(), ["a"], "must be a string"),
        (Text(1, 3), "", "must not be empty"),
        (Text(2, 3), "a", "must have 2 characters or more"),
        (Text(0, 3), "abcd", "must have at most 3 characters"),
        (Text(0, 9, re.compile(r"[a-z]+\Z"), "letters"), "a\n", "must be letters"),
        (Text(0, 9, re.compile(r"[a-z]+\Z")), "A", r"must match [a-z]+\Z"),
        (Integer(), "7", "must be an integer"),
        (Integer(), 7.0, "must be an integer"),
        (Integer(), True, "must be an integer"),
        (Integer(), None, "must not be null"),
        (Integer(1, 3), 0, "must lie between 1 and 3"),
        (Integer(), MAX_INTEGER + 1, f"must lie between {-MAX_INTEGER} and {MAX_INTEGER}"),
        (Integer(text=True), "1.0", "must be an integer"),
        (Integer(text=True), "", "must be an integer"),
        (Integer(text=True), "\u0661", "must be an integer"),
        (Integer(text=True), "1\n", "must be an integer"),
        (Integer(text=True), "9" * 5000, "must be an integer"),
        (Boolean(), 1, "must be true or false"),
        (Boolean(), "true", "must be true or false"),
        (Boolean(text=True), "True", "must be true or false"),
        (Boolean(text=True), "1", "must be true or false"),
        (Choice("a", "b"), "c", "must be one of a, b"),
        (Choice("a", aliases={1: "a"}), True, "must be one of a"),
        (Choice("a", aliases={1: "a"}), 1.0, "must be one of a"),
        (Choice("a"), [], "must be one of a"),
        (Identifier(), UUID.replace("-", ""), "must be a UUID"),
        (Identifier(), f"{{{UUID}}}", "must be a UUID"),
        (Identifier(), f"{UUID}\n", "must be a UUID"),
        (Identifier(), 7, "must be a UUID"),
        (ListOf(required(Integer())), {}, "must be an array"),
        (ListOf(required(Integer()), maximum=1), [1, 2], "must have at most 1 members"),
        (MapOf(required(Integer())), [], "must be an object"),
        (MapOf(required(Integer()), maximum=1), {"a": 1, "b": 2}, "must have at most 1 members"),
        (MapOf(required(Integer())), {"": 1}, "must not be empty"),
        (MapOf(required(Integer()), key=Text(1, 3)), {"long": 1}, "must have at most 3 characters"),
        (Choice("a"), {"a": 1}, "must be one of a"),
        (Choice("a"), [["a"]], "must be one of a"),
        (Target(), "//evil.example", "must be /path, http://… or https://…, without white space or backslashes"),
        (Target(), 7, "must be a string"),
        (Path(), "a", "must begin with /"),
        (Outer(), [], "must be an object"),
        (Outer(), None, "must not be null"),
        (Outer(), colander.null, "Required"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(node: Any, value: Any, message: str) -> None:
    assert list(refusal(node, value).values()) == [message]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "yesterday",
            "2026-02-30",
            "2026-1-1",
            "20260131",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-W05-6",
        ),
        *("2026-01-31T25:00Z", "0000-01-01", "0001-01-01T00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-31\n"),
        *("\u0662026-01-31", "2026-01-31T12:00+99:99", "-2026-01-31", ""),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert parse_time(text) is None
    assert refusal(Timestamp(), text)


def test_a_time_is_read_in_utc() -> None:
    read_times = [parse_time(text) for text in ("2026-01-31", "2026-01-31T00:00Z", "2026-01-31T01:30+01:30")]
    assert [str(value) for value in read_times] == ["2026-01-31 00:00:00+00:00"] * 3


def test_spellings_in_a_query_are_read() -> None:
    assert read(Integer(text=True), "-7") == -7
    assert read(Boolean(text=True), "true") is True
    assert read(Boolean(text=True), "false") is False
    assert read(Choice("a", "b", aliases={1: "b"}), 1) == "b"
    assert str(read(Identifier(), UUID.upper())) == UUID


def test_every_wrong_field_is_named_by_its_place() -> None:
    value = {
        "name": 7,
        "inner": {"number": 0, "zz": 1},
        "many": [{"number": 1}, {}],
        "by_name": {"a": 1, "b": True},
        "removable": 7,
        "odd.name": 1,
    }
    assert refusal(Outer(), value) == {
        "name": "must be a string",
        "inner.number": "must lie between 1 and 9",
        "inner.zz": "is not known",
        "many.1.number": "is required",
        "by_name.a": "must be true or false",
        "removable": "must be a string",
        "odd.name": "is not known",
    }


def test_every_key_that_is_wrong_is_named() -> None:
    assert refusal(MapOf(required(Integer()), key=Text(0, 2)), {"a": 1, "abc": 1, "abd": 1}) == {
        "abc": "must have at most 2 characters",
        "abd": "must have at most 2 characters",
    }


def test_problems_are_looked_for_up_to_a_limit_and_their_names_are_short() -> None:
    assert len(refusal(Outer(), {f"k{n}": 1 for n in range(10_000)})) <= MOST_PROBLEMS + 1
    assert len(refusal(ListOf(required(ListOf(Inner()))), [[{}] * 90] * 1000)) < 2 * MOST_PROBLEMS
    assert max(map(len, refusal(Outer(), {"k" * 5000: 1}))) == LONGEST_NAME


def test_an_address_that_nearly_is_one_is_refused_at_once() -> None:
    started = time.process_time()
    for ending in (" ", "\\", "\n"):
        assert not URL.match("http://" + "a" * 100_000 + ending)
    assert time.process_time() - started < 0.2


def test_what_is_left_out_is_left_out() -> None:
    assert read(Outer(), {"name": "x"}) == {"name": "x"}
    assert read(Open(), {}) == {}


# unsafe_json


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"a": [1, "x", None, True, 1.5, {}, []]}, []),
        ("a\0", [("", "must not hold NUL")]),
        ({"a": {"b": ["x", "\0"]}}, [("a.b.1", "must not hold NUL")]),
        ({"\0": 1}, [("\0", "must not hold NUL")]),
        ({"a": "\ud800"}, [("a", "must not hold lone surrogates")]),
        ({"a": "😀"}, []),
        ([math.inf], [("0", "must not hold NaN or Infinity")]),
        ([math.nan], [("0", "must not hold NaN or Infinity")]),
        ({"n": 2**53}, [("n", "must not hold integers beyond 2^53")]),
        ({"n": -(2**53) + 1}, []),
        ({"a": "\0", "b": {"c": math.nan}}, [("a", "must not hold NUL"), ("b.c", "must not hold NaN or Infinity")]),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, problems: list[tuple[str, str]]) -> None:
    assert unsafe_json(value) == problems


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_has_a_limit() -> None:
    assert unsafe_json(nested(DEEPEST)) == []
    ((_, problem),) = unsafe_json(nested(DEEPEST + 1))
    assert problem == "must not be nested deeper than 64"
    assert len(unsafe_json([nested(100_000)])) == 1


def test_problems_are_listed_up_to_a_limit_and_their_names_are_short() -> None:
    assert len(unsafe_json(["\0"] * 10_000)) == MOST_PROBLEMS
    ((name, _),) = unsafe_json({"k" * 100_000: "\0"})
    assert len(name) == 1000


TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda members: st.lists(members) | st.dictionaries(TEXTS, members),
    max_leaves=20,
)


@given(JSON)
def test_what_can_be_stored_has_no_problems(value: Any) -> None:
    assert unsafe_json(value) == []


@given(JSON, st.sampled_from(["\0", "\udfff", math.inf, math.nan, 2**53]))
def test_one_member_that_cannot_be_stored_is_found_wherever_it_is(value: Any, bad: Any) -> None:
    assert [name for name, _ in unsafe_json({"a": value, "b": [value, {"c": bad}]})] == ["b.1.c"]
