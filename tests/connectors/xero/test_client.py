"""Whose books, with which calls, headers and keys."""

import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.auth import (
    OAuthApp,
    OAuthTokens,
    TokenEndpoint,
    authorize_url,
    exchange,
    new_verifier,
    refresh,
)
from connectors.base import CallScope, ConnectorConfig, LimitScope, Operation
from connectors.errors import ActionRequired, AuthorizationLost, PermissionDenied, Rejected
from connectors.faults import Answer, Fault
from connectors.xero import SPEC
from connectors.xero.client import Client, call_key, consent_of
from connectors.xero.connector import Xero
from models.canonical import ObjectType
from tests.connectors.xero.bench import XeroBench, changed


def config(bench: XeroBench, *, known: str | None = None, **settings: Any) -> ConnectorConfig:
    """As the first `check` gets it: nobody has said which organisation it is."""
    given = bench.configured(**{"organisation": None, **settings})
    return replace(given, organisation_id=known)


class TestWhoseBooks:
    def test_the_setting_names_one_of_several(self, bench: XeroBench) -> None:
        by_name = Xero(config(bench, organisation=bench.xero.au.name)).check()
        by_id = Xero(config(bench, organisation=bench.xero.au.id)).check()

        assert by_name == by_id
        assert by_name.organisation_id == bench.xero.au.id
        assert by_name.base_currency == "AUD"

    def test_several_and_none_named_is_a_question_with_their_names(self, bench: XeroBench) -> None:
        with pytest.raises(ActionRequired) as asked:
            Xero(config(bench)).check()

        assert bench.xero.uk.name in asked.value.message
        assert bench.xero.au.name in asked.value.message
        assert not isinstance(asked.value, AuthorizationLost)

    def test_one_that_is_not_there_is_a_question_too(self, bench: XeroBench) -> None:
        with pytest.raises(ActionRequired, match="Elsewhere"):
            Xero(config(bench, organisation="Elsewhere Ltd")).check()

    def test_the_only_one_needs_no_setting(self, bench: XeroBench) -> None:
        tokens = OAuthTokens.model_validate(bench.xero.credentials_for(bench.xero.us))
        given = replace(config(bench), credentials=tokens)

        assert Xero(given).check().organisation_id == bench.xero.us.id

    def test_it_may_be_the_only_one_of_this_consent(self, bench: XeroBench) -> None:
        # The token opens two; one of them was connected before, by another consent.
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path != "/connections":
                rows = {"Organisations": [{"OrganisationID": "new", "Name": "New"}]}
                return httpx.Response(200, json=rows)
            both = [{"id": "1", "tenantId": "old"}, {"id": "2", "tenantId": "new"}]
            mine = request.url.params.get("authEventId") == "event-7"
            return httpx.Response(200, json=both[1:] if mine else both)

        claims = base64.urlsafe_b64encode(b'{"authentication_event_id": "event-7"}').decode()
        tokens = OAuthTokens(access_token=SecretStr(f"e30.{claims.rstrip('=')}.signature"))
        client = httpx.Client(transport=httpx.MockTransport(answer))

        found = Xero(replace(config(bench), credentials=tokens, http=client)).check()

        assert found.organisation_id == "new"

    def test_what_was_connected_goes_before_the_setting(self, bench: XeroBench) -> None:
        given = config(bench, known=bench.xero.uk.id, organisation=bench.xero.au.name)

        assert Xero(given).check().organisation_id == bench.xero.uk.id

    def test_one_that_was_disconnected_is_said(self, bench: XeroBench) -> None:
        given = config(bench, known=bench.xero.au.id)
        bench.xero.disconnect(bench.xero.au)

        with pytest.raises(AuthorizationLost, match="not connected to this app any more"):
            Xero(given).check()

    def test_one_that_its_person_may_not_enter_is_said_otherwise(self, bench: XeroBench) -> None:
        body = {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}
        bench.xero.arm(Fault.ERROR_BEFORE, path="/Organisation", answer=Answer(403, body))

        with pytest.raises(AuthorizationLost, match="may not work in this organisation"):
            bench.connector().check()

    def test_it_takes_one_call_once_it_is_connected(self, bench: XeroBench) -> None:
        bench.connector().check()

        assert bench.scope.calls == 1

    def test_another_organisation_is_not_written_to(self, bench: XeroBench) -> None:
        given = replace(config(bench), organisation_id=bench.xero.us.id)

        (result,) = Xero(given).push(
            ObjectType.CONTACT, [bench.item(bench.sample(ObjectType.CONTACT))]
        )

        assert isinstance(result.error, AuthorizationLost)  # type: ignore[union-attr]  # it failed

    @pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30.c", "a.W10.c", "a.\u2603.c"])
    def test_a_token_that_says_nothing_is_no_problem(self, token: str) -> None:
        assert consent_of(token) == ""

    def test_a_missing_scope_is_a_matter_of_rights(self, bench: XeroBench) -> None:
        scopes = "offline_access accounting.settings accounting.invoices"
        tokens = OAuthTokens.model_validate(bench.xero.credentials(scopes=scopes))
        connector = Xero(replace(bench.config(), credentials=tokens))

        with pytest.raises(PermissionDenied):
            list(connector.pull(ObjectType.CONTACT, None))


