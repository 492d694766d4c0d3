"""Manifests: what goes in comes out, the shape hangs on the set alone, and a small change writes few chunks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsite.storage import (
    Entry,
    FileEntry,
    Manifest,
    ObjectMissing,
    RedirectEntry,
    Routing,
    memory_storage,
    reachable,
    write_manifest,
)
from pubsite.storage.objects import MemoryObjects

DIGEST = "ab" * 32

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
sizes = st.integers(0, 10**12)
files = st.builds(FileEntry, digests, sizes, st.sampled_from(["text/html", "image/png"]), st.booleans(), st.booleans())
redirects = st.builds(RedirectEntry, texts, st.sampled_from([301, 302, 303, 307, 308]))
file_paths = texts.map(lambda text: "/" + text)
redirect_paths = texts.map(lambda text: "/" + text.rstrip("/"))
entry_sets = st.builds(
    lambda one, other: {**one, **other},
    st.dictionaries(file_paths, files, max_size=40),
    st.dictionaries(redirect_paths, redirects, max_size=10),
)
routings = st.builds(Routing, st.sampled_from(["always", "never", "ignore"]), texts)


class Counting(MemoryObjects):
    """A store that counts what is read of it, and what is put that it did not have."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, digest: str) -> bytes:
        self.reads += 1
        return super().get(digest)


def many(count: int, tag: str = "") -> dict[str, Entry]:
    return {f"/{tag}page-{n}/index.html": FileEntry(DIGEST, n, "text/html") for n in range(count)}


@settings(deadline=None)  # a loaded machine is no failure
@given(entry_sets, routings)
def test_what_goes_in_comes_out(entries: dict[str, Entry], routing: Routing) -> None:
    objects = memory_storage().objects
    bundle = write_manifest(objects, entries, routing)
    manifest = Manifest(objects, bundle.digest)
    assert list(manifest.entries()) == sorted(entries.items())
    assert all(manifest.lookup(path) == entry for path, entry in entries.items())
    assert manifest.routing == routing
    assert manifest.digest == bundle.digest
    totals = [entry.size for entry in entries.values() if isinstance(entry, FileEntry)]
    assert (manifest.files, manifest.redirects, manifest.bytes) == (bundle.files, bundle.redirects, bundle.bytes)
    assert (bundle.files, bundle.redirects, bundle.bytes) == (len(totals), len(entries) - len(totals), sum(totals))


@settings(deadline=None)  # a loaded machine is no failure
@given(entry_sets, texts.map(lambda text: "/" + text))
def test_a_path_that_is_not_in_it_has_no_entry(entries: dict[str, Entry], path: str) -> None:
    objects = memory_storage().objects
    manifest = Manifest(objects, write_manifest(objects, entries, Routing()).digest)
    assert manifest.lookup(path) == entries.get(path)


@settings(deadline=None)  # a loaded machine is no failure
@given(st.integers(0, 400), st.randoms(use_true_random=False))
def test_the_digest_hangs_on_the_set_and_not_on_its_order(count: int, random) -> None:  # type: ignore[no-untyped-def]  # Hypothesis makes it
    objects = memory_storage().objects
    entries = list(many(count).items())
    first = write_manifest(objects, dict(entries), Routing())
    random.shuffle(entries)
    assert write_manifest(objects, dict(entries), Routing()) == first


@settings(deadline=None)  # a loaded machine is no failure
@given(entry_sets, entry_sets, routings, routings)
def test_two_digests_are_equal_only_for_equal_sites(
    one: dict[str, Entry], other: dict[str, Entry], routing: Routing, other_routing: Routing
) -> None:
    objects = memory_storage().objects
    same = write_manifest(objects, one, routing).digest == write_manifest(objects, other, other_routing).digest
    assert same == ((one, routing) == (other, other_routing))


@pytest.mark.parametrize("count", [0, 1, 64, 65, 5000])
def test_every_size_is_read_back(count: int) -> None:
    objects = memory_storage().objects
    entries = many(count)
    manifest = Manifest(objects, write_manifest(objects, entries, Routing()).digest)
    assert dict(manifest.entries()) == entries
    assert manifest.lookup("/no/such/page") is None


def test_one_changed_page_of_ten_thousand_writes_one_leaf_and_what_is_above_it() -> None:
    objects = memory_storage().objects
    entries = many(10_000)
    write_manifest(objects, entries, Routing())
    before = set(objects.digests())
    write_manifest(objects, {**entries, "/page-77/index.html": FileEntry("cd" * 32, 1, "text/html")}, Routing())
    written = set(objects.digests()) - before
    assert len(written) <= 5
    assert sum(objects.size(digest) for digest in written) < 20_000


def test_a_lookup_loads_only_the_chunks_on_its_way() -> None:
    objects = Counting()
    entries = many(10_000, "lookup-")
    manifest = Manifest(objects, write_manifest(objects, entries, Routing()).digest)
    assert manifest.lookup("/lookup-page-5/index.html") == entries["/lookup-page-5/index.html"]
    cold = objects.reads
    assert cold <= 5
    assert manifest.lookup("/lookup-page-5/index.html") == entries["/lookup-page-5/index.html"]
    assert objects.reads == cold


def test_all_that_versions_need_is_reachable_and_nothing_else() -> None:
    objects = memory_storage().objects

    def site(**pages: bytes) -> str:
        entries: dict[str, Entry] = {
            f"/{name}": FileEntry(objects.put(body), len(body), "text/html") for name, body in pages.items()
        }
        return write_manifest(objects, {**entries, "/old": RedirectEntry("/new", 301)}, Routing()).digest

    first, second, dropped = site(a=b"a", b=b"b"), site(a=b"a", c=b"c"), site(d=b"d")
    kept = reachable(objects, [first, second])
    assert first in kept
    assert dropped not in kept
    objects.sweep(kept, older_than=float("inf"))
    for digest in (first, second):
        for _, entry in Manifest(objects, digest).entries():
            assert isinstance(entry, RedirectEntry) or objects.missing([entry.digest]) == set()
    assert objects.missing([dropped]) == {dropped}


def test_a_file_with_the_bytes_of_a_chunk_hides_nothing_from_a_sweep() -> None:
    objects = memory_storage().objects
    page = objects.put(b"page")
    inner = write_manifest(objects, {"/page": FileEntry(page, 4, "text/html")}, Routing()).digest
    outer = write_manifest(objects, {"/copy": FileEntry(inner, 1, "application/json")}, Routing()).digest
    assert page in reachable(objects, [outer, inner])
    assert page in reachable(objects, [inner, outer])
    assert page not in reachable(objects, [outer])


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("no-slash", FileEntry(DIGEST, 1, "text/html")),
        ("", FileEntry(DIGEST, 1, "text/html")),
        ("/old/", RedirectEntry("/new", 301)),
        ("/old", RedirectEntry("/new", 200)),
    ],
)
def test_an_entry_that_hosting_could_not_reach_is_refused(path: str, entry: Entry) -> None:
    with pytest.raises(ValueError, match=r"path|stand"):
        write_manifest(memory_storage().objects, {path: entry}, Routing())


def test_a_lost_chunk_is_named() -> None:
    with pytest.raises(ObjectMissing) as caught:
        Manifest(memory_storage().objects, DIGEST)
    assert caught.value.digest == DIGEST
