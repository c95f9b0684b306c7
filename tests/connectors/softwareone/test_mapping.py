"""Marketplace documents as canonical records."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import BadRecord, Elsewhere
from connectors.softwareone import mapping, statements
from connectors.softwareone.mapping import Mapped, Shown
from models.canonical import (
    Bill,
    ContactRole,
    CreditNote,
    Invoice,
    JournalEntry,
    ObjectType,
    Side,
)
from tests.connectors.softwareone.given import (
    BUYER,
    OPERATIONS,
    OTHER_BUYER,
    SELLER,
    STATEMENTS,
    invoice,
    memo,
    settings,
    statement,
)

BILL, INVOICE, CREDIT_NOTE = ObjectType.BILL, ObjectType.INVOICE, ObjectType.CREDIT_NOTE
SELLING = {"buyers": (), **OPERATIONS}


def read(thing: dict[str, Any], kind: ObjectType = BILL, **changes: Any) -> mapping.Read:
    return mapping.document(kind, thing, settings(**changes))


def bill(**changes: Any) -> Bill:
    found = read(invoice(**changes))
    assert isinstance(found, Mapped), found
    assert isinstance(found.record.record, Bill)
    return found.record.record


def said(*values: Any) -> tuple[Any, ...]:
    """Values of several kinds, to be compared at once."""
    return values


def problem(thing: dict[str, Any], kind: ObjectType = BILL, **changes: Any) -> str:
    found = read(thing, kind, **changes)
    assert isinstance(found, BadRecord), found
    return found.problem


def line(**changes: Any) -> dict[str, Any]:
    return {**invoice()["lines"][0], **changes}


class TestInvoices:
    def test_a_clients_invoice_is_a_bill_of_the_seller(self) -> None:
        found = read(invoice())

        assert isinstance(found, Mapped)
        record = found.record.record
        assert isinstance(record, Bill)
        assert (record.id, record.number, record.contact_id) == ("INV-0000-0001", "SI-1", SELLER)
        assert said(record.net_total, record.tax_total, record.total) == (100, 21, 121)
        assert (record.issue_date, record.due_date) == (
            dt.date(2026, 10, 31),
            dt.date(2026, 11, 30),
        )
        assert (record.reference, record.order_number) == ("PO 7", "SO-9")
        assert record.note == "Vendor Microsoft. Product Azure. Agreement AGR-0001."
        assert found.contact is not None
        contact = found.contact.record.model_dump()
        assert (contact["name"], contact["roles"]) == ("SoftwareOne NL", (ContactRole.SUPPLIER,))

    def test_for_operations_it_is_an_invoice_to_the_buyer(self) -> None:
        found = read(invoice(), INVOICE, **SELLING)

        assert isinstance(found, Mapped)
        assert isinstance(found.record.record, Invoice)
        assert found.record.record.contact_id == BUYER

    def test_lines_are_kept_as_stated(self) -> None:
        (one,) = bill().lines

        assert said(one.quantity, one.unit_price, one.net_amount) == (2, 50, 100)
        assert said(one.tax_rate, one.tax_category, one.unit) == (21, "S", "PCS")

    def test_version_link_and_what_the_marketplace_says_are_beside_it(self) -> None:
        found = mapping.document(BILL, invoice(), settings(), portal="https://portal.test/billing")

        assert isinstance(found, Mapped)
        assert found.record.version == "3"
        assert found.record.url == "https://portal.test/billing/invoices/INV-0000-0001"
        shown = found.record.extra
        assert isinstance(shown, Shown)
        assert (shown.status, shown.balance_due, shown.statement) == ("Issued", "121", "SOM-0001")

    @pytest.mark.parametrize(
        "status", ["Issued", "Generated", "Overdue", "Paid", "InDunning", None]
    )
    def test_whether_it_is_paid_is_shown_and_not_taken_over(self, status: str | None) -> None:
        assert bill(status=status).content_hash() == bill().content_hash()

    def test_a_changed_amount_is_a_changed_record(self) -> None:
        changed = bill(
            price={"currency": "EUR", "totalSP": 110, "totalST": 23.1, "totalGT": 133.1},
            lines=[line(lineAmount=110, amountIncludingVat=133.1)],
        )

        assert changed.content_hash() != bill().content_hash()

    def test_unknown_members_pass(self) -> None:
        assert bill(colour={"of": "blue"}, lines=[line(shade=7)]).total == 121

    def test_prices_of_many_digits_are_kept_as_far_as_we_can(self) -> None:
        many = Decimal("92.093756796886151234")

        record = bill(
            lines=[line(unitPrice=many, lineAmount=Decimal("100.00000000001"), quantity=1)]
        )

        assert record.lines[0].unit_price == Decimal("92.093756796886")
        assert record.lines[0].net_amount == 100

    def test_texts_between_lines_are_no_lines(self) -> None:
        record = bill(lines=[line(), {"id": "INL-2", "description": "Thank you"}])

        assert len(record.lines) == 1

    def test_discount_on_a_line_explains_its_amount(self) -> None:
        record = bill(lines=[line(unitPrice=60, discountAmount=20)])

        assert [part.amount for part in record.lines[0].allowances_charges] == [20]

    def test_amounts_after_a_discount_on_the_document_are_taken_where_they_add_up(self) -> None:
        record = bill(lines=[line(lineAmount=110, amount=100)])

        assert record.lines[0].net_amount == 100

    def test_reverse_charge_has_its_category_and_no_tax(self) -> None:
        record = bill(
            price={"currency": "EUR", "totalSP": 100, "totalST": 0, "totalGT": 100},
            lines=[line(vatCalculationType="Reverse Charge VAT", amountIncludingVat=100)],
        )

        assert [said(one.category, one.tax_amount) for one in record.tax_breakdown] == [("AE", 0)]

    def test_tax_is_spread_over_the_rates_and_rounding_goes_to_the_largest(self) -> None:
        record = bill(
            price={"currency": "EUR", "totalSP": 110, "totalST": 21.91, "totalGT": 131.91},
            lines=[line(), line(id="INL-2", lineAmount=10, vatPercent=9)],
        )

        assert [said(one.rate, one.tax_amount) for one in record.tax_breakdown] == [
            (21, Decimal("21.01")),
            (9, Decimal("0.90")),
        ]

    def test_a_cent_of_difference_in_the_gross_total_is_rounding(self) -> None:
        record = bill(
            price={"currency": "EUR", "totalSP": 100, "totalST": 21, "totalGT": Decimal("121.01")}
        )

        assert said(record.total, record.rounding_amount) == (121, Decimal("0.01"))
        assert record.payable == Decimal("121.01")

    @pytest.mark.parametrize("missing", ["totalSP", "totalST", "totalGT"])
    def test_one_missing_total_follows_from_the_others(self, missing: str) -> None:
        price = {**invoice()["price"]}
        del price[missing]
        if missing == "totalSP":
            price["totalST"] = 21

        assert bill(price=price).net_total == 100

    def test_dates_may_come_from_the_copy_and_no_date_is_none(self) -> None:
        record = bill(
            erpData={"dueDate": "1753-01-01T00:00:00"},
            attributes={"documentDate": "2026-10-30", "dueDate": "2026-12-01"},
        )

        assert record.issue_date == dt.date(2026, 10, 30)
        assert record.due_date == dt.date(2026, 12, 1)

    def test_a_posting_date_of_its_own_is_in_the_note(self) -> None:
        erp = {**invoice()["erpData"], "postingDate": "2026-11-03"}

        assert (bill(erpData=erp).note or "").startswith("Posting date 2026-11-03.")

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"erpData": {}}, "documentDate is missing"),
            ({"price": {"currency": "XXX", "totalSP": 1}}, "'XXX' is not a currency"),
            ({"price": {"currency": "EUR"}}, "neither totalSP nor totalGT"),
            ({"lines": []}, "it has none with an amount"),
            ({"lines": "odd"}, "lines"),
            ({"lines": [{"quantity": 1, "unitPrice": 100}]}, "neither lineAmount nor amount"),
            ({"type": "Credit"}, "enter it by hand"),
            ({"status": "Error"}, "status Error"),
            (
                {"price": {"currency": "EUR", "totalSP": 90, "totalST": 21, "totalGT": 111}},
                "net_total: 90.00 EUR is stated",
            ),
            (
                {"price": {"currency": "EUR", "totalSP": 100, "totalST": 40, "totalGT": 140}},
                "the lines' rates come to 21.00 EUR",
            ),
            (
                {"price": {"currency": "EUR", "totalSP": 100, "totalST": 21, "totalGT": 125}},
                "the gross total is 125.00 EUR",
            ),
        ],
    )
    def test_what_cannot_be_read_says_why(self, changes: dict[str, Any], words: str) -> None:
        assert words in problem(invoice(**changes))


class TestOwners:
    def test_another_buyers_document_is_none_of_ours(self) -> None:
        found = read(invoice(buyer={"id": OTHER_BUYER}))

        assert found == Elsewhere("INV-0000-0001", OTHER_BUYER)

    def test_whose_it_is_comes_before_anything_else_is_read(self) -> None:
        found = read(invoice(buyer={"id": OTHER_BUYER}, price="odd", lines=7))

        assert isinstance(found, Elsewhere)

    def test_one_that_does_not_say_is_set_aside(self) -> None:
        assert "it has no buyer" in problem(invoice(buyer=None))

    def test_sellers_and_clients_count_where_they_are_named(self) -> None:
        assert isinstance(read(invoice(), sellers=["SEL-9"]), Elsewhere)
        assert isinstance(read(invoice(), clients=["ACC-9"]), Elsewhere)
        assert isinstance(read(invoice(), sellers=[SELLER], clients=["ACC-0001"]), Mapped)

    def test_operations_go_by_seller(self) -> None:
        assert isinstance(read(invoice(seller={"id": "SEL-9"}), INVOICE, **SELLING), Elsewhere)


class TestCreditMemos:
    def test_a_clients_memo_is_a_suppliers_credit(self) -> None:
        found = read(memo(), CREDIT_NOTE)

        assert isinstance(found, Mapped)
        record = found.record.record
        assert isinstance(record, CreditNote)
        assert (record.side, record.total, record.due_date) == (
            Side.SUPPLIER,
            Decimal("12.1"),
            None,
        )
        assert record.lines[0].net_amount == 10
        assert (record.note or "").startswith("Corrects SI-1.")

    def test_for_operations_it_is_a_customers(self) -> None:
        found = read(memo(), CREDIT_NOTE, **SELLING)

        assert isinstance(found, Mapped)
        assert isinstance(found.record.record, CreditNote)
        assert found.record.record.side is Side.CUSTOMER

    def test_one_that_was_deleted_is_gone(self) -> None:
        found = read(memo(status="Deleted"), CREDIT_NOTE)

        assert isinstance(found, Mapped)
        assert found.record.deleted


def entry(
    thing: dict[str, Any], charges: list[dict[str, Any]] | None = None, **changes: Any
) -> mapping.Read | None:
    given = settings(**STATEMENTS, **changes)
    return statements.entry(thing, given, iter(charges or []))


def lines_of(found: object) -> list[tuple[Any, ...]]:
    assert isinstance(found, Mapped), found
    assert isinstance(found.record.record, JournalEntry)
    return [said(one.account_id, one.debit, one.credit) for one in found.record.record.lines]


def charge(item: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"id": "CHG", "item": {"id": item}, "price": {"SPx1": Decimal(amount)}, **more}


class TestStatements:
    def test_an_issued_statement_is_a_balanced_entry(self) -> None:
        found = entry(statement())

        assert lines_of(found) == [("6000", 100, 0), ("4081", 0, 100)]
        assert isinstance(found, Mapped)
        record = found.record.record
        assert isinstance(record, JournalEntry)
        assert record.date == dt.date(2026, 11, 1)
        assert record.description == "Statement SOM-0000-0001: Azure, Azure for Widgets"

    @pytest.mark.parametrize("total", [-100, 100])
    def test_a_credit_goes_the_other_way(self, total: int) -> None:
        price = {"currency": {"sale": "EUR"}, "totalSP": total}

        found = entry(statement(type="Credit", price=price))

        assert lines_of(found) == [("6000", 0, 100), ("4081", 100, 0)]

    @pytest.mark.parametrize(
        "status", ["Generated", "Queued", "Pending", "Cancelled", "Consolidated"]
    )
    def test_what_is_not_issued_is_not_posted(self, status: str) -> None:
        assert entry(statement(status=status)) is None

    def test_another_buyers_statement_is_none_of_ours(self) -> None:
        assert isinstance(entry(statement(buyer={"id": OTHER_BUYER})), Elsewhere)

    def test_charges_become_a_line_for_each_item_which_make_up_the_total(self) -> None:
        charges = [
            charge("ITM-1", "33.33333333"),
            charge("ITM-2", "33.33333333"),
            charge("ITM-1", "33.33333334"),
            charge("ITM-9", "70", status="Split"),
            charge("ITM-9", "70", processing={"status": "Ignored"}),
        ]

        found = entry(statement(), charges, statement_lines="charges")

        assert lines_of(found) == [
            ("6000", Decimal("66.67"), 0),
            ("6000", Decimal("33.33"), 0),
            ("4081", 0, 100),
        ]

    def test_charges_that_do_not_come_to_the_total_are_said(self) -> None:
        found = entry(statement(), [charge("ITM-1", "50")], statement_lines="charges")

        assert isinstance(found, BadRecord)
        assert "its charges 50" in found.problem

    def test_more_items_than_an_entry_holds_are_one_line(self) -> None:
        charges = [charge(f"ITM-{number}", "0.1") for number in range(1000)]

        found = entry(statement(), charges, statement_lines="charges")

        assert lines_of(found) == [("6000", 100, 0), ("4081", 0, 100)]

    def test_nothing_is_no_entry(self) -> None:
        price = {"currency": {"sale": "EUR"}, "totalSP": 0}

        assert entry(statement(price=price)) is None
