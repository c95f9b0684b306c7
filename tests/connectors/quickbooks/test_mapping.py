"""Between QuickBooks' objects and ours: taxes, currencies, states, lines, and what cannot be said."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Accepted
from connectors.errors import Rejected
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.reading import read
from connectors.quickbooks.taxes import Taxes
from connectors.quickbooks.wire import TaxCodeRow, TaxRateRow
from models.canonical import (
    AllowanceCharge,
    Bill,
    BillingDocument,
    CreditNote,
    Invoice,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    ObjectType,
    Side,
    TaxSubtotal,
)
from tests.connectors.quickbooks.bench import DAY, QuickBooksBench


def invoice_row(**fields: Any) -> dict[str, Any]:
    """An invoice as an answer has it."""
    line = {
        "Id": "1",
        "Amount": Decimal(100),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "5"}, "TaxCodeRef": {"value": "2"}},
    }
    return {
        "Id": "9",
        "SyncToken": "3",
        "TxnDate": "2026-09-14",
        "DocNumber": "INV-1",
        "CustomerRef": {"value": "4", "name": "Somebody"},
        "CurrencyRef": {"value": "GBP"},
        "Line": [line, {"Amount": Decimal(100), "DetailType": "SubTotalLineDetail"}],
        "TxnTaxDetail": {"TotalTax": Decimal(20)},
        "TotalAmt": Decimal(120),
        "Balance": Decimal(120),
        **fields,
    }


def document(entity: Entity, values: dict[str, Any]) -> BillingDocument:
    """An object as we keep it."""
    record = read(entity, values, lambda: "USD").record
    assert isinstance(record, BillingDocument)
    return record


class TestReadingDocuments:
    @pytest.mark.parametrize(
        ("balance", "total", "note", "status"),
        [
            ("120", "120", None, "open"),
            ("20", "120", None, "partially_paid"),
            ("0", "120", None, "paid"),
            ("0", "0", "Voided - thank you", "void"),
            ("0", "0", "Voided", "void"),
            ("0", "0", "A sample", "paid"),
            ("120", "120", "Voided by mistake, entered again", "open"),
        ],
    )
    def test_the_state_follows_from_the_amounts(
        self, balance: str, total: str, note: str | None, status: str
    ) -> None:
        values = invoice_row(
            Balance=Decimal(balance), TotalAmt=Decimal(total), PrivateNote=note, TxnTaxDetail=None
        )

        assert document(Entity.INVOICE, values).status == status

    def test_a_credit_memo_is_open_by_what_remains_of_it(self) -> None:
        values = invoice_row(RemainingCredit=Decimal(50), Balance=Decimal(0))

        note = document(Entity.CREDIT_MEMO, values)

        assert isinstance(note, CreditNote)
        assert (note.id, note.side) == ("credit-memo:9", Side.CUSTOMER)
        assert (note.balance, note.status) == (Decimal(50), "partially_paid")

    def test_subtotals_are_no_lines_and_discounts_are_allowances(self) -> None:
        discount = {
            "Amount": Decimal(10),
            "DetailType": "DiscountLineDetail",
            "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": Decimal(10)},
        }
        values = invoice_row()
        values["Line"].append(discount)

        there = document(Entity.INVOICE, values)

        assert len(there.lines) == 1
        assert [(one.kind, one.amount) for one in there.allowances_charges] == [
            ("allowance", Decimal(10))
        ]

    def test_unknown_lines_pass(self) -> None:
        values = invoice_row()
        values["Line"].append({"DetailType": "HologramLineDetail", "Amount": Decimal(5)})

        assert len(document(Entity.INVOICE, values).lines) == 2

    def test_without_a_currency_it_is_the_companys(self) -> None:
        assert document(Entity.INVOICE, invoice_row(CurrencyRef=None)).currency == "USD"

    @pytest.mark.parametrize(
        "broken", [{"TxnDate": None}, {"TotalAmt": None}, {"CustomerRef": None}, {"Id": None}]
    )
    def test_what_is_essential_must_be_there(self, broken: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"it (has|names) no"):
            read(Entity.INVOICE, invoice_row(**broken), lambda: "USD")

    @pytest.mark.parametrize("entity", [one for one in Entity if one.value[:3] != "Tax"])
    def test_of_what_is_deleted_the_id_is_left(self, entity: Entity) -> None:
        there = read(entity, {"Id": "7", "status": "Deleted"}, lambda: None)

        assert there.deleted
        assert there.record.id == there.platform_id

    def test_an_account_without_a_code_is_known_by_its_id(self, uk: QuickBooksBench) -> None:
        there = {one.platform_id: one.record for one in uk.records(ObjectType.LEDGER_ACCOUNT)}

        suspense, sales = there[uk.known.undeposited], there[uk.known.sales]
        assert isinstance(suspense, LedgerAccount)
        assert isinstance(sales, LedgerAccount)
        assert (suspense.code, suspense.classification) == (None, "asset")
        assert (sales.code, sales.classification) == ("4000", "income")


class TestTaxOutsideTheUs:
    def test_each_line_has_its_code(self, uk: QuickBooksBench) -> None:
        lines = [uk.line("100.00"), uk.line("50.00", uk.known.tax_reduced)]

        done = uk.accepted(uk.invoice(lines=lines))

        assert (done.totals.net, done.totals.tax) == (Decimal(150), Decimal("22.50"))

    def test_what_both_ways_of_rounding_give_is_not_overridden(self, uk: QuickBooksBench) -> None:
        done = uk.accepted(uk.invoice("100.00", "50.00"))

        assert b'"TaxLine"' not in uk.quickbooks.traffic.log[-1].body
        assert done.totals.tax == Decimal(30)

    @pytest.mark.parametrize("tax", ["0.03", "0.04", "0.01"])
    def test_our_tax_goes_before_the_computed_one(self, uk: QuickBooksBench, tax: str) -> None:
        lines = [uk.line("0.06") for _ in range(3)]
        given = uk.invoice(lines=lines)
        total = given.net_total + Decimal(tax)
        part = given.tax_breakdown[0].model_copy(
            update={"taxable_amount": given.net_total, "tax_amount": Decimal(tax)}
        )
        changes = {"tax_total": Decimal(tax), "total": total, "tax_breakdown": (part,)}

        done = uk.accepted(given.model_copy(update=changes))

        assert (done.totals.tax, done.totals.total) == (Decimal(tax), total)

    def test_several_codes_are_overridden_one_by_one(self, uk: QuickBooksBench) -> None:
        lines = [uk.line("0.06") for _ in range(3)] + [uk.line("10.10", uk.known.tax_reduced)]
        breakdown = (
            TaxSubtotal(
                taxable_amount=Decimal("0.18"),
                tax_amount=Decimal("0.03"),
                rate=Decimal(20),
                tax_rate_id=uk.known.tax_standard,
            ),
            TaxSubtotal(
                taxable_amount=Decimal("10.10"),
                tax_amount=Decimal("0.50"),
                rate=Decimal(5),
                tax_rate_id=uk.known.tax_reduced,
            ),
        )
        given = uk.invoice(lines=lines)
        sums = {"tax_total": Decimal("0.53"), "total": given.net_total + Decimal("0.53")}

        done = uk.accepted(given.model_copy(update={**sums, "tax_breakdown": breakdown}))

        row = uk.company.row("Invoice", done.platform_id)
        assert [one["Amount"] for one in row["TxnTaxDetail"]["TaxLine"]] == [
            Decimal("0.03"),
            Decimal("0.50"),
        ]

    def test_an_allowance_is_a_line_with_its_tax(self, uk: QuickBooksBench) -> None:
        allowance = AllowanceCharge(
            kind="allowance",
            amount=Decimal(10),
            reason="Discount",
            tax_rate_id=uk.known.tax_standard,
            account_id=uk.known.sales,
        )
        given = uk.invoice("100.00", allowances_charges=(allowance,))
        sums = {"net_total": Decimal(90), "tax_total": Decimal(18), "total": Decimal(108)}

        done = uk.accepted(given.model_copy(update=sums))

        assert done.totals.total == Decimal(108)

    def test_a_purchase_rate_of_its_own_is_its_code(self, uk: QuickBooksBench) -> None:
        code = uk.company.add_tax_code("Half", "20", purchase_percent="10")
        line = uk.line(
            "100.00",
            account_id=uk.known.purchases,
            tax_rate_id=f"{code}:purchases",
            tax_rate=Decimal(10),
        )

        done = uk.accepted(uk.bill(lines=[line]))

        assert done.totals.total == Decimal(110)

    def test_a_line_without_tax_takes_the_code_for_that(self, uk: QuickBooksBench) -> None:
        lines = [uk.line("10.00", tax_rate_id=None, tax_rate=None), uk.line("10.00")]

        error = uk.error(uk.invoice(lines=lines))
        done = uk.accepted(uk.invoice(lines=lines), tax_code_for_untaxed=uk.known.tax_none)

        assert isinstance(error, Rejected)
        assert done.totals.total == Decimal(22)

    def test_a_document_without_any_tax_says_so(self, uk: QuickBooksBench) -> None:
        lines = [uk.line("10.00", tax_rate_id=None, tax_rate=None)]

        done = uk.accepted(uk.invoice(lines=lines))

        row = uk.company.row("Invoice", done.platform_id)
        assert row["GlobalTaxCalculation"] == "NotApplicable"

    def test_a_rate_that_changed_is_the_one_of_the_day(self) -> None:
        rate = {
            "Id": "1",
            "RateValue": 20,
            "EffectiveTaxRate": [
                {"RateValue": 17.5, "EffectiveDate": "2010-01-01", "EndDate": "2011-01-03"},
                {"RateValue": 20, "EffectiveDate": "2011-01-04"},
            ],
        }
        detail = {"TaxRateRef": {"value": "1"}, "TaxTypeApplicable": "TaxOnAmount"}
        code = {"Id": "5", "Name": "S", "SalesTaxRateList": {"TaxRateDetail": [detail]}}
        taxes = Taxes([TaxCodeRow.model_validate(code)], [TaxRateRow.model_validate(rate)])

        def percent(day: dt.date) -> Decimal:
            (part,) = taxes.parts("5", bought=False, on=day)
            return part.percent

        assert percent(dt.date(2010, 6, 1)) == Decimal("17.5")
        assert percent(DAY) == 20

    def test_a_rate_on_other_taxes_counts_for_what_it_comes_to(self) -> None:
        rates = [{"Id": "1", "RateValue": 10}, {"Id": "2", "RateValue": 5}]
        details = [
            {"TaxRateRef": {"value": "1"}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0},
            {
                "TaxRateRef": {"value": "2"},
                "TaxTypeApplicable": "TaxOnAmountPlusTax",
                "TaxOrder": 1,
            },
        ]
        code = TaxCodeRow.model_validate(
            {"Id": "5", "Name": "S", "SalesTaxRateList": {"TaxRateDetail": details}}
        )
        taxes = Taxes([code], [TaxRateRow.model_validate(one) for one in rates])

        (record,) = taxes.records(code)

        assert record.rate == Decimal("15.5")
        assert [part.compound for part in record.components] == [False, True]


class TestTaxInTheUs:
    def taxed(self, us: QuickBooksBench, *codes: str, tax: str = "8.25") -> Invoice:
        """An invoice of 100.00 for each code."""
        lines = [us.line("100.00", code, tax_rate=Decimal("8.25")) for code in codes]
        given = us.invoice(lines=lines)
        total = given.net_total + Decimal(tax)
        return given.model_copy(update={"tax_total": Decimal(tax), "total": total})

    def test_lines_are_tax_or_non(self, us: QuickBooksBench) -> None:
        _, result = us.push(self.taxed(us, "1", "NON"))

        assert isinstance(result, Accepted)
        codes = [
            one["SalesItemLineDetail"]["TaxCodeRef"]["value"]
            for one in us.company.row("Invoice", result.platform_id)["Line"]
            if "SalesItemLineDetail" in one
        ]
        assert codes == ["TAX", "NON"]

    def test_where_quickbooks_does_not_compute_it_the_code_is_named(
        self, us: QuickBooksBench
    ) -> None:
        us.company.preferences.automatic_tax = False

        done = us.accepted(self.taxed(us, "1"))

        assert done.totals.tax == Decimal("8.25")
        detail = us.company.row("Invoice", done.platform_id)["TxnTaxDetail"]
        assert detail["TxnTaxCodeRef"]["value"] == "1"

    def test_two_codes_on_one_document_are_refused(self, us: QuickBooksBench) -> None:
        nevada = us.company.add_tax_code("Nevada", "6.85")

        assert us.error(self.taxed(us, "1", nevada)).code == "one_tax_code"

    def test_tax_on_a_bill_is_refused(self, us: QuickBooksBench) -> None:
        given: Bill = us.bill("80.00")
        taxed = {"tax_total": Decimal(8), "total": Decimal(88)}

        assert us.error(given.model_copy(update=taxed)).code == "tax_on_purchases"


class TestCurrencies:
    def test_a_foreign_invoice_names_currency_and_rate(self, uk: QuickBooksBench) -> None:
        given = uk.invoice(
            currency="EUR",
            currency_rate=Decimal("0.85"),
            contact_id=f"customer:{uk.known.foreign_customer}",
        )

        done = uk.accepted(given)

        row = uk.company.row("Invoice", done.platform_id)
        assert (row["CurrencyRef"]["value"], row["ExchangeRate"]) == ("EUR", Decimal("0.85"))

    def test_a_customer_of_another_currency_is_refused_with_a_reason(
        self, uk: QuickBooksBench
    ) -> None:
        error = uk.error(uk.invoice(currency="EUR"))

        assert isinstance(error, Rejected)
        assert "is in EUR: customers, vendors and accounts have one currency" in error.message

    def test_one_currency_is_one_currency(self, us: QuickBooksBench) -> None:
        error = us.error(us.invoice(currency="EUR"))

        assert error.code == "one_currency"
        assert "keeps its books in USD alone" in error.message


class TestLines:
    def test_what_does_not_multiply_is_booked_once(self, uk: QuickBooksBench) -> None:
        line = uk.line("10.00", quantity=Decimal(3), unit_price=Decimal("3.33"))

        done = uk.accepted(uk.invoice(lines=[line]))

        assert done.totals.net == Decimal(10)
        assert done.notes == ("line 1 is booked as 1 x 10.00",)

    def test_a_price_for_several_is_a_price_for_one(self, uk: QuickBooksBench) -> None:
        line = uk.line(
            "7.50",
            quantity=Decimal(30),
            unit_price=Decimal(25),
            price_base_quantity=Decimal(100),
        )

        done = uk.accepted(uk.invoice(lines=[line]))

        detail = uk.company.row("Invoice", done.platform_id)["Line"][0]["SalesItemLineDetail"]
        assert (detail["Qty"], detail["UnitPrice"]) == (30, Decimal("0.25"))
        assert done.notes == ()

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"number": "X" * 22}, "number"),
            ({"note": "x" * 4000}, "note"),
        ],
    )
    def test_what_has_no_room_is_refused(
        self, uk: QuickBooksBench, fields: dict[str, Any], field: str
    ) -> None:
        error = uk.error(uk.invoice(**fields))

        assert error.cause is not None
        assert (error.cause.code, error.cause.words["field"]) == ("field_too_long", field)

    def test_a_document_without_a_number_has_our_mark_for_one(self, uk: QuickBooksBench) -> None:
        item = uk.item(uk.invoice(number=None))

        done = uk.accepted(item)

        assert uk.company.row("Invoice", done.platform_id)["DocNumber"] == item.marker
        assert done.number is None

    def test_what_the_customer_reads_comes_back(self, uk: QuickBooksBench) -> None:
        done = uk.accepted(uk.invoice(note="Thank you", reference="PO-7"))

        (there,) = [one for one in uk.records(ObjectType.INVOICE) if one.record.note]
        assert there.record.note == "Thank you"
        assert "Reference: PO-7" in uk.company.row("Invoice", done.platform_id)["PrivateNote"]


class TestEntries:
    def test_third_parties_come_back(self, uk: QuickBooksBench) -> None:
        lines = (
            JournalLine(account_id=uk.known.receivable, debit=Decimal(5), contact_id=uk.customer),
            JournalLine(account_id=uk.known.sales, credit=Decimal(5)),
        )

        done = uk.accepted(uk.entry(lines=lines))

        (there,) = [
            one.record
            for one in uk.records(ObjectType.JOURNAL_ENTRY)
            if one.platform_id == done.platform_id
        ]
        assert isinstance(there, JournalEntry)
        assert there.lines[0].contact_id == uk.customer
        assert there.description == "Bank charges"

    def test_a_taxed_line_is_refused(self, uk: QuickBooksBench) -> None:
        entry = uk.entry()
        line = entry.lines[0].model_copy(update={"tax_rate_id": uk.known.tax_standard})

        error = uk.error(entry.model_copy(update={"lines": (line, entry.lines[1])}))

        assert error.code == "taxed_entry"
