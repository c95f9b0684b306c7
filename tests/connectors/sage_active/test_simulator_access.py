"""The simulated Sage Active's doors: keys, tokens, organisations, rights."""

from datetime import timedelta

import httpx
import pytest

from connectors.sage_active.simulator import SageActiveLedger, sandbox
from tests.connectors.sage_active.asking import Asker

ME = "{ userProfile { id fullName } }"
CALLBACK = "https://us.example/callback"


@pytest.fixture
def ledger() -> SageActiveLedger:
    return SageActiveLedger()


@pytest.fixture
def fr(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.fr)


class TestHeaders:
    def test_unknown_subscription_key_is_told_from_a_bad_token(self, fr: Asker) -> None:
        answer = fr.client.post(
            "/graphql", json={"query": ME}, headers={**fr.headers, "x-api-key": "other"}
        )

        assert answer.status_code == 401
        assert "invalid subscription key" in answer.json()["message"]

    def test_secondary_key_works_while_the_primary_is_revoked(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.revoke_subscription_key()

        assert "subscription key" in fr.post(ME).json()["message"]
        fr.headers["x-api-key"] = ledger.rules.secondary_key
        assert fr.post(ME).status_code == 200

    @pytest.mark.parametrize("given", [None, "Bearer other"])
    def test_token_that_is_absent_or_unknown_is_401(self, fr: Asker, given: str | None) -> None:
        fr.headers.pop("Authorization")
        if given:
            fr.headers["Authorization"] = given

        answer = fr.post(ME)

        assert answer.status_code == 401
        assert answer.json() == {"statusCode": 401, "message": "JWT not present."}

    def test_token_expires(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.pass_time(timedelta(hours=8))

        assert fr.post(ME).status_code == 401

    def test_organisation_is_mandatory_for_most_operations(self, fr: Asker) -> None:
        del fr.headers["X-OrganizationId"]

        body = fr.post("{ customers { nodes { id } } }").json()

        assert body["errors"][0]["message"] == "X-OrganizationId header is mandatory"
        assert body["data"] == {"customers": None}

    @pytest.mark.parametrize(
        "document",
        [
            ME,
            "{ organizations { nodes { id } } }",
            '{ localizedErrorMessage(errorCode: "x", language: "en") { message } }',
            '{ localizedEnumValues(enumName: "Matching", language: "en") { name } }',
        ],
    )
    def test_some_operations_need_no_organisation(self, fr: Asker, document: str) -> None:
        del fr.headers["X-OrganizationId"]

        assert "errors" not in fr.post(document).json()

    @pytest.mark.parametrize("organisation", ["00000000-0000-0000-0000-000000000000", "other"])
    def test_organisation_that_is_not_the_users_is_refused(
        self, fr: Asker, organisation: str
    ) -> None:
        fr.headers["X-OrganizationId"] = organisation

        body = fr.post("{ customers { nodes { id } } }").json()

        assert body["errors"][0]["extensions"]["code"] == "AUTH_NOT_AUTHORIZED"

    def test_user_who_may_not_use_sage_active_is_403(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.lock_user_out()

        assert fr.post(ME).status_code == 403

    def test_token_for_reading_cannot_write(self, ledger: SageActiveLedger, fr: Asker) -> None:
        word = ledger.credentials("RDSA")["access_token"]
        fr.headers["Authorization"] = f"Bearer {word}"

        assert fr.refusal("createSalesInvoice", fr.invoice()) == "authorizationPolicy"
        assert ledger.fr.rows("salesInvoices", sourceType="PUBLIC_API") == []


class TestOrganisations:
    def test_one_token_reaches_companies_of_three_legislations(self, fr: Asker) -> None:
        found = fr.nodes("organizations", "id legislationCode onboardingCompleted documentId")

        assert [one["legislationCode"] for one in found] == ["FR", "ES", "DE", "FR"]
        assert found[3]["id"] == "00000000-0000-0000-0000-000000000000"
        assert not found[3]["onboardingCompleted"]
        assert found[0]["documentId"] is None

    def test_details_are_those_of_the_organisation_in_the_header(
        self, ledger: SageActiveLedger
    ) -> None:
        es = Asker(ledger, ledger.es)

        found = es.data("{ organizationDetail { legislationCode documentId currency { code } } }")

        assert found["legislationCode"] == "ES"
        assert found["documentId"]
        assert found["currency"] == {"code": "EUR"}

    def test_companies_do_not_see_each_others_records(self, ledger: SageActiveLedger) -> None:
        fr, de = Asker(ledger, ledger.fr), Asker(ledger, ledger.de)
        customer = ledger.fr.customer()

        assert fr.one("customers", customer, "id") == {"id": customer}
        assert de.nodes("customers", "id", f'where: {{id: {{eq: "{customer}"}}}}') == []

    def test_policies_tell_what_the_user_may_do(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.fr.deny("createProduct")
        document = (
            "query($a: [String!]!) { userAccessPolicyCheck(actions: $a) { action isAllowed } }"
        )

        found = fr.data(document, a=["createProduct", "customers"])

        assert [one["isAllowed"] for one in found] == [False, True]
        body = fr.post(document, a=["createUnicorn"]).json()
        assert body["errors"][0]["message"] == "global.businessErrors.unknownActionNames"

    def test_missing_right_names_it(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.fr.deny("createProduct")

        body = fr.send("createProduct", {"code": "X", "name": "X"}).json()

        assert body["errors"][0]["message"] == "global.businessErrors.authorizationPolicy"
        assert body["errors"][0]["extensions"]["details"] == "add-product"

    def test_plan_may_lack_a_feature(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.fr.drop_feature("accountingEntries")

        body = fr.post("{ accountingEntries { nodes { id } } }").json()

        assert body["errors"][0]["message"] == "global.businessErrors.authorizationFeature"

    def test_user_who_is_locked_out_of_a_company_keeps_the_others(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.fr.lock_out()

        body = fr.post("{ customers { nodes { id } } }").json()

        assert body["errors"][0]["extensions"]["code"] == "AUTH_NOT_AUTHORIZED"
        assert Asker(ledger, ledger.de).nodes("customers", "id")


class TestSandbox:
    def test_it_serves_books_and_gives_tokens_for_them(self) -> None:
        box = sandbox()
        try:
            headers = {
                "Authorization": f"Bearer {box.credentials['access_token']}",
                "x-api-key": "sandbox-key-1",
            }
            answer = httpx.post(
                f"{box.base_url}/graphql", json={"query": ME}, headers=headers, trust_env=False
            )
        finally:
            box.simulator.stop()

        assert answer.status_code == 200
        assert box.credentials["refresh_token"]
        assert isinstance(box.simulator, SageActiveLedger)
        french = box.simulator.fr
        codes = {row["code"] for row in french.rows("accountingAccounts")}
        assert box.settings["organization_id"] == french.id
        assert {box.settings[name] for name in box.settings if "account" in name} <= codes

    def test_equal_seeds_make_equal_books(self) -> None:
        one, same, other = (SageActiveLedger(seed=seed) for seed in (1, 1, 2))

        assert one.de.rows("salesInvoices") == same.de.rows("salesInvoices")
        assert one.de.id != other.de.id
