"""Payments in the simulated QuickBooks: many lines, credits, what remains, both sides of links."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.quickbooks.simulated.company import BusinessError
from connectors.quickbooks.simulator import Company, QuickBooks
from tests.connectors.quickbooks.desk import Desk, said


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    simulator = QuickBooks()
    simulator.change(second_limit=10_000)
    yield simulator
    assert simulator.crashes == []
    assert simulator.twice() == []


@pytest.fixture
def desk(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks)


@pytest.fixture
def uk(quickbooks: QuickBooks) -> Company:
    return quickbooks.uk


class TestPayment:
    def test_one_payment_pays_several_invoices_and_keeps_the_rest(
        self, desk: Desk, uk: Company
    ) -> None:
        one, other = uk.add_invoice(), uk.add_invoice()

        made = desk.made(
            "Payment",
            desk.payment(200, ("Invoice", one, 120), ("Invoice", other, 50), PaymentRefNum="LB"),
        )

        assert made["UnappliedAmt"] == 30
        assert made["DepositToAccountRef"]["value"] == uk.known.undeposited
        assert [uk.balance("Invoice", this) for this in (one, other)] == [0, 70]
        paid = uk.row("Invoice", one)
        assert paid["LinkedTxn"] == [{"TxnId": made["Id"], "TxnType": "Payment"}]
        assert paid["SyncToken"] == "1"

    def test_paying_may_leave_the_documents_token_alone(
        self, quickbooks: QuickBooks, uk: Company
    ) -> None:
        quickbooks.change(applying_moves_document=False)
        invoice = uk.add_invoice()
        uk.pay("Invoice", invoice)

        assert uk.row("Invoice", invoice)["SyncToken"] == "0"

    def test_more_than_is_open_is_refused_or_left_unapplied(
        self, quickbooks: QuickBooks, desk: Desk, uk: Company
    ) -> None:
        invoice = uk.add_invoice()
        body = desk.payment(130, ("Invoice", invoice, 130))

        assert said(desk.post("payment", body)) == (400, "6000")
        quickbooks.change(over_applying="capped")
        assert desk.made("Payment", body)["UnappliedAmt"] == 10

    def test_lines_on_one_invoice_are_added_up(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()
        body = desk.payment(130, ("Invoice", invoice, 80), ("Invoice", invoice, 50))

        assert said(desk.post("payment", body)) == (400, "6000")

    def test_changed_payment_may_pay_again_what_it_paid(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()
        payment = uk.pay("Invoice", invoice)
        line = uk.row("Payment", payment)["Line"]

        body = {"Id": payment, "SyncToken": "0", "sparse": True, "PrivateNote": "x", "Line": line}
        changed = desk.made("Payment", body)

        assert changed["PrivateNote"] == "x"
        assert uk.row("Invoice", invoice)["SyncToken"] == "1"

    def test_lines_cannot_be_more_than_the_payment(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()

        assert said(desk.post("payment", desk.payment(10, ("Invoice", invoice, 20)))) == (
            400,
            "6000",
        )
        assert said(desk.post("payment", desk.payment(-5))) == (400, "6000")

    def test_invoice_of_somebody_else_is_refused(self, desk: Desk, uk: Company) -> None:
        theirs = uk.add_invoice(customer_id=uk.add_customer("Somebody else"))

        assert said(desk.post("payment", desk.payment(5, ("Invoice", theirs, 5)))) == (400, "6000")
        assert said(desk.post("payment", desk.payment(5, ("Invoice", "99", 5)))) == (400, "610")
        assert said(desk.post("payment", desk.payment(5, ("Check", "1", 5)))) == (400, "500")

    def test_void_payment_gives_the_invoice_back(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()
        made = desk.made("Payment", desk.payment(120, ("Invoice", invoice, 120), PrivateNote="LB"))
        body = {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True}

        void = desk.made("Payment", body, operation="update", include="void")

        assert (void["TotalAmt"], void["UnappliedAmt"], void["Line"]) == (0, 0, [])
        assert void["PrivateNote"] == "Voided - LB"
        assert uk.balance("Invoice", invoice) == 120
        assert uk.row("Invoice", invoice)["LinkedTxn"] == []

    def test_void_invoice_leaves_its_payment_unapplied(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()
        payment = uk.pay("Invoice", invoice)
        token = uk.row("Invoice", invoice)["SyncToken"]

        desk.made("Invoice", {"Id": invoice, "SyncToken": token}, operation="void")

        assert uk.balance("Payment", payment) == 120
        assert uk.row("Payment", payment)["Line"] == []

    def test_paid_invoice_is_not_deleted_before_it_is_unlinked(
        self, desk: Desk, uk: Company
    ) -> None:
        invoice = uk.add_invoice()
        payment = uk.pay("Invoice", invoice)
        token = uk.row("Invoice", invoice)["SyncToken"]

        answer = desk.post("invoice", {"Id": invoice, "SyncToken": token}, operation="delete")

        assert said(answer) == (400, "6000")
        uk.delete("Invoice", invoice)
        assert uk.balance("Payment", payment) == 120

    def test_deleted_payment_gives_the_invoice_back(self, desk: Desk, uk: Company) -> None:
        invoice = uk.add_invoice()
        payment = uk.pay("Invoice", invoice, "50")

        desk.made("Payment", {"Id": payment, "SyncToken": "0"}, operation="delete")

        assert uk.balance("Invoice", invoice) == 120

    def test_sparse_update_replaces_the_lines(self, desk: Desk, uk: Company) -> None:
        one, other = uk.add_invoice(), uk.add_invoice()
        payment = uk.pay("Invoice", one)
        line = {"Amount": 100, "LinkedTxn": [{"TxnId": other, "TxnType": "Invoice"}]}

        desk.made("Payment", {"Id": payment, "SyncToken": "0", "sparse": True, "Line": [line]})

        assert [uk.balance("Invoice", this) for this in (one, other)] == [120, 20]
        assert uk.balance("Payment", payment) == 20

    def test_open_and_paid_are_told_by_the_balance(self, desk: Desk, uk: Company) -> None:
        paid, open_one = uk.add_invoice(), uk.add_invoice()
        uk.pay("Invoice", paid)

        found = desk.found("select * from Invoice where Balance > '0'")

        assert [one["Id"] for one in found] == [open_one]


class TestCredits:
    def test_credit_is_applied_by_a_payment_of_nothing(self, desk: Desk, uk: Company) -> None:
        invoice, credit = uk.add_invoice(), uk.add_credit_memo()

        made = desk.made(
            "Payment", desk.payment(0, ("Invoice", invoice, 48), ("CreditMemo", credit, 48))
        )

        assert made["UnappliedAmt"] == 0
        assert uk.balance("Invoice", invoice) == 72
        assert uk.row("CreditMemo", credit)["RemainingCredit"] == 0

    def test_credit_and_money_together_pay_an_invoice(self, desk: Desk, uk: Company) -> None:
        invoice, credit = uk.add_invoice(), uk.add_credit_memo()

        desk.made(
            "Payment", desk.payment(72, ("Invoice", invoice, 120), ("CreditMemo", credit, 48))
        )

        assert uk.balance("Invoice", invoice) == 0

    def test_more_credit_than_is_left_or_needed_is_refused(self, desk: Desk, uk: Company) -> None:
        invoice, credit = uk.add_invoice(), uk.add_credit_memo()

        too_much = desk.payment(0, ("Invoice", invoice, 49), ("CreditMemo", credit, 49))
        idle = desk.payment(0, ("Invoice", invoice, 10), ("CreditMemo", credit, 20))

        assert said(desk.post("payment", too_much)) == (400, "6000")
        assert said(desk.post("payment", idle)) == (400, "6000")

    def test_people_apply_credits_too(self, uk: Company) -> None:
        invoice, credit = uk.add_invoice(), uk.add_credit_memo()
        bill, note = uk.add_bill(), uk.add_vendor_credit()

        uk.apply_credit(credit, invoice)
        uk.apply_vendor_credit(note, bill, "10")

        assert uk.balance("Invoice", invoice) == 72
        assert uk.balance("VendorCredit", note) == 26
        with pytest.raises(BusinessError):
            uk.apply_credit(credit, invoice, "1")


class TestBillPayment:
    def test_cheque_and_card_are_told_apart_in_links(self, desk: Desk, uk: Company) -> None:
        bill = uk.add_bill(number="B-1")
        desk.made("BillPayment", desk.bill_payment(50, ("Bill", bill, 50), DocNumber="LB-1"))
        card = {"PayType": "CreditCard", "CreditCardPayment": {"CCAccountRef": {"value": "4"}}}

        desk.made("BillPayment", desk.bill_payment(46, ("Bill", bill, 46), **card))

        assert uk.balance("Bill", bill) == 0
        kinds = [one["TxnType"] for one in uk.row("Bill", bill)["LinkedTxn"]]
        assert kinds == ["BillPaymentCheck", "BillPaymentCreditCard"]

    def test_it_must_say_what_it_is_paid_from(self, desk: Desk, uk: Company) -> None:
        body = desk.bill_payment(5, CheckPayment={})
        wrong = {"BankAccountRef": {"value": uk.known.card}}

        assert said(desk.post("billpayment", body)) == (400, "2020")
        assert said(desk.post("billpayment", desk.bill_payment(5, CheckPayment=wrong))) == (
            400,
            "6000",
        )
        del body["PayType"]
        assert said(desk.post("billpayment", body)) == (400, "2020")

    def test_bills_of_another_vendor_are_refused(self, desk: Desk, uk: Company) -> None:
        theirs = uk.add_bill(vendor_id=uk.add_vendor("Other"))

        answer = desk.post("billpayment", desk.bill_payment(5, ("Bill", theirs, 5)))

        assert said(answer) == (400, "6000")

    def test_what_is_too_much_becomes_a_vendor_credit(self, desk: Desk, uk: Company) -> None:
        bill = uk.add_bill()

        made = desk.made("BillPayment", desk.bill_payment(100, ("Bill", bill, 96)))

        (credit,) = uk.rows("VendorCredit")
        assert credit["TotalAmt"] == Decimal("4.00")
        void = {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True}
        desk.made("BillPayment", void, operation="update", include="void")
        assert uk.rows("VendorCredit") == []
        assert uk.balance("Bill", bill) == 96

    def test_voiding_needs_the_long_form(self, desk: Desk, uk: Company) -> None:
        payment = uk.pay("Bill", uk.add_bill())
        body = {"Id": payment, "SyncToken": "0"}

        assert desk.post("billpayment", body, operation="void").status_code == 400
        assert desk.post("billpayment", body, operation="update", include="void").status_code == 400

    def test_bill_payments_are_found_by_number_and_vendor(self, desk: Desk, uk: Company) -> None:
        payment = uk.pay("Bill", uk.add_bill(), reference="LB-7")
        query = f"select * from BillPayment where DocNumber = 'LB-7' and VendorRef = '{uk.known.vendor}'"

        assert [one["Id"] for one in desk.found(query)] == [payment]
