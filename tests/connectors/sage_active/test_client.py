"""Which organisation, which headers, whose key: what surrounds every call."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from connectors import auth
from connectors.auth import OAuthApp
from connectors.base import CallScope, ConnectorConfig
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    PermissionDenied,
    Rejected,
    TokenRefused,
)
from connectors.sage_active import SPEC
from connectors.sage_active.client import Client
from connectors.sage_active.connector import SageActive
from connectors.sage_active.settings import SageActiveCredentials, SageActiveSettings
from models.canonical import ObjectType
from models.crypto import KeyRing, new_key
from models.tables import ConnectionRow
from sync.opener import Opener
from tests.connectors.sage_active.bench import SageBench


def built(bench: SageBench, *, key: bool = True, **changes: Any) -> SageActive:
    """A connector with another configuration than the bench's."""
    config = bench.config()
    assert isinstance(config.credentials, SageActiveCredentials)
    if not key:
        credentials = config.credentials.model_copy(update={"subscription_key": None})
        config = replace(config, credentials=credentials)
    return SageActive(replace(config, **changes))


class TestOrganisation:
    def test_the_one_that_is_named_is_found_among_several(self, bench: SageBench) -> None:
        identity = bench.connector().check()

        assert (identity.organisation_id, identity.organisation_name) == (
            bench.company.id,
            bench.company.name,
        )
        assert bench.scope.calls == 1

    def test_several_are_listed_when_none_is_named(self, bench: SageBench) -> None:
        with pytest.raises(ActionRequired) as caught:
            bench.connector(organization_id=None).check()

        for company in (bench.ledger.fr, bench.ledger.es, bench.ledger.de):
            assert f"{company.name} ({company.id})" in caught.value.message

    def test_one_that_has_not_finished_its_onboarding_cannot_be_used(
        self, bench: SageBench
    ) -> None:
        with pytest.raises(AuthorizationLost) as caught:
            bench.connector(organization_id="00000000-0000-0000-0000-000000000000").check()

        assert caught.value.cause is not None
        assert caught.value.cause.code == "wrong_organisation"

    def test_the_one_that_was_connected_is_asked_for_without_a_setting(
        self, bench: SageBench
    ) -> None:
        connector = built(
            bench,
            settings=SageActiveSettings(),
            organisation_id=bench.ledger.de.id,
        )

        assert connector.check().organisation_id == bench.ledger.de.id

    def test_an_unknown_legislation_is_named(self) -> None:
        node = {
            "id": "1beb3711-7d41-4602-aece-328bff7b118e",
            "socialName": "Lisboa Lda",
            "legislationCode": "PT",
            "onboardingCompleted": True,
        }
        body = {"data": {"organizations": {"nodes": [node], "pageInfo": {"hasNextPage": False}}}}
        client = httpx.Client(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body))
        )
        bench = SageBench("FR")

        with pytest.raises(PermissionDenied) as caught:
            built(bench, http=client, settings=SageActiveSettings()).check()

        assert caught.value.cause is not None
        assert (caught.value.cause.code, caught.value.cause.subject) == (
            "unknown_legislation",
            "PT",
        )


class TestHeaders:
    def headers(self, bench: SageBench) -> dict[str, str]:
        return dict(bench.ledger.traffic.log[-1].headers)

    def test_every_call_names_key_and_organisation(self, bench: SageBench) -> None:
        list(bench.connector().pull(ObjectType.ITEM, None))

        sent = self.headers(bench)
        assert sent["x-api-key"] == bench.ledger.rules.primary_key
        assert sent["x-organizationid"] == bench.company.id
        assert sent["authorization"].startswith("Bearer ")
        assert "x-tenantid" not in sent

    def test_the_tenant_is_sent_where_it_is_known(self, bench: SageBench) -> None:
        credentials = bench.config().credentials.model_copy(update={"tenant_id": "T-1"})

        list(built(bench, credentials=credentials).pull(ObjectType.ITEM, None))

        assert self.headers(bench)["x-tenantid"] == "T-1"

    def test_the_key_of_our_registration_is_used_where_credentials_have_none(
        self, bench: SageBench
    ) -> None:
        key = SecretStr(bench.ledger.rules.secondary_key)

        assert built(bench, key=False, app_key=key).check()

        assert self.headers(bench)["x-api-key"] == bench.ledger.rules.secondary_key

    def test_without_any_key_it_is_said_where_to_put_one(self, bench: SageBench) -> None:
        with pytest.raises(AuthorizationLost) as caught:
            built(bench, key=False).check()

        assert "LEDGERBRIDGE_OAUTH_APPS" in caught.value.message
        assert bench.operations() == []

    def test_the_address_may_end_with_the_path(self, bench: SageBench) -> None:
        assert built(bench, base_url="http://sage.test/graphql").check()


