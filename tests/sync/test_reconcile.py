"""Both sides compared: every reason for a difference, by name."""

from datetime import date
from decimal import Decimal

from connectors.base import Period
from models.canonical import ObjectType
from sync import control
from sync.reconcile import Reason, Reconciliation, reconcile
from tests.factories import (
    Bench,
    a_bill,
    a_contact,
    a_line,
    a_payment,
    a_supplier,
    an_invoice,
    in_the_ledgers_ids,
)


def compared(bench: Bench, period: Period | None = None) -> Reconciliation:
    return reconcile(bench.engine, bench.connection_id, period or Period())


def reasons(result: Reconciliation) -> list[tuple[str, Reason]]:
    return [(one.what, one.reason) for row in result.rows for one in row.differences]


class TestReconcile:
    def test_equal_books_have_no_differences(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), a_supplier(), an_invoice(), a_bill(), a_payment(amount="20.00"))
        bench.run()

        result = compared(bench)

        assert result.clean
        assert reasons(result) == []
        assert [(row.group.kind, row.our_sum, row.their_sum) for row in result.rows] == [
            ("bill", Decimal(120), Decimal(120)),
            ("invoice", Decimal(120), Decimal(120)),
            ("payment received", Decimal(20), Decimal(20)),
        ]

    def test_months_types_and_currencies_are_rows_of_their_own(self, bench: Bench) -> None:
        bench.hand_in(
            a_contact(),
            an_invoice("I-1"),
            an_invoice("I-2", issue_date=date(2026, 4, 1)),
            an_invoice("I-3", currency="USD"),
        )
        bench.run()

        groups = [row.group for row in compared(bench).rows]

        assert [(group.month, group.currency) for group in groups] == [
            ("2026-03", "EUR"),
            ("2026-03", "USD"),
            ("2026-04", "EUR"),
        ]

    def test_a_document_that_waits_is_explained_by_what_it_waits_for(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
        bench.run()

        (row,) = compared(bench).rows

        assert (row.differences[0].reason, row.unexplained) == (Reason.NOT_PUSHED, False)
        assert "Tax rate 8.5 % has no counterpart" in row.differences[0].detail

    def test_what_was_entered_in_the_ledger_since_the_last_sync_is_named(
        self, bench: Bench
    ) -> None:
        contact = bench.ledger.enter(a_contact("new"))
        bench.ledger.enter(in_the_ledgers_ids(an_invoice("new"), contact))

        assert [reason for _, reason in reasons(compared(bench))] == [Reason.ONLY_THERE]

    def test_an_edit_in_the_ledger_is_named_once_it_was_read(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        there = bench.line("I-1").platform_object_id or ""
        bench.ledger.edit(ObjectType.INVOICE, there, total=Decimal("90.00"))
        unread = compared(bench)
        bench.run(only="pull")

        result = compared(bench)

        assert not unread.clean
        assert reasons(unread) == [("Invoice INV-I-1", Reason.UNKNOWN)]
        assert result.clean
        assert reasons(result) == [("Invoice INV-I-1", Reason.EDITED)]

    def test_a_date_moved_in_the_ledger_explains_both_months(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        there = bench.line("I-1").platform_object_id or ""
        bench.ledger.edit(ObjectType.INVOICE, there, issue_date=date(2026, 4, 3))

        result = compared(bench)

        assert result.clean
        assert reasons(result) == [("Invoice INV-I-1", Reason.EDITED)] * 2

    def test_cents_of_rounding_are_named_as_such(self, bench: Bench) -> None:
        part = an_invoice().tax_breakdown[0].model_copy(update={"tax_amount": Decimal("20.01")})
        tax, total = Decimal("20.01"), Decimal("120.01")
        bench.hand_in(a_contact(), an_invoice(tax_breakdown=(part,), tax_total=tax, total=total))
        bench.run()

        assert reasons(compared(bench)) == [("Invoice INV-I-1", Reason.ROUNDING)]

    def test_a_document_voided_in_the_ledger_is_named(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        bench.ledger.void(ObjectType.INVOICE, bench.line("I-1").platform_object_id or "")

        assert reasons(compared(bench)) == [("Invoice INV-I-1", Reason.VOIDED)]

    def test_a_document_deleted_in_the_ledger_is_named(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        bench.ledger.delete(ObjectType.INVOICE, bench.line("I-1").platform_object_id or "")

        assert reasons(compared(bench)) == [("Invoice INV-I-1", Reason.DELETED)]

    def test_a_skipped_document_is_named_with_the_reason_given(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        control.skip(bench.engine, bench.line("I-1").id, reason="only a test", actor="me")
        bench.run()

        (row,) = compared(bench).rows

        assert (row.differences[0].reason, row.differences[0].detail) == (
            Reason.SKIPPED,
            "only a test",
        )

    def test_a_period_leaves_out_the_rest(self, bench: Bench) -> None:
        bench.hand_in(
            a_contact(), an_invoice("I-1"), an_invoice("I-2", issue_date=date(2026, 5, 1))
        )
        bench.run()

        result = compared(bench, Period(date(2026, 5, 1), date(2026, 5, 31)))

        assert [row.group.month for row in result.rows] == ["2026-05"]
        assert result.clean
