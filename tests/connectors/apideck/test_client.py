"""What goes over the wire: headers, queries, cursors, and what a ledger turns out not to do."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.apideck.connector import Apideck
from connectors.apideck.pull import Cursor
from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.base import (
    Accepted,
    CallScope,
    ConnectorConfig,
    Failed,
    Operation,
    Page,
    PushItem,
    PushResult,
)
from connectors.errors import AuthorizationLost, ProtocolError, Transient
from models.canonical import AnyRecord, Invoice, JournalEntry, JournalLine, ObjectType
from tests.connectors.apideck.sdk import check
from tests.connectors.apideck.test_mapping import DAY, MARKER, ROW, document

Answers = Callable[[httpx.Request], httpx.Response]
KEY = "sk_live_0123456789abcdef"


class Wire:
    """Answers requests as told, and keeps them."""

    def __init__(self, *answers: httpx.Response | Answers, base: str = "") -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.base = base or "http://apideck.test"

    def connector(self, *, timeout_seconds: float = 60, **settings: Any) -> Apideck:
        """A connector that talks to it."""
        given = {"service_id": "xero", **settings}
        return Apideck(
            ConnectorConfig(
                base_url=self.base,
                credentials=ApideckCredentials.model_validate(
                    {"api_key": KEY, "app_id": "app", "consumer_id": "tenant-1"}
                ),
                settings=ApideckSettings.model_validate(given),
                http=httpx.Client(transport=httpx.MockTransport(self._answer)),
                scope=CallScope("test"),
                timeout_seconds=timeout_seconds,
            )
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer

    def query(self, place: int = -1) -> Mapping[str, str]:
        """What a request asked for."""
        return dict(self.requests[place].url.params)

    def body(self, place: int = -1) -> Any:
        """What a request said, with exact numbers."""
        return json.loads(self.requests[place].content, parse_float=Decimal)

    def asked(self) -> list[str]:
        """Method and path of all requests."""
        return [f"{one.method} {one.url.path}" for one in self.requests]


def rows(*values: Mapping[str, Any], cursor: str | None = None, **meta: Any) -> httpx.Response:
    """A list."""
    cursors = {"previous": None, "current": None, "next": cursor}
    said = {"status_code": 200, "data": list(values), "meta": {"cursors": cursors, **meta}}
    return httpx.Response(200, content=json.dumps(said, default=float))


def one(values: Mapping[str, Any], status: int = 200) -> httpx.Response:
    """A single object."""
    return httpx.Response(status, content=json.dumps({"data": values}, default=float))


def refusal(status: int, type_name: str, message: str = "no", **body: Any) -> httpx.Response:
    """An error."""
    said = {"status_code": status, "type_name": type_name, "message": message, **body}
    return httpx.Response(status, json=said)


def invoice_row(number: int, **fields: Any) -> dict[str, Any]:
    """An invoice in a list."""
    return {**ROW, "id": str(number), "number": f"INV-{number}", **fields}


def pull(connector: Apideck, kind: ObjectType = ObjectType.INVOICE) -> list[Page]:
    """A whole pull."""
    return list(connector.pull(kind, None))


def ids(pages: list[Page]) -> list[str]:
    """What it brought."""
    return [record.platform_id for page in pages for record in page.records]


def push(connector: Apideck, record: AnyRecord, **fields: Any) -> PushResult:
    """One write."""
    given: dict[str, Any] = {"operation": Operation.CREATE, **fields}
    item = PushItem(key="k" * 32, marker=MARKER, record=record, **given)
    (result,) = connector.push(ObjectType(record.type), [item])
    return result


def entry() -> JournalEntry:
    """A journal entry."""
    lines = (
        JournalLine(account_id="1", debit=Decimal("0.1")),
        JournalLine(account_id="2", credit=Decimal("0.1")),
    )
    return JournalEntry(id="ours", date=DAY, currency="EUR", lines=lines)


COMPANY = one({"id": "B-1", "company_name": "Rossi SpA", "currency": "EUR"})


def test_every_request_says_who_asks_for_whom_and_which_ledger() -> None:
    wire = Wire(COMPANY)

    identity = wire.connector(company_id="E-1").check()

    headers = wire.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-apideck-app-id"] == "app"
    assert headers["x-apideck-consumer-id"] == "tenant-1"
    assert headers["x-apideck-service-id"] == "xero"
    assert headers["x-apideck-company-id"] == "E-1"
    assert identity.organisation_id == "xero:E-1:B-1"
    assert (identity.organisation_name, identity.base_currency) == ("Rossi SpA", "EUR")
    assert wire.asked() == ["GET /accounting/company-info"]


@pytest.mark.parametrize(
    ("base", "long_running", "host", "seconds"),
    [
        ("https://unify.apideck.com", False, "unify.apideck.com", 32),
        ("https://unify.apideck.com", True, "longrun.apideck.com", 125),
        ("http://127.0.0.1:8080", True, "127.0.0.1", 125),
    ],
)
def test_slow_ledgers_have_a_host_and_a_patience_of_their_own(
    base: str, host: str, seconds: int, long_running: bool
) -> None:
    wire = Wire(COMPANY, base=base)

    wire.connector(long_running=long_running, timeout_seconds=300).check()

    assert wire.requests[0].url.host == host
    assert wire.requests[0].extensions["timeout"]["read"] == seconds


def test_a_list_is_asked_for_in_the_order_of_changes_and_followed_to_its_last_cursor() -> None:
    wire = Wire(
        rows(invoice_row(1), cursor="c1"),
        rows(cursor="c2"),  # an empty page is not the end
        rows(invoice_row(1), invoice_row(2)),
    )
    pages = pull(wire.connector())

    assert ids(pages) == ["1", "2"]
    assert wire.query(0) == {
        "sort[by]": "updated_at",
        "sort[direction]": "asc",
        "limit": "200",
    }
    assert wire.query(1) == {**wire.query(0), "cursor": "c1"}
    assert wire.query(2) == {**wire.query(0), "cursor": "c2"}


def test_the_next_pull_begins_before_the_last_change_that_was_seen() -> None:
    wire = Wire(rows(invoice_row(1)))
    connector = wire.connector()
    (page,) = pull(connector)
    assert page.cursor is not None

    list(connector.pull(ObjectType.INVOICE, page.cursor))

    assert Cursor.parse(page.cursor).since == datetime(2026, 9, 14, 9, 50, tzinfo=UTC)
    assert wire.query()["filter[updated_since]"] == "2026-09-14T09:50:00.000Z"


def test_a_pull_that_brings_nothing_reaches_back_no_less_the_next_time() -> None:
    # The ledger's clock may be behind ours: what it changes now may carry an earlier time.
    connector = Wire(rows()).connector()
    cursor = str(Cursor(since=datetime(2026, 9, 1, tzinfo=UTC)))

    (page,) = connector.pull(ObjectType.INVOICE, cursor)

    assert page.cursor == cursor


def test_a_ledgers_clock_that_is_ahead_moves_no_cursor_past_our_own_start() -> None:
    ahead = "2099-01-01T00:00:00.000Z"
    (page,) = pull(Wire(rows(invoice_row(1, updated_at=ahead))).connector())

    since = Cursor.parse(page.cursor).since
    assert since is not None
    assert since < datetime.now(UTC) - timedelta(minutes=9)


def test_what_a_ledger_cannot_filter_or_sort_is_left_out_and_remembered() -> None:
    wire = Wire(
        refusal(400, "UnsupportedSortFieldError"),
        refusal(400, "UnsupportedFiltersError"),
        rows(invoice_row(1)),
    )
    connector = wire.connector()
    cursor = str(Cursor(since=datetime(2026, 9, 1, tzinfo=UTC)))

    first = list(connector.pull(ObjectType.INVOICE, cursor))
    list(connector.pull(ObjectType.INVOICE, cursor))

    assert ids(first) == ["1"]
    assert wire.query(2) == wire.query(3) == {"limit": "200"}
    assert len(wire.requests) == 4


def test_a_list_without_pages_is_asked_for_whole() -> None:
    wire = Wire(refusal(400, "PaginationNotSupportedError"), rows(invoice_row(1)))

    assert ids(pull(wire.connector())) == ["1"]
    assert "limit" not in wire.query()


def test_a_cursor_that_died_begins_the_list_again() -> None:
    wire = Wire(
        rows(invoice_row(1), cursor="c1"),
        refusal(400, "InvalidCursorError"),
        rows(invoice_row(1), cursor="c2"),
        rows(invoice_row(2)),
    )
    assert ids(pull(wire.connector())) == ["1", "2"]
    assert "cursor" not in wire.query(2)


def test_a_cursor_that_never_works_ends_the_pull() -> None:
    wire = Wire(rows(invoice_row(1), cursor="c1"))
    always = refusal(400, "InvalidCursorError")
    wire.answers = [
        lambda request: always if "cursor" in request.url.params else rows(cursor="c1"),
    ]
    with pytest.raises(Transient):
        pull(wire.connector())
    assert len(wire.requests) < 30


def test_a_cursor_that_comes_again_is_no_endless_pull() -> None:
    wire = Wire(rows(invoice_row(1), cursor="c1"), rows(invoice_row(1), cursor="c1"))

    assert ids(pull(wire.connector())) == ["1"]
    assert len(wire.requests) == 2

    wire = Wire(rows(invoice_row(1), cursor="c1"), rows(invoice_row(2), cursor="c1"))
    with pytest.raises(ProtocolError):
        pull(wire.connector())


def test_no_cursor_goes_past_a_page_that_came_incomplete() -> None:
    warned = [{"type": "ConnectorExecutionError", "status_code": 500, "message": "half"}]
    wire = Wire(rows(invoice_row(1), cursor="c1", warnings=warned), rows(invoice_row(2)))
    pages = wire.connector().pull(ObjectType.INVOICE, None)

    stored = [next(pages), next(pages)]

    assert ids(stored) == ["1", "2"]
    assert [page.cursor for page in stored] == [None, None]
    with pytest.raises(Transient, match="half"):
        next(pages)


def test_what_is_deleted_is_said_and_what_belongs_elsewhere_is_left_out() -> None:
    wire = Wire(
        rows(
            invoice_row(1, status="deleted"),
            invoice_row(2, status="void"),
            invoice_row(3, type="credit"),
        )
    )
    (page,) = pull(wire.connector())

    found = {record.platform_id: record for record in page.records}
    assert set(found) == {"1", "2"}
    assert found["1"].deleted
    assert isinstance(found["2"].record, Invoice)
    assert found["2"].record.status == "void"
    assert found["2"].marker == MARKER


def test_bill_payments_among_the_payments_come_once() -> None:
    row = {"id": "1", "transaction_date": "2026-09-14T00:00:00Z", "currency": "EUR"}
    bought = {**row, "id": "2", "total_amount": 5, "type": "accounts_payable"}
    wire = Wire(rows({**row, "total_amount": 5}, bought), rows(bought))

    assert ids(pull(wire.connector(), ObjectType.PAYMENT)) == ["payment:1", "bill-payment:2"]
    assert wire.asked() == ["GET /accounting/payments", "GET /accounting/bill-payments"]


def test_one_unexpected_401_is_tried_again_and_a_second_one_is_believed() -> None:
    lost = refusal(401, "UnauthorizedError")
    wire = Wire(COMPANY, lost, COMPANY, lost, lost)
    connector = wire.connector()
    connector.check()

    connector.check()

    assert len(wire.requests) == 3
    with pytest.raises(AuthorizationLost):
        connector.check()


def test_a_key_that_opens_nothing_is_not_tried_again() -> None:
    wire = Wire(refusal(401, "UnauthorizedError"))

    with pytest.raises(AuthorizationLost):
        wire.connector().check()
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"state": "invalid", "health": "revoked"}, "withdrawn the consent"),
        ({"state": "added", "health": None}, "its state is added"),
        ({"state": "callable", "enabled": False}, "switched off"),
    ],
)
def test_a_connection_that_cannot_be_used_is_explained_by_the_vault(
    vault: dict[str, Any], said: str
) -> None:
    wire = Wire(refusal(400, "ConnectorCredentialsError"), one({"name": "Xero", **vault}))

    with pytest.raises(AuthorizationLost, match=said) as found:
        wire.connector().check()

    assert wire.asked()[1] == "GET /vault/connections/accounting/xero"
    assert found.value.cause is not None
    assert found.value.cause.code == "ledger_not_linked"


def test_a_ledger_that_does_not_say_whose_it_is_is_named_by_the_vault() -> None:
    wire = Wire(
        refusal(501, "ConnectorOperationUnsupportedError"),
        one({"name": "Xero", "metadata": {"company_id": "B-1"}}),
    )
    assert wire.connector().check().organisation_id == "xero:B-1"


def test_numbers_go_out_exactly_and_the_key_with_them() -> None:
    wire = Wire(one({"id": "1"}, 201), one(invoice_row(1)))

    result = push(wire.connector(), document(Invoice))

    assert isinstance(result, Accepted)
    assert wire.asked() == ["POST /accounting/invoices", "GET /accounting/invoices/1"]
    assert wire.requests[0].headers["idempotency-key"] == "k" * 32
    assert b'"currency_rate":1.1,' in wire.requests[0].content
    check("invoices", wire.body(0))
    assert result.totals.total == 120
    assert result.version is not None
    assert result.version.startswith("3|")


def test_a_write_that_is_confirmed_stays_so_when_it_cannot_be_read_back() -> None:
    wire = Wire(one({"id": "1"}, 201), refusal(429, "ConnectorRateLimitError"))

    result = push(wire.connector(), document(Invoice))

    assert isinstance(result, Accepted)
    assert result.platform_id == "1"
    assert "could not be read back" in result.notes[0]


def test_a_ledger_that_takes_no_keys_is_looked_through_before_it_is_written_without_one() -> None:
    refused = refusal(400, "ConnectorExecutionError", "Idempotency-Key is not supported")
    there = {
        "id": "5",
        "posted_at": "2026-09-14T12:00:00.000Z",
        "memo": MARKER,
        "currency": "EUR",
        "line_items": [],
    }
    wire = Wire(
        refused, rows(), one({"id": "5"}, 201), one(there), one({"id": "6"}, 201), one(there)
    )
    connector = wire.connector()

    assert isinstance(push(connector, entry()), Accepted)
    assert wire.asked() == [
        "POST /accounting/journal-entries",
        "GET /accounting/journal-entries",
        "POST /accounting/journal-entries",
        "GET /accounting/journal-entries/5",
    ]
    assert "idempotency-key" not in wire.requests[2].headers
    push(connector, entry())
    assert "idempotency-key" not in wire.requests[4].headers

    wire = Wire(refused, rows(there))
    found = push(wire.connector(), entry())
    assert isinstance(found, Accepted)
    assert found.platform_id == "5"
    assert len(wire.requests) == 2


def test_what_is_passed_through_to_the_ledger_comes_from_the_settings() -> None:
    wire = Wire(one({"id": "1"}, 201), one(invoice_row(1)))
    extra = {"invoices.create": {"extend_paths": [{"path": "$.Memo", "value": "x"}]}}

    push(wire.connector(pass_through=extra), document(Invoice))

    check("invoices", wire.body(0))
    assert wire.body(0)["pass_through"] == [
        {"service_id": "xero", "extend_paths": [{"path": "$.Memo", "value": "x"}]}
    ]


def test_taxes_are_named_by_their_code_where_the_ledger_wants_that() -> None:
    rates = rows({"id": "T20", "code": "STANDARD", "name": "VAT", "total_tax_rate": 20})
    wire = Wire(rates, one({"id": "1"}, 201), one(invoice_row(1)))

    push(wire.connector(service_id="microsoft-dynamics-365-business-central"), document(Invoice))

    assert wire.body(1)["line_items"][0]["tax_rate"] == {"code": "STANDARD"}


def test_the_version_that_the_ledger_has_now_goes_along() -> None:
    old = one(invoice_row(1))
    wire = Wire(old, httpx.Response(200, json={"data": {"id": "1"}}), old)
    connector = wire.connector()
    known = push(Wire(one({"id": "1"}, 201), old).connector(), document(Invoice))
    assert isinstance(known, Accepted)

    result = push(
        connector,
        document(Invoice, note="Changed"),
        operation=Operation.UPDATE,
        platform_id="1",
        version=known.version,
    )

    assert isinstance(result, Accepted)
    assert wire.requests[1].method == "PATCH"
    assert wire.body(1)["row_version"] == "3"
    assert "status" not in wire.body(1)
    check("invoices", wire.body(1), update=True)


def update(wire: Wire, version: str | None) -> PushResult:
    """A change of the note."""
    return push(
        wire.connector(),
        document(Invoice, note="Changed"),
        operation=Operation.UPDATE,
        platform_id="1",
        version=version,
    )


def version_of(row: Mapping[str, Any]) -> str | None:
    """The version of an invoice as a pull brings it."""
    (page,) = pull(Wire(rows(row)).connector())
    return page.records[0].version


def test_a_version_that_a_payment_moved_is_no_conflict() -> None:
    # A payment came in since: another version, less open, the same document.
    paid = invoice_row(1, row_version="4", balance=20, status="partially_paid")
    wire = Wire(one(paid), one({"id": "1"}), one(paid))

    assert isinstance(update(wire, version_of(invoice_row(1))), Accepted)
    assert wire.body(1)["row_version"] == "4"


def test_what_somebody_changed_in_the_ledger_is_a_conflict() -> None:
    edited = invoice_row(1, row_version="4", due_date="2026-12-31")
    wire = Wire(one(edited))

    result = update(wire, version_of(invoice_row(1)))

    assert isinstance(result, Failed)
    assert result.error.code == "changed"
    assert wire.asked() == ["GET /accounting/invoices/1"]


def test_a_version_that_moves_while_we_write_is_read_again_once() -> None:
    stale = refusal(400, "ConnectorExecutionError", "Stale object: row_version is outdated")
    moved = one(invoice_row(1, row_version="4", balance=20))
    wire = Wire(one(invoice_row(1)), stale, moved, one({"id": "1"}), moved)

    assert isinstance(update(wire, version_of(invoice_row(1))), Accepted)
    assert wire.body(3)["row_version"] == "4"

    edited = one(invoice_row(1, row_version="4", due_date="2026-12-31"))
    wire = Wire(one(invoice_row(1)), stale, edited)
    result = update(wire, version_of(invoice_row(1)))
    assert isinstance(result, Failed)
    assert result.error.code == "changed"


def test_a_refusal_that_is_not_about_the_version_is_not_tried_again() -> None:
    wire = Wire(one(invoice_row(1)), refusal(400, "ConnectorExecutionError", "The period is shut"))

    assert isinstance(update(wire, version_of(invoice_row(1))), Failed)
    assert len(wire.requests) == 2


def test_an_update_of_what_is_gone_says_so() -> None:
    result = update(Wire(refusal(404, "EntityNotFoundError")), None)

    assert isinstance(result, Failed)
    assert result.error.cause is not None
    assert result.error.cause.code == "deleted_in_ledger"


def test_a_cursor_of_somebody_else_is_refused() -> None:
    with pytest.raises(ProtocolError):
        list(Wire(rows()).connector().pull(ObjectType.INVOICE, "[]"))
