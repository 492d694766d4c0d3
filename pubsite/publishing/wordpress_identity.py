"""The test of a destination: whether a WordPress is there, who we are in it, and what we may not do, in plain words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pubsite.publishing.outcomes import Denied, Failing, Rejected
from pubsite.publishing.wordpress_api import OFF, Api

# Capability -> what fails without it. Without those of the first list nothing can be published at all.
NEEDED = {"posts": ("edit_posts", "publish_posts"), "pages": ("edit_pages", "publish_pages")}
USEFUL = {
    "posts": {
        "edit_published_posts": "change what is published",
        "delete_published_posts": "take it down",
        "upload_files": "upload images",
        "manage_categories": "make categories",
    },
    "pages": {
        "edit_published_pages": "change what is published",
        "delete_published_pages": "take it down",
        "upload_files": "upload images",
    },
}
ANY_HTML = "unfiltered_html"


def identity(api: Api, base_url: str, kind: str) -> str:
    """`WordPress at blog.example, as grace (administrator)`, and what she may not do; raises DeliveryError."""
    index = api.get("/", _fields="name,namespaces,authentication").data
    if not isinstance(index, dict) or not _has(index.get("namespaces"), "wp/v2"):
        raise Rejected("There is something, but no WordPress with its REST API", code="not_wordpress")
    allowed = index.get("authentication")
    try:
        me = api.get("/wp/v2/users/me", context="edit", _fields="id,name,slug,roles,capabilities").data
    except Denied as error:
        # Without them, WordPress does not even look at the password: it says the same as for a wrong one.
        if error.http_status == 401 and isinstance(allowed, list | dict) and "application-passwords" not in allowed:
            raise Denied(OFF, http_status=error.http_status) from error
        raise
    if not isinstance(me, dict) or not isinstance(me.get("slug"), str):
        raise Failing("It does not say who we are there", code="not_json")
    return f"WordPress at {urlsplit(base_url).netloc}, as {_who(me)}{_may_not(me, kind)}"


def _who(me: dict[str, Any]) -> str:
    roles = me.get("roles")
    named = ", ".join(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else ""
    return f"{me['slug']} ({named or 'no role'})"


def _may_not(me: dict[str, Any], kind: str) -> str:
    found = me.get("capabilities")
    capabilities = found if isinstance(found, dict) else {}
    if lacking := [name for name in NEEDED[kind] if capabilities.get(name) is not True]:
        message = f"{_who(me)} may not publish {kind} there: the role lacks {' and '.join(lacking)}"
        raise Denied(message, code="role")
    forbidden = [what for name, what in USEFUL[kind].items() if capabilities.get(name) is not True]
    told = f"; may not {', '.join(forbidden)}" if forbidden else ""
    if capabilities.get(ANY_HTML) is not True:
        told += "; WordPress takes scripts, frames and the like out of this user's HTML"
    return told


def _has(listed: object, name: str) -> bool:
    return isinstance(listed, list) and name in listed
