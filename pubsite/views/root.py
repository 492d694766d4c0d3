"""What a visitor of the bare API host sees: who answers, and where to go."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.security import PUBLIC

home = Service("home", "/", contexts.anybody)


@home.on("GET", permission=PUBLIC)
def get(request: Request) -> dict[str, Any]:
    return {"name": "pubsite", "sites": f"{request.host_url}/api/sites/me", "me": f"{request.host_url}/api/accounts/me"}


def includeme(config: Configurator) -> None:
    config.add_cornice_service(home)
