"""What stands in a real WordPress after a page was published, updated and taken down, field by field; and the words in
which a destination's test tells what hinders it. Used by wordpress_delivery.py."""

from __future__ import annotations

import html
import re
import struct
import sys
import zlib
from pathlib import Path

import httpx

if __name__ == "__main__":
    sys.exit(0)  # the other script runs it; alone there is nothing to do

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.crash.process import Broken
from tests.doubles.delivering import Json, Tenant
from tests.long.wordpress_server import Server

BODY = """<h2 id="a">Grüße &amp; “quotes”, it's 1 &lt; 2 — 🐟</h2>
<!-- a comment -->
<p>[gallery] stays, and so do a[0] and [/b]: <code>echo "$x[1]";</code></p>
<pre><code>https://www.youtube.com/watch?v=dQw4w9WgXcQ
  two  spaces</code></pre>
<p>https://www.youtube.com/watch?v=dQw4w9WgXcQ</p>
<table><tbody><tr><td style="color: red">cell</td></tr></tbody></table>
<script>let a = [1]; if (a[0] < 2) { document.title += ""; }</script>"""
KEPT = ("Grüße &amp; “quotes”", "🐟", "&#91;gallery] stays", '"$x&#91;1]"', "  two  spaces", "if (a[0] < 2)")
CONFIG: Json = {
    "title": "Fish & <chips>",
    "content": BODY,
    "description": "About “fish” & more",
    "tags": ["R&D", "Ink", "ink"],
    "categories": ["News & views"],
    "author": "Grace",
    "date": "2026-03-04T05:06:07Z",
    "image": "/img/pixel.png",
    "canonical_url": "https://first.example/fish",
}
ROW = """SELECT ID AS id, post_title AS title, post_content AS content, post_excerpt AS excerpt, post_name AS slug,
post_status AS status, post_date_gmt AS date FROM wp_posts WHERE post_type = 'post' AND ID = """
TERMS = """SELECT t.name AS name, x.taxonomy AS taxonomy FROM wp_term_relationships r
JOIN wp_term_taxonomy x USING (term_taxonomy_id) JOIN wp_terms t USING (term_id) WHERE r.object_id = """


def check_fields(server: Server, api: Tenant) -> str:
    """Publish, update, take down and publish again; raises Broken at the first field that is not as it should be."""
    site = api.site("fields")
    upload = {"data": {"filePath": "img/pixel.png"}, "files": {"file": ("pixel.png", png(7))}}
    api.ask("POST", f"/api/sites/{site['id']}/assets/upload", **upload)
    page = api.ask("POST", "/api/sites/acme/fields/pages", {"path": "/notes/fish", "config": CONFIG})
    api.deploy(site)
    blog = api.destination(
        site, "blog", server.base_url, f"{server.user}:{server.application_password}", source_link=True
    )
    (record,) = api.publish(page["id"], blog["id"])
    record = api.ended(record)
    check_published(server, api, record)
    check_update(server, api, site, page, record)
    check_taken_down(server, api, page, record)
    check_author(server, api, site, page)
    return "every field is as documented: published, changed, taken down, published again, and as an author"


def check_published(server: Server, api: Tenant, record: Json) -> None:
    expect("status", (record["status"], record["remote_state"], api.notes(record)), ("published", "present", []))
    row = row_of(server, record)
    expect("title", row["title"], "Fish &amp; &lt;chips&gt;")
    expect("excerpt", row["excerpt"], "About “fish” &amp; more")
    expect("slug, status, date", (row["slug"], row["status"], row["date"]), ("fish", "publish", "2026-03-04 05:06:07"))
    content = row["content"] or ""
    expect("lines of the HTML", [text for text in KEPT if text not in content], [])
    expect("comments", re.findall("<!--.*?-->", content)[::2], ["<!-- wp:html -->", "<!-- /wp:html -->"])
    expect("mark", f"<!-- pubsite:{record['id']}:publish:{record['content_hash']} -->" in content, True)
    expect(
        "terms",
        terms_of(server, record),
        {("R&amp;D", "post_tag"), ("Ink", "post_tag"), ("News &amp; views", "category")},
    )
    shown = httpx.get(record["external_url"]).text
    expect(
        "the page that readers see",
        [text for text in ("[gallery] stays", "youtube.com/watch") if text not in html.unescape(shown)],
        [],
    )
    expect("players in it", re.findall("<iframe|wp-block-embed", shown), [])
    link = 'First published at <a href="https://first.example/fish">'
    expect("link to the source", link in shown, True)
    expect("canonical", re.findall('rel="canonical" href="([^"]*)"', shown), [record["external_url"]])
    expect("featured image", image_of(server, record), png(7))


