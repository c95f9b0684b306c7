"""What a connection to Sage Active needs to be told."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from pydantic import BaseModel, Field, SecretStr, field_validator

from connectors.auth import OAuthTokens
from connectors.base import ConnectorSettings
from models.canonical.money import plain


class Mode(StrEnum):
    """What a document becomes in Sage Active."""

    DOCUMENT = "document"  # a document of its sales or purchase module
    ENTRY = "entry"  # an accounting entry in the journal of sales or purchases


class Numbers(StrEnum):
    """Who numbers sales invoices."""

    SAGE = "sage"
    OURS = "ours"  # Sage Active then closes the invoice at once, without a draft


class SageActiveCredentials(OAuthTokens):
    """What a consent gave, and what else every request carries."""

    subscription_key: SecretStr | None = None
    """`x-api-key`; None: the key of our registration."""
    tenant_id: str | None = None
    """`X-TenantId`, which Sage Active accepts and ignores."""


class Modes(BaseModel):
    """What each type of document becomes."""

    model_config = {"extra": "forbid", "frozen": True}

    invoices: Mode = Mode.DOCUMENT
    bills: Mode = Mode.DOCUMENT
    credit_notes: Mode = Mode.ENTRY
    """`document`: a customer's, where it takes one invoice back whole; entries for all others."""


class Journals(BaseModel):
    """Codes of the journals to write in; None: the organisation's own, else the first that fits."""

    model_config = {"extra": "forbid", "frozen": True}

    sales: str | None = None
    purchases: str | None = None
    sales_credit_notes: str | None = None
    purchase_credit_notes: str | None = None
    entries: str | None = None
    """For entries that name no journal; None: the first of type GENERAL."""


class SageActiveSettings(ConnectorSettings):
    """Which books, and what is to become of documents in them."""

    organization_id: str | None = None
    """Id of the organisation; needed where the consent reaches several."""
    modes: Modes = Modes()
    close: bool = True
    """Whether drafts of sales invoices are closed (numbered); False leaves that to a person."""
    post: bool = True
    """Whether closed invoices and bills are posted to the ledger."""
    invoice_numbers: Numbers = Numbers.SAGE
    """sage: Sage Active numbers, ours is in the remarks; ours: our number is the invoice's."""
    journals: Journals = Journals()
    payment_method: str | None = None
    """Name of the payment method for all settlements; None: the one on the payment's account."""
    products: Mapping[str, str] = Field(default_factory=dict)
    """Tax rate in percent (`"20"`) → code of the product for lines that name none."""
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Language in which Sage Active explains its refusals: fr, en, es, de."""

    @field_validator("products")
    @classmethod
    def _as_rates(cls, products: Mapping[str, str]) -> Mapping[str, str]:
        """Write rates in one way: `20`, not `20.0`."""
        try:
            return {plain(Decimal(rate)): code for rate, code in products.items()}
        except InvalidOperation:
            raise ValueError("the rates must be numbers: 20, 5.5") from None


ROUNDING_TOLERANCE = Decimal("0.02")
"""How far Sage Active's sums may be from ours: it rounds tax in its own way."""
