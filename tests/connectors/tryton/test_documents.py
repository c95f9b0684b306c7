"""Invoices, bills and credit notes, pushed into a real Tryton and judged by another session."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.base import Accepted, Failed, Operation, Progressed
from connectors.errors import Conflict, MappingMissing, Rejected
from models.canonical import AllowanceCharge, Side, TaxSubtotal
from tests.connectors.tryton.bench import DAY, YEAR, Bench


class TestCreate:
    def test_invoice_is_posted_with_the_stated_sums(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())

        accepted = bench.accepted(item)

        (row,) = bench.invoices(item)
        assert (row.id, row.type, row.state) == (int(accepted.platform_id), "out", "posted")
        assert (row.untaxed, row.tax, row.total) == (Decimal(100), Decimal(20), Decimal(120))
        assert (accepted.number, accepted.totals.total) == (row.number, Decimal(120))
        assert accepted.notes == ()

    def test_products_number_is_the_reference_beside_trytons_own(self, bench: Bench) -> None:
        item = bench.item(bench.invoice(number="F-2026-0042"))

        bench.accepted(item)

        (row,) = bench.invoices(item)
        assert row.reference == "F-2026-0042"
        assert row.number.startswith(f"T{DAY.year}-")

    def test_bill_keeps_the_suppliers_number(self, bench: Bench) -> None:
        item = bench.item(bench.bill(number="SUP-77"))

        accepted = bench.accepted(item)

        (row,) = bench.invoices(item)
        assert (row.type, row.state, row.reference) == ("in", "posted", "SUP-77")
        assert accepted.totals.total == Decimal(120)

    @pytest.mark.parametrize("side", Side)
    def test_credit_note_is_below_zero_in_tryton_and_positive_here(
        self, bench: Bench, side: Side
    ) -> None:
        item = bench.item(bench.credit_note(side=side))

        accepted = bench.accepted(item)

        (row,) = bench.invoices(item)
        assert (row.type, row.total) == ("out" if side is Side.CUSTOMER else "in", Decimal(-120))
        assert accepted.totals.total == Decimal(120)

    def test_batch_takes_as_many_calls_as_one_record(self, bench: Bench) -> None:
        connector = bench.connector()
        bench.step([bench.item(bench.invoice())], connector)  # reads the reference data
        before = bench.scope.calls

        one = bench.step([bench.item(bench.invoice())], connector)
        after_one = bench.scope.calls
        many = bench.step([bench.item(bench.invoice()) for _ in range(8)], connector)

        assert bench.scope.calls - after_one == after_one - before
        posted = bench.step([item for item, _ in many], connector)
        assert all(isinstance(result, Accepted) for _, result in posted)
        assert isinstance(one[0][1], Progressed)

    def test_party_without_an_address_gets_one(self, bench: Bench) -> None:
        party = bench.ledger.rpc("model.party.party.create", [{"name": "Bare", "addresses": []}])

        accepted = bench.accepted(bench.invoice(contact_id=str(party[0])))

        assert accepted.totals.total == Decimal(120)

    def test_past_due_date_is_kept_without_answering_trytons_question(self, bench: Bench) -> None:
        due = DAY + dt.timedelta(days=30)
        item = bench.item(bench.invoice(due_date=due))

        bench.accepted(item)

        (line,) = _lines_to_pay(bench, item.marker)
        assert line["maturity_date"] == due

    def test_suppliers_due_date_is_kept(self, bench: Bench) -> None:
        due = DAY + dt.timedelta(days=30)
        item = bench.item(bench.bill(due_date=due))

        bench.accepted(item)

        (line,) = _lines_to_pay(bench, item.marker)
        assert line["maturity_date"] == due

    def test_document_in_a_foreign_currency_is_booked_at_trytons_rate(self, bench: Bench) -> None:
        item = bench.item(bench.invoice(currency="USD"))

        accepted = bench.accepted(item)

        assert accepted.totals.total == Decimal(120)
        (line,) = _lines_to_pay(bench, item.marker)
        assert line["debit"] == Decimal(96)  # 1.25 dollars a euro


class TestStatedAmounts:
    def test_tax_that_differs_by_a_cent_from_the_computed_one_is_kept(self, bench: Bench) -> None:
        lines = [bench.line("0.33") for _ in range(3)]  # 0.99, of which 20 % are 0.198
        stated = TaxSubtotal(
            taxable_amount=Decimal("0.99"),
            tax_amount=Decimal("0.21"),
            rate=Decimal(20),
            tax_rate_id=bench.vat["20"],
        )
        item = bench.item(
            bench.invoice(lines=lines, tax_breakdown=(stated,), tax_total="0.21", total="1.20")
        )

        accepted = bench.accepted(item)

        assert accepted.totals.tax == Decimal("0.21")

    def test_each_rate_keeps_its_own_tax(self, bench: Bench) -> None:
        lines = [bench.line("10.01"), bench.line("20.02", "5.5"), bench.line("30.03", "0")]

        accepted = bench.accepted(bench.invoice(lines=lines))

        assert accepted.totals.net == Decimal("60.06")
        assert accepted.totals.tax == Decimal("3.10")

    def test_line_whose_price_does_not_give_the_amount_is_booked_as_one_piece(
        self, bench: Bench
    ) -> None:
        line = bench.line("99.99", quantity=Decimal(3), unit_price=Decimal("33.3333"))
        odd = bench.line("100.01", quantity=Decimal(3), unit_price=Decimal("33.3333"))

        accepted = bench.accepted(bench.invoice(lines=[line, odd]))

        assert accepted.totals.net == Decimal("200.00")
        assert accepted.notes == (
            "line 1 is booked as 1 × 99.99 EUR: 3 × 33.3333 does not give the stated amount",
            "line 2 is booked as 1 × 100.01 EUR: 3 × 33.3333 does not give the stated amount",
        )

    def test_allowances_and_charges_on_the_document_become_lines(self, bench: Bench) -> None:
        allowance = AllowanceCharge(
            kind="allowance",
            amount=Decimal("10.00"),
            reason="Loyalty",
            tax_rate=Decimal(20),
            tax_rate_id=bench.vat["20"],
        )
        charge = AllowanceCharge(
            kind="charge", amount=Decimal("5.00"), tax_rate=Decimal(20), tax_rate_id=bench.vat["20"]
        )
        stated = TaxSubtotal(
            taxable_amount=Decimal("95.00"),
            tax_amount=Decimal("19.01"),
            rate=Decimal(20),
            tax_rate_id=bench.vat["20"],
        )
        item = bench.item(
            bench.invoice(
                allowances_charges=(allowance, charge),
                tax_breakdown=(stated,),
                net_total="95.00",
                tax_total="19.01",
                total="114.01",
            )
        )

        accepted = bench.accepted(item)

        assert accepted.totals.net == Decimal("95.00")
        assert accepted.totals.tax == Decimal("19.01")

    def test_cents_that_rounding_the_lines_leaves_go_to_the_largest_line(
        self, bench: Bench
    ) -> None:
        lines = [bench.line("0.125", None) for _ in range(4)]

        accepted = bench.accepted(bench.invoice(lines=lines, net_total="0.50", total="0.50"))

        assert accepted.totals.net == Decimal("0.50")
        assert len(accepted.notes) == 1
        assert "0.02 EUR that rounding the lines leaves" in accepted.notes[0]

    def test_other_sums_than_the_stated_ones_are_never_posted(self, bench: Bench) -> None:
        item = bench.item(bench.invoice(net_total="100.00", tax_total="21.00", total="121.00"))

        error = bench.refused(item)

        assert error.withdrawn
        assert bench.invoices(item) == []
        assert error.cause is not None
        assert error.cause.code == "totals_differ"
        assert "tax is 21.00 EUR here and 20.00 EUR there" in error.message


class TestLateInvoices:
    def test_invoice_dated_before_the_last_number_is_booked_on_its_own_date(
        self, bench: Bench
    ) -> None:
        bench.accepted(bench.invoice(issue_date=dt.date(YEAR - 2, 9, 20)))
        late = dt.date(YEAR - 2, 8, 3)
        item = bench.item(bench.invoice(issue_date=late))

        accepted = bench.accepted(item)

        (row,) = bench.invoices(item)
        (move,) = bench.ledger.moves(["origin", "=", f"account.invoice,{row.id}"])
        assert (row.state, move.date) == ("posted", late)
        assert row.date >= dt.date(YEAR - 2, 9, 20)
        assert any("Tryton numbers in the order of dates" in note for note in accepted.notes)

    def test_it_is_left_to_a_person_where_that_is_wanted(self, bench: Bench) -> None:
        bench.accepted(bench.invoice(issue_date=dt.date(YEAR - 2, 9, 21)))
        item = bench.item(bench.invoice(issue_date=dt.date(YEAR - 2, 8, 4)))

        error = bench.refused(item, settings={"late_invoices": "refuse"})

        assert error.withdrawn
        assert "you must set an invoice date after" in error.message
        assert bench.invoices(item) == []

    def test_batch_is_numbered_in_order_although_one_of_it_is_refused(self, bench: Bench) -> None:
        today = dt.datetime.now(dt.UTC).date()
        days = [today - dt.timedelta(days=back) for back in (1, 3, 2)]
        good = [bench.item(bench.invoice(issue_date=day)) for day in days]
        future = bench.item(bench.invoice(issue_date=today + dt.timedelta(days=2)))

        results = bench.push(good[0], future, good[1], good[2])

        assert [type(result) for result in results] == [Accepted, Failed, Accepted, Accepted]
        assert [bench.invoices(item)[0].date for item in good] == days
        refused = results[1]
        assert isinstance(refused, Failed)
        assert refused.error.cause is not None
        assert refused.error.cause.subject == "invoice_date_future"


class TestRefusals:
    def test_closed_period_is_named_before_anything_is_written(self, bench: Bench) -> None:
        item = bench.item(bench.invoice(issue_date=dt.date(YEAR - 2, 1, 15)))

        error = bench.refused(item)

        assert isinstance(error, Rejected)
        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("period_closed", f"{YEAR - 2}-01")
        assert error.cause.words["period"] == f"{YEAR - 2}-01"
        assert bench.invoices(item) == []

    def test_date_without_any_period_is_a_closed_one(self, bench: Bench) -> None:
        error = bench.refused(bench.bill(issue_date=dt.date(YEAR - 9, 1, 15)))

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("period_closed", f"{YEAR - 9}-01")

    def test_period_closed_between_the_steps_takes_the_draft_back(self, bench: Bench) -> None:
        connector = bench.connector()
        item = bench.item(bench.bill(issue_date=dt.date(YEAR - 2, 2, 15)))
        ((item, _),) = bench.step([item], connector)
        bench.ledger.close_period(f"{YEAR - 2}-02")
        try:
            ((item, result),) = bench.step([item], connector)
        finally:
            bench.ledger.reopen_period(f"{YEAR - 2}-02")

        assert isinstance(result, Failed)
        assert result.error.withdrawn
        assert result.error.cause is not None
        assert result.error.cause.code == "period_closed"
        assert bench.invoices(item) == []

    def test_question_that_only_a_person_may_answer_is_not_answered(self, bench: Bench) -> None:
        supplier = bench.party("Supplier")
        bench.accepted(bench.bill(contact_id=supplier, number="TWICE-1"))
        item = bench.item(bench.bill(contact_id=supplier, number="TWICE-1"))

        error = bench.refused(item)

        assert error.withdrawn
        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("ledger_question", "invoice_similar")
        assert "is similar to invoice" in error.cause.words["question"]
        assert bench.invoices(item) == []

    def test_good_records_of_a_batch_go_through_beside_bad_ones(self, bench: Bench) -> None:
        supplier = bench.party("Supplier")
        bench.accepted(bench.bill(contact_id=supplier, number="TWICE-2"))
        bad = bench.item(bench.bill(contact_id=supplier, number="TWICE-2"))
        wrong_account = bench.item(
            bench.bill(lines=[bench.line(account_id=str(10**9))])  # refused when it is created
        )
        good = [bench.item(bench.bill()) for _ in range(5)]

        results = bench.push(good[0], good[1], bad, good[2], wrong_account, good[3], good[4])

        assert [type(result) for result in results] == [
            Accepted, Accepted, Failed, Accepted, Failed, Accepted, Accepted,
        ]  # fmt: skip
        assert [len(bench.invoices(item)) for item in good] == [1] * 5
        assert bench.invoices(bad) == bench.invoices(wrong_account) == []

    def test_number_that_somebody_has_entered_already_is_not_entered_again(
        self, bench: Bench
    ) -> None:
        customer = bench.party("Customer")
        theirs = bench.ledger.enter_invoice(
            customer=int(customer), date=DAY, net=Decimal(100), reference="F-BY-HAND"
        )
        item = bench.item(bench.invoice(contact_id=customer, number="F-BY-HAND"))

        error = bench.refused(item)

        assert error.cause is not None
        assert error.cause.code == "already_in_ledger"
        assert error.cause.words["theirs"] == str(theirs)
        assert bench.invoices(item) == []

    def test_line_without_an_account_is_not_sent(self, bench: Bench) -> None:
        error = bench.refused(bench.invoice(lines=[bench.line(account_id=None)]))

        assert error.cause is not None
        assert error.cause.code == "account_not_named"

    def test_percentage_without_a_tax_is_a_mapping_that_is_missing(self, bench: Bench) -> None:
        line = bench.line(tax_rate=Decimal(7), tax_rate_id=None)

        error = bench.refused(bench.invoice(lines=[line]))

        assert isinstance(error, MappingMissing)
        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("tax_rate_unmapped", "7")

    def test_currency_that_tryton_does_not_know_is_named(self, bench: Bench) -> None:
        error = bench.refused(bench.invoice(currency="JPY"))

        assert error.message == "Tryton has no currency JPY: create it there, with its rates"


class TestUpdate:
    def test_draft_is_rewritten_when_the_content_changed_before_it_was_posted(
        self, bench: Bench
    ) -> None:
        invoice = bench.invoice()
        ((item, _),) = bench.step([bench.item(invoice)])
        changed = bench.invoice(
            id=invoice.id, contact_id=invoice.contact_id, lines=[bench.line("70.00")]
        )

        accepted = bench.accepted(replace(item, record=changed, operation=Operation.UPDATE))

        (row,) = bench.invoices(item)
        assert (row.state, row.total) == ("posted", Decimal("84.00"))
        assert accepted.platform_id == item.platform_id

    def test_posted_document_is_frozen(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        accepted = bench.accepted(item)
        changed = item.record.model_copy(
            update={"lines": (bench.line("70.00"),), "net_total": Decimal(70)}
        )

        error = bench.refused(
            replace(
                item,
                record=changed,
                platform_id=accepted.platform_id,
                operation=Operation.UPDATE,
            )
        )

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("frozen_in_ledger", "invoice")

    def test_update_that_says_what_tryton_has_is_done(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        accepted = bench.accepted(item)

        again = bench.accepted(
            replace(item, platform_id=accepted.platform_id, operation=Operation.UPDATE)
        )

        assert again.platform_id == accepted.platform_id

    def test_draft_that_somebody_deleted_is_made_again(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        ((item, _),) = bench.step([item])
        bench.ledger.rpc("model.account.invoice.delete", [int(item.platform_id or 0)])

        accepted = bench.accepted(item)

        (row,) = bench.invoices(item)
        assert str(row.id) == accepted.platform_id != item.platform_id

    def test_draft_that_somebody_cancelled_is_forgotten(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        ((item, _),) = bench.step([item])
        bench.ledger.rpc("model.account.invoice.cancel", [int(item.platform_id or 0)])

        error = bench.refused(item)

        assert isinstance(error, Conflict)
        assert error.withdrawn


class TestVoid:
    def test_posted_bill_is_cancelled(self, bench: Bench) -> None:
        item = bench.item(bench.bill())
        accepted = bench.accepted(item)
        void = replace(item, platform_id=accepted.platform_id, operation=Operation.VOID)

        bench.accepted(void)
        bench.accepted(void)  # as after an answer that was lost

        (row,) = bench.invoices(item)
        assert row.state == "cancelled"

    def test_draft_is_cancelled(self, bench: Bench) -> None:
        ((item, _),) = bench.step([bench.item(bench.invoice())])

        bench.accepted(replace(item, operation=Operation.VOID))

        (row,) = bench.invoices(item)
        assert row.state == "cancelled"

    def test_posted_customer_invoice_needs_a_credit_note(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        accepted = bench.accepted(item)

        error = bench.refused(
            replace(item, platform_id=accepted.platform_id, operation=Operation.VOID)
        )

        assert "write a credit note" in error.message
        (row,) = bench.invoices(item)
        assert row.state == "posted"

    def test_paid_bill_stays(self, bench: Bench) -> None:
        item = bench.item(bench.bill())
        accepted = bench.accepted(item)
        bench.ledger.pay(int(accepted.platform_id))

        error = bench.refused(
            replace(item, platform_id=accepted.platform_id, operation=Operation.VOID)
        )

        assert "undo the payment's reconciliation" in error.message


def _lines_to_pay(bench: Bench, marker: str) -> list[dict[str, object]]:
    rows = bench.ledger.find(
        "account.invoice",
        [["description", "=", marker]],
        "lines_to_pay.maturity_date",
        "lines_to_pay.debit",
    )
    return [line for row in rows for line in row["lines_to_pay."]]