class TestTokens:
    def test_a_token_that_ends_early_is_renewed_and_the_call_sent_again(
        self, bench: SageBench
    ) -> None:
        connector = built(
            bench, renew=lambda _: SecretStr(bench.ledger.credentials()["access_token"])
        )
        bench.ledger.expire_access_tokens()

        (result,) = connector.push(ObjectType.ITEM, [bench.item(bench.sample(ObjectType.ITEM))])

        assert result.platform_id  # type: ignore[union-attr]  # it is accepted
        assert len([one for one in bench.operations() if one == "CreateProduct"]) == 2

    def test_a_token_that_cannot_be_renewed_ends_the_connection(self, bench: SageBench) -> None:
        connector = bench.connector()
        bench.ledger.revoke_consent()

        with pytest.raises(TokenRefused):
            connector.check()

    def test_a_revoked_key_is_not_taken_for_an_old_token(self, bench: SageBench) -> None:
        renewed: list[SecretStr] = []

        def renew(token: SecretStr) -> SecretStr:
            renewed.append(token)
            return token

        connector = built(bench, renew=renew)
        bench.ledger.revoke_subscription_key()

        with pytest.raises(AuthorizationLost) as caught:
            connector.check()

        assert caught.value.cause is not None
        assert caught.value.cause.code == "subscription_key_refused"
        assert renewed == []

    def test_a_user_without_access_is_a_closed_door(self, bench: SageBench) -> None:
        bench.ledger.lock_user_out()

        with pytest.raises(AuthorizationLost) as caught:
            bench.connector().check()

        assert caught.value.cause is not None
        assert caught.value.cause.code == "organisation_locked"


class TestRefusals:
    def test_an_explanation_is_asked_for_once_for_each_code(self, bench: SageBench) -> None:
        connector = bench.connector()
        record = bench.refused(ObjectType.ITEM)

        for _ in range(2):
            (result,) = connector.push(ObjectType.ITEM, [bench.item(record)])
            assert isinstance(result.error, Rejected)  # type: ignore[union-attr]  # it is refused

        assert bench.operations().count("Explain") == 1

    def test_secrets_are_in_no_message(self, bench: SageBench) -> None:
        config = bench.config()
        secret = bench.ledger.rules.primary_key
        refusing = httpx.MockTransport(lambda _: httpx.Response(418, text=f"key {secret}"))

        with pytest.raises(Rejected) as caught:
            Client(replace(config, http=httpx.Client(transport=refusing))).read_organization()

        assert secret not in caught.value.message


def opener_at(bench: SageBench) -> Opener:
    """What opens connections, registered at the simulator."""
    rules = bench.ledger.rules
    app = OAuthApp(
        client_id=rules.client_id,
        client_secret=SecretStr(rules.client_secret),
        api_key=SecretStr(rules.primary_key),
    )
    return Opener(
        spec=lambda _: SPEC,
        keys=KeyRing([new_key()]),
        http=bench.http,
        timeout_seconds=5,
        allow_loopback=True,
        oauth_apps={"sage_active": app},
    )


class TestSignIn:
    ADDRESS = "http://127.0.0.1:4711"

    def test_a_consent_gives_tokens_and_the_key_is_our_registrations(
        self, bench: SageBench
    ) -> None:
        opener, verifier = opener_at(bench), auth.new_verifier()
        endpoint = opener.endpoint(SPEC, self.ADDRESS)
        page = auth.authorize_url(
            endpoint, redirect_uri=opener.callback_url, state="s-1", verifier=verifier
        )
        back = parse_qs(urlsplit(bench.http.get(page).headers["location"]).query)

        tokens = auth.exchange(
            bench.http,
            endpoint,
            code=back["code"][0],
            redirect_uri=opener.callback_url,
            verifier=verifier,
            scope=CallScope("test"),
        )

        credentials = SageActiveCredentials.model_validate(tokens.plain())
        key = opener.app_key(SPEC)
        connector = built(bench, key=False, credentials=credentials, app_key=key)
        assert connector.check().organisation_id == bench.company.id
        assert tokens.expires_at is not None

    def test_renewing_keeps_what_stands_beside_the_tokens(self, bench: SageBench) -> None:
        opener = opener_at(bench)
        held = {**bench.ledger.credentials(), "subscription_key": "K-1", "tenant_id": "T-1"}
        connection = ConnectionRow(provider="sage_active", base_url=self.ADDRESS)

        renewed = opener.renew(connection, opener.keys.seal(held), CallScope("test"))

        assert renewed.sealed is not None
        kept = opener.keys.open(renewed.sealed)
        assert (kept["subscription_key"], kept["tenant_id"]) == ("K-1", "T-1")
        assert kept["access_token"] != held["access_token"]
        assert kept["refresh_token"] != held["refresh_token"]


class TestAddresses:
    def test_consent_is_asked_for_at_sage(self, bench: SageBench) -> None:
        endpoint = opener_at(bench).endpoint(SPEC, "https://api.es.active.sage.com")

        assert endpoint.spec.authorize_url == "https://sbcauth.sage.fr/connect/authorize"
        assert endpoint.spec.token_url == "https://sbcauth.sage.fr/connect/token"

    def test_a_stand_in_stands_in_for_the_authorization_server_too(self, bench: SageBench) -> None:
        endpoint = opener_at(bench).endpoint(SPEC, "http://127.0.0.1:4711")

        assert endpoint.spec.authorize_url == "http://127.0.0.1:4711/connect/authorize"
        assert endpoint.spec.token_url == "http://127.0.0.1:4711/connect/token"


class TestSettings:
    def test_rates_may_be_written_in_any_way(self) -> None:
        settings = SageActiveSettings.model_validate({"products": {"20.0": "A", "5.50": "B"}})

        assert settings.products == {"20": "A", "5.5": "B"}

    def test_what_is_no_rate_is_said(self) -> None:
        with pytest.raises(ValidationError, match="the rates must be numbers"):
            SageActiveSettings.model_validate({"products": {"normal": "A"}})


def test_a_connector_of_another_provider_is_not_built() -> None:
    bench = SageBench("FR")
    config: ConnectorConfig = replace(bench.config(), credentials=SageActiveSettings())

    with pytest.raises(TypeError):
        SPEC.build(replace(config, scope=CallScope("x")))
