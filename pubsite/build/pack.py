"""The last step: bytes → objects → manifest. Rendered pages are put away in batches, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

from pubsite.build.feeds import atom
from pubsite.build.plan import Kind, Output, Plan
from pubsite.build.render import Rendered
from pubsite.build.requests import origin
from pubsite.build.sitemap import robots, sitemaps
from pubsite.errors import Problem
from pubsite.storage import Bundle, Entry, FileEntry, ObjectStore, RedirectEntry, Routing, media_type, write_manifest

_BATCH_BYTES = 16 * 1_048_576


def missing_assets(plan: Plan, objects: ObjectStore) -> list[Problem]:
    """A problem for each asset whose bytes are not in the store; those that are there are made young."""
    digests = [output.asset.digest for output in plan.outputs if output.asset]
    if not digests:
        return []
    objects.renew(digests)
    missing = objects.missing(digests)
    return [
        Problem("error", output.file, "asset_missing", f"the content of {output.owner} is not in the store")
        for output in plan.outputs
        if output.asset and output.asset.digest in missing
    ]


class Packer:
    """Takes outputs in any order, and makes the bundle of them."""

    def __init__(self, plan: Plan, objects: ObjectStore) -> None:
        self._plan = plan
        self._objects = objects
        self._entries: dict[str, Entry] = {}
        self._waiting: list[tuple[Output, bytes]] = []
        self._waiting_bytes = 0
        self._feed: dict[str, str] = {}

    def add(self, rendered: Rendered) -> None:
        """Take one rendered page."""
        if rendered.feed and rendered.output.node:
            self._feed[rendered.output.node.path] = rendered.feed
        if rendered.digest:
            file = rendered.output.file
            self._entries[file] = FileEntry(rendered.digest, rendered.size, media_type(file))
        else:
            self._put(rendered.output, rendered.body)

    def finish(self) -> Bundle:
        """Add everything that is not rendered, and write the manifest."""
        for output, body in self._others():
            self._put(output, body)
        self._flush()
        for output in self._plan.outputs:
            if output.asset:
                asset = output.asset
                self._entries[output.file] = FileEntry(asset.digest, asset.size, media_type(asset.path))
        for path, redirect in self._plan.redirects.items():
            self._entries[path] = RedirectEntry(redirect.target, redirect.status)
        return write_manifest(self._objects, self._entries, Routing(self._plan.options.trailing_slash))

    def _others(self) -> Iterator[tuple[Output, bytes]]:
        plan, options = self._plan, self._plan.options
        files = dict(sitemaps(options.sitemap, plan.listed, origin(plan))) if options.sitemap else {}
        for output in plan.outputs:
            if output.theme_asset:
                yield output, output.theme_asset.body
            elif output.kind == Kind.raw and output.node and output.node.source:
                yield output, output.node.source.content.encode(errors="replace")
            elif output.kind == Kind.sitemap:
                yield output, files[output.file]
            elif output.kind == Kind.robots:
                yield output, robots(options.robots, options.sitemap, origin(plan))
            elif output.kind == Kind.feed:
                yield output, self._atom()

    def _atom(self) -> bytes:
        plan, options = self._plan, self._plan.options
        return atom(
            slug=plan.snapshot.site.slug,
            title=plan.home,
            language=options.language,
            origin=origin(plan),
            path=options.feed.path if options.feed else "",
            nodes=plan.feed,
            bodies=self._feed,
        )

    def _put(self, output: Output, body: bytes) -> None:
        self._waiting.append((output, body))
        self._waiting_bytes += len(body)
        if self._waiting_bytes > _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        digests = self._objects.put_many(body for _, body in self._waiting)
        for (output, body), digest in zip(self._waiting, digests, strict=True):
            self._entries[output.file] = self._entry(output, body, digest)
        self._waiting, self._waiting_bytes = [], 0

    def _entry(self, output: Output, body: bytes, digest: str) -> FileEntry:
        kind = "application/atom+xml" if output.kind == Kind.feed else media_type(output.file)
        bears_origin = output.kind in (Kind.sitemap, Kind.feed, Kind.robots) and not self._plan.options.base_url
        fingerprinted = output.kind == Kind.theme and self._plan.options.fingerprint
        return FileEntry(digest, len(body), kind, fingerprinted=fingerprinted, origin=bears_origin)
