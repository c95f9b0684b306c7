"""The simulated Marketplace: whose token it is, what its role may, how refusals look."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from connectors.faults import Fault
from connectors.softwareone.simulator import Marketplace, sandbox
from tests.connectors.softwareone.visitor import API, Visitor, said

C, V, O = "client", "vendor", "operations"  # noqa: E741  # as the platform's matrix has them
READS = {
    "credit-memos": {C, O},
    "credit-memos/x/lines": {C, O},
    "credit-memos/x/lines/y": {C, O},
    "credit-memos/x/attachments": {C, O},
    "credit-memos/x/attachments/y": {C, O},
    "custom-ledgers": {O},
    "custom-ledgers/x": {O},
    "custom-ledgers/x/charges": {O},
    "custom-ledgers/x/charges/y": {O},
    "custom-ledgers/x/attachments": {O},
    "custom-ledgers/x/attachments/y": {O},
    "invoices": {C, O},
    "invoices/x": {C, O},
    "invoices/x/lines": {C, O},
    "invoices/x/lines/y": {C, O},
    "invoices/x/attachments": {C, O},
    "invoices/x/attachments/y": {C, O},
    "journals": {V, O},
    "journals/x": {V, O},
    "journals/x/sellers": {V, O},
    "journals/x/charges": {V, O},
    "journals/x/charges/y": {V, O},
    "journals/x/attachments": {V, O},
    "journals/x/attachments/y": {V, O},
    "ledgers": {O},
    "ledgers/x": {O},
    "ledgers/x/charges": {O},
    "ledgers/x/charges/y": {O},
    "ledgers/x/attachments": {O},
    "ledgers/x/attachments/y": {O},
    "manual-overrides": {O},
    "manual-overrides/x": {O},
    "statements": {C, O},
    "statements/x": {C, O},
    "statements/x/charges": {C, O},
    "statements/x/charges/y": {C, O},
}
WRITES = {
    "POST custom-ledgers": {O},
    "PUT custom-ledgers/x": {O},
    "DELETE custom-ledgers/x": {O},
    "POST custom-ledgers/x/upload": {O},
    "POST custom-ledgers/x/accept": {O},
    "POST custom-ledgers/x/attachments": {O},
    "DELETE custom-ledgers/x/attachments/y": {O},
    "PUT invoices/x": {C, O},
    "POST journals": {V},
    "PUT journals/x": {V, O},
    "DELETE journals/x": {V},
    "POST journals/x/upload": {V},
    "POST journals/x/submit": {V},
    "POST journals/x/regenerate": {O},
    "POST journals/x/enquiry": {O},
    "POST journals/x/accept": {O},
    "POST journals/x/attachments": {V},
    "DELETE journals/x/attachments/y": {V},
    "PUT ledgers/x": {O},
    "POST ledgers/x/recalculate": {O},
    "POST ledgers/x/accept": {O},
    "POST manual-overrides": {O},
    "PUT manual-overrides/x": {O},
    "POST manual-overrides/x/disable": {O},
    "POST manual-overrides/x/enable": {O},
    "POST statements/x/retry": {O},
    "POST statements/x/recalculate": {O},
    "POST statements/x/cancel": {O},
}
MATRIX = {**{f"GET {path}": roles for path, roles in READS.items()}, **WRITES}


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    marketplace = Marketplace()
    yield marketplace
    assert marketplace.crashes == []


class TestRoles:
    @pytest.mark.parametrize("call", MATRIX, ids=str)
    def test_every_call_is_open_to_the_roles_of_the_matrix_alone(
        self, marketplace: Marketplace, call: str
    ) -> None:
        marketplace.change(updates_invoices=True)
        method, path = call.split()

        answers = {
            role: Visitor(marketplace, role).http.request(method, f"{API}/{path}").status_code
            for role in (C, V, O)
        }

        assert {role for role, status in answers.items() if status != 403} == MATRIX[call]
        assert not {405, 500} & {*answers.values()}

    def test_records_of_others_are_not_there(self, marketplace: Marketplace) -> None:
        known = marketplace.known
        mine = marketplace.add_invoice(buyer=known.second_buyer)
        theirs = marketplace.add_invoice(buyer=known.foreign_buyer)
        client = Visitor(marketplace, C)

        assert client.ids("invoices") == [mine]
        assert client.get(f"invoices/{theirs}").status_code == 404
        assert sorted(Visitor(marketplace, O).ids("invoices")) == sorted([mine, theirs])

    def test_journals_of_another_vendor_are_not_there(self, marketplace: Marketplace) -> None:
        journal = Visitor(marketplace, V).journal()
        other = Visitor(marketplace, marketplace.known.other_vendor)

        assert other.ids("journals") == []
        for call in ("", "/charges", "/attachments"):
            assert other.get(f"journals/{journal}{call}").status_code == 404
        assert other.post(f"journals/{journal}/submit").status_code == 404

    def test_vendors_see_the_purchase_side_and_clients_the_sale_side(
        self, marketplace: Marketplace
    ) -> None:
        vendor, operations = Visitor(marketplace, V), Visitor(marketplace, O)
        journal = vendor.handed_in()
        (statement,) = marketplace.bill(journal)

        (bought,) = vendor.read(f"journals/{journal}/charges")["data"]
        (sold,) = Visitor(marketplace, C).read(f"statements/{statement}/charges")["data"]
        (both,) = operations.read(f"journals/{journal}/charges")["data"]

        assert bought["price"].keys() == {"currency", "unitPP", "PPx1"}
        assert sold["price"].keys() == {"currency", "unitSP", "SPx1"}
        assert both["price"].keys() >= {"unitPP", "PPx1", "unitSP", "SPx1", "markup", "margin"}
        assert ("upload" in bought, "processing" in bought) == (True, False)
        assert ("upload" in both, "processing" in both) == (False, True)
        assert "processing" not in vendor.read(f"journals/{journal}")

    def test_external_ids_have_a_slot_for_each_role(self, marketplace: Marketplace) -> None:
        vendor, operations = Visitor(marketplace, V), Visitor(marketplace, O)
        journal = vendor.journal("OURS")

        answer = operations.put(f"journals/{journal}", {"externalIds": {"operations": "THEIRS"}})

        assert answer.json()["externalIds"] == {"operations": "THEIRS"}
        assert vendor.read(f"journals/{journal}")["externalIds"] == {"vendor": "OURS"}
        foreign = operations.put(f"journals/{journal}", {"externalIds": {"vendor": "MINE"}})
        assert foreign.status_code == 400


class TestTokens:
    @pytest.mark.parametrize("given", ["", "Bearer nonsense", "Basic abc"])
    def test_without_a_good_token_nothing_is_answered(
        self, marketplace: Marketplace, given: str
    ) -> None:
        visitor = Visitor(marketplace, C)

        answer = visitor.get("invoices", authorization=given)

        assert answer.status_code == 401

    def test_a_deleted_token_is_refused(self, marketplace: Marketplace) -> None:
        visitor = Visitor(marketplace, C)

        marketplace.revoke(C)

        assert visitor.get("invoices").status_code == 401
        assert Visitor(marketplace, C).get("invoices").status_code == 200

    def test_a_new_token_may_need_a_minute(self, marketplace: Marketplace) -> None:
        marketplace.replace_token(C, works_after=timedelta(minutes=1))
        visitor = Visitor(marketplace, C)

        assert visitor.get("invoices").status_code == 401
        marketplace.pass_time(timedelta(minutes=1))
        assert visitor.get("invoices").status_code == 200

    def test_without_the_billing_module_a_token_may_nothing(self, marketplace: Marketplace) -> None:
        marketplace.withhold(C)

        assert Visitor(marketplace, C).get("invoices").status_code == 403


class TestWire:
    @pytest.mark.parametrize("root", ["/public/v1", "/v1"])
    def test_the_api_is_below_two_roots(self, marketplace: Marketplace, root: str) -> None:
        visitor = Visitor(marketplace, C)

        assert visitor.http.get(f"{root}/billing/invoices?limit=1").status_code == 200

    @pytest.mark.parametrize(
        "call",
        [
            "GET analytics",
            "POST statements/x/queue",
            "POST journals/x/inquire",
            "POST journals/x/complete",
            "GET statements/x/attachments",
            "GET journals/x/sellers/y",
            "POST custom-ledgers/x/submit",
            "GET overrides",
        ],
    )
    def test_what_is_not_modelled_is_not_there(self, marketplace: Marketplace, call: str) -> None:
        method, path = call.split()

        answer = Visitor(marketplace, O).http.request(method, f"{API}/{path}")

        assert answer.status_code == 404

    def test_another_method_is_not_allowed(self, marketplace: Marketplace) -> None:
        answer = Visitor(marketplace, O).delete("invoices/x")

        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, PUT"

    def test_invoices_cannot_be_updated_in_the_present_generation(
        self, marketplace: Marketplace
    ) -> None:
        invoice = marketplace.add_invoice()
        client, change = Visitor(marketplace, C), {"externalIds": {"client": "BOOK-1"}}

        assert client.put(f"invoices/{invoice}", change).status_code == 405
        marketplace.change(updates_invoices=True)
        assert client.put(f"invoices/{invoice}", change).json()["externalIds"] == {
            "client": "BOOK-1"
        }

    def test_refusals_are_problems_with_a_trace(self, marketplace: Marketplace) -> None:
        answer = Visitor(marketplace, V).post("journals", {"name": "x", "colour": "red"})

        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body.keys() == {"type", "title", "status", "detail", "traceId", "errors"}
        assert body["errors"].keys() == {"authorization", "colour"}

    def test_errors_may_come_as_a_list(self, marketplace: Marketplace) -> None:
        marketplace.change(error_list=True)

        answer = Visitor(marketplace, V).post("journals", {"name": "x"})

        (error,) = answer.json()["errors"]
        assert error == {"message": "Field required", "properties": ["authorization"]}

    def test_times_may_have_seven_decimals_and_an_offset(self, marketplace: Marketplace) -> None:
        invoice = marketplace.add_invoice()
        marketplace.change(long_times=True)

        row = Visitor(marketplace, C).read(f"invoices/{invoice}")

        assert row["erpData"]["dueDate"].endswith("T00:00:00.0000000+00:00")

    def test_an_unknown_trait_is_refused(self, marketplace: Marketplace) -> None:
        with pytest.raises(TypeError):
            marketplace.change(mood="good")
        with pytest.raises(ValueError, match="wrong_state is one of"):
            marketplace.change(wrong_state=418)

    def test_calls_are_counted_by_name(self, marketplace: Marketplace) -> None:
        vendor = Visitor(marketplace, V)
        journal = vendor.handed_in()
        vendor.get(f"journals/{journal}/charges")
        vendor.get("invoices")

        assert marketplace.calls == {
            "create journals": 1,
            "upload journals": 1,
            "submit journals": 1,
            "list journals/charges": 1,
            "list invoices": 1,
        }

    @pytest.mark.parametrize(
        ("fault", "status"),
        [(Fault.THROTTLE, 429), (Fault.AWAY, 503), (Fault.EXPIRED, 401), (Fault.STALE, 409)],
    )
    def test_faults_speak_as_the_platform_does(
        self, marketplace: Marketplace, fault: Fault, status: int
    ) -> None:
        marketplace.faults.arm(fault)

        answer = Visitor(marketplace, C).get("invoices")

        assert said(answer)[0] == status
        assert answer.json()["status"] == status

    def test_equal_seeds_make_equal_ids(self) -> None:
        first, second, other = Marketplace(seed=1), Marketplace(seed=1), Marketplace(seed=2)

        assert first.known == second.known
        assert first.add_invoice() == second.add_invoice()
        assert first.known != other.known


class TestSandbox:
    @pytest.mark.parametrize("role", [C, V, O])
    def test_its_credentials_open_it(self, role: str) -> None:
        served = sandbox(role=role)
        try:
            headers = {"authorization": f"Bearer {served.credentials['api_token']}"}
            path = "journals" if role == V else "invoices"
            answer = httpx.get(f"{served.base_url}{API}/{path}?limit=0", headers=headers)
        finally:
            served.simulator.stop()

        assert answer.status_code == 200
        assert served.settings["account_role"] == role
        assert (answer.json()["$meta"]["pagination"]["total"] > 10) is (role != V)
