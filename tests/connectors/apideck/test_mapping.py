"""Apideck's words and ours: real-shaped rows in, request bodies out, checked by its SDK."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.apideck.mapping import moment, place_of, platform_id
from connectors.apideck.mapping_documents import bill, credit_note, document_body, invoice
from connectors.apideck.mapping_parties import (
    account,
    contact,
    contact_body,
    entry,
    entry_body,
    product,
    product_body,
    tax_rate,
)
from connectors.apideck.mapping_payments import payment, payment_body
from connectors.apideck.services import Resource, Service, service
from connectors.apideck.settings import ApideckSettings
from connectors.apideck.wire import (
    AccountRow,
    BillRow,
    CreditNoteRow,
    EntryRow,
    InvoiceRow,
    ItemRow,
    PartyRow,
    PaymentRow,
    TaxRow,
)
from connectors.base import Operation, PushItem
from models.canonical import (
    Allocation,
    AllowanceCharge,
    AnyRecord,
    Bill,
    Contact,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxUse,
)
from tests.connectors.apideck.sdk import check

MARKER = "LB-0123456789ABCDEF"
DAY = dt.date(2026, 9, 14)
SETTINGS = ApideckSettings.model_validate({})
FULL = ApideckSettings.model_validate(
    {
        "service_id": "netsuite",
        "company_id": "E-1",
        "payment_methods": {"card": "CreditCard"},
        "payment_method_ids": {"CreditCard": "9"},
    }
)
ROW: dict[str, Any] = {
    "id": "1",
    "number": "INV-7",
    "reference": f"PO 12 {MARKER}",
    "status": "authorised",
    "customer": {"id": "7", "display_name": "Rossi SpA"},
    "invoice_date": "2026-09-14",
    "due_date": "2026-10-14",
    "currency": "EUR",
    "tax_inclusive": False,
    "sub_total": Decimal(100),
    "total_tax": Decimal(20),
    "total": Decimal(120),
    "balance": Decimal(120),
    "line_items": [
        {
            "id": "10",
            "description": "Freight",
            "quantity": 1,
            "unit_price": 100,
            "total_amount": 100,
            "tax_amount": 20,
            "tax_rate": {"id": "T20", "rate": 20},
            "ledger_account": {"id": "4000"},
        }
    ],
    "row_version": "3",
    "updated_at": "2026-09-14T10:00:00.000Z",
    "colour": "blue",
}


def euro() -> str:
    """The currency of the books."""
    return "EUR"


def tax_of(tax_rate_id: str) -> dict[str, str]:
    """A line's tax by its id."""
    return {"id": tax_rate_id}


def item(record: AnyRecord) -> PushItem:
    """A record to be written."""
    return PushItem(key="k" * 32, marker=MARKER, operation=Operation.CREATE, record=record)


def read(**changes: Any) -> Invoice:
    """An invoice of a row."""
    return invoice(InvoiceRow.model_validate({**ROW, **changes}), euro)


def a_line(net: str = "100", **fields: Any) -> Line:
    """A line."""
    given: dict[str, Any] = {
        "description": "Freight",
        "unit_price": Decimal(net),
        "net_amount": Decimal(net),
        "tax_rate_id": "T20",
        "account_id": "4000",
    }
    return Line(**(given | fields))


def document(cls: type[Any], **fields: Any) -> Any:
    """A document of one line."""
    given: dict[str, Any] = {
        "id": "ours",
        "number": "INV-7",
        "reference": "PO 12",
        "order_number": "4711",
        "issue_date": DAY,
        "due_date": dt.date(2026, 10, 14),
        "currency": "EUR",
        "currency_rate": Decimal("1.1"),
        "contact_id": "customer:7",
        "note": "Thank you",
        "lines": (a_line(tax_amount=Decimal(20), item_id="P1", unit="kg"),),
        "net_total": Decimal(100),
        "tax_total": Decimal(20),
        "total": Decimal(120),
    }
    return cls(**(given | fields))


