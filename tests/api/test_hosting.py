"""Live sites as a visitor meets them: which answer a URL has, in which form. Never a 5xx, never two versions mixed."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from webtest import TestRequest, TestResponse, lint

from pubsite.hosting import Hosting
from pubsite.storage import (
    ORIGIN_TOKEN,
    Entry,
    FileEntry,
    RedirectEntry,
    Routing,
    Storage,
    media_type,
    memory_storage,
    open_storage,
    write_manifest,
)

SITE = "11111111-1111-4111-8111-111111111111"
HOST = "docs-demo.localhost:6543"
HOME = "<h1>Home</h1>" + "<p>Words, words, words.</p>" * 100
CSS = "body { color: #222 }\n" * 100
PNG = os.urandom(3000)
FILES: dict[str, str | bytes] = {
    "/index.html": HOME,
    "/about/index.html": "<h1>About</h1>",
    "/clean.html": "<h1>Clean</h1>",
    "/both.html": "<h1>both.html</h1>",
    "/both/index.html": "<h1>both/index.html</h1>",
    "/empty.txt": "",
    "/img/logo.png": PNG,
    "/404.html": "<h1>Nothing here</h1>" * 40,
    "/guide/404.html": "<h1>Nothing in the guide</h1>",
    "/sitemap.xml": f"<urlset><loc>{ORIGIN_TOKEN}/about/</loc></urlset>" * 30,
    "/grüße/世界.html": "<h1>Hallo</h1>",
    "/100% & more/index.html": "<h1>odd</h1>",
    "/_assets/paper.0123456789ab.css": CSS,
}
REDIRECTS: dict[str, Entry] = {
    "/old": RedirectEntry("/about/", 302),
    "/moved": RedirectEntry("https://example.org/new?x=1#part", 301),
    "/part": RedirectEntry("/about/#team", 308),
    "/gruss": RedirectEntry("/grüße/世界.html", 307),
    "/self": RedirectEntry("/self/", 301),
}


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Visitor:
    """A site in a store, and a browser that asks for its pages, checked against the WSGI rules."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = Clock()
        self.app = lint.middleware(validator(Hosting(storage, "localhost", self.clock)))
        self.storage.hosts.bind("docs-demo", SITE)

    def publish(
        self,
        files: dict[str, str | bytes] = FILES,
        redirects: dict[str, Entry] = REDIRECTS,
        routing: Routing = Routing(),  # noqa: B008  # frozen
        grace: float = 60,
    ) -> None:
        entries = {path: self.entry(path, body) for path, body in files.items()}
        bundle = write_manifest(self.storage.objects, {**entries, **redirects}, routing)
        live = self.storage.refs.get(SITE, "production")
        generation = live.generation if live else 0
        self.storage.refs.swap(
            site=SITE,
            target="production",
            expected_generation=generation,
            version=generation + 1,
            manifest=bundle.digest,
            content_sequence=generation,
            deployment="",
            rollback=False,
            grace_seconds=grace,
            now=self.clock(),
        )

    def entry(self, path: str, body: str | bytes) -> FileEntry:
        data = body.encode() if isinstance(body, str) else body
        return FileEntry(
            self.storage.objects.put(data),
            len(data),
            media_type(path),
            fingerprinted=path.startswith("/_assets/"),
            origin=ORIGIN_TOKEN.encode() in data,
        )

    def get(self, path: str, *, method: str = "GET", host: str = HOST, **headers: str) -> TestResponse:
        answer = self.ask(path, method=method, HTTP_HOST=host, **{f"HTTP_{k.upper()}": v for k, v in headers.items()})
        assert answer.status_int < 500
        return answer

    def ask(self, path: str, *, method: str = "GET", **environ: str) -> TestResponse:
        """The answer as it was sent: `TestApp` would unpack it."""
        request = TestRequest.blank(path, environ={"HTTP_HOST": HOST, **environ}, method=method)
        answer = request.get_response(self.app, catch_exc_info=True)
        assert answer.body is not None  # read to its end, and closed
        return answer


@pytest.fixture
def visitor() -> Visitor:
    visitor = Visitor(memory_storage())
    visitor.publish()
    return visitor