class TestTokens:
    def test_an_expired_one_is_renewed_and_nothing_is_written_twice(self, bench: XeroBench) -> None:
        renewed: list[str] = []
        given = bench.config()
        bench.xero.expire_access_tokens()

        def renew(_: SecretStr) -> SecretStr:
            renewed.append("once")
            return SecretStr(bench.xero.credentials()["access_token"])

        item = bench.item(bench.invoice())
        Xero(replace(given, renew=renew)).push(ObjectType.INVOICE, [item])

        assert renewed == ["once"]
        assert bench.count(ObjectType.INVOICE, item.marker) == 1

    def test_a_consent_gives_tokens_that_rotate(self, bench: XeroBench) -> None:
        rules, base = bench.xero.rules, bench.xero.base_url
        assert SPEC.oauth is not None
        spec = replace(
            SPEC.oauth,
            authorize_url=f"{base}/identity/connect/authorize",
            token_url=f"{base}/connect/token",
        )
        app = OAuthApp(client_id=rules.client_id, client_secret=SecretStr(rules.client_secret))
        endpoint, verifier = TokenEndpoint(spec, app), new_verifier()
        back = "https://bridge.example.com/v1/connect/callback"
        url = authorize_url(endpoint, redirect_uri=back, state="s", verifier=verifier)
        location = httpx.URL(bench.http.get(url, follow_redirects=False).headers["location"])

        scope = CallScope("test")
        code = location.params["code"]
        tokens = exchange(
            bench.http, endpoint, code=code, redirect_uri=back, verifier=verifier, scope=scope
        )
        later = refresh(bench.http, endpoint, tokens, scope=scope)

        assert location.params["state"] == "s"
        assert tokens.refresh_token is not None
        assert later.refresh_token not in {None, tokens.refresh_token}
        assert Xero(replace(bench.config(), credentials=later)).check()
        assert consent_of(later.access_token.get_secret_value())


