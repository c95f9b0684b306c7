"""The simulated Apideck's ledgers: documents, payments by allocation, versions, people's acts."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.apideck.simulated.shapes import outgoing
from connectors.apideck.simulator import PROFILES, Apideck, Profile
from connectors.faults import Refusal
from tests.connectors.apideck.desk import Desk, said

EVERY = pytest.mark.parametrize("profile", sorted(PROFILES))


@pytest.fixture
def profile() -> str | Profile:
    return "xero"


@pytest.fixture
def apideck(profile: str | Profile) -> Iterator[Apideck]:
    apideck = Apideck(profile)
    yield apideck
    assert apideck.crashes == []


@pytest.fixture
def desk(apideck: Apideck) -> Iterator[Desk]:
    desk = Desk(apideck)
    yield desk
    desk.http.close()


class TestDocuments:
    @EVERY
    def test_a_created_invoice_answers_its_id_and_is_computed_by_the_ledger(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        body = apideck.invoice_body(net="100.00", rate="standard", reference="R-1")

        answer = desk.post("invoices", body)

        assert answer.status_code == 201
        assert answer.json()["data"].keys() == {"id"}
        read = desk.one("invoices", answer.json()["data"]["id"])
        tax = read["line_items"][0]["tax_amount"]
        assert (read["sub_total"], read["total_tax"]) == (100, tax)
        assert read["total"] == read["balance"] == 100 + tax
        assert read["reference"] == "R-1"

    def test_amounts_are_numbers(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.10")

        assert '"total": 12.12' in desk.get(f"invoices/{invoice}").text

    def test_amounts_that_include_tax_are_split(self, desk: Desk, apideck: Apideck) -> None:
        body = apideck.invoice_body(net="120.00", rate="standard") | {"tax_inclusive": True}

        read = desk.one("invoices", desk.made("invoices", body))

        assert (read["sub_total"], read["total_tax"], read["total"]) == (100, 20, 120)

    def test_no_tax_mode_means_no_tax_on_xero(self, desk: Desk, apideck: Apideck) -> None:
        body = apideck.invoice_body(net="100.00", rate="standard") | {"tax_inclusive": None}

        assert desk.one("invoices", desk.made("invoices", body))["total"] == 100

    def test_a_total_that_the_lines_do_not_give_is_refused(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        body = apideck.invoice_body(net="100.00", rate="standard") | {"total": 119}

        answer = desk.post("invoices", body)

        assert said(answer) == (400, "ConnectorExecutionError")
        assert answer.json()["downstream_errors"][0]["code"] == "TotalMismatch"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"customer": {"id": "nobody"}},
            {"customer": None},
            {"line_items": []},
            {"line_items": [{"unit_price": 1, "quantity": 1}]},
            {"invoice_date": None},
            {"status": "void"},
        ],
    )
    def test_a_ledger_refuses_what_it_cannot_book(
        self, desk: Desk, apideck: Apideck, wrong: dict[str, Any]
    ) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero") | wrong

        assert said(desk.post("invoices", body)) == (400, "ConnectorExecutionError")
        assert apideck.documents("invoices") == []

    @EVERY
    def test_a_written_paid_pays_nothing(self, desk: Desk, apideck: Apideck) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero") | {"status": "paid"}

        answer = desk.post("invoices", body)

        if apideck.profile.service_id == "quickbooks":
            assert said(answer) == (400, "ConnectorExecutionError")
        else:
            assert desk.one("invoices", answer.json()["data"]["id"])["balance"] == 1

    def test_a_patch_changes_what_it_names(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero", reference="old")

        assert desk.patch("invoices", invoice, {"reference": "new"}).status_code == 200

        read = desk.one("invoices", invoice)
        assert (read["reference"], read["total"]) == ("new", 10)

    def test_an_approved_document_is_no_draft_again(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice()

        answer = desk.patch("invoices", invoice, {"status": "draft"})

        assert said(answer) == (422, "InvalidStateError")

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_void_goes_alone_on_quickbooks(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice()
        void = {"status": "void", "row_version": "0"}

        assert desk.patch("invoices", invoice, void | {"reference": "x"}).status_code == 400
        assert desk.patch("invoices", invoice, void).status_code == 200

        assert desk.one("invoices", invoice)["status"] == "void"

    @pytest.mark.parametrize(
        ("profile", "by_id", "listed"),
        [("xero", 200, True), ("quickbooks", 404, False), ("workday", 200, False)],
    )
    def test_what_is_left_of_a_deleted_record_differs(
        self, desk: Desk, apideck: Apideck, by_id: int, listed: bool
    ) -> None:
        invoice = apideck.enter_invoice()

        assert desk.delete("invoices", invoice).status_code == 200

        assert desk.get(f"invoices/{invoice}").status_code == by_id
        assert bool(desk.rows("invoices")) is listed

    def test_numbers_repeat_nowhere_on_xero(self, desk: Desk, apideck: Apideck) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero") | {"number": "N-1"}
        desk.made("invoices", body)

        assert said(desk.post("invoices", body)) == (400, "ConnectorExecutionError")

    @pytest.mark.parametrize("profile", ["workday"])
    def test_workday_numbers_by_itself_and_names_rates_by_code(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero") | {"number": "MINE"}

        read = desk.one("invoices", desk.made("invoices", body))

        assert read["number"] == "INV-00001"
        assert (read["status"], read["updated_at"], read["row_version"]) == (None, None, None)
        assert {row["id"] for row in desk.rows("tax-rates")} == {None}

    def test_an_entry_must_balance(self, desk: Desk, apideck: Apideck) -> None:
        def line(side: str, amount: int, account: str) -> dict[str, Any]:
            return {"type": side, "total_amount": amount, "ledger_account": {"id": account}}

        ids = apideck.known
        body = {"posted_at": "2026-11-21T00:00:00.000Z", "memo": "accrual"}
        lines = [line("debit", 10, ids.purchases), line("credit", 10, ids.sales)]

        made = desk.made("journal-entries", body | {"line_items": lines})

        amounts = [one["total_amount"] for one in desk.one("journal-entries", made)["line_items"]]
        assert amounts == [10, -10]
        lines[1]["total_amount"] = 9
        assert desk.post("journal-entries", body | {"line_items": lines}).status_code == 400

    def test_an_archived_account_takes_nothing_new(self, desk: Desk, apideck: Apideck) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        apideck.archive("ledger-accounts", apideck.known.sales)

        assert said(desk.post("invoices", body)) == (400, "ConnectorExecutionError")

    def test_a_closed_period_takes_nothing_and_lets_nothing_go(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        payment = apideck.pay("invoices", invoice)
        apideck.close_period(dt.date(2100, 1, 1))

        assert desk.delete("payments", payment).status_code == 400
        body = apideck.invoice_body(net="1.00", rate="zero")
        assert desk.post("invoices", body).status_code == 400

        apideck.open_period()
        assert desk.delete("payments", payment).status_code == 200

    def test_credit_notes_are_spent_on_invoices(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        line = apideck.invoice_body(net="6.00", rate="zero")["line_items"]
        body = {
            "total_amount": 6,
            "customer": {"id": apideck.known.customer},
            "date_issued": "2026-11-21T00:00:00.000Z",
            "line_items": line,
            "allocations": [{"id": invoice, "type": "invoice", "amount": 4}],
        }

        note = desk.one("credit-notes", desk.made("credit-notes", body))

        assert (note["remaining_credit"], note["status"]) == (2, "partially_paid")
        assert desk.one("invoices", invoice)["balance"] == 6


class TestPayments:
    @pytest.mark.parametrize("profile", ["xero", "workday", "netsuite"])
    def test_a_payment_pays_its_invoice_at_once(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="50.00", rate="zero")

        payment = desk.made("payments", desk.payment(invoice, "20.00"))

        read = desk.one("invoices", invoice)
        assert read["balance"] == 30
        assert read["payment_allocations"][0]["id"] == payment
        if apideck.profile.tells_status:
            assert read["status"] == "partially_paid"
        desk.made("payments", desk.payment(invoice, "30.00"))
        assert desk.one("invoices", invoice)["balance"] == 0
        if apideck.profile.tells_status:
            assert desk.one("invoices", invoice)["status"] == "paid"

    def test_one_payment_pays_several_invoices_and_keeps_the_rest(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        first = apideck.enter_invoice(net="10.00", rate="zero")
        second = apideck.enter_invoice(net="20.00", rate="zero")
        body = desk.payment(first, "10.00") | {"total_amount": 50}
        body["allocations"].append({"id": second, "type": "invoice", "amount": 15})

        payment = desk.made("payments", body)

        assert desk.one("payments", payment)["total_amount"] == 50
        balances = [desk.one("invoices", one)["balance"] for one in (first, second)]
        assert balances == [0, 5]

    def test_an_amount_of_null_is_the_whole_payment(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        body = desk.payment(invoice, "7.00")
        body["allocations"][0]["amount"] = None

        desk.made("payments", body)

        assert desk.one("invoices", invoice)["balance"] == 3

    @EVERY
    def test_more_than_is_open_is_refused(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        desk.made("payments", desk.payment(invoice, "8.00"))

        answer = desk.post("payments", desk.payment(invoice, "2.01"))

        assert said(answer) == (400, "ConnectorExecutionError")
        assert answer.json()["downstream_errors"][0]["code"] == "OverAllocation"
        assert apideck.balance("invoices", invoice) == 2

    def test_allocations_cannot_come_to_more_than_the_payment(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        body = desk.payment(invoice, "8.00") | {"total_amount": 7}

        assert said(desk.post("payments", body)) == (400, "ConnectorExecutionError")

    def test_two_allocations_to_one_invoice_count_together(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        body = desk.payment(invoice, "6.00") | {"total_amount": 12}
        body["allocations"] *= 2

        assert said(desk.post("payments", body)) == (400, "ConnectorExecutionError")

    def test_a_document_that_is_not_open_takes_no_payment(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        draft = apideck.invoice_body(net="10.00", rate="zero") | {"status": "draft"}
        void = apideck.enter_invoice(net="10.00", rate="zero")
        apideck.void("invoices", void)

        for invoice in (apideck.enter("invoices", draft), void):
            assert desk.post("payments", desk.payment(invoice, "1.00")).status_code == 400

    def test_a_payment_in_another_currency_than_its_invoice_is_refused(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        body = desk.payment(invoice, "1.00", currency="EUR")

        answer = desk.post("payments", body)

        assert answer.json()["downstream_errors"][0]["code"] == "Currency"

    @pytest.mark.parametrize("profile", sorted(PROFILES))
    @pytest.mark.parametrize("by", ["api", "deleted by hand", "voided by hand"])
    def test_without_its_payment_an_invoice_is_open_again(
        self, desk: Desk, apideck: Apideck, by: str
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        payment = apideck.pay("invoices", invoice, reference="cash")
        assert desk.one("invoices", invoice)["balance"] == 0

        if by == "api":
            assert desk.delete("payments", payment).status_code == 200
        elif by == "deleted by hand":
            apideck.delete("payments", payment)
        else:
            apideck.void("payments", payment)

        read = desk.one("invoices", invoice)
        assert (read["balance"], read["payment_allocations"]) == (10, [])
        assert apideck.payments_of("invoices", invoice) == []

    def test_xero_changes_no_payment(self, desk: Desk, apideck: Apideck) -> None:
        payment = apideck.pay("invoices", apideck.enter_invoice())

        answer = desk.patch("payments", payment, {"reference": "x"})

        assert said(answer) == (501, "ConnectorOperationUnsupportedError")

    def test_xero_makes_a_payment_for_each_type_of_allocation(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        note = apideck.enter(
            "credit-notes",
            {
                "total_amount": Decimal(4),
                "customer": {"id": apideck.known.customer},
                "date_issued": "2026-11-21T00:00:00.000Z",
            },
        )
        body = desk.payment(invoice, "10.00", reference="both") | {"total_amount": 14}
        body["allocations"].append({"id": note, "type": "credit_memo", "amount": 4})

        answer = desk.http.post("/accounting/payments?raw=true", json=outgoing(body))

        assert len(answer.json()["_raw"]["items"]) == 2
        amounts = {one["total_amount"] for one in apideck.documents("payments", reference="both")}
        assert amounts == {Decimal(10), Decimal(4)}
        assert desk.one("payments", answer.json()["data"]["id"])["total_amount"] == 10
        assert apideck.twice() == []

    def test_bills_are_paid_by_bill_payments(self, desk: Desk, apideck: Apideck) -> None:
        bill = apideck.enter_bill(net="1000.00", rate="zero")
        body = {
            "total_amount": 1000,
            "transaction_date": "2021-05-01T12:00:00.000Z",
            "account": {"code": "090"},
            "supplier": {"id": apideck.known.supplier, "display_name": "Windsurf Shop"},
            "allocations": [{"id": bill, "type": "bill", "amount": 49.99}],
        }

        desk.made("bill-payments", body)

        read = desk.one("bills", bill)
        assert (read["balance"], read["status"]) == (950.01, "partially_paid")
        assert desk.post("payments", body).status_code == 400

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_quickbooks_wants_a_method_of_bill_payments(self, desk: Desk, apideck: Apideck) -> None:
        bill = apideck.enter_bill(net="10.00", rate="zero")
        body = desk.payment(bill, "10.00", payment_method="check")
        body["allocations"][0]["type"] = "bill"

        assert desk.post("bill-payments", body).status_code == 400
        assert desk.post("bill-payments", body | {"payment_method": "Check"}).status_code == 201

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_quickbooks_applies_after_some_reads(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        desk.made("payments", desk.payment(invoice, "10.00"))

        balances = [desk.one("invoices", invoice)["balance"] for _ in range(4)]

        assert balances == [10, 10, 10, 0]

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_a_list_is_a_read_too(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        desk.made("payments", desk.payment(invoice, "10.00"))

        balances = [desk.rows("invoices")[0]["balance"] for _ in range(4)]

        assert balances == [10, 10, 10, 0]

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_quickbooks_applies_after_some_time(self, desk: Desk, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        desk.made("payments", desk.payment(invoice, "10.00"))

        apideck.pass_time(dt.timedelta(seconds=20))

        assert desk.one("invoices", invoice)["status"] == "paid"

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_until_then_no_look_up_by_document_finds_the_payment(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        payment = desk.made("payments", desk.payment(invoice, "10.00", reference="P-1"))
        by_document = {"filter[invoice_id]": invoice}

        assert desk.rows("payments", **by_document) == []
        assert [row["id"] for row in desk.rows("payments")] == [payment]

        apideck.apply_allocations()
        assert [row["id"] for row in desk.rows("payments", **by_document)] == [payment]

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_what_is_not_applied_yet_cannot_be_paid_again(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        desk.made("payments", desk.payment(invoice, "10.00"))

        assert desk.post("payments", desk.payment(invoice, "10.00")).status_code == 400

    @pytest.mark.parametrize("profile", ["netsuite"])
    def test_a_changed_payment_moves_its_money(self, desk: Desk, apideck: Apideck) -> None:
        first = apideck.enter_invoice(net="10.00", rate="zero")
        second = apideck.enter_invoice(net="10.00", rate="zero")
        payment = desk.made("payments", desk.payment(first, "10.00"))

        moved = {"allocations": [{"id": second, "type": "invoice", "amount": 10}]}
        assert desk.patch("payments", payment, moved).status_code == 200

        before, after = desk.one("invoices", first), desk.one("invoices", second)
        assert (before["balance"], after["balance"]) == (10, 0)
        assert (before["row_version"], after["row_version"]) == ("2", "1")

    def test_a_paid_document_stays_until_its_payments_go(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        apideck.pay("invoices", invoice)

        assert desk.delete("invoices", invoice).status_code == 400
        with pytest.raises(Refusal):
            apideck.void("invoices", invoice)


class TestVersions:
    @pytest.fixture
    def profile(self) -> str:
        return "quickbooks"

    @pytest.mark.parametrize("given", [{}, {"row_version": "7"}])
    def test_an_update_needs_the_present_version(
        self, desk: Desk, apideck: Apideck, given: dict[str, str]
    ) -> None:
        invoice = apideck.enter_invoice()

        answer = desk.patch("invoices", invoice, {"reference": "x"} | given)

        assert said(answer) == (400, "ConnectorExecutionError")
        code = answer.json()["downstream_errors"][0]["code"]
        assert code == ("5010" if given else "2020")

    def test_a_payment_makes_the_version_of_its_invoice_stale(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        version = desk.one("invoices", invoice)["row_version"]
        apideck.pay("invoices", invoice, "1.00")
        change = {"reference": "x", "row_version": version}

        answer = desk.patch("invoices", invoice, change)

        assert answer.json()["downstream_errors"][0]["code"] == "5010"
        change["row_version"] = desk.one("invoices", invoice)["row_version"]
        assert desk.patch("invoices", invoice, change).status_code == 200

    def test_the_status_to_an_outdated_version_can_be_chosen(
        self, desk: Desk, apideck: Apideck
    ) -> None:
        apideck.change(stale_status=409)
        invoice = apideck.enter_invoice()

        answer = desk.patch("invoices", invoice, {"reference": "x", "row_version": "9"})

        assert said(answer) == (409, "ConnectorExecutionError")


class TestTheJudge:
    def test_a_copy_is_there_twice(self, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(reference="R-1")
        assert (apideck.counts("invoices"), apideck.twice()) == ({"R-1": 1}, [])

        apideck.copy("invoices", invoice)

        assert apideck.twice() == [("invoices", "R-1")]

    def test_void_and_deleted_records_do_not_count(self, apideck: Apideck) -> None:
        apideck.void("invoices", apideck.enter_invoice(reference="R-1"))
        apideck.enter_invoice(reference="R-1")

        assert apideck.twice() == []
        assert len(apideck.documents("invoices", reference="R-1")) == 2

    def test_two_payments_with_one_reference_are_twice(self, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        for _ in range(2):
            apideck.pay("invoices", invoice, "1.00", reference="P-1")

        assert apideck.twice() == [("payments", "P-1")]
        assert len(apideck.payments_of("invoices", invoice)) == 2

    @EVERY
    def test_equal_seeds_make_equal_books(self, profile: str) -> None:
        def ids(seed: int) -> list[str]:
            made = Apideck(profile, seed=seed, documents=10)
            return [str(one["total"]) for one in made.documents("invoices")]

        assert ids(1) == ids(1)
        assert ids(1) != ids(2)
