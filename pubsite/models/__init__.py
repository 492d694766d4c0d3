"""The rows, and the rules that need no I/O. Knows neither storage nor HTTP."""

from pubsite.models.accounts import Account, Member, OutsideIdentity, Publisher, Role
from pubsite.models.base import Base, now, text_digest
from pubsite.models.deployments import PRODUCTION, TRANSITIONS, Bundle, Deployment, Kind, Stage, Status
from pubsite.models.files import File, StagedBlob
from pubsite.models.idempotency import IdempotencyKey
from pubsite.models.jobs import Job
from pubsite.models.pages import Page, PageRevision, PageType
from pubsite.models.sites import HostLabel, Mode, Site, host_label
from pubsite.models.tokens import ApiToken

__all__ = [
    "PRODUCTION",
    "TRANSITIONS",
    "Account",
    "ApiToken",
    "Base",
    "Bundle",
    "Deployment",
    "File",
    "HostLabel",
    "IdempotencyKey",
    "Job",
    "Kind",
    "Member",
    "Mode",
    "OutsideIdentity",
    "Page",
    "PageRevision",
    "PageType",
    "Publisher",
    "Role",
    "Site",
    "Stage",
    "StagedBlob",
    "Status",
    "host_label",
    "now",
    "text_digest",
]
