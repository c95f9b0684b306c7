"""Payments over several documents and a credit: written, changed and voided, by us and by people."""

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.base import Accepted, Failed, Operation, PushItem
from connectors.conformance import Trial
from connectors.errors import Rejected
from connectors.quickbooks import SPEC
from models.canonical import CreditNote, ObjectType, Payment, Side
from tests.connectors.quickbooks.bench import DAY, QuickBooksBench


def payments(bench: QuickBooksBench) -> dict[str, Payment]:
    """All payments, as a pull brings them."""
    return {
        one.platform_id: one.record
        for one in bench.records(ObjectType.PAYMENT)
        if isinstance(one.record, Payment)
    }


def parts(payment: Payment) -> dict[tuple[str, str], Decimal]:
    """What a payment is for, and whose credit it uses up."""
    return {(one.document_type, one.document_id): one.amount for one in payment.allocations}


def change_of(item: PushItem, done: Accepted, payment: Payment) -> PushItem:
    """The payment with other content."""
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=payment,
        platform_id=done.platform_id,
        version=done.version,
    )


class TestThreeInvoicesAndACredit:
    @pytest.fixture
    def documents(self, uk: QuickBooksBench) -> list[str]:
        """Three invoices of 120.00 and a credit memo of 48.00."""
        company = uk.company
        return [
            *(company.add_invoice() for _ in range(3)),
            f"credit-memo:{company.add_credit_memo([('40.00', None)])}",
        ]

    @pytest.fixture
    def payment(self, uk: QuickBooksBench, documents: list[str]) -> Payment:
        *invoices, credit = documents
        paid = dict(zip(invoices, ("120.00", "120.00", "60.00"), strict=True))
        return uk.payment(paid, credits={credit: "48.00"}, amount=Decimal("260.00"))

    def test_it_comes_back_as_it_was_sent(
        self, uk: QuickBooksBench, documents: list[str], payment: Payment
    ) -> None:
        *invoices, credit = documents

        done = uk.accepted(payment)

        there = payments(uk)[done.platform_id]
        assert parts(there) == parts(payment)
        assert there.amount == Decimal("260.00")
        assert there.unallocated == payment.unallocated == Decimal("8.00")
        assert [uk.company.balance("Invoice", one) for one in invoices] == [0, 0, Decimal("60.00")]
        (note,) = [
            one.record for one in uk.records(ObjectType.CREDIT_NOTE) if one.platform_id == credit
        ]
        assert isinstance(note, CreditNote)
        assert (note.status, note.balance) == ("paid", Decimal(0))

    def test_changed_by_us_it_has_its_new_parts_only(
        self, uk: QuickBooksBench, documents: list[str], payment: Payment
    ) -> None:
        item = uk.item(payment)
        done = uk.accepted(item)
        first, _, third, credit = documents
        new = uk.payment({first: "120.00", third: "120.00"}, credits={credit: "40.00"})

        again = uk.accepted(change_of(item, done, new))

        there = payments(uk)[done.platform_id]
        assert again.platform_id == done.platform_id
        assert (parts(there), there.amount) == (parts(new), Decimal("200.00"))
        assert uk.company.balance("Invoice", documents[1]) == Decimal("120.00")

    def test_voided_by_us_everything_is_open_again(
        self, uk: QuickBooksBench, documents: list[str], payment: Payment
    ) -> None:
        item = uk.item(payment)
        done = uk.accepted(item)

        void = replace(change_of(item, done, payment), operation=Operation.VOID)
        uk.accepted(void)

        there = payments(uk)[done.platform_id]
        assert (there.status, there.amount, len(there.allocations)) == ("void", Decimal(0), 0)
        assert [uk.company.balance("Invoice", one) for one in documents[:3]] == [Decimal(120)] * 3

    def test_changed_and_voided_by_people_it_comes_with_the_next_pull(
        self, uk: QuickBooksBench, documents: list[str], payment: Payment
    ) -> None:
        done = uk.accepted(payment)
        cursor = [page.cursor for page in uk.connector().pull(ObjectType.PAYMENT, None)][-1]
        entity, row_id = "Payment", done.platform_id.partition(":")[2]
        lines = [
            {"Amount": 20, "LinkedTxn": [{"TxnId": documents[1], "TxnType": "Invoice"}]},
        ]
        uk.company.edit(entity, row_id, TotalAmt=Decimal(25), Line=lines)

        (edited,) = [
            one for page in uk.connector().pull(ObjectType.PAYMENT, cursor) for one in page.records
        ]
        uk.company.void(entity, row_id)
        (voided,) = [
            one for page in uk.connector().pull(ObjectType.PAYMENT, cursor) for one in page.records
        ]

        assert isinstance(edited.record, Payment)
        assert isinstance(voided.record, Payment)
        assert edited.record.amount == Decimal(25)
        assert parts(edited.record) == {("invoice", documents[1]): Decimal(20)}
        assert edited.record.unallocated == Decimal(5)
        assert voided.record.status == "void"

    def test_voiding_it_twice_is_no_error(self, uk: QuickBooksBench, payment: Payment) -> None:
        uk.quickbooks.change(remembers_request_ids=False)
        item = uk.item(payment)
        done = uk.accepted(item)
        void = replace(change_of(item, done, payment), operation=Operation.VOID)

        uk.accepted(void)
        uk.accepted(void)

        assert payments(uk)[done.platform_id].status == "void"


