"""What a connection to Tryton needs to be told."""

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, SecretStr

from connectors.base import ConnectorSettings


class LateInvoices(StrEnum):
    """What to do with a customer invoice dated before the last one that Tryton has numbered."""

    BOOK = "book"  # with its own accounting date, under the date of the last number
    REFUSE = "refuse"  # leave it to a person


class TrytonCredentials(BaseModel):
    """A Tryton user: one of its own for us, not an administrator."""

    model_config = {"extra": "forbid", "frozen": True}

    login: str
    password: SecretStr


class TrytonSettings(ConnectorSettings):
    """Which books, and what Tryton would ask a person at the screen."""

    database: str | None = None
    """Name of the database, as at Tryton's login; None: the last part of the base URL."""
    company_id: int | None = None
    """Tryton's id of the company; None: the one that the user works in."""
    payment_journal: str | None = None
    """Code of the journal for payments; None: the first of type cash."""
    entry_journal: str | None = None
    """Code of the journal for entries that name none; None: the last of type general."""
    late_invoices: LateInvoices = LateInvoices.BOOK
    """Tryton numbers customer invoices in the order of their dates only: book, refuse."""
    web_client_url: str | None = None
    """Root of Tryton's web client, for links to documents; None: no links."""


ROUNDING_TOLERANCE = Decimal("0.02")
"""How far Tryton's total may be from ours: taxes with components are left to Tryton to compute."""