class TestCalls:
    def test_every_call_asks_for_json_and_names_the_organisation(self, bench: XeroBench) -> None:
        bench.accepted(bench.invoice())

        for request in bench.xero.traffic.log:
            if request.path.startswith("/api.xro"):
                assert request.headers["accept"] == "application/json"
                assert request.headers["xero-tenant-id"] == bench.books.id
                assert request.headers["user-agent"]

    def test_batches_are_answered_element_by_element_with_exact_prices(
        self, bench: XeroBench
    ) -> None:
        bench.accepted(bench.invoice())

        (written,) = [one for one in bench.xero.traffic.log if one.method == "PUT"]
        assert written.query == {"summarizeErrors": "false", "unitdp": "4"}
        assert len(written.headers["idempotency-key"]) <= 128

    def test_filters_survive_the_address(self, bench: XeroBench) -> None:
        client = Client(bench.config())
        where = 'Name=="A & B #1 + \\"C\\" 100%"'

        with pytest.raises(Rejected):
            client.page("Contacts", {"where": where + " AND"}, number=1)

        assert bench.xero.traffic.log[-1].query["where"] == where + " AND"

    def test_keys_tell_batches_apart(self) -> None:
        assert call_key(["a", "b"]) == call_key(["a", "b"])
        assert (
            len({call_key(["a"]), call_key(["b"]), call_key(["a", "b"]), call_key(["b", "a"])}) == 4
        )

    def test_a_read_that_breaks_off_is_repeated_a_write_never(self, bench: XeroBench) -> None:
        bench.xero.arm(Fault.DROP_BEFORE, method="GET", times=1)
        assert bench.connector().check()
        bench.xero.arm(Fault.DROP_BEFORE, method="PUT")
        before = len([one for one in bench.xero.traffic.log if one.method == "PUT"])

        bench.batch(bench.item(bench.bill()))

        assert len([one for one in bench.xero.traffic.log if one.method == "PUT"]) == before + 1

    def test_a_change_is_one_read_and_one_write(self, bench: XeroBench) -> None:
        item = bench.item(bench.sample(ObjectType.CONTACT))
        there = bench.accepted(item)
        new = bench.changed(item.record)

        bench.batch(changed(item, new, there.platform_id, there.version))

        assert bench.scope.calls == 2


class TestLeaving:
    def test_one_organisation_is_left_and_the_others_stay(self, bench: XeroBench) -> None:
        assert SPEC.leave is not None

        SPEC.leave(replace(bench.config(), organisation_id=bench.xero.au.id))

        left = {one.tenantId for one in Client(bench.config()).tenants()}
        assert left == {bench.xero.uk.id}

    def test_one_that_is_gone_already_is_no_error(self, bench: XeroBench) -> None:
        assert SPEC.leave is not None
        bench.xero.disconnect(bench.xero.au)

        SPEC.leave(replace(bench.config(), organisation_id=bench.xero.au.id))


class TestLimits:
    @pytest.mark.parametrize(("settings", "most"), [({}, 1000), ({"calls_per_day": 5000}, 5000)])
    def test_a_day_is_what_the_plan_allows(self, settings: dict[str, int], most: int) -> None:
        assert SPEC.of(settings).limits.per_day == most

    def test_all_customers_of_the_app_share_a_minute(self) -> None:
        (shared,) = SPEC.limits.more

        assert (shared.amount, shared.scope) == (10_000, LimitScope.APP)

    def test_headers_say_what_is_left(self, bench: XeroBench) -> None:
        answer = bench.http.get(
            f"{bench.xero.base_url}/api.xro/2.0/Organisation",
            headers=bench.xero.headers(bench.books),
        )

        for window in SPEC.limits.windows:
            assert window.left_header.lower() in answer.headers

    def test_a_key_has_ended_before_anything_is_sent_again(self) -> None:
        assert SPEC.idempotency is not None
        assert SPEC.consistency_delay > SPEC.idempotency.remembered_for

    def test_addresses_are_cut_short(self, bench: XeroBench) -> None:
        items = [bench.item(bench.bill(number="B" * 200 + str(number))) for number in range(30)]

        bench.connector().find(ObjectType.BILL, items)

        assert max(len(one.target) for one in bench.xero.traffic.log) < 2000
        assert bench.scope.calls <= 7

    def test_nothing_is_said_that_is_for_sources(self, bench: XeroBench) -> None:
        item = bench.item(bench.bill(), operation=Operation.COMPLETE)
        scope = CallScope("test")

        Xero(replace(bench.config(), scope=scope)).push(ObjectType.BILL, [item])

        assert scope.calls == 0
