"""Reading what changed: whose it is, in which order, from where, and what happens meanwhile."""

import datetime as dt
import json
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from connectors.base import Elsewhere, Page, Period
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    PermissionDenied,
    RateLimited,
    Unsupported,
)
from connectors.softwareone import SPEC
from connectors.softwareone.settings import SoftwareOneSettings
from models.canonical import ObjectType
from tests.connectors.softwareone.given import (
    BUYER,
    CLIENT,
    OPERATIONS,
    OTHER_BUYER,
    STATEMENTS,
    VENDOR,
    Stub,
    invoice,
    listing,
    memo,
    statement,
)

BILL, INVOICE = ObjectType.BILL, ObjectType.INVOICE
CREDIT_NOTE, ENTRY = ObjectType.CREDIT_NOTE, ObjectType.JOURNAL_ENTRY
SELLING = {"buyers": (), **OPERATIONS}
HANDING_IN = {"buyers": (), **VENDOR}


def ids(*pages: Page) -> list[str]:
    return [one.platform_id for page in pages for one in page.records]


def of(rows: list[dict[str, Any]], *, limit: int = 100) -> Stub:
    """A marketplace with one list, which it cuts into pages."""

    def respond(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("offset", 0))
        return listing(rows[offset : offset + limit], total=len(rows), limit=limit, offset=offset)

    return Stub(respond)


class TestQueries:
    def test_bills_are_asked_for_by_buyer_in_the_order_they_were_made(self) -> None:
        stub = of([invoice()])

        (page,) = stub.connector().pull(BILL, None)

        assert ids(page) == ["INV-0000-0001"]
        assert stub.targets == [
            (
                f'GET /billing/invoices?in(buyer.id,("{BUYER}"))'
                "&select=audit,lines&order=audit.created.at,id&limit=100"
            )
        ]

    def test_a_second_pull_asks_for_what_changed_since_the_first_with_an_overlap(self) -> None:
        stub = of([])
        (first,) = stub.connector().pull(BILL, None)

        (second,) = stub.connector().pull(BILL, first.cursor)

        assert 'ge(audit.updated.at,"2026-11-21T02:55:00.000Z")' in stub.targets[1]
        assert second.cursor == first.cursor == '{"since": "2026-11-21T03:00:00+00:00"}'

    def test_operations_ask_by_seller_and_client(self) -> None:
        stub = of([])

        list(stub.connector(**SELLING, clients=["ACC-1"]).pull(INVOICE, None))

        assert 'and(in(seller.id,("SEL-0001")),in(client.id,("ACC-1")))' in stub.targets[0]

    def test_statements_are_asked_for_when_they_are_issued(self) -> None:
        stub = of([statement()])

        (page,) = stub.connector(**STATEMENTS).pull(ENTRY, None)

        assert ids(page) == ["SOM-0000-0001"]
        assert 'eq(status,"Issued")' in stub.targets[0]

    def test_a_buyer_that_is_a_filter_stays_a_text(self) -> None:
        stub = of([])

        list(stub.connector(buyers=['x"),ne(id,"']).pull(BILL, None))

        assert "in(buyer.id,('x\"),ne(id,\"'))" in stub.targets[0]


