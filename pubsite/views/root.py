"""What a visitor of the bare API host sees: who answers, and where to go."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.schema import Object, Text, required
from pubsite.security import PUBLIC


class Home(Object):
    """Who answers, and where to go."""

    name = required(Text(1, 64))
    sites = required(Text(1, 8192))
    me = required(Text(1, 8192))
    docs = required(Text(1, 8192))


home = Service("home", "/", contexts.anybody)


@home.on("GET", permission=PUBLIC, answer=Home())
def get(request: Request) -> dict[str, Any]:
    """Who answers here, and where to go; without a look at the database."""
    links = {"sites": "/api/sites/me", "me": "/api/accounts/me", "docs": "/api/docs"}
    return {"name": "pubsite", **{name: f"{request.host_url}{path}" for name, path in links.items()}}


def includeme(config: Configurator) -> None:
    config.add_cornice_service(home)
