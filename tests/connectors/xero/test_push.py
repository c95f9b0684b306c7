"""Writing documents and contacts: batches, once, with their amounts, and nothing overwritten."""

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
    Unclear,
)
from connectors.errors import Conflict, OutcomeUnknown, Rejected, Unavailable, Unsupported
from connectors.faults import Fault
from models.canonical import (
    AllowanceCharge,
    BillingDocument,
    ObjectType,
    Side,
    TaxSubtotal,
)
from tests.connectors.xero.bench import CLOSED_DAY, XeroBench, changed

INVOICE, BILL, NOTE = ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE


def accepted(results: list[PushResult]) -> list[Accepted]:
    for one in results:
        assert isinstance(one, Accepted), getattr(one, "error", one)
    return [one for one in results if isinstance(one, Accepted)]


class TestBatches:
    def test_a_thousand_invoices_are_twenty_calls(self, bench: XeroBench) -> None:
        connector = bench.connector()
        connector.check()
        calls = bench.xero.calls["PUT Invoices"]
        items = [bench.item(bench.invoice()) for _ in range(1000)]

        for start in range(0, 1000, 50):
            accepted(list(connector.push(INVOICE, items[start : start + 50])))

        assert bench.xero.calls["PUT Invoices"] - calls == 20
        # Whose books, their locks and their accounts are asked for once.
        assert bench.scope.calls <= 20 + 3

    def test_one_that_is_refused_does_not_hold_up_the_others(self, bench: XeroBench) -> None:
        taken = bench.books.row("Invoices", bench.books.add_invoice())["InvoiceNumber"]
        items = [bench.item(bench.invoice()) for _ in range(3)]
        items[1] = bench.item(bench.invoice(number=taken))

        first, bad, last = bench.batch(*items)

        assert isinstance(first, Accepted)
        assert isinstance(last, Accepted)
        assert isinstance(bad, Failed)
        assert type(bad.error) is Rejected
        assert "must be unique" in bad.error.message
        assert first.platform_id != last.platform_id

    def test_the_key_of_a_call_is_that_of_its_records(self, bench: XeroBench) -> None:
        items = [bench.item(bench.bill()) for _ in range(2)]

        first = accepted(bench.batch(*items))
        again = accepted(bench.batch(*items))

        assert [one.platform_id for one in first] == [one.platform_id for one in again]
        assert max(bench.xero.keys_seen.values()) == 2

    @pytest.mark.parametrize("kind", [INVOICE, ObjectType.PAYMENT])
    def test_a_xero_that_is_away_is_not_asked_again_for_each(
        self, bench: XeroBench, kind: ObjectType
    ) -> None:
        items = [bench.item(bench.sample(kind)) for _ in range(5)]
        bench.xero.arm(Fault.AWAY, path="/Organisation", times=99)
        before = len(bench.xero.traffic.log)

        results = bench.batch(*items)

        assert [type(one.error) for one in results if isinstance(one, Failed)] == [Unavailable] * 5
        assert len(bench.xero.traffic.log) - before <= 3

    def test_creations_and_changes_of_a_batch_are_told_apart(self, bench: XeroBench) -> None:
        item = bench.item(bench.invoice())
        (there,) = accepted(bench.batch(item))
        edit = changed(item, bench.changed(item.record), there.platform_id, there.version)

        new, old = accepted(bench.batch(bench.item(bench.invoice()), edit))

        assert old.platform_id == there.platform_id != new.platform_id


