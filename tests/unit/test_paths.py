"""The rules of paths: of pages in a site, of files in a tree, of what a redirect may lead to."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pubsite.models.paths import (
    file_key,
    file_path_problem,
    page_key,
    page_path_problem,
    redirect_target_problem,
)

CONTROLS = ["\0", "\t", "\n", "\r", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ud800", "\udfff"]
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("/.\\a\0 :~", max_size=20)


# Pages


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a",
        "/a/",
        "/a/b.html",
        "/ä",
        "/a b",
        "/a:b",
        "/.well-known/x",
        "/...",
        "/a..b",
        "/%2e%2e",
        "/~a",
        "/" + "a" * 8191,
    ],
)
def test_what_is_a_pages_path(path: str) -> None:
    assert page_path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "must begin with /"),
        ("a", "must begin with /"),
        ("/" + "a" * 8192, "must have at most 8192 characters"),
        ("/a\\b", "must not hold \\"),
        ("/a?b", "must not hold ?"),
        ("/a#b", "must not hold #"),
        ("//", "must not hold an empty segment (//)"),
        ("//a", "must not hold an empty segment (//)"),
        ("/a//b", "must not hold an empty segment (//)"),
        ("/a//", "must not hold an empty segment (//)"),
        ("/.", "must not hold the segments . or .."),
        ("/./", "must not hold the segments . or .."),
        ("/a/../b", "must not hold the segments . or .."),
        ("/..", "must not hold the segments . or .."),
        ("/e\u0301", "must be in Unicode's normal form NFC"),
        *((f"/a{control}b", "must not hold control characters") for control in CONTROLS),
    ],
)
def test_what_is_no_pages_path(path: str, problem: str) -> None:
    assert page_path_problem(path) == problem


@pytest.mark.parametrize(
    ("one", "other"), [("/a", "/a/"), ("/A", "/a"), ("/STRASSE", "/straße"), ("/ﬁ", "/fi"), ("/Ä/", "/ä")]
)
def test_paths_that_are_one_have_one_key(one: str, other: str) -> None:
    assert page_key(one) == page_key(other)


@pytest.mark.parametrize(("one", "other"), [("/", "/a"), ("/a", "/a/b"), ("/ab", "/a/b"), ("/a", "/ä"), ("/%61", "/a")])
def test_paths_that_are_two_have_two_keys(one: str, other: str) -> None:
    assert page_key(one) != page_key(other)


@given(ANY_TEXT)
def test_a_pages_path_is_told_from_any_text(path: str) -> None:
    if page_path_problem(path) is None:
        segments = path.strip("/").split("/")
        assert path.startswith("/")
        assert path == "/" or not {"", ".", ".."} & set(segments)
        assert not set(path) & {*CONTROLS, "\\", "?", "#"}
        assert unicodedata.is_normalized("NFC", path)
        assert len(page_key(path)) == 64


# Files


@pytest.mark.parametrize(
    "path",
    [
        *("a", "index.html", "a/b/c.txt", "ä/ü.txt", ".htaccess", ".well-known/x", "..a", "a..b", "a b", "100%25", "~"),
        *("console", "com", "com10", "nul_", "aux1.txt", "a.con", ".gitignore", ".github/x", "git", "a~1"),
        *("a" * 255, "ä" * 127, "/".join(["a" * 255] * 16)),
    ],
)
def test_what_is_a_files_path(path: str) -> None:
    assert file_path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "must not be empty"),
        ("/", "must be relative"),
        ("/etc/passwd", "must be relative"),
        ("/".join(["a" * 255] * 16) + "/a", "must have at most 4096 bytes"),
        ("ä" * 128, "must not hold a segment over 255 bytes"),
        ("a\\b", "must not hold \\"),
        ("c:/x", "must not hold :"),
        ("a::$DATA", "must not hold :"),
        ("e\u0301", "must be in Unicode's normal form NFC"),
        ("a/", "must not hold an empty segment"),
        ("a//b", "must not hold an empty segment"),
        (".", "must not hold the segments . or .."),
        ("a/../b", "must not hold the segments . or .."),
        ("../a", "must not hold the segments . or .."),
        *(
            (f"a/{dots}/b", "must not hold the segments . or ..")
            for dots in ("\u2025", "\uff0e\uff0e", ".\u2024", "\u200d..")
        ),
        ("a.", "must not hold a segment that ends with a dot or a space"),
        ("a /b", "must not hold a segment that ends with a dot or a space"),
        ("...", "must not hold a segment that ends with a dot or a space"),
        *((f"a{control}b", "must not hold control characters") for control in CONTROLS),
        *(
            (name, f"must not hold the device name {name}")
            for name in (
                *("con", "CON", "nul.txt", "Aux.tar.gz", "prn", "com1", "LPT9.x", "com²", "conin$", "CONOUT$.a"),
                *("nul .txt", "con  .a.b"),
            )
        ),
        *(
            (name, "must not hold .git")
            for name in (
                *(".git", ".GIT", ".Git", "git~1", "GIT~1", ".g\u200cit", "\ufeff.git"),
                *("\uff0e\uff47\uff49\uff54", ".\uff27IT", "\u2024git", "git\uff5e1", "\u200d.\u200dgit"),
            )
        ),
        ("a/.git/config", "must not hold .git"),
    ],
)
def test_what_is_no_files_path(path: str, problem: str) -> None:
    assert file_path_problem(path) == problem


@pytest.mark.parametrize(
    ("one", "other"), [("A.txt", "a.TXT"), ("ß", "SS"), ("ﬁle", "FILE"), ("\uff21", "a"), ("K", "k")]
)
def test_names_that_a_file_system_folds_have_one_key(one: str, other: str) -> None:
    assert file_key(one) == file_key(other)


@given(ANY_TEXT)
@example("a/" * 3000)
@example("\ud800")
@example(".git\u200c")
def test_a_files_path_is_told_from_any_text(path: str) -> None:
    if file_path_problem(path) is not None:
        return
    segments = path.split("/")
    assert not {"", ".", ".."} & set(segments)
    assert not set(path) & {*CONTROLS, "\\", ":"}
    assert all(len(segment.encode()) <= 255 and segment[-1] not in ". " for segment in segments)
    assert ".git" not in (segment.casefold() for segment in segments)
    assert len(path.encode()) <= 4096
    assert len(file_key(path)) == 64


# Turkish has an i of its own: there the dotless one is no lower case of I.
@given(st.text(st.characters(categories=["Ll", "Lu"], exclude_characters="\u0131"), min_size=1))
def test_a_name_has_one_key_in_every_case(name: str) -> None:
    assert file_key(name.upper()) == file_key(name.lower()) == file_key(name)


# Redirects


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/a",
        "/a/b?c=d#e",
        "/ä",
        "/%20",
        "http://example.com",
        "HTTPS://example.com/a?b#c",
        "https://[::1]:80/",
        "/a//b",
        "/a@b",
    ],
)
def test_what_a_redirect_may_lead_to(target: str) -> None:
    assert redirect_target_problem(target) is None


@pytest.mark.parametrize(
    "target",
    [
        *(
            "",
            "a",
            "a/b",
            "?a",
            "#a",
            "//evil.example",
            "///a",
            "/\\evil.example",
            "\\\\evil",
            "http:/a",
            "http://",
            "https:///a",
        ),
        *(
            "ftp://a",
            "javascript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "mailto:a@b",
            " /a",
            "/a ",
            "/a b",
            "/a\n",
        ),
        *(
            "/\t/evil.example",
            "\t/a",
            "http://a b",
            "http://\\evil",
            "/a\0",
            "/\u2028",
            "/\ud800",
        ),
        *("/" + "a" * 8192, None, 7, ["/a"], {"to": "/a"}, True),
    ],
)
def test_what_a_redirect_may_not_lead_to(target: object) -> None:
    assert redirect_target_problem(target)


@given(ANY_TEXT)
def test_a_redirect_leads_nowhere_by_surprise(target: str) -> None:
    if redirect_target_problem(target) is None:
        assert target.startswith("/") or target.lower().startswith(("http://", "https://"))
        assert not target.startswith(("//", "/\\"))
        assert not set(target) & {*CONTROLS, "\\", " "}
