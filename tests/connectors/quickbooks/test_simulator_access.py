"""Coming in to the simulated QuickBooks: consent, tokens, companies, versions, limits."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from connectors.quickbooks.simulator import QuickBooks
from tests.connectors.quickbooks.desk import Desk, said

CALLBACK = "https://us.example/callback"
HOUR = timedelta(hours=1)


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    simulator = QuickBooks()
    yield simulator
    assert simulator.crashes == []


@pytest.fixture
def desk(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks)


@pytest.fixture
def intuit(quickbooks: QuickBooks) -> httpx.Client:
    return httpx.Client(transport=quickbooks.transport(), base_url="http://intuit")


def authorize(intuit: httpx.Client, **more: str) -> dict[str, str]:
    query = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": CALLBACK,
        "scope": "com.intuit.quickbooks.accounting",
        "state": "s1",
        **more,
    }
    answer = intuit.get("/connect/oauth2", params=query)
    assert answer.status_code == 302
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def token(intuit: httpx.Client, secret: str = "sandbox-secret", **form: str) -> httpx.Response:
    app = ("sandbox-client", secret)
    return intuit.post("/oauth2/v1/tokens/bearer", data=form, auth=app)


def refresh(intuit: httpx.Client, word: str) -> httpx.Response:
    return token(intuit, grant_type="refresh_token", refresh_token=word)


class TestSignIn:
    def test_redirect_tells_the_company_and_its_code_buys_tokens_of_an_hour(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        given = authorize(intuit)
        grant = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}

        tokens = token(intuit, code=given["code"], **grant).json()

        assert (given["realmId"], given["state"]) == (quickbooks.uk.realm, "s1")
        assert (tokens["expires_in"], tokens["x_refresh_token_expires_in"]) == (3600, 8640000)
        assert token(intuit, code=given["code"], **grant).json()["error"] == "invalid_grant"

    def test_whoever_signs_in_chooses_the_company(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        quickbooks.change(consents_to="us")

        assert authorize(intuit)["realmId"] == quickbooks.us.realm

    def test_who_does_not_consent_sends_the_browser_back_without_a_code(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        quickbooks.change(consents=False)

        assert authorize(intuit) == {"state": "s1", "error": "access_denied"}

    def test_app_must_prove_itself_by_basic_authorization(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        word = quickbooks.credentials()["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": word}
        pair = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
        bearer = {"authorization": f"Bearer {pair}"}
        in_body = {**form, "client_id": "sandbox-client", "client_secret": "sandbox-secret"}

        assert token(intuit, secret="wrong", **form).json() == {"error": "invalid_client"}
        assert intuit.post("/oauth2/v1/tokens/bearer", data=in_body).status_code == 401
        answer = intuit.post("/oauth2/v1/tokens/bearer", data=form, headers=bearer)
        assert answer.status_code == 401
        assert quickbooks.token_calls["invalid_client"] == 3


class TestRefresh:
    def test_refresh_token_stays_for_a_day_and_then_changes(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        old = quickbooks.credentials()["refresh_token"]
        quickbooks.pass_time(23 * HOUR)
        same = refresh(intuit, old).json()["refresh_token"]
        quickbooks.pass_time(2 * HOUR)

        new = refresh(intuit, old).json()["refresh_token"]

        assert same == old
        assert new != old

    def test_previous_refresh_token_dies_a_day_after_the_new_one(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        old = quickbooks.credentials()["refresh_token"]
        quickbooks.pass_time(25 * HOUR)
        new = refresh(intuit, old).json()["refresh_token"]

        quickbooks.pass_time(23 * HOUR)
        assert refresh(intuit, old).json()["refresh_token"] == new
        quickbooks.pass_time(2 * HOUR)

        answer = refresh(intuit, old)
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "error": "invalid_grant",
                "error_description": "Incorrect or invalid refresh token",
            },
        )
        assert refresh(intuit, new).status_code == 200

    def test_refresh_token_that_is_not_used_for_a_hundred_days_dies(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        word = quickbooks.credentials()["refresh_token"]
        quickbooks.pass_time(timedelta(days=99))
        word = refresh(intuit, word).json()["refresh_token"]
        quickbooks.pass_time(timedelta(days=99))
        word = refresh(intuit, word).json()["refresh_token"]

        quickbooks.pass_time(timedelta(days=101))

        assert refresh(intuit, word).status_code == 400

    def test_hard_end_is_told_on_request(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        intuit.headers["x-include-refresh-token-hard-expires-in"] = "true"

        said_of = refresh(intuit, quickbooks.credentials()["refresh_token"]).json()

        assert said_of["x_refresh_token_hard_expires_in"] > 4 * 365 * 86400

    def test_disconnected_app_comes_in_no_more(
        self, quickbooks: QuickBooks, desk: Desk, intuit: httpx.Client
    ) -> None:
        word = quickbooks.credentials()["refresh_token"]

        quickbooks.revoke_consent(quickbooks.uk)

        assert said(desk.get("preferences")) == (401, "3200")
        assert refresh(intuit, word).json()["error"] == "invalid_grant"
        assert Desk(quickbooks, quickbooks.us).get("preferences").status_code == 200

    def test_revoked_token_ends_its_consent(
        self, quickbooks: QuickBooks, intuit: httpx.Client
    ) -> None:
        held = quickbooks.credentials()
        address = urlsplit(
            intuit.get("/.well-known/openid_configuration/").json()["revocation_endpoint"]
        ).path

        answer = intuit.post(
            address, json={"token": held["access_token"]}, auth=("sandbox-client", "sandbox-secret")
        )

        assert answer.status_code == 200
        assert refresh(intuit, held["refresh_token"]).status_code == 400


class TestDoors:
    def test_access_token_ends_after_an_hour_in_lower_case(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.pass_time(HOUR)

        answer = desk.get("preferences")

        assert answer.status_code == 401
        assert "errorCode=003200" in answer.json()["fault"]["error"][0]["message"]

    def test_token_opens_its_own_company_only(self, quickbooks: QuickBooks) -> None:
        desk = Desk(quickbooks)
        answer = desk.http.get(f"http://intuit/v3/company/{quickbooks.us.realm}/preferences")

        assert said(answer) == (403, "3100")

    def test_basic_header_is_no_token(self, desk: Desk) -> None:
        pair = base64.b64encode(b"a:b").decode()
        desk.http.headers["authorization"] = f"Basic {pair}"

        assert said(desk.get("preferences")) == (401, "3200")

    def test_old_minor_versions_are_refused_or_ignored(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        assert desk.get("preferences", minorversion="65").status_code == 400
        quickbooks.change(refuses_old_minor_versions=False)
        assert desk.get("preferences", minorversion="65").status_code == 200

    def test_xml_and_unknown_parameters_are_refused(self, desk: Desk) -> None:
        assert desk.get("preferences", colour="blue").status_code == 400
        desk.http.headers["accept"] = "application/xml"
        assert desk.get("preferences").status_code == 400

    def test_every_answer_carries_a_transaction_id(self, desk: Desk) -> None:
        assert desk.get("preferences").headers["intuit_tid"]
        assert desk.get("nothing/1").headers["intuit_tid"]

    def test_company_tells_who_it_is(self, quickbooks: QuickBooks, desk: Desk) -> None:
        info = desk.get(f"companyinfo/{quickbooks.uk.realm}").json()["CompanyInfo"]
        chosen = desk.get("preferences").json()["Preferences"]
        american = Desk(quickbooks, quickbooks.us).found("select * from Preferences")[0]

        assert (info["CompanyName"], info["Country"]) == ("Example Haulage Ltd", "GB")
        assert chosen["CurrencyPrefs"] == {
            "HomeCurrency": {"value": "GBP"},
            "MultiCurrencyEnabled": True,
        }
        assert american["TaxPrefs"]["PartnerTaxEnabled"] is True

    def test_company_that_does_not_pay_and_user_without_rights_are_refused(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.uk.end_subscription()
        assert said(desk.get("preferences")) == (400, "6190")
        quickbooks.change(faults_with_200=True)
        assert said(desk.get("preferences")) == (200, "6190")
        quickbooks.uk.end_subscription(ended=False)
        quickbooks.uk.lock_user_out()
        assert said(desk.get("preferences")) == (401, "120")
        quickbooks.uk.lock_user_out(out=False)
        quickbooks.uk.go_offline()
        assert desk.get("preferences").status_code == 503


class TestLimits:
    def test_eleventh_request_in_a_second_is_refused_in_xml(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        answers = [desk.get("preferences") for _ in range(11)]

        assert [one.status_code for one in answers[:10]] == [200] * 10
        assert said(answers[10]) == (429, "3001")
        assert "retry-after" not in answers[10].headers
        assert quickbooks.limit_breaches == {"second": 1}

    def test_minute_is_counted_per_company_and_opens_again(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.change(minute_limit=2, second_limit=100, throttles_in_xml=False)
        statuses = [desk.get("preferences").status_code for _ in range(3)]

        assert statuses == [200, 200, 429]
        assert Desk(quickbooks, quickbooks.us).get("preferences").status_code == 200
        quickbooks.pass_time(timedelta(seconds=61))
        assert desk.get("preferences").status_code == 200

    def test_batches_have_a_limit_of_their_own(self, quickbooks: QuickBooks, desk: Desk) -> None:
        quickbooks.change(batch_minute_limit=1)
        query = {"bId": "1", "Query": "select * from Item"}
        desk.batch(query)

        answer = desk.post("batch", {"BatchItemRequest": [query]})

        assert said(answer) == (429, "3001")
        assert desk.get("preferences").status_code == 200

    def test_monthly_quota_counts_reads_that_succeed_and_spares_writes(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.change(monthly_reads=2, second_limit=100)
        desk.get("query", query="nonsense")
        desk.get("preferences")
        desk.batch({"bId": "1", "Query": "select * from Item"})

        assert said(desk.get("preferences")) == (429, "3001")
        assert desk.made("Invoice", desk.invoice())["Id"]
        quickbooks.pass_time(timedelta(minutes=5))
        assert desk.get("preferences").status_code == 429
        quickbooks.pass_time(timedelta(days=31))
        assert Desk(quickbooks).get("preferences").status_code == 200

    def test_time_scale_makes_minutes_shorter(self, quickbooks: QuickBooks, desk: Desk) -> None:
        quickbooks.change(minute_limit=1, time_scale=100_000_000.0)

        assert [desk.get("preferences").status_code for _ in range(3)] == [200] * 3
