"""Reading from the simulated QuickBooks: queries, change data capture, pages that move."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.quickbooks.simulator import QuickBooks
from tests.connectors.quickbooks.desk import Desk, said

LONG_AGO = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    simulator = QuickBooks()
    simulator.change(second_limit=10_000, cdc_days=4000)
    yield simulator
    assert simulator.crashes == []


@pytest.fixture
def desk(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks)


class TestQuery:
    def test_filters_compare_without_case_and_combine(self, desk: Desk) -> None:
        company, known = desk.company, desk.company.known
        first = company.add_invoice(number="INV-1")
        company.add_invoice(number="INV-2")

        both = f"DocNumber = 'inv-1' and CustomerRef = '{known.customer}' and Balance > '0'"

        assert [one["Id"] for one in desk.found(f"select * from Invoice where {both}")] == [first]
        assert len(desk.found("SELECT * FROM Invoice WHERE DocNumber IN ('INV-1','INV-2')")) == 2
        assert len(desk.found("select * from Invoice where DocNumber like 'inv%'")) == 2
        assert len(desk.found(f"select * from invoice where Id in ('{first}', '99')")) == 1
        assert desk.found("select * from Invoice where TxnDate > CURRENT_DATE") == []

    def test_nothing_found_leaves_the_entity_out(self, desk: Desk) -> None:
        assert desk.asked("select * from Invoice") == {}
        assert desk.asked("select count(*) from Invoice") == {"totalCount": 0}

    def test_quotes_are_escaped_with_a_backslash(self, desk: Desk) -> None:
        made = desk.company.add_customer("O'Hara & Söhne")

        found = desk.found(r"select * from Customer where DisplayName = 'o\'hara & söhne'")

        assert [one["Id"] for one in found] == [made]
        assert desk.refused("select * from Customer where DisplayName = 'O'Hara'") == "4000"

    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            ("select * from Invoice where Balance > '0' or Balance = '0'", "4000"),
            ("select * from Invoice, Bill", "4000"),
            ("select * from Invoice group by Balance", "4000"),
            ("select DocNumber from Invoice", "4001"),
            ("select * from Widget", "4001"),
            ("select * from Invoice where PrivateNote = 'x'", "4001"),
            ("select * from Invoice where Colour = 'x'", "4001"),
            ("select * from VendorCredit where VendorRef = '1'", "4001"),
            ("select * from Invoice where Id > '1'", "4001"),
            ("select * from Invoice where Id like '1%'", "4001"),
            ("select * from Invoice where DocNumber != 'x'", "4000"),
            ("select * from Invoice where DocNumber = INV", "4000"),
            ("select * from Invoice where TxnDate = 'soon'", "4001"),
            ("select * from Invoice maxresults 1001", "4001"),
            ("select * from Invoice startposition 0", "4001"),
            ("select * from Invoice orderby CustomerRef", "4001"),
            ("select * from Invoice where", "4000"),
            ("", "4000"),
        ],
    )
    def test_what_the_language_does_not_have_is_refused(
        self, desk: Desk, statement: str, code: str
    ) -> None:
        assert desk.refused(statement) == code

    def test_a_hundred_come_unless_more_are_asked_for(self, desk: Desk) -> None:
        for number in range(105):
            desk.company.add_customer(f"Customer {number:03}")

        page = desk.asked("select * from Customer")
        rest = desk.asked("select * from Customer orderby DisplayName startposition 101")
        whole = desk.asked("select * from Customer maxresults 1000")

        assert (len(page["Customer"]), page["startPosition"], page["maxResults"]) == (100, 1, 100)
        assert [one["DisplayName"] for one in rest["Customer"]][-1] == "Spedition Müller"
        assert len(whole["Customer"]) == 107

    def test_order_goes_up_and_down_by_several_members(self, desk: Desk) -> None:
        for day, number in (("2026-03-01", "B"), ("2026-03-02", "A"), ("2026-03-01", "A")):
            desk.company.add_invoice(number=number, TxnDate=day)

        found = desk.found("select * from Invoice orderby TxnDate desc, DocNumber")

        assert [(one["TxnDate"][-1], one["DocNumber"]) for one in found] == [
            ("2", "A"),
            ("1", "A"),
            ("1", "B"),
        ]

    def test_inactive_entries_are_left_out_unless_asked_for(self, desk: Desk) -> None:
        gone = desk.company.add_customer("Gone Ltd")
        desk.company.deactivate("Customer", gone)
        both = "select * from Customer where Active in (true, false)"

        assert gone not in [one["Id"] for one in desk.found("select * from Customer")]
        found = next(one for one in desk.found(both) if one["Id"] == gone)
        assert (found["DisplayName"], found["Active"]) == ("Gone Ltd (deleted)", False)
        assert len(desk.found("select * from Customer where Active = false")) == 1

    def test_queries_may_be_posted_as_text(self, desk: Desk) -> None:
        kind = {"content-type": "application/text"}
        text = "select * from Account where AccountType = 'Bank'"

        answer = desk.http.post("/query", content=text, headers=kind)

        assert len(answer.json()["QueryResponse"]["Account"]) == 1
        assert desk.post("query", {"query": text}).status_code == 400

    def test_times_without_an_offset_are_the_companys(self, quickbooks: QuickBooks) -> None:
        desk = Desk(quickbooks)
        desk.company.add_invoice()
        now = quickbooks.now()
        naive, aware = f"{now:%Y-%m-%dT%H:%M:%S}", f"{now:%Y-%m-%dT00:00:00}-08:00"
        where = "select * from Invoice where MetaData.LastUpdatedTime >="

        assert desk.found(f"{where} '{naive}'") == []
        assert len(desk.found(f"{where} '2026-01-01T00:00:00-00:00'")) == 1
        assert desk.get("query", query=f"{where} '{aware}'").status_code == 200

    def test_rows_move_between_pages(self, quickbooks: QuickBooks, desk: Desk) -> None:
        made = [desk.company.add_invoice(number=str(place)) for place in range(4)]
        quickbooks.between_pages("Invoice", lambda: desk.company.delete("Invoice", made[0]))
        page = "select * from Invoice orderby Id startposition {} maxresults 2"

        first = desk.found(page.format(1))
        second = desk.found(page.format(3))

        assert [one["Id"] for one in first + second] == [made[0], made[1], made[3]]

    def test_calls_are_counted_by_kind(self, quickbooks: QuickBooks, desk: Desk) -> None:
        desk.found("select * from Invoice")
        desk.changes("Bill", LONG_AGO)
        desk.made("Invoice", desk.invoice())
        desk.get("invoice/1")

        assert quickbooks.calls == {"query": 1, "cdc": 1, "create Invoice": 1, "read Invoice": 1}
        assert quickbooks.operations["query Invoice"] == 1
        assert quickbooks.reads[desk.company.realm] == 3


class TestChangeDataCapture:
    def test_deleted_objects_come_after_live_ones(self, desk: Desk) -> None:
        gone, there = desk.company.add_invoice(), desk.company.add_invoice()
        bill = desk.company.add_bill()
        desk.company.delete("Invoice", gone)

        invoices, bills = desk.changes("Invoice,Bill", LONG_AGO)

        assert [(one["Id"], one.get("status")) for one in invoices["Invoice"]] == [
            (there, None),
            (gone, "Deleted"),
        ]
        assert "CustomerRef" in invoices["Invoice"][0]
        assert invoices["Invoice"][1].keys() == {"domain", "status", "Id", "MetaData"}
        assert [one["Id"] for one in bills["Bill"]] == [bill]
        assert gone not in [one["Id"] for one in desk.found("select * from Invoice")]

    def test_without_changes_the_answer_is_one_empty_object(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        since = (quickbooks.now() + timedelta(minutes=1)).isoformat()

        assert desk.changes("Invoice,Bill", since) == [{}]

    def test_inactive_and_voided_objects_are_changes(self, desk: Desk) -> None:
        desk.company.deactivate("Vendor", desk.company.known.vendor)
        invoice = desk.company.add_invoice()
        desk.company.void("Invoice", invoice)

        vendors, invoices = desk.changes("Vendor,Invoice", LONG_AGO)

        assert vendors["Vendor"][0]["Active"] is False
        assert invoices["Invoice"][0]["TotalAmt"] == 0

    def test_taxes_are_not_captured(self, desk: Desk) -> None:
        for entity in ("TaxCode", "TaxRate", "Widget"):
            answer = desk.get("cdc", entities=f"Invoice,{entity}", changedSince=LONG_AGO)
            assert answer.status_code == 400

    def test_look_back_ends_after_thirty_days(self, quickbooks: QuickBooks, desk: Desk) -> None:
        quickbooks.change(cdc_days=30)
        ago = [(quickbooks.now() - timedelta(days=days)).isoformat() for days in (31, 29)]

        answers = [desk.get("cdc", entities="Bill", changedSince=since) for since in ago]

        assert [one.status_code for one in answers] == [400, 200]
        assert desk.get("cdc", entities="Bill", changedSince="lately").status_code == 400
        assert said(desk.get("cdc", entities="Bill")) == (400, "2020")

    def test_no_more_than_so_many_objects_come(self, quickbooks: QuickBooks, desk: Desk) -> None:
        for _ in range(4):
            desk.company.add_invoice()
        quickbooks.pass_time(timedelta(seconds=2))
        latest = desk.company.add_bill()
        quickbooks.change(largest_answer=3)

        found = desk.changes("Invoice,Bill", LONG_AGO)

        assert sum(one["maxResults"] for one in found) == 3
        assert found[1]["Bill"][0]["Id"] == latest


class TestStrangeRows:
    def test_distorted_members_go_out_instead_of_the_real_ones(self, desk: Desk) -> None:
        made = desk.company.add_invoice()
        before = desk.company.row("Invoice", made)["SyncToken"]

        desk.company.distort("Invoice", made, TxnDate="someday", Colour="blue")

        (found,) = desk.found("select * from Invoice")
        assert (found["TxnDate"], found["Colour"]) == ("someday", "blue")
        assert found["SyncToken"] != before
