"""The simulated Xero's documents: lines and tax, batches, numbers, statuses, locks."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.xero.simulator import BusinessError
from tests.connectors.xero.simulator_desk import Desk, exact

NIL = "00000000-0000-0000-0000-000000000000"
NOT_VALID = "Invoice not of valid status for modification"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def sums(row: dict[str, Any]) -> tuple[float, float, float]:
    return float(row["SubTotal"]), float(row["TotalTax"]), float(row["Total"])


class TestLines:
    def test_tax_is_rounded_by_line_and_then_summed(self, desk: Desk) -> None:
        lines = [desk.line(UnitAmount=0.13), desk.line(UnitAmount=0.13)]

        row = desk.put("Invoices", desk.invoice(LineItems=lines))

        assert sums(row) == (0.26, 0.06, 0.32)

    def test_inclusive_amounts_have_the_tax_within(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(LineAmountTypes="Inclusive"))

        assert sums(row) == (83.33, 16.67, 100.0)

    def test_no_tax_is_no_tax(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(LineAmountTypes="NoTax"))

        assert sums(row) == (100.0, 0.0, 100.0)
        assert row["LineItems"][0]["TaxType"] == "NONE"

    def test_a_tax_amount_that_is_given_counts(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(LineItems=[desk.line(TaxAmount=19.99)]))

        assert sums(row) == (100.0, 19.99, 119.99)

    def test_totals_that_are_sent_are_ignored(self, desk: Desk) -> None:
        assert sums(desk.put("Invoices", desk.invoice(Total=7)))[2] == 120.0

    def test_a_price_is_rounded_to_two_places_without_unitdp(self, desk: Desk) -> None:
        body = desk.invoice(LineItems=[desk.line(UnitAmount=1.2345, Quantity=100)])

        rounded = desk.put("Invoices", body, unitdp="2")
        exact_ = desk.put("Invoices", body)

        assert (sums(rounded)[0], sums(exact_)[0]) == (123.0, 123.45)

    def test_a_line_amount_must_match_price_and_quantity(self, desk: Desk) -> None:
        line = desk.line(UnitAmount=10, Quantity=3, LineAmount=31)

        text = desk.refusal("PUT", "Invoices", desk.invoice(LineItems=[line]))

        assert text == "The line total 31.00 does not match the expected line total 30.00"

    def test_a_line_amount_alone_gives_the_price(self, desk: Desk) -> None:
        line = desk.line(LineAmount=100, Quantity=3)
        del line["UnitAmount"]

        row = desk.put("Invoices", desk.invoice(LineItems=[line]))

        assert row["LineItems"][0]["UnitAmount"] == Decimal("33.3333")
        assert sums(row)[0] == 100.0

    def test_sales_invoices_alone_have_discounts(self, desk: Desk) -> None:
        line = desk.line(DiscountRate=10)

        assert sums(desk.put("Invoices", desk.invoice(LineItems=[line])))[0] == 90.0
        bill = desk.bill()
        bill["LineItems"][0]["DiscountRate"] = 10
        assert "Discounts" in desk.refusal("PUT", "Invoices", bill)

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"AccountCode": "610"}, "Account code '610' is not a valid code"),
            ({"AccountCode": "090"}, "Account code '090' is not a valid code"),
            ({"AccountCode": "499"}, "Account code '499' is not a valid code"),
            ({"AccountCode": "nix"}, "Account code 'nix' is not a valid code"),
            ({"AccountCode": None}, "Account code must be specified."),
            ({"TaxType": "INPUT2"}, "The TaxType code 'INPUT2' does not exist or cannot be used"),
            ({"TaxType": "OUTPUT9"}, "The TaxType code 'OUTPUT9' does not exist"),
            ({"ItemCode": "NIX"}, "Item code 'NIX' is not valid"),
            ({"Description": "x" * 4001}, "Description exceeds 4000 characters"),
            ({"Tracking": [{"Name": "Region", "Option": "East"}]}, "Region: East does not exist"),
        ],
    )
    def test_lines_that_the_books_cannot_take(
        self, desk: Desk, fields: dict[str, Any], said: str
    ) -> None:
        body = desk.invoice(LineItems=[desk.line(**fields)])

        assert said in desk.refusal("PUT", "Invoices", body)

    def test_a_draft_loses_an_unknown_account_with_a_warning(self, desk: Desk) -> None:
        body = desk.invoice(Status="DRAFT", LineItems=[desk.line(AccountCode="nix")])

        row = desk.put("Invoices", body)

        assert row["StatusAttributeString"] == "WARNING"
        assert "has been removed" in row["Warnings"][0]["Message"]
        assert "AccountCode" not in row["LineItems"][0]
        said = desk.refusal(
            "POST", "Invoices", {"InvoiceID": row["InvoiceID"], "Status": "AUTHORISED"}
        )
        assert said == "Account code must be specified."

    def test_an_item_says_what_the_line_leaves_out(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(LineItems=[{"ItemCode": "FREIGHT", "Quantity": 2}]))

        line = row["LineItems"][0]
        assert (line["Description"], line["AccountCode"], sums(row)[0]) == ("Freight", "200", 190.0)

    def test_other_countries_have_other_rates(self, desk: Desk) -> None:
        au, us = desk.xero.au, desk.xero.us

        assert au.row("Invoices", au.add_invoice())["Total"] == 110
        assert us.row("Invoices", us.add_invoice())["TotalTax"] == Decimal("8.38")


class TestUpdatingLines:
    @pytest.fixture
    def there(self, desk: Desk) -> dict[str, Any]:
        return desk.put("Invoices", desk.invoice(LineItems=[desk.line(), desk.line()]))

    def update(self, desk: Desk, there: dict[str, Any], **fields: Any) -> dict[str, Any]:
        body = {"InvoiceID": there["InvoiceID"], "Status": "AUTHORISED", **fields}
        (row,) = desk.written("POST", "Invoices", body)
        assert row["StatusAttributeString"] == "OK", row
        return row

    def test_lines_that_are_left_out_stay(self, desk: Desk, there: dict[str, Any]) -> None:
        row = self.update(desk, there, Reference="R")

        assert row["LineItems"] == there["LineItems"]

    def test_lines_that_are_not_sent_are_deleted(self, desk: Desk, there: dict[str, Any]) -> None:
        kept = {"LineItemID": there["LineItems"][1]["LineItemID"], "UnitAmount": 50}

        row = self.update(desk, there, LineItems=[kept, desk.line(UnitAmount=1)])

        assert sums(row) == (51.0, 10.2, 61.2)
        assert row["LineItems"][0]["LineItemID"] == kept["LineItemID"]
        assert row["LineItems"][0]["Description"] == "Freight"

    def test_an_unknown_line_id_is_refused(self, desk: Desk, there: dict[str, Any]) -> None:
        lines = [desk.line(LineItemID=there["InvoiceID"])]
        body = {"InvoiceID": there["InvoiceID"], "Status": "AUTHORISED", "LineItems": lines}

        assert "does not belong" in desk.refusal("POST", "Invoices", body)


class TestBatches:
    def test_each_element_has_its_own_outcome_when_errors_are_not_summarised(
        self, desk: Desk
    ) -> None:
        bad = desk.invoice(Contact={"ContactID": NIL})

        rows = desk.written("PUT", "Invoices", desk.invoice(), bad, desk.invoice())

        assert [row["StatusAttributeString"] for row in rows] == ["OK", "ERROR", "OK"]
        assert (rows[1]["InvoiceID"], rows[1]["HasErrors"]) == (NIL, True)
        assert rows[1]["ValidationErrors"] == [{"Message": "The contact could not be found"}]
        assert len(desk.uk.invoices) == 2

    @pytest.mark.parametrize("saves", [False, True])
    def test_otherwise_one_bad_element_makes_it_a_400(self, desk: Desk, saves: bool) -> None:
        desk.xero.change(saves_good_ones_on_400=saves)
        body = {"Invoices": [desk.invoice(), desk.invoice(Status="PAID")]}

        response = desk.ask("PUT", "/Invoices", body)

        said = exact(response)
        assert (response.status_code, said["ErrorNumber"]) == (400, 10)
        assert said["Type"] == "ValidationException"
        (element,) = said["Elements"]
        assert "PAID" in element["ValidationErrors"][0]["Message"]
        assert len(desk.uk.invoices) == int(saves)

    def test_a_refused_element_leaves_nothing_behind(self, desk: Desk) -> None:
        before = len(desk.uk.contacts)
        body = desk.invoice(Contact={"Name": "Brand new"}, LineItems=[desk.line(AccountCode="x")])

        desk.refusal("PUT", "Invoices", body)

        assert len(desk.uk.contacts) == before

    def test_a_bare_object_is_a_batch_of_one(self, desk: Desk) -> None:
        assert desk.ask("PUT", "/Invoices", desk.invoice()).status_code == 200

    @pytest.mark.parametrize("endpoint", ["Accounts", "TaxRates"])
    def test_accounts_and_rates_come_one_by_one(self, desk: Desk, endpoint: str) -> None:
        response = desk.ask("PUT", f"/{endpoint}", {endpoint: [{}, {}]})

        assert (response.status_code, response.json()["Type"]) == (400, "PostDataInvalidException")

    def test_a_wrong_type_fails_the_whole_request(self, desk: Desk) -> None:
        body = {"Invoices": [desk.invoice(), desk.invoice(Date="tomorrow")]}

        response = desk.ask("PUT", "/Invoices", body, summarizeErrors="false")

        assert (response.status_code, desk.uk.invoices) == (400, [])


class TestNumbers:
    def test_sales_numbers_are_unique_and_given_where_missing(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice())

        assert row["InvoiceNumber"] == "INV-0001"
        body = desk.invoice(InvoiceNumber="INV-0001")
        assert desk.refusal("PUT", "Invoices", body) == "Invoice # must be unique."

    def test_post_by_number_updates_a_sales_invoice(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(InvoiceNumber="N-1"))

        (again,) = desk.written(
            "POST", "Invoices", desk.invoice(InvoiceNumber="N-1", Reference="R")
        )

        assert (again["InvoiceID"], again["Reference"]) == (row["InvoiceID"], "R")

    def test_a_deleted_number_is_not_free_again(self, desk: Desk) -> None:
        draft = desk.uk.add_invoice(InvoiceNumber="N-1", Status="DRAFT")
        desk.uk.delete("Invoices", draft)

        assert desk.refusal("POST", "Invoices", desk.invoice(InvoiceNumber="N-1")) == NOT_VALID
        assert "unique" in desk.refusal("PUT", "Invoices", desk.invoice(InvoiceNumber="N-1"))

    def test_bill_numbers_are_free_and_post_by_number_makes_another_bill(self, desk: Desk) -> None:
        desk.put("Invoices", desk.bill(InvoiceNumber="B-1"))
        (row,) = desk.written("POST", "Invoices", desk.bill(InvoiceNumber="B-1"))

        assert row["StatusAttributeString"] == "OK"
        assert len(desk.uk.documents_with("Invoices", "B-1")) == 2
        assert desk.xero.twice() == [
            (desk.uk.name, "Invoices", f"ACCPAY number B-1 of {desk.known.supplier}")
        ]

    def test_bills_have_no_reference(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.bill(Reference="R", Url="https://we.test/1"))

        assert ("Reference" in row, row["Url"]) == (False, "https://we.test/1")
        body = {"InvoiceID": row["InvoiceID"], "Status": "AUTHORISED", "Reference": "R"}
        (row,) = desk.written("POST", "Invoices", body)
        assert "Reference" not in row

    @pytest.mark.parametrize("number", ["x" * 256, "Größe", "a\nb"])
    def test_numbers_are_printable_ascii(self, desk: Desk, number: str) -> None:
        assert "ASCII" in desk.refusal("PUT", "Invoices", desk.invoice(InvoiceNumber=number))

    def test_credit_notes_have_numbers_of_their_own(self, desk: Desk) -> None:
        body = desk.invoice(Type="ACCRECCREDIT", CreditNoteNumber="CN-9")
        desk.put("CreditNotes", body)

        assert desk.refusal("PUT", "CreditNotes", body) == "CreditNote # must be unique."


class TestStatuses:
    @pytest.mark.parametrize(
        ("was", "to", "fine"),
        [
            ("DRAFT", "SUBMITTED", True),
            ("DRAFT", "AUTHORISED", True),
            ("DRAFT", "DELETED", True),
            ("DRAFT", "VOIDED", False),
            ("SUBMITTED", "DRAFT", True),
            ("AUTHORISED", "VOIDED", True),
            ("AUTHORISED", "DRAFT", False),
            ("AUTHORISED", "DELETED", False),
            ("AUTHORISED", "PAID", False),
        ],
    )
    def test_moves(self, desk: Desk, was: str, to: str, fine: bool) -> None:
        there = desk.put("Invoices", desk.invoice(Status=was))

        (row,) = desk.written("POST", "Invoices", {"InvoiceID": there["InvoiceID"], "Status": to})

        assert (row["StatusAttributeString"], row["Status"]) == ("OK" if fine else "ERROR", to)
        assert desk.one("Invoices", there["InvoiceID"])["Status"] == (to if fine else was)

    @pytest.mark.parametrize("end", ["VOIDED", "DELETED"])
    def test_voided_and_deleted_are_final(self, desk: Desk, end: str) -> None:
        there = desk.uk.add_invoice(Status="AUTHORISED" if end == "VOIDED" else "DRAFT")
        (desk.uk.void if end == "VOIDED" else desk.uk.delete)("Invoices", there)

        body = {"InvoiceID": there, "Status": "AUTHORISED", "Reference": "R"}

        assert desk.refusal("POST", "Invoices", body) == NOT_VALID

    def test_a_new_document_is_a_draft_and_never_paid(self, desk: Desk) -> None:
        body = desk.invoice()
        del body["Status"]

        assert desk.put("Invoices", body)["Status"] == "DRAFT"
        assert "PAID" in desk.refusal("PUT", "Invoices", desk.invoice(Status="PAID"))

    def test_an_update_of_an_authorised_document_repeats_its_status(self, desk: Desk) -> None:
        body = {"InvoiceID": desk.uk.add_invoice(), "Reference": "R"}

        assert desk.refusal("POST", "Invoices", body) == NOT_VALID
        desk.xero.change(status_must_be_repeated=False)
        (row,) = desk.written("POST", "Invoices", body)
        assert (row["Reference"], row["Status"]) == ("R", "AUTHORISED")

    def test_a_due_date_is_needed_to_authorise(self, desk: Desk) -> None:
        body = desk.invoice()
        del body["DueDate"]

        assert "due date" in desk.refusal("PUT", "Invoices", body)

    def test_nothing_to_pay_is_paid_at_once(self, desk: Desk) -> None:
        row = desk.put("Invoices", desk.invoice(LineItems=[desk.line(UnitAmount=0)]))

        assert (row["Status"], "FullyPaidOnDate" in row) == ("PAID", True)

    def test_a_plan_may_cap_approvals(self, desk: Desk) -> None:
        desk.uk.limit_approvals(1)

        rows = desk.written("PUT", "Invoices", desk.invoice(), desk.invoice())

        assert rows[1]["ValidationErrors"][0]["Message"].startswith("You have reached the limit")

    def test_a_foreign_currency_must_be_enabled(self, desk: Desk) -> None:
        euro = desk.put("Invoices", desk.invoice(CurrencyCode="EUR"))
        own = desk.put("Invoices", desk.invoice(CurrencyCode="EUR", CurrencyRate=1.2))

        assert (euro["CurrencyRate"], own["CurrencyRate"]) == (Decimal("1.162791"), Decimal("1.2"))
        said = desk.refusal("PUT", "Invoices", desk.invoice(CurrencyCode="NZD"))
        assert said == "Organisation is not subscribed to currency NZD"


class TestAppliedDocuments:
    @pytest.fixture
    def paid(self, desk: Desk) -> dict[str, Any]:
        there = desk.put("Invoices", desk.invoice())
        desk.uk.pay(there["InvoiceID"], "20.00")
        return there

    @pytest.mark.parametrize(
        ("field", "value", "fine"),
        [
            ("Reference", "R", True),
            ("InvoiceNumber", "NEW-1", True),
            ("DueDate", "2026-12-31", True),
            ("Url", "https://we.test", True),
            ("Date", "2026-09-15", False),
            ("CurrencyRate", 2, False),
            ("LineAmountTypes", "NoTax", False),
            ("Date", "2026-09-14", True),
        ],
    )
    def test_few_fields_may_change(
        self, desk: Desk, paid: dict[str, Any], field: str, value: Any, fine: bool
    ) -> None:
        body = {"InvoiceID": paid["InvoiceID"], "Status": "AUTHORISED", field: value}

        (row,) = desk.written("POST", "Invoices", body)

        assert row["StatusAttributeString"] == ("OK" if fine else "ERROR"), row

    @pytest.mark.parametrize(
        ("field", "value", "fine"),
        [
            ("Description", "Parcel", True),
            ("AccountCode", "260", True),
            ("UnitAmount", 90, False),
            ("TaxType", "NONE", False),
        ],
    )
    def test_few_fields_of_lines_may_change(
        self, desk: Desk, paid: dict[str, Any], field: str, value: Any, fine: bool
    ) -> None:
        line = {"LineItemID": paid["LineItems"][0]["LineItemID"], field: value}
        body = {"InvoiceID": paid["InvoiceID"], "Status": "AUTHORISED", "LineItems": [line]}

        (row,) = desk.written("POST", "Invoices", body)

        assert row["StatusAttributeString"] == ("OK" if fine else "ERROR"), row

    def test_lines_cannot_be_added(self, desk: Desk, paid: dict[str, Any]) -> None:
        body = {
            "InvoiceID": paid["InvoiceID"],
            "Status": "AUTHORISED",
            "LineItems": [{"LineItemID": paid["LineItems"][0]["LineItemID"]}, desk.line()],
        }

        assert "cannot be added" in desk.refusal("POST", "Invoices", body)

    def test_it_cannot_be_voided(self, desk: Desk, paid: dict[str, Any]) -> None:
        body = {"InvoiceID": paid["InvoiceID"], "Status": "VOIDED"}

        assert NOT_VALID in desk.refusal("POST", "Invoices", body)

    def test_the_contact_may_change_unless_a_credit_was_used(
        self, desk: Desk, paid: dict[str, Any]
    ) -> None:
        other = {"ContactID": desk.uk.add_contact("Other")}
        body = {"InvoiceID": paid["InvoiceID"], "Status": "AUTHORISED", "Contact": other}
        desk.uk.allocate(desk.uk.add_credit_note((("1.00", None),)), paid["InvoiceID"])

        assert "credit" in desk.refusal("POST", "Invoices", body)


class TestLocks:
    def test_a_locked_period_takes_nothing_and_lets_nothing_go(self, desk: Desk) -> None:
        there = desk.put("Invoices", desk.invoice())["InvoiceID"]
        desk.uk.lock(dt.date(2026, 9, 14), end_of_year=True)

        new = desk.refusal("PUT", "Invoices", desk.invoice())
        old = desk.refusal("POST", "Invoices", {"InvoiceID": there, "Status": "VOIDED"})

        text = (
            "The document date cannot be before the end of year lock date,"
            " currently set at 14/09/2026"
        )
        assert new == old == text
        locked = desk.ask("GET", "/Organisation").json()["Organisations"][0]
        assert locked["EndOfYearLockDate"] == "/Date(1789344000000+0000)/"
        desk.put("Invoices", desk.invoice(Date="2026-09-15"))

    def test_people_meet_the_same_rules(self, desk: Desk) -> None:
        desk.uk.lock(dt.date(2100, 1, 1))

        with pytest.raises(BusinessError, match="period lock date"):
            desk.uk.add_invoice()


class TestContactsOfDocuments:
    def test_a_bare_name_makes_a_contact_or_finds_one(self, desk: Desk) -> None:
        first = desk.put("Invoices", desk.invoice(Contact={"Name": "Walk-in"}))
        again = desk.put("Invoices", desk.invoice(Contact={"Name": "walk-IN"}))

        assert first["Contact"]["ContactID"] == again["Contact"]["ContactID"]

    def test_other_fields_change_the_contact_and_drop_its_persons(self, desk: Desk) -> None:
        contact = desk.uk.add_contact("Firm", ContactPersons=[{"FirstName": "Ann"}])

        whose = {"ContactID": contact, "EmailAddress": "a@b.example"}
        desk.put("Invoices", desk.invoice(Contact=whose))

        row = desk.uk.row("Contacts", contact)
        assert (row["EmailAddress"], row["ContactPersons"]) == ("a@b.example", [])

    def test_an_archived_contact_gets_no_document(self, desk: Desk) -> None:
        contact = desk.uk.add_contact("Old")
        desk.uk.archive_contact(contact)

        said = desk.refusal("PUT", "Invoices", desk.invoice(Contact={"ContactID": contact}))

        assert said == "The contact Old is archived"
