"""Reading simulated books: pages, cursors, children, and what comes of entries."""

import datetime as dt
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Page, Period
from connectors.errors import AuthorizationLost, ConnectorError, PermissionDenied, ProtocolError
from connectors.faults import Answer, Fault
from connectors.sage_active.connector import SageActive
from connectors.sage_active.pull import OVERLAP
from connectors.sage_active.simulator import with_errors
from connectors.sage_active.wire import Entry
from models.canonical import ObjectType, Side
from tests.connectors.sage_active.bench import DAY, SageBench

SMALL = 5_000
"""A cost limit that leaves a few rows to a page."""


def pages(bench: SageBench, kind: ObjectType, cursor: str | None = None) -> list[Page]:
    return list(bench.connector().pull(kind, cursor))


def ids(found: list[Page]) -> list[str]:
    return [one.platform_id for page in found for one in page.records]


def records(found: list[Page]) -> list[Any]:
    return [one.record for page in found for one in page.records]


def read_up(bench: SageBench, kind: ObjectType) -> str | None:
    """Read everything, so late that the next pull's overlap does not reach back to it."""
    bench.ledger.pass_time(OVERLAP + timedelta(minutes=1))
    return pages(bench, kind)[-1].cursor


class TestPages:
    def test_a_thousand_records_are_two_pages(self, bench: SageBench) -> None:
        for number in range(996):
            bench.company.add_product(f"P{number}", "20")

        found = pages(bench, ObjectType.ITEM)

        assert len(ids(found)) >= 1000
        assert (
            bench.operations() == ["Products"] * 3 if len(ids(found)) > 1000 else ["Products"] * 2
        )

    def test_a_page_that_is_too_complex_is_halved_and_the_size_remembered(
        self, bench: SageBench
    ) -> None:
        bench.ledger.change(cost_limit=100_000)
        connector = bench.connector()

        list(connector.pull(ObjectType.CONTACT, None))
        sizes = [self.size(request.body) for request in bench.ledger.traffic.log]
        list(connector.pull(ObjectType.CONTACT, None))

        assert sizes == [500, 250, 500, 250]
        again = [self.size(request.body) for request in bench.ledger.traffic.log][4:]
        assert again == [250, 250]

    @pytest.mark.parametrize("old_words", [False, True])
    def test_the_words_of_the_refusal_do_not_matter(
        self, bench: SageBench, old_words: bool
    ) -> None:
        bench.ledger.change(cost_limit=SMALL, old_cost_words=old_words)

        found = pages(bench, ObjectType.CONTACT)

        assert len(ids(found)) == 8

    def test_rows_that_are_deleted_meanwhile_hide_no_others(self, bench: SageBench) -> None:
        for number in range(40):
            bench.company.add_customer(f"Customer {number}")
        wanted = {row["id"] for row in bench.company.rows("customers")}
        bench.ledger.change(cost_limit=SMALL)
        oldest = min(bench.company.rows("customers"), key=lambda row: row["creationDate"])
        gone = oldest["id"]
        bench.ledger.between_pages("customers", lambda: bench.company.delete("customers", gone))

        found = pages(bench, ObjectType.CONTACT)

        assert wanted <= set(ids(found)) | {gone}
        assert len(ids(found)) == len(set(ids(found)))

    def test_a_page_with_errors_is_no_page(self, bench: SageBench) -> None:
        bench.ledger.arm(Fault.CHANGED, "salesInvoices", change=with_errors(), times=9)

        with pytest.raises(ConnectorError):
            pages(bench, ObjectType.INVOICE)

    def test_pages_that_do_not_advance_are_an_error(self, bench: SageBench) -> None:
        repeated: list[Any] = []

        def stuck(answer: Answer) -> Answer:
            body = json.loads(answer.content())
            page = body["data"]["products"]
            repeated.extend(page["nodes"][:1])
            page["nodes"] = [{**repeated[0], "creationDate": "2020-01-01T00:00:00.000Z"}]
            page["pageInfo"]["hasNextPage"] = True
            return Answer(200, body)

        bench.ledger.arm(Fault.CHANGED, "products", change=stuck, times=99)

        with pytest.raises(ProtocolError):
            pages(bench, ObjectType.ITEM)

    @staticmethod
    def size(body: bytes) -> int:
        return int(json.loads(body)["variables"]["first"])


