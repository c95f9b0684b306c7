"""The simulated Apideck: closed schemas, filters, orders, pages, and the shape of answers."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.apideck.simulated.schemas import SCHEMAS
from connectors.apideck.simulated.shapes import moment
from connectors.apideck.simulated.store import RESOURCES
from connectors.apideck.simulator import PROFILES, Apideck, Deleted
from tests.connectors.apideck.desk import Desk, said

EVERY = pytest.mark.parametrize("profile", sorted(PROFILES))
FIRST_PAYMENT = {
    "currency": "USD",
    "currency_rate": 0.69,
    "total_amount": 49.99,
    "reference": "123456",
    "payment_method": "Credit Card",
    "payment_method_reference": "123456",
    "payment_method_id": "12345",
    "accounts_receivable_account_type": "Account",
    "accounts_receivable_account_id": "123456",
    "transaction_date": "2021-05-01T12:00:00.000Z",
    "supplier": {"id": "12345", "display_name": "Windsurf Shop"},
    "reconciled": True,
    "status": "authorised",
    "type": "accounts_receivable",
    "note": "Some notes about this transaction",
    "row_version": "1-12345",
    "display_id": "123456",
}
"""What the guide "Mark invoices and bills as paid" sends, without what names other records."""


@pytest.fixture
def profile() -> str:
    return "xero"


@pytest.fixture
def apideck(profile: str) -> Iterator[Apideck]:
    apideck = Apideck(profile)
    yield apideck
    assert apideck.crashes == []


@pytest.fixture
def desk(apideck: Apideck) -> Iterator[Desk]:
    desk = Desk(apideck)
    yield desk
    desk.http.close()


def enter(apideck: Apideck, count: int) -> list[str]:
    return [apideck.enter_invoice(net=f"{place}.00", rate="zero") for place in range(1, count + 1)]


class TestBodies:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"nonsense": 1},
            {"id": "7"},
            {"updated_at": "2026-11-21T00:00:00.000Z"},
            {"invoice_date": "2026-11-21T00:00:00.000Z"},
            {"due_date": "21.11.2026"},
            {"total": "12.00"},
            {"total": True},
            {"currency": "EURO"},
            {"status": "open"},
            {"tax_inclusive": "no"},
            {"line_items": {}},
            {"line_items": [{"price": 1}]},
            {"line_items": [{"tax_rate": {"percent": 20}}]},
            {"customer": "7"},
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, apideck: Apideck, desk: Desk, wrong: dict[str, Any]
    ) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero") | wrong

        answer = desk.post("invoices", body)

        assert said(answer) == (400, "RequestValidationError")
        assert next(iter(wrong)) in answer.json()["detail"]
        assert apideck.documents("invoices") == []

    def test_a_payment_needs_a_total_and_a_moment(self, apideck: Apideck, desk: Desk) -> None:
        body = desk.payment(apideck.enter_invoice(), "1.00")

        for wrong in (
            {name: part for name, part in body.items() if name != "total_amount"},
            body | {"transaction_date": "2026-11-21"},
        ):
            assert said(desk.post("payments", wrong)) == (400, "RequestValidationError")

    @pytest.mark.parametrize("profile", ["netsuite"])
    def test_a_patch_need_not_name_what_a_create_must(self, apideck: Apideck, desk: Desk) -> None:
        payment = apideck.pay("invoices", apideck.enter_invoice())

        assert desk.patch("payments", payment, {"reference": "x"}).status_code == 200
        assert desk.patch("payments", payment, {"referral": "x"}).status_code == 400

    @EVERY
    def test_the_guides_payment_goes_through(self, apideck: Apideck, desk: Desk) -> None:
        base = apideck.profile.base_currency
        invoice = apideck.enter_invoice(net="49.99", rate="zero")
        body = FIRST_PAYMENT | {
            "currency": base,
            "account": {"id": apideck.known.bank, "nominal_code": "N091", "code": "453"},
            "customer": {"id": apideck.known.customer, "display_name": "A", "name": "A"},
            "allocations": [{"id": invoice, "type": "invoice", "amount": 49.99}],
        }

        payment = desk.made("payments", body)

        read = apideck.get("payments", payment)
        assert (read["reference"], read["reconciled"]) == ("123456", True)
        assert read["currency_rate"] == Decimal("0.69")
        assert apideck.balance("invoices", invoice) == 0

    def test_the_body_must_be_json(self, desk: Desk) -> None:
        for content, kind in ((b"{", "application/json"), (b"{}", "text/plain")):
            answer = desk.http.post(
                "/accounting/invoices", content=content, headers={"content-type": kind}
            )
            assert answer.status_code == 400

    @pytest.mark.parametrize("resource", RESOURCES)
    def test_the_schemas_are_those_of_the_sdk(self, resource: str) -> None:
        models = pytest.importorskip("apideck_unify.models")
        singular = {
            "invoices": "Invoice",
            "bills": "Bill",
            "credit-notes": "CreditNote",
            "payments": "Payment",
            "bill-payments": "BillPayment",
            "tax-rates": "TaxRate",
            "customers": "Customer",
            "suppliers": "Supplier",
            "ledger-accounts": "LedgerAccount",
            "invoice-items": "InvoiceItem",
            "journal-entries": "JournalEntry",
        }[resource]
        described = getattr(models, f"{singular}Input").model_fields

        assert SCHEMAS[resource].keys() == {one.alias or name for name, one in described.items()}


class TestAnswers:
    @EVERY
    def test_the_sdk_reads_every_list(self, profile: str) -> None:
        models = pytest.importorskip("apideck_unify.models")
        desk = Desk(Apideck(profile, documents=20))
        for resource in RESOURCES:
            name = "".join(part.capitalize() for part in resource.split("-"))

            answer = desk.get(resource, limit="200", raw="true")

            getattr(models, f"Get{name}Response").model_validate(answer.json())

    def test_fields_leave_the_rest_out(self, apideck: Apideck, desk: Desk) -> None:
        enter(apideck, 1)

        [row] = desk.rows("invoices", fields="id,customer.display_name")

        assert row.keys() == {"id", "customer"}
        assert row["customer"].keys() == {"display_name"}

    def test_raw_adds_the_ledgers_answer(self, apideck: Apideck, desk: Desk) -> None:
        [invoice] = enter(apideck, 1)

        assert desk.get(f"invoices/{invoice}", raw="true").json()["_raw"]["Id"] == invoice
        assert "_raw" not in desk.get(f"invoices/{invoice}").json()

    def test_a_distorted_record_goes_out_as_told(self, apideck: Apideck, desk: Desk) -> None:
        [invoice] = enter(apideck, 1)
        apideck.distort("invoices", invoice, status="brand_new", currency=None)

        read = desk.one("invoices", invoice)

        assert (read["status"], read["currency"]) == ("brand_new", None)

    @pytest.mark.parametrize("profile", ["netsuite"])
    def test_allocations_are_on_single_reads_only(self, apideck: Apideck, desk: Desk) -> None:
        [invoice] = enter(apideck, 1)
        apideck.pay("invoices", invoice)

        assert "payment_allocations" not in desk.rows("invoices")[0]
        assert len(desk.one("invoices", invoice)["payment_allocations"]) == 1


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            {"page": "2"},
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "ten"},
            {"filter[colour]": "red"},
            {"filter[updated_since]": "2026-11-21"},
            {"sort[by]": "total"},
            {"sort[direction]": "down"},
            {"raw": "yes"},
        ],
    )
    def test_unknown_and_unreadable_parameters_are_refused(
        self, desk: Desk, query: dict[str, str]
    ) -> None:
        assert said(desk.get("invoices", **query)) == (400, "RequestValidationError")

    def test_tax_rates_know_neither_changes_nor_order(self, desk: Desk) -> None:
        since = {"filter[updated_since]": "2026-11-21T00:00:00.000Z"}

        assert desk.get("tax-rates", **since).status_code == 400
        assert desk.get("tax-rates", **{"sort[by]": "updated_at"}).status_code == 400

    def test_changes_are_found_since_a_moment_that_counts(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        enter(apideck, 1)
        apideck.pass_time(dt.timedelta(hours=1))
        [late] = enter(apideck, 1)
        stamp = desk.one("invoices", late)["updated_at"]

        found = desk.rows("invoices", **{"filter[updated_since]": stamp.replace("Z", "+00:00")})

        assert [row["id"] for row in found] == [late]
        after = moment(apideck.now() + dt.timedelta(seconds=1))
        assert desk.rows("invoices", **{"filter[updated_since]": after}) == []

    def test_a_payment_makes_its_invoice_change(self, apideck: Apideck, desk: Desk) -> None:
        first, _ = enter(apideck, 2)
        apideck.pass_time(dt.timedelta(hours=1))
        since = moment(apideck.now() - dt.timedelta(minutes=1))
        apideck.pay("invoices", first)

        found = desk.rows("invoices", **{"filter[updated_since]": since})

        assert [row["id"] for row in found] == [first]

    @pytest.mark.parametrize("profile", ["workday"])
    def test_some_ledgers_cannot_tell_changes(self, desk: Desk) -> None:
        since = {"filter[updated_since]": "2026-11-21T00:00:00.000Z"}

        assert said(desk.get("bills", **since)) == (400, "UnsupportedFiltersError")
        order = {"sort[by]": "updated_at"}
        assert said(desk.get("bills", **order)) == (400, "UnsupportedSortFieldError")

    def test_bills_are_told_apart_by_what_is_paid(self, apideck: Apideck, desk: Desk) -> None:
        unpaid, some, paid = (apideck.enter_bill(net="10.00", rate="zero") for _ in range(3))
        apideck.pay("bills", some, "1.00")
        apideck.pay("bills", paid)

        for status, bill in (("unpaid", unpaid), ("partially_paid", some), ("paid", paid)):
            found = desk.rows("bills", **{"filter[status]": status})
            assert [row["id"] for row in found] == [bill]

    def test_payments_are_found_by_document_and_contact(self, apideck: Apideck, desk: Desk) -> None:
        first, second = enter(apideck, 2)
        payment = apideck.pay("invoices", first)
        apideck.pay("invoices", second)

        found = desk.rows("payments", **{"filter[invoice_id]": first})

        assert [row["id"] for row in found] == [payment]
        assert desk.rows("payments", **{"filter[customer_id]": "nobody"}) == []

    def test_a_list_has_an_order_when_asked(self, apideck: Apideck, desk: Desk) -> None:
        invoices = enter(apideck, 3)
        apideck.pay("invoices", invoices[0])

        order = {"sort[by]": "updated_at", "sort[direction]": "desc"}

        assert desk.rows("invoices", **order)[0]["id"] == invoices[0]


class TestPages:
    @pytest.mark.parametrize("profile", ["xero", "quickbooks", "workday"])
    def test_pages_hold_every_row_once(self, apideck: Apideck, desk: Desk) -> None:
        invoices = enter(apideck, 7)

        pages = desk.pages("invoices", limit="3")

        assert [row["id"] for page in pages for row in page] == invoices
        assert [len(page) for page in pages] == [3, 3, 1]

    def test_twenty_rows_unless_told_otherwise(self, apideck: Apideck, desk: Desk) -> None:
        enter(apideck, 21)

        answer = desk.get("invoices").json()

        assert len(answer["data"]) == answer["meta"]["items_on_page"] == 20
        assert "total_count" not in answer["meta"]

    @pytest.mark.parametrize("profile", ["netsuite"])
    def test_netsuite_repeats_rows_and_has_short_and_empty_pages(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        invoices = enter(apideck, 30)

        pages = desk.pages("invoices", limit="6")

        ids = [row["id"] for page in pages for row in page]
        assert list(dict.fromkeys(ids)) == invoices
        assert len(ids) > len(invoices)
        sizes = [len(page) for page in pages[:-1]]
        assert 0 in sizes
        assert any(0 < size < 6 for size in sizes)
        assert max(sizes) == 6

    @pytest.mark.parametrize("profile", ["netsuite"])
    def test_netsuite_wants_five_rows_at_least_and_forgets_cursors(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        enter(apideck, 10)
        assert said(desk.get("invoices", limit="4")) == (400, "ConnectorExecutionError")
        cursor = desk.get("invoices", limit="5").json()["meta"]["cursors"]["next"]
        assert desk.get("invoices", limit="5", cursor=cursor).status_code == 200

        apideck.pass_time(dt.timedelta(minutes=15))

        answer = desk.get("invoices", limit="5", cursor=cursor)
        assert said(answer) == (400, "InvalidCursorError")

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_quickbooks_gives_tax_rates_in_one_piece(self, desk: Desk) -> None:
        answer = desk.get("tax-rates", limit="1").json()

        assert len(answer["data"]) == 4
        assert answer["meta"]["cursors"]["next"] is None
        refused = desk.get("tax-rates", cursor="x")
        assert said(refused) == (400, "PaginationNotSupportedError")
        assert None in {row["effective_tax_rate"] for row in answer["data"]}

    @pytest.mark.parametrize("cursor", ["x", "eA==", "cXVpY2tib29rczo6cGFnZTo6Mi4x"])
    def test_a_cursor_of_another_ledger_is_none(self, desk: Desk, cursor: str) -> None:
        assert said(desk.get("invoices", cursor=cursor)) == (400, "InvalidCursorError")

    def test_rows_move_when_somebody_works_between_pages(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        apideck.change(deleted=Deleted.GONE)
        invoices = enter(apideck, 4)
        apideck.between_pages("invoices", lambda: apideck.delete("invoices", invoices[0]))

        pages = desk.pages("invoices", limit="2")

        seen = [row["id"] for page in pages for row in page]
        assert seen == [invoices[0], invoices[1], invoices[3]]

    @EVERY
    def test_a_full_read_ends_on_every_ledger(self, profile: str) -> None:
        apideck = Apideck(profile, documents=60)
        desk = Desk(apideck)

        for resource in RESOURCES:
            rows = [row for page in desk.pages(resource, limit="7") for row in page]
            seen = {(row["id"], row.get("code")) for row in rows}
            assert len(seen) == len(apideck.documents(resource))
