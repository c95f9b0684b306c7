"""The simulated Marketplace: filters, orders, selections, pages."""

from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from connectors.softwareone.simulator import Marketplace
from tests.connectors.softwareone.visitor import API, Visitor, said

AUDIT = "select=audit&limit=100&"


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    """Four invoices: A (100 + 21 %, paid), B (200), C (300, to another buyer), D'Or (50, overdue)."""
    marketplace = Marketplace()
    marketplace.add_invoice(number="A-1", net="100.00", status="Paid", date=date(2026, 1, 10))
    marketplace.add_invoice(number="B-2", net="200.00", date=date(2026, 2, 10))
    marketplace.add_invoice(
        number="C*3",
        lines=[{"net": "300.00", "description": "Support"}],
        buyer=marketplace.known.second_buyer,
        date=date(2026, 3, 10),
    )
    marketplace.add_invoice(number="D'Or", net="50.00", status="Overdue", yourReference=None)
    yield marketplace
    assert marketplace.crashes == []


@pytest.fixture
def client(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "client")


def numbers(client: Visitor, query: str) -> list[str]:
    """Document numbers that a filter finds, sorted."""
    rows = client.read("invoices", f"{query}&limit=100")["data"]
    return sorted(row["documentNo"] for row in rows)


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ('eq(documentNo,"A-1")', ["A-1"]),
            ("eq(documentNo,'A-1')", ["A-1"]),
            ('documentNo="A-1"', ["A-1"]),
            ('DOCUMENTNO="A-1"', ["A-1"]),
            ('eq(documentNo,"D\'Or")', ["D'Or"]),
            ('eq(documentNo,"a-1")', []),
            ('ne(status,"Issued")', ["A-1", "D'Or"]),
            ("gt(price.totalSP,100)", ["B-2", "C*3"]),
            ("ge(price.totalSP,100.00)", ["A-1", "B-2", "C*3"]),
            ('lt(price.totalSP,"100")', ["D'Or"]),
            ("le(price.totalSP,100)", ["A-1", "D'Or"]),
            ('in(status,("Paid","Overdue"))', ["A-1", "D'Or"]),
            ('out(status,("Paid","Overdue"))', ["B-2", "C*3"]),
            ('like(documentNo,"*-*")', None),
            ('like(documentNo,"A*")', ["A-1"]),
            ('like(documentNo,"a*")', []),
            ('ilike(documentNo,"a*")', ["A-1"]),
            ('like(documentNo,"*r")', ["D'Or"]),
            ('like(documentNo,"B-2")', ["B-2"]),
            ('like(documentNo,"C\\*3")', ["C*3"]),
            ('like(documentNo,"*\\**")', ["C*3"]),
            ('and(eq(status,"Paid"),gt(price.totalGT,100))', ["A-1"]),
            ('or(eq(status,"Paid"),eq(status,"Overdue"))', ["A-1", "D'Or"]),
            ('not(eq(status,"Paid"))', ["B-2", "C*3", "D'Or"]),
            ('eq(status,"Issued")&gt(price.totalSP,200)', ["C*3"]),
            ('eq(status,"Issued"),gt(price.totalSP,200)', ["C*3"]),
            ('eq(status,"Paid");eq(status,"Overdue")', ["A-1", "D'Or"]),
            ('eq(status,"Paid")|eq(status,"Overdue")', ["A-1", "D'Or"]),
            ('(eq(status,"Paid")|eq(status,"Overdue"))&lt(price.totalSP,60)', ["D'Or"]),
            ('any(lines,eq(description,"Support"))', ["C*3"]),
            ("all(lines,lt(lineAmount,150))", ["A-1", "D'Or"]),
            ("eq(erpData.yourReference,null())", ["D'Or"]),
            ("ne(erpData.yourReference,empty())", ["A-1", "B-2", "C*3"]),
            ("eq(statement,null())", ["A-1", "B-2", "C*3", "D'Or"]),
            ('ge(erpData.documentDate,"2026-02-10T00:00:00.000Z")', ["B-2", "C*3", "D'Or"]),
            ("eq(documentNo,erpData.documentNo)", ["A-1", "B-2", "C*3", "D'Or"]),
            ("ne(price.totalSP,price.totalGT)", ["A-1", "B-2", "C*3", "D'Or"]),
        ],
    )
    def test_a_filter_keeps_the_rows_that_fit(
        self, client: Visitor, query: str, expected: list[str] | None
    ) -> None:
        if expected is None:
            assert numbers(client, query) == ["A-1", "B-2"]
        else:
            assert numbers(client, query) == expected

    @pytest.mark.parametrize(
        ("query", "detail"),
        [
            ("between(price.totalSP,1,2)", "Unknown expression group."),
            ("filter(group.buyers)", "Unknown expression group."),
            ("eq(status,now())", "Unknown expression group."),
            ('eq(colour,"red")', "Invalid property path."),
            ('colour="red"', "Invalid property path."),
            ('eq(buyer,"BUY-1")', "Invalid property path."),
            ('eq(lines.description,"x")', "Invalid property path."),
            ('any(buyer,eq(id,"x"))', "Invalid property path."),
            ("gt(price.totalPP,1)", "Invalid property path."),
            ("order=colour", "Invalid property path."),
            ("gt(price.totalSP,much)", "Cannot convert value"),
            ('ge(erpData.dueDate,"soon")', "Cannot convert value"),
            ("gt(price.totalSP,null())", "Cannot convert value"),
            ("like(price.totalSP,'1*')", "Cannot convert value"),
            ("in(status,())", "The list of values is empty."),
            ('like(documentNo,"A*1")', "A '*' stands only at the start or at the end."),
            ('eq(documentNo,"A-1)', "A quoted value does not end."),
            ('eq(status,"a")&not(eq(status,"a"),eq(status,"b"))', "'not' takes one expression."),
            (
                'eq(status,"a")|eq(status,"b"),eq(status,"c")',
                "'and' and 'or' signs side by side need brackets.",
            ),
            (
                'rql=eq(status,"Paid")',
                "The filter is the query string itself, without 'rql='.",
            ),
            ("limit=ten", "'limit' is a number from 0."),
            ("limit=1&limit=2", "'limit' was given twice."),
        ],
    )
    def test_what_it_does_not_understand_is_refused(
        self, client: Visitor, query: str, detail: str
    ) -> None:
        assert said(client.get("invoices", query)) == (400, detail)

    @pytest.mark.parametrize(
        "query",
        [
            "eq(status",
            "eq(status,",
            "eq()",
            "eq(status)",
            'eq(status,"a"',
            'eq(status,"a"))',
            "and()",
            "()",
            '"a"',
            "eq(status,(1,2))",
            "in(status,1)",
            "status",
            "=",
            'x"="',
        ],
    )
    def test_what_is_no_expression_is_refused(self, client: Visitor, query: str) -> None:
        assert client.get("invoices", query).status_code == 400

    def test_an_unquoted_word_that_is_a_property_is_compared_as_one(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        marketplace.add_invoice(number="status")

        assert numbers(client, 'eq(documentNo,"status")') == ["status"]
        assert numbers(client, "eq(documentNo,status)") == []

    def test_unquoted_ids_find_nothing(self, client: Visitor, marketplace: Marketplace) -> None:
        invoice = marketplace.add_invoice()

        assert client.ids("invoices", f'eq(id,"{invoice}")') == [invoice]
        assert client.ids("invoices", f"eq(id,{invoice})") == []

    def test_times_in_other_forms_find_nothing(self, client: Visitor) -> None:
        assert numbers(client, 'ge(erpData.documentDate,"2026-01-01T00:00:00Z")') == []

    def test_signs_inside_of_quotes_mean_nothing(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        marketplace.add_invoice(number="a&b,(c)|d;e=f")

        assert numbers(client, 'eq(documentNo,"a%26b,(c)|d;e=f")') == ["a&b,(c)|d;e=f"]


class TestAudit:
    def test_a_filter_on_it_without_selecting_it_is_refused(self, client: Visitor) -> None:
        query = 'ge(audit.updated.at,"2026-01-01T00:00:00.000Z")'

        assert client.get("invoices", query).status_code == 400
        assert client.get("invoices", "order=-audit.created.at").status_code == 400
        assert len(numbers(client, f"{query}&select=audit")) == 4

    def test_it_may_be_ignored_instead(self, client: Visitor, marketplace: Marketplace) -> None:
        query = 'and(ge(audit.updated.at,"2999-01-01T00:00:00.000Z"),eq(status,"Paid"))'

        marketplace.change(audit_filters="ignored")
        assert numbers(client, query) == ["A-1"]
        marketplace.change(audit_filters="kept")
        assert numbers(client, query) == []

    def test_a_change_moves_it(self, client: Visitor, marketplace: Marketplace) -> None:
        first = client.ids("invoices", f"{AUDIT}order=audit.updated.at,id")[0]
        row = client.read(f"invoices/{first}", "select=audit")
        marketplace.edit(first, erpData__yourReference="another")

        changed = client.read(f"invoices/{first}", "select=audit")
        found = client.ids("invoices", f"{AUDIT}order=audit.updated.at,id")

        assert found[-1] == first
        assert changed["revision"] == row["revision"] + 1
        assert changed["audit"]["updated"]["at"] > row["audit"]["updated"]["at"]
        assert changed["audit"]["created"] == row["audit"]["created"]


class TestPages:
    def test_they_say_where_they_are(self, client: Visitor) -> None:
        page = client.read("invoices", "order=documentNo&limit=3&offset=3")

        assert page["$meta"] == {
            "pagination": {"offset": 3, "limit": 3, "total": 4},
            "omitted": ["lines"],
        }
        assert [row["documentNo"] for row in page["data"]] == ["D'Or"]

    def test_a_limit_over_a_hundred_is_cut(self, client: Visitor) -> None:
        page = client.read("invoices", "limit=1000")

        assert page["$meta"]["pagination"]["limit"] == 100

    def test_no_rows_are_asked_for_to_learn_the_total(self, client: Visitor) -> None:
        page = client.read("invoices", "limit=0")

        assert page["$meta"]["pagination"] == {"offset": 0, "limit": 0, "total": 4}
        assert page["data"] == []

    def test_without_a_limit_there_are_few(self, client: Visitor, marketplace: Marketplace) -> None:
        marketplace.change(default_limit=2)

        assert len(client.read("invoices")["data"]) == 2

    def test_orders_go_up_and_down(self, client: Visitor) -> None:
        rows = client.read("invoices", "order=-status,+price.totalSP&limit=100")["data"]

        assert [row["documentNo"] for row in rows] == ["A-1", "D'Or", "B-2", "C*3"]

    def test_rows_that_no_order_tells_apart_come_differently(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        loose = {tuple(client.ids("invoices", "order=type&limit=100")) for _ in range(20)}
        tied = {tuple(client.ids("invoices", "order=type,id&limit=100")) for _ in range(20)}

        assert len(loose) > 1
        assert len(tied) == 1
        marketplace.change(unstable_order=False)
        assert len({tuple(client.ids("invoices")) for _ in range(20)}) == 1


class TestSelections:
    @pytest.mark.parametrize(
        ("select", "names", "omitted"),
        [
            ("lines", {"id", "lines", "audit", "price"}, None),
            ("%2Blines", {"id", "lines", "audit", "price"}, None),
            ("+lines", {"id", "lines", "audit", "price"}, None),
            ("-*,id", {"id"}, "many"),
            ("-*,+price.totalSP,+buyer.id", {"price", "buyer"}, "many"),
            ("-audit,colour", {"id", "price"}, ["lines", "audit"]),
        ],
    )
    def test_members_come_and_go(
        self, client: Visitor, select: str, names: set[str], omitted: object
    ) -> None:
        page = client.read("invoices", f"select={select}&limit=1")

        (row,) = page["data"]
        assert names <= row.keys()
        if omitted == "many":
            assert row.keys() == names
        else:
            assert page["$meta"].get("omitted") == omitted

    def test_parts_of_members_come_alone(self, client: Visitor) -> None:
        (row,) = client.read("invoices", "select=-*,price.totalSP,lines.id&limit=1")["data"]

        assert row["price"].keys() == {"totalSP"}

    def test_lists_leave_lines_out_and_single_reads_do_not(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        (row,) = client.read("invoices", "limit=1")["data"]

        assert "lines" not in row
        assert "lines" in client.read(f"invoices/{row['id']}")
        marketplace.change(omits_lines=False)
        assert "lines" in client.read("invoices", "limit=1")["data"][0]

    def test_journals_leave_their_audit_out(self, marketplace: Marketplace) -> None:
        vendor = Visitor(marketplace, "vendor")
        journal = vendor.journal()

        page = vendor.read("journals", "limit=1")

        assert page["$meta"]["omitted"] == ["audit"]
        assert "audit" not in page["data"][0]
        assert "audit" not in vendor.read(f"journals/{journal}")
        assert vendor.read(f"journals/{journal}", "select=audit")["audit"].keys() == {
            "created",
            "updated",
            "draft",
        }

    def test_a_single_record_takes_no_filter(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        invoice = marketplace.add_invoice()

        assert client.get(f"invoices/{invoice}", "limit=1").status_code == 400
        assert client.get(f"invoices/{invoice}", 'eq(id,"x")').status_code == 400

    def test_members_without_a_value_are_left_out(
        self, client: Visitor, marketplace: Marketplace
    ) -> None:
        invoice = marketplace.add_invoice(yourReference=None)

        assert "yourReference" not in client.read(f"invoices/{invoice}")["erpData"]

    def test_only_json_is_answered(self, client: Visitor) -> None:
        assert client.get("invoices", accept="text/csv").status_code == 406

    def test_a_query_of_httpx_arrives(self, client: Visitor, marketplace: Marketplace) -> None:
        """Quotes and brackets percent-encoded, as clients do."""
        url = httpx.URL(f'{marketplace.base_url}{API}/invoices?eq(status,"Paid")&limit=5')

        answer = client.http.get(url)

        assert [row["documentNo"] for row in answer.json()["data"]] == ["A-1"]