def check_update(server: Server, api: Tenant, site: Json, page: Json, record: Json) -> None:
    changed = {**CONFIG, "title": "Fish", "content": "<p>New</p>", "tags": ["New"]}
    changed = {name: value for name, value in changed.items() if name not in ("categories", "image")}
    api.ask("PATCH", f"/api/sites/pages/{page['id']}", {"config": changed})
    api.deploy(site)
    api.publish(page["id"], record["destination_id"])
    after = api.ended(record)
    expect(
        "id and URL after an update",
        [after[n] for n in ("external_id", "external_url")],
        [record[n] for n in ("external_id", "external_url")],
    )
    row = row_of(server, record)
    expect("title and HTML", (row["title"], "\n<p>New</p>\n" in (row["content"] or "")), ("Fish", True))
    expect("terms", terms_of(server, record), {("New", "post_tag"), ("Uncategorized", "category")})
    expect("featured image", image_of(server, record), None)


def check_taken_down(server: Server, api: Tenant, page: Json, record: Json) -> None:
    api.publisher("POST", f"publishing-records/{record['id']}/unpublish/")
    down = api.ended(record)
    expect("record", (down["status"], down["remote_state"], "unpublished_at" in down), ("pending", "absent", True))
    expect("in the trash", row_of(server, record)["status"], "trash")
    expect("for readers", httpx.get(record["external_url"]).status_code, 404)
    api.publish(page["id"], record["destination_id"])
    again = api.ended(record)
    expect("published again", (again["status"], again["external_id"], again["external_url"]),
           ("published", record["external_id"], record["external_url"]))  # fmt: skip


def check_author(server: Server, api: Tenant, site: Json, page: Json) -> None:
    """An author's HTML is cleaned there, and no category made: the notes say it."""
    by_author = {**CONFIG, "title": "By an author", "categories": ["news & VIEWS", "Unheard of"]}
    api.ask("PATCH", f"/api/sites/pages/{page['id']}", {"config": by_author})
    api.deploy(site)
    secret = f"{server.author.user}:{server.author.application_password}"
    blog = api.destination(site, "author", server.base_url, secret)
    (record,) = api.publish(page["id"], blog["id"])
    record = api.ended(record)
    notes = api.notes(record)
    expect("status", record["status"], "published")
    expect("category", ("News &amp; views", "category") in terms_of(server, record), True)
    content = row_of(server, record)["content"] or ""
    expect("mark", f"<!-- pubsite:{record['id']}:publish:{record['content_hash']} -->" in content, True)
    expect("script", "<script" in content, False)
    for word in ("script", "fish-2", "Unheard of"):
        expect(f"a note on {word}", any(word in note for note in notes), True)


def check_words(server: Server, api: Tenant) -> str:
    """Each hindrance is told by the destination's test in words that name its cause."""
    site = api.site("words")
    blog = api.destination(site, "blog", server.base_url, f"{server.user}:{server.application_password}")
    wrong = f"{server.user}:{'x' * 24}"
    test = lambda: api.publisher("POST", f"destinations/{blog['id']}/test/")  # noqa: E731  # asked again and again
    told = {"": test()}
    for name in ("authorization stripped", "rest disabled", "wp-json missing", "no application passwords"):
        with server.hindrance(name):
            told[name] = test()
    api.publisher("POST", f"destinations/{blog['id']}/rotate-secret/", {"secret": wrong})
    told["wrong"] = test()
    with server.hindrance("credentials checked early"):
        told["wrong, checked early"] = test()
    reader = f"{server.reader.user}:{server.reader.application_password}"
    api.publisher("POST", f"destinations/{blog['id']}/rotate-secret/", {"secret": reader})
    told["reader"] = test()
    expected = {
        "": f"WordPress at 127.0.0.1:{server.port}, as admin (administrator)",
        "authorization stripped": "does not hand on the Authorization header",
        "rest disabled": "The REST API is closed to us: Switched off.",
        "wp-json missing": "as admin (administrator)",
        "no application passwords": "Application passwords are switched off there",
        "wrong": "the application password is wrong, or the web server",
        "wrong, checked early": "The user name or the application password is wrong",
        "reader": "reader (subscriber) may not publish posts there: the role lacks edit_posts and publish_posts",
    }
    for name, words in expected.items():
        expect(
            f"words for {name!r}",
            words in (told[name].get("identity") or told[name].get("error") or str(told[name])),
            True,
        )
    return f"{len(expected)} ways in which a WordPress is or is not reached, each told in its own words"


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Broken(f"{what}: {found!r} instead of {wanted!r}")


def row_of(server: Server, record: Json) -> dict[str, str | None]:
    (row,) = server.query(f"{ROW}{int(record['external_id'])}")
    return row


def terms_of(server: Server, record: Json) -> set[tuple[str | None, str | None]]:
    return {(row["name"], row["taxonomy"]) for row in server.query(f"{TERMS}{int(record['external_id'])}")}


def image_of(server: Server, record: Json) -> bytes | None:
    """The bytes of the featured image, as anybody may fetch them; None: there is none."""
    posts = f"{server.base_url}/wp-json/wp/v2"
    media = httpx.get(f"{posts}/posts/{record['external_id']}").json()["featured_media"]
    return httpx.get(httpx.get(f"{posts}/media/{media}").json()["source_url"]).content if media else None


def png(side: int) -> bytes:
    """A grey square."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))  # noqa: E731  # needed thrice
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
