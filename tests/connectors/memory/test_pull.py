"""Reading a plain ledger's feed of changes."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from connectors.base import (
    Period,
    PulledRecord,
)
from connectors.errors import (
    ProtocolError,
)
from connectors.faults import Answer, Fault
from connectors.memory.bench import DAY
from models.canonical import BillingDocument, ContactRole, ObjectType

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshop, Workshops

INVOICE = ObjectType.INVOICE
CONTACT = ObjectType.CONTACT
TAX_RATE = ObjectType.TAX_RATE


class TestPull:
    def records(self, shop: "Workshop", cursor: str | None = None) -> list[PulledRecord]:
        pages = shop.connector.pull(INVOICE, cursor)
        return [one for page in pages for one in page.records]

    def test_paid_states_come_with_the_next_pull(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)
        *_, last = shop.connector.pull(INVOICE, None)

        shop.ledger.pay(INVOICE, invoice, Decimal(100))

        (there,) = self.records(shop, last.cursor)
        assert isinstance(there.record, BillingDocument)
        assert (there.record.status, there.record.balance) == ("partially_paid", Decimal("5.59"))

    def test_a_deletion_comes_as_a_marker_only_after_the_first_pull(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)
        *_, last = shop.connector.pull(INVOICE, None)

        shop.ledger.delete(INVOICE, invoice)

        assert [(one.platform_id, one.deleted) for one in self.records(shop, last.cursor)] == [
            (invoice, True)
        ]
        assert self.records(shop) == []

    def test_what_came_and_went_between_two_pulls_is_known_as_deleted(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        *_, empty = shop.connector.pull(INVOICE, None)

        shop.ledger.delete(INVOICE, shop.entered(INVOICE))

        assert [one.deleted for one in self.records(shop, empty.cursor)] == [True]

    def test_an_object_that_changes_during_a_pull_comes_again_with_its_news(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(page_size=2)
        ids = [shop.entered(INVOICE) for _ in range(3)]
        pages = shop.connector.pull(INVOICE, None)
        next(pages)

        shop.ledger.edit(INVOICE, ids[0], note="new")

        rest = [one.platform_id for page in pages for one in page.records]
        assert rest == [ids[2], ids[0]]

    def test_an_item_that_a_page_repeats_comes_once(self, workshop: "Workshops") -> None:
        shop = workshop()
        shop.entered(INVOICE)
        shop.ledger.faults.arm(Fault.REPEATED_ITEM)

        assert len(self.records(shop)) == 1

    def test_a_feed_that_does_not_advance_is_a_bug_and_not_a_loop(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        stuck = Answer(200, {"items": [], "more": True})
        shop.ledger.faults.arm(Fault.CHANGED, times=9, change=lambda _: stuck)

        with pytest.raises(ProtocolError, match="advance"):
            list(shop.connector.pull(INVOICE, None))

    def test_our_mark_and_a_link_come_along(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        shop.push(INVOICE, item)

        (there,) = self.records(shop)

        assert there.marker == item.marker
        assert there.url == f"{shop.ledger.base_url}/invoices/{there.platform_id}"

    def test_what_has_no_date_is_in_no_period(self, workshop: "Workshops") -> None:
        shop = workshop()

        within = list(shop.connector.pull(TAX_RATE, None, period=Period(DAY, DAY)))
        ever = list(shop.connector.pull(TAX_RATE, None, period=Period()))

        assert within == []
        assert [len(page.records) for page in ever] == [3]
        assert [page.cursor for page in ever] == [None]

    def test_words_of_ours_that_are_unknown_here_pass(self, workshop: "Workshops") -> None:
        shop = workshop()
        contact = shop.entered(CONTACT, roles=(ContactRole.SUPPLIER,))
        shop.ledger.distort(CONTACT, contact, roles=["supplier", "haulier"])
        shop.ledger.distort(TAX_RATE, "vat-20", use="barter")

        contacts = [
            one.record for page in shop.connector.pull(CONTACT, None) for one in page.records
        ]
        rates = [one.record for page in shop.connector.pull(TAX_RATE, None) for one in page.records]

        assert [one.roles for one in contacts if one.id == contact] == [(ContactRole.SUPPLIER,)]  # type: ignore[union-attr]  # contacts
        assert "vat-20" in {rate.id for rate in rates}
