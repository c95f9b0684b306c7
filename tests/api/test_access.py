"""Who may see, post and move whose documents: the access rules, scenario by scenario.

An organisation with the billing entities NL and BE, each with an integrator's connection
(I-NL, I-BE), the credentials of both (c-nl, c-be), and one of the organisation (c-org).
Scenarios T26 to T32 concern our worker at a provider with the same rules: see
`tests/sync/test_bridge.py`.
"""

import contextlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy
import structlog

from connectors.base import Role
from models.canonical import AnyRecord
from models.repositories import LogLine
from models.status import SyncStatus
from models.tables import AuditRow, ConnectionRole
from sync import access, connections, control, documents, moving, runs, sweep
from sync.errors import ConflictError, InvalidInputError, NotAllowedError
from sync.push import push_due
from sync.recover import recover_due
from tests.api.test_documents import as_json
from tests.api.world import World, waiting_for_others
from tests.factories import a_contact, a_credit_note, a_payment, an_invoice, shift
from tests.stack import wait_until

Credential = tuple[str, str]
TASKS = "/accounting/sync-tasks"


AS_NEW = as_json(an_invoice("new"))


@dataclass
class Scene:
    """The organisation of the scenarios."""

    world: World
    database: sqlalchemy.Engine
    entities: dict[str, UUID] = field(default_factory=dict)
    connections: dict[str, UUID] = field(default_factory=dict)
    clients: dict[Credential, httpx.Client] = field(default_factory=dict)

    @classmethod
    def begin(cls, world: World, database: sqlalchemy.Engine) -> "Scene":
        scene = cls(world, database)
        for code in ("NL", "BE"):
            scene.add_entity(code)
            scene.connect(code)
        scene.hand_in("NL", an_invoice("n1"), an_invoice("n2"))
        scene.hand_in("BE", an_invoice("b1"))
        return scene

    def add_entity(self, code: str) -> UUID:
        self.entities[code] = self.world.entity(code)
        return self.entities[code]

    def connect(self, *codes: str) -> UUID:
        """An integrator's connection for entities, named after the first."""
        row = connections.add(
            self.world.runtime.engine,
            self.world.runtime.opener,
            connections.NewConnection(
                billing_entity_id=self.entities[codes[0]],
                provider="external",
                role=Role.LEDGER,
                credentials={},
                settings={"organisation_id": f"books of {codes[0]}"},
                base_url=None,
                schedule="24h",
                start_date=date(2026, 1, 1),
            ),
            actor="test",
        )
        self.connections[codes[0]] = row.id
        if len(codes) > 1:
            self.link(codes[0], *codes)
        return row.id

    def link(self, connection: str, *codes: str) -> None:
        moving.link(
            self.world.runtime.engine,
            self.connections[connection],
            [self.entities[code] for code in codes],
            actor="test",
        )

    def hand_in(self, code: str, *records: AnyRecord) -> None:
        self.world.hand_in(*records, entity_id=self.entities[code])

    def integration(self, code: str) -> Credential:
        """A credential of the connection that was made for an entity."""
        return self.world.credential(connection_id=self.connections[code])

    def client(self, credential: Credential | str) -> httpx.Client:
        """A client of a credential, or of the connection of an entity."""
        if isinstance(credential, str):
            credential = self.integration(credential)
        client = self.world.client(credential)
        self.clients[credential] = client
        return client

    def product(self, code: str) -> httpx.Client:
        """The program that hands an entity's documents in."""
        return self.world.client(self.integration(code), entity_id=self.entities[code])

    def organisation(self, *, manage: bool = False) -> httpx.Client:
        return self.client(self.world.credential(manage=manage))

    def line(self, external_id: str) -> LogLine:
        (line,) = [line for line in self.world.lines() if line.external_id == external_id]
        return line

    def status(self, external_id: str) -> SyncStatus:
        return self.line(external_id).status

    def task(self, external_id: str) -> str:
        """The path of a document's task."""
        return f"{TASKS}/{self.line(external_id).id}"

    def move(self, external_id: str, code: str) -> None:
        """A person moves a document."""
        answer = self.asked_to_move(self.organisation(manage=True), external_id, code)
        assert answer.status_code == 204, answer.text

    def asked_to_move(self, client: httpx.Client, external_id: str, code: str) -> httpx.Response:
        return client.post(
            f"/billing-entities/{self.entities[code]}/move-document",
            json={"document_id": str(self.line(external_id).object_id)},
        )

    def audit(self, action: str) -> list[AuditRow]:
        with sqlalchemy.orm.Session(self.database) as session:
            query = sqlalchemy.select(AuditRow).where(AuditRow.action == action)
            return list(session.execute(query.order_by(AuditRow.id)).scalars())


