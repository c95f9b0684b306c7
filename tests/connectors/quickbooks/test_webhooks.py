"""Webhooks of all companies, in both forms: signed over the raw body, and only a hint."""

import json
from collections.abc import Mapping, Sequence

import pytest
from pydantic import SecretStr

from connectors.base import Notice
from connectors.errors import WebhookRefused
from connectors.quickbooks import SPEC
from connectors.quickbooks.simulator import QuickBooks
from connectors.quickbooks.webhooks import SIGNATURE, signature_of
from models.canonical import ObjectType

KEY = "sandbox-verifier"


def read(
    headers: Mapping[str, str], body: bytes, key: str = KEY
) -> dict[str, frozenset[ObjectType]]:
    """What a delivery says: types by company."""
    assert SPEC.read_app_webhook is not None
    lower = {name.lower(): value for name, value in headers.items()}
    notices: Sequence[Notice] = SPEC.read_app_webhook(SecretStr(key), lower, body)
    return {one.organisation_id: one.kinds for one in notices}


@pytest.fixture
def quickbooks() -> QuickBooks:
    """A bill in one company and a payment in another."""
    server = QuickBooks()
    server.uk.add_bill([("80.00", None)])
    server.us.pay("Invoice", server.us.add_invoice())
    return server


@pytest.mark.parametrize("old", [False, True], ids=["cloud events", "old"])
class TestBothForms:
    def test_each_company_is_told_apart(self, quickbooks: QuickBooks, *, old: bool) -> None:
        headers, body = quickbooks.webhook(quickbooks.events, old_format=old)

        said = read(headers, body)

        assert ObjectType.BILL in said[quickbooks.uk.realm]
        assert ObjectType.PAYMENT not in said[quickbooks.uk.realm]
        assert {ObjectType.PAYMENT, ObjectType.INVOICE} <= said[quickbooks.us.realm]

    def test_another_key_is_refused(self, quickbooks: QuickBooks, *, old: bool) -> None:
        headers, body = quickbooks.webhook(quickbooks.events, old_format=old, key="another")

        with pytest.raises(WebhookRefused):
            read(headers, body)

    def test_a_body_that_was_written_anew_is_refused(
        self, quickbooks: QuickBooks, *, old: bool
    ) -> None:
        headers, body = quickbooks.webhook(quickbooks.events, old_format=old)
        other = json.dumps(json.loads(body), indent=3).encode()

        with pytest.raises(WebhookRefused):
            read(headers, other)


class TestOddOnes:
    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{}",
            b"null",
            b"7",
            b'[{"type": "qbo.class.created.v1", "intuitaccountid": "1"}]',
            b'[{"type": 7}]',
            b'{"eventNotifications": {}}',
            b'{"eventNotifications": [{"realmId": "1", "dataChangeEvent": null}]}',
        ],
    )
    def test_what_is_signed_and_says_nothing_is_answered(self, body: bytes) -> None:
        assert read({SIGNATURE: signature_of(KEY, body)}, body) == {}

    @pytest.mark.parametrize("headers", [{}, {SIGNATURE: ""}, {SIGNATURE: "bäd"}])
    def test_what_is_not_signed_is_refused(self, headers: dict[str, str]) -> None:
        with pytest.raises(WebhookRefused):
            read(headers, b"[]")

    def test_what_is_signed_and_no_json_is_refused(self) -> None:
        with pytest.raises(WebhookRefused):
            read({SIGNATURE: signature_of(KEY, b"<html>")}, b"<html>")
