"""Posts and pages of a WordPress, by its REST API and an application password.

Nothing there makes a request harmless to repeat, so a post is made in two steps: a draft that holds nothing but our
mark reserves its place, and an update fills and publishes it. Should a request arrive that everybody had given up, it
leaves such an empty draft, which the next write takes away: never are two posts public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Remote
from pubsite.publishing.content import Content
from pubsite.publishing.outcomes import Denied, Failing, Rejected, Unsure
from pubsite.publishing.wordpress_api import Api
from pubsite.publishing.wordpress_draft import OPTIONS, drafted, secret_problem
from pubsite.publishing.wordpress_html import NEW, Mark, block
from pubsite.publishing.wordpress_identity import identity
from pubsite.publishing.wordpress_library import Library
from pubsite.publishing.wordpress_post import FIELDS, Post, differences

GONE = "rest_post_invalid_id"
# Drafts that a request may have left that came too late; more than so many there cannot be.
MOST_FOUND = "20"


@dataclass(frozen=True, slots=True)
class WordPress:
    """One WordPress. The external id is the post's."""

    connection: Connection
    api: Api = field(init=False)
    _kinds: dict[str, str] = field(default_factory=dict, init=False)  # of external ids, as they were read

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", Api(self.connection))

    @property
    def kind(self) -> str:
        """`posts` or `pages`: what is made."""
        return str(self.connection.options["post_type"])

    def draft(self, content: Content, desired: Desired) -> Draft:
        return drafted(content, desired, self.connection.options)

    def test(self) -> str:
        return identity(self.api, self.connection.base_url, self.kind)

    def read(self, external_id: str) -> Remote | None:
        post = self._post(external_id)
        return None if post is None else post.remote

    def find(self, marker: str, draft: Draft) -> Remote | None:
        """By the mark in its text; then by the slug of a place that is only reserved, lest a search engine of the
        site's own that knows no drafts answers. What readers see comes first, what lies in the trash last."""
        found = self._searched(marker) or self._reserved(marker, "any,trash")
        order = ("present", "draft", "absent")
        found = sorted(found, key=lambda post: (order.index(post.remote.state), post.id))
        return found[0].remote if found else None

    def find_other(self, draft: Draft) -> Remote | None:
        """Of somebody at WordPress: what another record has put there is nobody's to adopt."""
        if not draft.payload["slug"]:
            return None
        try:
            posts = [self._post(one) for one in self._ids(slug=draft.payload["slug"], status="any")]
        except Denied as error:  # a refusal to adopt one post is none to publish others
            raise Rejected(f"It cannot be adopted. {error.message}", http_status=error.http_status) from error
        return next((post.remote for post in posts if post is not None and post.mark is None), None)

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        fields, notes = self._fields(draft, content)
        if not fields.get("categories"):  # the reserved post is under the default one already
            fields.pop("categories", None)
        return self._written(self._reserve(marker, draft), marker, draft, fields, notes)

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        fields, notes = self._fields(draft, content)
        return self._written(remote.external_id, marker, draft, fields, notes)

    def unpublish(self, remote: Remote) -> Remote:
        route = self._route(remote.external_id)
        if self.connection.options["unpublish"] == "trash":
            no_trash = "rest_trash_not_supported"
            answer = self.api.delete(route, take=(GONE, "rest_already_trashed", no_trash), _fields="id")
            if answer.code != no_trash:
                return Remote(remote.external_id, remote.url, "absent")
        answer = self.api.post(route, {"status": "draft"}, take=(GONE,), _fields="id")
        return Remote(remote.external_id, remote.url, "absent" if answer.code else "draft")

    def _reserve(self, marker: str, draft: Draft) -> str:
        """Make the draft that holds our mark alone; its id. One whose answer was lost is looked for at once."""
        content = block(Mark(marker, NEW), "")
        document = {
            "title": draft.payload["title"],
            "slug": _reserved_slug(marker),
            "status": "draft",
            "content": content,
        }
        try:
            answer = self.api.post(f"/wp/v2/{self.kind}", document, _fields=FIELDS)
        except Unsure:
            found = self._reserved(marker, "draft")
            if not found:
                raise
            return str(found[0].id)
        post = Post.of(self.kind, answer.data)
        if post is None:
            raise Unsure("It made something, and does not say what", code="not_json", http_status=answer.status)
        if post.mark is None:
            self.api.delete(self._route(str(post.id)), take=(GONE,), force="true", _fields="id")
            message = "It takes comments out of what is sent, and with them the mark by which a post is found again"
            raise Rejected(message, code="marker_lost")
        return str(post.id)

    def _written(
        self, external_id: str, marker: str, draft: Draft, fields: Mapping[str, Any], notes: tuple[str, ...]
    ) -> Remote:
        """Fill and publish it, once nothing else stands there that only reserves a place for the same record."""
        self._drop_twins(marker, external_id)
        mark = Mark(marker, draft.payload["status"], draft.content_hash)
        document = {**fields, "content": block(mark, draft.payload["content"])}
        answer = self.api.post(self._route(external_id), document, take=(GONE,), _fields=FIELDS)
        post = Post.of(self._kinds.get(external_id, self.kind), answer.data)
        if answer.code == GONE:
            raise Failing("It was removed there while it was being written", code="remote_gone")
        if post is None:
            raise Unsure("It answers without saying what stands there now", code="not_json", http_status=answer.status)
        if fields.get("categories") == [] and not post.categories:
            # It takes the last one away, and gives the default one to a post that is changed without naming any.
            self.api.post(self._route(external_id), {"status": post.status}, take=(GONE,), _fields="id")
        remote = post.remote
        other = () if post.kind == self.kind else (f"It is one of the {post.kind} there, and stays so",)
        notes = (*notes, *other, *differences(document, post), *remote.notes)
        return Remote(remote.external_id, remote.url, remote.state, remote.content_hash, notes)

    def _fields(self, draft: Draft, content: Content) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What is sent besides the content, with names turned into ids; and what could not be turned."""
        payload, library = draft.payload, Library(self.api)
        # An empty slug is sent too: WordPress makes one of the title, instead of keeping that of the reserved place.
        names = ("title", "slug", "status", "excerpt", "date_gmt")
        fields = {name: payload[name] for name in names if name in payload}
        for name in ("tags", "categories"):
            if name in payload:
                fields[name] = library.terms(name, payload[name])
        if "featured_image" in payload:
            fields["featured_media"] = library.image(payload["featured_image"], content)
        return fields, tuple(library.notes)

    def _post(self, external_id: str) -> Post | None:
        """What stands under an id, whether it is a post or a page."""
        for kind in sorted(("posts", "pages"), key=lambda kind: kind != self.kind):
            answer = self.api.get(f"/wp/v2/{kind}/{external_id}", take=(GONE,), context="edit", _fields=FIELDS)
            if answer.code == GONE:
                continue
            post = Post.of(kind, answer.data)
            if post is None:
                raise Failing("Its answer is no post", code="not_json", http_status=answer.status)
            self._kinds[external_id] = kind
            return post
        return None

    def _searched(self, marker: str) -> list[Post]:
        return self._marked(marker, self._ids(search=f"pubsite:{marker}", status="any,trash"))

    def _reserved(self, marker: str, status: str) -> list[Post]:
        """The places that are reserved for a record, the oldest first."""
        slug = _reserved_slug(marker)
        return self._marked(marker, self._ids(slug=f"{slug},{slug}__trashed", status=status))

    def _marked(self, marker: str, ids: list[str]) -> list[Post]:
        posts = (self._post(one) for one in ids)
        return [post for post in posts if post is not None and post.mark is not None and post.mark.marker == marker]

    def _ids(self, **params: str) -> list[str]:
        """The ids of what a question finds; each is read on its own, since answers are read up to 1 MiB only."""
        asked = {"context": "edit", "per_page": MOST_FOUND, "orderby": "id", "order": "asc", "_fields": "id", **params}
        answer = self.api.get(f"/wp/v2/{self.kind}", **asked)
        if not isinstance(answer.data, list):
            raise Failing("Its answer is no list of posts", code="not_json", http_status=answer.status)
        return [str(one["id"]) for one in answer.data if isinstance(one, dict) and type(one.get("id")) is int]

    def _drop_twins(self, marker: str, kept: str) -> None:
        """Take away what a request that came too late has reserved besides: drafts that hold our mark and nothing."""
        for post in self._reserved(marker, "draft"):
            if str(post.id) != kept and post.mark == Mark(marker, NEW):
                self.api.delete(self._route(str(post.id)), take=(GONE,), force="true", _fields="id")

    def _route(self, external_id: str) -> str:
        return f"/wp/v2/{self._kinds.get(external_id, self.kind)}/{external_id}"


def _reserved_slug(marker: str) -> str:
    """Slugs of drafts need not be unique, and can be asked for exactly, where texts can only be searched."""
    return f"pubsite-{marker}"


KIND = Kind(
    name="wordpress",
    title="WordPress",
    options=OPTIONS,
    secret="user:application password, as WordPress shows it under Users, Profile",
    can=frozenset({"draft", "update", "unpublish", "find", "adopt", "refresh"}),
    connect=WordPress,
    secret_problem=secret_problem,
)
