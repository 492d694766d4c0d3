"""Pages from a whole pubsite into a real Ghost: field by field, taken down, mailed once, and 30 with lost answers.

Needs Ghost in `.cache/ghost` (`python tests/ghost_server.py --install --short`) or where `--ghost` says; without one it
says so and ends. `--short`: 6 with lost answers. Ends with exit code 1 when a promise does not hold. Loopback only.
"""

from __future__ import annotations

import argparse
import itertools
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
import jwt

from tests.conftest import Tenant, new_tenant, running_server
from tests.doubles.lossy import Cut, Proxy, lossy
from tests.ghost_server import CACHE, Ghost, ghost, missing

BASE = "/api/v1/publisher"
NEWSLETTER = "default-newsletter"
PATIENCE = 120.0  # seconds until a record that has not ended counts as hung
MOST_CALLS = 6  # that a page takes that goes well: each of them is cut
CUTS: tuple[Cut, ...] = ("no answer", "headers only", "502")
TAGGED = '?ref=127.0.0.1"'  # Ghost tells other sites where readers come from, unless that is switched off
TEXT = '<div class="note" onclick="x()"><p>Ink &amp; <em>paper</em>, ö, 😀</p><a href="/b">b</a><td>stray</div>'
PAGE = {
    "title": "Maps & “ink” <1>",
    "description": "What it is about",
    "tags": ["Ink", "news", "2026"],
    "categories": ["Maps"],
    "image": "/img/a.png",
    "date": "2024-02-03T04:05:06+02:00",
    "author": "Grace",
    "canonical_url": "https://elsewhere.example/original",
}


class Broken(Exception):
    """A promise that did not hold."""


def main() -> int:
    asked = arguments()
    if reason := missing(asked.ghost or CACHE):
        print(f"skipped: no Ghost installed ({reason})")
        return 1 if asked.ghost else 0
    try:
        with tempfile.TemporaryDirectory() as folder, world(Path(folder), asked.ghost or CACHE) as desk:
            for check in (fields, taken_down, mailed_once):
                told(check(desk), desk)
            told(lost_answers(desk, 6 if asked.short else 30), desk)
            require(desk.emails() == 1, f"{desk.emails()} mailings, of which one was asked for")
    except Broken as broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
        return 1
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="6 pages with lost answers, in place of 30")
    parser.add_argument("--ghost", type=Path, help=f"where tests/ghost_server.py has installed Ghost, else {CACHE}")
    return parser.parse_args()


def told(text: str, desk: Desk) -> None:
    print(f"{text} ({time.monotonic() - desk.started:.1f} s)", flush=True)
    desk.started = time.monotonic()


def require(good: bool, what: str) -> None:
    if not good:
        raise Broken(what)


