"""Signed tokens in their compact form (RFC 7515, RFC 7519), read strictly: whatever is odd about one is Unauthorized.

Reading is not verifying: a token's claims say nothing until `signature` was checked over `signed`. No header names a
key or an algorithm that is used because of it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pubsite.errors import Unauthorized

LEEWAY_SECONDS = 30  # by which another machine's clock may be ahead of ours
LATEST = 253_402_300_799  # the last second of the year 9999, the last that a datetime can hold
# RFC 8725 §3.11: an issuer signs other things too (logout tokens, events), which must not pass for these.
TYPES = frozenset({"jwt", "at+jwt"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token that can be read. `signed` is what the signature must fit."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read(text: str) -> Token:
    """The parts of a token; raises Unauthorized."""
    try:
        signed, _, signature = text.encode("ascii").rpartition(b".")
        header, _, claims = signed.partition(b".")
        token = Token(_object(header), _object(claims), signed, _bytes(signature))
    except (ValueError, RecursionError) as error:
        raise Unauthorized from error
    kind = token.header.get("typ", "JWT")
    # `crit` names what a reader must understand; we understand none of it (RFC 7515 §4.1.11).
    if "crit" in token.header or not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
        raise Unauthorized
    return token


def write(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token; `sign` makes the signature of what it is given."""
    parts = [_segment(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    signed = b".".join(parts)
    return b".".join((signed, _segment(sign(signed)))).decode("ascii")


def expiry(token: Token) -> datetime:
    """When the token expires; raises Unauthorized when it did, does not say, or is not valid yet."""
    now = time.time()
    expires_at = _seconds(token.claims.get("exp"))
    begins = [_seconds(token.claims[name]) for name in ("nbf", "iat") if name in token.claims]
    if expires_at <= now or any(moment > now + LEEWAY_SECONDS for moment in begins):
        raise Unauthorized
    return datetime.fromtimestamp(expires_at, UTC)


def _seconds(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LATEST:  # neither True nor 1e999 is a time
        raise Unauthorized
    return value


def _object(segment: bytes) -> dict[str, Any]:
    value = _JSON.decode(_bytes(segment).decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _bytes(segment: bytes) -> bytes:
    """Base64url without padding; whatever it would not be written as itself is refused."""
    raw = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    if _segment(raw) != segment:
        raise ValueError("not base64url")
    return raw


def _segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
