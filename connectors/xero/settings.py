"""What a connection to Xero needs to be told."""

from pydantic import Field

from connectors.base import ConnectorSettings

STARTER_CALLS_PER_DAY = 1000
"""What Xero allows for each organisation on the free plan; 5000 on all others (pricing page)."""


class XeroSettings(ConnectorSettings):
    """Which books, and how many calls a day."""

    organisation: str | None = Field(None, min_length=1, max_length=255)
    """Tenant id or exact name; needed where a consent opens several organisations."""
    calls_per_day: int = Field(STARTER_CALLS_PER_DAY, ge=1, le=1_000_000)
    """What Xero allows for each organisation: 1000 on the Starter plan, 5000 on others."""
    source_url: str = Field(
        "https://ledgerbridge.invalid/{marker}", pattern=r"^https?://.*\{marker\}"
    )
    """Link behind "Go to" on documents in Xero; must have `{marker}`: it is how they are found."""
