"""Events of a ledger or a connection, and the signed deliveries that tell them.

Source: the public OpenAPI document of the Webhook API and the guide "Webhook signature
verification", read 2026-11-20.
"""

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

ENTITIES = {
    "invoices": "invoice",
    "invoice-items": "invoice_item",
    "bills": "bill",
    "bill-payments": "bill_payment",
    "payments": "payment",
    "credit-notes": "credit_note",
    "tax-rates": "tax_rate",
    "ledger-accounts": "ledger_account",
    "customers": "customer",
    "suppliers": "supplier",
}
"""Resource → word in events. Journal entries have no events."""


@dataclass(frozen=True)
class Event:
    """Something that a webhook tells."""

    id: str
    type: str
    """`accounting.invoice.updated`, `vault.connection.revoked` ..."""
    service_id: str
    consumer_id: str
    entity_id: str
    occurred_at: dt.datetime
    entity: dict[str, Any] | None = None
    """The connection, for events of the Vault; records are not told."""


@dataclass(frozen=True)
class Delivery:
    """A request to the subscriber."""

    headers: dict[str, str]
    body: bytes


def delivery(event: Event, secret: str, base_url: str, attempt: int) -> Delivery:
    """The request that tells an event.

    The bytes that are sent are not in the signed order, as a real sender's are not.
    """
    api, entity, _ = event.type.split(".", 2)
    payload: dict[str, Any] = {
        "service_id": event.service_id,
        "event_type": event.type,
        "unified_api": "accounting" if api == "accounting" else "vault",
        "consumer_id": event.consumer_id,
        "event_id": event.id,
        "entity_id": event.entity_id,
        "entity_type": entity,
        "execution_attempt": attempt,
        "occurred_at": event.occurred_at.astimezone(dt.UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    }
    if api == "accounting":
        resource = next(name for name, word in ENTITIES.items() if word == entity)
        payload["entity_url"] = f"{base_url}/accounting/{resource}/{event.entity_id}"
    if event.entity is not None:
        payload["entity"] = event.entity
    body = {"payload": payload}
    return Delivery(
        headers={
            "content-type": "application/json; charset=utf-8",
            "x-apideck-event-type": event.type,
            "x-apideck-signature": signature(body, secret),
            "x-apideck-idempotency-key": event.id,
        },
        body=json.dumps(body).encode(),
    )


def signature(body: Any, secret: str) -> str:
    """HMAC-SHA-256 in hex over the body with sorted keys and no spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
