"""Naughty strings in every field of every body, query and path: never a 5xx, and what is taken comes back equal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import colander
import pytest

from pubsite.models.paths import file_key, file_path_problem, page_key, page_path_problem
from tests.conftest import Server
from tests.corpora.endpoints import Endpoint, Place, World, endpoints, fields, new_world
from tests.corpora.naughty_strings import SAFE, STRINGS, UNSTORABLE
from tests.corpora.sending import Sender, escaped, rotation, spots

# Strings that each place of each endpoint gets over HTTP, other ones each. All of them meet its type below, and itself
# in the long run.
SHARE = {"sqlite": 3, "postgresql": 1}
UNSAFE = frozenset(f"{prefix}{text}" for text in UNSTORABLE for prefix in ("", "/", "n/"))
SURROGATES = tuple(text for text in STRINGS if re.search("[\ud800-\udfff]", text))


@pytest.fixture
def world(server: Server) -> World:
    return new_world(server)


def some(world: World, step: int) -> tuple[str, ...]:
    """Every `step`-th string, on PostgreSQL of those every fifth: each begins elsewhere."""
    return STRINGS[step // 2 :: step if share(world) > 1 else 5 * step]


def share(world: World) -> int:
    return SHARE[world.tenant.server.database.engine.dialect.name]


# Types


def test_the_corpus_is_large() -> None:
    assert len(STRINGS) >= 500


def test_what_a_type_takes_stays_as_it_is(world: World) -> None:
    """Every string, at every place of every schema where a value can stand."""
    places = {(type(typ), repr(vars(typ))): typ for endpoint in endpoints() for _, typ in places_of(endpoint)}
    assert len(places) > 20
    for typ in places.values():
        node = colander.SchemaNode(typ)
        for text in STRINGS:
            try:
                taken = node.deserialize(text)
            except colander.Invalid:
                continue
            assert not isinstance(taken, str) or taken == text, (typ, text)


def places_of(endpoint: Endpoint) -> Iterator[tuple[Place, Any]]:
    for node in (endpoint.body, endpoint.query):
        if node is not None:
            yield from fields(node)


# Bodies, queries and paths of all endpoints, found by themselves


@pytest.mark.parametrize(("part", "times"), [("body", 1), ("query", 3), ("path", 2)])
def test_every_place_of_every_request(server: Server, part: str, times: int) -> None:
    sender = Sender(server)
    length = times * share(sender.world)
    for number, spot in enumerate(spot for spot in spots() if spot.part == part):
        if part == "body" and spot.endpoint.path.endswith("/preview"):  # a render each; test_every_string_in_a_page
            continue
        for text in rotation(number, length):
            sender.check(spot, text)


# Every string, stored and read back


def test_every_string_in_a_site(world: World) -> None:
    client, url = world.tenant.client, f"/api/sites/{world.tenant.name}/docs"
    strings = {str(number): text for number, text in enumerate(SAFE)}
    short = [text for text in SAFE if 0 < len(text) <= 255]
    config: dict[str, Any] = {}
    for start in range(0, len(strings), 900):
        part = dict(list(strings.items())[start : start + 900])
        config |= {"extra": part, "theme_options": {"nested": [part, dict.fromkeys(part.values(), 1)]}}
        sent = {"headers": [{"for": "/*", "values": {key: text[:4096] for key, text in part.items()}}]}
        labels = short[start // 9 * 2 :][:200]
        sent |= {"nav_items": [{"label": text, "href": text} for text in labels], **config}
        assert client.patch(url, {"config": sent}).status_int == 200
        assert client.get(url).json["config"] == sent


def test_every_string_as_the_name_of_a_site(world: World) -> None:
    client, url = world.tenant.client, f"/api/sites/{world.tenant.name}/raw"
    for text in some(world, 2):
        answer = client.patch(url, {"name": text, "description": text, "config": {"title": text, "robots": text}})
        if text in SAFE and 1 <= len(text) <= 4096:
            assert answer.status_int == 200, text
            shown = answer.json
            assert [shown[name] for name in ("name", "description")] == [text, text]
            assert [shown["config"][name] for name in ("title", "robots")] == [text, text]
        else:
            assert answer.status_int == 400, text


def test_every_string_in_a_page(world: World) -> None:
    client, url = world.tenant.client, f"/api/sites/{world.tenant.name}/docs"
    pages = [{"path": f"/n/{number}", "config": page_of(text)} for number, text in enumerate(SAFE)]
    for start in range(0, len(pages), 1000):
        assert client.post(f"{url}/pages:batch", {"upsert": pages[start : start + 1000]}).json["created"] > 0
    shown = {page["path"]: page["config"] for page in client.get(f"{url}/pages").json}
    for page in pages:
        assert shown[page["path"]] == page["config"]
    assert client.send("POST", f"{url}/preview", json.dumps(pages[7]).encode()).status_int == 200


def page_of(text: str) -> dict[str, Any]:
    words = [text] if 1 <= len(text) <= 255 else []
    limited = {"title": text[:4096], "description": text[:8192], "author": text[:255]}
    return {"content": text, "tags": words, "data": {"a": [text]}, "own": {text: text}, **limited}


def test_every_string_as_the_path_of_a_page(world: World) -> None:
    client, url = world.tenant.client, f"/api/sites/{world.tenant.name}/docs"
    paths = [text if text.startswith("/") else f"/{text}" for text in STRINGS]
    wrong = [path for path in paths if page_path_problem(path) and path not in UNSAFE and len(path) <= 8192]
    for start in range(0, len(wrong), 50):
        answer = client.post(f"{url}/pages:batch", {"delete": wrong[start : start + 50]}, status=400)
        assert len(answer.json["errors"]) == len(wrong[start : start + 50])
    wanted = {page_key(path): path for path in paths if not page_path_problem(path)}
    wanted.pop(page_key("/"), None)
    sent = [{"path": path} for path in wanted.values()]
    assert client.post(f"{url}/pages:batch", {"upsert": sent}).json["created"] == len(sent) > 300
    listed = {page["path"] for page in client.get(f"{url}/pages").json}
    assert listed == {"/", *wanted.values()}
    for path in list(wanted.values())[:: 100 // share(world)]:
        page = client.get(f"/api/sites/site/docs/page?publisher={world.tenant.name}&path={escaped(path)}").json
        assert page["path"] == path


def test_every_string_as_the_path_of_a_file(world: World) -> None:
    client, base = world.tenant.client, f"/api/sites/{world.names['raw']}/files"
    digest = hashlib.sha256(b"text").hexdigest()
    paths = [f"n/{text}" for text in STRINGS]
    wrong = [path for path in paths if file_path_problem(path) and path not in UNSAFE and len(path) <= 4096]
    for start in range(0, len(wrong), 50):
        sent = dict.fromkeys(wrong[start : start + 50], digest)
        assert len(client.post(f"{base}/sync", {"files": sent}, status=400).json["errors"]) >= len(sent)
    flat = [path for path in paths if not file_path_problem(path) and path.count("/") == 1]
    wanted = {file_key(path): path for path in flat}
    tree = dict.fromkeys(wanted.values(), digest)
    assert client.post(f"{base}/sync?commit=true", {"files": tree}).json["created"] == len(tree) > 300
    assert {file["relative_path"] for file in client.get(f"{base}?path=n").json} == set(tree)
    for path in list(tree)[:: 100 // share(world)]:
        assert client.get(f"{base}/content/{quote(path)}").json == {"content": "text"}
        assert client.get(f"{base}/download/{quote(path)}").body == b"text"


def test_every_string_as_the_content_of_a_file(world: World) -> None:
    client, base = world.tenant.client, f"/api/sites/{world.names['raw']}/files"
    for text in (*some(world, 8), "\n".join(SAFE)):
        answer = client.put(f"{base}/edit/a.txt", {"new_content": text})
        is_safe = not text or text not in UNSAFE
        assert answer.status_int == (200 if is_safe else 400), (text, answer.text)
        if is_safe:
            assert client.get(f"{base}/content/a.txt").json == {"content": text}


def test_every_string_in_a_deployment(world: World) -> None:
    client = world.tenant.client
    for start, texts in enumerate(portions(SAFE, 60_000)):
        site = world.tenant.site(f"deployed-{start}")
        metadata = {str(number): text for number, text in enumerate(texts)}
        body = {"site_id": site["id"], "message": "".join(texts)[:4096], "metadata": metadata}
        record = client.post("/api/v1/publisher/deployments/", body, status=202).json["data"]
        shown = client.get(f"/api/v1/publisher/deployments/{record['id']}/").json["data"]
        assert {name: shown[name] for name in body} == body


def portions(texts: Sequence[str], most: int) -> Iterator[list[str]]:
    """The texts in order, in portions of at most so many bytes as JSON; one that is longer by itself is left out."""
    found: list[str] = []
    size = 0
    for text in texts:
        weight = len(json.dumps(text, ensure_ascii=False).encode()) + 12
        if weight > most:
            continue
        if size + weight > most:
            yield found
            found, size = [], 0
        found.append(text)
        size += weight
    yield found


def test_lone_surrogates_are_refused_by_the_name_of_their_field(world: World) -> None:
    for text in SURROGATES:
        answer = world.tenant.client.patch(f"/api/sites/{world.tenant.name}/docs", {"description": text})
        assert answer.json["errors"][0]["name"] == "description"
