"""Who is asking, and what that allows: one table of permissions, one policy for Pyramid.

A permission needs a role in the context's publisher and a scope of the token; both columns must be met.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED, Allowed, Denied

from pubsite.errors import Unauthorized
from pubsite.issuers import OutsideClaims
from pubsite.models import Role
from pubsite.services import accounts, tokens
from pubsite.services.outside import OutsideAccounts
from pubsite.signing import jws

PUBLIC = NO_PERMISSION_REQUIRED
TOKEN_LENGTH = 8192


class Permission(StrEnum):
    """What a route asks for."""

    SIGNED_IN = "signed_in"
    SIGNED_IN_ADMIN = "signed_in_admin"
    READ = "read"
    READ_FILES = "read_files"
    WRITE = "write"
    RESTORE = "restore"
    DEPLOY = "deploy"
    MANAGE_RECORDS = "manage_records"
    ADMIN = "admin"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Need:
    """The least role in the publisher (None: none), and the scope of the token."""

    role: Role | None
    scope: str


NEEDS: dict[Permission, Need] = {
    Permission.SIGNED_IN: Need(None, "read"),
    Permission.SIGNED_IN_ADMIN: Need(None, "admin"),
    Permission.READ: Need(Role.Viewer, "read"),
    # The documents ask for an Editor even to list files; a token to read them need not be able to write.
    Permission.READ_FILES: Need(Role.Editor, "read"),
    Permission.WRITE: Need(Role.Editor, "write"),
    Permission.RESTORE: Need(Role.Owner, "write"),
    Permission.DEPLOY: Need(Role.Editor, "deploy"),
    Permission.MANAGE_RECORDS: Need(Role.Manager, "deploy"),
    Permission.ADMIN: Need(Role.Manager, "admin"),
    Permission.OWN: Need(Role.Owner, "admin"),
}


READING = frozenset({Permission.READ, Permission.READ_FILES})


@dataclass(frozen=True, slots=True)
class Identity:
    """The account behind a request, and what its token may at most do: in one publisher or site, until some time.

    `is_staff`: whether it may read what belongs to others; a token for one publisher or site may not.
    """

    account_id: uuid.UUID
    is_staff: bool
    scopes: frozenset[str]
    expires_at: datetime | None = None
    token_id: uuid.UUID | None = None
    publisher_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether the token is for one publisher or one site alone."""
        return self.publisher_id is not None

    def reaches(self, publisher_id: uuid.UUID, site_id: uuid.UUID | None = None) -> bool:
        """Whether the token is for that publisher, and for that site of it (None: for the publisher itself)."""
        return self.publisher_id in (None, publisher_id) and self.site_id in (None, site_id)


def may(identity: Identity | None, role: Role | None, permission: Permission) -> bool:
    """Whether somebody with this role in the publisher at hand has the permission. Staff may read everything."""
    if identity is None:
        return False
    need = NEEDS[permission]
    if need.scope not in identity.scopes:
        return False
    if need.role is None or (identity.is_staff and permission in READING):
        return True
    return role is not None and role >= need.role


class Policy:
    """Pyramid's security policy: a bearer token makes the identity, the context knows the role."""

    def identity(self, request: Request) -> Identity | None:
        identity: Identity | None = request.pubsite_identity
        return identity

    def authenticated_userid(self, request: Request) -> str | None:
        identity = self.identity(request)
        return None if identity is None else str(identity.account_id)

    def permits(self, request: Request, context: Any, permission: str) -> Allowed | Denied:
        role = getattr(context, "role", None)
        return (Allowed if may(self.identity(request), role, Permission(permission)) else Denied)("")

    def remember(self, request: Request, userid: str, **kw: Any) -> list[Any]:
        return []

    def forget(self, request: Request, **kw: Any) -> list[Any]:
        return []


def require_identity(request: Request) -> Identity:
    """The identity of whoever is signed in, else Unauthorized; route factories ask before they look anything up."""
    identity: Identity | None = request.pubsite_identity
    if identity is None:
        raise Unauthorized
    return identity


def _identity(request: Request) -> Identity | None:
    """None without credentials; wrong ones raise Unauthorized even where none are needed, as a client's mistake."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not 0 < len(token) <= TOKEN_LENGTH:
        raise Unauthorized
    token = token.strip()
    return _of_api_token(request, token) if token.startswith(tokens.PREFIX) else _of_jwt(request, token)


def _of_api_token(request: Request, value: str) -> Identity:
    found = tokens.find(request.db, value)
    if found is None:
        raise Unauthorized
    token, is_staff = found
    is_staff = is_staff and token.publisher_id is None
    limits = token.expires_at, token.id, token.publisher_id, token.site_id
    return Identity(token.account_id, is_staff, frozenset(token.scopes), *limits)


def _of_jwt(request: Request, text: str) -> Identity:
    """Our own token names an account; that of an outside issuer stands for one, which is never staff."""
    token = jws.read(text)
    issuer = request.registry.issuers.of(token)
    if issuer is not None:
        return _of_outside(request, issuer.verify(token))
    claims = request.registry.keys.verify(token)
    is_staff = accounts.is_staff(request.db, claims.account_id)
    if is_staff is None:
        raise Unauthorized
    return Identity(claims.account_id, is_staff, claims.scopes, claims.expires_at)


def _of_outside(request: Request, claims: OutsideClaims) -> Identity:
    outside: OutsideAccounts = request.registry.outside_accounts
    account_id = outside.account_of(claims.issuer, claims.subject, called=claims.name, email=claims.email)
    if accounts.is_staff(request.db, account_id) is None:
        outside.forget(claims.issuer, claims.subject)
        raise Unauthorized
    return Identity(account_id, False, claims.scopes, claims.expires_at)


def includeme(config: Configurator) -> None:
    config.set_security_policy(Policy())
    # Not `identity`: Pyramid's own property of that name asks the policy each time.
    config.add_request_method(_identity, "pubsite_identity", reify=True)
