"""Reading a real Tryton while other people work in it."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.base import Operation, Page, Period, PulledRecord
from connectors.errors import ProtocolError
from connectors.faults import Answer, Fault
from connectors.tryton.pull import Cursor, Puller
from models.canonical import (
    Address,
    Bill,
    Contact,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    LedgerAccount,
    ObjectType,
    Payment,
    Side,
    TaxRate,
)
from tests.connectors.tryton.bench import DAY, YEAR, Bench


def from_now() -> str:
    """A cursor from which only what changes now is read, whatever other tests have made."""
    return str(Cursor(since=dt.datetime.now(dt.UTC)))


def records(pages: Iterator[Page]) -> dict[str, PulledRecord]:
    """All records of a pull, by id."""
    return {one.platform_id: one for page in pages for one in page.records}


def changed(bench: Bench, kind: ObjectType, since: str) -> dict[str, PulledRecord]:
    """What a pull reads after a moment."""
    return records(bench.connector().pull(kind, since))


class TestReferenceData:
    def test_accounts_are_those_that_can_be_booked_on(self, bench: Bench) -> None:
        found = records(bench.connector().pull(ObjectType.LEDGER_ACCOUNT, None))

        accounts = [one.record for one in found.values() if isinstance(one.record, LedgerAccount)]
        by_code = {account.code: account for account in accounts}
        assert by_code["706000"].classification == "income"
        assert by_code["606000"].classification == "expense"
        assert (by_code["512000"].classification, by_code["512000"].is_bank_account) == (
            "asset",
            True,
        )
        assert by_code["445000"].classification == "balance_sheet"  # all that Tryton says
        assert "1" not in by_code  # a heading

    def test_taxes_are_percentages(self, bench: Bench) -> None:
        found = records(bench.connector().pull(ObjectType.TAX_RATE, None))

        rates = [one.record for one in found.values() if isinstance(one.record, TaxRate)]
        assert {(rate.name, rate.rate) for rate in rates} >= {
            ("VAT 20 %", Decimal(20)),
            ("VAT 5.5 %", Decimal("5.5")),
            ("VAT 0 %", Decimal(0)),
        }

    def test_whole_list_is_read_every_time(self, bench: Bench) -> None:
        found = records(bench.connector().pull(ObjectType.TAX_RATE, from_now()))

        assert len(found) >= 3


class TestContactsAndItems:
    def test_contact_comes_back_as_it_was_sent(self, bench: Bench) -> None:
        since = from_now()
        sent = Contact(
            id="C-1",
            name="Rossi SpA",
            tax_number="IT00743110157",
            email="a@rossi.example",
            phone="+39 02 1234567",
            address=Address(line1="Via Roma 1", line2="B", city="Milano", country="IT"),
        )
        item = bench.item(sent)
        accepted = bench.accepted(item)

        pulled = changed(bench, ObjectType.CONTACT, since)[accepted.platform_id]

        assert isinstance(pulled.record, Contact)
        same = {"name", "tax_number", "email", "phone", "address"}
        assert pulled.record.model_dump(include=same) == sent.model_dump(include=same)
        assert (pulled.marker, pulled.version) == (item.marker, accepted.version)

    def test_new_address_is_a_change_of_the_contact(self, bench: Bench) -> None:
        party = bench.party()
        since = from_now()
        (address,) = bench.ledger.find("party.address", [["party", "=", int(party)]], "id")
        bench.ledger.rpc("model.party.address.write", [address["id"]], {"city": "Lyon"})

        pulled = changed(bench, ObjectType.CONTACT, since)

        record = pulled[party].record
        assert isinstance(record, Contact)
        assert record.address is not None
        assert record.address.city == "Lyon"

    def test_archived_contact_is_read_as_inactive(self, bench: Bench) -> None:
        since = from_now()
        party = bench.party()
        bench.ledger.rpc("model.party.party.write", [int(party)], {"active": False})

        record = changed(bench, ObjectType.CONTACT, since)[party].record

        assert isinstance(record, Contact)
        assert not record.active

    def test_item_comes_back_as_it_was_sent(self, bench: Bench) -> None:
        since = from_now()
        item = bench.item(Item(id="P-1", name="Freight", code="F", unit_price=Decimal("12.5")))
        accepted = bench.accepted(item)

        pulled = changed(bench, ObjectType.ITEM, since)[accepted.platform_id]

        assert isinstance(pulled.record, Item)
        assert (pulled.record.name, pulled.record.code) == ("Freight", "F")
        assert (pulled.record.unit_price, pulled.record.currency) == (Decimal("12.5"), "EUR")
        assert pulled.marker == item.marker


class TestDocuments:
    def test_invoice_comes_back_as_it_was_sent(self, bench: Bench) -> None:
        since = from_now()
        lines = [
            bench.line("20.00", quantity=Decimal(2), unit_price=Decimal("10.00")),
            bench.line("5.00", "5.5", description="Paper"),
        ]
        sent = bench.invoice(lines=lines, due_date=DAY + dt.timedelta(days=30), note="Thank you")
        item = bench.item(sent)
        accepted = bench.accepted(item)

        pulled = changed(bench, ObjectType.INVOICE, since)[accepted.platform_id]

        record = pulled.record
        assert isinstance(record, Invoice)
        same = {
            "issue_date", "due_date", "currency", "contact_id", "note",
            "net_total", "tax_total", "total", "status",
        }  # fmt: skip
        assert record.model_dump(include=same) == sent.model_dump(include=same)
        assert (record.number, record.reference) == (accepted.number, sent.number)
        assert record.balance == record.total
        assert [(line.description, line.net_amount, line.tax_rate) for line in record.lines] == [
            ("Work", Decimal("20.00"), Decimal(20)),
            ("Paper", Decimal("5.00"), Decimal("5.5")),
        ]
        assert {(part.rate, part.tax_amount) for part in record.tax_breakdown} == {
            (Decimal(20), Decimal("4.00")),
            (Decimal("5.5"), Decimal("0.28")),
        }
        assert (pulled.marker, pulled.version) == (item.marker, accepted.version)

    def test_bill_that_somebody_entered_has_the_suppliers_number(self, bench: Bench) -> None:
        since = from_now()
        bill = bench.ledger.enter_bill(
            supplier=int(bench.party()), reference="SUP-1", date=DAY, net=Decimal(50)
        )

        pulled = changed(bench, ObjectType.BILL, since)[str(bill)]

        assert isinstance(pulled.record, Bill)
        assert (pulled.record.number, pulled.record.total) == ("SUP-1", Decimal(60))
        assert pulled.marker is None

    @pytest.mark.parametrize("side", Side)
    def test_credit_note_is_positive(self, bench: Bench, side: Side) -> None:
        since = from_now()
        accepted = bench.accepted(bench.credit_note(side=side))

        found = changed(bench, ObjectType.CREDIT_NOTE, since)

        record = found[accepted.platform_id].record
        assert isinstance(record, CreditNote)
        assert (record.side, record.total, record.balance) == (side, Decimal(120), Decimal(120))
        assert record.lines[0].quantity == 1
        assert accepted.platform_id not in changed(bench, ObjectType.INVOICE, since)

    def test_draft_and_void_are_told_apart(self, bench: Bench) -> None:
        since = from_now()
        draft = bench.ledger.enter_bill(
            supplier=int(bench.party()), reference="D", date=DAY, net=Decimal(1), post=False
        )
        item = bench.item(bench.bill())
        void = bench.accepted(item).platform_id
        bench.accepted(
            bench.item(item.record, operation=Operation.VOID, platform_id=void, marker=item.marker)
        )

        found = changed(bench, ObjectType.BILL, since)

        states = {one: getattr(found[one].record, "status", None) for one in (str(draft), void)}
        assert states == {str(draft): "draft", void: "void"}

    def test_invoice_that_was_booked_late_keeps_its_own_date(self, bench: Bench) -> None:
        bench.accepted(bench.invoice(issue_date=dt.date(YEAR - 2, 12, 20)))
        since = from_now()
        late = dt.date(YEAR - 2, 11, 3)
        accepted = bench.accepted(bench.invoice(issue_date=late))

        record = changed(bench, ObjectType.INVOICE, since)[accepted.platform_id].record

        assert isinstance(record, Invoice)
        assert (record.issue_date, record.tax_point_date) == (late, None)
        connector = bench.connector()
        november = Period(dt.date(YEAR - 2, 11, 1), dt.date(YEAR - 2, 11, 30))
        december = Period(dt.date(YEAR - 2, 12, 1), dt.date(YEAR - 2, 12, 31))
        kind = ObjectType.INVOICE
        assert accepted.platform_id in records(connector.pull(kind, None, period=november))
        assert accepted.platform_id not in records(connector.pull(kind, None, period=december))


class TestPaidStates:
    """Payments do not edit an invoice; its balance must be found all the same."""

    def state(self, bench: Bench, since: str, invoice: str) -> tuple[str, Decimal | None] | None:
        pulled = changed(bench, ObjectType.INVOICE, since).get(invoice)
        if pulled is None:
            return None
        assert isinstance(pulled.record, Invoice)
        return pulled.record.status, pulled.record.balance

    def test_every_way_of_being_paid_is_seen(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id

        since = from_now()
        assert self.state(bench, since, invoice) is None
        bench.ledger.pay(int(invoice), amount=Decimal(20))  # by hand
        assert self.state(bench, since, invoice) == ("partially_paid", Decimal(100))

        since = from_now()
        bench.accepted(bench.payment({invoice: "30.00"}))  # by us
        assert self.state(bench, since, invoice) == ("partially_paid", Decimal(70))

        since = from_now()
        bench.accepted(bench.payment({invoice: "70.00"}))
        assert self.state(bench, since, invoice) == ("paid", Decimal(0))

        since = from_now()
        self.undo(bench, invoice)
        # Assigned, not reconciled: nothing is open.
        assert self.state(bench, since, invoice) == ("paid", Decimal(0))

    def test_new_due_date_is_seen(self, bench: Bench) -> None:
        invoice = bench.accepted(bench.invoice()).platform_id
        since = from_now()
        (row,) = bench.ledger.find("account.invoice", [["id", "=", int(invoice)]], "lines_to_pay")
        due = DAY + dt.timedelta(days=90)
        bench.ledger.rpc(
            "model.account.move.line.write", row["lines_to_pay"], {"maturity_date": due}
        )

        record = changed(bench, ObjectType.INVOICE, since)[invoice].record

        assert isinstance(record, Invoice)
        assert record.due_date == due

    @staticmethod
    def undo(bench: Bench, invoice: str) -> None:
        (row,) = bench.ledger.find(
            "account.invoice", [["id", "=", int(invoice)]], "lines_to_pay", "payment_lines"
        )
        lines = row["lines_to_pay"] + row["payment_lines"]
        context = {
            "active_model": "account.move.line", "active_ids": lines, "active_id": lines[0]
        }  # fmt: skip
        wizard = "wizard.account.move.unreconcile_lines"
        session, *_ = bench.ledger.rpc(f"{wizard}.create", context)
        bench.ledger.rpc(f"{wizard}.execute", session, {}, "unreconcile", context)


class TestPaymentsAndEntries:
    def test_payment_comes_back_as_it_was_sent(self, bench: Bench) -> None:
        customer = bench.party()
        invoice = bench.accepted(bench.invoice(contact_id=customer)).platform_id
        since = from_now()
        sent = bench.payment({invoice: "100.00"}, contact_id=customer, amount=Decimal(130))
        item = bench.item(sent)
        accepted = bench.accepted(item)

        pulled = changed(bench, ObjectType.PAYMENT, since)[accepted.platform_id]

        assert isinstance(pulled.record, Payment)
        same = {
            "side", "date", "amount", "currency", "contact_id", "account_id", "reference",
            "allocations", "status",
        }  # fmt: skip
        assert pulled.record.model_dump(include=same) == sent.model_dump(include=same)
        assert pulled.marker == item.marker

    def test_payment_by_trytons_wizard_is_a_payment(self, bench: Bench) -> None:
        bill = bench.accepted(bench.bill()).platform_id
        since = from_now()
        bench.ledger.pay(int(bill))

        (pulled,) = changed(bench, ObjectType.PAYMENT, since).values()

        assert isinstance(pulled.record, Payment)
        assert (pulled.record.side, pulled.record.amount) == (Side.SUPPLIER, Decimal(120))
        (part,) = pulled.record.allocations
        assert (part.document_type, part.document_id, part.amount) == (
            ObjectType.BILL,
            bill,
            Decimal(120),
        )

    def test_payment_that_was_only_reconciled_by_hand_has_its_allocation(
        self, bench: Bench
    ) -> None:
        customer = bench.party()
        invoice = bench.accepted(bench.invoice(contact_id=customer)).platform_id
        on_account = bench.payment(contact_id=customer, amount=Decimal(120))
        payment = bench.accepted(on_account).platform_id
        since = from_now()
        (row,) = bench.ledger.find("account.invoice", [["id", "=", int(invoice)]], "lines_to_pay")
        (line,) = bench.ledger.find(
            "account.move.line", [["move", "=", int(payment)], ["party", "!=", None]], "id"
        )
        lines = [*row["lines_to_pay"], line["id"]]
        context = {
            "active_model": "account.move.line", "active_ids": lines, "active_id": lines[0]
        }  # fmt: skip
        wizard = "wizard.account.move.reconcile_lines"
        session, *_ = bench.ledger.rpc(f"{wizard}.create", context)
        bench.ledger.rpc(f"{wizard}.execute", session, {}, "start", context)

        pulled = changed(bench, ObjectType.PAYMENT, since)[payment]

        assert isinstance(pulled.record, Payment)
        assert [(one.document_id, one.amount) for one in pulled.record.allocations] == [
            (invoice, Decimal(120))
        ]

    def test_entries_are_what_neither_documents_nor_payments_made(self, bench: Bench) -> None:
        since = from_now()
        item = bench.item(bench.bill())
        bill = bench.accepted(item).platform_id
        bench.accepted(
            bench.item(item.record, operation=Operation.VOID, platform_id=bill, marker=item.marker)
        )
        paid = bench.accepted(bench.invoice()).platform_id
        bench.accepted(bench.payment({paid: "120.00"}))
        ours = bench.item(bench.entry("50.00"))
        accepted = bench.accepted(ours)

        (pulled,) = changed(bench, ObjectType.JOURNAL_ENTRY, since).values()

        assert isinstance(pulled.record, JournalEntry)
        assert (pulled.platform_id, pulled.marker) == (accepted.platform_id, ours.marker)
        assert pulled.record.description == "Bank charges"
        assert [(line.debit, line.credit) for line in pulled.record.lines] == [
            (Decimal(50), Decimal(0)),
            (Decimal(0), Decimal(50)),
        ]


class TestPages:
    """Pages of two, of parties that only this test has made."""

    @staticmethod
    def puller(bench: Bench) -> Puller:
        connector = bench.connector()
        return Puller(connector._client, connector._books, lambda _model, _id: None, page_size=2)

    def test_every_page_says_how_to_go_on(self, bench: Bench) -> None:
        since = from_now()
        made = [bench.party() for _ in range(5)]

        pages = list(self.puller(bench).pages(ObjectType.CONTACT, since, None))

        assert [len(page.records) for page in pages] == [2, 2, 1]
        resumed = self.puller(bench).pages(ObjectType.CONTACT, pages[0].cursor, None)
        assert list(records(resumed)) == made[2:]
        end = json.loads(pages[-1].cursor or "")
        assert end.keys() == {"since"}

    def test_next_pull_starts_some_minutes_before_this_one_began(self, bench: Bench) -> None:
        (*_, last) = self.puller(bench).pages(ObjectType.CONTACT, from_now(), None)

        since = Cursor.parse(last.cursor).since
        assert since is not None
        age = dt.datetime.now(dt.UTC) - since
        assert dt.timedelta(minutes=5) <= age < dt.timedelta(minutes=6)

    def test_pull_that_is_resumed_begins_the_next_one_where_it_began_itself(
        self, bench: Bench
    ) -> None:
        began = dt.datetime.now(dt.UTC) - dt.timedelta(hours=3)
        cursor = Cursor(since=dt.datetime.now(dt.UTC), started=began, after=1)

        (*_, last) = self.puller(bench).pages(ObjectType.CONTACT, str(cursor), None)

        assert Cursor.parse(last.cursor).since == began

    def test_edits_between_the_pages_lose_nothing(self, bench: Bench) -> None:
        since = from_now()
        made = [bench.party() for _ in range(4)]
        pages = self.puller(bench).pages(ObjectType.CONTACT, since, None)

        first = next(pages)
        bench.ledger.rpc("model.party.party.write", [int(made[0])], {"name": "Edited"})
        bench.ledger.rpc("model.party.party.delete", [int(made[1])])
        late = bench.party()
        rest = records(pages)

        assert [one.platform_id for one in first.records] == made[:2]
        assert list(rest) == [*made[2:], late]
        again = records(self.puller(bench).pages(ObjectType.CONTACT, since, None))
        assert again[made[0]].record.model_dump()["name"] == "Edited"

    def test_page_takes_the_same_number_of_calls_whatever_is_on_it(self, bench: Bench) -> None:
        connector = bench.connector()

        def calls(cursor: str) -> int:
            before = bench.scope.calls
            (page,) = connector.pull(ObjectType.PAYMENT, cursor)
            assert page.records
            return bench.scope.calls - before

        bill = bench.accepted(bench.bill()).platform_id
        since = from_now()
        bench.ledger.pay(int(bill), amount=Decimal(1))
        calls(since)  # reads the company
        one = calls(since)
        bench.ledger.pay(int(bill), amount=Decimal(1))
        bench.ledger.pay(int(bill), amount=Decimal(1))

        assert calls(since) == one

    def test_unreadable_object_does_not_stop_the_page(self, bench: Bench) -> None:
        since = from_now()
        bad, good = bench.party(), bench.party()

        def spoil(answer: Answer) -> Answer:
            body = json.loads(answer.content())
            for row in body["result"]:
                if row["id"] == int(bad):
                    row["addresses."] = "nonsense"
            headers = {"content-type": "application/json", "date": answer.headers["date"]}
            return Answer(200, body, headers)

        bench.proxy.faults.arm(Fault.CHANGED, body=r"party\.party\.search_read", change=spoil)

        (page,) = bench.connector().pull(ObjectType.CONTACT, since)

        assert [one.platform_id for one in page.records] == [good]
        (problem,) = page.bad
        assert problem.platform_id == bad
        assert problem.problem.startswith("addresses.")

    def test_cursor_of_another_connector_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ProtocolError, match="no cursor of this connector"):
            list(bench.connector().pull(ObjectType.CONTACT, "page-7"))


class TestPeriod:
    def test_documents_dated_in_it_are_read_whatever_the_cursor_says(self, bench: Bench) -> None:
        month = Period(dt.date(YEAR - 2, 5, 1), dt.date(YEAR - 2, 5, 31))
        kept = bench.item(bench.bill(issue_date=dt.date(YEAR - 2, 5, 31)))
        before = bench.accepted(bench.bill(issue_date=dt.date(YEAR - 2, 4, 30))).platform_id
        inside = bench.accepted(kept).platform_id
        void = bench.item(
            kept.record, operation=Operation.VOID, platform_id=inside, marker=kept.marker
        )
        bench.accepted(void)

        pages = list(bench.connector().pull(ObjectType.BILL, from_now(), period=month))

        found = records(iter(pages))
        assert inside in found
        assert before not in found
        assert getattr(found[inside].record, "status", None) == "void"
        assert all(page.cursor is None for page in pages)

    def test_payments_and_entries_are_read_by_their_date(self, bench: Bench) -> None:
        day = dt.date(YEAR - 2, 6, 6)
        entry = bench.accepted(bench.entry(date=day)).platform_id
        other = bench.accepted(bench.entry(date=day + dt.timedelta(days=1))).platform_id

        found = records(
            bench.connector().pull(ObjectType.JOURNAL_ENTRY, None, period=Period(day, day))
        )

        assert entry in found
        assert other not in found
