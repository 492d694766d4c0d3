"""No secret of a destination comes back: by no answer to a bad request, no end that echoes it, and no error of ours.

The planted ones are looked for in all answers and logs by tests/conftest.py; WATCH.check() tells what step it was.
"""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from pubsite.outgoing import Answer
from pubsite.publishing import webhook
from pubsite.publishing.adapter import Adapter, Connection
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.outcomes import Rejected
from pubsite.publishing.wire import Wire
from tests.conftest import Tenant
from tests.doubles import shelf
from tests.doubles.http import Answered, Asked, serving
from tests.planted import GHOST, ODD, S3, SECRETS, TOKENS, WATCH, WEBHOOKS, WORDPRESS

BASE = "/api/v1/publisher"
KIND_SECRETS = {"webhook": WEBHOOKS, "s3": S3, "site": TOKENS, "wordpress": WORDPRESS, "ghost": GHOST}
CONFIGS: dict[str, dict[str, Any]] = {
    "s3": {"bucket": "bucket"},
    "site": {"publisher": "acme", "site": "docs"},
}


def forms(secret: str) -> list[str]:
    """A secret as somebody may echo it."""
    half = secret.partition(":")[2] or secret
    raw = secret.encode()
    basic = base64.b64encode(raw).decode()
    return [
        secret, secret.replace(" ", ""), half, half.replace(" ", ""), quote(secret), quote(secret, safe=""),
        basic, basic.replace("+", "-").replace("/", "_"), f"Basic {basic}", base64.b64encode(half.encode()).decode(),
        json.dumps(secret), json.dumps(json.dumps(secret)),
    ]  # fmt: skip


@dataclass
class Echo:
    """An end that answers what the test says, for any request; `url` is its base_url."""

    answer: Callable[[Asked], Answered] = lambda asked: (204, {}, b"")
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answered:
        self.asked.append(asked)
        return self.answer(asked)


@pytest.fixture(scope="module")
def end() -> Iterator[Echo]:
    made = Echo()
    with serving(made) as made.url:
        yield made


@dataclass
class Desk:
    tenant: Tenant

    def __post_init__(self) -> None:
        self.site = self.tenant.site("docs")
        self.page = self.tenant.page("docs", "/a", "<p>Hello</p>", title="One")

    def body(self, kind: str, url: str, secret: str, **more: Any) -> dict[str, Any]:
        config = {**CONFIGS.get(kind, {}), "before_live": True}
        about = {"site_id": self.site["id"], "name": "There", "type": kind}
        return {**about, "base_url": url, "config": config, "secret": secret, **more}

    def made(self, kind: str, url: str, secret: str) -> str:
        answer = self.tenant.client.post(f"{BASE}/destinations/", self.body(kind, url, secret), status=201)
        return str(answer.json["data"]["id"])

    def tried(self, destination_id: str) -> dict[str, Any]:
        """The record of the page there, after a try at it, and all that can be asked about both."""
        sent = {"content_id": self.page["id"], "destination_ids": [destination_id]}
        (answer,) = self.tenant.client.post(f"{BASE}/publish/", sent, status=202).json["data"]["records"]
        at = f"{BASE}/publishing-records/{answer['record']['id']}/"
        deadline = time.monotonic() + 30
        while True:
            record = self.tenant.client.get(at).json["data"]
            if record["status"] in ("published", "failed") or "error" in record:
                break
            assert time.monotonic() < deadline, record
            time.sleep(0.02)
        for path in (f"{at}attempts/", f"{BASE}/destinations/{destination_id}/", f"{BASE}/destinations/",
                     f"{BASE}/publish/status/?content_id={self.page['id']}"):  # fmt: skip
            self.tenant.client.get(path)
        self.tenant.client.post(f"{at}refresh/")
        self.tenant.client.delete(f"{BASE}/destinations/{destination_id}/?forget=true", status=204)
        return dict(record)


