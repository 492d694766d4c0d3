"""The document's data models: every field of every interface, its type, and its length to the character."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents.document import API, Field, says
from tests.documents.shapes import assert_is
from tests.documents.world import World

SITE = API.interface("PublicationSite")
PAGE = API.interface("PublicationPage")
SITE_REQUEST = API.interface("PublicationSiteRequest")
PAGE_REQUEST = API.interface("PublicationPageRequest")
ENTRY = API.interface("FileEntry")
EDIT = API.interface("UpdateFileRequest")

CREATE_SITE = "POST /api/sites/{pubName}"
GET_SITE = "GET /api/sites/{pubName}/{slug}"
CREATE_PAGE = "POST /api/sites/{pubName}/{siteSlug}/pages"
EDIT_FILE = "PUT /api/sites/{siteId}/files/edit/{relativePath}"

SITE_BODY = {"mode": "FullyManaged", "slug": "s", "name": "n", "description": "d"}
PAGE_BODY = {"type": "HtmlPage", "path": "/a", "config": {"content": "x"}}


def wrong(field: Field) -> list[Any]:
    """Values that are not of the field's type."""
    values: list[Any] = ["x", 7, True, [], {}, None]
    if field.type == "string":
        values.remove("x")
    if field.type.startswith("{"):
        values.remove({})
    if field.is_optional and field.type == "string":
        values.remove(None)  # as if it was left out
    if field.type.startswith('"'):
        values += ["fullymanaged", "htmlPage", "", 2, -1]
    return values


def test_the_interfaces_are_read_as_they_stand() -> None:
    fields = {i.name: len(i.fields) for i in (SITE, PAGE, SITE_REQUEST, PAGE_REQUEST, ENTRY, EDIT)}
    assert list(fields.values()) == [8, 5, 4, 3, 4, 1]
    assert [field.maximum for field in SITE.fields] == [None, 4096, 4096, 8192, None, None, None, None]
    assert PAGE["path"].maximum == 8192


@says(API, SITE, PAGE)
@pytest.mark.parametrize("mode", ["FullyManaged", "SelfManaged"])
def test_a_site_is_a_publication_site_of_publication_pages(world: World, mode: str) -> None:
    world.site("my-site", mode)
    pages: list[dict[str, Any]] = [{"type": "Redirect", "path": "/old", "config": {"target": "/new"}}]
    pages += [{"type": "HtmlPage", "path": "/", "config": {"any": [1, None]}}] if mode == "FullyManaged" else []
    for body in pages:
        assert_is(PAGE, world.ask(CREATE_PAGE, body, siteSlug="my-site").json)
    site = world.ask(GET_SITE, slug="my-site").json
    assert_is(SITE, site)
    assert len(site["pages"]) == len(pages)
    assert "description" not in site
    described = world.ask("PATCH /api/sites/{pubName}/{id}", {"description": "x"}, id=site["id"]).json
    assert_is(SITE, described)
    assert described["description"] == "x"


@says(API, SITE)
@pytest.mark.parametrize("field", [field for field in SITE.fields if field.maximum], ids=lambda field: field.name)
def test_a_text_of_a_site_has_the_documented_length_at_most(world: World, field: Field) -> None:
    assert field.maximum
    longest, too_long = ({**SITE_BODY, field.name: "s" * length} for length in (field.maximum, field.maximum + 1))
    assert world.ask(CREATE_SITE, longest).json[field.name] == longest[field.name]
    errors = world.ask(CREATE_SITE, {**too_long, "slug": too_long["slug"] + "t"}, status=400).json["errors"]
    problem = f"must have at most {field.maximum} characters"
    assert errors == [{"location": "body", "name": field.name, "message": problem}]


@says(API, PAGE)
@pytest.mark.parametrize("letter", ["p", "ä"])
def test_a_path_of_a_page_has_8192_characters_at_most(world: World, letter: str) -> None:
    world.site("my-site")
    longest = "/" + letter * 8191
    assert world.ask(CREATE_PAGE, {**PAGE_BODY, "path": longest}, siteSlug="my-site").json["path"] == longest
    over = world.ask(CREATE_PAGE, {**PAGE_BODY, "path": longest + letter}, siteSlug="my-site", status=400).json
    assert over["errors"] == [{"location": "body", "name": "path", "message": "must have at most 8192 characters"}]


@says(API, SITE_REQUEST)
def test_a_site_is_made_of_a_site_request(world: World) -> None:
    assert set(SITE_BODY) == {field.name for field in SITE_REQUEST.fields}
    needed = {field.name: SITE_BODY[field.name] for field in SITE_REQUEST.fields if not field.is_optional}
    site = world.ask(CREATE_SITE, needed).json
    assert {name: site.get(name) for name in SITE_BODY} == {**needed, "description": None}
    for field in SITE_REQUEST.fields:
        for value in wrong(field):
            body = {**SITE_BODY, "slug": "other", field.name: value}
            errors = world.ask(CREATE_SITE, body, status=400).json["errors"]
            assert [error["name"] for error in errors] == [field.name], (field.name, value)


@says(API, PAGE_REQUEST)
def test_a_page_is_made_of_a_page_request(world: World) -> None:
    world.site("my-site")
    assert set(PAGE_BODY) == {field.name for field in PAGE_REQUEST.fields}
    needed = {field.name: PAGE_BODY[field.name] for field in PAGE_REQUEST.fields if not field.is_optional}
    page = world.ask(CREATE_PAGE, needed, siteSlug="my-site").json
    assert {name: page[name] for name in PAGE_BODY} == {**needed, "path": "/", "config": {}}
    for field in PAGE_REQUEST.fields:
        for value in wrong(field):
            body = {**PAGE_BODY, field.name: value}
            errors = world.ask(CREATE_PAGE, body, siteSlug="my-site", status=400).json["errors"]
            assert [error["name"] for error in errors] == [field.name], (field.name, value)


@says(API, ENTRY)
def test_files_and_directories_are_file_entries(world: World) -> None:
    site_id = world.files("folder/a.txt")
    entries = [world.upload(site_id, "b.txt", b"12345").json]
    entries += world.ask("GET /api/sites/{siteId}/files", siteId=site_id).json
    entries.append(world.ask(EDIT_FILE, {"new_content": "ü"}, siteId=site_id, relativePath="b.txt").json)
    for entry in entries:
        assert_is(ENTRY, entry)
        assert set(entry) == {field.name for field in ENTRY.fields}
    assert [(entry["is_directory"], entry["size"]) for entry in entries] == [
        (False, 5),
        (True, 0),
        (False, 5),
        (False, 2),
    ]


@says(API, EDIT)
def test_a_file_is_edited_by_an_update_file_request(world: World) -> None:
    (field,) = EDIT.fields
    site_id = world.files("a.txt")
    world.ask(EDIT_FILE, {"new_content": "new"}, siteId=site_id, relativePath="a.txt")
    for value in wrong(field):
        refused = world.ask(EDIT_FILE, {field.name: value}, siteId=site_id, relativePath="a.txt", status=400).json
        assert [error["name"] for error in refused["errors"]] == [field.name]
    text = world.ask("GET /api/sites/{siteId}/files/content/{relativePath}", siteId=site_id, relativePath="a.txt")
    assert text.json == {"content": "new"}
