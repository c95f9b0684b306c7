"""Sync runs: one execution for one connection, in chunks that any worker may continue."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key, choice


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    PARKED = "parked"


class Trigger(StrEnum):
    """What set a run or a push off."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    WEBHOOK = "webhook"
    RETRY = "retry"
    CHANGE = "change"


class SyncRunRow(Base):
    """One execution for one connection."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        # Two runs of one connection never overlap: insert and catch the conflict.
        Index(
            "uq_sync_runs_active",
            "connection_id",
            unique=True,
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
        Index("ix_sync_runs_listing", "connection_id", "created_at"),
    )

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    trigger: Mapped[Trigger] = mapped_column(choice(Trigger, "trigger"))
    status: Mapped[RunStatus] = mapped_column(choice(RunStatus, "status"))
    correlation_id: Mapped[str]
    full: Mapped[bool] = mapped_column(default=False)
    steps: Mapped[list[Any]]
    """What is left to do, in order: `pull:invoice`, `push` ..."""
    counts: Mapped[dict[str, Any]]
    """Per object type: seen, created, updated, unchanged, pushed, failed ..."""
    provider_calls: Mapped[int] = mapped_column(default=0)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """What the provider answered to them."""
    cursors_before: Mapped[dict[str, Any]]
    cursors_after: Mapped[dict[str, Any]]
    sentence: Mapped[str | None]
    """How it ended, in words."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    next_step_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class MetObjectsRow(Base):
    """Objects of a page that a complete pull met and found unchanged; gone when the pull ends.

    A mark on each record instead would write the whole row, and all of its index entries, anew.
    """

    __tablename__ = "met_objects"
    __table_args__ = (Index("ix_met_objects_run_id_type", "run_id", "type"),)

    id: Mapped[Key]
    run_id: Mapped[UUID] = mapped_column(ForeignKey("sync_runs.id", ondelete="CASCADE"))
    type: Mapped[str]
    record_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """Ids of synced records."""