class TestCreditsAlone:
    def test_a_credit_pays_an_invoice_with_a_payment_of_nothing(self, uk: QuickBooksBench) -> None:
        invoice = uk.company.add_invoice()
        credit = f"credit-memo:{uk.company.add_credit_memo([('40.00', None)])}"

        done = uk.accepted(uk.payment({invoice: "48.00"}, credits={credit: "48.00"}))

        there = payments(uk)[done.platform_id]
        assert there.amount == 0
        assert uk.company.balance("Invoice", invoice) == Decimal("72.00")

    def test_a_vendors_credit_is_used_for_a_bill(self, uk: QuickBooksBench) -> None:
        bill = uk.company.add_bill([("80.00", None)])
        credit = f"vendor-credit:{uk.company.add_vendor_credit([('10.00', None)])}"
        payment = uk.payment({bill: "96.00"}, credits={credit: "12.00"}, side=Side.SUPPLIER)

        done = uk.accepted(payment)

        there = payments(uk)[done.platform_id]
        assert parts(there) == parts(payment)
        assert there.amount == Decimal("84.00")
        assert uk.company.balance("Bill", bill) == 0

    def test_a_credit_of_the_other_side_is_refused(self, uk: QuickBooksBench) -> None:
        invoice = uk.company.add_invoice()

        error = uk.error(uk.payment({invoice: "48.00"}, credits={"vendor-credit:1": "8.00"}))

        assert isinstance(error, Rejected)
        assert error.code == "wrong_side"


class TestSuppliers:
    @pytest.mark.parametrize("account", ["bank", "card"])
    def test_what_kind_of_payment_it_is_follows_from_the_account(
        self, uk: QuickBooksBench, account: str
    ) -> None:
        bill = uk.company.add_bill([("80.00", None)])
        from_account = getattr(uk.known, account)
        payment = uk.payment({bill: "96.00"}, side=Side.SUPPLIER, account_id=from_account)

        done = uk.accepted(payment)

        row = uk.company.row("BillPayment", done.platform_id.partition(":")[2])
        assert row["PayType"] == {"bank": "Check", "card": "CreditCard"}[account]
        assert payments(uk)[done.platform_id].account_id == from_account

    def test_a_batch_of_both_sides_is_one_call(self, uk: QuickBooksBench) -> None:
        items = [
            uk.item(uk.payment({uk.company.add_invoice(): "10.00"})),
            uk.item(
                uk.payment({uk.company.add_bill([("80.00", None)]): "10.00"}, side=Side.SUPPLIER)
            ),
        ]
        connector = uk.connector()
        connector.check()
        before = uk.scope.calls

        results = connector.push(ObjectType.PAYMENT, items)

        assert all(isinstance(one, Accepted) for one in results)
        # What kind of account it is, and the batch.
        assert uk.scope.calls - before == 2

    def test_whoever_pays_must_be_named(self, uk: QuickBooksBench) -> None:
        payment = uk.payment({uk.company.add_invoice(): "10.00"}, contact_id=None)

        assert uk.error(payment).code == "no_party"


class TestReferences:
    def test_a_reference_that_is_too_long_stands_in_the_note(self, uk: QuickBooksBench) -> None:
        reference = "TRANSFER 2026-09-14 0042"
        item = uk.item(uk.payment({uk.company.add_invoice(): "10.00"}, reference=reference))

        done = uk.accepted(item)

        row = uk.company.row("Payment", done.platform_id.partition(":")[2])
        assert row["PaymentRefNum"] == item.marker
        assert reference in row["PrivateNote"]

    def test_two_payments_with_one_reference_are_told_apart(self, uk: QuickBooksBench) -> None:
        items = [
            uk.item(uk.payment({uk.company.add_invoice(): "10.00"}, reference="RENT"))
            for _ in range(2)
        ]
        ids = [uk.accepted(item).platform_id for item in items]

        trial = Trial(SPEC, uk)
        found = [trial.found(ObjectType.PAYMENT, item).accepted.platform_id for item in items]

        assert found == ids

    def test_paying_more_than_is_open_is_refused(self, uk: QuickBooksBench) -> None:
        (_, result) = uk.push(uk.payment({uk.company.add_invoice(): "500.00"}))

        assert isinstance(result, Failed)
        assert isinstance(result.error, Rejected)

    def test_what_is_capped_comes_back_as_it_is(self, uk: QuickBooksBench) -> None:
        uk.quickbooks.change(over_applying="capped")
        invoice = uk.company.add_invoice()

        done = uk.accepted(uk.payment({invoice: "500.00"}))

        there = payments(uk)[done.platform_id]
        assert parts(there) == {("invoice", invoice): Decimal(120)}
        assert there.date == DAY
