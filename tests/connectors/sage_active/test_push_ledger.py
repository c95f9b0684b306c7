"""Payments, journal entries and products on their way into simulated books."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Accepted, Found, Operation, Progressed
from connectors.errors import MappingMissing, Unsupported
from connectors.faults import Fault
from models.canonical import Allocation, Item, JournalLine, ObjectType, Side
from tests.connectors.sage_active.bench import CLOSED_DAY, NORMAL, SageBench

ENTRY = {"modes": {"invoices": "entry", "bills": "entry"}}


class TestPayments:
    def test_one_settlement_pays_several_invoices(self, country: SageBench) -> None:
        rate = NORMAL[country.country]
        first, second = (country.posted_invoice((rate, "100.00")) for _ in range(2))
        connector = country.connector()
        connector.check()
        item = country.item(country.payment({first: "50.00", second: "30.00"}))

        _, result = country.push(item, connector)

        assert isinstance(result, Accepted)
        (entry,) = country.company.payments_with(item.marker)
        assert entry["documentNumber"] == item.marker
        for invoice, paid in ((first, "50.00"), (second, "30.00")):
            (open_item,) = country.company.open_items("salesInvoices", invoice)
            assert open_item["paidAmountAccumulated"] == Decimal(paid)
        assert country.operations().count("SalesOpenItemSettlement") == 1

    def test_a_payment_is_two_calls_once_the_books_are_known(self, bench: SageBench) -> None:
        connector = bench.connector()
        connector.check()
        bench.push(bench.payment({bench.posted_invoice(): "10.00"}), connector)
        before = bench.scope.calls

        bench.push(bench.payment({bench.posted_invoice(): "10.00"}), connector)

        assert bench.scope.calls - before == 2

    def test_instalments_are_paid_in_the_order_in_which_they_are_due(
        self, bench: SageBench
    ) -> None:
        days = (60, 40, 50, 20, 30)
        terms: list[dict[str, Any]] = [
            {"order": place, "type": "PERCENTAGE", "value": Decimal(20), "day": day}
            for place, day in enumerate(days, start=1)
        ]
        terms[-1] |= {"order": 9999, "type": "REMAINING_AMOUNT", "value": Decimal(0)}
        invoice = bench.posted_invoice(
            paymentTermLines=[{**one, "condition": "DAY_OF_PAYMENT"} for one in terms]
        )

        bench.accepted(bench.payment({invoice: "80.00"}))

        items = bench.company.open_items("salesInvoices", invoice)
        items.sort(key=lambda row: row["dueDate"])
        paid = [row["paidAmountAccumulated"] for row in items]
        assert paid == [Decimal("24.00")] * 3 + [Decimal("8.00"), Decimal(0)]

    def test_a_bill_is_paid_from_the_bank(self, country: SageBench) -> None:
        bill = country.accepted(country.bill("80.00")).platform_id

        done = country.accepted(country.payment({bill: "80.00"}, side=Side.SUPPLIER))

        (there,) = [
            one
            for one in country.records(ObjectType.PAYMENT)
            if one.platform_id == done.platform_id
        ]
        assert there.record.side is Side.SUPPLIER
        assert there.record.account_id == country.bank
        assert there.record.allocations == (
            Allocation(document_type=ObjectType.BILL, document_id=bill, amount=Decimal("80.00")),
        )

    def test_an_invoice_that_is_an_entry_is_paid_like_any_other(self, country: SageBench) -> None:
        invoice = country.accepted(country.invoice("100.00"), **ENTRY).platform_id

        done = country.accepted(country.payment({invoice: "25.00"}))

        (there,) = [
            one
            for one in country.records(ObjectType.PAYMENT)
            if one.platform_id == done.platform_id
        ]
        (part,) = there.record.allocations
        assert (part.document_id, part.amount) == (invoice, Decimal("25.00"))

    def test_more_than_is_open_is_refused_before_anything_is_sent(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice()

        error = bench.error(bench.payment({invoice: "120.01"}))

        number = bench.company.row("salesInvoices", invoice)["operationalNumber"]
        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("over_allocated", f"invoice {number}")
        assert "SalesOpenItemSettlement" not in bench.operations()

    def test_a_draft_is_not_paid(self, bench: SageBench) -> None:
        error = bench.error(bench.payment({bench.company.add_invoice(): "10.00"}))

        assert error.cause is not None
        assert error.cause.code == "not_posted_yet"

    def test_a_payment_of_more_than_it_settles_is_unsupported(self, bench: SageBench) -> None:
        payment = bench.payment({bench.posted_invoice(): "10.00"})

        error = bench.error(payment.model_copy(update={"amount": Decimal(15)}))

        assert isinstance(error, Unsupported)
        assert "5.00 EUR" in error.message

    def test_documents_of_two_parties_are_not_one_payment(self, bench: SageBench) -> None:
        other = bench.company.add_customer(
            "Other SARL", addresses=[{"countryIsoCodeAlpha2": "FR", "firstLine": "1 Rue"}]
        )
        paid = {
            bench.posted_invoice(): "10.00",
            bench.posted_invoice(customer_id=other): "10.00",
        }

        assert isinstance(bench.error(bench.payment(paid)), Unsupported)

    def test_an_account_without_a_payment_method_is_a_question(self, bench: SageBench) -> None:
        payment = bench.payment(
            {bench.posted_invoice(): "10.00"}, account_id=bench.account("CAPITAL")
        )

        error = bench.error(payment)

        assert isinstance(error, MappingMissing)
        assert error.cause is not None
        assert error.cause.code == "payment_method_missing"

    def test_the_settings_may_name_the_payment_method(self, bench: SageBench) -> None:
        name = bench.company.row("paymentMethods", bench.company.bank())["referenceName"]
        payment = bench.payment(
            {bench.posted_invoice(): "10.00"}, account_id=bench.account("CAPITAL")
        )

        bench.accepted(payment, payment_method=name)

    @pytest.mark.parametrize("side", list(Side))
    def test_money_on_account_is_an_entry(self, country: SageBench, side: Side) -> None:
        item = country.item(country.payment({}, side=side, amount=Decimal("70.00")))

        _, result = country.push(item)

        assert isinstance(result, Accepted)
        (there,) = [
            one
            for one in country.records(ObjectType.PAYMENT)
            if one.platform_id == result.platform_id
        ]
        assert (there.record.side, there.record.amount) == (side, Decimal("70.00"))
        assert there.record.allocations == ()
        assert there.marker == item.marker
        (found,) = country.connector().find(ObjectType.PAYMENT, [replace(item, platform_id=None)])
        assert isinstance(found, Found)

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.SLOW_COMMIT])
    def test_a_settlement_whose_answer_is_lost_is_made_once(
        self, country: SageBench, fault: Fault
    ) -> None:
        rate = NORMAL[country.country]
        item = country.item(country.payment({country.posted_invoice((rate, "100.00")): "40.00"}))
        country.ledger.arm(fault, "salesOpenItemSettlement", seconds=0.01)

        country.settle(item)

        assert len(country.company.payments_with(item.marker)) == 1


class TestJournalEntries:
    def test_an_entry_is_one_call_once_the_books_are_known(self, country: SageBench) -> None:
        connector = country.connector()
        connector.check()
        country.push(country.entry(), connector)
        before = country.scope.calls

        _, result = country.push(country.entry(document_number="RC-1"), connector)

        assert isinstance(result, Accepted)
        assert country.scope.calls - before == 1
        row = country.company.row("accountingEntries", result.platform_id)
        assert row["documentNumber"] == "RC-1"

    def test_an_unbalanced_entry_is_refused_before_anything_is_sent(self, bench: SageBench) -> None:
        entry = bench.entry()
        lines = (entry.lines[0], entry.lines[1].model_copy(update={"credit": Decimal("54.99")}))

        error = bench.error(entry.model_copy(update={"lines": lines}))

        assert error.cause is not None
        assert error.cause.code == "entry_unbalanced"
        assert error.cause.words["credit"] == "54.99 EUR"
        assert "CreateAccountingEntryUsingIds" not in bench.operations()

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"document_number": "x" * 51}, "document number"),
            ({"number": "x" * 51}, "document number"),
        ],
    )
    def test_a_number_that_is_too_long_is_refused_before_anything_is_sent(
        self, bench: SageBench, fields: dict[str, Any], field: str
    ) -> None:
        error = bench.error(bench.entry(**fields))

        assert error.cause is not None
        assert (error.cause.code, error.cause.words["field"]) == ("field_too_long", field)

    def test_a_long_description_is_cut_and_keeps_the_marker(self, bench: SageBench) -> None:
        item, result = bench.push(bench.entry(description="word " * 100))

        assert isinstance(result, Accepted)
        text = bench.company.row("accountingEntries", result.platform_id)["description"]
        assert text.endswith(item.marker)
        assert len(text) <= 200

    def test_lines_of_third_parties_keep_them(self, bench: SageBench) -> None:
        lines = (
            JournalLine(
                account_id=bench.account("CUSTOMER"),
                debit=Decimal(30),
                contact_id=bench.customer,
            ),
            JournalLine(account_id=bench.account("REVENUE"), credit=Decimal(30)),
        )

        done = bench.accepted(bench.entry(lines=lines))

        (there,) = [
            one
            for one in bench.records(ObjectType.JOURNAL_ENTRY)
            if one.platform_id == done.platform_id
        ]
        assert there.record.lines[0].contact_id == bench.customer

    def test_a_closed_year_is_named(self, bench: SageBench) -> None:
        error = bench.error(bench.entry(day=CLOSED_DAY))

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("exercise_closed", "2024")

    def test_a_date_that_no_year_holds_is_named(self, bench: SageBench) -> None:
        error = bench.error(bench.entry(day=dt.date(2019, 1, 1)))

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("exercise_closed", "2019-01-01")

    def test_a_matched_entry_is_not_deleted(self, bench: SageBench) -> None:
        invoice = bench.accepted(bench.invoice("100.00"), **ENTRY).platform_id
        bench.accepted(bench.payment({invoice: "25.00"}))
        void = bench.item(bench.entry(), operation=Operation.VOID, platform_id=invoice)

        error = bench.error(void)

        assert error.cause is not None
        assert error.cause.code == "entry_matched"
        assert "DeleteAccountingEntry" not in bench.operations()

    @pytest.mark.parametrize("skip", [0, 1])
    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
    def test_a_replacement_that_breaks_off_ends_with_the_new_entry_alone(
        self, bench: SageBench, fault: Fault, skip: int
    ) -> None:
        item, created = bench.push(bench.entry())
        assert isinstance(created, Accepted)
        update = replace(
            item,
            operation=Operation.UPDATE,
            record=bench.changed(item.record),
            platform_id=created.platform_id,
            progress=None,
        )
        update, step = bench.step(update)
        assert isinstance(step, Progressed)
        bench.faults.arm(fault, body='"query":\\s*"mutation', skip=skip)

        bench.settle(update)

        (row,) = bench.company.documents_with("accountingEntries", item.marker)
        lines = bench.company.lines("accountingEntries", row["id"])
        assert sum(line["debitAmount"] for line in lines) == Decimal("60.00")

    def test_an_entry_that_somebody_deleted_is_not_made_again_by_an_edit(
        self, bench: SageBench
    ) -> None:
        item, created = bench.push(bench.entry())
        assert isinstance(created, Accepted)
        bench.company.delete("accountingEntries", created.platform_id)
        update = replace(
            item,
            operation=Operation.UPDATE,
            record=bench.changed(item.record),
            platform_id=created.platform_id,
            progress=None,
        )

        error = bench.error(update)

        assert error.cause is not None
        assert error.cause.code == "deleted_in_ledger"
        assert bench.company.documents_with("accountingEntries", item.marker) == []


class TestProducts:
    def test_a_rate_chooses_the_tax_group(self, country: SageBench) -> None:
        rate = NORMAL[country.country]

        done = country.accepted(Item(id="1", name="Advice", code="ADV", tax_rate=Decimal(rate)))

        row = country.company.row("products", done.platform_id)
        assert row["taxGroupId"] == country.company.tax_group(rate)
        assert (row["code"], done.notes) == ("ADV", ())

    def test_a_rate_that_no_single_group_has_is_said(self, bench: SageBench) -> None:
        done = bench.accepted(Item(id="1", name="Advice", tax_rate=Decimal("8.1")))

        assert "no tax groups have 8.1 %" in done.notes[0]
