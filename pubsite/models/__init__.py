"""The rows, and the rules that need no I/O. Knows neither storage nor HTTP."""

from pubsite.models.accounts import Account, Member, OutsideIdentity, Publisher, Role
from pubsite.models.base import Base, now, text_digest
from pubsite.models.deployments import PRODUCTION, TRANSITIONS, Bundle, Deployment, Kind, Stage, Status
from pubsite.models.destinations import Destination, Health
from pubsite.models.files import File, StagedBlob
from pubsite.models.idempotency import IdempotencyKey
from pubsite.models.jobs import Job
from pubsite.models.pages import Page, PageRevision, PageType
from pubsite.models.publishing_records import (
    PUBLISHING_TRANSITIONS,
    Operation,
    PublishingAttempt,
    PublishingRecord,
    PublishingStatus,
    RemoteState,
)
from pubsite.models.sectors import Sector
from pubsite.models.sites import HostLabel, Mode, Site, host_label
from pubsite.models.tokens import ApiToken

__all__ = [
    "PRODUCTION",
    "PUBLISHING_TRANSITIONS",
    "TRANSITIONS",
    "Account",
    "ApiToken",
    "Base",
    "Bundle",
    "Deployment",
    "Destination",
    "File",
    "Health",
    "HostLabel",
    "IdempotencyKey",
    "Job",
    "Kind",
    "Member",
    "Mode",
    "Operation",
    "OutsideIdentity",
    "Page",
    "PageRevision",
    "PageType",
    "Publisher",
    "PublishingAttempt",
    "PublishingRecord",
    "PublishingStatus",
    "RemoteState",
    "Role",
    "Sector",
    "Site",
    "Stage",
    "StagedBlob",
    "Status",
    "host_label",
    "now",
    "text_digest",
]
