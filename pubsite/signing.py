"""The server's keys, and the tokens signed with them. Keys lie in a file of their own, never in the database.

`keys.json` in the data folder, mode 0600: `{"tokens": ["<hex>", …]}`. The first key signs and all verify, so that a key
is changed by putting a new one in front and dropping the old one later.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from pubsite.errors import SettingsError, Unauthorized

FILE = "keys.json"
ISSUER = "pubsite"
SCOPES = ("read", "write", "deploy", "admin")
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: whose it is, and what it may at most do."""

    account_id: uuid.UUID
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one server."""

    tokens: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def load(cls, data_dir: str | Path) -> Keys:
        """Read `keys.json`; raises SettingsError when it is missing, open to others, or too weak."""
        path = Path(data_dir) / FILE
        try:
            if path.stat().st_mode & 0o077:
                raise SettingsError(f"{path} can be read by others: chmod 600 it")
            tokens = tuple(bytes.fromhex(key) for key in json.loads(path.read_text())["tokens"])
        except FileNotFoundError:
            raise SettingsError(f"{path} is missing: run `pubsite init`") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f'{path} is not of the form {{"tokens": ["<hex>", …]}}') from error
        if not tokens or any(len(key) < KEY_BYTES for key in tokens):
            raise SettingsError(f"{path} needs keys of at least {KEY_BYTES} bytes (RFC 7518 §3.2)")
        return cls(tokens)

    @classmethod
    def create(cls, data_dir: str | Path) -> Keys:
        """Make `keys.json` with a new random key where there is none yet; then load it. Two at once make one file."""
        path = Path(data_dir) / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"tokens": [secrets.token_hex(KEY_BYTES)]}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return cls.load(data_dir)

    def issue_token(
        self, account_id: uuid.UUID, *, scopes: tuple[str, ...] = SCOPES, lifetime: timedelta
    ) -> tuple[str, datetime]:
        """A JWT (HS256) for an account, and when it expires."""
        now = datetime.now(UTC).replace(microsecond=0)
        expires_at = now + lifetime
        claims = {"iss": ISSUER, "sub": str(account_id), "scope": " ".join(scopes), "iat": now, "exp": expires_at}
        return jwt.encode(claims, self.tokens[0], algorithm="HS256"), expires_at

    def verify_token(self, token: str) -> Claims:
        """The claims of one of our JWTs; raises Unauthorized, without saying what was wrong."""
        for key in self.tokens:
            try:
                claims = jwt.decode(
                    token, key, algorithms=["HS256"], issuer=ISSUER, options={"require": ["exp", "sub", "iss"]}
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                raise Unauthorized from error
            return _claims(claims)
        raise Unauthorized


def _claims(claims: dict[str, Any]) -> Claims:
    try:
        scope = claims.get("scope", " ".join(SCOPES))
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Claims(uuid.UUID(claims["sub"]), frozenset(scope.split()) & frozenset(SCOPES), expires_at)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise Unauthorized from error