@pytest.fixture
def desk(tenant: Tenant) -> Desk:
    return Desk(tenant)


# Bad requests


def test_requests_with_secrets_at_the_wrong_place_do_not_repeat_them(desk: Desk) -> None:
    client, at = desk.tenant.client, f"{BASE}/destinations/"
    standing = desk.made("webhook", "https://example.org", WEBHOOKS[0])
    for number, secret in enumerate(SECRETS):
        good = desk.body("webhook", "https://example.org", WEBHOOKS[0])
        bad: list[dict[str, Any]] = [
            {"type": secret}, {"type": [secret]}, {"base_url": secret}, {"base_url": f"https://a:{secret}@example.org"},
            {"base_url": {"a": secret}}, {"is_active": secret}, {"sector_id": secret},
            {"site_id": secret}, {"publisher_id": secret}, {"name": [secret]}, {"name": f"a\n{secret}"},
            {"name": secret * 20}, {"config": secret}, {"config": [secret]}, {"config": {"follow": secret}},
            {"config": {"canonical": secret}}, {"config": {"unknown": secret}}, {"secret": [secret]},
            {"secret": {"value": secret}}, {"secret": secret * 200}, {"password": secret}, {"token": {"a": [secret]}},
        ]  # fmt: skip
        for wrong in bad[number % 2 :: 2]:
            answer = client.post(at, {**good, **wrong})
            assert answer.status_int == 400, (wrong, answer.text)
            for method in (client.patch, client.put)[number % 2 : number % 2 + 1]:
                changed = {name: v for name, v in wrong.items() if name not in ("type", "site_id", "publisher_id")}
                if changed:
                    assert method(f"{at}{standing}/", changed).status_int == 400
        for kind in KIND_SECRETS:
            status = client.post(at, desk.body(kind, "https://example.org", secret)).status_int
            assert status == (201 if KINDS[kind].secret_problem(secret) is None else 400)
        for wrong in ({"secret": [secret]}, {"secret": secret + "\0"}, {"other": secret}):
            assert client.post(f"{at}{standing}/rotate-secret/", wrong).status_int == 400
        WATCH.check()
    assert client.get(f"{at}{standing}/").json["data"]["name"] == "There"


@pytest.mark.parametrize("secret", [WEBHOOKS[0], S3[2], TOKENS[-1], WORDPRESS[0], ODD])
def test_what_is_no_json_or_no_good_request_does_not_repeat_them(desk: Desk, secret: str) -> None:
    client, at = desk.tenant.client, f"{BASE}/destinations/"
    standing = desk.made("webhook", "https://example.org", WEBHOOKS[0])
    shown, raw = json.dumps(secret), secret.encode()
    for body in (
        f'{{"secret": {shown}', f'{{"secret": {shown}, "secret": {shown}}}', f'{{"secret": {shown}}} {shown}', shown,
        f"[{shown}]", f'{{"secret": {shown[:-1]}', f'{{"secret": NaN, "a": {shown}}}',
    ):  # fmt: skip
        assert client.send("POST", at, body.encode()).status_int == 400
        assert client.send("PATCH", f"{at}{standing}/", body.encode()).status_int == 400
    assert client.send("POST", at, b'{"secret": "\xff' + raw + b'"}').status_int == 400
    assert client.send("POST", at, raw, **{"Content-Type": "text/plain"}).status_int == 415
    assert client.send("POST", at, raw, **{"Content-Type": "multipart/form-data; boundary=x"}).status_int == 415
    query = quote(secret, safe="")
    for path in (f"destinations/?type={query}", f"destinations/?ordering={query}", f"destinations/?page={query}",
                 f"destinations/?site_id={query}", f"destinations/?health={query}",
                 f"publishing-records/?status={query}", f"publishing-records/?destination_id={query}",
                 f"publish/status/?content_id={query}"):  # fmt: skip
        assert client.get(f"{BASE}/{path}", status="*").status_int == 400
    for wrong in ({"content_id": secret}, {"content_id": desk.page["id"], "destination_ids": [secret]},
                  {"content_id": desk.page["id"], "destination_ids": [standing], "status": secret},
                  {"content_id": desk.page["id"], "destination_ids": [standing], "scheduled_at": secret},
                  {"content_id": desk.page["id"], "destination_ids": [standing], "force": secret}):  # fmt: skip
        assert client.post(f"{BASE}/publish/", wrong).status_int == 400
    assert (
        client.post(f"{BASE}/publishing-records/", {"destination_id": secret, "content_id": secret}).status_int == 400
    )
    if secret.isascii():
        signed = {"Authorization": f"Bearer {secret}"}
        assert client.get(f"{at}{standing}/", status="*", **signed).status_int == 401
        assert client.get(f"{at}{standing}/", status="*", Authorization=secret).status_int == 401
        assert client.patch(f"{at}{standing}/", {"name": "B"}, **{"If-Match": secret}).status_int in (400, 412)
    WATCH.check()


