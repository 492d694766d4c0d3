"""Whatever people enter as a URL, the server talks to no address of its own network; and no end keeps it for long.

Canaries stand on loopback. In place of the machine's resolver, and of connections to anywhere else, stand doubles, so
that no packet and no query leaves the machine; all that decides is the server's own. The last test is the control.
"""

from __future__ import annotations

import socket
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import pubsite.app
from pubsite.models import Destination, PublishingRecord
from pubsite.outgoing import Allowed, Client
from pubsite.outgoing.connecting import connect
from pubsite.outgoing.urls import BadUrl, parse
from pubsite.settings import Settings
from tests.conftest import Server, Tenant, new_tenant, running_server
from tests.corpora.inner_addresses import ELSEWHERE, FORMS, LOOPBACK, MALFORMED, Canary, canaries, look_up
from tests.databases import new_postgresql, require_postgresql
from tests.planted import GHOST, S3, TOKENS, WEBHOOKS, WORDPRESS
from tests.receivers import Receiver, dripping, endless, receiver, silent

BASE = "/api/v1/publisher"
PUBLIC = "93.184.215.14"
REFUSED = "address_refused"
SECRETS = {
    "webhook": WEBHOOKS[0], "s3": S3[0], "site": TOKENS[0], "wordpress": WORDPRESS[0], "ghost": GHOST[0],
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "s3": {"bucket": "bucket"},
    "site": {"publisher": "acme", "site": "docs"},
}
# Of the forms that their makers give, so that they are looked for.
EXTERNAL_IDS = {"site": "11111111-1111-4111-8111-111111111111", "wordpress": "1", "ghost": "0" * 24}


class Counting(socket.socket):
    """Counts what is read from it."""

    read = 0

    def recv_into(self, *args: Any, **kw: Any) -> int:
        count = super().recv_into(*args, **kw)
        Counting.read += count
        return count


@dataclass
class Net:
    """Resolver and network as a server sees them. `names`: one answer after the other, the last one for ever."""

    names: dict[str, list[Sequence[str]]] = field(default_factory=lambda: {"public.example.org": [[PUBLIC]]})
    connected: list[str] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        if host not in self.names:
            return look_up(host, port)
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.connected.append(address)
        ip = ip_address(address)
        if not (getattr(ip, "ipv4_mapped", None) or ip).is_loopback:
            raise ConnectionRefusedError("nothing leaves the machine")
        real = connect(address, port, seconds)
        counting = Counting(real.family, real.type, real.proto, real.detach())
        counting.settimeout(seconds)
        return counting

    @contextmanager
    def server(self, allow: str, ini: dict[str, str], **limits: float) -> Iterator[Server]:
        """A server in this net, with this `outgoing_allow`."""

        def make(settings: Settings) -> Client:
            allowed = Allowed.parse(settings.outgoing_allow)
            return Client(allowed, resolve=self.resolve, connect=self.connect, **limits)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pubsite.app, "make_outgoing", make)
            servers = running_server({"pubsite.development": "true", "pubsite.outgoing_allow": allow, **ini})
            yield next(servers)
            next(servers, None)


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with canaries() as running:
        yield running