@dataclass
class Desk:
    """A tenant with a site, and the Ghost behind the proxy; shorthands for both APIs."""

    tenant: Tenant
    server: Ghost
    proxy: Proxy
    site: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def destination(self, name: str, **config: Any) -> str:
        body = {"site_id": self.site["id"], "name": name, "type": "ghost", "base_url": self.proxy.url}
        made = self.post("destinations/", {**body, "secret": self.server.admin_key, "config": config}, 201)
        tested = self.post(f"destinations/{made['id']}/test/", None, 200)
        require(tested["ok"], f"the test of {name} says {tested}")
        return str(made["id"])

    def post(self, path: str, body: Any, status: int) -> Any:
        answer = self.tenant.client.post(f"{BASE}/{path}", body)
        require(answer.status_code == status, f"{path} answers {answer.status_code}: {answer.text[:500]}")
        return answer.json["data"]

    def edit(self, page: dict[str, Any], **config: Any) -> None:
        """What becomes None is taken out."""
        config = {name: value for name, value in {**page["config"], **config}.items() if value is not None}
        self.tenant.client.patch(f"/api/sites/pages/{page['id']}", {"config": config}, status=200)

    def deploy(self) -> None:
        ended = self.tenant.deploy(self.site["id"])
        require(ended["status"] == "deployed", f"the deploy ended so: {ended}")

    def publish(self, page: dict[str, Any], destination_id: str) -> dict[str, Any]:
        """The record, once it is published; again at once whenever it waits for another try."""
        sent = {"content_id": page["id"], "destination_ids": [destination_id]}
        (made,) = self.post("publish/", sent, 202)["records"]
        return self.until(made["record"]["id"], lambda shown: shown["status"] == "published")

    def unpublish(self, record_id: str) -> dict[str, Any]:
        self.post(f"publishing-records/{record_id}/unpublish/", None, 202)
        return self.until(record_id, lambda shown: "unpublished_at" in shown)

    def until(self, record_id: str, is_good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            shown = self.tenant.client.get(f"{BASE}/publishing-records/{record_id}/").json["data"]
            if is_good(shown):
                return dict(shown)
            require(shown["status"] != "failed", f"the record failed: {shown}")
            if shown["status"] == "pending" and "error" in shown:
                self.tenant.client.post(f"{BASE}/publishing-records/{record_id}/retry/")
            time.sleep(0.05)
        raise Broken(f"the record hangs: {shown}")

    def attempts(self, record_id: str) -> list[dict[str, Any]]:
        return list(self.tenant.client.get(f"{BASE}/publishing-records/{record_id}/attempts/").json["results"])

    def posts(self, **query: str) -> list[dict[str, Any]]:
        """What stands in Ghost, past the proxy, as its API says."""
        key, _, secret = self.server.admin_key.partition(":")
        now = int(time.time())
        claims = {"iat": now, "exp": now + 300, "aud": "/admin/"}
        token = jwt.encode(claims, bytes.fromhex(secret), algorithm="HS256", headers={"kid": key})
        asked = {"limit": "100", "formats": "html,lexical", **query}
        url, headers = f"{self.server.base_url}/ghost/api/admin/posts/", {"Authorization": f"Ghost {token}"}
        return list(httpx.get(url, params=asked, headers=headers, timeout=60).raise_for_status().json()["posts"])

    def of(self, record: dict[str, Any]) -> dict[str, Any]:
        """The one post of a record."""
        found = self.posts(filter=f"tag:hash-pubsite-{record['id']}")
        require(len(found) == 1, f"{len(found)} posts bear the mark of one record")
        return found[0]

    def emails(self) -> int:
        """How many mailings were ever asked for, as Ghost's database says."""
        with closing(sqlite3.connect(self.server.database)) as db:
            return int(db.execute("SELECT count(*) FROM emails").fetchone()[0])


@contextmanager
def world(folder: Path, cache: Path) -> Iterator[Desk]:
    ini = {"pubsite.development": "true", "pubsite.data_dir": str(folder / "data")}
    with (
        ghost(folder / "ghost", cache) as server,
        lossy(server.base_url) as proxy,
        contextmanager(running_server)(ini) as pubsite,
    ):
        tenant = new_tenant(pubsite)
        yield Desk(tenant, server, proxy, tenant.site("docs"))


def fields(desk: Desk) -> str:
    """All that a page has arrives, and arrives again when it changes."""
    destination = desk.destination("fields")
    page = desk.tenant.page("docs", "/notes/maps", TEXT, **PAGE)
    desk.deploy()
    record = desk.publish(page, destination)
    host = f"http://{desk.site['host_label']}.localhost:6543"
    expected = {
        "title": PAGE["title"],
        "slug": "maps",
        "status": "published",
        "custom_excerpt": PAGE["description"],
        "canonical_url": PAGE["canonical_url"],
        "feature_image": f"{host}/img/a.png",
        "published_at": "2024-02-03T02:05:06.000Z",
        "visibility": "public",
        "newsletter": None,
        "email": None,
    }
    compared = compare(desk.of(record), expected, ["Maps", "Ink", "News", "2026"])
    body = TEXT.replace('href="/b"', f'href="{host}/b"')
    visited = httpx.get(record["external_url"]).text
    require(body in desk.of(record)["html"], f"the text became {desk.of(record)['html']}")
    require(body in visited.replace(TAGGED, '"'), f"readers get another text: {visited}")
    require(f'<link rel="canonical" href="{PAGE["canonical_url"]}">' in visited, "readers get another canonical URL")
    desk.edit(page, title="Changed", description=None, image=None, tags=["other"], content="<p>New")
    desk.deploy()
    again = desk.publish(page, destination)
    require(again["external_id"] == record["external_id"], "another post was made for the change")
    changed = {"title": "Changed", "custom_excerpt": None, "feature_image": None, "slug": "maps"}
    compared += compare(desk.of(record), changed, ["Maps", "other"])
    return f"fields: {compared + 3} compared, of a page and of its change"


def compare(post: dict[str, Any], expected: dict[str, Any], tags: list[str]) -> int:
    """How many were compared; raises Broken for the first that differs."""
    found = {**post, "tags": [tag["name"] for tag in post["tags"] if tag["visibility"] == "public"]}
    for name, value in {**expected, "tags": tags}.items():
        require(found[name] == value, f"{name} is {found[name]!r}, and not {value!r}")
    return len(expected) + 1


def taken_down(desk: Desk) -> str:
    """Off the air as a draft, and back under the same address; or away."""
    page = desk.tenant.page("docs", "/down", "<p>Down", title="Down")
    desk.deploy()
    keeping, deleting = desk.destination("keeping"), desk.destination("deleting", unpublish="delete")
    record = desk.publish(page, keeping)
    require(httpx.get(record["external_url"]).status_code == 200, "readers do not see it")
    gone = desk.unpublish(record["id"])
    require(gone["remote_state"] == desk.of(record)["status"] == "draft", f"taken down it is {gone}")
    require(httpx.get(record["external_url"]).status_code == 404, "readers see it still")
    back = desk.publish(page, keeping)
    require(back["external_url"] == record["external_url"], "it came back elsewhere")
    require(httpx.get(record["external_url"]).status_code == 200, "readers do not see it again")
    other = desk.publish(page, deleting)
    require(desk.of(other)["slug"] == "down-2", "the slug of the other is not down-2")
    desk.unpublish(other["id"])
    require(desk.posts(filter=f"id:{other['external_id']}") == [], "it was not deleted")
    return "taken down: to a draft and back, and deleted"


def mailed_once(desk: Desk) -> str:
    """Nobody by all of the above; by a destination with a newsletter once a page, whatever becomes of it then."""
    require(desk.emails() == 0, f"{desk.emails()} mailings that nobody asked for")
    destination = desk.destination("mailing", newsletter=NEWSLETTER)
    page = desk.tenant.page("docs", "/mail", "<p>Mail", title="Mail")
    desk.deploy()
    desk.proxy.cut(3, "no answer")  # the call that asks for it
    record = desk.publish(page, destination)
    require(NEWSLETTER in desk.proxy.calls[3], f"another call was cut than was meant: {desk.proxy.calls}")
    desk.edit(page, title="Mail, changed")
    desk.deploy()
    desk.publish(page, destination)
    desk.unpublish(record["id"])
    desk.publish(page, destination)
    require(desk.of(record)["newsletter"]["slug"] == NEWSLETTER, "it is bound to another newsletter")
    require(desk.emails() == 1, f"{desk.emails()} mailings, of which one was asked for")
    return "mail: none unasked; one for a page that was lost, changed, taken down and back"


def lost_answers(desk: Desk, count: int) -> str:
    """Each page loses one answer, at another call and in another way: one post each, and all whole."""
    destination = desk.destination("lost")
    pages = [
        desk.tenant.page("docs", f"/lost/{n}", f"<p>Lost {n}", title=f"Lost {n}", tags=["a"]) for n in range(count)
    ]
    desk.deploy()
    before, cuts, tries, calls = len(desk.posts()), desk.proxy.cuts, Counter[int](), 0
    ways = list(itertools.product(range(MOST_CALLS), CUTS))
    records = []
    for number, page in enumerate(pages):
        desk.proxy.cut(*ways[7 * number % len(ways)])  # 18 meet all of them, 6 each call
        records.append(desk.publish(page, destination))
        calls += len(desk.proxy.calls)
        tries[len(desk.attempts(records[-1]["id"]))] += 1
    for number, record in enumerate(records):
        post = desk.of(record)
        require((post["title"], post["status"]) == (f"Lost {number}", "published"), f"a post is not whole: {post}")
        require(post["id"] == record["external_id"], "the record names another post")
    cuts, made = desk.proxy.cuts - cuts, len(desk.posts()) - before
    require(made == count, f"{made} posts for {count} pages")
    require(cuts == count, f"the line was cut {cuts} times for {count} pages")
    shares = ", ".join(f"{n} in {tried} tries" for tried, n in sorted(tries.items()))
    return f"lost answers: {count} pages, {cuts} cuts, {calls} calls, one post each ({shares})"


if __name__ == "__main__":
    sys.exit(main())
