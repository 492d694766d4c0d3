"""Sectors, destinations, publishing records; which content sequence a revision of a page moved its site to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sectors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("publisher_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["publisher_id"], ["publishers.id"], name=op.f("fk_sectors_publisher_id_publishers")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_sectors_site_id_sites"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sectors")),
        sa.UniqueConstraint("site_id", "slug", name=op.f("uq_sectors_site_id_slug")),
    )
    op.create_index(op.f("ix_sectors_publisher_id"), "sectors", ["publisher_id"], unique=False)
    op.create_table(
        "destinations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("publisher_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("sector_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("health", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destinations_account_id_accounts")),
        sa.ForeignKeyConstraint(
            ["publisher_id"],
            ["publishers.id"],
            name=op.f("fk_destinations_publisher_id_publishers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sector_id"], ["sectors.id"], name=op.f("fk_destinations_sector_id_sectors"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_destinations_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.create_index(op.f("ix_destinations_publisher_id"), "destinations", ["publisher_id"], unique=False)
    op.create_index(op.f("ix_destinations_sector_id"), "destinations", ["sector_id"], unique=False)
    op.create_index(op.f("ix_destinations_site_id"), "destinations", ["site_id"], unique=False)
    op.create_table(
        "publishing_records",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("publisher_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("sector_id", sa.Uuid(), nullable=True),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("content_revision", sa.Integer(), nullable=True),
        sa.Column("wanted_revision", sa.Integer(), nullable=True),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("destination_type", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("remote_state", sa.String(length=16), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("desired", sa.String(length=16), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("adopt", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_url", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_retryable", sa.Boolean(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsettled_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("woken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unpublished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_publishing_records_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["destinations.id"],
            name=op.f("fk_publishing_records_destination_id_destinations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["publisher_id"], ["publishers.id"], name=op.f("fk_publishing_records_publisher_id_publishers")
        ),
        sa.ForeignKeyConstraint(
            ["sector_id"], ["sectors.id"], name=op.f("fk_publishing_records_sector_id_sectors"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_publishing_records_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publishing_records")),
        sa.UniqueConstraint(
            "content_id", "destination_id", name=op.f("uq_publishing_records_content_id_destination_id")
        ),
    )
    op.create_index(
        op.f("ix_publishing_records_destination_id"), "publishing_records", ["destination_id"], unique=False
    )
    op.create_index(
        "ix_publishing_records_publisher_id_created_at",
        "publishing_records",
        ["publisher_id", "created_at"],
        unique=False,
    )
    op.create_index(op.f("ix_publishing_records_sector_id"), "publishing_records", ["sector_id"], unique=False)
    op.create_index(op.f("ix_publishing_records_site_id"), "publishing_records", ["site_id"], unique=False)
    op.create_table(
        "publishing_attempts",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["publishing_records.id"],
            name=op.f("fk_publishing_attempts_record_id_publishing_records"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("record_id", "number", name=op.f("pk_publishing_attempts")),
    )
    _add_sector("deployments")
    op.add_column("page_revisions", sa.Column("content_sequence", sa.BigInteger(), server_default="0", nullable=False))
    _add_sector("pages")
    op.drop_index("ix_jobs_run_at", table_name="jobs")
    op.create_index("ix_jobs_kind_run_at_created_at", "jobs", ["kind", "run_at", "created_at"], unique=False)
    op.create_index("ix_jobs_lane_run_at", "jobs", ["lane", "run_at"], unique=False)
    claimed = sa.text("worker IS NOT NULL")
    op.create_index("ix_jobs_lease_until", "jobs", ["lease_until"], sqlite_where=claimed, postgresql_where=claimed)


def _add_sector(table: str) -> None:
    """A column that names a sector. SQLite's table is copied for it: foreign keys are off meanwhile."""
    name = op.f(f"fk_{table}_sector_id_sectors")
    with op.batch_alter_table(table) as batch:
        batch.add_column(sa.Column("sector_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(name, "sectors", ["sector_id"], ["id"], ondelete="SET NULL")
        batch.create_index(op.f(f"ix_{table}_sector_id"), ["sector_id"], unique=False)
