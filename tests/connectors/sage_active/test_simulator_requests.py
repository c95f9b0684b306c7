"""Requests to the simulated Sage Active: limits, faults on the way, and what is no GraphQL."""

import json
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema, build_schema, print_schema, validate_schema

from connectors.faults import Fault
from connectors.sage_active.simulation.operations import MUTATIONS
from connectors.sage_active.simulation.schema import schema
from connectors.sage_active.simulator import SageActiveLedger, with_errors
from tests.connectors.sage_active.asking import Asker

ME = "{ userProfile { id fullName } }"
CALLBACK = "https://us.example/callback"


@pytest.fixture
def ledger() -> SageActiveLedger:
    return SageActiveLedger()


@pytest.fixture
def fr(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.fr)


class TestLimits:
    def test_requests_per_minute_are_counted_over_both_keys(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.change(requests_per_minute=2)
        fr.post(ME)
        fr.headers["x-api-key"] = ledger.rules.secondary_key
        fr.post(ME)

        answer = fr.post(ME)

        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
        ledger.pass_time(timedelta(minutes=1))
        assert fr.post(ME).status_code == 200

    def test_wide_query_at_a_large_page_is_too_complex(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.change(cost_limit=20_000)
        document = "query($n: Int) { customers(first: $n) { nodes { id code socialName } } }"

        within, over = fr.post(document, n=200).json(), fr.post(document, n=500).json()

        assert "errors" not in within
        assert over["errors"][0]["extensions"]["code"] == "HC0047"
        assert over["errors"][0]["extensions"]["allowedComplexity"] == 20_000

    def test_figures_of_the_cost_go_by_older_names_too(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.change(cost_limit=10, old_cost_words=True)

        body = fr.post("query($n: Int = 500) { customers(first: $n) { nodes { id } } }").json()

        figures = {"code": "HC0047", "fieldCost": 10_010, "maxFieldCost": 10}
        assert body["errors"][0]["extensions"] == figures

    def test_hundred_and_thirty_fields_fit_at_five_hundred_rows(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        some = " ".join(f"f{number}: id" for number in range(128))
        more = " ".join(f"f{number}: id" for number in range(131))

        assert (
            "errors" not in fr.post(f"{{ customers(first: 500) {{ nodes {{ {some} }} }} }}").json()
        )
        assert "errors" in fr.post(f"{{ customers(first: 500) {{ nodes {{ {more} }} }} }}").json()
        assert ledger.costs["customers"] > 650_000

    def test_more_than_ten_mutations_at_once_are_turned_away(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        given, statuses = fr.invoice(), []
        lock = threading.Lock()

        def write() -> None:
            status = fr.send("createSalesInvoice", given).status_code
            with lock:
                statuses.append(status)

        threads = [threading.Thread(target=write) for _ in range(12)]
        with ledger.lock:  # nobody gets through until all have come
            for thread in threads:
                thread.start()
            while ledger.requests["POST /graphql"] < 12:
                pass
        for thread in threads:
            thread.join()

        assert sorted(statuses) == [200] * 10 + [429] * 2
        assert ledger.peak_mutations > 10
        assert len(ledger.fr.rows("salesInvoices", sourceType="PUBLIC_API")) == 10


class TestFaults:
    @pytest.mark.parametrize(
        "fault", [Fault.DROP_BEFORE, Fault.ERROR_BEFORE, Fault.AWAY, Fault.THROTTLE, Fault.EXPIRED]
    )
    def test_nothing_is_written_by_a_fault_before_commit(
        self, ledger: SageActiveLedger, fr: Asker, fault: Fault
    ) -> None:
        ledger.arm(fault, "createSalesInvoice")

        status = answer_to(fr)

        assert status in {None, 401, 429, 500, 503}
        assert ledger.fr.documents_with("salesInvoices", "OUR-1") == []
        assert ledger.calls["createSalesInvoice"] == 0

    @pytest.mark.parametrize(
        "fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE, Fault.TRUNCATED]
    )
    def test_it_is_written_although_the_answer_is_lost(
        self, ledger: SageActiveLedger, fr: Asker, fault: Fault
    ) -> None:
        ledger.arm(fault, "createSalesInvoice")

        answer_to(fr)

        (found,) = ledger.fr.documents_with("salesInvoices", "OUR-1")
        assert found["status"] == "Pending"
        assert ledger.calls["createSalesInvoice"] == 1

    @pytest.mark.parametrize("operation", sorted(MUTATIONS))
    def test_every_mutation_can_fail(
        self, ledger: SageActiveLedger, fr: Asker, operation: str
    ) -> None:
        ledger.arm(Fault.ERROR_BEFORE, operation)

        assert fr.send(operation, {}).status_code == 500
        assert ledger.faults.armed == 0

    def test_slow_commit_comes_after_the_connection_broke(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.arm(Fault.SLOW_COMMIT, "createSalesInvoice", seconds=0.01)

        assert answer_to(fr) is None
        ledger.faults.settle()
        assert len(ledger.fr.documents_with("salesInvoices", "OUR-1")) == 1

    def test_same_write_twice_is_there_twice(self, ledger: SageActiveLedger, fr: Asker) -> None:
        answer_to(fr)
        answer_to(fr)

        assert len(ledger.fr.documents_with("salesInvoices", "OUR-1")) == 2
        ((company, table, key),) = ledger.twice()
        assert (company, table) == ("FR", "salesInvoices")
        assert "OUR-1" in key

    def test_fault_hits_its_operation_only(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.arm(Fault.ERROR_BEFORE, "customers")

        assert fr.post("{ suppliers { nodes { id } } }").status_code == 200
        assert fr.post("{\n  suppliers { nodes { id } }\ncustomers{nodes{id}}}").status_code == 500

    def test_query_may_answer_with_data_and_errors(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.arm(Fault.CHANGED, "customers", change=with_errors())

        body = fr.post("{ customers { nodes { id } } }").json()

        assert body["data"]["customers"]["nodes"]
        assert body["errors"][0]["extensions"]["code"] == "EXEC_INTERNAL_ERROR"

    def test_throttle_says_how_long_to_wait(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.arm(Fault.THROTTLE, "userProfile", retry_after=7)

        answer = fr.post(ME)

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def answer_to(fr: Asker) -> int | None:
    try:
        return fr.send("createSalesInvoice", fr.invoice(externalReference="OUR-1")).status_code
    except httpx.TransportError:
        return None


class TestGraphQL:
    def test_schema_is_valid(self) -> None:
        whole: GraphQLSchema = build_schema(print_schema(schema()))

        assert validate_schema(whole) == []

    @pytest.mark.parametrize(
        ("document", "variables"),
        [
            ("{ customers { nodes { unicorn } } }", {}),
            ("{ unicorns { id } }", {}),
            ("{ customers(where: {code: {eq: 1}}) { nodes { id } } }", {}),
            ("{ customers(order: [{code: UP}]) { nodes { id } } }", {}),
            ('{ customers(where: {id: {eq: "7"}}) { nodes { id } } }', {}),
            ("query($n: Int!) { customers(first: $n) { nodes { id } } }", {}),
            ("query($n: Int!) { customers(first: $n) { nodes { id } } }", {"n": "many"}),
            ("{ accountingAccounts(where: {description: {eq: null}}) { nodes { id } } }", {}),
            ("{ customers { nodes { id } }", {}),
        ],
    )
    def test_malformed_request_is_400(
        self, fr: Asker, document: str, variables: dict[str, Any]
    ) -> None:
        answer = fr.post(document, **variables)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"]

    @pytest.mark.parametrize(
        "change",
        [
            {"unicorn": 1},
            {"customerId": None},
            {"documentDate": "yesterday"},
            {"lines": [{"totalQuantity": "2"}]},
            {"documentLanguage": "LATIN"},
        ],
    )
    def test_malformed_input_is_400_and_writes_nothing(
        self, ledger: SageActiveLedger, fr: Asker, change: dict[str, Any]
    ) -> None:
        answer = fr.send("createSalesInvoice", {**fr.invoice(), **change})

        assert answer.status_code == 400
        assert ledger.fr.rows("salesInvoices", sourceType="PUBLIC_API") == []

    def test_decimals_are_json_numbers(self, fr: Asker) -> None:
        answer = fr.post("{ taxes { nodes { percentage } } }")

        assert '"percentage": 5.5' in answer.text
        assert json.loads(answer.text)

    def test_address_that_nobody_knows_is_refused(self, fr: Asker) -> None:
        assert fr.client.get("/graphql").status_code == 404
        assert fr.client.post("/other").status_code == 404
