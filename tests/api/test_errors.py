"""Errors: one shape everywhere, the right status for every mistake, and never a word about what is inside."""

from __future__ import annotations

import base64
import json
import logging
import re
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webtest import TestApp, TestResponse

from tests.conftest import API_HOST, Tenant

RECORDS = "/api/v1/publisher/deployments/"
# What a client must never see: class names, modules, paths of the server, SQL.
INSIDE = re.compile(
    r"(?i)traceback|sqlalchemy|psycopg|sqlite|pyramid|cornice|colander|webob|"
    r"\b(select|insert|update|delete) [a-z]+ |/(home|opt|root|tmp|usr|var)/|site-packages|\.py\b|"
    r"\b[A-Z][A-Za-z]+(Error|Exception)\b(?-i:)|0x[0-9a-f]{6,}"
)
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["", "\0", "\ud800", "1", "true", "x" * 5000, "/", "..", "2026-01-31", "123e4567-e89b-12d3-a456-42"]
    ),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=8,
)


def check(answer: TestResponse, status: int | None = None) -> dict[str, Any]:
    """The body of an error in the one shape of its part of the API."""
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert 400 <= answer.status_int < 500, answer.text
    assert status in (None, answer.status_int), answer.text
    body: dict[str, Any] = json.loads(answer.body.decode())
    assert not INSIDE.search(answer.text), answer.text
    assert body["request_id"] == answer.headers["X-Request-Id"]
    if "/v1/publisher" in answer.request.environ["PATH_INFO"]:
        assert body["success"] is False
        assert body["error"]
        assert set(body) <= {"success", "error", "code", "errors", "request_id"}
        assert all(isinstance(messages, list) and messages for messages in body.get("errors", {}).values())
    else:
        assert body["statusCode"] == answer.status_int
        assert body["message"]
        assert set(body) <= {"statusCode", "message", "errors", "request_id"}
        assert all(set(error) == {"location", "name", "message"} for error in body.get("errors", ()))
    return body


# Each status


def test_400_names_the_fields(tenant: Tenant) -> None:
    body = check(tenant.client.post(f"/api/sites/{tenant.name}", {"name": ""}), 400)
    assert body["message"] == "slug is required (and 1 more)"
    assert body["errors"] == [
        {"location": "body", "name": "slug", "message": "is required"},
        {"location": "body", "name": "name", "message": "must not be empty"},
    ]


def test_401_has_one_body_whatever_was_wrong(tenant: Tenant) -> None:
    for header in (None, "Bearer x.y.z", "Basic YTpi"):
        headers = {} if header is None else {"Authorization": header}
        answer = tenant.server.client().get("/api/sites/me", status=401, **headers)
        body = check(answer)
        del body["request_id"]
        assert body == {"statusCode": 401, "message": "Unauthorized"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_403_says_no_more_than_that(tenant: Tenant) -> None:
    stranger = tenant.server.client(tenant.server.account())
    body = check(stranger.get(f"/api/sites/{tenant.name}", status=403))
    del body["request_id"]
    assert body == {"statusCode": 403, "message": "Forbidden"}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nope",
            "/api",
            "/zone",
            "/favicon.ico",
            "/api/sites",
            "/api/sites/",
            "/api/sites/a/b/c/d",
            "/api//sites/me",
        ),
        *("/api/sites/<script>", "/api/v1/publisher/nope", "/api/v1/publisher/nope/"),
    ],
)
def test_404_for_what_is_nowhere_echoes_nothing(tenant: Tenant, path: str) -> None:
    answer = tenant.client.get(path, status=404)
    body = check(answer)
    assert "script" not in answer.text
    assert (body.get("message") or body["error"]) in ("Not Found", "Publisher not found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/", {"GET", "HEAD"}),
        ("PUT", "/api/sites/me", {"GET", "HEAD"}),
        ("PUT", "/api/sites/{publisher}", {"GET", "HEAD", "POST"}),
        ("PUT", "/api/sites/{publisher}/{slug}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("OPTIONS", "/api/sites/{publisher}/{slug}/pages", {"GET", "HEAD", "POST"}),
        ("GET", "/api/sites/{publisher}/{slug}/pages:batch", {"POST"}),
        ("POST", "/api/sites/site/{slug}/page", {"GET", "HEAD"}),
        ("PATCH", "/api/sites/{id}/files", {"GET", "HEAD"}),
        ("GET", "/api/sites/{id}/files/upload", {"POST"}),
        ("POST", "/api/sites/{id}/files/delete/a", {"DELETE"}),
        ("DELETE", "/api/v1/publisher/deployments/", {"GET", "HEAD", "POST"}),
        ("TRACE", "/api/v1/publisher/deployments", {"GET", "HEAD", "POST"}),
    ],
)
def test_405_names_the_methods_that_are_allowed(tenant: Tenant, method: str, path: str, allowed: set[str]) -> None:
    site = tenant.site("raw", "SelfManaged")
    answer = tenant.client.send(method, path.format(publisher=tenant.name, **site))
    check(answer, 405)
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == allowed


