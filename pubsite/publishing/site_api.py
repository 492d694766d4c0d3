"""The API of another pubsite server, as far as sending a page there needs it; failures as outcomes.

Whatever answers there may be no pubsite: what is read of an answer is checked, and told in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pubsite.publishing.adapter import Connection, Payload
from pubsite.publishing.outcomes import Denied, Failing, Rejected, Unsure
from pubsite.publishing.wire import Reply

_FAILED = range(300, 1000)
_PAGE = {"id": str, "type": str, "path": str, "config": dict, "site_id": str, "updated_at": str}
_SITE = {"id": str, "slug": str, "mode": str, "config": dict, "url": str}
_URL = re.compile(r"https?://[^\s\[\]]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NEXT = re.compile(r'<([^<>]*)>; *rel="next"')

Json = dict[str, Any]


@dataclass(slots=True)
class Api:
    """Speaks to the site of a connection's options (`publisher`, `site`). Lives for one delivery: it remembers the
    site, and the entity tag under which each page was read last."""

    connection: Connection
    _site: Json | None = field(default=None, repr=False)
    _tags: dict[str, str] = field(default_factory=dict, repr=False)

    def be_pubsite(self) -> None:
        """Raises Rejected where no pubsite answers."""
        try:
            told = _json(self._call("GET", "/"))
        except (Rejected, Failing) as error:
            nobody_answered = error.http_status is None
            if nobody_answered or error.code == "redirected" or (error.http_status or 0) >= 500:
                raise
            told = None
        if not isinstance(told, dict) or told.get("name") != "pubsite":
            text = "No pubsite answers there: base_url is where its API is (https://api.example), and not a site of it"
            raise Rejected(text, code="not_pubsite")

    def me(self) -> Json:
        """Who we are: `name`, `scopes` of the token, `publishers` with our role in each."""
        reply = self._call("GET", "/api/accounts/me")
        me = _shaped(reply, {"name": str, "publishers": list, "token": dict})
        token = _checked(me["token"], {"scopes": list}, "GET", reply.status)
        mine = [_checked(one, {"name": str, "role": str}, "GET", reply.status) for one in me["publishers"]]
        return {"name": me["name"], "scopes": token["scopes"], "publishers": mine}

    def site(self) -> Json:
        """The site without its pages; raises Rejected when there is none."""
        if self._site is None:
            publisher, slug = self.connection.options["publisher"], self.connection.options["site"]
            found = next((site for site in self._sites() if site.get("slug") == slug), None)
            if found is None:
                raise Rejected(f"{publisher} has no site {slug} there", code="no_site", http_status=404)
            self._site = _checked(found, _SITE, "GET", 200)
            if not _URL.fullmatch(self._site["url"]):
                raise _not_pubsite("GET", 200)
        return self._site

    def page(self, page_id: str) -> Json | None:
        reply = self._call("GET", f"/api/sites/pages/{quote(page_id, safe='')}", expect=(404,))
        if reply.status == 404:
            return None
        page = _shaped(reply, _PAGE)
        self._tags[page["id"]] = reply.headers.get("etag", "*")
        return page

    def page_at(self, path: str) -> Json | None:
        """The page at a path: the first of all that begin with it, or none is."""
        reply = self._call("GET", f"{self._pages()}?{urlencode({'path_prefix': path, 'limit': 1})}")
        pages = [_checked(page, _PAGE, "GET", reply.status) for page in _list(_json(reply))]
        return pages[0] if pages and pages[0]["path"].rstrip("/") == path.rstrip("/") else None

    def create(self, body: Payload, key: str) -> tuple[Json, bool]:
        """Make a page; the page, and whether it was made before under the same key. Raises Rejected `slug_taken`."""
        reply = self._call("POST", self._pages(), body, {"Idempotency-Key": key}, expect=(409,))
        self._refuse_taken(reply)
        return _shaped(reply, _PAGE, "POST"), "idempotent-replayed" in reply.headers

    def change(self, page_id: str, body: Payload) -> Json:
        """Change a page, if nobody has since it was read; raises Failing when somebody has, Rejected `slug_taken`."""
        if page_id not in self._tags and self.page(page_id) is None:
            raise Failing("The page there has gone in the meantime", code="gone_meanwhile", http_status=404)
        url, headers = f"/api/sites/pages/{quote(page_id, safe='')}", {"If-Match": self._tags.pop(page_id)}
        reply = self._call("PATCH", url, body, headers, expect=(409, 412))
        if reply.status == 412:
            raise Failing("Somebody changed the page there at the same moment", code="changed_there", http_status=412)
        self._refuse_taken(reply)
        return _shaped(reply, _PAGE, "PATCH")

    def delete(self, page_id: str) -> None:
        """Delete a page; one that is not there is fine."""
        self._call("DELETE", f"/api/sites/pages/{quote(page_id, safe='')}", expect=(404,))

    def deploy(self, site_id: str, message: str) -> None:
        """Have the site go live as it is; raises Denied or Rejected `not_deployed` when that is refused."""
        asked = {"site_id": site_id, "message": message}
        reply = self._call("POST", "/api/v1/publisher/deployments/", asked, expect=(403, 404, 409, 422))
        if reply.status in _FAILED:
            kind = Denied if reply.status == 403 else Rejected
            text = f"It is saved there; to deploy the site was refused: {self.connection.wire.redacted(_said(reply))}"
            raise kind(text, code="not_deployed", http_status=reply.status)
        _shaped(reply, {"data": dict}, "POST")

    def last_deployment(self, site_id: str) -> Json | None:
        """The newest deployment record of a site: `created_at`, `status`."""
        query = urlencode({"site_id": site_id, "page_size": 1})
        reply = self._call("GET", f"/api/v1/publisher/deployments/?{query}")
        rows = _shaped(reply, {"results": list})["results"]
        return _checked(rows[0], {"created_at": str, "status": str}, "GET", reply.status) if rows else None

    def _pages(self) -> str:
        return f"/api/sites/{self.connection.options['publisher']}/{self.connection.options['site']}/pages"

    def _sites(self) -> Iterator[Json]:
        """The publisher's sites; or the one site with all its pages, where the token is for that site alone."""
        url = f"/api/sites/{self.connection.options['publisher']}"
        asked: str | None = f"{url}?limit=100"
        while asked is not None:
            reply = self._call("GET", asked, expect=(403,))
            if reply.status == 403:
                yield _shaped(self._call("GET", f"{url}/{self.connection.options['site']}"), _SITE)
                return
            yield from (site for site in _list(_json(reply)) if isinstance(site, dict))
            link = _NEXT.search(reply.headers.get("link", ""))
            asked = None if link is None else _local(link[1])

    def _call(
        self,
        method: str,
        path: str,
        body: Payload | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: Collection[int] = (),
    ) -> Reply:
        sent = {"Authorization": f"Bearer {self.connection.secrets[0]}", **(headers or {})}
        url, wire = self.connection.base_url.rstrip("/") + path, self.connection.wire
        reply = wire.call(method, url, headers=sent, json_body=body, expect=_FAILED)
        if reply.status in _FAILED and reply.status not in expect:
            raise wire.failure(method, reply, remark=_said(reply))
        return reply

    def _refuse_taken(self, reply: Reply) -> None:
        if reply.status == 409:
            text = f"{self.connection.wire.redacted(_said(reply))}: move one of them, or take it over with adopt: true"
            raise Rejected(text, code="slug_taken", http_status=409)