def body_of(record: Any, ledger: Service | None = None, **settings: Any) -> dict[str, Any]:
    """The body of a document."""
    given = ApideckSettings.model_validate(settings) if settings else SETTINGS
    return document_body(
        item(record), record, ledger or service("xero"), given, party="7", tax=tax_of
    )


def test_equal_ids_of_customers_and_suppliers_stay_apart() -> None:
    customer = platform_id(Resource.CUSTOMERS, "1")
    supplier = platform_id(Resource.SUPPLIERS, "1")

    assert customer != supplier
    assert place_of(supplier, Resource.CUSTOMERS, Resource.SUPPLIERS) == (Resource.SUPPLIERS, "1")
    assert platform_id(Resource.PAYMENTS, "1") != platform_id(Resource.BILL_PAYMENTS, "1")


def test_a_document_is_read_whole_without_our_marker() -> None:
    record = read()

    assert (record.id, record.number, record.reference) == ("1", "INV-7", "PO 12")
    assert record.contact_id == "customer:7"
    assert [record.net_total, record.tax_total, record.total] == [100, 20, 120]
    assert record.lines[0].net_amount == 100
    assert record.lines[0].tax_rate_id == "T20"


def test_lines_with_tax_in_them_are_read_net() -> None:
    line = {**ROW["line_items"][0], "total_amount": Decimal(120), "unit_price": Decimal(120)}

    (found,) = read(tax_inclusive=True, line_items=[line]).lines

    assert found.net_amount == 100
    assert found.unit_price == 100


@pytest.mark.parametrize(
    ("status", "balance", "said"),
    [
        ("authorised", 120, "open"),
        ("authorised", 20, "partially_paid"),
        ("authorised", 0, "paid"),
        ("paid", 120, "open"),  # the balance decides about money
        (None, 0, "paid"),
        ("in_dunning", 50, "partially_paid"),
        ("in_dunning", None, "in_dunning"),
        ("partially_paid", None, "partially_paid"),
        ("paid", None, "paid"),
        ("posted", None, "open"),
        (None, None, "open"),
        ("draft", 120, "draft"),
        ("void", 0, "void"),
    ],
)
def test_what_is_open_says_more_than_the_ledgers_word(
    status: str | None, balance: int | None, said: str
) -> None:
    assert read(status=status, balance=balance).status == said


def test_a_document_without_currency_is_in_that_of_the_books() -> None:
    assert read(currency=None).currency == "EUR"


