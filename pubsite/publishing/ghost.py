"""Posts of a Ghost, by its Admin API and the key of a custom integration.

Nothing there makes a request harmless to repeat, so a post is made in two steps: a draft that holds nothing but our
mark reserves its place, and an update, which Ghost refuses when it comes late, fills and publishes it. Should a request
arrive that everybody had given up, it leaves such an empty draft, which the next write takes away: never are two posts
public, and never is mail asked for twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.ghost_api import Api
from pubsite.publishing.ghost_draft import IMAGES, OPTIONS, drafted, secret_problem
from pubsite.publishing.ghost_post import OURS, Mark, Post, digest_of, lexical_of
from pubsite.publishing.outcomes import DeliveryError, Failing, Rejected, Unsure
from pubsite.storage.media_types import media_type

SENT_AS_IS = ("title", "status", "custom_excerpt", "canonical_url")


@dataclass(frozen=True, slots=True)
class Ghost:
    """One Ghost. The external id is the post's."""

    connection: Connection
    api: Api = field(init=False)
    _posts: dict[str, Post] = field(default_factory=dict, init=False)  # as they were read last

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", Api(self.connection))

    def draft(self, content: Content, desired: Desired) -> Draft:
        return drafted(content, desired, self.connection.options)

    def test(self) -> str:
        self.api.check_key()
        site, newsletter = self.api.site(), self.connection.options["newsletter"]
        if newsletter and newsletter not in self.api.newsletters():
            raise Rejected(f"There is no active newsletter {newsletter} there", code="no_newsletter")
        return self.connection.wire.redacted(f"Ghost {site['version']}: {site['title']}, {site['url']}")

    def read(self, external_id: str) -> Remote | None:
        post = self._read(external_id)
        return None if post is None else post.remote

    def find(self, marker: str, draft: Draft) -> Remote | None:
        """By the tag that bears our mark: what readers see first, what is only reserved last, and then the oldest.
        There may be several: people copy posts, and a request may have come too late."""
        posts = sorted(self._marked(marker), key=lambda post: (*_rank(post, marker), post.created_at, post.id))
        return posts[0].remote if posts else None

    def find_other(self, draft: Draft) -> Remote | None:
        """Of somebody at Ghost: what another record has put there is nobody's to adopt."""
        post = self.api.post_of_slug(draft.payload["slug"])
        if post is None or post.mark is not None or any(tag.startswith(OURS) for tag in post.tags):
            return None
        return self._kept(post).remote

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        return self._written(self._reserve(marker, draft), marker, draft, content)

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        post = self._posts.get(remote.external_id) or self._read(remote.external_id)
        if post is None:
            raise _gone()
        if post.lexical is None:
            message = "The post was written with Ghost's old editor: open and save it once in Ghost"
            raise Rejected(message, code="old_editor")
        return self._written(post, marker, draft, content)

    def unpublish(self, remote: Remote) -> Remote:
        absent = Remote(remote.external_id, remote.url, "absent")
        if self.connection.options["unpublish"] == "delete":
            self.api.delete(remote.external_id)
            return absent
        post: Post | None = self._posts.get(remote.external_id) or self._read(remote.external_id)
        if post is not None and post.status != "draft":
            post = self.api.edit(post, {"status": "draft"})
        return absent if post is None else self._kept(post).remote

    def _reserve(self, marker: str, draft: Draft) -> Post:
        """Make the draft that holds our mark alone. One whose answer was lost is looked for at once."""
        fields = {
            "title": draft.payload["title"],
            "slug": f"{OURS[1:]}{marker}",
            "status": "draft",
            "lexical": lexical_of(Mark(marker, "new", is_first=draft.turn == "")),
            "tags": [{"name": OURS + marker}],
        }
        try:
            post = self.api.add(fields)
        except Unsure as error:
            return self._reserved(marker, error)
        if post.mark is None:
            self.api.delete(post.id)
            message = "It does not keep what it was sent, and with that the mark by which a post is found again"
            raise Rejected(f"{message}: Ghost 5 or later is needed", code="marker_lost")
        return post

    def _reserved(self, marker: str, error: Unsure) -> Post:
        """What stands reserved there; raises the error again where nothing can be seen yet."""
        try:
            found = [post for post in self._marked(marker) if post.is_reserved(marker)]
        except DeliveryError:
            raise error from None
        if not found:
            raise error
        return min(found, key=lambda post: (post.created_at, post.id))

    def _written(self, post: Post, marker: str, draft: Draft, content: Content) -> Remote:
        """Fill it and give it its status, once nothing else stands there that only reserves a place for it."""
        newsletter = self._newsletter(post, draft)
        notes = self._drop_twins(post, marker)
        image, image_notes = self._image(post, draft, content)
        known = self.api.tags(draft.payload["tags"])
        tags = [{"id": known[n.casefold()]} if n.casefold() in known else {"name": n} for n in draft.payload["tags"]]
        fields = {**_fields(post, marker, draft), "tags": [*tags, *_internal(post, marker)], "feature_image": image}
        edited = self.api.edit(post, fields, newsletter)
        if edited is None:
            raise _gone()
        if "slug" in fields and edited.slug != fields["slug"]:
            image_notes = (*image_notes, f"The slug became {edited.slug}: the page's is taken, or not possible there")
        remote = self._kept(edited).remote
        return replace(remote, notes=(*notes, *image_notes, *remote.notes))

    def _newsletter(self, post: Post, draft: Draft) -> str:
        """The newsletter to mail it to: as a record shows readers something for the first time, and never else.

        Ghost mails what leaves its draft if it is asked to, or if somebody bound the post to a newsletter there. Raises
        Rejected where that might be, and is not what the destination is set to.
        """
        if draft.payload["status"] != "published" or post.is_public:
            return ""
        wanted = str(self.connection.options["newsletter"])
        if post.email_only or (post.newsletter and not post.email) or (post.email and not wanted):
            message = "To publish it may mail it: somebody bound this post to a newsletter in Ghost, or it was mailed"
            raise Rejected(f"{message} before. Publish it in Ghost, where you see who gets it", code="would_mail")
        was_shown = post.published_at is not None or post.email
        return wanted if post.mark is not None and post.mark.is_first and not was_shown else ""

    def _drop_twins(self, kept: Post, marker: str) -> tuple[str, ...]:
        """Take away what a request that came too late has reserved besides; other posts with our mark are told."""
        others = []
        for external_id in self.api.tagged(_tag(marker)):
            post = self.api.post(external_id) if external_id != kept.id else None
            if post is not None and post.is_reserved(marker):
                self.api.delete(post.id)
            elif post is not None:
                others.append(post.url)
        return (f"Copies of it stand there, which are left alone: {', '.join(others[:3])}",) if others else ()

    def _image(self, post: Post, draft: Draft, content: Content) -> tuple[str | None, tuple[str, ...]]:
        """The URL of the featured image: uploaded, unless it is that one already (the name tells the content)."""
        image = draft.payload["feature_image"]
        if not isinstance(image, dict):
            return image, ()
        name, kind = f"pubsite-{image['sha256'][:16]}", media_type(image["path"])
        if PurePosixPath(urlsplit(post.feature_image).path).name.startswith(name):
            return post.feature_image, ()
        body = content.files.read(image["path"]) if content.files is not None else None
        url = self.api.upload(f"{name}.{IMAGES[kind]}", kind, body) if body else None
        return (url, ()) if url else (image["url"], ("Ghost did not take the image: it is only linked to",))

    def _marked(self, marker: str) -> Iterator[Post]:
        posts = (self._read(external_id) for external_id in self.api.tagged(_tag(marker)))
        return (post for post in posts if post is not None)

    def _read(self, external_id: str) -> Post | None:
        post = self.api.post(external_id)
        if post is None:
            self._posts.pop(external_id, None)
            return None
        return self._kept(post)

    def _kept(self, post: Post) -> Post:
        self._posts[post.id] = post
        return post