class TestPages:
    def test_pages_are_as_long_as_the_server_makes_them(self) -> None:
        stub = of([invoice(number) for number in range(1, 8)], limit=3)

        pages = list(stub.connector().pull(BILL, None))

        assert [len(page.records) for page in pages] == [3, 3, 1]
        assert len({page.cursor for page in pages}) == 3

    def test_a_pull_that_was_cut_off_goes_on_where_it_was(self) -> None:
        rows = [invoice(number) for number in range(1, 8)]
        first, *_ = of(rows, limit=3).connector().pull(BILL, None)

        rest = list(of(rows, limit=3).connector().pull(BILL, first.cursor))

        assert ids(first, *rest) == [row["id"] for row in rows]

    def test_contacts_come_along_once(self) -> None:
        (page,) = of([invoice(1), invoice(2)]).connector().pull(BILL, None)

        assert [one.platform_id for one in page.along] == ["SEL-0001"]

    def test_a_row_that_comes_twice_is_one_record(self) -> None:
        (page,) = of([invoice(1), invoice(1), invoice(2)]).connector().pull(BILL, None)

        assert ids(page) == ["INV-0000-0001", "INV-0000-0002"]

    def test_a_row_that_changed_while_we_read_comes_again(self) -> None:
        rows = [invoice(1), invoice(2), invoice(1, revision=4)]

        pages = list(of(rows, limit=2).connector().pull(BILL, None))

        assert ids(*pages) == ["INV-0000-0001", "INV-0000-0002", "INV-0000-0001"]

    def test_no_row_slips_through_when_others_vanish_while_we_read(self) -> None:
        rows = [invoice(number) for number in range(1, 8)]
        stub = of(rows, limit=3)
        pages = stub.connector().pull(BILL, None)

        first = next(pages)
        del rows[0:2]
        rest = list(pages)

        assert set(ids(first, *rest)) == {f"INV-0000-{number:04d}" for number in range(1, 8)}

    def test_a_filter_on_times_that_is_ignored_does_no_harm(self) -> None:
        old = invoice(1)
        new = invoice(2, audit={"updated": {"at": "2026-11-21T05:00:00.000Z"}})
        undated = invoice(3, audit=None)
        since = json.dumps({"since": "2026-11-21T03:00:00+00:00"})

        (page,) = of([old, new, undated]).connector().pull(BILL, since)

        assert ids(page) == ["INV-0000-0002", "INV-0000-0003"]

    @pytest.mark.parametrize("cursor", ["", "odd", "[]", '{"since": 7}', '{"offset": "x"}'])
    def test_a_cursor_that_cannot_be_read_starts_over(self, cursor: str) -> None:
        stub = of([invoice()])

        (page,) = stub.connector().pull(BILL, cursor)

        assert ids(page) == ["INV-0000-0001"]
        assert "ge(" not in stub.targets[0]

    def test_nothing_new_has_a_cursor_too(self) -> None:
        (page,) = of([]).connector().pull(BILL, None)

        assert page.cursor is not None

    def test_a_period_holds_what_is_dated_in_it_and_moves_no_cursor(self) -> None:
        stub = of([invoice(1), invoice(2, erpData={"documentDate": "2026-09-30"})])
        october = Period(dt.date(2026, 10, 1), dt.date(2026, 10, 31))

        (page,) = stub.connector().pull(
            BILL, '{"since": "2026-11-21T03:00:00+00:00"}', period=october
        )

        assert (ids(page), page.cursor) == (["INV-0000-0001"], None)
        assert "ge(" not in stub.targets[0]

    def test_limits_are_passed_on(self) -> None:
        stub = Stub(lambda _: httpx.Response(429, headers={"Retry-After": "9"}))

        with pytest.raises(RateLimited) as caught:
            list(stub.connector().pull(BILL, None))
        assert caught.value.retry_after == dt.timedelta(seconds=9)


class TestOwners:
    def test_another_buyers_document_never_comes_through(self) -> None:
        foreign = invoice(2, buyer={"id": OTHER_BUYER, "name": "Another"})

        (page,) = of([invoice(1), foreign]).connector().pull(BILL, None)

        assert ids(page) == ["INV-0000-0001"]
        assert page.elsewhere == [Elsewhere("INV-0000-0002", OTHER_BUYER)]

    def test_one_that_cannot_be_read_does_not_hold_up_the_others(self) -> None:
        rows = [invoice(1), invoice(2, price=7), {"odd": True}, invoice(3)]

        (page,) = of(rows).connector().pull(BILL, None)

        assert ids(page) == ["INV-0000-0001", "INV-0000-0003"]
        assert [one.platform_id for one in page.bad] == ["INV-0000-0002", "?"]


class TestMissingParts:
    def test_lines_that_a_list_leaves_out_are_asked_for(self) -> None:
        bare = {name: value for name, value in invoice().items() if name != "lines"}

        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/lines"):
                return httpx.Response(404)
            if request.url.path.endswith("/invoices"):
                return listing([bare])
            return httpx.Response(200, json=invoice())

        (page,) = Stub(respond).connector().pull(BILL, None)

        assert ids(page) == ["INV-0000-0001"]

    def test_a_document_that_is_listed_but_not_given_is_set_aside(self) -> None:
        bare = {name: value for name, value in memo().items() if name != "lines"}

        def respond(request: httpx.Request) -> httpx.Response:
            listed = request.url.path.endswith("/credit-memos")
            return listing([bare, memo(2)]) if listed else httpx.Response(404)

        (page,) = Stub(respond).connector().pull(CREDIT_NOTE, None)

        assert ids(page) == ["CRD-0000-0002"]
        assert "does not give all of it" in page.bad[0].problem

    def test_lines_of_other_entities_are_not_asked_for(self) -> None:
        bare = invoice(buyer={"id": OTHER_BUYER}, lines=None)
        stub = of([bare])

        list(stub.connector().pull(BILL, None))

        assert len(stub.asked) == 1

    def test_charges_are_read_for_the_statements_that_are_posted(self) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/charges"):
                line = b'{"id": "CHG-1", "item": {"id": "ITM-1", "name": "VM"}, "price": {"SPx1": 100}}'
                return httpx.Response(200, content=line)
            return listing([statement(), statement(2, buyer={"id": OTHER_BUYER})])

        stub = Stub(respond)
        (page,) = stub.connector(**STATEMENTS, statement_lines="charges").pull(ENTRY, None)

        assert ids(page) == ["SOM-0000-0001"]
        assert stub.targets[1:] == ["GET /billing/statements/SOM-0000-0001/charges"]


