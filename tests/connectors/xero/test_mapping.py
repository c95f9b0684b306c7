"""Between Xero's rows and ours: dates, numbers, states, sides; and bodies that Xero's SDK knows."""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from connectors.xero import reading
from connectors.xero.books import Books
from connectors.xero.client import Client
from connectors.xero.values import (
    any_guid,
    as_json,
    by_length,
    dated,
    inverse,
    moment,
    since_header,
    spans,
    with_marker,
    without_marker,
)
from models.canonical import (
    Address,
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    JournalEntry,
    LedgerAccount,
    ObjectType,
    Payment,
    Side,
    TaxRate,
    TaxUse,
)
from tests.connectors.xero import sdk
from tests.connectors.xero.bench import DAY, XeroBench, changed

MARKER = "LB-0123456789ABCDEF"
DATE = "/Date(1789344000000+0000)/"  # 2026-09-14
INVOICE: Mapping[str, Any] = {
    "Type": "ACCREC",
    "InvoiceID": "i-1",
    "InvoiceNumber": "INV-1",
    "Reference": "PO 7",
    "Url": f"https://ledgerbridge.invalid/{MARKER}",
    "Contact": {"ContactID": "c-1", "Name": "Rossi"},
    "Date": DATE,
    "DueDate": "/Date(1790553600000)/",
    "Status": "AUTHORISED",
    "LineAmountTypes": "Exclusive",
    "CurrencyCode": "GBP",
    "CurrencyRate": Decimal("1.0"),
    "SubTotal": Decimal("100.00"),
    "TotalTax": Decimal("20.00"),
    "Total": Decimal("120.00"),
    "AmountDue": Decimal("120.00"),
    "AmountPaid": Decimal("0.0"),
    "AmountCredited": Decimal("0.0"),
    "UpdatedDateUTC": "/Date(1789387200123+0000)/",
    "LineItems": [
        {
            "LineItemID": "l-1",
            "Description": "Freight",
            "Quantity": Decimal("4.0"),
            "UnitAmount": Decimal("25.0"),
            "LineAmount": Decimal("100.00"),
            "TaxType": "OUTPUT2",
            "TaxAmount": Decimal("20.00"),
            "AccountID": "a-1",
        }
    ],
}


class Known(Books):
    """Books that are known without a call."""

    def __init__(self) -> None:
        self._accounts = {"a-1": "200"}, {"200": "a-1"}
        self._items = {"item-1": "FREIGHT"}, {"FREIGHT": "item-1"}

    def base_currency(self) -> str:
        return "GBP"


def read(endpoint: str, values: Mapping[str, Any]) -> Any:
    found = reading.read(endpoint, values, Known())
    return found and found.record


class TestValues:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("/Date(1552262400000+0000)/", "2019-03-11T00:00:00+00:00"),
            ("/Date(1552262400000)/", "2019-03-11T00:00:00+00:00"),
            ("/Date(1552262400000+1300)/", "2019-03-11T00:00:00+00:00"),
            ("/Date(-86400000+0000)/", "1969-12-31T00:00:00+00:00"),
            ("2026-09-14T00:00:00", "2026-09-14T00:00:00+00:00"),
            ("2026-09-14", "2026-09-14T00:00:00+00:00"),
        ],
    )
    def test_times(self, text: str, expected: str) -> None:
        assert moment(text).isoformat() == expected

    @pytest.mark.parametrize("text", ["someday", "/Date(x)/", "/Date(99999999999999999)/", ""])
    def test_what_is_no_time(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".+"):
            moment(text)

    def test_the_filter_by_time_is_in_utc_and_whole_seconds(self) -> None:
        zone = dt.timezone(dt.timedelta(hours=2))

        assert since_header(dt.datetime(2026, 9, 14, 1, 2, 3, 999, tzinfo=zone)) == (
            "2026-09-13T23:02:03"
        )

    def test_numbers_go_out_exactly(self) -> None:
        body = {
            "Amount": Decimal("0.10"),
            "Lines": [{"Big": Decimal("9999999999.99")}],
            "Text": 'é"',
        }

        assert json.loads(as_json(body), parse_float=str) == {
            "Amount": "0.1",
            "Lines": [{"Big": "9999999999.99"}],
            "Text": 'é"',
        }

    def test_filters(self) -> None:
        assert dated(DAY, DAY) == "Date>=DateTime(2026,09,14) AND Date<=DateTime(2026,09,14)"
        assert dated(None, DAY) == "Date<=DateTime(2026,09,14)"
        assert any_guid("CreditNoteID", ["1", "2"]) == (
            'CreditNoteID==guid("1") OR CreditNoteID==guid("2")'
        )

    def test_days_that_are_near_are_asked_for_together(self) -> None:
        days = [DAY, DAY + dt.timedelta(days=6), DAY - dt.timedelta(days=300)]

        assert list(spans(days)) == [(days[2], days[2]), (DAY, days[1])]
        assert list(by_length(["aaa", "bbb", "c"], 7)) == [["aaa", "bbb"], ["c"]]

    def test_a_rate_of_exchange(self) -> None:
        assert inverse(Decimal("1.25")) == Decimal("0.8")
        assert inverse(Decimal("1.0")) is None
        assert inverse(None) is None

    def test_markers_leave_no_trace_for_people(self) -> None:
        assert without_marker(with_marker("PO 7", MARKER)) == "PO 7"
        assert len(with_marker("x" * 300, MARKER)) == 255


