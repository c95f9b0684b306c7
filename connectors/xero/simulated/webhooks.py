"""What subscribers are told, and the signed deliveries that tell it.

Source: `xero-webhooks.yaml` of the public OpenAPI repository and "Configuring your server" on
developer.xero.com, read 2026-11-20. There are no events for payments, accounts or tax rates; that
a payment shows as an update of its document is likely, and our reading.
"""

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CATEGORIES = {
    "Contacts": "CONTACT",
    "Invoices": "INVOICE",
    "CreditNotes": "CREDITNOTE",
    "Prepayments": "PREPAYMENT",
    "Overpayments": "OVERPAYMENT",
}
"""Endpoint → category."""


@dataclass(frozen=True)
class Event:
    """Something that a webhook tells: only an id, no content."""

    sequence: int
    tenant_id: str
    endpoint: str
    """`Contacts`, `Invoices` (sales and bills) ..."""
    resource_id: str
    created: bool
    at: dt.datetime
    kind: str = ""
    """`Type` of a document."""
    status: str = ""


def delivery(events: Sequence[Event], key: str) -> tuple[dict[str, str], bytes]:
    """Headers and raw body of the request that tells some events, or none."""
    body = {
        "events": [_told(event) for event in events],
        "firstEventSequence": events[0].sequence if events else 0,
        "lastEventSequence": events[-1].sequence if events else 0,
        "entropy": secrets.token_hex(10).upper(),
    }
    raw = json.dumps(body).encode()
    digest = hmac.new(key.encode(), raw, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "x-xero-signature": base64.b64encode(digest).decode(),
    }
    return headers, raw


def _told(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/{event.endpoint}/{event.resource_id}",
        "resourceId": event.resource_id,
        "tenantId": event.tenant_id,
        "tenantType": "ORGANISATION",
        "eventCategory": CATEGORIES[event.endpoint],
        "eventType": "CREATE" if event.created else "UPDATE",
        "eventDateUtc": event.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
    }
    if event.endpoint == "CreditNotes":
        told["data"] = {"Type": event.kind, "Status": event.status}
    return told
