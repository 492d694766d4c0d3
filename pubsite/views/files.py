"""Files of SelfManaged sites under `/api/sites/{site_id}/files`, assets of FullyManaged ones under `…/assets`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import colander
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from pubsite import contexts
from pubsite.api import Media, Service, time
from pubsite.api.paging import Paged, paged
from pubsite.forms import read_form
from pubsite.models import File, Mode
from pubsite.schema import Boolean, Instant, Integer, Object, OpenObject, Text, many, required
from pubsite.security import Permission
from pubsite.services import files
from pubsite.services.files import Limits
from pubsite.views import conditional
from pubsite.views.pages import UUID

# The documented types, exactly; everything else is a stream of bytes.
DOWNLOAD_TYPES = {
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".css": "text/css",
    ".js": "application/javascript",
    ".json": "application/json",
}


class Directory(Paged):
    """Which directory to list."""

    path = colander.SchemaNode(Text(0, 4096), missing="", described="DirectoryPath")


class Edit(Object):
    """A text file's new content."""

    new_content = required(Text(0, 67_108_864), described="FileText")


class Removal(OpenObject):
    """How much to remove."""

    recursive = colander.SchemaNode(Boolean(text=True), missing=False)


class FileEntry(Object):
    """A file or a directory of a tree; the size is in bytes, that of a directory 0."""

    is_directory = required(Boolean())
    relative_path = required(Text(1, 4096))
    size = required(Integer(0))
    modified = required(Instant())


class FileContent(Object):
    """A file's text."""

    content = required(Text(0, 67_108_864))


class Removed(Object):
    """How many files and directories went."""

    deleted = required(Integer(0))


UPLOAD = Media("multipart/form-data", fields=(("filePath", "FilePath"), ("file", "binary")))


def file_json(file: File) -> dict[str, Any]:
    """A FileEntry."""
    return {
        "is_directory": file.is_directory,
        "relative_path": file.path,
        "size": file.size,
        "modified": time(file.modified_at),
    }


def limits(request: Request) -> Limits:
    settings = request.registry.settings_of_pubsite
    return Limits(settings.file_size_limit, settings.site_size_limit, settings.site_files_limit)


def list_directory(request: Request) -> list[dict[str, Any]]:
    """One level of the tree: directories first, then by name."""
    path, site = request.validated["querystring"]["path"].rstrip("/"), request.context.site
    rows = paged(
        request,
        lambda part: files.list_directory(request.db, site, path, part),
        key=files.rank,
        parse=(int, str),
    )
    return [file_json(file) for file in rows]


def upload(request: Request) -> dict[str, Any]:
    """Put a file, in place of the one that is there. Directories on the way are made."""
    form = read_form(request, text="filePath", file="file")
    objects, site = request.registry.storage.objects, request.context.site
    guard = conditional.guard(request)
    file = files.put(request.db, objects, site, form.text, form.file, limits(request), field="filePath", guard=guard)
    return _entry(request, file)


def _entry(request: Request, file: File) -> dict[str, Any]:
    """A file as the answer, with its validator."""
    request.response.headers["ETag"] = f'"{file.digest}"'
    return file_json(file)


def content(request: Request) -> dict[str, str] | Response:
    """The text of a file; what is not UTF-8 is 400."""
    file = files.find(request.db, request.context.site, request.matchdict["path"])
    if known := conditional.unchanged(request, file.digest or ""):
        return known
    return {"content": files.text_of(request.registry.storage.objects, file)}


def download(request: Request) -> Response:
    """The file itself, as an attachment."""
    file = files.find(request.db, request.context.site, request.matchdict["path"])
    name = file.path.rpartition("/")[2]
    _, dot, extension = name.rpartition(".")
    digest = file.digest or ""
    response = conditional.answer(request, request.registry.storage.objects.get(digest), digest)
    if response.status_code not in (200, 206):
        return response
    response.headers["Content-Type"] = DOWNLOAD_TYPES.get(dot + extension.lower(), "application/octet-stream")
    response.headers["Content-Disposition"] = attachment(name)
    return response


def attachment(name: str) -> str:
    """`Content-Disposition` of a download under that name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def edit(request: Request) -> dict[str, Any]:
    """Replace the text of a file that is there."""
    text = request.validated["body"]["new_content"]
    objects, guard = request.registry.storage.objects, conditional.guard(request)
    site, path = request.context.site, request.matchdict["path"]
    return _entry(request, files.edit(request.db, objects, site, path, text, limits(request), guard))


def delete(request: Request) -> dict[str, int]:
    """Delete a file or an empty directory; with `recursive` all that is in it."""
    recursive, guard = request.validated["querystring"]["recursive"], conditional.guard(request)
    path = request.matchdict["path"].rstrip("/")
    return {"deleted": files.remove(request.db, request.context.site, path, recursive=recursive, guard=guard)}


def _services(kind: str, mode: Mode) -> list[Service]:
    base = f"/api/sites/{{site_id:{UUID}}}/{kind}"
    factory = contexts.tree(mode)
    tree = Service(f"{kind}.tree", base, factory)
    tree.on("GET", permission=Permission.READ_FILES, query=Directory(), answer=many(FileEntry()))(list_directory)
    uploads = Service(f"{kind}.upload", f"{base}/upload", factory)
    uploads.on("POST", permission=Permission.WRITE, body=UPLOAD, answer=FileEntry(), conflicts=True, tagged=True)(
        upload
    )
    contents = Service(f"{kind}.content", f"{base}/content/{{path:.*}}", factory)
    contents.on("GET", permission=Permission.READ_FILES, answer=FileContent(), tagged=True)(content)
    downloads = Service(f"{kind}.download", f"{base}/download/{{path:.*}}", factory)
    downloads.on("GET", permission=Permission.READ_FILES, answer=Media("*/*"), statuses=(206, 416), tagged=True)(
        download
    )
    edits = Service(f"{kind}.edit", f"{base}/edit/{{path:.*}}", factory)
    edits.on("PUT", permission=Permission.WRITE, body=Edit(), answer=FileEntry(), conflicts=True, tagged=True)(edit)
    deletions = Service(f"{kind}.delete", f"{base}/delete/{{path:.*}}", factory)
    deletions.on("DELETE", permission=Permission.WRITE, query=Removal(), answer=Removed(), conflicts=True, tagged=True)(
        delete
    )
    return [tree, uploads, contents, downloads, edits, deletions]


def includeme(config: Configurator) -> None:
    for kind, mode in (("files", Mode.SelfManaged), ("assets", Mode.FullyManaged)):
        for service in _services(kind, mode):
            config.add_cornice_service(service)
