"""Odd JSON, case by case: what is taken comes back equal, what is refused changes nothing, and nothing is a 5xx."""

from __future__ import annotations

import json

import pytest

from pubsite.api.input import DEEPEST
from tests.conftest import Server
from tests.corpora import json_cases
from tests.corpora.endpoints import Endpoint, World, endpoints, new_world
from tests.corpora.json_cases import CASES, REFUSED, REFUSED_VALUES, TAKEN

# Each text goes to some of the endpoints, by turns: all of them have one reader.
SHARE = {"sqlite": 8, "postgresql": 24}


@pytest.fixture
def world(server: Server) -> World:
    return new_world(server)


def site(world: World) -> str:
    return f"/api/sites/{world.tenant.name}/docs"


def in_extra(text: bytes) -> bytes:
    return b'{"config": {"extra": {"v": ' + text + b"}}}"


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len({case.text for case in CASES}) >= 300
    assert len({case.name for case in CASES}) == len(CASES)
    assert json_cases.DEEPEST == DEEPEST


def test_what_is_taken_comes_back_equal(world: World) -> None:
    client = world.tenant.client
    members = b",".join(b'"%s": %s' % (case.name.encode(), case.text) for case in TAKEN)
    answer = client.send("PATCH", site(world), b'{"config": {"extra": {' + members + b"}}}")
    assert answer.status_int == 200, answer.text
    for shown in (answer.json, client.get(site(world)).json):
        for case in TAKEN:
            found = shown["config"]["extra"][case.name]
            assert json.dumps(found) == json.dumps(case.value), case.name


def test_what_is_taken_is_taken_alone_as_well(world: World) -> None:
    for case in TAKEN:
        answer = world.tenant.client.send("PATCH", site(world), in_extra(case.text))
        assert answer.status_int == 200, (case.name, answer.text)
        assert json.dumps(answer.json["config"]["extra"]["v"]) == json.dumps(case.value), case.name


def test_what_only_python_takes_for_equal_is_written(world: World) -> None:
    page = f"/api/sites/pages/{world.names['page_id']}"
    for value in (True, 1, 1.0, True, [0], [False], {"a": 0.0}, {"a": -0.0}):
        for url, body in ((site(world), {"config": {"extra": {"v": value}}}), (page, {"config": {"v": value}})):
            assert world.tenant.client.patch(url, body).status_int == 200
            config = world.tenant.client.get(url).json["config"]
            assert json.dumps(config.get("extra", config)["v"]) == json.dumps(value)


def test_what_is_refused_changes_nothing(world: World) -> None:
    before = world.state()
    for case in REFUSED_VALUES:
        answer = world.tenant.client.send("PATCH", site(world), in_extra(case.text))
        assert answer.status_int == 400, (case.name, answer.text)
        assert answer.json["errors"], case.name
    assert world.state() == before


def test_every_text_as_the_whole_body_of_every_endpoint(world: World) -> None:
    before = world.state()
    asked = [endpoint for endpoint in endpoints() if endpoint.body is not None]
    step = SHARE[world.tenant.server.database.engine.dialect.name]
    for number, case in enumerate(CASES):
        for endpoint in asked[number % step :: step]:
            status = world.tenant.client.send(endpoint.method, world.fill(endpoint.path), case.text).status_int
            expected = range(400, 401) if case.value is REFUSED else range(200, 500)
            assert status in expected, (case.name, str(endpoint), status)
    assert world.state() == before


def test_every_endpoint_gets_as_far_as_its_body(world: World) -> None:
    """A path whose braces stand for nothing is a 404, and tries no reader: name its things in `new_world`."""
    lost = [str(endpoint) for endpoint in endpoints() if endpoint.body is not None and not reads(world, endpoint)]
    assert not lost


def reads(world: World, endpoint: Endpoint) -> bool:
    return world.tenant.client.send(endpoint.method, world.fill(endpoint.path), b"{").status_int == 400
