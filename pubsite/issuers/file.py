"""The file of outside issuers, checked whole at start: whatever is wrong stops it, and is named."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pubsite.errors import SettingsError
from pubsite.issuers.issuer import Issuer, Verifier
from pubsite.issuers.keys import FAMILIES, BadKey, Family, FetchedKeys, GivenKeys, Key, key_of_jwk, key_of_pem
from pubsite.outgoing import url_problem
from pubsite.signing import ISSUER, SCOPES

KNOWN = frozenset({"issuer", "audience", "algorithms", "keys", "jwks_url", "scopes", "scope_claim", "name"})
NAME_LENGTH = 100
TEXT_LENGTH = 1024


class _Wrong(Exception):
    """What is wrong with an entry."""


def read(path: str) -> list[Issuer]:
    """The issuers of a file; raises SettingsError."""
    try:
        document = json.loads(Path(path).read_text("utf-8"), object_pairs_hook=_unique)
    except OSError as error:
        raise SettingsError(f"issuers_file {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"issuers_file {path} is not JSON: {error}") from error
    if not isinstance(document, list):
        raise SettingsError(f"issuers_file {path} must hold an array of issuers")
    issuers: list[Issuer] = []
    for number, entry in enumerate(document, 1):
        try:
            issuer = _issuer(entry)
            _check_apart(issuer, issuers)
        except (_Wrong, BadKey) as error:
            named = entry.get("issuer") if isinstance(entry, dict) else None
            raise SettingsError(f"issuers_file {path}: issuer {number} ({named!r}): {error}") from error
        issuers.append(issuer)
    return issuers


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key stands twice among {', '.join(found)}")
    return found


def _issuer(entry: Any) -> Issuer:
    if not isinstance(entry, dict):
        raise _Wrong("must be an object")
    if unknown := sorted(set(entry) - KNOWN):
        raise _Wrong(f"unknown keys: {', '.join(unknown)}")
    url = _text(entry, "issuer")
    if url == ISSUER:
        raise _Wrong(f"{ISSUER!r} is this server's own")
    return Issuer(
        url,
        _name(entry, url),
        _list(entry, "audience"),
        _scopes(entry),
        _text(entry, "scope_claim") if "scope_claim" in entry else "scope",
        _verifier(entry),
    )


def _check_apart(issuer: Issuer, others: list[Issuer]) -> None:
    if any(issuer.url == other.url for other in others):
        raise _Wrong("stands here twice")
    if any(issuer.name == other.name for other in others):
        raise _Wrong(f"another issuer is called {issuer.name!r} too: give one of them a `name`")


def _name(entry: Mapping[str, Any], url: str) -> str:
    """What stands behind the @ of its accounts' names."""
    name = _text(entry, "name") if "name" in entry else urlsplit(url).hostname or url
    if len(name) > NAME_LENGTH or "@" in name or name != name.strip():
        raise _Wrong(f"needs a `name` of at most {NAME_LENGTH} characters, without @ and without spaces around it")
    return name


def _scopes(entry: Mapping[str, Any]) -> frozenset[str]:
    scopes = _list(entry, "scopes") if "scopes" in entry else frozenset(SCOPES)
    if unknown := sorted(scopes - set(SCOPES)):
        raise _Wrong(f"`scopes` may hold {', '.join(SCOPES)}, not {', '.join(unknown)}")
    return scopes


def _verifier(entry: Mapping[str, Any]) -> Verifier:
    family = FAMILIES.get(_text(entry, "algorithms"))
    if family is None:
        raise _Wrong(f"`algorithms` must be one of {', '.join(FAMILIES)}")
    if ("keys" in entry) == ("jwks_url" in entry):
        raise _Wrong("needs either `keys` or `jwks_url`")
    if "jwks_url" in entry:
        return FetchedKeys(family, _jwks_url(entry))
    keys = entry["keys"]
    if not isinstance(keys, list) or not keys:
        raise _Wrong("`keys` must be an array of PEM texts or JWK objects")
    return GivenKeys([_key(family, number, key) for number, key in enumerate(keys, 1)])


def _key(family: Family, number: int, key: Any) -> Key:
    try:
        if isinstance(key, str):
            return key_of_pem(family, key)
        if isinstance(key, dict):
            return key_of_jwk(family, key)
    except BadKey as error:
        raise _Wrong(f"key {number} {error}") from error
    raise _Wrong(f"key {number} must be a PEM text or a JWK object")


def _jwks_url(entry: Mapping[str, Any]) -> str:
    url = _text(entry, "jwks_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError as error:
        raise _Wrong(f"`jwks_url` is no URL: {error}") from error
    plain = parts.scheme == "http" and _is_loopback(host or "")
    if not host or not url.isascii() or " " in url or parts.username is not None or parts.fragment:
        raise _Wrong("`jwks_url` must be a URL with a host, without a user or a fragment")
    if parts.scheme != "https" and not plain:
        raise _Wrong("`jwks_url` must begin with https:// (http:// on this machine alone)")
    if problem := url_problem(url):
        raise _Wrong(f"`jwks_url` {problem}")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LENGTH or not value.isprintable():
        raise _Wrong(f"`{name}` must be a text of 1 to {TEXT_LENGTH} printable characters")
    return value


def _list(entry: Mapping[str, Any], name: str) -> frozenset[str]:
    value = entry.get(name)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(each, str) and each for each in values):
        raise _Wrong(f"`{name}` must be a text or an array of texts")
    return frozenset(values)
