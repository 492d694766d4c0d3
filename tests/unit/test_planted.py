"""The search for planted secrets finds each of them, in each form, at each place at which one could be told."""

from __future__ import annotations

import base64
import io
import json
import logging
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import create_engine

from pubsite.storage import open_storage
from tests.databases import new_postgresql, require_postgresql
from tests.planted import SECRETS, Watch

SECRET = SECRETS[0]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def parts(secret: str) -> Iterator[str]:
    """The secret, the half behind its `:`, and each without its spaces."""
    half = secret.partition(":")[2]
    for text in filter(None, (secret, half if len(half) >= 8 else "")):
        yield text
        yield text.replace(" ", "")


def forms(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield from (raw, raw.hex().encode(), json.dumps(text).encode(), json.dumps(text, ensure_ascii=False).encode())
    yield from (quote(raw).encode(), quote(raw, safe="").encode(), quote_plus(raw).encode(), repr(raw).encode())
    for before in (b"", b"a", b"ab", b"user:", b"{"):
        yield base64.b64encode(before + raw + b"!")
        yield base64.urlsafe_b64encode(before + raw)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_form_is_found(watch: Watch, secret: str) -> None:
    for number, form in enumerate(form for part in parts(secret) for form in forms(part)):
        watch.look(b"before " + form + b" behind", "here")
        assert len(watch.found) == number + 1, form


def test_what_is_none_is_not_found(watch: Watch) -> None:
    watch.look(b"whsec_" + base64.b64encode(bytes(range(256))) + uuid.uuid4().hex.encode() * 99, "here")
    watch.check()
    assert watch.found == []


def test_what_was_found_is_told_once(watch: Watch) -> None:
    watch.look(SECRET.encode(), "here")
    with pytest.raises(AssertionError, match="here: "):
        watch.check()
    watch.check()


Start = Callable[..., Any]


def answering(status: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response(status, headers)
        return body

    return app


def zipped(body: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.html", body)
    return sink.getvalue()


def tarred(body: bytes, mode: str = "w:gz") -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:  # type: ignore[call-overload]  # any mode
        info = tarfile.TarInfo("a/b.html")
        info.size = len(body)
        archive.addfile(info, io.BytesIO(body))
    return sink.getvalue()


@pytest.mark.parametrize(
    "app",
    [
        answering(f"200 {SECRET}", [], [b"ok"]),
        answering("200 OK", [("Location", f"/{SECRET}")], [b"ok"]),
        answering("200 OK", [], [SECRET.encode()]),
        answering("200 OK", [], (SECRET[:9].encode(), SECRET[9:].encode())),
        answering("200 OK", [], (piece for piece in (SECRET[:9].encode(), SECRET[9:].encode()))),
        answering("200 OK", [("Content-Type", "application/zip")], [zipped(SECRET.encode() * 9)]),
        answering("200 OK", [("Content-Type", "application/gzip")], [tarred(SECRET.encode() * 9)]),
    ],
)
def test_an_answer_that_tells_one_is_seen(watch: Watch, app: Any) -> None:
    told = watch.responses(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/a"}, lambda *args: None)
    list(told)
    getattr(told, "close", lambda: None)()
    assert len(watch.found) == 1
    assert watch.found[0].startswith("answer of GET /a")


def test_an_answer_goes_through_as_it_is(watch: Watch) -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter((b"a", b"b"))

        def close(self) -> None:
            closed.append(True)

    started: list[Any] = []
    app = watch.responses(answering("200 OK", [("A", "b")], Body()))
    body: Any = app({}, lambda *args: started.extend(args))
    assert list(body) == [b"a", b"b"]
    body.close()
    assert (started, closed, watch.found) == (["200 OK", [("A", "b")]], [True], [])


@pytest.mark.parametrize("exception", [False, True])
def test_a_log_line_that_tells_one_is_seen(watch: Watch, exception: bool) -> None:
    log = logging.Logger("test")
    log.addHandler(watch.logs())
    try:
        raise ValueError(SECRET if exception else "")
    except ValueError:
        log.info("it broke: %s", "so" if exception else SECRET, exc_info=True)
    assert len(watch.found) == 1
    assert watch.found[0].startswith("log of test")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a/b", SECRET.encode()),
        ("big", bytes(8_388_600) + SECRET.encode()),
        ("a.zip", zipped(SECRET.encode() * 9)),
        ("a.tar.gz", tarred(SECRET.encode() * 9)),
        ("a.tgz", tarred(SECRET.encode() * 9)),
        ("a.tar", tarred(SECRET.encode(), "w")),
        ("keys.json.bak", SECRET.encode()),
    ],
)
def test_a_file_that_holds_one_is_seen(watch: Watch, tmp_path: Path, name: str, body: bytes) -> None:
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    watch.files(tmp_path)
    path.unlink()  # the whole run is searched, this folder too
    assert len(watch.found) == 1
    assert str(path) in watch.found[0]


def test_what_is_no_archive_is_passed_over(watch: Watch, tmp_path: Path) -> None:
    for name in ("a.zip", "a.gz", "a.tar"):
        (tmp_path / name).write_bytes(b"PK\x03\x04" if name == "a.zip" else b"\x1f\x8bno")
    watch.files(tmp_path)
    assert watch.found == []


def test_a_compressed_object_that_holds_one_is_seen(watch: Watch, tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    digest = storage.objects.put(b"<p>" + b"x" * 999 + SECRET.encode())
    assert storage.objects.get_stored(digest).coding == "gzip"
    watch.objects(storage)
    storage.close()
    assert [found.partition(":")[0] for found in watch.found] == [f"object {digest}"]


def test_a_row_that_holds_one_is_seen_in_a_database_file(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a TEXT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (SECRET,))
    watch.files(tmp_path)
    engine.dispose()
    path.unlink()
    assert len(watch.found) == 1


@pytest.mark.parametrize("kind", ["text", "json", "jsonb", "text[]"])
def test_a_row_that_holds_one_is_seen_on_postgresql(watch: Watch, kind: str) -> None:
    require_postgresql()
    value = {"text": SECRET, "text[]": f'{{"{SECRET}"}}'}.get(kind, json.dumps({"a": [SECRET]}))
    with new_postgresql() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE TABLE "odd name" (n INT, a {kind})')
            connection.exec_driver_sql(f"""INSERT INTO "odd name" VALUES (1, '{value}')""")
        watch.rows(engine)
        engine.dispose()
    assert [found.partition(":")[0] for found in watch.found] == ["table odd name"]
