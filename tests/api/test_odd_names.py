"""Odd names of files, each with its one outcome: on upload, in lists, when served, when exported. The rules stand in
docs/files.md in words."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from pubsite.storage import Manifest
from pubsite.storage.export import write_archive, write_tree
from pubsite.storage.tree_writer import MARKER
from tests.conftest import Tenant

# Kept, shown, served and exported as they are: characters mean nothing by themselves.
TAKEN = (
    *("a", "a.b.c", ".hidden", ".htaccess", ".gitignore", ".gitattributes", ".github/workflow.yml", ".well-known/x"),
    *(
        "..a",
        "a..b",
        "...a",
        "a...b",
        ".. a",
        "-",
        "-rf",
        "--help",
        "_",
        "~",
        "~root",
        "a~1",
        "@",
        "#",
        "#a",
        "?",
        "?a=b",
    ),
    *(
        "a b",
        " a",
        "a  b",
        "a&b",
        "a=b",
        "a+b",
        "a;b",
        ";",
        "a,b",
        "!",
        "$HOME",
        "$(id)",
        "`id`",
        "|",
        "a|b",
        "<b>",
        '"',
    ),
    *(
        "'",
        "''",
        "a'b\"c",
        "*",
        "*.html",
        "[a]",
        "{a}",
        "(a)",
        "^",
        "%",
        "%%",
        "%2e%2e",
        "%2e%2e%2fa",
        "%2F",
        "%00",
        "%0a",
    ),
    *(
        "%c0%ae",
        "%252e",
        "100%",
        "100%25",
        "%zz",
        "%u002e",
        "ä",
        "é.txt",
        "日本語.html",
        "Ω",
        "עברית",
        "العربية",
        "हिन्दी",
        "ไทย",
    ),
    *(
        "🎉",
        "👩‍👩‍👧.png",
        "join\u200der",
        "\u200bzero",
        "no\u00a0break",
        "\u3000",
        "a\u202eb",
        "\u2024a",
        "\u2215",
        "\u2044",
        "a\u2215b",
    ),
    *(
        "\uff0fa",
        "a\uff0f..\uff0fb",
        "\uff3c",
        "\uff1a",
        "a\uff1ab",
        "x\uff0e",
        "\u29f5",
        "ﬁ",
        "ß",
        "ŉ",
        "ǰ",
        "\u0131",
        "İx",
    ),
    *("console", "com", "com0x", "com10", "lpt", "nul_", "_nul", "anul", "aux1.txt", "x.con", "con-a", "prn_"),
    *("git", ".gitx", "git~2", "a.git", "index.php", "web.config", "robots.txt", "favicon.ico", "x.html.bak", "x.JPG"),
    *("n" * 255, "ü" * 127, "d/" * 60 + "x", "deep/" + "/".join(["p" * 254] * 15), "Thumbs.db", "desktop.ini"),
    *(
        "\ue000",
        "\ufffd",
        "\U000e0001",
        "\U0001f600 \U0001f601",
        "x\u0327\u0301",
        "null",
        "undefined",
        "None",
        "NaN",
        "0",
        "-1",
    ),
    *(
        "1e999",
        "true",
        "constructor",
        "__proto__",
        "<script>alert(1)</script>"[:8] + "x",
        "a\u061cb",
        "\u00ad",
        "a\u2060b",
    ),
)

# Refused, with what is said.
REFUSED = {
    "": "must not be empty",
    **dict.fromkeys(("/", "/a", "//", "//server/share", "/etc/passwd"), "must be relative"),
    **dict.fromkeys(("a/", "a//b", "a///b"), "must not hold an empty segment"),
    **dict.fromkeys(
        (".", "..", "./a", "../a", "a/..", "a/.", "a/../b", "a/./b", "\u2025", "\uff0e", "\uff0e\uff0e/a", "\u200d.."),
        "must not hold the segments . or ..",
    ),
    **dict.fromkeys(("a\\b", "\\", "..\\a", "\\\\server\\share", "C:\\a"), "must not hold \\"),
    **dict.fromkeys(("C:", "C:a", "c:/a", "a:b", ":", "a.txt::$DATA", "a.txt:stream", "http://x"), "must not hold :"),
    **dict.fromkeys(
        ("a\0b", "\0", "a\tb", "a\x1bb", "a\x7fb", "a\x80b", "a\x9fb", "a\u2028b", "a\u2029b"),
        "must not hold control characters",
    ),
    **dict.fromkeys(
        ("a.", "a ", "a. ", "a .", "a./b", "a /b", "...", "....", " "),
        "must not hold a segment that ends with a dot or a space",
    ),
    **{
        f"{name}": f"must not hold the device name {name.rpartition('/')[2]}"
        for name in (
            *("con", "CON", "Con.txt", "nul", "NUL.tar.gz", "aux", "prn.x", "com1", "COM9.a", "lpt1", "lpt0", "com²"),
            *("conin$", "CONOUT$", "d/con", "nul .txt", "aux.."[:3]),
        )
    },
    **dict.fromkeys(
        (
            ".git",
            ".GIT",
            ".git/config",
            "a/.git/x",
            ".Git",
            "git~1",
            "GIT~1/x",
            ".g\u200cit",
            "\ufeff.git",
            "\uff0egit",
        ),
        "must not hold .git",
    ),
    **dict.fromkeys(("n" * 256, "ü" * 128, "d/" + "n" * 256), "must not hold a segment over 255 bytes"),
    **dict.fromkeys(("/".join(["n" * 255] * 16) + "/n", "a/" * 2048 + "a"), "must have at most 4096 bytes"),
    **dict.fromkeys(("u\u0308", "a\u030a/x", "\u212b", "\u1100\u1161"), "must be in Unicode's normal form NFC"),
}

# Refused beside a file of the other name, as one path to some file systems.
COLLIDING = (
    *(("A", "a"), ("Ä", "ä"), ("\uff41", "a"), ("SS", "ß"), ("FI", "ﬁ"), ("\u2460", "1"), ("robots.TXT", "robots.txt")),
    *(
        (".GITIGNORE", ".gitignore"),
        ("a\uff0fb", "a/b"),
        ("K", "\u006b"),
        ("d", "d/x"),
        ("d/x/y", "d/x"),
        ("D/z", "d/x"),
    ),
)


def test_there_are_more_than_a_hundred_and_twenty_odd_names() -> None:
    assert len(set(TAKEN)) == len(TAKEN) > 120
    assert len(REFUSED) > 70
    assert all(unicodedata.is_normalized("NFC", name) for name in TAKEN)


@pytest.fixture
def base(tenant: Tenant) -> str:
    return f"/api/sites/{tenant.site('raw', 'SelfManaged')['id']}/files"


def test_what_is_taken_is_listed_served_and_exported_as_it_is(tenant: Tenant, base: str, tmp_path: Path) -> None:
    bodies = {name: f"content of {number}".encode() for number, name in enumerate((*TAKEN, MARKER))}
    for name, body in bodies.items():
        answer = tenant.client.upload(f"{base}/upload", name, body)
        assert (answer.status_int, answer.json.get("relative_path")) == (200, name), answer.json
    assert listed(tenant, base) == set(bodies)
    for name in list(bodies)[::7]:
        assert tenant.client.get(f"{base}/download/{quote(name)}").body == bodies[name]
    site = tenant.client.get(f"/api/sites/{tenant.name}/raw").json
    record = tenant.deploy(site["id"])
    assert record["status"] == "deployed", record
    visitor = tenant.visitor(site)
    for name, body in bodies.items():
        assert visitor.get(f"/{quote(name, safe='/')}", status="*").body == body, name
    storage = tenant.server.storage
    manifest = Manifest(storage.objects, record["stats"]["digest"])
    report = write_tree(storage.objects, manifest, tmp_path / "out", origin="http://x")
    assert report.not_expressed == (f"file /{MARKER}: the name is reserved",)
    for name in TAKEN:
        assert (tmp_path / "out" / name).read_bytes() == bodies[name]
    out = io.BytesIO()
    assert write_archive(storage.objects, manifest, out, format="zip", origin="http://x").files == len(TAKEN)
    with zipfile.ZipFile(out) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {name: bodies[name] for name in TAKEN}


def listed(tenant: Tenant, base: str) -> set[str]:
    """Every file of the tree, by walking through its lists."""
    found, waiting = set(), [""]
    while waiting:
        for entry in tenant.client.get(f"{base}?path={quote(waiting.pop())}").json:
            if entry["is_directory"]:
                waiting.append(entry["relative_path"])
            else:
                found.add(entry["relative_path"])
    return found


def test_what_is_refused_says_why_and_leaves_nothing(tenant: Tenant, base: str) -> None:
    for name, problem in REFUSED.items():
        answer = tenant.client.upload(f"{base}/upload", name, b"x")
        assert (answer.status_int, answer.json["message"]) == (400, "Invalid file path"), name
        assert answer.json["errors"] == [{"location": "body", "name": "filePath", "message": problem}]
    assert tenant.client.get(base).json == []


def test_what_some_systems_could_not_tell_apart_is_409(tenant: Tenant, base: str) -> None:
    for number, (name, other) in enumerate(COLLIDING):
        tenant.client.delete(f"{base}/purge", status=200)
        tenant.client.upload(f"{base}/upload", other, b"x", status=200)
        answer = tenant.client.upload(f"{base}/upload", name, b"y")
        assert (answer.status_int, listed(tenant, base)) == (409, {other}), number
