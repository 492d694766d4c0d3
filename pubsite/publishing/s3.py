"""Static files in a bucket of S3, or of what speaks as S3 does: a page with what it needs, or its whole bundle.

What a record has put there stands in an object of its own, `{prefix}.pubsite/{marker}.json`: its list. The order of
writes makes each list true at any moment, whenever we are cut off:

1. the list, without a content hash (so nobody takes it for whole), naming all keys of before and of now; those that
   are about to change are named without a digest (so nobody takes them for what they were);
2. the files that differ: what pages need first, HTML last;
3. away with the keys of before that belong no more, HTML first, unless another record's list names them;
4. the list of now, with its content hash.

A cut in between leaves a list that is not whole; the next run finds it, writes again what has no digest, and removes
what is left over, since the list still names it. A take-down goes the same way, and ends with the list itself.
Records that share files must be brought here one after the other: a list is read, and then acted upon.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from urllib.parse import quote, urlsplit

from pubsite.publishing.adapter import Connection, Desired, Draft, Kind, Loss, Remote
from pubsite.publishing.content import Content, LiveFiles, OutFile
from pubsite.publishing.options import Option
from pubsite.publishing.outcomes import Rejected
from pubsite.publishing.s3_bucket import Bucket

OPTIONS = (
    Option("bucket", "text", "The bucket.", None, pattern=re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
           what="3 to 63 lower-case letters, digits, dots and hyphens"),
    Option("region", "text", "Its region; `auto` for R2.", "us-east-1", longest=63, pattern=re.compile(r"[a-z0-9-]+"),
           what="lower-case letters, digits and hyphens"),
    Option("prefix", "text", "Where in the bucket: `docs/en`.", longest=512,
           pattern=re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[^/\\]+(?:/|\Z))*"),
           what="a path such as docs/en: no / at its beginning, no empty segment, . or .."),
    Option("scope", "choice", "The page with what it needs, or the whole site.", "page", choices=("page", "bundle")),
    Option("path_style", "boolean", "Buckets are in the path, not in the host name.", True),
    Option("public_url", "text", "Where the bucket is served, for the address of a page.",
           pattern=re.compile(r"(?:https?://[!-~]+)?"), what="an http or https URL"),
    Option("cache_control", "text", "Cache-Control of every file; empty: none.", "no-cache", longest=256,
           pattern=re.compile(r"[ -~]*"), what="ASCII"),
)  # fmt: skip
FOLDER = ".pubsite/"
# Of a list: two of them, which is what the list of an update can come to, are read in one answer.
LONGEST_LIST = 500_000
UNKNOWN = ""
HASH_UNKNOWN = ""
NOT_LIVE = "The page is not live, so it has no files to send: deploy its site first"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a record has put there: key → sha256 (UNKNOWN: may be anything), HTML last. `content_hash`: HASH_UNKNOWN
    while it is not whole. `cache_control`: what the files were sent with."""

    content_hash: str
    url: str
    cache_control: str
    keys: Mapping[str, str]


NOTHING = Listed(HASH_UNKNOWN, "", "", {})


