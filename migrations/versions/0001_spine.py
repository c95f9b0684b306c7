"""The spine: tenants, connections, documents, the sync log, runs, issues and mappings.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "renewed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("refresh_lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("name", name=op.f("uq_organisations_name")),
    )
    op.create_table(
        "billing_entities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("vat_number", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_billing_entities_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_entities")),
        sa.UniqueConstraint(
            "organisation_id", "code", name=op.f("uq_billing_entities_organisation_id_code")
        ),
    )
    op.create_index(
        "uq_billing_entities_default",
        "billing_entities",
        ["organisation_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("billing_entity_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ledger",
                "source",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending_auth",
                "connected",
                "deauthorized",
                "paused",
                "disconnected",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("base_url", sa.Text(), nullable=True),
        sa.Column("platform_organisation_id", sa.Text(), nullable=True),
        sa.Column("platform_organisation_name", sa.Text(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("posting_from", sa.Date(), nullable=True),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("next_sync_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_pull_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["billing_entity_id"],
            ["billing_entities.id"],
            name=op.f("fk_connections_billing_entity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_connections_consent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index(
        "ix_connections_next_sync_at",
        "connections",
        ["next_sync_at"],
        unique=False,
        postgresql_where=sa.text("status = 'connected'"),
    )
    op.create_index(
        "ix_connections_parked_until",
        "connections",
        ["parked_until"],
        unique=False,
        postgresql_where=sa.text("parked_until IS NOT NULL"),
    )
    op.create_index(
        "uq_connections_ledger",
        "connections",
        ["billing_entity_id"],
        unique=True,
        postgresql_where=sa.text("role = 'ledger' AND status <> 'disconnected'"),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "done",
                "failed",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("platform_status", sa.Text(), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_uploads_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_uploads_connection_id_key")),
    )
    op.create_index(
        "ix_uploads_next_step_at",
        "uploads",
        ["next_step_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "upload_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name=op.f("fk_upload_parts_upload_id")
        ),
        sa.PrimaryKeyConstraint("upload_id", "position", name=op.f("pk_upload_parts")),
    )
    op.create_table(
        "provider_use",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_provider_use_connection_id")
        ),
        sa.PrimaryKeyConstraint("connection_id", "month", name=op.f("pk_provider_use")),
    )
    op.create_table(
        "cursors",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "contact",
                "item",
                "tax_rate",
                "ledger_account",
                "invoice",
                "bill",
                "credit_note",
                "payment",
                "journal_entry",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_cursors_connection_id")
        ),
        sa.PrimaryKeyConstraint("connection_id", "type", name=op.f("pk_cursors")),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("billing_entity_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column(
            "type",
            sa.Enum(
                "contact",
                "item",
                "tax_rate",
                "ledger_account",
                "invoice",
                "bill",
                "credit_note",
                "payment",
                "journal_entry",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("document_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("contact_ref", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("net_total", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("tax_total", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("total", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("balance", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("rate", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["billing_entity_id"],
            ["billing_entities.id"],
            name=op.f("fk_documents_billing_entity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["connections.id"], name=op.f("fk_documents_source_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint(
            "billing_entity_id",
            "type",
            "external_id",
            "source_id",
            name=op.f("uq_documents_billing_entity_id_type_external_id_source_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_documents_listing",
        "documents",
        ["billing_entity_id", "type", "document_date", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_documents_number", "documents", ["billing_entity_id", "type", "number"], unique=False
    )
    op.create_table(
        "issues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("provider_message", sa.Text(), nullable=True),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_issues_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
    )
    op.create_index(
        "uq_issues_open",
        "issues",
        ["connection_id", "code", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "mappings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "tax_rate",
                "account",
                "contact",
                "item",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_mappings_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mappings")),
        sa.UniqueConstraint(
            "connection_id", "kind", "ours", name=op.f("uq_mappings_connection_id_kind_ours")
        ),
    )
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column(
            "trigger",
            sa.Enum(
                "schedule",
                "manual",
                "webhook",
                "retry",
                "change",
                name="trigger",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "done",
                "partial",
                "failed",
                "parked",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_calls", sa.Integer(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("cursors_before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cursors_after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_sync_runs_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index(
        "ix_sync_runs_listing", "sync_runs", ["connection_id", "created_at"], unique=False
    )
    op.create_index(
        "uq_sync_runs_active",
        "sync_runs",
        ["connection_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "synced_records",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "contact",
                "item",
                "tax_rate",
                "ledger_account",
                "invoice",
                "bill",
                "credit_note",
                "payment",
                "journal_entry",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("object_date", sa.Date(), nullable=True),
        sa.Column("billing_entity_id", sa.Uuid(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("platform_object_id", sa.Text(), nullable=True),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "sending",
                "done",
                "retry_wait",
                "uncertain",
                "rejected",
                "blocked",
                "held",
                "skipped",
                "done_manually",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("issue_id", sa.Uuid(), nullable=True),
        sa.Column("blocked_by", sa.Uuid(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("uncertain_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sent_operation", sa.Text(), nullable=True),
        sa.Column("sent_hash", sa.Text(), nullable=True),
        sa.Column("sent_body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("pushed_hash", sa.Text(), nullable=True),
        sa.Column("pulled_hash", sa.Text(), nullable=True),
        sa.Column("provider_version", sa.Text(), nullable=True),
        sa.Column("variance", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("ledger", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("last_pulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "sync_status",
            sa.Text(),
            sa.Computed(
                "CASE WHEN status IN ('done', 'done_manually', 'skipped') THEN 'done' "
                "WHEN status = 'rejected' THEN 'error' "
                "WHEN status = 'blocked' AND blocked_by IS NULL AND issue_id IS NOT NULL "
                "THEN 'error' ELSE 'pending' END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "lag",
            sa.Integer(),
            sa.Computed(
                "width_bucket(extract(epoch FROM updated_at - created_at), "
                "'{3600,14400,57600,230400,921600,3686400,14745600,58982400}'::numeric[])",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_synced_records_connection_id")
        ),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issues.id"], name=op.f("fk_synced_records_issue_id")
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["documents.id"], name=op.f("fk_synced_records_object_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synced_records")),
        sa.UniqueConstraint(
            "connection_id", "marker", name=op.f("uq_synced_records_connection_id_marker")
        ),
        sa.UniqueConstraint(
            "connection_id",
            "type",
            "object_id",
            name=op.f("uq_synced_records_connection_id_type_object_id"),
        ),
    )
    op.create_index(
        "ix_synced_records_blocked_by",
        "synced_records",
        ["blocked_by"],
        unique=False,
        postgresql_where=sa.text("blocked_by IS NOT NULL"),
    )
    op.create_index(
        "ix_synced_records_due",
        "synced_records",
        ["connection_id", "type", "object_date", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'retry_wait')"),
    )
    op.create_index(
        "ix_synced_records_issue",
        "synced_records",
        ["issue_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("issue_id IS NOT NULL"),
    )
    op.create_index(
        "ix_synced_records_lease",
        "synced_records",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_synced_records_moving",
        "synced_records",
        ["connection_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'retry_wait', 'uncertain', 'sending')"),
    )
    op.create_index("ix_synced_records_object", "synced_records", ["object_id"], unique=False)
    op.create_index(
        "uq_synced_records_platform",
        "synced_records",
        ["connection_id", "type", "platform_object_id"],
        unique=True,
        postgresql_where=sa.text("platform_object_id IS NOT NULL"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("provider_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["synced_records.id"], name=op.f("fk_attempts_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_record", "attempts", ["record_id", "started_at"], unique=False)


def downgrade() -> None:

    op.drop_index("ix_attempts_record", table_name="attempts")
    op.drop_table("attempts")
    op.drop_index(
        "uq_synced_records_platform",
        table_name="synced_records",
        postgresql_where=sa.text("platform_object_id IS NOT NULL"),
    )
    op.drop_index("ix_synced_records_object", table_name="synced_records")
    op.drop_index(
        "ix_synced_records_moving",
        table_name="synced_records",
        postgresql_where=sa.text("status IN ('pending', 'retry_wait', 'uncertain', 'sending')"),
    )
    op.drop_index(
        "ix_synced_records_lease",
        table_name="synced_records",
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.drop_index(
        "ix_synced_records_issue",
        table_name="synced_records",
        postgresql_where=sa.text("issue_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_synced_records_due",
        table_name="synced_records",
        postgresql_where=sa.text("status IN ('pending', 'retry_wait')"),
    )
    op.drop_index(
        "ix_synced_records_blocked_by",
        table_name="synced_records",
        postgresql_where=sa.text("blocked_by IS NOT NULL"),
    )
    op.drop_table("synced_records")
    op.drop_index(
        "uq_sync_runs_active",
        table_name="sync_runs",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.drop_index("ix_sync_runs_listing", table_name="sync_runs")
    op.drop_table("sync_runs")
    op.drop_table("mappings")
    op.drop_index(
        "uq_issues_open", table_name="issues", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("issues")
    op.drop_index("ix_documents_number", table_name="documents")
    op.drop_index("ix_documents_listing", table_name="documents")
    op.drop_table("documents")
    op.drop_table("cursors")
    op.drop_table("provider_use")
    op.drop_table("upload_parts")
    op.drop_index(
        "ix_uploads_next_step_at",
        table_name="uploads",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_table("uploads")
    op.drop_index(
        "uq_connections_ledger",
        table_name="connections",
        postgresql_where=sa.text("role = 'ledger' AND status <> 'disconnected'"),
    )
    op.drop_index(
        "ix_connections_parked_until",
        table_name="connections",
        postgresql_where=sa.text("parked_until IS NOT NULL"),
    )
    op.drop_index(
        "ix_connections_next_sync_at",
        table_name="connections",
        postgresql_where=sa.text("status = 'connected'"),
    )
    op.drop_table("connections")
    op.drop_index(
        "uq_billing_entities_default",
        table_name="billing_entities",
        postgresql_where=sa.text("is_default"),
    )
    op.drop_table("billing_entities")
    op.drop_table("organisations")
    op.drop_table("consents")
    op.drop_table("audit_log")
