"""Runs, log, issues, mappings and reconciliation over HTTP: what the command line can do."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from models.canonical import ObjectType
from models.status import SyncStatus
from tests.api.test_documents import rows
from tests.api.world import World
from tests.factories import a_contact, a_line, a_payment, an_invoice

TABLES = ("synced_records", "issues", "mappings", "sync_runs")


def state(world: World) -> dict[str, list[Any]]:
    """Everything that operations can change."""
    return {table: sorted(rows(world, table), key=str) for table in TABLES}


def blocked(world: World) -> UUID:
    """An invoice whose tax rate the ledger does not have; its record."""
    world.hand_in(a_contact(), an_invoice(lines=(a_line(rate="8.5"),)))
    world.push()
    (line,) = [line for line in world.lines() if line.external_id == "I-1"]
    assert line.status is SyncStatus.BLOCKED
    return line.id


class TestRuns:
    def test_a_run_is_queued_and_followed(self, world: World) -> None:
        world.hand_in(a_contact())
        with world.client() as client:
            asked = client.post("/runs", json={"connection_id": str(world.connection_id)})
            again = client.post("/runs", json={"connection_id": str(world.connection_id)})
            world.sync()
            run = client.get(f"/runs/{asked.json()['id']}").json()
            listed = client.get("/runs", params={"status": "done"}).json()["data"]

        assert (asked.status_code, asked.json()["status"]) == (202, "queued")
        assert again.json()["id"] == asked.json()["id"]
        assert run["status"] == "done"
        assert run["counts"]["contact"]["pushed"] == 1
        assert listed[0]["id"] == run["id"]

    def test_only_one_half_and_some_types(self, world: World) -> None:
        with world.client() as client:
            run = client.post(
                "/runs",
                json={
                    "connection_id": str(world.connection_id),
                    "only": "pull",
                    "types": ["invoice", "tax_rate"],
                    "full": True,
                },
            ).json()

        assert sorted(run["steps"]) == ["pull:invoice", "pull:tax_rate"]
        assert run["full"] is True

    def test_pages_join(self, world: World) -> None:
        for _ in range(3):
            world.sync()
        with world.client() as client:
            whole = client.get("/runs").json()["data"]
            first = client.get("/runs", params={"limit": 2}).json()
            rest = client.get(
                "/runs", params={"pagination_token": first["next_pagination_token"]}
            ).json()

        assert len(whole) == 4
        assert first["data"] + rest["data"] == whole
        assert rest["next_pagination_token"] is None

    @pytest.mark.parametrize(
        "changes",
        [{"only": "both"}, {"types": []}, {"types": ["letter"]}, {"surprise": 1}, {"full": "?"}],
    )
    def test_bad_input_queues_nothing(self, world: World, changes: dict[str, Any]) -> None:
        before = state(world)
        with world.client() as client:
            body = {"connection_id": str(world.connection_id)} | changes
            assert client.post("/runs", json=body).status_code == 422

        assert state(world) == before


class TestLog:
    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, {"C-1", "C-2", "I-1"}),
            ({"type": "contact"}, {"C-1", "C-2"}),
            ({"status": "blocked"}, {"I-1"}),
            ({"status": "done", "type": "invoice"}, set()),
            ({"since": "2999-01-01"}, set()),
            ({"since": "2026-01-01T00:00:00+02:00"}, {"C-1", "C-2", "I-1"}),
        ],
    )
    def test_filters(self, world: World, filters: dict[str, str], expected: set[str]) -> None:
        world.hand_in(a_contact("C-2"))
        blocked(world)
        with world.client() as client:
            found = client.get("/log", params={"own": "true", **filters}).json()["data"]

        assert {line["external_id"] for line in found} == expected

    def test_filters_by_connection_document_and_cause(self, world: World) -> None:
        record_id = blocked(world)
        with world.client() as client:
            line = client.get(f"/log/{record_id}").json()
            for name, value in (
                ("connection_id", str(world.connection_id)),
                ("object_id", line["object_id"]),
                ("issue_id", line["issue_id"]),
            ):
                found = client.get("/log", params={name: value}).json()["data"]
                assert str(record_id) in {one["id"] for one in found}
            nothing = client.get("/log", params={"object_id": str(uuid4())}).json()["data"]

        assert nothing == []

    def test_every_list_says_the_same_word_of_what_is_blocked(self, world: World) -> None:
        blocked(world)
        world.hand_in(a_payment("P-1"))
        world.push()
        with world.client() as client:
            log = client.get("/log", params={"own": "true"}).json()["data"]
            words = {(one["external_id"], one["sync_status"]) for one in log}
            documents = client.get("/documents", params={"own": "true"}).json()["data"]
            records = client.get("/accounting_synced_records").json()["data"]
            one_by_one = [client.get(f"/log/{one['id']}").json() for one in log]

        assert words == {("C-1", "done"), ("I-1", "error"), ("P-1", "pending")}
        for others in (documents, records, one_by_one):
            ours = [one for one in others if one["external_id"] in {"C-1", "I-1", "P-1"}]
            assert {(one["external_id"], one["sync_status"]) for one in ours} == words

    def test_pages_join_over_all_connections(self, world: World) -> None:
        world.hand_in(*(a_contact(f"C-{index}") for index in range(5)))
        world.push()
        with world.client() as client:
            whole = client.get("/log").json()["data"]
            page = client.get("/log", params={"limit": 2}).json()
            seen = list(page["data"])
            while token := page["next_pagination_token"]:
                page = client.get("/log", params={"limit": 2, "pagination_token": token}).json()
                seen += page["data"]

        assert len(whole) > 5
        assert seen == whole

    def test_one_record_with_its_attempts(self, world: World) -> None:
        world.hand_in(a_contact())
        world.push()
        (line,) = [line for line in world.lines() if line.ours]
        with world.client() as client:
            record = client.get(f"/log/{line.id}").json()

        assert (record["status"], record["sync_status"]) == ("done", "done")
        assert [(one["operation"], one["outcome"]) for one in record["tries"]] == [
            ("create", "accepted")
        ]

    def test_the_summary_counts_our_documents(self, world: World) -> None:
        world.hand_in(a_contact(), a_contact("C-2", name="Other"))
        with world.client() as client:
            found = client.get("/log/summary", params={"connection_id": str(world.connection_id)})

        assert found.json()["data"] == [{"type": "contact", "status": "pending", "count": 2}]

    def test_a_skipped_record_is_retried_and_goes_out(self, world: World) -> None:
        world.hand_in(a_contact())
        (line,) = [line for line in world.lines() if line.ours]
        with world.client() as client:
            skipped = client.post(f"/log/{line.id}/skip", json={"reason": "a test"})
            world.push()
            retried = client.post(f"/log/{line.id}/retry")
            world.push()
            done = client.get(f"/log/{line.id}").json()
            twice = client.post(f"/log/{line.id}/retry")

        assert (skipped.json()["status"], skipped.json()["reason"]) == ("skipped", "a test")
        assert retried.json()["status"] == "pending"
        assert done["status"] == "done"
        assert twice.status_code == 409
        assert "second document" in twice.json()["error"]["message"]

    def test_what_was_deleted_in_the_ledger_is_made_anew(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        world.push()
        (line,) = [line for line in world.lines() if line.external_id == "I-1"]
        with world.client() as client:
            still_there = client.post(f"/log/{line.id}/retry", json={"again": True})
            world.ledger.delete(ObjectType.INVOICE, line.platform_object_id or "")
            again = client.post(f"/log/{line.id}/retry", json={"again": True})

        assert still_there.status_code == 409
        assert (again.status_code, again.json()["status"]) == (200, "pending")

    def test_what_was_entered_by_hand_is_settled_once_the_ledger_has_it(self, world: World) -> None:
        record_id = blocked(world)
        entered = world.ledger.enter(a_contact("unused"))
        with world.client() as client:
            wrong = client.post(
                f"/log/{record_id}/settle", json={"platform_id": "nothing", "reason": "by Anna"}
            )
            contact = next(line for line in world.lines() if line.external_id == "C-1")
            known = client.post(
                f"/log/{contact.id}/settle", json={"platform_id": entered, "reason": "by Anna"}
            )

        assert wrong.status_code == 409
        assert "check the id" in wrong.json()["error"]["message"]
        assert known.status_code == 409

    def test_a_whole_filter_is_retried(self, world: World) -> None:
        record_id = blocked(world)
        with world.client() as client:
            none = client.post(
                "/log/retry",
                json={
                    "connection_id": str(world.connection_id),
                    "status": "blocked",
                    "type": "bill",
                },
            )
            one = client.post(
                "/log/retry",
                json={"connection_id": str(world.connection_id), "status": "blocked"},
            )
            line = client.get(f"/log/{record_id}").json()

        assert (none.json(), one.json()) == ({"records": 0}, {"records": 1})
        assert line["status"] == "pending"

    def test_repeating_a_retry_under_its_key_retries_once(self, world: World) -> None:
        blocked(world)
        body = {"connection_id": str(world.connection_id), "status": "blocked"}
        with world.client() as client:
            first, again = (
                client.post("/log/retry", json=body, headers={"Idempotency-Key": "k"})
                for _ in range(2)
            )

        assert first.json() == again.json() == {"records": 1}


class TestIssues:
    def test_a_cause_is_listed_with_what_waits(self, world: World) -> None:
        record_id = blocked(world)
        with world.client() as client:
            (issue,) = client.get("/issues").json()["data"]
            shown = client.get(f"/issues/{issue['id']}").json()
            by_code = client.get("/issues", params={"code": "tax_rate_unmapped"}).json()["data"]
            closed = client.get("/issues", params={"state": "closed"}).json()["data"]

        assert (issue["code"], issue["records"]) == ("tax_rate_unmapped", 1)
        assert issue["sentence"]
        assert [line["id"] for line in shown["lines"]] == [str(record_id)]
        assert by_code == [issue]
        assert closed == []

    def test_all_that_waits_is_retried(self, world: World) -> None:
        record_id = blocked(world)
        with world.client() as client:
            (issue,) = client.get("/issues").json()["data"]
            answer = client.post(f"/issues/{issue['id']}/retry")
            line = client.get(f"/log/{record_id}").json()
            closed = client.get(f"/issues/{issue['id']}").json()

        assert answer.json() == {"records": 1}
        assert (line["status"], line["issue_id"]) == ("pending", None)
        assert closed["closed_by"].startswith("api:")


class TestMappings:
    def test_a_mapping_lets_go_on_what_waited(self, world: World) -> None:
        record_id = blocked(world)
        with world.client() as client:
            body = {
                "connection_id": str(world.connection_id),
                "kind": "tax_rate",
                "ours": "8.5",
                "theirs": "vat-20",
            }
            answer = client.put("/mappings", json=body)
            (mapping,) = client.get("/mappings").json()["data"]
            none = client.get("/mappings", params={"kind": "account"}).json()["data"]
            line = client.get(f"/log/{record_id}").json()

        assert (answer.status_code, answer.json()) == (200, {"records": 1})
        assert (mapping["ours"], mapping["theirs"]) == ("8.5", "vat-20")
        assert none == []
        assert line["status"] == "pending"

    def test_what_the_ledger_does_not_have_is_refused(self, world: World) -> None:
        with world.client() as client:
            body = {
                "connection_id": str(world.connection_id),
                "kind": "account",
                "ours": "sales",
                "theirs": "no such account",
            }
            answer = client.put("/mappings", json=body)

        assert answer.status_code == 400
        assert "has no ledger account" in answer.json()["error"]["message"]
        assert rows(world, "mappings") == []


class TestReconciliation:
    def test_both_sides_are_compared(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice(), an_invoice("I-2", issue_date="2026-04-01"))
        world.push()
        world.hand_in(an_invoice("I-3"))
        with world.client() as client:
            answer = client.get(
                "/reconciliation",
                params={
                    "connection_id": str(world.connection_id),
                    "from": "2026-03-01",
                    "to": "2026-03-31",
                },
            ).json()

        (row,) = answer["data"]
        assert (row["month"], row["type"], row["our_count"], row["their_count"]) == (
            "2026-03", "invoice", 2, 1,
        )  # fmt: skip
        assert [(one["reason"], one["ours"]) for one in row["differences"]] == [
            ("not pushed", "120")
        ]
        assert answer["clean"] is True

    def test_a_ledger_that_does_not_answer_is_told(self, world: World) -> None:
        world.ledger.change(api_key="another")
        with world.client() as client:
            answer = client.get(
                "/reconciliation", params={"connection_id": str(world.connection_id)}
            )

        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


Call = Callable[[httpx.Client, dict[str, str]], httpx.Response]
READS: dict[str, Call] = {
    "run": lambda client, ids: client.get(f"/runs/{ids['run']}"),
    "runs": lambda client, ids: client.get("/runs", params={"connection_id": ids["connection"]}),
    "log": lambda client, ids: client.get("/log", params={"connection_id": ids["connection"]}),
    "summary": lambda client, ids: client.get(
        "/log/summary", params={"connection_id": ids["connection"]}
    ),
    "record": lambda client, ids: client.get(f"/log/{ids['record']}"),
    "issue": lambda client, ids: client.get(f"/issues/{ids['issue']}"),
    "issues": lambda client, ids: client.get(
        "/issues", params={"connection_id": ids["connection"]}
    ),
    "mappings": lambda client, ids: client.get(
        "/mappings", params={"connection_id": ids["connection"]}
    ),
    "reconciliation": lambda client, ids: client.get(
        "/reconciliation", params={"connection_id": ids["connection"]}
    ),
}
WRITES: dict[str, Call] = {
    "trigger": lambda client, ids: client.post("/runs", json={"connection_id": ids["connection"]}),
    "retry": lambda client, ids: client.post(f"/log/{ids['record']}/retry"),
    "again": lambda client, ids: client.post(f"/log/{ids['record']}/retry", json={"again": True}),
    "settle": lambda client, ids: client.post(
        f"/log/{ids['record']}/settle", json={"platform_id": "1", "reason": "x"}
    ),
    "skip": lambda client, ids: client.post(f"/log/{ids['record']}/skip", json={"reason": "x"}),
    "bulk retry": lambda client, ids: client.post(
        "/log/retry", json={"connection_id": ids["connection"], "status": "blocked"}
    ),
    "issue retry": lambda client, ids: client.post(f"/issues/{ids['issue']}/retry"),
    "map": lambda client, ids: client.put(
        "/mappings",
        json={
            "connection_id": ids["connection"],
            "kind": "tax_rate",
            "ours": "8.5",
            "theirs": "vat-20",
        },
    ),
}


def ids_of(world: World) -> dict[str, str]:
    """One of each thing that exists."""
    record = blocked(world)
    return {
        "connection": str(world.connection_id),
        "record": str(record),
        "issue": str(rows(world, "issues")[0].id),
        "run": str(rows(world, "sync_runs")[0].id),
    }


class TestWhoMay:
    @pytest.mark.parametrize("call", [*READS, *WRITES])
    def test_what_belongs_to_another_entity_is_not_to_be_found(
        self, world: World, call: str
    ) -> None:
        ids = ids_of(world)
        before = state(world)
        sibling = world.entity("DE")
        stranger = world.entity("GB", organisation="Globex")
        for credential, entity in (
            (world.credential(manage=True), sibling),
            (world.credential(manage=True, organisation="Globex"), stranger),
        ):
            with world.client(credential, entity_id=entity) as client:
                answer = {**READS, **WRITES}[call](client, ids)
            assert answer.status_code == 404
            assert answer.json()["error"]["type"] == "not_found"

        assert state(world) == before

    @pytest.mark.parametrize("path", ["/runs", "/log", "/issues?state=all", "/mappings"])
    def test_lists_hold_nothing_of_another_entity(self, world: World, path: str) -> None:
        ids_of(world)
        sibling = world.entity("DE")
        with world.client(world.credential(), entity_id=sibling) as client:
            assert client.get(path).json()["data"] == []

    @pytest.mark.parametrize("call", READS)
    def test_an_organisation_reads(self, world: World, call: str) -> None:
        ids = ids_of(world)
        with world.client(world.credential()) as client:
            assert READS[call](client, ids).status_code == 200

    @pytest.mark.parametrize("call", WRITES)
    def test_an_organisation_changes_nothing(self, world: World, call: str) -> None:
        ids = ids_of(world)
        before = state(world)
        with world.client(world.credential()) as client:
            answer = WRITES[call](client, ids)

        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "credential_not_linked"
        assert state(world) == before

    @pytest.mark.parametrize("call", [*READS, *WRITES])
    def test_an_unknown_id_is_not_found_and_a_malformed_one_refused(
        self, world: World, call: str
    ) -> None:
        names = ("connection", "record", "issue", "run")
        with world.client() as client:
            unknown = {**READS, **WRITES}[call](client, dict.fromkeys(names, str(uuid4())))
            malformed = {**READS, **WRITES}[call](client, dict.fromkeys(names, "x"))

        assert (unknown.status_code, malformed.status_code) == (404, 422)
