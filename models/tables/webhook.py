"""What happened, who wants to be told, and every try to tell them: the outbox.

An event is written in the transaction of the change that it is about, together with one
delivery per endpoint that asked for it. Sending is somebody else's work, later.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key, choice


class EndpointStatus(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # no further tries; a person may replay it


class EventRow(Base):
    """Something that happened to a billing entity's books or connections."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_listing", "organisation_id", "created_at", "id"),
        # What is rare among a million is not found in the order of time.
        Index(
            "ix_events_kinds", "organisation_id", "object_type", "event_type", "created_at", "id"
        ),
    )

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    billing_entity_id: Mapped[UUID] = mapped_column(ForeignKey("billing_entities.id"))
    object_type: Mapped[str]
    event_type: Mapped[str]
    """`connected`, `done` ...: with the object type in front it is the payload's action."""
    description: Mapped[str]
    object: Mapped[dict[str, Any]]
    created_at: Mapped[CreatedAt]


class WebhookEndpointRow(Base):
    """A URL that wants to be told of one type of object."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        Index(
            "ix_webhook_endpoints_organisation",
            "organisation_id",
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))
    """Made by an integration: it hears of the billing entities of its connection alone."""
    object_type: Mapped[str]
    event_types: Mapped[list[Any]]
    """Empty: all of the object type."""
    url: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The signing secret, encrypted."""
    api_version: Mapped[str]
    status: Mapped[EndpointStatus] = mapped_column(choice(EndpointStatus, "status"))
    failures: Mapped[int] = mapped_column(default=0)
    """Failed batches in a row; the pause before the next one grows with it."""
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    deleted_at: Mapped[datetime | None]
    """Its delivery log stays as long as any other."""


class WebhookDeliveryRow(Base):
    """The way of one event to one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_webhook_deliveries_listing", "endpoint_id", "created_at", "id"),
        Index("ix_webhook_deliveries_status", "endpoint_id", "status", "created_at", "id"),
        Index("ix_webhook_deliveries_event", "event_id"),
    )

    id: Mapped[Key]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    replay_of: Mapped[UUID | None]
    """The delivery that a person asked to repeat."""
    status: Mapped[DeliveryStatus] = mapped_column(choice(DeliveryStatus, "status"))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    http_status: Mapped[int | None]
    """Of the last try that was answered."""
    error: Mapped[str | None]
    """Why the last try failed, in words."""
    last_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