# Which answer


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "/index.html"),
        ("/index.html", "/index.html"),
        ("/about/", "/about/index.html"),
        ("/about/index.html", "/about/index.html"),
        ("/clean", "/clean.html"),
        ("/clean.html", "/clean.html"),
        ("/both/", "/both/index.html"),
        ("/img/logo.png", "/img/logo.png"),
        ("/empty.txt", "/empty.txt"),
        ("/gr%C3%BC%C3%9Fe/%E4%B8%96%E7%95%8C.html", "/grüße/世界.html"),
        ("/100%25%20%26%20more/", "/100% & more/index.html"),
    ],
)
def test_a_url_shows_its_file(visitor: Visitor, path: str, file: str) -> None:
    answer = visitor.get(path)
    body = FILES[file]
    assert answer.status_int == 200
    assert answer.body == (body.encode() if isinstance(body, str) else body)


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/old", 302, "/about/"),
        ("/old/", 302, "/about/"),
        ("/old?a=1&b=%20", 302, "/about/?a=1&b=%20"),
        ("/moved?y=2", 301, "https://example.org/new?x=1#part"),
        ("/part?y=2", 308, "/about/?y=2#team"),
        ("/gruss", 307, "/gr%C3%BC%C3%9Fe/%E4%B8%96%E7%95%8C.html"),
        ("/about", 308, "/about/"),
        ("/about?q=1", 308, "/about/?q=1"),
        ("/both", 308, "/both/"),
        ("/clean/", 308, "/clean"),
        ("/100%25%20%26%20more", 308, "/100%25%20&%20more/"),
    ],
)
def test_a_url_moves(visitor: Visitor, path: str, status: int, location: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_int, answer.headers["Location"]) == (status, location)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body == b""


@pytest.mark.parametrize(
    ("policy", "path", "status", "outcome"),
    [
        ("never", "/clean", 200, "/clean.html"),
        ("never", "/clean/", 308, "/clean"),
        ("never", "/both", 200, "/both.html"),
        ("never", "/both/", 200, "/both/index.html"),
        ("never", "/about", 308, "/about/"),
        ("never", "/about/", 200, "/about/index.html"),
        ("ignore", "/about", 200, "/about/index.html"),
        ("ignore", "/about/", 200, "/about/index.html"),
        ("ignore", "/clean", 200, "/clean.html"),
        ("ignore", "/clean/", 200, "/clean.html"),
        ("ignore", "/both", 200, "/both/index.html"),
    ],
)
def test_the_policy_decides_between_two_forms(
    visitor: Visitor, policy: Any, path: str, status: int, outcome: str
) -> None:
    visitor.publish(routing=Routing(policy))
    answer = visitor.get(path)
    assert answer.status_int == status
    assert answer.headers["Location"] == outcome if status == 308 else answer.text == FILES[outcome]


@pytest.mark.parametrize("policy", ["always", "never", "ignore"])
def test_no_path_moves_for_ever(visitor: Visitor, policy: Any) -> None:
    visitor.publish(routing=Routing(policy))
    for path in ("/about", "/about/", "/clean", "/clean/", "/both", "/both/", "/", "/self", "/self/"):
        seen = [path]
        while location := visitor.get(seen[-1]).headers.get("Location"):
            assert location not in seen
            seen.append(location)


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/nothing", "/404.html"),
        ("/nothing/at/all/", "/404.html"),
        ("/guide/nothing", "/guide/404.html"),
        ("/guide/deep/nothing.html", "/guide/404.html"),
        ("/guide", "/404.html"),
        ("/self/", "/404.html"),
        ("/img/logo.png/", "/404.html"),
        ("/" + "d/" * 2000, "/404.html"),
    ],
)
def test_what_is_not_there_shows_the_nearest_error_page(visitor: Visitor, path: str, page: str) -> None:
    answer = visitor.get(path)
    assert answer.status_int == 404
    assert answer.text == FILES[page]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_the_site_names_its_error_page(visitor: Visitor) -> None:
    visitor.publish({"/missing.html": "<h1>Lost?</h1>"}, {}, Routing(not_found="/missing.html"))
    assert visitor.get("/nothing").text == "<h1>Lost?</h1>"
    visitor.publish({"/index.html": "home"}, {})
    assert "Page not found" in visitor.get("/nothing").text


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "//evil.example/",
        "/a//b",
        "/./",
        "/../x",
        "/a/..",
        "/%ed%a0%80",
        "/a%00",
        "/a%0d%0aX: y",
        "/%ff",
        "/a%5cb",
    ],
)
def test_an_odd_path_is_not_found(visitor: Visitor, path: str) -> None:
    answer = visitor.ask("/", PATH_INFO=unquote_to_bytes(path).decode("latin-1"))
    assert answer.status_int == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "host",
    [
        "other.localhost",
        "localhost",
        "a.docs-demo.localhost",
        "docs-demo.localhost.evil.example",
        "docs-demo.example",
        "docs-demo.localhost:port",
        "",
        "!",
    ],
)
def test_another_host_shows_nothing(visitor: Visitor, host: str) -> None:
    answer = visitor.get("/", host=host)
    assert answer.status_int == 404
    assert "no site" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["docs-demo.localhost", "DOCS-demo.LocalHost:80", "docs-demo.localhost.:7001"])
