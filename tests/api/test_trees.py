"""Folders, moves, purges and archives of a tree, and the validators by which writers do not undo one another."""

from __future__ import annotations

import io
import tarfile
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, cast

import pytest
from sqlalchemy import event, select

from pubsite.models import File, Role, Site
from pubsite.models.paths import file_key
from pubsite.services import files, sites
from tests.conftest import Tenant

MOST = {"A": b"a", "d/b.txt": b"bb", "d/e/c.txt": b"ccc", "d_x/y": b"y"}


@pytest.fixture
def base(tenant: Tenant) -> str:
    """The URL of the tree of a new site: of files on one database, of assets on the other, to halve the time."""
    kind, mode = ("files", "SelfManaged")
    if not tenant.server.settings.database_url.startswith("sqlite"):
        kind, mode = ("assets", "FullyManaged")
    return f"/api/sites/{tenant.site('tree', mode)['id']}/{kind}"


def fill(tenant: Tenant, base: str, tree: dict[str, bytes]) -> None:
    for path, body in tree.items():
        tenant.client.upload(f"{base}/upload", path, body, status=200)


def shown(tenant: Tenant, base: str) -> dict[str, bytes | None]:
    """The tree by its archive: path → bytes, None of a directory; and that rows, keys and counters agree with it."""
    with zipfile.ZipFile(io.BytesIO(tenant.client.get(f"{base}/archive").body)) as archive:
        tree = {name.rstrip("/"): None if name.endswith("/") else archive.read(name) for name in archive.namelist()}
    with tenant.server.database.reading() as db:
        site = db.get_one(Site, uuid.UUID(base.split("/")[3]))
        rows = db.scalars(select(File).where(File.site_id == site.id)).all()
        assert {row.path: row.is_directory for row in rows} == {path: body is None for path, body in tree.items()}
        for row in rows:
            assert row.path_digest == file_key(row.path)
            assert row.parent_digest == file_key(row.path.rpartition("/")[0])
            assert "/" not in row.path or tree[row.path.rpartition("/")[0]] is None
        bodies = [body for body in tree.values() if body is not None]
        assert (site.files_bytes, site.files_count) == (sum(map(len, bodies)), len(bodies))
    return tree


def sequence(tenant: Tenant, base: str) -> int:
    with tenant.server.database.reading() as db:
        return db.get_one(Site, uuid.UUID(base.split("/")[3])).content_sequence


def move(tenant: Tenant, base: str, source: str, target: str, status: int = 200, **more: Any) -> dict[str, Any]:
    return tenant.client.post(f"{base}/move", {"from": source, "to": target, **more}, status=status).json


# Folders


def test_a_folder_is_made_with_its_parents_and_persists(tenant: Tenant, base: str) -> None:
    entry = tenant.client.post(f"{base}/folder", {"path": "a/b/c"}, status=200).json
    assert (entry["is_directory"], entry["relative_path"], entry["size"]) == (True, "a/b/c", 0)
    assert tenant.client.get(f"{base}?path=a/b/c").json == []
    before = sequence(tenant, base)
    assert tenant.client.post(f"{base}/folder", {"path": "a/b/c/"}, status=200).json == entry
    assert sequence(tenant, base) == before
    assert shown(tenant, base) == {"a": None, "a/b": None, "a/b/c": None}


def test_a_folder_is_409_where_a_file_is(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"d/file": b"x"})
    for path in ("d/file", "d/file/below", "D", "d/FILE"):
        tenant.client.post(f"{base}/folder", {"path": path}, status=409)
    for wrong in ({}, {"path": ""}, {"path": "/"}, {"path": "../x"}, {"path": 1}, {"path": "x", "mode": 7}):
        assert tenant.client.post(f"{base}/folder", wrong, status=400).json["errors"]
    assert shown(tenant, base) == {"d": None, "d/file": b"x"}


# Moves


def test_a_file_moves_and_its_new_parents_are_made(tenant: Tenant, base: str) -> None:
    fill(tenant, base, MOST)
    entry = move(tenant, base, "d/b.txt", "new/er/b.html")
    assert (entry["is_directory"], entry["relative_path"], entry["size"]) == (False, "new/er/b.html", 2)
    tree = shown(tenant, base)
    assert (tree["new/er/b.html"], tree["new/er"], tree["d"]) == (b"bb", None, None)
    assert "d/b.txt" not in tree


