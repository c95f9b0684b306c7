"""Looking up what an unclear write left."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from connectors.base import (
    Absent,
    Found,
    Unclear,
)
from connectors.errors import (
    OutcomeUnknown,
)
from connectors.faults import Fault
from connectors.memory.bench import a_line
from connectors.memory.connector import MemorySettings
from models.canonical import ObjectType

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshops

INVOICE = ObjectType.INVOICE


class TestFind:
    def test_a_whole_batch_is_one_call(self, workshop: "Workshops") -> None:
        shop = workshop()
        items = [shop.item(INVOICE) for _ in range(20)]
        shop.push(INVOICE, *items)

        results = shop.connector.find(INVOICE, items)

        assert all(isinstance(result, Found) for result in results)
        assert shop.ledger.requests["GET /invoices"] == 1

    def test_what_is_written_may_be_hidden_for_a_while(self, workshop: "Workshops") -> None:
        shop = workshop(hidden_for=timedelta(minutes=5))
        item = shop.item(INVOICE)
        shop.push(INVOICE, item)

        first = shop.connector.find(INVOICE, [item])
        shop.ledger.pass_time(timedelta(minutes=5))
        later = shop.connector.find(INVOICE, [item])

        assert first == [Absent()]
        assert isinstance(later[0], Found)

    def test_what_is_written_may_be_hidden_from_some_look_ups(self, workshop: "Workshops") -> None:
        shop = workshop(hidden_look_ups=2)
        item = shop.item(INVOICE)
        shop.push(INVOICE, item)

        seen = [type(shop.connector.find(INVOICE, [item])[0]) for _ in range(3)]

        assert seen == [Absent, Absent, Found]

    def test_a_ledger_that_cannot_be_searched_leaves_it_unclear(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(searchable=False)
        lost, known = shop.item(INVOICE), shop.item(INVOICE)
        accepted = shop.accepted(INVOICE, known)

        results = shop.connector.find(
            INVOICE, [lost, replace(known, platform_id=accepted.platform_id)]
        )

        assert isinstance(results[0], Unclear)
        assert isinstance(results[1], Found)

    def test_a_commit_that_came_late_is_found(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        shop.ledger.faults.arm(Fault.SLOW_COMMIT, seconds=0.05)
        with pytest.raises(OutcomeUnknown):
            shop.push(INVOICE, item)

        first = shop.connector.find(INVOICE, [item])
        shop.ledger.faults.settle()

        assert first == [Absent()]
        assert isinstance(shop.connector.find(INVOICE, [item])[0], Found)

    def test_what_an_atomic_batch_undid_is_absent(self, workshop: "Workshops") -> None:
        shop = workshop(atomic_batches=True)
        undone, bad, later = (
            shop.item(INVOICE),
            shop.item(INVOICE, contact_id="x"),
            shop.item(INVOICE),
        )
        shop.ledger.faults.arm(Fault.DROP_BEFORE, method="POST", skip=1)
        shop.push(INVOICE, undone, bad)

        shop.push(INVOICE, later)

        assert shop.connector.find(INVOICE, [undone]) == [Absent()]

    def test_a_deleted_document_is_absent(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        shop.ledger.delete(INVOICE, shop.accepted(INVOICE, item).platform_id)

        assert shop.connector.find(INVOICE, [item]) == [Absent()]

    def test_whether_an_update_was_made_is_read_from_the_content(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        accepted = shop.accepted(INVOICE, item)
        change = shop.updated(item, accepted, note="ours")

        before = shop.connector.find(INVOICE, [change])
        shop.push(INVOICE, change)
        made = shop.connector.find(INVOICE, [change])
        shop.ledger.edit(INVOICE, accepted.platform_id, note="theirs")
        edited = shop.connector.find(INVOICE, [change])

        assert before == [Absent()]
        assert isinstance(made[0], Found)
        assert isinstance(edited[0], Unclear)

    def test_lines_that_were_booked_otherwise_are_no_difference(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(two_steps=True, exact_lines=True)
        shop.use(MemorySettings(exact_lines=True))
        odd = a_line("99.99", "20").model_copy(update={"quantity": Decimal(3)})
        item = shop.item(INVOICE, lines=(odd,))
        shop.push(INVOICE, item)

        (found,) = shop.connector.find(INVOICE, [item])
        assert isinstance(found, Found)
        shop.push(INVOICE, replace(item, progress=found.progress))

        assert shop.ledger.requests["POST /invoices/update"] == 0
        assert shop.ledger.requests["POST /invoices/post"] == 1

    def test_whether_a_void_was_made_is_read_from_the_status(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        void = shop.voided(item, shop.accepted(INVOICE, item))

        before = shop.connector.find(INVOICE, [void])
        shop.push(INVOICE, void)

        assert before == [Absent()]
        assert isinstance(shop.connector.find(INVOICE, [void])[0], Found)
