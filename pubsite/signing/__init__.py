"""The server's keys, and the tokens signed with them. Keys lie in a file of their own, never in the database.

The first key signs and all verify: a key is changed by putting a new one in front and dropping the old one later.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pubsite.errors import Conflict, NotFound, SettingsError, Unauthorized
from pubsite.signing import jws, key_file
from pubsite.signing.key_file import FILE, KEY_BYTES, Use

__all__ = ["FILE", "ISSUER", "KEY_BYTES", "SCOPES", "Claims", "Keys", "LiveKeys", "fingerprint"]

ISSUER = "pubsite"
ALGORITHM = "HS256"
SCOPES = ("read", "write", "deploy", "admin")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: whose it is, and what it may at most do."""

    account_id: uuid.UUID
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one server, as its file had them."""

    tokens: tuple[bytes, ...] = field(repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, data_dir: str | Path) -> Keys:
        """Read `keys.json`; raises SettingsError when it is missing, open to others, or too weak."""
        return cls(key_file.read(Path(data_dir)), key_file.read(Path(data_dir), "secrets"))

    @classmethod
    def create(cls, data_dir: str | Path) -> Keys:
        """Make `keys.json` with a new random key where there is none yet; then load it. Two at once make one file."""
        key_file.create(Path(data_dir))
        return cls.load(data_dir)

    @classmethod
    def rotate(cls, data_dir: str | Path, use: Use = "tokens") -> Keys:
        """Put a new random key in front of those of a use; the others go on verifying, or opening."""
        with key_file.changing(Path(data_dir), use) as keys:
            keys.insert(0, key_file.new_key())
        return cls.load(data_dir)

    @classmethod
    def drop(cls, data_dir: str | Path, name: str, use: Use = "tokens") -> Keys:
        """Take the key with that fingerprint out of `keys.json`; NotFound, or Conflict for the one in use."""
        with key_file.changing(Path(data_dir), use) as keys:
            names = [fingerprint(key) for key in keys]
            if name not in names:
                raise NotFound(f"No key {name}")
            if names[0] == name:
                raise Conflict(f"The key {name} is the one that is used for what is made now: rotate first")
            del keys[names.index(name)]
        return cls.load(data_dir)

    def fingerprints(self, use: Use = "tokens") -> tuple[str, ...]:
        """What the keys of a use are called; the one for what is made now comes first."""
        return tuple(fingerprint(key) for key in (self.tokens if use == "tokens" else self.secrets))

    def issue_token(
        self, account_id: uuid.UUID, *, scopes: tuple[str, ...] = SCOPES, lifetime: timedelta
    ) -> tuple[str, datetime]:
        """A JWT (HS256) for an account, and when it expires."""
        now, key = int(time.time()), self.tokens[0]
        expires_at = datetime.fromtimestamp(now, UTC) + lifetime
        # `kid` is for people who look into a token: nothing here is chosen by it.
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": fingerprint(key)}
        times = {"iat": now, "exp": int(expires_at.timestamp())}
        claims = {"iss": ISSUER, "sub": str(account_id), "scope": " ".join(scopes), **times}
        return jws.write(header, claims, lambda signed: _mac(key, signed)), expires_at

    def verify(self, token: jws.Token) -> Claims:
        """The claims of one of our JWTs; raises Unauthorized, without saying what was wrong."""
        if token.header.get("alg") != ALGORITHM or token.claims.get("iss") != ISSUER or "aud" in token.claims:
            raise Unauthorized
        if not self._signed(token):
            raise Unauthorized
        return Claims(_account_id(token.claims.get("sub")), _scopes(token.claims), jws.expiry(token))

    def _signed(self, token: jws.Token) -> bool:
        """Whether one of the keys did; all are tried, whatever `kid` says."""
        return any(hmac.compare_digest(_mac(key, token.signed), token.signature) for key in self.tokens)


class LiveKeys:
    """The keys of a running server. They follow their file, so that keys change without a restart.

    One stat a token (a microsecond): a key counts from the moment at which it is put in, and not beyond the one at
    which it is taken out. A file that cannot be used leaves the keys as they are, and one warning.
    """

    def __init__(self, data_dir: str | Path) -> None:
        self._data_dir = Path(data_dir)
        self._changing = threading.Lock()
        self._stamp = key_file.stamp(self._data_dir)  # before reading: what changes in between is read again
        self._keys = Keys.load(data_dir)

    @property
    def current(self) -> Keys:
        """The keys of this moment."""
        if key_file.stamp(self._data_dir) != self._stamp:
            self._follow()
        return self._keys

    def verify(self, token: jws.Token) -> Claims:
        """The claims of one of our JWTs; raises Unauthorized."""
        return self.current.verify(token)

    def _follow(self) -> None:
        with self._changing:
            stamp = key_file.stamp(self._data_dir)
            if stamp == self._stamp:
                return
            try:
                self._keys = Keys.load(self._data_dir)
            except (SettingsError, OSError) as error:
                log.warning("the keys stay as they were: %s", error)
            else:
                log.info("keys read again: %s", ", ".join(self._keys.fingerprints()))
            self._stamp = stamp


def fingerprint(key: bytes) -> str:
    """What a key is called; tells nothing of a random one."""
    return hashlib.sha256(b"pubsite key\n" + key).hexdigest()[:12]


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")


def _account_id(subject: Any) -> uuid.UUID:
    try:
        account_id = uuid.UUID(subject)
    except (ValueError, TypeError, AttributeError) as error:
        raise Unauthorized from error
    if str(account_id) != subject:  # UUID takes braces, urn: and capitals too
        raise Unauthorized
    return account_id


def _scopes(claims: Any) -> frozenset[str]:
    if "scope" not in claims:
        return frozenset(SCOPES)
    if not isinstance(claims["scope"], str):
        raise Unauthorized
    return frozenset(claims["scope"].split()) & frozenset(SCOPES)
