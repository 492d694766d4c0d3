"""How a page stands at all its destinations together."""

from __future__ import annotations

import pytest

from pubsite.models import PublishingRecord, PublishingStatus, RemoteState, now
from pubsite.services.publishing_status import overall

PUBLISHED = PublishingRecord(status=PublishingStatus.published, remote_state=RemoteState.present)
PENDING = PublishingRecord(status=PublishingStatus.pending, remote_state=RemoteState.unknown)
FAILED = PublishingRecord(status=PublishingStatus.failed, remote_state=RemoteState.present)
DRAFT = PublishingRecord(status=PublishingStatus.published, remote_state=RemoteState.draft)
GONE = PublishingRecord(status=PublishingStatus.pending, remote_state=RemoteState.absent, unpublished_at=now())
A_DRAFT_IS_LEFT = PublishingRecord(
    status=PublishingStatus.pending, remote_state=RemoteState.draft, unpublished_at=now()
)
SHOWN_STILL = PublishingRecord(status=PublishingStatus.failed, remote_state=RemoteState.present, unpublished_at=now())


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "none"),
        ([GONE], "none"),
        ([A_DRAFT_IS_LEFT], "none"),
        ([A_DRAFT_IS_LEFT, PUBLISHED], "published"),
        ([DRAFT], "published"),
        ([PENDING, FAILED], "pending"),
        ([PUBLISHED, FAILED, GONE], "partial"),
        ([SHOWN_STILL], "failed"),
    ],
)
def test_what_was_taken_down_does_not_count(records: list[PublishingRecord], expected: str) -> None:
    assert overall(records) == expected
