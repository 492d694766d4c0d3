"""Colander nodes → JSON Schema 2020-12. Raises Undescribed on a type that it does not know, so that nothing is guessed.

What a node is not able to say alone, its author says beside it:
`described="Name"`: a schema of `shared` that stands for the node's own, where a handler checks more;
`hidden=True`: a key that is known only to be refused; `nullable=True`: null is taken;
`default=`: what a key means that is left out (else the node's `missing`);
`variants = (key, member, {value: node})` of an object: what `member` must be, by the value of `key`;
`one_of = (names)` of an object: at least one of these keys must be there; `alone="Name"` of such a key: what it must be
where it is the one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pubsite import schema as types
from pubsite.errors import PubsiteError
from pubsite.openapi.shared import NO_NUL, SHARED, Schema

_DROPPED = types.optional(types.Anything()).missing
_NONE = types.optional(types.Anything()).default


class Undescribed(PubsiteError):
    """Something of the API that its document has no words for."""

    code = "undescribed"


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


class Schemas:
    """JSON Schemas of nodes; named objects are kept in `components`, and referred to."""

    def __init__(self, file_size_limit: int) -> None:
        self.components: dict[str, Schema] = {}
        self._file_size = file_size_limit
        self._of_type: dict[type, Callable[[Any, Any], Schema]] = {
            types.Text: lambda node, typ: text(typ),
            types.Path: lambda node, typ: self.shared("OutputPath" if typ.of_file else "PagePath"),
            types.Target: lambda node, typ: self.shared("RedirectTarget"),
            types.Integer: lambda node, typ: _integer(typ),
            types.Boolean: lambda node, typ: {"type": "boolean"},
            types.Choice: lambda node, typ: {"enum": [*map(str, typ.values), *typ.aliases]},
            types.Identifier: lambda node, typ: {"type": "string", "format": "uuid"},
            types.Timestamp: lambda node, typ: self.shared("Timestamp"),
            types.Instant: lambda node, typ: {"type": "string", "format": "date-time"},
            types.Anything: lambda node, typ: self.shared("JsonValue"),
            types.ListOf: lambda node, typ: {"type": "array", "items": self.of(typ.member), **_most("Items", typ)},
            types.MapOf: lambda node, typ: self._map(typ),
            types.ObjectType: lambda node, typ: self._named(node),
        }

    def of(self, node: Any) -> Schema:
        """The schema of a node, which may be a component's name; raises Undescribed."""
        if (name := getattr(node, "described", None)) is not None:
            found = self.shared(name)
        elif (described := self._of_type.get(type(node.typ))) is not None:
            found = described(node, node.typ)
        else:
            raise Undescribed(f"no schema for the type {type(node.typ).__name__} of {node.name or 'a node'}")
        if getattr(node, "nullable", False):
            found = _nullable(found)
        if node.description:
            found = {**found, "description": node.description}
        default = default_of(node)
        return found if default is None else {**found, "default": default}

    def shared(self, name: str) -> Schema:
        """A reference to one of the schemas of `shared`."""
        if name not in SHARED:
            raise Undescribed(f"no shared schema {name}")
        if name not in self.components:
            self.components[name] = self._with_limits(name)
            for other in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SHARED[name])):
                self.shared(other)
        return ref(name)

    def _with_limits(self, name: str) -> Schema:
        """A shared schema with the limits that the settings in force put in place of the default ones."""
        return {**SHARED[name], **({"maxLength": self._file_size} if name == "FileText" else {})}

    def _map(self, typ: types.MapOf) -> Schema:
        return {
            "type": "object",
            "propertyNames": text(typ.key),
            "additionalProperties": self.of(typ.member),
            **_most("Properties", typ),
        }

    def _named(self, node: Any) -> Schema:
        """A reference to an object of a class; one without a class of its own stands where it is."""
        name = type(node).__name__
        if type(node) in (types.Object, types.OpenObject) or not isinstance(node, types.Object | types.OpenObject):
            return self._object(node)
        found = self._object(node)
        if self.components.setdefault(name, found) != found:
            raise Undescribed(f"two schemas with the name {name}")
        return ref(name)

    def _object(self, node: Any) -> Schema:
        children = {child.name: child for child in node.children if not getattr(child, "hidden", False)}
        found = self._members(node, children)
        if doc := _first_paragraph(type(node).__doc__):
            found["description"] = doc
        if (one_of := getattr(node, "one_of", None)) is not None:
            found["anyOf"] = [self._alone(name, children[name]) for name in one_of]
        if (variants := getattr(node, "variants", None)) is not None:
            key, member, of = variants
            return {"description": doc, "anyOf": [self._variant(node, key, member, of, value) for value in of]}
        return found

    def _alone(self, name: str, child: Any) -> Schema:
        known = getattr(child, "alone", None)
        return {"required": [name], **({} if known is None else {"properties": {name: self.shared(known)}})}

    def _members(self, node: Any, children: dict[str, Any]) -> Schema:
        found: Schema = {"type": "object", "properties": {name: self.of(child) for name, child in children.items()}}
        if needed := sorted(name for name, child in children.items() if child.required):
            found["required"] = needed
        if node.typ.keep_unknown:
            found["propertyNames"] = {"pattern": NO_NUL}
            found["additionalProperties"] = self.shared("JsonValue")
        else:
            found["additionalProperties"] = False
        return found

    def _variant(self, node: Any, key: str, member: str, of: dict[str, Any], value: str) -> Schema:
        """The object as it is where `key` has that value."""
        children = {child.name: child for child in node.children}
        rest = {name: child for name, child in children.items() if name not in (key, member)}
        found, default = self._members(node, rest), default_of(children[key])
        aliases = [alias for alias, meant in children[key].typ.aliases.items() if meant == value]
        choice = {"enum": [str(value), *aliases], **({"default": default} if default == value else {})}
        within = children[member].typ
        content = {**self.of(of[value]), "propertyNames": text(within.key), **_most("Properties", within)}
        found["properties"] = {key: choice, **found["properties"], member: content}
        needed = {name for name, child in children.items() if child.required}
        if default is not None:  # a PATCH, which has none, may leave out what it does not change
            needed |= {key} if default != value else set()
            needed |= {member} if hasattr(of[value], "one_of") else set()
        return {**found, "required": sorted(needed)} if needed else found


