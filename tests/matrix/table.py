"""Who may do what, as one table: a row for each route and method. A route without a row fails a test.

The rows say it on their own, not by the server's table of permissions: two hands must agree.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import Any

PUBLISHER = "/api/v1/publisher"
NOWHERE = "https://127.0.0.1:9"  # the port of what is discarded: nobody listens
BLOB = b"blob"
BLOB_DIGEST = hashlib.sha256(BLOB).hexdigest()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


@dataclass(frozen=True)
class Upload:
    """A multipart body: text fields, and one file."""

    fields: tuple[tuple[str, str], ...]
    file: bytes


@dataclass(frozen=True)
class Row:
    """A route and method; names in braces are filled in by the world.

    who: `public`, `signed_in`, or the least role. scope: what the token needs. outside: what a caller without a role
    in the object's publisher gets. success: what whoever may gets; other statuses than 2xx are told in `why`.
    """

    method: str
    path: str
    who: str
    scope: str | None
    body: Any = None
    success: int = 200
    outside: int = 403
    staff_reads: bool = True
    # The path when the objects in it do not belong together; none where it names one object alone.
    mismatched: str = ""
    # Not for tokens that are narrowed to a publisher or a site.
    whole_account: bool = False
    invited: bool = False
    # Whether the answer depends on who asks; where it does not, a wrong token is not looked at.
    asks_who: bool = True
    why: str = ""


def _tree(kind: str, site: str, other: str) -> tuple[Row, ...]:
    """Files of the SelfManaged site, or assets of the other one; a site of the other mode is 404."""
    base, wrong = f"/api/sites/{{{site}}}/{kind}", f"/api/sites/{{{other}}}/{kind}"
    rows = (
        ("GET", "", "read", None, 200),
        ("POST", "/upload", "write", Upload((("filePath", "b.txt"),), b"x"), 200),
        ("GET", "/content/a.txt", "read", None, 200),
        ("GET", "/download/a.txt", "read", None, 200),
        ("PUT", "/edit/a.txt", "write", {"new_content": "x"}, 200),
        ("DELETE", "/delete/a.txt", "write", None, 200),
        ("POST", "/folder", "write", {"path": "new"}, 200),
        ("POST", "/move", "write", {"from": "a.txt", "to": "c.txt"}, 200),
        ("POST", "/deploy", "write", Upload((), _zip()), 200),
        ("DELETE", "/purge", "write", None, 200),
        ("GET", "/archive", "read", None, 200),
        ("POST", "/sync", "write", {"files": {}}, 200),
        ("PUT", f"/blobs/{BLOB_DIGEST}", "write", BLOB, 204),
    )
    return tuple(
        Row(method, base + end, "editor", scope, body, success, mismatched=wrong + end)
        for method, end, scope, body, success in rows
    )


ROWS = (
    Row("GET", "/", "public", None, asks_who=False),
    Row("GET", "/api/docs", "public", None, asks_who=False),
    Row("GET", "/api/docs/reference.css", "public", None, asks_who=False),
    Row("GET", "/api/openapi.json", "public", None, asks_who=False),
    # People
    Row("GET", "/api/accounts/me", "signed_in", "read"),
    Row("GET", "/api/accounts?name={owner_name}", "signed_in", "read"),
    Row("GET", "/api/publishers", "signed_in", "read"),
    Row("POST", "/api/publishers", "signed_in", "admin", {"name": "{publisher}-new"}, whole_account=True),
    Row("GET", "/api/publishers/{publisher}", "viewer", "read", mismatched="/api/publishers/no-such-publisher"),
    Row("PATCH", "/api/publishers/{publisher}", "manager", "admin", {"description": "Maps"}),
    Row("DELETE", "/api/publishers/{publisher}", "owner", "admin", success=409, why="it has sites"),
    Row("GET", "/api/publishers/{publisher}/members", "viewer", "read"),
    Row(
        "POST",
        "/api/publishers/{publisher}/members",
        "manager",
        "admin",
        {"account_id": "{outsider}", "role": "Viewer"},
    ),
    Row("GET", "/api/publishers/{publisher}/members/{member}", "viewer", "read",
        mismatched="/api/publishers/{publisher}/members/{outsider}"),
    Row("PATCH", "/api/publishers/{publisher}/members/{member}", "manager", "admin", {"role": "Editor"},
        mismatched="/api/publishers/{publisher}/members/{outsider}"),
    Row("DELETE", "/api/publishers/{publisher}/members/{member}", "manager", "admin", success=204,
        mismatched="/api/publishers/{publisher}/members/{outsider}"),
    Row("POST", "/api/publishers/{publisher}/members/me/accept", "viewer", "admin", invited=True, staff_reads=False),
    Row("GET", "/api/tokens", "signed_in", "read"),
    Row("POST", "/api/tokens", "signed_in", "admin", {"name": "ci", "scopes": ["admin"]}),
    Row("DELETE", "/api/tokens/{token}", "signed_in", "admin", success=404, why="another account's"),
    # Sites
    Row("GET", "/api/sites/me", "signed_in", "read"),
    Row("GET", "/api/sites/quota", "signed_in", "read"),
    Row("GET", "/api/sites/{publisher}", "viewer", "read"),
    Row("POST", "/api/sites/{publisher}", "editor", "write", {"slug": "new", "name": "New"}),
    Row("GET", "/api/sites/{publisher}/docs", "public", None, mismatched="/api/sites/{publisher}/{foreign_site}"),
    Row("PATCH", "/api/sites/{publisher}/docs", "editor", "write", {"name": "Changed"},
        mismatched="/api/sites/{publisher}/{foreign_site}"),
    Row("DELETE", "/api/sites/{publisher}/docs", "editor", "write", success=204,
        mismatched="/api/sites/{publisher}/{foreign_site}"),
    Row("POST", "/api/sites/{publisher}/docs/restore", "owner", "write", success=409, why="it is not deleted",
        mismatched="/api/sites/{publisher}/{foreign_site}/restore"),
    # Pages
    Row("GET", "/api/sites/site/docs/page?publisher={publisher}", "public", None, asks_who=False,
        mismatched="/api/sites/site/docs/page?publisher=no-such-publisher"),
    Row("GET", "/api/sites/{publisher}/docs/pages", "viewer", "read",
        mismatched="/api/sites/{publisher}/{foreign_site}/pages"),
    Row("POST", "/api/sites/{publisher}/docs/pages", "editor", "write", {"path": "/new"},
        mismatched="/api/sites/{publisher}/{foreign_site}/pages"),
    Row("POST", "/api/sites/{publisher}/docs/pages:batch", "editor", "write", {"delete": ["/none"]},
        mismatched="/api/sites/{publisher}/{foreign_site}/pages:batch"),
    Row("POST", "/api/sites/{publisher}/docs/preview", "editor", "write", {},
        mismatched="/api/sites/{publisher}/{foreign_site}/preview"),
    Row("GET", "/api/sites/pages/{page}", "public", None, mismatched="/api/sites/pages/{docs}"),
    Row("GET", "/api/sites/pages/{draft}", "viewer", "read", outside=404, why="a draft is not there for others"),
    Row("PATCH", "/api/sites/pages/{page}", "editor", "write", {"path": "/moved"},
        mismatched="/api/sites/pages/{docs}"),
    Row("DELETE", "/api/sites/pages/{page}", "editor", "write", success=204, mismatched="/api/sites/pages/{docs}"),
    Row("GET", "/api/sites/pages/{page}/revisions", "viewer", "read", mismatched="/api/sites/pages/{docs}/revisions"),
    Row("GET", "/api/sites/pages/{page}/revisions/1", "viewer", "read",
        mismatched="/api/sites/pages/{docs}/revisions/1"),
    Row("POST", "/api/sites/pages/{page}/revisions/1/restore", "editor", "write",
        mismatched="/api/sites/pages/{docs}/revisions/1/restore"),
    # Files and assets
    *_tree("files", "raw", "docs"),
    *_tree("assets", "docs", "raw"),
    # Under here, what is another tenant's does not exist
    Row("GET", f"{PUBLISHER}/", "signed_in", "read"),
    # Sectors
    Row("GET", f"{PUBLISHER}/sectors/", "signed_in", "read"),
    Row("POST", f"{PUBLISHER}/sectors/", "editor", "write", {"site_id": "{docs}", "name": "New"}, 201, outside=404),
    Row("GET", f"{PUBLISHER}/sectors/{{sector}}/", "viewer", "read", outside=404,
        mismatched=f"{PUBLISHER}/sectors/{{docs}}/"),
    Row("PUT", f"{PUBLISHER}/sectors/{{sector}}/", "editor", "write", {"name": "New", "slug": "new"}, outside=404,
        mismatched=f"{PUBLISHER}/sectors/{{docs}}/"),
    Row("PATCH", f"{PUBLISHER}/sectors/{{sector}}/", "editor", "write", {"name": "New"}, outside=404,
        mismatched=f"{PUBLISHER}/sectors/{{docs}}/"),
    Row("DELETE", f"{PUBLISHER}/sectors/{{sector}}/", "editor", "write", success=204, outside=404,
        mismatched=f"{PUBLISHER}/sectors/{{docs}}/"),
    # Deployments
    Row("GET", f"{PUBLISHER}/deployments/", "signed_in", "read"),
    Row("POST", f"{PUBLISHER}/deployments/", "editor", "deploy", {"site_id": "{docs}"}, 202, outside=404),
    Row("GET", f"{PUBLISHER}/deployments/{{record}}/", "viewer", "read", outside=404,
        mismatched=f"{PUBLISHER}/deployments/{{docs}}/"),
    Row("PUT", f"{PUBLISHER}/deployments/{{record}}/", "editor", "deploy", {"message": "x"}, outside=404,
        mismatched=f"{PUBLISHER}/deployments/{{docs}}/"),
    Row("PATCH", f"{PUBLISHER}/deployments/{{record}}/", "editor", "deploy", {"pinned": True}, outside=404,
        mismatched=f"{PUBLISHER}/deployments/{{docs}}/"),
    Row("DELETE", f"{PUBLISHER}/deployments/{{record}}/", "manager", "deploy", success=204, outside=404,
        mismatched=f"{PUBLISHER}/deployments/{{docs}}/"),
    Row("GET", f"{PUBLISHER}/deployments/{{record}}/archive/", "viewer", "read", success=404, outside=404,
        why="the record has no bundle", mismatched=f"{PUBLISHER}/deployments/{{docs}}/archive/"),
    Row("POST", f"{PUBLISHER}/deployments/{{record}}/rollback/", "editor", "deploy", {}, 409, outside=404,
        why="it is not live", mismatched=f"{PUBLISHER}/deployments/{{docs}}/rollback/"),
    Row("POST", f"{PUBLISHER}/sites/{{docs}}/hold/", "editor", "deploy", {}, outside=404,
        mismatched=f"{PUBLISHER}/sites/{{page}}/hold/"),
    Row("DELETE", f"{PUBLISHER}/sites/{{docs}}/hold/", "editor", "deploy", None, 204, outside=404,
        mismatched=f"{PUBLISHER}/sites/{{page}}/hold/"),
    # Destinations: who manages the publisher writes them
    Row("GET", f"{PUBLISHER}/destination-types/", "signed_in", "read"),
    Row("GET", f"{PUBLISHER}/destinations/", "signed_in", "read"),
    Row("POST", f"{PUBLISHER}/destinations/", "manager", "admin",
        {"site_id": "{docs}", "name": "Hook", "type": "webhook", "base_url": NOWHERE}, 201, outside=404),
    *(
        Row(method, f"{PUBLISHER}/destinations/{{destination}}/{end}", who, scope, body, success, outside=404,
            mismatched=f"{PUBLISHER}/destinations/{{docs}}/{end}")
        for method, end, who, scope, body, success in (
            ("GET", "", "viewer", "read", None, 200),
            ("PATCH", "", "manager", "admin", {"name": "Renamed"}, 200),
            ("PUT", "", "manager", "admin", {"name": "Renamed", "base_url": NOWHERE}, 200),
            ("DELETE", "", "manager", "admin", None, 204),
            ("POST", "test/", "manager", "admin", None, 200),
            ("POST", "rotate-secret/", "manager", "admin", {}, 200),
        )
    ),
    # Publishing records: who edits pages sends them
    Row("GET", f"{PUBLISHER}/publishing-records/", "signed_in", "read"),
    Row("POST", f"{PUBLISHER}/publishing-records/", "editor", "deploy",
        {"content_id": "{draft}", "destination_id": "{destination}"}, 201, outside=404),
    *(
        Row(method, f"{PUBLISHER}/publishing-records/{{sent}}/{end}", who, scope, body, success, outside=404, why=why,
            mismatched=f"{PUBLISHER}/publishing-records/{{docs}}/{end}")
        for method, end, who, scope, body, success, why in (
            ("GET", "", "viewer", "read", None, 200, ""),
            ("PATCH", "", "editor", "deploy", {"metadata": {}}, 200, ""),
            ("PUT", "", "editor", "deploy", {}, 200, ""),
            ("DELETE", "", "editor", "deploy", None, 204, ""),
            ("GET", "attempts/", "viewer", "read", None, 200, ""),
            ("POST", "retry/", "editor", "deploy", None, 202, ""),
            ("POST", "unpublish/", "editor", "deploy", None, 202, ""),
            ("POST", "cancel/", "editor", "deploy", None, 409, "nothing of it is waiting"),
            ("POST", "refresh/", "editor", "deploy", None, 409, "a webhook cannot be looked at"),
        )
    ),
    Row("POST", f"{PUBLISHER}/publish/", "editor", "deploy",
        {"content_id": "{page}", "destination_ids": ["{destination}"]}, 202, outside=404),
    Row("GET", f"{PUBLISHER}/publish/status/?content_id={{page}}", "viewer", "read", outside=404),
)  # fmt: skip
