"""Reading what waits, and the lists of tax rates and accounts."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from connectors.base import Changes, Elsewhere, Page, Period
from connectors.errors import (
    ActionRequired,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Unsupported,
)
from connectors.qargo import SPEC
from models.canonical import ObjectType
from tests.connectors.qargo.given import BASE_URL, NL_ID, TASKS, connector, said

INVOICE, BILL, CREDIT_NOTE = ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE
DETAILS = {
    "0001": "sales_invoice",
    "0002": "sales_invoice_with_a_split_line",
    "0003": "purchase_invoice",
    "0004": "sales_credit_note",
    "0005": "purchase_credit_note_below_zero",
    "0009": "sales_invoice_of_another_entity",
}


def task_id(number: int) -> str:
    return f"10000000-0000-4000-8000-{number:012d}"


def document_id(number: int) -> str:
    return f"20000000-0000-4000-8000-{number:012d}"


def ids(page: Page) -> list[str]:
    return [one.platform_id for one in page.records]


class Desk:
    """A Qargo that gives the fixtures, and says what it was asked."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.router = router
        date = {"Date": "Sat, 21 Nov 2026 03:00:00 GMT"}
        self.list = router.get(TASKS).respond(json=said("waiting"), headers=date)
        for end, name in DETAILS.items():
            router.get(f"{TASKS}/{task_id(int(end))}").respond(json=said(name))

    @property
    def asked(self) -> list[str]:
        return [str(call.request.url.raw_path.decode()) for call in self.router.calls]

    def wait_for(self, *numbers: int, **changes: Any) -> None:
        """Only these sales invoices wait."""
        rows = [
            {"id": task_id(number), "task_type": "POST_INVOICE", "status": "TODO"}
            for number in numbers
        ]
        self.list.respond(json={"tasks": rows})
        for number in numbers:
            detail = said("sales_invoice")
            detail["id"] = task_id(number)
            detail["payload"]["instance"] |= {"id": document_id(number), **changes}
            self.router.get(f"{TASKS}/{task_id(number)}").respond(json=detail)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with respx.mock(base_url=BASE_URL, assert_all_called=False) as router:
        yield Desk(router)


class TestDocuments:
    @pytest.mark.usefixtures("desk")
    @pytest.mark.parametrize(
        ("kind", "wanted"), [(INVOICE, [1, 2]), (BILL, [3]), (CREDIT_NOTE, [4, 5])]
    )
    def test_each_type_has_its_tasks(self, kind: ObjectType, wanted: list[int]) -> None:
        (page,) = connector().pull(kind, None)

        assert ids(page) == [document_id(number) for number in wanted]
        assert list(page.bad) == []

    def test_list_is_always_filtered_and_other_tasks_are_not_read(self, desk: Desk) -> None:
        list(connector().pull(BILL, None))

        assert desk.asked == [
            f"{TASKS}?billing_entity_code=NL",
            f"{TASKS}/{task_id(3)}",
        ]

    @pytest.mark.usefixtures("desk")
    def test_document_of_another_entity_is_never_handed_on(self) -> None:
        (page,) = connector().pull(INVOICE, None)

        assert document_id(9) not in ids(page)
        assert page.elsewhere == [Elsewhere(document_id(9), "BE")]
        assert {one.platform_id for one in page.along} == {"c0000000-0000-4000-8000-000000000001"}

    @pytest.mark.usefixtures("desk")
    def test_contacts_come_along_once(self) -> None:
        (page,) = connector().pull(INVOICE, None)

        assert len(page.records) == 2
        assert [one.record.type for one in page.along] == [ObjectType.CONTACT]

    def test_every_entity_has_a_list_and_a_task_on_two_of_them_is_read_once(
        self, desk: Desk
    ) -> None:
        (page,) = connector(billing_entity_codes=["NL", "BE"]).pull(INVOICE, None)

        assert ids(page) == [document_id(number) for number in (1, 2, 9)]
        assert page.elsewhere == []
        assert len(desk.asked) == 5

    def test_long_list_is_stored_in_pieces(self, desk: Desk) -> None:
        desk.wait_for(*range(100, 160))

        pages = list(connector().pull(INVOICE, None))

        assert [len(page.records) for page in pages] == [25, 25, 10]

    def test_list_that_was_cut_off_goes_on_after_the_last_piece(self, desk: Desk) -> None:
        desk.wait_for(*range(100, 160))
        first, *_ = connector().pull(INVOICE, None)

        rest = list(connector().pull(INVOICE, first.cursor))

        assert [len(page.records) for page in rest] == [25, 10]
        assert not {*ids(first)} & {one for page in rest for one in ids(page)}

    def test_pieces_are_read_one_after_the_other(self, desk: Desk) -> None:
        desk.wait_for(*range(100, 160))

        next(iter(connector().pull(INVOICE, None)))

        assert len(desk.asked) == 1 + 25

    def test_nothing_waiting_is_an_empty_list_and_not_none(self, desk: Desk) -> None:
        desk.list.respond(json={"tasks": []})

        assert list(connector().pull(INVOICE, None)) == [Page([], [], [], [])]

    @pytest.mark.usefixtures("desk")
    def test_only_what_is_dated_in_a_period_is_given_without_a_cursor(self) -> None:
        period = Period(dt.date(2026, 4, 1), dt.date(2026, 4, 2))

        (page,) = connector().pull(CREDIT_NOTE, None, period=period)

        assert (ids(page), page.cursor) == ([document_id(4)], None)

    def test_task_that_stopped_waiting_meanwhile_is_left_alone(self, desk: Desk) -> None:
        done = said("purchase_invoice") | {"status": "COMPLETED"}
        desk.router.get(f"{TASKS}/{task_id(3)}").respond(json=done)

        (page,) = connector().pull(BILL, None)

        assert (list(page.records), list(page.bad)) == ([], [])

    def test_document_without_entity_is_set_aside(self, desk: Desk) -> None:
        desk.wait_for(100, billing_entity=None)

        (page,) = connector().pull(INVOICE, None)

        assert [one.platform_id for one in page.bad] == [document_id(100)]
        assert list(page.records) == []

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(403, json={"message": "no"}),
            httpx.Response(404),
            httpx.Response(422),
            httpx.Response(200, json={"id": 7}),
        ],
    )
    def test_task_that_is_not_given_does_not_hold_up_the_others(
        self, desk: Desk, answer: httpx.Response
    ) -> None:
        desk.router.get(f"{TASKS}/{task_id(1)}").mock(return_value=answer)

        (page,) = connector().pull(INVOICE, None)

        assert ids(page) == [document_id(2)]
        assert [one.platform_id for one in page.bad] == [document_id(1)]
        assert "does not give it" in page.bad[0].problem

    def test_limit_ends_the_pull_with_its_wait(self, desk: Desk) -> None:
        desk.router.get(f"{TASKS}/{task_id(2)}").respond(429, headers={"Retry-After": "9"})

        with pytest.raises(RateLimited) as caught:
            list(connector().pull(INVOICE, None))

        assert caught.value.retry_after == dt.timedelta(seconds=9)

    def test_refused_list_is_no_empty_list(self, desk: Desk) -> None:
        desk.list.respond(403, json={"message": "no"})

        with pytest.raises(PermissionDenied) as caught:
            list(connector().pull(INVOICE, None))

        assert caught.value.cause is not None
        assert caught.value.cause.code == "credential_not_linked"

    def test_unknown_entity_is_said(self, desk: Desk) -> None:
        desk.list.respond(400, json={"message": "unknown"})

        with pytest.raises(ActionRequired, match="billing entity NL: unknown"):
            list(connector().pull(INVOICE, None))

    def test_reading_only_asks_for_no_list_and_ends_none(self, desk: Desk) -> None:
        assert list(connector(read_only=True).pull(INVOICE, None)) == []
        assert desk.asked == []

    def test_other_types_are_not_read(self) -> None:
        with pytest.raises(Unsupported):
            connector().pull(ObjectType.PAYMENT, None)

    def test_spec_says_that_lists_are_of_what_waits(self) -> None:
        pulled = SPEC.pulls(INVOICE)

        assert pulled is not None
        assert (pulled.changes, pulled.page_size) == (Changes.WAITING, 25)