def default_of(node: Any) -> Any:
    """What a key means that is left out, as JSON; None where nothing can be told."""
    found = node.default if node.default is not _NONE else node.missing
    if node.default is _NONE and (node.required or found in (_DROPPED, _NONE)):
        return None
    if isinstance(found, str):
        return str(found)
    if isinstance(found, tuple | list):
        return list(found)
    if isinstance(found, bool | int | float | dict) or found is None:
        return found
    raise Undescribed(f"the default {found!r} of {node.name} is no JSON")


def text(typ: types.Text) -> Schema:
    found: Schema = {"type": "string", "pattern": NO_NUL if typ.pattern is None else ecma(typ.pattern)}
    if typ.minimum:
        found["minLength"] = typ.minimum
    if typ.maximum < types.MAX_INTEGER:
        found["maxLength"] = typ.maximum
    if typ.what:
        found["description"] = f"{typ.what[0].upper()}{typ.what[1:]}."
    return found


def ecma(pattern: re.Pattern[str]) -> str:
    r"""A pattern that Python matches at a text's begin and that ends with `\Z`, as JSON Schema writes it."""
    source = pattern.pattern
    if not source.endswith(r"\Z") or source.count("|") or pattern.flags & ~(re.UNICODE | re.IGNORECASE):
        raise Undescribed(f"no ECMA pattern for {source}")
    source = "^" + source.removesuffix(r"\Z").replace(r"\Z", "$") + "$"
    source = re.sub(r"\[\^(?!\\x00)", r"[^\\x00", source)
    return _any_case(source) if pattern.flags & re.IGNORECASE else source


def _any_case(source: str) -> str:
    parts = re.split(r"(\\.|\[(?:\\.|[^\]])*\])", source)  # every second one is an escape or a class
    return "".join(
        part if i % 2 else re.sub("[a-z]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", part)
        for i, part in enumerate(parts)
    )


def _integer(typ: types.Integer) -> Schema:
    return {"type": "integer", "minimum": typ.minimum, "maximum": typ.maximum}


def _most(what: str, typ: Any) -> Schema:
    return {f"max{what}": typ.maximum} if typ.maximum < types.MAX_INTEGER else {}


def _nullable(found: Schema) -> Schema:
    if "enum" in found:
        return {**found, "enum": [*found["enum"], None]}
    if "type" in found:
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]}


def _first_paragraph(doc: str | None) -> str:
    return " ".join((doc or "").split("\n\n")[0].split())
