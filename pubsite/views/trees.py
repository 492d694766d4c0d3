"""Folders, moves and whole trees: `…/folder`, `/move`, `/deploy`, `/purge`, `/archive`, of files and of assets."""

from __future__ import annotations

import tempfile
from typing import Any

import colander
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import FileIter, Response

from pubsite import contexts
from pubsite.api import Media, Service
from pubsite.forms import read_file
from pubsite.models import Mode
from pubsite.schema import Boolean, Choice, Object, OpenObject, Text, required
from pubsite.security import Permission
from pubsite.services import files, moving, packing, trees, unpacking
from pubsite.views import conditional
from pubsite.views.files import FileEntry, Removed, attachment, file_json, limits
from pubsite.views.pages import UUID
from pubsite.views.sync import Swap, swapped

ARCHIVE = Media("multipart/form-data", fields=(("file", "binary"),))
IN_MEMORY = 8 * 1_048_576


class Folder(Object):
    """A directory to make."""

    path = required(Text(1, 4096), described="FolderPath")


class Move(Object):
    """What to move, and to where."""

    from_ = required(Text(1, 4096), name="from", described="FolderPath")  # a word of Python
    to = required(Text(1, 4096), described="FolderPath")
    overwrite = colander.SchemaNode(Boolean(), missing=False)


class Deploy(OpenObject):
    """How an archive becomes the tree."""

    mode = colander.SchemaNode(Choice("replace", "merge"), missing="replace")
    smart = colander.SchemaNode(Boolean(text=True), missing=True)


class Format(OpenObject):
    """Which kind of archive."""

    format = colander.SchemaNode(Choice("zip", "tar.gz"), missing="zip")


def folder(request: Request) -> dict[str, Any]:
    """Make a directory and those above it; it may be there already."""
    path = request.validated["body"]["path"].removesuffix("/")
    return file_json(files.make_directory(request.db, request.context.site, path))


def move(request: Request) -> dict[str, Any]:
    """Move a file, or a directory with all that is in it."""
    body = request.validated["body"]
    source, target = (body[name].removesuffix("/") for name in ("from", "to"))
    return file_json(moving.move(request.db, request.context.site, source, target, overwrite=body["overwrite"]))


def deploy(request: Request) -> dict[str, int]:
    """Replace the tree by what a zip, tar, tar.gz or tar.zst holds, or merge that into it."""
    query, archive = request.validated["querystring"], read_file(request)
    objects, guard = request.registry.storage.objects, conditional.guard(request, "tree")
    merge, smart = query["mode"] == "merge", query["smart"]
    site = request.context.site
    outcome = unpacking.deploy(
        request.db, objects, site, archive, limits(request), merge=merge, smart=smart, guard=guard
    )
    return swapped(request, outcome)


def purge(request: Request) -> dict[str, int]:
    """Delete everything in the tree."""
    return {"deleted": trees.purge(request.db, request.context.site, conditional.guard(request, "tree"))}


def archive(request: Request) -> Response:
    """The tree as an archive: the same bytes for the same tree."""
    site, kind = request.context.site, request.validated["querystring"]["format"]
    tree = trees.contents(request.db, site)
    tag = trees.tag_of(tree)
    if known := conditional.unchanged(request, tag):
        return known
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # the response closes it
    packing.write(request.registry.storage.objects, tree, file, format=kind)
    size = file.tell()
    file.seek(0)
    response = Response(app_iter=FileIter(file), content_length=size)
    response.headers["ETag"] = f'"{tag}"'
    response.headers["Content-Type"] = "application/zip" if kind == "zip" else "application/gzip"
    response.headers["Content-Disposition"] = attachment(f"{site.slug[:100]}-files.{kind}")
    return response


def _services(kind: str, mode: Mode) -> list[Service]:
    base, factory = f"/api/sites/{{site_id:{UUID}}}/{kind}", contexts.tree(mode)
    write = Permission.WRITE
    folders = Service(f"{kind}.folder", f"{base}/folder", factory)
    folders.on("POST", permission=write, body=Folder(), answer=FileEntry(), conflicts=True)(folder)
    moves = Service(f"{kind}.move", f"{base}/move", factory)
    moves.on("POST", permission=write, body=Move(), answer=FileEntry(), conflicts=True)(move)
    deploys = Service(f"{kind}.deploy", f"{base}/deploy", factory)
    deploys.on("POST", permission=write, body=ARCHIVE, query=Deploy(), answer=Swap(), conflicts=True, tagged=True)(
        deploy
    )
    purges = Service(f"{kind}.purge", f"{base}/purge", factory)
    purges.on("DELETE", permission=write, answer=Removed(), tagged=True)(purge)
    archives = Service(f"{kind}.archive", f"{base}/archive", factory)
    packed = Media("application/gzip, application/zip")
    archives.on("GET", permission=Permission.READ_FILES, query=Format(), answer=packed, tagged=True)(archive)
    return [folders, moves, deploys, purges, archives]


def includeme(config: Configurator) -> None:
    for kind, mode in (("files", Mode.SelfManaged), ("assets", Mode.FullyManaged)):
        for service in _services(kind, mode):
            config.add_cornice_service(service)