@pytest.mark.parametrize("kind", KIND_SECRETS)
def test_answers_that_are_kept_hold_none(desk: Desk, kind: str) -> None:
    client, at = desk.tenant.client, f"{BASE}/destinations/"
    body = desk.body(kind, "https://example.org", KIND_SECRETS[kind][0])
    made = client.post(at, body, **{"Idempotency-Key": "one"})
    again = client.post(at, body, **{"Idempotency-Key": "one"})
    assert (made.status_int, again.status_int) == (201, 201)
    assert made.json["data"] == again.json["data"]
    assert made.json["data"]["has_secret"] is True
    other = {**body, "secret": KIND_SECRETS[kind][1]}
    assert client.post(at, other, **{"Idempotency-Key": "one"}).status_int == 422
    one = f"{at}{made.json['data']['id']}/"
    for method, path, sent in (
        (client.patch, one, {"secret": KIND_SECRETS[kind][1]}),
        (client.put, one, {name: body[name] for name in ("name", "base_url", "config", "secret")}),
        (client.post, f"{one}rotate-secret/", {"secret": KIND_SECRETS[kind][1]}),
    ):
        answers = [method(path, sent, **{"Idempotency-Key": f"two {path} {method.__name__}".replace(" ", "-")})
                   for _ in range(2)]  # fmt: skip
        assert [answer.status_int for answer in answers] == [200, 200]
    WATCH.check()


def test_a_secret_of_our_own_is_shown_once(desk: Desk) -> None:
    """The one exception; it is not planted, and nobody keeps it."""
    client, at = desk.tenant.client, f"{BASE}/destinations/"
    body = desk.body("webhook", "https://example.org", "")
    del body["secret"]
    made = client.post(at, body, status=201, **{"Idempotency-Key": "one"}).json["data"]
    assert webhook.secret_problem(made["secret"]) is None
    again = client.post(at, body, **{"Idempotency-Key": "one"})
    assert (again.status_int, again.json["id"]) == (409, made["id"])
    rotated = client.post(f"{at}{made['id']}/rotate-secret/", {}, status=200, **{"Idempotency-Key": "two"}).json["data"]
    assert rotated["secret"] != made["secret"]
    assert client.post(f"{at}{made['id']}/rotate-secret/", {}, **{"Idempotency-Key": "two"}).status_int == 409
    told = [client.get(f"{at}{made['id']}/").text, client.get(at).text, again.text]
    for secret in (made["secret"], rotated["secret"]):
        assert not any(secret in text for text in told)


# Ends that echo


