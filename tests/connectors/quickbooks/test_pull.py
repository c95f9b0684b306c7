"""Reading a company whole and by what changed, while people work in it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.base import Page, Period
from connectors.errors import ProtocolError
from connectors.quickbooks import SPEC
from connectors.quickbooks import client as client_module
from connectors.quickbooks import pull as pull_module
from connectors.quickbooks.client import Rows
from models.canonical import Contact, Invoice, ObjectType, TaxRate, TaxUse
from tests.connectors.quickbooks.bench import DAY, QuickBooksBench

PAGE = 20
INVOICE = ObjectType.INVOICE


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 20 instead of 1,000: what moves between them is the same."""
    monkeypatch.setattr(pull_module, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(pull_module, "_STEP_BACK", 5)


def entered(bench: QuickBooksBench, number: int, *, seconds: int = 1) -> list[str]:
    """Invoices that people have entered, some time apart."""
    ids = []
    for _ in range(number):
        ids.append(bench.company.add_invoice())
        bench.quickbooks.pass_time(timedelta(seconds=seconds))
    return ids


def pages(bench: QuickBooksBench, kind: ObjectType, cursor: str | None = None) -> list[Page]:
    """A pull by a new connector."""
    return list(bench.connector().pull(kind, cursor))


def ids(found: list[Page]) -> list[str]:
    """The ids of what was pulled."""
    return [one.platform_id for page in found for one in page.records]


@pytest.mark.usefixtures("_small_pages")
class TestFirstLoad:
    def test_pages_are_followed_to_the_end(self, uk: QuickBooksBench) -> None:
        there = entered(uk, 3 * PAGE)

        found = pages(uk, INVOICE)

        assert sorted(ids(found)) == sorted(there)
        assert len(found) == 4

    def test_a_thousand_at_the_same_second_are_read_by_position(self, uk: QuickBooksBench) -> None:
        there = entered(uk, 3 * PAGE, seconds=0)

        found = ids(pages(uk, INVOICE))

        assert sorted(set(found)) == sorted(there)

    def test_an_edit_between_two_pages_hides_nobody(self, uk: QuickBooksBench) -> None:
        there = entered(uk, 3 * PAGE)
        uk.quickbooks.between_pages(
            "Invoice", lambda: uk.company.edit("Invoice", there[0], PrivateNote="Edited")
        )

        found = pages(uk, INVOICE)

        assert set(ids(found)) == set(there)
        last = [one for page in found for one in page.records if one.platform_id == there[0]][-1]
        assert isinstance(last.record, Invoice)
        assert last.version == uk.company.row("Invoice", there[0])["SyncToken"]

    def test_a_deletion_between_two_pages_hides_nobody(self, uk: QuickBooksBench) -> None:
        there = entered(uk, 3 * PAGE)
        uk.quickbooks.between_pages("Invoice", lambda: uk.company.delete("Invoice", there[1]))

        assert set(there[2:]) <= set(ids(pages(uk, INVOICE)))

    def test_it_resumes_where_it_was_broken_off(self, uk: QuickBooksBench) -> None:
        there = entered(uk, 3 * PAGE)
        first = next(iter(uk.connector().pull(INVOICE, None)))

        rest = ids(pages(uk, INVOICE, first.cursor))

        assert {one.platform_id for one in first.records} | set(rest) == set(there)
        # Pages overlap by the row that they meet at.
        assert len(rest) == 2 * PAGE + 1

    def test_both_lists_of_a_type_are_read(self, uk: QuickBooksBench) -> None:
        for number in range(PAGE + 5):
            uk.company.add_customer(f"Customer {number}")
            uk.quickbooks.pass_time(timedelta(seconds=1))

        found = ids(pages(uk, ObjectType.CONTACT))

        assert len([one for one in found if one.startswith("customer:")]) == PAGE + 7
        assert [one for one in found if one.startswith("vendor:")]


class TestOrder:
    @pytest.mark.parametrize("times", [["05", "05"], ["05", "04"]], ids=["stays", "goes back"])
    def test_pages_that_do_not_go_on_are_refused(self, times: list[str]) -> None:
        def page(second: str) -> Rows:
            changed = {"LastUpdatedTime": f"2026-09-14T01:00:{second}-08:00"}
            return Rows([{"Id": "1", "MetaData": changed}])

        at = pull_module._further(pull_module.Cursor(), page(times[0]))  # its rule

        with pytest.raises(ProtocolError):
            pull_module._further(at, page(times[1]))  # the same


class TestInactive:
    def test_entries_that_are_switched_off_are_read_too(self, uk: QuickBooksBench) -> None:
        customer = uk.company.add_customer("Gone Ltd")
        uk.company.deactivate("Customer", customer)

        (there,) = [
            one.record
            for one in uk.records(ObjectType.CONTACT)
            if one.platform_id == f"customer:{customer}"
        ]

        assert isinstance(there, Contact)
        assert not there.active


class TestChanges:
    @pytest.fixture
    def cursor(self, uk: QuickBooksBench) -> str:
        """Where a first load of two invoices ended; a while ago."""
        entered(uk, 2)
        last = pages(uk, INVOICE)[-1].cursor
        assert last is not None
        uk.quickbooks.pass_time(timedelta(minutes=30))
        uk.wait(timedelta(0))
        return last

    def test_one_call_brings_what_changed_and_nothing_else(
        self, uk: QuickBooksBench, cursor: str
    ) -> None:
        (new,) = entered(uk, 1)
        before = dict(uk.quickbooks.calls)

        found = pages(uk, INVOICE, cursor)

        assert new in ids(found)
        assert uk.quickbooks.calls["cdc"] - before.get("cdc", 0) == 1
        assert uk.quickbooks.calls["query"] == before["query"]

    def test_what_was_deleted_is_said(self, uk: QuickBooksBench, cursor: str) -> None:
        (new,) = entered(uk, 1)
        uk.company.delete("Invoice", new)

        (gone,) = [
            one for page in pages(uk, INVOICE, cursor) for one in page.records if one.deleted
        ]

        assert gone.platform_id == new

    def test_both_entities_of_a_type_come_in_one_call(self, uk: QuickBooksBench) -> None:
        cursor = pages(uk, ObjectType.CREDIT_NOTE)[-1].cursor
        memo = uk.company.add_credit_memo([("40.00", None)])
        credit = uk.company.add_vendor_credit([("10.00", None)])
        before = uk.scope.calls

        found = ids(pages(uk, ObjectType.CREDIT_NOTE, cursor))

        assert sorted(found) == [f"credit-memo:{memo}", f"vendor-credit:{credit}"]
        assert uk.scope.calls - before == 1

    def test_the_cursor_is_quickbooks_clock_less_an_overlap(
        self, uk: QuickBooksBench, cursor: str
    ) -> None:
        now = uk.quickbooks.now()

        (page,) = pages(uk, INVOICE, cursor)

        assert page.cursor is not None
        since = datetime.fromisoformat(json.loads(page.cursor)["since"])
        assert abs(now - pull_module.OVERLAP - since) < timedelta(seconds=5)

    def test_more_than_one_answer_holds_is_queried(
        self, uk: QuickBooksBench, cursor: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uk.quickbooks.change(largest_answer=PAGE)
        monkeypatch.setattr(pull_module, "MOST_OBJECTS", PAGE)
        monkeypatch.setattr(pull_module, "PAGE_SIZE", PAGE)
        new = entered(uk, 2 * PAGE + 3)

        found = pages(uk, INVOICE, cursor)

        assert set(new) <= set(ids(found))
        assert json.loads(found[-1].cursor or "")["since"] > json.loads(cursor)["since"]
        assert "feed" not in json.loads(found[-1].cursor or "")

    def test_more_than_thirty_days_are_queried(self, uk: QuickBooksBench) -> None:
        old = entered(uk, 1)
        since = datetime.now(UTC) - timedelta(days=31)
        before = uk.quickbooks.calls["cdc"]

        found = pages(uk, INVOICE, json.dumps({"since": since.isoformat()}))

        assert ids(found) == old
        assert uk.quickbooks.calls["cdc"] == before

    def test_a_strange_cursor_is_refused(self, uk: QuickBooksBench) -> None:
        with pytest.raises(ProtocolError):
            pages(uk, INVOICE, "page 7")


class TestPeriods:
    def test_only_what_is_dated_in_it_comes(self, uk: QuickBooksBench) -> None:
        for month in (7, 8, 9):
            uk.company.add_invoice(TxnDate=f"2026-{month:02}-14")

        found = [
            one.record.issue_date
            for page in uk.connector().pull(
                INVOICE, None, period=Period(DAY.replace(month=8, day=1), DAY.replace(month=8))
            )
            for one in page.records
            if isinstance(one.record, Invoice)
        ]

        assert found == [DAY.replace(month=8)]


class TestTaxRates:
    def rates(self, bench: QuickBooksBench) -> dict[str, TaxRate]:
        """All rates by id."""
        return {
            one.platform_id: one.record
            for one in bench.records(ObjectType.TAX_RATE)
            if isinstance(one.record, TaxRate)
        }

    def test_a_rate_is_a_code_with_the_sum_of_its_rates(self, us: QuickBooksBench) -> None:
        california = self.rates(us)["1"]

        assert (california.rate, california.use) == (Decimal("8.25"), TaxUse.SALES)
        assert [part.rate for part in california.components] == [Decimal("7.25"), Decimal(1)]

    def test_sales_and_purchases_are_kept_apart(self, uk: QuickBooksBench) -> None:
        code = uk.company.add_tax_code("Half", "20", purchase_percent="10")

        there = self.rates(uk)

        assert (there[code].rate, there[code].use) == (Decimal(20), TaxUse.SALES)
        bought = there[f"{code}:purchases"]
        assert (bought.rate, bought.use) == (Decimal(10), TaxUse.PURCHASES)

    def test_a_reverse_charge_comes_to_nothing_on_purchases_alone(
        self, uk: QuickBooksBench
    ) -> None:
        reverse = self.rates(uk)["5"]

        assert (reverse.rate, reverse.use) == (Decimal(0), TaxUse.PURCHASES)
        assert [part.rate for part in reverse.components] == [20, -20]

    def test_only_non_is_chosen_by_its_percentage_in_the_us(self, us: QuickBooksBench) -> None:
        there = self.rates(us)

        assert (there["NON"].rate, there["NON"].active) == (Decimal(0), True)
        assert not there["TAX"].active

    def test_one_that_cannot_be_read_does_not_stop_the_others(self, uk: QuickBooksBench) -> None:
        there = len(self.rates(uk))
        uk.company.distort("TaxCode", uk.known.tax_none, SalesTaxRateList=7)

        (page,) = pages(uk, ObjectType.TAX_RATE)

        assert len(page.records) == there - 1
        assert [one.platform_id for one in page.bad] == [uk.known.tax_none]

    def test_they_cost_one_call(self, uk: QuickBooksBench) -> None:
        before = uk.scope.calls

        self.rates(uk)

        assert uk.scope.calls - before == 1

    def test_many_are_read_page_by_page(
        self, uk: QuickBooksBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from connectors.quickbooks import company as company_module  # noqa: PLC0415  # patched

        monkeypatch.setattr(company_module, "PAGE_SIZE", 7)
        monkeypatch.setattr(company_module, "_WHOLE", "maxresults 7")
        for number in range(20):
            uk.company.add_tax_code(f"Code {number}", str(number))

        assert len(self.rates(uk)) == 26


def test_what_is_pulled_costs_one_call_for_each_thousand(uk: QuickBooksBench) -> None:
    entered(uk, 30, seconds=0)
    before = uk.scope.calls

    pages(uk, INVOICE)

    assert uk.scope.calls - before == 1
    assert client_module.PAGE_SIZE == SPEC.types[INVOICE].pull.page_size == 1000  # type: ignore[union-attr]  # pulled
