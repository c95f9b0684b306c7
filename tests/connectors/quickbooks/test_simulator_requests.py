"""Requests to the simulated QuickBooks: repeats, batches, faults, webhooks, the sandbox."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.quickbooks.simulator import Event, QuickBooks, sandbox
from connectors.simulator import Fault
from tests.connectors.quickbooks.desk import Desk, said

Json = dict[str, Any]


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    simulator = QuickBooks()
    simulator.change(second_limit=10_000, batch_minute_limit=10_000)
    yield simulator
    assert simulator.crashes == []


@pytest.fixture
def desk(quickbooks: QuickBooks) -> Desk:
    return Desk(quickbooks)


def create(number: str, desk: Desk, **fields: Any) -> Json:
    return {"bId": number, "operation": "create", "Invoice": desk.invoice(**fields)}


class TestRequestId:
    def test_repeat_gets_the_original_answer(self, quickbooks: QuickBooks, desk: Desk) -> None:
        body = desk.invoice(PrivateNote="LB-1")
        first = desk.made("Invoice", body, requestid="k1")

        again = desk.made("Invoice", desk.invoice("999"), requestid="k1")

        assert again == first
        assert len(desk.company.rows("Invoice")) == 1
        assert quickbooks.request_ids == {"k1": 2}

    def test_it_counts_in_the_query_string_only(self, quickbooks: QuickBooks, desk: Desk) -> None:
        desk.http.headers["requestid"] = "k1"
        for _ in range(2):
            desk.made("Invoice", desk.invoice(PrivateNote="LB-1"))

        assert quickbooks.twice() == [("GB", "Invoice", "note LB-1")]

    def test_companies_do_not_share_it(self, quickbooks: QuickBooks, desk: Desk) -> None:
        us = Desk(quickbooks, quickbooks.us)
        desk.made("Invoice", desk.invoice(), requestid="k1")

        assert us.made("Invoice", us.invoice(), requestid="k1")["CurrencyRef"]["value"] == "USD"

    def test_it_is_forgotten_in_time_and_need_not_be_known_at_all(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        desk.made("Invoice", desk.invoice(), requestid="k1")
        quickbooks.change(remembers_request_ids=False)
        assert desk.made("Invoice", desk.invoice(), requestid="k1")["Id"] == "2"
        quickbooks.change(remembers_request_ids=True)

        quickbooks.pass_time(timedelta(hours=25))

        assert Desk(quickbooks).made("Invoice", desk.invoice(), requestid="k1")["Id"] == "3"

    def test_refusals_are_tried_again_unless_they_are_remembered(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        wrong = desk.invoice(CustomerRef={"value": "99"})

        assert desk.post("invoice", wrong, requestid="k1").status_code == 400
        assert desk.post("invoice", desk.invoice(), requestid="k1").status_code == 200
        quickbooks.change(remembers_refusals=True)
        assert desk.post("invoice", wrong, requestid="k2").status_code == 400
        assert desk.post("invoice", desk.invoice(), requestid="k2").status_code == 400

    def test_it_has_fifty_characters_at_most(self, desk: Desk) -> None:
        assert desk.made("Invoice", desk.invoice(), requestid="k" * 50)
        assert said(desk.post("invoice", desk.invoice(), requestid="k" * 51)) == (400, "2050")


class TestBatch:
    def test_items_stand_for_themselves(self, quickbooks: QuickBooks, desk: Desk) -> None:
        found = desk.batch(
            create("1", desk),
            create("2", desk, CustomerRef={"value": "99"}),
            {"bId": "3", "Query": "select * from Customer"},
            {"bId": "4", "Query": "nonsense"},
        )

        assert found["1"]["Invoice"]["Id"]
        assert found["2"]["Fault"]["Error"][0]["code"] == "2500"
        assert found["3"]["QueryResponse"]["maxResults"] == 2
        assert found["4"]["Fault"]["Error"][0]["code"] == "4000"
        assert quickbooks.calls == {"batch": 1}
        assert quickbooks.operations["create Invoice"] == 2

    def test_order_of_items_is_not_kept(self, desk: Desk) -> None:
        found = desk.batch(create("1", desk), create("2", desk))

        assert (found["1"]["Invoice"]["Id"], found["2"]["Invoice"]["Id"]) == ("2", "1")

    def test_documents_are_changed_deleted_and_voided_in_one(self, desk: Desk) -> None:
        ids = [desk.company.add_invoice() for _ in range(3)]
        named = [{"Id": one, "SyncToken": "0"} for one in ids]

        found = desk.batch(
            {
                "bId": "1",
                "operation": "update",
                "Invoice": {**named[0], "sparse": True, "PrivateNote": "x"},
            },
            {"bId": "2", "operation": "delete", "Invoice": named[1]},
            {"bId": "3", "operation": "void", "Invoice": named[2]},
        )

        assert found["1"]["Invoice"]["PrivateNote"] == "x"
        assert found["2"]["Invoice"]["status"] == "Deleted"
        assert found["3"]["Invoice"]["TotalAmt"] == 0

    def test_too_many_items_or_bad_ids_are_refused(self, desk: Desk) -> None:
        thirty = [create(str(place), desk) for place in range(30)]
        same = [create("1", desk)] * 2

        assert len(desk.batch(*thirty)) == 30
        for items in ([*thirty, create("30", desk)], same, []):
            assert desk.post("batch", {"BatchItemRequest": items}).status_code == 400
        too_long = desk.post("batch", {"BatchItemRequest": thirty}, requestid="k" * 37)
        assert said(too_long) == (400, "2050")

    def test_answer_of_a_batch_has_only_so_many_objects(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.change(largest_answer=3)
        ask = "select * from Customer maxresults 2"

        found = desk.batch({"bId": "1", "Query": ask}, {"bId": "2", "Query": ask})

        assert found["2"]["QueryResponse"]["maxResults"] == 2
        assert found["1"]["Fault"]["Error"][0]["code"] == "6000"

    def test_long_item_ids_fail_beside_a_request_id(self, desk: Desk) -> None:
        item = create("12345678901", desk)

        refused = desk.batch(item, requestid="k1")["12345678901"]

        assert refused["Fault"]["Error"][0]["code"] == "6000"
        assert desk.batch(item)["12345678901"]["Invoice"]["Id"] == "1"

    def test_repeat_with_the_same_ids_is_recognised(self, desk: Desk) -> None:
        items = [create("1", desk), create("2", desk, CustomerRef={"value": "99"})]
        first = desk.batch(*items, requestid="k1")

        again = desk.batch(*items, requestid="k1")
        fewer = desk.batch(items[0], requestid="k1")

        assert again["1"] == first["1"]
        assert fewer["1"]["Invoice"]["Id"] == "2"
        assert len(desk.company.rows("Invoice")) == 2

    def test_repeat_may_be_answered_vaguely(self, quickbooks: QuickBooks, desk: Desk) -> None:
        quickbooks.change(repeats_batches=False)
        desk.batch(create("1", desk), requestid="k1")

        again = desk.batch(create("1", desk), requestid="k1")

        assert again["1"]["Fault"]["Error"][0]["code"] == "6000"
        assert len(desk.company.rows("Invoice")) == 1


class TestFaults:
    def test_fault_before_commit_does_nothing_and_after_commit_does_it(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        quickbooks.arm(Fault.DROP_BEFORE, "Invoice")
        with pytest.raises(httpx.RemoteProtocolError):
            desk.post("invoice", desk.invoice())
        assert desk.company.rows("Invoice") == []

        quickbooks.arm(Fault.DROP_AFTER, "Invoice")
        with pytest.raises(httpx.RemoteProtocolError):
            desk.post("invoice", desk.invoice())
        assert len(desk.company.rows("Invoice")) == 1
        assert quickbooks.calls == {"create Invoice": 1}

    def test_writes_and_reads_are_told_apart_in_batches_too(
        self, quickbooks: QuickBooks, desk: Desk
    ) -> None:
        asks = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]}
        makes = {"BatchItemRequest": [create("1", desk)]}
        quickbooks.arm(Fault.THROTTLE, "writes", times=2)
        assert desk.get("preferences").status_code == 200
        assert desk.post("batch", asks).status_code == 200
        assert desk.post("batch", makes).status_code == 429
        assert desk.post("invoice", desk.invoice()).status_code == 429

        quickbooks.arm(Fault.ERROR_BEFORE, "reads", times=3)
        assert desk.post("batch", makes).status_code == 200
        assert desk.post("invoice", desk.invoice()).status_code == 200
        assert desk.post("batch", asks).status_code == 500
        assert desk.get("invoice/1").status_code == 500
        assert desk.get("query", query="select * from Item").status_code == 500

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (Fault.THROTTLE, (429, "3001")),
            (Fault.EXPIRED, (401, "3200")),
            (Fault.STALE, (400, "5010")),
            (Fault.ERROR_BEFORE, (500, "10000")),
        ],
    )
    def test_faults_speak_as_quickbooks_does(
        self, quickbooks: QuickBooks, desk: Desk, fault: Fault, told: tuple[int, str]
    ) -> None:
        quickbooks.arm(fault, "/invoice")

        assert said(desk.post("invoice", desk.invoice())) == told

    def test_nothing_unknown_can_be_armed(self, quickbooks: QuickBooks) -> None:
        with pytest.raises(ValueError, match="Widget"):
            quickbooks.arm(Fault.AWAY, "Widget")

    def test_calls_that_overlap_are_counted(self, quickbooks: QuickBooks, desk: Desk) -> None:
        quickbooks.change(answer_takes=0.05)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: desk.get("preferences"), range(3)))

        assert quickbooks.peak_in_flight[desk.company.realm] > 1


class TestWebhooks:
    def test_cloud_events_say_what_happened_where(self, quickbooks: QuickBooks) -> None:
        invoice = quickbooks.uk.add_invoice()
        quickbooks.us.void("Invoice", quickbooks.us.add_invoice())

        headers, body = quickbooks.webhook(quickbooks.events)

        first, *_, last = json.loads(body)
        assert (first["type"], first["intuitentityid"]) == ("qbo.invoice.created.v1", invoice)
        assert first["intuitaccountid"] == quickbooks.uk.realm
        assert (last["type"], last["specversion"]) == ("qbo.invoice.voided.v1", "1.0")
        assert headers["intuit-signature"] == _signature(body, "sandbox-verifier")

    def test_old_form_groups_by_company(self, quickbooks: QuickBooks) -> None:
        payment = quickbooks.uk.pay("Invoice", quickbooks.uk.add_invoice())

        headers, body = quickbooks.webhook(quickbooks.events, old_format=True, key="other")

        (notification,) = json.loads(body)["eventNotifications"]
        assert notification["realmId"] == quickbooks.uk.realm
        named = [
            (one["name"], one["id"], one["operation"])
            for one in notification["dataChangeEvent"]["entities"]
        ]
        assert ("Payment", payment, "Create") in named
        assert headers["intuit-signature"] == _signature(body, "other")

    def test_events_can_be_made_up(self, quickbooks: QuickBooks) -> None:
        event = Event("1", "Customer", "5", "Merge", quickbooks.now())

        _, body = quickbooks.webhook([event])
        _, two = quickbooks.webhook([event, replace(event, realm="2")], old_format=True)

        assert json.loads(body)[0]["type"] == "qbo.customer.merged.v1"
        changes = [one["dataChangeEvent"] for one in json.loads(two)["eventNotifications"]]
        assert [len(one["entities"]) for one in changes] == [1, 1]


class TestFace:
    def test_equal_seeds_make_equal_books(self) -> None:
        one, other = QuickBooks(seed=3), QuickBooks(seed=3)

        assert (one.uk.realm, one.uk.known) == (other.uk.realm, other.uk.known)
        assert one.uk.realm != QuickBooks(seed=4).uk.realm

    def test_copies_are_noticed(self, quickbooks: QuickBooks) -> None:
        bill = quickbooks.uk.add_bill(number="B-1", PrivateNote="LB-1")
        quickbooks.uk.void("Invoice", quickbooks.uk.add_invoice(number="INV-1"))
        quickbooks.uk.add_invoice(number="INV-1")
        assert quickbooks.twice() == []

        quickbooks.uk.copy("Bill", bill)

        assert {key for _, _, key in quickbooks.twice()} == {"number 1/b-1", "note LB-1"}

    def test_sandbox_serves_books_with_something_in_them(self) -> None:
        served = sandbox(seed=1)
        try:
            realm = served.credentials["callback"]["realmId"]
            headers = {
                "authorization": f"Bearer {served.credentials['access_token']}",
                "accept": "application/json",
            }
            answer = httpx.get(
                f"{served.base_url}/v3/company/{realm}/query",
                params={"query": "select * from Account", "minorversion": "75"},
                headers=headers,
            )
            codes = {one.get("AcctNum") for one in answer.json()["QueryResponse"]["Account"]}
            assert set(served.settings.values()) <= codes
            assert isinstance(served.simulator, QuickBooks)
            assert len(served.simulator.uk.rows("Invoice")) == 8
            assert served.simulator.crashes == []
        finally:
            served.simulator.stop()


def _signature(body: bytes, key: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
