"""Documents: the present state of every business object, ours or pulled.

One table for all types: the engine treats them alike, and people list, filter and sum them
together. What people filter and sum by are columns; the whole record is one JSON column.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.canonical.record import ObjectType
from models.tables.base import Base, CreatedAt, Key, Money, RateNumber, choice


class MovedDocumentRow(Base):
    """A billing entity that a document has left: it is not to be handed in there anew."""

    __tablename__ = "moved_documents"
    __table_args__ = (Index("ix_moved_documents_document", "document_id"),)

    billing_entity_id: Mapped[UUID] = mapped_column(
        ForeignKey("billing_entities.id"), primary_key=True
    )
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    created_at: Mapped[CreatedAt]


class DocumentRow(Base):
    """One object, in the words of its owner.

    The owner is the host product (`source_id` empty) or the connection that it was pulled from;
    ids are unique per billing entity, owner and type.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint(
            "billing_entity_id",
            "type",
            "external_id",
            "source_id",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_documents_listing",
            *("billing_entity_id", "type", "document_date", "id"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_documents_number", "billing_entity_id", "type", "number"),
        # The pages of the list; see `models.repositories.document_pages`.
        Index(
            "ix_documents_paging",
            *("billing_entity_id", "type", "status", "id"),
            *("document_date", "updated_at", "source_id"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_documents_changed",
            *("billing_entity_id", "type", "updated_at", "id"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_documents_contact",
            "billing_entity_id",
            "contact_ref",
            "id",
            postgresql_where=text("contact_ref IS NOT NULL"),
        ),
        Index(
            "ix_documents_deleted",
            "billing_entity_id",
            "id",
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        Index(
            "ix_documents_allocations",
            text("(body -> 'allocations') jsonb_path_ops"),
            postgresql_using="gin",
            postgresql_where=text("type = 'payment'"),
        ),
        # What people search for: how a document is called, from its first letter on.
        Index(
            "ix_documents_called",
            "billing_entity_id",
            text("lower(coalesce(number, name, external_id)) text_pattern_ops"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_documents_pulled",
            "source_id",
            "type",
            "created_at",
            "id",
            postgresql_where=text("source_id IS NOT NULL"),
        ),
    )

    id: Mapped[Key]
    billing_entity_id: Mapped[UUID] = mapped_column(ForeignKey("billing_entities.id"))
    source_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))
    type: Mapped[ObjectType] = mapped_column(choice(ObjectType, "type"))
    external_id: Mapped[str]
    number: Mapped[str | None]
    name: Mapped[str | None]
    document_date: Mapped[date | None]
    due_date: Mapped[date | None]
    contact_ref: Mapped[str | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    net_total: Mapped[Money | None]
    tax_total: Mapped[Money | None]
    total: Mapped[Money | None]
    balance: Mapped[Money | None]
    rate: Mapped[RateNumber | None]
    status: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