@pytest.fixture(scope="module")
def net() -> Net:
    return Net()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def closed(request: pytest.FixtureRequest, net: Net, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nothing is allowed to."""
    ini = {"pubsite.data_dir": str(tmp_path_factory.mktemp("closed"))}
    with ExitStack() as held:
        if request.param == "postgresql":
            require_postgresql()
            ini["sqlalchemy.url"] = held.enter_context(new_postgresql())
        yield held.enter_context(net.server("", ini))


@dataclass
class Desk:
    """A tenant with a site, and shorthands for the publisher API."""

    tenant: Tenant

    def __post_init__(self) -> None:
        self.site = self.tenant.site("docs")

    def body(self, url: str, kind: str = "webhook", **config: Any) -> dict[str, Any]:
        config = {**CONFIGS.get(kind, {}), "before_live": True, **config}
        return {"name": "There", "base_url": url, "config": config, "secret": SECRETS[kind]}

    def create(self, url: str, kind: str = "webhook", **config: Any) -> Any:
        sent = {**self.body(url, kind, **config), "type": kind, "site_id": self.site["id"]}
        return self.tenant.client.post(f"{BASE}/destinations/", sent)

    def made(self, url: str = "https://public.example.org", kind: str = "webhook", **config: Any) -> str:
        answer = self.create(url, kind, **config)
        assert answer.status_int == 201, answer.text
        return str(answer.json["data"]["id"])

    def test(self, destination_id: str) -> dict[str, Any]:
        found = self.tenant.client.post(f"{BASE}/destinations/{destination_id}/test/", status=200)
        return dict(found.json["data"])

    def point(self, destination_id: str, url: str) -> None:
        """Have a destination lead elsewhere behind the API's back: as if it had been let in once."""
        with self.tenant.server.database.transaction() as db:
            db.execute(update(Destination).where(Destination.id == uuid.UUID(destination_id)).values(base_url=url))

    def publish(self, page_id: str, ids: list[str]) -> list[str]:
        sent = {"content_id": page_id, "destination_ids": ids}
        answer = self.tenant.client.post(f"{BASE}/publish/", sent, status=202)
        return [each["record"]["id"] for each in answer.json["data"]["records"]]

    def records(self, page_id: str) -> list[dict[str, Any]]:
        return list(self.tenant.client.get(f"{BASE}/publish/status/?content_id={page_id}").json["data"]["records"])

    def until(self, page_id: str, is_good: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The page's records when all of them are good."""
        deadline = time.monotonic() + 60
        while not all(map(is_good, found := self.records(page_id))):
            assert time.monotonic() < deadline, found
            time.sleep(0.02 * len(found))
        return found


@pytest.fixture
def desk(closed: Server) -> Desk:
    return Desk(new_tenant(closed))


def check_told(message: str, url: str) -> None:
    """In plain words, and no address beside those that the user wrote."""
    assert message
    assert "Traceback" not in message
    with suppress(BadUrl, OSError):
        target = parse(url)
        beside = message.replace(target.host, "")
        for address in look_up(target.host, target.port):
            assert address not in beside, (message, url)


def test_no_malformed_url_gets_into_a_destination(desk: Desk, canary: Canary) -> None:
    standing = desk.made()
    at = f"{BASE}/destinations/{standing}/"
    for number, form in enumerate(MALFORMED):
        url = form.url(canary.port)
        kind = list(SECRETS)[number % len(SECRETS)]
        body = desk.body(url)
        for answer in (
            desk.create(url, kind),
            desk.tenant.client.patch(at, {"base_url": url, "secret": SECRETS["webhook"]}),
            desk.tenant.client.put(at, body),
        ):
            assert answer.status_int == 400, (form.id, answer.text)
            assert "base_url" in answer.text
            assert SECRETS[kind] not in answer.text
    assert desk.tenant.client.get(at).json["data"]["base_url"] == "https://public.example.org"
    assert canary.connections == 0


def test_a_test_reaches_no_inner_address(desk: Desk, net: Net, canary: Canary) -> None:
    standing = desk.made()
    at, connected = f"{BASE}/destinations/{standing}/", len(net.connected)
    for number, form in enumerate(LOOPBACK + ELSEWHERE):
        url = form.url(canary.port)
        if number % 2:
            answer = desk.tenant.client.patch(at, {"base_url": url, "secret": SECRETS["webhook"]})
        else:
            answer = desk.tenant.client.put(at, desk.body(url))
        assert answer.status_int == 200, (form.id, answer.text)
        found = desk.test(standing)
        assert (found["ok"], found["error_code"]) == (False, REFUSED), form.id
        check_told(found["error"], url)
    assert canary.connections == 0
    assert net.connected[connected:] == []


@pytest.mark.parametrize("kind", [kind for kind in SECRETS if kind != "webhook"])
def test_kinds_that_make_urls_of_their_own_reach_none_either(desk: Desk, net: Net, canary: Canary, kind: str) -> None:
    variants: list[dict[str, Any]] = [{}, {"path_style": False}] if kind == "s3" else [{}]
    connected = len(net.connected)
    for config in variants:
        standing = desk.made(kind=kind, **config)
        for form in LOOPBACK + MALFORMED:
            url = form.url(canary.port)
            if not url.isprintable():
                continue
            desk.point(standing, url)
            found = desk.test(standing)
            assert found["ok"] is False
            # What no request can put into the row may well be an error that nobody foresaw.
            unforeseen = "internal_error" if form in MALFORMED else REFUSED
            assert found["error_code"] in (REFUSED, "unreachable", unforeseen), (form.id, found)
            check_told(found["error"], url)
    assert canary.connections == 0
    assert net.connected[connected:] == []


def test_no_page_is_sent_to_an_inner_address(desk: Desk, net: Net, canary: Canary) -> None:
    forms, connected = (LOOPBACK + ELSEWHERE[::3])[:90], len(net.connected)
    urls = {desk.made(form.url(canary.port)): form.url(canary.port) for form in forms}
    page = desk.tenant.page("docs", "/a", "<p>Hello</p>", title="One")
    desk.publish(page["id"], list(urls))
    found = desk.until(page["id"], lambda record: record["status"] == "failed")
    for record in found:
        assert record["error_code"] == REFUSED
        assert record["error_retryable"] is False
        check_told(record["error"], urls[record["destination_id"]])
    for record in found[:: len(found) // 20]:
        desk.tenant.client.post(f"{BASE}/publishing-records/{record['id']}/retry/", status=202)
    for record in desk.until(page["id"], lambda record: record["status"] == "failed"):
        assert record["error_code"] == REFUSED
    assert canary.connections == 0
    assert net.connected[connected:] == []


@pytest.mark.parametrize("kind", EXTERNAL_IDS)
def test_no_url_that_was_let_in_once_is_followed(desk: Desk, net: Net, canary: Canary, kind: str) -> None:
    """Neither by a test, a delivery, nor a look, whatever stands in the row."""
    page = desk.tenant.page("docs", "/a", "<p>Hello</p>", title="One")
    standing, connected = desk.made(kind=kind), len(net.connected)
    (record,) = desk.publish(page["id"], [standing])
    desk.until(page["id"], lambda record: "error_code" in record)
    desk.tenant.client.post(f"{BASE}/publishing-records/{record}/cancel/", status=200)
    with desk.tenant.server.database.transaction() as db:
        known = update(PublishingRecord).where(PublishingRecord.id == uuid.UUID(record))
        db.execute(known.values(external_id=EXTERNAL_IDS[kind]))
    connected = len(net.connected)
    for form in (MALFORMED + LOOPBACK)[:: 1 if kind == "site" else 3]:
        url = form.url(canary.port)
        if not url.isprintable():  # what no database takes, or no answer can repeat
            continue
        desk.point(standing, url)
        found = desk.test(standing)
        assert (found["ok"], found["error_code"]) == (False, REFUSED), form.id
        check_told(found["error"], url)
        looked = desk.tenant.client.post(f"{BASE}/publishing-records/{record}/refresh/")
        assert (looked.status_int, looked.json["code"]) == (409, REFUSED), (form.id, looked.text)
        check_told(looked.json["error"], url)
    assert canary.connections == 0
    assert net.connected[connected:] == []


def test_urls_that_are_only_shown_are_not_fetched(desk: Desk, net: Net, canary: Canary) -> None:
    connected = len(net.connected)
    for number, form in enumerate(FORMS[:: len(FORMS) // 80]):
        answer = desk.create("https://public.example.org", "s3", public_url=form.url(canary.port))
        assert answer.status_int in (201, 400), (form.id, answer.text)
        if answer.status_int == 201 and number % 8 == 0:
            assert desk.test(answer.json["data"]["id"])["error_code"] == "unreachable"
    assert canary.connections == 0
    assert set(net.connected[connected:]) == {PUBLIC}


@pytest.mark.parametrize("second", [["127.0.0.1"], ["::1"], [PUBLIC, "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_changes_its_mind_leads_nowhere(
    desk: Desk, net: Net, canary: Canary, second: Sequence[str]
) -> None:
    name, connected = "rebinding.example.org", len(net.connected)
    net.names[name] = [[PUBLIC], second]
    standing = desk.made(f"https://{name}:{canary.port}/hook")
    assert desk.test(standing)["error_code"] == "unreachable"  # the public one, which takes no connection
    assert desk.test(standing)["error_code"] == REFUSED
    net.names[name] = [[PUBLIC], second]
    page = desk.tenant.page("docs", "/a", "<p>Hello</p>")
    desk.publish(page["id"], [standing])
    desk.until(page["id"], lambda shown: shown.get("error_code") == "unreachable")
    desk.tenant.client.patch(f"{BASE}/destinations/{standing}/", {"is_active": True}, status=200)  # ends its pause
    (shown,) = desk.until(page["id"], lambda shown: shown["status"] == "failed")
    assert shown["error_code"] == REFUSED
    check_told(shown["error"], "https://rebinding.example.org")
    assert "127.0.0.1" not in shown["error"]
    assert canary.connections == 0
    assert net.connected[connected:] == [PUBLIC] * 2


# With one receiver that is allowed


@pytest.fixture(scope="module")
def allowed() -> Iterator[Receiver]:
    """A receiver that the server may reach, and whose answer each test sets."""

    def answer(connection: socket.socket) -> None:
        ANSWER[0](connection)

    with receiver(answer) as running:
        yield running


ANSWER: list[Callable[[socket.socket], None]] = []
SECONDS = 0.6
# What urllib will not even read.
UNREADABLE = tuple(form for form in MALFORMED if "brackets" in form.id or "full_width" in form.id)


@pytest.fixture(scope="module")
def narrow(net: Net, allowed: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is allowed to reach this receiver and nothing else, and has little time for it."""
    ini = {"pubsite.data_dir": str(tmp_path_factory.mktemp("narrow")), "pubsite.delivery_threads": "2"}
    limits = {"connect_seconds": SECONDS, "total_seconds": SECONDS}
    with net.server(f"127.0.0.1:{allowed.port}", ini, **limits) as server:
        yield server


def saying(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


GOOD = saying(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_an_inner_address_are_not_followed(
    narrow: Server, allowed: Receiver, canary: Canary, status: int
) -> None:
    desk = Desk(new_tenant(narrow))
    standing, before = desk.made(allowed.url), allowed.connections
    forms = LOOPBACK[status % 5 :: 5]
    page = desk.tenant.page("docs", "/a", "<p>Hello</p>")
    for form in forms:
        to = form.url(canary.port).encode()
        ANSWER[:] = [saying(b"HTTP/1.1 %d X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to))]
        found = desk.test(standing)
        assert (found["ok"], found["error_code"]) == (False, "redirected"), form.id
    desk.publish(page["id"], [standing])
    (record,) = desk.until(page["id"], lambda shown: shown["status"] == "failed")
    assert record["error_code"] == "redirected"
    assert allowed.connections - before == len(forms) + 1
    assert canary.connections == 0


def test_urls_of_pages_are_sent_as_they_are_and_not_fetched(
    narrow: Server, allowed: Receiver, net: Net, canary: Canary
) -> None:
    desk = Desk(new_tenant(narrow))
    ANSWER[:] = [GOOD]
    standing, heard, connected = desk.made(allowed.url), len(allowed.requests), len(net.connected)
    sent = 0
    for number, form in enumerate(UNREADABLE + LOOPBACK[::6] + MALFORMED[::8]):
        url = form.url(canary.port)
        link = escape(url)
        content = f'<p><a href="{link}">{number}</a><img src="{link}" srcset="{link} 2x"></p>'
        body = {"path": f"/{number}", "config": {"content": content, "image": url}}
        answer = desk.tenant.client.post(f"/api/sites/{desk.tenant.name}/docs/pages", body)
        assert answer.status_int in (200, 400), (form.id, answer.text)
        if answer.status_int == 400:
            continue
        canonical = {"config": {**body["config"], "canonical_url": url}}
        assert desk.tenant.client.patch(f"/api/sites/pages/{answer.json['id']}", canonical).status_int in (200, 400)
        desk.publish(answer.json["id"], [standing])
        (record,) = desk.until(answer.json["id"], lambda shown: shown["status"] in ("published", "failed"))
        assert (record["status"], record.get("error")) == ("published", None), form.id
        sent += 1
    assert sent > 15
    assert len(allowed.requests) - heard == sent
    assert net.connected[connected:] == ["127.0.0.1"] * sent
    assert canary.connections == 0


BOMB = zlib.compress(bytes(300_000_000), 9, wbits=31)  # 290 KB
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "script",
    [
        silent,
        dripping(HEAD + b"\r\n"),
        dripping(HEAD, b"X: y\r\n"),
        endless(HEAD + b"\r\n", b"x" * 65_536),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 32_768 + b"\r\n"),
        endless(HEAD, b"X: y\r\n" * 1000),
        saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),
        endless(HEAD + b"Content-Encoding: gzip\r\n\r\n", BOMB),
    ],
    ids=["silent", "drip", "dripping headers", "flood", "chunks", "flood of headers", "bomb", "bombs"],
)
def test_no_end_keeps_a_worker(narrow: Server, allowed: Receiver, script: Any, request: Any) -> None:
    """Both threads meet it; a page for somebody else goes out all the same."""
    desk = Desk(new_tenant(narrow))
    bad = [desk.made(allowed.url) for _ in range(2)]
    good = desk.made(allowed.url)
    first, second = (desk.tenant.page("docs", path, "<p>Hello</p>") for path in ("/a", "/b"))
    ANSWER[:] = [script]
    Counting.read = 0
    started = time.monotonic()
    desk.publish(first["id"], bad)
    desk.until(first["id"], lambda shown: shown["status"] != "publishing" and shown["attempts"] == 1)
    took = time.monotonic() - started
    assert took < 2 * SECONDS + 5  # the receiver hears one after the other
    assert Counting.read <= 2 * (1_048_576 + 65_536)
    ANSWER[:] = [GOOD]
    desk.publish(second["id"], [good])
    desk.until(second["id"], lambda shown: shown["status"] == "published")
    for record in desk.records(first["id"]):
        is_whole = request.node.callspec.id == "bomb"  # the bytes of a bomb are just an answer
        assert record.get("error_code") == (None if is_whole else "no_answer")
        desk.tenant.client.delete(f"{BASE}/publishing-records/{record['id']}/", status=204)


# The control


def test_with_everything_allowed_each_form_connects_once(net: Net, canary: Canary, tmp_path: Path) -> None:
    if "::1" not in canary.addresses:
        pytest.skip("no IPv6 on this machine")
    with net.server("0.0.0.0/0 ::/0", {"pubsite.data_dir": str(tmp_path / "data")}) as server:
        desk = Desk(new_tenant(server))
        standing = desk.made()
        for form in LOOPBACK:
            before = canary.connections
            sent = {"base_url": form.url(canary.port), "secret": SECRETS["webhook"]}
            desk.tenant.client.patch(f"{BASE}/destinations/{standing}/", sent, status=200)
            assert desk.test(standing)["error_code"] in ("unreachable", "no_answer")
            assert canary.connections == before + 1, form.id
