"""Whole trees: `/api/sites/{site_id}/files/sync` and `…/blobs/{digest}`, and the same under `…/assets`."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Media, Service
from pubsite.models import Mode
from pubsite.schema import Boolean, Integer, MapOf, Object, OpenObject, Text, many, required
from pubsite.security import Permission
from pubsite.services import sync as syncing
from pubsite.services import trees
from pubsite.views import conditional
from pubsite.views.files import limits
from pubsite.views.pages import UUID


class Tree(Object):
    """Every path of the tree with its content's sha256 in lower-case hex."""

    files = required(MapOf(required(Text(64, 64)), maximum=trees.MOST_FILES, key=Text(1, 4096)), described="TreeFiles")


class Missing(Object):
    """Contents that this publisher does not hold, each once."""

    missing = required(many(required(Text(64, 64), described="Digest")))


class Swap(Object):
    """What became of the files of a tree that was swapped."""

    created = required(Integer(0))
    updated = required(Integer(0))
    unchanged = required(Integer(0))
    deleted = required(Integer(0))


class Commit(OpenObject):
    """Whether to swap, or only to ask what is missing."""

    commit = colander.SchemaNode(Boolean(text=True), missing=False)


def sync(request: Request) -> dict[str, Any]:
    """Which contents are missing for a tree; with `commit`, swap the tree for it in one step."""
    wanted, site = request.validated["body"]["files"], request.context.site
    objects = request.registry.storage.objects
    if request.validated["querystring"]["commit"]:
        guard = conditional.guard(request, "tree")
        return swapped(request, syncing.commit(request.db, objects, site, wanted, limits(request), guard))
    request.response.headers["ETag"] = f'"{trees.tag_of(trees.contents(request.db, site))}"'
    return {"missing": syncing.missing(request.db, objects, site, wanted)}


def swapped(request: Request, outcome: trees.Outcome) -> dict[str, int]:
    """What a swap did as the answer, with the new tree's validator."""
    request.response.headers["ETag"] = f'"{outcome.tag}"'
    return {name: getattr(outcome, name) for name in ("created", "updated", "unchanged", "deleted")}


def blob(request: Request) -> None:
    """Stage a content, for a commit within the hour."""
    objects = request.registry.storage.objects
    syncing.stage(request.db, objects, request.context.site, request.matchdict["digest"], request.body, limits(request))


def includeme(config: Configurator) -> None:
    for kind, mode in (("files", Mode.SelfManaged), ("assets", Mode.FullyManaged)):
        base, factory = f"/api/sites/{{site_id:{UUID}}}/{kind}", contexts.tree(mode)
        syncs = Service(f"{kind}.sync", f"{base}/sync", factory)
        syncs.on(
            "POST",
            permission=Permission.WRITE,
            body=Tree(),
            query=Commit(),
            answer=(Missing(), Swap()),
            conflicts=True,
            tagged=True,
        )(sync)
        blobs = Service(f"{kind}.blobs", f"{base}/blobs/{{digest:[0-9a-f]{{64}}}}", factory)
        blobs.on("PUT", permission=Permission.WRITE, body=Media("application/octet-stream"), status=204)(blob)
        for service in (syncs, blobs):
            config.add_cornice_service(service)