def test_409_says_what_stands_in_the_way(tenant: Tenant) -> None:
    tenant.site("taken")
    body = check(tenant.client.post(f"/api/sites/{tenant.name}", {"slug": "taken", "name": "x"}), 409)
    assert "taken" in body["message"]


@pytest.mark.parametrize("path", ["/api/sites/{publisher}", RECORDS, "/zone/sites/me"])
def test_413_for_a_body_over_the_limit(tenant: Tenant, path: str) -> None:
    limit = tenant.server.settings.max_body_size
    answer = tenant.client.send("POST", path.format(publisher=tenant.name), **{"Content-Length": str(limit + 1)})
    assert str(limit) in str(check(answer, 413))


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"),
        *("application/vnd.api+json", "application/json-patch+json", "application /json", "json", "a/b/c", "\xff"),
    ],
)
def test_415_for_a_body_that_is_no_json(tenant: Tenant, content_type: str) -> None:
    for path in (f"/api/sites/{tenant.name}", RECORDS):
        check(tenant.client.send("POST", path, b"{}", **{"Content-Type": content_type}), 415)


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;;;"),
        *("application/json; charset=bogus", 'application/json;charset="'),
    ],
)
def test_json_is_utf_8_whatever_its_charset_says(tenant: Tenant, content_type: str) -> None:
    body = json.dumps({"slug": "a", "name": "ü"}, ensure_ascii=False).encode()
    headers = {"Content-Type": content_type}
    assert tenant.client.send("POST", f"/api/sites/{tenant.name}", body, **headers).json["name"] == "ü"


@pytest.mark.parametrize(
    "host", ["example.com", "evil-localhost:6543", "localhost.example.com", "10.0.0.1:80", "[::2]"]
)
def test_421_for_a_host_that_is_not_ours(tenant: Tenant, host: str) -> None:
    for path in ("/api/sites/me", RECORDS, "/zone/v1/publisher/deployments"):
        check(ask_host(tenant, host, path), 421)


@pytest.mark.parametrize(
    "host", ["", " ", "local host", "localhost:x", "localhost:123456", "a@localhost", "localhost/x", "\xff"]
)
def test_400_for_an_odd_host(tenant: Tenant, host: str) -> None:
    for path in ("/api/sites/me", RECORDS):
        check(ask_host(tenant, host, path), 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:6543", "localhost.:80", "127.0.0.1", "[::1]:6543"])
def test_the_api_answers_on_its_hosts(tenant: Tenant, host: str) -> None:
    assert ask_host(tenant, host, "/").status_int == 200


def ask_host(tenant: Tenant, host: str, path: str) -> TestResponse:
    return TestApp(tenant.server.app).get(path, headers={"Host": host}, status="*")


# Request ids


def test_every_answer_bears_a_request_id(tenant: Tenant) -> None:
    client = tenant.client
    site = tenant.site("raw", "SelfManaged")
    client.upload(f"/api/sites/{site['id']}/files/upload", "a.txt", b"x", status=200)
    answers = [
        client.get("/"),
        client.get("/nope", status=404),
        client.delete(f"/api/sites/{site['id']}/files/delete/a.txt"),
        client.get(RECORDS),
        ask_host(tenant, "example.com", "/"),
        client.delete(f"/api/sites/{tenant.name}/raw", status=204),
    ]
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        ("abc-1.2:3_Z", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("", False),
        ("<b>", False),
        ("\xe4", False),
    ],
)
def test_a_sane_request_id_is_the_clients(tenant: Tenant, sent: str, is_kept: bool) -> None:
    for path in ("/nope", RECORDS + "nope"):
        answer = tenant.client.get(path, status=404, **{"X-Request-Id": sent})
        assert (check(answer)["request_id"] == sent) is is_kept


def test_each_request_is_one_line_of_the_log_whatever_its_path(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "pubsite.access"):
        for path in ("/api/sites/%0aevil%1b[31m", "/%ff%00", "/" + "a" * 5000):
            tenant.client.get(path, status="*", **{"X-Request-Id": "asked"})
    lines = [record.getMessage() for record in caplog.records if record.name == "pubsite.access"]
    assert len(lines) == 3
    assert all(line.isprintable() and line.startswith("GET /") and line.endswith(" id=asked") for line in lines)
    assert max(map(len, lines)) < 400


