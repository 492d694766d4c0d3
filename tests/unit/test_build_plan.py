"""What a site will have at which URL, and what stands against it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pubsite.build.plan import Kind, Plan, make_plan, sitemap_files
from pubsite.errors import BuildFailed
from pubsite.storage import memory_storage
from tests.build_sites import asset, page, redirect, site


def files(planned: Plan, *kinds: Kind) -> list[str]:
    return [output.file for output in planned.outputs if output.kind in kinds]


def found(planned: Plan, code: str) -> list[tuple[str, str]]:
    return [(problem.severity, problem.path) for problem in planned.problems if problem.code == code]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("always", ["/a.b/index.html", "/about/index.html", "/index.html"]),
        ("ignore", ["/a.b/index.html", "/about/index.html", "/index.html"]),
        ("never", ["/a.b.html", "/about.html", "/index.html"]),
    ],
)
def test_pages_lie_where_the_slash_policy_says(policy: str, expected: list[str]) -> None:
    planned = make_plan(site(page("/"), page("/about"), page("/a.b"), trailing_slash=policy))
    assert files(planned, Kind.page) == expected


def test_a_path_with_a_document_extension_is_its_own_file() -> None:
    planned = make_plan(site(page("/"), page("/old/feed.html"), page("/humans.txt", "Us"), page("/data.json", "{}")))
    assert files(planned, Kind.page) == ["/index.html", "/old/feed.html"]
    assert files(planned, Kind.raw) == ["/data.json", "/humans.txt"]


def test_folders_without_a_page_get_a_section() -> None:
    planned = make_plan(site(page("/a/b/c"), page("/a/d")))
    assert files(planned, Kind.section) == ["/a/b/index.html", "/a/index.html", "/index.html"]


def test_a_very_deep_page_makes_few_sections() -> None:
    planned = make_plan(site(page("/x" * 4000)))
    assert len(files(planned, Kind.section)) <= 40


def test_generated_outputs_are_there_and_give_way_to_the_users_own() -> None:
    generated = make_plan(site(page("/")))
    assert {"/404.html", "/robots.txt", "/sitemap.xml"} <= {output.file for output in generated.outputs}
    own = make_plan(site(page("/"), page("/robots.txt", "mine"), page("/sitemap.xml", "<x/>"), page("/404", "Gone")))
    assert files(own, Kind.robots, Kind.sitemap) == []
    assert files(own, Kind.not_found) == ["/404.html"]
    assert found(own, "collision") == []


def test_every_collision_is_listed() -> None:
    objects = memory_storage().objects
    planned = make_plan(
        site(
            page("/a"),
            page("/b", aliases=["/old"]),
            page("/docs/x"),
            redirects=[redirect("/b", "/a"), redirect("/old", "/a")],
            assets=[asset(objects, "/a/index.html"), asset(objects, "/docs")],
        )
    )
    assert [path for _, path in found(planned, "collision")] == ["/a", "/b", "/docs", "/old"]
    message = next(problem.message for problem in planned.problems if problem.path == "/a")
    assert message == "/a is wanted by asset /a/index.html and page /a"


def test_without_slashes_a_page_and_a_folder_of_its_name_collide() -> None:
    objects = memory_storage().objects
    planned = make_plan(site(page("/a"), assets=[asset(objects, "/a/index.html")], trailing_slash="never"))
    assert found(planned, "collision") == [("error", "/a")]


def test_redirect_loops_are_errors_and_dead_ends_and_chains_warnings() -> None:
    planned = make_plan(
        site(
            page("/here"),
            redirects=[
                redirect("/a", "/b"),
                redirect("/b", "/a?x=1"),
                redirect("/self", "/self/"),
                redirect("/c", "/d"),
                redirect("/d", "/here#part"),
                redirect("/e", "/nowhere"),
                redirect("/f", "https://example.com/nowhere"),
                redirect("/g", "/a"),
            ],
        )
    )
    assert found(planned, "redirect_loop") == [("error", "/a"), ("error", "/b"), ("error", "/self")]
    assert found(planned, "redirect_chain") == [("warn", "/c"), ("warn", "/g")]
    assert found(planned, "broken_redirect") == [("warn", "/e")]


def test_simple_redirects_of_the_config_are_kept_and_others_named() -> None:
    rules: list[dict[str, Any]] = [
        {"from": "/old/", "to": "/new"},
        {"from": "/blog/*", "to": "/news/:splat"},
        {"from": "/u/:name", "to": "/new"},
        {"from": "/q", "to": "/new", "query": {"a": "1"}},
        {"from": "/s", "to": "/new", "status": 200},
        {"from": "/evil", "to": "//evil.example"},
        {"from": "/new", "to": "/old"},
    ]
    planned = make_plan(site(page("/new"), redirect_rules=rules))
    assert {path: (kept.target, kept.status) for path, kept in planned.redirects.items()} == {"/old": ("/new", 301)}
    assert [path for _, path in found(planned, "redirect_not_supported")] == [
        "/blog/*",
        "/u/:name",
        "/q",
        "/s",
        "/evil",
    ]
    assert found(planned, "redirect_shadowed") == [("warn", "/new")]


def test_aliases_are_permanent_redirects() -> None:
    planned = make_plan(site(page("/new", aliases=["/old/", "/older.html", 7, "elsewhere"])))
    assert {path: kept.status for path, kept in planned.redirects.items()} == {"/old": 301, "/older.html": 301}
    assert planned.redirects["/old"].target == "/new/"
    assert len(found(planned, "bad_alias")) == 2


def test_aliases_of_files_and_of_the_404_page_count_too() -> None:
    planned = make_plan(site(page("/x.txt", aliases=["/y.txt"]), page("/404", aliases=["/gone"])))
    assert {path: kept.target for path, kept in planned.redirects.items()} == {"/y.txt": "/x.txt", "/gone": "/404.html"}


def test_a_menu_parent_moves_a_page_and_an_impossible_one_is_named() -> None:
    planned = make_plan(
        site(
            page("/guide"),
            page("/faq", menu={"parent": "/guide/"}),
            page("/a", menu={"parent": "/a/b"}),
            page("/a/b"),
            page("/c", menu={"parent": "/nowhere"}),
        )
    )
    assert planned.pages
    above = {node.path: node.parent.path for node in planned.pages.tree.nodes if node.parent}
    assert above == {"/guide": "/", "/faq": "/guide", "/a": "/", "/a/b": "/a", "/c": "/"}
    assert found(planned, "bad_menu_parent") == [("warn", "/a"), ("warn", "/c")]


def test_a_self_managed_site_has_its_files_and_redirects_only() -> None:
    objects = memory_storage().objects
    snapshot = site(assets=[asset(objects, "/x.html")], redirects=[redirect("/a", "/x.html")], mode="SelfManaged")
    planned = make_plan(snapshot)
    assert [output.file for output in planned.outputs] == ["/x.html"]
    assert list(planned.redirects) == ["/a"]


def test_an_unknown_theme_stops_the_build() -> None:
    with pytest.raises(BuildFailed, match="no-such") as raised:
        make_plan(site(page("/"), theme="no-such"))
    assert [problem.code for problem in raised.value.problems] == ["unknown_theme"]


def test_what_no_build_obeys_is_named() -> None:
    planned = make_plan(
        site(
            page("/"),
            headers=[{"for": "/*"}],
            feeds={"rss": {"path": "/x"}},
            markdown={"engine": "gfm", "extensions": ["x"]},
        )
    )
    assert len(found(planned, "not_supported")) == 4


def test_a_date_that_is_none_is_named() -> None:
    planned = make_plan(site(page("/a", date="soon"), page("/b", date="2026-01-31T10:00:00+02:00")))
    assert found(planned, "bad_date") == [("warn", "/a")]
    assert [node.path for node in planned.feed] == ["/b"]


def test_sitemaps_are_split_where_the_protocol_wants_it() -> None:
    assert sitemap_files("/sitemap.xml", 50_000) == ["/sitemap.xml"]
    assert sitemap_files("/sitemap.xml", 50_001) == ["/sitemap.xml", "/sitemap-1.xml", "/sitemap-2.xml"]


def test_planning_is_near_linear() -> None:
    def cpu_seconds(count: int) -> float:
        snapshot = site(*(page(f"/posts/{number}", menu={"parent": "/all"}) for number in range(count)), page("/all"))
        started = time.process_time()
        make_plan(snapshot)
        return time.process_time() - started

    cpu_seconds(100)
    assert cpu_seconds(10_000) < 5
