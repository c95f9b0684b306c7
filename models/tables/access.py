"""Who may come in over HTTP, and what was sent out: API clients, links, events, deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key, choice


class ClientKind(StrEnum):
    """For whom a credential of ours acts."""

    ORGANISATION = "organisation"  # reads; neither posts nor sees the waiting list
    INTEGRATION = "integration"  # acts for the billing entities of one connection


class ApiClientRow(Base):
    """A credential of ours; only a hash of its secret is stored."""

    __tablename__ = "api_clients"

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[ClientKind] = mapped_column(choice(ClientKind, "kind"))
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))
    """Of an integration credential; the rights follow the connection's present entities."""
    name: Mapped[str]
    scopes: Mapped[list[Any]]
    """`manage`: an organisation credential that may connect, sync, push again and disconnect."""
    secret_hash: Mapped[str]
    created_by: Mapped[str]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ConnectionEntityRow(Base):
    """A billing entity that a connection acts for, beside the one that it was made for."""

    __tablename__ = "connection_entities"
    __table_args__ = (
        Index(
            "uq_connection_entities_active",
            "billing_entity_id",
            unique=True,
            postgresql_where=text("active"),
        ),
    )

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    billing_entity_id: Mapped[UUID] = mapped_column(
        ForeignKey("billing_entities.id"), primary_key=True
    )
    active: Mapped[bool] = mapped_column(default=True)
    """Whether the connection may post: at most one per billing entity."""
    created_at: Mapped[CreatedAt]


class IdempotencyKeyRow(Base):
    """The answer that a client's key was given, so that a repeated request gets it again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("client_id", "key"),)

    id: Mapped[Key]
    client_id: Mapped[UUID] = mapped_column(ForeignKey("api_clients.id"))
    key: Mapped[str]
    request_hash: Mapped[str]
    status_code: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[CreatedAt]
