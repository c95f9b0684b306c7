"""What a connection to Qargo needs to be told."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from connectors.base import ConnectorSettings

_Code = Annotated[str, Field(min_length=1)]


class QargoCredentials(BaseModel):
    """An API client, made on the settings page of an accounting integration."""

    model_config = {"extra": "forbid", "frozen": True}

    client_id: str = Field(min_length=1)
    secret_id: SecretStr


class QargoSettings(ConnectorSettings):
    """Whose documents are ours, and whether anything is reported."""

    billing_entity_codes: Annotated[tuple[_Code, ...], Field(min_length=1)]
    """Codes of the billing entities that the integration is linked to."""
    billing_entity_ids: tuple[_Code, ...] = ()
    """Qargo's ids of the same entities. With them a document's owner is told by its id, which
    stays when somebody renames a code; filters go by code all the same."""
    read_only: bool = False
    """Only tax rates and accounts: no waiting list, nothing is reported."""
