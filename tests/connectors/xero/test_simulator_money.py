"""The simulated Xero's payments, credits, journals, contacts and items."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.xero.simulator import BusinessError
from tests.connectors.xero.simulator_desk import Desk, exact

EXCEEDS = "Payment amount exceeds the amount outstanding on this document"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def state(desk: Desk, invoice: str) -> tuple[str, float, float]:
    row = desk.uk.row("Invoices", invoice)
    return row["Status"], float(row["AmountPaid"] + row["AmountCredited"]), float(row["AmountDue"])


class TestPayments:
    def test_a_payment_of_all_makes_the_document_paid(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()

        row = desk.put("Payments", desk.payment(invoice, Reference="P-1"))

        assert (row["PaymentType"], row["Status"]) == ("ACCRECPAYMENT", "AUTHORISED")
        assert row["Account"]["Code"] == desk.known.bank
        there = desk.one("Invoices", invoice)
        assert (there["Status"], float(there["AmountDue"])) == ("PAID", 0.0)
        assert there["FullyPaidOnDate"] == "/Date(1789862400000+0000)/"
        assert [one["PaymentID"] for one in there["Payments"]] == [row["PaymentID"]]

    def test_never_more_than_is_open(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.put("Payments", desk.payment(invoice, 100))

        assert desk.refusal("PUT", "Payments", desk.payment(invoice, 20.01)) == EXCEEDS
        desk.put("Payments", desk.payment(invoice, 20))
        assert desk.refusal("PUT", "Payments", desk.payment(invoice, 0.01)) == EXCEEDS

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"Account": {"Code": "200"}}, "payments enabled"),
            ({"Account": {"Code": "nix"}}, "Account could not be found"),
            ({"Amount": 0}, "greater than zero"),
            ({"Invoice": None}, "Exactly one of"),
            ({"CreditNote": {"CreditNoteID": "x"}}, "Exactly one of"),
            ({"Status": "DELETED"}, "only be AUTHORISED"),
        ],
    )
    def test_payments_that_are_not_taken(
        self, desk: Desk, change: dict[str, Any], said: str
    ) -> None:
        body = desk.payment(desk.uk.add_invoice(), **change)

        assert said in desk.refusal("PUT", "Payments", body)

    @pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
    def test_only_authorised_documents_are_paid(self, desk: Desk, status: str) -> None:
        invoice = desk.uk.add_invoice(Status=status)

        assert "valid status" in desk.refusal("PUT", "Payments", desk.payment(invoice))

    def test_an_account_with_payments_enabled_will_do(self, desk: Desk) -> None:
        body = desk.payment(desk.uk.add_invoice(), Account={"Code": desk.known.clearing})

        assert desk.put("Payments", body)["Account"]["Code"] == desk.known.clearing

    def test_locked_days_take_no_payment(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        payment = desk.put("Payments", desk.payment(invoice))["PaymentID"]
        desk.uk.lock(dt.date(2026, 9, 20))

        assert "lock date" in desk.refusal("PUT", "Payments", desk.payment(invoice))
        gone = {"PaymentID": payment, "Status": "DELETED"}
        assert "lock date" in desk.refusal("POST", "Payments", gone)

    def test_a_deleted_payment_opens_the_document_again(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        payment = desk.put("Payments", desk.payment(invoice))["PaymentID"]

        response = desk.ask("POST", f"/Payments/{payment}", {"Status": "DELETED"})

        assert response.json()["Payments"][0]["Status"] == "DELETED"
        assert state(desk, invoice) == ("AUTHORISED", 0, 120)
        again = desk.ask("POST", f"/Payments/{payment}", {"Status": "DELETED"})
        assert again.status_code == 400

    def test_there_is_no_update(self, desk: Desk) -> None:
        payment = desk.uk.pay(desk.uk.add_invoice())

        response = desk.ask("POST", f"/Payments/{payment}", {"Reference": "new"})

        assert "cannot be updated" in response.text

    def test_post_creates_exactly_one(self, desk: Desk) -> None:
        body = [desk.payment(desk.uk.add_invoice()) for _ in range(2)]

        assert desk.ask("POST", "/Payments", {"Payments": body}).status_code == 400
        assert desk.ask("POST", "/Payments", body[0]).status_code == 200
        assert len(desk.uk.payments) == 1

    def test_a_reconciled_payment_stays(self, desk: Desk) -> None:
        payment = desk.uk.pay(desk.uk.add_invoice(), reconciled=True)

        with pytest.raises(BusinessError, match="reconciled"):
            desk.uk.remove_payment(payment)

    def test_foreign_payments_have_an_amount_in_the_banks_currency(self, desk: Desk) -> None:
        invoice = desk.put("Invoices", desk.invoice(CurrencyCode="EUR"))["InvoiceID"]

        row = desk.put("Payments", desk.payment(invoice, 120, CurrencyRate=1.2))

        assert (float(row["Amount"]), float(row["BankAmount"])) == (120.0, 100.0)
        foreign = next(one for one in desk.uk.accounts if one.get("CurrencyCode") == "EUR")
        invoice = desk.put("Invoices", desk.invoice(CurrencyCode="EUR"))["InvoiceID"]
        body = desk.payment(invoice, Account={"AccountID": foreign["AccountID"]})
        row = desk.put("Payments", body)
        assert row["BankAmount"] == row["Amount"]
        body = desk.payment(desk.uk.add_invoice(), Account={"AccountID": foreign["AccountID"]})
        assert "currency" in desk.refusal("PUT", "Payments", body)

    def test_two_payments_of_one_document_with_one_reference_are_twice(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.uk.pay(invoice, 10, reference="P-1")
        assert desk.xero.twice() == []

        desk.uk.pay(invoice, 10, reference="P-1")

        assert desk.xero.twice() == [(desk.uk.name, "Payments", f"P-1 of {invoice}")]


class TestBatchPayments:
    def body(self, desk: Desk, *documents: str, **fields: Any) -> dict[str, Any]:
        return {
            "Account": {"Code": desk.known.bank},
            "Date": "2026-09-20",
            "Reference": "B-1",
            "Payments": [{"Invoice": {"InvoiceID": one}, "Amount": 60} for one in documents],
            **fields,
        }

    def test_one_bank_line_pays_many(self, desk: Desk) -> None:
        bills = [desk.uk.add_bill() for _ in range(2)]

        batch = desk.put("BatchPayments", self.body(desk, *bills))

        assert (batch["Type"], float(batch["TotalAmount"])) == ("PAYBATCH", 120.0)
        rows = desk.rows("Payments", page="1")
        assert {row["BatchPaymentID"] for row in rows} == {batch["BatchPaymentID"]}
        assert {row["PaymentType"] for row in rows} == {"ACCPAYPAYMENT"}
        assert state(desk, bills[0]) == ("AUTHORISED", 60, 60)

    def test_it_goes_as_a_whole_and_its_payments_not_singly(self, desk: Desk) -> None:
        bill = desk.uk.add_bill()
        batch = desk.put("BatchPayments", self.body(desk, bill))
        payment = batch["Payments"][0]["PaymentID"]

        singly = desk.ask("POST", f"/Payments/{payment}", {"Status": "DELETED"})
        whole = desk.ask("POST", f"/BatchPayments/{batch['BatchPaymentID']}", {"Status": "DELETED"})

        assert (singly.status_code, whole.status_code) == (400, 200)
        assert state(desk, bill) == ("AUTHORISED", 0, 120)
        assert desk.uk.row("Payments", payment)["Status"] == "DELETED"

    def test_invoices_and_bills_do_not_mix(self, desk: Desk) -> None:
        body = self.body(desk, desk.uk.add_bill(), desk.uk.add_invoice())

        assert "not both" in desk.refusal("PUT", "BatchPayments", body)

    def test_the_base_currency_only(self, desk: Desk) -> None:
        foreign = desk.put("Invoices", desk.bill(CurrencyCode="EUR"))["InvoiceID"]

        said = desk.refusal("PUT", "BatchPayments", self.body(desk, foreign))

        assert "base currency" in said

    def test_no_credit_notes(self, desk: Desk) -> None:
        note = {"CreditNote": {"CreditNoteID": desk.uk.add_credit_note()}, "Amount": 1}

        said = desk.refusal("PUT", "BatchPayments", self.body(desk, Payments=[note]))

        assert "CreditNote" in said

    def test_the_parts_of_one_document_count_together_and_all_or_nothing(self, desk: Desk) -> None:
        bill, other = desk.uk.add_bill(), desk.uk.add_bill()

        said = desk.refusal("PUT", "BatchPayments", self.body(desk, other, bill, bill, bill))

        assert said == EXCEEDS
        assert desk.uk.payments == []
        assert state(desk, other) == ("AUTHORISED", 0, 120)

    def test_post_only_deletes(self, desk: Desk) -> None:
        body = self.body(desk, desk.uk.add_bill())

        assert desk.ask("POST", "/BatchPayments", body).status_code == 501


class TestCredits:
    def allocate(self, desk: Desk, credit: str, invoice: str, amount: float) -> Any:
        body = {"Invoice": {"InvoiceID": invoice}, "Amount": amount, "Date": "2026-09-20"}
        return desk.ask("PUT", f"/CreditNotes/{credit}/Allocations", {"Allocations": [body]})

    def test_an_allocation_moves_both_sides_and_can_be_taken_back(self, desk: Desk) -> None:
        invoice, note = desk.uk.add_invoice(), desk.uk.add_credit_note((("50.00", None),))

        response = self.allocate(desk, note, invoice, 60)

        (made,) = exact(response)["Allocations"]
        assert state(desk, invoice) == ("AUTHORISED", 60, 60)
        credit = desk.one("CreditNotes", note)
        assert (credit["Status"], float(credit["RemainingCredit"])) == ("PAID", 0.0)
        assert credit["Allocations"][0]["Invoice"]["InvoiceID"] == invoice
        there = desk.one("Invoices", invoice)["CreditNotes"][0]
        assert (there["CreditNoteID"], float(there["AppliedAmount"])) == (note, 60.0)

        path = f"/CreditNotes/{note}/Allocations/{made['AllocationID']}"
        assert desk.ask("DELETE", path).json()["IsDeleted"] is True
        assert state(desk, invoice) == ("AUTHORISED", 0, 120)
        assert desk.ask("DELETE", path).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "amount", "said"),
        [
            ("ACCRECCREDIT", 61, "exceeds the remaining credit"),
            ("ACCPAYCREDIT", 10, "same kind"),
            ("ACCRECCREDIT", 0, "greater than zero"),
        ],
    )
    def test_allocations_that_are_not_taken(
        self, desk: Desk, kind: str, amount: float, said: str
    ) -> None:
        note = desk.uk.add_credit_note((("50.00", None),), kind=kind)

        response = self.allocate(desk, note, desk.uk.add_invoice(), amount)

        assert response.status_code == 400
        assert said in response.text

    def test_allocations_too_can_fail_one_by_one(self, desk: Desk) -> None:
        invoice, note = desk.uk.add_invoice(), desk.uk.add_credit_note()
        bodies = [{"Invoice": {"InvoiceID": invoice}, "Amount": amount} for amount in (100, 30)]
        path = f"/CreditNotes/{note}/Allocations"

        response = desk.ask("PUT", path, {"Allocations": bodies}, summarizeErrors="false")

        rows = exact(response)["Allocations"]
        assert [row["StatusAttributeString"] for row in rows] == ["OK", "ERROR"]
        assert state(desk, invoice) == ("AUTHORISED", 100, 20)

    def test_a_refund_is_a_payment_of_the_credit_note(self, desk: Desk) -> None:
        note = desk.uk.add_credit_note()
        body = desk.payment("")
        del body["Invoice"]

        row = desk.put("Payments", {**body, "CreditNote": {"CreditNoteID": note}})

        assert row["PaymentType"] == "ARCREDITPAYMENT"
        assert desk.one("CreditNotes", note)["Status"] == "PAID"

    @pytest.mark.parametrize("endpoint", ["Overpayments", "Prepayments"])
    def test_money_in_advance_is_made_by_people_and_can_be_allocated(
        self, desk: Desk, endpoint: str
    ) -> None:
        make = desk.uk.overpay if endpoint == "Overpayments" else desk.uk.prepay
        credit, invoice = make("30.00"), desk.uk.add_invoice()
        body = {"Invoice": {"InvoiceID": invoice}, "Amount": 30}

        desk.ask("PUT", f"/{endpoint}/{credit}/Allocations", body)

        (row,) = desk.rows(endpoint, page="1")
        assert (row["Status"], float(row["RemainingCredit"])) == ("PAID", 0.0)
        assert row["Allocations"][0]["Invoice"]["InvoiceID"] == invoice
        assert len(desk.one("Invoices", invoice)[endpoint]) == 1
        assert state(desk, invoice) == ("AUTHORISED", 30, 90)

    def test_an_invoice_may_be_paid_by_credit_alone(self, desk: Desk) -> None:
        invoice, note = desk.uk.add_invoice(), desk.uk.add_credit_note()
        desk.uk.allocate(note, invoice)

        assert state(desk, invoice) == ("PAID", 120, 0)


class TestJournals:
    def body(self, *amounts: float, **fields: Any) -> dict[str, Any]:
        lines = [{"AccountCode": "400", "LineAmount": amount} for amount in amounts]
        return {"Narration": "Accrual", "Date": "2026-09-30", "JournalLines": lines, **fields}

    def test_lines_must_balance(self, desk: Desk) -> None:
        row = desk.put("ManualJournals", self.body(10, -10, Status="POSTED"))

        assert row["Status"] == "POSTED"
        said = desk.refusal("PUT", "ManualJournals", self.body(10, -9))
        assert said == "The total debits (10.00) must equal total credits (9.00)"

    def test_tax_on_top_must_balance_too(self, desk: Desk) -> None:
        body = self.body(10, LineAmountTypes="Exclusive")
        body["JournalLines"].append({"AccountCode": "477", "LineAmount": -12})

        assert desk.put("ManualJournals", body)["JournalLines"][0]["TaxAmount"] == 2

    @pytest.mark.parametrize("code", ["090", "610", "nix"])
    def test_banks_and_system_accounts_are_not_for_journals(self, desk: Desk, code: str) -> None:
        body = self.body(10, -10)
        body["JournalLines"][0]["AccountCode"] = code

        assert "not a valid code" in desk.refusal("PUT", "ManualJournals", body)

    def test_a_posted_one_is_voided_and_a_draft_deleted(self, desk: Desk) -> None:
        posted = desk.put("ManualJournals", self.body(10, -10, Status="POSTED"))
        draft = desk.put("ManualJournals", self.body(10, -10))

        for row, status, fine in (
            (posted, "DELETED", False),
            (posted, "VOIDED", True),
            (posted, "POSTED", False),
            (draft, "DELETED", True),
        ):
            body = {"ManualJournalID": row["ManualJournalID"], "Status": status}
            (said,) = desk.written("POST", "ManualJournals", body)
            assert said["StatusAttributeString"] == ("OK" if fine else "ERROR")


class TestContacts:
    def test_active_names_are_unique(self, desk: Desk) -> None:
        first = desk.put("Contacts", {"Name": "Ridge Ltd"})

        said = desk.refusal("POST", "Contacts", {"Name": "ridge ltd"})

        assert said.startswith("The contact name ridge ltd is already assigned")
        desk.uk.archive_contact(first["ContactID"])
        desk.put("Contacts", {"Name": "Ridge Ltd"})

    def test_post_finds_them_by_our_number(self, desk: Desk) -> None:
        first = desk.put("Contacts", {"Name": "Ridge", "ContactNumber": "LB-1"})

        body = {"Name": "Ridge & Sons", "ContactNumber": "LB-1"}
        (again,) = desk.written("POST", "Contacts", body)

        assert (again["ContactID"], again["Name"]) == (first["ContactID"], "Ridge & Sons")
        assert "number LB-1" in desk.refusal("PUT", "Contacts", {**body, "Name": "Third"})

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"Name": ""}, "name must be specified"),
            ({"EmailAddress": "nowhere"}, "Email address must be valid"),
            ({"ContactNumber": "x" * 51}, "must not exceed 50"),
            ({"DefaultCurrency": "NZD"}, "not subscribed"),
            ({"Addresses": [{"AddressType": "HOME"}]}, "AddressType HOME is not valid"),
        ],
    )
    def test_contacts_that_are_not_taken(
        self, desk: Desk, fields: dict[str, Any], said: str
    ) -> None:
        assert said in desk.refusal("PUT", "Contacts", {"Name": "Ridge", **fields})

    def test_what_they_are_cannot_be_set(self, desk: Desk) -> None:
        assert desk.put("Contacts", {"Name": "Ridge", "IsSupplier": True})["IsSupplier"] is False


class TestCatalogue:
    def test_items_are_found_by_code(self, desk: Desk) -> None:
        first = desk.put("Items", {"Code": "BOX", "Name": "Box"})
        details = {"UnitPrice": 1.2345, "AccountCode": "200"}

        (again,) = desk.written("POST", "Items", {"Code": "BOX", "SalesDetails": details})

        assert again["ItemID"] == first["ItemID"]
        assert again["SalesDetails"]["UnitPrice"] == Decimal("1.2345")
        assert "already in use" in desk.refusal("PUT", "Items", {"Code": "BOX"})

    def test_an_account_needs_a_code_and_a_known_type(self, desk: Desk) -> None:
        body = {"Code": "777", "Name": "Tolls", "Type": "EXPENSE"}

        assert desk.put("Accounts", body)["Class"] == "EXPENSE"
        assert "unique" in desk.refusal("PUT", "Accounts", body)
        assert "type" in desk.refusal("PUT", "Accounts", {**body, "Type": "ODD"})

    def test_a_rate_of_components_may_be_compound(self, desk: Desk) -> None:
        parts = [
            {"Name": "State", "Rate": 10},
            {"Name": "City", "Rate": 5, "IsCompound": True},
        ]

        row = desk.put("TaxRates", {"Name": "Both", "TaxComponents": parts})

        assert (row["TaxType"], row["EffectiveRate"]) == ("TAX001", Decimal("15.5"))
        assert "System" in desk.refusal("POST", "TaxRates", {"TaxType": "OUTPUT2"})

    def test_an_archived_rate_is_not_for_lines(self, desk: Desk) -> None:
        kind = desk.uk.add_tax_rate("Own", "7.5")
        desk.uk.archive_tax_rate(kind)

        body = desk.invoice(LineItems=[desk.line(TaxType=kind)])

        assert kind in desk.refusal("PUT", "Invoices", body)

    def test_a_currency_can_be_enabled(self, desk: Desk) -> None:
        desk.put("Currencies", {"Code": "NZD"})

        assert desk.put("Invoices", desk.invoice(CurrencyCode="NZD"))["CurrencyCode"] == "NZD"


class TestPeople:
    def test_copies_are_twice(self, desk: Desk) -> None:
        bill = desk.uk.add_bill(InvoiceNumber="B-1", Url="https://we.test/1")
        desk.uk.pay(bill)

        copy = desk.uk.copy("Invoices", bill)

        assert state(desk, copy) == ("AUTHORISED", 0, 120)
        assert len(desk.uk.twice()) == 2

    def test_an_edit_makes_totals_and_status_follow(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.uk.pay(invoice, 60)

        desk.uk.edit_invoice(invoice, LineItems=[desk.line(UnitAmount=50)])

        assert state(desk, invoice) == ("PAID", 60, 0)

    def test_a_refund_and_a_batch_by_hand(self, desk: Desk) -> None:
        note, bill = desk.uk.add_credit_note(), desk.uk.add_bill()
        desk.uk.pay(note, 20)
        batch = desk.uk.pay_batch({bill: None})

        assert desk.uk.row("CreditNotes", note)["RemainingCredit"] == 100
        assert len(desk.uk.payments_of(bill)) == 1
        desk.uk.delete("BatchPayments", batch)
        assert desk.uk.payments_of(bill) == []