@dataclass(frozen=True, slots=True)
class S3:
    """One bucket. The external id is the key of the record's list."""

    connection: Connection

    def draft(self, content: Content, desired: Desired) -> Draft:
        """As the page is live. One that is not has no files: it cannot be sent, but it can be looked for."""
        if desired == "draft":
            raise Rejected("A bucket has no drafts: what lies there can be read", code="no_drafts")
        cache_control = self.connection.options["cache_control"]
        if content.files is None:
            return Draft({"keys": {}, "url": "", "cache_control": cache_control}, (Loss("files", NOT_LIVE),))
        keys = {self._key(file): file.digest for file in self._files(content.files)}
        if any(key.startswith(self._folder) for key in keys):
            raise Rejected(f"The site has files below /{FOLDER}, where we keep our lists", code="reserved_path")
        *_, own = content.files.page()
        payload = {"keys": keys, "url": self._url(self._key(own)), "cache_control": cache_control}
        if len(json.dumps(payload)) > LONGEST_LIST:
            raise Rejected(f"These are too many files for one record ({len(keys)})", code="too_large")
        return Draft(payload, self._losses())

    def test(self) -> str:
        """List at most one key: to sign in is all that this proves, not that we may write."""
        bucket = Bucket(self.connection)
        list(bucket.keys(self._prefix, most=1))
        return f"bucket {bucket.name} at {urlsplit(self.connection.base_url).netloc}"

    def read(self, external_id: str) -> Remote | None:
        listed = self._listed(external_id)
        return None if listed is None else Remote(external_id, listed.url, "present", listed.content_hash)

    def find(self, marker: str, draft: Draft) -> Remote | None:
        return self.read(self._list_key(marker))

    def find_other(self, draft: Draft) -> Remote | None:
        return None

    def create(self, marker: str, draft: Draft, content: Content) -> Remote:
        return self._bring(marker, self._list_key(marker), draft, content)

    def update(self, remote: Remote, marker: str, draft: Draft, content: Content) -> Remote:
        return self._bring(marker, remote.external_id, draft, content)

    def unpublish(self, remote: Remote) -> Remote:
        bucket, key = Bucket(self.connection), remote.external_id
        if (listed := self._listed(key)) is not None:
            doubtful = dict.fromkeys(listed.keys, UNKNOWN)
            self._write(key, Listed(HASH_UNKNOWN, listed.url, listed.cache_control, doubtful))
            self._remove(listed.keys, key)
            bucket.delete(key)
        return Remote(key, remote.url, "absent")

    def _bring(self, marker: str, before: str, draft: Draft, content: Content) -> Remote:
        """Bring what stands there to the draft. `before`: the key of its list, which moves when `prefix` is changed."""
        if content.files is None:
            raise Rejected(NOT_LIVE, code="not_live")
        old, key = self._listed(before) or NOTHING, self._list_key(marker)
        new = Listed(draft.content_hash, **draft.payload)
        changed = _changed(old, new)
        left = {name: UNKNOWN for name in old.keys if name not in new.keys}
        unsure = {name: UNKNOWN if name in changed else digest for name, digest in new.keys.items()}
        self._write(key, Listed(HASH_UNKNOWN, new.url, new.cache_control, {**left, **unsure}))
        self._send(changed, content.files, new.cache_control)
        self._remove(left, key, before)
        if before != key:
            Bucket(self.connection).delete(before)
        self._write(key, new)
        return Remote(key, new.url, "present", new.content_hash)

    def _send(self, changed: set[str], files: LiveFiles, cache_control: str) -> None:
        bucket = Bucket(self.connection)
        for file in self._files(files):
            if (key := self._key(file)) in changed:
                bucket.put(key, file.read(), file.media_type, cache_control)

    def _remove(self, keys: Iterable[str], *ours: str) -> None:
        """Delete keys, the last one (HTML) first, but those that another record's list names."""
        if doomed := list(keys):
            bucket, kept = Bucket(self.connection), self._kept_by_others(ours)
            for key in reversed(doomed):
                if key not in kept:
                    bucket.delete(key)

    def _kept_by_others(self, ours: Iterable[str]) -> set[str]:
        folders = {key.rpartition("/")[0] + "/" for key in ours}
        lists = (key for folder in folders for key in Bucket(self.connection).keys(folder) if key.endswith(".json"))
        return {name for key in lists if key not in ours for name in (self._listed(key) or NOTHING).keys}

    def _listed(self, key: str) -> Listed | None:
        body = Bucket(self.connection).get(key)
        if body is None:
            return None
        try:
            return _read_list(body)
        except (ValueError, TypeError, RecursionError) as error:
            raise Rejected(
                f"{key} is not a list as we write them: remove it by hand", code="list_unreadable"
            ) from error

    def _write(self, key: str, listed: Listed) -> None:
        Bucket(self.connection).put(key, json.dumps(asdict(listed)).encode(), "application/json", "no-store")

    def _files(self, files: LiveFiles) -> Iterator[OutFile]:
        return files.bundle() if self.connection.options["scope"] == "bundle" else files.page()

    @property
    def _prefix(self) -> str:
        prefix = str(self.connection.options["prefix"]).strip("/")
        return f"{prefix}/" if prefix else ""

    @property
    def _folder(self) -> str:
        return self._prefix + FOLDER

    def _list_key(self, marker: str) -> str:
        return f"{self._folder}{marker}.json"

    def _key(self, file: OutFile) -> str:
        return self._prefix + file.path.lstrip("/")

    def _url(self, key: str) -> str:
        """Where a reader finds an object: whole, since not every bucket shows `a/index.html` at `a/`."""
        public = str(self.connection.options["public_url"]).rstrip("/")
        return f"{public}/{quote(key)}" if public else Bucket(self.connection).url(key)

    def _losses(self) -> tuple[Loss, ...]:
        found = [Loss("aliases", "redirects are no files")]
        if self.connection.options.get("canonical") == "none":
            found.append(Loss("canonical", "the HTML is sent as it is live, with the canonical URL that it names"))
        return tuple(found)


def _read_list(body: bytes) -> Listed:
    """A list as we wrote it; ValueError or TypeError for anything else, since others may write to the bucket too."""
    found = Listed(**json.loads(body))
    texts = [found.content_hash, found.url, found.cache_control, *dict(found.keys), *dict(found.keys).values()]
    "".join(texts).encode()  # all of them texts, and no lone surrogates
    return found


def _changed(old: Listed, new: Listed) -> set[str]:
    """The keys to write. All of them where nothing seems to differ: then somebody asked to send it again."""
    if old.content_hash == new.content_hash or old.cache_control != new.cache_control:
        return set(new.keys)
    return {key for key, digest in new.keys.items() if old.keys.get(key) != digest}


def secret_problem(secret: str) -> str | None:
    access, colon, key = secret.partition(":")
    good = colon and access and key and secret.isascii() and secret.isprintable() and " " not in secret
    return None if good else "must be access key and secret key, with a colon between them"


def needs() -> str:
    return "" if find_spec("botocore") else "botocore is not installed: pip install 'pubsite[s3]'"


KIND = Kind(
    name="s3",
    title="S3",
    options=OPTIONS,
    secret="access key:secret key",
    can=frozenset({"update", "unpublish", "find", "refresh"}),
    connect=S3,
    secret_problem=secret_problem,
    needs=needs,
)