def test_a_directory_moves_with_all_that_is_in_it_and_nothing_else(tenant: Tenant, base: str) -> None:
    fill(tenant, base, MOST)
    before = sequence(tenant, base)
    assert move(tenant, base, "d", "x/y")["relative_path"] == "x/y"
    assert sequence(tenant, base) == before + 1
    assert shown(tenant, base) == {
        **{"A": b"a", "x": None, "x/y": None, "x/y/b.txt": b"bb", "x/y/e": None, "x/y/e/c.txt": b"ccc"},
        **{"d_x": None, "d_x/y": b"y"},
    }
    assert [entry["relative_path"] for entry in tenant.client.get(f"{base}?path=x/y").json] == ["x/y/e", "x/y/b.txt"]


def test_a_move_may_change_the_case_of_a_name(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a.txt": b"x", "dir/b": b"y"})
    assert move(tenant, base, "a.txt", "A.txt")["relative_path"] == "A.txt"
    assert move(tenant, base, "dir", "DIR")["relative_path"] == "DIR"
    assert shown(tenant, base) == {"A.txt": b"x", "DIR": None, "DIR/b": b"y"}


def test_a_move_to_where_something_is_needs_overwrite(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a": b"aaa", "b": b"b", "d/c": b"c", "e/f": b"f"})
    for source, target in (("a", "b"), ("a", "B"), ("a", "d"), ("d", "b"), ("d", "e"), ("a", "d/C"), ("a", "b/x")):
        move(tenant, base, source, target, status=409)
    for source, target in (("a", "d"), ("d", "b"), ("d", "e"), ("a", "B"), ("a", "b/x")):
        move(tenant, base, source, target, status=409, overwrite=True)
    assert move(tenant, base, "a", "b", overwrite=True)["size"] == 3
    assert shown(tenant, base) == {"b": b"aaa", "d": None, "d/c": b"c", "e": None, "e/f": b"f"}


def test_a_directory_does_not_move_into_itself(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"d/a": b"x"})
    for target in ("d/e", "d/a/b", "D/e"):
        answer = move(tenant, base, "d", target, status=400)
        assert answer["errors"] == [{"location": "body", "name": "to", "message": "lies below d, which is to move"}]
    assert move(tenant, base, "d", "d")["relative_path"] == "d"
    assert shown(tenant, base) == {"d": None, "d/a": b"x"}


def test_a_move_that_cannot_be_changes_nothing(tenant: Tenant, base: str) -> None:
    deep = "/".join(["n" * 250] * 15)
    fill(tenant, base, {f"d/{deep}": b"x", "m\uff0fa": b"y", "d/a": b"z"})
    before = shown(tenant, base)
    answer = move(tenant, base, "d", "m" * 255 + "/" + "m" * 100, status=400)
    assert "must have at most 4096 bytes" in answer["errors"][0]["message"]
    # A full-width solidus folds to a slash: some systems could not tell this name from d/a moved there.
    assert "m\uff0fa" in move(tenant, base, "d", "m", status=409)["message"]
    assert move(tenant, base, "none", "x", status=404)["message"] == "File or directory not found"
    move(tenant, base, "D", "x", status=404)
    for source, target in (("", "x"), ("d", ""), ("../d", "x"), ("d", "../x"), ("d", "con"), ("d", "/x"), ("/", "x")):
        assert move(tenant, base, source, target, status=400)["errors"]
    tenant.client.post(f"{base}/move", {"from": "d", "to": "x", "overwrite": "yes"}, status=400)
    assert shown(tenant, base) == before


def test_a_large_directory_moves_in_few_statements(tenant: Tenant, base: str) -> None:
    asked = {f"d/{number % 10}/{number}": b"x" for number in range(300)}
    fill(tenant, base, {"d/0/first": b"x"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path, body in asked.items():
            file.writestr(path, body)
    send(tenant, base, archive.getvalue(), "?smart=false")
    counted: list[str] = []
    engine = tenant.server.app.api.registry.database.engine  # type: ignore[attr-defined]  # Pyramid's router

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        counted.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    move(tenant, base, "d", "moved")
    event.remove(engine, "before_cursor_execute", count)
    assert len(counted) < 25
    assert sum(path.startswith("moved/") for path in shown(tenant, base)) == 310


# Purge


def test_a_purge_empties_the_tree(tenant: Tenant, base: str) -> None:
    fill(tenant, base, MOST)
    assert tenant.client.delete(f"{base}/purge", status=200).json == {"deleted": 7}
    assert shown(tenant, base) == {}
    before = sequence(tenant, base)
    assert tenant.client.delete(f"{base}/purge", status=200).json == {"deleted": 0}
    assert sequence(tenant, base) == before


# Archives of the tree


def test_an_archive_is_the_tree_bit_for_bit_the_same(tenant: Tenant, base: str) -> None:
    tree = {**MOST, "ü/ß.txt": b"unicode", "l" * 120 + "/" + "m" * 120: b"long"}
    fill(tenant, base, tree)
    tenant.client.post(f"{base}/folder", {"path": "empty/er"}, status=200)
    first = {kind: tenant.client.get(f"{base}/archive?format={kind}") for kind in ("zip", "tar.gz")}
    other = f"/api/sites/{tenant.site('other', 'SelfManaged')['id']}/files"
    tenant.client.post(f"{other}/folder", {"path": "empty/er"}, status=200)
    fill(tenant, other, dict(reversed(tree.items())))
    for kind, answer in first.items():
        assert tenant.client.get(f"{other}/archive?format={kind}").body == answer.body
        assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="tree-files.{kind}"')
        assert answer.headers["Content-Length"] == str(len(answer.body))
        assert answer.headers["Content-Type"] == {"zip": "application/zip", "tar.gz": "application/gzip"}[kind]
    assert shown(tenant, base) == {
        **tree,
        **dict.fromkeys(["d", "d/e", "d_x", "ü", "l" * 120, "empty", "empty/er"]),
    }
    with tarfile.open(fileobj=io.BytesIO(first["tar.gz"].body)) as tar:
        members = tar.getmembers()
        held = {m.name: cast("IO[bytes]", tar.extractfile(m)).read() if m.isfile() else None for m in members}
        assert held == shown(tenant, base)
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}
        assert {m.mode for m in members} == {0o644, 0o755}


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_makes_the_same_tree_again(tenant: Tenant, base: str, kind: str) -> None:
    fill(tenant, base, {**MOST, "ü.txt": b"x", "l" * 120 + "/" + "m" * 120: b"long"})
    tenant.client.post(f"{base}/folder", {"path": "empty"}, status=200)
    archive = tenant.client.get(f"{base}/archive?format={kind}").body
    before = shown(tenant, base)
    assert send(tenant, base, archive)["unchanged"] == 6
    tenant.client.delete(f"{base}/purge", status=200)
    assert send(tenant, base, archive)["created"] == 6
    assert shown(tenant, base) == before


def test_an_archive_of_nothing_and_of_an_odd_kind(tenant: Tenant, base: str) -> None:
    assert shown(tenant, base) == {}
    with tarfile.open(fileobj=io.BytesIO(tenant.client.get(f"{base}/archive?format=tar.gz").body)) as tar:
        assert [member.name for member in tar] == ["."]
    for odd in ("rar", "", "ZIP"):
        assert tenant.client.get(f"{base}/archive?format={odd}", status=400).json["errors"][0]["name"] == "format"


# Validators


def tag(tenant: Tenant, base: str) -> str:
    return tenant.client.post(f"{base}/sync", {"files": {}}, status=200).headers["ETag"]


def test_every_answer_about_a_tree_bears_its_validator(tenant: Tenant, base: str) -> None:
    empty = tag(tenant, base)
    fill(tenant, base, {"a": b"x"})
    filled = tag(tenant, base)
    assert filled != empty
    assert tenant.client.get(f"{base}/archive").headers["ETag"] == filled
    answer = tenant.client.get(f"{base}/archive?format=tar.gz", status=304, **{"If-None-Match": filled})
    assert (answer.body, answer.headers["ETag"]) == (b"", filled)
    tenant.client.delete(f"{base}/delete/a", status=200)
    assert tag(tenant, base) == empty
    tenant.client.post(f"{base}/folder", {"path": "d"}, status=200)
    assert tag(tenant, base) not in (empty, filled)


def test_a_stale_commit_deploy_or_purge_does_nothing(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a": b"x"})
    stale = tag(tenant, base)
    fill(tenant, base, {"b": b"y"})
    before = shown(tenant, base)
    fresh = tag(tenant, base)
    archive = zipped({"c": b"z"})
    for wrong in (stale, f"W/{fresh}", '"x"', ""):
        headers = {"If-Match": wrong}
        assert tenant.client.post(f"{base}/sync?commit=true", {"files": {}}, status=412, **headers).json["message"]
        tenant.client.delete(f"{base}/purge", status=412, **headers)
        send(tenant, base, archive, status=412, **headers)
        assert shown(tenant, base) == before
    committed = tenant.client.post(f"{base}/sync?commit=true", {"files": {}}, status=200, **{"If-Match": fresh})
    assert committed.headers["ETag"] == tag(tenant, base)
    send(tenant, base, archive, **{"If-Match": committed.headers["ETag"]})
    tenant.client.delete(f"{base}/purge", status=200, **{"If-Match": "*"})
    assert shown(tenant, base) == {}


def test_of_two_commits_on_one_state_one_wins(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a": b"x"})
    state = {"If-Match": tag(tenant, base)}
    digest = tenant.client.get(f"{base}/download/a").headers["ETag"].strip('"')

    def commit(number: int) -> int:
        client = tenant.server.client(tenant.owner)
        tree = {"files": {f"by-{number}": digest}}
        return int(client.post(f"{base}/sync?commit=true", tree, **state).status_int)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(commit, range(4))) == [200, 412, 412, 412]
    assert len(shown(tenant, base)) == 1


def test_a_file_has_one_validator_everywhere(tenant: Tenant, base: str) -> None:
    uploaded = tenant.client.upload(f"{base}/upload", "a.txt", b"one", status=200).headers["ETag"]
    assert tenant.client.get(f"{base}/download/a.txt").headers["ETag"] == uploaded
    assert tenant.client.get(f"{base}/content/a.txt").headers["ETag"] == uploaded
    tenant.client.get(f"{base}/content/a.txt", status=304, **{"If-None-Match": uploaded})
    edited = tenant.client.put(f"{base}/edit/a.txt", {"new_content": "two"}, status=200).headers["ETag"]
    assert edited == tenant.client.get(f"{base}/content/a.txt").headers["ETag"] != uploaded


def test_a_stale_write_of_a_file_does_nothing(tenant: Tenant, base: str) -> None:
    stale = tenant.client.upload(f"{base}/upload", "a.txt", b"one", status=200).headers["ETag"]
    fresh = tenant.client.put(f"{base}/edit/a.txt", {"new_content": "two"}, status=200).headers["ETag"]
    url, text = f"{base}/edit/a.txt", {"new_content": "three"}
    assert tenant.client.put(url, text, status=412, **{"If-Match": stale}).json["statusCode"] == 412
    tenant.client.put(url, text, status=412, **{"If-None-Match": fresh})
    tenant.client.put(url, text, status=412, **{"If-None-Match": "*"})
    tenant.client.delete(f"{base}/delete/a.txt", status=412, **{"If-Match": stale})
    assert shown(tenant, base) == {"a.txt": b"two"}
    newer = tenant.client.put(url, text, status=200, **{"If-Match": fresh}).headers["ETag"]
    tenant.client.delete(f"{base}/delete/a.txt", status=200, **{"If-Match": newer})
    tenant.client.put(url, text, status=404, **{"If-Match": newer})
    fill(tenant, base, {"d/a": b"x"})
    tenant.client.delete(f"{base}/delete/d?recursive=true", status=200, **{"If-Match": "*"})
    assert shown(tenant, base) == {}


def test_an_upload_can_be_only_for_what_is_not_there_yet(tenant: Tenant, base: str) -> None:
    client = tenant.server.client(tenant.owner)
    client.headers["If-None-Match"] = "*"
    client.upload(f"{base}/upload", "a", b"one", status=200)
    client.upload(f"{base}/upload", "a", b"two", status=412)
    del client.headers["If-None-Match"]
    client.headers["If-Match"] = "*"
    client.upload(f"{base}/upload", "b", b"x", status=412)
    client.upload(f"{base}/upload", "a", b"two", status=200)
    assert shown(tenant, base) == {"a": b"two"}


def test_an_edit_does_not_bring_back_a_file_that_is_deleted_meanwhile(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a.txt": b"one"})
    client = tenant.server.client(tenant.owner)
    with ThreadPoolExecutor(1) as pool:
        with tenant.server.database.transaction() as db:
            site = sites.lock(db, db.get_one(Site, uuid.UUID(base.split("/")[3])))
            files.remove(db, site, "a.txt")
            waiting = pool.submit(client.put, f"{base}/edit/a.txt", {"new_content": "two"})
            with pytest.raises(TimeoutError):
                waiting.result(0.15)
        assert waiting.result().status_int == 404
    assert shown(tenant, base) == {}


def test_an_edit_that_waits_counts_from_the_newest_size(tenant: Tenant, base: str) -> None:
    fill(tenant, base, {"a.txt": b"one"})
    client = tenant.server.client(tenant.owner)
    with ThreadPoolExecutor(1) as pool:
        with tenant.server.database.transaction() as db:
            site = db.get_one(Site, uuid.UUID(base.split("/")[3]))
            objects, limits = tenant.server.storage.objects, files.Limits(1000, 1000)
            files.put(db, objects, site, "a.txt", b"x" * 100, limits, field="path")
            waiting = pool.submit(client.put, f"{base}/edit/a.txt", {"new_content": "four"})
            with pytest.raises(TimeoutError):
                waiting.result(0.15)
        assert waiting.result().status_int == 200
    assert shown(tenant, base) == {"a.txt": b"four"}


# Who may


def test_every_endpoint_checks_in_the_documented_order(tenant: Tenant, base: str) -> None:
    other = "assets" if base.endswith("files") else "files"
    of_other_mode = base.rpartition("/")[0] + f"/{other}"
    viewer, anonymous = tenant.member(Role.Viewer), tenant.server.client()
    endpoints = [("POST", "folder"), ("POST", "move"), ("POST", "deploy"), ("DELETE", "purge"), ("GET", "archive")]
    for method, name in endpoints:
        assert anonymous.send(method, f"{of_other_mode}/{name}").status_int == 401
        for client in (viewer, tenant.client):
            answer = client.send(method, f"{of_other_mode}/{name}")
            assert (answer.status_int, answer.json["message"][:18]) == (404, "Site not found or ")
        assert viewer.send(method, f"{base}/{name}").status_int == 403
    reader = tenant.server.client(tenant.owner, scopes=("read",))
    assert [reader.send(method, f"{base}/{name}").status_int for method, name in endpoints] == [403] * 4 + [200]
    assert tenant.member(Role.Editor).send("DELETE", f"{base}/purge").status_int == 200


def zipped(tree: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in tree.items():
            archive.writestr(path, body)
    return out.getvalue()


def send(tenant: Tenant, base: str, archive: bytes, query: str = "", status: int = 200, **headers: str) -> Any:
    """The answer to a deploy of an archive."""
    sent = {**tenant.client.headers, **headers}
    files = [("file", "site.zip", archive)]
    return tenant.client.app.post(f"{base}/deploy{query}", upload_files=files, headers=sent, status=status).json


def test_a_site_has_so_many_directories_at_most(tenant: Tenant, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_DIRECTORIES", 3)
    tenant.client.post(f"{base}/folder", {"path": "a/b"}, status=200)
    fill(tenant, base, {"c/x.txt": b"x"})
    assert tenant.client.post(f"{base}/folder", {"path": "a/d"}).status_int == 400
    assert tenant.client.upload(f"{base}/upload", "e/x.txt", b"x").status_int == 400
    assert move(tenant, base, "c/x.txt", "f/x.txt", status=400)["message"].startswith("A site may have 3 directories")
    tenant.client.post(f"{base}/folder", {"path": "a/b"}, status=200)
    monkeypatch.setattr(files, "MOST_CHARACTERS", 100)
    monkeypatch.setattr(files, "MOST_DIRECTORIES", 100)
    assert tenant.client.post(f"{base}/folder", {"path": "x" * 100}).status_int == 400
