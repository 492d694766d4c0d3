"""Requests of up to 1.1 MB that were made to cost as much as they can: name, method, path, body, headers.

Paths name things of the test's world in braces. Bodies are made when they are asked for, so that listing them is cheap.
"""

# ruff: noqa: E501, RUF024  # tables: one case a line, characters that look like others on purpose

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MEGABYTE = 1_100_000
SITES, SITE = "/api/sites/{publisher}", "/api/sites/{publisher}/docs"
PAGES, BATCH = f"{SITE}/pages", f"{SITE}/pages:batch"
FILES, ASSETS = "/api/sites/{raw}/files", "/api/sites/{docs}/assets"
PAGE_AT = "/api/sites/site/docs/page"
RECORDS = "/api/v1/publisher/deployments/"
DIGEST = hashlib.sha256(b"").hexdigest()
STACK = "\u0301\u0316" * 4000  # marks of two classes by turns: putting them in order takes each past the others
EXPANDING = "\ufdfa"  # one character, 18 in NFKC
FOLDING = "\u0390"  # three characters in case folding
FORM = "multipart/form-data; boundary=b"


@dataclass(frozen=True)
class Case:
    """One request; `headers` replace those of a JSON request. `host`: of the live site, when it is no API request."""

    name: str
    method: str
    path: str
    body: Callable[[], bytes] = bytes
    headers: dict[str, str] = field(default_factory=dict)
    on_site: bool = False


