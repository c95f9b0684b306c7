"""Signing in, checking a connection, and what leaves the machine."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx
from pydantic import SecretStr, ValidationError

from connectors.base import ConnectorConfig
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    TokenRefused,
    Unavailable,
)
from connectors.qargo import SPEC
from connectors.qargo.client import Client, sign_in
from connectors.qargo.settings import QargoSettings
from tests.connectors.qargo.given import BASE_URL, SECRET, TASKS, TOKEN, config, connector

RATES = "/v1/accounting/tax-rates"


@pytest.fixture
def qargo() -> respx.MockRouter:
    return respx.mock(base_url=BASE_URL, assert_all_called=False)


@pytest.fixture(autouse=True)
def _speaking(qargo: respx.MockRouter) -> object:
    with qargo:
        yield


class TestSignIn:
    def test_client_id_and_secret_buy_a_token(self, qargo: respx.MockRouter) -> None:
        route = qargo.post("/v1/auth/token").respond(
            json={"access_token": "fresh", "expires_in": 3600}
        )

        found = sign_in(config(token=None))

        assert found.access_token.get_secret_value() == "fresh"
        assert found.expires_at is not None
        assert abs(found.expires_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
        request = route.calls.last.request
        pair = base64.b64encode(f"client-1:{SECRET}".encode()).decode()
        assert request.headers["Authorization"] == f"Basic {pair}"
        assert (request.headers["Content-Type"], request.content) == ("application/json", b"{}")

    def test_token_without_an_end_has_none(self, qargo: respx.MockRouter) -> None:
        qargo.post("/v1/auth/token").respond(json={"access_token": "fresh", "expires_in": None})

        assert sign_in(config()).expires_at is None

    def test_used_up_limit_says_when_to_come_back_and_is_not_tried_again(
        self, qargo: respx.MockRouter
    ) -> None:
        route = qargo.post("/v1/auth/token").respond(
            429, headers={"Retry-After": "3600"}, json={"error": "Rate limit exceeded"}
        )

        with pytest.raises(RateLimited) as caught:
            sign_in(config())

        assert caught.value.retry_after == timedelta(hours=1)
        assert route.call_count == 1

    def test_refused_credentials_are_lost_and_their_secret_is_not_said(
        self, qargo: respx.MockRouter
    ) -> None:
        qargo.post("/v1/auth/token").respond(401, json={"message": f"{SECRET} is wrong"})

        with pytest.raises(AuthorizationLost) as caught:
            sign_in(config())

        assert caught.value.code == "credentials_refused"
        assert SECRET not in f"{caught.value} {caught.value.message} {caught.value.cause}"

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(500),
            httpx.Response(200, text="<html>"),
            httpx.Response(200, json={"expires_in": 3600}),
            httpx.ReadTimeout("slow"),
        ],
    )
    def test_no_clear_answer_is_only_no_token(
        self, qargo: respx.MockRouter, answer: httpx.Response | Exception
    ) -> None:
        route = qargo.post("/v1/auth/token")
        route.side_effect = [answer]

        with pytest.raises(Unavailable):
            sign_in(config())

        assert route.call_count == 1


class TestToken:
    def test_every_call_carries_it(self, qargo: respx.MockRouter) -> None:
        route = qargo.get("/me").respond(json={})

        Client(config()).me()

        assert route.calls.last.request.headers["Authorization"] == f"Bearer {TOKEN}"

    def test_without_one_nothing_is_sent(self) -> None:
        with pytest.raises(TokenRefused) as caught:
            Client(config(token=None)).me()

        assert caught.value.code == "token_refused"

    def test_refused_one_is_renewed_once(self, qargo: respx.MockRouter) -> None:
        route = qargo.get("/me")
        route.side_effect = [httpx.Response(401), httpx.Response(200, json={"tenant_id": "t-1"})]
        asked = config()
        renewing = ConnectorConfig(
            **{**vars(asked), "renew": lambda _: SecretStr("token-two-token-two")}
        )

        assert Client(renewing).me() == {"tenant_id": "t-1"}
        assert route.calls.last.request.headers["Authorization"] == "Bearer token-two-token-two"


class TestCheck:
    def test_waiting_list_of_every_entity_is_asked_for(self, qargo: respx.MockRouter) -> None:
        qargo.get("/me").respond(json={"tenant": {"id": "t-1", "name": "Vermeer"}})
        route = qargo.get(TASKS).respond(json={"tasks": []})

        found = connector(billing_entity_codes=["NL", "DE"]).check()

        assert (found.organisation_id, found.organisation_name) == ("t-1", "Vermeer")
        asked = [call.request.url.params["billing_entity_code"] for call in route.calls]
        assert asked == ["NL", "DE"]

    def test_client_of_the_organisation_is_refused_with_the_reason(
        self, qargo: respx.MockRouter
    ) -> None:
        qargo.get("/me").respond(json={})
        qargo.get(TASKS).respond(403, json={"message": "Forbidden"})

        with pytest.raises(PermissionDenied) as caught:
            connector().check()

        assert caught.value.cause is not None
        assert caught.value.cause.code == "credential_not_linked"
        assert "read_only" in caught.value.message

    @pytest.mark.parametrize("status", [400, 404, 409, 422])
    @pytest.mark.parametrize("read_only", [False, True])
    def test_unknown_or_archived_entity_is_named(
        self, qargo: respx.MockRouter, status: int, read_only: bool
    ) -> None:
        qargo.get("/me").respond(json={})
        for path in (TASKS, RATES):
            qargo.get(path).respond(status, json={"message": "no such entity"})

        with pytest.raises(ActionRequired) as caught:
            connector(billing_entity_codes=["ZZ"], read_only=read_only).check()

        assert "billing entity ZZ: no such entity" in caught.value.message

    def test_reading_only_asks_for_tax_rates_and_not_for_the_list(
        self, qargo: respx.MockRouter
    ) -> None:
        qargo.get("/me").respond(403)
        waiting = qargo.get(TASKS).respond(403)
        rates = qargo.get(RATES).respond(json={"items": []})

        found = connector(read_only=True).check()

        assert (rates.call_count, waiting.call_count) == (1, 0)
        assert found.organisation_id == "https://api.qargo.com#client-1"

    def test_dead_token_is_not_taken_for_a_missing_role(self, qargo: respx.MockRouter) -> None:
        qargo.get("/me").respond(401)

        with pytest.raises(TokenRefused):
            connector().check()

    def test_answer_of_another_shape_is_said(self, qargo: respx.MockRouter) -> None:
        qargo.get("/me").respond(json=[])
        qargo.get(TASKS).respond(json={"items": []})

        with pytest.raises(ProtocolError) as caught:
            connector().check()

        assert caught.value.message == (
            "an answer of Qargo cannot be read (/v1/accounting/sync-tasks, tasks: Field required)"
        )


class TestSecrets:
    def test_neither_secret_nor_token_is_in_messages_and_logs(
        self, qargo: respx.MockRouter, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        echo = {"message": f"client {SECRET} with {TOKEN}"}
        qargo.get("/me").respond(json={})
        qargo.get(TASKS).respond(403, json=echo)

        with pytest.raises(PermissionDenied) as caught:
            connector().check()

        said = json.dumps([str(caught.value), repr(caught.value.cause), caplog.text])
        assert SECRET not in said
        assert TOKEN not in said
        assert SECRET not in repr(config())


class TestSettings:
    def test_at_least_one_entity_is_named(self) -> None:
        with pytest.raises(ValidationError):
            QargoSettings.model_validate({"billing_entity_codes": []})

    def test_spec_claims_reading_and_reporting_only(self) -> None:
        assert SPEC.capabilities == {
            "pull:ledger_accounts",
            "pull:tax_rates",
            *(
                f"{claim}:{kind}"
                for claim in ("pull", "complete", "fail", "paid", "unpaid")
                for kind in ("invoices", "bills", "credit_notes")
            ),
        }