def echoes(secret: str, asked: Asked) -> Iterator[bytes]:
    """Bodies of errors in the shapes of all kinds, with the secret in each of its forms."""
    said = " | ".join([*forms(secret), str(asked.headers.get("Authorization", ""))])
    told = json.dumps(said).encode()
    yield b'{"message": %s}' % told
    yield b'{"error": %s}' % told
    yield b'{"errors": [{"message": %s, "context": %s}]}' % (told, told)
    yield b'{"code": "x", "detail": %s}' % told
    escaped = said.replace("&", "&amp;").replace("<", "&lt;").encode()
    yield b"<Error><Code>Odd</Code><Message>%s</Message></Error>" % escaped
    yield said.encode()


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 410, 412, 422, 429, 500, 503])
def test_an_end_that_echoes_what_it_was_sent_leaves_no_trace_of_it(desk: Desk, end: Echo, status: int) -> None:
    for kind, secrets in KIND_SECRETS.items():
        secret = secrets[status % len(secrets)]
        for shape in {status % 6, (status + 3) % 6, 0}:

            def answer(asked: Asked, secret: str = secret, shape: int = shape) -> Answered:
                headers = {"Location": f"http://example.org/{quote(secret)}", "Retry-After": "9", "X-A": quote(secret)}
                return status, headers, list(echoes(secret, asked))[shape]

            end.answer = answer
            destination = desk.made(kind, end.url, secret)
            desk.tenant.client.post(f"{BASE}/destinations/{destination}/test/", status=200)
            if shape == status % 6:
                desk.tried(destination)
            else:
                desk.tenant.client.delete(f"{BASE}/destinations/{destination}/", status=204)
            WATCH.check()


@pytest.mark.parametrize("secret", SECRETS)
def test_a_message_is_rid_of_every_form(secret: str) -> None:
    wire = Wire(lambda *args: pytest.fail("no call is needed"), (secret,))
    for form in forms(secret):
        for written in (form, repr(form), json.dumps([form]), quote(form), quote_plus(form), html.escape(form),
                        repr(form.encode())):  # fmt: skip
            told = wire.redacted(f"before {written} behind")
            assert "…" in told, written
            WATCH.look(told.encode(), f"the message {told}")
    within = [base64.b64encode(f"{before}{form}>".encode()).decode() for form in forms(secret)[:4]
              for before in ("", "<", "a:", '{"secret": ')]  # fmt: skip
    for written in within:
        WATCH.look(wire.redacted(f"before {written} behind").encode(), written)
    WATCH.check()


