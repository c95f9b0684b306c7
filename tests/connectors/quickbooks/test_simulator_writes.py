"""Writing documents into the simulated QuickBooks: updates, voids, deletes, numbers, taxes."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.quickbooks.simulated.company import BusinessError
from connectors.quickbooks.simulator import QuickBooks
from tests.connectors.quickbooks.desk import Desk, message, said

Json = dict[str, Any]


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    simulator = QuickBooks()
    simulator.change(second_limit=10_000)
    yield simulator
    assert simulator.crashes == []


@pytest.fixture
def desk(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks)


@pytest.fixture
def us(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks, quickbooks.us)


def of(row: Json, **more: Any) -> Json:
    """What a write needs to name a row."""
    return {"Id": row["Id"], "SyncToken": row["SyncToken"], **more}


def amounts(row: Json) -> tuple[float, float, float]:
    return row["TotalAmt"], row["TxnTaxDetail"]["TotalTax"], row["Balance"]


class TestCreate:
    def test_invoice_gets_id_token_totals_and_a_subtotal_line(self, desk: Desk) -> None:
        body = desk.invoice("100.00", "20.50", DocNumber="INV-1", PrivateNote="LB-1")

        made = desk.made("Invoice", body)

        assert (made["Id"], made["SyncToken"], made["DocNumber"]) == ("1", "0", "INV-1")
        assert amounts(made) == (144.6, 24.1, 144.6)
        assert made["Line"][-1]["DetailType"] == "SubTotalLineDetail"
        assert made["MetaData"]["CreateTime"].endswith("-08:00")
        assert made["CustomerRef"]["name"] == "Northwind Traders"

    def test_ids_are_counted_per_entity(self, desk: Desk) -> None:
        assert desk.company.add_invoice() == desk.company.add_bill() == "1"

    def test_members_that_are_only_read_are_ignored_and_unknown_ones_refused(
        self, desk: Desk
    ) -> None:
        made = desk.made("Invoice", desk.invoice(Balance=1, TotalAmt=1, LinkedTxn=[]))

        assert made["Balance"] == 120
        assert said(desk.post("invoice", desk.invoice(Colour="blue"))) == (400, "2010")

    def test_references_must_be_there_and_active(self, desk: Desk) -> None:
        lost = desk.post("invoice", desk.invoice(CustomerRef={"value": "99"}))
        desk.company.deactivate("Item", desk.company.known.item)
        inactive = desk.post("invoice", desk.invoice())

        assert said(lost) == (400, "2500")
        assert "Names element id 99 not found" in message(lost)
        assert said(inactive) == (400, "610")
        assert said(desk.post("invoice", {"Line": [desk.line(1)]})) == (400, "2020")

    def test_line_without_an_item_loses_its_amount_silently(self, desk: Desk) -> None:
        body = desk.invoice("100.00")
        text = {"Amount": 50, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}

        made = desk.made("Invoice", {**body, "Line": [*body["Line"], text]})

        assert made["TotalAmt"] == 120
        assert made["Line"][1]["DetailType"] == "DescriptionOnly"

    def test_amount_must_be_the_product_of_price_and_quantity(self, desk: Desk) -> None:
        fits = desk.line("33.33", Qty=3, UnitPrice=11.1111)
        wrong = desk.line("33.34", Qty=3, UnitPrice=11.1111)

        assert desk.made("Invoice", {**desk.invoice(), "Line": [fits]})["TotalAmt"] == 40
        assert said(desk.post("invoice", {**desk.invoice(), "Line": [wrong]})) == (400, "6070")

    def test_texts_that_are_too_long_are_refused(self, desk: Desk) -> None:
        assert desk.made("Invoice", desk.invoice(DocNumber="N" * 21))
        assert said(desk.post("invoice", desk.invoice(DocNumber="N" * 22))) == (400, "2050")
        assert said(desk.post("invoice", desk.invoice(PrivateNote="N" * 4001))) == (400, "2050")
        payment = desk.payment(1, PaymentRefNum="N" * 22)
        assert said(desk.post("payment", payment)) == (400, "2050")
        account = {"Name": "Tolls", "AccountType": "Expense", "AcctNum": "12345678"}
        assert said(desk.post("account", account)) == (400, "2050")

    def test_receivable_account_is_named_where_there_are_several(self, desk: Desk) -> None:
        other = desk.company.add_account("Debtors abroad", "Accounts Receivable")
        named = {"ARAccountRef": {"value": other}}

        assert said(desk.post("invoice", desk.invoice())) == (400, "2020")
        assert desk.made("Invoice", desk.invoice(**named))["ARAccountRef"]["value"] == other
        wrong = {"ARAccountRef": {"value": desk.company.known.bank}}
        assert said(desk.post("invoice", desk.invoice(**wrong))) == (400, "6000")

    def test_taxed_document_has_750_lines_at_most(self, desk: Desk) -> None:
        lines = [desk.line("1")] * 751

        assert said(desk.post("invoice", desk.invoice(Line=lines))) == (400, "6000")
        assert desk.made("Invoice", desk.invoice(Line=lines[:750]))["TotalAmt"] == 900

    def test_american_files_keep_no_letters_outside_latin_1(self, us: Desk) -> None:
        made = us.made("Invoice", us.invoice(PrivateNote="Zürich – Łódź"))

        assert made["PrivateNote"] == "Zürich ? ?ód?"

    def test_what_is_not_modelled_is_refused(self, desk: Desk) -> None:
        assert desk.post("salesreceipt", {}).status_code == 400
        assert desk.post("invoice", desk.invoice(), operation="send").status_code == 400
        assert desk.post("taxcode", {"Name": "x"}).status_code == 400
        assert desk.get("reports/BalanceSheet").status_code == 400
        assert desk.http.put("/invoice").status_code == 404


class TestNumbers:
    def test_duplicates_are_taken_unless_the_company_refuses_them(self, desk: Desk) -> None:
        body = desk.invoice(DocNumber="INV-1")
        desk.made("Invoice", body)
        desk.made("Invoice", body)
        assert desk.quickbooks.twice() == [("GB", "Invoice", "number inv-1")]

        desk.company.preferences.unique_numbers = True
        answer = desk.post("invoice", body)

        assert said(answer) == (400, "6140")
        assert "Duplicate Document Number Error" in message(answer)
        desk.quickbooks.change(duplicate_number_code="6210")
        assert said(desk.post("invoice", body)) == (400, "6210")
        assert desk.made("Invoice", body, include="allowduplicatedocnum")

    def test_bill_numbers_are_unique_per_vendor(self, desk: Desk) -> None:
        desk.company.preferences.unique_numbers = True
        other = desk.company.add_vendor("Other")
        desk.company.add_bill(number="1")

        assert desk.company.add_bill(vendor_id=other, number="1")
        with pytest.raises(BusinessError):
            desk.company.add_bill(number="1")

    def test_sold_documents_are_numbered_where_the_company_has_no_numbers_of_its_own(
        self, desk: Desk, us: Desk
    ) -> None:
        assert "DocNumber" not in desk.made("Invoice", desk.invoice())
        assert desk.made("Invoice", desk.invoice(DocNumber="AUTO_GENERATE"))["DocNumber"] == "1001"
        assert us.made("Invoice", us.invoice())["DocNumber"] == "1001"
        assert us.made("Invoice", us.invoice())["DocNumber"] == "1002"


class TestUpdate:
    def test_sync_token_grows_and_an_old_one_is_refused(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice())
        changed = desk.made("Invoice", of(made, sparse=True, PrivateNote="new"))

        stale = desk.post("invoice", of(made, sparse=True, PrivateNote="newer"))

        assert changed["SyncToken"] == "1"
        assert said(stale) == (400, "5010")
        assert desk.get("invoice/1").json()["Invoice"]["PrivateNote"] == "new"

    def test_sparse_update_leaves_the_rest_alone(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice("10", "20", DocNumber="INV-1"))

        changed = desk.made("Invoice", of(made, sparse=True, PrivateNote="new"))

        assert (changed["DocNumber"], changed["TotalAmt"]) == ("INV-1", 36)
        assert [one.get("Id") for one in changed["Line"]] == ["1", "2", None]

    def test_full_update_forgets_what_it_does_not_say(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice(DocNumber="INV-1", PrivateNote="mine"))

        changed = desk.made("Invoice", desk.invoice("50", **of(made)))

        assert "DocNumber" not in changed
        assert "PrivateNote" not in changed
        assert changed["TotalAmt"] == 60

    def test_lines_are_replaced_as_a_list_and_keep_ids_that_are_sent(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice("10", "20"))
        kept = {**desk.line("20"), "Id": "2"}

        changed = desk.made("Invoice", of(made, sparse=True, Line=[kept, desk.line("5")]))

        assert [(one["Id"], one["Amount"]) for one in changed["Line"][:2]] == [("2", 20), ("3", 5)]
        assert changed["TotalAmt"] == 30

    def test_update_of_what_is_not_there_is_refused(self, desk: Desk) -> None:
        nothing = {"Id": "77", "SyncToken": "0", "sparse": True}

        assert said(desk.post("invoice", nothing)) == (400, "610")
        assert said(desk.post("invoice", {"Id": "77", "sparse": True})) == (400, "2020")
        assert said(desk.get("invoice/77")) == (400, "610")

    def test_fault_may_come_with_http_200(self, desk: Desk) -> None:
        desk.quickbooks.change(faults_with_200=True)

        assert said(desk.post("invoice", desk.invoice(CustomerRef={"value": "9"}))) == (200, "2500")


class TestVoidAndDelete:
    def test_void_puts_amounts_to_zero_and_says_so_in_the_note(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice(PrivateNote="LB-1", DocNumber="INV-1"))

        void = desk.made("Invoice", of(made), operation="void")

        assert amounts(void) == (0, 0, 0)
        assert (void["PrivateNote"], void["DocNumber"]) == ("Voided - LB-1", "INV-1")
        assert void["SyncToken"] == "1"
        assert desk.company.documents_with("Invoice", "INV-1") == []

    def test_deleted_document_is_gone(self, desk: Desk) -> None:
        made = desk.made("Bill", _bill(desk))

        deleted = desk.made("Bill", of(made), operation="delete")

        assert deleted == {"Id": made["Id"], "status": "Deleted", "domain": "QBO"}
        assert said(desk.get(f"bill/{made['Id']}")) == (400, "610")

    def test_bills_are_not_voided_and_names_not_deleted(self, desk: Desk) -> None:
        bill, vendor = desk.made("Bill", _bill(desk)), desk.company.row("Vendor", "1")

        assert desk.post("bill", of(bill), operation="void").status_code == 400
        assert desk.post("vendor", of(vendor), operation="delete").status_code == 400

    def test_closed_period_takes_nothing(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice(TxnDate="2026-03-31"))
        desk.company.close_books(dt.date(2026, 3, 31))

        answers = [
            desk.post("invoice", desk.invoice(TxnDate="2026-03-31")),
            desk.post("invoice", of(made, sparse=True, TxnDate="2026-04-01")),
            desk.post("invoice", of(made), operation="delete"),
            desk.post("invoice", of(made), operation="void"),
        ]

        assert [said(one) for one in answers] == [(400, "6210")] * 4
        assert "Account Period Closed" in message(answers[0])
        assert desk.made("Invoice", desk.invoice(TxnDate="2026-04-01"))
        desk.quickbooks.change(closed_period_code="5010")
        assert said(desk.post("invoice", desk.invoice(TxnDate="2026-03-31"))) == (400, "5010")


class TestTax:
    def test_every_line_needs_a_code_where_there_is_vat(self, desk: Desk) -> None:
        bare = desk.line("10")
        del bare["SalesItemLineDetail"]["TaxCodeRef"]
        body = desk.invoice(Line=[bare], TxnTaxDetail={"TxnTaxCodeRef": {"value": "1"}})

        assert said(desk.post("invoice", body)) == (400, "6000")
        free = desk.made("Invoice", {**body, "GlobalTaxCalculation": "NotApplicable"})
        assert free["TotalAmt"] == 10

    def test_tax_is_rounded_per_rate_and_lines_say_what_it_is_on(self, desk: Desk) -> None:
        known = desk.company.known
        lines = [desk.line("0.12"), desk.line("0.12"), desk.line("10", known.tax_reduced)]

        made = desk.made("Invoice", desk.invoice(Line=lines))

        taxes = made["TxnTaxDetail"]["TaxLine"]
        assert [(one["Amount"], one["TaxLineDetail"]["NetAmountTaxable"]) for one in taxes] == [
            (0.05, 0.24),
            (0.5, 10),
        ]

    def test_amounts_may_include_their_tax(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice("120", GlobalTaxCalculation="TaxInclusive"))

        assert amounts(made) == (120, 20, 120)
        assert made["Line"][0]["Amount"] == 100
        assert made["Line"][0]["SalesItemLineDetail"]["TaxInclusiveAmt"] == 120
        again = desk.made("Invoice", of(made, sparse=True, Line=made["Line"]))
        assert again["TotalAmt"] == 120

    def test_tax_lines_that_are_sent_win(self, desk: Desk) -> None:
        line = {"Amount": 20.01, "TaxLineDetail": {"TaxRateRef": {"value": "1"}}}
        body = desk.invoice("100", TxnTaxDetail={"TaxLine": [line]})

        made = desk.made("Invoice", body)

        assert made["TotalAmt"] == 120.01
        assert desk.made("Invoice", of(made, sparse=True, PrivateNote="x"))["TotalAmt"] == 120.01
        line["TaxLineDetail"] = {"TaxRateRef": {"value": "3"}}
        assert said(desk.post("invoice", body)) == (400, "2500")

    def test_rate_is_the_one_of_the_day(self, desk: Desk) -> None:
        made = desk.made("Invoice", desk.invoice("100", TxnDate="2010-06-30"))

        assert made["TxnTaxDetail"]["TotalTax"] == 17.5

    def test_reverse_charge_cancels_out_on_purchases_and_is_none_on_sales(self, desk: Desk) -> None:
        (code,) = desk.found("select * from TaxCode where Name = '20.0% RC'")

        bill = desk.company.add_bill((("80", code["Id"]),))

        assert desk.company.total("Bill", bill) == Decimal("80.00")
        assert len(desk.company.row("Bill", bill)["TxnTaxDetail"]["TaxLine"]) == 2
        with pytest.raises(BusinessError):
            desk.company.add_invoice((("80", code["Id"]),))

    def test_codes_lead_to_rates_on_both_sides(self, desk: Desk) -> None:
        code = next(one for one in desk.found("select * from TaxCode") if one["Id"] == "1")
        rates = {one["Id"]: one["RateValue"] for one in desk.found("select * from TaxRate")}

        sides = [
            code[side]["TaxRateDetail"][0]["TaxRateRef"]["value"]
            for side in ("SalesTaxRateList", "PurchaseTaxRateList")
        ]

        assert [rates[one] for one in sides] == [20, 20]
        assert sides == ["1", "2"]
        assert len(desk.found("select * from TaxCode where Active in (true, false)")) == 6

    def test_american_tax_is_computed_by_quickbooks_whatever_is_sent(self, us: Desk) -> None:
        known = us.company.known
        lines = [us.line("100"), us.line("50", known.tax_none)]

        made = us.made("Invoice", us.invoice(Line=lines, TxnTaxDetail={"TotalTax": 3}))

        assert amounts(made) == (158.25, 8.25, 158.25)
        assert "GlobalTaxCalculation" not in made
        exempt = us.company.add_customer("School", Taxable=False)
        free = us.made("Invoice", us.invoice(CustomerRef={"value": exempt}))
        assert free["TxnTaxDetail"]["TotalTax"] == 0

    def test_american_company_without_automatic_tax_takes_what_is_sent(self, us: Desk) -> None:
        us.company.preferences.automatic_tax = False

        made = us.made("Invoice", us.invoice("100", TxnTaxDetail={"TotalTax": 3}))

        assert made["TotalAmt"] == 103
        wrong = us.line("1", "1")
        assert said(us.post("invoice", us.invoice(Line=[wrong]))) == (400, "2500")

    def test_tax_on_tax_is_added_up_on_the_net_amount(self, desk: Desk) -> None:
        code = desk.company.add_tax_code("Federal", "10")
        other = desk.company.add_tax_code("Regional", "5")
        federal, regional = (
            desk.company.books.row("TaxCode", one).body["SalesTaxRateList"]["TaxRateDetail"]
            for one in (code, other)
        )
        federal.append({**regional[0], "TaxTypeApplicable": "TaxOnAmountPlusTax", "TaxOrder": 1})

        made = desk.made("Invoice", desk.invoice(Line=[desk.line("100", code)]))

        assert [one["Amount"] for one in made["TxnTaxDetail"]["TaxLine"]] == [10, 5.5]

    def test_discount_takes_tax_along(self, desk: Desk) -> None:
        detail = {"PercentBased": True, "DiscountPercent": 10}
        line = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}

        made = desk.made("Invoice", desk.invoice(Line=[desk.line("100"), line]))

        assert amounts(made) == (108, 18, 108)


class TestNames:
    def test_display_name_is_unique_over_customers_vendors_and_employees(self, desk: Desk) -> None:
        desk.company.add_employee("Pat Driver")

        taken = [
            desk.post("vendor", {"DisplayName": name})
            for name in ("northwind traders", "Pat Driver", "Fleet Fuel Cards")
        ]

        assert [said(one) for one in taken] == [(400, "6240")] * 3
        assert "Another customer is already using this name" in message(taken[0])

    def test_inactive_name_can_be_used_again(self, desk: Desk) -> None:
        desk.company.deactivate("Customer", desk.company.known.customer)

        assert desk.made("Vendor", {"DisplayName": "Northwind Traders"})
        with pytest.raises(BusinessError):
            desk.company.activate("Customer", desk.company.known.customer)

    def test_names_have_no_colons_and_addresses_look_like_some(self, desk: Desk) -> None:
        bad = [
            {"DisplayName": "A:B"},
            {"DisplayName": "A\tB"},
            {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "nowhere"}},
            {},
        ]

        assert [desk.post("customer", one).status_code for one in bad] == [400] * 4

    def test_currency_of_a_name_is_fixed(self, desk: Desk) -> None:
        known = desk.company.known
        row = desk.company.row("Customer", known.foreign_customer)
        euro = {"CustomerRef": {"value": known.foreign_customer}}

        assert said(desk.post("customer", of(row, sparse=True, CurrencyRef={"value": "USD"}))) == (
            400,
            "6000",
        )
        made = desk.made("Invoice", desk.invoice(**euro, ExchangeRate=0.5))
        assert (made["CurrencyRef"]["value"], made["HomeTotalAmt"]) == ("EUR", 60)
        wrong = desk.invoice(**euro, CurrencyRef={"value": "GBP"})
        assert said(desk.post("invoice", wrong)) == (400, "6000")

    def test_american_company_has_one_currency(self, us: Desk) -> None:
        body = {"DisplayName": "Müller", "CurrencyRef": {"value": "EUR"}}

        assert said(us.post("customer", body)) == (400, "6000")

    def test_customers_and_vendors_have_balances(self, desk: Desk) -> None:
        known = desk.company.known
        desk.company.add_invoice()
        desk.company.receive("20")

        assert desk.company.row("Customer", known.customer)["Balance"] == 100
        owing = "select * from Customer where Balance > '99'"
        assert [one["Id"] for one in desk.found(owing)] == [known.customer]

    def test_items_need_an_account_and_accounts_a_type(self, desk: Desk) -> None:
        known = desk.company.known
        service = {"Name": "Storage", "Type": "Service"}

        assert desk.post("item", service).status_code == 400
        desk.quickbooks.change(items_need_both_accounts=True)
        sold = {**service, "IncomeAccountRef": {"value": known.sales}}
        assert said(desk.post("item", sold)) == (400, "2020")
        desk.quickbooks.change(items_need_both_accounts=False)
        assert desk.made("Item", sold)
        wrong = {**service, "Name": "S2", "IncomeAccountRef": {"value": known.bank}}
        assert said(desk.post("item", wrong)) == (400, "6000")
        made = desk.made("Account", {"Name": "Tolls", "AccountType": "Expense"})
        assert made["Classification"] == "Expense"
        assert desk.post("account", {"Name": "Tolls2"}).status_code == 400


class TestJournals:
    def test_debits_and_credits_must_balance(self, desk: Desk) -> None:
        made = desk.company.add_journal(number="JE-1", PrivateNote="LB-9")

        assert desk.company.row("JournalEntry", made)["TotalAmt"] == 0
        with pytest.raises(BusinessError, match="6000"):
            desk.company.add_journal([("1", "10"), ("2", "-9")])

    def test_receivables_need_a_customer(self, desk: Desk) -> None:
        known = desk.company.known

        with pytest.raises(BusinessError, match="customer"):
            desk.company.add_journal([(known.receivable, "10"), (known.bank, "-10")])


def _bill(desk: Desk) -> Json:
    known = desk.company.known
    detail = {"AccountRef": {"value": known.purchases}, "TaxCodeRef": {"value": "1"}}
    line = {
        "Amount": 80,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": detail,
    }
    return {"VendorRef": {"value": known.vendor}, "Line": [line]}
