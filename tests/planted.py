"""Secrets that tests give to destinations, and the search for them in all that a server says, logs, keeps and exports.

The part of each that is secret (behind its `:`, where it has one) bears MARK, in one piece or in groups of four. So a
dozen short searches find all of them, raw, percent-encoded, escaped, in base64 at any place, in hex, and in halves.
Whoever finds one fails the test at hand: tests/conftest.py puts every server and every log record before WATCH.
"""

from __future__ import annotations

import base64
import logging
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect

from pubsite.storage import Storage

MARK = "5ec2e7de1e7ed0fc"
GROUPS = " ".join(MARK[at : at + 4] for at in range(0, 16, 4))


def _jwt(last: str) -> str:
    header, claims = (base64.urlsafe_b64encode(text).decode().rstrip("=") for text in (b'{"alg":"HS256"}', b'{"s":1}'))
    return f"{header}.{claims}.{MARK}{last}"


WEBHOOKS = tuple(f"whsec_{MARK}{letter * 16}" for letter in "ABCD")
S3 = (
    f"AKIAPLANTED000000001:{MARK}/+abcdefghijklmnopqrst",
    f"AKIAPLANTED000000002:ab%2Fcd%25ef{MARK}%00%zz",
    f"AKIAPLANTED000000003:'\"\\<&>{MARK}`$(x){{}}",
    f"AKIAPLANTED000000004:{MARK}:and:more:colons",
)
TOKENS = (
    *(f"pst_{MARK}{letter * 27}0badc0de" for letter in "abc"),
    _jwt("_-signature"),
    _jwt("another"),
    f"pst_\"'\\%41%%{MARK}+/=&?#",
)
WORDPRESS = (
    f"editor:{GROUPS} ABCD EFGH",
    f"editor:{MARK}ABCDEFGH",
    f"jürgen@example.org:{GROUPS} wxyz 0123",
)
GHOST = (
    f"0123456789abcdef01234567:{MARK}{'c0ffee11' * 6}",
    f"76543210fedcba9876543210:{'ab' * 24}{MARK}",
)
# Of no kind: a wrong one everywhere, which no answer may repeat.
ODD = f'"quo\'ted" ünïcode ☃ %F0%9F {MARK} \N{GRINNING FACE}\\'
SECRETS = (*WEBHOOKS, *S3, *TOKENS, *WORDPRESS, *GHOST, ODD)


def _probes() -> Iterator[bytes]:
    """What shows any of them. Base64 of what surrounds a text touches its first and last character at most."""
    for text in (MARK, GROUPS, GROUPS.replace(" ", "+"), GROUPS.replace(" ", "%20")):
        yield text.encode()
        yield text.encode().hex().encode()
        for before in range(3):
            coded = base64.b64encode(bytes(before) + text.encode())
            whole = coded[(0, 2, 3)[before] : (before + len(text)) * 8 // 6]
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))


PROBES = tuple(dict.fromkeys(_probes()))
LONGEST = max(map(len, PROBES))
_PIECE = 8_388_608
_MOST_OF_ARCHIVE = 33_554_432
_ARCHIVES = ("application/zip", "application/gzip", "application/x-tar")


class Watch:
    """Looks, and remembers what it saw where."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, data: bytes, where: str) -> None:
        for probe in PROBES:
            if (at := data.find(probe)) >= 0:
                self.found.append(f"{where}: {data[max(0, at - 60) : at + 60]!r}")
                return

    def check(self) -> None:
        """Raise for what was seen since the last time."""
        found, self.found = self.found, []
        if found:
            raise AssertionError("a planted secret was told:\n" + "\n".join(found[:20]))

    def responses(self, app: Any) -> Watched:
        """The app, with all that it answers looked at."""
        return Watched(app, self)

    def logs(self) -> logging.Handler:
        """A handler for the root logger."""
        return _Handler(self)

    def files(self, folder: Path, *, but: Iterable[str] = ("keys.json",)) -> None:
        """Every file below a folder, and what lies in archives; of keys alone secrets are made."""
        for path in folder.rglob("*"):
            with suppress(OSError):  # one that goes while we look, or that its test made unreadable
                if path.is_file() and not path.is_symlink() and path.name not in but:
                    self._file(path)

    def _file(self, path: Path) -> None:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(_PIECE):
                self.look(tail + piece, str(path))
                tail = piece[-LONGEST:]
        if path.suffix in (".zip", ".gz", ".tgz") and path.stat().st_size < _MOST_OF_ARCHIVE:
            self.archive(path.read_bytes(), str(path))

    def archive(self, body: bytes, where: str) -> None:
        """What lies in a zip, a tar, or gzip of anything; what is none of these (tests make such) has nothing in it."""
        with suppress(zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RuntimeError):
            for member in _members(body):
                self.look(member, f"{where}, within")

    def rows(self, engine: Engine) -> None:
        """Every row of every table, as PostgreSQL writes it out; SQLite's are in its files."""
        if engine.dialect.name != "postgresql":
            return
        with engine.connect() as connection:
            for table in inspect(connection).get_table_names():
                for (row,) in connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t'):
                    self.look(row.encode(), f"table {table}")

    def objects(self, storage: Storage) -> None:
        """Every object that lies there compressed; the others are in the files."""
        for digest in storage.objects.digests():
            stored = storage.objects.get_stored(digest)
            if stored.coding:
                self.look(stored.identity(), f"object {digest}")


def _members(body: bytes) -> Iterator[bytes]:
    if body[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(body)) as archive:
            for info in archive.infolist():
                yield info.filename.encode(errors="replace")
                with archive.open(info) as member:
                    yield member.read(_MOST_OF_ARCHIVE)
        return
    if body[:2] == b"\x1f\x8b":
        body = zlib.decompressobj(31).decompress(body, _MOST_OF_ARCHIVE)
    yield body  # a tar has its members as they are


class Watched:
    """A WSGI app whose status lines, headers and bodies are looked at; all else is the app's own."""

    def __init__(self, app: Any, watch: Watch) -> None:
        self._app, self._watch = app, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = f"answer of {environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
        media_types: list[str] = []

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            media_types.append(dict(headers).get("Content-Type", "").partition(";")[0])
            told = "\n".join([status, *(f"{name}: {value}" for name, value in headers)])
            self._watch.look(told.encode(errors="surrogateescape"), f"{asked}, headers")
            return start_response(status, headers, *more)

        body = self._app(environ, started)
        if isinstance(body, list | tuple):
            self._look_at(b"".join(body), asked, media_types)
            return body
        return _Body(body, lambda whole: self._look_at(whole, asked, media_types))

    def _look_at(self, body: bytes, asked: str, media_types: list[str]) -> None:
        self._watch.look(body, asked)
        if media_types[-1:] and media_types[-1] in _ARCHIVES:
            self._watch.archive(body, asked)


class _Body:
    """A body as it comes, looked at when it has ended, or was left."""

    def __init__(self, body: Iterable[bytes], ended: Callable[[bytes], None]) -> None:
        self._body, self._pieces, self._ended = body, iter(body), ended
        self._came: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self._came.append(piece)
        return piece

    def close(self) -> None:
        self._ended(b"".join(self._came))
        self._came.clear()
        if (close := getattr(self._body, "close", None)) is not None:
            close()


class _Handler(logging.Handler):
    """Every record as a file of logs would have it, with its exception."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.look(self.format(record).encode(errors="backslashreplace"), f"log of {record.name}")


WATCH = Watch()
