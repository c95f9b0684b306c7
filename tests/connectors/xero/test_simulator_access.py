"""The simulated Xero's doors: tokens, tenants, scopes, limits, keys, webhooks."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.faults import Fault
from connectors.xero.simulator import Xero, XeroRules, sandbox
from tests.connectors.xero.simulator_desk import Desk

APP = ("sandbox-client", "sandbox-secret")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refreshed(desk: Desk, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return desk.http.post("/connect/token", data=form, auth=APP)


def consented(desk: Desk, **query: str) -> dict[str, list[str]]:
    given = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": "https://we.test/back",
        "scope": "offline_access accounting.invoices",
        "state": "s1",
        **query,
    }
    response = desk.http.get("/identity/connect/authorize", params=given)
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)


class TestTokens:
    def test_a_token_lasts_thirty_minutes_and_says_so_when_it_has_ended(self, desk: Desk) -> None:
        assert desk.ask("GET", "/Organisation").status_code == 200

        desk.xero.pass_time(timedelta(minutes=30))
        response = desk.ask("GET", "/Organisation")

        assert response.status_code == 401
        assert response.json()["Detail"].startswith("TokenExpired: token expired at ")

    def test_an_unknown_token_is_not_an_expired_one(self, desk: Desk) -> None:
        response = desk.ask("GET", "/Organisation", headers={"Authorization": "Bearer nobody"})

        assert (response.status_code, response.json()["Detail"]) == (
            401,
            "AuthenticationUnsuccessful",
        )

    def test_gateways_may_word_it_in_lower_case(self, desk: Desk) -> None:
        desk.xero.change(lower_case_problems=True)

        assert "detail" in desk.ask("GET", "/Accounts", headers={"Authorization": ""}).json()

    def test_a_refresh_rotates_and_the_old_token_works_for_thirty_minutes(self, desk: Desk) -> None:
        old = desk.tokens["refresh_token"]

        first, again = refreshed(desk, old).json(), refreshed(desk, old).json()
        desk.xero.pass_time(timedelta(minutes=30))
        late = refreshed(desk, old)

        assert len({old, first["refresh_token"], again["refresh_token"]}) == 3
        assert (late.status_code, late.json()) == (400, {"error": "invalid_grant"})
        assert refreshed(desk, first["refresh_token"]).status_code == 200
        assert desk.xero.token_calls == {"refresh_token": 3, "invalid_grant": 1}

    def test_a_refresh_token_dies_after_sixty_days_without_use(self, desk: Desk) -> None:
        desk.xero.pass_time(timedelta(days=60))

        assert refreshed(desk, desk.tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_a_wrong_client_gets_nothing(self, desk: Desk) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": desk.tokens["refresh_token"]}

        response = desk.http.post("/connect/token", data=form, auth=("sandbox-client", "guess"))

        assert (response.status_code, response.json()["error"]) == (400, "invalid_client")

    def test_a_code_works_once_and_for_five_minutes(self, desk: Desk) -> None:
        (code,) = consented(desk)["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "https://we.test/back",
        }

        given = desk.http.post("/connect/token", data=form, auth=APP)
        again = desk.http.post("/connect/token", data=form, auth=APP)
        form["code"] = consented(desk)["code"][0]
        desk.xero.pass_time(timedelta(minutes=5))
        late = desk.http.post("/connect/token", data=form, auth=APP)

        assert given.json()["expires_in"] == 1800
        assert [again.json()["error"], late.json()["error"]] == ["invalid_grant"] * 2

    @pytest.mark.parametrize(
        ("scope", "error"),
        [("accounting.transactions", "invalid_scope"), ("accounting.reports", "invalid_scope")],
    )
    def test_broad_scopes_are_refused(self, desk: Desk, scope: str, error: str) -> None:
        assert consented(desk, scope=scope)["error"] == [error]

    def test_plain_http_comes_back_to_localhost_only(self, desk: Desk) -> None:
        query = {"client_id": "sandbox-client", "redirect_uri": "http://127.0.0.1:8000/back"}

        assert desk.http.get("/identity/connect/authorize", params=query).status_code == 400
        assert consented(desk, redirect_uri="http://localhost:8000/back")["state"] == ["s1"]

    def test_without_offline_access_there_is_no_refresh_token(self) -> None:
        tokens = Xero().credentials(scopes="accounting.invoices")

        assert tokens["refresh_token"] is None


class TestTenants:
    def test_connections_list_what_the_user_connected_with_the_event_of_the_token(
        self, desk: Desk
    ) -> None:
        claims = desk.tokens["access_token"].split(".")[1]
        event = json.loads(base64.urlsafe_b64decode(claims + "=="))["authentication_event_id"]
        headers = {"Authorization": f"Bearer {desk.tokens['access_token']}"}

        rows = desk.http.get("/connections", params={"authEventId": event}, headers=headers).json()
        others = desk.http.get("/connections", params={"authEventId": "x"}, headers=headers).json()

        assert [row["tenantId"] for row in rows] == [desk.xero.uk.id, desk.xero.au.id]
        assert {row["authEventId"] for row in rows} == {event}
        assert others == []

    def test_one_token_opens_both_organisations_and_not_the_one_of_somebody_else(
        self, desk: Desk
    ) -> None:
        desk.xero.credentials_for(desk.xero.us)

        found = [
            desk.ask("GET", "/Organisation", headers={"xero-tenant-id": one.id})
            for one in desk.xero.organisations
        ]

        assert [one.status_code for one in found] == [200, 200, 403]
        assert found[0].json()["Organisations"][0]["BaseCurrency"] == "GBP"
        assert found[1].json()["Organisations"][0]["BaseCurrency"] == "AUD"
        assert found[2].json()["Detail"] == "AuthenticationUnsuccessful"

    def test_without_the_tenant_header_nothing_is_answered(self, desk: Desk) -> None:
        response = desk.ask("GET", "/Organisation", headers={"xero-tenant-id": None})

        assert (response.status_code, response.json()["Title"]) == (403, "Forbidden")

    def test_bob_has_his_own_consent(self, desk: Desk) -> None:
        tokens = desk.xero.credentials_for(desk.xero.us)
        headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "xero-tenant-id": desk.xero.us.id,
        }

        assert desk.ask("GET", "/Organisation", headers=headers).status_code == 200

    def test_a_disconnected_organisation_is_closed_while_the_other_stays_open(
        self, desk: Desk
    ) -> None:
        headers = {"Authorization": f"Bearer {desk.tokens['access_token']}"}
        first = desk.http.get("/connections", headers=headers).json()[0]

        gone = desk.http.delete(f"/connections/{first['id']}", headers=headers)

        assert gone.status_code == 204
        assert desk.ask("GET", "/Accounts").status_code == 403
        other = desk.ask("GET", "/Accounts", headers={"xero-tenant-id": desk.xero.au.id})
        assert other.status_code == 200
        assert desk.xero.calls["DELETE connections"] == 1

    @pytest.mark.parametrize("way", ["revoke_consent", "revocation"])
    def test_a_withdrawn_consent_closes_everything(self, desk: Desk, way: str) -> None:
        if way == "revoke_consent":
            desk.xero.revoke_consent()
        else:
            token = {"token": desk.tokens["refresh_token"]}
            assert desk.http.post("/connect/revocation", data=token, auth=APP).status_code == 200

        assert desk.ask("GET", "/Accounts").status_code == 403
        assert refreshed(desk, desk.tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_an_organisation_can_be_offline(self, desk: Desk) -> None:
        desk.uk.go_offline()

        response = desk.ask("GET", "/Accounts")

        assert (response.status_code, response.text) == (503, "The Organisation is offline")

    def test_actions_tell_what_plan_and_rights_allow(self, desk: Desk) -> None:
        desk.uk.deny("CreateApprovedInvoice")

        rows = desk.ask("GET", "/Organisation/Actions").json()["Actions"]

        assert {"Name": "CreateApprovedInvoice", "Status": "NOT-ALLOWED"} in rows
        assert {"Name": "CreateApprovedBill", "Status": "ALLOWED"} in rows
        assert "not allowed" in desk.refusal("PUT", "Invoices", desk.invoice())


class TestScopes:
    def test_a_missing_scope_is_401_with_another_detail_than_an_ended_token(self) -> None:
        desk = Desk(scopes="accounting.invoices.read")

        response = desk.ask("GET", "/Payments")

        assert (response.status_code, response.json()["Detail"]) == (
            401,
            "AuthorizationUnsuccessful",
        )

    def test_a_read_scope_reads_and_does_not_write(self) -> None:
        desk = Desk(scopes="accounting.invoices.read")
        desk.xero.change(says_missing_scope_with=403)

        assert desk.ask("GET", "/Invoices").status_code == 200
        assert desk.ask("PUT", "/Invoices", {"Invoices": []}).status_code == 403


class TestRequests:
    def test_without_accept_the_answer_is_xml(self, desk: Desk) -> None:
        response = desk.ask("GET", "/Currencies", headers={"Accept": "*/*"})

        assert response.headers["content-type"].startswith("text/xml")
        assert "<Currency><Code>GBP</Code>" in response.text

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/Nothing", 404),
            ("GET", "/Invoices/00000000-0000-0000-0000-000000000009", 404),
            ("GET", "/Journals", 501),
            ("POST", "/Organisation", 501),
            ("DELETE", "/Invoices/x", 501),
            ("PUT", "/Overpayments", 501),
            ("GET", "/Invoices/x/History", 501),
        ],
    )
    def test_what_is_not_modelled_is_refused(
        self, desk: Desk, method: str, path: str, status: int
    ) -> None:
        assert desk.ask(method, path).status_code == status

    def test_unknown_parameters_and_members_are_refused(self, desk: Desk) -> None:
        query = desk.ask("GET", "/Invoices", createdByMyApp="true")
        member = desk.ask("PUT", "/Invoices", desk.invoice(Colour="blue"))
        nothing = desk.ask("PUT", "/Invoices", {"Invoices": []})

        assert query.json()["Type"] == "QueryParseException"
        assert member.json()["Type"] == "PostDataInvalidException"
        assert nothing.json()["Type"] == "NoDataProcessedException"
        assert desk.xero.crashes == []

    def test_calls_are_counted_by_method_and_endpoint(self, desk: Desk) -> None:
        invoice = desk.put("Invoices", desk.invoice())
        desk.one("Invoices", invoice["InvoiceID"])
        desk.ask("POST", f"/Invoices/{invoice['InvoiceID']}", {"Url": "https://we.test"})
        desk.ask("GET", "/Organisation/Actions")

        assert desk.xero.calls == {
            "PUT Invoices": 1,
            "GET Invoices": 1,
            "POST Invoices": 1,
            "GET Organisation/Actions": 1,
        }

    def test_armed_faults_hit_the_accounting_api_before_or_after_commit(self, desk: Desk) -> None:
        desk.xero.arm(Fault.ERROR_AFTER, path="/Invoices", method="PUT")
        desk.xero.arm(Fault.AWAY, path="/Invoices", method="PUT")

        after = desk.ask("PUT", "/Invoices", desk.invoice())
        before = desk.ask("PUT", "/Invoices", desk.invoice())

        assert (after.status_code, after.json()["Title"]) == (500, "An error occurred")
        assert (before.status_code, before.text) == (503, "The Xero API is temporarily unavailable")
        assert len(desk.uk.invoices) == 1


class TestLimits:
    def fresh(self, xero: Xero) -> Desk:
        """A client at the beginning of its tenant's minute."""
        desk = Desk(xero)
        xero.use_up("minute")
        wait = int(desk.ask("GET", "/Currencies").headers["Retry-After"])
        xero.pass_time(timedelta(seconds=wait))
        xero.limit_breaches.clear()
        return desk

    def test_a_minute_has_sixty_calls_and_its_end_is_told(self) -> None:
        desk = self.fresh(Xero())

        answers = [desk.ask("GET", "/Currencies") for _ in range(61)]

        assert {one.status_code for one in answers[:60]} == {200}
        left = [int(one.headers["X-MinLimit-Remaining"]) for one in answers[:60]]
        assert left == list(range(59, -1, -1))
        last = answers[-1]
        assert (last.status_code, last.headers["X-Rate-Limit-Problem"]) == (429, "minute")
        assert 1 <= int(last.headers["Retry-After"]) <= 60
        assert desk.xero.limit_breaches == {"minute": 1}

    def test_it_opens_again_when_the_fixed_window_has_ended(self) -> None:
        desk = self.fresh(Xero())

        desk.xero.use_up("minute")
        refused = desk.ask("GET", "/Currencies")
        desk.xero.pass_time(timedelta(seconds=int(refused.headers["Retry-After"])))

        assert refused.status_code == 429
        assert desk.ask("GET", "/Currencies").status_code == 200

    def test_two_programs_share_a_tenants_minute_over_real_sockets(self) -> None:
        xero = Xero(XeroRules(minute_limit=4))
        headers = self.fresh(xero).xero.headers(xero.uk)
        with xero.running() as url:
            found = [
                httpx.get(f"{url}/api.xro/2.0/Currencies", headers=headers).status_code
                for _ in range(6)
            ]

        assert found == [200] * 4 + [429] * 2

    def test_each_tenant_has_a_minute_of_its_own(self) -> None:
        desk = Desk(Xero())
        desk.xero.use_up("minute")

        other = desk.ask("GET", "/Currencies", headers={"xero-tenant-id": desk.xero.au.id})

        assert other.status_code == 200

    def test_a_day_is_told_in_hours(self) -> None:
        desk = Desk(Xero(XeroRules(day_limit=3, minute_limit=100)))
        answers = [desk.ask("GET", "/Currencies") for _ in range(4)]

        assert answers[2].headers["X-DayLimit-Remaining"] == "0"
        assert answers[3].headers["X-Rate-Limit-Problem"] == "day"
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 86_400

    def test_the_app_has_a_minute_across_tenants(self) -> None:
        desk = Desk(Xero(XeroRules(app_minute_limit=2)))
        at = 60 - desk.xero.now().timestamp() % 60
        desk.xero.pass_time(timedelta(seconds=at))
        desk.ask("GET", "/Currencies")
        desk.ask("GET", "/Currencies", headers={"xero-tenant-id": desk.xero.au.id})

        assert desk.ask("GET", "/Currencies").headers["X-Rate-Limit-Problem"] == "appminute"

    def test_time_can_run_faster_for_limits(self) -> None:
        desk = Desk(Xero(XeroRules(minute_limit=1, time_scale=60)))
        desk.xero.use_up("minute")

        assert desk.ask("GET", "/Currencies").headers["Retry-After"] == "1"

    def test_more_than_five_at_once_are_turned_away_without_a_time(self) -> None:
        xero = Xero(XeroRules(answer_takes=0.15))
        desk = Desk(xero)
        answers: list[httpx.Response] = []

        def call() -> None:
            answers.append(desk.ask("GET", "/Currencies"))

        threads = [threading.Thread(target=call) for _ in range(7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        refused = [one for one in answers if one.status_code == 429]
        assert len(refused) == 2
        assert {one.headers["X-Rate-Limit-Problem"] for one in refused} == {"concurrent"}
        assert not any("Retry-After" in one.headers for one in refused)
        assert xero.peak_in_flight[desk.uk.id] == 6
        assert xero.limit_breaches == {"concurrent": 2}


class TestKeys:
    def keyed(self, desk: Desk, body: Any, key: str = "k1", **how: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key, **how.pop("headers", {})}
        return desk.ask("PUT", "/Invoices", body, headers=headers, **how)

    def test_a_key_gives_the_first_answer_again(self, desk: Desk) -> None:
        first, again = (self.keyed(desk, desk.invoice()) for _ in range(2))

        assert first.content == again.content
        assert len(desk.uk.invoices) == 1
        assert desk.xero.keys_seen == {"k1": 2}

    def test_a_key_with_another_body_is_refused(self, desk: Desk) -> None:
        self.keyed(desk, desk.invoice())

        response = self.keyed(desk, desk.invoice(Reference="other"))

        assert response.status_code == 400
        assert "is used with a different request" in response.json()["Message"]

    def test_a_key_is_forgotten_after_six_minutes(self, desk: Desk) -> None:
        self.keyed(desk, desk.bill())
        desk.xero.pass_time(timedelta(minutes=6))
        self.keyed(desk, desk.bill())

        assert len(desk.uk.bills) == 2

    def test_a_key_belongs_to_the_app_and_not_to_the_tenant(self, desk: Desk) -> None:
        body = {"Invoices": [desk.bill(Contact={"Name": "Shared"})]}
        self.keyed(desk, body)

        self.keyed(desk, body, headers={"xero-tenant-id": desk.xero.au.id})

        assert desk.xero.au.bills == []

    def test_errors_are_repeated_too_even_those_inside_xero(self, desk: Desk) -> None:
        desk.xero.fail_inside(path="/Invoices", committed=True)
        first = self.keyed(desk, desk.invoice(InvoiceNumber="INV-7"))

        again = self.keyed(desk, desk.invoice(InvoiceNumber="INV-7"))

        assert (first.status_code, again.status_code) == (500, 500)
        assert len(desk.uk.documents_with("Invoices", "INV-7")) == 1

    def test_a_key_is_at_most_128_characters_long(self, desk: Desk) -> None:
        assert self.keyed(desk, desk.invoice(), "k" * 129).status_code == 400


class TestWebhooks:
    def test_a_delivery_names_what_changed_and_is_signed_over_its_bytes(self, desk: Desk) -> None:
        invoice = desk.uk.add_invoice()
        desk.uk.pay(invoice)

        headers, raw = desk.xero.webhook(desk.xero.events)

        body = json.loads(raw)
        told = [(one["eventCategory"], one["eventType"]) for one in body["events"]]
        assert told == [("INVOICE", "CREATE"), ("INVOICE", "UPDATE")]
        assert {one["resourceId"] for one in body["events"]} == {invoice}
        assert {one["tenantId"] for one in body["events"]} == {desk.uk.id}
        assert body["lastEventSequence"] == body["firstEventSequence"] + 1
        digest = hmac.new(b"sandbox-webhook-key", raw, hashlib.sha256).digest()
        assert headers["x-xero-signature"] == base64.b64encode(digest).decode()

    def test_what_is_refused_is_not_told(self, desk: Desk) -> None:
        body = desk.invoice(Contact={"Name": "New"}, LineItems=[desk.line(AccountCode="x")])

        desk.refusal("PUT", "Invoices", body)

        assert desk.xero.events == []

    def test_the_intent_to_receive_has_no_events(self, desk: Desk) -> None:
        right, wrong = desk.xero.intent_to_receive(), desk.xero.intent_to_receive(key="other")

        assert json.loads(right[1])["events"] == []
        digest = hmac.new(b"sandbox-webhook-key", wrong[1], hashlib.sha256).digest()
        assert wrong[0]["x-xero-signature"] != base64.b64encode(digest).decode()


class TestSandbox:
    def test_it_serves_books_with_documents_and_settings_that_fit(self) -> None:
        box = sandbox(seed=3)
        try:
            headers = {
                "Authorization": f"Bearer {box.credentials['access_token']}",
                "xero-tenant-id": box.settings["organisation"],
                "Accept": "application/json",
            }
            answer = httpx.get(f"{box.base_url}/api.xro/2.0/Invoices?page=1", headers=headers)
        finally:
            box.simulator.stop()

        statuses = {row["Status"] for row in answer.json()["Invoices"]}
        assert statuses == {"AUTHORISED", "PAID"}

    def test_equal_seeds_make_equal_books(self) -> None:
        first, second, third = Xero(seed=1), Xero(seed=1), Xero(seed=2)

        assert first.uk.id == second.uk.id != third.uk.id
        assert first.uk.known == second.uk.known
