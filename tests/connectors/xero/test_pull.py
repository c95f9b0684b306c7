"""Reading: by Xero's clock, whole although people edit, and with few calls."""

import datetime as dt
import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Page, Period
from connectors.errors import ProtocolError
from connectors.xero.pull import Cursor
from connectors.xero.walking import walk
from models.canonical import Allocation, BillingDocument, ObjectType, Payment, Side
from tests.connectors.xero.bench import DAY, XeroBench


def pages(bench: XeroBench, kind: ObjectType, cursor: str | None = None, **more: Any) -> list[Page]:
    return list(bench.connector().pull(kind, cursor, **more))


def ids(found: list[Page]) -> list[str]:
    return [one.platform_id for page in found for one in page.records]


def payments(bench: XeroBench) -> dict[str, Payment]:
    found = [one.record for page in pages(bench, ObjectType.PAYMENT) for one in page.records]
    assert all(isinstance(one, Payment) for one in found)
    return {one.id: one for one in found if isinstance(one, Payment)}


class TestCalls:
    def test_a_thousand_invoices_are_one_call(self, bench: XeroBench) -> None:
        for _ in range(1000 - len(bench.books.invoices)):
            bench.books.add_invoice()

        found = pages(bench, ObjectType.INVOICE)

        assert len(set(ids(found))) == 1000
        assert bench.scope.calls == 1

    @pytest.mark.parametrize("kind", list(ObjectType))
    def test_nothing_changed_is_one_call_for_each_list(
        self, bench: XeroBench, kind: ObjectType
    ) -> None:
        bench.books.pay(bench.books.add_invoice())
        bench.wait(timedelta(minutes=10))
        first = pages(bench, kind)
        bench.wait(timedelta(minutes=10))

        again = pages(bench, kind, first[-1].cursor)

        whole = {ObjectType.LEDGER_ACCOUNT, ObjectType.TAX_RATE, ObjectType.ITEM}
        assert bench.scope.calls <= {ObjectType.PAYMENT: 4, ObjectType.ITEM: 2}.get(kind, 1)
        assert ids(again) == [] or kind in whole

    def test_archived_contacts_come_too(self, bench: XeroBench) -> None:
        gone = bench.books.add_contact("Gone Ltd")
        bench.books.archive_contact(gone)

        found = pages(bench, ObjectType.CONTACT)

        (there,) = [one for page in found for one in page.records if one.platform_id == gone]
        assert there.record.active is False  # type: ignore[union-attr]  # a contact


class TestWalking:
    def test_a_full_pull_misses_nothing_while_people_edit(self, bench: XeroBench) -> None:
        made = [bench.books.add_invoice() for _ in range(2100)]
        edited = iter(made)

        def edit() -> None:
            for _ in range(120):
                one = next(edited)
                bench.books.edit("Invoices", one, Reference=f"edited {one}")

        bench.xero.between_pages("Invoices", edit, times=4)
        first = pages(bench, ObjectType.INVOICE)
        second = pages(bench, ObjectType.INVOICE, first[-1].cursor)

        state = {one.platform_id: one for page in (*first, *second) for one in page.records}
        assert set(made) <= state.keys()
        assert {one["InvoiceID"] for one in bench.books.invoices} == state.keys()
        for row in bench.books.invoices:
            record = state[row["InvoiceID"]].record
            assert isinstance(record, BillingDocument)
            assert record.reference == row.get("Reference")
        versions = Counter((one.platform_id, one.version) for page in first for one in page.records)
        assert max(versions.values()) == 1

    def test_a_row_that_moves_over_a_page_border_is_not_lost(self, bench: XeroBench) -> None:
        # Page by page, this would skip as many rows as were edited.
        made = []
        for number in range(1500):
            made.append(bench.books.add_invoice())
            if number % 100 == 0:
                bench.xero.pass_time(timedelta(seconds=5))

        def edit() -> None:
            for one in made[:50]:
                bench.books.edit("Invoices", one, Reference=f"edited {one}")

        bench.xero.between_pages("Invoices", edit)
        found = pages(bench, ObjectType.INVOICE)

        assert set(made) <= set(ids(found))
        assert bench.scope.calls <= 3

    @pytest.mark.parametrize("included", [True, False])
    def test_a_page_inside_one_second_is_walked_whole(self, included: bool) -> None:
        bench = XeroBench()
        bench.xero.change(since_includes_its_second=included)
        made = [bench.books.add_contact(f"Imported {number}") for number in range(2300)]
        for row in bench.books.books.rows("Contacts"):
            row["UpdatedDateUTC"] = bench.books.books.rows("Contacts")[0]["UpdatedDateUTC"]

        found = pages(bench, ObjectType.CONTACT)

        assert set(made) <= set(ids(found))
        assert len(ids(found)) == len(set(ids(found)))
        assert found[-1].cursor

    def test_a_walk_goes_on_from_where_it_was_cut_off(self, bench: XeroBench) -> None:
        for number in range(21):
            for _ in range(100):
                bench.books.add_invoice()
            bench.xero.pass_time(timedelta(seconds=number + 3))
        whole = pages(bench, ObjectType.INVOICE)
        assert len(whole) > 2
        cut = next(page.cursor for page in whole if page.cursor)

        rest = pages(bench, ObjectType.INVOICE, cut)

        assert set(ids(whole)) == set(ids(whole[:1])) | set(ids(rest))