@pytest.mark.parametrize(
    "broken",
    [
        {"invoice_date": None},
        {"invoice_date": "someday"},
        {"currency": "XXX"},
        {"customer": None},
        {"total": None, "sub_total": None},
    ],
)
def test_what_cannot_be_read_is_said(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(**broken)


def test_what_floats_leave_behind_is_rounded_away() -> None:
    assert read(balance=Decimal("49.990000000000002")).balance == Decimal("49.99")


def test_bills_and_credit_notes_are_read_under_their_own_names() -> None:
    theirs = {**ROW, "bill_number": "B-1", "bill_date": "2026-09-14", "supplier": {"id": "7"}}
    bought = bill(BillRow.model_validate(theirs), euro)
    given = {
        **ROW,
        "date_issued": "2026-09-14T00:00:00.000Z",
        "total_amount": 120,
        "total": None,
        "remaining_credit": 20,
    }
    credit = credit_note(CreditNoteRow.model_validate(given), euro)

    assert (bought.number, bought.contact_id) == ("B-1", "supplier:7")
    assert [credit.total, credit.balance, credit.status] == [120, 20, "partially_paid"]
    assert credit.side is Side.CUSTOMER


@pytest.mark.parametrize(
    ("resource", "cls"),
    [("invoices", Invoice), ("bills", Bill), ("credit-notes", CreditNote)],
)
def test_the_sdk_knows_every_field_of_a_document(resource: str, cls: type[Any]) -> None:
    part = AllowanceCharge(kind="allowance", amount=Decimal(5), tax_rate_id="T20", account_id="4")
    record = document(cls, allowances_charges=(part,))

    for body in (body_of(record), body_of(record, company_id="E-1", service_id="netsuite")):
        check(resource, body)
        assert body["reference"] == f"PO 12 {MARKER}"
        assert body["status"] == "authorised"
        assert body["line_items"][1]["total_amount"] == -5


def test_that_a_document_is_paid_is_never_written() -> None:
    for status in ("paid", "partially_paid", "open"):
        assert body_of(document(Invoice, status=status))["status"] == "authorised"
    assert body_of(document(Invoice, status="draft"))["status"] == "draft"
    assert body_of(document(Invoice), service("zoho-books"))["status"] == "submitted"
    assert "status" not in body_of(document(Invoice), service("holded"))


def test_a_line_that_does_not_come_out_goes_as_one_times_net() -> None:
    odd = a_line("99.85", quantity=Decimal(3), unit_price=Decimal("33.28"))
    even = a_line("99.85", quantity=Decimal(3), unit_price=Decimal("33.283"))

    first, second = body_of(document(Invoice, lines=(odd, even)))["line_items"]

    assert (first["quantity"], first["unit_price"]) == (1, Decimal("99.85"))
    assert (second["quantity"], second["unit_price"]) == (3, Decimal("33.283"))


# The bodies of the guide "mark invoices as paid", without what is deprecated or read-only in them.
PAYMENT: dict[str, Any] = {
    "id": "8",
    "currency": "USD",
    "currency_rate": Decimal("0.69"),
    "total_amount": Decimal("49.99"),
    "reference": "123456",
    "payment_method": "Credit Card",
    "payment_method_reference": "123456",
    "payment_method_id": "12345",
    "account": {"id": "123456", "nominal_code": "N091", "code": "453"},
    "transaction_date": "2021-05-01T12:00:00.000Z",
    "customer": {"id": "12345", "display_name": "Windsurf Shop"},
    "reconciled": True,
    "status": "authorised",
    "type": "accounts_receivable",
    "allocations": [{"id": "123456", "type": "invoice", "amount": Decimal("49.99")}],
    "note": "Some notes about this transaction",
    "row_version": "1-12345",
    "display_id": "123456",
}
BILL_PAYMENT: dict[str, Any] = {
    "id": "9",
    "currency": "USD",
    "currency_rate": Decimal("0.69"),
    "total_amount": Decimal(1000),
    "reference": "123456",
    "payment_method": "cash",
    "account": {"id": "123456", "nominal_code": "N091", "code": "453"},
    "transaction_date": "2021-05-01T12:00:00.000Z",
    "supplier": {"id": "12345", "display_name": "Windsurf Shop"},
    "company_id": "12345",
    "reconciled": True,
    "status": "authorised",
    "type": "accounts_payable",
    "allocations": [
        {"id": "12345", "type": "bill", "amount": Decimal("49.99"), "allocation_id": "123456"}
    ],
    "note": "Some notes about this transaction",
    "number": "123456",
    "row_version": "1-12345",
}


@pytest.mark.parametrize("ledger", ["xero", "quickbooks", "netsuite", "sage-intacct-rest"])
@pytest.mark.parametrize(
    ("resource", "row", "party"),
    [
        (Resource.PAYMENTS, PAYMENT, "customer"),
        (Resource.BILL_PAYMENTS, BILL_PAYMENT, "supplier"),
    ],
)
def test_the_guides_bodies_go_through_as_canonical_documents_and_come_back_the_same(
    resource: Resource, row: dict[str, Any], party: str, ledger: str
) -> None:
    record = payment(resource, PaymentRow.model_validate(row), euro)

    body = payment_body(item(record), record, service(ledger), SETTINGS, row[party]["id"])
    again = payment(resource, PaymentRow.model_validate({**body, "id": row["id"]}), euro)

    check(resource.value, body)
    if record.number == row.get("display_id"):
        # The ledger numbers it: what is sent is not what it shows.
        again = again.model_copy(update={"number": record.number})
    assert again == record
    assert {
        name: body[name]
        for name in ("currency", "currency_rate", "total_amount", "transaction_date", "type")
    } == {
        name: row[name]
        for name in ("currency", "currency_rate", "total_amount", "transaction_date", "type")
    }
    assert body["allocations"] == [
        {name: part for name, part in row["allocations"][0].items() if name != "allocation_id"}
    ]
    assert body["reconciled"] is True
    assert body["status"] == "authorised"


def test_a_payment_of_which_a_part_is_applied_keeps_its_rest() -> None:
    record = payment(Resource.BILL_PAYMENTS, PaymentRow.model_validate(BILL_PAYMENT), euro)

    assert record.side is Side.SUPPLIER
    assert record.id == "bill-payment:9"
    assert record.contact_id == "supplier:12345"
    assert record.unallocated == Decimal("950.01")


def test_an_allocation_without_an_amount_is_the_whole_payment() -> None:
    row = {**PAYMENT, "allocations": [{"id": "1", "type": "invoice", "amount": None}]}

    (part,) = payment(Resource.PAYMENTS, PaymentRow.model_validate(row), euro).allocations

    assert part == Allocation(
        document_type=ObjectType.INVOICE, document_id="1", amount=Decimal("49.99")
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [("authorised", "open"), ("paid", "open"), ("voided", "void"), ("rejected", "void")],
)
def test_a_payment_that_was_voided_is_void(status: str, said: str) -> None:
    row = PaymentRow.model_validate({**PAYMENT, "status": status})

    assert payment(Resource.PAYMENTS, row, euro).status == said


def a_payment(**fields: Any) -> Payment:
    """A payment of one invoice."""
    part = Allocation(document_type=ObjectType.INVOICE, document_id="1", amount=Decimal(40))
    given: dict[str, Any] = {
        "id": "ours",
        "side": Side.CUSTOMER,
        "date": DAY,
        "amount": Decimal(40),
        "currency": "EUR",
        "contact_id": "customer:7",
        "account_id": "B1",
        "method": "card",
        "allocations": (part,),
    }
    return Payment(**(given | fields))


def test_methods_are_said_in_the_ledgers_words() -> None:
    record = a_payment()

    body = payment_body(item(record), record, service("netsuite"), FULL, "7")

    check("payments", body)
    assert (body["payment_method"], body["payment_method_id"]) == ("CreditCard", "9")
    assert body["company_id"] == "E-1"


@pytest.mark.parametrize(
    ("ledger", "field"),
    [("xero", "reference"), ("quickbooks", "note"), ("sage-intacct-rest", "number")],
)
def test_the_marker_stands_where_the_ledger_keeps_it(ledger: str, field: str) -> None:
    record = a_payment(reference="R-1", note="N", number="P-1")

    body = payment_body(item(record), record, service(ledger), SETTINGS, "7")

    assert [name for name in ("reference", "note", "number") if MARKER in body[name]] == [field]


def test_a_reference_that_leaves_no_room_stays_whole() -> None:
    record = a_payment(reference="R" * 250)

    body = payment_body(item(record), record, service("xero"), SETTINGS, "7")

    assert body["reference"] == "R" * 250
    assert body["note"] == MARKER


def test_days_are_sent_as_noon_so_that_no_time_zone_moves_them() -> None:
    assert moment(DAY) == "2026-09-14T12:00:00.000Z"


def test_a_contact_is_written_as_the_sdk_knows_it_and_read_again() -> None:
    record = Contact.model_validate(
        {
            "id": "ours",
            "name": "Rossi SpA",
            "number": "C-1",
            "legal_name": "Rossi Società per azioni",
            "tax_number": "IT1",
            "email": "a@rossi.example",
            "phone": "1",
            "address": {"line1": "Via 1", "city": "Roma", "region": "RM", "country": "IT"},
            "currency": "EUR",
            "note": "Rings twice",
        }
    )
    body = contact_body(item(record), record, FULL)

    check("customers", body)
    check("suppliers", body)
    again = contact(Resource.CUSTOMERS, PartyRow.model_validate({**body, "id": "7"}))
    assert again == record.model_copy(update={"id": "customer:7"})


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"display_name": "A", "company_name": "B"}, "A"),
        ({"company_name": "B"}, "B"),
        ({"first_name": "Ada", "last_name": "L"}, "Ada L"),
    ],
)
def test_contacts_are_called_by_what_they_have(row: dict[str, str], name: str) -> None:
    assert contact(Resource.SUPPLIERS, PartyRow.model_validate({"id": "1", **row})).name == name


