"""A plain ledger's webhooks: `{"types": ["invoice"]}`, signed with the API key over the raw body."""

import hashlib
import hmac
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from connectors.base import ConnectorConfig, Notice
from connectors.errors import WebhookRefused
from connectors.memory.connector import MemoryCredentials
from models.canonical import ObjectType


class Changed(BaseModel):
    """The body."""

    types: list[str]


SIGNATURE = "x-plain-signature"


def signature_of(api_key: str, body: bytes) -> str:
    """HMAC-SHA-256 in hexadecimal digits."""
    return hmac.new(api_key.encode(), body, hashlib.sha256).hexdigest()


def read_webhook(config: ConnectorConfig, headers: Mapping[str, str], body: bytes) -> Notice:
    """Which types of objects somebody changed.

    Raises:
        WebhookRefused: It is not the ledger's.
    """
    assert isinstance(config.credentials, MemoryCredentials)  # noqa: S101  # the spec's class
    expected = signature_of(config.credentials.api_key.get_secret_value(), body)
    if not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        raise WebhookRefused("the signature is not the ledger's")
    try:
        changed = Changed.model_validate_json(body)
    except ValidationError:
        raise WebhookRefused("the ledger signed what is no webhook of its") from None
    return Notice(frozenset(kind for kind in ObjectType if kind.value in changed.types))