def _fields(post: Post, marker: str, draft: Draft) -> dict[str, Any]:
    """What is sent besides the image and the tags."""
    payload, old = draft.payload, post.mark
    fields = {name: payload[name] for name in SENT_AS_IS}
    is_published = payload["status"] == "published"
    if is_published and "published_at" in payload:  # a draft without a date is one that nobody has seen
        fields["published_at"] = payload["published_at"]
    slug = digest_of(payload["slug"])
    # Sent again, a slug that became about-2 might become about-3. And Ghost does not check the slug of a draft whose
    # title changes in the same request: it is sent when the draft is published.
    if old is not None and (old.slug == slug or (not is_published and payload["title"] != post.title)):
        slug = old.slug
    else:
        fields["slug"] = payload["slug"]
    is_first = old is not None and old.is_first and not is_published
    mark = Mark(marker, payload["status"], is_first, slug, draft.content_hash)
    return {**fields, "lexical": lexical_of(mark, payload["html"])}


def _internal(post: Post, marker: str) -> list[dict[str, str]]:
    """Our tag, and those internal ones that people gave the post: themes go by them. All others are the page's."""
    theirs = (tag for tag in post.tags if tag.startswith("#") and not tag.startswith(OURS))
    return [{"name": name} for name in (*theirs, OURS + marker)]


def _rank(post: Post, marker: str) -> tuple[bool, bool]:
    return not post.is_public, post.is_reserved(marker)


def _tag(marker: str) -> str:
    """The slug of our internal tag, as Ghost makes it from the name."""
    return f"hash-{OURS[1:]}{marker}"


def _gone() -> Failing:
    return Failing("It was removed there while it was being written", code="gone_meanwhile", http_status=404)


KIND = Kind(
    name="ghost",
    title="Ghost",
    options=OPTIONS,
    secret="Ghost's Admin API key, id:secret in hex, as it shows it under Settings, Integrations",
    can=frozenset({"draft", "update", "unpublish", "find", "adopt", "refresh"}),
    connect=Ghost,
    secret_problem=secret_problem,
)
