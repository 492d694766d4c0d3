"""What the documents promise and pubsite does not have yet, in one place: each line, why, and how to see that it is so.

Whoever builds one of these makes `test_what_is_listed_as_later_is_not_there` fail: take the entry out, and attach tests
to its line with `says`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.documents.document import PUBLISHER, Document
from tests.documents.world import World

BASE = "/api/v1/publisher"


def no_route(path: str) -> Callable[[World], bool]:
    """Nothing answers GET at that path, not even with the 404 of an object."""
    return lambda world: world.ask(f"GET {BASE}/{path}", status=None).json["error"] == "Not Found"


def no_change(method: str) -> Callable[[World], bool]:
    """A deployment record is there and does not take that method."""

    def is_missing(world: World) -> bool:
        site = world.site(f"{method.lower()}-later")
        record = world.ask(f"POST {BASE}/deployments/", {"site_id": site["id"]}, status=202).json["data"]
        endpoint = f"{method} {BASE}/deployments/{{id}}/"
        return world.ask(endpoint, {}, by=world.tenant.client, status=None, id=record["id"]).status_int == 405

    return is_missing


@dataclass(frozen=True)
class Later:
    """A line that is not kept, or not wholly; `is_missing` tells by asking."""

    document: Document
    line: str
    reason: str
    is_missing: Callable[[World], bool]


def _records(line: str) -> Later:
    return Later(PUBLISHER, line, "publishing records are not there yet", no_route("publishing-records/"))


def _sectors(line: str) -> Later:
    return Later(PUBLISHER, line, "sectors are not there yet: account, publisher and site only", no_route("sectors/"))


CRUD = (
    "• Expose CRUD for publishing records (content publishing to destinations) and deployment records"
    " (site deployments)."
)
SCOPE = "• Scope resources by account/site/sector and provide unified responses."
ROOT = "• Root publisher viewset (PublisherViewSet) for additional publisher actions (see module code)."
VIEWSETS = (
    "• Viewsets inherit account/site/sector filtering via base classes; permissions/throttles defined in module views."
)
TRACK = "• Publishing records track destination/status/URLs/errors; deployments track versions/status/URL/metadata."
MODELS = "• PublishingRecord, DeploymentRecord, Account, Site, Sector."
REFERENCES = (
    "• Publishing records reference writer content; deployments reference sites; integration data may influence"
    " destinations (see integration/publishing services)."
)
STATES = (
    "• Publishing status: pending/publishing/published/failed; Deployment status:"
    " pending/deploying/deployed/failed/rolled_back."
)
TENANCY = (
    "• All endpoints scoped to account/site/sector via base viewsets and permissions; privileged roles may bypass"
    " filtering but data retains tenant fields."
)
SEPARATION = (
    "• Separation of publishing records and deployment records keeps content publishing and site deployment distinct."
)

LATER = (
    _records("Document publisher API endpoints for publishing records and deployments."),
    _records(CRUD),
    *(
        Later(PUBLISHER, CRUD, f"deployment records do not take {method} yet", no_change(method))
        for method in ("PUT", "PATCH", "DELETE")
    ),
    _sectors(SCOPE),
    _records("• publishing-records/PublishingRecordViewSet"),
    Later(PUBLISHER, ROOT, "the root answers nothing yet", no_route("")),
    _sectors(VIEWSETS),
    _records(TRACK),
    _records(MODELS),
    _sectors(MODELS),
    _records(REFERENCES),
    Later(PUBLISHER, REFERENCES, "destinations are not there yet", no_route("destinations/")),
    _records(STATES),
    _sectors(TENANCY),
    _records(SEPARATION),
)
