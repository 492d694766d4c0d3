"""Secrets that others entrusted to us, sealed: AES-256-GCM (NIST SP 800-38D) with keys that are in no database.

A sealed text is bound to its context: copied to another row it does not open. The first key seals, all open, so that
keys change without a moment at which nothing can be read.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pubsite.errors import PubsiteError, Unavailable
from pubsite.signing import fingerprint

_VERSION = "s1"
_NONCE_BYTES = 12


class SecretLost(PubsiteError):
    """The key that sealed it is gone, or it was sealed for something else."""

    code = "secret_lost"


class Sealer:
    """Seals and opens with the keys that `keys` gives at that moment, 32 bytes each."""

    def __init__(self, keys: Callable[[], tuple[bytes, ...]]) -> None:
        self._keys = keys

    def seal(self, text: str, context: str) -> str:
        """`s1.<fingerprint of the key>.<base64url of nonce and ciphertext>`; raises Unavailable without any key."""
        keys = self._keys()
        if not keys:
            raise Unavailable("This server has no key to seal secrets with: run `pubsite init`", retry_after=60)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(keys[0]).encrypt(nonce, text.encode(), context.encode())
        return f"{_VERSION}.{fingerprint(keys[0])}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The text; raises SecretLost."""
        _, name, body = [*sealed.split(".", 2), "", ""][:3]
        for key in self._keys():
            if fingerprint(key) == name:
                raw = base64.urlsafe_b64decode(body)
                try:
                    return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
                except (InvalidTag, ValueError) as error:
                    raise SecretLost("The secret was not sealed for this") from error
        raise SecretLost("The key that the secret was sealed with is gone: give the secret again")
