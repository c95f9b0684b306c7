"""The simulated Marketplace: attachments, and charges as files, also very many of them."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from connectors.faults import Fault
from connectors.softwareone.simulator import Marketplace
from tests.connectors.softwareone.visitor import API, JSON_LINES, Visitor, line

PDF = "application/pdf"
STREAM = {"mpt-streaming": "true", "accept": JSON_LINES}


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    marketplace = Marketplace()
    yield marketplace
    assert marketplace.crashes == []


@pytest.fixture
def vendor(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "vendor")


@pytest.fixture
def client(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "client")


def add_file(vendor: Visitor, journal: str, name: str = "Usage", kind: str = PDF) -> httpx.Response:
    return vendor.http.post(
        f"{API}/journals/{journal}/attachments",
        files={
            "attachment": (
                None,
                json.dumps({"name": name, "description": "x"}),
                "application/json",
            ),
            "file": ("usage.pdf", b"%PDF-1.7\r\n--x", kind),
        },
    )


class TestAttachments:
    def test_one_is_made_and_read(self, marketplace: Marketplace, vendor: Visitor) -> None:
        journal = vendor.journal()

        answer = add_file(vendor, journal)

        made = answer.json()
        assert answer.status_code == 201
        assert made["name"] == "Usage"
        assert (made["contentType"], made["size"]) == (PDF, 13)
        path = f"journals/{journal}/attachments"
        assert vendor.ids(path) == [made["id"]]
        assert vendor.read(f"{path}/{made['id']}", accept="application/json") == made
        assert marketplace.calls["create journals/attachments"] == 1

    def test_its_content_is_at_another_host_that_takes_no_token(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        path = f"journals/{journal}/attachments/{add_file(vendor, journal).json()['id']}"

        answer = vendor.get(path, accept=PDF)

        assert answer.status_code == 301
        location = answer.headers["location"]
        assert httpx.URL(location).host != httpx.URL(marketplace.base_url).host
        assert vendor.http.get(location).status_code == 400
        assert marketplace.leaked == [httpx.URL(location).path]
        with httpx.Client(transport=marketplace.transport()) as other:
            assert other.get(location).content == b"%PDF-1.7\r\n--x"
            marketplace.pass_time(timedelta(minutes=6))
            assert other.get(location).status_code == 403

    def test_the_redirect_works_over_sockets(self, marketplace: Marketplace) -> None:
        with marketplace:
            journal = marketplace.add_journal()
            file = marketplace.attach(journal, content=b"hello", kind="Input")
            url = f"{marketplace.base_url}{API}/journals/{journal}/attachments/{file}"
            answer = httpx.get(url, headers=marketplace.headers(accept=PDF), follow_redirects=True)

        assert answer.content == b"hello"
        assert marketplace.leaked == []

    def test_an_invoice_has_its_output_at_once(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        invoice = marketplace.add_invoice()
        file = marketplace.attach(invoice, "invoice.pdf", b"%PDF")
        path = f"invoices/{invoice}/attachments"

        (row,) = client.read(path, "limit=10")["data"]

        assert (row["id"], row["type"], row["isExternal"]) == (file, "Output", True)
        assert client.get(f"{path}/{file}", accept=PDF).content == b"%PDF"
        assert client.get(f"{path}/{file}", accept="image/png").status_code == 406

    def test_a_deleted_one_stays_without_its_content(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        path = f"journals/{journal}/attachments/{add_file(vendor, journal).json()['id']}"

        assert vendor.delete(path).status_code == 204

        assert vendor.read(path, accept="application/json")["isDeleted"] is True
        assert vendor.get(path, accept=PDF).status_code == 404
        assert vendor.delete(path).status_code == 404
        assert [one["isDeleted"] for one in marketplace.attachments(journal)] == [True]

    def test_those_of_the_platform_cannot_be_deleted(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        file = marketplace.attach(journal, kind="Input")

        assert vendor.delete(f"journals/{journal}/attachments/{file}").status_code == 400

    def test_what_is_no_attachment_is_refused(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()

        assert add_file(vendor, journal, kind="application/octet-stream").status_code == 415
        assert add_file(vendor, journal, name="").status_code == 400
        bare = vendor.http.post(f"{API}/journals/{journal}/attachments", files={"file": b"x"})
        assert bare.status_code == 400
        marketplace.change(largest_upload=3)
        assert add_file(vendor, journal).status_code == 413

    def test_one_whose_answer_is_lost_is_there(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        marketplace.faults.arm(Fault.DROP_AFTER, path=".*/attachments")

        with pytest.raises(httpx.RemoteProtocolError):
            add_file(vendor, journal)

        assert [one["name"] for one in marketplace.attachments(journal)] == ["Usage"]


class TestChargeFiles:
    def test_statement_charges_come_as_json_lines(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        statement = marketplace.add_statement(charges=1001, net="-500.00")

        answer = client.get(f"statements/{statement}/charges", accept=JSON_LINES)

        assert answer.headers["content-type"] == JSON_LINES
        rows = [json.loads(text, parse_float=Decimal) for text in answer.text.splitlines()]
        assert len({row["id"] for row in rows}) == 1001
        assert abs(sum(row["price"]["SPx1"] for row in rows) + 500) < Decimal("0.0001")
        assert {row["statementType"] for row in rows} == {"Credit"}
        page = client.read(f"statements/{statement}/charges", "order=id&limit=100&offset=1000")
        assert page["data"] == rows[1000:]
        assert page["$meta"]["pagination"]["total"] == 1001
        one = client.read(f"statements/{statement}/charges/{rows[7]['id']}")
        assert one == rows[7]

    def test_a_filter_goes_for_the_file_too(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        statement = marketplace.add_statement(charges=300)
        path = f"statements/{statement}/charges"
        wanted = client.ids(path, "order=id&limit=2")[1]

        answer = client.get(path, f'eq(id,"{wanted}")&select=-*,id', accept=JSON_LINES)

        assert answer.text == json.dumps({"id": wanted}) + "\n"

    def test_a_platform_without_such_files_answers_a_page(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        marketplace.change(json_lines=False)
        path = f"statements/{marketplace.add_statement()}/charges"

        assert client.get(path, accept=JSON_LINES).status_code == 406
        both = client.get(path, accept=f"{JSON_LINES}, application/json")
        assert both.json()["data"]

    def test_journal_charges_come_as_csv(self, marketplace: Marketplace, vendor: Visitor) -> None:
        journal = vendor.journal()
        vendor.charge(journal, line(marketplace, "E-1"), line(marketplace, 'E "2", x'))

        answer = vendor.get(f"journals/{journal}/charges", accept="text/csv")

        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["Entry ID"] for row in sorted(rows, key=lambda row: row["ID"])] == [
            "E-1",
            'E "2", x',
        ]
        assert rows[0]["Total Purchase Price"] == "10.5"

    def test_a_hundred_thousand_charges_need_no_memory(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = marketplace.add_journal(charges=100_000, net="12345.67")
        headers = {"accept": "text/csv"}
        seen = 0

        tracemalloc.start()
        try:
            path = f"{API}/journals/{journal}/charges"
            with vendor.http.stream("GET", path, headers=headers) as answer:
                for text in answer.iter_bytes():
                    seen += text.count(b"\n")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert seen == 100_001
        assert peak < 3_000_000
        assert marketplace.get(journal)["price"]["totalPP"] == Decimal("12345.67")

    def test_they_break_off_in_the_middle_over_sockets(self, marketplace: Marketplace) -> None:
        statement = marketplace.add_statement(charges=5000)
        marketplace.faults.arm(Fault.TRUNCATED, path=".*/charges")
        pieces: list[bytes] = []
        with marketplace:
            url = f"{marketplace.base_url}{API}/statements/{statement}/charges"
            headers = marketplace.headers("client", accept=JSON_LINES)
            with httpx.stream("GET", url, headers=headers) as answer:
                with pytest.raises(httpx.RemoteProtocolError):
                    pieces.extend(answer.iter_bytes())
                assert answer.status_code == 200
            whole = httpx.get(url, headers=headers)

        assert 0 < b"".join(pieces).count(b"\n") < 5000
        assert whole.text.count("\n") == 5000

    def test_generated_amounts_add_up(self, marketplace: Marketplace) -> None:
        journal = marketplace.add_journal(charges=7, net="100.00")

        assert sum(one["price"]["PPx1"] for one in marketplace.charges(journal)) == 100

    def test_a_journal_of_generated_charges_can_be_billed(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = marketplace.add_journal(charges=20_000, net="1000.00")
        vendor.post(f"journals/{journal}/submit")

        (statement,) = marketplace.bill(journal)

        assert marketplace.get(statement)["status"] == "Issued"
        (invoice,) = marketplace.records("invoices")
        assert invoice["price"]["totalSP"] == 1200
        assert len(invoice["lines"]) == 1


class TestStreams:
    def test_the_header_means_nothing_to_a_platform_that_does_not_know_it(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        marketplace.add_invoice()

        answer = client.get("invoices", "limit=5", **{**STREAM, "accept": f"{JSON_LINES}, */*"})

        assert "mpt-streaming" not in answer.headers
        assert answer.json()["data"]

    def test_all_records_come_with_their_count(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        marketplace.change(streams=True)
        made = [marketplace.add_invoice() for _ in range(120)]

        answer = client.get("invoices", "order=id", **STREAM)

        assert answer.headers["mpt-streaming"] == "true"
        assert answer.headers["mpt-item-count"] == "120"
        rows = [json.loads(text) for text in answer.text.split("\n") if text]
        assert [row["id"] for row in rows] == sorted(made)
        assert answer.text.startswith("\n")
        envelope = client.get("invoices", "limit=3", **{**STREAM, "accept": "application/json"})
        assert len(envelope.json()["data"]) == 3

    def test_too_many_are_refused_and_so_is_another_format(
        self, marketplace: Marketplace, client: Visitor
    ) -> None:
        marketplace.change(streams=True, largest_stream=2)
        invoices = [marketplace.add_invoice() for _ in range(3)]

        assert client.get("invoices", **STREAM).status_code == 413
        assert client.get("invoices", "limit=2", **STREAM).status_code == 200
        other = {**STREAM, "accept": "text/csv"}
        assert client.get("invoices", "limit=2", **other).status_code == 406
        lines = f"invoices/{invoices[0]}/lines"
        assert client.get(lines, **STREAM).status_code == 501
