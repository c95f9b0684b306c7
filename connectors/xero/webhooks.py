"""Xero's webhooks: one address for all customers of an app, signed, and only ids in them.

`x-xero-signature` is the HMAC-SHA-256 over the raw body in base64. Xero tries a subscriber with
deliveries that have no events: those must be told apart by their signature alone ("configuring
your server", read in November 2026).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from pydantic import SecretStr

from connectors.base import Notice
from connectors.errors import WebhookRefused
from models.canonical import ObjectType

SIGNATURE = "x-xero-signature"
_KINDS = {
    "CONTACT": frozenset({ObjectType.CONTACT}),
    # Sales and bills alike; payments have no events of their own, and change their document.
    "INVOICE": frozenset({ObjectType.INVOICE, ObjectType.BILL, ObjectType.PAYMENT}),
    "CREDITNOTE": frozenset({ObjectType.CREDIT_NOTE}),
    "PREPAYMENT": frozenset({ObjectType.PAYMENT}),
    "OVERPAYMENT": frozenset({ObjectType.PAYMENT}),
}


def signature_of(key: str, body: bytes) -> str:
    """What a body is signed with."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def read_app_webhook(key: SecretStr, headers: Mapping[str, str], body: bytes) -> list[Notice]:
    """In which organisations somebody changed what; nothing where Xero only tries us.

    Raises:
        WebhookRefused: It is not Xero's.
    """
    expected = signature_of(key.get_secret_value(), body)
    if not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        raise WebhookRefused("the signature is not Xero's")
    try:
        events = json.loads(body)["events"]
        given = [one for one in events if isinstance(one, dict)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise WebhookRefused("Xero signed what is no webhook of its") from None
    found: dict[str, frozenset[ObjectType]] = {}
    for event in given:
        tenant, category = event.get("tenantId"), str(event.get("eventCategory", ""))
        kinds = _KINDS.get(category.upper(), frozenset())
        if isinstance(tenant, str) and kinds:
            found[tenant] = found.get(tenant, frozenset()) | kinds
    return [Notice(kinds, organisation_id=tenant) for tenant, kinds in found.items()]