def sized(unit: str | bytes, size: int = MEGABYTE) -> Any:
    """As many repetitions of `unit` as fit."""
    length = len(unit.encode() if isinstance(unit, str) else unit)
    return unit * (size // length)


def as_json(value: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(value() if callable(value) else value, ensure_ascii=False).encode()


def keys(count: int, value: str = "1") -> bytes:
    return b"{" + b",".join(b'"%d":%s' % (n, value.encode()) for n in range(count)) + b"}"


def wrapped(before: str, middle: Callable[[], bytes], after: str) -> Callable[[], bytes]:
    return lambda: before.encode() + middle() + after.encode()


def named(unit: str) -> Callable[[], bytes]:
    """A new site whose name is a JSON string of these, written as they stand."""
    return wrapped('{"slug": "a", "name": "', lambda: sized(unit.encode(), MEGABYTE - 100), '"}')


def extra(value: Callable[[], bytes]) -> Callable[[], bytes]:
    return wrapped('{"config": {"extra": {"a": ', value, "}}}")


def pages(page: Callable[[int], dict[str, Any]], count: int = 1000) -> Callable[[], bytes]:
    return as_json(lambda: {"upsert": [page(n) for n in range(count)]})


def tree(path: Callable[[int], str], count: int, digest: str = DIGEST) -> Callable[[], bytes]:
    return as_json(lambda: {"files": {path(n): digest for n in range(count)}})


def form(*parts: bytes) -> Callable[[], bytes]:
    return lambda: b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def field_of(name: bytes, value: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value


JSON = (
    Case("opening brackets", "POST", SITES, lambda: b"[" * MEGABYTE),
    Case("opening braces", "POST", SITES, lambda: sized(b'{"a":')),
    Case("brackets that close", "POST", SITES, lambda: b"[" * (MEGABYTE // 2) + b"]" * (MEGABYTE // 2)),
    Case("nested to the limit", "PATCH", SITE, extra(lambda: b"[" + sized(b"[" * 58 + b"]" * 58 + b",") + b"1]")),
    Case("white space", "POST", SITES, lambda: b" " * MEGABYTE),
    Case("a string without an end", "POST", SITES, lambda: b'{"slug": "' + b"a" * MEGABYTE),
    Case("a million zeros", "PATCH", SITE, extra(lambda: b"[" + sized(b"0,", 1_090_000) + b"0]")),
    Case("empty arrays", "PATCH", SITE, extra(lambda: b"[" + sized(b"[],", 1_090_000) + b"0]")),
    Case("empty objects", "PATCH", SITE, extra(lambda: b"[" + sized(b"{},", 1_090_000) + b"0]")),
    Case("an integer of a million digits", "PATCH", SITE, extra(lambda: b"9" * 1_090_000)),
    Case("integers of 32 digits", "PATCH", SITE, extra(lambda: b"[" + sized(b"9" * 32 + b",", 1_090_000) + b"0]")),
    Case("a fraction of a million digits", "PATCH", SITE, extra(lambda: b"0." + b"9" * 1_090_000)),
    Case("an exponent of a million digits", "PATCH", SITE, extra(lambda: b"1e" + b"9" * 1_090_000)),
    Case("floats of 20 digits", "PATCH", SITE, extra(lambda: b"[" + sized(b"0.12345678901234567891,") + b"0]")),
    Case("NaN", "PATCH", SITE, extra(lambda: b"[" + sized(b"NaN,", 1_090_000) + b"0]")),
    Case("NUL in every string", "PATCH", SITE, extra(lambda: b"[" + sized(b'"\\u0000",', 1_090_000) + b"0]")),
    Case("escapes", "POST", SITES, named("\\u0041")),
    Case("short escapes", "POST", SITES, named("\\n")),
    Case("escaped pairs", "POST", SITES, named("\\ud83d\\ude00")),
    Case("halves of pairs", "POST", SITES, named("\\ud83d")),
    Case("emoji", "POST", SITES, named("\U0001f600")),
    Case("an escape that is none, at the end", "POST", SITES, (lambda: named("\\n")()[:-2] + b'\\x"}')),
    Case("unknown keys", "POST", SITES, lambda: keys(100_000)),
    Case("unknown keys of a record", "POST", RECORDS, lambda: keys(100_000)),
    Case("one unknown key of a megabyte", "POST", SITES, lambda: b'{"' + b"k" * MEGABYTE + b'": 1}'),
    Case("duplicate keys", "POST", SITES, lambda: b"{" + sized(b'"a":1,') + b'"a":1}'),
    Case("duplicate keys behind others", "POST", SITES, lambda: keys(90_000)[:-1] + b',"89999":1}'),
    Case("keys of extra", "PATCH", SITE, wrapped('{"config": {"extra": ', lambda: keys(90_000), "}}")),
    Case("keys below extra", "PATCH", SITE, extra(lambda: keys(90_000))),
    Case("keys that collide", "PATCH", SITE, extra(lambda: keys(60_000, '"\\u0301"'))),
    Case(
        "1,000 names that are too long",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"extra": {f"{n:0>1000}": 1 for n in range(1000)}}}),
    ),
    Case(
        "NUL in every key", "POST", SITES, lambda: b"{" + b",".join(b'"%d\\u0000":1' % n for n in range(60_000)) + b"}"
    ),
)
CONFIGS = (
    Case(
        "theme options",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"theme_options": {str(n): "x" * 1080 for n in range(1000)}}}),
    ),
    Case(
        "a thousand redirects",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"redirects": [{"from": f"/{n:0>500}", "to": f"/{n:x>500}"} for n in range(1000)]}}),
    ),
    Case(
        "a thousand wrong redirects",
        "PATCH",
        SITE,
        as_json(
            lambda: {
                "config": {
                    "redirects": [
                        dict.fromkeys(("from", "to", "status", "force", "query", "language", "x"), [1])
                        for _ in range(1000)
                    ]
                }
            }
        ),
    ),
    Case(
        "redirects on 1,000 queries each",
        "PATCH",
        SITE,
        as_json(
            lambda: {
                "config": {
                    "redirects": [
                        {"from": "/a", "to": "/b", "query": {str(n): "" for n in range(1000)}} for _ in range(100)
                    ]
                }
            }
        ),
    ),
    Case(
        "redirects in 10,000 wrong languages",
        "PATCH",
        SITE,
        as_json(
            lambda: {"config": {"redirects": [{"from": "/a", "to": "/b", "language": [1] * 1000} for _ in range(300)]}}
        ),
    ),
    Case(
        "a thousand headers",
        "PATCH",
        SITE,
        as_json(
            lambda: {
                "config": {
                    "headers": [{"for": "/*", "values": {str(k): "x" * 90 for k in range(10)}} for _ in range(1000)]
                }
            }
        ),
    ),
    Case(
        "items of navigation",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"nav_items": [{"label": "x" * 255, "href": "/" * 5000} for _ in range(200)]}}),
    ),
    Case("260,000 items of navigation", "PATCH", SITE, as_json(lambda: {"config": {"nav_items": [{}] * 260_000}})),
    Case("a style of 64 KiB", "PATCH", SITE, as_json(lambda: {"config": {"style_override": "}" * 65_536}})),
    Case("a style over its limit", "PATCH", SITE, as_json(lambda: {"config": {"style_override": "{" * MEGABYTE}})),
    Case(
        "rules of quality that are none",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"quality": {f"{n}": [[]] for n in range(1000)}}}),
    ),
    Case(
        "a base_url that nearly is one",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"base_url": "http://" + "a" * 2000 + " "}}),
    ),
    Case("a slug that nearly is one", "PATCH", SITE, as_json(lambda: {"slug": "a-" * 2047 + "-a"})),
    Case("a slug of hyphens", "PATCH", SITE, as_json(lambda: {"slug": "a" * 4095 + "-"})),
    Case(
        "a language that nearly is one",
        "PATCH",
        SITE,
        as_json(lambda: {"config": {"language": "en" + "-a" * 16 + "-"}}),
    ),
    Case("a name of marks", "PATCH", SITE, as_json(lambda: {"name": STACK[:4096], "description": STACK})),
)
PAGE_CASES = (
    Case("1,000 pages without a path", "POST", BATCH, as_json({"upsert": [{}] * 1000})),
    Case("1,000 pages that are none", "POST", BATCH, as_json({"upsert": [[[]]] * 1000})),
    Case("250,000 pages", "POST", BATCH, as_json(lambda: {"upsert": [{}] * 250_000})),
    Case("1,000 pages of unknown keys", "POST", BATCH, pages(lambda n: {str(k): 1 for k in range(100)})),
    Case("1,000 pages of wrong words", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "config": {"tags": [1] * 100, "categories": [1] * 100}})),
    Case("1,000 pages each wrong in all", "POST", BATCH, pages(lambda n: {"path": "x", "config": dict.fromkeys(("title", "date", "draft", "menu", "aliases", "language", "canonical_url", "data", "image", "layout", "author"), [n])})),
    Case("1,000 pages of 90 keys", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "config": {f"k{k}": "" for k in range(90)}})),
    Case("1,000 pages", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "config": {"content": "x" * 1000}})),
    Case("1,000 pages at long paths", "POST", BATCH, pages(lambda n: {"path": f"/{n}" + "/a" * 500})),
    Case("1,000 pages at one path", "POST", BATCH, pages(lambda n: {"path": "/" + "x" * 1000})),
    Case("1,000 redirects without targets", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "type": "Redirect", "config": {"status": 304}})),
    Case("addresses that nearly are", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "config": {"canonical_url": "http://" + "a" * 8000 + "\\"}}, 135)),
    Case("targets that nearly are", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "type": "Redirect", "config": {"target": "http://" + "a" * 8000 + "\\"}}, 135)),
    Case("times of 8,000 digits", "POST", BATCH, pages(lambda n: {"path": f"/{n}", "config": {"date": "2026-01-01T00:00:00." + "9" * 8000 + "Z"}}, 135)),
    Case("paths of marks", "POST", BATCH, pages(lambda n: {"path": f"/{n}" + STACK}, 67)),
    Case("paths of composed marks", "POST", BATCH, pages(lambda n: {"path": f"/{n}" + "\u0316" * 4000 + "\u0301" * 4000}, 67)),
    Case("paths that expand", "POST", BATCH, pages(lambda n: {"path": f"/{n}/" + EXPANDING * 8000}, 45)),
    Case("paths that fold", "POST", BATCH, pages(lambda n: {"path": f"/{n}/" + FOLDING * 8000}, 67)),
    Case("deletes of marks", "POST", BATCH, as_json(lambda: {"delete": ["/" + STACK] * 67})),
    Case("deletes that expand", "POST", BATCH, as_json(lambda: {"delete": [f"/{n}/" + EXPANDING * 8000 for n in range(45)]})),
    Case("1,000 wrong deletes", "POST", BATCH, as_json({"delete": ["x" * 1000] * 1000})),
    Case("a page of a megabyte", "POST", PAGES, as_json(lambda: {"path": "/m", "config": {"content": "[" * 1_048_000}})),
    Case("a page over its limit", "POST", PAGES, as_json(lambda: {"path": "/n", "config": {"content": "x" * 1_048_576}})),
    Case("a page of escapes", "POST", PAGES, wrapped('{"config": {"content": "', lambda: sized(b"\\u0001", 1_090_000), '"}}')),
    Case("a page of keys", "POST", PAGES, wrapped('{"config": ', lambda: keys(90_000), "}")),
    Case("a page of data", "POST", PAGES, wrapped('{"config": {"data": {"a": [', lambda: sized(b"[],", 1_040_000) + b"0", "]}}}")),
    Case("aliases of 8,192 characters", "POST", PAGES, as_json(lambda: {"config": {"aliases": ["/" * 8192] * 100}})),
    Case("a path of 2,000 segments", "POST", PAGES, as_json({"path": "/a" * 2000})),
    Case("a path of 4,000 dots", "POST", PAGES, as_json({"path": "/.." * 2000})),
)  # fmt: skip
TREES = (
    Case("10,000 files in one long folder", "POST", f"{FILES}/sync", tree(lambda n: f"{'d' * 30}/{n}", 9_500)),
    Case("files in long folders of their own", "POST", f"{FILES}/sync", tree(lambda n: f"{n}/" + "d/" * 100 + "f", 3_500)),
    Case("paths of 2,000 segments", "POST", f"{FILES}/sync", tree(lambda n: f"{n}" + "/a" * 2000, 250)),
    Case("too many folders", "POST", f"{FILES}/sync?commit=true", tree(lambda n: f"{n}" + "/a" * 2000, 255)),
    Case("files that collide", "POST", f"{FILES}/sync", tree(lambda n: "".join("aA"[n >> b & 1] for b in range(14)), 11_000)),
    Case("files that are folders", "POST", f"{FILES}/sync", tree(lambda n: "a" + "/a" * n, 1_000)),
    Case("digests that are none", "POST", f"{FILES}/sync", tree(lambda n: str(n), 14_000, "x" * 64)),
    Case("digests of another length", "POST", f"{FILES}/sync", tree(lambda n: str(n), 80_000, "")),
    Case("more than 100,000 files", "POST", f"{FILES}/sync", lambda: b'{"files": ' + keys(100_001) + b"}"),
    Case("files of marks", "POST", f"{FILES}/sync", tree(lambda n: f"{n}/" + STACK[:120], 3_000)),
    Case("folded files", "POST", f"{FILES}/sync", tree(lambda n: f"{n}/" + (FOLDING * 120 + "/") * 8 + "f", 400)),
    Case("contents that nobody sent", "POST", f"{FILES}/sync?commit=true", as_json(lambda: {"files": {str(n): hashlib.sha256(b"%d" % n).hexdigest() for n in range(14_000)}})),
    Case("one wrong path of a megabyte", "POST", f"{FILES}/sync", as_json(lambda: {"files": {"/" * MEGABYTE: DIGEST}})),
    Case("a text of a megabyte", "PUT", f"{FILES}/edit/a.txt", as_json(lambda: {"new_content": "\U0001f600" * 262_144})),
    Case("a text over the limit", "PUT", f"{FILES}/edit/a.txt", as_json(lambda: {"new_content": "x" * 1_090_000})),
    Case("an object over the limit", "PUT", f"{ASSETS}/blobs/{DIGEST}", lambda: b"x" * MEGABYTE),
    Case("20,000 fields", "POST", f"{FILES}/upload", form(*[field_of(b"%d" % n, b"") for n in range(18_000)]), {"Content-Type": FORM}),
    Case("a part header of semicolons", "POST", f"{FILES}/upload", form(b"Content-Disposition: form-data" + b";" * 1_000_000 + b"\r\n\r\n"), {"Content-Type": FORM}),
    Case("a part header of options", "POST", f"{FILES}/upload", form(b"Content-Disposition: form-data" + b';a="\\"' * 180_000 + b"\r\n\r\n"), {"Content-Type": FORM}),
    Case("part headers", "POST", f"{FILES}/upload", form(b"A: b\r\n" * 180_000), {"Content-Type": FORM}),
    Case("boundaries", "POST", f"{FILES}/upload", lambda: sized(b"--b\r\n"), {"Content-Type": FORM}),
    Case("nearly boundaries", "POST", f"{FILES}/upload", form(field_of(b"filePath", sized(b"\r\n--", 1_090_000))), {"Content-Type": FORM}),
    Case("line ends", "POST", f"{FILES}/upload", form(field_of(b"filePath", sized(b"\r\n", 1_090_000))), {"Content-Type": FORM}),
    Case("a path field of a megabyte", "POST", f"{FILES}/upload", form(field_of(b"filePath", b"a/" * 540_000)), {"Content-Type": FORM}),
    Case("a boundary of a megabyte", "POST", f"{FILES}/upload", lambda: b"x", {"Content-Type": FORM + "b" * MEGABYTE}),
    Case("a type of semicolons", "POST", f"{FILES}/upload", lambda: b"x", {"Content-Type": "multipart/form-data" + ";" * MEGABYTE}),
    Case("a type of quotes", "POST", f"{FILES}/upload", lambda: b"x", {"Content-Type": "multipart/form-data" + ';a="\\"' * 180_000}),
    Case("a content type of slashes", "POST", SITES, lambda: b"{}", {"Content-Type": "application/json" + ";a=b" * 270_000}),
)  # fmt: skip
RECORD_CASES = (
    Case("metadata of a megabyte", "POST", RECORDS, as_json(lambda: {"site_id": "{docs}", "metadata": {str(n): "x" * 1080 for n in range(1000)}})),
    Case("a message over its limit", "POST", RECORDS, as_json(lambda: {"site_id": "{docs}", "message": "x" * 1_090_000})),
    Case("an id of a megabyte", "POST", RECORDS, as_json(lambda: {"site_id": "0" * 1_090_000})),
)  # fmt: skip
URLS = (
    Case("a query of ampersands", "GET", f"{RECORDS}?" + "&" * MEGABYTE),
    Case("a query of names", "GET", f"{RECORDS}?" + "a&" * (MEGABYTE // 2)),
    Case("a query of many names", "GET", f"{RECORDS}?" + "&".join(f"{n}=" for n in range(150_000))),
    Case("a query of percent signs", "GET", f"{RECORDS}?site_id=" + "%" * MEGABYTE),
    Case("a query of escapes", "GET", f"{RECORDS}?a=" + "%41" * (MEGABYTE // 3)),
    Case("a query of NULs", "GET", f"{RECORDS}?" + "&".join(f"{n}=%00" for n in range(110_000))),
    Case("a path to render of a megabyte", "GET", f"{PAGE_AT}?path=/" + "a" * MEGABYTE),
    Case("a path to render of marks", "GET", f"{PAGE_AT}?path=/" + "%CC%81%CC%96" * 4000),
    Case("a folder of a megabyte", "GET", f"{FILES}?path=" + "a/" * (MEGABYTE // 2)),
    Case("a URL of slashes", "GET", "/" * MEGABYTE),
    Case("a URL of segments", "GET", "/api/sites" + "/a" * (MEGABYTE // 2)),
    Case("a URL of dots", "GET", f"{FILES}/content/" + "../" * (MEGABYTE // 3)),
    Case("a URL of escapes", "GET", f"{FILES}/download/" + "%2e%2e%2f" * (MEGABYTE // 9)),
    Case("a slug of a megabyte", "GET", f"{SITES}/" + "a-" * (MEGABYTE // 2)),
    Case("a publisher of a megabyte", "GET", "/api/sites/" + "a" * MEGABYTE),
    Case("a URL that nearly is one", "GET", "/api/sites/" + "0" * MEGABYTE + "/files"),
    Case("line ends in a URL", "GET", f"{FILES}/content/" + "%0a" * (MEGABYTE // 3)),
)
BIG = MEGABYTE
HEADERS = (
    Case("a cookie", "GET", "/api/sites/me", headers={"Cookie": "a=b; " * (BIG // 5)}),
    Case("a cookie of quotes", "GET", "/api/sites/me", headers={"Cookie": 'a="\\' * (BIG // 4)}),
    Case("a token", "GET", "/api/sites/me", headers={"Authorization": "Bearer " + "a" * BIG}),
    Case("a token of dots", "GET", "/api/sites/me", headers={"Authorization": "Bearer " + "." * BIG}),
    Case("a token of brackets", "GET", "/api/sites/me", headers={"Authorization": "Bearer " + "W1tb" * 2000 + ".e30.e30"}),
    Case("credentials of spaces", "GET", "/api/sites/me", headers={"Authorization": " " * BIG}),
    Case("If-None-Match", "GET", f"{FILES}/download/a.txt", headers={"If-None-Match": '"a", ' * (BIG // 5)}),
    Case("If-None-Match of quotes", "GET", f"{FILES}/download/a.txt", headers={"If-None-Match": 'W/"' * (BIG // 3)}),
    Case("If-Match of one quote", "GET", f"{FILES}/download/a.txt", headers={"If-Match": '"' + "a" * BIG}),
    Case("a range", "GET", f"{FILES}/download/a.txt", headers={"Range": "bytes=" + "0-0," * (BIG // 4)}),
    Case("a range of digits", "GET", f"{FILES}/download/a.txt", headers={"Range": "bytes=0-" + "9" * BIG}),
    Case("Accept", "GET", "/api/sites/me", headers={"Accept": "a/b;q=0.1," * (BIG // 10)}),
    Case("Accept of parameters", "GET", "/api/sites/me", headers={"Accept": "a/b" + ";a=b" * (BIG // 4)}),
    Case("Accept of quotes", "GET", "/api/sites/me", headers={"Accept": 'a/b;a="' + "\\" * BIG}),
    Case("Accept-Encoding", "GET", "/api/sites/me", headers={"Accept-Encoding": "gzip;q=0.1," * (BIG // 11)}),
    Case("Prefer", "POST", RECORDS, as_json({"site_id": "{raw}"}), {"Prefer": "wait=x," * (BIG // 7)}),
    Case("a request id", "GET", "/api/sites/me", headers={"X-Request-Id": "a" * BIG}),
    Case("an idempotency key", "POST", SITES, as_json({}), {"Idempotency-Key": "a" * BIG}),
    Case("If-Modified-Since", "GET", f"{FILES}/download/a.txt", headers={"If-Modified-Since": "1" * BIG}),
    Case("a host", "GET", "/", headers={"Host": "a." * (BIG // 2)}),
    Case("a forwarded host", "GET", "/", headers={"X-Forwarded-For": "1," * (BIG // 2)}),
    Case("X-HTTP-Method-Override", "POST", SITES, as_json({}), {"X-HTTP-Method-Override": "A" * BIG}),
)  # fmt: skip
HOSTING = (
    Case("a path of a megabyte", "GET", "/" + "a/" * (BIG // 2), on_site=True),
    Case("a path of dots", "GET", "/" + "../" * (BIG // 3), on_site=True),
    Case("a path of escapes", "GET", "/" + "%c3%a4" * (BIG // 6), on_site=True),
    Case("the longest path", "GET", "/" + "a/" * 16_000, on_site=True),
    Case("a query", "GET", "/?" + "%41&" * (BIG // 4), on_site=True),
    Case("known forms", "GET", "/", headers={"If-None-Match": '"a",' * (BIG // 4)}, on_site=True),
    Case("quotes for forms", "GET", "/", headers={"If-Match": 'W/"' * (BIG // 3)}, on_site=True),
    Case("ranges", "GET", "/", headers={"Range": "bytes=" + "0-0," * (BIG // 4)}, on_site=True),
    Case("white space in a range", "GET", "/", headers={"Range": " " * BIG + "x"}, on_site=True),
    Case("digits of a range", "GET", "/", headers={"Range": "bytes=" + "1" * BIG}, on_site=True),
    Case("codings", "GET", "/", headers={"Accept-Encoding": "gzip;q=0.5," * (BIG // 11)}, on_site=True),
    Case("white space in a coding", "GET", "/", headers={"Accept-Encoding": "gzip" + " " * BIG + "x"}, on_site=True),
    Case("a cookie", "GET", "/", headers={"Cookie": "a=b; " * (BIG // 5)}, on_site=True),
)
CASES = (*JSON, *CONFIGS, *PAGE_CASES, *TREES, *RECORD_CASES, *URLS, *HEADERS, *HOSTING)
