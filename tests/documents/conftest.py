"""A world for each prefix of the API; on both databases, as the server is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Tenant
from tests.documents.coverage import summary
from tests.documents.world import World


@pytest.fixture(params=["/api", "/zone"])
def world(request: pytest.FixtureRequest, tenant: Tenant) -> World:
    return World(tenant, request.param)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How much of the documents the tests hold."""
    for line in summary():
        terminalreporter.write_line(line)
