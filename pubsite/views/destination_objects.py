"""A destination as answers show it: never with its secret."""

from __future__ import annotations

from typing import Any

import colander

from pubsite.api import present, time
from pubsite.models import Destination, Health
from pubsite.schema import (
    Anything,
    Boolean,
    Choice,
    Identifier,
    Instant,
    ListOf,
    MapOf,
    Object,
    ObjectType,
    Text,
    optional,
    required,
)
from pubsite.services.destinations import KINDS, MOST_TEXTS, Kind, Tested, config_schema, options_of

TYPES = Choice(*KINDS)
CONFIG = MapOf(required(Anything()), 100)


def _config(kind: Kind) -> colander.SchemaNode:
    """What the config of a kind may hold, as the API's document tells it; `options.checked` is what checks it."""
    node = colander.SchemaNode(ObjectType())
    for option in options_of(kind):
        typ = {
            "text": Text(0, option.longest),
            "boolean": Boolean(),
            "choice": Choice(*option.choices),
            "texts": ListOf(required(Text(0, option.longest)), MOST_TEXTS),
        }[option.type]
        make = required if option.default is None else optional
        node.add(make(typ, name=option.name, description=option.help))
    if any(option.default is None for option in kind.options):
        node.one_of = tuple(option.name for option in kind.options if option.default is None)
    return node


CONFIGS: dict[str, colander.SchemaNode] = {kind.name: _config(kind) for kind in KINDS.values()}


class DestinationObject(Object):
    """A place that pages are sent to, of a publisher or of one of its sites. `health`: what is known of it."""

    id = required(Identifier())
    publisher_id = required(Identifier())
    account_id = required(Identifier())
    site_id = optional(Identifier())
    sector_id = optional(Identifier())
    name = required(Text(1, 255))
    type = required(TYPES)
    base_url = required(Text(1, 2048))
    config = required(CONFIG)
    is_active = required(Boolean())
    health = required(Choice(*Health))
    paused_until = optional(Instant())
    last_checked_at = optional(Instant())
    last_error = optional(Text())
    has_secret = required(Boolean())
    created_at = required(Instant())
    updated_at = required(Instant())


class NewDestination(DestinationObject):
    """A destination, with the secret where the server made it: it is never shown again."""

    secret = optional(Text())


class TestedObject(Object):
    """How a destination answered. `identity`: who we are there; `error_code` and `error`: what is in the way."""

    ok = required(Boolean())
    identity = optional(Text())
    error_code = optional(Text(1, 64))
    error = optional(Text())


class TypeObject(Object):
    """A kind of destination: what its `config` may hold (a JSON Schema), what its secret is, what it can do."""

    type = required(TYPES)
    title = required(Text(1, 255))
    config_schema = required(MapOf(required(Anything())))
    secret = required(Text())
    makes_secret = required(Boolean())
    can = required(ListOf(required(Text(1, 32))))
    needs = optional(Text())


def destination_json(destination: Destination) -> dict[str, Any]:
    """A destination as responses show it."""
    ids = {name: getattr(destination, name) for name in ("id", "publisher_id", "account_id", "site_id", "sector_id")}
    return present(
        **{name: None if value is None else str(value) for name, value in ids.items()},
        name=destination.name,
        type=destination.type,
        base_url=destination.base_url,
        config=destination.config,
        is_active=destination.is_active,
        health=destination.health,
        paused_until=time(destination.paused_until),
        last_checked_at=time(destination.last_checked_at),
        last_error=destination.last_error,
        has_secret=destination.sealed_secret is not None,
        created_at=time(destination.created_at),
        updated_at=time(destination.updated_at),
    )


def type_json(kind: Kind) -> dict[str, Any]:
    """A kind as responses show it."""
    return present(
        type=kind.name,
        title=kind.title,
        config_schema=config_schema(kind),
        secret=kind.secret,
        makes_secret=kind.new_secret is not None,
        can=sorted(kind.can),
        needs=kind.needs() or None,
    )


def tested_json(tested: Tested) -> dict[str, Any]:
    """What a test found, as responses show it."""
    return present(
        ok=tested.ok,
        identity=tested.identity or None,
        error_code=tested.error_code or None,
        error=tested.error or None,
    )