@pytest.fixture
def scene(world: World, database: sqlalchemy.Engine) -> Iterator[Scene]:
    scene = Scene.begin(world, database)
    yield scene
    for client in scene.clients.values():
        client.close()


def waiting(client: httpx.Client, **filters: str) -> list[str]:
    """What a credential sees waiting, by the product's ids."""
    answer = client.get(TASKS, params=filters)
    assert answer.status_code == 200, answer.text
    return [task["external_id"] for task in answer.json()["tasks"]]


def complete(client: httpx.Client, path: str, **more: Any) -> httpx.Response:
    return client.post(f"{path}/update-status", json={"status": "COMPLETED", **more})


def fail(client: httpx.Client, path: str, message: str = "unknown customer") -> httpx.Response:
    failure = {"error_type": "USER_INPUT_ERROR", "error_message": message}
    return client.post(f"{path}/update-status", json={"status": "FAILED", "failure": failure})


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["type"]


MISMATCH = (403, "billing_entity_mismatch")
NOT_LINKED = (403, "credential_not_linked")


def test_t01_an_integrator_sees_what_waits_for_its_entity_only(scene: Scene) -> None:
    assert sorted(waiting(scene.client("NL"))) == ["n1", "n2"]
    assert waiting(scene.client("BE")) == ["b1"]


def test_t02_filtering_by_its_own_entity_changes_nothing(scene: Scene) -> None:
    assert sorted(waiting(scene.client("NL"), billing_entity_code="NL")) == ["n1", "n2"]


def test_t03_filtering_by_an_entity_of_another_integrator_is_refused(scene: Scene) -> None:
    answer = scene.client("NL").get(TASKS, params={"billing_entity_code": "BE"})

    assert refused(answer) == (403, "billing_entity_not_linked")
    message = answer.json()["error"]["message"]
    assert str(scene.connections["NL"]) in message
    assert "linked to NL" in message


def test_t04_an_unknown_entity_is_named_as_such(scene: Scene) -> None:
    answer = scene.client("NL").get(TASKS, params={"billing_entity_code": "ZZ"})

    assert refused(answer) == (400, "unknown_billing_entity")
    assert "'ZZ'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("code", [None, "NL", "ZZ"])
def test_t05_a_credential_of_the_organisation_has_no_waiting_list(
    scene: Scene, code: str | None
) -> None:
    answer = scene.organisation().get(TASKS, params={"billing_entity_code": code} if code else {})

    assert refused(answer) == NOT_LINKED
    assert "belongs to the organisation" in answer.json()["error"]["message"]


def test_t05_nor_does_it_read_a_task(scene: Scene) -> None:
    assert refused(scene.organisation().get(scene.task("n1"))) == NOT_LINKED


def test_t06_documents_of_other_entities_can_be_read(scene: Scene) -> None:
    document = scene.line("b1").object_id

    for client in (scene.client("NL"), scene.organisation()):
        header = {"x-monite-entity-id": str(scene.entities["BE"])}
        answer = client.get(f"/documents/{document}", headers=header)
        assert answer.status_code == 200
        assert answer.json()["billing_entity"]["code"] == "BE"


def test_t06_so_can_their_tasks_marked_as_not_postable(scene: Scene) -> None:
    own = scene.client("NL").get(scene.task("n1")).json()
    other = scene.client("NL").get(scene.task("b1")).json()

    assert (own["postable"], other["postable"]) == (True, False)
    assert other["billing_entity"]["code"] == "BE"
    assert other["payload"]["id"] == "b1"
    assert own["operation"] == "create"
    assert own["marker"].startswith("LB-")


def test_t07_a_completed_task_leaves_the_list_and_the_document_is_posted(scene: Scene) -> None:
    credential = scene.integration("NL")
    client = scene.client(credential)

    answer = complete(client, scene.task("n1"), platform_id="SAP-1")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["platform_id"]) == ("COMPLETED", "SAP-1")
    assert waiting(client) == ["n2"]
    assert scene.status("n1") is SyncStatus.DONE
    (row,) = scene.audit("task.completed")
    assert row.actor == f"api:{credential[0]}"
    assert row.details["document_entity"] == "NL"


def test_t08_nobody_completes_the_task_of_another_entity(scene: Scene) -> None:
    answer = complete(scene.client("NL"), scene.task("b1"))

    assert refused(answer) == MISMATCH
    message = answer.json()["error"]["message"]
    assert "INV-b1 belongs to billing entity BE" in message
    assert f"connection {scene.connections['NL']}, linked to NL" in message
    assert waiting(scene.client("BE")) == ["b1"]
    (row,) = scene.audit("task.refused")
    assert row.reason is not None
    assert row.reason.startswith("completed in the ledger, not acknowledged")
    assert row.details["code"] == "billing_entity_mismatch"
    assert row.details["credential"] == "integration"
    assert row.details["document_entity"] == "BE"
    assert row.details["credential_entities"] == ["NL"]


