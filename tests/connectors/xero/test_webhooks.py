"""Webhooks of the app: believed only when signed, and only as a hint where to look."""

import json

import pytest
from pydantic import SecretStr

from connectors.base import Notice
from connectors.errors import WebhookRefused
from connectors.xero import SPEC
from connectors.xero.webhooks import SIGNATURE, signature_of
from models.canonical import ObjectType
from tests.connectors.xero.bench import XeroBench


def read(bench: XeroBench, delivery: tuple[dict[str, str], bytes]) -> list[Notice]:
    headers, body = delivery
    named = {name.lower(): value for name, value in headers.items()}
    assert SPEC.read_app_webhook is not None
    return list(SPEC.read_app_webhook(SecretStr(bench.xero.rules.webhook_key), named, body))


def signed(body: object) -> tuple[dict[str, str], bytes]:
    raw = json.dumps(body).encode()
    return {SIGNATURE: signature_of("sandbox-webhook-key", raw)}, raw


def test_xero_trying_us_is_answered_with_nothing(bench: XeroBench) -> None:
    assert read(bench, bench.xero.intent_to_receive()) == []


def test_a_wrong_signature_is_refused(bench: XeroBench) -> None:
    with pytest.raises(WebhookRefused):
        read(bench, bench.xero.intent_to_receive(key="not-the-key"))


@pytest.mark.parametrize("given", ["", "Zm9v", "\N{SNOWMAN}"])
def test_no_signature_is_refused(bench: XeroBench, given: str) -> None:
    with pytest.raises(WebhookRefused):
        read(bench, ({SIGNATURE: given}, b'{"events": []}'))


def test_every_organisation_gets_its_own_notice(bench: XeroBench) -> None:
    since = len(bench.xero.events)
    bench.books.add_contact("New Ltd")
    bench.books.add_invoice()
    bench.xero.au.add_credit_note()

    notices = {
        one.organisation_id: one
        for one in read(bench, bench.xero.webhook(bench.xero.events[since:]))
    }

    assert notices.keys() == {bench.books.id, bench.xero.au.id}
    assert {ObjectType.CONTACT, ObjectType.INVOICE, ObjectType.BILL} <= notices[
        bench.books.id
    ].kinds
    assert notices[bench.xero.au.id].kinds == {ObjectType.CREDIT_NOTE}
    assert not any(one.authorization for one in notices.values())


@pytest.mark.parametrize(
    "event",
    [
        {"tenantId": "t", "eventCategory": "SUBSCRIPTION", "eventType": "UPDATE"},
        {"tenantId": None, "eventCategory": "INVOICE"},
        {},
        7,
    ],
)
def test_what_is_not_pulled_is_no_notice(bench: XeroBench, event: object) -> None:
    # Xero stops sending to whoever refuses what it has signed.
    assert read(bench, signed({"events": [event]})) == []


@pytest.mark.parametrize("body", [[], {}, {"events": 7}, None])
def test_what_cannot_be_read_is_refused(bench: XeroBench, body: object) -> None:
    with pytest.raises(WebhookRefused):
        read(bench, signed(body))
