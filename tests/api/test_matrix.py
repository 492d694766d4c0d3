"""Every route and method against every kind of caller, on own, foreign and mismatched objects: all cells of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyramid.interfaces import IRoutesMapper

from tests.conftest import Server
from tests.matrix.table import PUBLISHER, ROWS, Row
from tests.matrix.world import CALLERS, ROLES, Caller, World, fill, site_of

RANK = list(ROLES)


def expected(row: Row, caller: Caller, kind: str) -> int:
    """What the caller gets, by the row's words alone."""
    if caller.name == "wrong token" and row.asks_who:
        return 401
    if row.who == "public":
        return 404 if kind == "mismatched" else row.success
    if caller.name == "anonymous":
        return 404 if _is_draft(row) else 401
    if row.who == "signed_in":
        allowed = row.scope in caller.scopes and not (row.whole_account and caller.reach != "all")
        return row.success if allowed else 403
    return _by_role(row, caller, kind)


def _by_role(row: Row, caller: Caller, kind: str) -> int:
    role = caller.role if kind != "foreign" and _reaches(row, caller) else None
    reads = row.method == "GET" and row.staff_reads and caller.is_staff
    if kind == "mismatched" and not _asks_first(row):
        return 404
    if row.invited and caller.name == "invited" and kind == "own":
        return row.success
    if role is None and not reads and row.outside == 404:
        return 403 if caller.is_staff and row.path.startswith(PUBLISHER) else 404
    if row.scope not in caller.scopes:
        return 404 if _is_draft(row) else 403
    if reads or (role is not None and RANK.index(role) >= RANK.index(row.who)):
        return 404 if kind == "mismatched" else row.success
    return row.outside if role is None else 403


def _reaches(row: Row, caller: Caller) -> bool:
    """Whether the caller's token is for what the row is about."""
    site = site_of(row)
    if caller.reach == "all":
        return True
    if caller.reach == "publisher":
        return True
    return caller.reach == "site" and site == "docs"


def _asks_first(row: Row) -> bool:
    """Members are looked up in a publisher that the caller must belong to: who does not is refused first."""
    return "/members/" in row.path


def _is_draft(row: Row) -> bool:
    return "{draft}" in row.path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_every_cell(server: Server, row: Row) -> None:
    wrong = [deviation for kind in _kinds(row) for deviation in _deviations(server, row, kind)]
    assert not wrong, "\n".join(wrong)


def _kinds(row: Row) -> list[str]:
    """The kinds of objects that a row has: of whom the account alone is asked, there are no foreign ones."""
    kinds = ["own"] if row.who == "signed_in" else ["own", "foreign"]
    return [*kinds, "mismatched"] if row.mismatched else kinds


def _deviations(server: Server, row: Row, kind: str) -> Iterator[str]:
    """Each caller asks; for foreign objects the callers are those of another tenant."""
    path = row.mismatched if kind == "mismatched" else row.path
    world = World(server)
    asked = World(server, of_callers=False) if kind == "foreign" else world
    for caller in CALLERS:
        status = asked.ask(world.client(caller), row, path)
        if status != (right := expected(row, caller, kind)):
            yield f"{kind}, {caller.name}: {status} instead of {right}"
        if row.method != "GET" and status < 300:  # what it did would show to the next one
            asked = World(server, of_callers=kind != "foreign")
            world = asked if kind != "foreign" else world


def test_the_table_has_every_endpoint(server: Server) -> None:
    registry = server.app.api.registry
    world = World(server)
    listed = {(row.method, matched(registry, fill(row.path, world.names))) for row in ROWS}
    assert listed == endpoints(registry)


def test_the_size_of_the_table(server: Server) -> None:
    """How many cells there are, so that nobody shrinks it unseen."""
    cells = sum(len(CALLERS) * len(_kinds(row)) for row in ROWS)
    assert (len(ROWS), len(CALLERS), cells) == (105, 21, 5607)


def test_each_path_has_one_service(server: Server) -> None:
    """Of two on one path the second would answer 405 to all, and nothing would say so at the start."""
    patterns = [route.pattern for route in server.app.api.registry.queryUtility(IRoutesMapper).get_routes()]
    assert len(patterns) == len(set(patterns))


def matched(registry: Any, path: str) -> str:
    """The pattern of the route that answers a path."""
    path = path.partition("?")[0]
    path = path.removesuffix("/") if path.startswith(PUBLISHER) else path
    routes = registry.queryUtility(IRoutesMapper).get_routes()
    return next(route.pattern for route in routes if route.match(path) is not None)


def endpoints(registry: Any) -> set[tuple[str, str]]:
    """(method, pattern) of every endpoint that the app knows."""
    patterns = {route.name: route.pattern for route in registry.queryUtility(IRoutesMapper).get_routes()}
    views = [entry["introspectable"] for entry in registry.introspector.get_category("views")]
    of_routes = [(view["route_name"], view["request_methods"]) for view in views if view["request_methods"]]
    listed = [(name, [methods] if isinstance(methods, str) else methods) for name, methods in of_routes]
    return {(method, patterns[name]) for name, methods in listed for method in methods if method != "HEAD"}