def test_an_item_without_a_code_gets_our_marker_as_one() -> None:
    record = Item(id="ours", name="Freight", unit_price=Decimal("12.5"), sales_account_id="4000")
    body = product_body(item(record), record)

    check("invoice-items", body)
    assert body["code"] == MARKER
    again = product(ItemRow.model_validate({**body, "id": "P1"}))
    assert again.model_copy(update={"id": "ours", "code": None}) == record


def test_an_entry_is_written_as_the_sdk_knows_it_and_read_again() -> None:
    lines = (
        JournalLine(account_id="1", debit=Decimal(5), contact_id="supplier:7", tax_rate_id="T20"),
        JournalLine(account_id="2", credit=Decimal(5), description="Bank"),
    )
    record = JournalEntry(
        id="ours", number="JE-1", date=DAY, currency="EUR", description="Charges", lines=lines
    )
    body = entry_body(item(record), record, FULL, tax_of)

    check("journal-entries", body)
    again = entry(EntryRow.model_validate({**body, "id": "ours"}), euro)
    assert again == record


def test_a_negative_side_of_an_entry_is_the_other_side() -> None:
    row = {
        "id": "1",
        "posted_at": "2026-09-14T00:00:00Z",
        "currency": "EUR",
        "line_items": [{"type": "debit", "total_amount": -5, "ledger_account": {"id": "1"}}],
    }

    (line,) = entry(EntryRow.model_validate(row), euro).lines

    assert [line.debit, line.credit] == [0, 5]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_credit_is_a_credit_with_and_without_a_minus(sign: int) -> None:
    row = {
        "id": "1",
        "posted_at": "2026-09-14T00:00:00Z",
        "currency": "EUR",
        "line_items": [{"type": "credit", "total_amount": 5 * sign, "ledger_account": {"id": "1"}}],
    }

    (line,) = entry(EntryRow.model_validate(row), euro).lines

    assert [line.debit, line.credit] == [0, 5]


