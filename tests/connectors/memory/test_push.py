"""Writes to plain ledgers that forget, refuse in batches, and work in steps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from connectors.base import (
    Accepted,
    Failed,
    Found,
    Operation,
    Progressed,
)
from connectors.errors import (
    OutcomeUnknown,
    Rejected,
)
from connectors.faults import Answer, Fault
from connectors.memory.bench import DAY, a_line
from connectors.memory.connector import MemorySettings
from connectors.memory.simulator import Numbers
from models.canonical import ObjectType

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshop, Workshops

INVOICE = ObjectType.INVOICE
CONTACT = ObjectType.CONTACT
MARCH = date(2026, 3, 9)
"""In a closed period."""


class TestPush:
    def test_an_answer_for_fewer_items_leaves_all_of_them_unknown(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        one_result = Answer(200, {"results": [{"id": "contact-1"}]})
        shop.ledger.faults.arm(Fault.CHANGED, change=lambda _: one_result)

        with pytest.raises(OutcomeUnknown):
            shop.connector.push(CONTACT, [shop.item(CONTACT), shop.item(CONTACT)])

    def test_without_keys_a_repeated_create_makes_a_second_document(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        item = shop.item(INVOICE)

        shop.push(INVOICE, item)
        shop.push(INVOICE, item)

        assert shop.ledger.twice() == [(INVOICE, item.marker)]

    def test_a_key_is_remembered_only_so_long(self, workshop: "Workshops") -> None:
        shop = workshop(remembers_keys=timedelta(hours=1))
        item = shop.item(INVOICE)

        first = shop.accepted(INVOICE, item)
        again = shop.accepted(INVOICE, item)
        shop.ledger.pass_time(timedelta(hours=2))
        later = shop.accepted(INVOICE, item)

        assert first.platform_id == again.platform_id != later.platform_id

    def test_a_key_is_for_one_content(self, workshop: "Workshops") -> None:
        shop = workshop(remembers_keys=timedelta(hours=1))
        item = shop.item(INVOICE)
        shop.push(INVOICE, item)

        found = shop.refusal(INVOICE, replace(item, record=shop.bench.sample(INVOICE)))

        assert found.code == "key_reused"

    @pytest.mark.parametrize(("replays", "expected"), [(True, Failed), (False, Accepted)])
    def test_a_refusal_may_be_replayed_for_its_key(
        self, workshop: "Workshops", replays: bool, expected: type[object]
    ) -> None:
        shop = workshop(remembers_keys=timedelta(hours=1), replays_errors=replays)
        item = shop.item(INVOICE, issue_date=MARCH)
        shop.refusal(INVOICE, item)

        shop.ledger.change(closed_until=None)

        assert isinstance(shop.push(INVOICE, item)[0], expected)

    def test_an_atomic_batch_goes_again_without_its_bad_items(self, workshop: "Workshops") -> None:
        shop = workshop(atomic_batches=True)
        items = [
            shop.item(INVOICE, issue_date=MARCH if number in {1, 3} else DAY) for number in range(5)
        ]

        results = shop.push(INVOICE, *items)

        kinds = [type(result) for result in results]
        assert kinds == [Accepted, Failed, Accepted, Failed, Accepted]
        assert shop.ledger.requests["POST /invoices"] == 2
        assert shop.ledger.counts(INVOICE) == {items[n].marker: 1 for n in (0, 2, 4)}

    def test_an_atomic_batch_without_a_good_item_is_sent_once(self, workshop: "Workshops") -> None:
        shop = workshop(atomic_batches=True)
        items = [shop.item(INVOICE, issue_date=MARCH) for _ in range(3)]

        results = shop.push(INVOICE, *items)

        assert {type(result) for result in results} == {Failed}
        assert shop.ledger.requests["POST /invoices"] == 1

    def test_when_the_rest_of_an_atomic_batch_is_lost_the_bad_items_are_still_known(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(atomic_batches=True)
        items = [shop.item(INVOICE, issue_date=MARCH), shop.item(INVOICE)]
        shop.ledger.faults.arm(Fault.DROP_AFTER, method="POST", skip=1)

        bad, lost = shop.push(INVOICE, *items)

        assert isinstance(bad, Failed)
        assert isinstance(bad.error, Rejected)
        assert isinstance(lost, Failed)
        assert isinstance(lost.error, OutcomeUnknown)

    def test_numbers_taken_by_an_atomic_batch_that_failed_are_free(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(atomic_batches=True, numbers=Numbers.DOCUMENT)
        items = [shop.item(INVOICE, number="F1"), shop.item(INVOICE, issue_date=MARCH)]

        good, _ = shop.push(INVOICE, *items)

        assert isinstance(good, Accepted)
        assert good.number == "F1"

    def test_keys_of_an_atomic_batch_that_failed_are_not_remembered(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(atomic_batches=True, remembers_keys=timedelta(hours=1))
        items = [shop.item(INVOICE), shop.item(INVOICE, issue_date=MARCH)]

        good, _ = shop.push(INVOICE, *items)

        assert isinstance(good, Accepted)
        assert shop.ledger.get(INVOICE, good.platform_id).marker == items[0].marker

    def test_batches_from_several_threads_do_not_mix(self, workshop: "Workshops") -> None:
        shop = workshop()
        batches = [[shop.item(INVOICE) for _ in range(5)] for _ in range(16)]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda batch: shop.push(INVOICE, *batch), batches))

        for batch, results in zip(batches, answers, strict=True):
            for item, result in zip(batch, results, strict=True):
                assert isinstance(result, Accepted)
                assert shop.ledger.get(INVOICE, result.platform_id).marker == item.marker
        assert shop.ledger.twice() == []

    def test_lines_that_are_not_exact_are_booked_as_one_times_net(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(exact_lines=True)
        odd = a_line("99.99", "20").model_copy(update={"quantity": Decimal(3)})
        item = shop.item(INVOICE, lines=(odd, a_line("1.00", "20")))
        refused = shop.refusal(INVOICE, item)

        shop.use(MemorySettings(exact_lines=True))
        accepted = shop.accepted(INVOICE, item)

        assert refused.code == "line_differs"
        assert accepted.notes == ("Line 1 is booked as 1 × 99.99.",)
        lines = shop.document(INVOICE, accepted.platform_id).lines
        assert [(line.quantity, line.unit_price) for line in lines] == [
            (Decimal(1), Decimal("99.99")),
            (Decimal(1), Decimal(1)),
        ]

    def test_an_update_whose_answer_was_lost_may_be_said_again(self, workshop: "Workshops") -> None:
        shop = workshop()
        item = shop.item(INVOICE)
        change = shop.updated(item, shop.accepted(INVOICE, item), note="new")
        shop.ledger.faults.arm(Fault.DROP_AFTER)
        with pytest.raises(OutcomeUnknown):
            shop.push(INVOICE, change)

        assert shop.accepted(INVOICE, change).version == "2"


class TestSteps:
    @pytest.fixture
    def shop(self, workshop: "Workshops") -> "Workshop":
        return workshop(two_steps=True)

    def test_a_draft_is_posted_by_a_second_call(self, shop: "Workshop") -> None:
        item = shop.item(INVOICE)

        (step,) = shop.push(INVOICE, item)

        assert isinstance(step, Progressed)
        (draft,) = shop.ledger.documents(INVOICE, marker=item.marker)
        assert (draft.draft, draft.status) == (True, "draft")
        shop.accepted(INVOICE, replace(item, progress=step.progress))
        (posted,) = shop.ledger.documents(INVOICE, marker=item.marker)
        assert (posted.draft, posted.status, posted.id) == (False, "open", draft.id)

    def test_what_is_to_stay_a_draft_is_done_after_one(self, shop: "Workshop") -> None:
        (result,) = shop.push(INVOICE, shop.item(INVOICE, status="draft"))

        assert isinstance(result, Accepted)

    def test_records_at_different_steps_share_a_batch(self, shop: "Workshop") -> None:
        drafted, new, edited = (shop.item(INVOICE) for _ in range(3))
        first, third = shop.push(INVOICE, drafted, edited)
        assert isinstance(first, Progressed)
        assert isinstance(third, Progressed)

        results = shop.push(
            INVOICE,
            replace(drafted, progress=first.progress),
            new,
            replace(
                edited,
                operation=Operation.UPDATE,
                progress=third.progress,
                record=edited.record.model_copy(update={"note": "new"}),
            ),
        )

        assert [type(result) for result in results] == [Accepted, Progressed, Progressed]

    def test_one_sort_of_step_may_fail_while_another_goes_well(self, shop: "Workshop") -> None:
        drafted, new = shop.item(INVOICE), shop.item(INVOICE)
        (step,) = shop.push(INVOICE, drafted)
        assert isinstance(step, Progressed)
        shop.ledger.faults.arm(Fault.DROP_BEFORE, path="/invoices/post")

        posted, created = shop.push(INVOICE, replace(drafted, progress=step.progress), new)

        assert isinstance(posted, Failed)
        assert isinstance(posted.error, OutcomeUnknown)
        assert isinstance(created, Progressed)

    def test_a_draft_that_cannot_be_posted_is_taken_back(self, shop: "Workshop") -> None:
        item = shop.item(INVOICE, issue_date=MARCH)
        (step,) = shop.push(INVOICE, item)
        assert isinstance(step, Progressed)

        error = shop.refusal(INVOICE, replace(item, progress=step.progress))

        assert error.withdrawn
        assert shop.ledger.documents(INVOICE) == []

    def test_a_draft_that_could_not_be_taken_back_is_kept_in_mind(self, shop: "Workshop") -> None:
        item = shop.item(INVOICE, issue_date=MARCH)
        (step,) = shop.push(INVOICE, item)
        assert isinstance(step, Progressed)
        shop.ledger.faults.arm(Fault.DROP_BEFORE, path="/invoices/delete")

        error = shop.refusal(INVOICE, replace(item, progress=step.progress))

        assert isinstance(error, Rejected)
        assert not error.withdrawn
        assert shop.ledger.counts(INVOICE) == {item.marker: 1}

    def test_a_draft_that_somebody_deleted_leaves_nothing_behind(self, shop: "Workshop") -> None:
        item = shop.item(INVOICE)
        (step,) = shop.push(INVOICE, item)
        assert isinstance(step, Progressed)
        shop.ledger.delete(INVOICE, step.platform_id or "")

        error = shop.refusal(INVOICE, replace(item, progress=step.progress))

        assert isinstance(error, Rejected)
        assert error.withdrawn

    def test_a_draft_can_be_voided(self, shop: "Workshop") -> None:
        item = shop.item(INVOICE)
        (step,) = shop.push(INVOICE, item)
        assert isinstance(step, Progressed)

        void = replace(item, operation=Operation.VOID, progress=step.progress)

        assert isinstance(shop.push(INVOICE, void)[0], Accepted)
        assert shop.ledger.documents(INVOICE)[0].status == "void"

    def test_a_draft_with_other_content_is_changed_before_it_is_posted(
        self, shop: "Workshop"
    ) -> None:
        item = shop.item(INVOICE)
        shop.push(INVOICE, item)
        newer = replace(item, record=item.record.model_copy(update={"note": "newer"}))

        (found,) = shop.connector.find(INVOICE, [newer])
        assert isinstance(found, Found)
        accepted = shop.accepted(INVOICE, replace(newer, progress=found.progress))

        assert shop.document(INVOICE, accepted.platform_id).note == "newer"
        assert shop.ledger.requests["POST /invoices/update"] == 1
