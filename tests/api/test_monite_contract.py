"""The accounting contract's fine print: what breaks clients when it is not so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy

from api.contract import LedgerAccount, TaxRate, hundredths
from models.canonical import ContactRole, ObjectType, Side, TaxComponent
from models.canonical import LedgerAccount as CanonicalAccount
from models.canonical import TaxRate as CanonicalRate
from models.ids import new_id
from models.repositories import PulledRow
from models.status import SyncStatus
from models.tables import ConnectionStatus
from sync import connections, control
from tests.api.world import World
from tests.factories import (
    a_bill,
    a_contact,
    a_credit_note,
    a_line,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    an_item,
)

RECORDS = "/accounting_synced_records"


def records(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """A page of records."""
    answer = client.get(RECORDS, params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def the_record(client: httpx.Client, external_id: str) -> dict[str, Any]:
    """The record of one of our documents."""
    (found,) = [one for one in records(client, limit=250) if one["external_id"] == external_id]
    return found


class TestConnections:
    def test_the_url_is_a_string_and_problems_are_a_list(self, world: World) -> None:
        with world.client() as client:
            (shown,) = client.get("/accounting_connections").json()["data"]

        assert shown["connection_url"] == ""
        assert shown["errors"] == []
        assert shown["business_info"]["name"]
        assert shown["status"] == "connected"
        assert UUID(shown["id"]) == world.connection_id

    def test_lost_credentials_are_told_with_the_way_to_mend_it(self, world: World) -> None:
        world.ledger.change(api_key="changed")
        world.sync()
        with world.client() as client:
            (shown,) = client.get("/accounting_connections").json()["data"]
        with world.client(world.credential()) as reader:
            (read,) = reader.get("/accounting_connections").json()["data"]

        assert shown["status"] == "deauthorized"
        assert shown["errors"][0]["message"]
        assert shown["errors"][0]["code"] == "authorization_lost"
        assert "token=" in shown["connection_url"]
        assert read["connection_url"] == ""  # whoever has it may authorize

    def test_a_paused_one_is_connected_in_the_contracts_words(self, world: World) -> None:
        connections.pause(world.runtime.engine, world.connection_id, actor="test")
        with world.client(world.credential(manage=True)) as client:
            shown = client.get(f"/accounting_connections/{world.connection_id}").json()
            sync = client.post(f"/accounting_connections/{world.connection_id}/sync")

        assert (shown["status"], shown["state"]) == ("connected", "paused")
        assert sync.status_code == 409

    def test_one_that_was_disconnected_is_not_listed_but_can_be_read(self, world: World) -> None:
        one = f"/accounting_connections/{world.connection_id}"
        with world.client(world.credential(manage=True)) as client:
            first = client.post(f"{one}/disconnect")
            again = client.post(f"{one}/disconnect")
            listed = client.get("/accounting_connections").json()
            read = client.get(one)

        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json()["status"] == again.json()["status"] == "disconnected"
        assert listed == {"data": []}
        assert read.json()["status"] == "disconnected"

    def test_a_sync_is_started_once(self, world: World) -> None:
        with world.client() as client:
            answers = [
                client.post(f"/accounting_connections/{world.connection_id}/sync") for _ in range(3)
            ]
            started = {answer.json()["run_id"] for answer in answers}

        assert {answer.status_code for answer in answers} == {202}
        assert len(started) == 1
        assert all(answer.json()["message"] for answer in answers)

    def test_a_second_one_is_refused_as_often_as_it_is_asked_for(self, world: World) -> None:
        with world.client(world.credential(manage=True)) as client:
            answers = [
                client.post("/accounting_connections", json={"platform": "memory"}),
                client.post("/accounting_connections"),
                client.post("/accounting_connections"),
            ]

        assert [answer.status_code for answer in answers] == [409, 409, 409]
        assert "disconnect it first" in answers[0].json()["error"]["message"]

    @pytest.mark.parametrize("body", [None, {"platform": "unheard of"}, {"platform": ""}, {"x": 1}])
    def test_what_to_connect_to_must_be_told(
        self, world: World, body: dict[str, Any] | None
    ) -> None:
        other = world.entity("UK")
        with world.client(world.credential(manage=True), entity_id=other) as client:
            answer = client.post("/accounting_connections", json=body)

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][0] == "body"

    def test_a_new_one_waits_for_consent(self, world: World) -> None:
        other = world.entity("UK")
        with world.client(world.credential(manage=True), entity_id=other) as client:
            answer = client.post("/accounting_connections", json={"platform": "memory"})
            sync = client.post(f"/accounting_connections/{answer.json()['id']}/sync")

        assert answer.status_code == 201
        assert answer.json()["status"] == "pending_auth"
        assert answer.json()["connection_url"].startswith("http")
        assert answer.json()["last_pull"] is None
        assert sync.status_code == 409

    def test_of_two_that_are_asked_for_at_once_one_is_made(self, world: World) -> None:
        other = world.entity("UK")
        with (
            world.client(world.credential(manage=True), entity_id=other) as client,
            ThreadPoolExecutor(6) as pool,
        ):
            body = {"platform": "memory"}
            answers = [
                pool.submit(client.post, "/accounting_connections", json=body) for _ in range(6)
            ]
            statuses = sorted(answer.result().status_code for answer in answers)

        assert statuses == [201, 409, 409, 409, 409, 409]

    def test_an_integration_acts_on_its_own_connection_alone(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        other = world.entity("UK")
        theirs = world.connect(other)
        credential = world.credential(connection_id=theirs)
        with database.begin() as connection:  # it may also act for this entity, by another link
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO connection_entities (connection_id, billing_entity_id, active) "
                    "VALUES (:connection, :entity, false)"
                ),
                {"connection": theirs, "entity": world.entity_id},
            )
        world.hand_in(a_contact())
        one = f"/accounting_connections/{world.connection_id}"
        with world.client(credential) as client:
            record = the_record(client, "C-1")
            answers = [
                client.post(f"{one}/sync"),
                client.post(f"{one}/disconnect"),
                client.post(f"{RECORDS}/{record['id']}/push"),
            ]

        assert {answer.status_code for answer in answers} == {403}

    def test_readers_change_nothing(self, world: World) -> None:
        world.hand_in(a_contact())
        one = f"/accounting_connections/{world.connection_id}"
        with world.client(world.credential()) as client:
            record = the_record(client, "C-1")
            answers = [
                client.post("/accounting_connections"),
                client.post(f"{one}/sync"),
                client.post(f"{one}/disconnect"),
                client.post(f"{RECORDS}/{record['id']}/push"),
                client.patch(f"/entities/{world.entity_id}/settings", json={}),
            ]

        assert {answer.status_code for answer in answers} == {403}
        assert answers[0].json()["error"]["type"] == "credential_not_linked"


class TestRecords:
    def test_types_stand_for_roles_and_sides(self, world: World) -> None:
        both = (ContactRole.CUSTOMER, ContactRole.SUPPLIER)
        world.hand_in(
            a_contact(),
            a_supplier(),
            a_contact("B", roles=both),
            an_item(),
            an_invoice(),
            a_bill(),
            a_credit_note(),
            a_credit_note("N-2", side=Side.SUPPLIER, contact_id="S-1"),
            a_payment(),
            an_entry(),
        )
        expected = {
            "product": ["P-1"],
            "customer": ["B", "C-1"],
            "vendor": ["S-1"],
            "receivable": ["I-1", "N-1"],
            "bill": ["B-1", "N-2"],
            "payment_record": ["Z-1"],
        }
        with world.client() as client:
            found = {kind: records(client, object_type=kind) for kind in expected}
            everything = records(client, limit=250)

        assert {
            kind: sorted(one["external_id"] for one in page) for kind, page in found.items()
        } == expected
        assert all(one["object_type"] == kind for kind, page in found.items() for one in page)
        assert len(everything) == 10
        assert {one["object_type"] for one in everything} == {*expected, "journal_entry"}

    def test_nothing_that_must_be_there_is_missing(self, world: World) -> None:
        world.hand_in(a_contact())
        with world.client() as client:
            new = the_record(client, "C-1")
            world.push()
            pushed = the_record(client, "C-1")

        assert (new["sync_status"], new["status"]) == ("pending", "pending")
        assert new["last_pulled_at"] == new["created_at"]
        assert new["errors"] == {}
        assert new["platform_object_id"] is None
        assert (pushed["sync_status"], pushed["errors"]) == ("done", {})
        assert pushed["last_pulled_at"] == pushed["last_pushed_at"]
        assert isinstance(pushed["platform_object_id"], str)
        assert UUID(pushed["object_id"])
        assert (pushed["provider"], pushed["platform"]) == (None, "memory")

    def test_what_waits_for_a_person_is_an_error_with_words(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
        world.push()
        with world.client() as client:
            failed = the_record(client, "I-1")
            listed = records(client, sync_status="error")

        assert (failed["sync_status"], failed["status"]) == ("error", "blocked")
        assert "8.5" in failed["errors"]["message"]
        assert failed["errors"]["code"] == failed["error_code"] == "tax_rate_unmapped"
        assert failed["errors"]["next_step"] == failed["next_step"]
        assert failed["errors"]["issue_id"] == failed["issue_id"]
        assert [one["id"] for one in listed] == [failed["id"]]

    def test_what_waits_for_its_parent_is_pending(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]), a_payment())
        world.push()
        with world.client() as client:
            payment = the_record(client, "Z-1")
            pending = records(client, sync_status="pending")
            done = records(client, sync_status="done")

        assert (payment["sync_status"], payment["status"]) == ("pending", "blocked")
        assert [one["external_id"] for one in pending] == ["Z-1"]
        assert [one["external_id"] for one in done] == ["C-1"]

    def test_every_status_is_found_by_what_it_is_shown_as(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        world.hand_in(*(a_contact(f"C-{status}") for status in SyncStatus))
        with database.begin() as connection:
            for status in SyncStatus:
                connection.execute(
                    sqlalchemy.text(
                        "UPDATE synced_records SET status = :status FROM documents d "
                        "WHERE d.id = object_id AND d.external_id = :id"
                    ),
                    {"status": status.value, "id": f"C-{status}"},
                )
        with world.client() as client:
            found = {
                wanted: records(client, sync_status=wanted, limit=250)
                for wanted in ("pending", "done", "error")
            }

        assert all(one["sync_status"] == name for name, page in found.items() for one in page)
        assert sum(map(len, found.values())) == len(SyncStatus)

    def test_few_among_many_are_found_page_by_page(self, world: World) -> None:
        for number in range(3):
            world.hand_in(*(a_contact(f"C-{number}-{other}") for other in range(9)))
            world.hand_in(a_supplier(f"S-{number}"))
        with world.client() as client:
            seen: list[str] = []
            query: dict[str, Any] = {"object_type": "vendor", "limit": 1}
            while True:
                page = client.get(RECORDS, params=query).json()
                seen += [one["external_id"] for one in page["data"]]
                if page["next_pagination_token"] is None:
                    break
                query["pagination_token"] = page["next_pagination_token"]
            query["pagination_token"] = page["prev_pagination_token"]
            before = client.get(RECORDS, params=query).json()

        assert seen == ["S-0", "S-1", "S-2"]
        assert [one["external_id"] for one in before["data"]] == ["S-1"]

    def test_entities_that_share_a_connection_see_their_own(self, world: World) -> None:
        world.hand_in(a_contact(), a_supplier(), an_invoice(), a_bill())
        world.sync()
        other = world.entity("UK")
        with world.runtime.begin() as work:
            work.access.link(world.connection_id, [world.entity_id, other])
        with world.client() as ours, world.client(entity_id=other) as theirs:
            record = the_record(ours, "I-1")
            assert records(theirs) == []
            assert theirs.get(f"{RECORDS}/{record['id']}").status_code == 404
            assert theirs.post(f"{RECORDS}/{record['id']}/push").status_code == 404
            assert theirs.get("/accounting/payables").json()["data"] == []
            assert theirs.get("/accounting/receivables").json()["data"] == []
            assert len(theirs.get("/accounting_connections").json()["data"]) == 1

    def test_filters_narrow_it_down(self, world: World) -> None:
        for number in range(4):
            world.hand_in(a_contact(f"C-{number}"))
        with world.client() as client:
            first, second, third, last = records(client)
            made = third["created_at"]

            def ids(**query: Any) -> list[str]:
                return [one["external_id"] for one in records(client, **query)]

            assert ids(object_id=second["object_id"]) == ["C-1"]
            both = [last["object_id"], first["object_id"], str(uuid4())]
            assert ids(object_id__in=both) == ["C-0", "C-3"]
            # A moment that was printed compares equal when it comes back.
            assert ids(created_at__gte=made) == ["C-2", "C-3"]
            assert ids(created_at__gt=made) == ["C-3"]
            assert ids(created_at__lte=made) == ["C-0", "C-1", "C-2"]
            assert ids(created_at__lt=made, created_at__gte=second["created_at"]) == ["C-1"]
            assert ids(updated_at__gte=third["updated_at"], order="desc") == ["C-3", "C-2"]
            moment = datetime.fromisoformat(made)
            elsewhere = moment.astimezone(tz=None).isoformat()
            assert ids(created_at__gte=elsewhere) == ["C-2", "C-3"]
            assert moment.utcoffset() == timedelta(0)
            assert ids(object_type="vendor") == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"object_type": "invoice"},
            {"limit": 0},
            {"limit": 251},
            {"limit": "99999999999999999999"},
            {"order": "up"},
            {"sort": "name"},
            {"sync_status": "failed"},
            {"object_id": "1"},
            {"object_id__in": ["1"]},
            {"created_at__gt": "yesterday"},
            {"created_at__gt": "0001-01-01T00:00:00+14:00"},
            {"updated_at__lt": "NaN"},
            {"updated_at__lt": "1e400"},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, world: World, wrong: dict[str, Any]) -> None:
        with world.client() as client:
            answer = client.get(RECORDS, params=wrong)

        assert answer.status_code == 422
        problem = answer.json()["detail"][0]
        assert problem["loc"][:2] == ["query", next(iter(wrong))]
        assert problem["msg"]

    @pytest.mark.parametrize(
        "moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00+23:59"]
    )
    def test_odd_moments_are_compared_like_others(self, world: World, moment: str) -> None:
        with world.client() as client:
            assert client.get(RECORDS, params={"created_at__gt": moment}).status_code == 200


class TestPush:
    def test_a_failed_record_is_queued_again(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
        world.push()
        with world.client() as client:
            failed = the_record(client, "I-1")
            for _ in range(2):
                answer = client.post(f"{RECORDS}/{failed['id']}/push")

                assert answer.status_code == 200
                assert answer.json()["sync_status"] == "pending"
                assert answer.json()["errors"] == {}

    def test_a_done_record_is_never_sent_a_second_time(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        world.push()
        with world.client() as client:
            done = the_record(client, "I-1")
            answer = client.post(f"{RECORDS}/{done['id']}/push")
            world.push()

        assert answer.status_code == 200
        assert answer.json() == done
        assert len(world.ledger.documents(ObjectType.INVOICE)) == 1

    def test_a_done_record_that_was_edited_goes_out_as_an_update(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        world.hand_in(a_contact())
        world.push()
        world.hand_in(a_contact(name="Renamed"))
        with database.begin() as connection:  # as if the edit had not been noticed
            connection.exec_driver_sql("UPDATE synced_records SET status = 'done'")
        with world.client() as client:
            done = the_record(client, "C-1")
            answer = client.post(f"{RECORDS}/{done['id']}/push")
            world.push()
            after = the_record(client, "C-1")

        assert answer.json()["sync_status"] == "pending"
        assert after["sync_status"] == "done"
        assert after["platform_object_id"] == done["platform_object_id"]
        (contact,) = world.ledger.documents(ObjectType.CONTACT)
        assert "Renamed" in str(contact)

    @pytest.mark.parametrize(
        "status", ["sending", "uncertain", "skipped", "done_manually", "rejected", "retry_wait"]
    )
    def test_what_is_under_way_or_settled_stays_as_it_is(
        self, world: World, database: sqlalchemy.Engine, status: str
    ) -> None:
        world.hand_in(a_contact())
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE synced_records SET status = '{status}'")
        with world.client() as client:
            before = the_record(client, "C-1")
            answer = client.post(f"{RECORDS}/{before['id']}/push")

        assert answer.status_code == 200
        queued = status in {"rejected", "retry_wait"}
        assert answer.json()["status"] == ("pending" if queued else status)

    def test_without_a_connection_nothing_is_pushed(self, world: World) -> None:
        world.hand_in(a_contact())
        connections.pause(world.runtime.engine, world.connection_id, actor="test")
        with world.client(world.credential(manage=True)) as client:
            record = the_record(client, "C-1")
            answer = client.post(f"{RECORDS}/{record['id']}/push")

        assert answer.status_code == 409

    def test_a_worker_that_was_quicker_is_no_error(
        self, world: World, monkeypatch: pytest.MonkeyPatch, database: sqlalchemy.Engine
    ) -> None:
        world.hand_in(a_contact())
        with world.client() as client:
            record = the_record(client, "C-1")
            plain_retry = control.retry

            def late(*args: Any, **options: Any) -> int:
                with database.begin() as connection:
                    connection.exec_driver_sql("UPDATE synced_records SET status = 'sending'")
                return plain_retry(*args, **options)

            monkeypatch.setattr(control, "retry", late)
            answer = client.post(f"{RECORDS}/{record['id']}/push")

        assert (answer.status_code, answer.json()["status"]) == (200, "sending")


class TestReferenceData:
    @pytest.mark.parametrize(
        ("percent", "shown"),
        [("12.5", 1250), ("8.875", 888), ("8.874", 887), ("20", 2000), ("0", 0), ("0.005", 1)],
    )
    def test_rates_are_whole_hundredths(self, percent: str, shown: int) -> None:
        assert hundredths(Decimal(percent)) == shown

    def test_components_are_added_up_and_not_compounded(self) -> None:
        rate = CanonicalRate(
            id="qc",
            name="Quebec",
            rate=Decimal("14.975"),
            components=(
                TaxComponent(name="GST", rate=Decimal(5)),
                TaxComponent(name="QST", rate=Decimal("9.975"), compound=True),
            ),
        )
        now = datetime.fromisoformat("2026-01-01T00:00:00Z")

        shown = TaxRate.of(PulledRow(new_id(), now, now, "Quebec", rate, None))

        assert (shown.effective_tax_rate, shown.total_tax_rate) == (1498, 1498)
        assert [part.rate for part in shown.components] == [500, 998]
        assert shown.components[1].is_compound
        assert shown.exact_rate == "14.975"

    @pytest.mark.parametrize(
        ("currency", "balance", "shown"),
        [("EUR", "10.505", 1051), ("JPY", "10", 10), (None, "-1.2", -120), ("EUR", None, None)],
    )
    def test_balances_are_whole_numbers(
        self, currency: str | None, balance: str | None, shown: int | None
    ) -> None:
        account = CanonicalAccount(id="1", name="Bank", classification="asset", currency=currency)
        now = datetime.fromisoformat("2026-01-01T00:00:00Z")
        exact = None if balance is None else Decimal(balance)

        seen = LedgerAccount.of(PulledRow(new_id(), now, now, "Bank", account, exact))

        assert seen.current_balance == shown
        assert (seen.type.value, seen.status) == ("Asset", "Active")

    def test_an_account_of_another_class_is_unknown(self) -> None:
        account = CanonicalAccount(id="1", name="Off", classification="memo", active=False)
        now = datetime.fromisoformat("2026-01-01T00:00:00Z")

        seen = LedgerAccount.of(PulledRow(new_id(), now, now, "Off", account, None))

        assert (seen.type.value, seen.status) == ("Unknown", "Archived")

    def test_an_entity_without_a_ledger_has_empty_lists(self, world: World) -> None:
        other = world.entity("UK")
        with world.client(world.credential(), entity_id=other) as client:
            for path in (
                "/accounting_connections",
                RECORDS,
                "/accounting_tax_rates",
                "/ledger_accounts",
                "/accounting/payables",
                "/accounting/receivables",
            ):
                answer = client.get(path)
                assert (answer.status_code, answer.json()["data"]) == (200, [])
            settings = client.get(f"/entities/{other}/settings").json()
            assert settings["accounting"]["tax_ids"] == {"deductions": None}


class TestLedgerDocuments:
    def test_amounts_are_numbers_and_ours_are_shown_in_the_ledgers_words(
        self, world: World
    ) -> None:
        world.hand_in(a_supplier(), a_bill(due_date="2026-04-14", note="Thank you"))
        world.push()
        with world.client() as client:
            (bill,) = client.get("/accounting/payables").json()["data"]
            (rate,) = [
                rate
                for rate in client.get("/accounting_tax_rates").json()["data"]
                if rate["effective_tax_rate"] == 2000
            ]
            supplier = the_record(client, "S-1")

        assert (bill["total_amount"], bill["subtotal"], bill["tax_amount"]) == (120.0, 100.0, 20.0)
        assert bill["status"] == "open"
        assert (bill["due_date"], bill["memo"]) == ("2026-04-14", "Thank you")
        assert bill["vendor_ref"] == {
            "id": supplier["platform_object_id"],
            "name": "Supplier S-1",
        }
        assert bill["lines"][0]["unit_amount"] == 100.0
        assert bill["lines"][0]["tax_rate_ref"] == {"id": rate["platform_object_id"]}

    def test_pages_go_by_offset(self, world: World) -> None:
        world.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(5)))
        world.push()
        with world.client() as client:
            pages = [
                client.get("/accounting/receivables", params={"limit": 2, "offset": offset})
                for offset in (0, 2, 4, 6)
            ]
            wrong = [
                client.get("/accounting/receivables", params=query).status_code
                for query in ({"limit": 501}, {"limit": 0}, {"offset": -1}, {"offset": 10**30})
            ]

        assert [len(page.json()["data"]) for page in pages] == [2, 2, 1, 0]
        ids = [one["id"] for page in pages for one in page.json()["data"]]
        assert len(set(ids)) == 5
        assert wrong == [422, 422, 422, 422]

    @pytest.mark.parametrize("odd", ["nothing", "%00", "a%2Fb", "%FF", "x" * 300])
    def test_free_ids_that_mean_nothing_are_refused(self, world: World, odd: str) -> None:
        with world.client() as client:
            answer = client.get(f"/accounting/payables/{odd}")

        assert answer.status_code in {404, 422}
        assert set(answer.json()) <= {"error", "detail"}


class TestSettings:
    def test_the_account_of_payments_reaches_the_ledger(self, world: World) -> None:
        path = f"/entities/{world.entity_id}/settings"
        with world.client() as client:
            accounts = {
                one["nominal_code"]: one["id"]
                for one in client.get("/ledger_accounts").json()["data"]
            }
            cleared = client.patch(
                path, json={"accounting": {"ledger_account_ids": {"payments": None}}}
            )
            world.hand_in(a_contact(), an_invoice(), a_payment())
            world.push()
            waiting = the_record(client, "Z-1")
            wanted = {"ledger_account_ids": {"payments": accounts["622000"]}}
            answer = client.patch(path, json={"accounting": wanted})
            world.push()
            done = the_record(client, "Z-1")

        assert cleared.json()["accounting"]["ledger_account_ids"]["payments"] is None
        assert waiting["error_code"] == "account_not_named"
        assert answer.json()["accounting"]["ledger_account_ids"] == {
            "payments": accounts["622000"],
            "products": accounts["706000"],
        }
        assert done["sync_status"] == "done"
        (payment,) = world.ledger.documents(ObjectType.PAYMENT)
        assert "622000" in str(payment)

    def test_null_takes_everything_away(self, world: World) -> None:
        path = f"/entities/{world.entity_id}/settings"
        with world.client() as client:
            answer = client.patch(path, json={"accounting": None})

        assert answer.json()["accounting"] == {
            "ledger_account_ids": {"payments": None, "products": None},
            "tax_ids": {"deductions": None},
        }

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"accounting": {"x": 1}}, 422),
            ({"accounting": {"ledger_account_ids": {"bills": None}}}, 422),
            ({"accounting": {"ledger_account_ids": {"payments": "512000"}}}, 422),
            ({"currency": {"default": "EUR"}}, 422),
            ({"accounting": {"ledger_account_ids": {"payments": str(uuid4())}}}, 404),
            ({"accounting": {"tax_ids": {"deductions": str(uuid4())}}}, 404),
        ],
    )
    def test_what_is_not_known_is_refused(
        self, world: World, body: dict[str, Any], status: int
    ) -> None:
        path = f"/entities/{world.entity_id}/settings"
        with world.client() as client:
            before = client.get(path).json()
            assert client.patch(path, json=body).status_code == status
            assert client.get(path).json() == before

    def test_without_a_ledger_no_account_can_be_meant(self, world: World) -> None:
        other = world.entity("UK")
        wanted = {"accounting": {"ledger_account_ids": {"payments": str(uuid4())}}}
        with world.client(world.credential(manage=True), entity_id=other) as client:
            assert client.patch(f"/entities/{other}/settings", json=wanted).status_code == 409


class TestHeaders:
    def test_posts_carry_no_body_and_no_content_type(self, world: World) -> None:
        with world.client() as client:
            answer = client.post(f"/accounting_connections/{world.connection_id}/sync")

        assert "content-type" not in answer.request.headers
        assert answer.status_code == 202

    @pytest.mark.parametrize(
        ("headers", "status", "body"),
        [
            ({"Authorization": ""}, 401, "error"),
            ({"Authorization": "Bearer nobody"}, 401, "error"),
            ({"x-monite-entity-id": "no id"}, 422, "detail"),
            ({"x-monite-entity-id": str(uuid4())}, 404, "error"),
            ({"x-monite-version": "2020-01-01"}, 404, "error"),
            ({"x-monite-version": "soon"}, 422, "detail"),
        ],
    )
    def test_refusals_have_the_contracts_body(
        self, world: World, headers: dict[str, str], status: int, body: str
    ) -> None:
        with world.client(headers=headers) as client:
            answer = client.get("/accounting_connections")

        assert answer.status_code == status
        assert list(answer.json()) == [body]

    @pytest.mark.parametrize(
        "path",
        [
            "/accounting_connections/1",
            f"{RECORDS}/1",
            "/accounting_tax_rates/1",
            "/ledger_accounts/1",
            "/entities/1/settings",
        ],
    )
    def test_malformed_ids_are_told_apart_from_unknown_ones(self, world: World, path: str) -> None:
        with world.client() as client:
            assert client.get(path).status_code == 422
            unknown = path.replace("/1", f"/{uuid4()}")
            assert client.get(unknown).status_code == 404


def test_what_belongs_to_another_organisation_is_not_there(world: World) -> None:
    world.hand_in(a_contact(), a_supplier(), an_invoice(), a_bill())
    world.sync()
    stranger = world.entity("XX", organisation="Other")
    theirs = world.connect(stranger)
    with world.client() as client:
        record = records(client)[0]["id"]
        rate = client.get("/accounting_tax_rates").json()["data"][0]["id"]
        account = client.get("/ledger_accounts").json()["data"][0]["id"]
        ours = {
            path: {one["object_id"] for one in client.get(path).json()["data"]}
            for path in ("/accounting/payables", "/accounting/receivables")
        }
    connection = world.connection_id
    credential = world.credential(organisation="Other", manage=True)
    for headers in ({}, {"x-monite-entity-id": str(world.entity_id)}):
        with world.client(credential, entity_id=stranger, headers=headers) as client:
            answers = [
                client.get(f"/accounting_connections/{connection}"),
                client.post(f"/accounting_connections/{connection}/sync"),
                client.post(f"/accounting_connections/{connection}/disconnect"),
                client.get(f"{RECORDS}/{record}"),
                client.post(f"{RECORDS}/{record}/push"),
                client.get(f"/accounting_tax_rates/{rate}"),
                client.get(f"/ledger_accounts/{account}"),
                client.get(f"/entities/{world.entity_id}/settings"),
                client.patch(f"/entities/{world.entity_id}/settings", json={}),
                client.patch(
                    f"/entities/{stranger}/settings",
                    json={"accounting": {"ledger_account_ids": {"payments": account}}},
                ),
            ]
            assert [answer.status_code for answer in answers] == [404] * len(answers)
            if not headers:
                # They read the same books, so ids of the ledger are equal: documents are not.
                for path, ids in ours.items():
                    seen = {one["object_id"] for one in client.get(path).json()["data"]}
                    assert seen
                    assert not seen & ids
                assert records(client, object_id__in=sorted(set().union(*ours.values()))) == []
    with world.client(world.credential(connection_id=theirs), entity_id=stranger) as client:
        (shown,) = client.get("/accounting_connections").json()["data"]
        assert shown["id"] == str(theirs)
    with world.runtime.begin() as work:
        still = work.connections.get(connection)
        assert still is not None
        assert still.status is ConnectionStatus.CONNECTED