@pytest.mark.parametrize(
    ("row", "percent"),
    [
        ({"effective_tax_rate": 20, "total_tax_rate": 19}, 20),
        ({"total_tax_rate": 19}, 19),
        (
            {"components": [{"name": "A", "rate": 5}, {"name": "B", "rate": 9.975}]},
            Decimal("14.975"),
        ),
        ({"effective_tax_rate": 0}, 0),
    ],
)
def test_a_rate_is_what_is_in_effect_else_in_total_else_its_components(
    row: dict[str, Any], percent: Decimal
) -> None:
    assert tax_rate(TaxRow.model_validate({"id": "1", "name": "VAT", **row})).rate == percent


def test_a_rate_without_a_percentage_is_chosen_by_nobody_but_a_person() -> None:
    record = tax_rate(TaxRow.model_validate({"id": "1", "name": "Automated", "status": "active"}))

    assert (record.active, record.id) == (False, "1")


def test_a_rate_that_has_only_a_code_is_known_by_it() -> None:
    record = tax_rate(TaxRow.model_validate({"code": "V20", "total_tax_rate": 20, "type": "INPUT"}))

    assert (record.id, record.use) == ("code:V20", TaxUse.PURCHASES)
    with pytest.raises(ValueError, match="neither"):
        tax_rate(TaxRow.model_validate({"total_tax_rate": 20}))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"classification": "costs_of_sales"}, ("expense", False, True)),
        ({"classification": "asset", "type": "bank"}, ("asset", True, True)),
        ({"classification": "revenue", "status": "archived"}, ("income", False, False)),
        ({"active": False}, ("unknown", False, False)),
    ],
)
def test_accounts_are_classified_in_our_words(row: dict[str, Any], said: tuple[Any, ...]) -> None:
    record = account(AccountRow.model_validate({"id": "1", "name": "N", **row}))

    assert (record.classification, record.is_bank_account, record.active) == said
