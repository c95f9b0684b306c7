"""Whose books they are: organisations and their billing entities."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key


class OrganisationRow(Base):
    """A tenant."""

    __tablename__ = "organisations"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]


class BillingEntityRow(Base):
    """A legal entity of a tenant, the owner of one set of books."""

    __tablename__ = "billing_entities"
    __table_args__ = (
        UniqueConstraint("organisation_id", "code"),
        Index(
            "uq_billing_entities_default",
            "organisation_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    code: Mapped[str]
    legal_name: Mapped[str]
    vat_number: Mapped[str | None]
    is_default: Mapped[bool] = mapped_column(default=False)
    archived_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