class TestLostAnswers:
    @pytest.mark.parametrize("kind", [INVOICE, BILL, NOTE, ObjectType.CONTACT, ObjectType.ITEM])
    @pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=2)])
    def test_a_batch_that_was_committed_is_found_with_few_calls(
        self, bench: XeroBench, kind: ObjectType, later: timedelta
    ) -> None:
        items = [bench.item(bench.sample(kind)) for _ in range(5)]
        bench.arm(Fault.DROP_AFTER, writes=True)
        for lost in bench.batch(*items):
            assert isinstance(lost, Failed)
            assert isinstance(lost.error, OutcomeUnknown)
        bench.wait(later)

        found = bench.connector().find(kind, items)

        assert all(isinstance(one, Found) for one in found)
        assert bench.scope.calls <= 3 or kind is ObjectType.CONTACT
        for item in items:
            assert bench.count(kind, item.marker) == 1

    def test_a_part_that_arrived_before_is_not_sent_again(self, bench: XeroBench) -> None:
        items = [bench.item(bench.bill()) for _ in range(4)]
        accepted(bench.batch(*items[:2]))

        found = bench.connector().find(BILL, items)

        assert [type(one) for one in found] == [Found, Found, Absent, Absent]

    def test_a_stored_error_is_not_met_again(self, bench: XeroBench) -> None:
        # Xero repeats an internal error for as long as its key lives.
        item = bench.item(bench.invoice())
        bench.arm(Fault.ERROR_BEFORE, writes=True)

        done = bench.settle(item)

        assert bench.count(INVOICE, item.marker) == 1
        assert done.totals.total == item.record.total  # type: ignore[union-attr]  # an invoice

    def test_a_key_that_was_used_for_something_else_is_looked_up(self, bench: XeroBench) -> None:
        item = bench.item(bench.invoice())
        accepted(bench.batch(item))
        other = replace(item, record=bench.invoice())

        (result,) = bench.batch(other)

        assert isinstance(result, Failed)
        assert isinstance(result.error, OutcomeUnknown)

    def test_a_bill_of_another_supplier_with_that_number_is_not_ours(
        self, bench: XeroBench
    ) -> None:
        bench.books.add_bill(InvoiceNumber="R-77", contact_id=bench.known.customer)
        item = bench.item(bench.bill(number="R-77"))

        assert bench.connector().find(BILL, [item]) == [Absent()]

    def test_an_equal_bill_without_our_mark_is_a_question(self, bench: XeroBench) -> None:
        record = bench.bill(number="R-78")
        bench.books.add_bill((("80.00", None),), InvoiceNumber="R-78", Date=record.issue_date)

        (found,) = bench.connector().find(BILL, [bench.item(record)])

        assert isinstance(found, Unclear)

    def test_one_without_a_number_is_found_by_its_day(self, bench: XeroBench) -> None:
        item = bench.item(bench.invoice(number=None))
        (there,) = accepted(bench.batch(item))

        (found,) = bench.connector().find(INVOICE, [item])

        assert there.number
        assert isinstance(found, Found)
        assert found.accepted.platform_id == there.platform_id

    def test_one_that_was_voided_since_has_arrived(self, bench: XeroBench) -> None:
        item = bench.item(bench.bill())
        (there,) = accepted(bench.batch(item))
        bench.books.void("Invoices", there.platform_id)

        (found,) = bench.connector().find(BILL, [item])

        assert isinstance(found, Found)

    def test_a_suppliers_credit_note_is_found_too(self, bench: XeroBench) -> None:
        bought = {
            "tax": bench.known.tax_purchases,
            "account_id": bench.account(bench.known.purchases),
        }
        note = bench.credit_note(
            side=Side.SUPPLIER,
            contact_id=bench.known.supplier,
            number=None,
            lines=[bench.line("9.00", **bought)],
        )
        item = bench.item(note)
        bench.arm(Fault.DROP_AFTER, writes=True)
        bench.batch(item)

        (found,) = bench.connector().find(NOTE, [item])

        assert isinstance(found, Found)


