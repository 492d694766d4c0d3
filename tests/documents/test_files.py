"""The document's files: each endpoint, field, MIME type, and each limit to the byte."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import new_tenant
from tests.documents.document import API, says
from tests.documents.shapes import assert_is, assert_like
from tests.documents.world import World, shown

LIST = "GET /api/sites/{siteId}/files"
UPLOAD = "POST /api/sites/{siteId}/files/upload"
CONTENT = "GET /api/sites/{siteId}/files/content/{relativePath}"
DOWNLOAD = "GET /api/sites/{siteId}/files/download/{relativePath}"
EDIT = "PUT /api/sites/{siteId}/files/edit/{relativePath}"
DELETE = "DELETE /api/sites/{siteId}/files/delete/{relativePath}"

FILE_LIMIT = 1_048_576
SITE_LIMIT = 26_214_400
ENTRY = API.interface("FileEntry")
LIST_EXAMPLE = API.example(f"Endpoint: {LIST}")
CONTENT_EXAMPLE = API.example(f"Endpoint: {CONTENT}")
EDIT_EXAMPLE = API.example(f"Endpoint: {EDIT}")
TOO_LARGE = {"statusCode": 400, "message": "File size exceeds 1MB limit"}
SITE_FULL = {"statusCode": 400, "message": "Site total size would exceed 25MB limit"}


def listed(world: World, site_id: str, query: str = "") -> list[str]:
    return [entry["relative_path"] for entry in world.ask(LIST + query, siteId=site_id).json]


def content(world: World, site_id: str, path: str) -> str:
    return str(world.ask(CONTENT, siteId=site_id, relativePath=path).json["content"])


def fill(world: World, site_id: str, spare: int) -> None:
    """Upload as many files of a megabyte as a site may have, but for some bytes."""
    count = SITE_LIMIT // FILE_LIMIT
    for number in range(count):
        world.upload(site_id, f"{number}.bin", bytes(FILE_LIMIT - (spare if number == count - 1 else 0)))


@says(
    API,
    "This API provides file management capabilities for self-managed publication sites on the Dyson Network platform."
    " It allows authenticated users with editor permissions to manage static files for their sites.",
    "- File and directory listing",
    "- File content reading and editing",
    "- File downloading with appropriate MIME types",
    "- File deletion",
)
def test_an_editor_manages_the_files_of_a_site(world: World) -> None:
    site_id = world.files("index.html", "folder1/a.txt")
    assert listed(world, site_id) == ["folder1", "index.html"]
    world.ask(EDIT, {"new_content": "new"}, siteId=site_id, relativePath="index.html")
    assert content(world, site_id, "index.html") == "new"
    answer = world.ask(DOWNLOAD, siteId=site_id, relativePath="index.html")
    assert (answer.headers["Content-Type"], answer.body) == ("text/html", b"new")
    world.ask(DELETE, siteId=site_id, relativePath="index.html")
    assert listed(world, site_id) == ["folder1"]


@says(API, "- File upload with size validation", "- Individual file size limit: 1 MB (1,048,576 bytes)")
def test_a_file_has_1048576_bytes_at_most(world: World) -> None:
    site_id = world.files()
    assert world.upload(site_id, "full.bin", bytes(FILE_LIMIT)).json["size"] == FILE_LIMIT
    assert shown(world.upload(site_id, "over.bin", bytes(FILE_LIMIT + 1), status=400)) == TOO_LARGE
    assert listed(world, site_id) == ["full.bin"]


@says(
    API,
    "- Total site size tracking and limits",
    "- Total site size limit: 25 MB (26,214,400 bytes)",
    "- Total site size must not exceed 25 MB after upload",
    "- Total site size must not exceed 25 MB after update",
    "- Total site size limits exceeded",
    "- Size limits prevent abuse of storage resources",
)
def test_a_site_has_26214400_bytes_at_most(world: World) -> None:
    site_id = world.files()
    fill(world, site_id, spare=3)
    world.upload(site_id, "two", b"xx")
    for body in (b"yy", bytes(FILE_LIMIT)):
        assert shown(world.upload(site_id, "more", body, status=400)) == SITE_FULL
    assert "more" not in listed(world, site_id)
    over = world.ask(EDIT, {"new_content": "xxxx"}, siteId=site_id, relativePath="two", status=400)
    assert shown(over) == SITE_FULL
    assert content(world, site_id, "two") == "xx"
    assert world.ask(EDIT, {"new_content": "xxx"}, siteId=site_id, relativePath="two").json["size"] == 3
    assert sum(entry["size"] for entry in world.ask(LIST, siteId=site_id).json) == SITE_LIMIT
    assert shown(world.upload(site_id, "more", b"y", status=400)) == SITE_FULL
    world.ask(DELETE, siteId=site_id, relativePath="two")
    assert world.upload(site_id, "more", b"yyy").json["size"] == 3


@says(API, "- Files are stored in the site's dedicated directory structure")
def test_each_site_has_a_tree_of_its_own(world: World) -> None:
    site_id, other = world.files("a/index.html"), world.site("other", "SelfManaged")["id"]
    world.upload(other, "a/index.html", b"another")
    assert content(world, site_id, "a/index.html") == "x"
    world.ask(DELETE, siteId=other, relativePath="a/index.html")
    assert (listed(world, site_id, "?path=a"), listed(world, other, "?path=a")) == (["a/index.html"], [])


@says(
    API,
    f"Get a list of files and directories in a site directory.\nEndpoint: {LIST}",
    "path(optional): Relative path to the directory. Defaults to root directory.\nResponse: 200 OK",
    LIST_EXAMPLE,
)
def test_a_directory_is_listed_and_by_default_the_root(world: World) -> None:
    directory, file = LIST_EXAMPLE.value
    site_id = world.files("folder1/b.txt", "folder1/deep/c.txt")
    world.upload(site_id, file["relative_path"], b"x" * file["size"])
    entries = world.ask(LIST, siteId=site_id).json
    assert_like(LIST_EXAMPLE.value, entries)
    for example, entry in zip((directory, file), entries, strict=True):
        assert set(entry) == set(example)
        assert {**entry, "modified": 0} == {**example, "modified": 0}
        age = datetime.now(UTC) - datetime.fromisoformat(entry["modified"])
        assert timedelta() <= age < timedelta(minutes=1)
    assert world.ask(f"{LIST}?path=", siteId=site_id).json == entries
    assert listed(world, site_id, "?path=folder1") == ["folder1/deep", "folder1/b.txt"]
    assert listed(world, site_id, "?path=folder1/deep") == ["folder1/deep/c.txt"]
    world.ask(f"{LIST}?path=none", siteId=site_id, status=404)


@says(API, LIST_EXAMPLE)
def test_an_empty_site_lists_nothing(world: World) -> None:
    assert world.ask(LIST, siteId=world.files()).json == []


FORM = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FILE_PATH = FORM % (b"filePath", b"", b"docs/index.html")
FILE = FORM % (b"file", b'; filename="another.txt"\r\nContent-Type: text/plain', b"<p>x</p>")


@says(
    API,
    f"Upload a new file to the site.\nEndpoint: {UPLOAD}\nContent-Type: multipart/form-data",
    "filePath: Relative path where the file should be stored (including filename)file: The file to upload\n"
    "Response: 200 OK",
)
@pytest.mark.parametrize("parts", [(FILE_PATH, FILE), (FILE, FILE_PATH)], ids=["path first", "file first"])
def test_an_upload_stores_the_file_at_its_path(world: World, parts: tuple[bytes, bytes]) -> None:
    site_id, body = world.files(), b"".join(parts) + b"--b--\r\n"
    path = world.path(UPLOAD.removeprefix("POST "), siteId=site_id)
    answer = world.editor.send("POST", path, body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status == "200 OK"
    assert_is(ENTRY, answer.json)
    assert (answer.json["relative_path"], answer.json["size"]) == ("docs/index.html", 8)
    assert content(world, site_id, "docs/index.html") == "<p>x</p>"
    for content_type in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        assert world.editor.send("POST", path, body, **{"Content-Type": content_type}).status_int == 400


@says(API, "- File must be provided and not empty")
@pytest.mark.parametrize(
    "part",
    [b"", FORM % (b"file", b'; filename="a.txt"', b""), FORM % (b"file", b"", b"text")],
    ids=["no file", "an empty file", "text instead"],
)
def test_a_file_must_be_provided_and_not_empty(world: World, part: bytes) -> None:
    site_id = world.files()
    path = world.path(UPLOAD.removeprefix("POST "), siteId=site_id)
    body = FILE_PATH + part + b"--b--\r\n"
    answer = world.editor.send("POST", path, body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_int, [error["name"] for error in answer.json["errors"]]) == (400, ["file"])
    assert listed(world, site_id) == []


@says(API, "- File size must not exceed 1 MB")
def test_an_upload_over_a_file_keeps_the_limit_and_the_old_file(world: World) -> None:
    site_id = world.files("a.bin")
    assert shown(world.upload(site_id, "a.bin", bytes(FILE_LIMIT + 1), status=400)) == TOO_LARGE
    assert content(world, site_id, "a.bin") == "x"
    assert world.upload(site_id, "a.bin", bytes(FILE_LIMIT)).json["size"] == FILE_LIMIT


@says(
    API,
    f"Retrieve the text content of a file.\nEndpoint: {CONTENT}\nResponse: 200 OK",
    CONTENT_EXAMPLE,
    "Supported file types: Primarily text-based files. Returns raw text content.",
)
def test_the_content_of_a_text_file_is_returned_as_it_is(world: World) -> None:
    site_id, text = world.files(), CONTENT_EXAMPLE.value["content"]
    for path, body in (("index.html", text), ("a/b.svg", "\ufeff<svg/>\r\n\tü 😀 "), ("LICENSE", "\n")):
        world.upload(site_id, path, body.encode())
        assert world.ask(CONTENT, siteId=site_id, relativePath=path).json == {"content": body}
    world.upload(site_id, "logo.png", b"\x89PNG\r\n\xff")
    assert shown(world.ask(CONTENT, siteId=site_id, relativePath="logo.png", status=400))["statusCode"] == 400


MIME_LINE = ".txt→text/plain.html,.htm→text/html.css→text/css.js→application/javascript.json→application/json- Others →"
MIME_TYPES = {
    extension: media_type
    for extensions, media_type in re.findall(r"((?:\.\w+,?)+)→([a-z]+/[a-z]+)", MIME_LINE)
    for extension in extensions.split(",")
}
STREAM = "application/octet-stream"
OTHERS = ("", ".png", ".svg", ".xml", ".mjs", ".md", ".html.bak", ".txt~", ".jsonl")


def test_the_table_of_types_is_read_as_it_stands() -> None:
    assert MIME_TYPES == {
        ".txt": "text/plain",
        ".html": "text/html",
        ".htm": "text/html",
        ".css": "text/css",
        ".js": "application/javascript",
        ".json": "application/json",
    }


@says(
    API,
    f"Download a file with proper MIME type headers.\nEndpoint: {DOWNLOAD}\nResponse: 200 OK with file content",
    f"{MIME_LINE}\n{STREAM}",
)
def test_a_download_has_the_type_of_its_extension(world: World) -> None:
    site_id = world.files()
    for extension, media_type in {**MIME_TYPES, "2.TXT": "text/plain", **dict.fromkeys(OTHERS, STREAM)}.items():
        world.upload(site_id, f"folder/name{extension}", b"\x00content\xff")
        answer = world.ask(DOWNLOAD, siteId=site_id, relativePath=f"folder/name{extension}")
        assert (answer.status, answer.body) == ("200 OK", b"\x00content\xff")
        assert (extension, answer.headers["Content-Type"]) == (extension, media_type)
        assert answer.headers["Content-Length"] == "9"


@says(API, "File is returned as attachment with the original filename.")
def test_a_download_is_an_attachment_under_its_own_name(world: World) -> None:
    site_id = world.files()
    for path, spelled, plain, encoded in (
        ("index.html", "index.html", "index.html", "index.html"),
        ("a/b/My File.txt", "a/b/My%20File.txt", "My File.txt", "My%20File.txt"),
        ("ü.css", "%C3%BC.css", "_.css", "%C3%BC.css"),
        ('".js', "%22.js", "_.js", "%22.js"),
    ):
        world.upload(site_id, path)
        answer = world.ask(DOWNLOAD, siteId=site_id, relativePath=spelled)
        assert answer.headers["Content-Disposition"] == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


@says(API, f"Update the content of an existing text file.\nEndpoint: {EDIT}", EDIT_EXAMPLE)
@says(
    API,
    '"new_content": "<!DOCTYPE html>\\n<html>\\n<body>Updated content</body>\\n</html>"\n}\nResponse: 200 OK',
)
def test_an_edit_replaces_the_content_of_a_text_file(world: World) -> None:
    site_id, text = world.files("a/index.html"), EDIT_EXAMPLE.value["new_content"]
    answer = world.ask(EDIT, EDIT_EXAMPLE.value, siteId=site_id, relativePath="a/index.html")
    assert answer.status == "200 OK"
    assert_is(ENTRY, answer.json)
    assert (answer.json["relative_path"], answer.json["size"]) == ("a/index.html", len(text))
    assert content(world, site_id, "a/index.html") == text


@says(API, "Update the content of an existing text file.")
def test_an_edit_makes_no_file_and_touches_no_other_kind(world: World) -> None:
    site_id = world.files("folder/a.txt")
    world.upload(site_id, "logo.png", b"\x89PNG\r\n\xff")
    for path, status in (("none.txt", 404), ("none/a.txt", 404), ("folder", 400), ("logo.png", 400)):
        world.ask(EDIT, EDIT_EXAMPLE.value, siteId=site_id, relativePath=path, status=status)
    assert listed(world, site_id) == ["folder", "logo.png"]


@says(API, "- New content size must not exceed 1 MB")
def test_an_edit_keeps_the_limit_of_a_file_in_bytes(world: World) -> None:
    site_id = world.files("a.txt")
    half = FILE_LIMIT // 2
    for full, over in (("x" * FILE_LIMIT, "x" * (FILE_LIMIT + 1)), ("ü" * half, "ü" * half + "x")):
        assert world.ask(EDIT, {"new_content": full}, siteId=site_id, relativePath="a.txt").json["size"] == FILE_LIMIT
        answer = world.ask(EDIT, {"new_content": over}, siteId=site_id, relativePath="a.txt", status=400)
        assert shown(answer) == TOO_LARGE
        assert content(world, site_id, "a.txt") == full


@says(
    API,
    f"Delete a file or empty directory.\nEndpoint: {DELETE}\nResponse: 200 OK\n"
    "Note: Deletes both files and directories. Directories must be empty to be deleted.",
)
def test_files_and_empty_directories_are_deleted(world: World) -> None:
    site_id = world.files("folder/a.txt", "b.txt")
    assert world.ask(DELETE, siteId=site_id, relativePath="b.txt").status == "200 OK"
    world.ask(DELETE, siteId=site_id, relativePath="folder", status=409)
    assert listed(world, site_id, "?path=folder") == ["folder/a.txt"]
    world.ask(DELETE, siteId=site_id, relativePath="folder/a.txt")
    assert listed(world, site_id) == ["folder"]
    assert world.ask(DELETE, siteId=site_id, relativePath="folder").status == "200 OK"
    assert listed(world, site_id) == []


# Security notes


EVERY = (
    (LIST, None),
    (UPLOAD, ("index.html", b"y")),
    (CONTENT, None),
    (DOWNLOAD, None),
    (EDIT, {"new_content": "y"}),
    (DELETE, None),
)


@says(API, "- All file operations are restricted to the authenticated user's authorized sites")
def test_an_editor_of_one_publisher_is_nobody_in_another(world: World) -> None:
    other = new_tenant(world.tenant.server)
    site_id = other.site("raw", "SelfManaged")["id"]
    other.client.upload(f"/api/sites/{site_id}/files/upload", "index.html", b"x", status=200)
    for endpoint, body in EVERY:
        world.ask(endpoint, body, siteId=site_id, relativePath="index.html", status=403)
    assert other.client.get(f"/api/sites/{site_id}/files/content/index.html").json == {"content": "x"}


ESCAPES = ("../index.html", "a/../../index.html", "..", "%2e%2e/index.html", "..%2Findex.html", "..%5Cindex.html")
ABSOLUTE = ("/etc/passwd", "%2Fetc%2Fpasswd", "C:%5Cx", "%00", "a%00/../b")


@says(API, "- Path traversal attacks are prevented through path validation")
def test_a_path_never_leaves_its_site(world: World) -> None:
    site_id = world.files("index.html")
    for path in ESCAPES + ABSOLUTE:
        for endpoint, body in EVERY[2:]:
            answer = world.ask(endpoint, body, siteId=site_id, relativePath=path, status=400)
            assert shown(answer) == {"statusCode": 400, "message": "Invalid file path"}
        answer = world.ask(f"{LIST}?path={path}", siteId=site_id, status=400)
        assert [error["name"] for error in answer.json["errors"]] == ["path"]
    for path in ("../index.html", "a/../b", "..", "..\\x", "/etc/passwd", "C:\\x", "a\0b", "%2e%2e/\x7f"):
        assert shown(world.upload(site_id, path, status=400))["message"] == "Invalid file path"
    assert [entry["relative_path"] for entry in world.ask(LIST, siteId=site_id).json] == ["index.html"]
    assert content(world, site_id, "index.html") == "x"


@says(
    API,
    "- Files are served from a dedicated web root directory to prevent access to sensitive system files",
)
def test_a_live_site_serves_its_own_files_and_nothing_else(world: World) -> None:
    site_id = world.files("index.html", "docs/a.txt")
    site = next(site for site in world.ask("GET /api/sites/{pubName}").json if site["id"] == site_id)
    assert world.tenant.deploy(site_id)["status"] == "deployed"
    visitor = world.tenant.visitor(site)
    assert visitor.get("/docs/a.txt").body == b"x"
    data = world.tenant.server.settings.data_dir
    up = "%2e%2e/" * 12
    for path in ("/etc/passwd", f"/{up}etc/passwd", f"/{data}/pubsite.sqlite", f"/{up}{data}/objects.sqlite", "/%00"):
        assert visitor.get(path, status="*").status_int in (400, 404)


@says(API, "- File or directory not found")
def test_what_is_not_there_is_404_by_name(world: World) -> None:
    site_id = world.files("folder/a.txt")
    for endpoint, body in EVERY[2:]:
        for path in ("none.txt", "folder/none", "folder/a.txt/deeper", str(uuid.uuid4())):
            answer = world.ask(endpoint, body, siteId=site_id, relativePath=path, status=404)
            assert shown(answer) == {"statusCode": 404, "message": "File or directory not found"}
    world.ask(f"{LIST}?path=folder/none", siteId=site_id, status=404)
