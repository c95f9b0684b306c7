"""The simulated Apideck: who may come in, the Vault, limits, faults, keys, webhooks."""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.apideck.simulator import PROFILES, Apideck, Keys, sandbox
from connectors.faults import Fault
from tests.connectors.apideck.desk import Desk, said

UNIFY = "/accounting/invoices"


@pytest.fixture
def profile() -> str:
    return "xero"


@pytest.fixture
def apideck(profile: str) -> Iterator[Apideck]:
    apideck = Apideck(profile)
    yield apideck
    assert apideck.crashes == []


@pytest.fixture
def desk(apideck: Apideck) -> Iterator[Desk]:
    desk = Desk(apideck)
    yield desk
    desk.http.close()


def asked(apideck: Apideck, without: str = "", **headers: str) -> httpx.Response:
    """Ask for invoices with headers of one's own."""
    sent = apideck.headers(**headers)
    sent.pop(without, None)
    with httpx.Client(base_url=apideck.base_url, transport=apideck.transport()) as http:
        return http.get(UNIFY, headers=sent)


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "answer"),
        [
            ("authorization", (401, "UnauthorizedError")),
            ("x-apideck-app-id", (401, "UnauthorizedError")),
            ("x-apideck-consumer-id", (400, "RequestHeadersValidationError")),
        ],
    )
    def test_what_must_be_sent(
        self, apideck: Apideck, header: str, answer: tuple[int, str]
    ) -> None:
        assert said(asked(apideck, without=header)) == answer

    @pytest.mark.parametrize("wrong", ["Bearer x", "Basic x", "x", ""])
    def test_only_the_key_opens(self, apideck: Apideck, wrong: str) -> None:
        assert said(asked(apideck, authorization=wrong)) == (401, "UnauthorizedError")

    def test_a_service_must_be_named_where_there_are_two(self, apideck: Apideck) -> None:
        assert asked(apideck, without="x-apideck-service-id").status_code == 200

        apideck.connect("quickbooks")

        answer = asked(apideck, without="x-apideck-service-id")
        assert said(answer) == (400, "RequestHeadersValidationError")

    def test_a_service_that_is_not_connected_is_refused(self, apideck: Apideck) -> None:
        answer = asked(apideck, x_apideck_service_id="sage-intacct")

        assert said(answer) == (401, "ConnectionNotFoundError")

    def test_two_consumers_have_books_of_their_own(self, apideck: Apideck) -> None:
        apideck.connect("xero", consumer_id="another")
        apideck.enter_invoice()

        assert len(asked(apideck).json()["data"]) == 1
        assert asked(apideck, x_apideck_consumer_id="another").json()["data"] == []

    def test_every_answer_has_a_request_id(self, apideck: Apideck) -> None:
        answer = asked(apideck)

        assert answer.headers["x-apideck-request-id"] == answer.headers["request-id"]

    def test_a_rotated_key_is_the_only_one(self, apideck: Apideck, desk: Desk) -> None:
        apideck.rotate_key()

        assert desk.get("invoices").status_code == 401
        assert asked(apideck).status_code == 200

    def test_a_company_is_selected_where_there_are_several(self) -> None:
        apideck = Apideck("netsuite")
        first, second = apideck.connection.books.company_ids
        apideck.enter_invoice()
        there = Desk(apideck, x_apideck_company_id=second)
        there.made("invoices", apideck.invoice_body(net="1.00", rate="zero"))

        assert [row["company_id"] for row in there.rows("invoices")] == [second]
        assert {row["company_id"] for row in Desk(apideck).rows("invoices")} == {first, second}
        assert len(there.rows("companies")) == 2

    def test_errors_have_the_documented_members(self, desk: Desk) -> None:
        body = desk.get("invoices/nothing").json()

        assert body.keys() == {"status_code", "error", "type_name", "message", "detail", "ref"}
        assert (body["status_code"], body["error"]) == (404, "Not Found")
        assert body["type_name"] == "EntityNotFoundError"

    def test_what_is_not_modelled_is_not_there(self, desk: Desk) -> None:
        assert said(desk.get("purchase-orders")) == (404, "EntityNotFoundError")