class TestRoles:
    @pytest.mark.parametrize(
        ("settings", "wanted"),
        [
            (CLIENT, {BILL, CREDIT_NOTE}),
            (CLIENT | STATEMENTS, {BILL, CREDIT_NOTE, ENTRY}),
            (CLIENT | STATEMENTS | {"documents": False}, {ENTRY}),
            (OPERATIONS, {INVOICE, CREDIT_NOTE}),
            (VENDOR, set()),
        ],
    )
    def test_what_a_role_reads_is_what_its_spec_says(
        self, settings: dict[str, Any], wanted: set[ObjectType]
    ) -> None:
        assert set(SPEC.of(settings).types) == wanted

    @pytest.mark.parametrize(
        ("settings", "kind"),
        [({}, INVOICE), ({}, ENTRY), (SELLING, BILL), (HANDING_IN, BILL)],
    )
    def test_what_it_does_not_read_is_refused_before_the_call(
        self, settings: dict[str, Any], kind: ObjectType
    ) -> None:
        stub = of([])

        with pytest.raises(Unsupported, match="account"):
            stub.connector(**settings).pull(kind, None)
        assert stub.asked == []

    def test_nothing_is_pushed(self) -> None:
        connector = of([]).connector()

        for call in (connector.push, connector.find):
            with pytest.raises(Unsupported):
                call(BILL, [])

    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"account_role": "operations"},
            {"account_role": "client", "buyers": [""]},
            {"account_role": "vendor", "statements_as_entries": True},
            {"account_role": "owner", "buyers": [BUYER]},
        ],
    )
    def test_settings_that_do_not_say_whose_documents_are_ours_are_refused(
        self, settings: dict[str, Any]
    ) -> None:
        with pytest.raises(ValidationError):
            SoftwareOneSettings.model_validate(settings)


def seen(invoices: int, journals: int, **row: Any) -> Stub:
    """A marketplace where the token may see these lists."""

    def respond(request: httpx.Request) -> httpx.Response:
        status = invoices if "invoices" in request.url.path else journals
        return listing([row]) if status == 200 else httpx.Response(status)

    return Stub(respond)


class TestCheck:
    @pytest.mark.parametrize(
        ("settings", "invoices", "journals"),
        [({}, 200, 403), (HANDING_IN, 403, 200), (SELLING, 200, 200)],
    )
    def test_the_lists_that_a_token_sees_tell_its_kind(
        self, settings: dict[str, Any], invoices: int, journals: int
    ) -> None:
        identity = seen(invoices, journals).connector(**settings).check()

        assert identity.organisation_id.startswith("api.platform.softwareone.com#")

    @pytest.mark.parametrize(
        ("settings", "invoices", "journals", "words"),
        [
            ({}, 200, 200, "that of an operations account"),
            ({}, 403, 200, "that of a vendor account"),
            (SELLING, 200, 403, "that of a client account"),
            (HANDING_IN, 403, 403, "an account that sees no billing"),
        ],
    )
    def test_a_token_of_another_kind_is_refused(
        self, settings: dict[str, Any], invoices: int, journals: int, words: str
    ) -> None:
        with pytest.raises(PermissionDenied, match=words) as caught:
            seen(invoices, journals).connector(**settings).check()
        assert caught.value.cause is not None

    def test_the_account_is_compared_where_it_is_named(self) -> None:
        stub = seen(200, 403, id="I", client={"id": "ACC-0001"})

        assert stub.connector(account_id="ACC-0001").check().organisation_id == "ACC-0001"
        with pytest.raises(ActionRequired, match="account ACC-0001, but"):
            stub.connector(account_id="ACC-0002").check()

    def test_a_refused_token_is_said(self) -> None:
        with pytest.raises(AuthorizationLost, match="create a new one"):
            seen(401, 401).connector().check()
