"""The simulated Xero's lists: pages, filters, what changed since, how much of a row is given."""

import datetime as dt
from datetime import timedelta
from typing import Any

import pytest

from tests.connectors.xero.simulator_desk import API, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def second(desk: Desk) -> str:
    """Now, as `If-Modified-Since` has it."""
    return desk.xero.now().strftime("%Y-%m-%dT%H:%M:%S")


def later(desk: Desk) -> None:
    desk.xero.pass_time(timedelta(seconds=2))


class TestPages:
    def test_a_page_says_how_many_there_are(self, desk: Desk) -> None:
        for _ in range(5):
            desk.uk.add_invoice()

        response = desk.ask("GET", "/Invoices", page="2", pageSize="2").json()

        assert response["pagination"] == {
            "page": 2,
            "pageSize": 2,
            "pageCount": 3,
            "itemCount": 5,
        }
        assert len(response["Invoices"]) == 2
        assert desk.rows("Invoices", page="4", pageSize="2") == []

    @pytest.mark.parametrize(("asked", "given"), [("5000", 1000), ("0", 1), ("7", 7)])
    def test_other_page_sizes_are_moved_to_the_nearest_allowed(
        self, desk: Desk, asked: str, given: int
    ) -> None:
        response = desk.ask("GET", "/Invoices", page="1", pageSize=asked).json()

        assert response["pagination"]["pageSize"] == given

    def test_without_a_page_there_are_no_lines(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()

        (whole,) = desk.rows("Invoices", IDs=invoice)
        (page,) = desk.rows("Invoices", IDs=invoice, page="1")
        (status,) = desk.rows("Invoices", Statuses="AUTHORISED")

        assert (whole["LineItems"], len(page["LineItems"]), len(status["LineItems"])) == ([], 1, 1)

    def test_the_latest_change_comes_last(self, desk: Desk) -> None:
        first, other = desk.uk.add_invoice(), desk.uk.add_invoice()
        later(desk)
        desk.uk.edit_invoice(first, Reference="moved")

        assert [row["InvoiceID"] for row in desk.rows("Invoices", page="1")] == [other, first]

    def test_pages_are_no_snapshot(self, desk: Desk) -> None:
        ids = []
        for _ in range(4):
            ids.append(desk.uk.add_invoice())
            desk.xero.pass_time(timedelta(milliseconds=5))
        edit = lambda: desk.uk.edit_invoice(ids[0], Reference="x")  # noqa: E731  # an action
        desk.xero.between_pages("Invoices", edit)

        seen = [
            row["InvoiceID"]
            for page in ("1", "2")
            for row in desk.rows("Invoices", page=page, pageSize="2")
        ]

        assert seen == [ids[0], ids[1], ids[3], ids[0]]

    def test_a_summary_lacks_lines_and_payments_and_is_paged(self, desk: Desk) -> None:
        desk.uk.add_invoice()

        response = desk.ask("GET", "/Invoices", summaryOnly="true").json()

        (row,) = response["Invoices"]
        assert response["pagination"]["itemCount"] == 1
        assert row.keys().isdisjoint({"LineItems", "Payments", "HasAttachments"})

    def test_too_many_records_are_refused(self, desk: Desk) -> None:
        desk.xero.change(largest_result=1)
        desk.uk.add_invoice()
        desk.uk.add_invoice()

        assert desk.ask("GET", "/Invoices", page="1").status_code == 400

    def test_an_order_switches_the_pages_of_journals_off(self, desk: Desk) -> None:
        for _ in range(3):
            desk.uk.add_journal([("400", 10), ("429", -10)])

        assert len(desk.rows("ManualJournals", page="1", pageSize="2", order="Date")) == 3

    def test_prices_have_two_decimals_unless_four_are_asked_for(self, desk: Desk) -> None:
        line = desk.line(UnitAmount=1.2345, Quantity=100)
        there = desk.put("Invoices", desk.invoice(LineItems=[line]))["InvoiceID"]

        two, four = desk.one("Invoices", there), desk.one("Invoices", there, unitdp="4")

        prices = [str(one["LineItems"][0]["UnitAmount"]) for one in (two, four)]
        assert prices == ["1.23", "1.2345"]
        assert float(two["LineItems"][0]["LineAmount"]) == 123.45


class TestModifiedSince:
    def test_it_is_accurate_to_the_second_and_leaves_its_own_out(self, desk: Desk) -> None:
        old = desk.uk.add_invoice()
        later(desk)
        desk.xero.pass_time(timedelta(microseconds=1_000_000 - desk.xero.now().microsecond))
        since = second(desk)
        same = desk.uk.add_invoice()
        later(desk)
        new = desk.uk.add_invoice()

        strict = [row["InvoiceID"] for row in desk.rows("Invoices", since=since)]
        desk.xero.change(since_includes_its_second=True)
        loose = [row["InvoiceID"] for row in desk.rows("Invoices", since=since)]

        assert (strict, loose) == ([new], [same, new])
        assert old not in loose

    @pytest.mark.parametrize("text", ["2026-11-21", "Sat, 21 Nov 2026 07:00:00 GMT", "now"])
    def test_another_form_is_412(self, desk: Desk, text: str) -> None:
        response = desk.ask("GET", "/Invoices", headers={"If-Modified-Since": text})

        assert response.status_code == 412

    def test_a_payment_moves_its_document_and_a_deletion_stays_readable(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        draft = desk.uk.add_bill(Status="DRAFT")
        later(desk)
        since = second(desk)
        later(desk)
        desk.uk.pay(invoice)
        desk.uk.delete("Invoices", draft)

        found = {row["InvoiceID"]: row["Status"] for row in desk.rows("Invoices", since=since)}

        assert found == {invoice: "PAID", draft: "DELETED"}

    def test_what_posts_nothing_does_not_show(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.uk.pay(invoice, "10.00")
        later(desk)
        since = second(desk)
        later(desk)

        changes = {"Status": "AUTHORISED", "DueDate": "2027-01-31"}
        desk.ask("POST", f"/Invoices/{invoice}", changes)
        desk.uk.send_to_contact(invoice)

        assert desk.rows("Invoices", since=since) == []
        there = desk.one("Invoices", invoice)
        assert (there["DueDateString"], there["SentToContact"]) == ("2027-01-31T00:00:00", True)

    def test_becoming_a_customer_does_not_move_a_contact(self, desk: Desk) -> None:
        contact = desk.uk.add_contact("Newcomer")
        later(desk)
        since = second(desk)
        later(desk)
        desk.uk.add_invoice(contact_id=contact)

        assert desk.rows("Contacts", since=since) == []
        there = desk.one("Contacts", contact)
        assert (there["IsCustomer"], there["IsSupplier"]) == (True, False)
        assert float(there["Balances"]["AccountsReceivable"]["Outstanding"]) == 120

    @pytest.mark.parametrize("endpoint", ["TaxRates", "Currencies"])
    def test_small_lists_come_whole_and_without_a_date(self, desk: Desk, endpoint: str) -> None:
        rows = desk.rows(endpoint, since="2099-01-01T00:00:00")

        assert rows
        assert "UpdatedDateUTC" not in rows[0]


class TestNamedParameters:
    def test_documents_by_ids_numbers_contacts_and_statuses(self, desk: Desk) -> None:
        first = desk.uk.add_invoice(InvoiceNumber="A-1")
        second_ = desk.uk.add_bill(InvoiceNumber="A-1")
        third = desk.uk.add_invoice(Status="DRAFT")

        def ids(**how: str) -> set[str]:
            return {row["InvoiceID"] for row in desk.rows("Invoices", **how)}

        assert ids(IDs=f"{first},{third.upper()}") == {first, third}
        assert ids(InvoiceNumbers="A-1") == {first, second_}
        assert ids(InvoiceNumbers="A-1", ContactIDs=desk.known.supplier) == {second_}
        assert ids(Statuses="DRAFT,VOIDED") == {third}

    def test_archived_contacts_come_only_when_asked_for(self, desk: Desk) -> None:
        contact = desk.uk.add_contact("Old")
        desk.uk.archive_contact(contact)

        shown = {row["ContactID"] for row in desk.rows("Contacts")}
        all_ = {row["ContactID"] for row in desk.rows("Contacts", includeArchived="true")}

        assert (contact in shown, contact in all_) == (False, True)

    def test_a_merged_contact_says_into_which(self, desk: Desk) -> None:
        old = desk.uk.add_contact("Double")
        invoice = desk.uk.add_invoice(contact_id=old)

        desk.uk.merge_contacts(old, desk.known.customer)

        assert desk.one("Contacts", old)["MergedToContactID"] == desk.known.customer
        assert desk.one("Invoices", invoice)["Contact"]["ContactID"] == desk.known.customer

    def test_unpaged_contacts_lack_fields(self, desk: Desk) -> None:
        row, page = desk.rows("Contacts")[0], desk.rows("Contacts", page="1")[0]

        assert ("ContactPersons" in row, "ContactPersons" in page) == (False, True)

    def test_records_are_found_by_their_other_keys(self, desk: Desk) -> None:
        desk.uk.add_invoice(InvoiceNumber="INV-77")

        assert desk.one("Invoices", "INV-77")["InvoiceNumber"] == "INV-77"
        assert desk.one("Contacts", "C-1")["ContactID"] == desk.known.customer
        assert desk.one("Items", "FREIGHT")["Code"] == "FREIGHT"

    def test_a_distorted_row_goes_out_as_somebody_wants_it(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.uk.distort(invoice, Status="IN_DUNNING", Colour="blue")

        (row,) = desk.rows("Invoices", IDs=invoice)

        assert (row["Status"], row["Colour"]) == ("IN_DUNNING", "blue")


class TestWhere:
    @pytest.fixture
    def filled(self, desk: Desk) -> dict[str, str]:
        day = dt.date(2026, 3, 10)
        one = desk.uk.add_invoice(InvoiceNumber='A "1" & #2', Date=day, Reference="R1")
        two = desk.uk.add_bill(InvoiceNumber="B-1", Date=day + timedelta(days=5))
        return {"one": one, "two": two, "three": desk.uk.add_invoice((("5.00", None),))}

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ('Type=="ACCPAY" AND Status=="AUTHORISED"', "two"),
            (r'InvoiceNumber=="A \"1\" & #2"', "one"),
            ("Date>=DateTime(2026,03,10) && Date<DateTime(2026, 3, 15)", "one"),
            ('AmountDue < 10 and Type=="ACCREC"', "three"),
            ('Contact.ContactID==guid("{supplier}")', "two"),
            ('Contact.Name=="Ridgeway Tyres GB"', "two"),
            ('InvoiceID==guid("{one}") OR InvoiceID==Guid("{two}")', "one two"),
            ('(InvoiceID==guid("{one}") OR InvoiceID==guid("{two}")) AND Reference=="R1"', "one"),
            ("AmountPaid==0", "one two three"),
        ],
    )
    def test_optimised_filters_find(
        self, desk: Desk, filled: dict[str, str], text: str, found: str
    ) -> None:
        for name, value in {**filled, "supplier": desk.known.supplier}.items():
            text = text.replace(f"{{{name}}}", value)

        rows = desk.rows("Invoices", where=text)

        assert {row["InvoiceID"] for row in rows} == {filled[name] for name in found.split()}

    @pytest.mark.parametrize(
        "text",
        [
            'Status=="PAID" OR Status=="DRAFT"',
            'InvoiceNumber.StartsWith("A")',
            'LineItems.Description=="x"',
            'InvoiceID=="5d1a6c1e-5d9c-4a1e-9d7e-000000000000"',
            'Contact.ContactID==guid("nobody")',
            "AmountPaid>=5",
            'Status!="PAID"',
            'Date=="2026-01-01"',
            'Status=="PAID" AND',
            "Status==",
            '(Status=="PAID"',
            'Status=="PAID") ',
            "",
            'Url=="x"',
        ],
    )
    def test_everything_else_is_refused(self, desk: Desk, text: str) -> None:
        response = desk.ask("GET", "/Invoices", where=text or " ")

        assert (response.status_code, response.json()["Type"]) == (400, "QueryParseException")
        assert desk.xero.crashes == []

    def test_payments_are_found_by_document_and_reference(self, desk: Desk) -> None:
        invoice, other = desk.uk.add_invoice(), desk.uk.add_invoice()
        wanted = desk.uk.pay(invoice, 10, reference="P-1")
        desk.uk.pay(invoice, 10, reference="P-2")
        desk.uk.pay(other, 10, reference="P-1")

        text = f'Invoice.InvoiceID==guid("{invoice}") AND Reference=="P-1"'
        rows = desk.rows("Payments", where=text)

        assert [row["PaymentID"] for row in rows] == [wanted]

    def test_contacts_are_found_whatever_case_and_accents(self, desk: Desk) -> None:
        contact = desk.uk.add_contact("Café Zoë", EmailAddress="Office@Cafe.example")

        by_name = desk.rows("Contacts", where='Name=="CAFE ZOE"')
        by_mail = desk.rows("Contacts", where='EmailAddress=="office@cafe.example"')

        assert [row["ContactID"] for row in by_name + by_mail] == [contact] * 2

    @pytest.mark.parametrize(
        ("order", "status"), [("Date DESC", 200), ("Total", 400), ("UpdatedDateUTC", 200)]
    )
    def test_only_some_orders_are_optimised(self, desk: Desk, order: str, status: int) -> None:
        assert desk.ask("GET", "/Invoices", order=order).status_code == status


class TestShapes:
    def test_dates_are_microsofts_and_amounts_are_numbers(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice(Date=dt.date(2026, 3, 10))

        raw: dict[str, Any] = desk.ask("GET", f"/Invoices/{invoice}").json()["Invoices"][0]

        assert raw["Date"] == "/Date(1773100800000+0000)/"
        assert raw["DateString"] == "2026-03-10T00:00:00"
        assert isinstance(raw["Total"], float)

    def test_old_days_are_negative(self, desk: Desk) -> None:
        desk.put("Invoices", desk.invoice(InvoiceNumber="OLD", Date="/Date(-86400000+0100)/"))

        assert desk.one("Invoices", "OLD")["Date"] == "/Date(-86400000+0000)/"

    def test_accounts_have_classes_system_accounts_and_banks_without_codes(
        self, desk: Desk
    ) -> None:
        rows = {row["Name"]: row for row in desk.rows("Accounts")}

        assert rows["Sales"]["Class"] == "REVENUE"
        assert rows["Accounts Receivable"]["SystemAccount"] == "DEBTORS"
        assert "Code" not in rows["EUR Account"]

    def test_rates_say_what_they_apply_to(self, desk: Desk) -> None:
        rows = {row["TaxType"]: row for row in desk.rows("TaxRates")}

        assert (rows["OUTPUT2"]["CanApplyToRevenue"], rows["OUTPUT2"]["CanApplyToExpenses"]) == (
            True,
            False,
        )
        assert desk.xero.us.tax_rate("TAX001") == 8.375

    def test_base_url_is_below_the_api(self, desk: Desk) -> None:
        assert desk.http.get(f"{API}/Invoices").status_code == 401
