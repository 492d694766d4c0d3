"""What a visitor of the bare API host sees: who answers, and where to go."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service, present
from pubsite.models import Account
from pubsite.security import PUBLIC, Permission

home = Service("home", "/", contexts.anybody)
me = Service("accounts.me", "/api/accounts/me", contexts.signed_in)


@home.on("GET", permission=PUBLIC)
def get(request: Request) -> dict[str, Any]:
    return {"name": "pubsite", "sites": f"{request.host_url}/api/sites/me", "me": f"{request.host_url}/api/accounts/me"}


@me.on("GET", permission=Permission.SIGNED_IN)
def get_me(request: Request) -> dict[str, Any]:
    account = request.db.get_one(Account, request.pubsite_identity.account_id)
    return present(id=str(account.id), name=account.name, email=account.email, is_staff=account.is_staff)


def includeme(config: Configurator) -> None:
    for service in (home, me):
        config.add_cornice_service(service)
