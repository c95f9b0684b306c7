"""The simulated Marketplace: from an accepted journal to the ERP's documents, and those."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.softwareone.simulator import Marketplace, WrongState
from tests.connectors.softwareone.visitor import XLSX, Visitor, line, workbook


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    marketplace = Marketplace()
    yield marketplace
    assert marketplace.crashes == []


@pytest.fixture
def vendor(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "vendor")


@pytest.fixture
def operations(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "operations")


@pytest.fixture
def client(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "client")


def for_second_buyer(marketplace: Marketplace, entry: str, **more: Any) -> dict[str, Any]:
    """A line for the buyer whose agreement is with the other seller."""
    subscription = marketplace.add_subscription(buyer=marketplace.known.second_buyer)
    given = line(marketplace, entry, **more)
    given["search"]["source"] |= {"criteria": "id", "value": subscription}
    return given


def statuses(marketplace: Marketplace, *ids: str) -> list[str]:
    return [str(marketplace.get(one)["status"]) for one in ids]


class TestLedgers:
    def test_an_accepted_journal_yields_a_ledger_per_seller(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal = vendor.handed_in(
            "JE-1", line(marketplace, "E-1"), for_second_buyer(marketplace, "E-2")
        )

        answer = operations.post(f"journals/{journal}/accept")

        assert answer.json()["status"] == "Generating"
        assert statuses(marketplace, journal) == ["Generated"]
        rows = operations.read("ledgers", "order=id&limit=10")["data"]
        digits = journal.partition("-")[2]
        assert [row["status"] for row in rows] == ["Review", "Review"]
        assert {row["id"] for row in rows} == {
            f"BLE-{digits}-{seller.partition('-')[2]}"
            for seller in (marketplace.known.seller, marketplace.known.other_seller)
        }
        (charge,) = operations.read(f"ledgers/{rows[0]['id']}/charges", "limit=10")["data"]
        assert charge["ledger"]["id"] == rows[0]["id"]

    def test_a_journal_moves_with_its_ledgers_to_the_end(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal = vendor.handed_in(
            "JE-1", line(marketplace, "E-1"), for_second_buyer(marketplace, "E-2")
        )
        operations.post(f"journals/{journal}/accept")
        first, second = operations.ids("ledgers", "order=id&limit=10")

        assert operations.post(f"ledgers/{first}/accept").json()["status"] == "Generating"
        assert statuses(marketplace, journal, first) == ["Generated", "Generated"]
        operations.post(f"ledgers/{second}/accept")
        assert statuses(marketplace, journal) == ["Accepted"]
        marketplace.queue(first)
        assert statuses(marketplace, journal) == ["Queued"]
        marketplace.settle()
        assert statuses(marketplace, journal, first) == ["Queued", "Completed"]
        marketplace.queue(second)
        marketplace.settle()
        assert statuses(marketplace, journal) == ["Completed"]

    def test_a_ledger_waits_for_all_its_statements(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        marketplace.accept(vendor.handed_in())
        (ledger,) = operations.ids("ledgers")
        marketplace.accept(ledger)
        (statement,) = operations.ids("statements")
        marketplace.change(steps_take=timedelta(minutes=1))
        marketplace.queue(ledger)
        marketplace.fail_statement(statement)

        marketplace.settle()
        assert statuses(marketplace, ledger, statement) == ["Queued", "Error"]
        operations.post(f"statements/{statement}/retry")
        assert statuses(marketplace, ledger) == ["Queued"]
        marketplace.settle()
        assert statuses(marketplace, ledger, statement) == ["Completed", "Issued"]

    def test_the_steps_take_their_time(self, marketplace: Marketplace, vendor: Visitor) -> None:
        journal = vendor.handed_in()
        marketplace.change(steps_take=timedelta(minutes=1))
        marketplace.accept(journal)

        assert statuses(marketplace, journal) == ["Generating"]
        marketplace.pass_time(timedelta(seconds=61))
        assert statuses(marketplace, journal) == ["Generated"]

    def test_rating_again_leads_back_to_review(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        marketplace.accept(vendor.handed_in())
        (ledger,) = operations.ids("ledgers")

        assert operations.post(f"ledgers/{ledger}/recalculate").json()["status"] == "Rating"

        assert statuses(marketplace, ledger) == ["Review"]
        somebody = {"assignee": {"id": "USR-1", "name": "Ada"}}
        assert operations.put(f"ledgers/{ledger}", somebody).json()["assignee"]["name"] == "Ada"
        assert operations.put(f"ledgers/{ledger}", {"name": "x"}).status_code == 400

    def test_a_reset_takes_ledgers_and_statements_away(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal = vendor.handed_in()
        marketplace.accept(journal)
        (ledger,) = operations.ids("ledgers")
        marketplace.accept(ledger)
        assert len(operations.ids("statements")) == 1

        marketplace.reset(journal)

        assert operations.ids("ledgers") == operations.ids("statements") == []
        assert statuses(marketplace, journal) == ["Review"]

    def test_a_journal_with_nothing_to_bill_stays_in_review(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        vendor.charge(journal)
        marketplace.edit(journal, status="Review")
        marketplace.records("journals")
        with marketplace.lock:
            marketplace.record(journal).charges = ()

        marketplace.accept(journal)

        assert statuses(marketplace, journal) == ["Review"]
        assert marketplace.get(journal)["error"]["message"] == "There is nothing to bill"


class TestStatements:
    def test_each_agreement_gets_one_and_its_client_sees_it(
        self, marketplace: Marketplace, vendor: Visitor, client: Visitor
    ) -> None:
        journal = vendor.handed_in(
            "JE-1", line(marketplace, "E-1"), for_second_buyer(marketplace, "E-2")
        )

        made = marketplace.bill(journal)

        assert sorted(client.ids("statements")) == sorted(made)
        rows = [client.read(f"statements/{one}") for one in made]
        assert {row["status"] for row in rows} == {"Issued"}
        assert rows[0]["price"] == {
            "currency": {"sale": "EUR"},
            "totalSP": Decimal("12.6"),
            "totalST": Decimal("2.65"),
            "totalGT": Decimal("15.25"),
        }

    def test_the_erp_bills_it_with_an_invoice(
        self, marketplace: Marketplace, vendor: Visitor, client: Visitor
    ) -> None:
        (statement,) = marketplace.bill(vendor.handed_in())

        (invoice,) = client.ids("invoices")

        assert client.read(f"statements/{statement}")["invoice"]["id"] == invoice
        row = client.read(f"invoices/{invoice}")
        assert row["statement"]["id"] == statement
        assert row["erpData"]["yourReference"] == statement
        assert (row["price"]["totalSP"], row["price"]["totalGT"]) == (
            Decimal("12.60"),
            Decimal("15.25"),
        )

    def test_a_negative_one_becomes_a_credit_memo_with_positive_amounts(
        self, marketplace: Marketplace, vendor: Visitor, client: Visitor
    ) -> None:
        back = line(marketplace, price={"unitPP": -5, "PPx1": -10}, quantity=2)

        (statement,) = marketplace.bill(vendor.handed_in("JE-1", back))

        row = client.read(f"statements/{statement}")
        assert row["type"] == "Credit"
        (memo,) = marketplace.records("credit-memos")
        assert row["creditMemo"]["id"] == memo["id"]
        assert memo["price"]["totalSP"] == Decimal(12)
        assert marketplace.records("invoices") == []

    @pytest.mark.parametrize(("charges", "lines"), [(41, 41), (42, 1)])
    def test_many_charges_give_a_compact_invoice(
        self, marketplace: Marketplace, vendor: Visitor, charges: int, lines: int
    ) -> None:
        given = [line(marketplace, f"E-{number}") for number in range(charges)]

        marketplace.bill(vendor.handed_in("JE-1", *given))

        (invoice,) = marketplace.records("invoices")
        assert len(invoice["lines"]) == lines
        assert invoice["price"]["totalSP"] == Decimal("12.60") * charges
        if lines == 1:
            assert invoice["lines"][0]["quantity"] == 1

    @pytest.mark.parametrize("leads_to", ["Queued", "Generated"])
    def test_one_that_the_erp_refused_is_sent_again(
        self, marketplace: Marketplace, operations: Visitor, leads_to: str
    ) -> None:
        marketplace.change(retry_leads_to=leads_to, steps_take=timedelta(minutes=1))
        statement = marketplace.add_statement()
        failed = marketplace.fail_statement(statement, "No such customer")
        assert failed["error"]["message"] == failed["statusNotes"]["message"] == "No such customer"

        assert operations.post(f"statements/{statement}/retry").json()["status"] == leads_to

        marketplace.settle()
        assert statuses(marketplace, statement) == ["Issued" if leads_to == "Queued" else leads_to]
        assert operations.post(f"statements/{statement}/retry").status_code == 400

    def test_one_that_the_erp_refused_is_made_again(
        self, marketplace: Marketplace, operations: Visitor
    ) -> None:
        statement = marketplace.add_statement()
        marketplace.fail_statement(statement)

        answer = operations.post(f"statements/{statement}/recalculate")

        assert answer.json()["status"] == "Generating"
        marketplace.settle()
        assert statuses(marketplace, statement) == ["Issued"]

    def test_a_cancelled_one_is_not_billed(
        self, marketplace: Marketplace, operations: Visitor
    ) -> None:
        statement = marketplace.add_statement(status="Queued")

        assert operations.post(f"statements/{statement}/cancel").json()["status"] == "Cancelled"

        marketplace.settle()
        assert marketplace.records("invoices") == []
        with pytest.raises(WrongState):
            marketplace.cancel(statement)

    def test_their_ids_have_no_fixed_length(self, marketplace: Marketplace) -> None:
        made = [marketplace.add_statement() for _ in range(2)]

        assert sorted(one.count("-") for one in made) == [3, 4]


class TestOverrides:
    def test_an_overridden_client_is_not_billed(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        known = marketplace.known
        body = {"client": {"id": known.client}, "vendor": {"id": known.vendor}, "notes": "By hand"}
        override = operations.post("manual-overrides", body)
        assert (override.status_code, override.json()["status"]) == (201, "Active")

        (statement,) = marketplace.bill(vendor.handed_in())

        assert statuses(marketplace, statement) == ["Cancelled"]
        (charge,) = marketplace.charges(statement)
        assert charge["processing"] == {"status": "Skipped"}
        assert marketplace.records("invoices") == []

    def test_a_disabled_one_does_not_count(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        override = marketplace.add_override()
        path = f"manual-overrides/{override}"

        assert operations.post(f"{path}/disable").json()["status"] == "Disabled"
        assert operations.post(f"{path}/disable").status_code == 400
        (statement,) = marketplace.bill(vendor.handed_in())

        assert statuses(marketplace, statement) == ["Issued"]
        assert operations.post(f"{path}/enable").json()["status"] == "Active"
        assert operations.put(path, {"externalId": "X-1"}).json()["externalId"] == "X-1"

    def test_they_may_live_at_another_path(
        self, marketplace: Marketplace, operations: Visitor
    ) -> None:
        override = marketplace.add_override()

        marketplace.change(overrides_at="overrides")

        assert operations.ids("overrides") == [override]
        assert operations.get("manual-overrides").status_code == 404

    def test_its_parties_must_be_there(self, marketplace: Marketplace, operations: Visitor) -> None:
        known = marketplace.known
        body = {"client": {"id": known.vendor}, "vendor": {"id": known.vendor}}

        answer = operations.post("manual-overrides", body)

        assert answer.json()["errors"].keys() == {"client.id"}


class TestCustomLedgers:
    def test_one_goes_from_draft_to_the_erp(
        self, marketplace: Marketplace, operations: Visitor
    ) -> None:
        known = marketplace.known
        body = {
            "name": "By hand",
            "seller": {"id": known.seller},
            "vendor": {"id": known.vendor},
            "billingStartDate": "2026-10-01T00:00:00.000Z",
            "price": {"currency": {"purchase": "EUR", "sale": "EUR"}},
        }
        ledger = operations.post("custom-ledgers", body).json()["id"]
        path = f"custom-ledgers/{ledger}"
        assert statuses(marketplace, ledger) == ["Draft"]
        assert operations.post(f"{path}/accept").status_code == 400
        assert operations.upload(path, b"{}", "application/jsonl").status_code == 415

        answer = operations.upload(path, workbook([{"A": "1"}, {"A": "2"}]), XLSX, "a.xlsx")
        assert answer.json()["status"] == "Validating"
        assert statuses(marketplace, ledger) == ["Validated"]
        assert len(operations.ids(f"{path}/charges")) == 2
        assert operations.post(f"{path}/accept").json()["status"] == "Generating"
        marketplace.settle()
        marketplace.queue(ledger)
        marketplace.settle()

        assert statuses(marketplace, ledger) == ["Completed"]
        (statement,) = marketplace.records("statements")
        assert statement["customLedger"]["id"] == ledger
        assert statement["billingType"] == "Manual"

    def test_a_file_that_is_no_workbook_is_an_error(
        self, marketplace: Marketplace, operations: Visitor
    ) -> None:
        known = marketplace.known
        body = {"name": "x", "seller": {"id": known.seller}, "vendor": {"id": known.vendor}}
        ledger = operations.post("custom-ledgers", body).json()["id"]

        operations.upload(f"custom-ledgers/{ledger}", b"no zip", XLSX, "a.xlsx")

        assert statuses(marketplace, ledger) == ["Error"]
        renamed = operations.put(f"custom-ledgers/{ledger}", {"name": "y"})
        assert renamed.json()["name"] == "y"
        assert operations.delete(f"custom-ledgers/{ledger}").status_code == 204
        assert operations.get(f"custom-ledgers/{ledger}").status_code == 404


class TestDocuments:
    def test_an_invoice_has_lines_that_add_up(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        invoice = marketplace.add_invoice(
            lines=[
                {"net": "90.00", "vat": "21", "quantity": 3, "discount": "9.00"},
                {"net": "10.00", "vat": "9", "description": "Books"},
            ],
            date=date(2026, 10, 1),
            currency="USD",
        )

        row = client.read(f"invoices/{invoice}")

        assert row["price"]["currency"] == "USD"
        assert [one["unitPrice"] for one in row["lines"]] == [Decimal(33), Decimal(10)]
        assert sum(one["lineAmount"] for one in row["lines"]) == row["price"]["totalSP"] == 100
        assert row["price"]["totalST"] == Decimal("19.80")
        assert row["erpData"]["balanceDue"] == row["price"]["totalGT"] == Decimal("119.80")
        assert row["erpData"]["dueDate"] == "2026-10-31T00:00:00.000Z"
        (first, _) = client.read(f"invoices/{invoice}/lines", "order=lineNo&limit=10")["data"]
        assert client.read(f"invoices/{invoice}/lines/{first['id']}") == first == row["lines"][0]

    def test_lines_have_no_paths_in_the_present_generation(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        invoice = marketplace.add_invoice()

        marketplace.change(line_paths=False)

        assert client.get(f"invoices/{invoice}/lines").status_code == 404
        assert client.read(f"invoices/{invoice}")["lines"]

    def test_payments_lower_what_is_open(self, marketplace: Marketplace) -> None:
        invoice = marketplace.add_invoice()

        partly = marketplace.pay(invoice, "21.00")
        wholly = marketplace.pay(invoice)

        assert (partly["erpData"]["balanceDue"], partly["status"]) == (100, "Issued")
        assert (wholly["erpData"]["balanceDue"], wholly["status"]) == (0, "Paid")
        assert wholly["audit"].keys() >= {"issued", "paid"}

    def test_the_erp_may_replace_all_lines(self, marketplace: Marketplace) -> None:
        invoice = marketplace.add_invoice()
        marketplace.pay(invoice, "21.00")
        before = marketplace.get(invoice)

        after = marketplace.edit(invoice, net="200.00")

        assert after["price"]["totalGT"] == Decimal("242.00")
        assert after["erpData"]["balanceDue"] == Decimal("221.00")
        assert after["lines"][0]["id"] != before["lines"][0]["id"]
        assert after["revision"] == before["revision"] + 1

    def test_a_credit_memo_names_the_invoice_it_corrects(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        invoice = marketplace.add_invoice(buyer=marketplace.known.second_buyer)

        memo = client.read(f"credit-memos/{marketplace.add_credit_memo(applies_to=invoice)}")

        assert memo["erpData"]["appliesToDocNo"] == marketplace.get(invoice)["documentNo"]
        assert memo["buyer"]["id"] == marketplace.known.second_buyer
        assert memo["countryCode"] == "BE"
        assert memo["lines"][0]["price"]["lineAmount"] == 100
        assert memo["lines"][0]["period"]["start"] == "1753-01-01"
        assert not {"vendor", "product", "licensee"} & memo.keys()
        path = f"credit-memos/{memo['id']}/lines"
        assert client.read(path, "limit=5")["data"] == memo["lines"]

    def test_documents_of_many_buyers_and_clients(self, marketplace: Marketplace) -> None:
        client = marketplace.add_client("Third", buyers=3)

        made = [marketplace.add_invoice(buyer=buyer) for buyer in marketplace.buyers(client)]

        assert sorted(Visitor(marketplace, client).ids("invoices")) == sorted(made)
        assert Visitor(marketplace, "client").ids("invoices") == []

    def test_a_record_may_vanish(self, marketplace: Marketplace, client: Visitor) -> None:
        invoice = marketplace.add_invoice()

        marketplace.vanish(invoice)

        assert client.get(f"invoices/{invoice}").status_code == 404
        with pytest.raises(LookupError):
            marketplace.get(invoice)
