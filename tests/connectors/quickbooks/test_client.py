"""What goes out and what comes in: versions, numbers, tokens, long queries, odd batches."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.base import READS, Failed, LimitScope, Operation
from connectors.errors import AuthorizationLost, OutcomeUnknown, Unavailable
from connectors.faults import Fault
from connectors.quickbooks import SPEC
from connectors.quickbooks.answers import as_json, query_of, stamp
from connectors.quickbooks.client import Client, Write
from connectors.quickbooks.entities import Entity, place_of, platform_id
from connectors.quickbooks.settings import QuickBooksSettings
from connectors.quickbooks.values import quoted
from models.canonical import ObjectType
from tests.connectors.quickbooks.bench import QuickBooksBench


def answering(bench: QuickBooksBench, answer: Any, *, status: int = 200) -> Client:
    """A client whose calls are all answered in one way."""

    def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=answer, request=request)

    http = httpx.Client(transport=httpx.MockTransport(answered))
    return Client(replace(bench.config(), http=http))


class TestRequests:
    def test_every_call_names_the_minor_version(self, uk: QuickBooksBench) -> None:
        cursor = [page.cursor for page in uk.connector().pull(ObjectType.INVOICE, None)][-1]
        list(uk.connector().pull(ObjectType.INVOICE, cursor))
        item, done = uk.push(uk.invoice())
        uk.push(uk.entry())
        void = replace(item, operation=Operation.VOID, key="a" * 32)
        uk.accepted(replace(void, platform_id=done.platform_id, version=done.version))  # type: ignore[union-attr]  # accepted

        versions = {one.query.get("minorversion") for one in uk.quickbooks.traffic.log}

        assert versions == {"75"}

    def test_a_long_query_is_posted(self, uk: QuickBooksBench) -> None:
        items = [uk.item(uk.invoice(number=f"INV-{'x' * 12}{one:03}")) for one in range(100)]

        found = uk.connector().find(ObjectType.INVOICE, items)

        assert len(found) == 100
        (posted,) = [
            one
            for one in uk.quickbooks.traffic.log
            if one.path.endswith("/query") and one.method == "POST"
        ]
        assert posted.headers["content-type"] == "application/text"

    def test_amounts_are_exact_both_ways(self, uk: QuickBooksBench) -> None:
        line = uk.line("0.30", quantity=Decimal(3), unit_price=Decimal("0.1"))

        done = uk.accepted(uk.invoice(lines=[line]))

        sent = uk.quickbooks.traffic.log[-1].body
        assert b'"Amount":0.3,' in sent
        assert done.totals.total == Decimal("0.36")

    def test_a_token_that_ended_is_renewed_once(self, uk: QuickBooksBench) -> None:
        old = uk.config()
        uk.quickbooks.expire_access_tokens()
        asked: list[str] = []

        def renew(refused: SecretStr) -> SecretStr:
            asked.append(refused.get_secret_value())
            return SecretStr(uk.quickbooks.credentials(uk.company)["access_token"])

        identity = SPEC.build(replace(old, renew=renew)).check()

        assert identity.organisation_id == uk.company.realm
        assert len(asked) == 1

    def test_a_withdrawn_consent_is_said(self, uk: QuickBooksBench) -> None:
        connector = uk.connector()
        uk.quickbooks.revoke_consent()

        with pytest.raises(AuthorizationLost):
            connector.check()

    def test_whose_books_these_are_takes_one_call(self, uk: QuickBooksBench) -> None:
        identity = uk.connector().check()

        assert uk.scope.calls == 1
        assert identity.organisation_id == uk.company.realm
        assert identity.organisation_name == uk.company.name
        assert identity.base_currency == "GBP"


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"BatchItemResponse": []},
            {"BatchItemResponse": [{"bId": "other", "Invoice": {"Id": "1"}}]},
            {"BatchItemResponse": [{"Invoice": {}}, 7]},
        ],
    )
    def test_items_that_are_not_answered_are_unknown(
        self, uk: QuickBooksBench, answer: Any
    ) -> None:
        writes = [Write(Entity.INVOICE, "create", {}, key * 32) for key in "ab"]

        results = answering(uk, answer).write(writes)

        assert [type(one) for one in results] == [OutcomeUnknown] * 2

    def test_a_list_that_is_missing_altogether_is_empty(self, uk: QuickBooksBench) -> None:
        client = answering(uk, {"QueryResponse": {}, "time": "2026-09-14T01:00:00-08:00"})

        rows = client.query(Entity.INVOICE)

        assert rows.values == []
        assert rows.moment == datetime(2026, 9, 14, 9, tzinfo=UTC)

    @pytest.mark.parametrize("answer", [{}, [], {"QueryResponse": {"Invoice": {}}}])
    def test_a_list_that_is_no_list_is_no_answer(self, uk: QuickBooksBench, answer: Any) -> None:
        with pytest.raises(Unavailable):
            answering(uk, answer).query(Entity.INVOICE)

    def test_no_changes_are_an_empty_answer(self, uk: QuickBooksBench) -> None:
        client = answering(uk, {"CDCResponse": [{"QueryResponse": [{}]}]})

        found, objects = client.changes([Entity.BILL], datetime.now(UTC))

        assert (found[Entity.BILL].values, objects) == ([], 0)

    def test_items_without_keys_are_numbered(self, uk: QuickBooksBench) -> None:
        sent: list[Any] = []

        def noted(request: httpx.Request) -> httpx.Response:
            sent.append(json.loads(request.content))
            return httpx.Response(200, json={}, request=request)

        http = httpx.Client(transport=httpx.MockTransport(noted))
        client = Client(replace(uk.config(), http=http))
        client.write([Write(Entity.BILL, "create", {}, "same" * 8) for _ in range(2)])

        assert [one["bId"] for one in sent[0]["BatchItemRequest"]] == ["0", "1"]

    def test_one_who_is_away_in_the_middle_of_a_batch_leaves_it_unknown(
        self, uk: QuickBooksBench
    ) -> None:
        connector = uk.connector()
        connector.check()
        items = [uk.item(uk.entry()) for _ in range(3)]
        uk.arm(Fault.AWAY, writes=True)

        results = connector.push(ObjectType.JOURNAL_ENTRY, items)

        assert all(
            isinstance(one, Failed) and isinstance(one.error, OutcomeUnknown) for one in results
        )


class TestValues:
    @pytest.mark.parametrize(
        ("text", "written"),
        [("plain", "'plain'"), ("O'Hara", "'O\\'Hara'"), ("a\\' or", "'a\\\\\\' or'")],
    )
    def test_texts_are_quoted(self, text: str, written: str) -> None:
        assert quoted(text) == written

    def test_times_name_their_offset(self) -> None:
        assert stamp(datetime(2026, 9, 14, 12, tzinfo=UTC)) == "2026-09-14T12:00:00+00:00"

    def test_queries_read_like_quickbooks(self) -> None:
        assert query_of(Entity.BILL, "Id in ('1')", "maxresults 5") == (
            "select * from Bill where Id in ('1') maxresults 5"
        )

    def test_numbers_are_plain(self) -> None:
        assert as_json({"a": Decimal("1E+2"), "b": [Decimal("0.10")]}) == b'{"a":100,"b":[0.1]}'

    def test_ids_of_two_lists_differ(self) -> None:
        kept = platform_id(Entity.VENDOR, "7")

        assert kept != platform_id(Entity.CUSTOMER, "7")
        assert place_of(kept, Entity.CUSTOMER) == (Entity.VENDOR, "7")
        assert place_of("7", Entity.INVOICE) == (Entity.INVOICE, "7")


class TestSpec:
    def test_metered_reads_count_for_the_whole_app_and_can_be_left_out(self) -> None:
        (metered,) = [one for one in SPEC.limits.windows if one.counts == READS]
        without = SPEC.of({"reads_per_month": None}).limits.windows
        enlarged = SPEC.of({"reads_per_month": 1_000_000}).limits.windows

        assert (metered.amount, metered.scope) == (500_000, LimitScope.APP)
        assert not [one for one in without if one.counts == READS]
        assert [one.amount for one in enlarged if one.counts == READS] == [1_000_000]

    def test_batches_are_counted_besides(self) -> None:
        (batches,) = [one for one in SPEC.limits.windows if one.counts == "batch"]

        assert (batches.seconds, batches.amount) == (60, 40)

    def test_the_consent_keeps_the_company(self) -> None:
        assert SPEC.oauth is not None
        assert SPEC.oauth.callback_keeps == ("realmId",)
        assert SPEC.oauth.scopes == ("com.intuit.quickbooks.accounting",)
        assert not SPEC.oauth.secret_in_body

    def test_nothing_must_be_set(self) -> None:
        assert QuickBooksSettings() == QuickBooksSettings.model_validate({})

    def test_payments_use_credits(self) -> None:
        push = SPEC.pushes(ObjectType.PAYMENT)

        assert push is not None
        assert (push.credits, push.refunds) == (True, False)
