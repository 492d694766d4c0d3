"""Archives that become trees: what passes, what is refused with the entry named, and what a bomb costs."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import zstandard

from pubsite.errors import Invalid
from pubsite.models.paths import file_path_problem
from pubsite.services.files import Limits
from pubsite.services.unpacking import unpack
from tests.api.test_trees import fill, sequence, shown, zipped
from tests.conftest import Tenant

MEBIBYTE = 1_048_576
LIMITS = Limits(MEBIBYTE, 25 * MEBIBYTE)
SITE = {"index.html": b"<h1>Hi</h1>", "css/site.css": b"h1 {}", "empty.txt": b""}
TREE: dict[str, bytes | None] = {**SITE, "css": None}


@pytest.fixture
def base(tenant: Tenant) -> str:
    return f"/api/sites/{tenant.site('raw', 'SelfManaged')['id']}/files"


def send(tenant: Tenant, base: str, archive: bytes, query: str = "", status: int = 200) -> dict[str, Any]:
    files = [("file", "any.name", archive)]
    url = f"{base}/deploy{query}"
    answer = tenant.client.app.post(url, upload_files=files, headers=tenant.client.headers, status=status)
    return dict(answer.json)


def member(name: str, body: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, body


def tarred(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for info, body in members:
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def tar_of(tree: dict[str, bytes], **kw: Any) -> bytes:
    return tarred(*(member(path, body) for path, body in tree.items()), **kw)


def streamed(tree: dict[str, bytes]) -> bytes:
    """A zip as a program writes it into a pipe: sizes behind the contents, zip64 for one of them."""
    out = io.BytesIO()

    class Pipe(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return out.write(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]  # it has no name
        for number, (path, body) in enumerate(tree.items()):
            with archive.open(path, "w", force_zip64=number == 0) as file:
                file.write(body)
    return out.getvalue()


KINDS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "zip through a pipe": streamed,
    "tar": tar_of,
    "ustar": lambda tree: tar_of(tree, format=tarfile.USTAR_FORMAT),
    "GNU tar": lambda tree: tar_of(tree, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda tree: gzip.compress(tar_of(tree)),
    "tar.gz in two members": lambda tree: gzip.compress(tar_of(tree)[:700]) + gzip.compress(tar_of(tree)[700:]),
    "tar.zst": lambda tree: zstandard.compress(tar_of(tree)),
    "tar.zst in frames": lambda tree: (
        zstandard.compress(tar_of(tree)[:700])
        + b"\x50\x2a\x4d\x18\x04\0\0\0skip"
        + zstandard.ZstdCompressor(write_checksum=True).compress(tar_of(tree)[700:])
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


# What passes


@every_kind
def test_an_archive_replaces_the_tree(tenant: Tenant, base: str, kind: str) -> None:
    fill(tenant, base, {"old": b"x", "css/site.css": b"old", "index.html": SITE["index.html"]})
    answer = send(tenant, base, KINDS[kind](SITE))
    assert answer == {"created": 1, "updated": 1, "unchanged": 1, "deleted": 1}
    assert shown(tenant, base) == TREE
    before = sequence(tenant, base)
    assert send(tenant, base, KINDS[kind](SITE))["unchanged"] == 3
    assert sequence(tenant, base) == before


def test_a_merge_adds_and_overwrites(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"old": b"x", "css/site.css": b"old", "index.html": SITE["index.html"]})
    tenant.client.post(f"{base}/folder", {"path": "kept"}, status=200)
    answer = send(tenant, base, zipped(SITE), "?mode=merge")
    assert answer == {"created": 1, "updated": 1, "unchanged": 2, "deleted": 0}
    assert shown(tenant, base) == {**TREE, "old": b"x", "kept": None}


def test_a_merge_that_collides_is_409(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a": b"x", "d/e": b"y"})
    before = shown(tenant, base)
    for tree in ({"A": b"z"}, {"a/b": b"z", "c": b"z"}, {"d": b"z", "c": b"z"}, {"D/f": b"z", "c": b"z"}):
        send(tenant, base, zipped(tree), "?mode=merge", status=409)
    assert shown(tenant, base) == before
    assert send(tenant, base, zipped({"A": b"z", "D": b"z"}))["created"] == 2


@every_kind
def test_a_folder_around_everything_is_dropped_unless_asked(tenant: Tenant, base: str, kind: str) -> None:
    wrapped = {f"dist/{path}": body for path, body in SITE.items()}
    assert send(tenant, base, KINDS[kind](wrapped))["created"] == 3
    assert shown(tenant, base) == TREE
    assert send(tenant, base, KINDS[kind](wrapped), "?smart=false")["created"] == 3
    assert shown(tenant, base) == {"dist": None, **{f"dist/{path}": body for path, body in TREE.items()}}


def test_one_folder_is_dropped_and_no_more(tenant: Tenant, base: str) -> None:
    send(tenant, base, zipped({"a/b/c.txt": b"x"}))
    assert shown(tenant, base) == {"b": None, "b/c.txt": b"x"}
    send(tenant, base, zipped({"a": b"x"}))
    assert shown(tenant, base) == {"a": b"x"}
    send(tenant, base, tarred(member("a/", type=tarfile.DIRTYPE)))
    assert shown(tenant, base) == {"a": None}


def test_what_macos_adds_is_left_out(tenant: Tenant, base: str) -> None:
    double = b"\0\5\x16\7" + bytes(60)
    tree = {**{f"dist/{path}": body for path, body in SITE.items()}, "__MACOSX/dist/._index.html": double}
    send(tenant, base, zipped({**tree, "dist/.DS_Store": b"x", "._dist": double, "dist/._x": b"mine"}))
    assert shown(tenant, base) == {**TREE, "._x": b"mine"}
    send(tenant, base, zipped({"a": b"x", ".DS_Store": b"x"}), "?smart=false")
    assert ".DS_Store" in shown(tenant, base)


def test_empty_directories_persist_and_a_leading_dot_is_the_root(tenant: Tenant, base: str) -> None:
    folder = {"type": tarfile.DIRTYPE}
    send(tenant, base, tarred(member("./", **folder), member("./a/b", **folder), member("./c.txt", b"x")))
    assert shown(tenant, base) == {"a": None, "a/b": None, "c.txt": b"x"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a/", "a/b/", "c.txt"):
            archive.writestr(name, b"" if name.endswith("/") else b"x")
    assert send(tenant, base, out.getvalue()) == {"created": 0, "updated": 0, "unchanged": 1, "deleted": 0}


def test_names_are_brought_into_nfc_like_those_of_a_disk(tenant: Tenant, base: str) -> None:
    for kind in ("zip", "tar", "GNU tar"):
        send(tenant, base, KINDS[kind]({"u\u0308.txt": b"x", "n" * 150 + "/\u4e16": b"y"}))
        assert set(shown(tenant, base)) == {"ü.txt", "n" * 150, "n" * 150 + "/\u4e16"}


def test_an_archive_in_an_archive_is_a_file(tenant: Tenant, base: str) -> None:
    nested = zipped({"a": b"x"})
    send(tenant, base, zipped({"b.zip": nested, "c": b"x"}))
    assert shown(tenant, base) == {"b.zip": nested, "c": b"x"}


# What is refused


def patched(archive: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    for old, new in changes:
        assert archive.count(old) >= 1
        archive = archive.replace(old, new)
    return archive


def with_field(archive: bytes, signature: bytes, offset: int, form: str, value: int) -> bytes:
    """The zip with one field of its first record of that kind changed."""
    at = archive.index(signature) + offset
    return archive[:at] + struct.pack(form, value) + archive[at + struct.calcsize(form) :]


def central(offset: int, form: str, value: int) -> bytes:
    return with_field(ONE, b"PK\x01\x02", offset, form, value)


def local(offset: int, form: str, value: int) -> bytes:
    return with_field(ONE, b"PK\x03\x04", offset, form, value)


def ending(offset: int, form: str, value: int) -> bytes:
    return with_field(ONE, b"PK\x05\x06", offset, form, value)


def zip_entry(name: str, mode: int, body: bytes = b"target") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, body)
    return out.getvalue()


def raw_zip(*entries: tuple[str, bytes, int, int], at: dict[int, int] | None = None, extra: bytes = b"") -> bytes:
    """A zip of (name, deflated, size, checksum) that says what it is told to.

    at: entry → another that its line of the directory leads to. extra: of every line.
    """
    archive, lines, starts = b"", b"", []
    for name, packed, size, crc in entries:
        starts.append(len(archive))
        numbers = (20, 0, 8, 0, 33, crc, len(packed), size, len(name), 0)
        archive += struct.pack("<4s5H3L2H", b"PK\x03\x04", *numbers) + name.encode() + packed
    for number, (name, packed, size, crc) in enumerate(entries):
        start = starts[(at or {}).get(number, number)]
        numbers = (20, 20, 0, 8, 0, 33, crc, len(packed), size, len(name), len(extra), 0, 0, 0, 0, start)
        lines += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *numbers) + name.encode() + extra
    count = len(entries)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(lines), len(archive), 0)
    return archive + lines + end


def raw_entry(name: str, body: bytes = b"x" * 100) -> tuple[str, bytes, int, int]:
    return name, zlib.compress(body, wbits=-15), len(body), zlib.crc32(body)


def overlapping() -> bytes:
    """Two entries whose contents are the same bytes."""
    return raw_zip(raw_entry("one.txt"), raw_entry("two.txt"), at={1: 0})


def with_gap() -> bytes:
    """Bytes between the only entry and the directory, whose place is told rightly."""
    directory = ONE.index(b"PK\x01\x02")
    archive = ONE[:directory] + b"hidden" + ONE[directory:]
    return with_field(archive, b"PK\x05\x06", 16, "<L", directory + 6)


def wide_lie(extra: bytes) -> bytes:
    name, packed, size, crc = raw_entry("f.txt")
    archive = raw_zip((name, packed, size, crc), extra=extra)
    at = archive.index(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<L", 0xFFFFFFFF) + archive[at + 4 :]


def pax(*records: tuple[str, str], kind: bytes = b"x") -> bytes:
    lines = b""
    for key, value in records:
        line = f" {key}={value}\n".encode()
        length = len(line) + 1
        while len(str(length)) + len(line) != length:
            length += 1
        lines += str(length).encode() + line
    return tarred(member("pax", lines, type=kind), member("f.txt", b"content"), format=tarfile.USTAR_FORMAT)


ONE = zipped({"f.txt": b"content"})
TAR = tar_of({"f.txt": b"content"})
LINK = {"linkname": "f.txt"}

REFUSED: dict[str, tuple[bytes, str]] = {
    # Zips
    "a symbolic link": (zip_entry("link", 0o120777), "link: is a symbolic link"),
    "a fifo": (zip_entry("fifo", 0o010644), "fifo: is neither a file nor a directory"),
    "a device": (zip_entry("dev", 0o020644), "dev: is neither a file nor a directory"),
    "a directory by its mode": (zip_entry("d", 0o040755), "d: is a file by its name"),
    "a file by its mode": (zip_entry("d/", 0o100644, b""), "d/: is a file by its name"),
    "a directory with content": (zip_entry("d/", 0o040755, b"x"), "d/: is a directory with content"),
    "an encrypted entry": (central(8, "<H", 1), "f.txt: is encrypted"),
    "strong encryption": (central(8, "<H", 64), "f.txt: is encrypted"),
    "bzip2": (central(10, "<H", 12), "f.txt: is compressed by a method (number 12) other than deflate"),
    "another name in the header": (patched(ONE, (b"PK\x03\x04", b"PK\x03\x04")), ""),
    "a size that lies": (central(24, "<L", 5), "f.txt: has two sizes or checksums"),
    "both sizes lie": (
        with_field(central(24, "<L", 5), b"PK\x03\x04", 22, "<L", 5),
        "f.txt: is not as long as it says",
    ),
    "both sizes lie upwards": (
        with_field(central(24, "<L", 9), b"PK\x03\x04", 22, "<L", 9),
        "f.txt: is not as long as it says",
    ),
    "a checksum that lies": (
        with_field(central(16, "<L", 5), b"PK\x03\x04", 14, "<L", 5),
        "f.txt: is damaged",
    ),
    "two methods": (local(8, "<H", 0), "f.txt: has two headers that differ"),
    "two flags": (local(6, "<H", 8), "f.txt: has two headers that differ"),
    "two checksums": (local(14, "<L", 5), "f.txt: has two sizes or checksums"),
    "overlapping entries": (overlapping(), "one.txt: overlaps another entry"),
    "an entry outside": (central(42, "<L", 10_000), "the archive has other data before its first entry"),
    "data between": (with_gap(), "f.txt: is followed by data that belongs to no entry"),
    "data before": (b"PK\x03\x04#!/bin/sh\n" + ONE, "the archive is damaged: its directory does not lie where it says"),
    "data behind": (ONE + b"more", "the archive is cut off, or has other data behind its end"),
    "a comment that lies": (ending(20, "<H", 9), "the archive is cut off, or has other data behind its end"),
    "no end": (ONE[:-5], "the archive is cut off, or has other data behind its end"),
    "only a beginning": (ONE[:30], "the archive is cut off, or has other data behind its end"),
    "several disks": (ending(4, "<H", 1), "the archive has several parts: send it as one"),
    "fewer entries than there are": (
        with_field(ending(8, "<H", 0), b"PK\x05\x06", 10, "<H", 0),
        "the archive has a directory of more entries than it says",
    ),
    "more entries than there are": (
        with_field(ending(8, "<H", 2), b"PK\x05\x06", 10, "<H", 2),
        "the archive is damaged: its directory ends too early",
    ),
    "a directory elsewhere": (ending(16, "<L", 3), "the archive is damaged: its directory does not lie where it says"),
    "zip64 that is cut": (wide_lie(b"\1\0\4\0four"), "f.txt: has a zip64 field that is too short"),
    "zip64 that lies": (wide_lie(struct.pack("<HHQ", 1, 8, 99)), "f.txt: has two sizes or checksums"),
    "an empty zip": (zipped({}), "the archive holds nothing; to empty a site, purge it"),
    "a name that is not UTF-8": (patched(zipped({"xx.txt": b""}), (b"xx.txt", b"\xfcx.txt")), "\\xfcx.txt: its name"),
    # Tars
    "a hard link": (tarred(member("hard", type=tarfile.LNKTYPE, **LINK)), "hard: is a hard link"),
    "a symbolic link in a tar": (tarred(member("sym", type=tarfile.SYMTYPE, **LINK)), "sym: is a symbolic link"),
    "a character device": (tarred(member("dev", type=tarfile.CHRTYPE)), "dev: is a device"),
    "a block device": (tarred(member("dev", type=tarfile.BLKTYPE)), "dev: is a device"),
    "a fifo in a tar": (tarred(member("fifo", type=tarfile.FIFOTYPE)), "fifo: is a fifo"),
    "a sparse file": (tarred(member("hole", type=tarfile.GNUTYPE_SPARSE)), "hole: is a sparse file"),
    "a sparse file of pax": (pax(("GNU.sparse.size", "9")), "pax: is a sparse file"),
    "an unknown type": (tarred(member("odd", type=b"Z")), "odd: is neither a file nor a directory"),
    "an escape by pax": (pax(("path", "../../etc/x")), "../../etc/x: its path must not hold the segments . or .."),
    "an escape by a long name": (
        tar_of({"../" * 60 + "x": b"y"}, format=tarfile.GNU_FORMAT),
        "../" * 60 + "x: its path must not hold the segments . or ..",
    ),
    "two names by pax": (pax(("path", "a"), ("path", "b")), "a: has two names"),
    "a size by pax": (pax(("size", "3")), "f.txt: has two sizes"),
    "a path for all": (pax(("path", "x"), kind=b"g"), "the archive gives all its entries one path"),
    "a binary name": (pax(("hdrcharset", "BINARY"), ("path", "x")), "pax: its name is not UTF-8"),
    "a damaged pax header": (
        tarred(member("pax", b"99 path=x\n", type=b"x"), member("f"), format=tarfile.USTAR_FORMAT),
        "the archive has a damaged header",
    ),
    "a huge pax header": (
        tarred(member("pax", bytes(70_000), type=b"x"), member("f"), format=tarfile.USTAR_FORMAT),
        "pax: has a header over 65536 bytes",
    ),
    "a tar with a wrong checksum": (
        patched(TAR, (b"f.txt", b"g.txt")),
        "the archive is no zip, tar, tar.gz or tar.zst",
    ),
    "a tar cut off in a file": (TAR[:515], "the archive is cut off"),
    "a tar without an end": (TAR[:1024], "the archive is cut off"),
    "data behind a tar": (TAR + b"x", "the archive has other data behind its end"),
    "an empty tar": (gzip.compress(bytes(10_240)), "the archive holds nothing; to empty a site, purge it"),
    "a tar.gz cut off": (gzip.compress(TAR)[:-4], "the archive is cut off"),
    "a tar.gz with a wrong checksum": (gzip.compress(TAR)[:-8] + bytes(8), "the archive is damaged"),
    "data behind a tar.gz": (gzip.compress(TAR) + b"more data", "the archive is damaged"),
    "gzip of no tar": (gzip.compress(b"hello" * 200), "the archive holds no tar"),
    "a zip in gzip": (gzip.compress(ONE + bytes(512)), "the archive holds no tar"),
    "a tar.zst cut off": (zstandard.compress(TAR)[:-4], "the archive is cut off"),
    "data behind a tar.zst": (zstandard.compress(TAR) + b"more data", "the archive is damaged"),
    "a tar in gzip in gzip": (gzip.compress(gzip.compress(TAR) + bytes(512)), "the archive holds no tar"),
    # Neither
    "text": (b"hello", "the archive is no zip, tar, tar.gz or tar.zst"),
    "a long text": (b"hello" * 1000, "the archive is no zip, tar, tar.gz or tar.zst"),
    "zeros": (bytes(10_240), "the archive is no zip, tar, tar.gz or tar.zst"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(600), "the archive is no zip, tar, tar.gz or tar.zst"),
    "xz": (b"\xfd7zXZ\0" + bytes(600), "the archive is no zip, tar, tar.gz or tar.zst"),
}
# The name of the first header alone is changed.
REFUSED["another name in the header"] = (ONE.replace(b"f.txt", b"g.txt", 1), "f.txt: has two names")

NAMES = [
    *("../x", "a/../../x", "/etc/x", "a//b", "a/./b", "..", "a\\b", "..\\x", "C:x", "C:/x", "//server/share"),
    *("con", "a/nul.txt", "x.", "x ", ".git/config", "a\nb", "\x1b[31m", "n" * 256, "a:b", "a.txt::$DATA"),
]


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_plain_is_refused_and_named(case: str) -> None:
    archive, reason = REFUSED[case]
    with pytest.raises(Invalid) as caught:
        unpack(archive, LIMITS, smart=True)
    assert caught.value.message.startswith("The archive is refused: ")
    (error,) = caught.value.errors
    assert (error.location, error.name) == ("body", "file")
    assert error.message.startswith(reason)


def test_a_refused_archive_changes_nothing(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"kept": b"x"})
    before = sequence(tenant, base)
    for case, (archive, reason) in REFUSED.items():
        answer = send(tenant, base, archive, status=400)
        assert answer["errors"][0]["message"].startswith(reason), case
    assert sequence(tenant, base) == before
    assert shown(tenant, base) == {"kept": b"x"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_are_under_the_rules_of_uploads(tenant: Tenant, base: str, kind: str) -> None:
    fill(tenant, base, {"kept": b"x"})
    for name in NAMES:
        answer = send(tenant, base, KINDS[kind]({"first": b"x", name: b"y"}), status=400)
        problem = file_path_problem(name)
        assert answer["errors"][0]["message"].endswith(f"its path {problem}")
    assert shown(tenant, base) == {"kept": b"x"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_entries_of_one_path_are_refused(tenant: Tenant, base: str, kind: str) -> None:
    for first, second in (("a", "A"), ("a", "\uff41"), ("a/b", "A/c"), ("a", "a/b"), ("ü", "u\u0308"), ("x", "./x")):
        answer = send(tenant, base, KINDS[kind]({first: b"x", second: b"y"}), "?smart=false", status=400)
        assert answer["message"].startswith("The archive is refused: ")
    answer = send(tenant, base, tarred(member("a", b"x"), member("a", b"y")), status=400)
    assert answer["errors"][0]["message"] == "a: is in it twice"
    assert shown(tenant, base) == {}


def test_the_form_has_one_file_and_the_query_known_words(tenant: Tenant, base: str) -> None:
    client = tenant.client
    twice = [("file", "a.zip", ONE), ("file", "b.zip", ONE)]
    for files, fields in ((twice, {}), ([], {"file": "x"}), ([("file", "a.zip", b"")], {}), (twice[:1], {"x": "y"})):
        client.app.post(f"{base}/deploy", fields, upload_files=files, headers=client.headers, status=400)
    assert client.send("POST", f"{base}/deploy", ONE, **{"Content-Type": "application/zip"}).status_int == 400
    for query in ("?mode=add", "?mode=", "?smart=1", "?smart="):
        send(tenant, base, ONE, query, status=400)
    assert shown(tenant, base) == {}


# Limits


def test_limits_hold_to_the_byte_and_what_is_replaced_is_given_back_first(tenant: Tenant, base: str) -> None:
    full = {f"{number}.bin": bytes([number]) * MEBIBYTE for number in range(25)}
    for kind in ("zip", "tar.gz", "tar.zst"):
        answer = send(tenant, base, KINDS[kind](full))
        assert answer["created"] + answer["unchanged"] == 25
    for kind in ("zip", "tar.zst"):
        answer = send(tenant, base, KINDS[kind]({**full, "one": b"x"}), status=400)
        assert answer["message"] == "Site total size would exceed 25MB limit"
        answer = send(tenant, base, KINDS[kind]({"over.bin": bytes(MEBIBYTE + 1)}), status=400)
        assert answer["message"] == "File size exceeds 1MB limit"
        assert answer["errors"][0]["message"] == f"over.bin: {MEBIBYTE + 1} bytes are over the limit of {MEBIBYTE}"
    answer = send(tenant, base, zipped({"one": b"x"}), "?mode=merge", status=400)
    assert answer["message"] == "Site total size would exceed 25MB limit"
    assert send(tenant, base, zipped({"0.bin": b"x"}), "?mode=merge")["updated"] == 1
    assert send(tenant, base, zipped({"one": b"x"}), "?mode=merge")["created"] == 1
    assert len(shown(tenant, base)) == 26


def deflated_zeros(mebibytes: int) -> bytes:
    """That many zeros, deflated: the same piece again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * mebibytes + zlib.compress(b"", wbits=-15)