class TestUpdates:
    def pushed(self, bench: XeroBench, record: BillingDocument) -> tuple[PushItem, Accepted]:
        item = bench.item(record)  # type: ignore[arg-type]  # a document
        return item, accepted(bench.batch(item))[0]

    def test_what_somebody_changed_is_given_back_not_overwritten(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.invoice())
        bench.xero.pass_time(timedelta(minutes=1))
        bench.books.edit("Invoices", there.platform_id, Reference="by Bob")
        edit = changed(item, bench.changed(item.record), there.platform_id, there.version)

        (result,) = bench.batch(edit)

        assert isinstance(result, Stale)
        assert result.current.record.reference == "by Bob"  # type: ignore[union-attr]  # an invoice
        assert bench.books.row("Invoices", there.platform_id)["Reference"] == "by Bob"
        (after,) = bench.batch(replace(edit, version=result.current.version))
        assert isinstance(after, Accepted)

    def test_stale_ones_are_read_with_one_call(self, bench: XeroBench) -> None:
        pairs = [self.pushed(bench, bench.bill()) for _ in range(6)]
        bench.xero.pass_time(timedelta(minutes=1))
        for _, there in pairs[:3]:
            bench.books.edit("Invoices", there.platform_id, DueDate=CLOSED_DAY)
        edits = [
            changed(item, bench.changed(item.record), there.platform_id, there.version)
            for item, there in pairs
        ]
        asked = bench.xero.calls["GET Invoices"]

        results = bench.batch(*edits)

        assert [type(one) for one in results] == [Stale] * 3 + [Accepted] * 3
        assert bench.xero.calls["GET Invoices"] - asked == 1

    def test_lines_that_are_left_out_are_gone(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.invoice("10.00", "20.00"))
        new = bench.invoice("70.00").model_copy(
            update={"id": item.record.id, "number": item.record.number}  # type: ignore[union-attr]  # an invoice
        )

        accepted(bench.batch(changed(item, new, there.platform_id, there.version)))

        row = bench.books.row("Invoices", there.platform_id)
        assert [line["LineAmount"] for line in row["LineItems"]] == [Decimal("70.00")]
        assert row["Status"] == "AUTHORISED"

    def test_amounts_of_a_paid_one_stay(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.invoice())
        bench.books.pay(there.platform_id, "5.00")
        edit = changed(item, bench.changed(item.record), there.platform_id, None)

        (result,) = bench.batch(edit)

        assert isinstance(result, Failed)
        assert result.error.cause is not None
        assert result.error.cause.code == "frozen_in_ledger"

    def test_the_reference_of_a_paid_one_may_change(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.invoice())
        bench.books.pay(there.platform_id, "5.00")
        new = item.record.model_copy(update={"reference": "PO 9"})

        (result,) = accepted(bench.batch(changed(item, new, there.platform_id, None)))

        assert bench.books.row("Invoices", there.platform_id)["Reference"] == "PO 9"
        assert result.totals.total == item.record.total  # type: ignore[union-attr]  # an invoice

    def test_a_paid_one_is_not_voided(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.bill())
        bench.books.pay(there.platform_id, "5.00")
        void = replace(item, operation=Operation.VOID, platform_id=there.platform_id)

        (result,) = bench.batch(void)

        assert isinstance(result, Failed)
        assert "Take that back first" in result.error.message

    def test_one_that_is_gone_is_a_conflict(self, bench: XeroBench) -> None:
        item, there = self.pushed(bench, bench.bill())
        bench.books.void("Invoices", there.platform_id)
        edit = changed(item, bench.changed(item.record), there.platform_id, there.version)

        (result,) = bench.batch(edit)

        assert isinstance(result, Failed)
        assert isinstance(result.error, Conflict)

    def test_a_contact_keeps_the_people_and_the_number_that_it_has(self, bench: XeroBench) -> None:
        persons = [{"FirstName": "Ann", "LastName": "Lee", "EmailAddress": "ann@lee.example"}]
        known = bench.books.add_contact("Lee Ltd", ContactNumber="THEIRS-1", ContactPersons=persons)
        record = bench.sample(ObjectType.CONTACT).model_copy(update={"name": "Lee & Sons"})
        edit = replace(bench.item(record), operation=Operation.UPDATE, platform_id=known)

        accepted(bench.batch(edit))

        row = bench.books.row("Contacts", known)
        assert (row["Name"], row["ContactNumber"]) == ("Lee & Sons", "THEIRS-1")
        assert [one["FirstName"] for one in row["ContactPersons"]] == ["Ann"]
        # An update without them may drop them: they are said again.
        (body,) = bench.xero.traffic.log[-1].json()["Contacts"]
        assert [one["FirstName"] for one in body["ContactPersons"]] == ["Ann"]

    def test_a_contact_is_archived_and_never_fetched_back(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.CONTACT))
        there = bench.accepted(item)
        gone = item.record.model_copy(update={"active": False})

        accepted(bench.batch(changed(item, gone, there.platform_id, there.version)))
        accepted(bench.batch(changed(item, item.record, there.platform_id, None)))

        assert bench.books.row("Contacts", there.platform_id)["ContactStatus"] == "ARCHIVED"


