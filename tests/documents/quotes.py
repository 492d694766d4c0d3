"""Lines of the second document that several tests hold, each a part of it."""

from __future__ import annotations

TITLE = "Document publisher API endpoints for publishing records and deployments."
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
ERRORS = "• Unified responses; validation errors for missing/invalid fields; standard 4xx/5xx on failures."
FLOW = "• Requests → DRF auth → base scoping → serializer validation → model CRUD → unified responses."
