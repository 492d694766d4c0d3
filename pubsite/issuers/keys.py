"""Public keys of outside issuers: given in the file of issuers, or fetched from the issuer (a JWKS, RFC 7517).

Fetched keys are held for five minutes, and for a day while the other end is down. One thread fetches at a time; the
others go on with the keys at hand or, with none that could fit, are told to come again: nobody queues.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pubsite.errors import Unavailable
from pubsite.issuers.fetch import FetchFailed, fetch_json
from pubsite.signing import jws

log = logging.getLogger(__name__)

FRESH_SECONDS = 300
STALE_SECONDS = 86_400
UNKNOWN_SECONDS = 30  # between two fetches for keys that are not there, or from an end that is down
RETRY_SECONDS = 5  # the same while there are no keys at all
RSA_BITS = (2048, 8192)
MOST_KEYS = 100  # of one JWKS


@dataclass(frozen=True, slots=True)
class Family:
    """Algorithms of one kind of key: what tokens may call them, and what a JWK of it looks like."""

    name: str
    algorithms: frozenset[str]
    kty: str
    curve: str | None = None


FAMILIES = {
    family.name: family
    for family in (
        Family("RS256", frozenset({"RS256"}), "RSA"),
        Family("ES256", frozenset({"ES256"}), "EC", "P-256"),
        Family("EdDSA", frozenset({"EdDSA", "Ed25519"}), "OKP", "Ed25519"),  # the second by RFC 9864
    )
}


class BadKey(Exception):
    """No public key that can be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the `kid` that its tokens bear (None: any)."""

    family: Family
    public: Any
    kid: str | None = None

    def fits(self, token: jws.Token) -> bool:
        """Whether the token may be of this key, by what it says of itself."""
        kid = token.header.get("kid")
        return token.header.get("alg") in self.family.algorithms and (None in (kid, self.kid) or self.kid == kid)

    def signed(self, token: jws.Token) -> bool:
        algorithm = jwt.get_algorithm_by_name(self.family.name)
        return bool(algorithm.verify(token.signed, self.public, token.signature))


class GivenKeys:
    """Keys that stand in the file of issuers."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def verify(self, token: jws.Token) -> bool:
        return any(key.signed(token) for key in self._keys if key.fits(token))


class FetchedKeys:
    """Keys of a JWKS."""

    def __init__(self, family: Family, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._family, self._url, self._clock = family, url, clock
        self._fetching = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._fetched_at = self._tried_at = -math.inf

    def verify(self, token: jws.Token) -> bool:
        if token.header.get("alg") not in self._family.algorithms:
            return False
        return any(key.signed(token) for key in self._candidates(token))

    def _candidates(self, token: jws.Token) -> Iterator[Key]:
        """Keys that may have signed: those at hand, then, when they are not the ones, those of a new fetch."""
        self._refresh()
        held = [key for key in self._keys if key.fits(token)]
        yield from held
        if held and token.header.get("kid") is not None:
            return
        self._fetch(UNKNOWN_SECONDS)
        yield from (key for key in self._keys if key.fits(token) and key not in held)
        if not held and self._tried_at > self._fetched_at:  # a key that we were not told of yet?
            raise _unavailable()

    def _refresh(self) -> None:
        """Fetch keys that have grown old; raises Unavailable when there are none to go on with."""
        age = self._clock() - self._fetched_at
        if age < FRESH_SECONDS:
            return
        if age < STALE_SECONDS:
            self._fetch(UNKNOWN_SECONDS, needed=False)
            return
        self._fetch(RETRY_SECONDS)
        if self._clock() - self._fetched_at >= STALE_SECONDS:
            raise _unavailable()

    def _fetch(self, spacing: float, *, needed: bool = True) -> None:
        """Fetch the keys, unless that was tried less than `spacing` seconds ago.

        needed: raise Unavailable while another thread is at it, instead of going on without.
        """
        if not self._fetching.acquire(blocking=False):
            if needed:
                raise _unavailable()
            return
        try:
            if self._clock() - self._tried_at >= spacing:
                self._try()
        finally:
            self._fetching.release()

    def _try(self) -> None:
        try:
            self._keys = _keys_of(self._family, fetch_json(self._url))
        except FetchFailed as error:
            log.warning("no keys from %s: %s", self._url, error)
            self._tried_at = self._clock()
        else:
            self._tried_at = self._fetched_at = self._clock()


def _unavailable() -> Unavailable:
    return Unavailable("The token's issuer does not answer; try again", retry_after=RETRY_SECONDS)


def key_of_pem(family: Family, text: str) -> Key:
    """A key given as PEM; raises BadKey."""
    if "PRIVATE KEY" in text:
        raise BadKey("is a private key: give the public one, and make a new pair")
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("is no PEM public key (BEGIN PUBLIC KEY)") from error
    return Key(family, _checked(family, public))


def key_of_jwk(family: Family, jwk: Mapping[str, Any]) -> Key:
    """A key given as a JWK (RFC 7517); raises BadKey."""
    if jwk.get("kty") == "oct":
        raise BadKey("is a secret (oct): outside issuers need public keys")
    if "d" in jwk:
        raise BadKey("is a private key: give the public one, and make a new pair")
    if not _is_for(family, jwk):
        raise BadKey(f"is not for {family.name} signatures (kty, crv, use, key_ops, alg)")
    try:
        public = jwt.get_algorithm_by_name(family.name).from_jwk(dict(jwk))
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadKey("is no JWK of a public key") from error
    kid = jwk.get("kid")
    return Key(family, _checked(family, public), kid if isinstance(kid, str) else None)


def _is_for(family: Family, jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("kty") == family.kty
        and (family.curve is None or jwk.get("crv") == family.curve)
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and jwk.get("alg", family.name) in (family.name, *family.algorithms)
    )


def _checked(family: Family, public: Any) -> Any:
    if family.kty == "RSA" and isinstance(public, RSAPublicKey):
        if not RSA_BITS[0] <= public.key_size <= RSA_BITS[1]:
            raise BadKey(f"has {public.key_size} bits; RSA keys need {RSA_BITS[0]} to {RSA_BITS[1]}")
        return public
    if family.kty == "EC" and isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return public
    if family.kty == "OKP" and isinstance(public, Ed25519PublicKey):
        return public
    raise BadKey(f"is of another kind than {family.name} needs")


def _keys_of(family: Family, document: Any) -> tuple[Key, ...]:
    """The keys of a JWKS that can be used here; an empty list is an issuer that has withdrawn them all."""
    jwks = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(jwks, list):
        raise FetchFailed("the answer is no JWKS")
    keys = []
    for jwk in jwks[:MOST_KEYS]:
        try:
            keys.append(key_of_jwk(family, jwk if isinstance(jwk, dict) else {}))
        except BadKey:  # an issuer's other keys, for encryption or of another family, stand in the same list
            continue
    return tuple(keys)