def _said(reply: Reply) -> str:
    """The error of an answer of either API; it names the fields that are to blame."""
    try:
        found = reply.json()
    except ValueError:
        return ""
    said = (found.get("message") or found.get("error")) if isinstance(found, dict) else ""
    return said if isinstance(said, str) else ""


def _json(reply: Reply, method: str = "GET") -> Any:
    try:
        return reply.json()
    except ValueError as error:
        raise _not_pubsite(method, reply.status) from error


def _shaped(reply: Reply, fields: Mapping[str, type], method: str = "GET") -> Json:
    """The object of an answer, with these fields of these types."""
    return _checked(_json(reply, method), fields, method, reply.status)


def _checked(value: Any, fields: Mapping[str, type], method: str, status: int) -> Json:
    """The object, if it has these fields; texts that cannot be sent back (lone surrogates) are none of pubsite."""
    if isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in fields.items()):
        texts = (text for name in fields if isinstance(text := value[name], str))
        if not any(_SURROGATE.search(text) for text in texts):
            return value
    raise _not_pubsite(method, status)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _not_pubsite("GET", 200)


def _not_pubsite(method: str, status: int) -> Exception:
    text = "The answer is not what a pubsite says: is base_url right, and nothing in between?"
    return (Failing if method == "GET" else Unsure)(text, code="not_pubsite", http_status=status)


def _local(url: str) -> str:
    """The path and query of a link: we go on at the host that we were told."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
