"""Payments and journal entries, pushed into a real Tryton and judged by another session."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from connectors.base import Accepted, Failed, Operation, Progressed
from connectors.errors import Rejected, Unsupported
from connectors.faults import Answer, Fault, Request
from models.canonical import Allocation, JournalLine, ObjectType, OpenItem, Side
from tests.connectors.tryton.bench import DAY, YEAR, Bench


def open_on(bench: Bench, platform_id: str) -> tuple[str, Decimal]:
    """State and open amount of an invoice, as the ledger has them."""
    (row,) = bench.ledger.invoices(["id", "=", int(platform_id)])
    return row.state, row.to_pay


class TestPayment:
    def test_payment_in_full_makes_the_invoice_paid(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        item = bench.item(bench.payment({invoice: "120.00"}))

        accepted = bench.accepted(item)

        (move,) = bench.moves(item)
        assert (move.state, move.journal, move.debit) == ("posted", "CASH", Decimal(120))
        assert move.number == accepted.number
        assert accepted.totals.total == Decimal(120)
        assert open_on(bench, invoice) == ("paid", Decimal(0))

    def test_one_transfer_pays_several_invoices_and_the_rest_stays_on_account(
        self, bench: Bench
    ) -> None:
        customer = bench.party("Customer")
        first = bench.accepted(bench.invoice(contact_id=customer)).platform_id
        second = bench.accepted(bench.invoice(contact_id=customer)).platform_id
        item = bench.item(
            bench.payment(
                {first: "120.00", second: "100.00"}, contact_id=customer, amount=Decimal(250)
            )
        )

        bench.accepted(item)

        (move,) = bench.moves(item)
        assert move.debit == Decimal(250)
        assert open_on(bench, first) == ("paid", Decimal(0))
        assert open_on(bench, second) == ("posted", Decimal(20))

    def test_bill_is_paid_from_the_bank(self, bench: Bench) -> None:
        bill = bench.accepted(bench.bill()).platform_id
        item = bench.item(bench.payment({bill: "120.00"}, side=Side.SUPPLIER))

        bench.accepted(item)

        assert open_on(bench, bill) == ("paid", Decimal(0))
        (line,) = bench.ledger.find(
            "account.move.line",
            [["move.description", "like", f"{item.marker}%"], ["account", "=", int(bench.bank)]],
            "debit",
            "credit",
        )
        assert (line["debit"], line["credit"]) == (Decimal(0), Decimal(120))

    def test_two_payments_of_a_batch_complete_one_invoice(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id

        results = bench.push(bench.payment({invoice: "60.00"}), bench.payment({invoice: "60.00"}))

        assert all(isinstance(result, Accepted) for result in results)
        assert open_on(bench, invoice) == ("paid", Decimal(0))

    def test_allocation_of_more_than_is_open_is_refused_before_any_write(
        self, bench: Bench
    ) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        item = bench.item(bench.payment({invoice: "120.01"}))

        error = bench.refused(item)

        assert error.cause is not None
        assert error.cause.code == "over_allocated"
        assert bench.moves(item) == []
        assert open_on(bench, invoice) == ("posted", Decimal(120))

    def test_batch_cannot_allocate_more_than_is_open_in_two_payments(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id

        first, second = bench.push(
            bench.payment({invoice: "100.00"}), bench.payment({invoice: "100.00"})
        )

        assert isinstance(first, Accepted)
        assert isinstance(second, Failed)
        assert second.error.code == "over_allocated"

    def test_what_somebody_paid_since_the_look_is_refused_by_tryton_itself(
        self, bench: Bench
    ) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        item = bench.item(bench.payment({invoice: "120.00"}))
        paid: list[str] = []

        def pay_first(request: Request, answer: Answer | None) -> None:
            if answer is None and b"account.move.create" in request.body and not paid:
                bench.ledger.pay(int(invoice), amount=Decimal(1))
                paid.append(invoice)

        bench.proxy.hold = pay_first
        error = bench.refused(item)

        assert isinstance(error, Rejected)
        assert error.cause is not None
        assert error.cause.code == "over_allocated"
        assert bench.moves(item) == []

    def test_payment_in_a_closed_period_is_refused_before_any_write(self, bench: Bench) -> None:
        january = dt.date(YEAR - 2, 1, 15)
        item = bench.item(bench.payment({bench.large_bill: "1"}, side=Side.SUPPLIER, date=january))

        error = bench.refused(item)

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("period_closed", f"{YEAR - 2}-01")
        assert bench.moves(item) == []

    def test_draft_is_taken_off_its_invoice_when_it_cannot_be_posted(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        item = bench.item(bench.payment({invoice: "120.00"}))
        said = {"id": 1, "error": ["UserError", ["Not today.", "Come tomorrow.", None]]}
        bench.proxy.faults.arm(
            Fault.ERROR_BEFORE, body=r"account\.move\.post", answer=Answer(200, said)
        )

        error = bench.refused(item)

        assert (error.message, error.withdrawn) == ("Not today. Come tomorrow.", True)
        assert bench.moves(item) == []
        assert open_on(bench, invoice) == ("posted", Decimal(120))

    def test_refund_is_not_taken(self, bench: Bench) -> None:
        part = Allocation(document_type=ObjectType.CREDIT_NOTE, document_id="1", amount=Decimal(10))

        error = bench.refused(bench.payment(allocations=(part,), amount=Decimal(10)))

        assert isinstance(error, Unsupported)

    def test_payment_without_a_bank_account_is_not_sent(self, bench: Bench) -> None:
        error = bench.refused(
            bench.payment(contact_id=bench.party(), amount=Decimal(10), account_id=None)
        )

        assert error.cause is not None
        assert error.cause.code == "account_not_named"

    def test_dollars_are_booked_at_the_payments_rate_and_make_the_invoice_paid(
        self, bench: Bench
    ) -> None:
        invoice = bench.accepted(bench.invoice(currency="USD")).platform_id
        item = bench.item(
            bench.payment({invoice: "120.00"}, currency="USD", currency_rate=Decimal("0.81"))
        )

        bench.accepted(item)

        (move,) = bench.moves(item)
        assert move.debit == Decimal("97.20")
        assert open_on(bench, invoice) == ("paid", Decimal(0))

    def test_dollars_without_a_rate_are_not_taken(self, bench: Bench) -> None:
        error = bench.refused(
            bench.payment(contact_id=bench.customer, amount=Decimal(9), currency="USD")
        )

        assert error.code == "no_rate"

    def test_draft_follows_an_edit_before_it_is_posted(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        item = bench.item(bench.payment({invoice: "120.00"}))
        ((item, _),) = bench.step([item])
        edited = bench.payment({invoice: "80.00"}, id=item.record.id)

        bench.accepted(replace(item, record=edited, operation=Operation.UPDATE))

        (move,) = bench.moves(item)
        assert move.debit == Decimal(80)
        assert open_on(bench, invoice) == ("posted", Decimal(40))

    def test_batch_takes_as_many_calls_as_one_record_but_for_reconciling(
        self, bench: Bench
    ) -> None:
        connector = bench.connector()

        def calls_for(payments: int) -> int:
            record = bench.payment({bench.large_bill: "1.00"}, side=Side.SUPPLIER)
            items = [bench.item(record) for _ in range(payments)]
            before = bench.scope.calls
            while items:
                stepped = bench.step(items, connector)
                items = [item for item, result in stepped if isinstance(result, Progressed)]
            return bench.scope.calls - before

        calls_for(1)  # reads the reference data

        assert calls_for(4) == calls_for(1)


class TestJournalEntry:
    def test_entry_is_posted_with_its_lines(self, bench: Bench) -> None:
        item = bench.item(bench.entry("50.00"))

        accepted = bench.accepted(item)

        (move,) = bench.moves(item)
        assert (move.state, move.journal, move.debit) == ("posted", "MISC", Decimal(50))
        assert move.description == f"{item.marker} Bank charges"
        assert (accepted.number, accepted.totals.total) == (move.number, Decimal(50))

    def test_third_party_lines_keep_party_and_due_date(self, bench: Bench) -> None:
        supplier = bench.party("Supplier")
        payable = str(
            bench.ledger.rpc("model.account.configuration.read", [1], ["default_account_payable"])[
                0
            ]["default_account_payable"]
        )
        due = DAY + dt.timedelta(days=45)
        lines = (
            JournalLine(account_id=bench.purchases, debit=Decimal(10)),
            JournalLine(
                account_id=payable,
                credit=Decimal(10),
                contact_id=supplier,
                open_items=(OpenItem(id="1", amount=Decimal(10), due_date=due),),
            ),
        )
        item = bench.item(bench.entry(lines=lines, journal="EXP"))

        bench.accepted(item)

        (line,) = bench.ledger.find(
            "account.move.line",
            [["move.description", "like", f"{item.marker}%"], ["party", "!=", None]],
            "party",
            "maturity_date",
            "move.journal.code",
        )
        assert (str(line["party"]), line["maturity_date"]) == (supplier, due)
        assert line["move."]["journal."]["code"] == "EXP"

    def test_third_party_account_without_a_party_is_refused_with_the_line(
        self, bench: Bench
    ) -> None:
        payable = bench.ledger.rpc(
            "model.account.configuration.read", [1], ["default_account_payable"]
        )[0]["default_account_payable"]
        lines = (
            JournalLine(account_id=bench.purchases, debit=Decimal(10)),
            JournalLine(account_id=str(payable), credit=Decimal(10)),
        )

        error = bench.refused(bench.entry(lines=lines))

        assert error.message.startswith("line 2: Tryton's account 2.1")

    def test_entry_in_a_closed_period_is_refused(self, bench: Bench) -> None:
        error = bench.refused(bench.entry(date=dt.date(YEAR - 2, 1, 31)))

        assert error.cause is not None
        assert error.cause.code == "period_closed"

    def test_unbalanced_entry_is_not_sent_although_tryton_on_sqlite_takes_it(
        self, bench: Bench
    ) -> None:
        lines = (
            JournalLine(account_id=bench.purchases, debit=Decimal(10)),
            JournalLine(account_id=bench.bank, credit=Decimal(9)),
        )
        good = bench.item(bench.entry())
        bad = bench.item(bench.entry(lines=lines))

        accepted, failed = bench.push(good, bad)

        assert isinstance(accepted, Accepted)
        assert isinstance(failed, Failed)
        assert failed.error.message == "debits and credits differ by 1.00 EUR"
        assert bench.moves(bad) == []

    def test_posted_entry_is_frozen(self, bench: Bench) -> None:
        item = bench.item(bench.entry("50.00"))
        accepted = bench.accepted(item)
        changed = bench.entry("60.00", id=item.record.id)

        error = bench.refused(
            replace(
                item,
                record=changed,
                platform_id=accepted.platform_id,
                operation=Operation.UPDATE,
            )
        )

        assert error.cause is not None
        assert error.cause.code == "frozen_in_ledger"

    def test_entry_in_another_currency_is_not_taken(self, bench: Bench) -> None:
        error = bench.refused(bench.entry(currency="USD"))

        assert isinstance(error, Unsupported)
