"""QuickBooks' webhooks: those of all companies come to our app's one address.

Since 2026 they are an array of CloudEvents; the older form, by company, is still read. The header
`intuit-signature` is the base64 of an HMAC-SHA-256 over the raw body with the app's verifier token
(page "webhooks" and an article on the new payload, read 2026-11-20). One delivery may hold several
companies; order is not guaranteed, and gaps are known: it is only a hint where to look.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from connectors.base import Notice
from connectors.errors import WebhookRefused
from connectors.quickbooks.entities import ENTITIES
from models.canonical import ObjectType

SIGNATURE = "intuit-signature"
_KINDS = {
    **{entity.value.lower(): {kind} for kind, entities in ENTITIES.items() for entity in entities},
    "taxrate": {ObjectType.TAX_RATE},
    # A payment changes what is open of documents and credits.
    "payment": {ObjectType.PAYMENT, ObjectType.INVOICE, ObjectType.CREDIT_NOTE},
    "billpayment": {ObjectType.PAYMENT, ObjectType.BILL, ObjectType.CREDIT_NOTE},
}
_CLOUD_PARTS = 3


def signature_of(key: str, body: bytes) -> str:
    """What a delivery is signed with."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def read_app_webhook(key: SecretStr, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
    """Which types of objects changed in which companies.

    Raises:
        WebhookRefused: It is not QuickBooks'.
    """
    expected = signature_of(key.get_secret_value(), body)
    if not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        raise WebhookRefused("the signature is not QuickBooks'")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookRefused("QuickBooks signed what is no webhook of its") from None
    changed: dict[str, set[ObjectType]] = {}
    for realm, entity in _named(said):
        changed.setdefault(realm, set()).update(_KINDS.get(entity, set()))
    return [
        Notice(frozenset(kinds), organisation_id=realm) for realm, kinds in changed.items() if kinds
    ]


def _named(said: Any) -> Iterator[tuple[str, str]]:
    """Companies and entities, in either form."""
    if isinstance(said, Mapping) and "eventNotifications" in said:
        for notification in _mappings(said["eventNotifications"]):
            change = notification.get("dataChangeEvent")
            entities = change.get("entities") if isinstance(change, Mapping) else None
            for entity in _mappings(entities):
                yield from _pair(notification.get("realmId"), entity.get("name"))
        return
    for event in _mappings(said if isinstance(said, list) else [said]):
        parts = str(event.get("type") or "").split(".")
        if len(parts) >= _CLOUD_PARTS and parts[0] == "qbo":
            yield from _pair(event.get("intuitaccountid"), parts[1])


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _pair(realm: Any, entity: Any) -> Iterator[tuple[str, str]]:
    if realm and entity:
        yield str(realm), "".join(one for one in str(entity).lower() if one.isalnum())