@pytest.mark.parametrize("manage", [False, True])
def test_t09_a_credential_of_the_organisation_completes_nothing(scene: Scene, manage: bool) -> None:
    before = scene.line("n1")

    answer = complete(scene.organisation(manage=manage), scene.task("n1"))

    assert refused(answer) == NOT_LINKED
    assert scene.line("n1") == before
    assert len(scene.audit("task.refused")) == 1


def test_t09_nor_does_it_fail_or_reopen_anything(scene: Scene) -> None:
    client = scene.organisation()

    assert refused(fail(client, scene.task("n1"))) == NOT_LINKED
    assert refused(client.post(f"{scene.task('n1')}/reopen")) == NOT_LINKED


def test_t10_completing_twice_posts_once(scene: Scene) -> None:
    client = scene.client("NL")

    answers = [complete(client, scene.task("n1"), platform_id="SAP-1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert len(scene.audit("task.completed")) == 1
    with scene.world.runtime.begin() as work:
        assert len(work.attempts.of_record(scene.line("n1").id)) == 1


def test_t10_completing_again_as_something_else_is_refused(scene: Scene) -> None:
    client = scene.client("NL")
    complete(client, scene.task("n1"), platform_id="SAP-1")

    answer = complete(client, scene.task("n1"), platform_id="SAP-2")

    assert refused(answer) == (409, "already_final")
    assert "COMPLETED as SAP-1" in answer.json()["error"]["message"]


def test_t10_two_documents_are_not_the_same_in_the_ledger(scene: Scene) -> None:
    client = scene.client("NL")
    complete(client, scene.task("n1"), platform_id="SAP-1")

    answer = complete(client, scene.task("n2"), platform_id="SAP-1")

    assert refused(answer) == (409, "already_final")
    assert scene.status("n2") is SyncStatus.PENDING


def test_t11_a_failed_task_is_not_completed(scene: Scene) -> None:
    client = scene.client("NL")
    fail(client, scene.task("n2"))

    answer = complete(client, scene.task("n2"))

    assert refused(answer) == (409, "already_final")
    assert "FAILED already" in answer.json()["error"]["message"]


def test_t12_nobody_fails_the_task_of_another_entity(scene: Scene) -> None:
    assert refused(fail(scene.client("NL"), scene.task("b1"))) == MISMATCH
    assert scene.status("b1") is SyncStatus.PENDING


def test_t13_what_failed_says_why_where_people_look(scene: Scene) -> None:
    client = scene.client("NL")

    answer = fail(client, scene.task("n2"), "customer 77 is blocked")

    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
    line = scene.line("n2")
    assert line.status is SyncStatus.REJECTED
    assert line.sentence == "Invoice INV-n2: customer 77 is blocked."
    assert line.reason == line.sentence
    assert waiting(client) == ["n1"]
    assert fail(client, scene.task("n2"), "customer 77 is blocked").status_code == 200
    assert len(scene.audit("task.failed")) == 1


def test_t13_what_failed_can_be_reopened_by_its_integrator_alone(scene: Scene) -> None:
    client = scene.client("NL")
    fail(client, scene.task("n2"))

    assert refused(scene.client("BE").post(f"{scene.task('n2')}/reopen")) == MISMATCH
    answer = client.post(f"{scene.task('n2')}/reopen")

    assert (answer.status_code, answer.json()["status"]) == (200, "TODO")
    assert sorted(waiting(client)) == ["n1", "n2"]
    with scene.world.runtime.begin() as work:
        assert work.issues.listing(scene.connections["NL"]) == []
    complete(client, scene.task("n2"))
    assert refused(client.post(f"{scene.task('n2')}/reopen")) == (409, "already_final")


def test_t14_no_document_is_without_an_entity_and_the_wrong_one_is_mended_by_a_person(
    scene: Scene,
) -> None:
    x1 = scene.add_entity("X")  # where the product put what it could not assign
    scene.hand_in("X", an_invoice("x1"))
    with (
        pytest.raises(sqlalchemy.exc.IntegrityError, match="billing_entity_id"),
        scene.database.begin() as connection,
    ):
        connection.exec_driver_sql(
            "UPDATE documents SET billing_entity_id = NULL WHERE billing_entity_id = %s", (x1,)
        )
    document = _document(scene, "x1")
    client = scene.client("NL")
    assert "x1" not in waiting(client)

    answer = scene.organisation(manage=True).post(
        f"/billing-entities/{scene.entities['NL']}/move-document", json={"document_id": document}
    )

    assert answer.status_code == 204
    assert complete(client, scene.task("x1")).status_code == 200


def _document(scene: Scene, external_id: str) -> str:
    with scene.world.runtime.begin() as work:
        (row,) = work.documents.by_number(external_id)
    return str(row.id)


def test_t15_an_integrator_of_several_entities_has_the_union(scene: Scene) -> None:
    for code in ("NL2", "DE"):
        scene.add_entity(code)
    scene.connect("NL2", "NL2", "DE")
    scene.hand_in("NL2", an_invoice("m1"))
    scene.hand_in("DE", an_invoice("d1"))
    client = scene.client("NL2")

    assert waiting(client) == ["m1", "d1"]
    assert waiting(client, billing_entity_code="DE") == ["d1"]
    assert refused(complete(client, scene.task("n1"))) == MISMATCH
    assert complete(client, scene.task("m1")).status_code == 200
    assert complete(client, scene.task("d1")).status_code == 200


def test_t16_an_entity_has_one_active_connection(scene: Scene) -> None:
    with pytest.raises(NotAllowedError, match="has a ledger already"):
        scene.connect("NL")
    with pytest.raises(NotAllowedError, match="billing entity NL has a connection already"):
        scene.link("BE", "BE", "NL")

    with scene.world.runtime.begin() as work:
        assert work.access.entities_of(scene.connections["BE"]) == {scene.entities["BE"]}
        assert not work.access.relink(scene.connections["BE"], [scene.entities["NL"]])


def test_t16_who_links_an_entity_waits_for_who_connects_it(scene: Scene) -> None:
    lu = scene.add_entity("LU")
    with ThreadPoolExecutor(1) as pool:
        with scene.world.runtime.begin() as work:
            connections.refuse_second_ledger(work, lu, Role.LEDGER)
            linking = pool.submit(scene.link, "NL", "NL", "LU")
            assert wait_until(lambda: waiting_for_others(scene.database) == 1, seconds=10)
            work.connections.add_pending(
                billing_entity_id=lu,
                provider="memory",
                role=ConnectionRole.LEDGER,
                base_url=None,
                settings={},
                posting_from=None,
                schedule="24h",
            )
        with pytest.raises(NotAllowedError, match="billing entity LU has a connection already"):
            linking.result()


def test_t16_only_what_an_integrator_posts_can_be_linked(scene: Scene) -> None:
    with pytest.raises(InvalidInputError, match="belong to one billing entity"):
        moving.link(
            scene.world.runtime.engine,
            scene.world.connection_id,
            [scene.entities["NL"]],
            actor="test",
        )
    with pytest.raises(InvalidInputError, match="at least one"):
        scene.link("NL")


def test_t17_a_link_that_changes_holds_for_tokens_of_before(scene: Scene) -> None:
    client = scene.client("NL")
    n1, b1 = scene.task("n1"), scene.task("b1")
    engine = scene.world.runtime.engine
    connections.disconnect(engine, scene.connections["BE"], actor="test")

    scene.link("NL", "BE")

    assert waiting(client) == ["b1"]
    assert refused(complete(client, n1)) == MISMATCH
    assert complete(client, b1).status_code == 200
    (row,) = scene.audit("task.refused")
    assert row.details["credential_entities"] == ["BE"]


def test_t17_tasks_that_were_left_behind_wait_for_the_next_integrator(scene: Scene) -> None:
    complete(scene.client("NL"), scene.task("n1"))
    fail(scene.client("NL"), scene.task("n2"))
    scene.add_entity("LU")
    n2 = scene.task("n2")

    scene.link("NL", "LU")
    scene.link("BE", "BE", "NL")

    client = scene.client("BE")
    assert sorted(waiting(client)) == ["b1", "n2"]
    assert complete(client, n2).status_code == 200
    # What was posted is not posted again by the next.
    assert scene.status("n1") is SyncStatus.DONE
    assert len([line for line in scene.world.lines() if line.external_id == "n1"]) == 1


def test_t18_a_paused_integration_does_nothing_until_it_goes_on(scene: Scene) -> None:
    credential = scene.integration("NL")
    client = scene.client(credential)
    engine = scene.world.runtime.engine
    connections.pause(engine, scene.connections["NL"], actor="test")
    paused = (403, "integration_disabled")

    assert refused(client.get(TASKS)) == paused
    assert refused(complete(client, scene.task("n1"))) == paused
    assert refused(client.get(scene.task("n1"))) == paused

    connections.resume(engine, scene.connections["NL"], actor="test")
    assert sorted(waiting(client)) == ["n1", "n2"]
    with scene.world.runtime.begin() as work:
        access.revoke_client(work, UUID(credential[0]), actor="test")
    assert client.get(TASKS).status_code == 401
    assert complete(client, scene.task("n1")).status_code == 401


def test_t19_nothing_is_posted_for_an_archived_entity(scene: Scene) -> None:
    scene.add_entity("UK")
    scene.connect("UK")
    scene.hand_in("UK", an_invoice("u1"), an_invoice("u0"))
    client = scene.client("UK")
    fail(client, scene.task("u0"))
    with scene.world.runtime.begin() as work:
        moving.archive(work, scene.entities["UK"], archived=True, actor="test")
    scene.hand_in("UK", an_invoice("u2"), an_invoice("u0", reference="mended"))

    assert waiting(client) == []
    assert refused(complete(client, scene.task("u1"))) == (409, "billing_entity_archived")
    shown = client.get(scene.task("u1"))
    assert shown.status_code == 200
    assert (shown.json()["postable"], shown.json()["billing_entity"]["archived"]) == (False, True)
    assert [line for line in scene.world.lines() if line.external_id == "u2"] == []

    with scene.world.runtime.begin() as work:
        moving.archive(work, scene.entities["UK"], archived=False, actor="test")
    assert sorted(waiting(client)) == ["u0", "u1"]


def test_t19_nor_by_our_own_workers(scene: Scene) -> None:
    world = scene.world
    world.hand_in(a_contact("f1"))
    with world.runtime.begin() as work:
        moving.archive(work, world.entity_id, archived=True, actor="test")
    assert scene.status("f1") is SyncStatus.HELD
    with scene.database.begin() as connection:
        connection.exec_driver_sql("UPDATE synced_records SET status = 'pending'")

    world.push()

    assert scene.line("f1").platform_object_id is None
    assert sweep.sweep(world.runtime.engine).pushes == 0


def test_t20_a_moved_document_is_posted_by_its_new_entity(scene: Scene) -> None:
    n1 = scene.task("n1")

    scene.move("n1", "BE")

    assert waiting(scene.client("NL")) == ["n2"]
    assert sorted(waiting(scene.client("BE"))) == ["b1", "n1"]
    assert refused(complete(scene.client("NL"), n1)) == MISMATCH
    assert complete(scene.client("BE"), n1).status_code == 200
    (row,) = scene.audit("document.move")
    assert (row.details["document_entity"], row.details["to_entity"]) == ("NL", "BE")


def test_t20_a_document_that_moves_back_waits_where_it_was(scene: Scene) -> None:
    scene.move("n1", "BE")
    scene.move("n1", "NL")

    assert sorted(waiting(scene.client("NL"))) == ["n1", "n2"]
    assert waiting(scene.client("BE")) == ["b1"]


def test_t20_a_moved_document_is_not_taken_anew_where_it_was(scene: Scene) -> None:
    scene.move("n1", "BE")
    engine, again = scene.world.runtime.engine, as_json(an_invoice("n1", due_date=date(2026, 5, 1)))
    with scene.product("NL") as client:
        posted = client.post("/documents", json=again)
        put = client.put("/documents/invoice/n1", json=again)
        bulk = client.post("/documents/bulk", json={"documents": [again, again, AS_NEW]}).json()
        # An id that another entity has always had is its own affair.
        repeated = client.post("/documents", json=as_json(an_invoice("b1")))
    *_, imported = documents.import_lines(engine, scene.entities["NL"], [json.dumps(again)])

    for answer in (posted, put):
        assert refused(answer) == (409, "moved_to_other_entity")
        assert "moved to billing entity BE" in answer.json()["error"]["message"]
    assert [one["outcome"] for one in bulk["data"]] == ["refused", "refused", "created"]
    assert "moved to billing entity BE" in bulk["data"][0]["reason"]
    assert (imported.created, imported.refused[0].what) == (0, "invoice n1")
    assert repeated.status_code == 201
    assert [line.external_id for line in scene.world.lines()].count("n1") == 1


def test_t20_a_document_that_moved_back_or_was_deleted_is_taken_again(scene: Scene) -> None:
    scene.move("n1", "BE")
    scene.move("n1", "NL")
    scene.move("n2", "BE")
    with scene.product("NL") as client, scene.product("BE") as other:
        back = client.post("/documents", json=as_json(an_invoice("n1")))
        gone = other.post("/documents", json=as_json(an_invoice("n1")))
        other.delete("/documents/invoice/n2")
        anew = client.post("/documents", json=as_json(an_invoice("n2")))

    assert (back.status_code, back.json()["outcome"]) == (200, "unchanged")
    assert refused(gone) == (409, "moved_to_other_entity")
    assert anew.status_code == 201


def test_t20_who_hands_in_what_is_being_moved_waits_and_is_refused(scene: Scene) -> None:
    document = scene.line("n1").object_id
    begin = scene.world.runtime.begin
    with scene.product("NL") as client, ThreadPoolExecutor(1) as pool:
        with begin() as work:
            assert work.waiting.change_entity(document, scene.entities["BE"])
            asked = pool.submit(client.post, "/documents", json=as_json(an_invoice("n1")))
            assert wait_until(lambda: waiting_for_others(scene.database) == 1, seconds=10)
        answer = asked.result()

    assert refused(answer) == (409, "moved_to_other_entity")


def test_t20_what_a_person_decided_about_a_document_goes_with_it(scene: Scene) -> None:
    control.skip(scene.world.runtime.engine, scene.line("n1").id, reason="a test", actor="test")

    scene.move("n1", "BE")

    assert waiting(scene.client("BE")) == ["b1"]
    assert scene.status("n1") is SyncStatus.SKIPPED


def test_t20_between_entities_of_one_integrator_only_the_entity_changes(scene: Scene) -> None:
    scene.add_entity("LU")
    scene.link("NL", "NL", "LU")
    fail(scene.client("NL"), scene.task("n1"))

    scene.move("n1", "LU")

    shown = scene.client("NL").get(scene.task("n1")).json()
    assert (shown["status"], shown["billing_entity"]["code"]) == ("FAILED", "LU")


def test_t20_nothing_goes_to_an_entity_that_has_it_already_or_is_archived(scene: Scene) -> None:
    scene.hand_in("BE", an_invoice("n1"))
    manage = scene.organisation(manage=True)
    with scene.world.runtime.begin() as work:
        (document,) = [
            row.id
            for row in work.documents.by_number("n1")
            if row.billing_entity_id == scene.entities["NL"]
        ]
    path = f"/billing-entities/{scene.entities['BE']}/move-document"
    body = {"document_id": str(document)}

    assert refused(manage.post(path, json=body)) == (409, "already_there")
    with scene.world.runtime.begin() as work:
        moving.archive(work, scene.entities["BE"], archived=True, actor="test")
    assert refused(manage.post(path, json=body)) == (409, "billing_entity_archived")


def test_t20_what_the_next_connection_is_too_young_for_is_skipped(scene: Scene) -> None:
    with scene.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE connections SET posting_from = '2026-06-01' WHERE id = %s",
            (scene.connections["BE"],),
        )

    scene.move("n1", "BE")

    line = scene.line("n1")
    assert (line.status, line.reason_code) == (SyncStatus.SKIPPED, "before_start")


def test_t20_without_a_connection_it_waits_for_one(scene: Scene) -> None:
    scene.add_entity("LU")

    scene.move("n1", "LU")
    assert waiting(scene.client("NL")) == ["n2"]
    scene.connect("LU")

    assert waiting(scene.client("LU")) == ["n1"]


def test_what_an_integrator_will_make_of_a_document_is_not_foretold(scene: Scene) -> None:
    scene.add_entity("LU")
    scene.link("NL", "NL", "LU")
    scene.hand_in("LU", an_invoice("l1"))
    linked = scene.world.client(scene.integration("NL"), entity_id=scene.entities["LU"])
    other = scene.world.client(scene.integration("BE"), entity_id=scene.entities["BE"])
    asked = {"connection_id": str(scene.connections["NL"])}
    preview = f"/log/{scene.line('l1').id}/preview"
    with linked, other:
        told = [linked.get("/preflight", params=asked), linked.get(preview)]
        unknown = [other.get("/preflight", params=asked), other.get(preview)]

    for answer in told:
        assert answer.status_code == 409
        assert "when it reports back" in answer.json()["error"]["message"]
    assert [answer.status_code for answer in unknown] == [404, 404]


def test_t21_a_document_that_a_worker_holds_is_not_moved(scene: Scene) -> None:
    world = scene.world  # its entity FR has a ledger that our own workers post to
    world.hand_in(an_invoice("f1"))
    line = scene.line("f1")
    manage = scene.organisation(manage=True)
    with world.runtime.begin() as work:
        (claimed,) = work.records.claim(
            world.connection_id, line.type, worker="w", lease=timedelta(seconds=60), limit=1
        )

    answer = scene.asked_to_move(manage, "f1", "BE")
    assert refused(answer) == (409, "push_in_progress")
    assert claimed.id == line.id

    shift(scene.database, timedelta(seconds=61))
    assert scene.asked_to_move(manage, "f1", "BE").status_code == 204
    fr = scene.client(world.credential(connection_id=world.connection_id))
    assert refused(complete(fr, scene.task("f1"))) == MISMATCH
    assert complete(scene.client("BE"), scene.task("f1")).status_code == 200
    world.push()
    assert scene.line("f1").connection_id == scene.connections["BE"]


def test_t22_a_posted_document_stays(scene: Scene) -> None:
    complete(scene.client("NL"), scene.task("n1"))

    answer = scene.asked_to_move(scene.organisation(manage=True), "n1", "BE")

    assert refused(answer) == (409, "already_posted")
    assert waiting(scene.client("BE")) == ["b1"]
    assert len(scene.audit("document.move_refused")) == 1


def test_t23_programs_do_not_move_documents(scene: Scene) -> None:
    for client in (scene.client("NL"), scene.organisation()):
        answer = scene.asked_to_move(client, "n1", "BE")
        assert refused(answer) == (403, "credential_may_not_move")

    assert sorted(waiting(scene.client("NL"))) == ["n1", "n2"]


def test_t24_a_credit_note_belongs_to_the_entity_of_its_invoice(scene: Scene) -> None:
    scene.hand_in("NL", a_credit_note("k1", corrects=("n1",)))
    scene.move("n1", "BE")

    answer = complete(scene.client("NL"), scene.task("k1"))

    assert refused(answer) == (409, "credit_note_entity_mismatch")
    assert "n1 belongs to billing entity BE" in answer.json()["error"]["message"]


def test_t24_one_that_does_not_is_refused_on_the_way_in(scene: Scene) -> None:
    note = a_credit_note("k1", corrects=("b1",))

    with pytest.raises(ConflictError, match="b1 belongs to billing entity BE"):
        scene.hand_in("NL", note)
    lines = [note.model_dump_json(), an_invoice("n3").model_dump_json()]
    engine = scene.world.runtime.engine
    *_, imported = documents.import_lines(engine, scene.entities["NL"], lines)

    assert [(one.line, one.what) for one in imported.refused] == [(1, "credit note k1")]
    assert imported.created == 1
    with scene.product("NL") as client:
        alone = client.post("/documents", json=as_json(note))
        sent = {"documents": [as_json(note), AS_NEW]}
        bulk = client.post("/documents/bulk", json=sent).json()["data"]
    assert refused(alone) == (409, "credit_note_entity_mismatch")
    assert [one["outcome"] for one in bulk] == ["refused", "created"]
    assert "b1 belongs to billing entity BE" in bulk[0]["reason"]


def test_t25_an_organisation_that_gets_more_entities_fails_nothing(world: World) -> None:
    # Credentials of an organisation never post here, so there is none that could lose the right:
    # what waits goes on waiting, and the sentence says which kind of credential is needed.
    world.hand_in(an_invoice("f1"))
    before = world.lines()

    world.entity("NL")

    assert world.lines() == before
    with world.client(world.credential()) as client:
        answer = client.get(TASKS)
    assert refused(answer) == NOT_LINKED
    assert "on the settings of the connection" in answer.json()["error"]["message"]


def test_t33_two_reports_at_the_same_moment_post_once(scene: Scene) -> None:
    path = scene.task("n1")
    clients = [scene.client("NL") for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        # Somebody holds the record until both requests are in the middle of theirs.
        with scene.database.begin() as held:
            held.exec_driver_sql("SELECT 1 FROM synced_records FOR UPDATE")
            asked = [pool.submit(complete, client, path) for client in clients]
            assert wait_until(lambda: _waiting_for_locks(scene) == len(clients), seconds=10)
        answers = [one.result() for one in asked]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(scene.audit("task.completed")) == 1
    with scene.world.runtime.begin() as work:
        assert len(work.attempts.of_record(scene.line("n1").id)) == 1


def _waiting_for_locks(scene: Scene) -> int:
    with scene.database.connect() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ).scalar_one()
        )