class TestReading:
    def test_an_invoice(self) -> None:
        found = reading.read("Invoices", INVOICE, Known())

        assert found is not None
        record = found.record
        assert isinstance(record, Invoice)
        assert (found.marker, found.version) == (MARKER, "2026-09-14T12:00:00.123000+00:00")
        assert (record.issue_date, record.due_date) == (DAY, DAY + dt.timedelta(days=14))
        assert (record.total, record.balance, record.status) == (Decimal(120), Decimal(120), "open")
        assert record.currency_rate is None
        (line,) = record.lines
        assert (line.net_amount, line.tax_rate_id, line.account_id) == (
            Decimal(100),
            "OUTPUT2",
            "a-1",
        )

    def test_a_bill_comes_from_the_same_list(self) -> None:
        assert isinstance(read("Invoices", {**INVOICE, "Type": "ACCPAY"}), Bill)

    @pytest.mark.parametrize(
        ("status", "paid", "expected"),
        [
            ("DRAFT", "0", "draft"),
            ("SUBMITTED", "0", "draft"),
            ("AUTHORISED", "0", "open"),
            ("AUTHORISED", "5", "partially_paid"),
            ("PAID", "120", "paid"),
            ("VOIDED", "0", "void"),
            ("IN_DUNNING", "0", "in_dunning"),
        ],
    )
    def test_states(self, status: str, paid: str, expected: str) -> None:
        values = {**INVOICE, "Status": status, "AmountPaid": Decimal(paid)}

        assert read("Invoices", values).status == expected

    def test_a_deleted_draft_is_deleted(self) -> None:
        found = reading.read("Invoices", {**INVOICE, "Status": "DELETED"}, Known())

        assert found is not None
        assert found.deleted

    def test_amounts_with_tax_in_them(self) -> None:
        line = {**INVOICE["LineItems"][0], "LineAmount": 120, "UnitAmount": 30}
        record = read("Invoices", {**INVOICE, "LineAmountTypes": "Inclusive", "LineItems": [line]})

        assert (record.lines[0].net_amount, record.lines[0].unit_price) == (100, 25)

    def test_an_account_that_is_only_named_by_code(self) -> None:
        line = {
            **INVOICE["LineItems"][0],
            "AccountID": None,
            "AccountCode": "200",
            "ItemCode": "FREIGHT",
        }
        record = read("Invoices", {**INVOICE, "LineItems": [line]})

        assert (record.lines[0].account_id, record.lines[0].item_id) == ("a-1", "item-1")

    def test_empty_lists_for_what_is_missing(self) -> None:
        values = {**INVOICE, "DueDate": [], "Reference": [], "CurrencyRate": []}

        assert read("Invoices", values).due_date is None

    def test_a_rounding_is_beside_the_sum_of_net_and_tax(self) -> None:
        record = read("Invoices", {**INVOICE, "Total": Decimal("120.05")})

        assert (record.total, record.rounding_amount, record.payable) == (
            Decimal("120.00"),
            Decimal("0.05"),
            Decimal("120.05"),
        )

    def test_a_suppliers_credit_note(self) -> None:
        values = {
            **INVOICE,
            "Type": "ACCPAYCREDIT",
            "CreditNoteID": "n-1",
            "CreditNoteNumber": "CN 1",
            "Reference": f"PO 7 {MARKER}",
            "RemainingCredit": Decimal("20.00"),
        }
        found = reading.read("CreditNotes", values, Known())

        assert found is not None
        record = found.record
        assert isinstance(record, CreditNote)
        assert (record.side, record.balance, record.status) == (
            Side.SUPPLIER,
            Decimal(20),
            "partially_paid",
        )
        assert (found.marker, record.reference) == (MARKER, "PO 7")

    @pytest.mark.parametrize(
        "broken",
        [{"Date": "someday"}, {"Type": "OTHER"}, {"Contact": None}, {"CurrencyCode": "XXX"},
         {"LineItems": 7}, {"InvoiceID": None}],
    )  # fmt: skip
    def test_what_cannot_be_read_is_said(self, broken: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            read("Invoices", {**INVOICE, **broken})

    @pytest.mark.parametrize(
        ("values", "side", "refund"),
        [
            ({"PaymentType": "ACCRECPAYMENT", "Invoice": {"InvoiceID": "i"}}, Side.CUSTOMER, False),
            ({"PaymentType": "ACCPAYPAYMENT", "Invoice": {"InvoiceID": "i"}}, Side.SUPPLIER, False),
            ({"PaymentType": "ARCREDITPAYMENT", "CreditNote": {"CreditNoteID": "n"}}, Side.CUSTOMER, True),
            ({"PaymentType": "APCREDITPAYMENT", "CreditNote": {"CreditNoteID": "n"}}, Side.SUPPLIER, True),
            ({"PaymentType": "AROVERPAYMENTPAYMENT", "Overpayment": {}}, Side.CUSTOMER, True),
            ({"PaymentType": "NEW", "Invoice": {"InvoiceID": "i", "Type": "ACCPAY"}}, Side.SUPPLIER, False),
        ],
    )  # fmt: skip
    def test_whose_money_it_is(self, values: dict[str, Any], side: Side, refund: bool) -> None:
        common = {"PaymentID": "p", "Date": DATE, "Amount": Decimal(5), "Status": "AUTHORISED"}
        record = read("Payments", {**common, **values})

        assert isinstance(record, Payment)
        assert (record.side, record.refund, record.amount) == (side, refund, Decimal(5))

    def test_a_part_of_a_batch_payment_is_read_with_it(self) -> None:
        values = {"PaymentID": "p", "BatchPayment": {"BatchPaymentID": "b"}}

        assert reading.read("Payments", values, Known()) is None

    def test_a_contact(self) -> None:
        record = read(
            "Contacts",
            {
                "ContactID": "c",
                "Name": "Rossi",
                "IsSupplier": True,
                "EmailAddress": "a@b.example",
                "Addresses": [
                    {"AddressType": "STREET", "City": "Milano"},
                    {"AddressType": "POBOX", "City": "Roma", "Country": "Italy"},
                ],
                "Phones": [
                    {"PhoneType": "MOBILE", "PhoneNumber": "2"},
                    {"PhoneType": "DEFAULT", "PhoneCountryCode": "39", "PhoneNumber": "1"},
                ],
                "PaymentTerms": {"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}},
                "ContactStatus": "GDPRREQUEST",
            },
        )

        assert isinstance(record, Contact)
        assert record.roles == (ContactRole.SUPPLIER,)
        assert record.address == Address(city="Roma")
        assert (record.phone, record.payment_terms_days, record.active) == ("39 1", 30, False)

    def test_an_account(self) -> None:
        values = {
            "AccountID": "a",
            "Name": "Bank",
            "Type": "BANK",
            "Class": "ASSET",
            "Status": "ARCHIVED",
        }
        record = read("Accounts", values)

        assert isinstance(record, LedgerAccount)
        assert (record.classification, record.is_bank_account, record.active) == (
            "asset",
            True,
            False,
        )

    @pytest.mark.parametrize(
        ("sold", "bought", "use", "active"),
        [
            (True, False, TaxUse.SALES, True),
            (False, True, TaxUse.PURCHASES, True),
            (True, True, TaxUse.BOTH, True),
            (False, False, TaxUse.BOTH, False),
        ],
    )
    def test_a_tax_rate(self, sold: bool, bought: bool, use: TaxUse, active: bool) -> None:
        values = {
            "TaxType": "OUTPUT2",
            "Name": "20 %",
            "EffectiveRate": Decimal("20.0000"),
            "Status": "ACTIVE",
            "CanApplyToRevenue": sold,
            "CanApplyToExpenses": bought,
        }
        record = read("TaxRates", values)

        assert isinstance(record, TaxRate)
        assert (record.id, record.rate, record.use, record.active) == (
            "OUTPUT2",
            Decimal(20),
            use,
            active,
        )

    def test_a_journal(self) -> None:
        lines = [
            {"LineAmount": Decimal("5.00"), "AccountID": "a-1", "TaxType": "NONE"},
            {"LineAmount": Decimal("-5.00"), "AccountCode": "200"},
        ]
        values = {
            "ManualJournalID": "m",
            "Date": DATE,
            "Narration": "Charges",
            "Status": "POSTED",
            "JournalLines": lines,
        }
        record = read("ManualJournals", values)

        assert isinstance(record, JournalEntry)
        assert [line.debit - line.credit for line in record.lines] == [5, -5]
        assert (record.status, record.currency) == ("open", "GBP")


def bodies(bench: XeroBench) -> list[tuple[str, Any]]:
    """All that has been written."""
    found = []
    for request in bench.xero.traffic.log:
        if request.method in {"PUT", "POST"} and request.path.startswith("/api.xro"):
            endpoint = request.path.split("/")[3]
            found += [(endpoint, one) for one in request.json().get(endpoint, [])]
    return found


class TestBodies:
    @pytest.mark.parametrize(
        "kind",
        [
            kind
            for kind in ObjectType
            if kind not in {ObjectType.TAX_RATE, ObjectType.LEDGER_ACCOUNT}
        ],
    )
    def test_the_sdk_knows_all_that_is_written(self, bench: XeroBench, kind: ObjectType) -> None:
        record: AnyRecord = bench.sample(kind)
        if isinstance(record, Contact):
            more = {
                "address": Address(line1="1 High St", city="Leeds", country="GB"),
                "phone": "123",
                "payment_terms_days": 30,
                "currency": "GBP",
                "tax_number": "GB1",
            }
            record = record.model_copy(update=more)
        item = bench.item(record)
        done = bench.accepted(item)
        if kind is not ObjectType.PAYMENT:
            new = bench.changed(record)
            bench.accepted(changed(item, new, done.platform_id, done.version))

        written = bodies(bench)
        assert written
        for endpoint, body in written:
            sdk.check(endpoint, body)

    def test_a_batch_payment_too(self, bench: XeroBench) -> None:
        invoices = [bench.books.add_invoice() for _ in range(2)]
        bench.accepted(bench.payment(dict.fromkeys(invoices, "10.00")))

        for endpoint, body in bodies(bench):
            sdk.check(endpoint, body)

    def test_the_check_notices_what_is_unknown(self) -> None:
        with pytest.raises(AssertionError, match="Colour"):
            sdk.check("Invoices", {"Colour": "blue"})

    def test_items_are_named_by_code(self, bench: XeroBench) -> None:
        item = bench.accepted(bench.sample(ObjectType.ITEM))
        line = bench.line("10.00", item_id=item.platform_id)

        done = bench.accepted(bench.invoice(lines=[line]))

        (there,) = bench.records(ObjectType.INVOICE)[-1:]
        assert there.platform_id == done.platform_id
        assert there.record.lines[0].item_id == item.platform_id

    def test_contacts_are_named_by_id_alone(self, bench: XeroBench) -> None:
        bench.accepted(bench.bill())

        assert bodies(bench)[-1][1]["Contact"] == {"ContactID": bench.known.supplier}


def test_books_are_asked_for_once(bench: XeroBench) -> None:
    books = Books(Client(bench.config()))

    assert books.base_currency() == books.base_currency() == "GBP"
    assert bench.xero.calls["GET Organisation"] == 1
