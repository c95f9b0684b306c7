"""Writing alone and in batches: what is lost, stale, refused in part, or meant for other books."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.base import (
    Absent,
    Accepted,
    Failed,
    Found,
    Operation,
    PushItem,
    PushResult,
    Stale,
)
from connectors.errors import (
    AuthorizationLost,
    Conflict,
    MappingMissing,
    OutcomeUnknown,
    Rejected,
)
from connectors.faults import Fault
from connectors.quickbooks import SPEC
from models.canonical import Invoice, ObjectType
from tests.connectors.quickbooks.bench import CLOSED_DAY, DAY, QuickBooksBench

INVOICE = ObjectType.INVOICE


def invoices(bench: QuickBooksBench, number: int) -> list[PushItem]:
    """New invoices as the engine sends them the first time."""
    return [bench.item(bench.invoice()) for _ in range(number)]


def pushed(bench: QuickBooksBench, items: list[PushItem]) -> list[PushResult]:
    """What a new connector makes of a batch."""
    return list(bench.connector().push(ObjectType(items[0].record.type), items))


def accepted(results: list[PushResult]) -> list[Accepted]:
    """Results that must all be good."""
    assert all(isinstance(one, Accepted) for one in results), results
    return [one for one in results if isinstance(one, Accepted)]


def updated(item: PushItem, done: Accepted, net: str, bench: QuickBooksBench) -> PushItem:
    """An invoice with another amount."""
    new = bench.invoice(net).model_copy(update={"number": item.record.number})  # type: ignore[union-attr]  # an invoice
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=new,
        platform_id=done.platform_id,
        version=done.version,
    )


class TestBatches:
    def test_ten_are_one_call_and_one_goes_alone(self, uk: QuickBooksBench) -> None:
        connector = uk.connector()
        connector.check()
        before = uk.scope.calls

        connector.push(INVOICE, invoices(uk, SPEC.types[INVOICE].push.batch_size))  # type: ignore[union-attr]  # pushed
        batch = uk.scope.calls - before
        connector.push(INVOICE, invoices(uk, 1))

        # The tax codes are read once, beside the batch.
        assert batch == 2
        assert uk.scope.calls - before == 3
        assert uk.quickbooks.calls["create Invoice"] == 1

    @pytest.mark.parametrize("remembers", [True, False], ids=["remembered", "forgotten"])
    @pytest.mark.parametrize("number", [1, 4], ids=["alone", "batch"])
    def test_a_lost_answer_is_found_and_nothing_is_written_twice(
        self, uk: QuickBooksBench, number: int, remembers: bool
    ) -> None:
        uk.quickbooks.change(remembers_request_ids=remembers)
        items = invoices(uk, number)
        uk.arm(Fault.DROP_AFTER, writes=True)

        lost = pushed(uk, items)
        found = uk.connector().find(INVOICE, items)

        assert all(isinstance(one, Failed) for one in lost)
        assert all(isinstance(one.error, OutcomeUnknown) for one in lost if isinstance(one, Failed))
        assert all(isinstance(one, Found) for one in found)
        assert uk.quickbooks.twice() == []
        assert len(uk.company.rows("Invoice")) == number

    @pytest.mark.parametrize("number", [1, 4], ids=["alone", "batch"])
    def test_the_same_sent_again_gets_the_first_answer(
        self, uk: QuickBooksBench, number: int
    ) -> None:
        items = invoices(uk, number)

        first = accepted(pushed(uk, items))
        again = accepted(pushed(uk, items[::-1]))

        assert [one.platform_id for one in first] == [one.platform_id for one in again[::-1]]
        assert len(uk.company.rows("Invoice")) == number

    @pytest.mark.parametrize("number", [1, 4], ids=["alone", "batch"])
    def test_a_vague_refusal_of_a_repeat_is_looked_up(
        self, uk: QuickBooksBench, number: int
    ) -> None:
        uk.quickbooks.change(repeats_batches=False)
        items = invoices(uk, number)
        uk.arm(Fault.DROP_AFTER, writes=True)

        pushed(uk, items)
        again = accepted(pushed(uk, items))

        assert len({one.platform_id for one in again}) == number
        assert len(uk.company.rows("Invoice")) == number

    def test_what_can_neither_be_repeated_nor_looked_up_stays_unknown(
        self, uk: QuickBooksBench
    ) -> None:
        uk.quickbooks.change(repeats_batches=False)
        items = invoices(uk, 2)
        pushed(uk, items)
        connector = uk.connector()
        connector.check()
        connector._books.taxes  # noqa: B018  # what comes before the write
        uk.quickbooks.arm(Fault.AWAY, "query", times=9)

        results = connector.push(INVOICE, items)

        assert [type(one.error) for one in results if isinstance(one, Failed)] == [
            OutcomeUnknown
        ] * 2

    def test_a_batch_that_is_refused_in_part_writes_the_rest(self, uk: QuickBooksBench) -> None:
        items = invoices(uk, 4)
        nobody = items[1].record.model_copy(update={"contact_id": "customer:999"})
        items[1] = replace(items[1], record=nobody)

        results = pushed(uk, items)

        assert [isinstance(one, Accepted) for one in results] == [True, False, True, True]
        assert isinstance(results[1], Failed)
        assert isinstance(results[1].error, MappingMissing)
        assert "contact 999 is deleted" in results[1].error.message
        assert len(uk.company.rows("Invoice")) == 3

    def test_the_request_id_is_in_the_query_and_has_room(self, uk: QuickBooksBench) -> None:
        pushed(uk, invoices(uk, 3))
        (batch,) = [one for one in uk.quickbooks.traffic.log if b'"operation":"create"' in one.body]

        request_id = batch.query["requestid"]
        names = [one["bId"] for one in batch.json()["BatchItemRequest"]]
        assert len(request_id) <= 36
        assert max(len(request_id) + len(name) for name in names) <= 50
        assert len(set(names)) == 3

    def test_other_books_are_written_to_by_nobody(self, uk: QuickBooksBench) -> None:
        config = replace(uk.config(), organisation_id=uk.quickbooks.us.realm)
        connector = SPEC.build(config)

        with pytest.raises(AuthorizationLost) as refused:
            connector.push(INVOICE, invoices(uk, 1))

        assert refused.value.cause is not None
        assert refused.value.cause.code == "wrong_organisation"
        assert uk.company.rows("Invoice") == []

    def test_a_consent_of_no_company_opens_nothing(self, uk: QuickBooksBench) -> None:
        config = uk.config()
        nobody = config.credentials.model_copy(update={"callback": {}})

        with pytest.raises(AuthorizationLost, match="which company"):
            SPEC.build(replace(config, credentials=nobody)).check()


class TestStale:
    def test_all_stale_ones_of_a_batch_cost_one_reading(self, uk: QuickBooksBench) -> None:
        items = invoices(uk, 4)
        done = accepted(pushed(uk, items))
        for one in done[:3]:
            uk.company.edit("Invoice", one.platform_id, PrivateNote="Somebody was here")
        connector = uk.connector()
        connector.check()
        connector._books.taxes  # noqa: B018  # read once, beside
        before = uk.scope.calls

        changes = [updated(i, d, "70.00", uk) for i, d in zip(items, done, strict=True)]
        results = connector.push(INVOICE, changes)

        assert uk.scope.calls - before == 2
        assert [type(one) for one in results] == [Stale, Stale, Stale, Accepted]
        for stale, was in zip(results, done, strict=True):
            if isinstance(stale, Stale):
                assert stale.current.platform_id == was.platform_id
                assert stale.current.version != was.version
        assert uk.company.total("Invoice", done[0].platform_id) == Decimal("120.00")

    def test_the_newer_version_lets_ours_through(self, uk: QuickBooksBench) -> None:
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        uk.company.edit("Invoice", done.platform_id, CustomerMemo={"value": "Thank you"})
        change = updated(item, done, "70.00", uk)

        (stale,) = pushed(uk, [change])
        assert isinstance(stale, Stale)
        (result,) = pushed(uk, [replace(change, version=stale.current.version, key="f" * 32)])

        assert isinstance(result, Accepted)
        assert uk.company.total("Invoice", done.platform_id) == Decimal("84.00")
        memo = uk.company.row("Invoice", done.platform_id)["CustomerMemo"]
        assert memo == {"value": "Thank you"}

    def test_what_is_there_already_is_accepted(self, uk: QuickBooksBench) -> None:
        uk.quickbooks.change(remembers_request_ids=False)
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        change = updated(item, done, "70.00", uk)
        uk.arm(Fault.DROP_AFTER, writes=True)

        pushed(uk, [change])
        (again,) = pushed(uk, [change])

        assert isinstance(again, Accepted)
        assert again.version != done.version

    def test_that_holds_for_lines_without_words_too(self, uk: QuickBooksBench) -> None:
        uk.quickbooks.change(remembers_request_ids=False)
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        change = updated(item, done, "70.00", uk)
        lines = tuple(one.model_copy(update={"description": ""}) for one in change.record.lines)  # type: ignore[union-attr]  # an invoice
        change = replace(change, record=change.record.model_copy(update={"lines": lines}))

        accepted(pushed(uk, [change]))
        (again,) = pushed(uk, [change])

        assert isinstance(again, Accepted)

    def test_an_update_takes_back_a_tax_of_ours(self, uk: QuickBooksBench) -> None:
        given = uk.invoice("100.00")
        part = given.tax_breakdown[0].model_copy(update={"tax_amount": Decimal("20.01")})
        odd = {"tax_total": Decimal("20.01"), "total": Decimal("120.01"), "tax_breakdown": (part,)}
        item = uk.item(given.model_copy(update=odd))
        (done,) = accepted(pushed(uk, [item]))
        change = updated(item, done, "100.00", uk)

        (result,) = accepted(pushed(uk, [change]))

        assert done.totals.total == Decimal("120.01")
        assert result.totals.total == Decimal("120.00")

    def test_what_was_deleted_is_said_to_be(self, uk: QuickBooksBench) -> None:
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        uk.company.delete("Invoice", done.platform_id)

        (result,) = pushed(uk, [updated(item, done, "70.00", uk)])

        assert isinstance(result, Failed)
        assert isinstance(result.error, Conflict)
        assert result.error.cause is not None
        assert result.error.cause.code == "deleted_in_ledger"

    def test_without_a_version_it_is_asked_for(self, uk: QuickBooksBench) -> None:
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        uk.company.edit("Invoice", done.platform_id, PrivateNote="Matched by hand")

        (result,) = pushed(uk, [replace(updated(item, done, "70.00", uk), version=None)])

        assert isinstance(result, Accepted)

    @pytest.mark.parametrize("code", ["5010", "6200", "6210"])
    def test_a_closed_period_is_none_of_that_whatever_its_number(
        self, uk: QuickBooksBench, code: str
    ) -> None:
        uk.quickbooks.change(closed_period_code=code)
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        connector = uk.connector()
        connector.check()
        uk.company.close_books(DAY)

        (result,) = connector.push(INVOICE, [updated(item, done, "70.00", uk)])

        assert isinstance(result, Failed)
        assert type(result.error) is Rejected
        assert result.error.cause is not None
        assert result.error.cause.code == "period_closed"


class TestPeriods:
    def test_the_last_closed_day_is_refused_before_the_call(self, uk: QuickBooksBench) -> None:
        connector = uk.connector()
        connector.check()
        before = uk.scope.calls

        results = connector.push(
            INVOICE,
            [
                uk.item(uk.invoice(day=CLOSED_DAY)),
                uk.item(uk.invoice(day=CLOSED_DAY + timedelta(days=1))),
            ],
        )

        assert isinstance(results[0], Failed)
        assert results[0].error.message.startswith("the books are closed up to 2026-03-30")
        assert isinstance(results[1], Accepted)
        # The tax codes, and the one that may be written.
        assert uk.scope.calls - before == 2


class TestLookingUp:
    def test_what_the_company_numbered_itself_is_found_by_its_date(
        self, uk: QuickBooksBench
    ) -> None:
        (item,) = invoices(uk, 1)
        (done,) = accepted(pushed(uk, [item]))
        uk.company.edit("Invoice", done.platform_id, DocNumber="1042")

        (found,) = uk.connector().find(INVOICE, [item])

        assert isinstance(found, Found)
        assert found.accepted.platform_id == done.platform_id

    def test_a_number_of_somebody_elses_document_is_not_ours(self, uk: QuickBooksBench) -> None:
        (item,) = invoices(uk, 1)
        assert isinstance(item.record, Invoice)
        uk.company.add_invoice(number=item.record.number)

        assert uk.connector().find(INVOICE, [item]) == [Absent()]

    def test_a_batch_is_looked_up_with_one_call(self, uk: QuickBooksBench) -> None:
        items = invoices(uk, 10)
        accepted(pushed(uk, items))
        connector = uk.connector()
        connector.check()
        before = uk.scope.calls

        found = connector.find(INVOICE, items)

        assert all(isinstance(one, Found) for one in found)
        assert uk.scope.calls - before == 1

    def test_texts_cannot_leave_their_quotes(self, uk: QuickBooksBench) -> None:
        item = uk.item(uk.invoice(number="7' or DocNumber \\"))

        (done,) = accepted(pushed(uk, [item]))
        (found,) = uk.connector().find(INVOICE, [item])

        assert isinstance(found, Found)
        assert found.accepted.platform_id == done.platform_id
