"""Marking documents as paid: single payments, batch payments, refunds, and taking them back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Absent, Accepted, Failed, Found, Operation, PushItem, Unclear
from connectors.errors import OutcomeUnknown, Rejected, Unsupported
from connectors.faults import Fault
from models.canonical import Allocation, ObjectType, Payment, Side
from tests.connectors.xero.bench import CLOSED_DAY, DAY, XeroBench


def void(item: PushItem, platform_id: str) -> PushItem:
    return replace(
        item, key=item.key[::-1], operation=Operation.VOID, platform_id=platform_id, version=None
    )


def refund(bench: XeroBench, note: str, amount: str = "5.00") -> Payment:
    part = Allocation(
        document_type=ObjectType.CREDIT_NOTE, document_id=note, amount=Decimal(amount)
    )
    given: dict[str, Any] = {"refund": True, "allocations": (part,), "amount": Decimal(amount)}
    return bench.payment({}, **given)


class TestCreating:
    def test_an_invoice_is_paid_in_full(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()
        total = bench.books.row("Invoices", invoice)["Total"]

        bench.accepted(bench.payment({invoice: str(total)}))

        assert bench.books.row("Invoices", invoice)["Status"] == "PAID"

    def test_many_are_two_calls(self, bench: XeroBench) -> None:
        items = [bench.item(bench.sample(ObjectType.PAYMENT)) for _ in range(40)]
        connector = bench.connector()
        connector.check()
        before = bench.scope.calls

        results = connector.push(ObjectType.PAYMENT, items)

        assert all(isinstance(one, Accepted) for one in results)
        assert bench.scope.calls - before == 2
        assert bench.xero.calls["PUT Payments"] == 1

    def test_one_for_several_documents_is_a_batch_payment(self, bench: XeroBench) -> None:
        bills = [bench.books.add_bill() for _ in range(3)]
        record = bench.payment(dict.fromkeys(bills, "10.00"), side=Side.SUPPLIER)

        done = bench.accepted(record)

        (batch,) = bench.books.batch_payments
        assert done.platform_id == f"batch:{batch['BatchPaymentID']}"
        assert [len(bench.books.payments_of(bill)) for bill in bills] == [1, 1, 1]
        (there,) = [
            one.record
            for one in bench.records(ObjectType.PAYMENT)
            if one.platform_id == done.platform_id
        ]
        assert isinstance(there, Payment)
        assert set(there.allocations) == set(record.allocations)
        assert there.amount == record.amount

    def test_both_sorts_go_together(self, bench: XeroBench) -> None:
        invoices = [bench.books.add_invoice() for _ in range(3)]
        several = bench.item(bench.payment(dict.fromkeys(invoices[:2], "10.00")))
        single = bench.item(bench.payment({invoices[2]: "10.00"}))

        first, second = bench.batch(several, single)

        assert isinstance(first, Accepted)
        assert isinstance(second, Accepted)
        assert first.platform_id.startswith("batch:")
        assert ":" not in second.platform_id

    def test_a_credit_is_paid_back(self, bench: XeroBench) -> None:
        note = bench.books.add_credit_note()

        done = bench.accepted(refund(bench, note))

        (paid,) = bench.books.payments_of(note)
        assert paid["PaymentID"] == done.platform_id

    def test_more_than_what_is_open_is_refused_by_name(self, bench: XeroBench) -> None:
        error = bench.error(bench.payment({bench.books.add_invoice(): "9999.00"}))

        assert isinstance(error, Rejected)
        assert error.cause is not None
        assert error.cause.code == "over_allocated"

    def test_one_of_a_batch_that_is_refused_leaves_the_others(self, bench: XeroBench) -> None:
        good, bad = bench.books.add_invoice(), bench.books.add_invoice()

        results = bench.batch(
            bench.item(bench.payment({bad: "9999.00"})), bench.item(bench.payment({good: "1.00"}))
        )

        assert [type(one) for one in results] == [Failed, Accepted]


class TestWhatXeroCannotSay:
    def test_a_payment_in_another_currency_than_its_document(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()

        error = bench.error(bench.payment({invoice: "10.00"}, currency=bench.known.foreign))

        assert error.cause is not None
        assert error.cause.code == "not_payable"
        assert bench.books.payments_of(invoice) == []

    def test_several_documents_in_another_currency(self, bench: XeroBench) -> None:
        code = bench.known.foreign
        invoices = [bench.books.add_invoice(CurrencyCode=code) for _ in range(2)]

        error = bench.error(bench.payment(dict.fromkeys(invoices, "10.00"), currency=code))

        assert isinstance(error, Unsupported)
        assert "one payment for each document" in error.message

    @pytest.mark.parametrize("amount", ["10.00", "0"])
    def test_money_for_no_document(self, bench: XeroBench, amount: str) -> None:
        assert isinstance(bench.error(bench.payment({}, amount=Decimal(amount))), Unsupported)

    def test_more_money_than_allocated(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()

        error = bench.error(bench.payment({invoice: "10.00"}, amount=Decimal("12.00")))

        assert isinstance(error, Unsupported)
        assert "overpayment" in error.message

    def test_a_credit_that_pays(self, bench: XeroBench) -> None:
        note = bench.books.add_credit_note()
        record = refund(bench, note).model_copy(update={"refund": False, "amount": Decimal(0)})

        assert isinstance(bench.error(record), Unsupported)

    def test_a_locked_day(self, bench: XeroBench) -> None:
        error = bench.error(bench.payment({bench.books.add_invoice(): "1.00"}, day=CLOSED_DAY))

        assert error.code == "period_closed"

    def test_a_changed_payment(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.PAYMENT), operation=Operation.UPDATE)

        (result,) = bench.batch(item)

        assert isinstance(result, Failed)
        assert isinstance(result.error, Unsupported)


class TestLost:
    @pytest.mark.parametrize("documents", [1, 2])
    @pytest.mark.parametrize("later", [timedelta(seconds=10), timedelta(days=3)])
    def test_what_was_committed_is_found(
        self, bench: XeroBench, documents: int, later: timedelta
    ) -> None:
        bills = [bench.books.add_bill() for _ in range(documents)]
        item = bench.item(bench.payment(dict.fromkeys(bills, "10.00"), side=Side.SUPPLIER))
        bench.arm(Fault.DROP_AFTER, writes=True)
        (lost,) = bench.batch(item)
        assert isinstance(lost, Failed)
        assert isinstance(lost.error, OutcomeUnknown)
        bench.wait(later)

        (found,) = bench.connector().find(ObjectType.PAYMENT, [item])

        assert isinstance(found, Found)
        assert bench.scope.calls <= 2
        assert [len(bench.books.payments_of(bill)) for bill in bills] == [1] * documents

    def test_an_equal_payment_of_somebody_else_is_a_question(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()
        bench.books.pay(invoice, "10.00", on=DAY)

        item = bench.item(bench.payment({invoice: "10.00"}))
        (found,) = bench.connector().find(ObjectType.PAYMENT, [item])

        assert isinstance(found, Unclear)

    def test_another_payment_of_the_day_is_not_ours(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()
        bench.books.pay(invoice, "11.00", on=DAY)

        item = bench.item(bench.payment({invoice: "10.00"}))

        assert bench.connector().find(ObjectType.PAYMENT, [item]) == [Absent()]


class TestTakingBack:
    @pytest.mark.parametrize("documents", [1, 3])
    def test_documents_are_open_again(self, bench: XeroBench, documents: int) -> None:
        invoices = [bench.books.add_invoice() for _ in range(documents)]
        item = bench.item(bench.payment(dict.fromkeys(invoices, "10.00")))
        done = bench.accepted(item)

        (result,) = bench.batch(void(item, done.platform_id))

        assert isinstance(result, Accepted)
        assert [bench.books.payments_of(one) for one in invoices] == [[]] * documents

    def test_one_that_somebody_took_back_is_gone(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.PAYMENT))
        done = bench.accepted(item)
        bench.books.remove_payment(done.platform_id)

        (result,) = bench.batch(void(item, done.platform_id))

        assert isinstance(result, Accepted)

    def test_one_that_the_bank_has_confirmed_stays(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.PAYMENT))
        done = bench.accepted(item)
        bench.books.reconcile(done.platform_id)

        (result,) = bench.batch(void(item, done.platform_id))

        assert isinstance(result, Failed)
        assert isinstance(result.error, Rejected)

    def test_an_overpayment_is_left_to_people(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.PAYMENT))

        (result,) = bench.batch(void(item, f"overpayment:{bench.books.overpay('5.00')}"))

        assert isinstance(result, Failed)
        assert isinstance(result.error, Unsupported)
