"""A body for each operation that takes JSON, by its id. Tests send every one of them: each is a success."""

from __future__ import annotations

from typing import Any

_ID = "123e4567-e89b-42d3-a456-426614174000"
_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
_TREES: dict[str, Any] = {
    "edit_put": {"new_content": "h1 { color: navy }"},
    "folder_post": {"path": "images"},
    "move_post": {"from": "index.html", "to": "old/index.html"},
    "sync_post": {"files": {"index.html": _DIGEST}},
}
BODIES: dict[str, Any] = {
    "publishers_post": {"name": "press", "display_name": "The Press"},
    "publisher_patch": {"display_name": "The Press", "description": "We print maps."},
    "members_post": {"account_id": _ID, "role": "Editor"},
    "member_patch": {"role": "Viewer"},
    "tokens_post": {"name": "Deploys from CI", "scopes": ["read", "deploy"]},
    "sites_post": {"slug": "blog", "name": "Blog", "config": {"language": "en"}},
    "site_patch": {"name": "Our blog", "config": {"trailing_slash": "never"}},
    "pages_post": {"path": "/about", "config": {"title": "About", "content": "<h1>About us</h1>"}},
    "page_patch": {"config": {"title": "About", "format": "markdown", "content": "# About us"}},
    "pages_batch_post": {
        "upsert": [
            {"path": "/", "config": {"title": "Home", "format": "markdown", "content": "# Home"}},
            {"path": "/old", "type": "Redirect", "config": {"target": "/", "status": 301}},
        ],
        "delete": ["/gone"],
    },
    "page_preview_post": {"config": {"title": "Draft", "format": "markdown", "content": "# Not yet"}},
    "destinations_post": {
        "site_id": _ID,
        "name": "Partner",
        "type": "webhook",
        "base_url": "https://hooks.example.org/pages",
        "config": {"follow": True},
    },
    "destination_patch": {"name": "Partner", "is_active": False},
    "destination_put": {"name": "Partner", "base_url": "https://hooks.example.org/pages"},
    "destination_rotate_secret_post": {},
    "publish_post": {"content_id": _ID, "destination_ids": [_ID], "status": "publish"},
    "publishing_records_post": {"content_id": _ID, "destination_id": _ID},
    "publishing_record_patch": {"scheduled_at": "2026-12-24T18:00:00Z", "metadata": {"campaign": "winter"}},
    "publishing_record_put": {"metadata": {}},
    "sectors_post": {"site_id": _ID, "name": "News"},
    "sector_put": {"name": "News and views", "slug": "news"},
    "sector_patch": {"name": "News and views"},
    "deployments_post": {"site_id": _ID, "message": "First"},
    "deployment_put": {"message": "The spring edition", "metadata": {"ticket": 7}, "pinned": True},
    "deployment_patch": {"pinned": True},
    "deployment_rollback_post": {"to_version": 1},
    **{f"{kind}_{name}": body for kind in ("files", "assets") for name, body in _TREES.items()},
}