class TestLocks:
    def test_what_is_dated_in_a_locked_period_is_not_even_sent(self, bench: XeroBench) -> None:
        record = bench.invoice(day=CLOSED_DAY)

        (result,) = bench.batch(bench.item(record))

        assert isinstance(result, Failed)
        assert result.error.cause is not None
        assert result.error.cause.code == "period_closed"
        assert "up to 2026-03-31" in result.error.message
        assert bench.xero.calls["PUT Invoices"] == 0

    def test_what_lies_in_one_now_is_not_voided(self, bench: XeroBench) -> None:
        item = bench.item(bench.entry())
        (there,) = accepted(bench.batch(item))
        bench.books.lock(item.record.date, end_of_year=True)  # type: ignore[union-attr]  # an entry
        void = replace(item, operation=Operation.VOID, platform_id=there.platform_id)

        (result,) = bench.batch(void)

        assert isinstance(result, Failed)
        assert result.error.code == "period_closed"


class TestAmounts:
    def test_tax_that_is_stated_otherwise_is_ours(self, bench: XeroBench) -> None:
        record = bench.invoice("10.03", "10.03", "10.03")
        rate = bench.books.tax_rate(bench.known.tax_sales)
        by_document = (Decimal("30.09") * rate / 100).quantize(Decimal("0.01"))
        tax = TaxSubtotal(
            taxable_amount=Decimal("30.09"),
            tax_amount=by_document,
            rate=rate,
            tax_rate_id=bench.known.tax_sales,
        )
        assert by_document != record.tax_total, "the example must round differently"
        stated = record.model_copy(
            update={
                "tax_breakdown": (tax,),
                "tax_total": by_document,
                "total": record.net_total + by_document,
            }
        )

        done = bench.accepted(stated)

        assert (done.totals.tax, done.totals.total) == (by_document, stated.total)

    def test_a_line_that_does_not_multiply_is_one_of_its_amount(self, bench: XeroBench) -> None:
        odd = bench.line("99.99", quantity=Decimal(3), unit_price=Decimal("33.3333333"))
        worse = bench.line("50.00", quantity=Decimal(3), unit_price=Decimal("16.00"))

        done = bench.accepted(bench.invoice(lines=[odd, worse]))

        row = bench.books.row("Invoices", done.platform_id)
        assert [line["LineAmount"] for line in row["LineItems"]] == [Decimal("99.99"), 50]
        assert "line 2 is booked as 1 x 50.00" in done.notes
        assert done.totals.net == Decimal("149.99")

    def test_prices_keep_four_decimals(self, bench: XeroBench) -> None:
        fine = bench.line("1.23", quantity=Decimal(100), unit_price=Decimal("0.0123"))

        done = bench.accepted(bench.bill(lines=[fine.model_copy(update={"tax_rate_id": None})]))

        (line,) = bench.books.row("Invoices", done.platform_id)["LineItems"]
        assert (line["UnitAmount"], line["Quantity"]) == (Decimal("0.0123"), 100)
        assert line["TaxType"] == "NONE"

    def test_an_allowance_on_the_document_is_a_line(self, bench: XeroBench) -> None:
        part = AllowanceCharge(
            kind="allowance",
            amount=Decimal("10.00"),
            account_id=bench.account(bench.known.sales),
            tax_rate_id=bench.known.no_tax,
        )
        line = bench.line("100.00", bench.known.no_tax)
        record = bench.invoice(lines=[line], allowances_charges=(part,))
        record = record.model_copy(update={"net_total": Decimal(90), "total": Decimal(90)})

        assert bench.accepted(record).totals.total == 90

    def test_a_rate_of_exchange_is_turned_round(self, bench: XeroBench) -> None:
        code = bench.known.foreign
        record = bench.invoice(currency=code, currency_rate=Decimal("0.8"))

        done = bench.accepted(record)

        assert bench.books.row("Invoices", done.platform_id)["CurrencyRate"] == Decimal("1.25")
        (there,) = [one for one in bench.records(INVOICE) if one.platform_id == done.platform_id]
        assert there.record.currency_rate == Decimal("0.8")

    def test_journals_are_in_the_currency_of_the_books(self, bench: XeroBench) -> None:
        assert isinstance(bench.error(bench.entry(currency=bench.known.foreign)), Unsupported)