def test_a_host_is_the_same_in_every_spelling(visitor: Visitor, host: str) -> None:
    assert visitor.get("/", host=host).text == HOME


def test_a_site_without_a_version_shows_nothing_and_one_switched_off_is_gone(visitor: Visitor) -> None:
    visitor.storage.hosts.bind("empty", "no version yet")
    assert visitor.get("/", host="empty.localhost").status_int == 404
    visitor.storage.hosts.set_state("docs-demo", "off")
    gone = visitor.get("/about/")
    assert (gone.status_int, gone.headers["Cache-Control"]) == (410, "no-store")
    visitor.storage.hosts.set_state("docs-demo", "on")
    assert visitor.get("/about/").status_int == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_site_can_only_be_read(visitor: Visitor, method: str) -> None:
    answer = visitor.get("/", method=method)
    assert (answer.status_int, answer.headers["Allow"]) == (405, "GET, HEAD")


# In which form


def test_headers_of_a_page(visitor: Visitor) -> None:
    headers = visitor.get("/").headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Content-Length"] == str(len(HOME))
    assert len(headers["ETag"]) == 34


def test_a_fingerprinted_file_is_kept_for_ever(visitor: Visitor) -> None:
    answer = visitor.get("/_assets/paper.0123456789ab.css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"


def test_a_picture_has_no_charset_and_does_not_vary(visitor: Visitor) -> None:
    answer = visitor.get("/img/logo.png", Accept_Encoding="gzip")
    assert answer.headers["Content-Type"] == "image/png"
    assert "Vary" not in answer.headers
    assert "Content-Encoding" not in answer.headers
    assert answer.body == PNG


@pytest.mark.parametrize(
    ("header", "coded"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("gzip ; q = 0.001", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=2", False),
        ("gzip;q=x", False),
        ("gzip;q", False),
        (";;;,,,=", False),
        ("x" * 10_000 + ", gzip", True),
    ],
)
def test_gzip_goes_to_those_who_take_it(visitor: Visitor, header: str, coded: bool) -> None:
    plain = visitor.get("/")
    answer = visitor.get("/", Accept_Encoding=header)
    raw = answer.body
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Length"] == str(len(raw))
    if coded:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["ETag"] == plain.headers["ETag"][:-1] + '-gzip"'
        assert gzip.decompress(raw).decode() == HOME
    else:
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["ETag"] == plain.headers["ETag"]
        assert raw.decode() == HOME


def test_an_error_page_is_negotiated_too(visitor: Visitor) -> None:
    answer = visitor.get("/nothing", Accept_Encoding="gzip")
    assert (answer.status_int, answer.headers["Content-Encoding"]) == (404, "gzip")
    assert gzip.decompress(answer.body).decode() == FILES["/404.html"]


@pytest.mark.parametrize("path", ["/", "/about", "/nothing", "/sitemap.xml", "/img/logo.png"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_head_is_get_without_the_body(visitor: Visitor, path: str, coding: str) -> None:
    head = visitor.get(path, method="HEAD", Accept_Encoding=coding)
    get = visitor.get(path, Accept_Encoding=coding)
    assert (head.status, sorted(head.headers.items())) == (get.status, sorted(get.headers.items()))
    assert head.body == b""


@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("spelling", ["{}", "W/{}", '"other", {}', 'W/"a" , W/{},"b"', "*", " * ", "junk {}"])
def test_a_page_that_is_known_is_not_sent_again(visitor: Visitor, coding: str, spelling: str) -> None:
    first = visitor.get("/", Accept_Encoding=coding)
    etag = first.headers["ETag"]
    answer = visitor.get("/", Accept_Encoding=coding, If_None_Match=spelling.format(etag))
    assert (answer.status_int, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("known", ['"other"', "", "{}x", '"', '""', "W/", '"{}', "**", '"*"'])
def test_another_etag_gets_the_page(visitor: Visitor, known: str) -> None:
    bare = visitor.get("/").headers["ETag"].strip('"')
    assert visitor.get("/", If_None_Match=known.format(bare)).status_int == 200


def test_the_etag_of_one_form_does_not_stand_for_the_other(visitor: Visitor) -> None:
    plain, coded = (visitor.get("/", Accept_Encoding=coding).headers["ETag"] for coding in ("identity", "gzip"))
    assert visitor.get("/", Accept_Encoding="gzip", If_None_Match=plain).status_int == 200
    assert visitor.get("/", Accept_Encoding="identity", If_None_Match=coded).status_int == 200


def test_a_file_that_is_required_as_it_was_is_sent_only_so(visitor: Visitor) -> None:
    plain, coded = (visitor.get("/", Accept_Encoding=coding).headers["ETag"] for coding in ("identity", "gzip"))
    for required in (plain, coded, f'"other", {plain}', "*"):
        assert visitor.get("/", If_Match=required).status_int == 200
    for required in ('"other"', f"W/{plain}", ""):
        answer = visitor.get("/", If_Match=required)
        assert (answer.status_int, answer.headers["Cache-Control"]) == (412, "no-store")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=2900-", 2900, 3000),
        ("bytes=2999-2999", 2999, 3000),
        ("bytes=100-999999", 100, 3000),
        ("bytes=100-" + "9" * 6000, 100, 3000),
        ("bytes=-10", 2990, 3000),
        ("bytes=-999999", 0, 3000),
        ("Bytes = 5 - 6", 5, 7),
    ],
)
def test_a_range_is_part_of_the_identity_form(visitor: Visitor, header: str, start: int, end: int) -> None:
    answer = visitor.get("/img/logo.png", Range=header, Accept_Encoding="gzip")
    assert answer.status_int == 206
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/3000"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.body == PNG[start:end]


def test_a_range_of_text_is_never_of_its_gzip_form(visitor: Visitor) -> None:
    answer = visitor.get("/", Range="bytes=0-3", Accept_Encoding="gzip")
    assert (answer.status_int, answer.body) == (206, b"<h1>")
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["ETag"] == visitor.get("/").headers["ETag"]
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("header", ["bytes=3000-", "bytes=5000-6000", "bytes=-0", "bytes=" + "9" * 6000 + "-"])
def test_a_range_beyond_the_end_cannot_be_satisfied(visitor: Visitor, header: str) -> None:
    answer = visitor.get("/img/logo.png", Range=header)
    assert (answer.status_int, answer.headers["Content-Range"], answer.body) == (416, "bytes */3000", b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor.get("/empty.txt", Range="bytes=0-").headers["Content-Range"] == "bytes */0"


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=1"],
)
def test_any_other_range_is_the_whole(visitor: Visitor, header: str) -> None:
    answer = visitor.get("/img/logo.png", Range=header)
    assert (answer.status_int, answer.body) == (200, PNG)


def test_if_range_guards_against_parts_of_two_files(visitor: Visitor) -> None:
    etag = visitor.get("/").headers["ETag"]
    for validator_text, status in [
        (etag, 206),
        (f"W/{etag}", 200),
        ('"other"', 200),
        (etag[:-1] + '-gzip"', 200),
        ("Sat, 01 Jan 2022 00:00:00 GMT", 200),
    ]:
        answer = visitor.get("/", Range="bytes=0-3", If_Range=validator_text)
        assert answer.status_int == status


def test_a_range_of_what_is_known_is_not_sent(visitor: Visitor) -> None:
    etag = visitor.get("/").headers["ETag"]
    assert visitor.get("/", Range="bytes=0-3", If_None_Match=etag, Accept_Encoding="gzip").status_int == 304


def test_head_has_no_ranges_and_an_error_page_has_none(visitor: Visitor) -> None:
    assert visitor.get("/", method="HEAD", Range="bytes=0-3").status_int == 200
    assert visitor.get("/nothing", Range="bytes=0-3").status_int == 404


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_the_origin_is_that_of_the_request(visitor: Visitor, coding: str) -> None:
    etags = set()
    for host, origin in [
        ("docs-demo.localhost:6543", "http://docs-demo.localhost:6543"),
        ("DOCS-DEMO.localhost", "http://docs-demo.localhost"),
    ]:
        answer = visitor.get("/sitemap.xml", host=host, Accept_Encoding=coding)
        if answer.headers.get("Content-Encoding"):
            answer.decode_content()
        assert answer.text == f"<urlset><loc>{origin}/about/</loc></urlset>" * 30
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        etags.add(answer.headers["ETag"])
        again = visitor.get("/sitemap.xml", host=host, Accept_Encoding=coding, If_None_Match=answer.headers["ETag"])
        assert again.status_int == 304
    assert len(etags) == 2
    secure = visitor.ask("/sitemap.xml", **{"wsgi.url_scheme": "https"})
    assert f"https://{HOST}/about/" in secure.text


# Versions


def test_fingerprinted_files_of_replaced_versions_stay_for_their_grace(visitor: Visitor) -> None:
    visitor.publish({"/index.html": "second", "/_assets/paper.cafecafecafe.css": "b{}"}, {}, grace=60)
    visitor.publish({"/index.html": "third"}, {}, grace=60)
    for path, body in [("/_assets/paper.0123456789ab.css", CSS), ("/_assets/paper.cafecafecafe.css", "b{}")]:
        answer = visitor.get(path)
        assert (answer.status_int, answer.text) == (200, body)
        assert "immutable" in answer.headers["Cache-Control"]
    assert visitor.get("/about/").status_int == 404
    assert visitor.get("/img/logo.png").status_int == 404
    visitor.clock.now += 60
    assert visitor.get("/_assets/paper.0123456789ab.css").status_int == 404


def test_a_collected_version_is_passed_over(visitor: Visitor) -> None:
    visitor.publish({"/index.html": "second", "/_assets/a.cafecafecafe.css": "a{}"}, {})
    visitor.publish({"/index.html": "third"}, {})
    live = visitor.storage.refs.get(SITE, "production")
    assert live
    newest, oldest = (digest for _, digest in live.previous)
    visitor.storage.objects.sweep(set(visitor.storage.objects.digests()) - {newest}, older_than=float("inf"))
    assert oldest != newest
    assert visitor.get("/_assets/paper.0123456789ab.css").text == CSS


def test_a_lost_object_is_said_to_be_unavailable_and_names_nothing(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.storage.objects.sweep(frozenset(), older_than=float("inf"))
    answer = visitor.ask("/img/logo.png")
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "the storage failed" in caplog.text
    assert "digest" not in answer.text


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Visitor]:
    storage = open_storage(tmp_path)
    yield Visitor(storage)
    storage.close()


def version(n: int) -> dict[str, str | bytes]:
    return {
        "/index.html": f"version {n} " * 200,
        "/other.html": f"version {n} " * 300,
        "/404.html": f"version {n} " * 50,
    }


def test_a_swap_by_another_process_shows_with_the_next_request(on_disk: Visitor, tmp_path: Path) -> None:
    on_disk.publish(version(1), {})
    assert on_disk.get("/").text == "version 1 " * 200
    script = (
        "import sys, dataclasses\n"
        "from pubsite.storage import FileEntry, Routing, open_storage, write_manifest\n"
        "s = open_storage(sys.argv[1])\n"
        "entry = FileEntry(s.objects.put(b'from afar'), 9, 'text/html')\n"
        "digest = write_manifest(s.objects, {'/index.html': entry}, Routing()).digest\n"
        f"s.refs.swap(site={SITE!r}, target='production', expected_generation=1, version=2, manifest=digest,\n"
        "    content_sequence=9, deployment='', rollback=False, grace_seconds=0, now=0)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environ, timeout=60)
    assert on_disk.get("/").text == "from afar"


def test_no_response_mixes_two_versions_while_deploys_go_on(on_disk: Visitor) -> None:
    on_disk.publish(version(0), {})
    done = threading.Event()
    torn: list[str] = []

    def read() -> None:
        while not done.is_set():
            for path, status in (("/", 200), ("/other", 200), ("/nothing", 404)):
                answer = on_disk.get(path)
                words = set(answer.text.replace("version ", "").split())
                if len(words) != 1 or answer.status_int != status:
                    torn.append(answer.text[:40])

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for n in range(1, 15):
        on_disk.publish(version(n), {})
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []


# Strangers


header_texts = st.text(st.characters(max_codepoint=255), max_size=60)
shreds = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            ".",
            "..",
            "a",
            "about",
            "index.html",
            "%",
            "\\",
            "\0",
            "\n",
            "\x80",
            "\xc3\xa9",
            "\xff",
            "~",
            "?",
            "#",
            " ",
        ]
    ),
    max_size=12,
).map("".join)
KNOWN = Visitor(memory_storage())
KNOWN.publish()
HOSTING: Any = Hosting(KNOWN.storage, "localhost", KNOWN.clock)


def ask(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Past the checks of WebTest and wsgiref, which refuse what a server may pass on."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    base = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "HTTP_HOST": HOST, "PATH_INFO": "/"}
    body = b"".join(HOSTING({**base, **environ}, lambda status, headers, _=None: started.append((status, headers))))
    status, headers = started[0]
    assert all(name.isascii() and value.isascii() and value.isprintable() for name, value in headers)
    return int(status[:3]), headers, body


@settings(deadline=None)  # a loaded machine is no failure
@given(
    st.one_of(header_texts, shreds.map(lambda text: "/" + text)),
    st.one_of(header_texts, shreds),
    st.sampled_from(["GET", "HEAD", "POST", "\xff", ""]),
    st.one_of(st.just(HOST), header_texts, shreds),
)
@example("/about", "\r\nSet-Cookie: a=b", "GET", HOST)
@example("/old", "\xff\x00", "GET", HOST)
@example("", "", "GET", HOST)
@example("/", "", "GET", "docs-demo.localhost:99999999999")
@example("/" + "a" * 100_000, "", "GET", HOST)
@example("/" + "a/" * 16_000, "", "GET", HOST)
def test_no_path_query_method_or_host_breaks_it(path: str, query: str, method: str, host: str) -> None:
    status, headers, body = ask({"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method, "HTTP_HOST": host})
    assert status in (200, 301, 302, 307, 308, 404, 405)
    location = dict(headers).get("Location", "")
    assert not location.startswith(("//", "/\\"))
    if method != "HEAD":
        assert dict(headers)["Content-Length"] == str(len(body))


range_texts = st.one_of(
    header_texts,
    st.from_regex(r"bytes=[0-9]{0,5}-[0-9]{0,5}(,[0-9]{0,3}-[0-9]{0,3})?", fullmatch=True),
    st.text("bytes=-,0123456789 \t", max_size=40),
)
coding_texts = st.one_of(header_texts, st.text("gzip*identity;q=01.,-x \t", max_size=40))
etag_texts = st.one_of(header_texts, st.text('W/"*, abc0123456789-gzip', max_size=60))


@settings(deadline=None)  # a loaded machine is no failure
@given(range_texts, coding_texts, etag_texts, etag_texts, st.sampled_from(["/", "/img/logo.png", "/sitemap.xml", "/x"]))
@example("bytes=" + "0" * 100_000 + "-1", " " * 100_000, '"' * 100_001, "", "/")
@example("bytes=" + " " * 100_000, "gzip;" * 20_000, 'W/"' * 30_000, "W/", "/")
@example("bytes=²-³", "gzip;q=0.²", "*", "", "/")
def test_no_header_breaks_it(range_text: str, coding: str, known: str, if_range: str, path: str) -> None:
    plain = ask({"PATH_INFO": path})[2]
    headers = {"HTTP_RANGE": range_text, "HTTP_ACCEPT_ENCODING": coding, "HTTP_IF_NONE_MATCH": known}
    headers |= {"HTTP_IF_RANGE": if_range} if if_range else {}
    assert ask({"PATH_INFO": path, **headers, "HTTP_IF_MATCH": known})[0] < 500
    status, sent, body = ask({"PATH_INFO": path, **headers})
    named = dict(sent)
    if status == 206:
        start, end = named["Content-Range"].removeprefix("bytes ").partition("/")[0].split("-")
        assert body == plain[int(start) : int(end) + 1]
    elif status in (304, 416):
        assert body == b""
    else:
        assert (gzip.decompress(body) if "Content-Encoding" in named else body) == plain
        assert status == (404 if path == "/x" else 200)
