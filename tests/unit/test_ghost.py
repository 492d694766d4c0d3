"""What of a page arrives in Ghost, who is mailed (nobody, unless it was asked for), and what is told when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from pubsite.publishing import delivery, ghost
from pubsite.publishing.adapter import Connection, Desired, Draft
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Order, Unsettled
from pubsite.publishing.ghost_api import Api
from pubsite.publishing.ghost_draft import LONGEST_CONTENT
from pubsite.publishing.ghost_post import Mark, lexical_of, mark_of
from pubsite.publishing.options import complete
from pubsite.publishing.outcomes import Denied, Failing, Limited, Rejected, Unsure
from pubsite.publishing.wire import Wire
from tests.doubles.content import page
from tests.doubles.ghost import GhostDouble, ghost_double
from tests.doubles.http import serving
from tests.doubles.line import Line

MARKER = "0b6e7a55-1d1c-4a34-8f7e-5a3f1a6f2c01"
NEWSLETTER = "default-newsletter"
PNG = b"\x89PNG\r\n\x1a\n--boundary\r\n"
LATER = "2026-11-21T08:30:00+00:00"  # of the last success, as the services tell it


class Desk:
    """A Ghost, and the record of one page there, as the services keep it between tries."""

    def __init__(self, double: GhostDouble) -> None:
        self.double, self.line = double, Line()
        self.order = Order(MARKER)
        self.mailed: list[tuple[str, str]] = []

    def adapter(self, **config: Any) -> ghost.Ghost:
        key = self.double.admin_key
        options = complete(ghost.KIND.options, config)
        return ghost.Ghost(Connection(self.double.base_url, options, (key,), Wire(self.line, (key,))))

    def draft(self, content: Content, **config: Any) -> Draft:
        return self.adapter(**config).draft(content, "publish")

    def publish(self, content: Content | None = None, desired: Desired = "publish", **config: Any) -> Delivered:
        adapter, content = self.adapter(**config), content or page()
        done = delivery.publish(adapter, self.order, adapter.draft(content, desired), content)
        assert done.remote is not None
        self.order = replace(self.order, external_id=done.remote.external_id, turn=LATER, may_create=True)
        return done

    def unpublish(self, **config: Any) -> Delivered:
        done = delivery.unpublish(self.adapter(**config), self.order, self.draft(page()))
        self.order = replace(self.order, external_id=done.remote.external_id if done.remote else None)
        return done

    @property
    def post(self) -> dict[str, Any]:
        """The one that stands there."""
        (post,) = self.double.posts.values()
        return post

    @property
    def tags(self) -> list[str]:
        return [tag["name"] for tag in self.post["tags"]]

    def theirs(self, **fields: Any) -> dict[str, Any]:
        """A post that somebody wrote in Ghost."""
        api = Api(self.adapter().connection)
        made = api.add({"title": "Theirs", "lexical": json.dumps(_paragraph("Theirs")), **fields})
        return self.double.posts[made.id]


def _paragraph(text: str) -> dict[str, Any]:
    return {"root": {"children": [{"type": "paragraph", "version": 1, "html": text}], "type": "root", "version": 1}}


@pytest.fixture(scope="module")
def double() -> Iterator[GhostDouble]:
    with ghost_double() as started:
        yield started


@pytest.fixture
def desk(double: GhostDouble) -> Iterator[Desk]:
    """After each test: nobody was mailed, unless the test says who."""
    for memory in (double.posts, double.tags, double.images, double.mailings, double.requests, double.faults):
        memory.clear()  # type: ignore[attr-defined]
    double.clock = lambda: datetime.now(UTC)
    made = Desk(double)
    yield made
    assert double.mailings == made.mailed
    asked = [request for request in double.requests if request.asks_for_mail]
    assert asked == [] or made.mailed
    assert not any("email_only" in post for request in double.requests for post in _posts_of(request.body))


def _posts_of(body: Any) -> list[dict[str, Any]]:
    return body["posts"] if isinstance(body, dict) else []


def expect_mail(desk: Desk) -> None:
    """Of the one post, once."""
    desk.mailed = [(desk.post["id"], NEWSLETTER)]
    assert desk.double.mailings == desk.mailed


# What arrives


def test_all_that_ghost_has_a_place_for_arrives(desk: Desk) -> None:
    done = desk.publish()
    post = desk.post
    mark = mark_of(post["lexical"])
    assert mark is not None
    assert done.remote is not None
    assert post["html"] == f"\n<!--kg-card-begin: html-->\n{mark}\n{page().html}\n<!--kg-card-end: html-->\n"
    assert (mark.marker, mark.status, mark.content_hash) == (MARKER, "published", done.remote.content_hash)
    expected = {
        "title": "Hello",
        "slug": "hello",
        "status": "published",
        "custom_excerpt": "What it is about",
        "canonical_url": "https://us.example/notes/hello/",
        "feature_image": "https://us.example/img/a.png",
        "published_at": "2026-11-21T08:30:00.000Z",
        "visibility": "public",
    }
    assert {name: post[name] for name in expected} == expected
    assert desk.tags == ["news", "maps", "ink", f"#pubsite-{MARKER}"]
    assert (done.remote.url, done.remote.notes) == (f"{desk.double.base_url}/hello/", ())


def test_a_bare_page_clears_what_an_earlier_one_had(desk: Desk) -> None:
    desk.publish()
    url = "https://us.example/"
    desk.publish(Content("p", 1, "/", url, url, "Front page", "<p>"), canonical="none")
    post = desk.post
    assert [post[name] for name in ("custom_excerpt", "canonical_url", "feature_image")] == [None, None, None]
    assert (post["slug"], desk.tags) == ("front-page", [f"#pubsite-{MARKER}"])


def test_what_is_lost_is_told(desk: Desk) -> None:
    fields = [loss.field for loss in desk.draft(page()).losses]
    assert fields == ["author", "language", "data"]
    without = desk.draft(page(), categories_as_tags=False)
    assert "categories" in [loss.field for loss in without.losses]
    assert without.payload["tags"] == ["maps", "ink"]
    bare = page(author="", language="", data={}, categories=())
    assert desk.draft(bare, categories_as_tags=False).losses == ()


def test_limits_shorten_and_are_told(desk: Desk) -> None:
    long = page(
        "😀" * 256,
        excerpt="e" * 301,
        slug="s" * 300,
        tags=("t" * 192, "u" * 191),
        canonical_url="https://us.example/" + "c" * 2000,
        image="https://us.example/" + "i" * 2000,
    )
    losses = {loss.field for loss in desk.draft(long).losses}
    assert losses == {"title", "excerpt", "tags", "canonical_url", "image", "author", "language", "data"}
    desk.publish(long)
    post = desk.post
    assert post["title"] == "😀" * 254 + "…"
    assert post["custom_excerpt"] == "e" * 299 + "…"
    assert post["slug"] == "s" * 185
    assert (post["canonical_url"], post["feature_image"]) == (None, None)
    assert "u" * 191 in desk.tags
    whole = page("t" * 255, excerpt="e" * 300, tags=(), author="", language="", data={})
    assert desk.draft(whole).losses == ()


def test_a_page_that_could_not_be_read_back_is_refused_before_any_call(desk: Desk) -> None:
    desk.draft(page(html="é" * 440_000))
    for html in ("é" * 460_000, '"' * (LONGEST_CONTENT // 4 + 1), "\n" * (LONGEST_CONTENT // 3 + 1)):
        with pytest.raises(Rejected, match="too long") as caught:
            desk.draft(page(html=html))
        assert caught.value.code == "too_large"
    assert desk.line.calls == []


def test_text_that_cannot_be_sent_does_not_stop_the_rest(desk: Desk) -> None:
    odd = page(excerpt="a\x07b", html="<p>\udfff\0x\ny", tags=("\ud800", " #hidden", "# ", "a\tb"))
    odd = replace(odd, title="Ti\ud800\0tle\n two")
    desk.publish(odd)
    post = desk.post
    assert (post["title"], post["custom_excerpt"]) == ("Ti\ufffdtle two", "ab")
    assert "<p>\ufffdx\ny" in post["html"]
    assert desk.tags == ["news", "\ufffd", "hidden", "a b", f"#pubsite-{MARKER}"]


def test_tags_that_ghost_has_are_taken_whatever_their_case(desk: Desk) -> None:
    desk.theirs(tags=["News", "Café Blog", "2026"])
    desk.publish(page(tags=("2026", "maps", "Maps", "café blog")))
    made = next(post for post in desk.double.posts.values() if post["title"] == "Hello")
    assert [tag["name"] for tag in made["tags"][:-1]] == ["News", "2026", "maps", "Café Blog"]
    assert not {"news-2", "cafe-blog-2"} & {tag["slug"] for tag in desk.double.tags}


def test_tags_are_the_pages_but_internal_ones_stay(desk: Desk) -> None:
    desk.publish()
    post = desk.post
    post["tags"] += [{"id": "1", "name": name, "slug": name} for name in ("#wide", "Theirs", "#pubsite-other")]
    desk.publish(page(tags=("new",)))
    assert desk.tags == ["news", "new", "#wide", f"#pubsite-{MARKER}"]


def test_a_slug_that_is_taken_is_told_once_and_stays(desk: Desk) -> None:
    desk.theirs(slug="hello")
    done = desk.publish()
    assert done.remote is not None
    assert done.remote.notes == ("The slug became hello-2: the page's is taken, or not possible there",)
    assert desk.publish(page("Changed")).remote == replace(desk.adapter().read(done.remote.external_id) or done.remote)
    assert desk.double.posts[done.remote.external_id]["slug"] == "hello-2"
    moved = desk.publish(page("Changed", path="/moved")).remote
    assert moved is not None
    assert desk.double.posts[moved.external_id]["slug"] == "moved"


def test_a_draft_keeps_its_slug_while_only_its_title_changes_with_it(desk: Desk) -> None:
    """Ghost writes such a slug without a look at whether it is taken."""
    desk.publish(desired="draft")
    assert (desk.post["status"], desk.post["slug"], desk.post["published_at"]) == ("draft", "hello", None)
    desk.publish(page("Other", path="/other"), desired="draft")
    assert desk.post["slug"] == "hello"
    desk.publish(page("Other", path="/other"))
    assert (desk.post["slug"], desk.post["published_at"]) == ("other", "2026-11-21T08:30:00.000Z")


def test_an_image_is_uploaded_once(desk: Desk) -> None:
    content = page(assets={"/img/a.png": PNG})
    desk.publish(content, upload_image=True)
    assert list(desk.double.images.values()) == [PNG]
    assert desk.post["feature_image"].startswith(f"{desk.double.base_url}/content/images/")
    assert "/pubsite-" in desk.post["feature_image"]
    desk.publish(page("New", assets={"/img/a.png": PNG}), upload_image=True)
    assert len(desk.double.images) == 1
    desk.publish(page(assets={"/img/a.png": PNG + b"2"}), upload_image=True)
    assert len(desk.double.images) == 2


@pytest.mark.parametrize("status", [413, 415, 422])
def test_an_image_that_ghost_does_not_take_is_linked(desk: Desk, status: int) -> None:
    desk.line.answer(status, to_write=True, calls_before=1)
    done = desk.publish(page(assets={"/img/a.png": PNG}), upload_image=True)
    assert done.remote is not None
    assert done.remote.notes == ("Ghost did not take the image: it is only linked to",)
    assert desk.post["feature_image"] == page().image


def test_an_image_that_is_no_file_of_the_site_is_linked(desk: Desk) -> None:
    for content in (page(), page(image_path=""), page(image_path="/a.bmp", assets={"/a.bmp": b"BM"})):
        draft = desk.draft(content, upload_image=True)
        assert draft.payload["feature_image"] == page().image
        assert "image" in [loss.field for loss in draft.losses]
    assert desk.draft(page(image=""), upload_image=True).payload["feature_image"] is None


# Signing in


def test_the_token_is_one_that_ghost_takes(desk: Desk) -> None:
    assert desk.adapter().test() == f"Ghost 5.130: Ghost, {desk.double.base_url}/"
    headers = desk.line.calls[0].headers
    token = headers["Authorization"].removeprefix("Ghost ")
    key, _, secret = desk.double.admin_key.partition(":")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": key}
    claims = jwt.decode(token, bytes.fromhex(secret), algorithms=["HS256"], audience="/admin/")
    assert claims["exp"] - claims["iat"] == 300
    assert headers["Accept-Version"] == "v5.0"


def test_clocks_that_differ_are_told(desk: Desk) -> None:
    desk.double.clock = lambda: datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(Denied, match="clocks of the two servers differ"):
        desk.adapter().test()


@pytest.mark.parametrize(
    ("secret", "text"),
    [(f"{'0' * 24}:{'0' * 64}", "was the integration removed"), (None, "what stands after the colon")],
)
def test_a_key_that_is_wrong_is_told(desk: Desk, secret: str | None, text: str) -> None:
    key = secret or f"{desk.double.admin_key.partition(':')[0]}:{'0' * 64}"
    options = complete(ghost.KIND.options, {})
    adapter = ghost.Ghost(Connection(desk.double.base_url, options, (key,), Wire(desk.line, (key,))))
    with pytest.raises(Denied, match=text):
        adapter.test()


def test_a_proxy_that_takes_the_header_away_is_told(desk: Desk) -> None:
    def stripped(method: str, url: str, headers: Any, body: bytes) -> Any:
        return Line()(method, url, {k: v for k, v in headers.items() if k != "Authorization"}, body)

    desk.line.send = stripped
    with pytest.raises(Denied, match="proxy in front of Ghost"):
        desk.adapter().test()


def test_the_address_of_the_admin_will_do_and_redirects_tell_it(desk: Desk) -> None:
    connection = replace(desk.adapter().connection, base_url=f"{desk.double.base_url}/ghost/")
    assert ghost.Ghost(connection).test()
    desk.line.answer(301, location="https://admin.example/ghost/api/admin/posts/?limit=1")
    with pytest.raises(Rejected, match=r"redirects to https://admin\.example: give that"):
        desk.adapter().test()


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b'{"posts": 1}'), (404, b"nothing"), (406, b"")])
def test_no_ghost_is_told_and_nothing_counts_as_removed(desk: Desk, status: int, body: bytes) -> None:
    done = desk.publish()
    with serving(lambda asked: (status, {}, body)) as origin:
        adapter = ghost.Ghost(replace(desk.adapter().connection, base_url=origin))
        with pytest.raises(Failing, match="No Ghost answers there"):
            adapter.test()
        assert done.remote is not None
        with pytest.raises(Failing):
            adapter.read(done.remote.external_id)


def test_a_page_that_a_proxy_finds_too_large(desk: Desk) -> None:
    desk.line.answer(413, to_write=True)
    with pytest.raises(Rejected, match="larger than Ghost, or a proxy"):
        desk.publish()


# Mail


def test_nobody_is_mailed_by_anything_that_a_record_does(desk: Desk) -> None:
    desk.publish(desired="draft")
    desk.publish()
    desk.publish(page("Changed"))
    desk.unpublish()
    desk.publish()
    desk.publish(desired="draft")
    desk.unpublish(unpublish="delete")
    desk.publish()
    assert desk.double.mailings == []
    assert not any(request.asks_for_mail for request in desk.double.requests)


def test_the_newsletter_that_was_asked_for_goes_out_once(desk: Desk) -> None:
    desk.publish(newsletter=NEWSLETTER)
    desk.publish(page("Changed"), newsletter=NEWSLETTER)
    desk.unpublish()
    assert desk.post["status"] == "draft"
    desk.publish(page("Again"), newsletter=NEWSLETTER)
    assert desk.post["status"] == "published"
    expect_mail(desk)


def test_a_draft_is_mailed_when_it_is_published(desk: Desk) -> None:
    desk.publish(desired="draft", newsletter=NEWSLETTER)
    assert desk.double.mailings == []
    desk.publish(newsletter=NEWSLETTER)
    expect_mail(desk)


def test_who_was_mailed_by_a_lost_answer_is_not_mailed_again(desk: Desk) -> None:
    desk.line.lose_answer(writes_before=1)
    assert desk.publish(newsletter=NEWSLETTER).done == "created"
    expect_mail(desk)


def test_a_request_that_was_lost_mails_when_it_is_made_again(desk: Desk) -> None:
    desk.line.lose_request(writes_before=1)
    with pytest.raises(Unsure):
        desk.publish(newsletter=NEWSLETTER)
    assert desk.double.mailings == []
    assert desk.publish(newsletter=NEWSLETTER).done == "updated"
    expect_mail(desk)


@pytest.mark.parametrize("again", ["taken down", "deleted", "removed there"])
def test_what_readers_have_seen_is_never_mailed(desk: Desk, again: str) -> None:
    desk.publish()
    if again == "removed there":
        desk.double.posts.clear()
        desk.order = replace(desk.order, force=True)
    else:
        desk.unpublish(unpublish="draft" if again == "taken down" else "delete")
    desk.publish(newsletter=NEWSLETTER)
    assert desk.post["status"] == "published"


def test_an_adopted_post_is_never_mailed(desk: Desk) -> None:
    desk.theirs(slug="hello")
    desk.order = replace(desk.order, adopt=True)
    assert desk.publish(newsletter=NEWSLETTER).done == "adopted"
    assert desk.post["status"] == "published"


@pytest.mark.parametrize("config", [{}, {"newsletter": NEWSLETTER}])
@pytest.mark.parametrize(
    "bound", [{"newsletter": {"slug": "x"}}, {"email_only": True}, {"status": "scheduled", "newsletter": {"slug": "x"}}]
)
def test_what_somebody_bound_to_a_newsletter_is_not_published(
    desk: Desk, bound: dict[str, Any], config: dict[str, Any]
) -> None:
    desk.publish(desired="draft")
    desk.post.update(bound)
    with pytest.raises(Rejected, match="may mail it") as caught:
        desk.publish(**config)
    assert caught.value.code == "would_mail"
    assert desk.post["status"] != "published"


def test_what_was_mailed_is_not_published_again_where_mail_is_off(desk: Desk) -> None:
    desk.publish(newsletter=NEWSLETTER)
    assert desk.publish(page("Changed")).done == "updated"  # it is public: that mails nobody
    desk.unpublish()
    with pytest.raises(Rejected, match="may mail it"):
        desk.publish()
    expect_mail(desk)


def test_a_newsletter_that_there_is_not(desk: Desk) -> None:
    assert desk.adapter(newsletter=NEWSLETTER).test()
    with pytest.raises(Rejected, match="no active newsletter weekly") as caught:
        desk.adapter(newsletter="weekly").test()
    assert caught.value.code == "no_newsletter"
    with pytest.raises(Rejected, match="names no active newsletter"):
        desk.publish(newsletter="weekly")
    assert desk.double.mailings == []
    desk.double.requests.clear()  # it was asked for, and refused


# Several, and at the same moment


def test_an_edit_at_the_same_moment_is_not_overwritten(desk: Desk) -> None:
    done = desk.publish()
    adapter, content = desk.adapter(), page("New")
    assert done.remote is not None
    found = adapter.read(done.remote.external_id)
    assert found is not None
    desk.post.update(title="Theirs", updated_at="2999-01-01T00:00:00.000Z")
    with pytest.raises(Failing) as caught:
        adapter.update(found, MARKER, adapter.draft(content, "publish"), content)
    assert caught.value.code == "changed_there"
    with pytest.raises(Failing):
        adapter.unpublish(found)
    assert (desk.post["title"], desk.post["status"]) == ("Theirs", "published")
    assert desk.publish(content).done == "updated"


def test_a_reservation_that_came_too_late_is_taken_away(desk: Desk) -> None:
    desk.publish()
    twin = {**desk.post, "id": "f" * 24, "status": "draft", "published_at": None}
    twin["lexical"] = lexical_of(Mark(MARKER, "new", is_first=True))
    desk.double.posts["f" * 24] = twin
    desk.order = Order(MARKER)
    assert desk.publish().done == "unchanged"  # what readers see comes first
    assert desk.publish(page("Changed")).done == "updated"
    assert desk.post["title"] == "Changed"


def test_copies_that_people_made_are_left_alone_and_told(desk: Desk) -> None:
    first = desk.publish().remote
    assert first is not None
    copy = {**desk.post, "id": "0" * 24, "created_at": "2999-01-01T00:00:00.000Z", "url": "http://ghost.example/copy/"}
    desk.double.posts[copy["id"]] = copy
    for external_id in (first.external_id, None):
        desk.order = Order(MARKER, external_id=external_id, force=True)
        done = desk.publish(page(f"Changed {external_id}"))
        assert done.remote is not None
        assert done.remote.external_id == first.external_id
        assert done.remote.notes == ("Copies of it stand there, which are left alone: http://ghost.example/copy/",)
    assert copy["title"] == "Hello"


def test_a_mark_that_somebody_wrote_into_is_no_reservation(desk: Desk) -> None:
    reserved = desk.adapter()._reserve(MARKER, desk.draft(page()))
    assert reserved.is_reserved(MARKER)
    document = json.loads(reserved.lexical or "")
    document["root"]["children"].append({"type": "paragraph", "version": 1, "html": "more"})
    assert not replace(reserved, lexical=json.dumps(document)).is_reserved(MARKER)
    assert not replace(reserved, status="published").is_reserved(MARKER)
    assert not reserved.is_reserved("other")


@pytest.mark.parametrize("lexical", ["", "{", "[]", '{"root": []}', '{"root": {"children": [1, {"type": "html"}]}}'])
def test_a_document_without_a_mark(lexical: str) -> None:
    assert mark_of(lexical) is None


def test_a_mark_is_found_after_what_people_put_before_it() -> None:
    mark = Mark(MARKER, "draft", True, "0" * 16, "1" * 64)
    document = json.loads(lexical_of(mark, "<p>"))
    document["root"]["children"].insert(0, {"type": "html", "html": "<p>before"})
    assert mark_of(json.dumps(document)) == mark


def test_what_is_adopted_is_nobody_elses(desk: Desk) -> None:
    desk.publish()
    desk.order = Order("11111111-1111-4111-8111-111111111111", adopt=True)
    other = desk.publish()
    assert other.done == "created"
    assert len(desk.double.posts) == 2


def test_a_post_of_the_old_editor_is_not_adopted(desk: Desk) -> None:
    desk.theirs(slug="hello")["lexical"] = None
    desk.order = replace(desk.order, adopt=True)
    with pytest.raises(Rejected, match="old editor"):
        desk.publish()


# Taken down


def test_a_page_that_is_taken_down_stays_as_a_draft(desk: Desk) -> None:
    first = desk.publish().remote
    done = desk.unpublish()
    assert (done.done, desk.post["status"]) == ("unpublished", "draft")
    assert done.remote is not None
    assert done.remote.state == "draft"
    written = len(desk.line.writes)
    desk.unpublish()
    assert len(desk.line.writes) == written
    again = desk.publish()
    assert again.done == "updated"
    assert again.remote == first


def test_a_page_that_is_deleted_is_gone(desk: Desk) -> None:
    desk.publish()
    assert desk.unpublish(unpublish="delete").remote is None
    assert desk.double.posts == {}
    assert desk.publish().done == "created"


def test_what_was_scheduled_there_is_told(desk: Desk) -> None:
    done = desk.publish()
    desk.post.update(status="scheduled", published_at="2999-01-01T00:00:00.000Z")
    assert done.remote is not None
    found = desk.adapter().read(done.remote.external_id)
    assert found is not None
    assert (found.state, found.notes) == ("draft", ("Somebody scheduled it there for 2999-01-01T00:00:00.000Z",))
    desk.unpublish()
    assert desk.post["status"] == "draft"


# Faults of the server


def insist(desk: Desk) -> Delivered:
    """As the worker does: again after every failure that may pass."""
    for _ in range(3):
        try:
            return desk.publish(newsletter=NEWSLETTER)
        except Unsure:
            desk.order = replace(desk.order, may_create=False)
        except (Failing, Limited, Unsettled):
            desk.order = replace(desk.order, may_create=True)  # the time within which it may arrive has passed
    return desk.publish(newsletter=NEWSLETTER)


@pytest.mark.parametrize("fault", ["lose", 500, 502, 503, 504])
@pytest.mark.parametrize("calls_before", range(7))
def test_a_fault_at_any_call_leaves_one_post(desk: Desk, calls_before: int, fault: str | int) -> None:
    double, send = desk.double, desk.line.send

    def faulty(method: str, url: str, headers: Any, body: bytes) -> Any:
        if len(desk.line.calls) == calls_before + 1:
            double.faults.append(fault)
        return send(method, url, headers, body)

    desk.line.send = faulty
    done = insist(desk)
    assert done.remote is not None
    assert (desk.post["status"], desk.post["title"]) == ("published", "Hello")
    assert not double.faults
    expect_mail(desk)


def test_a_ghost_that_does_not_keep_the_mark(desk: Desk) -> None:
    post = {"id": "a" * 24, "status": "draft", "updated_at": "x", "url": "http://ghost.example/p/x/"}
    desk.line.answer(201, json.dumps({"posts": [post]}).encode(), to_write=True)
    with pytest.raises(Rejected, match="Ghost 5 or later") as caught:
        desk.publish()
    assert caught.value.code == "marker_lost"
    assert desk.line.calls[-1].method == "DELETE"
