"""What a connection to QuickBooks Online may be told; nothing must be."""

from collections.abc import Mapping

from pydantic import Field

from connectors.auth import OAuthTokens
from connectors.base import ConnectorSettings

REALM = "realmId"
"""The company's id, which comes with the code of a consent."""


class QuickBooksCredentials(OAuthTokens):
    """What a consent gave; `callback` says whose books it opens."""

    @property
    def realm(self) -> str:
        """The company; empty when the consent did not name one."""
        return self.callback.get(REALM, "")


class QuickBooksSettings(ConnectorSettings):
    """How a company wants things."""

    items: Mapping[str, str] = Field(default_factory=dict)
    """Id of an income account → id of the item for sales lines that name none; for others one is
    made."""
    tax_code_for_untaxed: str | None = None
    """Id of the tax code for lines that name no tax, where a company wants a code on every line."""
    vendor_suffix: str = Field(" (supplier)", min_length=1, max_length=30)
    """Behind the name of a supplier that is a customer too: names are unique among both."""
    payment_methods: Mapping[str, str] = Field(default_factory=dict)
    """Our words for methods of payment → ids of payment methods in QuickBooks."""
    receivable_account: str | None = None
    """Id of the account for payments of customers, where there are several receivables."""
    payable_account: str | None = None
    """Id of the account for bills and what pays them, where there are several payables."""
    reads_per_month: int | None = Field(500_000, ge=1)
    """Metered reads that our app's plan with Intuit includes; None: not counted."""