@pytest.mark.parametrize("piece", ["\\", " ", "+", "%", "%25", "\\ ", "&amp;", '\\"', "\\u0022", "a:", "a "])
def test_no_secret_and_no_text_make_it_slow(piece: str) -> None:
    started = time.monotonic()
    for secret in (piece * (500 // len(piece)), f"secret{piece * 50}x", f"{piece * 30}secret{piece * 30}"):
        wire = Wire(lambda *args: pytest.fail("no call is needed"), (secret,))
        for text in (piece * 5000, f"secret{piece * 5000}", f"secret{piece * 99}y" * 50, '\\"' * 9000):
            wire.hidden(text)
    assert time.monotonic() - started < 10


def test_what_was_made_of_a_secret_for_one_call_is_not_told_either() -> None:
    """A token that is signed with it is good for some minutes."""

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return Answer(400, {}, json.dumps({"message": f"no: {headers['Authorization']}"}).encode())

    wire = Wire(send, (GHOST[0],))
    with pytest.raises(Rejected) as caught:
        wire.call("GET", "https://example.org/", headers={"Authorization": "Ghost a.signed.token"})
    assert caught.value.message == "It answered 400: no: Ghost …"


def test_a_pubsite_that_calls_things_by_our_secret(desk: Desk, end: Echo) -> None:
    """Its names, addresses and ids are kept and shown: not these."""
    secret = TOKENS[0]
    page: dict[str, Any] = {}

    def answer(asked: Asked) -> Answered:
        path = asked.path.partition("?")[0]
        found: Any = {"name": "pubsite"}
        if path == "/api/accounts/me":
            token = {"scopes": ["read", "write", "deploy"]}
            found = {"name": f"me, {secret}", "publishers": [{"name": "acme", "role": "Owner"}], "token": token}
        elif path == "/api/sites/acme":
            url = f"http://{secret}.example.org/"
            found = [{"id": "1", "slug": "docs", "mode": "FullyManaged", "config": {}, "url": url}]
        elif path.endswith("/pages") and asked.method == "GET":
            found = [page] if page else []
        elif path.endswith("/pages"):
            sent = json.loads(asked.body)
            page.update(sent, id=page_id, site_id="1", updated_at="2026-01-01T00:00:00.000Z")
            found = page
        elif path.startswith("/api/sites/pages/"):
            found = page
        elif path.startswith("/api/v1/publisher/deployments"):
            last = {"created_at": "2026-01-02T00:00:00.000Z", "status": "deployed"}
            found = {"data": last, "results": [last]}
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    end.answer, page_id = answer, "11111111-1111-4111-8111-111111111111"
    destination = desk.made("site", end.url, secret)
    tested = desk.tenant.client.post(f"{BASE}/destinations/{destination}/test/", status=200).json["data"]
    assert tested["ok"] is True
    assert tested["identity"] == "pubsite, as me, …, for http://….example.org/"
    record = desk.tried(destination)
    assert (record["status"], record["external_url"]) == ("published", "http://….example.org/a/")
    page.clear()
    page_id = f"page-{secret}"
    record = desk.tried(desk.made("site", end.url, secret))
    assert (record["status"], record["error_code"]) == ("failed", "secret_told")
    WATCH.check()


# Mistakes of our own


@dataclass(frozen=True, slots=True)
class Broken(shelf.ShelfAdapter):
    """Breaks at one method, with the secret in its exception."""

    def draft(self, *args: Any) -> Any:
        return self._break("draft") or super(Broken, self).draft(*args)

    def find(self, *args: Any) -> Any:
        self._break("find")

    def test(self) -> str:
        self._break("test")
        return self.connection.secrets[0]

    def _break(self, where: str) -> None:
        if self.connection.options["canonical"] == "none" or where == "find":
            try:
                raise KeyError(self.connection.secrets[0])
            except KeyError as error:
                raise RuntimeError(f"{where}: {forms(self.connection.secrets[0])}") from error


def breaking(connection: Connection) -> Adapter:
    if connection.options["follow"]:
        raise ValueError(connection.secrets)
    return Broken(connection)


@pytest.mark.parametrize("config", [{}, {"canonical": "none"}, {"follow": True}])
@pytest.mark.parametrize("secret", [WORDPRESS[0], ODD, S3[1]])
def test_an_adapter_that_breaks_tells_the_log_no_secret(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, config: dict[str, Any], secret: str
) -> None:
    monkeypatch.setitem(KINDS, "webhook", replace(shelf.KIND, name="webhook", connect=breaking))
    body = desk.body("webhook", "https://example.org", secret)
    body["config"] |= config
    destination = desk.tenant.client.post(f"{BASE}/destinations/", body, status=201).json["data"]["id"]
    tested = desk.tenant.client.post(f"{BASE}/destinations/{destination}/test/", status=200).json["data"]
    assert tested.get("error_code") == ("internal_error" if config else None)
    assert tested.get("identity") == (None if config else "…")
    sent = {"content_id": desk.page["id"], "destination_ids": [destination], "dry_run": True}
    assert desk.tenant.client.post(f"{BASE}/publish/", sent).status_int == (409 if config else 200)
    record = desk.tried(destination)
    assert (record["status"], record["error_code"]) == ("pending", "internal_error")
    assert "an adapter broke: Traceback" in caplog.text
    assert "RuntimeError: " in caplog.text or "ValueError: " in caplog.text
    WATCH.check()


def test_every_kind_has_planted_secrets() -> None:
    assert set(KIND_SECRETS) == set(KINDS)
    for name, kind in KINDS.items():
        assert [kind.secret_problem(secret) for secret in KIND_SECRETS[name]] == [None] * len(KIND_SECRETS[name])