@pytest.mark.parametrize("entity", ["BE", None])
def test_t34_the_statement_itself_compares_the_entities(scene: Scene, entity: str | None) -> None:
    before = scene.line("n1")
    entities = [scene.entities[entity]] if entity else []

    with scene.world.runtime.begin() as work:
        common: dict[str, Any] = {"connection_id": scene.connections["NL"], "entities": entities}
        assert not work.waiting.complete(before.id, **common)
        assert not work.waiting.reopen(before.id, **common)

    assert scene.line("n1") == before


def test_t34_it_also_compares_the_present_link_and_the_connection(scene: Scene) -> None:
    line = scene.line("n1")
    entities = [scene.entities["NL"]]
    with scene.world.runtime.begin() as work:
        other = work.waiting.complete(
            line.id, connection_id=scene.connections["BE"], entities=entities
        )
    scene.add_entity("LU")
    scene.link("NL", "LU")

    with scene.world.runtime.begin() as work:
        stale = work.waiting.complete(
            line.id, connection_id=scene.connections["NL"], entities=entities
        )

    assert (other, stale) == (False, False)
    assert scene.line("n1") == line


def test_t35_secrets_are_nowhere(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    credential = scene.integration("NL")
    client = scene.client(credential)
    token = client.headers["authorization"].split()[1]
    said = f"the request had authorization: Bearer {token}"
    with _all_logged(caplog):
        answers = [
            fail(client, scene.task("n1"), said),
            complete(client, scene.task("b1")),
            client.get(TASKS, params={"billing_entity_code": "BE"}),
            client.get(scene.task("n1")),
            httpx.post(
                f"{scene.world.url}/v1/auth/token",
                json={
                    "client_id": credential[0],
                    "client_secret": credential[1] + "x",
                    "grant_type": "client_credentials",
                },
                headers={"x-monite-version": "2024-05-25"},
            ),
        ]

    with scene.database.connect() as connection:
        stored = "".join(
            str(connection.exec_driver_sql(f"SELECT t::text FROM {table} t").all())
            for table in ("audit_log", "synced_records", "attempts", "issues", "api_clients")
        )
    everything = stored + caplog.text + "".join(answer.text for answer in answers)
    assert "the request had authorization ***" in everything
    assert token not in everything
    assert credential[1] not in everything


@contextlib.contextmanager
def _all_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever any of our loggers says, from now on."""
    config = structlog.get_config()
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    try:
        with caplog.at_level(logging.DEBUG):
            yield
    finally:
        structlog.configure(**config)


def test_our_own_workers_leave_an_integrators_connection_alone(scene: Scene) -> None:
    engine, nl = scene.world.runtime.engine, scene.connections["NL"]
    shift(scene.database, timedelta(days=2))

    assert push_due(engine, nl, trigger="manual", correlation_id="x").counts == {}
    assert recover_due(engine, nl, correlation_id="x").counts == {}
    assert nl not in runs.queue_due(engine)
    with scene.world.runtime.begin() as work:
        line = scene.line("n1")
        lease = timedelta(seconds=60)
        assert work.records.claim(nl, line.type, worker="w", lease=lease, limit=9) == []
        assert nl not in work.log.connections_with_work(100)
        assert work.log.in_flight(nl, [line.type]) == 0
    with pytest.raises(NotAllowedError, match="nothing to sync"):
        runs.trigger_run(engine, nl)
    assert scene.status("n1") is SyncStatus.PENDING


def test_an_integrator_leaves_our_own_connections_alone(scene: Scene) -> None:
    world = scene.world
    world.hand_in(an_invoice("f1"))
    client = scene.client(world.credential(connection_id=world.connection_id))

    assert refused(complete(client, scene.task("f1"))) == (409, "posted_by_ledgerbridge")
    assert client.get(scene.task("f1")).json()["postable"] is False


def test_nothing_waits_before_posting_has_started(scene: Scene) -> None:
    with scene.database.begin() as connection:
        connection.exec_driver_sql("UPDATE connections SET posting_from = NULL")
    client = scene.client("NL")

    assert waiting(client) == []
    assert client.get(scene.task("n1")).json()["status"] == "WAITING"
    assert refused(complete(client, scene.task("n1"))) == (409, "task_waiting")


def test_a_report_about_an_older_version_is_refused(scene: Scene) -> None:
    client = scene.client("NL")
    read = client.get(scene.task("n1")).json()["document_version"]
    scene.hand_in("NL", an_invoice("n1", reference="changed"))

    answer = complete(client, scene.task("n1"), document_version=read)

    assert refused(answer) == (409, "document_changed")
    assert complete(client, scene.task("n1"), document_version=read + 1).status_code == 200


def test_an_edit_after_posting_is_a_task_of_its_own(scene: Scene) -> None:
    client = scene.client("NL")
    complete(client, scene.task("n1"), platform_id="SAP-1")

    scene.hand_in("NL", an_invoice("n1", reference="changed"))

    assert sorted(waiting(client)) == ["n1", "n2"]
    assert client.get(scene.task("n1")).json()["operation"] == "update"


def test_a_cancelled_document_leaves_the_list(scene: Scene) -> None:
    client = scene.client("NL")
    scene.hand_in("NL", an_invoice("n1", status="void"))

    assert waiting(client) == ["n2"]
    assert refused(complete(client, scene.task("n1"))) == (409, "document_not_postable")


def test_what_came_together_waits_in_the_order_of_posting(scene: Scene) -> None:
    scene.hand_in("NL", a_payment("z1", pays={"n3": "120.00"}), an_invoice("n3"), a_contact("c1"))

    assert waiting(scene.client("NL"))[2:] == ["c1", "n3", "z1"]


def test_entities_are_listed_for_their_organisation_alone(scene: Scene) -> None:
    scene.world.entity("ELSEWHERE", organisation="Other")

    found = scene.client("NL").get("/billing-entities").json()["data"]

    assert [entity["code"] for entity in found] == ["BE", "FR", "NL"]


def test_a_task_or_document_of_nobody_is_not_found(scene: Scene) -> None:
    client, manage = scene.client("NL"), scene.organisation(manage=True)
    nothing = uuid4()

    assert client.get(f"{TASKS}/{nothing}").status_code == 404
    assert complete(client, f"{TASKS}/{nothing}").status_code == 404
    path = f"/billing-entities/{scene.entities['NL']}/move-document"
    assert manage.post(path, json={"document_id": str(nothing)}).status_code == 404
    gone = manage.post(
        f"/billing-entities/{nothing}/move-document", json={"document_id": _document(scene, "n1")}
    )
    assert gone.status_code == 404
