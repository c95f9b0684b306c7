"""A plain ledger's webhooks: `{"types": ["invoice"]}`, signed over the raw body.

With the API key, to the connection's address; with the app's webhook key to the app's, and then
with whose books: `{"organisation": "plain-1", "types": ["invoice"]}`.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, SecretStr, ValidationError

from connectors.base import ConnectorConfig, Notice
from connectors.errors import WebhookRefused
from connectors.memory.connector import MemoryCredentials
from models.canonical import ObjectType


class Changed(BaseModel):
    """The body."""

    types: list[str]
    organisation: str = ""


SIGNATURE = "x-plain-signature"


def signature_of(key: str, body: bytes) -> str:
    """HMAC-SHA-256 in hexadecimal digits."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def read_webhook(config: ConnectorConfig, headers: Mapping[str, str], body: bytes) -> Notice:
    """Which types of objects somebody changed.

    Raises:
        WebhookRefused: It is not the ledger's.
    """
    assert isinstance(config.credentials, MemoryCredentials)  # noqa: S101  # the spec's class
    return _read(config.credentials.api_key, headers, body)


def read_app_webhook(
    webhook_key: SecretStr, headers: Mapping[str, str], body: bytes
) -> Sequence[Notice]:
    """The same, of everybody who uses our app.

    Raises:
        WebhookRefused: It is not the ledger's.
    """
    return [_read(webhook_key, headers, body)]


def _read(key: SecretStr, headers: Mapping[str, str], body: bytes) -> Notice:
    expected = signature_of(key.get_secret_value(), body)
    if not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        raise WebhookRefused("the signature is not the ledger's")
    try:
        changed = Changed.model_validate_json(body)
    except ValidationError:
        raise WebhookRefused("the ledger signed what is no webhook of its") from None
    kinds = frozenset(kind for kind in ObjectType if kind.value in changed.types)
    return Notice(kinds, organisation_id=changed.organisation)
