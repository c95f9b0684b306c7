"""The sync log: what stands where between us and a ledger, and every attempt to change it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.canonical.record import ObjectType
from models.status import SyncStatus
from models.tables.base import Base, CreatedAt, Key, Money, choice

LAGS = (3_600, 14_400, 57_600, 230_400, 921_600, 3_686_400, 14_745_600, 58_982_400)
"""Seconds: the bounds between the classes of `SyncedRecordRow.lag`, from an hour on, times four."""

_SYNC_STATUS = """
CASE WHEN status IN ('done', 'done_manually', 'skipped') THEN 'done'
     WHEN status = 'rejected' THEN 'error'
     WHEN status = 'blocked' AND blocked_by IS NULL AND issue_id IS NOT NULL THEN 'error'
     ELSE 'pending' END"""
_LAG = (
    "width_bucket(extract(epoch FROM updated_at - created_at), "
    f"'{{{','.join(map(str, LAGS))}}}'::numeric[])"
)


class SyncedRecordRow(Base):
    """The pair of our object and the platform's, per connection."""

    __tablename__ = "synced_records"
    __table_args__ = (
        UniqueConstraint("connection_id", "type", "object_id"),
        Index(
            "uq_synced_records_platform",
            "connection_id",
            "type",
            "platform_object_id",
            unique=True,
            postgresql_where=text("platform_object_id IS NOT NULL"),
        ),
        UniqueConstraint("connection_id", "marker"),
        # What a pusher claims, in the order that it claims it.
        Index(
            "ix_synced_records_due",
            "connection_id",
            "type",
            "object_date",
            "id",
            postgresql_where=text("status IN ('pending', 'retry_wait')"),
        ),
        Index(
            "ix_synced_records_moving",
            "connection_id",
            "next_attempt_at",
            postgresql_where=text("status IN ('pending', 'retry_wait', 'uncertain', 'sending')"),
        ),
        Index(
            "ix_synced_records_lease",
            "lease_until",
            postgresql_where=text("status = 'sending'"),
        ),
        Index(
            "ix_synced_records_blocked_by",
            "blocked_by",
            postgresql_where=text("blocked_by IS NOT NULL"),
        ),
        Index(
            "ix_synced_records_issue",
            "issue_id",
            "updated_at",
            "id",
            postgresql_where=text("issue_id IS NOT NULL"),
        ),
        Index("ix_synced_records_object", "object_id"),
        # What waits for somebody, counted by status for the metrics.
        Index(
            "ix_synced_records_waiting",
            "status",
            postgresql_where=text("status IN ('rejected', 'blocked', 'held')"),
        ),
        # Of sources: what may have to be reported, once the ledger has said something.
        Index(
            "ix_synced_records_reports",
            "connection_id",
            postgresql_where=text("reason_code IN ('ledger', 'no_ledger', 'reported_failed')"),
        ),
        # The pages of lists. What can be filtered by equality comes first, then the order, then
        # what else can be filtered by; see `models.repositories.record_pages`.
        Index(
            "ix_synced_records_made",
            *("connection_id", "billing_entity_id", "type", "side", "sync_status", "lag"),
            *("created_at", "id", "updated_at"),
        ),
        Index(
            "ix_synced_records_changed",
            *("connection_id", "billing_entity_id", "type", "side", "sync_status", "lag"),
            *("updated_at", "id", "created_at"),
        ),
        Index(
            "ix_synced_records_log",
            *("connection_id", "billing_entity_id", "type", "own", "status"),
            *("updated_at", "id"),
        ),
        # What a ledger has, in the order in which we met it: offsets are counted in the index.
        Index(
            "ix_synced_records_in_ledger",
            *("connection_id", "billing_entity_id", "type", "created_at", "id", "object_id"),
            postgresql_where=text("platform_object_id IS NOT NULL"),
        ),
    )

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    type: Mapped[ObjectType] = mapped_column(choice(ObjectType, "type"))
    object_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"))
    object_date: Mapped[date | None]
    # Copies of what the document says, so that one index can hold all that lists filter by.
    billing_entity_id: Mapped[UUID]
    own: Mapped[bool]
    """The document is not the platform's own: the product's, or that of another connection."""
    side: Mapped[str]
    """customer or supplier: the first role of a contact, the side of a credit note; else empty."""
    platform_object_id: Mapped[str | None]
    marker: Mapped[str]
    """Our mark in the ledger: short, unique per connection, written into the document there."""

    status: Mapped[SyncStatus] = mapped_column(choice(SyncStatus, "status"))
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    """One sentence: why it stands where it stands."""
    issue_id: Mapped[UUID | None] = mapped_column(ForeignKey("issues.id"))
    blocked_by: Mapped[UUID | None]
    """The synced record of the parent that must be done first."""

    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    """Sends since the content last changed or a person last asked."""
    refusals: Mapped[int] = mapped_column(default=0)
    """Definite refusals ever; part of the idempotency key, since providers replay errors."""
    checks: Mapped[int] = mapped_column(default=0)
    """Look-ups since the outcome became uncertain."""
    uncertain_since: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=1)
    progress: Mapped[dict[str, Any] | None]
    """What the steps of a write in several steps left behind, in the connector's words."""

    sent_operation: Mapped[str | None]
    """create, update or void: what is being done or was last done."""
    sent_hash: Mapped[str | None]
    """Content that is being sent or was last sent."""
    sent_body: Mapped[dict[str, Any] | None]
    """That content in the ledger's ids, until its fate is known: what a look-up looks for."""
    pushed_hash: Mapped[str | None]
    """Content that the ledger is known to have accepted."""
    pulled_hash: Mapped[str | None]
    """Content of the ledger's own version when it was last read."""
    provider_version: Mapped[str | None]
    variance: Mapped[Money | None]
    """Ledger's total less ours, where it is within the connector's tolerance."""
    ledger: Mapped[dict[str, Any] | None]
    """What the ledger shows of it: number, date, totals, balance, status, url."""

    last_pulled_at: Mapped[datetime | None]
    last_pushed_at: Mapped[datetime | None]
    seen_run_id: Mapped[UUID | None]
    """The last complete pull that met it new or changed; unchanged ones are in `met_objects`."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    sync_status: Mapped[str] = mapped_column(Computed(_SYNC_STATUS, persisted=True))
    """What `models.status.public_status` says."""
    lag: Mapped[int] = mapped_column(Computed(_LAG, persisted=True))
    """How long after it was made it was last changed, in classes: with it, a limit for one of
    the two times is a limit for the other."""


class AttemptRow(Base):
    """One try of one record, committed before the call: the sync log's evidence."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_record", "record_id", "started_at"),)

    id: Mapped[Key]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("synced_records.id"))
    run_id: Mapped[UUID | None]
    """No foreign key: a run may be taken out before its attempts, without a look at each."""
    trigger: Mapped[str]
    correlation_id: Mapped[str]
    operation: Mapped[str]
    idempotency_key: Mapped[str]
    payload_hash: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """Empty while bytes may be under way."""
    late: Mapped[bool] = mapped_column(default=False)
    """The answer came after the lease was lost; the record was left alone."""
    http_status: Mapped[int | None]
    request_id: Mapped[str | None]
    error_code: Mapped[str | None]
    sentence: Mapped[str | None]
    provider_message: Mapped[str | None]
