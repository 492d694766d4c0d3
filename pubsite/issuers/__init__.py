"""Outside issuers: whose JWTs are accepted beside our own.

An issuer has one family of algorithms and keys of that family alone, so no key is ever used as what it is not. Which
account a token stands for is `services/outside.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable

from pubsite.issuers.issuer import Issuer, OutsideClaims
from pubsite.signing import jws

__all__ = ["Issuer", "Issuers", "OutsideClaims"]


class Issuers:
    """All outside issuers, by their `iss`."""

    def __init__(self, issuers: Iterable[Issuer] = ()) -> None:
        self._by_url = {issuer.url: issuer for issuer in issuers}

    @classmethod
    def load(cls, path: str) -> Issuers:
        """Read the file of issuers; empty: there are none. Raises SettingsError that names what is wrong."""
        if not path:
            return cls()
        from pubsite.issuers.file import read  # with the libraries for public keys, which few servers need

        return cls(read(path))

    def of(self, token: jws.Token) -> Issuer | None:
        """The outside issuer that a token names, unverified; None: it is ours, or nobody's."""
        issuer = token.claims.get("iss")
        return self._by_url.get(issuer) if isinstance(issuer, str) else None
