"""Webhooks: what is signed by Apideck says where to look; nothing else is believed."""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from connectors.apideck import SPEC
from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.apideck.webhooks import SIGNATURE, read_webhook
from connectors.base import CallScope, ConnectorConfig, Notice
from connectors.errors import WebhookRefused
from models.canonical import ObjectType

KEY = "sk_live_webhooks"


def config(**settings: Any) -> ConnectorConfig:
    """A connection."""
    return ConnectorConfig(
        base_url="http://apideck.test",
        credentials=ApideckCredentials.model_validate(
            {"api_key": KEY, "app_id": "app", "consumer_id": "tenant-1"}
        ),
        settings=ApideckSettings.model_validate({"service_id": "xero", **settings}),
        http=httpx.Client(),
        scope=CallScope("test"),
    )


def body(event: str = "accounting.invoice.updated", **fields: Any) -> dict[str, Any]:
    """What Apideck sends, in an order of its own."""
    payload = {
        "service_id": "xero",
        "event_type": event,
        "unified_api": event.partition(".")[0],
        "consumer_id": "tenant-1",
        "event_id": "e-1",
        "entity_id": "12",
        "execution_attempt": 1,
        "occurred_at": "2026-09-14T10:00:00.000Z",
        **fields,
    }
    return {"payload": payload}


def signed(value: Any, key: str = KEY) -> dict[str, str]:
    """The signature as the guide has it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {SIGNATURE: hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()}


def read(value: Any, headers: dict[str, str] | None = None, **settings: Any) -> Notice:
    """What it says."""
    raw = json.dumps(value, indent=2, ensure_ascii=False).encode()
    return read_webhook(config(**settings), headers or signed(value), raw)


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ("accounting.invoice.updated", {ObjectType.INVOICE}),
        ("accounting.bill.created", {ObjectType.BILL}),
        ("accounting.payment.created", {ObjectType.PAYMENT, ObjectType.INVOICE}),
        ("accounting.bill_payment.deleted", {ObjectType.PAYMENT, ObjectType.BILL}),
        ("accounting.customer.updated", {ObjectType.CONTACT}),
        ("accounting.supplier.updated", {ObjectType.CONTACT}),
        ("accounting.credit_note.created", {ObjectType.CREDIT_NOTE}),
        ("accounting.tax_rate.updated", {ObjectType.TAX_RATE}),
        ("accounting.ledger_account.updated", {ObjectType.LEDGER_ACCOUNT}),
        ("accounting.invoice_item.updated", {ObjectType.ITEM}),
        ("accounting.quote.updated", set()),
        ("crm.contact.updated", set()),
    ],
)
def test_events_say_which_types_to_read(event: str, kinds: set[ObjectType]) -> None:
    assert read(body(event)) == Notice(frozenset(kinds))


@pytest.mark.parametrize("event", ["revoked", "disabled", "token_refresh.failed", "callable"])
def test_events_of_the_vault_ask_whether_we_may_still_come_in(event: str) -> None:
    assert read(body(f"vault.connection.{event}")) == Notice(authorization=True)


def test_what_is_about_another_consumer_or_ledger_is_nothing_to_us() -> None:
    assert read(body(consumer_id="tenant-2")) == Notice()
    assert read(body(service_id="quickbooks")) == Notice()
    assert read(body(service_id="quickbooks"), service_id=None).kinds


def test_keys_are_sorted_and_arrays_are_read_both_ways() -> None:
    value = body(entity={"z": 1, "a": [{"z": 1.0, "a": "ü"}]})
    assert read(value, signed(body(entity={"z": 1, "a": [{"z": 1, "a": "ü"}]}))).kinds

    # The other reading: what is inside of arrays stays in its order.
    text = (
        '{"payload":{"consumer_id":"tenant-1","entity":{"a":[{"z":1,"a":"ü"}],"z":1},'
        '"entity_id":"12","event_id":"e-1","event_type":"accounting.invoice.updated",'
        '"execution_attempt":1,"occurred_at":"2026-09-14T10:00:00.000Z","service_id":"xero",'
        '"unified_api":"accounting"}}'
    )
    signature = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert read(value, {SIGNATURE: signature}).kinds


@pytest.mark.parametrize(
    "headers", [{"x-other": "1"}, {SIGNATURE: ""}, {SIGNATURE: "0" * 64}, {SIGNATURE: "ü"}]
)
def test_what_is_not_signed_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        read(body(), headers)


def test_a_signature_of_another_key_or_of_another_body_is_refused() -> None:
    with pytest.raises(WebhookRefused):
        read(body(), signed(body(), "sk_live_rotated"))
    with pytest.raises(WebhookRefused):
        read(body(), signed(body(entity_id="13")))


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b'{"payload": 7}', b"[" * 100_000])
def test_what_is_no_webhook_is_refused(raw: bytes) -> None:
    with pytest.raises(WebhookRefused):
        read_webhook(config(), {SIGNATURE: "0" * 64}, raw)


def test_the_spec_reads_webhooks() -> None:
    assert SPEC.read_webhook is read_webhook
