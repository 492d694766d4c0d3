"""A page of a site on another pubsite server, by its API.

Our page there bears two keys of its config: `pubsite_record`, our marker, and `pubsite_hash`, what it was made from.
Its path is unique there, so that it cannot be made twice. With `deploy`, what stands there counts as ours only once a
deploy was asked for after it was written: the run after one that was cut off between the two asks for it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urljoin

from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Payload, Remote, State
from pubsite.publishing.content import Content
from pubsite.publishing.options import Option
from pubsite.publishing.outcomes import Denied, Rejected
from pubsite.publishing.site_api import Api, Json

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_IS = "lower-case letters, digits and single hyphens between them"
OPTIONS = (
    Option("publisher", "text", "The publisher's name there.", None, longest=63, pattern=SLUG, what=SLUG_IS),
    Option("site", "text", "The slug of a FullyManaged site of it.", None, pattern=SLUG, what=SLUG_IS),
    Option("path_prefix", "text", "What stands before the paths of pages: `/from-press`.",
           pattern=re.compile(r"(?:(?:/(?!\.{1,2}(?:/|\Z))[^/\\?#]+)+/?)?"), what="a path such as /from-press"),
    Option("deploy", "boolean", "Make it live there, and not only save it.", True),
)  # fmt: skip
MARKER, HASH = "pubsite_record", "pubsite_hash"
_HASH = re.compile(r"[0-9a-f]{64}")
# Of a page as JSON: one that is longer could not be read back, since answers are read up to 1 MiB.
LONGEST_PAGE = 1_000_000
# Such a path names its file itself, and is served without a slash at its end.
_FILE = re.compile(r".*\.(html?|xml|txt|json)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Site:
    """One site of another server. The external id is the page's id there."""

    connection: Connection
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", Api(self.connection))

    def draft(self, content: Content, desired: Desired) -> Draft:
        config: dict[str, Any] = {
            "title": content.title,
            "content": content.html,
            "description": content.excerpt,
            "author": content.author,
            "image": content.image,
            "language": content.language,
            "tags": list(content.tags),
            "categories": list(content.categories),
            "date": None if content.date is None else content.date.isoformat().replace("+00:00", "Z"),
            "data": dict(content.data),
            "canonical_url": "" if self.connection.options.get("canonical") == "none" else content.canonical_url,
            "draft": desired == "draft",
        }
        config = {"format": "html", **{name: value for name, value in config.items() if value}}
        path = str(self.connection.options["path_prefix"]).rstrip("/") + content.path
        page = {"type": "HtmlPage", "path": path.rstrip("/") or "/", "config": config}
        if len(json.dumps(page, ensure_ascii=False).encode(errors="replace")) > LONGEST_PAGE:
            raise Rejected(f"The page has over {LONGEST_PAGE} bytes", code="too_large")
        return Draft(page)

    def test(self) -> str:
        """Ask who we are there, and whether the site takes pages from us."""
        self.api.be_pubsite()
        me, publisher, site = self.api.me(), self.connection.options["publisher"], self.api.site()
        if site["mode"] != "FullyManaged":
            raise Rejected(f"{site['slug']} is {site['mode']}: it takes files, and no pages", code="wrong_mode")
        needed = ["read", "write", *(["deploy"] if self._deploys else [])]
        if lacking := [scope for scope in needed if scope not in me["scopes"]]:
            raise Denied(f"The token lacks the scope {' and '.join(lacking)}", code="scope")
        if any(one["name"] == publisher and one["role"] == "Viewer" for one in me["publishers"]):
            raise Denied(f"{me['name']} is a Viewer of {publisher}: an Editor is needed", code="role")
        return f"pubsite, as {me['name']}, for {site['url']}"

    def read(self, external_id: str) -> Remote | None:
        page = self.api.page(external_id)
        return None if page is None else self._seen(page)

    def find(self, marker: str, draft: Draft) -> Remote | None:
        """At the path that we would write: pages cannot be asked for by our keys."""
        page = self.api.page_at(draft.payload["path"])
        return self._seen(page) if page is not None and page["config"].get(MARKER) == marker else None

    def find_other(self, draft: Draft) -> Remote | None:
        page = self.api.page_at(draft.payload["path"])
        return None if page is None else self._seen(page)

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        body, key = _marked(marker, draft), sha256(f"{marker} {draft.content_hash}".encode()).hexdigest()
        page, replayed = self.api.create(body, key)
        if replayed and self.api.page(page["id"]) is None:
            # It was made under this key, and removed since: for a day the key answers for that one.
            page, _ = self.api.create(body, f"{key}:{page['id']}")
        return self._deployed(page)

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        return self._deployed(self.api.change(remote.external_id, _marked(marker, draft)))

    def unpublish(self, remote: Remote) -> Remote:
        """Off the air first, then away: were it away at first, the next run would not know that it is on the air."""
        page = self.api.page(remote.external_id)
        if page is not None and self._deploys:
            hidden = {"type": "HtmlPage", "config": {**page["config"], "draft": True}}
            self._deployed(self.api.change(page["id"], hidden))
        self.api.delete(remote.external_id)
        return Remote(remote.external_id, remote.url, "absent")

    @property
    def _deploys(self) -> bool:
        return bool(self.connection.options["deploy"])

    def _deployed(self, page: Json) -> Remote:
        if self._deploys:
            self.api.deploy(page["site_id"], f"Sent by another pubsite: {page['path']}"[:4096])
        return self._remote(page)

    def _seen(self, page: Json) -> Remote:
        """What stands there; while no deploy was asked for since, readers may see another state of it, or none."""
        remote = self._remote(page)
        return remote if self._is_deployed(page) else Remote(remote.external_id, remote.url, "present", "")

    def _is_deployed(self, page: Json) -> bool:
        """Whether a deploy that has not failed was asked for after the last change (times compare as texts)."""
        if not self._deploys:
            return True
        last = self.api.last_deployment(page["site_id"])
        return last is not None and last["status"] != "failed" and last["created_at"] >= page["updated_at"]

    def _remote(self, page: Json) -> Remote:
        site, path, sent = self.api.site(), page["path"].rstrip("/"), page["config"].get(HASH)
        if not _FILE.fullmatch(path) and site["config"].get("trailing_slash", "always") == "always":
            path += "/"
        url = urljoin(site["url"], quote(path or "/", safe="/~"))
        state: State = "draft" if page["config"].get("draft") is True else "present"
        return Remote(page["id"], url, state, sent if isinstance(sent, str) and _HASH.fullmatch(sent) else None)


def _marked(marker: str, draft: Draft) -> Payload:
    config = {**draft.payload["config"], MARKER: marker, HASH: draft.content_hash}
    return {**draft.payload, "config": config}


def secret_problem(secret: str) -> str | None:
    good = re.fullmatch(r"[!-~]{20,4096}", secret)
    return None if good else "must be a token of the other server: pst_… or a JWT"


KIND = Kind(
    name="site",
    title="pubsite",
    options=OPTIONS,
    secret="a token of the other server: pst_… or a JWT",
    can=frozenset({"draft", "update", "unpublish", "find", "adopt", "refresh"}),
    connect=Site,
    secret_problem=secret_problem,
)
