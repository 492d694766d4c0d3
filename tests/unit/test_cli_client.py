"""The API's client: both error shapes, pauses that the server asks for, lists of both kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pubsite.cli.client import Api, ApiError, Unreachable
from pubsite.cli.failures import failure_of
from pubsite.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, SettingsError, Unavailable

Handler = Callable[[httpx.Request], httpx.Response]


class Server:
    """The other end of the wire: answers in turn, and what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        client = httpx.Client(transport=httpx.MockTransport(self._answer), base_url="http://publish.test")
        self.api = Api(client, sleep=self.pauses.append)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={key.replace("_", "-"): value for key, value in headers.items()})


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, 1), (401, 1), (403, 1), (404, 4), (409, 5), (412, 5), (413, 1), (422, 1), (429, 3), (500, 3), (503, 3)],
)
def test_a_status_becomes_an_exit_code(status: int, exit_code: int) -> None:
    server = Server(answer(status, {"statusCode": status, "message": "No."}))
    with pytest.raises(ApiError) as caught:
        server.api.get("/api/sites/me")
    failure = failure_of(caught.value)
    assert failure.exit_code == exit_code
    assert failure.lines()[0].startswith("Error: No.")


@pytest.mark.parametrize(
    "body",
    [
        {"statusCode": 400, "message": "slug x", "errors": [{"location": "body", "name": "slug", "message": "is bad"}]},
        {"success": False, "error": "slug x", "errors": {"slug": ["is bad"]}, "request_id": "r"},
    ],
)
def test_both_error_shapes_name_their_fields(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        Server(answer(400, body)).api.post("/api/x", {})
    failure = failure_of(caught.value)
    assert failure.lines() == ["Error: slug x", "  slug: is bad"]
    assert failure.document()["error"]["errors"] == [{"name": "slug", "message": "is bad"}]


@pytest.mark.parametrize("body", [b"<html>oops", b"[]", b"", b'{"message": 5}'])
def test_an_error_that_is_not_the_apis_is_told_by_its_status(body: bytes) -> None:
    with pytest.raises(ApiError, match="502 Bad Gateway"):
        Server(httpx.Response(502, content=body)).api.get("/api/x")


def test_an_answer_that_is_no_json_is_the_servers_fault() -> None:
    with pytest.raises(Unreachable, match="is it pubsite's API") as caught:
        Server(httpx.Response(200, text="<html>")).api.get("/api/x")
    assert failure_of(caught.value).exit_code == 3


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_a_server_that_does_not_answer_is_named(error: Exception) -> None:
    with pytest.raises(Unreachable, match=r"http://publish\.test") as caught:
        Server(error).api.get("/api/x")
    assert failure_of(caught.value).exit_code == 3


def test_the_client_waits_as_long_as_it_is_asked_to_and_repeats_with_the_same_key() -> None:
    server = Server(answer(429, {}, Retry_After="7"), answer(503, {}, Retry_After="1"), answer(200, {"ok": 1}))
    assert server.api.post("/api/x", {"a": 1}) == {"ok": 1}
    assert server.pauses == [7, 1]
    keys = {request.headers["Idempotency-Key"] for request in server.requests}
    assert len(keys) == 1
    assert [json.loads(request.content) for request in server.requests] == [{"a": 1}] * 3


def test_the_client_does_not_wait_for_hours_nor_for_ever() -> None:
    with pytest.raises(ApiError):
        Server(answer(429, {}, Retry_After="3600")).api.get("/api/x")
    server = Server(*[answer(503, {}, Retry_After="1")] * 10)
    with pytest.raises(ApiError):
        server.api.get("/api/x")
    assert len(server.pauses) == 5


def test_lists_of_both_apis_are_read_to_their_end() -> None:
    linked = '<http://publish.test/api/l?cursor=x>; rel="next"'
    server = Server(answer(200, [1, 2], Link=linked), answer(200, [3]))
    assert list(server.api.listed("/api/l", limit=2)) == [1, 2, 3]
    assert server.requests[1].url.query == b"cursor=x"
    following = "http://publish.test/api/v1/l?page=2"
    server = Server(answer(200, {"results": [1], "next": following}), answer(200, {"results": [2], "next": None}))
    assert list(server.api.listed("/api/v1/l")) == [1, 2]
    assert server.requests[1].url.query == b"page=2"


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (Invalid("bad"), 1),
        (Forbidden(), 1),
        (SettingsError("bad"), 1),
        (NotFound("gone"), 4),
        (Conflict("taken"), 5),
        (Unavailable("busy"), 3),
        (FileNotFoundError(2, "No such file", "x"), 1),
        (ZeroDivisionError("oops"), 3),
    ],
)
def test_every_error_has_an_exit_code_and_one_line(error: Exception, exit_code: int) -> None:
    failure = failure_of(error)
    assert failure.exit_code == exit_code
    assert len(failure.lines()) == 1


def test_an_error_of_one_field_is_told_in_one_line() -> None:
    assert failure_of(Invalid.field("name", "is reserved")).lines() == ["Error: name is reserved"]
    two = Invalid("2 problems", [FieldError("body", "a", "x"), FieldError("body", "b", "y")])
    assert failure_of(two).lines() == ["Error: 2 problems", "  a: x", "  b: y"]