# Bodies


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"\xff", ""),
        (b'{"slug": "\xed\xa0\x80"}', ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'"x"', ""),
        (b"1", ""),
        (b"{} {}", ""),
        (b"\xef\xbb\xbf{}", ""),
        (b"[" * 200_000, ""),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "a.a"),
        (b'{"name": 1e999}', "name"),
        (b'{"name": -1e999}', "name"),
        (b'{"name": NaN}', "name"),
        (b'{"config": {"extra": {"a": [1, Infinity]}}}', "config.extra.a.1"),
        (b'{"name": ' + b"9" * 5000 + b"}", "name"),
        (b'{"name": -9007199254740993}', "name"),
        (b'{"name": "\\u0000"}', "name"),
        (b'{"name": "\\ud800"}', "name"),
        (b'{"name": "\\udc00\\ud800"}', "name"),
        (b'{"slug": "a", "slug": "b"}', "slug"),
        (b'{"config": {"title": "a", "title": "b"}}', "title"),
        (b'{"\\u0000": 1}', "\0"),
        (b'{"\\ud800": 1}', "?"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "?"),
    ],
)
def test_a_body_that_is_not_strict_json_is_400_and_names_the_field(tenant: Tenant, body: bytes, named: str) -> None:
    answer = tenant.client.send("POST", f"/api/sites/{tenant.name}", body)
    names = [error["name"] for error in check(answer, 400)["errors"]]
    assert any(name == named or (named == "a.a" and name.startswith(named)) for name in names), names


def test_every_field_that_cannot_be_stored_is_named(tenant: Tenant) -> None:
    config = b'{"title": 9e15, "x": [12345678901234567890]}'
    body = b'{"slug": "\\u0000", "name": 1e999, "description": "\\ud800", "config": ' + config + b"}"
    errors = check(tenant.client.send("POST", f"/api/sites/{tenant.name}", body), 400)["errors"]
    assert {error["name"]: error["message"] for error in errors} == {
        "slug": "must not hold NUL",
        "name": "must not hold NaN or Infinity",
        "description": "must not hold lone surrogates",
        "config.x.0": "must not hold integers beyond 2^53",
    }


@pytest.mark.parametrize("value", [True, 7.0, "7", "", [], {}, None, 2**53, 10**40, -1])
def test_types_are_not_bent(tenant: Tenant, value: object) -> None:
    body = check(tenant.client.post(RECORDS, {"site_id": str(uuid.uuid4()), "version": value}), 400)
    assert list(body["errors"]) == ["version"]


def test_an_empty_body_is_an_empty_object(tenant: Tenant) -> None:
    for body in (b"", b"  \n"):
        answer = tenant.client.send("POST", f"/api/sites/{tenant.name}", body)
        assert check(answer, 400)["message"] == "slug is required (and 1 more)"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.sampled_from(["slug", "name", "description", "mode", "config", "path", "type"]), ANY_JSON)
)
def test_no_json_whatever_makes_a_5xx(tenant: Tenant, body: dict[str, Any]) -> None:
    page = {"path": "/x", "config": body}
    sent = (
        ("POST", f"/api/sites/{tenant.name}", body),
        ("PATCH", f"/api/sites/{tenant.name}/none", body),
        ("POST", f"/api/sites/{tenant.name}/none/pages", page),
        ("POST", RECORDS, {"site_id": body.get("slug"), "metadata": body.get("config"), "version": body.get("mode")}),
    )
    for method, path, value in sent:
        answer = tenant.client.send(method, path, json.dumps(value).encode())
        assert answer.status_int < 500
        if answer.status_int >= 400:
            check(answer)
        elif method == "POST" and path.endswith(tenant.name):
            tenant.client.delete(f"{path}/{answer.json['id']}", status=204)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=st.dictionaries(
        st.sampled_from(["title", "content", "date", "tags", "menu", "status", "target", "x"]), ANY_JSON
    )
)
def test_no_page_config_whatever_makes_a_5xx(tenant: Tenant, config: dict[str, Any]) -> None:
    url = f"/api/sites/{tenant.name}/fuzzed/pages"
    tenant.client.post(f"/api/sites/{tenant.name}", {"slug": "fuzzed", "name": "x"})
    for kind in ("HtmlPage", "Redirect"):
        answer = tenant.client.send("POST", url, json.dumps({"type": kind, "config": config}).encode())
        if answer.status_int >= 400:
            check(answer)
            continue
        stored = tenant.client.get(f"/api/sites/pages/{answer.json['id']}").json["config"]
        assert stored == answer.json["config"]
        tenant.client.delete(f"/api/sites/pages/{answer.json['id']}", status=204)


# URLs and headers


