"""Bundles written out: the same bytes every time, nothing outside the folder, and every loss named."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import IO, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsite.errors import Conflict, Invalid
from pubsite.storage import (
    ORIGIN_TOKEN,
    Entry,
    FileEntry,
    Manifest,
    RedirectEntry,
    Routing,
    Storage,
    memory_storage,
    write_manifest,
)
from pubsite.storage.export import ArchiveFormat, ExportReport, unpack_archive, write_archive, write_tree
from pubsite.storage.tree_writer import MARKER

ORIGIN = "https://docs.example.org"
FILES = {
    "/index.html": b"<h1>Home</h1>" * 50,
    "/a/b/page.html": b"deep",
    "/a/empty.txt": b"",
    "/name with space/\u00e9\u4e16.html": b"names",
    "/" + "long" * 50 + ".txt": b"more than tar's 100 characters",
    "/sitemap.xml": f"<loc>{ORIGIN_TOKEN}/a</loc>".encode(),
}
WRITTEN = {**FILES, "/sitemap.xml": f"<loc>{ORIGIN}/a</loc>".encode()}
REDIRECTS = {"/old": RedirectEntry("/new", 302), "/a/gone": RedirectEntry("https://example.org/", 301)}
LOST = ("redirect /a/gone → https://example.org/ (301)", "redirect /old → /new (302)")
FORMATS: tuple[ArchiveFormat, ...] = ("tar.gz", "zip")


@pytest.fixture
def storage() -> Storage:
    return memory_storage()


def bundle(storage: Storage, files: dict[str, bytes], redirects: dict[str, RedirectEntry] | None = None) -> Manifest:
    entries: dict[str, Entry] = {
        path: FileEntry(storage.objects.put(body), len(body), "text/html", origin=ORIGIN_TOKEN.encode() in body)
        for path, body in files.items()
    }
    return Manifest(
        storage.objects, write_manifest(storage.objects, {**entries, **(redirects or {})}, Routing()).digest
    )


def archive(storage: Storage, manifest: Manifest, format: ArchiveFormat) -> tuple[bytes, ExportReport]:
    out = io.BytesIO()
    report = write_archive(storage.objects, manifest, out, format=format, origin=ORIGIN)
    return out.getvalue(), report


def content(folder: Path) -> dict[str, bytes]:
    return {
        "/" + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


@pytest.mark.parametrize("format", FORMATS)
def test_an_archive_holds_every_file_and_names_what_it_lost(storage: Storage, format: ArchiveFormat) -> None:
    manifest = bundle(storage, FILES, dict(REDIRECTS))
    data, report = archive(storage, manifest, format)
    assert report == ExportReport(len(WRITTEN), sum(map(len, WRITTEN.values())), manifest.digest, LOST)
    if format == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            assert file.testzip() is None
            assert {"/" + name: file.read(name) for name in file.namelist()} == WRITTEN
            assert file.comment.decode().split("\n") == [f"pubsite bundle {manifest.digest}", *LOST]
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members = tar.getmembers()
            assert {"/" + m.name: cast("IO[bytes]", tar.extractfile(m)).read() for m in members} == WRITTEN
            assert {(m.uid, m.gid, m.uname, m.gname, m.mode, m.mtime) for m in members} == {(0, 0, "", "", 0o644, 0)}


@pytest.mark.parametrize("format", FORMATS)
def test_an_archive_is_the_same_every_time_and_for_every_kind_of_file(
    storage: Storage, format: ArchiveFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = bundle(storage, FILES, dict(REDIRECTS))
    first, _ = archive(storage, manifest, format)
    monkeypatch.setattr("time.time", lambda: 4e9)
    other = memory_storage()
    again, _ = archive(other, bundle(other, dict(reversed(FILES.items())), dict(REDIRECTS)), format)
    assert again == first
    read_end, write_end = os.pipe()
    with open(write_end, "wb") as pipe:
        write_archive(storage.objects, manifest, pipe, format=format, origin=ORIGIN)
    with open(read_end, "rb") as pipe:
        assert pipe.read() == first


def test_a_tree_holds_every_file_and_names_what_it_lost(storage: Storage, tmp_path: Path) -> None:
    manifest = bundle(storage, FILES, dict(REDIRECTS))
    report = write_tree(storage.objects, manifest, tmp_path / "new" / "out", origin=ORIGIN)
    assert content(tmp_path / "new" / "out") == WRITTEN
    assert report == ExportReport(len(WRITTEN), sum(map(len, WRITTEN.values())), manifest.digest, LOST)


def test_an_unpacked_archive_is_the_tree_with_the_same_report(storage: Storage, tmp_path: Path) -> None:
    manifest = bundle(storage, FILES, dict(REDIRECTS))
    data, _ = archive(storage, manifest, "tar.gz")
    report = unpack_archive(io.BytesIO(data), tmp_path / "unpacked")
    assert report == write_tree(storage.objects, manifest, tmp_path / "tree", origin=ORIGIN)
    assert content(tmp_path / "unpacked") == content(tmp_path / "tree") == WRITTEN


@pytest.mark.parametrize("redirects", [{}, REDIRECTS])
def test_a_bundle_without_files_comes_through_too(
    storage: Storage, tmp_path: Path, redirects: dict[str, RedirectEntry]
) -> None:
    manifest = bundle(storage, {}, redirects)
    data, report = archive(storage, manifest, "tar.gz")
    assert unpack_archive(io.BytesIO(data), tmp_path) == report
    assert content(tmp_path) == {}


def test_a_folder_with_something_else_in_it_is_refused_and_untouched(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict) as caught:
        write_tree(storage.objects, bundle(storage, FILES), tmp_path, origin=ORIGIN)
    assert caught.value.code == "not_empty"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_earlier_export_is_replaced_and_what_others_put_there_stays(storage: Storage, tmp_path: Path) -> None:
    write_tree(storage.objects, bundle(storage, {**FILES, "/gone/old.html": b"old"}), tmp_path, origin=ORIGIN)
    (tmp_path / "a" / "mine.txt").write_text("mine")
    report = write_tree(
        storage.objects, bundle(storage, {"/index.html": b"new", "/a/mine.txt": b"theirs"}), tmp_path, origin=ORIGIN
    )
    assert content(tmp_path) == {"/index.html": b"new", "/a/mine.txt": b"mine"}
    assert not (tmp_path / "gone").exists()
    assert report.not_expressed == ("file /a/mine.txt: something else has that name there",)
    write_tree(storage.objects, bundle(storage, {}), tmp_path, origin=ORIGIN)
    assert content(tmp_path) == {"/a/mine.txt": b"mine"}


def test_a_writer_that_was_killed_leaves_what_the_next_one_can_replace(storage: Storage, tmp_path: Path) -> None:
    write_tree(storage.objects, bundle(storage, FILES), tmp_path, origin=ORIGIN)
    marker = tmp_path / MARKER
    marker.write_bytes(marker.read_bytes() + b'"/half')
    write_tree(storage.objects, bundle(storage, {"/x": b"x"}), tmp_path, origin=ORIGIN)
    assert content(tmp_path) == {"/x": b"x"}


def test_no_link_is_followed(storage: Storage, tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    (outside / "page.html").write_text("precious")
    write_tree(storage.objects, bundle(storage, {"/index.html": b"home", "/d/page.html": b"x"}), out, origin=ORIGIN)
    (out / "d" / "page.html").unlink()
    (out / "d").rmdir()
    (out / "d").symlink_to(outside)
    (out / "linked.html").symlink_to(outside / "page.html")
    files = {"/d/page.html": b"through a folder", "/linked.html": b"through a file", "/d/new.html": b"new"}
    report = write_tree(storage.objects, bundle(storage, files), out, origin=ORIGIN)
    assert content(outside) == {"/page.html": b"precious"}
    assert [text.split(":")[0] for text in report.not_expressed] == [
        "file /d/new.html",
        "file /d/page.html",
        "file /linked.html",
    ]


def test_a_marker_cannot_name_files_outside(storage: Storage, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious").write_text("precious")
    (out / MARKER).write_text('"pubsite export 1"\n"/../precious"\n"../precious"\n"/a/../../precious"\n7\nnull\n')
    write_tree(storage.objects, bundle(storage, {"/x": b"x"}), out, origin=ORIGIN)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("marker", ["", "{}", "[]", "\0", '"something else"\n', "7"])
def test_a_marker_that_is_none_is_refused(storage: Storage, tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(Conflict):
        write_tree(storage.objects, bundle(storage, {"/x": b"x"}), tmp_path, origin=ORIGIN)


@pytest.mark.parametrize(
    "path",
    [
        "/a//b",
        "/../up",
        "/a/./b",
        "/a/",
        "/",
        "/nul\0byte",
        "/" + MARKER,
        "/" + "n" * 300,
        "/d" * 200 + "/" + "é" * 200,
    ],
)
def test_a_name_that_no_file_can_have_is_named_and_the_rest_is_written(
    storage: Storage, tmp_path: Path, path: str
) -> None:
    manifest = bundle(storage, {path: b"odd", "/index.html": b"home"})
    report = write_tree(storage.objects, manifest, tmp_path, origin=ORIGIN)
    assert content(tmp_path) == {"/index.html": b"home"}
    assert len(report.not_expressed) == 1
    assert report.not_expressed[0].startswith(f"file {path}: ")
    assert report.files == 1


def test_a_file_where_a_folder_is_due_is_named(storage: Storage, tmp_path: Path) -> None:
    report = write_tree(storage.objects, bundle(storage, {"/a": b"file", "/a/b": b"below"}), tmp_path, origin=ORIGIN)
    assert content(tmp_path) == {"/a": b"file"}
    assert report.not_expressed == ("file /a/b: one of its folders is a file or a link there",)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(deadline=None)  # a loaded machine is no failure
@given(
    files=st.dictionaries(st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)), st.binary())
)
def test_every_file_is_written_or_named(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    storage = memory_storage()
    out = tmp_path_factory.mktemp("tree")
    report = write_tree(storage.objects, bundle(storage, files), out, origin=ORIGIN)
    assert report.files + len(report.not_expressed) == len(files)
    assert len(content(out)) == report.files
    assert set(content(out).items()) <= set(files.items())


def tar_of(*members: tuple[tarfile.TarInfo, bytes], comment: str = "pubsite bundle " + "0" * 64) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": comment}) as tar:
        for member, body in members:
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return out.getvalue()


def member(name: str, **attributes: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize("name", ["../escape", "/etc/pubsite-test", "a/../../escape", "./../escape"])
def test_an_archive_that_climbs_out_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    report = unpack_archive(io.BytesIO(tar_of((member(name), b"evil"))), tmp_path / "out")
    assert report.files == 0
    assert len(report.not_expressed) == 1
    assert not (tmp_path / "escape").exists()
    assert not Path("/etc/pubsite-test").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_an_archive_with_anything_but_files_is_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(Invalid):
        unpack_archive(io.BytesIO(tar_of((member("a", type=kind, linkname="/etc/passwd"), b""))), tmp_path / "out")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        gzip.compress(b"no tar"),
        gzip.compress(b"\0" * 10240),
        tar_of((member("a"), b"x"), comment="other"),
    ],
    ids=["nothing", "text", "gzip", "zeros", "another's"],
)
def test_what_is_no_bundle_is_refused_before_anything_is_touched(storage: Storage, tmp_path: Path, data: bytes) -> None:
    write_tree(storage.objects, bundle(storage, FILES), tmp_path, origin=ORIGIN)
    with pytest.raises(Invalid) as caught:
        unpack_archive(io.BytesIO(data), tmp_path)
    assert caught.value.code == "bad_archive"
    assert content(tmp_path) == WRITTEN


def test_an_archive_that_is_cut_off_is_refused(storage: Storage, tmp_path: Path) -> None:
    data, _ = archive(storage, bundle(storage, {"/noise": os.urandom(50_000)}), "tar.gz")
    with pytest.raises(Invalid):
        unpack_archive(io.BytesIO(data[:30_000]), tmp_path)