def gzip_bomb(mebibytes: int) -> bytes:
    return gzip.compress(b"")[:10] + deflated_zeros(mebibytes) + bytes(8)


def flat_bomb() -> bytes:
    """1,000 entries of 1 MiB in 1.1 MB."""
    packed, crc = deflated_zeros(1), zlib.crc32(bytes(MEBIBYTE))
    return raw_zip(*((f"{number}", packed, MEBIBYTE, crc) for number in range(1000)))


def lying_bomb() -> bytes:
    """An entry that says to hold 10 bytes and holds a gigabyte."""
    return raw_zip(("f.txt", deflated_zeros(1024), 10, 0))


def overlapping_bomb() -> bytes:
    """Twenty lines of the directory for one compressed megabyte (Fifield, A better zip bomb)."""
    entries = [raw_entry(f"{number:05}", bytes(MEBIBYTE)) for number in range(20)]
    return raw_zip(*entries, at=dict.fromkeys(range(20), 0))


def header_bomb() -> bytes:
    """A tar whose first header says to be 60 KB of names, and all the others too."""
    name = tarred(member("x", bytes(60_000), type=b"L"), format=tarfile.USTAR_FORMAT)[:60_928]
    return zstandard.compress(name * 2000)


BOMBS: dict[str, Callable[[], bytes]] = {
    "flat": flat_bomb,
    "lying": lying_bomb,
    "overlapping": overlapping_bomb,
    "gzip of zeros": lambda: gzip_bomb(1024),
    "gzip of a tar and zeros": lambda: gzip.compress(TAR) + gzip_bomb(1024),
    "zstd of zeros": lambda: zstandard.compress(TAR + bytes(256 * MEBIBYTE)),
    "zstd of a large file": lambda: zstandard.compress(tar_of({"f": bytes(256 * MEBIBYTE)})),
    "a header that says 8 GiB": lambda: gzip.compress(tarred(member("f", b"x"))[:124] + b"\x80" + b"\xff" * 11) * 9,
    "headers": header_bomb,
    "gzip members": lambda: gzip.compress(b"") * 50_000,
    "zstd frames": lambda: zstandard.compress(TAR) + b"\x50\x2a\x4d\x18\0\0\0\0" * 130_000,
    "headers of files": lambda: zstandard.compress(pax(("comment", "x" * 60_000))[:-9216] * 2000),
    "folders": lambda: zstandard.compress(tarred(member("d", type=tarfile.DIRTYPE))[:512] * 110_000),
    "deep paths": lambda: zstandard.compress(tar_of({f"{number}/" + "d/" * 1900 + "x": b"" for number in range(900)})),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_less_than_a_second(bomb: str) -> None:
    archive = BOMBS[bomb]()
    assert len(archive) < 1.2 * MEBIBYTE
    started = time.process_time()
    with pytest.raises(Invalid):
        unpack(archive, LIMITS, smart=True)
    assert time.process_time() - started < 1


def test_an_archive_has_at_most_100_000_entries(tenant: Tenant, base: str) -> None:
    block = tarred(member("d", type=tarfile.DIRTYPE))[:512]
    for archive in (
        zstandard.compress(block * 100_001 + bytes(1024)),
        ending(8, "<H", 65_535).replace(b"\xff\xff\x01\x00", b"\xff\xff\xff\xff"),
    ):
        assert send(tenant, base, archive, status=400)["errors"]


@pytest.mark.parametrize("kind", ["zip", "zip through a pipe", "tar", "tar.gz", "tar.zst"])
def test_damaged_archives_are_refused_or_read_and_never_more(kind: str) -> None:
    """Every cut, and thousands of changed bytes: an error that names what is wrong, or a tree."""
    whole = KINDS[kind]({**SITE, "a/b/c": b"x" * 600})
    dice = random.Random(7)
    end = len(whole.rstrip(b"\0")) + 1024 if kind == "tar" else len(whole)  # what comes then is padding
    for cut in range(0, end, 1 + end // 300):
        with pytest.raises(Invalid):
            unpack(whole[:cut], LIMITS, smart=False)
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            damaged[dice.randrange(len(damaged))] = dice.choice([0, 255, dice.randrange(256)])
        with suppress(Invalid):
            unpacked = unpack(bytes(damaged), LIMITS, smart=False)
            assert all(file_path_problem(path) is None for path in unpacked.bodies)
