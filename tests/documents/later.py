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


@dataclass(frozen=True)
class Later:
    """A line that is not kept, or not wholly; `is_missing` tells by asking."""

    document: Document
    line: str
    reason: str
    is_missing: Callable[[World], bool]


def _records(line: str) -> Later:
    return Later(PUBLISHER, line, "publishing records are not there yet", no_route("publishing-records/"))


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
    _records("• publishing-records/PublishingRecordViewSet"),
    _records(TRACK),
    _records(MODELS),
    _records(REFERENCES),
    Later(PUBLISHER, REFERENCES, "destinations are not there yet", no_route("destinations/")),
    _records(STATES),
    _records(SEPARATION),
)
