"""Whether an answer has the shape that a document shows: the fields and JSON types of an example or an interface."""

from __future__ import annotations

import re
from typing import Any

from tests.documents.document import API, Field, Interface

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")
LITERAL = re.compile(r'"(\w+)"')


def assert_like(example: Any, answer: Any, at: str = "$") -> None:
    """Every field of the example is there with the same JSON type; ids are GUIDs, times ISO 8601 in UTC."""
    assert type(answer) is type(example), f"{at} is {answer!r}"
    if isinstance(example, dict):
        assert set(example) <= set(answer), f"{at} lacks {set(example) - set(answer)}"
        for name, value in example.items():
            assert_like(value, answer[name], f"{at}.{name}")
    elif isinstance(example, list):
        assert answer, f"{at} is empty"
        for number, value in enumerate(answer):
            assert_like(example[0], value, f"{at}[{number}]")
    elif isinstance(example, str):
        for pattern in (GUID, ISO_8601):
            assert not pattern.match(example) or pattern.match(answer), f"{at} is {answer!r}"


def assert_is(interface: Interface, answer: Any) -> None:
    """The answer is an object of that interface; further fields are allowed."""
    assert type(answer) is dict
    for field in interface.fields:
        if field.name in answer:
            _assert_field(field, answer[field.name], f"{interface.name}.{field.name}")
        else:
            assert field.is_optional, f"{interface.name} lacks {field.name}"


def _assert_field(field: Field, value: Any, at: str) -> None:
    kinds = {"string": (str,), "number": (int, float), "boolean": (bool,), "{ [key: string]: any }": (dict,)}
    if field.type in kinds:
        assert type(value) in kinds[field.type], f"{at} is {value!r}"
    elif literals := LITERAL.findall(field.type):
        assert value in literals, f"{at} is {value!r}"
    else:
        assert field.type.endswith("[]"), f"{at} has a type that nobody knows: {field.type}"
        for member in value:
            assert_is(API.interface(field.type.removesuffix("[]")), member)
    if "GUID" in field.comment:
        assert GUID.match(value), f"{at} is {value!r}"
    if "ISO 8601" in field.comment:
        assert ISO_8601.match(value), f"{at} is {value!r}"
    if field.maximum is not None:
        assert len(value) <= field.maximum