PUBLISHER, FILES, PAGE = "/api/sites/{publisher}", "/api/sites/{id}/files", "/api/sites/site/a/page"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/%00",
            "/%ff",
            "/api/sites/%00",
            "/api/sites/%00/%00",
            "/api/sites/%ff",
            "/api/sites/a/%ff",
            "/zone/sites/%00",
        ),
        *("/api/sites/%ed%a0%80", "/api/sites/pages/%00", "/api/sites/site/%00/page", "/api/sites/" + "a" * 9000),
        *(f"{PUBLISHER}/%00", f"{PUBLISHER}/%0a/pages", f"{PUBLISHER}/" + "%C3%A4" * 3000),
        *(f"{PAGE}?path=%00", f"{PAGE}?path=%ff", f"{PAGE}?path=/&path=/", f"{PAGE}?path=", f"{PAGE}?path=x%00"),
        *(f"{PAGE}?publisher=%00", f"{PAGE}?publisher=" + "a" * 64),
        *(f"{FILES}?path=%00", f"{FILES}?path=%ff", f"{FILES}?path=" + "a/" * 4000, f"{FILES}/content/%ed%a0%80"),
        *(f"{FILES}/content/%ff", f"{FILES}/content/" + "a" * 300, f"{FILES}/download/%00"),
        *(f"{RECORDS}%00/", f"{RECORDS}?site_id=%ff", f"{RECORDS}?page=" + "9" * 5000),
        "/zone/v1/publisher/deployments/?status=%00",
    ],
)
def test_odd_urls_are_the_clients_mistake(tenant: Tenant, path: str) -> None:
    site = tenant.site("raw", "SelfManaged")
    check(tenant.client.get(path.format(publisher=tenant.name, id=site["id"]), status="*"))


@pytest.mark.parametrize(("query", "name"), [("path=%ff", "path"), ("a%ff=b", "a?"), ("%ed%a0%80=%00", "???")])
def test_a_parameter_that_is_not_utf_8_is_named(tenant: Tenant, query: str, name: str) -> None:
    errors = check(tenant.client.get(f"{PAGE}?{query}", status=400))["errors"]
    assert errors == [{"location": "querystring", "name": name, "message": "must be UTF-8"}]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01", "x", ""])
def test_a_cursor_of_no_time_is_400(tenant: Tenant, time: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([time, str(uuid.uuid4())]).encode()).decode()
    check(tenant.client.get(f"/api/sites/{tenant.name}?limit=1&cursor={cursor}", status=400))


def _jwt(header: bytes, payload: bytes = b"{}", signature: str = "x") -> str:
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, payload)]
    return ".".join([*parts, signature])


ODD_TOKENS = [
    *("", " ", "  ", "a b", "..", "\xff.\xff.\xff", "pst_x", "a" * 9000, _jwt(b"[" * 5000), _jwt(b"{}"), _jwt(b"null")),
    *(_jwt(b"{" + b"1" * 5000), _jwt(bytes(range(256))), _jwt(b'{"alg": "none"}', signature="")),
    *(_jwt(b'{"alg": "HS256", "kid": {}}'), _jwt(b'{"alg": "RS256"}'), _jwt(b'{"alg": ["HS256"]}')),
    *(_jwt(b'{"alg": "HS256", "b64": false, "crit": ["b64"]}'), _jwt(b'{"alg": ' + b"9" * 5000 + b"}")),
]


@pytest.mark.parametrize(
    "header",
    ["", " ", "Bearer", "bearer x", "Basic YTpi", "x" * 9000, *(f"Bearer {token}" for token in ODD_TOKENS)],
)
def test_odd_credentials_are_401_where_one_may_be_signed_in(tenant: Tenant, header: str) -> None:
    tenant.site("docs")
    for path in ("/api/sites/me", f"/api/sites/{tenant.name}/docs", f"/api/sites/{tenant.name}", RECORDS):
        check(tenant.server.client().get(path, status=401, Authorization=header))


@pytest.mark.parametrize("accept", ["", "*/*;q=0", "garbage", "\xff", "application/json;q=x", "a" * 5000])
def test_odd_accept_headers_get_json(tenant: Tenant, accept: str) -> None:
    assert tenant.client.get("/api/sites/me", Accept=accept).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "", "9" * 5000])
def test_odd_content_lengths_make_no_5xx(tenant: Tenant, length: str) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "HTTP_HOST": API_HOST,
        "CONTENT_LENGTH": length,
        "CONTENT_TYPE": "application/json",
    }
    app = TestApp(tenant.server.app, lint=False)
    answer = app.request(f"/api/sites/{tenant.name}", environ=environ, headers=tenant.client.headers, status="*")
    assert answer.status_int < 500


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/*", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("nonsense", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/xml, text/plain;q=0.5", 406),
    ],
)
def test_who_takes_no_json_gets_406_and_nothing_is_done(tenant: Tenant, accept: str, status: int) -> None:
    url = f"/api/sites/{tenant.name}"
    assert tenant.client.get(url, status=status, Accept=accept).headers["Content-Type"] == "application/json"
    tenant.client.post(url, {"slug": "a", "name": "A"}, status=status, Accept=accept)
    assert len(tenant.client.get(url).json) == (status == 200)
