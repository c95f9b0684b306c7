"""What a connection through Apideck needs to be told."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.base import ConnectorSettings


class ApideckCredentials(BaseModel):
    """Who asks, and for whom: the key of an application, and one of its consumers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr = Field(min_length=1)
    """Of the application; webhooks are signed with it too."""
    app_id: str = Field(min_length=1)
    """`x-apideck-app-id`."""
    consumer_id: str = Field(min_length=1)
    """`x-apideck-consumer-id`: whose connections to ledgers are used."""


class PassThrough(BaseModel):
    """What is sent along to the ledger itself, in its own words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation_id: str | None = None
    extend_object: Mapping[str, Any] | None = None
    """Merged into what the ledger gets."""
    extend_paths: tuple[Mapping[str, Any], ...] = ()
    """`{"path": "$.nested.property", "value": any}`."""


class ApideckSettings(ConnectorSettings):
    """Which ledger behind Apideck, and how it wants things."""

    service_id: str | None = Field(None, pattern=r"^[a-z0-9-]{1,100}$")
    """Which ledger: `xero`, `quickbooks`, `netsuite` ...; None: the only one that is connected."""
    company_id: str | None = Field(None, min_length=1, max_length=255)
    """The legal entity inside the ledger, where it keeps several."""
    long_running: bool = False
    """Use the host that waits two minutes for slow ledgers instead of half a minute."""
    payment_methods: Mapping[str, str] = Field(default_factory=dict)
    """Our words for methods of payment → the ledger's (`{"card": "CreditCard"}`)."""
    payment_method: str | None = None
    """Method for payments that name none."""
    payment_method_ids: Mapping[str, str] = Field(default_factory=dict)
    """The ledger's words for methods → its ids of them, where it wants ids."""
    pass_through: Mapping[str, PassThrough] = Field(default_factory=dict)
    """Per operation (`invoices.create`, `payments.update`): what the ledger gets besides."""
