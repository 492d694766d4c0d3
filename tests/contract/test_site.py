"""A page on another pubsite server: what it holds there, that it goes live, and what is told when it cannot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from pubsite.publishing import delivery
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Order
from pubsite.publishing.outcomes import DeliveryError, Denied, Failing, Rejected, Unsure
from tests.contract.rigs import Rig, SiteRig, connected, site_end
from tests.doubles.content import page
from tests.doubles.http import serving

MARKER = "0b6e7a55-1d1c-4a34-8f7e-5a3f1a6f2c01"
LIVE_WITHIN = 20.0


@pytest.fixture(scope="module")
def new_rig() -> Iterator[Callable[[], Rig]]:
    with site_end() as new_rig:
        yield new_rig


@pytest.fixture
def rig(new_rig: Callable[[], SiteRig]) -> SiteRig:
    return new_rig()


def publish(rig: SiteRig, content: Content | None = None, order: Order | None = None, **config: Any) -> Delivered:
    adapter, content = connected(rig, **config), content or page()
    return delivery.publish(adapter, order or Order(MARKER), adapter.draft(content, "publish"), content)


def sent(done: Delivered) -> Order:
    assert done.remote is not None
    return Order(MARKER, external_id=done.remote.external_id)


def stands(rig: SiteRig, done: Delivered) -> dict[str, Any]:
    assert done.remote is not None
    found = rig.page(done.remote.external_id)
    assert found is not None
    return found


def live(rig: SiteRig, path: str, status: int) -> str:
    """The body of a live path, once it answers so."""
    end = time.monotonic() + LIVE_WITHIN
    while (answer := rig.tenant.visitor(rig.site).get(path, status="*")).status_code != status:
        assert time.monotonic() < end, f"{path} is {answer.status_code}"
        time.sleep(0.05)
    return str(answer.text)


def test_the_page_holds_all_that_ours_does(rig: SiteRig) -> None:
    done = publish(rig)
    found = stands(rig, done)
    assert found["path"] == "/from-us/notes/hello"
    assert found["config"] == {
        "format": "html",
        "title": "Hello",
        "content": page().html,
        "description": "What it is about",
        "author": "Grace",
        "image": "https://us.example/img/a.png",
        "language": "en",
        "tags": ["maps", "ink"],
        "categories": ["news"],
        "date": "2026-11-21T08:30:00Z",
        "data": {"price": 3},
        "canonical_url": "https://us.example/notes/hello/",
        "pubsite_record": MARKER,
        "pubsite_hash": done.remote.content_hash if done.remote else None,
    }
    bare = Content("p", 1, "/bare", "https://us.example/bare/", "https://us.example/bare/", "Bare", "<p>")
    assert stands(rig, publish(rig, bare, Order("other"), canonical="none"))["config"].keys() == {
        "format", "title", "content", "pubsite_record", "pubsite_hash",
    }  # fmt: skip


def test_it_goes_live_and_off_the_air(rig: SiteRig) -> None:
    done = publish(rig)
    assert done.remote is not None
    assert done.remote.url.endswith("/from-us/notes/hello/")
    assert rig.site["host_label"] in done.remote.url
    assert "<em>more</em>" in live(rig, "/from-us/notes/hello/", 200)
    delivery.unpublish(connected(rig), sent(done))
    live(rig, "/from-us/notes/hello/", 404)


def test_the_front_page_and_other_paths(rig: SiteRig) -> None:
    for index, (path, prefix, there) in enumerate(
        [("/", "/from-us", "/from-us"), ("/", "", "/"), ("/a/b", "/x/", "/x/a/b"), ("/ä.html", "", "/ä.html")]
    ):
        done = publish(rig, page(path=path), Order(f"m{index}"), path_prefix=prefix, deploy=False)
        assert stands(rig, done)["path"] == there
        assert done.remote is not None
        slash = "" if there == "/" or there.endswith(".html") else "/"
        assert urlsplit(done.remote.url).path == quote(there) + slash


def test_without_deploy_it_is_only_saved(rig: SiteRig) -> None:
    done = publish(rig, deploy=False)
    assert publish(rig, order=sent(done), deploy=False).done == "unchanged"
    assert not any("deployments" in call.url for call in rig.line.calls)


def test_saved_by_who_then_died_it_is_deployed_by_the_next(rig: SiteRig) -> None:
    done = publish(rig, deploy=False)
    assert publish(rig, order=sent(done)).done == "updated"
    assert stands(rig, done)["revision"] == 1
    live(rig, "/from-us/notes/hello/", 200)
    assert publish(rig, order=sent(done)).done == "unchanged"


def test_a_path_that_is_taken(rig: SiteRig) -> None:
    theirs = rig.tenant.page("blog", "/from-us/notes/hello", "<p>Theirs")
    with pytest.raises(Rejected, match="a page at /from-us/notes/hello") as caught:
        publish(rig)
    assert caught.value.code == "slug_taken"
    done = publish(rig, order=Order(MARKER, adopt=True))
    assert done.done == "adopted"
    assert stands(rig, done)["id"] == theirs["id"]
    assert stands(rig, done)["config"]["title"] == "Hello"


def test_a_page_that_moves_moves_there_too(rig: SiteRig) -> None:
    done = publish(rig)
    assert stands(rig, publish(rig, page(path="/moved"), sent(done)))["path"] == "/from-us/moved"
    assert rig.count() == 1


def test_a_change_at_the_same_moment_is_not_overwritten(rig: SiteRig) -> None:
    done = publish(rig)
    adapter = connected(rig)
    assert done.remote is not None
    found = adapter.read(done.remote.external_id)
    assert found is not None
    theirs = {**stands(rig, done)["config"], "title": "Theirs"}
    rig.tenant.client.patch(f"/api/sites/pages/{found.external_id}", {"config": theirs}, status=200)
    with pytest.raises(Failing) as caught:
        adapter.update(found, MARKER, adapter.draft(page("New"), "publish"), page("New"))
    assert caught.value.code == "changed_there"
    assert stands(rig, done)["config"]["title"] == "Theirs"


def test_removed_and_made_again_within_a_day(rig: SiteRig) -> None:
    """The other server remembers the answer to the first time under the same key."""
    first = publish(rig)
    delivery.unpublish(connected(rig), sent(first))
    again = publish(rig)
    assert again.done == "created"
    assert stands(rig, again)["id"] != stands_id(first)


def stands_id(done: Delivered) -> str:
    assert done.remote is not None
    return done.remote.external_id


def test_a_held_site_is_told(rig: SiteRig) -> None:
    publish(rig)
    live(rig, "/from-us/notes/hello/", 200)
    rig.tenant.client.post(f"/api/v1/publisher/sites/{rig.site['id']}/hold/", status=200)
    with pytest.raises(Rejected, match=r"saved there.*is held") as caught:
        publish(rig, page("New"))
    assert caught.value.code == "not_deployed"


def test_a_failed_deploy_does_not_count(rig: SiteRig) -> None:
    done = publish(rig)
    live(rig, "/from-us/notes/hello/", 200)
    rig.line.answer(
        200, b'{"results": [{"created_at": "2999-01-01T00:00:00.000Z", "status": "failed"}]}', calls_before=2
    )
    assert publish(rig, order=sent(done)).done == "updated"


@pytest.mark.parametrize(
    ("config", "scopes", "kind", "text"),
    [
        ({"site": "nothing"}, ("read", "write", "deploy"), Rejected, "no site nothing there"),
        ({"publisher": "nobody"}, ("read", "write", "deploy"), Rejected, "404"),
        ({}, ("read", "write"), Denied, "lacks the scope deploy"),
        ({"deploy": False}, ("read",), Denied, "lacks the scope write"),
        ({"site": "files"}, ("read", "write", "deploy"), Rejected, "files is SelfManaged"),
    ],
)
def test_a_test_finds_what_is_wrong(
    rig: SiteRig, config: dict[str, Any], scopes: tuple[str, ...], kind: type[DeliveryError], text: str
) -> None:
    rig.tenant.site("files", "SelfManaged")
    with pytest.raises(kind, match=text):
        connected(rig, secret=rig.token(*scopes), **config).test()
    assert "for http" in connected(rig, secret=rig.token("read", "write"), deploy=False).test()


def test_a_token_for_the_one_site_will_do(rig: SiteRig) -> None:
    asked = {"name": "t", "scopes": ["read", "write", "deploy"], "site_id": rig.site["id"]}
    rig.secret = rig.tenant.client.post("/api/tokens", asked, status=200).json["token"]
    assert connected(rig).test()
    done = publish(rig)
    assert publish(rig, order=sent(done)).done == "unchanged"
    delivery.unpublish(connected(rig), sent(done))
    assert rig.count() == 0


def test_a_scope_that_is_missing_is_told_when_it_is_needed(rig: SiteRig) -> None:
    rig.secret = rig.token("read", "write")
    with pytest.raises(Denied, match="saved there; to deploy"):
        publish(rig)


@pytest.mark.parametrize("path", ["", "/a"])
def test_no_pubsite_is_told_in_plain_words(rig: SiteRig, path: str) -> None:
    for status, body in ((200, b"<html>"), (200, b'{"name": "other"}'), (404, b"nothing"), (403, b"")):
        with serving(lambda asked, s=status, b=body: (s, {}, b)) as origin:  # type: ignore[misc]
            with pytest.raises((Rejected, Denied)) as caught:
                connected(rig, base_url=origin + path).test()
            assert status == 403 or "No pubsite answers there" in caught.value.message


def test_a_page_that_is_too_long(rig: SiteRig) -> None:
    with pytest.raises(Rejected, match="over 1000000 bytes"):
        publish(rig, page(html="ä" * 600_000))
    assert rig.line.calls == []


def test_what_it_refuses_is_named(rig: SiteRig) -> None:
    with pytest.raises(Rejected, match=r"config\.language must"):
        publish(rig, replace(page(), language="!"))


def test_a_deploy_without_an_answer_is_looked_for(rig: SiteRig) -> None:
    rig.line.lose_answer(writes_before=1)
    assert publish(rig).done == "created"
    rig.line.lose_request(writes_before=1)
    with pytest.raises(Unsure):
        publish(rig, page("New"))
