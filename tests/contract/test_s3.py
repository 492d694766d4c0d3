"""What lies in a bucket after each step, in which order it came there, and how a cut-off delivery is mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from pubsite.publishing import delivery
from pubsite.publishing.adapter import Connection
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Order
from pubsite.publishing.options import complete
from pubsite.publishing.outcomes import DeliveryError, Denied, Failing, Limited, Rejected, Unsure
from pubsite.publishing.s3 import OPTIONS
from pubsite.publishing.s3_bucket import Bucket
from pubsite.publishing.wire import Wire
from tests.contract.rigs import S3Rig, connected
from tests.doubles.content import page
from tests.doubles.line import Line
from tests.doubles.s3 import Store, store

ONE, TWO = "11111111-1d1c-4a34-8f7e-5a3f1a6f2c01", "22222222-1d1c-4a34-8f7e-5a3f1a6f2c02"
LISTS = "docs/.pubsite/"


@pytest.fixture(scope="module")
def started() -> Iterator[Store]:
    with store() as started:
        yield started


@pytest.fixture
def rig(started: Store) -> S3Rig:
    return S3Rig(started, {"bucket": started.bucket(), "prefix": "docs"})


def publish(rig: S3Rig, content: Content, marker: str = ONE, **config: Any) -> delivery.Delivered:
    adapter = connected(rig, **config)
    return delivery.publish(adapter, Order(marker), adapter.draft(content, "publish"), content)


def unpublish(rig: S3Rig, marker: str = ONE) -> delivery.Delivered:
    adapter = connected(rig)
    return delivery.unpublish(adapter, Order(marker), adapter.draft(page(), "publish"))


def writes(rig: S3Rig) -> list[str]:
    """`PUT key` and `DELETE key` since the last time."""
    found = [f"{call.method} {unquote(urlsplit(call.url).path).partition('/docs/')[2]}" for call in rig.line.writes]
    rig.line.calls.clear()
    return found


def files(rig: S3Rig) -> dict[str, bytes]:
    return {key: found["Body"] for key, found in rig.objects.items() if not key.startswith(LISTS)}


def own(content: Content) -> dict[str, bytes]:
    assert content.files is not None
    return {f"docs{file.path}": file.read() for file in content.files.page()}


def test_files_lie_there_as_browsers_want_them(rig: S3Rig) -> None:
    content = page(assets={"/css/paper.css": b"body{}", "/img/ä +&'()%~.png": b"png", "/a b/c=d;e@f.bin": b"x"})
    done = publish(rig, content)
    assert files(rig) == own(content)
    kinds = {key: (found["ContentType"], found["CacheControl"]) for key, found in rig.objects.items()}
    assert kinds == {
        "docs/css/paper.css": ("text/css; charset=utf-8", "no-cache"),
        "docs/img/ä +&'()%~.png": ("image/png", "no-cache"),
        "docs/a b/c=d;e@f.bin": ("application/octet-stream", "no-cache"),
        "docs/notes/hello/index.html": ("text/html; charset=utf-8", "no-cache"),
        f"{LISTS}{ONE}.json": ("application/json; charset=utf-8", "no-store"),
    }
    assert done.remote is not None
    assert done.remote.external_id == f"{LISTS}{ONE}.json"
    assert done.remote.url == f"{rig.base_url}/{rig.config['bucket']}/docs/notes/hello/index.html"


def test_where_readers_find_it(rig: S3Rig) -> None:
    done = publish(rig, page(path="/ä b"), public_url="https://cdn.example/x/")
    assert done.remote is not None
    assert done.remote.url == "https://cdn.example/x/docs/%C3%A4%20b/index.html"


def test_only_what_differs_is_sent_what_pages_need_first_and_deletes_at_the_end(rig: S3Rig) -> None:
    mine = f".pubsite/{ONE}.json"
    publish(rig, page(assets={"/a.css": b"a", "/b.css": b"b", "/old.png": b"o"}))
    assert writes(rig) == [
        f"PUT {mine}", "PUT a.css", "PUT b.css", "PUT old.png", "PUT notes/hello/index.html", f"PUT {mine}",
    ]  # fmt: skip
    publish(rig, page("Changed", assets={"/a.css": b"a", "/b.css": b"B", "/new.png": b"n"}))
    assert writes(rig) == [
        f"PUT {mine}", "PUT b.css", "PUT new.png", "PUT notes/hello/index.html", "DELETE old.png", f"PUT {mine}",
    ]  # fmt: skip
    unpublish(rig)
    assert writes(rig) == [
        f"PUT {mine}", "DELETE notes/hello/index.html", "DELETE new.png", "DELETE b.css", "DELETE a.css",
        f"DELETE {mine}",
    ]  # fmt: skip
    assert rig.objects == {}


def test_a_page_that_moved_leaves_nothing_behind(rig: S3Rig) -> None:
    publish(rig, page())
    moved = page(path="/elsewhere")
    publish(rig, moved)
    assert files(rig) == own(moved)


def test_the_whole_site(rig: S3Rig) -> None:
    content = page()
    publish(rig, content, scope="bundle")
    assert set(files(rig)) == {"docs/index.html", "docs/css/paper.css", "docs/notes/hello/index.html"}
    publish(rig, content, scope="page")
    assert files(rig) == own(content)


def test_what_two_records_share_stays_as_long_as_one_needs_it(rig: S3Rig) -> None:
    shared = {"/css/paper.css": b"body{}"}
    first, second = page(assets={**shared, "/1.png": b"1"}), page("Two", path="/two", assets=shared)
    publish(rig, first, ONE)
    publish(rig, second, TWO)
    publish(rig, page(assets={}), ONE)
    assert files(rig) == {**own(page(assets={})), **own(second)}
    publish(rig, first, ONE)
    unpublish(rig, ONE)
    assert files(rig) == own(second)
    unpublish(rig, TWO)
    assert rig.objects == {}


def test_another_prefix_moves_everything(rig: S3Rig) -> None:
    content = page()
    done = publish(rig, content)
    assert done.remote is not None
    adapter = connected(rig, prefix="docs/en")
    order = Order(ONE, external_id=done.remote.external_id)
    moved = delivery.publish(adapter, order, adapter.draft(content, "publish"), content).remote
    assert moved is not None
    assert set(rig.objects) == {
        "docs/en/.pubsite/" + ONE + ".json", "docs/en/css/paper.css", "docs/en/notes/hello/index.html",
    }  # fmt: skip


def test_another_cache_control_sends_everything_again(rig: S3Rig) -> None:
    publish(rig, page())
    publish(rig, page(), cache_control="max-age=60")
    assert {found["CacheControl"] for found in rig.objects.values()} == {"max-age=60", "no-store"}


@pytest.mark.parametrize("lose", ["lose_answer", "lose_request"])
@pytest.mark.parametrize("last", ["the new one", "the old one", "a third one"])
def test_cut_off_at_every_step_the_next_delivery_mends_it(started: Store, last: str, lose: str) -> None:
    old = page(assets={"/a.css": b"a", "/b.css": b"b", "/old.png": b"o"})
    new = page("New", assets={"/a.css": b"A", "/b.css": b"b", "/new.png": b"n"})
    wanted = {"the old one": old, "the new one": new, "a third one": page("3", path="/3", assets={"/b.css": b"3"})}[
        last
    ]
    steps = 6
    for step in range(steps):
        rig = S3Rig(started, {"bucket": started.bucket(), "prefix": "docs"})
        publish(rig, old)
        getattr(rig.line, lose)(writes_before=step)
        try:
            publish(rig, new)
        except Unsure:
            assert step < steps - 1 or lose == "lose_request"
        assert not rig.line.forget()
        publish(rig, wanted)
        assert files(rig) == own(wanted)
        assert publish(rig, wanted).done == "unchanged"


@pytest.mark.parametrize("lose", ["lose_answer", "lose_request"])
def test_a_take_down_that_was_cut_off_leaves_nothing_that_seems_whole(started: Store, lose: str) -> None:
    content = page(assets={"/a.css": b"a", "/b.css": b"b"})
    for step in range(5):
        for again in (True, False):
            rig = S3Rig(started, {"bucket": started.bucket(), "prefix": "docs"})
            publish(rig, content)
            getattr(rig.line, lose)(writes_before=step)
            with suppress(DeliveryError):
                unpublish(rig)
            assert not rig.line.forget()
            if again:
                publish(rig, content)
                assert files(rig) == own(content)
            else:
                unpublish(rig)
                assert rig.objects == {}


def test_a_page_that_is_not_live_has_no_files(rig: S3Rig) -> None:
    with pytest.raises(Rejected, match="not live"):
        publish(rig, page(files=None))
    assert rig.objects == {}
    publish(rig, page())
    adapter = connected(rig)
    lost = delivery.unpublish(adapter, Order(ONE), adapter.draft(page(files=None), "publish"))
    assert (lost.done, rig.objects) == ("unpublished", {})


def test_files_where_our_lists_lie_are_refused(rig: S3Rig) -> None:
    with pytest.raises(Rejected, match=r"/\.pubsite/"):
        publish(rig, page(assets={"/.pubsite/x.json": b"{}"}))
    assert rig.line.calls == []


def test_too_many_files(rig: S3Rig) -> None:
    with pytest.raises(Rejected, match="too many files"):
        publish(rig, page(assets={f"/img/{number}.png": b"x" for number in range(6000)}))


def test_what_is_lost_is_named(rig: S3Rig) -> None:
    lost = connected(rig, canonical="none").draft(page(), "publish").losses
    assert {loss.field for loss in lost} == {"aliases", "canonical"}


FIELDS = b'"content_hash": "", "url": "", "cache_control": "", "keys": '


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{%b7}" % FIELDS, b'{%b{"\\ud800": ""}}' % FIELDS, b"[" * 100_000])
def test_a_list_that_others_wrote_is_told(rig: S3Rig, body: bytes) -> None:
    rig.store.client.put_object(Bucket=rig.config["bucket"], Key=f"{LISTS}{ONE}.json", Body=body)
    with pytest.raises(Rejected, match=r"\.json is not a list"):
        publish(rig, page())


def test_no_such_bucket(rig: S3Rig) -> None:
    for go in (lambda: connected(rig, bucket="nothing").test(), lambda: publish(rig, page(), bucket="nothing")):
        with pytest.raises(Rejected, match="no bucket nothing there"):
            go()


def error(code: str, more: str = "") -> bytes:
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>Told &amp; said</Message>{more}</Error>'.encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (403, error("AccessDenied"), Denied, "s3:ListBucket is needed"),
        (403, error("SignatureDoesNotMatch"), Denied, "SignatureDoesNotMatch: Told & said"),
        (503, error("SlowDown"), Limited, "SlowDown"),
        (301, error("PermanentRedirect", "<Region>eu-x</Region>"), Rejected, "region eu-x"),
        (400, error("AuthorizationHeaderMalformed", "<Region>eu-x</Region>"), Rejected, "region eu-x"),
        (500, error("InternalError"), Failing, "500: InternalError"),
        (404, b"<html>Not found", Rejected, "not S3"),
        (200, b'<!DOCTYPE x [<!ENTITY a "aa">]><ListBucketResult>&a;</ListBucketResult>', Failing, "not S3"),
        (200, b"no XML", Failing, "not S3"),
    ],
)
def test_errors_in_plain_words(rig: S3Rig, status: int, body: bytes, kind: type[DeliveryError], text: str) -> None:
    rig.line.answer(status, body)
    with pytest.raises(kind, match=text):
        connected(rig).test()


def test_long_lists_come_in_parts(rig: S3Rig) -> None:
    rig.line.answer(200, b"<L><Contents><Key>a</Key></Contents><IsTruncated>true</IsTruncated>"
                         b"<NextContinuationToken>1+/=</NextContinuationToken></L>")  # fmt: skip
    rig.line.answer(200, b"<L><Contents><Key>b &amp; c</Key></Contents><IsTruncated>false</IsTruncated></L>")
    options = complete(OPTIONS, rig.config)
    bucket = Bucket(Connection(rig.base_url, options, (rig.secret,), Wire(rig.line)))
    assert list(bucket.keys("")) == ["a", "b & c"]
    assert "continuation-token=1%2B%2F%3D&" in rig.line.calls[-1].url


@pytest.mark.parametrize(
    ("base_url", "path_style", "url"),
    [
        ("https://s3.eu-central-1.amazonaws.com", True, "https://s3.eu-central-1.amazonaws.com/maps/a%20b/%C3%A9"),
        ("https://s3.eu-central-1.amazonaws.com/", False, "https://maps.s3.eu-central-1.amazonaws.com/a%20b/%C3%A9"),
        ("https://store.example:9000/s3/", True, "https://store.example:9000/s3/maps/a%20b/%C3%A9"),
    ],
)
def test_addresses(base_url: str, path_style: bool, url: str) -> None:
    options = complete(OPTIONS, {"bucket": "maps", "path_style": path_style})
    assert Bucket(Connection(base_url, options, ("a:b",), Wire(Line()))).url("a b/é") == url
