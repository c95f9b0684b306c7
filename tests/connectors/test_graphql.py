"""GraphQL over HTTP, whoever speaks it."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.base import CallScope
from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, Unavailable
from connectors.graphql import Document, GraphQL, Problem, classify, sendable
from connectors.http import Http

READ = Document("Things", "query Things { things { id } }")
WRITE = Document("Make", "mutation Make { make { id } }")


def refused(problems: Sequence[Problem], _response: httpx.Response, _wrote: bool) -> ConnectorError:
    return Rejected("; ".join(one.message for one in problems), code=problems[0].code)


def endpoint(*answers: Any) -> tuple[GraphQL, list[dict[str, Any]]]:
    """An endpoint that gives these answers, and what it was asked."""
    asked: list[dict[str, Any]] = []
    waiting = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        body = waiting.pop(0)
        if isinstance(body, Exception):
            raise body
        return httpx.Response(200, json=body, headers={"date": "Sat, 21 Nov 2026 04:00:00 GMT"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    http = Http(client, "http://there.test", CallScope("test"), classify=classify(refused))
    return GraphQL(http), asked


class TestRun:
    def test_the_operation_its_variables_and_its_name_are_sent(self) -> None:
        graphql, asked = endpoint({"data": {"things": []}})

        graphql.run(READ, {"first": 5})

        assert asked == [{"operationName": "Things", "query": READ.text, "variables": {"first": 5}}]

    def test_the_answers_data_and_clock_are_given(self) -> None:
        graphql, _ = endpoint({"data": {"things": [1]}})

        answer = graphql.run(READ)

        assert answer.data == {"things": [1]}
        assert answer.moment is not None
        assert answer.moment.hour == 4

    def test_a_query_is_asked_again_when_the_connection_breaks(self) -> None:
        broken = httpx.ReadError("gone")
        graphql, asked = endpoint(broken, {"data": {"things": []}})

        graphql.run(READ)

        assert len(asked) == 2

    def test_a_mutation_is_sent_once_and_its_outcome_is_unknown(self) -> None:
        graphql, asked = endpoint(httpx.ReadError("gone"))

        with pytest.raises(OutcomeUnknown):
            graphql.run(WRITE)

        assert len(asked) == 1

    def test_errors_are_what_the_connector_says(self) -> None:
        problem = {"message": "no", "extensions": {"code": "N1"}}
        graphql, _ = endpoint({"errors": [problem], "data": {"make": None}})

        with pytest.raises(Rejected) as caught:
            graphql.run(WRITE)

        assert (caught.value.message, caught.value.code) == ("no", "N1")

    def test_errors_beside_a_result_leave_the_outcome_unknown(self) -> None:
        graphql, _ = endpoint({"errors": [{"message": "no"}], "data": {"make": {"id": "1"}}})

        with pytest.raises(OutcomeUnknown):
            graphql.run(WRITE)

    @pytest.mark.parametrize("body", [{}, [], None, {"data": None}, {"data": 7}, "text"])
    def test_what_is_no_graphql_answer_is_unknown_after_a_write(self, body: Any) -> None:
        graphql, _ = endpoint(body)

        with pytest.raises(OutcomeUnknown):
            graphql.run(WRITE)

    def test_what_is_no_graphql_answer_is_somebody_else_after_a_read(self) -> None:
        graphql, _ = endpoint({"ok": True})

        with pytest.raises(Unavailable):
            graphql.run(READ)


class TestSendable:
    @pytest.mark.parametrize(
        ("amount", "written"),
        [("100", "100"), ("12.34", "12.34"), ("0.1", "0.1"), ("-5.50", "-5.5"), ("1E+2", "100")],
    )
    def test_decimals_are_the_same_numbers_in_json(self, amount: str, written: str) -> None:
        assert json.dumps(sendable({"a": [Decimal(amount)]})) == f'{{"a": [{written}]}}'

    def test_a_number_that_json_cannot_carry_is_refused(self) -> None:
        with pytest.raises(Rejected):
            sendable(Decimal("12345678901234567.89"))