class TestConnections:
    def test_the_vault_lists_what_a_consumer_connected(self, apideck: Apideck, desk: Desk) -> None:
        answer = desk.http.get("/vault/connections", params={"api": "accounting"})

        [one] = answer.json()["data"]
        assert (one["state"], one["health"]) == ("callable", "ok")
        assert one["metadata"]["company_id"] == apideck.connection.company_id

    def test_other_books_have_another_company_id(self, apideck: Apideck, desk: Desk) -> None:
        apideck.enter_invoice()
        before = desk.http.get("/vault/connections/accounting/xero").json()["data"]["metadata"]

        other = apideck.swap_company()

        after = desk.http.get("/vault/connections/accounting/xero").json()["data"]["metadata"]
        assert before["company_id"] != after["company_id"] == other
        assert desk.get("company-info").json()["data"]["id"] == other
        assert desk.rows("invoices") == []

    def test_a_revoked_consent_is_refused_until_it_is_given_again(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        apideck.revoke_consent()

        assert said(desk.get("invoices")) == (401, "ConnectorCredentialsError")
        seen = desk.http.get("/vault/connections/accounting/xero").json()["data"]
        assert (seen["state"], seen["health"]) == ("invalid", "revoked")

        apideck.authorize_again()
        assert desk.get("invoices").status_code == 200

    def test_a_disabled_connection_is_refused(self, apideck: Apideck, desk: Desk) -> None:
        apideck.set_state(enabled=False)

        assert said(desk.get("invoices")) == (401, "ConnectorDisabledError")

    def test_a_failing_refresh_tells_how_long_it_cools_down(
        self, apideck: Apideck, desk: Desk
    ) -> None:
        apideck.fail_refresh(dt.timedelta(minutes=1))

        detail = desk.get("invoices").json()["detail"]

        assert detail["type"] == "refresh_token_connector_error"
        assert 0 < detail["debug"]["cooldown_remaining_ms"] <= 60_000
        apideck.pass_time(dt.timedelta(minutes=1))
        assert desk.get("invoices").status_code == 200

    def test_a_migrated_connection_is_another_service(self, apideck: Apideck, desk: Desk) -> None:
        apideck.migrate("netsuite")

        assert said(desk.get("invoices")) == (401, "ConnectionNotFoundError")
        assert Desk(apideck).get("invoices").status_code == 200
        assert apideck.events[-1].type == "vault.connection.migrated"

    @pytest.mark.parametrize("profile", sorted(PROFILES))
    def test_coverage_says_what_the_ledger_does(self, apideck: Apideck, desk: Desk) -> None:
        service = apideck.connection.service_id
        path = f"/connector/connectors/{service}/resources/payments"

        said_of = desk.http.get(path).json()["data"]

        assert ("update" in said_of["supported_operations"]) is (service != "xero")
        assert ("updated_since" in said_of["supported_filters"]) is (service != "workday")
        rates = desk.http.get(path.replace("payments", "tax-rates")).json()["data"]
        assert rates["pagination"]["paging_support"] is (service != "quickbooks")


class TestLimits:
    def test_the_ledgers_limit_ends_with_its_reset(self, apideck: Apideck, desk: Desk) -> None:
        apideck.change(ledger_calls_per_minute=2)
        left = [desk.get("invoices").headers["x-downstream-ratelimit-remaining"] for _ in range(2)]

        full = desk.get("invoices")

        assert left == ["1", "0"]
        assert said(full) == (429, "ConnectorRateLimitError")
        assert full.json()["detail"].keys() == {"context", "error"}
        wait = int(full.headers["x-downstream-ratelimit-reset"]) - apideck.now().timestamp()
        assert 55 < wait <= 61
        apideck.pass_time(dt.timedelta(seconds=wait + 1))
        assert desk.get("invoices").status_code == 200

    @pytest.mark.parametrize("profile", ["quickbooks"])
    def test_some_ledgers_tell_no_reset(self, apideck: Apideck, desk: Desk) -> None:
        apideck.change(ledger_calls_per_minute=0)

        answer = desk.get("invoices")

        assert answer.status_code == 429
        assert "x-downstream-ratelimit-reset" not in answer.headers

    def test_a_used_up_plan_is_402(self, apideck: Apideck, desk: Desk) -> None:
        apideck.use_quota_up()

        assert said(desk.get("invoices")) == (402, "RequestLimitError")


class TestFaults:
    @pytest.mark.parametrize("committed", [True, False])
    def test_a_504_tells_nothing(self, apideck: Apideck, desk: Desk, committed: bool) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        apideck.lose_answer("invoices", committed=committed)

        answer = desk.post("invoices", body)

        assert said(answer) == (504, "ProxyTimedOutError")
        assert len(apideck.documents("invoices")) == int(committed)
        assert apideck.written["create invoices"] == int(committed)

    @pytest.mark.parametrize("committed", [True, False])
    def test_an_uncertain_outcome_says_so(
        self, apideck: Apideck, desk: Desk, committed: bool
    ) -> None:
        apideck.leave_uncertain("invoices", committed=committed)

        answer = desk.post("invoices", apideck.invoice_body(net="1.00", rate="zero"))

        assert said(answer) == (502, "ConnectorExecutionError")
        assert answer.json()["detail"]["outcome"] == "uncertain"
        assert answer.json()["detail"]["retriable"] is False
        assert len(apideck.documents("invoices")) == int(committed)

    def test_a_dropped_connection_may_have_written(self, apideck: Apideck, desk: Desk) -> None:
        apideck.arm(Fault.DROP_AFTER, "invoices")

        with pytest.raises(httpx.TransportError):
            desk.post("invoices", apideck.invoice_body(net="1.00", rate="zero"))

        assert len(apideck.documents("invoices")) == 1

    def test_what_stalls_is_written_later(self, apideck: Apideck, desk: Desk) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        apideck.stall("payments")

        answer = desk.post("payments", desk.payment(invoice, "10.00"))

        assert said(answer) == (504, "ProxyTimedOutError")
        assert apideck.payments_of("invoices", invoice) == []
        apideck.finish()
        assert len(apideck.payments_of("invoices", invoice)) == 1

    def test_calls_count_what_met_a_fault_too(self, apideck: Apideck, desk: Desk) -> None:
        apideck.throttle("invoices")
        desk.get("invoices")
        desk.get("invoices")
        desk.get("invoices/x")
        desk.http.get("/vault/connections")

        assert apideck.calls == {"list invoices": 2, "get invoices": 1, "list connections": 1}


class TestKeys:
    def test_the_same_key_and_body_write_once(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")

        first = desk.made("invoices", body, idempotency_key="k-1")
        again = desk.made("invoices", body, Idempotency_Key='"k-1"')

        assert first == again
        assert len(apideck.documents("invoices")) == 1

    def test_another_body_under_the_key_is_refused(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        desk.made("invoices", body, idempotency_key="k-1")

        answer = desk.post("invoices", body | {"reference": "x"}, idempotency_key="k-1")

        assert said(answer) == (422, "InvalidStateError")

    def test_a_rejected_body_binds_its_key(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        desk.post("invoices", body | {"nonsense": 1}, idempotency_key="k-1")

        assert desk.post("invoices", body, idempotency_key="k-1").status_code == 422
        assert desk.post("invoices", body, idempotency_key="k-2").status_code == 201

    def test_a_key_ends_with_the_ledgers_memory(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        desk.made("invoices", body, idempotency_key="k-1")
        apideck.pass_time(dt.timedelta(minutes=5, seconds=59))
        desk.made("invoices", body, idempotency_key="k-1")
        assert len(apideck.documents("invoices")) == 1

        apideck.pass_time(dt.timedelta(seconds=1))
        desk.made("invoices", body, idempotency_key="k-1")

        assert len(apideck.documents("invoices")) == 2

    def test_a_running_request_keeps_its_key(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")
        apideck.stall("invoices")
        desk.post("invoices", body, idempotency_key="k-1")

        assert said(desk.post("invoices", body, idempotency_key="k-1")) == (409, "ConflictError")

        apideck.finish()
        made = desk.made("invoices", body, idempotency_key="k-1")
        assert [one["id"] for one in apideck.documents("invoices")] == [made]

    @pytest.mark.parametrize(("replays", "status"), [(True, 400), (False, 201)])
    def test_an_error_is_repeated_or_not(
        self, apideck: Apideck, desk: Desk, replays: bool, status: int
    ) -> None:
        apideck.change(replays_errors=replays)
        body = apideck.invoice_body(net="1.00", rate="zero")
        apideck.close_period(dt.date(2100, 1, 1))
        desk.post("invoices", body, idempotency_key="k-1")
        apideck.open_period()

        assert desk.post("invoices", body, idempotency_key="k-1").status_code == status

    @pytest.mark.parametrize("way", [Keys.IGNORED, Keys.REFUSED])
    def test_a_key_protects_no_payment(self, apideck: Apideck, desk: Desk, way: Keys) -> None:
        apideck.change(keys_elsewhere=way)
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        body = desk.payment(invoice, "1.00")

        answers = [desk.post("payments", body, idempotency_key="k-1") for _ in range(2)]

        written = 0 if way is Keys.REFUSED else 2
        assert len(apideck.payments_of("invoices", invoice)) == written
        if way is Keys.REFUSED:
            assert said(answers[0]) == (400, "RequestHeadersValidationError")

    @pytest.mark.parametrize("profile", ["workday"])
    def test_some_ledgers_know_no_keys(self, apideck: Apideck, desk: Desk) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")

        answer = desk.post("invoices", body, idempotency_key="k-1")

        assert said(answer) == (400, "RequestHeadersValidationError")
        assert apideck.documents("invoices") == []

    @pytest.mark.parametrize("key", ["", "x" * 256, "tab\tkey"])
    def test_a_key_is_printable_and_short(self, apideck: Apideck, desk: Desk, key: str) -> None:
        body = apideck.invoice_body(net="1.00", rate="zero")

        assert desk.post("invoices", body, idempotency_key=key).status_code == 400


class TestWebhooks:
    def test_a_delivery_is_signed_and_tells_no_content(self, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(reference="secret")

        [delivery] = apideck.deliveries()

        body = json.loads(delivery.body)
        assert delivery.headers["x-apideck-event-type"] == "accounting.invoice.created"
        payload = body["payload"]
        assert (payload["entity_id"], payload["entity_type"]) == (invoice, "invoice")
        assert payload["consumer_id"] == apideck.consumer_id
        assert b"secret" not in delivery.body
        ordered = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        signed = hmac.new(apideck.api_key.encode(), ordered, hashlib.sha256).hexdigest()
        assert delivery.headers["x-apideck-signature"] == signed

    def test_the_signature_is_of_the_present_key(self, apideck: Apideck) -> None:
        apideck.enter_invoice()
        before = apideck.delivery(apideck.events[0]).headers["x-apideck-signature"]

        apideck.rotate_key()

        assert apideck.delivery(apideck.events[0]).headers["x-apideck-signature"] != before

    def test_a_repeated_delivery_is_the_same_event(self, apideck: Apideck) -> None:
        apideck.enter_invoice()
        first, again = (apideck.delivery(apideck.events[0], attempt=n) for n in (1, 2))

        name = "x-apideck-idempotency-key"
        assert first.headers[name] == again.headers[name]
        assert json.loads(again.body)["payload"]["execution_attempt"] == 2

    def test_a_payment_tells_of_its_document_as_well(self, apideck: Apideck) -> None:
        invoice = apideck.enter_invoice(net="10.00", rate="zero")
        apideck.delete("payments", apideck.pay("invoices", invoice))
        apideck.revoke_consent()

        assert [event.type for event in apideck.events] == [
            "accounting.invoice.created",
            "accounting.payment.created",
            "accounting.invoice.updated",
            "accounting.payment.deleted",
            "accounting.invoice.updated",
            "vault.connection.revoked",
        ]


class TestSandbox:
    def test_it_serves_books_with_documents(self) -> None:
        box = sandbox(seed=3)
        try:
            given: dict[str, Any] = box.credentials
            headers = {
                "authorization": f"Bearer {given['api_key']}",
                "x-apideck-app-id": given["app_id"],
                "x-apideck-consumer-id": given["consumer_id"],
                "x-apideck-service-id": box.settings["service_id"],
            }
            answer = httpx.get(f"{box.base_url}{UNIFY}", headers=headers, timeout=5)
        finally:
            box.simulator.stop()

        statuses = {row["status"] for row in answer.json()["data"]}
        assert statuses == {"authorised", "partially_paid", "paid"}