class TestChanges:
    def test_only_what_changed_comes_again(self, bench: SageBench) -> None:
        cursor = read_up(bench, ObjectType.CONTACT)
        new = bench.company.add_customer("New SARL")
        bench.company.edit("suppliers", bench.supplier, socialName="Renamed SA")

        found = pages(bench, ObjectType.CONTACT, cursor)

        assert set(ids(found)) == {new, bench.supplier}

    def test_the_next_pull_overlaps_by_ten_minutes(self, bench: SageBench) -> None:
        cursor = pages(bench, ObjectType.ITEM)[-1].cursor
        assert cursor is not None

        since = dt.datetime.fromisoformat(json.loads(cursor)["since"])

        assert abs(bench.ledger.now() - since - OVERLAP) < timedelta(seconds=5)

    def test_a_settlement_refreshes_the_invoice_that_it_pays(self, bench: SageBench) -> None:
        invoice, untouched = bench.posted_invoice(), bench.posted_invoice()
        cursor = read_up(bench, ObjectType.INVOICE)
        bench.company.pay("salesInvoices", invoice, 20)

        found = pages(bench, ObjectType.INVOICE, cursor)

        assert ids(found) == [invoice]
        assert untouched not in ids(found)
        (one,) = records(found)
        assert (one.balance, one.status) == (Decimal("100.00"), "partially_paid")

    def test_a_settlement_refreshes_the_bill_that_it_pays(self, bench: SageBench) -> None:
        bill = bench.company.add_bill("F-9")
        bench.company.post_bill(bill)
        cursor = read_up(bench, ObjectType.BILL)
        bench.company.pay("purchaseInvoices", bill)

        found = pages(bench, ObjectType.BILL, cursor)

        assert ids(found) == [bill]
        (one,) = records(found)
        assert (one.balance, one.status) == (Decimal(0), "paid")

    def test_a_matching_refreshes_the_entries_that_it_joins(self, bench: SageBench) -> None:
        code = bench.company.row("customers", bench.customer)["code"]
        customer = bench.company.account_of("CUSTOMER")
        bank, revenue = bench.company.account_of("BANK"), bench.company.account_of("REVENUE")
        claim = bench.company.add_entry([(customer, 50), (revenue, -50)], party=code)
        money = bench.company.add_entry(
            [(bank, 50), (customer, -50)], party=code, journal="FINANCIAL"
        )
        cursor = read_up(bench, ObjectType.JOURNAL_ENTRY)
        lines = [
            line["id"]
            for entry in (claim, money)
            for line in bench.company.lines("accountingEntries", entry)
            if line["subAccountId"] == bench.company.account(customer)
        ]
        match = bench.company.match(*lines)

        found = pages(bench, ObjectType.JOURNAL_ENTRY, cursor)

        assert set(ids(found)) == {claim, money}
        (one,) = [one for one in records(found) if one.id == claim]
        matched = [line.matching for line in one.lines if line.matching]
        assert [(item.match_id, item.full) for item in matched] == [(match, True)]

    def test_a_pull_goes_on_in_the_list_in_which_it_stopped(self, bench: SageBench) -> None:
        bench.ledger.change(cost_limit=SMALL)
        found = pages(bench, ObjectType.CONTACT)
        half = next(place for place, page in enumerate(found) if '"feed": 1' in str(page.cursor))

        rest = pages(bench, ObjectType.CONTACT, found[half].cursor)

        assert ids(rest) == ids(found[half + 1 :])

    def test_a_cursor_of_somebody_else_is_refused(self, bench: SageBench) -> None:
        with pytest.raises(ProtocolError):
            pages(bench, ObjectType.CONTACT, "[1, 2]")


class TestPeriods:
    @pytest.mark.parametrize("kind", [ObjectType.INVOICE, ObjectType.JOURNAL_ENTRY])
    def test_a_period_is_asked_of_sage(self, bench: SageBench, kind: ObjectType) -> None:
        bench.accepted(bench.sample(kind))

        found = list(bench.connector().pull(kind, None, period=Period(DAY, DAY)))

        assert len(ids(found)) >= 1
        assert {page.cursor for page in found} == {None}

    def test_what_has_no_date_is_in_no_period(self, bench: SageBench) -> None:
        connector = bench.connector()

        assert list(connector.pull(ObjectType.CONTACT, None, period=Period(DAY, DAY))) == []


