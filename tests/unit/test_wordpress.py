"""WordPress: what a page becomes there, what is noted and lost, and which words its refusals are told in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pubsite.publishing import delivery
from pubsite.publishing.adapter import Draft
from pubsite.publishing.content import Content
from pubsite.publishing.delivery import Delivered, Order
from pubsite.publishing.outcomes import Denied, Failing, Rejected, Unsure
from pubsite.publishing.wordpress import KIND, WordPress
from pubsite.publishing.wordpress_html import Mark, block, mark_of, prepared, taken_out
from tests.contract.rigs import connected
from tests.contract.wordpress_rig import InMemory, WordPressRig
from tests.doubles.content import Files, page
from tests.doubles.http import serving
from tests.doubles.wordpress import Blog, Refusal

MARKER = "0b6e7a55-1d1c-4a34-8f7e-5a3f1a6f2c01"
PNG = b"\x89PNG not a real one"


@pytest.fixture
def blog() -> Blog:
    return Blog()


@pytest.fixture
def rig(blog: Blog) -> Iterator[WordPressRig]:
    with serving(blog) as origin:
        yield WordPressRig(InMemory(origin, blog))


@pytest.fixture
def send(rig: WordPressRig) -> Callable[..., Delivered]:
    def sent(content: Content | None = None, order: Order | None = None, **config: Any) -> Delivered:
        content, adapter = content or page(), connected(rig, **config)
        return delivery.publish(adapter, order or Order(MARKER), adapter.draft(content, "publish"), content)

    return sent


def draft_of(content: Content, desired: Any = "publish", **config: Any) -> Draft:
    rig = WordPressRig(InMemory("https://blog.example", Blog()))
    return connected(rig, **config).draft(content, desired)


def lost(draft: Draft) -> set[str]:
    return {loss.field for loss in draft.losses}


def only(blog: Blog) -> dict[str, Any]:
    [post] = blog.posts.values()
    return post


def test_a_page_is_named_whole_in_its_draft() -> None:
    draft = draft_of(replace(page("Fish & <chips>"), image=""))
    assert draft.payload == {
        "type": "posts",
        "title": "Fish &amp; &lt;chips&gt;",
        "slug": "hello",
        "status": "publish",
        "excerpt": "What it is about",
        "content": '<p>Text &amp; <em>more</em>, ö <img src="https://us.example/img/a.png"></p>',
        "date_gmt": "2026-11-21T08:30:00",
        "tags": ["maps", "ink"],
        "categories": ["news"],
        "featured_image": None,
    }
    assert lost(draft) == {"canonical_url", "author", "language", "data"}
    assert "WordPress names itself" in next(loss.why for loss in draft.losses if loss.field == "canonical_url")
    assert lost(draft_of(page(image="", author="", language="", data={}), canonical="none")) == set()


def test_pages_have_no_tags() -> None:
    draft = draft_of(page(image=""), post_type="pages")
    assert not {"tags", "categories"} & draft.payload.keys()
    assert "tags" in lost(draft)


def test_terms_are_one_whatever_their_case_and_long_ones_are_lost() -> None:
    content = page(tags=("Ink", "ink", "x" * 201, "\ud800"), categories=("News",))
    draft = draft_of(content, categories=["news", "All"])
    assert draft.payload["tags"] == ["Ink", "\ufffd"]
    assert draft.payload["categories"] == ["News", "All"]
    assert "tags" in lost(draft)


@pytest.mark.parametrize(
    ("image", "path", "body", "is_lost"),
    [
        ("https://us.example/a.png", "/a.png", PNG, False),
        ("https://us.example/a.png", "/a.png", b"", True),
        ("https://us.example/a.svg", "/a.svg", b"<svg/>", True),
        ("https://us.example/b.png", "/b.png", PNG, True),
        ("https://else.example/a.png", "", PNG, True),
    ],
)
def test_images(image: str, path: str, body: bytes, is_lost: bool) -> None:
    content = page(image=image, image_path=path, files=Files({"/a.png": body, "/a.svg": body}, "/a.png"))
    draft = draft_of(content)
    assert ("image" in lost(draft)) == is_lost
    assert ("featured_image" in draft.payload) != is_lost
    assert "featured_image" not in draft_of(content, upload_image=False).payload


def test_another_image_at_the_same_url_is_another_content() -> None:
    first, second = (page(files=Files({"/img/a.png": body}, "/")) for body in (PNG, PNG + b"2"))
    assert draft_of(first).content_hash != draft_of(second).content_hash


def test_the_link_to_the_source() -> None:
    content = page(canonical_url='https://us.example/?a=1&b="')
    body = draft_of(content, source_link=True).payload["content"]
    url = "https://us.example/?a=1&amp;b=&quot;"
    assert body.endswith(f'<p class="pubsite-source">First published at <a href="{url}">{url}</a></p>')


def test_a_page_that_could_not_be_read_back_is_refused() -> None:
    draft_of(page(html="x" * 890_000))
    for html in ("x" * 910_000, "ж" * 160_000, "/" * 460_000):
        with pytest.raises(Rejected, match="too long"):
            draft_of(page(html=html))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>a</p>", "<p>a</p>"),
        ("a<!-- /wp:html -->b<!-->c<!---->d<!-- x --!>e<!-- never closed <p>", "abcde"),
        ('<a title="<!-- no comment -->">x</a>', '<a title="<!-- no comment -->">x</a>'),
        ("[gallery] a[0]", "&#91;gallery] a&#91;0]"),
        ('<a href="/[embed]">', '<a href="/&#91;embed]">'),
        ("<script>a[0] // <!-- x</script>[b]", "<script>a[0] // <!-- x</script>&#91;b]"),
        ("<SCRIPT>a[0]</SCRIPT>", "<SCRIPT>a[0]</SCRIPT>"),
        ("<script>'<!-- /wp:html -->'</script>", "<script>'<!-- /wp :html -->'</script>"),
        ("<p>https://video.example/1</p>", "<p>https&#58;//video.example/1</p>"),
        ("<pre>a\n https://video.example/1 \nb</pre>", "<pre>a\n https&#58;//video.example/1 \nb</pre>"),
        ('<p><a href="https://a.example">at https://a.example</a>', '<p><a href="https://a.example">at https://a.example</a>'),
        ("1 < 2 <3 <a", "1 < 2 <3 <a"),
        ("a\x00\ud800", "a\ufffd\ufffd"),
        ("", ""),
    ],
)  # fmt: skip
def test_html_as_wordpress_leaves_it_alone(source: str, expected: str) -> None:
    assert prepared(source) == expected


@pytest.mark.parametrize("piece", ["<a ", "<!--", '<a "', "<a '", "<script>", "\n", "[", "<a b='\"", "https://\n", " "])
def test_no_html_takes_longer_than_its_length(piece: str) -> None:
    prepared(piece * 100_000)  # the suite's own limit of time tells


def test_the_mark() -> None:
    content = block(Mark(MARKER, "publish", "ab12"), "<p>a</p>")
    assert content.startswith("<!-- wp:html -->\n<!-- pubsite:")
    assert content.endswith("<p>a</p>\n<!-- /wp:html -->")
    assert mark_of(content) == Mark(MARKER, "publish", "ab12")
    assert "--" not in content.split("\n")[1].removeprefix("<!--").removesuffix("-->")
    assert mark_of("<p>a</p>") is None


def test_what_was_taken_out_is_named() -> None:
    assert taken_out("<p>a</p>", "<p>a</p>") == ""
    assert (
        taken_out("<p>a<script>b</script><IFRAME></p>", "<p>a</p>") == "WordPress took out of the HTML: iframe, script"
    )
    assert taken_out("<p class=x>", "<p>") == "WordPress changed the HTML"


def test_what_stands_there_in_the_end(blog: Blog, send: Callable[..., Delivered]) -> None:
    content = page("Fish & chips", files=Files({"/img/a.png": PNG}, "/img/a.png"))
    done = send(content, categories=["All"])
    post = only(blog)
    assert done.remote is not None
    assert done.remote.notes == ()
    assert (post["title"], post["slug"], post["status"]) == ("Fish &amp; chips", "hello", "publish")
    assert [blog.terms["tags"][one] for one in post["tags"]] == ["maps", "ink"]
    assert [blog.terms["categories"][one] for one in post["categories"]] == ["news", "All"]
    assert blog.media[post["featured_media"]]["body"] == PNG
    assert blog.media[post["featured_media"]]["type"] == "image/png"
    assert post["date_gmt"] == "2026-11-21T08:30:00"
    send(replace(content, title="Other"))
    assert len(blog.media) == 1


def test_a_place_is_reserved_without_the_text(blog: Blog, rig: WordPressRig, send: Callable[..., Delivered]) -> None:
    rig.line.lose_request(writes_before=4)  # two tags, a category, the place; then the text
    with pytest.raises(Unsure):
        send()
    post = only(blog)
    assert (post["status"], post["content"]) == ("draft", block(Mark(MARKER, "new"), ""))
    assert send().done == "updated"
    assert only(blog)["slug"] == "hello"


def test_a_reservation_that_comes_late_is_taken_away(
    blog: Blog, rig: WordPressRig, send: Callable[..., Delivered]
) -> None:
    external_id = send().remote.external_id  # type: ignore[union-attr]
    late = {"title": "Hello", "slug": f"pubsite-{MARKER}", "status": "draft", "content": block(Mark(MARKER, "new"), "")}
    blog._write("posts", None, late)
    copied = blog._write("posts", None, {**late, "content": only_content(blog, external_id)})
    send(page("Changed"), Order(MARKER, external_id))
    assert set(blog.posts) == {int(external_id), copied["id"]}  # somebody's copy is not ours to remove


def only_content(blog: Blog, external_id: str) -> str:
    return str(blog.posts[int(external_id)]["content"])


def test_another_post_of_the_same_slug(blog: Blog, send: Callable[..., Delivered]) -> None:
    blog._write("posts", None, {"title": "Theirs", "slug": "hello", "status": "publish"})
    done = send()
    assert done.done == "created"
    assert done.remote is not None
    assert done.remote.notes == ("The slug became hello-2: that of the page is taken, or not possible there",)


def test_it_is_adopted_when_asked_for_and_nobody_elses_record(blog: Blog, send: Callable[..., Delivered]) -> None:
    theirs = blog._write("posts", None, {"title": "Theirs", "slug": "hello", "status": "publish"})
    done = send(order=Order(MARKER, adopt=True))
    assert (done.done, only(blog)["id"]) == ("adopted", theirs["id"])
    assert send(order=Order(MARKER.replace("0", "1"), adopt=True)).done == "created"


def test_an_author_is_told_what_is_taken_out(blog: Blog, send: Callable[..., Delivered]) -> None:
    blog.kses, blog.cannot = (
        lambda text: text.replace("<script>x</script>", ""),
        frozenset({"manage_categories", "upload_files"}),
    )
    content = page(html="<p>a</p><script>x</script>", categories=("News", "uncategorized"))
    done = send(replace(content, files=Files({"/img/a.png": PNG}, "/")))
    assert done.remote is not None
    assert sorted(done.remote.notes) == [
        "The user may not make categories, and there is no 'News': it is left out",
        "WordPress did not take the featured image: The user may not do this there, an Editor or Administrator may: "
        "Sorry, you are not allowed to upload media on this site.",
        "WordPress took out of the HTML: script",
    ]
    assert only(blog)["categories"] == [1]


def test_a_term_and_an_image_that_it_does_not_take_are_notes(blog: Blog, send: Callable[..., Delivered]) -> None:
    done = send(page(tags=("<i>",), files=Files({"/img/a.png": b"no image"}, "/")))
    assert done.remote is not None
    assert any("makes nothing of '<i>'" in note for note in done.remote.notes)
    assert any("featured image" in note and "not allowed to upload" in note for note in done.remote.notes)
    assert only(blog)["status"] == "publish"


def test_a_post_without_categories_is_under_the_default_one(blog: Blog, send: Callable[..., Delivered]) -> None:
    external_id = send(page(categories=())).remote.external_id  # type: ignore[union-attr]
    assert only(blog)["categories"] == [1]
    for categories in (("News",), (), ()):
        send(page(categories=categories), Order(MARKER, external_id, force=True))
        assert (only(blog)["categories"] == [1]) == (categories == ())


def test_a_date_to_come_is_told(blog: Blog, send: Callable[..., Delivered]) -> None:
    done = send(page(date=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)))
    assert done.remote is not None
    assert done.remote.state == "draft"
    assert done.remote.notes == ("WordPress shows it from 2027-01-02 03:04:05 UTC on, the date of the page",)
    assert send(page(date=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))).done == "unchanged"


def test_what_somebody_put_back_to_a_draft_is_sent_again(blog: Blog, send: Callable[..., Delivered]) -> None:
    external_id = send().remote.external_id  # type: ignore[union-attr]
    for status in ("draft", "private", "pending"):
        only(blog)["status"] = status
        assert send(order=Order(MARKER, external_id)).done == "updated"
        assert only(blog)["status"] == "publish"


@pytest.mark.parametrize(
    ("trash", "mode", "status"), [(True, "trash", "trash"), (True, "draft", "draft"), (False, "trash", "draft")]
)
def test_taking_down(
    blog: Blog, rig: WordPressRig, send: Callable[..., Delivered], trash: bool, mode: str, status: str
) -> None:
    blog.trash = trash
    adapter = connected(rig, unpublish=mode)
    remote = send().remote
    assert remote is not None
    for _ in range(2):
        adapter.unpublish(remote)
        assert only(blog)["status"] == status
    assert send().done == "updated"
    assert (only(blog)["status"], only(blog)["slug"]) == ("publish", "hello")
    adapter.unpublish(replace(remote, external_id="999"))


def test_posts_stay_posts_when_the_destination_makes_pages(blog: Blog, send: Callable[..., Delivered]) -> None:
    external_id = send().remote.external_id  # type: ignore[union-attr]
    done = send(order=Order(MARKER, external_id), post_type="pages")
    assert done.remote is not None
    assert (done.done, done.remote.external_id) == ("updated", external_id)
    assert "It is one of the posts there, and stays so" in done.remote.notes


def test_without_rewrite_rules(blog: Blog, rig: WordPressRig, send: Callable[..., Delivered]) -> None:
    blog.pretty = False
    assert send().done == "created"
    assert sum("/wp-json/" in call.url for call in rig.line.calls) == 1


def test_warnings_of_php_before_the_answer(blog: Blog, send: Callable[..., Delivered]) -> None:
    blog.warning = "<br />\n<b>Warning</b>:  Undefined array key [0] {x} in <b>/srv/wp.php</b> on line <b>4</b><br />\n"
    assert send().done == "created"
    assert len(blog.posts) == 1


def test_a_blog_that_takes_comments_out_gets_no_post(blog: Blog, send: Callable[..., Delivered]) -> None:
    blog.kses = lambda text: "" if "pubsite:" in text else text
    with pytest.raises(Rejected) as caught:
        send()
    assert caught.value.code == "marker_lost"
    assert blog.posts == {}


def test_who_we_are(blog: Blog, rig: WordPressRig) -> None:
    host = rig.base_url.removeprefix("http://")
    assert connected(rig).test() == f"WordPress at {host}, as grace (editor)"
    blog.cannot = frozenset({"manage_categories", "unfiltered_html"})
    assert connected(rig).test().partition("; ")[2] == (
        "may not make categories; WordPress takes scripts, frames and the like out of this user's HTML"
    )
    blog.cannot = frozenset({"publish_posts"})
    with pytest.raises(Denied, match="lacks publish_posts"):
        connected(rig).test()


NOT_LOGGED_IN = Refusal(401, "rest_not_logged_in", "You are not currently logged in.")
WRONG_DATE = Refusal(400, "rest_invalid_param", "Invalid parameter(s): date", params={"date": "Invalid date."})
CRITICAL = Refusal(500, "internal_server_error", "There has been a critical error.")
REFUSALS = [
    (NOT_LOGGED_IN, Denied, "does not hand on the Authorization header"),
    (Refusal(401, "rest_cannot_create"), Denied, "password is wrong, or the web server"),
    (Refusal(401, "incorrect_password", "It is invalid."), Denied, "password is wrong: It is invalid."),
    (Refusal(401, "invalid_username"), Denied, "The user name or the application password is wrong"),
    (Refusal(403, "rest_disabled", "<b>Switched</b> off."), Denied, r"closed to us: Switched off. \(rest_disabled\)"),
    (Refusal(401, "rest_login_required", "Only for members"), Denied, "closed to us: Only for members"),
    (Refusal(403, "rest_cannot_publish", "Not allowed."), Denied, "may not do this there.*Not allowed"),
    (Refusal(401, "application_passwords_disabled"), Denied, "switched off"),
    (Refusal(404, "rest_no_route", "No route was found."), Rejected, "keep its REST API back"),
    (WRONG_DATE, Rejected, "date: Invalid date."),
    (CRITICAL, Failing, "answered 500: There has been"),
]


@pytest.mark.parametrize(
    ("refusal", "kind", "words"), REFUSALS, ids=lambda one: getattr(one, "document", {}).get("code")
)
def test_refusals_in_plain_words(
    blog: Blog, rig: WordPressRig, refusal: Refusal, kind: type[Exception], words: str
) -> None:
    blog.closed = refusal
    with pytest.raises(kind, match=words):
        connected(rig).test()
    with pytest.raises(kind, match=words):
        connected(rig).read("2")


def test_a_500_that_will_be_one_again_is_for_a_person(rig: WordPressRig, send: Callable[..., Delivered]) -> None:
    rig.line.answer(
        500, b'{"code":"db_insert_error","message":"Could not insert post into the database."}', to_write=True
    )
    with pytest.raises(Rejected, match="Could not insert post"):
        send(page(tags=(), categories=()))


def test_a_wrong_password_and_application_passwords_switched_off(blog: Blog, rig: WordPressRig) -> None:
    with pytest.raises(Denied, match="or the web server"):
        connected(rig, secret=rig.wrong_secret).test()
    with pytest.raises(Denied, match="or the user may not write there"):
        connected(rig, secret=rig.wrong_secret).find(MARKER, draft_of(page()))
    blog.application_passwords = False
    with pytest.raises(Denied, match="Application passwords are switched off"):
        connected(rig).test()


def test_something_else_than_wordpress(rig: WordPressRig) -> None:
    rig.line.answer(200, b"{}")
    with pytest.raises(Rejected, match="no WordPress"):
        connected(rig).test()
    rig.line.answer(200, b"<!DOCTYPE html>")
    with pytest.raises(Failing, match="is base_url the address of the blog"):
        connected(rig).test()
    rig.line.answer(403, b"<h1>Forbidden</h1>")
    with pytest.raises(Denied, match="firewall"):
        connected(rig).test()


@pytest.mark.parametrize("ending", ["", "/", "/wp-json", "/wp-json/", "/wp-admin/"])
def test_base_urls_that_people_copy(rig: WordPressRig, ending: str) -> None:
    assert connected(rig, base_url=rig.base_url + ending).test()


@pytest.mark.parametrize(
    ("secret", "good"),
    [
        ("grace:abcd efgh ijkl mnop qrst uvwx", True),
        ("grace:abcdefghijklmnopqrstuvwx", True),
        ("Grace Hopper@x.org:ABCD EFGH ijkl mnop 1234 uvwx", True),
        ("grace:hunter2", False),
        ("abcd efgh ijkl mnop qrst uvwx", False),
        (":abcd efgh ijkl mnop qrst uvwx", False),
        ("grace:abcd efgh ijkl mnop qrst uvwx\n", False),
    ],
)
def test_secrets(secret: str, good: bool) -> None:
    assert (KIND.secret_problem(secret) is None) == good


def test_what_it_echoes_of_the_secret_is_taken_out(rig: WordPressRig) -> None:
    authorization = connected(rig).api._authorization.partition(" ")[2]  # type: ignore[attr-defined]
    for echo in (rig.secret, rig.secret.replace(" ", ""), rig.secret.partition(":")[2].replace(" ", ""), authorization):
        rig.line.answer(400, b'{"code": "x", "message": "no %s."}' % echo.encode())
        with pytest.raises(Rejected) as caught:
            connected(rig).test()
        assert caught.value.message == "It answered 400: no …."


def test_the_adapter_shows_no_secret(rig: WordPressRig) -> None:
    adapter = connected(rig)
    assert isinstance(adapter, WordPress)
    assert not {rig.secret, adapter.api._authorization} & {*repr(adapter).split("'")}
