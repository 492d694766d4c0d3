"""Bodies made from the schemas of endpoints: the least that each takes, with one value at one place of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import colander

from pubsite import schema
from pubsite.openapi.shared import SHARED
from tests.corpora.endpoints import KEY, VALUE, Place, Variant


def body_with(node: colander.SchemaNode, place: Place, value: Any, names: Mapping[str, str]) -> Any:
    """The least body that has the value at that place; what stands beside it is right.

    names: what there is, by the names of fields that ask for it.
    """
    if not place:
        return value
    (step, *others), typ = place, node.typ
    rest = tuple(others)
    if isinstance(typ, schema.ListOf):
        return [body_with(typ.member, rest, value, names)]
    if isinstance(typ, schema.MapOf):
        return {value: sample(typ.member, names)} if step == KEY else {"key": body_with(typ.member, rest, value, names)}
    base = least(node, names, given=step)
    if step in (KEY, VALUE):  # of an object that keeps what it does not know
        return base | ({value: "a"} if step == KEY else {"key": value})
    if isinstance(step, Variant):
        variant = node.variants[2][step.kind]
        return {**base, step.key: step.kind, step.member: body_with(variant, rest, value, names)}
    child = next(child for child in node.children if child.name == step)
    return {**base, str(step): body_with(child, rest, value, names)}


def least(node: colander.SchemaNode, names: Mapping[str, str], given: object = None) -> dict[str, Any]:
    """What an object cannot do without, and a path of its own where the usual one would be taken already."""
    needed = {child.name for child in node.children if child.required or child.name == "path"}
    one_of = getattr(node, "one_of", ())
    if given not in one_of:
        needed |= set(one_of[:1])
    return {child.name: sample(child, names) for child in node.children if child.name in needed}


def sample(node: colander.SchemaNode, names: Mapping[str, str]) -> Any:
    """A value that a node takes, as far as its type tells."""
    if node.children:
        return least(node, names)
    if isinstance(node.typ, schema.ListOf):
        return [sample(node.typ.member, names)]
    pattern = SHARED.get(getattr(node, "described", None) or "", {}).get("pattern", "")
    return next((value for value in _candidates(node, names) if _takes(node, value, pattern)), "a")


def _candidates(node: colander.SchemaNode, names: Mapping[str, str]) -> Iterator[Any]:
    fresh = f"s-{uuid.uuid4().hex[:10]}"
    if node.name == "from":  # the body of a move: what is not there cannot be
        yield names["path"]
    yield from (fresh, f"/{fresh}", "https://a.example/", "0" * 64, "2099-01-31", "en")
    if isinstance(node.typ, schema.Identifier):
        yield names.get("docs" if node.name == "site_id" else node.name, str(uuid.uuid4()))
    yield from getattr(node.typ, "values", ())
    yield from (False, max(getattr(node.typ, "minimum", 1), 1), {})


def _takes(node: colander.SchemaNode, value: Any, pattern: str) -> bool:
    try:
        node.deserialize(value)
    except colander.Invalid:
        return False
    return not isinstance(value, str) or re.search(pattern, value) is not None
