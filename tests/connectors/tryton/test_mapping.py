"""Tryton's rows to canonical records, on rows that a real Tryton sent."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.tryton import mapping
from connectors.tryton.wire import (
    Account,
    Invoice,
    InvoiceMoves,
    MatchedLine,
    Move,
    Party,
    Row,
    Tax,
    decoded,
)
from models.canonical import (
    Address,
    CreditNote,
    DocumentStatus,
    ObjectType,
    Payment,
    Side,
    TaxUse,
)
from models.canonical import Invoice as CanonicalInvoice

FIXTURES = Path(__file__).parent / "fixtures"
_Row = TypeVar("_Row", bound=Row)


def row(kind: type[_Row], fixture: str, /, **changes: Any) -> _Row:
    """A recorded row, with some fields as a test wants them."""
    values = decoded(json.loads((FIXTURES / f"{fixture}.json").read_text(encoding="utf-8")))
    return kind.model_validate(values | changes)


class TestDocument:
    def test_open_invoice_has_everything_that_tryton_states(self) -> None:
        record = mapping.document(row(Invoice, "invoice_open"))

        assert isinstance(record, CanonicalInvoice)
        assert (record.number, record.reference) == ("T2025-00001", "F-2025-0042")
        assert (record.issue_date, record.due_date) == (dt.date(2025, 6, 15), dt.date(2025, 7, 15))
        assert (record.net_total, record.tax_total, record.total) == (
            Decimal("25.00"),
            Decimal("4.28"),
            Decimal("29.28"),
        )
        assert (record.status, record.balance, record.note) == ("open", record.total, "Thank you")
        assert [(line.quantity, line.unit_price, line.net_amount) for line in record.lines] == [
            (Decimal(2), Decimal(10), Decimal(20)),
            (Decimal(1), Decimal(5), Decimal(5)),
        ]
        assert [(part.rate, part.tax_amount) for part in record.tax_breakdown] == [
            (Decimal(20), Decimal("4.00")),
            (Decimal("5.5"), Decimal("0.28")),
        ]

    @pytest.mark.parametrize(
        ("name", "changes", "status", "balance"),
        [
            ("invoice_partly_paid", {}, "partially_paid", "20.00"),
            ("invoice_paid_in_full", {}, "paid", "0"),
            ("invoice_open", {"amount_to_pay": Decimal(0)}, "paid", "0"),
            ("invoice_open", {"state": "cancelled"}, "void", "0"),
            ("invoice_open", {"state": "draft"}, "draft", None),
            ("invoice_open", {"state": "validated"}, "draft", None),
            ("invoice_open", {"state": "on_hold"}, "on_hold", None),
            (
                "invoice_open",
                {"total_amount": Decimal(0), "amount_to_pay": Decimal(0)},
                "open",
                "0",
            ),
        ],
    )
    def test_status_and_balance_follow_from_state_and_what_is_to_pay(
        self, name: str, changes: dict[str, Any], status: str, balance: str | None
    ) -> None:
        record = mapping.document(row(Invoice, name, **changes))

        assert record.status == status
        assert record.balance == (None if balance is None else Decimal(balance))

    def test_credit_note_is_positive_on_every_line(self) -> None:
        record = mapping.document(row(Invoice, "credit_note_from_a_supplier"))

        assert isinstance(record, CreditNote)
        assert (record.side, record.number, record.total) == (Side.SUPPLIER, "CN-7", Decimal(120))
        assert (record.lines[0].quantity, record.lines[0].net_amount) == (
            Decimal(1),
            Decimal(100),
        )
        assert record.tax_breakdown[0].tax_amount == 20
        assert (record.balance, record.status) == (Decimal(120), "open")

    def test_invoice_that_was_booked_late_has_its_own_date(self) -> None:
        late = row(Invoice, "invoice_booked_late")

        record = mapping.document(late)

        assert late.invoice_date == dt.date(2025, 9, 1)
        assert (record.issue_date, record.tax_point_date) == (dt.date(2025, 8, 1), None)

    def test_accounting_date_of_somebody_elses_invoice_is_a_tax_point(self) -> None:
        record = mapping.document(row(Invoice, "invoice_booked_late", description=None))

        assert record.issue_date == dt.date(2025, 9, 1)
        assert record.tax_point_date == dt.date(2025, 8, 1)

    def test_draft_without_a_date_has_the_day_it_was_made(self) -> None:
        made = dt.datetime(2026, 3, 4, 23, tzinfo=dt.UTC)

        record = mapping.document(row(Invoice, "invoice_open", invoice_date=None, create_date=made))

        assert record.issue_date == dt.date(2026, 3, 4)

    def test_two_rows_of_one_tax_are_one_subtotal(self) -> None:
        recorded = row(Invoice, "invoice_open")
        above = recorded.taxes[0]
        below = above.model_copy(update={"base": Decimal(-10), "amount": Decimal(-2)})

        record = mapping.document(recorded.model_copy(update={"taxes": (above, below)}))

        (part,) = record.tax_breakdown
        assert (part.taxable_amount, part.tax_amount) == (Decimal(10), Decimal(2))


class TestPayment:
    def payment(self, name: str, settled: mapping.Settled | None = None, **changes: Any) -> Payment:
        move = row(Move, name, **changes)
        side = mapping.payment_side(move)
        assert side is not None
        return mapping.payment(move, side, "EUR", settled or {})

    def test_movement_of_ours_is_the_payment_that_was_sent(self) -> None:
        record = self.payment("move_payment_with_a_rest")

        assert (record.side, record.amount, record.currency) == (
            Side.CUSTOMER,
            Decimal(30),
            "EUR",
        )
        assert (record.reference, record.account_id) == ("TRANSFER 7", "139")
        assert [
            (part.document_type, part.document_id, part.amount) for part in record.allocations
        ] == [(ObjectType.INVOICE, "1", Decimal("20.00"))]

    def test_movement_by_trytons_wizard_is_a_payment(self) -> None:
        record = self.payment("move_payment_by_trytons_wizard")

        assert (record.side, record.amount) == (Side.SUPPLIER, Decimal("120.00"))
        assert record.allocations[0].document_type is ObjectType.BILL

    @pytest.mark.parametrize(
        "changes",
        [
            {"journal.": {"id": 5, "code": "MISC", "type": "general"}},
            {"lines.": []},
        ],
    )
    def test_what_is_in_no_cash_journal_or_has_no_third_party_is_none(
        self, changes: dict[str, Any]
    ) -> None:
        assert mapping.payment_side(row(Move, "move_payment_with_a_rest", **changes)) is None

    def test_refund_is_none(self) -> None:
        move = row(Move, "move_payment_with_a_rest")
        turned = [
            line.model_copy(update={"debit": line.credit, "credit": line.debit})
            for line in move.lines
        ]

        assert mapping.payment_side(move.model_copy(update={"lines": tuple(turned)})) is None

    def test_entry_with_a_third_party_is_none(self) -> None:
        assert mapping.payment_side(row(Move, "move_entry_with_a_third_party")) is None

    def test_foreign_currency_is_the_currency_of_the_payment(self) -> None:
        move = row(Move, "move_payment_by_trytons_wizard")
        dollars = {"id": 2, "code": "USD"}
        values = move.model_dump(by_alias=True)
        for line in values["lines."]:
            line["second_currency."] = dollars
            line["amount_second_currency"] = Decimal(150)
        foreign = Move.model_validate(values)

        record = mapping.payment(foreign, Side.SUPPLIER, "EUR", {})

        assert (record.amount, record.currency) == (Decimal(150), "USD")


class TestReconciliation:
    """Lines that were reconciled with an invoice but never assigned to it."""

    INVOICE = InvoiceMoves(id=7, type="out", total_amount=Decimal(120), move=70)
    OTHER = InvoiceMoves(id=8, type="out", total_amount=Decimal(30), move=80)

    @staticmethod
    def line(
        line_id: int, move: int, amount: str, *, assigned: tuple[int, ...] = ()
    ) -> MatchedLine:
        money = Decimal(amount)
        return MatchedLine(
            id=line_id,
            reconciliation=1,
            move=move,
            debit=max(money, Decimal(0)),
            credit=max(-money, Decimal(0)),
            invoice_payments=assigned,
        )

    def test_one_line_pays_the_invoice(self) -> None:
        lines = [self.line(1, 70, "120"), self.line(2, 900, "-120")]

        assert mapping.settled_by_reconciliation(lines, [self.INVOICE]) == {
            2: [(self.INVOICE, Decimal(120))]
        }

    def test_assigned_lines_come_first(self) -> None:
        lines = [
            self.line(1, 70, "120"),
            self.line(2, 900, "-100", assigned=(7,)),
            self.line(3, 901, "-20"),
        ]

        assert mapping.settled_by_reconciliation(lines, [self.INVOICE]) == {
            3: [(self.INVOICE, Decimal(20))]
        }

    def test_one_line_pays_two_invoices(self) -> None:
        lines = [self.line(1, 70, "120"), self.line(2, 80, "30"), self.line(3, 900, "-150")]

        assert mapping.settled_by_reconciliation(lines, [self.INVOICE, self.OTHER]) == {
            3: [(self.INVOICE, Decimal(120)), (self.OTHER, Decimal(30))]
        }

    def test_reconciliation_without_an_invoice_pays_nothing(self) -> None:
        lines = [self.line(1, 500, "120"), self.line(2, 900, "-120")]

        assert mapping.settled_by_reconciliation(lines, []) == {}


class TestJournalEntry:
    def test_third_party_line_is_an_open_item(self) -> None:
        record = mapping.journal_entry(row(Move, "move_entry_with_a_third_party"), "EUR")

        toner, supplier = record.lines
        assert (toner.description, toner.debit, toner.open_items) == ("Toner", Decimal(10), ())
        assert (supplier.credit, supplier.contact_id) == (Decimal(10), "9")
        (item,) = supplier.open_items
        assert (item.amount, item.paid, item.status) == (Decimal(10), Decimal(0), "open")
        assert (record.description, record.journal) == ("Bank charges", "MISC")

    def test_reconciled_line_is_matched(self) -> None:
        record = mapping.journal_entry(row(Move, "move_payment_with_a_rest"), "EUR")

        matched = [line.matching for line in record.lines if line.matching]
        assert [(one.match_id, one.full, one.letters) for one in matched] == [("1", True, "1")]

    def test_cancelling_movement_turns_negative_sides_round(self) -> None:
        move = row(Move, "move_entry_with_a_third_party")
        turned = tuple(
            line.model_copy(update={"debit": -line.debit, "credit": -line.credit})
            for line in move.lines
        )

        record = mapping.journal_entry(move.model_copy(update={"lines": turned}), "EUR")

        assert [(line.debit, line.credit) for line in record.lines] == [
            (Decimal(0), Decimal(10)),
            (Decimal(10), Decimal(0)),
        ]


class TestReferenceData:
    def test_rate_is_a_percentage(self) -> None:
        record = mapping.tax_rate(row(Tax, "tax_of_twenty_percent"))

        assert (record.name, record.rate, record.use) == ("VAT 20 %", Decimal(20), TaxUse.BOTH)
        assert record.components == ()

    def test_components_add_up(self) -> None:
        record = mapping.tax_rate(row(Tax, "tax_with_components"))

        assert record.rate == Decimal(12)
        assert [(part.name, part.rate) for part in record.components] == [
            ("GST", Decimal(5)),
            ("PST", Decimal(7)),
        ]

    @pytest.mark.parametrize(
        ("kind", "use"),
        [("sale", TaxUse.SALES), ("purchase", TaxUse.PURCHASES), ("both", TaxUse.BOTH)],
    )
    def test_group_says_where_a_rate_may_be_used(self, kind: str, use: TaxUse) -> None:
        tax = row(Tax, "tax_of_twenty_percent", **{"group.": {"id": 1, "kind": kind}})

        assert mapping.tax_rate(tax).use is use

    def test_amount_per_unit_is_no_rate(self) -> None:
        with pytest.raises(ValueError, match="is no percentage"):
            mapping.tax_rate(row(Tax, "tax_of_twenty_percent", type="fixed", rate=None))

    @pytest.mark.parametrize(
        ("flags", "classification"),
        [
            ({"statement": "balance", "receivable": True}, "asset"),
            ({"statement": "balance", "payable": True}, "liability"),
            ({"statement": "income", "revenue": True}, "income"),
            ({"statement": "income", "expense": True}, "expense"),
            ({"statement": "income"}, "profit_or_loss"),
            ({"statement": "balance"}, "balance_sheet"),
            ({"statement": "off-balance"}, "off-balance"),
            ({}, "unknown"),
        ],
    )
    def test_classification_says_what_the_type_says(
        self, flags: dict[str, Any], classification: str
    ) -> None:
        account = row(Account, "account_bank", **{"type.": {"id": 1, **flags}})

        assert mapping.ledger_account(account, set()).classification == classification

    def test_account_that_payment_methods_use_is_a_bank_account(self) -> None:
        account = row(Account, "account_bank")

        record = mapping.ledger_account(account, {account.id})

        assert (record.code, record.is_bank_account) == ("512000", True)
        assert record.classification == "asset"


class TestContact:
    def test_party_with_everything(self) -> None:
        record = mapping.contact(row(Party, "party_with_everything"))

        assert (record.name, record.number, record.active) == ("Rossi SpA", "10", True)
        assert record.tax_number == "IT00743110157"
        assert (record.email, record.phone) == ("billing@rossi.example", "+39 02 1234567")
        assert record.address == Address(
            line1="Via Roma 1", line2="Scala B", city="Milano", postal_code="20121", country="IT"
        )

    def test_typed_vat_number_goes_before_other_identifiers(self) -> None:
        identifiers = [
            {"id": 1, "type": None, "code": "K-7"},
            {"id": 2, "type": "eu_vat", "code": "FR40303265045"},
        ]

        record = mapping.contact(
            row(Party, "party_with_everything", **{"identifiers.": identifiers})
        )

        assert record.tax_number == "FR40303265045"

    def test_marker_is_no_tax_number(self) -> None:
        identifiers = [{"id": 1, "type": None, "code": "LB-0123456789ABCDEF"}]

        record = mapping.contact(
            row(Party, "party_with_everything", **{"identifiers.": identifiers})
        )

        assert record.tax_number is None

    def test_party_without_a_name_goes_by_its_code(self) -> None:
        assert mapping.contact(row(Party, "party_with_everything", name=None)).name == "10"

    def test_texts_that_are_too_long_are_cut(self) -> None:
        assert len(mapping.contact(row(Party, "party_with_everything", name="x" * 999)).name) == 255


def test_unknown_fields_and_states_pass() -> None:
    record = mapping.document(row(Invoice, "invoice_open", state="frozen", colour="blue"))

    assert record.status == "frozen"
    assert record.status not in set(DocumentStatus)