class TestTaxes:
    def test_of_a_group_only_the_latest_rate_is_in_use(self, bench: SageBench) -> None:
        rates = [one.record for one in bench.records(ObjectType.TAX_RATE)]

        normal = {rate.rate: rate.active for rate in rates if rate.name == "TVA 20 %"}
        assert normal == {Decimal(20): True, Decimal("19.6"): False}

    def test_a_rate_that_cannot_be_read_does_not_stop_the_others(self, bench: SageBench) -> None:
        broken = bench.company.rows("taxes")[0]["id"]
        bench.company.edit("taxes", broken, name="x" * 300)

        (page,) = pages(bench, ObjectType.TAX_RATE)

        assert [one.platform_id for one in page.bad] == [broken]
        assert len(page.records) == len(bench.company.rows("taxes")) - 1

    def test_spanish_rates_have_their_surcharge_as_a_component(self) -> None:
        bench = SageBench("ES")
        rates = {one.record.rate: one.record for one in bench.records(ObjectType.TAX_RATE)}

        components = [part.rate for part in rates[Decimal(21)].components]
        assert components == [Decimal(21), Decimal("5.2")]


class TestEntries:
    def test_everything_that_the_reference_lists_is_kept(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice()
        (entry,) = bench.company.rows("accountingEntries", sourceEntityId=invoice)
        (line, *_) = bench.company.lines("accountingEntries", entry["id"])
        bench.company.tag_line(line["id"], "Department", "Sales", Decimal("120.00"))

        (one,) = [
            one for one in bench.records(ObjectType.JOURNAL_ENTRY) if one.platform_id == entry["id"]
        ]

        record = one.record
        assert (record.source, record.journal) == ("SALES", "VE")
        (party,) = [part for part in record.lines if part.contact_id]
        assert party.contact_id == bench.customer
        assert party.open_items[0].amount == Decimal("120.00")
        assert party.tax_rate == Decimal(20)
        tags = [tag for part in record.lines for tag in part.dimensions]
        assert [tag.amount for tag in tags] == [Decimal("120.00")]

    def test_documents_that_people_entered_in_the_ledger_are_documents(
        self, bench: SageBench
    ) -> None:
        code = bench.company.row("customers", bench.customer)["code"]
        customer = bench.company.account_of("CUSTOMER")
        revenue = bench.company.account_of("REVENUE")
        entry = bench.company.add_entry(
            [(customer, 100), (revenue, -100)], party=code, journal="SALES_INVOICE"
        )

        (one,) = [one for one in bench.records(ObjectType.INVOICE) if one.platform_id == entry]

        assert (one.record.total, one.record.contact_id) == (Decimal(100), bench.customer)
        assert one.record.balance == Decimal(100)
        assert entry not in {found.platform_id for found in bench.records(ObjectType.BILL)}

    def test_a_posted_document_is_not_read_a_second_time_as_an_entry(
        self, bench: SageBench
    ) -> None:
        invoice = bench.posted_invoice()

        found = [one.record for one in bench.records(ObjectType.INVOICE)]

        assert [record.id for record in found if record.contact_id == bench.customer].count(
            invoice
        ) == 1
        numbers = [record.number for record in found if record.number]
        assert len(numbers) == len(set(numbers))


class TestWhatEntriesKeep:
    """What Sage says of an entry beyond debits and credits stays with the record."""

    def kept(self, bench: SageBench, entry_id: str) -> Entry:
        (found,) = [
            one.extra
            for one in bench.records(ObjectType.JOURNAL_ENTRY)
            if one.platform_id == entry_id
        ]
        assert isinstance(found, Entry)
        return found

    def test_the_match_with_its_letter_and_the_open_items(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice(("20", "100.00"))
        payment = bench.company.pay("salesInvoices", invoice, 50)

        entry = self.kept(bench, payment)

        (line,) = [one for one in entry.accounting_entry_lines if one.accounting_entry_payment]
        assert line.accounting_entry_payment is not None
        assert line.accounting_entry_payment.matching == "PARTIAL_MATCH"
        assert line.accounting_entry_payment.matching_letter
        assert line.accounting_entry_payment.match_id
        assert line.accounting_entry_third_party is not None
        assert line.accounting_entry_third_party.origin == "CUSTOMER"

    def test_the_tags_of_dimensions_with_their_amounts(self, bench: SageBench) -> None:
        entry_id = bench.company.add_entry(
            [(bench.company.account_of("CHARGE"), 9), (bench.company.account_of("BANK"), -9)]
        )
        line_id = self.kept(bench, entry_id).accounting_entry_lines[0].id
        (axis, tag), *_ = (
            (one["name"], one["tags"][0]["name"]) for one in bench.company.books.rows("dimensions")
        )

        bench.company.tag_line(line_id, axis, tag, Decimal(9))

        line = self.kept(bench, entry_id).accounting_entry_lines[0]
        assert [one.amount for one in line.accounting_entry_dimension_tags] == [Decimal(9)]

    def test_the_registers_of_tax_and_the_corrected_invoice(self) -> None:
        bench = SageBench("ES")
        invoice = bench.posted_invoice(("21", "100.00"))
        credit = bench.company.credit_invoice(invoice)
        bench.company.close_invoice(credit)

        entry = self.kept(bench, bench.company.post_invoice(credit))

        (said,) = [
            one.accounting_entry_invoice
            for one in entry.accounting_entry_lines
            if one.accounting_entry_invoice
        ]
        assert said.credit_note_type == "BY_DIFFERENCES"
        assert said.original_accounting_entry_invoice_id is not None
        assert said.original_entry_invoice_taxes_base_sum == Decimal(100)
        assert [one.tax_percentage for one in said.accounting_entry_taxes] == [Decimal(21)]
        assert said.open_items


class TestPayments:
    def test_a_bank_entry_of_two_parties_is_two_payments(self, bench: SageBench) -> None:
        first, second = bench.posted_invoice(), bench.posted_invoice()
        one = bench.company.pay("salesInvoices", first, 30)
        other = bench.company.pay("salesInvoices", second, 70)

        found = {one.platform_id: one.record for one in bench.records(ObjectType.PAYMENT)}

        assert (found[one].amount, found[other].amount) == (Decimal(30), Decimal(70))
        assert [part.document_id for part in found[one].allocations] == [first]
        assert found[one].side is Side.CUSTOMER

    def test_two_payments_of_one_invoice_share_it(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice()
        for amount in (30, 90):
            bench.company.pay("salesInvoices", invoice, amount)

        found = [one.record for one in bench.records(ObjectType.PAYMENT)]

        parts = [part.amount for one in found for part in one.allocations]
        assert {Decimal(30), Decimal(90)} <= set(parts)

    def test_a_page_of_payments_costs_one_more_query_for_what_they_pay(
        self, bench: SageBench
    ) -> None:
        for _ in range(5):
            bench.company.pay("salesInvoices", bench.posted_invoice(), 10)

        bench.records(ObjectType.PAYMENT)

        assert bench.operations() == ["Entries", "MatchedLines"]


class TestAccess:
    def test_a_right_that_is_missing_is_a_permission(self, bench: SageBench) -> None:
        bench.company.deny("salesInvoices")

        with pytest.raises(PermissionDenied):
            pages(bench, ObjectType.INVOICE)

    def test_a_feature_that_the_plan_lacks_is_named(self, bench: SageBench) -> None:
        bench.company.drop_feature("accountingEntries")

        with pytest.raises(PermissionDenied) as caught:
            pages(bench, ObjectType.JOURNAL_ENTRY)

        assert caught.value.cause is not None
        assert caught.value.cause.code == "plan_lacks_feature"

    def test_documents_are_read_although_the_plan_has_no_entries(self, bench: SageBench) -> None:
        bench.company.drop_feature("accountingEntries", "accountingEntryPayments")

        found = pages(bench, ObjectType.INVOICE)

        assert len(ids(found)) == len(bench.company.rows("salesInvoices"))
        assert found[-1].cursor is not None

    def test_a_missing_right_to_read_entries_is_not_passed_over(self, bench: SageBench) -> None:
        bench.company.deny("accountingEntries")

        with pytest.raises(PermissionDenied):
            pages(bench, ObjectType.INVOICE)

    def test_an_organisation_that_is_closed_to_us_stops_the_connection(
        self, bench: SageBench
    ) -> None:
        connector: SageActive = bench.connector()
        bench.company.lock_out()

        with pytest.raises(AuthorizationLost) as caught:
            list(connector.pull(ObjectType.CONTACT, None))

        assert caught.value.cause is not None
        assert caught.value.cause.code == "organisation_locked"
