"""Bodies made from the schemas of endpoints: the least that each takes, with one value at one place of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import colander

from pubsite import schema
from pubsite.openapi.shared import SHARED
from pubsite.services.destinations import KINDS
from tests.corpora.endpoints import KEY, NOWHERE, VALUE, Place, Variant

# What is tried first for a field of that name: more is known of it than its type tells.
RIGHT = {"type": "webhook", "base_url": NOWHERE, "secret": "whsec_" + "a" * 32}
# Of the other kinds of destinations.
SECRETS = ("ab" * 12 + ":" + "cd" * 32, "kim:abcd efgh ijkl mnop qrst uvwx", "key:secret", "pst_" + "a" * 40)


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
    body = least(node, names, given=step)
    if step in (KEY, VALUE):  # of an object that keeps what it does not know
        return body | ({value: "a"} if step == KEY else {"key": value})
    if isinstance(step, Variant):
        variant = node.variants[2][step.kind]
        body |= {step.key: step.kind, step.member: body_with(variant, rest, value, names)}
    else:
        child = next(child for child in node.children if child.name == step)
        body[str(step)] = body_with(child, rest, value, names)
    return _right_of_kind(node, body, names) | ({"secret": value} if step == "secret" else {})


def _right_of_kind(node: colander.SchemaNode, body: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """With what hangs on the kind that a body names: the member that is another one for each, and a secret."""
    key, member, kinds = getattr(node, "variants", ("", "", {}))
    kind = str(body.get(key))
    if kind in kinds:
        body = {member: least(kinds[kind], names), **body}
    return body | ({"secret": _secret_of(kind)} if "secret" in node else {})


def _secret_of(kind: str) -> str:
    """A secret that a kind of destination takes; it must be given again with another address."""
    known = (secret for secret in SECRETS if kind in KINDS and KINDS[kind].secret_problem(secret) is None)
    return next(known, RIGHT["secret"])


def least(node: colander.SchemaNode, names: Mapping[str, str], given: object = None) -> dict[str, Any]:
    """What an object cannot do without, and a path of its own where the usual one would be taken already."""
    needed = {child.name for child in node.children if child.required or child.name == "path"}
    one_of = getattr(node, "one_of", ())
    if given not in one_of:
        needed |= set(one_of[:1])
    return {child.name: sample(child, names) for child in node.children if child.name in needed}


def sample(node: colander.SchemaNode, names: Mapping[str, str], name: str = "") -> Any:
    """A value that a node takes, as far as its type and its name (or the one that is given) tell."""
    if node.children:
        return least(node, names)
    if isinstance(node.typ, schema.ListOf):
        return [sample(node.typ.member, names, node.name.removesuffix("s"))]
    pattern = SHARED.get(getattr(node, "described", None) or "", {}).get("pattern", "")
    found = (value for value in _candidates(node.typ, name or node.name, names) if _takes(node, value, pattern))
    return next(found, "a")


def _candidates(typ: colander.SchemaType, name: str, names: Mapping[str, str]) -> Iterator[Any]:
    fresh = f"s-{uuid.uuid4().hex[:10]}"
    if name in RIGHT:
        yield RIGHT[name]
    if name == "from":  # the body of a move: what is not there cannot be
        yield names["path"]
    yield from (fresh, f"/{fresh}", "https://a.example/", "0" * 64, "2099-01-31", "en")
    if isinstance(typ, schema.Identifier):
        yield names.get("docs" if name == "site_id" else name, str(uuid.uuid4()))
    yield from getattr(typ, "values", ())
    yield from (False, max(getattr(typ, "minimum", 1), 1), {})


def _takes(node: colander.SchemaNode, value: Any, pattern: str) -> bool:
    try:
        node.deserialize(value)
    except colander.Invalid:
        return False
    return not isinstance(value, str) or re.search(pattern, value) is not None
