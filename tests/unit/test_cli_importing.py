"""A folder becomes pages and assets, whatever lies in it, and nothing is dropped silently."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsite.cli.importing import CONFIG_LIMIT, ImportPlan, PageDraft, plan_import
from pubsite.cli.page_paths import fit
from pubsite.errors import Problem
from pubsite.models.paths import page_key, page_path_problem


def tree(root: Path, files: dict[str, str | bytes]) -> ImportPlan:
    for name, body in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body.encode() if isinstance(body, str) else body)
    return plan_import(root)


def page(plan: ImportPlan, source: str) -> PageDraft:
    return next(each for each in plan.pages if each.source == source)


def codes(plan: ImportPlan) -> set[tuple[str, str]]:
    return {(problem.path, problem.code) for problem in plan.problems}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("index.md", "/"),
        ("README.md", "/"),
        ("about.md", "/about"),
        ("guide/index.md", "/guide"),
        ("guide/_index.md", "/guide"),
        ("guide/README.md", "/guide"),
        ("guide/Install.markdown", "/guide/Install"),
        ("my notes/What is this?.md", "/my-notes/What-is-this"),
        ("C# & Co.md", "/C-&-Co"),
        ("straße/größe.md", "/straße/größe"),
        ("v1.2.md", "/v1.2"),
        ("notes.txt.md", "/notes-txt"),
        ("contact.html", "/contact.html"),
        ("blog/index.html", "/blog"),
    ],
)
def test_a_source_lives_at_its_path(tmp_path: Path, source: str, path: str) -> None:
    plan = tree(tmp_path, {source: "# Text"})
    assert [(each.source, each.path) for each in plan.pages] == [(source, path)]
    assert plan.problems == ()


def test_a_decomposed_name_becomes_nfc(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"cafe\u0301.md": "x"})
    assert plan.pages[0].path == "/caf\u00e9"
    assert plan.pages[0].config["source"] == "caf\u00e9.md"


def test_an_index_wins_over_a_readme_which_keeps_its_own_path_and_is_named(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"guide/README.md": "r", "guide/index.md": "i", "guide/index.html": "h"})
    assert page(plan, "guide/index.md").path == "/guide"
    assert page(plan, "guide/README.md").path == "/guide/README"
    assert page(plan, "guide/index.html").path == "/guide/index"
    assert codes(plan) == {("guide/README.md", "second_index"), ("guide/index.html", "second_index")}


def test_of_two_pages_at_one_path_the_second_gets_a_suffix_and_both_are_named(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"a b.md": "1", "a-b.md": "2", "foo.md": "3", "foo/index.md": "4"})
    assert [each.path for each in plan.pages] == ["/a-b", "/a-b-2", "/foo", "/foo-2"]
    named = {problem.path for problem in plan.problems if problem.code == "collision"}
    assert named == {"a b.md", "a-b.md", "foo.md", "foo/index.md"}


def test_pages_that_differ_in_case_only_collide(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"one/About.md": "---\nurl: /x/About\n---\n", "two/about.md": "---\nurl: /x/about\n---\n"})
    assert [each.path for each in plan.pages] == ["/x/About", "/x/about-2"]


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ("slug: start", "/guide/start"),
        ("slug: Start here", "/guide/Start-here"),
        ("url: /one/two/", "/one/two"),
        ("permalink: one/two", "/one/two"),
        ("url: https://example.com/old%20place/x", "/old place/x"),
        ("url: /a\nslug: b", "/a"),
    ],
)
def test_front_matter_decides_the_path(tmp_path: Path, head: str, path: str) -> None:
    plan = tree(tmp_path, {"guide/install.md": f"---\n{head}\n---\nText"})
    assert plan.pages[0].path == path
    assert not {"slug", "url", "permalink"} & set(plan.pages[0].config)


@pytest.mark.parametrize("url", ["/a/../b", "/a//b", "/a\\\\b"])
def test_a_path_that_no_page_can_have_is_named_and_the_own_one_used(tmp_path: Path, url: str) -> None:
    plan = tree(tmp_path, {"a.md": f'---\nurl: "{url}"\n---\nText'})
    assert plan.pages[0].path == "/a"
    assert codes(plan) == {("a.md", "bad_path")}


def test_yaml_front_matter_fills_the_config(tmp_path: Path) -> None:
    head = (
        "title: Install\ndescription: How\ndate: 2024-01-31\ntags: [one, 2]\ndraft: true\nweight: 3\n"
        "aliases: [old, /older]\nauthor: Kim\nextra: {deep: [1, null]}\n"
    )
    config = tree(tmp_path, {"guide/a.md": f"---\n{head}---\n# Body\n"}).pages[0].config
    assert config == {
        "title": "Install",
        "description": "How",
        "date": "2024-01-31",
        "tags": ["one", "2"],
        "draft": True,
        "weight": 3,
        "aliases": ["/guide/old", "/older"],
        "author": "Kim",
        "extra": {"deep": [1, None]},
        "format": "markdown",
        "source": "guide/a.md",
        "content": "# Body\n",
    }


def test_toml_and_json_front_matter_are_read_too(tmp_path: Path) -> None:
    toml = '+++\ntitle = "T"\ndate = 2024-01-31T10:00:00+02:00\n[taxonomies]\ntags = ["x"]\n+++\nBody'
    plan = tree(tmp_path, {"t.md": toml, "j.md": '{\n"title": "J",\n"tags": "a, b"\n}\n\nBody'})
    assert page(plan, "t.md").config["date"] == "2024-01-31T08:00:00Z"
    assert page(plan, "t.md").config["tags"] == ["x"]
    assert page(plan, "j.md").config["tags"] == ["a", "b"]
    assert {each.config["content"] for each in plan.pages} == {"Body"}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Hello *there* `x` {#id}\n", "Hello there x"),
        ("Intro\n\n## Second ##\n", "Second"),
        ("Set text\n========\n", "Set text"),
        ("```\n# no\n```\n\n# yes\n", "yes"),
        ("~~~~\n# no\n~~~\n# no\n~~~~\n# yes\n", "yes"),
        ("    # code\n\n# yes\n", "yes"),
        ("# [Link](x.md) &amp; more\n", "Link & more"),
        ("#hashtag\n\ntext\n", None),
        ("- item\n---\n", None),
        ("", None),
    ],
)
def test_a_missing_title_comes_from_the_first_heading(tmp_path: Path, text: str, title: str | None) -> None:
    assert tree(tmp_path, {"a.md": text}).pages[0].config.get("title") == title


def test_an_html_document_is_a_page_with_its_own_title(tmp_path: Path) -> None:
    text = "<!doctype html><html><head><title>A &lt; B</title></head><body><h1>C</h1></body></html>"
    config = tree(tmp_path, {"a.html": text}).pages[0].config
    assert (config["format"], config["title"], config["content"]) == ("html", "A < B", text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntitle: [a\n---\nBody", "line 3"),
        ("---\ntitle: x\n\tbad: y\n---\nBody", "line 3"),
        ("---\ntitle: x\nBody", "line 1"),
        ("+++\ntitle = \n+++\nBody", "line 2"),
        ('{\n"title": x\n}\nBody', "line 2"),
        ("---\n- a list\n---\nBody", "line 2"),
        ("---\na: &a [*a]\n---\nBody", ""),
        ("---\na: !!python/object/apply:os.system [x]\n---\nBody", "line 2"),
        ("---\n" + "[" * 200 + "\n---\nBody", ""),
        (
            "---\na: &a [x,x]\n"
            + "".join(f"b{n}: &b{n} [*a,*a,*a]\na: &a [*b{n},*b{n}]\n" for n in range(20))
            + "---\n",
            "",
        ),
    ],
)
def test_bad_front_matter_is_named_with_its_line_and_the_text_kept_whole(tmp_path: Path, text: str, line: str) -> None:
    plan = tree(tmp_path, {"a.md": text})
    assert plan.pages[0].config["content"] == text
    assert [problem.code for problem in plan.problems] == ["front_matter"]
    assert plan.problems[0].message.startswith(line)
    assert plan.problems[0].severity == "warn"


@pytest.mark.parametrize("text", ["---\n\nA thematic break.", "----\nx", "{% raw %}", "{not json", "+++x", "---x: y"])
def test_a_text_that_only_looks_like_front_matter_is_content(tmp_path: Path, text: str) -> None:
    plan = tree(tmp_path, {"a.md": text})
    assert plan.pages[0].config["content"] == text
    assert plan.problems == ()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2024-1-3", "2024-01-03"),
        ("2024-01-31 10:00", "2024-01-31T10:00:00Z"),
        ("2024-01-31 10:00:00 +0200", "2024-01-31T08:00:00Z"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("2024-01-31T23:00:00-05:00", "2024-02-01T04:00:00Z"),
        ("Wed, 31 Jan 2024 10:00:00 GMT", "2024-01-31T10:00:00Z"),
    ],
)
def test_dates_become_iso_texts(tmp_path: Path, value: str, kept: str) -> None:
    plan = tree(tmp_path, {"a.md": f"---\ndate: {value}\npublishDate: {value}\n---\n"})
    config = plan.pages[0].config
    assert config["date"] == kept
    assert config["publish_at"] == (kept if "T" in kept else f"{kept}T00:00:00Z")
    assert plan.problems == ()


@pytest.mark.parametrize("head", ["date: soon", "date: 2024-13-45", "tags: {a: b}", "draft: perhaps", "title: {a: 1}"])
def test_a_value_of_no_use_is_left_out_and_named(tmp_path: Path, head: str) -> None:
    plan = tree(tmp_path, {"a.md": f"---\n{head}\n---\nBody"})
    assert head.split(":")[0] not in plan.pages[0].config
    assert codes(plan) == {("a.md", "front_matter_value")}


def test_yaml_keeps_words_and_clock_times_as_texts(tmp_path: Path) -> None:
    head = "title: no\nsubtitle: 12:30\nversion: 1_000\nlast: 2024-01-31\nnan: .nan\n"
    config = tree(tmp_path, {"a.md": f"---\n{head}---\n"}).pages[0].config
    assert (config["title"], config["subtitle"], config["version"]) == ("no", "12:30", "1_000")
    assert (config["last"], config["nan"]) == ("2024-01-31", ".nan")


def test_keys_that_the_import_sets_are_not_taken_from_a_page(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"a.md": "---\nsource: ../x\ncontent: other\n---\nBody"})
    assert (plan.pages[0].config["source"], plan.pages[0].config["content"]) == ("a.md", "Body")
    assert len(plan.problems) == 2


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"a.md": b"\xef\xbb\xbf---\r\ntitle: T\r\n---\r\nBody\r\n", "b.md": "é".encode("utf-16")})
    assert page(plan, "a.md").config["title"] == "T"
    assert page(plan, "a.md").config["content"] == "Body\n"
    assert page(plan, "b.md").config["content"] == "é"
    assert plan.problems == ()


def test_bad_bytes_are_named_with_their_line_and_the_page_is_kept(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"a.md": b"one\ntwo \xff\n", "b.md": b"x\0y"})
    assert page(plan, "a.md").config["content"] == "one\ntwo \ufffd\n"
    assert page(plan, "b.md").config["content"] == "x\ufffdy"
    assert codes(plan) == {("a.md", "encoding"), ("b.md", "encoding")}
    assert "line 2" in plan.problems[0].message


def test_other_files_are_assets_and_unrendered_sources_are_named(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"a.md": "x", "img/a b.png": b"\x89PNG", "old.rst": "x", "x.mdx": "y", "m.css": "z"})
    assert [asset.path for asset in plan.assets] == ["img/a b.png", "m.css", "old.rst", "x.mdx"]
    assert codes(plan) == {("old.rst", "not_rendered"), ("x.mdx", "not_rendered")}


def test_hidden_files_stay_out_but_well_known_does_not(tmp_path: Path) -> None:
    plan = tree(
        tmp_path, {"a.md": "x", ".git/config": "x", ".env": "x", "__pycache__/a.pyc": "x", ".well-known/s": "x"}
    )
    assert [asset.path for asset in plan.assets] == [".well-known/s"]
    assert plan.hidden == (".env", ".git", "__pycache__")


def test_links_that_lead_out_are_refused_and_inner_ones_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.md").write_text("# A")
    (root / "b.md").symlink_to("a.md")
    (root / "out.md").symlink_to("../secret.md")
    (root / "gone.md").symlink_to("nowhere.md")
    (root / "loop.md").symlink_to("loop.md")
    (root / "folder").symlink_to(".", target_is_directory=True)
    os.mkfifo(root / "pipe.md")
    plan = plan_import(root)
    assert [each.source for each in plan.pages] == ["a.md", "b.md"]
    assert codes(plan) == {
        ("out.md", "link_outside"),
        ("gone.md", "unreadable"),
        ("loop.md", "unreadable"),
        ("folder", "linked_folder"),
        ("pipe.md", "special_file"),
    }
    assert plan.left_out == {"out.md", "gone.md", "loop.md", "folder", "pipe.md"}


def test_files_over_the_limits_are_named(tmp_path: Path) -> None:
    plan = tree(tmp_path, {"big.md": "x" * (CONFIG_LIMIT + 1), "ok.md": "x"})
    assert codes(plan) == {("big.md", "too_large")}
    assert codes(plan_import(tmp_path, file_limit=100)) == {("big.md", "too_large")}


def test_names_that_no_site_can_hold_are_named(tmp_path: Path) -> None:
    (Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.png"))).write_text("x")
    plan = tree(tmp_path, {"a:b.png": "x", "nul.txt": "x", "A.png": "x", "a.png": "y"})
    assert [asset.path for asset in plan.assets] == ["A.png"]
    assert codes(plan) == {
        ("a:b.png", "bad_name"),
        ("nul.txt", "bad_name"),
        ("bad\\udcff.png", "bad_name"),
        ("a.png", "collision"),
    }


NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]) | st.sampled_from(" .#?%\\-_aA\u0301é"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", ".."))
FILES = st.dictionaries(
    st.tuples(st.lists(NAMES, max_size=2), NAMES, st.sampled_from(["", ".md", ".html", ".png", ".rst"])).map(
        lambda parts: "/".join([*parts[0], parts[1] + parts[2]])
    ),
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"---\n{text}\n---\nx".encode("utf-8", "replace")),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(FILES)
def test_every_file_of_any_tree_is_a_page_an_asset_hidden_or_named(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name, body in files.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(body)
        except OSError:  # a folder is there already, or the name is too long
            continue
    plan = plan_import(root)
    _assert_nothing_is_lost(root, plan)
    keys = [page_key(each.path) for each in plan.pages]
    assert len(keys) == len(set(keys))
    for each in plan.pages:
        assert page_path_problem(each.path) is None
        json.dumps(each.config, allow_nan=False).encode()
    assert plan_import(root) == plan


def _assert_nothing_is_lost(root: Path, plan: ImportPlan) -> None:
    sent = len(plan.pages) + len(plan.assets)
    errors = [problem for problem in plan.problems if problem.severity == "error"]
    total = sum(
        1
        for file in root.rglob("*")
        if file.is_file() and not any(part.startswith(".") and part != ".well-known" for part in _parts(root, file))
    )
    assert total == sent + len(errors)
    assert all(isinstance(problem, Problem) for problem in plan.problems)


def _parts(root: Path, file: Path) -> tuple[str, ...]:
    return file.relative_to(root).parts


@given(st.text(min_size=1, max_size=30).filter(lambda name: "/" not in name))
def test_a_fitted_segment_always_fits(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    fitted = fit(name)
    assert page_path_problem("/" + fitted) is None
    assert fit(fitted) == fitted
