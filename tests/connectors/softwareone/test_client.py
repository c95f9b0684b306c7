"""Each operation of the capability matrix: its address, its role, its files."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.errors import OutcomeUnknown, ProtocolError, Rejected, Transient, Unsupported
from connectors.softwareone.client import api_base
from connectors.softwareone.collections import Billing
from connectors.softwareone.operations import OPERATIONS, Operation
from connectors.softwareone.settings import AccountRole
from tests.connectors.softwareone.given import (
    CLIENT,
    TOKEN,
    VENDOR,
    Stub,
    listing,
)
from tests.connectors.softwareone.given import (
    OPERATIONS as OPERATIONS_ROLE,
)

ROLES: dict[AccountRole, dict[str, Any]] = {
    AccountRole.CLIENT: CLIENT,
    AccountRole.VENDOR: VENDOR,
    AccountRole.OPERATIONS: OPERATIONS_ROLE,
}
FILE = ("x.bin", io.BytesIO(b"x"), "application/pdf")

Call = Callable[[Billing], object]

# One call for each operation, and what it sends.
_CALLS: dict[tuple[str, str], tuple[Call, str]] = {
    ("credit-memos", "list"): (
        lambda b: b.credit_memos.page(),
        "GET /billing/credit-memos?limit=100",
    ),
    ("credit-memos", "get"): (lambda b: b.credit_memos.get("C 1"), "GET /billing/credit-memos/C 1"),
    ("credit-memos", "list lines"): (
        lambda b: b.credit_memos.lines("C").all(),
        "GET /billing/credit-memos/C/lines?limit=100",
    ),
    ("credit-memos", "get line"): (
        lambda b: b.credit_memos.lines("C").one("L"),
        "GET /billing/credit-memos/C/lines/L",
    ),
    ("invoices", "list"): (lambda b: b.invoices.page(), "GET /billing/invoices?limit=100"),
    ("invoices", "get"): (lambda b: b.invoices.get("I"), "GET /billing/invoices/I"),
    ("invoices", "update"): (lambda b: b.invoices.update("I", {}), "PUT /billing/invoices/I"),
    ("invoices", "list lines"): (
        lambda b: b.invoices.lines("I").all(),
        "GET /billing/invoices/I/lines?limit=100",
    ),
    ("invoices", "get line"): (
        lambda b: b.invoices.lines("I").one("L"),
        "GET /billing/invoices/I/lines/L",
    ),
    ("journals", "list"): (lambda b: b.journals.page(), "GET /billing/journals?limit=100"),
    ("journals", "get"): (lambda b: b.journals.get("J"), "GET /billing/journals/J"),
    ("journals", "create"): (lambda b: b.journals.create({}), "POST /billing/journals"),
    ("journals", "update"): (lambda b: b.journals.update("J", {}), "PUT /billing/journals/J"),
    ("journals", "delete"): (lambda b: b.journals.delete("J"), "DELETE /billing/journals/J"),
    ("journals", "upload charges"): (
        lambda b: b.journals.upload_lines("J", [b"{}"]),
        "POST /billing/journals/J/upload",
    ),
    ("journals", "submit"): (lambda b: b.journals.submit("J"), "POST /billing/journals/J/submit"),
    ("journals", "regenerate"): (
        lambda b: b.journals.regenerate("J"),
        "POST /billing/journals/J/regenerate",
    ),
    ("journals", "enquiry"): (
        lambda b: b.journals.enquiry("J"),
        "POST /billing/journals/J/enquiry",
    ),
    ("journals", "accept"): (lambda b: b.journals.accept("J"), "POST /billing/journals/J/accept"),
    ("journals", "list sellers"): (
        lambda b: list(b.journals.sellers("J")),
        "GET /billing/journals/J/sellers?limit=100",
    ),
    ("ledgers", "list"): (lambda b: b.ledgers.page(), "GET /billing/ledgers?limit=100"),
    ("ledgers", "get"): (lambda b: b.ledgers.get("E"), "GET /billing/ledgers/E"),
    ("ledgers", "update"): (lambda b: b.ledgers.update("E", {}), "PUT /billing/ledgers/E"),
    ("ledgers", "recalculate"): (
        lambda b: b.ledgers.recalculate("E"),
        "POST /billing/ledgers/E/recalculate",
    ),
    ("ledgers", "accept"): (lambda b: b.ledgers.accept("E"), "POST /billing/ledgers/E/accept"),
    ("custom-ledgers", "list"): (
        lambda b: b.custom_ledgers.page(),
        "GET /billing/custom-ledgers?limit=100",
    ),
    ("custom-ledgers", "get"): (
        lambda b: b.custom_ledgers.get("K"),
        "GET /billing/custom-ledgers/K",
    ),
    ("custom-ledgers", "create"): (
        lambda b: b.custom_ledgers.create({}),
        "POST /billing/custom-ledgers",
    ),
    ("custom-ledgers", "update"): (
        lambda b: b.custom_ledgers.update("K", {}),
        "PUT /billing/custom-ledgers/K",
    ),
    ("custom-ledgers", "delete"): (
        lambda b: b.custom_ledgers.delete("K"),
        "DELETE /billing/custom-ledgers/K",
    ),
    ("custom-ledgers", "upload charges"): (
        lambda b: b.custom_ledgers.upload("K", FILE),
        "POST /billing/custom-ledgers/K/upload",
    ),
    ("custom-ledgers", "accept"): (
        lambda b: b.custom_ledgers.accept("K"),
        "POST /billing/custom-ledgers/K/accept",
    ),
    ("manual-overrides", "list"): (
        lambda b: b.overrides.page(),
        "GET /billing/manual-overrides?limit=100",
    ),
    ("manual-overrides", "get"): (
        lambda b: b.overrides.get("O"),
        "GET /billing/manual-overrides/O",
    ),
    ("manual-overrides", "create"): (
        lambda b: b.overrides.create({}),
        "POST /billing/manual-overrides",
    ),
    ("manual-overrides", "update"): (
        lambda b: b.overrides.update("O", {}),
        "PUT /billing/manual-overrides/O",
    ),
    ("manual-overrides", "disable"): (
        lambda b: b.overrides.disable("O"),
        "POST /billing/manual-overrides/O/disable",
    ),
    ("manual-overrides", "enable"): (
        lambda b: b.overrides.enable("O"),
        "POST /billing/manual-overrides/O/enable",
    ),
    ("statements", "list"): (lambda b: b.statements.page(), "GET /billing/statements?limit=100"),
    ("statements", "get"): (lambda b: b.statements.get("S"), "GET /billing/statements/S"),
    ("statements", "retry"): (
        lambda b: b.statements.retry("S"),
        "POST /billing/statements/S/retry",
    ),
    ("statements", "recalculate"): (
        lambda b: b.statements.recalculate("S"),
        "POST /billing/statements/S/recalculate",
    ),
    ("statements", "cancel"): (
        lambda b: b.statements.cancel("S"),
        "POST /billing/statements/S/cancel",
    ),
}
for _name, _attribute in (
    ("journals", "journals"),
    ("ledgers", "ledgers"),
    ("custom-ledgers", "custom_ledgers"),
    ("statements", "statements"),
):

    def _charges(billing: Billing, attribute: str = _attribute) -> Any:
        return getattr(billing, attribute).charges("X")

    def _rows(billing: Billing, attribute: str = _attribute) -> Any:
        return list(_charges(billing, attribute).rows())

    _CALLS[_name, "list charges"] = (
        lambda b, of=_charges: of(b).page(),  # type: ignore[misc]  # a default binds it
        f"GET /billing/{_name}/X/charges?limit=100",
    )
    _CALLS[_name, "get charge"] = (
        lambda b, of=_charges: of(b).get("G"),  # type: ignore[misc]
        f"GET /billing/{_name}/X/charges/G",
    )
    _CALLS[_name, "get charge file"] = (_rows, f"GET /billing/{_name}/X/charges")
for _name, _attribute in (
    ("credit-memos", "credit_memos"),
    ("invoices", "invoices"),
    ("journals", "journals"),
    ("ledgers", "ledgers"),
    ("custom-ledgers", "custom_ledgers"),
):

    def _attachments(billing: Billing, attribute: str = _attribute) -> Any:
        return getattr(billing, attribute).attachments("X")

    _path = f"/billing/{_name}/X/attachments"
    _CALLS[_name, "list attachments"] = (
        lambda b, of=_attachments: of(b).page(),  # type: ignore[misc]
        f"GET {_path}?limit=100",
    )
    _CALLS[_name, "get attachment"] = (
        lambda b, of=_attachments: of(b).get("A"),  # type: ignore[misc]
        f"GET {_path}/A",
    )
    _CALLS[_name, "create attachment"] = (
        lambda b, of=_attachments: of(b).create(FILE, name="x"),  # type: ignore[misc]
        f"POST {_path}",
    )
    _CALLS[_name, "delete attachment"] = (
        lambda b, of=_attachments: of(b).delete("A"),  # type: ignore[misc]
        f"DELETE {_path}/A",
    )


def name_of(operation: Operation) -> str:
    return f"{operation.collection} {operation.action}"


def anything(request: httpx.Request) -> httpx.Response:
    """An answer that fits every call."""
    if request.method == "GET":
        return listing([])
    return httpx.Response(200, json={"id": "X"})


class TestOperations:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
    def test_each_has_a_call_of_one_request(self, operation: Operation) -> None:
        call, sent = _CALLS[operation.collection, operation.action]
        stub = Stub(anything)
        role = next(iter(sorted(operation.roles)))

        call(Billing(stub.client(**ROLES[role])))

        assert stub.targets == [sent]

    @pytest.mark.parametrize("role", AccountRole)
    @pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
    def test_a_role_that_may_not_is_refused_before_the_call(
        self, operation: Operation, role: AccountRole
    ) -> None:
        call, _ = _CALLS[operation.collection, operation.action]
        stub = Stub(anything)
        billing = Billing(stub.client(**ROLES[role]))
        if role in operation.roles:
            call(billing)
            return

        with pytest.raises(Unsupported, match=rf"is for .* the account role {role.value}"):
            call(billing)
        assert stub.asked == []

    def test_what_the_platform_does_not_have_is_refused_for_all(self) -> None:
        stub = Stub(anything)

        with pytest.raises(Unsupported, match="has no operation `delete attachment`"):
            Billing(stub.client(**OPERATIONS_ROLE)).ledgers.attachments("L").delete("A")
        assert stub.asked == []

    def test_every_call_belongs_to_an_operation_or_to_none(self) -> None:
        known = {(one.collection, one.action) for one in OPERATIONS}

        assert known <= set(_CALLS)


class TestAddresses:
    @pytest.mark.parametrize("end", ["", "/", "/public", "/public/", "/public/v1", "/public/v1/"])
    def test_the_base_is_taken_with_or_without_its_end(self, end: str) -> None:
        assert api_base(f"https://x.test{end}") == "https://x.test/public/v1"

    def test_ids_are_quoted(self) -> None:
        stub = Stub(anything)

        Billing(stub.client()).invoices.get("a/../b?x=1")

        assert stub.asked[0].url.raw_path == b"/public/v1/billing/invoices/a%2F..%2Fb%3Fx%3D1"

    def test_the_token_goes_along_as_bearer(self) -> None:
        stub = Stub(anything)

        Billing(stub.client()).invoices.page()

        assert stub.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


class TestLists:
    def test_all_pages_are_read_by_what_the_server_says_is_its_limit(self) -> None:
        rows = [{"id": f"I-{number}"} for number in range(7)]

        def respond(request: httpx.Request) -> httpx.Response:
            offset = int(request.url.params.get("offset", 0))
            return listing(rows[offset : offset + 3], total=7, limit=3, offset=offset)

        stub = Stub(respond)

        found = list(Billing(stub.client()).invoices.every())

        assert found == rows
        assert len(stub.asked) == 3

    def test_counting_reads_no_rows(self) -> None:
        stub = Stub(lambda _: listing([], total=179))

        assert Billing(stub.client()).invoices.count('eq(status,"Paid")') == 179
        assert stub.targets[0].endswith("&limit=0")

    def test_numbers_stay_exact(self) -> None:
        body = b'{"id": "I", "price": {"totalSP": 92.09375679688615}}'
        stub = Stub(lambda _: httpx.Response(200, content=body))

        got = Billing(stub.client()).invoices.get("I")

        assert got["price"]["totalSP"] == Decimal("92.09375679688615")

    def test_an_answer_that_is_no_list_is_said(self) -> None:
        stub = Stub(lambda _: httpx.Response(200, json={"data": 7}))

        with pytest.raises(ProtocolError, match="cannot be read"):
            Billing(stub.client()).invoices.page()

    @pytest.mark.parametrize("status", [404, 405])
    def test_lines_without_an_address_are_those_of_the_document(self, status: int) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if "/lines" in request.url.path:
                return httpx.Response(status)
            return httpx.Response(200, json={"id": "I", "lines": [{"id": "L1"}, {"id": "L2"}]})

        lines = Billing(Stub(respond).client()).invoices.lines("I")

        assert lines.all() == [{"id": "L1"}, {"id": "L2"}]
        assert lines.one("L2") == {"id": "L2"}
        assert lines.one("L9") is None

    def test_overrides_are_looked_for_at_their_other_address(self) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if "manual-overrides" in request.url.path:
                return httpx.Response(404)
            return anything(request)

        stub = Stub(respond)
        overrides = Billing(stub.client(**OPERATIONS_ROLE)).overrides

        overrides.page()
        overrides.create({"client": {"id": "ACC-1"}})

        assert [target.split("?")[0] for target in stub.targets] == [
            "GET /billing/manual-overrides",
            "GET /billing/overrides",
            "POST /billing/overrides",
        ]

    def test_an_override_that_is_nowhere_is_refused_once_for_all(self) -> None:
        overrides = Billing(Stub(lambda _: httpx.Response(404)).client(**OPERATIONS_ROLE)).overrides

        for _ in range(2):
            with pytest.raises(Rejected):
                overrides.get("BOV-1")


class TestWrites:
    def test_an_answer_without_words_is_good(self) -> None:
        stub = Stub(lambda _: httpx.Response(204))

        assert Billing(stub.client(**VENDOR)).journals.update("J", {"name": "x"}) == {}

    def test_an_answer_that_is_no_object_is_unknown(self) -> None:
        stub = Stub(lambda _: httpx.Response(200, json=[]))

        with pytest.raises(OutcomeUnknown):
            Billing(stub.client(**VENDOR)).journals.submit("J")

    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_no_write_is_repeated(self, status: int) -> None:
        stub = Stub(lambda _: httpx.Response(status))

        with pytest.raises(OutcomeUnknown):
            Billing(stub.client(**VENDOR)).journals.create({"name": "x"})
        assert len(stub.asked) == 1


class TestUploads:
    def test_charges_are_sent_as_json_lines_with_a_length(self) -> None:
        stub = Stub(anything)
        lines: list[Any] = [b'{"a": 1}\n', {"quantity": Decimal("1.10"), "price": {"x": [True]}}]

        Billing(stub.client(**VENDOR)).journals.upload_lines("J", lines)

        (request,) = stub.asked
        body = request.read()
        assert request.headers["content-length"] == str(len(body))
        assert b'name="file"; filename="charges.jsonl"' in body
        assert b"Content-Type: application/jsonl" in body
        assert b'{"a": 1}\n{"quantity": 1.1, "price": {"x": [true]}}\n' in body

    def test_lines_that_fail_while_they_are_made_send_nothing(self) -> None:
        stub = Stub(anything)

        def lines() -> Any:
            yield b"{}"
            raise RuntimeError("the database went away")

        with pytest.raises(RuntimeError):
            Billing(stub.client(**VENDOR)).journals.upload_lines("J", lines())
        assert stub.asked == []

    def test_an_attachment_has_its_description_beside_it(self) -> None:
        stub = Stub(anything)
        file = ("terms.pdf", io.BytesIO(b"%PDF"), "application/pdf")

        Billing(stub.client(**VENDOR)).journals.attachments("J").create(file, name="Terms")

        body = stub.asked[0].read()
        about = json.dumps({"name": "Terms", "description": ""}).encode()
        assert b'name="attachment"' in body
        assert about in body
        assert b"%PDF" in body


class TestFiles:
    def test_rows_of_a_charge_file_come_by_name(self) -> None:
        text = b'id,description\r\nCHG-1,"two\nlines"\r\nCHG-2,\r\n'
        stub = Stub(lambda _: httpx.Response(200, content=text))

        rows = list(Billing(stub.client(**VENDOR)).journals.charges("J").rows())

        assert rows == [
            {"id": "CHG-1", "description": "two\nlines"},
            {"id": "CHG-2", "description": ""},
        ]
        assert stub.asked[0].headers["accept"] == "text/csv"

    def test_charges_of_a_statement_come_as_objects(self) -> None:
        stub = Stub(lambda _: httpx.Response(200, content=b'{"id": "1"}\n\n{"id": "2"}'))

        found = list(Billing(stub.client()).statements.charges("S").records())

        assert found == [{"id": "1"}, {"id": "2"}]
        assert stub.asked[0].headers["accept"] == "application/jsonl"

    @pytest.mark.parametrize("status", [406, 501, 200])
    def test_charges_without_a_file_come_page_by_page(self, status: int) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            wants_file = request.headers["accept"] == "application/jsonl"
            return httpx.Response(status, json={}) if wants_file else listing([{"id": "1"}])

        found = list(Billing(Stub(respond).client()).statements.charges("S").records())

        assert found == [{"id": "1"}]

    def test_half_a_file_is_no_file(self) -> None:
        class Half(httpx.SyncByteStream):
            def __iter__(self) -> Any:
                yield b'{"id": "1"}\n{"id'
                raise httpx.RemoteProtocolError("peer closed connection")

        stub = Stub(lambda _: httpx.Response(200, stream=Half()))

        with pytest.raises(Transient):
            list(Billing(stub.client()).statements.charges("S").records())

    def test_the_store_behind_a_redirect_never_sees_the_token(self) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.host == "store.test":
                return httpx.Response(200, content=b"%PDF")
            return httpx.Response(301, headers={"Location": "https://store.test/f?sig=abc"})

        stub = Stub(respond)
        attachments = Billing(stub.client()).invoices.attachments("I")

        with attachments.file("A", "application/pdf") as streamed:
            content = b"".join(streamed.pieces())

        assert content == b"%PDF"
        assert [one.url.host for one in stub.asked][1] == "store.test"
        assert "authorization" not in stub.asked[1].headers

    def test_a_redirect_to_an_open_line_is_not_followed(self) -> None:
        stub = Stub(lambda _: httpx.Response(301, headers={"Location": "http://store.test/f"}))
        attachments = Billing(stub.client()).invoices.attachments("I")

        with pytest.raises(ProtocolError, match="encryption"), attachments.file("A", "text/plain"):
            pass
        assert len(stub.asked) == 1

    def test_a_file_that_is_refused_is_an_error_like_any_other(self) -> None:
        stub = Stub(lambda _: httpx.Response(404, json={"title": "Not found"}))

        with pytest.raises(Rejected, match="Not found"):
            list(Billing(stub.client()).statements.charges("S").records())
