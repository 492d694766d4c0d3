"""No line of the documents is forgotten: each is held by a test, listed as prose, or listed as not there yet."""

from __future__ import annotations

import hashlib

import pytest

from tests.documents.coverage import coverage
from tests.documents.document import API, DOCUMENTS, FOLDER, PUBLISHER, Document
from tests.documents.later import LATER
from tests.documents.world import World

# The documents are published: they do not change here.
DIGESTS = {
    API.name: "76210ffc159d98f8b5f8772eed7f55b9e96a70612b7c2f1b1d6ecd9657746132",
    PUBLISHER.name: "0cef1d3a41a59d912c9922822ed005665ab13b7287b3fdfebd02472b491664c1",
}

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


@every_document
def test_every_line_has_a_test_or_a_reason(document: Document) -> None:
    found = coverage(document)
    assert found.forgotten == []
    assert found.tested | found.prose | found.later == set(document.lines)


@every_document
def test_what_promises_nothing_is_neither_tested_nor_missing(document: Document) -> None:
    found = coverage(document)
    wrong = found.prose & (found.tested | found.later)
    assert not wrong, [document.lines[number] for number in sorted(wrong)]


@every_document
def test_the_documents_stay_as_they_were_published(document: Document) -> None:
    assert hashlib.sha256((FOLDER / document.name).read_bytes()).hexdigest() == DIGESTS[document.name]


def test_what_is_listed_as_later_is_not_there(world: World) -> None:
    there = [f"{later.line} ({later.reason})" for later in LATER if not later.is_missing(world)]
    assert not there, f"take these out of LATER, and attach a test to each: {there}"


@pytest.mark.parametrize("quote", ["Response: 200 OK", "No such line", "GET /api", "{\n…\n}"])
def test_a_quote_that_is_not_found_once_is_refused(quote: str) -> None:
    with pytest.raises(ValueError, match="times, not once"):
        API.quoted(quote)
