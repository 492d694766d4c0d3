"""Files of SelfManaged sites, as the published document says: fields, messages, limits, MIME types and all."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from pubsite.models import Role, Site
from tests.conftest import Tenant

FILE_LIMIT = 1_048_576
SITE_LIMIT = 26_214_400
HELLO = "<!DOCTYPE html>\n<html>\n<body>Hello World</body>\n</html>"


@pytest.fixture
def base(tenant: Tenant) -> str:
    """The URL of the files of a new SelfManaged site."""
    return f"/api/sites/{tenant.site('raw', 'SelfManaged')['id']}/files"


def upload(tenant: Tenant, base: str, path: str, body: bytes = b"x", status: int = 200) -> dict[str, Any]:
    return tenant.client.upload(f"{base}/upload", path, body, status=status).json


def use(tenant: Tenant, base: str, files_bytes: int) -> None:
    """Let the site look as if its files had so many bytes."""
    with tenant.server.database.transaction() as db:
        db.get_one(Site, uuid.UUID(base.split("/")[3])).files_bytes = files_bytes


def used(tenant: Tenant, base: str) -> int:
    with tenant.server.database.reading() as db:
        return db.get_one(Site, uuid.UUID(base.split("/")[3])).files_bytes


# Upload


def test_an_upload_makes_a_file_and_its_parents(tenant: Tenant, base: str) -> None:
    entry = upload(tenant, base, "assets/css/site.css", b"body {}")
    assert set(entry) == {"is_directory", "relative_path", "size", "modified"}
    assert (entry["is_directory"], entry["relative_path"], entry["size"]) == (False, "assets/css/site.css", 7)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["modified"])
    (directory,) = tenant.client.get(base).json
    assert (directory["is_directory"], directory["relative_path"], directory["size"]) == (True, "assets", 0)


def test_an_upload_replaces_what_is_there(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt", b"one")
    assert upload(tenant, base, "a.txt", b"three")["size"] == 5
    assert tenant.client.get(f"{base}/content/a.txt").json == {"content": "three"}
    assert used(tenant, base) == 5


def test_the_same_bytes_again_change_nothing(tenant: Tenant, base: str) -> None:
    first = upload(tenant, base, "a.txt", b"one")
    assert upload(tenant, base, "a.txt", b"one") == first


def test_an_empty_file_is_refused(tenant: Tenant, base: str) -> None:
    answer = upload(tenant, base, "a.txt", b"", status=400)
    assert answer["errors"] == [{"location": "body", "name": "file", "message": "must not be empty"}]
    assert tenant.client.get(base).json == []


def test_a_file_has_at_most_a_mebibyte(tenant: Tenant, base: str) -> None:
    assert upload(tenant, base, "full.bin", bytes(FILE_LIMIT))["size"] == FILE_LIMIT
    answer = upload(tenant, base, "over.bin", bytes(FILE_LIMIT + 1), status=400)
    assert (answer["statusCode"], answer["message"]) == (400, "File size exceeds 1MB limit")
    assert str(FILE_LIMIT + 1) in answer["errors"][0]["message"]
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["full.bin"]


def test_a_site_has_at_most_its_limit(tenant: Tenant, base: str) -> None:
    use(tenant, base, SITE_LIMIT - 10)
    assert upload(tenant, base, "ten", b"x" * 10)["size"] == 10
    answer = upload(tenant, base, "one", b"y", status=400)
    assert (answer["statusCode"], answer["message"]) == (400, "Site total size would exceed 25MB limit")
    assert str(SITE_LIMIT) in answer["errors"][0]["message"]
    assert used(tenant, base) == SITE_LIMIT


def test_what_a_write_replaces_is_given_back_first(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a", b"x" * 10)
    use(tenant, base, SITE_LIMIT)
    assert upload(tenant, base, "a", b"y" * 10)["size"] == 10
    upload(tenant, base, "a", b"z" * 11, status=400)
    tenant.client.put(f"{base}/edit/a", {"new_content": "ä" * 5}, status=200)
    answer = tenant.client.put(f"{base}/edit/a", {"new_content": "ä" * 6}, status=400).json
    assert answer["message"] == "Site total size would exceed 25MB limit"
    tenant.client.delete(f"{base}/delete/a", status=200)
    assert used(tenant, base) == SITE_LIMIT - 10


TEXT = b'--b\r\nContent-Disposition: form-data; name="filePath"\r\n\r\na.txt\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n'


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (TEXT + b"--b--\r\n", {"file"}),
        (FILE + b"--b--\r\n", {"filePath"}),
        (b"--b--\r\n", {"filePath", "file"}),
        (TEXT + FILE + FILE + b"--b--\r\n", {"file"}),
        (TEXT + FILE, set()),
        ((TEXT + FILE)[:-4], set()),
        (b"", set()),
    ],
    ids=["no file", "no path", "neither", "two files", "no end", "cut off", "no body"],
)
def test_a_form_that_is_not_whole_stores_nothing(tenant: Tenant, base: str, body: bytes, named: set[str]) -> None:
    answer = tenant.client.send("POST", f"{base}/upload", body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_int == 400
    assert {error["name"] for error in answer.json.get("errors", ())} == named
    assert tenant.client.get(base).json == []


def test_an_upload_that_is_no_form_is_refused(tenant: Tenant, base: str) -> None:
    for content_type in ("application/json", "multipart/form-data", "application/octet-stream"):
        answer = tenant.client.send("POST", f"{base}/upload", b"{}", **{"Content-Type": content_type})
        assert (answer.status_int, answer.json["message"]) == (400, "Send multipart/form-data with a boundary")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "../a",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "c:a",
        "con",
        "a/nul.txt",
        ".git/config",
        "a. ",
        "a\x00b",
    ],
)
def test_a_path_that_is_none_is_refused(tenant: Tenant, base: str, path: str) -> None:
    answer = upload(tenant, base, path, b"x", status=400)
    assert answer["message"] == "Invalid file path"
    assert answer["errors"][0]["name"] == "filePath"
    assert tenant.client.get(base).json == []


def test_paths_that_a_file_system_could_not_tell_apart_are_409(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "Dir/Readme.md")
    for other in ("Dir/README.md", "dir/x", "DIR", "Dir/\uff32EADME.md"):
        upload(tenant, base, other, status=409)


def test_a_file_is_no_directory_and_the_reverse(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a")
    upload(tenant, base, "d/x")
    assert upload(tenant, base, "a/b", status=409)["message"] == "a is a file: nothing can lie below it"
    assert upload(tenant, base, "d", status=409)["message"] == "d is a directory"


def test_a_percent_sequence_left_after_decoding_is_just_characters(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "100%25.txt", b"x")
    assert tenant.client.get(f"{base}/content/100%2525.txt").json == {"content": "x"}
    tenant.client.get(f"{base}/content/100%25.txt", status=404)


# List


def test_lists_one_level_directories_first_then_by_name(tenant: Tenant, base: str) -> None:
    for path in ("index.html", "folder1/b.txt", "folder1/a.txt", "Zebra/x", "about.html", "folder1/sub/c.txt"):
        upload(tenant, base, path)
    listed = tenant.client.get(base).json
    assert [(entry["is_directory"], entry["relative_path"]) for entry in listed] == [
        (True, "Zebra"),
        (True, "folder1"),
        (False, "about.html"),
        (False, "index.html"),
    ]
    for spelling in ("folder1", "folder1/"):
        inside = tenant.client.get(f"{base}?path={spelling}").json
        assert [entry["relative_path"] for entry in inside] == ["folder1/sub", "folder1/a.txt", "folder1/b.txt"]
    for spelling in ("", "/"):
        assert tenant.client.get(f"{base}?path={spelling}").json == listed


def test_a_directory_that_is_not_there_is_404(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    for path in ("none", "a.txt", "a.txt/b"):
        assert tenant.client.get(f"{base}?path={path}", status=404).json["message"] == "Directory not found"
    for path in ("..", "a//b", "%5C"):
        assert tenant.client.get(f"{base}?path={path}", status=400).json["message"] == "Invalid file path"


# Content and edit


def test_content_is_the_text_of_a_file(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "index.html", HELLO.encode())
    assert tenant.client.get(f"{base}/content/index.html").json == {"content": HELLO}


def test_what_is_no_text_is_refused_and_can_be_downloaded(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.bin", b"ok\xff")
    answer = tenant.client.get(f"{base}/content/a.bin", status=400).json
    assert answer["message"] == "The file is not UTF-8 text (byte 2); download it instead"
    assert tenant.client.get(f"{base}/download/a.bin").body == b"ok\xff"
    tenant.client.put(f"{base}/edit/a.bin", {"new_content": "x"}, status=400)


def test_an_edit_replaces_the_text(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a/index.html", b"old")
    entry = tenant.client.put(f"{base}/edit/a/index.html", {"new_content": HELLO + "ä"}, status=200).json
    assert (entry["relative_path"], entry["size"]) == ("a/index.html", len(HELLO) + 2)
    assert tenant.client.get(f"{base}/content/a/index.html").json == {"content": HELLO + "ä"}
    assert used(tenant, base) == len(HELLO) + 2


def test_an_edit_can_empty_a_file(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    assert tenant.client.put(f"{base}/edit/a.txt", {"new_content": ""}, status=200).json["size"] == 0
    assert tenant.client.get(f"{base}/content/a.txt").json == {"content": ""}


def test_an_edit_counts_bytes_not_characters(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    tenant.client.put(f"{base}/edit/a.txt", {"new_content": "ä" * (FILE_LIMIT // 2)}, status=200)
    answer = tenant.client.put(f"{base}/edit/a.txt", {"new_content": "ä" * (FILE_LIMIT // 2) + "x"}, status=400).json
    assert answer["message"] == "File size exceeds 1MB limit"


def test_an_edit_needs_a_file_and_a_text(tenant: Tenant, base: str) -> None:
    missing = tenant.client.put(f"{base}/edit/none.txt", {"new_content": "x"}, status=404).json
    assert missing["message"] == "File or directory not found"
    upload(tenant, base, "d/x.txt")
    tenant.client.put(f"{base}/edit/d", {"new_content": "x"}, status=400)
    for wrong in (
        {},
        {"new_content": 1},
        {"new_content": None},
        {"newContent": "x"},
        {"new_content": "x", "path": "y"},
    ):
        assert tenant.client.put(f"{base}/edit/d/x.txt", wrong, status=400).json["errors"]


# Download


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("a.html", "text/html"),
        ("a.htm", "text/html"),
        ("a.css", "text/css"),
        ("a.js", "application/javascript"),
        ("a.json", "application/json"),
        ("a.JSON", "application/json"),
        ("a.svg", "application/octet-stream"),
        ("a.xml", "application/octet-stream"),
        ("a.html.bak", "application/octet-stream"),
        ("html", "application/octet-stream"),
        (".html", "text/html"),
    ],
)
def test_downloads_have_the_documented_types_exactly(tenant: Tenant, base: str, name: str, content_type: str) -> None:
    upload(tenant, base, name, b"content")
    answer = tenant.client.get(f"{base}/download/{name}")
    assert (answer.headers["Content-Type"], answer.body) == (content_type, b"content")
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{name}"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_download_keeps_its_name_whatever_it_is(tenant: Tenant, base: str) -> None:
    upload(tenant, base, 'übung "1"; 100%.txt')
    answer = tenant.client.get(f"{base}/download/%C3%BCbung%20%221%22;%20100%25.txt")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"_bung _1_; 100_.txt\"; filename*=UTF-8''%C3%BCbung%20%221%22%3B%20100%25.txt"
    )


def download(tenant: Tenant, base: str, **headers: str) -> tuple[int, bytes, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = tenant.client.get(f"{base}/download/a.txt", status="*", **sent)
    return answer.status_int, answer.body, answer.headers


def test_a_download_has_a_strong_validator(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    _, _, headers = download(tenant, base)
    etag = headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{64}"', etag)
    for same in (etag, f"W/{etag}", "*", f'"x", {etag}', f'W/"x",{etag}'):
        status, body, headers = download(tenant, base, If_None_Match=same)
        assert (status, body, headers["ETag"]) == (304, b"", etag)
    for other in ('"x"', "", "W/", '"', etag[:-1], "\xff"):
        assert download(tenant, base, If_None_Match=other)[0] == 200
    assert download(tenant, base, If_Match=etag)[0] == 200
    for stale in ('"x"', f"W/{etag}", ""):
        status, body, _ = download(tenant, base, If_Match=stale)
        assert (status, b"statusCode" in body) == (412, True)
    upload(tenant, base, "a.txt", b"another")
    assert download(tenant, base, If_None_Match=etag)[0] == 200


@pytest.mark.parametrize(
    ("asked", "content", "shown"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("BYTES=9-9", b"9", "bytes 9-9/10"),
    ],
)
def test_a_range_is_answered_with_that_part(tenant: Tenant, base: str, asked: str, content: bytes, shown: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    status, body, headers = download(tenant, base, Range=asked)
    assert (status, body, headers["Content-Range"], headers["Content-Type"]) == (206, content, shown, "text/plain")
    assert headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_beyond_the_file_is_416(tenant: Tenant, base: str, asked: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    answer = tenant.client.get(f"{base}/download/a.txt", status=416, Range=asked)
    assert answer.headers["Content-Range"] == "bytes */10"
    assert (answer.json["statusCode"], answer.json["request_id"]) == (416, answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "x",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=3-1",
        "bytes=0-1,4-5",
        "lines=1-2",
        "bytes=-" + "9" * 5000,
    ],
)
def test_an_odd_range_is_answered_with_the_whole(tenant: Tenant, base: str, odd: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    assert download(tenant, base, Range=odd)[:2] == (200, b"0123456789")


def test_a_range_of_another_state_is_answered_with_the_whole(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    etag = download(tenant, base)[2]["ETag"]
    assert download(tenant, base, Range="bytes=0-1", If_Range=etag)[0] == 206
    for other in ('"x"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT", "\xff"):
        assert download(tenant, base, Range="bytes=0-1", If_Range=other)[0] == 200
    for date in ("Wed, 21 Oct 2099 07:28:00 GMT", "garbage", "99999999999"):
        assert download(tenant, base, If_Modified_Since=date, If_Unmodified_Since=date)[0] == 200


def test_head_tells_the_length_and_sends_nothing(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt", b"0123456789")
    answer = tenant.client.send("HEAD", f"{base}/download/a.txt")
    assert (answer.status_int, answer.body, answer.headers["Content-Length"]) == (200, b"", "10")
    assert tenant.client.send("HEAD", f"{base}/download/a.txt", Range="bytes=0-1").status_int == 200


def test_an_empty_file_has_no_range(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    tenant.client.put(f"{base}/edit/a.txt", {"new_content": ""}, status=200)
    assert download(tenant, base)[:2] == (200, b"")
    assert download(tenant, base, Range="bytes=0-")[0] == 416


# Delete


def test_deletes_a_file_and_an_empty_directory(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "d/a.txt", b"abc")
    assert tenant.client.delete(f"{base}/delete/d/a.txt", status=200).json == {"deleted": 1}
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["d"]
    assert tenant.client.delete(f"{base}/delete/d/", status=200).json == {"deleted": 1}
    assert tenant.client.get(base).json == []
    assert used(tenant, base) == 0


def test_a_full_directory_goes_only_with_recursive(tenant: Tenant, base: str) -> None:
    for path in ("d/a", "d/e/b", "d_x/c", "dd/c"):
        upload(tenant, base, path)
    answer = tenant.client.delete(f"{base}/delete/d", status=409).json
    assert answer["message"].startswith("The directory d is not empty")
    tenant.client.delete(f"{base}/delete/d?recursive=false", status=409)
    tenant.client.delete(f"{base}/delete/d?recursive=yes", status=400)
    assert tenant.client.delete(f"{base}/delete/d?recursive=true", status=200).json == {"deleted": 4}
    assert [entry["relative_path"] for entry in tenant.client.get(base).json] == ["d_x", "dd"]
    assert used(tenant, base) == 2


def test_a_tree_deeper_than_the_stack_can_be_deleted(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "d/" * 1500 + "x")
    assert tenant.client.delete(f"{base}/delete/d?recursive=true", status=200).json == {"deleted": 1501}
    assert tenant.client.get(base).json == []


def test_what_is_not_there_is_404_and_the_root_cannot_go(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    for path in ("none", "a.txt/b", "A.TXT"):
        answer = tenant.client.delete(f"{base}/delete/{path}", status=404).json
        assert answer["message"] == "File or directory not found"
    for path in ("", "/", ".", "%2e%2e", "%00"):
        answer = tenant.client.delete(f"{base}/delete/{path}?recursive=true", status=400).json
        assert answer["message"] == "Invalid file path"
    assert len(tenant.client.get(base).json) == 1


def test_another_case_is_another_file_to_read(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "Dir/a.txt")
    for url in (f"{base}/content/dir/a.txt", f"{base}/download/Dir/A.txt", f"{base}?path=dir"):
        tenant.client.get(url, status=404)


@pytest.mark.parametrize("kind", ["content", "download"])
def test_reading_what_is_no_file(tenant: Tenant, base: str, kind: str) -> None:
    upload(tenant, base, "d/x")
    assert tenant.client.get(f"{base}/{kind}/none", status=404).json["message"] == "File or directory not found"
    assert tenant.client.get(f"{base}/{kind}/d", status=400).json["message"] == "path is a directory"
    for path in ("", "../x", "%2e%2e/x", "%2e%2e%2fx", "d//x", "d%5Cx", "con", "%00", "%0a"):
        assert tenant.client.get(f"{base}/{kind}/{path}", status=400).json["message"] == "Invalid file path"


# Who may


def test_the_checks_come_in_the_documented_order(tenant: Tenant, base: str) -> None:
    managed = tenant.site("managed")["id"]
    stranger = tenant.server.client(tenant.server.account())
    for missing in (f"/api/sites/{uuid.uuid4()}/files", f"/api/sites/{managed}/files"):
        tenant.server.client().get(missing, status=401)
        for client in (stranger, tenant.client):
            answer = client.get(missing, status=404).json
            assert (answer["statusCode"], answer["message"]) == (404, "Site not found or not self-managed")
    tenant.server.client().get(base, status=401)
    for client in (stranger, tenant.member(Role.Viewer)):
        assert client.get(base, status=403).json["message"] == "Forbidden"
    assert tenant.member(Role.Editor).get(base).json == []


def test_files_go_with_their_site(tenant: Tenant, base: str) -> None:
    upload(tenant, base, "a.txt")
    tenant.client.delete(f"/api/sites/{tenant.name}/raw", status=204)
    tenant.client.get(base, status=404)
    tenant.client.get(f"{base}/download/a.txt", status=404)


def test_a_site_has_no_more_files_than_allowed(tenant: Tenant) -> None:
    site = tenant.site("raw", "SelfManaged")
    url = f"/api/sites/{site['id']}/files/upload"
    limit = tenant.server.settings.site_files_limit
    tenant.client.upload(url, "a.txt", b"x", status=200)
    with tenant.server.database.transaction() as db:
        db.get_one(Site, uuid.UUID(site["id"])).files_count = limit
    refused = tenant.client.upload(url, "b.txt", b"x", status=400).json
    assert refused["message"] == f"The site has all of the {limit} files that it may have"
    tenant.client.upload(url, "a.txt", b"another", status=200)
