"""Signing in to the simulated Sage Active: codes, tokens, rotation, withdrawal."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from connectors.sage_active.simulator import SageActiveLedger
from tests.connectors.sage_active.asking import Asker

ME = "{ userProfile { id fullName } }"
CALLBACK = "https://us.example/callback"


@pytest.fixture
def ledger() -> SageActiveLedger:
    return SageActiveLedger()


@pytest.fixture
def fr(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.fr)


@pytest.fixture
def client(ledger: SageActiveLedger) -> Iterator[httpx.Client]:
    with httpx.Client(transport=ledger.transport(), base_url="http://sage") as client:
        yield client


def authorize(client: httpx.Client, **more: str) -> dict[str, str]:
    query = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": CALLBACK,
        "scope": "RDSA WDSA offline_access",
        "state": "s1",
        **more,
    }
    answer = client.get("/connect/authorize", params=query)
    assert answer.status_code == 302
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def token(client: httpx.Client, **form: str) -> httpx.Response:
    app = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    return client.post("/connect/token", data={**app, **form})


def exchange(client: httpx.Client, code: str, **more: str) -> httpx.Response:
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return token(client, **grant, **more)


def refresh(client: httpx.Client, word: str, **more: str) -> httpx.Response:
    return token(client, grant_type="refresh_token", refresh_token=word, **more)


class TestSignIn:
    def test_code_buys_tokens_of_eight_hours(self, client: httpx.Client) -> None:
        given = authorize(client)

        tokens = exchange(client, given["code"]).json()

        assert given["state"] == "s1"
        assert {"iss", "scope"} <= given.keys()
        assert tokens["expires_in"] == 28800
        assert tokens["token_type"] == "Bearer"
        assert tokens["refresh_token"]

    def test_code_works_once(self, client: httpx.Client) -> None:
        code = authorize(client)["code"]
        exchange(client, code)

        again = exchange(client, code)

        assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})

    def test_code_lives_sixty_seconds(self, ledger: SageActiveLedger, client: httpx.Client) -> None:
        code = authorize(client)["code"]

        ledger.pass_time(timedelta(seconds=61))

        assert exchange(client, code).json() == {"error": "invalid_grant"}

    def test_verifier_must_fit_the_challenge(self, client: httpx.Client) -> None:
        digest = hashlib.sha256(b"right").digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        codes = [
            authorize(client, code_challenge=challenge, code_challenge_method="S256")["code"]
            for _ in range(2)
        ]

        assert exchange(client, codes[0], code_verifier="wrong").status_code == 400
        assert exchange(client, codes[1], code_verifier="right").status_code == 200

    def test_wrong_secret_is_an_invalid_client(self, client: httpx.Client) -> None:
        code = authorize(client)["code"]

        assert exchange(client, code, client_secret="wrong").json() == {"error": "invalid_client"}

    def test_secret_in_a_basic_header_is_not_read(self, client: httpx.Client) -> None:
        grant = {
            "grant_type": "authorization_code",
            "code": authorize(client)["code"],
            "redirect_uri": CALLBACK,
        }

        answer = client.post(
            "/connect/token", data=grant, auth=("sandbox-client", "sandbox-secret")
        )

        assert answer.json() == {"error": "invalid_client"}

    def test_who_does_not_consent_sends_the_browser_back_without_a_code(
        self, ledger: SageActiveLedger, client: httpx.Client
    ) -> None:
        ledger.change(consents=False)

        assert authorize(client) == {"state": "s1", "error": "access_denied"}

    def test_without_offline_access_there_is_no_refresh_token(self, client: httpx.Client) -> None:
        tokens = exchange(client, authorize(client, scope="RDSA")["code"]).json()

        assert "refresh_token" not in tokens


class TestRefresh:
    def test_refresh_token_rotates(self, ledger: SageActiveLedger, client: httpx.Client) -> None:
        old = ledger.credentials()

        fresh = refresh(client, old["refresh_token"]).json()

        assert fresh["refresh_token"] != old["refresh_token"]
        assert refresh(client, fresh["refresh_token"]).status_code == 200

    def test_old_refresh_token_ends_and_costs_the_consent(
        self, ledger: SageActiveLedger, client: httpx.Client
    ) -> None:
        old = ledger.credentials()
        fresh = refresh(client, old["refresh_token"]).json()

        assert refresh(client, old["refresh_token"]).json() == {"error": "invalid_grant"}
        assert refresh(client, fresh["refresh_token"]).json() == {"error": "invalid_grant"}

    def test_refresh_tokens_may_also_stay(
        self, ledger: SageActiveLedger, client: httpx.Client
    ) -> None:
        ledger.change(replay_ends_consent=False)
        old = ledger.credentials()["refresh_token"]
        fresh = refresh(client, old).json()["refresh_token"]
        assert refresh(client, old).status_code == 400
        assert refresh(client, fresh).status_code == 200

        ledger.change(rotates_tokens=False)
        word = ledger.credentials()["refresh_token"]
        assert refresh(client, word).status_code == refresh(client, word).status_code == 200

    def test_scope_is_not_to_be_sent(self, ledger: SageActiveLedger, client: httpx.Client) -> None:
        word = ledger.credentials()["refresh_token"]

        assert refresh(client, word, scope="RDSA").json() == {"error": "invalid_scope"}

    def test_withdrawn_consent_ends_everything(
        self, ledger: SageActiveLedger, client: httpx.Client, fr: Asker
    ) -> None:
        word = ledger.credentials()["refresh_token"]

        ledger.revoke_consent()

        assert refresh(client, word).json() == {"error": "invalid_grant"}
        assert fr.post(ME).status_code == 401

    def test_revoked_token_ends_its_consent(
        self, ledger: SageActiveLedger, client: httpx.Client
    ) -> None:
        held = ledger.credentials()
        app = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}

        answer = client.post("/connect/revocation", data={**app, "token": held["refresh_token"]})

        assert answer.status_code == 200
        assert refresh(client, held["refresh_token"]).json() == {"error": "invalid_grant"}