class TestLists:
    def test_cursor_goes_alone_and_the_filter_with_the_first_page(self, desk: Desk) -> None:
        route = desk.router.get("/v1/accounting/tax-rates")
        route.side_effect = [
            httpx.Response(200, json=said("tax_rates_first_page")),
            httpx.Response(200, json=said("tax_rates_last_page")),
        ]

        first, last = connector().pull(ObjectType.TAX_RATE, None)

        queries = [dict(call.request.url.params) for call in route.calls]
        assert queries == [{"billing_entity_code": "NL"}, {"cursor": "cursor-2"}]
        assert (len(first.records), first.cursor) == (2, None)
        assert (len(last.records), len(last.bad), len(last.elsewhere)) == (1, 1, 1)
        assert last.cursor is not None

    def test_accounts_are_read_for_every_entity(self, desk: Desk) -> None:
        route = desk.router.get("/v1/accounting/accounts").respond(json=said("accounts"))
        asked = connector(billing_entity_codes=["NL", "DE"], billing_entity_ids=[NL_ID])

        pages = list(asked.pull(ObjectType.LEDGER_ACCOUNT, None))

        assert [len(page.records) for page in pages] == [2, 2]
        assert [page.cursor is None for page in pages] == [True, False]
        assert [call.request.url.params["billing_entity_code"] for call in route.calls] == [
            "NL",
            "DE",
        ]

    def test_lists_are_read_where_nothing_else_is_allowed(self, desk: Desk) -> None:
        desk.router.get("/v1/accounting/accounts").respond(json=said("accounts"))

        (page,) = connector(read_only=True).pull(ObjectType.LEDGER_ACCOUNT, None)

        assert len(page.records) == 2

    def test_same_page_again_and_again_is_noticed(self, desk: Desk) -> None:
        desk.router.get("/v1/accounting/tax-rates").respond(json=said("tax_rates_first_page"))

        with pytest.raises(ProtocolError, match="again and again"):
            list(connector().pull(ObjectType.TAX_RATE, None))

    @pytest.mark.usefixtures("desk")
    def test_lists_have_no_dates(self) -> None:
        period = Period(dt.date(2026, 4, 1), dt.date(2026, 4, 2))

        assert list(connector().pull(ObjectType.TAX_RATE, None, period=period)) == []
