"""Connections to platforms, the credentials behind them, and what belongs to one connection."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.canonical.record import ObjectType
from models.tables.base import Base, CreatedAt, Key, choice


class ConnectionStatus(StrEnum):
    """Whether a connection can be used."""

    PENDING_AUTH = "pending_auth"
    CONNECTED = "connected"
    DEAUTHORIZED = "deauthorized"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


class ConnectionRole(StrEnum):
    """Whether documents come from a connection or go to it."""

    LEDGER = "ledger"
    SOURCE = "source"


class ConsentRow(Base):
    """One set of credentials or tokens, encrypted; several connections may share it."""

    __tablename__ = "consents"

    id: Mapped[Key]
    provider: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    token_version: Mapped[int] = mapped_column(default=1)
    """The fence of a refresh: it is stored only where nobody stored a newer consent meanwhile."""
    expires_at: Mapped[datetime | None]
    """When the access token ends; None where credentials do not end by themselves."""
    access_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The token that the credentials bought, encrypted, where they buy one."""
    renewed_at: Mapped[CreatedAt]
    """When the present tokens came."""
    refresh_lease_until: Mapped[datetime | None]
    """Somebody is refreshing the tokens until then, and nobody else may."""
    refresh_not_before: Mapped[datetime | None]
    """No token request leaves before then: the last one was refused, or not answered."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class AuthorizationRow(Base):
    """One question to a connection's owner, at the provider, whether we may come in."""

    __tablename__ = "authorizations"

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    state_hash: Mapped[str] = mapped_column(unique=True)
    browser_hash: Mapped[str]
    """Of a secret in the cookie of the browser that was sent to the provider."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The PKCE verifier, encrypted."""
    expires_at: Mapped[datetime]
    code_hash: Mapped[str | None]
    """Of the answer; with the first one the state is used up."""
    outcome: Mapped[str | None]
    """`connected` or `failed`; None until the answer was dealt with."""
    created_at: Mapped[CreatedAt]


class ConnectionRow(Base):
    """A billing entity's link to one platform; authorised, or waiting for it."""

    __tablename__ = "connections"
    __table_args__ = (
        Index(
            "uq_connections_ledger",
            "billing_entity_id",
            unique=True,
            postgresql_where=text("role = 'ledger' AND status <> 'disconnected'"),
        ),
        Index(
            "ix_connections_next_sync_at",
            "next_sync_at",
            postgresql_where=text("status = 'connected'"),
        ),
        Index(
            "ix_connections_parked_until",
            "parked_until",
            postgresql_where=text("parked_until IS NOT NULL"),
        ),
    )

    id: Mapped[Key]
    billing_entity_id: Mapped[UUID] = mapped_column(ForeignKey("billing_entities.id"))
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"))
    """None, like the platform's organisation, until the first authorization."""
    provider: Mapped[str]
    role: Mapped[ConnectionRole] = mapped_column(choice(ConnectionRole, "role"))
    status: Mapped[ConnectionStatus] = mapped_column(choice(ConnectionStatus, "status"))
    base_url: Mapped[str | None]
    platform_organisation_id: Mapped[str | None]
    platform_organisation_name: Mapped[str | None]
    settings: Mapped[dict[str, Any]]
    posting_from: Mapped[date | None]
    """Nothing is posted while this is empty, and nothing dated before it, ever."""
    schedule: Mapped[str] = mapped_column(default="24h")
    """An interval (`24h`, `90m`) or five cron fields, UTC."""
    next_sync_at: Mapped[datetime]
    last_pull_at: Mapped[datetime | None]
    parked_until: Mapped[datetime | None]
    """No provider call before then: a quota is used up, or the provider is away."""
    failures: Mapped[int] = mapped_column(default=0)
    """Runs of bad luck in a row with the provider as a whole; the park time grows with it."""
    by_others: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Somebody else's program posts there: none of our workers claims, pulls or looks up."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class ProviderUseRow(Base):
    """What a connection asked of its provider in a month (UTC): requests, and bytes that came."""

    __tablename__ = "provider_use"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    """Its first day."""
    calls: Mapped[int] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger)
    """Downloads that some providers charge for."""


class CursorRow(Base):
    """Where the next pull of one type resumes; moved together with the rows that it covers."""

    __tablename__ = "cursors"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    type: Mapped[ObjectType] = mapped_column(choice(ObjectType, "type"), primary_key=True)
    value: Mapped[str | None]
    completed_at: Mapped[datetime | None]
    """The last time that a pull of the type came to its end."""
    updated_at: Mapped[CreatedAt]


class MappingKind(StrEnum):
    """What can be mapped by hand."""

    TAX_RATE = "tax_rate"
    ACCOUNT = "account"
    CONTACT = "contact"
    ITEM = "item"


class MappingRow(Base):
    """Our id or number of something and the platform's, said by a person."""

    __tablename__ = "mappings"
    __table_args__ = (UniqueConstraint("connection_id", "kind", "ours"),)

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    kind: Mapped[MappingKind] = mapped_column(choice(MappingKind, "kind"))
    ours: Mapped[str]
    theirs: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]


class IssueRow(Base):
    """One open cause that blocks one or more records; closing it releases them all."""

    __tablename__ = "issues"
    __table_args__ = (
        Index(
            "uq_issues_open",
            "connection_id",
            "code",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    code: Mapped[str]
    subject: Mapped[str]
    sentence: Mapped[str]
    actor: Mapped[str]
    next_step: Mapped[str]
    provider_message: Mapped[str | None]
    first_seen_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]


class AuditRow(Base):
    """Who did what, and why they said they did it."""

    __tablename__ = "audit_log"

    id: Mapped[Key]
    at: Mapped[CreatedAt]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]]
