"""Documents, contacts, tax rates and accounts of Qargo as canonical records."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import BadRecord, Elsewhere, PulledRecord
from connectors.qargo import mapping
from connectors.qargo.identity import identity
from connectors.qargo.mapping import Document
from models.canonical import (
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    LedgerAccount,
    ObjectType,
    Side,
    TaxRate,
    TaxUse,
    contradictions,
)
from tests.connectors.qargo.given import NL_ID, said, settings, task_of

D = Decimal


def read(name: str, **changes: Any) -> Document:
    found = mapping.document(task_of(name, **changes), settings())
    assert isinstance(found, Document), found
    return found


def record(name: str, **changes: Any) -> AnyRecord:
    return read(name, **changes).record.record


def contact(name: str, **changes: Any) -> Contact:
    found = read(name, **changes).contact.record
    assert isinstance(found, Contact)
    return found


def problem(name: str, **changes: Any) -> str:
    found = mapping.document(task_of(name, **changes), settings())
    assert isinstance(found, BadRecord), found
    return found.problem


def a_line(amount: str, percentage: float | None = 21, **changes: Any) -> dict[str, Any]:
    line: dict[str, Any] = said("sales_invoice")["payload"]["instance"]["line_items"][0]
    rate = {**line["tax_rate"], "id": f"rate-{percentage}", "percentage": percentage}
    return {**line, "amount": amount, "tax_rate": rate, **changes}


def totals(net: str, tax: str) -> dict[str, str]:
    return {"total_excl_tax": net, "total_tax": tax, "total_incl_tax": str(D(net) + D(tax))}


class TestInvoice:
    def test_header_is_what_qargo_states(self) -> None:
        invoice = record("sales_invoice")

        assert isinstance(invoice, Invoice)
        assert invoice.id == "20000000-0000-4000-8000-000000000001"
        assert (invoice.number, invoice.reference) == ("NL-2026-0001", None)
        assert invoice.order_number == "PO-77, PO-78"
        assert (invoice.issue_date, invoice.due_date) == (
            dt.date(2026, 3, 31),
            dt.date(2026, 4, 30),
        )
        assert (invoice.currency, invoice.status, invoice.note) == ("EUR", "open", None)
        assert (invoice.net_total, invoice.tax_total, invoice.total) == (
            D("1150.00"),
            D("229.50"),
            D("1379.50"),
        )
        assert invoice.contact_id == "c0000000-0000-4000-8000-000000000001"

    def test_line_has_account_rate_and_words(self) -> None:
        invoice = record("sales_invoice")

        assert isinstance(invoice, Invoice)
        line = invoice.lines[0]
        assert line.description == "Transport Hamburg: 2 trailers (ORD-0007)"
        assert (line.quantity, line.unit_price, line.net_amount) == (
            D(1),
            D("1000.00"),
            D("1000.00"),
        )
        assert (line.account_id, line.item_id) == ("700100", None)
        assert (line.tax_rate, line.tax_category) == (D(21), "S")
        assert line.tax_rate_id == "b0000000-0000-4000-8000-000000000021"
        assert invoice.lines[1].description == "Fuel surcharge"

    def test_handle_leads_back_to_the_task(self) -> None:
        pulled = read("sales_invoice").record

        assert pulled.handle == {
            "task": "10000000-0000-4000-8000-000000000001",
            "billing_entity": "NL",
        }

    def test_document_without_id_is_known_by_the_tasks_subject(self) -> None:
        pulled = read("sales_invoice", id=None).record

        assert pulled.platform_id == pulled.record.id == "20000000-0000-4000-8000-000000000001"

    def test_split_line_stays_apart_with_its_dimensions(self) -> None:
        invoice = record("sales_invoice_with_a_split_line")

        assert isinstance(invoice, Invoice)
        assert [line.net_amount for line in invoice.lines] == [D("66.67"), D("33.33")]
        assert [line.account_id for line in invoice.lines] == ["700100", "700200"]
        tags = [(tag.dimension, tag.value) for tag in invoice.lines[0].dimensions]
        assert tags == [("dimension_1", "NORTH"), ("dimension_2", "TRUCK")]

    def test_booking_date_does_not_move_the_document(self) -> None:
        invoice = record("sales_invoice_with_a_split_line")

        assert isinstance(invoice, Invoice)
        assert invoice.issue_date == dt.date(2026, 3, 31)
        assert invoice.note == "Booking date 2026-04-01."

    def test_many_references_are_cut_between_two_of_them(self) -> None:
        invoice = record("sales_invoice", customer_reference_numbers=["x" * 200, "y" * 60])

        assert isinstance(invoice, Invoice)
        assert invoice.order_number == "x" * 200

    def test_trailing_zeros_are_no_further_digits(self) -> None:
        line = a_line("100.0000000")

        invoice = record("sales_invoice", line_items=[line], **totals("100.00", "21.00"))

        assert isinstance(invoice, Invoice)
        assert invoice.lines[0].net_amount == 100

    def test_unknown_fields_and_words_pass(self) -> None:
        line = a_line("100", surprise={"a": 1})
        line["tax_rate"]["tax_type"] = "MARGIN_SCHEME"

        invoice = record(
            "sales_invoice", line_items=[line], new_field=[1], status="X", **totals("100", "21")
        )

        assert isinstance(invoice, Invoice)
        assert invoice.lines[0].tax_category == "MARGIN_SCHEME"

    def test_line_without_rate_and_account_is_left_open(self) -> None:
        line = a_line("100", id=None, invoice_line_id=None, tax_rate=None, account=None)

        invoice = record("sales_invoice", line_items=[line], **totals("100", "0"))

        assert isinstance(invoice, Invoice)
        only = invoice.lines[0]
        assert (only.id, only.tax_rate, only.tax_rate_id, only.account_id) == (None,) * 4
        assert invoice.tax_breakdown == ()


class TestTax:
    def test_stated_tax_is_spread_over_the_rates(self) -> None:
        invoice = record("sales_invoice")

        assert isinstance(invoice, Invoice)
        assert [
            (part.rate, part.taxable_amount, part.tax_amount, part.category)
            for part in invoice.tax_breakdown
        ] == [(D(21), D("1050.00"), D("220.50"), "S"), (D(9), D("100.00"), D("9.00"), "S")]

    def test_what_rounding_leaves_goes_to_the_largest_part(self) -> None:
        lines = [a_line("33.33", 21), a_line("33.33", 9)]

        invoice = record("sales_invoice", line_items=lines, **totals("66.66", "9.99"))

        assert isinstance(invoice, Invoice)
        assert [part.tax_amount for part in invoice.tax_breakdown] == [D("6.99"), D("3.00")]

    def test_a_single_rate_has_all_the_stated_tax(self) -> None:
        invoice = record("sales_invoice", line_items=[a_line("100")], **totals("100", "21.02"))

        assert isinstance(invoice, Invoice)
        assert [part.tax_amount for part in invoice.tax_breakdown] == [D("21.02")]

    def test_reverse_charge_has_a_rate_and_no_tax(self) -> None:
        line = a_line("100")
        line["tax_rate"]["tax_type"] = "CO_CONTRACTING"

        invoice = record("sales_invoice", line_items=[line], **totals("100", "0"))

        assert isinstance(invoice, Invoice)
        part = invoice.tax_breakdown[0]
        assert (part.rate, part.tax_amount, part.category) == (D(21), D(0), "AE")

    @pytest.mark.parametrize(
        ("lines", "tax", "reason"),
        [
            (
                [a_line("50", 21), a_line("50", 9)],
                "20.00",
                "20.00 EUR of tax is stated, but the lines' rates come to 15.00 EUR",
            ),
            (
                [a_line("100", None)],
                "21.00",
                "21.00 EUR of tax is stated, but no line has a tax rate",
            ),
            (
                [a_line("50", 21), a_line("50", None)],
                "21.00",
                "21.00 EUR of tax is stated, but the lines' rates come to 10.50 EUR",
            ),
        ],
    )
    def test_tax_that_fits_no_rate_is_refused(
        self, lines: list[dict[str, Any]], tax: str, reason: str
    ) -> None:
        assert problem("sales_invoice", line_items=lines, **totals("100", tax)) == reason


class TestBill:
    def test_number_is_the_suppliers(self) -> None:
        bill = record("purchase_invoice")

        assert isinstance(bill, Bill)
        assert (bill.number, bill.reference) == ("F-2026-889", "PINV-55")
        assert bill.contact_id == "c0000000-0000-4000-8000-000000000002"
        assert bill.lines[0].account_id == "610000"


class TestCreditNote:
    def test_note_names_what_it_corrects(self) -> None:
        note = record("sales_credit_note")

        assert isinstance(note, CreditNote)
        assert (note.side, note.total, note.note) == (
            Side.CUSTOMER,
            D("60.50"),
            "Corrects NL-2026-0001.",
        )
        assert note.corrects == ()

    def test_amounts_below_zero_are_turned_round(self) -> None:
        note = record("purchase_credit_note_below_zero")

        assert isinstance(note, CreditNote)
        assert (note.side, note.number, note.total) == (Side.SUPPLIER, "CN-889", D("40.00"))
        assert [line.net_amount for line in note.lines] == [D("40.00")]
        assert [(part.taxable_amount, part.category) for part in note.tax_breakdown] == [
            (D("40.00"), "AE")
        ]
        assert contradictions(note) == []

    def test_marked_credit_on_an_invoice_is_taken_off(self) -> None:
        lines = [a_line("100"), a_line("20", is_credit_charge=True)]

        invoice = record("sales_invoice", line_items=lines, **totals("80", "16.80"))

        assert isinstance(invoice, Invoice)
        assert [line.net_amount for line in invoice.lines] == [100, -20]


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            (totals("900.00", "229.50"), "net_total: 900.00 EUR is stated"),
            ({"total_incl_tax": "1379.51"}, "total: 1,379.51 EUR is stated, but net total"),
            ({"line_items": [], **totals("0", "0")}, "a document needs at least one line"),
            ({"currency": "EURO"}, "currency: 'EURO' is not a currency"),
            ({"date": "soon"}, "date: "),
            ({"customer": None}, "the customer is missing"),
            ({"billing_entity": None}, "does not say whose it is"),
            ({"billing_entity": {"code": 7}}, "billing_entity.code: "),
            ({"line_items": [a_line("x")]}, "line_items.0.amount: "),
            (
                {"line_items": [a_line("1", currency="USD")]},
                "a line is in USD, the document in EUR",
            ),
        ],
    )
    def test_what_contradicts_itself_is_set_aside_with_the_reason(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        assert reason in problem("sales_invoice", **changes)


class TestOwner:
    def test_document_of_another_entity_is_only_counted(self) -> None:
        found = mapping.document(task_of("sales_invoice_of_another_entity"), settings())

        assert found == Elsewhere("20000000-0000-4000-8000-000000000009", "BE")

    def test_of_another_entity_nothing_else_is_read(self) -> None:
        task = task_of("sales_invoice_of_another_entity", date="soon", line_items=None)

        assert isinstance(mapping.document(task, settings()), Elsewhere)

    def test_known_id_counts_more_than_a_renamed_code(self) -> None:
        entity = {"id": NL_ID, "code": "NL-NEW"}
        known = settings(billing_entity_ids=[NL_ID])

        found = mapping.document(task_of("sales_invoice", billing_entity=entity), known)

        assert isinstance(found, Document)

    def test_foreign_id_is_foreign_whatever_its_code(self) -> None:
        entity = {"id": "another", "code": "NL"}
        known = settings(billing_entity_ids=[NL_ID])

        found = mapping.document(task_of("sales_invoice", billing_entity=entity), known)

        assert found == Elsewhere("20000000-0000-4000-8000-000000000001", "NL")


class TestContact:
    def test_customer_is_read_from_the_document(self) -> None:
        customer = contact("sales_invoice")

        assert (customer.name, customer.legal_name) == ("Hafen Logistik", "Hafen Logistik GmbH")
        assert (customer.number, customer.tax_number) == ("10500", "DE811111111")
        assert (customer.roles, customer.payment_terms_days) == ((ContactRole.CUSTOMER,), 30)
        address = customer.address
        assert address is not None
        assert (address.line1, address.postal_code, address.country) == ("Am Kai 7", "20457", "DE")

    def test_notes_for_colleagues_stay_at_qargo(self) -> None:
        assert contact("sales_invoice").note is None

    def test_terms_from_the_end_of_a_month_are_no_days(self) -> None:
        supplier = contact("purchase_invoice")

        assert supplier.roles == (ContactRole.SUPPLIER,)
        assert (supplier.payment_terms_days, supplier.address) == (None, None)

    @pytest.mark.parametrize("place", ["top", "sales"])
    def test_code_of_the_entity_goes_before_the_default(self, place: str) -> None:
        codes = [
            {"id": "other", "code": "BE", "accounting_code": "BE-1"},
            {"id": NL_ID, "code": "NL", "accounting_code": "NL-1"},
        ]
        company = said("sales_invoice")["payload"]["instance"]["customer"]
        company |= (
            {"billing_entities": codes}
            if place == "top"
            else {"sales": {"billing_entities": codes}}
        )

        assert contact("sales_invoice", customer=company).number == "NL-1"

    def test_odd_words_about_a_company_do_not_stop_its_documents(self) -> None:
        company = said("sales_invoice")["payload"]["instance"]["customer"]
        company |= {
            "name": "x" * 300,
            "currency": "XXX",
            "payment_term": {"code": "AFTER_HARVEST"},
            "billing_location": {"country": "Germany", "city": "Hamburg"},
        }

        found = contact("sales_invoice", customer=company)

        assert (len(found.name), found.currency, found.payment_terms_days) == (255, None, None)
        assert found.address is not None
        assert found.address.country is None


class TestLists:
    def test_tax_rate_is_for_one_side(self) -> None:
        items = said("tax_rates_first_page")["items"]

        found = [mapping.listed(ObjectType.TAX_RATE, item, settings()) for item in items]

        rates = [one.record for one in found if isinstance(one, PulledRecord)]
        assert rates == [
            TaxRate(
                id="b0000000-0000-4000-8000-000000000021",
                name="21%",
                code="NL21",
                rate=D(21),
                use=TaxUse.SALES,
                category="S",
            ),
            TaxRate(
                id="b0000000-0000-4000-8000-000000000022",
                name="21% purchases",
                code="NL22",
                rate=D(21),
                use=TaxUse.PURCHASES,
                category="S",
            ),
        ]

    def test_archived_foreign_and_broken_rates_are_told_apart(self) -> None:
        items = said("tax_rates_last_page")["items"]

        old, foreign, broken = (
            mapping.listed(ObjectType.TAX_RATE, item, settings()) for item in items
        )

        assert isinstance(old, PulledRecord)
        assert isinstance(old.record, TaxRate)
        assert (old.record.active, old.record.category) == (False, "AE")
        assert foreign == Elsewhere("b0000000-0000-4000-8000-000000000030", "BE")
        assert isinstance(broken, BadRecord)
        assert broken.problem == "percentage: Field required"

    def test_account_has_the_code_that_documents_name(self) -> None:
        item = said("accounts")["items"][0]

        found = mapping.listed(ObjectType.LEDGER_ACCOUNT, item, settings())

        assert isinstance(found, PulledRecord)
        assert found.record == LedgerAccount(
            id="ac000000-0000-4000-8000-000000000001", name="Transport revenue", code="700100"
        )


class TestIdentity:
    @pytest.mark.parametrize(
        ("me", "expected"),
        [
            ({"tenant_id": "t-1", "tenant_name": "Vermeer"}, ("t-1", "Vermeer")),
            ({"tenant": {"id": "t-1", "name": "Vermeer"}}, ("t-1", "Vermeer")),
            ({"tenant": "t-1"}, ("t-1", "t-1")),
            ({"organisation": {"id": 7, "name": "Vermeer"}}, ("7", "Vermeer")),
            ({"organization_id": "o-1"}, ("o-1", "o-1")),
            (
                {"user": "api"},
                ("https://api.qargo.com#client-1", "Qargo (api.qargo.com, client client-1)"),
            ),
        ],
    )
    def test_tenant_is_found_in_whatever_shape(
        self, me: dict[str, Any], expected: tuple[str, str]
    ) -> None:
        found = identity(me, base_url="https://api.qargo.com/", client_id="client-1")

        assert (found.organisation_id, found.organisation_name) == expected
