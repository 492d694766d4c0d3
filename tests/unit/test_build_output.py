"""Whole builds with the real theme: what visitors, feed readers and search engines get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from pubsite.build import BuildResult, build
from pubsite.build.pool import RendererPool
from pubsite.build.snapshot import AssetSource, PageSource, Snapshot
from pubsite.errors import BuildFailed
from pubsite.storage import ORIGIN_TOKEN, FileEntry, Manifest, RedirectEntry, Storage, memory_storage
from tests.build_sites import asset, entries, markdown, page, redirect, site, text

ATOM = {"a": "http://www.w3.org/2005/Atom"}
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


@pytest.fixture(scope="module")
def pool() -> Iterator[RendererPool]:
    pool = RendererPool(1, seconds=30, memory=1 << 30)
    yield pool
    pool.close()


class Builder:
    """Builds into one store, and reads what came of it."""

    def __init__(self, storage: Storage, pool: RendererPool) -> None:
        self.objects = storage.objects
        self.pool = pool

    def __call__(self, snapshot: Snapshot) -> BuildResult:
        self.result = build(snapshot, self.objects, self.pool)
        return self.result

    def text(self, path: str) -> str:
        return text(self.objects, self.result.bundle.digest, path)

    def entry(self, path: str) -> Any:
        return Manifest(self.objects, self.result.bundle.digest).lookup(path)

    def codes(self) -> list[tuple[str, str]]:
        return [(problem.path, problem.code) for problem in self.result.problems]


@pytest.fixture
def built(pool: RendererPool) -> Builder:
    return Builder(memory_storage(), pool)


def posts(count: int, **config: Any) -> list[PageSource]:
    return [
        markdown(f"/blog/{number:02}", f"# Post {number}\n\nText {number}.", date=f"2026-01-{number + 1:02}", **config)
        for number in range(count)
    ]


def test_a_page_stands_in_its_theme(built: Builder) -> None:
    built(site(markdown("/about", "# About *us*\n\nWe [are](/).", author="Ada")))
    html = built.text("/about/index.html")
    assert html.startswith("<!doctype html>")
    assert "<title>About us · Demo</title>" in html
    assert '<h1 id="about-us">About <em>us</em>' in html
    assert '<meta name="description" content="We are.">' in html
    assert 'aria-current="page"' in html
    assert built.result.problems == ()


def test_a_fragment_of_html_is_published_unchanged_but_for_ids(built: Builder) -> None:
    built(site(page("/", "<h2>Hello</h2>\n<script>if (1 < 2) run('/')</script><p class=x>&copy;</p>")))
    fragment = "<h2 id=\"hello\">Hello</h2>\n<script>if (1 < 2) run('/')</script><p class=x>&copy;</p>"
    assert fragment in built.text("/index.html")


def test_a_whole_document_is_published_as_it_is(built: Builder) -> None:
    document = "<!DOCTYPE html>\n<title>Own</title><h1>Own</h1><a href='/nowhere'>x</a>\x01"
    built(site(page("/own", document)))
    assert built.text("/own/index.html") == document
    assert built.codes() == [("/own", "broken_link")]


def test_sanitizing_holds_for_whole_documents_too(built: Builder) -> None:
    built(site(page("/own", "<!doctype html><title>No</title><script>evil()</script><p>Text"), sanitize=True))
    html = built.text("/own/index.html")
    assert "evil()" not in html
    assert "<p>Text</p>" in html
    assert html.count("<title>") == 1


def test_files_are_published_raw(built: Builder) -> None:
    built(site(page("/data/x.json", '{"a": "<b>"}'), page("/humans.txt", "Us")))
    assert built.text("/data/x.json") == '{"a": "<b>"}'
    assert built.entry("/humans.txt").media_type == "text/plain"


def test_sections_list_their_pages_and_every_page_can_be_reached(built: Builder) -> None:
    paths = [f"/guide/part-{number // 70}/page-{number}" for number in range(210)]
    built(site(*(page(path) for path in paths), page("/guide/part-1", "<p>Own folder page</p>")))
    reached, waiting = set(), ["/"]
    while waiting:
        url = waiting.pop()
        if url in reached:
            continue
        reached.add(url)
        waiting += re.findall(r'<a href="(/[^"#]*)"', built.text(f"{url}index.html"))
    assert {f"{path}/" for path in paths} <= reached
    assert "All 70 pages" in built.text("/guide/part-0/page-0/index.html")


def test_long_levels_are_cut_around_the_current_page(built: Builder) -> None:
    built(site(*(page(f"/p/{number:03}") for number in range(200))))
    html = built.text("/p/150/index.html")
    assert '<a href="/p/150/" aria-current="page">' in html
    assert '<a href="/p/000/"' not in html


def test_a_folder_page_lists_its_children_unless_told_not_to(built: Builder) -> None:
    pages = [page("/a/x", title="Child X"), page("/b/y", title="Child Y")]
    built(site(page("/a", "<p>A</p>"), page("/b", "<p>B</p>", list=False), *pages))
    assert "In this section" in built.text("/a/index.html")
    assert "In this section" not in built.text("/b/index.html")


def test_order_is_by_order_then_newest_first_then_title(built: Builder) -> None:
    built(
        site(
            page("/s/a", title="Zed"),
            page("/s/b", title="alpha"),
            page("/s/c", title="C", date="2026-01-01"),
            page("/s/d", title="D", date="2026-01-02"),
            page("/s/e", title="E", weight=2),
            page("/s/f", title="F", menu={"order": 1}),
        )
    )
    listed = re.findall(r'<h2><a href="/s/(\w)/">', built.text("/s/index.html"))
    assert listed == ["f", "e", "d", "c", "b", "a"]


def test_imported_links_are_resolved_and_broken_ones_named(built: Builder) -> None:
    content = "# A\n\n[b](b.md#part) ![](../img/a.png) [up](../) [gone](gone.md)\n"
    built(
        site(
            markdown("/", "Home", source="README.md"),
            markdown("/guide/a", content, source="guide/a.md"),
            markdown("/guide/b", "# B", source="guide/b.md"),
            assets=[asset(built.objects, "/img/a.png")],
        )
    )
    html = built.text("/guide/a/index.html")
    assert '<a href="/guide/b/#part">b</a>' in html
    assert '<img alt="" src="/img/a.png">' in html
    assert '<a href="/">up</a>' in html
    (problem,) = built.result.problems
    assert (problem.path, problem.code, problem.message) == (
        "/guide/a",
        "broken_link",
        "gone.md leads nowhere (line 3)",
    )


def test_the_feed_is_valid_atom_with_the_newest_twenty(built: Builder) -> None:
    pages = posts(25, tags=["x & y"])
    pages[24] = markdown(
        "/blog/24", "# <Post> \x0b24\n\n[rel](#a) [abs](/blog/) [out](https://x.org) \x02 ]]>", date="2026-01-25"
    )
    built(site(*pages))
    entry = built.entry("/atom.xml")
    assert (entry.media_type, entry.origin) == ("application/atom+xml", True)
    feed = ElementTree.fromstring(built.text("/atom.xml"))
    found = feed.findall("a:entry", ATOM)
    assert len(found) == 20
    assert feed.findtext("a:updated", None, ATOM) == "2026-01-25T00:00:00Z"
    assert feed.findtext("a:id", None, ATOM) == "tag:demo.invalid,2000:/"
    assert found[0].findtext("a:id", None, ATOM) == "tag:demo.invalid,2000:/blog/24/"
    content = found[0].findtext("a:content", "", ATOM)
    assert f'href="{ORIGIN_TOKEN}/blog/24/#a"' in content
    assert f'href="{ORIGIN_TOKEN}/blog/"' in content
    assert 'href="https://x.org"' in content
    for link in feed.iter("{http://www.w3.org/2005/Atom}link"):
        assert link.attrib["href"].startswith(ORIGIN_TOKEN)
    assert ("/blog/24", "control_characters") in built.codes()


def test_there_is_no_feed_without_dated_pages_or_when_switched_off(built: Builder) -> None:
    built(site(page("/a")))
    assert built.entry("/atom.xml") is None
    built(site(*posts(2), feeds={"atom": False}))
    assert built.entry("/atom.xml") is None
    built(site(*posts(3), feeds={"atom": {"path": "/feed.xml", "limit": 2, "content": "excerpt"}}))
    assert built.entry("/feed.xml").media_type == "application/atom+xml"
    assert built.text("/feed.xml").count("<entry>") == 2
    assert "<content" not in built.text("/feed.xml")


def test_the_sitemap_names_every_page_that_may_be_indexed(built: Builder) -> None:
    built(site(page("/a", updated="2026-01-03"), page("/ü/b"), page("/hidden", no_index=True), page("/404", "Gone")))
    urls = ElementTree.fromstring(built.text("/sitemap.xml")).findall("s:url", SITEMAP)
    assert [url.findtext("s:loc", None, SITEMAP) for url in urls] == [
        f"{ORIGIN_TOKEN}/",
        f"{ORIGIN_TOKEN}/%C3%BC/",
        f"{ORIGIN_TOKEN}/%C3%BC/b/",
        f"{ORIGIN_TOKEN}/a/",
    ]
    assert urls[3].findtext("s:lastmod", None, SITEMAP) == "2026-01-03"
    assert f"Sitemap: {ORIGIN_TOKEN}/sitemap.xml" in built.text("/robots.txt")
    assert built.entry("/robots.txt").origin


def test_a_base_url_takes_the_tokens_place(built: Builder) -> None:
    built(site(*posts(1), page("/l", '<a href="https://example.com/nowhere">x</a>'), base_url="https://example.com/"))
    for path in ("/sitemap.xml", "/atom.xml", "/robots.txt"):
        assert ORIGIN_TOKEN not in built.text(path)
        assert "https://example.com/" in built.text(path)
        assert not built.entry(path).origin
    assert '<link rel="canonical" href="https://example.com/blog/00/">' in built.text("/blog/00/index.html")
    assert ("/l", "broken_link") in built.codes()


def test_robots_and_sitemap_obey_the_config(built: Builder) -> None:
    built(site(page("/"), robots="User-agent: *\nDisallow: /\n", sitemap={"enabled": False}))
    assert built.text("/robots.txt") == "User-agent: *\nDisallow: /\n"
    assert built.entry("/sitemap.xml") is None


def test_the_404_page_is_generated_or_the_users_own(built: Builder) -> None:
    built(site(page("/")))
    assert "Page not found" in built.text("/404.html")
    built(site(page("/"), page("/oops", "<p>Own words</p>"), not_found_path="/oops"))
    assert "Own words" in built.text("/404.html")
    assert built.entry("/oops/index.html") is None


def test_theme_assets_bear_their_digest_and_pages_name_them(built: Builder) -> None:
    built(site(page("/")))
    name = next(path for path in entries(built.objects, built.result.bundle.digest) if path.endswith(".css"))
    assert re.fullmatch(r"/_assets/paper\.[0-9a-f]{12}\.css", name)
    assert built.entry(name).fingerprinted
    assert f'href="{name}"' in built.text("/index.html")
    built(site(page("/"), fingerprint=False))
    assert not built.entry("/_assets/paper.css").fingerprinted


def test_redirects_and_assets_are_in_the_bundle(built: Builder) -> None:
    picture = asset(built.objects, "/img/a.png")
    built(site(page("/new", aliases=["/older"]), redirects=[redirect("/old", "/new", 308)], assets=[picture]))
    assert built.entry("/old") == RedirectEntry("/new", 308)
    assert built.entry("/older") == RedirectEntry("/new/", 301)
    assert built.entry("/img/a.png") == FileEntry(picture.digest, picture.size, "image/png")


def test_a_self_managed_site_is_its_files(built: Builder) -> None:
    files = [asset(built.objects, "/index.html", b"<p>x"), asset(built.objects, "/a b/ü.txt", b"y")]
    result = built(site(assets=files, redirects=[redirect("/x", "/")], mode="SelfManaged", trailing_slash="ignore"))
    assert sorted(entries(built.objects, result.bundle.digest)) == ["/a b/ü.txt", "/index.html", "/x"]
    assert (result.outputs, result.rendered) == (3, 0)
    assert Manifest(built.objects, result.bundle.digest).routing.trailing_slash == "ignore"


def test_an_asset_that_the_store_lost_stops_the_build(built: Builder) -> None:
    with pytest.raises(BuildFailed, match=r"/x\.png") as raised:
        built(site(page("/"), assets=[AssetSource("/x.png", "0" * 64, 3)]))
    assert [problem.code for problem in raised.value.problems] == ["asset_missing"]


def test_a_collision_stops_the_build_with_every_problem(built: Builder) -> None:
    with pytest.raises(BuildFailed) as raised:
        built(site(page("/a"), page("/b"), redirects=[redirect("/a", "/b"), redirect("/b", "/a")]))
    assert [problem.code for problem in raised.value.problems] == ["collision", "collision"]


def test_quality_turns_warnings_off_or_into_errors(built: Builder) -> None:
    pages = [page("/a", '<a href="/nowhere">x</a>')]
    assert built(site(*pages, quality={"broken_link": "off"})).problems == ()
    with pytest.raises(BuildFailed, match="leads nowhere"):
        built(site(*pages, quality={"broken_link": "block"}))


def test_only_what_looks_different_is_rendered_again(pool: RendererPool) -> None:
    built = Builder(memory_storage(), pool)
    pages = [page(f"/s/{number}", f"<p>{number}</p>", title=f"Count {number}") for number in range(30)]
    assert built(site(*pages, title="Counting")).rendered == 33
    assert built(site(*pages, title="Counting")).rendered == 0
    edited = [*pages[:7], page("/s/7", "<p>new</p>", title="Count 7"), *pages[8:]]
    assert built(site(*edited, title="Counting")).rendered == 1
    assert "<p>new</p>" in built.text("/s/7/index.html")
    assert built(site(*edited, title="Else")).rendered == 33


def test_a_page_is_rendered_again_when_what_its_link_meant_has_moved(built: Builder) -> None:
    linking = markdown("/a", "[b](b.md)", source="a.md")
    built(site(linking, markdown("/b", "# B", source="b.md", list=1), page("/", list=False)))
    built(site(linking, markdown("/b", "# B", source="c.md", list=1), page("/", list=False)))
    assert '<a href="b.md">b</a>' in built.text("/a/index.html")
    assert ("/a", "broken_link") in built.codes()


def test_menu_items_and_images_that_lead_nowhere_are_named(built: Builder) -> None:
    items = [{"label": "A", "href": "/a"}, {"label": "B", "href": "/b"}, {"label": "C", "href": "https://c.example/"}]
    built(site(page("/a", image="/none.png"), nav_items=items))
    assert built.codes() == [("/a", "broken_link"), ("config.nav_items", "broken_link")]


def test_nothing_of_rows_is_in_the_outputs(built: Builder) -> None:
    built(site(page("/a", "<p>x</p>"), *posts(2)))
    for path, entry in entries(built.objects, built.result.bundle.digest).items():
        if isinstance(entry, FileEntry):
            assert b"id-of-" not in built.objects.get(entry.digest), path


def test_progress_is_told_by_stage(built: Builder) -> None:
    told: list[tuple[str, int, int]] = []
    build(site(page("/"), page("/a")), built.objects, built.pool, lambda *step: told.append(step))
    assert told == [
        ("plan", 0, 1),
        ("render", 0, 3),
        ("render", 1, 3),
        ("render", 2, 3),
        ("render", 3, 3),
        ("pack", 0, 1),
    ]


def test_keys_of_any_type_do_nothing_where_another_one_was_meant(built: Builder) -> None:
    odd = {"order": "x", "weight": [1], "list": {"a": 1}, "source": ["a.md"], "updated": 7, "menu": {}}
    built(site(page("/"), page("/a", "<p>Odd</p>", **odd), page("/a/b")))
    assert "Odd" in built.text("/a/index.html")
