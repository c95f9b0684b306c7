"""Which refusal of the plain ledger becomes which error, and what groups it with others."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from connectors.base import (
    Operation,
    Stale,
)
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    MappingMissing,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    Unavailable,
    Unsupported,
)
from connectors.faults import Fault
from connectors.memory.bench import a_line
from models.canonical import ObjectType

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshops

INVOICE = ObjectType.INVOICE
PAYMENT = ObjectType.PAYMENT
CONTACT = ObjectType.CONTACT
TAX_RATE = ObjectType.TAX_RATE
MARCH = date(2026, 3, 9)
"""In a closed period."""


class TestErrors:
    """Which refusal becomes which error, and what groups it with others."""

    @pytest.mark.parametrize(
        ("kind", "changes", "expected"),
        [
            (INVOICE, {"issue_date": MARCH}, (Rejected, "period_closed", "2026-03")),
            (
                INVOICE,
                {"lines": (a_line("1", "20").model_copy(update={"tax_rate_id": "gone"}),)},
                (MappingMissing, "tax_rate_unmapped", "20"),
            ),
            (
                INVOICE,
                {"lines": (a_line("1", "20").model_copy(update={"account_id": "999"}),)},
                (MappingMissing, "account_unmapped", "999"),
            ),
            (INVOICE, {"contact_id": "nobody"}, (Rejected, None, None)),
            (PAYMENT, {"amount": Decimal(1)}, (Rejected, "over_allocated", "payment N-1")),
        ],
    )
    def test_a_refusal_has_a_neutral_cause(
        self,
        workshop: "Workshops",
        kind: ObjectType,
        changes: dict[str, Any],
        expected: tuple[type[ConnectorError], str | None, str | None],
    ) -> None:
        shop = workshop()

        found = shop.refusal(kind, shop.item(kind, **changes))

        cause = found.cause
        assert (type(found), cause and cause.code, cause and cause.subject) == expected
        assert found.request_id

    def test_equal_causes_of_two_records_are_one(self, workshop: "Workshops") -> None:
        shop = workshop()
        days = [MARCH, MARCH + timedelta(days=1)]

        refusals = [shop.refusal(INVOICE, shop.item(INVOICE, issue_date=day)) for day in days]

        assert len({hash(refusal.cause) for refusal in refusals}) == 1

    def test_a_posted_document_may_be_frozen(self, workshop: "Workshops") -> None:
        shop = workshop(frozen_when_posted=True)
        item = shop.item(INVOICE)
        change = shop.updated(item, shop.accepted(INVOICE, item), note="new")

        found = shop.refusal(INVOICE, change)

        assert isinstance(found, Rejected)
        assert found.cause is not None
        assert (found.cause.code, found.cause.subject) == ("frozen_in_ledger", "invoice")

    def test_a_document_cannot_be_moved_into_a_closed_period(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        change = shop.updated(item, shop.accepted(INVOICE, item), issue_date=MARCH)

        assert shop.refusal(INVOICE, change).code == "period_closed"

    def test_what_is_paid_is_frozen_in_every_ledger(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        accepted = shop.accepted(INVOICE, item)
        shop.ledger.pay(INVOICE, accepted.platform_id, Decimal(1))

        found = shop.refusal(INVOICE, shop.updated(item, accepted, note="new"))

        assert found.code == "frozen"

    def test_somebody_elses_edit_is_shown_and_not_overwritten(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        accepted = shop.accepted(INVOICE, item)
        shop.ledger.edit(INVOICE, accepted.platform_id, note="theirs")

        (found,) = shop.push(INVOICE, shop.updated(item, accepted, note="ours"))

        assert isinstance(found, Stale)
        assert found.current.version == "2"
        assert shop.document(INVOICE, accepted.platform_id).note == "theirs"

    def test_being_paid_is_no_edit(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        accepted = shop.accepted(INVOICE, item)

        shop.ledger.pay(INVOICE, accepted.platform_id)

        assert str(shop.ledger.get(INVOICE, accepted.platform_id).version) == accepted.version

    @pytest.mark.parametrize(
        ("rules", "error"),
        [
            ({"api_key": "changed"}, AuthorizationLost),
            ({"organisation_id": "other"}, AuthorizationLost),
            ({"may_write": False}, PermissionDenied),
            ({"calls_per_minute": 0}, RateLimited),
        ],
    )
    def test_a_closed_door_concerns_the_whole_call(
        self, workshop: "Workshops", rules: dict[str, Any], error: type[ConnectorError]
    ) -> None:
        shop = workshop()
        item = shop.item(CONTACT)
        connector = shop.connector
        shop.ledger.change(**({"calls_per_minute": 1} if "calls_per_minute" in rules else rules))
        if error is RateLimited:
            connector.check()

        with pytest.raises(error):
            connector.push(CONTACT, [item])

    def test_other_books_behind_the_same_key_are_named(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(CONTACT)
        shop.ledger.change(organisation_id="other", organisation_name="Other SA")

        with pytest.raises(AuthorizationLost) as caught:
            shop.connector.push(CONTACT, [item])

        assert caught.value.cause is not None
        assert caught.value.cause.code == "wrong_organisation"
        assert caught.value.cause.words == {"theirs": "Other SA (other)", "ours": "plain-1"}

    def test_maintenance_promises_that_nothing_was_written(self, workshop: "Workshops") -> None:
        shop = workshop()
        shop.ledger.faults.arm(Fault.AWAY)

        with pytest.raises(Unavailable):
            shop.connector.push(CONTACT, [shop.item(CONTACT)])

    @pytest.mark.parametrize("kind", [TAX_RATE, ObjectType.LEDGER_ACCOUNT])
    def test_what_is_only_read_cannot_be_pushed(
        self, workshop: "Workshops", kind: ObjectType
    ) -> None:
        with pytest.raises(Unsupported):
            workshop().connector.push(kind, [])

    def test_an_update_without_an_id_is_a_bug(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = replace(shop.item(CONTACT), operation=Operation.UPDATE)

        with pytest.raises(ProtocolError):
            shop.connector.push(CONTACT, [item])
