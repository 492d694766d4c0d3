"""One outside issuer, and what a verified token of it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pubsite.errors import Unauthorized
from pubsite.signing import SCOPES, jws

SUBJECT_LENGTH = 1024
EMAIL_LENGTH = 254


@dataclass(frozen=True, slots=True)
class OutsideClaims:
    """What a verified token of an outside issuer says. `name`: what the issuer is called in account names."""

    issuer: str
    name: str
    subject: str
    email: str | None
    scopes: frozenset[str]
    expires_at: datetime


class Verifier(Protocol):
    """The public keys of an issuer."""

    def verify(self, token: jws.Token) -> bool:
        """Whether one of the keys signed it; raises Unavailable when there are none to ask."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One entry of the file of issuers. `scopes`: what its tokens may at most do."""

    url: str
    name: str
    audiences: frozenset[str]
    scopes: frozenset[str]
    scope_claim: str
    keys: Verifier

    def verify(self, token: jws.Token) -> OutsideClaims:
        """The claims of one of its JWTs; raises Unauthorized, and Unavailable when its keys cannot be had now."""
        claims = token.claims
        # All that needs no key comes first: a token that would be refused anyway makes nobody fetch keys.
        expires_at, scopes = jws.expiry(token), self._scopes(claims.get(self.scope_claim))
        if not self.audiences & _texts(claims.get("aud")) or not _is_subject(claims.get("sub")):
            raise Unauthorized
        if not self.keys.verify(token):
            raise Unauthorized
        return OutsideClaims(self.url, self.name, claims["sub"], _email(claims), scopes, expires_at)

    def _scopes(self, claim: Any) -> frozenset[str]:
        """The words of ours that the token bears, of those it may have; all of those when it bears none of ours."""
        words = frozenset(word for text in _texts(claim) for word in text.split()) & frozenset(SCOPES)
        return self.scopes & words if words else self.scopes


def _texts(claim: Any) -> frozenset[str]:
    """A claim that is one text, an array of texts, or left out."""
    values = [] if claim is None else [claim] if isinstance(claim, str) else claim
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Unauthorized
    return frozenset(values)


def _is_subject(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= SUBJECT_LENGTH and _is_storable(value)


def _email(claims: Any) -> str | None:
    """The address, if the issuer says that it is the subject's own."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    return email if "@" in email and len(email) <= EMAIL_LENGTH and email.isprintable() else None


def _is_storable(text: str) -> bool:
    """Databases take neither lone surrogates nor, PostgreSQL, NUL."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
