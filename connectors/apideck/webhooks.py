"""Apideck's webhooks: signed with the API key, without content, and only a hint where to look.

The signature is an HMAC-SHA-256, in hexadecimal digits, over the body with the keys of its objects
sorted, written compactly (guide on webhook signatures, read 2026-11-20). Whether objects inside
arrays are sorted too is not said, and the published example does not: both are accepted.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.base import ConnectorConfig, Notice
from connectors.errors import WebhookRefused
from models.canonical import ObjectType

SIGNATURE = "x-apideck-signature"
_KINDS = {
    "customer": ObjectType.CONTACT,
    "supplier": ObjectType.CONTACT,
    "invoice": ObjectType.INVOICE,
    "invoice_item": ObjectType.ITEM,
    "bill": ObjectType.BILL,
    "bill_payment": ObjectType.PAYMENT,
    "payment": ObjectType.PAYMENT,
    "credit_note": ObjectType.CREDIT_NOTE,
    "tax_rate": ObjectType.TAX_RATE,
    "ledger_account": ObjectType.LEDGER_ACCOUNT,
}
# A payment changes what it pays: its state comes with the same notice.
_PAID = {
    "payment": ObjectType.INVOICE,
    "bill_payment": ObjectType.BILL,
}


def signatures_of(api_key: str, body: bytes) -> tuple[str, str]:
    """What a body may be signed with: arrays left alone, and arrays descended into.

    Raises:
        ValueError: It is not JSON.
    """
    value = json.loads(body, parse_float=_number)
    return tuple(  # type: ignore[return-value]  # two readings
        hmac.new(api_key.encode(), _compact(value, deep=deep), hashlib.sha256).hexdigest()
        for deep in (False, True)
    )


def _compact(value: Any, *, deep: bool) -> bytes:
    text = json.dumps(_sorted(value, deep=deep), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _sorted(value: Any, *, deep: bool) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name], deep=deep) for name in sorted(value)}
    if isinstance(value, list) and deep:
        return [_sorted(one, deep=deep) for one in value]
    return value


def _number(text: str) -> float | int:
    """JavaScript, which signs, writes 1.0 as 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def read_webhook(config: ConnectorConfig, headers: Mapping[str, str], body: bytes) -> Notice:
    """Which types of objects somebody changed, or that the way to the ledger did.

    Raises:
        WebhookRefused: It is not Apideck's, or not about this connection.
    """
    credentials, settings = config.credentials, config.settings
    assert isinstance(credentials, ApideckCredentials)  # noqa: S101  # the spec's class
    assert isinstance(settings, ApideckSettings)  # noqa: S101  # the spec's class
    key, given = credentials.api_key.get_secret_value(), headers.get(SIGNATURE, "").encode()
    try:
        expected = signatures_of(key, body)
        found = [hmac.compare_digest(one.encode(), given) for one in expected]
        payload = json.loads(body)["payload"]
        event = str(payload["event_type"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise WebhookRefused("this is no webhook of Apideck") from None
    if not any(found):
        raise WebhookRefused("the signature is not Apideck's")
    if payload.get("consumer_id") not in {None, credentials.consumer_id}:
        return Notice()
    if event.startswith("vault.connection."):
        return Notice(authorization=_is_ours(payload, settings))
    if not event.startswith("accounting.") or not _is_ours(payload, settings):
        return Notice()
    what = event.split(".")[1]
    kinds = {kind for kind in (_KINDS.get(what), _PAID.get(what)) if kind is not None}
    return Notice(frozenset(kinds))


def _is_ours(payload: Mapping[str, Any], settings: ApideckSettings) -> bool:
    """Whether it is about the ledger of this connection; a consumer may have several."""
    named = payload.get("service_id")
    return named is None or settings.service_id is None or named == settings.service_id