class TestCursor:
    def test_it_is_xeros_clock_less_an_overlap(self, bench: XeroBench) -> None:
        bench.xero.pass_time(timedelta(days=3))
        bench.wait(timedelta(0))
        now = bench.xero.now()

        values = json.loads(pages(bench, ObjectType.INVOICE)[-1].cursor or "")

        since = dt.datetime.fromisoformat(values["since"]["Invoices"])
        assert timedelta(minutes=1) < now - since < timedelta(minutes=3)

    def test_another_ones_is_refused(self, bench: XeroBench) -> None:
        with pytest.raises(ProtocolError):
            pages(bench, ObjectType.INVOICE, "page 7")

    def test_it_can_be_read_again(self) -> None:
        now = dt.datetime(2026, 9, 14, 12, tzinfo=dt.UTC)
        cursor = Cursor({"Payments": now}, {"BatchPayments": now}, "BatchPayments", now, now)

        assert Cursor.parse(str(cursor)) == cursor

    def test_a_change_that_posts_nothing_is_found_within_a_week(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice(DueDate=DAY)
        bench.wait(timedelta(hours=1))
        cursor = pages(bench, ObjectType.INVOICE)[-1].cursor
        bench.wait(timedelta(hours=1))
        bench.books.edit_quietly("Invoices", invoice, DueDate=DAY + timedelta(days=30))

        missed = pages(bench, ObjectType.INVOICE, cursor)
        bench.wait(timedelta(days=7))
        found = pages(bench, ObjectType.INVOICE, missed[-1].cursor)
        bench.wait(timedelta(days=1))
        again = pages(bench, ObjectType.INVOICE, found[-1].cursor)

        assert invoice not in ids(missed)
        (there,) = [one for page in found for one in page.records if one.platform_id == invoice]
        assert isinstance(there.record, BillingDocument)
        assert there.record.due_date == DAY + timedelta(days=30)
        assert ids(again) == []


class TestPayments:
    def test_a_batch_payment_is_one_payment_of_several_documents(self, bench: XeroBench) -> None:
        first, second = bench.books.add_invoice(), bench.books.add_invoice()
        batch = bench.books.pay_batch({first: "10.00", second: "20.00"}, on=DAY)

        found = payments(bench)

        one = found[f"batch:{batch}"]
        assert one.amount == Decimal("30.00")
        assert {(part.document_id, part.amount) for part in one.allocations} == {
            (first, Decimal("10.00")),
            (second, Decimal("20.00")),
        }
        assert not [key for key in found if ":" not in key and found[key].date == DAY]

    def test_what_remains_of_an_overpayment_is_not_allocated(self, bench: XeroBench) -> None:
        invoice = bench.books.add_invoice()
        surplus = bench.books.overpay("50.00")
        bench.books.allocate(surplus, invoice, "20.00")

        one = payments(bench)[f"overpayment:{surplus}"]

        assert (one.side, one.amount, one.unallocated) == (Side.CUSTOMER, Decimal(50), Decimal(30))
        kind = ObjectType.INVOICE
        assert one.allocations == (
            Allocation(document_type=kind, document_id=invoice, amount=Decimal("20.00")),
        )

    def test_a_prepayment_to_a_supplier_is_ours(self, bench: XeroBench) -> None:
        made = bench.books.prepay("70.00", sold=False)

        one = payments(bench)[f"prepayment:{made}"]

        assert (one.side, one.unallocated) == (Side.SUPPLIER, Decimal(70))

    def test_money_that_goes_back_is_a_refund(self, bench: XeroBench) -> None:
        note = bench.books.add_credit_note()
        paid = bench.books.pay(note, "5.00")

        one = payments(bench)[paid]

        assert (one.side, one.refund, one.amount) == (Side.CUSTOMER, True, Decimal(5))
        assert [part.document_id for part in one.allocations] == [note]

    def test_one_that_was_deleted_is_void(self, bench: XeroBench) -> None:
        paid = bench.books.pay(bench.books.add_bill())
        bench.books.remove_payment(paid)

        assert payments(bench)[paid].status == "void"


class TestPeriods:
    def test_bills_of_a_period_are_asked_for_by_date(self, bench: XeroBench) -> None:
        inside = bench.books.add_bill(Date=DAY)
        bench.books.add_bill(Date=DAY + timedelta(days=1))

        found = pages(bench, ObjectType.BILL, period=Period(DAY, DAY))

        assert ids(found) == [inside]
        assert all(page.cursor is None for page in found)

    def test_what_has_no_day_is_in_no_period(self, bench: XeroBench) -> None:
        assert pages(bench, ObjectType.CONTACT, period=Period(start=DAY)) == []


def test_a_walk_that_never_comes_to_rest_ends(bench: XeroBench) -> None:
    made = [bench.books.add_contact(f"Imported {number}") for number in range(1100)]
    turn = iter(made * 30)

    def edit() -> None:
        bench.books.edit("Contacts", next(turn), Website="https://x.example")

    bench.xero.between_pages("Contacts", edit, times=500)
    client = bench.connector()._client

    steps = list(walk(client, "Contacts", {}))

    assert steps[-1].last
    assert set(made) <= {row["ContactID"] for step in steps for row in step.values}
