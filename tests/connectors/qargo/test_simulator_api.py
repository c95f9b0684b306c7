"""The simulated Qargo: signing in, limits, documents, lists, and what goes over the wire."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.faults import Fault
from connectors.qargo.simulator import Line, Qargo, Refused, sandbox
from tests.connectors.qargo.desk import FAILED, TASKS, Desk, said, token_request

ACCOUNTING = "/v1/accounting"
PATHS = {
    "SALES_INVOICE": "sales-invoice",
    "SALES_CREDIT_NOTE": "sales-credit-note",
    "PURCHASE_INVOICE": "purchase-invoice",
    "PURCHASE_CREDIT_NOTE": "purchase-credit-note",
}


@pytest.fixture
def qargo() -> Iterator[Qargo]:
    """A tenant with the entities NL (default) and BE; no limits; small pages."""
    qargo = Qargo(limited=False, page_size=5)
    qargo.add_entity("NL")
    qargo.add_entity("BE")
    yield qargo
    assert qargo.crashes == []


@pytest.fixture
def mine(qargo: Qargo) -> Iterator[Desk]:
    """An INT client for NL."""
    desk = Desk(qargo, qargo.credentials("INT", "NL"))
    yield desk
    desk.http.close()


@pytest.fixture
def org(qargo: Qargo) -> Iterator[Desk]:
    """An ORG client."""
    desk = Desk(qargo, qargo.credentials("ORG"))
    yield desk
    desk.http.close()


def path_of(qargo: Qargo, document_id: str) -> str:
    return f"{ACCOUNTING}/{PATHS[qargo.document(document_id).subject_type]}/{document_id}"


class TestSignIn:
    def test_a_client_gets_a_token_for_an_hour(self, qargo: Qargo) -> None:
        answer = token_request(qargo, qargo.credentials("ORG"))

        assert answer.status_code == 200
        assert answer.json().keys() == {"access_token", "expires_in"}
        assert answer.json()["expires_in"] == 3600
        assert answer.json()["access_token"].count(".") == 2

    def test_its_body_is_empty_or_an_empty_object(self, qargo: Qargo) -> None:
        credentials = qargo.credentials("ORG")

        assert token_request(qargo, credentials, json=None).status_code == 200
        grant = {"grant_type": "client_credentials"}
        assert token_request(qargo, credentials, json=grant).status_code == 422

    @pytest.mark.parametrize("wrong", ["client_id", "secret_id"])
    def test_wrong_credentials_are_refused(self, qargo: Qargo, wrong: str) -> None:
        answer = token_request(qargo, {**qargo.credentials("ORG"), wrong: "x"})

        assert said(answer) == (401, "unauthorized")

    @pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic eA==", "Bearer eDp4"])
    def test_only_basic_credentials_open(self, qargo: Qargo, header: str) -> None:
        with httpx.Client(base_url=qargo.base_url, transport=qargo.transport()) as http:
            answer = http.post("/v1/auth/token", headers={"Authorization": header})

        assert answer.status_code == 401

    @pytest.mark.parametrize("path", [TASKS, "/me", f"{ACCOUNTING}/accounts", "/nowhere"])
    @pytest.mark.parametrize("header", ["", "Bearer x", "Basic eDp4"])
    def test_nothing_opens_without_a_token(self, qargo: Qargo, path: str, header: str) -> None:
        with httpx.Client(base_url=qargo.base_url, transport=qargo.transport()) as http:
            answer = http.get(path, headers={"Authorization": header})

        assert said(answer) == (401, "unauthorized")

    def test_a_token_is_good_as_a_bearer_only(self, mine: Desk) -> None:
        token = mine.http.headers["authorization"].removeprefix("Bearer ")

        for header in (token, f"Basic {token}"):
            assert mine.http.get("/me", headers={"Authorization": header}).status_code == 401

    def test_a_token_ends_after_its_hour(self, qargo: Qargo, mine: Desk) -> None:
        qargo.pass_time(timedelta(minutes=59))
        assert mine.get("/me").status_code == 200

        qargo.pass_time(timedelta(minutes=1))

        assert mine.get("/me").status_code == 401

    def test_a_token_may_end_early(self, qargo: Qargo, mine: Desk, org: Desk) -> None:
        qargo.expire_tokens(mine.client_id)

        assert (mine.get("/me").status_code, org.get("/me").status_code) == (401, 200)

    def test_me_tells_the_client_and_its_tenant(self, qargo: Qargo, mine: Desk) -> None:
        body = mine.get("/me").json()

        assert body["id"] == mine.client_id
        assert body["tenant"] == {"id": qargo.tenant().id, "name": "Brightwater Haulage"}

    def test_an_int_client_needs_an_entity_and_an_org_client_has_none(self, qargo: Qargo) -> None:
        for kind, entities in (("INT", ()), ("ORG", ("NL",))):
            with pytest.raises(ValueError, match="names"):
                qargo.credentials(kind, *entities)


class TestLimits:
    """On a clock that stands still but for `pass_time`."""

    @pytest.fixture
    def limited(self, monkeypatch: pytest.MonkeyPatch) -> Qargo:
        monkeypatch.setattr("time.monotonic", lambda: 1000.0)
        qargo = Qargo()
        qargo.add_entity("NL")
        return qargo

    def statuses(self, desk: Desk, times: int) -> list[int]:
        return [desk.get("/me").status_code for _ in range(times)]

    def test_three_calls_at_once_then_two_a_second(self, limited: Qargo) -> None:
        desk = Desk(limited, limited.credentials("INT", "NL"))

        assert self.statuses(desk, 4) == [200, 200, 200, 429]
        limited.pass_time(timedelta(seconds=1))
        assert self.statuses(desk, 3) == [200, 200, 429]
        limited.pass_time(timedelta(hours=1) / 2)
        assert self.statuses(desk, 4) == [200, 200, 200, 429]
        assert limited.throttled == {"api": 3}

    def test_the_refusal_says_when_to_come_back(self, limited: Qargo) -> None:
        desk = Desk(limited, limited.credentials("INT", "NL"))
        self.statuses(desk, 3)

        answer = desk.get("/me")

        assert answer.headers["retry-after"] == "1"
        assert answer.json() == {"error": "Rate limit exceeded"}

    def test_all_clients_of_a_tenant_share_one_limit(self, limited: Qargo) -> None:
        other = limited.add_tenant("Other")
        desks = [Desk(limited, limited.credentials("ORG")) for _ in range(2)]
        elsewhere = Desk(limited, limited.credentials("ORG", tenant=other))

        assert self.statuses(desks[0], 3) == [200] * 3
        assert self.statuses(desks[1], 1) == [429]
        assert self.statuses(elsewhere, 3) == [200] * 3

    def test_five_tokens_an_hour_for_all_clients_together(self, limited: Qargo) -> None:
        first, second = limited.credentials("ORG"), limited.credentials("INT", "NL")
        wrong = {**first, "secret_id": "x"}

        asked = [token_request(limited, one) for one in (first, first, second, wrong, second)]
        refused = token_request(limited, second)

        assert [one.status_code for one in asked] == [200, 200, 200, 401, 200]
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "3600"
        limited.pass_time(timedelta(minutes=59))
        assert token_request(limited, first).headers["retry-after"] == "60"
        limited.pass_time(timedelta(minutes=1))
        assert token_request(limited, first).status_code == 200
        assert limited.throttled == {"token": 2}
        assert limited.token_requests == {first["client_id"]: 5, second["client_id"]: 3}

    def test_tokens_do_not_use_up_calls(self, limited: Qargo) -> None:
        desk = Desk(limited, limited.credentials("ORG"))
        token_request(limited, limited.credentials("ORG"))

        assert self.statuses(desk, 3) == [200] * 3

    def test_they_can_be_switched_off_and_on(self, limited: Qargo) -> None:
        limited.limited = False
        desk = Desk(limited, limited.credentials("ORG"))
        assert self.statuses(desk, 10) == [200] * 10

        limited.limited = True

        assert self.statuses(desk, 4) == [200] * 3 + [429]

    def test_a_faster_clock_makes_room_sooner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        qargo = Qargo(time_scale=100)
        desk = Desk(qargo, qargo.credentials("ORG"))
        assert self.statuses(desk, 4)[-1] == 429

        now[0] += 0.01

        assert self.statuses(desk, 3) == [200, 200, 429]
        for _ in range(5):
            refused = token_request(qargo, qargo.credentials("ORG"))
        assert refused.headers["retry-after"] == "36"


class TestDocuments:
    @pytest.mark.parametrize("kind", PATHS)
    @pytest.mark.parametrize("entity", ["NL", "BE", None])
    @pytest.mark.parametrize("who", ["mine", "org"])
    def test_everybody_reads_documents_of_every_entity(
        self, request: pytest.FixtureRequest, qargo: Qargo, who: str, entity: str | None, kind: str
    ) -> None:
        task = qargo.add_invoice(entity, kind=kind)
        desk: Desk = request.getfixturevalue(who)

        answer = desk.get(path_of(qargo, task.document_id))

        assert answer.status_code == 200
        assert answer.json() == qargo.payload(task.document_id)
        owner = answer.json()["billing_entity"]
        assert (owner and owner["code"]) == entity

    def test_a_path_of_another_kind_does_not_lead_there(self, qargo: Qargo, mine: Desk) -> None:
        task = qargo.add_invoice("NL")

        answer = mine.get(f"{ACCOUNTING}/purchase-invoice/{task.document_id}")

        assert answer.status_code == 404

    def test_it_has_its_pdf(self, qargo: Qargo, mine: Desk) -> None:
        task = qargo.add_invoice("NL", number="INV-3")

        (file,) = mine.get(f"{path_of(qargo, task.document_id)}/documents").json()

        assert (file["name"], file["type"]) == ("INV-3.pdf", "INVOICE")

    @pytest.mark.parametrize("entity", ["NL", "BE", None])
    def test_free_fields_are_added_also_to_posted_documents(
        self, qargo: Qargo, mine: Desk, entity: str | None
    ) -> None:
        task = qargo.add_invoice(entity)
        path = path_of(qargo, task.document_id)
        mine.http.patch(path, json={"custom_fields": {"a": 1}})
        qargo.complete_by_hand(task.id)

        answer = mine.http.patch(path, json={"custom_fields": {"b": "2"}})

        assert answer.json()["custom_fields"] == {"a": 1, "b": "2"}
        assert qargo.document(task.document_id).custom_fields == {"a": 1, "b": "2"}

    @pytest.mark.parametrize("body", [{}, {"name": "x"}, {"custom_fields": {}, "date": "x"}])
    def test_nothing_but_free_fields_can_be_changed(
        self, qargo: Qargo, mine: Desk, body: dict[str, Any]
    ) -> None:
        task = qargo.add_invoice("NL")

        assert mine.http.patch(path_of(qargo, task.document_id), json=body).status_code == 422

    @pytest.mark.parametrize(
        ("kind", "what", "status"),
        [
            ("SALES_INVOICE", "payment", "PAID"),
            ("PURCHASE_INVOICE", "payment", "UNPAID"),
            ("SALES_CREDIT_NOTE", "refund", "REFUNDED"),
            ("PURCHASE_CREDIT_NOTE", "refund", "OPEN"),
        ],
    )
    def test_it_takes_whether_it_is_paid(
        self, qargo: Qargo, mine: Desk, kind: str, what: str, status: str
    ) -> None:
        task = qargo.add_invoice("NL", kind=kind)
        path = f"{path_of(qargo, task.document_id)}/{what}/update-status"

        answer = mine.http.post(path, json={"status": status})

        assert (answer.status_code, answer.json()) == (200, {"status": status})
        assert qargo.document(task.document_id).payment_status == status
        assert mine.http.post(path, json={"status": "HALF"}).status_code == 422

    @pytest.mark.parametrize(
        ("entity", "refusal"), [("BE", "billing_entity_mismatch"), (None, "billing_entity_missing")]
    )
    def test_an_integration_says_so_for_its_own_entities_and_the_organisation_for_all(
        self, qargo: Qargo, mine: Desk, org: Desk, entity: str | None, refusal: str
    ) -> None:
        task = qargo.add_invoice(entity)
        path = f"{path_of(qargo, task.document_id)}/payment/update-status"

        assert said(mine.http.post(path, json={"status": "PAID"})) == (403, refusal)
        assert qargo.document(task.document_id).payment_status is None
        assert org.http.post(path, json={"status": "PAID"}).status_code == 200

    def test_an_invoice_is_not_refunded_nor_a_credit_note_paid(
        self, qargo: Qargo, mine: Desk
    ) -> None:
        invoice = qargo.add_invoice("NL").document_id
        note = qargo.add_invoice("NL", kind="SALES_CREDIT_NOTE").document_id

        for path in (
            f"{path_of(qargo, invoice)}/refund/update-status",
            f"{path_of(qargo, note)}/payment/update-status",
        ):
            assert mine.http.post(path, json={"status": "PAID"}).status_code == 404


def a_wish(qargo: Qargo, **changes: Any) -> dict[str, Any]:
    customer = qargo.add_company("Orchard Foods")
    charge = {"amount_excl_tax": "10.50", "price_list_item": {"code": "FUEL"}}
    return {
        "date": "2026-11-20",
        "currency": "EUR",
        "customer": {"accounting_code": customer.accounting_code},
        "charges": [charge],
        **changes,
    }


class TestCreate:
    PATH = f"{ACCOUNTING}/sales-invoice/"

    def test_an_invoice_is_made_for_the_named_entity_and_waits(
        self, qargo: Qargo, mine: Desk
    ) -> None:
        wish = a_wish(qargo, billing_entity={"code": "NL"}, due_date="2026-12-01")

        body = mine.http.post(self.PATH, json=wish).json()

        assert body["billing_entity"]["code"] == "NL"
        assert (body["total_excl_tax"], body["total_incl_tax"]) == ("10.50", "12.71")
        assert body["due_date"] == "2026-12-01"
        assert mine.waiting() == [qargo.task_of(body["id"]).id]

    def test_a_credit_note_is_made_likewise(self, qargo: Qargo, mine: Desk) -> None:
        body = mine.http.post(f"{ACCOUNTING}/sales-credit-note/", json=a_wish(qargo)).json()

        assert body["name"] == "SC-2026-0001"
        assert "due_date" not in body

    def test_the_path_ends_in_a_slash(self, qargo: Qargo, mine: Desk) -> None:
        assert mine.http.post(self.PATH.rstrip("/"), json=a_wish(qargo)).status_code == 404
        purchase = f"{ACCOUNTING}/purchase-invoice/"
        assert mine.http.post(purchase, json=a_wish(qargo)).status_code == 404

    def test_an_integration_names_none_but_its_own(self, qargo: Qargo, mine: Desk) -> None:
        for code, refusal in (
            ("BE", (403, "billing_entity_not_linked")),
            ("ZZ", (400, "unknown_billing_entity")),
        ):
            wish = a_wish(qargo, billing_entity={"code": code})
            assert said(mine.http.post(self.PATH, json=wish)) == refusal
        assert qargo.tasks() == []

    def test_without_a_name_the_only_linked_entity_is_meant(self, qargo: Qargo) -> None:
        belgian = Desk(qargo, qargo.credentials("INT", "BE"))

        body = belgian.http.post(self.PATH, json=a_wish(qargo)).json()

        assert body["billing_entity"]["code"] == "BE"

    def test_an_integration_of_several_must_name_one(self, qargo: Qargo) -> None:
        both = Desk(qargo, qargo.credentials("INT", "NL", "BE"))

        answer = both.http.post(self.PATH, json=a_wish(qargo))

        assert said(answer) == (400, "billing_entity_required")

    def test_the_organisation_means_its_default_entity(self, qargo: Qargo, org: Desk) -> None:
        body = org.http.post(self.PATH, json=a_wish(qargo)).json()
        named = org.http.post(self.PATH, json=a_wish(qargo, billing_entity={"code": "BE"})).json()

        assert (body["billing_entity"]["code"], named["billing_entity"]["code"]) == ("NL", "BE")

    def test_without_a_default_entity_the_organisation_must_name_one(self) -> None:
        qargo = Qargo(limited=False)
        qargo.add_entity("NL", default=False)
        org = Desk(qargo, qargo.credentials("ORG"))

        assert said(org.http.post(self.PATH, json=a_wish(qargo)))[1] == "billing_entity_required"

    def test_nothing_is_made_for_an_archived_entity(self, qargo: Qargo, mine: Desk) -> None:
        qargo.archive("NL")

        answer = mine.http.post(self.PATH, json=a_wish(qargo))

        assert said(answer) == (409, "billing_entity_archived")

    @pytest.mark.parametrize(
        ("changes", "code", "path"),
        [
            ({"customer": {"accounting_code": "x"}}, "unknown_customer", "$.customer"),
            ({"customer": {}}, "unknown_customer", "$.customer"),
            (
                {"charges": [{"amount_excl_tax": 1, "price_list_item": {"code": "x"}}]},
                "unknown_price_list_item",
                "$.charges[0].price_list_item.code",
            ),
            (
                {
                    "charges": [
                        {
                            "amount_excl_tax": 1,
                            "price_list_item": {"code": "FUEL"},
                            "tax_rate": {"code": "I21"},
                        }
                    ]
                },
                "unknown_tax_rate",
                "$.charges[0].tax_rate.code",
            ),
        ],
    )
    def test_what_is_unknown_is_named_with_its_path(
        self, qargo: Qargo, mine: Desk, changes: dict[str, Any], code: str, path: str
    ) -> None:
        answer = mine.http.post(self.PATH, json=a_wish(qargo, **changes))

        assert said(answer) == (400, code)
        assert answer.json()["errors"][0]["path"] == path

    def test_a_charge_may_name_its_tax_rate(self, qargo: Qargo, mine: Desk) -> None:
        charge = {
            "amount_excl_tax": 0.1,
            "price_list_item": {"code": "FUEL"},
            "tax_rate": {"code": "V9"},
        }

        body = mine.http.post(self.PATH, json=a_wish(qargo, charges=[charge])).json()

        (item,) = body["line_items"]
        assert (item["amount"], item["tax_rate"]["percentage"]) == ("0.1", 9)

    @pytest.mark.parametrize("changes", [{"lines": []}, {"date": "x"}, {"charges": None}], ids=str)
    def test_another_body_is_refused(
        self, qargo: Qargo, mine: Desk, changes: dict[str, Any]
    ) -> None:
        answer = mine.http.post(self.PATH, json=a_wish(qargo, **changes))

        assert answer.status_code == 422


class TestLists:
    def everything(self, desk: Desk, what: str, **params: str) -> list[dict[str, Any]]:
        body = desk.get(f"{ACCOUNTING}/{what}", **params).json()
        rows: list[dict[str, Any]] = body["items"]
        pages = 1
        while body["next_cursor"] is not None:
            body = desk.get(f"{ACCOUNTING}/{what}", cursor=body["next_cursor"]).json()
            rows, pages = rows + body["items"], pages + 1
        assert pages == max(1, -(-len(rows) // 5))
        return rows

    @pytest.mark.parametrize(("what", "count"), [("tax-rates", 32), ("accounts", 12)])
    def test_pages_together_are_the_whole_list(
        self, mine: Desk, org: Desk, what: str, count: int
    ) -> None:
        rows = self.everything(mine, what)

        assert len({row["id"] for row in rows}) == len(rows) == count
        assert rows == self.everything(org, what)
        for row in rows[:2]:
            assert mine.get(f"{ACCOUNTING}/{what}/{row['id']}").json() == row

    @pytest.mark.parametrize(("what", "count"), [("tax-rates", 16), ("accounts", 6)])
    def test_the_filter_stays_on_every_page(self, mine: Desk, what: str, count: int) -> None:
        rows = self.everything(mine, what, billing_entity_code="BE")

        assert len(rows) == count
        assert {row["billing_entity"]["code"] for row in rows} == {"BE"}

    def test_archived_ones_are_there_unless_they_are_filtered(
        self, qargo: Qargo, mine: Desk
    ) -> None:
        qargo.add_account("NL", "999000", "Old", archived=True)
        qargo.add_tax_rate("NL", "5.5", code="OLD", archived=True)

        for what in ("accounts", "tax-rates"):
            rows = self.everything(mine, what)
            old = self.everything(mine, what, archived="true")
            new = self.everything(mine, what, archived="false")
            assert [row["archived"] for row in old] == [True]
            assert len(rows) == len(old) + len(new)
        assert old[0]["percentage"] == 5.5

    def test_a_cursor_excludes_other_parameters(self, mine: Desk) -> None:
        cursor = mine.get(f"{ACCOUNTING}/accounts").json()["next_cursor"]

        answer = mine.get(f"{ACCOUNTING}/accounts", cursor=cursor, billing_entity_code="NL")

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "cursor"
        assert mine.get(f"{ACCOUNTING}/tax-rates", cursor=cursor).status_code == 400
        assert mine.get(f"{ACCOUNTING}/accounts", cursor="x").status_code == 400

    def test_an_unknown_entity_is_a_bad_request(self, mine: Desk) -> None:
        answer = mine.get(f"{ACCOUNTING}/accounts", billing_entity_code="ZZ")

        assert said(answer) == (400, "unknown_billing_entity")

    def test_rates_are_numbers_of_one_kind_of_document_each(self, mine: Desk) -> None:
        rows = self.everything(mine, "tax-rates", billing_entity_code="NL")

        standard = [row for row in rows if row["percentage"] == 21]
        assert [row["code"] for row in standard] == ["V21", "VC21", "I21", "IC21"]
        assert {row["invoice_type"] for row in standard} == {
            "SALES",
            "SALES_CREDIT_NOTE",
            "PURCHASE",
            "PURCHASE_CREDIT_NOTE",
        }


class TestWhatIsNotModelled:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/tasks/available-tasks"),
            ("GET", f"{ACCOUNTING}/exchange-rate"),
            ("POST", "/v1/webhook/billing-document-update"),
            ("POST", TASKS),
            ("DELETE", f"{ACCOUNTING}/sales-invoice/x"),
            ("GET", f"{ACCOUNTING}/sales_invoice/x"),
        ],
    )
    def test_other_paths_are_not_there(
        self, qargo: Qargo, mine: Desk, method: str, path: str
    ) -> None:
        assert mine.http.request(method, path).status_code == 404
        assert qargo.calls["other"] == 1

    @pytest.mark.parametrize("path", [TASKS, "/me", f"{ACCOUNTING}/tax-rates"])
    def test_other_parameters_are_refused(self, mine: Desk, path: str) -> None:
        answer = mine.get(path, limit="5")

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["query", "limit"]

    @pytest.mark.parametrize("path", [f"{TASKS}/7", f"{ACCOUNTING}/sales-invoice/7"])
    def test_ids_are_uuids(self, mine: Desk, path: str) -> None:
        assert mine.get(path).status_code == 422

    def test_archived_is_true_or_false(self, mine: Desk) -> None:
        assert mine.get(f"{ACCOUNTING}/accounts", archived="maybe").status_code == 422


class TestPayload:
    def test_amounts_are_strings_and_percentages_and_rates_numbers(self, qargo: Qargo) -> None:
        task = qargo.add_invoice("NL", currency="GBP", exchange_rate="1.1843")

        text = json.dumps(qargo.payload(task.document_id))

        assert '"total_incl_tax": "121.00"' in text
        assert '"amount": "100.00"' in text
        assert '"rate": 1.1843' in text
        assert '"percentage": 21.0' in text

    def test_tax_is_exact_and_rounded_once_per_rate(self, qargo: Qargo) -> None:
        lines: list[Line | str] = [
            "1234.10",
            "0.20",
            "1100.20",
            Line("10.00", tax="reduced"),
            Line("5", tax=None),
        ]

        body = qargo.payload(qargo.add_invoice("NL", lines=lines).document_id)

        # 2334.50 at 21 % is 490.245; with 10.00 at 9 %.
        assert body["total_tax"] == "491.15"
        assert body["total_excl_tax"] == "2349.50"
        assert body["total_incl_tax"] == "2840.65"
        assert body["line_items"][4]["tax_rate"] is None
        assert body["line_items"][4]["amount"] == "5"

    def test_a_split_line_is_several_items_that_add_up_to_it(self, qargo: Qargo) -> None:
        line = Line("1000.01", split=("0.333", "0.333", "0.334"))

        body = qargo.payload(qargo.add_invoice("NL", lines=[line, "1.00"]).document_id)

        parts, other = body["line_items"][:3], body["line_items"][3]
        assert [part["amount"] for part in parts] == ["333.00", "333.00", "334.01"]
        assert [part["fraction"] for part in parts] == ["0.333", "0.333", "0.334"]
        assert len({part["invoice_line_id"] for part in parts}) == 1
        assert len({part["id"] for part in parts}) == 3
        assert (other["fraction"], other["dimension_1"]) == ("1", None)
        assert parts[0]["dimension_1"] != parts[1]["dimension_1"]
        assert body["total_excl_tax"] == "1001.01"
        with pytest.raises(ValueError, match="add up"):
            qargo.add_invoice("NL", lines=[Line("1.00", split=("0.5", "0.4"))])

    def test_purchases_have_a_supplier_and_the_suppliers_number(self, qargo: Qargo) -> None:
        task = qargo.add_invoice("NL", kind="PURCHASE_INVOICE", external_name="KT/17")

        body = qargo.payload(task.document_id)

        assert body["external_name"] == "KT/17"
        assert body["supplier"]["is_subcontractor"] is True
        assert "customer" not in body
        assert body["line_items"][0]["account"] == {"code": "600000"}

    def test_sales_have_a_customer_and_credit_notes_name_what_they_correct(
        self, qargo: Qargo
    ) -> None:
        invoice = qargo.add_invoice("NL")
        note = qargo.add_invoice("NL", kind="SALES_CREDIT_NOTE", credit_of=invoice.document_id)

        body = qargo.payload(note.document_id)

        assert body["customer"]["is_customer"] is True
        assert body["line_items"][0]["invoice_name"] == "SI-2026-0001"
        assert "due_date" not in body
        assert "external_name" not in body

    def test_numbers_repeat_across_entities(self, qargo: Qargo) -> None:
        tasks = [qargo.add_invoice(code) for code in ("NL", "BE", "NL", None)]

        numbers = [qargo.document(task.document_id).number for task in tasks]

        assert numbers == ["SI-2026-0001", "SI-2026-0001", "SI-2026-0002", "SI-2026-0001"]

    def test_a_line_may_have_no_account(self, qargo: Qargo) -> None:
        task = qargo.add_invoice("NL", lines=[Line("1.00", account=None)])

        assert qargo.payload(task.document_id)["line_items"][0]["account"] is None

    def test_secrets_are_in_no_answer(self, qargo: Qargo) -> None:
        credentials = qargo.credentials("INT", "NL")
        desk, task = Desk(qargo, credentials), qargo.add_invoice("BE")

        for answer in (desk.get("/me"), desk.report(task.id), desk.get(TASKS)):
            assert credentials["secret_id"] not in answer.text


class TestQargo:
    def test_it_is_served_in_a_with_block_to_many_at_once(self) -> None:
        with Qargo(limited=False) as qargo:
            qargo.add_entity("NL")
            tasks = [qargo.add_invoice("NL").id for _ in range(20)]
            credentials = qargo.credentials("INT", "NL")
            with httpx.Client(base_url=qargo.base_url, trust_env=False) as http:
                auth = (credentials["client_id"], credentials["secret_id"])
                token = http.post("/v1/auth/token", auth=auth, json={}).json()["access_token"]
                http.headers["Authorization"] = f"Bearer {token}"

                def complete(one: str) -> int:
                    path = f"{TASKS}/{one}/update-status"
                    return http.post(path, json={"status": "COMPLETED"}).status_code

                with ThreadPoolExecutor(4) as pool:
                    assert list(pool.map(complete, tasks)) == [200] * 20

        assert qargo.tasks(status="TODO") == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(qargo.base_url, trust_env=False)

    def test_it_counts_calls_by_kind_refused_and_lost_ones_included(
        self, qargo: Qargo, mine: Desk, org: Desk
    ) -> None:
        task = qargo.add_invoice("NL")
        qargo.faults.arm(Fault.DROP_BEFORE, path=TASKS)
        with pytest.raises(httpx.TransportError):
            mine.get(TASKS)

        org.get(TASKS)
        mine.get(f"{TASKS}/{task.id}")
        mine.report(task.id, FAILED)
        mine.get("/me")

        assert qargo.calls == {
            "token": 2,
            "list_tasks": 2,
            "read_task": 1,
            "update_status": 1,
            "me": 1,
        }
        assert qargo.token_requests == {mine.client_id: 1, org.client_id: 1}

    def test_tasks_can_be_picked_by_status_and_entity(self, qargo: Qargo) -> None:
        done, other = qargo.add_invoice("NL"), qargo.add_invoice("BE")
        qargo.complete_by_hand(done.id)

        assert [task.id for task in qargo.tasks(status="COMPLETED")] == [done.id]
        assert qargo.tasks(entity="BE") == [other]
        assert qargo.task_of(other.document_id) == other

    def test_what_it_handed_out_does_not_change(self, qargo: Qargo) -> None:
        task = qargo.add_invoice("NL")

        qargo.complete_by_hand(task.id)

        assert (task.status, qargo.task(task.id).status) == ("TODO", "COMPLETED")

    def test_codes_of_entities_are_unique_and_must_exist(self, qargo: Qargo) -> None:
        with pytest.raises(Refused):
            qargo.add_entity("NL")
        with pytest.raises(LookupError):
            qargo.add_invoice("ZZ")


class TestSandbox:
    def test_it_has_a_believable_tenant_with_work_to_do(self) -> None:
        box = sandbox(seed=7)
        try:
            qargo = box.simulator
            assert isinstance(qargo, Qargo)
            assert httpx.get(f"{box.base_url}/me", trust_env=False).status_code == 401
            desk = Desk(qargo, box.credentials)
            waiting = desk.waiting()
            bodies = [qargo.payload(task.document_id) for task in qargo.tasks()]
        finally:
            box.simulator.stop()

        assert len(bodies) == 21
        assert len(waiting) == len(qargo.tasks(entity="NL")) == 9
        assert {task.task_type for task in qargo.tasks(entity="NL")} == {
            "POST_INVOICE",
            "POST_INVOICE_PURCHASE",
            "POST_CREDIT_NOTE",
            "POST_CREDIT_NOTE_PURCHASE",
        }
        rates = {item["tax_rate"]["percentage"] for body in bodies for item in body["line_items"]}
        assert rates == {0, 6, 7, 9, 19, 21}
        assert any(item["fraction"] != "1" for body in bodies for item in body["line_items"])
        for body in bodies:
            net = sum(Decimal(item["amount"]) for item in body["line_items"])
            assert Decimal(body["total_excl_tax"]) == net
            total = net + Decimal(body["total_tax"])
            assert Decimal(body["total_incl_tax"]) == total
            assert date.fromisoformat(body["date"]).year == 2026

    def test_a_connection_can_be_made_to_it(self) -> None:
        spec = registry.spec("qargo")

        box = sandbox()
        box.simulator.stop()

        assert spec.credentials.model_validate(box.credentials)
        assert spec.settings.model_validate(box.settings)

    def test_equal_seeds_make_equal_ones_and_others_do_not(self) -> None:
        boxes = [sandbox(seed=seed) for seed in (1, 1, 2)]
        seen = []
        for box in boxes:
            assert isinstance(box.simulator, Qargo)
            documents = [task.document_id for task in box.simulator.tasks()]
            payloads = [box.simulator.payload(one) for one in documents]
            seen.append((box.credentials, payloads))
            box.simulator.stop()

        assert seen[0] == seen[1]
        assert seen[0][0] != seen[2][0]
        assert seen[0][1] != seen[2][1]
