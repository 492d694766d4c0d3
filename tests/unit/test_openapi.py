"""The API's document: valid, whole, the same each time; it raises on what it cannot tell, and its patterns are true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import colander
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pyramid.request import Request

from pubsite import contexts, openapi
from pubsite.api import Media, Service
from pubsite.cli import main
from pubsite.models import Role
from pubsite.models.paths import file_path_problem, page_path_problem, redirect_target_problem
from pubsite.openapi.examples import BODIES
from pubsite.openapi.schemas import Schemas, Undescribed, default_of, ecma, text
from pubsite.openapi.shared import SHARED
from pubsite.schema import LANGUAGE, SLUG, URL, Integer, ListOf, Object, Text, many, optional, parse_time, required
from pubsite.security import NEEDS, PUBLIC, Permission
from pubsite.services.publishers import name_problem
from pubsite.settings import Settings
from pubsite.views.publishers import ONE_LINE

METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def services() -> list[Any]:
    return openapi.own_services()


@cache
def document() -> dict[str, Any]:
    return openapi.document(services(), Settings())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS & set(item))


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document()["components"]})


# The whole.


def test_it_is_openapi() -> None:
    validate(document())


def test_every_endpoint_is_in_it_and_nothing_else() -> None:
    served = {
        (re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", service.path), method.lower())
        for service in services()
        for method in service.endpoints
    }
    assert {(path, method) for path, method, _ in operations()} == served
    assert len(served) >= 71


def test_it_is_the_same_each_time() -> None:
    assert openapi.dumped(openapi.own_services(), Settings()) == openapi.dumped(reversed(services()), Settings())


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    undocumented = [s.name for s in services() for e in s.endpoints.values() if not e.handler.__doc__]
    assert undocumented == []


def test_who_may_ask_is_said() -> None:
    for service in services():
        for method, endpoint in service.endpoints.items():
            permission = endpoint.scope_of or endpoint.permission
            path = re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", service.path)
            operation = document()["paths"][path][method.lower()]
            if permission == PUBLIC:
                assert operation["security"] in ([], [{}, {"bearer": []}])
                continue
            need = NEEDS[Permission(permission)]
            assert operation["security"] == [{"bearer": [need.scope]}]
            assert operation["x-scope"] == need.scope
            assert need.role is None or f"role {Role(need.role).name}" in operation["description"]


def test_every_operation_lists_the_errors_that_it_can_give() -> None:
    for path, method, operation in operations():
        told = {int(status) for status in operation["responses"]}
        assert {400, 421, 503} <= told
        assert (401 in told) is bool(operation["security"])
        assert "{" not in path or 404 in told
        assert "requestBody" not in operation or 413 in told
        assert (429 in told) is path.startswith("/api/v1/publisher")
        shape = "EnvelopeError" if path.startswith("/api/v1/publisher") else "Error"
        for status in told - {200, 201, 202, 204, 206, 304}:
            known = {"$ref": f"#/components/responses/{shape}{status}"}
            assert operation["responses"][str(status)] == known, (method, path, status)


def test_the_rate_of_an_account_is_told_with_every_answer_that_knows_whose_it_is() -> None:
    names = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    components = document()["components"]
    assert names <= set(components["headers"])
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = components["responses"][response["$ref"].rpartition("/")[2]]
            is_told = path.startswith("/api/v1/publisher") and status not in {"401", "408", "413", "414", "421", "431"}
            assert names & set(response["headers"]) == (names if is_told else set()), (method, path, status)
            assert status != "429" or "Retry-After" in response["headers"]


def test_the_limit_of_files_is_the_setting() -> None:
    made = openapi.document(services(), Settings(file_size_limit=7))
    assert made["components"]["schemas"]["FileText"]["maxLength"] == 7
    assert document()["components"]["schemas"]["FileText"]["maxLength"] == 1_048_576


def test_the_command_prints_it(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Any) -> None:
    assert main(["openapi"]) == 0
    printed = capfdbinary.readouterr().out
    assert printed == openapi.dumped(services(), Settings())
    assert main(["--json", "openapi", "--output", str(tmp_path / "openapi.json")]) == 0
    assert json.loads(capfdbinary.readouterr().out)["bytes"] == len(printed)
    assert (tmp_path / "openapi.json").read_bytes() == printed


# Examples.


def test_every_json_body_has_an_example_that_its_schema_takes() -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]
        for _, _, operation in operations()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert set(bodies) == set(BODIES)
    for name, body in bodies.items():
        assert body["example"] == BODIES[name]
        assert list(validator(body["schema"]).iter_errors(body["example"])) == [], name


# What it cannot tell, it refuses.


def handler(request: Request) -> None:
    """Nothing."""


def service(name: str = "home.other", path: str = "/other", **endpoint: Any) -> Service:
    made = Service(name, path, contexts.anybody)
    made.on("GET", **{"answer": required(Text()), **endpoint})(handler)
    return made


class Odd(colander.String):
    """No type of ours."""


class Home(Object):
    """Another schema of that name."""


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (lambda: service(answer=None), "nothing is said of what it answers"),
        (lambda: service(answer=required(Odd())), "no schema for the type Odd"),
        (lambda: service(answer=Home()), "two schemas with the name Home"),
        (lambda: service(answer=required(Text(), described="Nobody")), "no shared schema Nobody"),
        (lambda: service(answer=required(Text(pattern=re.compile("a|b")))), "no ECMA pattern"),
        (lambda: service(answer=optional(Text(), default=object())), "is no JSON"),
        (lambda: service(statuses=(418,)), "no words for the status 418"),
        (lambda: service(name="teapots"), "no tag for the service teapots"),
        (lambda: service(path="/other/{unknown}"), "nothing is known of {unknown}"),
        (lambda: service(path="/other/{path:[a-c]+}"), "nothing is known of {path}"),
        (lambda: service(path="/other/:old"), "a placeholder without braces"),
        (lambda: service(path="/"), "two services at /"),
        (lambda: service(name="home"), "two operations with the id home_get"),
        (lambda: "a text", "a service of another kind"),
    ],
)
def test_it_raises_on_what_it_cannot_tell(made: Callable[[], Any], what: str) -> None:
    with pytest.raises(Undescribed, match=re.escape(what)):
        # A text has no path to be sorted by.
        openapi.document([*services(), made()] if isinstance(made(), Service) else _WithPath([made()]), Settings())


class _WithPath(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield type("Other", (), {"path": "/", "__repr__": lambda self: "a text"})()


# Constraints.


def test_constraints_are_those_of_the_types() -> None:
    made = Schemas(1)
    assert text(Text(1, 5)) == {"type": "string", "pattern": r"^[^\x00]*$", "minLength": 1, "maxLength": 5}
    assert made.of(required(Integer(1, 5))) == {"type": "integer", "minimum": 1, "maximum": 5}
    assert made.of(required(ListOf(required(Integer(1, 5)), 7)))["maxItems"] == 7
    assert "maxItems" not in made.of(required(many(required(Integer()))))
    assert made.of(optional(Integer(), nullable=True))["type"] == ["integer", "null"]
    assert default_of(optional(Integer(), default=3)) == 3


class Body(Object):
    """Some keys."""

    needed = required(Integer(0, 9))
    free = optional(Text(0, 3), nullable=True)
    gone = optional(Text(), hidden=True)


@given(
    st.dictionaries(
        st.sampled_from(["needed", "free", "other"]), st.none() | st.integers(-2, 12) | st.text("ab", max_size=5)
    )
)
def test_an_object_is_taken_where_its_schema_takes_it(value: Any) -> None:
    made = Schemas(1)
    reference = made.of(Body())
    assert reference == {"$ref": "#/components/schemas/Body"}
    schema = made.components["Body"]
    assert "gone" not in schema["properties"]
    try:
        Body().deserialize(value)
    except colander.Invalid:
        assert not Draft202012Validator(schema).is_valid(value)
    else:
        assert Draft202012Validator(schema).is_valid(value)


# Patterns: what they say is what the checks do.

ODD = st.sampled_from(
    [*"ab/./.. \\:?#\n\t\x00~1Z-0\u200c\u00e9\u2126\uff0e", "con", "nul.txt", ".git", "git~1", "http://", "x" * 255]
)
PATHS = st.lists(ODD, max_size=8).map("".join)


def told(name: str, value: str) -> bool:
    return Draft202012Validator(SHARED[name]).is_valid(value) and not value.endswith("\n")


@given(PATHS.map("/".__add__) | PATHS | st.text(max_size=20))
@example("/a\n")
@example("/\ufa10")
def test_the_pattern_of_page_paths(path: str) -> None:
    assert told("PagePath", path) or page_path_problem(path) is not None
    if not told("PagePath", path):
        assert page_path_problem(path) is not None


@given(PATHS | st.text(max_size=20))
@example("a/" + "x" * 256 + "/b")
@example("aux .txt")
def test_the_pattern_of_file_paths_takes_no_more_than_the_check(path: str) -> None:
    if not told("FilePath", path):
        assert file_path_problem(path) is not None


@given(PATHS)
def test_what_the_pattern_of_file_paths_takes_is_fine_but_for_disguises(path: str) -> None:
    if told("FilePath", path) and len(path.encode()) <= 4096 and path.isascii():
        assert file_path_problem(path) is None


@given(PATHS | PATHS.map("https://a".__add__) | st.text(max_size=20))
def test_the_pattern_of_targets(target: str) -> None:
    assert told("RedirectTarget", target) is (redirect_target_problem(target) is None)


NUMBERS = st.integers(0, 61).map("{:02}".format)


@given(
    st.tuples(
        st.integers(0, 9999).map("{:04}".format),
        NUMBERS,
        NUMBERS,
        NUMBERS,
        NUMBERS,
        st.sampled_from(["Z", "+01:00", "-0130", "", "z"]),
    )
)
@example(("2024", "02", "29", "00", "00", "Z"))
@example(("1900", "02", "29", "00", "00", "Z"))
@example(("2000", "02", "29", "23", "59", "+23:59"))
def test_the_pattern_of_times(parts: tuple[str, ...]) -> None:
    year, month, day, hour, minute, zone = parts
    for value in (f"{year}-{month}-{day}", f"{year}-{month}-{day}T{hour}:{minute}{zone}"):
        if value[:10] not in ("0001-01-01", "9999-12-31"):
            assert told("Timestamp", value) is (parse_time(value) is not None), value


@given(
    st.text("abz09-", max_size=9)
    | st.sampled_from(["me", "zone", "0" * 32, "a" * 64, "123e4567-e89b-12d3-a456-426614174000"])
)
def test_the_pattern_of_publishers(name: str) -> None:
    assert told("PublisherName", name) is (name_problem(name) is None)


@pytest.mark.parametrize("pattern", [SLUG, LANGUAGE, URL, ONE_LINE])
@given(
    value=st.text("aZ0-.:/# ?\\\x00\x1f", max_size=12) | st.sampled_from(["HTTP://a", "https://a/b", "en-DE", "0" * 32])
)
def test_patterns_mean_the_same_in_both_languages(pattern: re.Pattern[str], value: str) -> None:
    assert bool(re.search(ecma(pattern), value)) is (pattern.match(value) is not None and "\x00" not in value)


def test_a_media_answer_has_no_schema() -> None:
    made = openapi.document([service(answer=Media("image/png, image/gif"))], Settings())
    assert made["paths"]["/other"]["get"]["responses"]["200"]["content"] == {"image/png": {}, "image/gif": {}}
