"""The simulated Qargo: who may do what, what becomes of tasks, what people change meanwhile."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from connectors.faults import Answer, Fault
from connectors.qargo.simulator import Qargo, Refused, TaskStatus
from tests.connectors.qargo.desk import COMPLETED, FAILED, TASKS, Desk, said, token_request

OK = (200, "")
ORG_REFUSED = (403, "credential_not_linked")


@pytest.fixture
def qargo() -> Iterator[Qargo]:
    """A tenant with the entities NL (default) and BE; no limits."""
    qargo = Qargo(limited=False)
    qargo.add_entity("NL")
    qargo.add_entity("BE")
    yield qargo
    assert qargo.crashes == []


Desks = Callable[..., Desk]


@pytest.fixture
def desk(qargo: Qargo) -> Iterator[Desks]:
    """Signs in: `desk("NL")` with an INT client for NL, `desk()` with an ORG client."""
    desks: list[Desk] = []

    def sign_in(*entities: str, **more: Any) -> Desk:
        credentials = qargo.credentials("INT" if entities else "ORG", *entities, **more)
        desks.append(Desk(qargo, credentials))
        return desks[-1]

    yield sign_in
    for one in desks:
        one.http.close()


class TestWaitingList:
    def test_an_integration_sees_the_tasks_of_its_own_entities(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        mine = [qargo.add_invoice("NL").id, qargo.add_invoice("NL").id]
        qargo.add_invoice("BE")
        qargo.add_invoice(None)

        assert desk("NL").waiting() == mine

    def test_the_filter_picks_one_of_several_linked_entities(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        first, second = qargo.add_invoice("NL").id, qargo.add_invoice("BE").id
        both = desk("NL", "BE")

        assert both.waiting() == [first, second]
        assert both.waiting(billing_entity_code="BE") == [second]

    def test_rows_do_not_say_whose_they_are(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL")

        (row,) = desk("NL").get(TASKS).json()["tasks"]

        assert row == {
            "id": task.id,
            "invoice_id": task.document_id,
            "task_type": "POST_INVOICE",
            "status": "TODO",
        }

    def test_a_filter_on_an_entity_that_is_not_linked_is_refused(self, desk: Desks) -> None:
        answer = desk("NL").get(TASKS, billing_entity_code="BE")

        assert said(answer) == (403, "billing_entity_not_linked")

    def test_a_filter_on_an_unknown_entity_is_a_bad_request(self, desk: Desks) -> None:
        answer = desk("NL").get(TASKS, billing_entity_code="ZZ")

        assert said(answer) == (400, "unknown_billing_entity")
        (error,) = answer.json()["errors"]
        assert error.keys() == {"message", "field", "path", "detail"}
        assert error["field"] == "billing_entity_code"

    @pytest.mark.parametrize("params", [{}, {"billing_entity_code": "NL"}], ids=str)
    def test_a_client_of_the_organisation_is_refused_whatever_it_asks_for(
        self, desk: Desks, params: dict[str, str]
    ) -> None:
        answer = desk().get(TASKS, **params)

        assert said(answer) == ORG_REFUSED
        assert "settings page" in answer.json()["hint"]

    def test_a_list_that_ignores_its_filter_shows_tasks_of_others(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        tasks = [qargo.add_invoice("NL").id, qargo.add_invoice("BE").id]
        mine = desk("NL")

        qargo.ignores_filter = True

        assert mine.waiting(billing_entity_code="NL") == tasks

    def test_it_ends_nowhere_and_has_no_pages(self, qargo: Qargo, desk: Desks) -> None:
        for _ in range(120):
            qargo.add_invoice("NL")

        assert len(desk("NL").waiting()) == 120

    def test_other_organisations_have_a_list_of_their_own(self, qargo: Qargo, desk: Desks) -> None:
        other = qargo.add_tenant("Other")
        qargo.add_entity("NL", tenant=other)
        theirs = qargo.add_invoice("NL", tenant=other)

        assert desk("NL").waiting() == []
        assert desk("NL", tenant=other).waiting() == [theirs.id]


class TestReadTask:
    def test_it_has_the_whole_document(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL")

        body = desk("NL").get(f"{TASKS}/{task.id}").json()

        assert body["payload"]["instance"] == qargo.payload(task.document_id)
        assert body["payload"]["instance"]["billing_entity"]["code"] == "NL"
        assert body["payload"]["subject_id"] == task.document_id
        assert body["payload"]["subject_type"] == "SALES_INVOICE"
        assert body["execution_metadata"] == {"external_execution": {"completed": False}}
        assert body["postable"] is True

    @pytest.mark.parametrize("entity", ["BE", None])
    def test_one_of_another_entity_or_of_none_can_be_read_but_not_posted(
        self, qargo: Qargo, desk: Desks, entity: str | None
    ) -> None:
        task = qargo.add_invoice(entity)

        body = desk("NL").get(f"{TASKS}/{task.id}").json()

        assert body["postable"] is False

    def test_it_stays_readable_once_it_is_reported(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.report(task.id)

        body = mine.get(f"{TASKS}/{task.id}").json()

        assert body["status"] == "COMPLETED"
        assert body["execution_metadata"]["external_execution"]["completed"] is True

    def test_a_client_of_the_organisation_is_refused(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL")

        assert said(desk().get(f"{TASKS}/{task.id}")) == ORG_REFUSED

    def test_what_is_not_there_or_elsewhere_is_not_found(self, qargo: Qargo, desk: Desks) -> None:
        other = qargo.add_tenant("Other")
        qargo.add_entity("NL", tenant=other)
        theirs = qargo.add_invoice("NL", tenant=other)
        unknown = "00000000-0000-4000-8000-000000000000"

        for one in (theirs.id, unknown):
            assert desk("NL").get(f"{TASKS}/{one}").status_code == 404
            assert desk("NL").report(one).status_code == 404
            assert desk().report(one).status_code == 404  # before the kind of client is looked at


class TestReport:
    def test_completed_makes_the_document_posted_and_ends_the_waiting(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        answer = mine.report(task.id)

        assert (answer.status_code, answer.json()) == (200, COMPLETED)
        assert mine.waiting() == []
        assert qargo.task(task.id).status is TaskStatus.COMPLETED
        assert qargo.document(task.document_id).status == "INVOICE_POSTED"

    def test_a_credit_note_is_posted_under_another_name(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL", kind="PURCHASE_CREDIT_NOTE")

        assert said(desk("NL").report(task.id)) == OK
        assert task.task_type == "POST_CREDIT_NOTE_PURCHASE"
        assert qargo.document(task.document_id).status == "POSTED"

    def test_failed_leaves_the_list_and_people_see_why(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        answer = mine.report(task.id, FAILED)

        assert (answer.status_code, answer.json()) == (200, {"status": "FAILED"})
        assert mine.waiting() == []
        failed = qargo.task(task.id)
        assert (failed.error_type, failed.error_message) == ("USER_INPUT_ERROR", "no such customer")
        assert not qargo.document(task.document_id).posted

    def test_a_task_stays_listed_until_it_is_reported(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.get(f"{TASKS}/{task.id}")

        assert mine.waiting() == mine.waiting() == [task.id]

    @pytest.mark.parametrize("body", [COMPLETED, FAILED], ids=lambda body: body["status"])
    def test_the_same_report_again_changes_nothing(
        self, qargo: Qargo, desk: Desks, body: dict[str, Any]
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.report(task.id, body)
        before = qargo.task(task.id), qargo.document(task.document_id)

        again = mine.report(task.id, body)

        assert (again.status_code, again.json()) == (200, {"status": body["status"]})
        assert before == (qargo.task(task.id), qargo.document(task.document_id))
        assert [event.action for event in qargo.audit] == [body["status"].lower(), "repeated"]

    def test_another_client_of_the_same_integration_may_repeat_it(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task = qargo.add_invoice("NL")
        desk("NL").report(task.id)

        assert said(desk("NL").report(task.id)) == OK

    @pytest.mark.parametrize(
        ("first", "second"), [(COMPLETED, FAILED), (FAILED, COMPLETED)], ids=["failed", "completed"]
    )
    def test_another_result_afterwards_is_a_conflict_that_tells_the_present_state(
        self, qargo: Qargo, desk: Desks, first: dict[str, Any], second: dict[str, Any]
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.report(task.id, first)

        answer = mine.report(task.id, second)

        assert said(answer) == (409, "already_final")
        assert answer.json()["state"] == qargo.task(task.id).status == first["status"]

    def test_what_a_person_completed_is_final(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        qargo.complete_by_hand(task.id)

        assert mine.waiting() == []
        assert said(mine.report(task.id)) == (409, "already_final")

    def test_what_a_person_failed_is_final(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        qargo.fail_by_hand(task.id, "entered twice")

        assert said(mine.report(task.id, FAILED)) == (409, "already_final")
        assert qargo.task(task.id).error_message == "entered twice"

    @pytest.mark.parametrize("body", [COMPLETED, FAILED], ids=lambda body: body["status"])
    def test_a_report_on_another_entitys_document_is_refused_and_changes_nothing(
        self, qargo: Qargo, desk: Desks, body: dict[str, Any]
    ) -> None:
        task = qargo.add_invoice("BE", number="INV-7")

        answer = desk("NL").report(task.id, body)

        assert said(answer) == (403, "billing_entity_mismatch")
        assert answer.json()["invoice"]["billing_entity"] == "BE"
        assert answer.json()["credential"]["billing_entities"] == ["NL"]
        assert "INV-7 belongs to BE" in answer.json()["message"]
        assert "integration linked to BE" in answer.json()["hint"]
        assert qargo.task(task.id).status is TaskStatus.TODO
        assert desk("BE").waiting() == [task.id]

    @pytest.mark.parametrize("body", [COMPLETED, FAILED], ids=lambda body: body["status"])
    @pytest.mark.parametrize("entity", ["NL", "BE", None])
    def test_a_client_of_the_organisation_reports_nothing(
        self, qargo: Qargo, desk: Desks, entity: str | None, body: dict[str, Any]
    ) -> None:
        task = qargo.add_invoice(entity)

        assert said(desk().report(task.id, body)) == ORG_REFUSED
        assert qargo.task(task.id).status is TaskStatus.TODO

    @pytest.mark.parametrize("body", [COMPLETED, FAILED], ids=lambda body: body["status"])
    def test_a_document_without_entity_is_a_conflict_until_somebody_assigns_it(
        self, qargo: Qargo, desk: Desks, body: dict[str, Any]
    ) -> None:
        task, mine = qargo.add_invoice(None), desk("NL")

        assert said(mine.report(task.id, body)) == (409, "billing_entity_missing")
        qargo.move(task.document_id, "NL")
        assert said(mine.report(task.id, body)) == OK

    def test_a_foreign_document_is_refused_before_its_state_is_looked_at(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        foreign, ownerless = qargo.add_invoice("BE"), qargo.add_invoice(None)
        for task in (foreign, ownerless):
            qargo.complete_by_hand(task.id)

        assert said(desk("NL").report(foreign.id)) == (403, "billing_entity_mismatch")
        assert said(desk("NL").report(ownerless.id)) == (409, "billing_entity_missing")

    def test_an_integration_of_several_entities_posts_for_each_of_them_only(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        qargo.add_entity("DE")
        mine = desk("BE", "DE")
        tasks = [qargo.add_invoice(code) for code in ("BE", "DE", "NL")]

        assert [said(mine.report(task.id))[0] for task in tasks] == [200, 200, 403]

    def test_two_at_the_same_time_make_one_posting_and_both_succeed(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, desks, start = qargo.add_invoice("NL"), [desk("NL"), desk("NL")], threading.Barrier(2)

        def report(one: Desk) -> int:
            start.wait()
            return one.report(task.id).status_code

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(report, desks)) == [200, 200]
        assert qargo.postings(task.document_id) == 1

    def test_a_credit_note_for_another_entitys_invoice_cannot_be_posted(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        invoice = qargo.add_invoice("BE")
        note = qargo.add_invoice("NL", kind="SALES_CREDIT_NOTE", credit_of=invoice.document_id)

        assert said(desk("NL").report(note.id)) == (409, "document_not_postable")
        assert said(desk("NL").report(note.id, FAILED)) == OK

    def test_a_cancelled_document_leaves_the_list_and_cannot_be_reported(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        qargo.cancel(task.document_id)

        assert mine.waiting() == []
        assert said(mine.report(task.id)) == (409, "document_not_postable")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"status": "TODO"},
            {"status": "WAITING"},
            {"status": "completed"},
            {"status": "COMPLETED", "billing_entity_code": "NL"},
            {"status": "FAILED", "failure": {"error_message": "why"}},
            {"status": "FAILED", "failure": {"error_type": "OTHER"}},
            {"status": "FAILED", "error_message": "why"},
            [],
            None,
        ],
        ids=str,
    )
    def test_any_other_body_is_refused_and_says_where(
        self, qargo: Qargo, desk: Desks, body: Any
    ) -> None:
        task = qargo.add_invoice("NL")

        answer = desk("NL").report(task.id, body)

        assert answer.status_code == 422
        assert answer.json()["detail"][0].keys() == {"loc", "msg", "type"}
        assert qargo.task(task.id).status is TaskStatus.TODO

    def test_a_completed_task_has_no_failure(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL")

        answer = desk("NL").report(task.id, {**FAILED, **COMPLETED})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == "$.failure"

    def test_what_is_no_json_is_refused(self, qargo: Qargo, desk: Desks) -> None:
        task = qargo.add_invoice("NL")

        path = f"{TASKS}/{task.id}/update-status"

        assert desk("NL").http.post(path, content=b"<xml>").status_code == 422

    def test_every_report_is_in_the_audit_log(self, qargo: Qargo, desk: Desks) -> None:
        mine, task, foreign = desk("NL"), qargo.add_invoice("NL"), qargo.add_invoice("BE")

        mine.report(task.id)
        mine.report(foreign.id)
        desk().report(foreign.id)

        logged = [(one.action, one.entity, one.linked, one.reason) for one in qargo.audit]
        assert logged == [
            ("completed", "NL", ("NL",), ""),
            ("refused", "BE", ("NL",), "billing_entity_mismatch"),
            ("refused", "BE", (), "credential_not_linked"),
        ]
        assert qargo.audit[0].client_id == mine.client_id


class TestWhatPeopleChange:
    def test_a_moved_document_is_posted_by_its_new_entity_only(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, old, new = qargo.add_invoice("NL"), desk("NL"), desk("BE")

        qargo.move(task.document_id, "BE")

        assert (old.waiting(), new.waiting()) == ([], [task.id])
        assert said(old.report(task.id)) == (403, "billing_entity_mismatch")
        assert said(new.report(task.id)) == OK

    def test_a_moved_document_has_the_rates_of_its_new_entity(self, qargo: Qargo) -> None:
        qargo.add_entity("DE")
        task = qargo.add_invoice("NL", lines=["100.00"])

        qargo.move(task.document_id, "DE")

        body = qargo.payload(task.document_id)
        assert body["billing_entity"]["code"] == "DE"
        assert body["line_items"][0]["tax_rate"]["percentage"] == 19
        assert body["total_tax"] == "19.00"

    @pytest.mark.parametrize("change", ["edit", "move", "cancel"])
    def test_a_posted_document_is_frozen(self, qargo: Qargo, desk: Desks, change: str) -> None:
        task = qargo.add_invoice("NL")
        desk("NL").report(task.id)
        changes: dict[str, Callable[[], object]] = {
            "edit": lambda: qargo.edit(task.document_id, lines=["1.00"]),
            "move": lambda: qargo.move(task.document_id, "BE"),
            "cancel": lambda: qargo.cancel(task.document_id),
        }

        with pytest.raises(Refused) as caught:
            changes[change]()

        assert caught.value.code == "already_posted"

    def test_an_edit_is_seen_by_the_next_reader(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL", lines=["100.00"]), desk("NL")

        qargo.edit(task.document_id, lines=["200.00", "1.00"], number="INV-8")

        instance = mine.get(f"{TASKS}/{task.id}").json()["payload"]["instance"]
        assert (instance["name"], instance["total_excl_tax"]) == ("INV-8", "201.00")
        assert instance["id"] == task.document_id

    def test_a_failed_task_that_is_reopened_waits_again(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.report(task.id, FAILED)

        qargo.reopen(task.id)

        assert mine.waiting() == [task.id]
        assert qargo.task(task.id).error_message is None
        assert said(mine.report(task.id)) == OK

    def test_a_document_that_is_unposted_can_be_changed_and_posted_again(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        mine.report(task.id)

        qargo.reopen(task.id)
        qargo.edit(task.document_id, number="INV-9")

        assert said(mine.report(task.id)) == OK
        assert qargo.postings(task.document_id) == 2

    def test_a_new_link_counts_at_once_also_for_tokens_that_are_there(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        old, new, mine = qargo.add_invoice("NL"), qargo.add_invoice("BE"), desk("NL")

        qargo.relink(mine.client_id, "BE")

        assert mine.waiting() == [new.id]
        assert said(mine.report(old.id)) == (403, "billing_entity_mismatch")
        assert said(mine.report(new.id)) == OK

    def test_a_disabled_integration_is_refused_until_it_is_enabled(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        invoice = f"/v1/accounting/sales-invoice/{task.document_id}"

        qargo.disable(mine.client_id)

        disabled = (403, "integration_disabled")
        assert said(mine.get(TASKS)) == disabled
        assert said(mine.get(f"{TASKS}/{task.id}")) == disabled
        assert said(mine.report(task.id)) == disabled
        assert said(mine.get(invoice)) == disabled
        assert said(mine.get("/v1/accounting/tax-rates")) == disabled
        qargo.enable(mine.client_id)
        assert said(mine.report(task.id)) == OK

    def test_a_revoked_client_is_out_with_its_tokens_and_its_secret(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        credentials = qargo.credentials("INT", "NL")
        mine, other = Desk(qargo, credentials), desk("NL")

        qargo.revoke(credentials["client_id"])

        assert said(mine.get(TASKS)) == (401, "unauthorized")
        assert token_request(qargo, credentials).status_code == 401
        assert other.get(TASKS).status_code == 200

    def test_an_archived_entity_has_no_waiting_tasks_but_can_be_read(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        qargo.archive("NL")

        assert mine.waiting() == mine.waiting(billing_entity_code="NL") == []
        assert said(mine.report(task.id)) == (409, "billing_entity_archived")
        assert mine.get(f"/v1/accounting/sales-invoice/{task.document_id}").status_code == 200
        qargo.archive("NL", archived=False)
        assert mine.waiting() == [task.id]

    def test_a_renamed_entity_keeps_its_id(self, qargo: Qargo, desk: Desks) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        before = qargo.payload(task.document_id)["billing_entity"]

        qargo.rename("NL", "BENELUX")

        assert mine.waiting(billing_entity_code="BENELUX") == [task.id]
        assert said(mine.get(TASKS, billing_entity_code="NL")) == (400, "unknown_billing_entity")
        after = qargo.payload(task.document_id)["billing_entity"]
        assert (after["id"], after["code"]) == (before["id"], "BENELUX")

    def test_an_entity_has_one_enabled_integration(self, qargo: Qargo, desk: Desks) -> None:
        mine = desk("NL")

        for take in (
            lambda: qargo.credentials("INT", "NL", "BE"),
            lambda: qargo.relink(desk("BE").client_id, "NL"),
        ):
            with pytest.raises(Refused) as caught:
                take()
            assert caught.value.code == "integration_exists"
        qargo.disable(mine.client_id)
        assert qargo.relink(desk("BE").client_id, "NL").enabled
        with pytest.raises(Refused):
            qargo.enable(mine.client_id)

    def test_a_paused_integration_may_be_linked_to_what_another_has(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        paused = desk("BE").client_id
        qargo.disable(paused)
        desk("NL")

        assert not qargo.relink(paused, "NL").enabled

    def test_something_may_happen_between_reading_and_reporting(
        self, qargo: Qargo, desk: Desks
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")

        def moved(answer: Answer) -> Answer:
            qargo.move(task.document_id, "BE")
            return answer

        qargo.faults.arm(Fault.CHANGED, path=f".*/sync-tasks/{task.id}", change=moved)
        body = mine.get(f"{TASKS}/{task.id}").json()

        assert body["payload"]["instance"]["billing_entity"]["code"] == "NL"
        assert said(mine.report(task.id)) == (403, "billing_entity_mismatch")


class TestFaults:
    """On the report, where it matters which side of the commit they strike."""

    @pytest.mark.parametrize(
        ("fault", "committed"),
        [
            (Fault.DROP_BEFORE, False),
            (Fault.DROP_AFTER, True),
            (Fault.ERROR_BEFORE, False),
            (Fault.ERROR_AFTER, True),
            (Fault.AWAY, False),
            (Fault.THROTTLE, False),
            (Fault.EXPIRED, False),
            (Fault.TRUNCATED, True),
            (Fault.GARBAGE, True),
            (Fault.SLOW_ANSWER, True),
        ],
        ids=str,
    )
    def test_a_report_is_taken_or_not_and_a_second_one_settles_it(
        self, qargo: Qargo, desk: Desks, fault: Fault, committed: bool
    ) -> None:
        task, mine = qargo.add_invoice("NL"), desk("NL")
        qargo.faults.arm(fault, method="POST", path=".*/update-status", seconds=0.01)

        with contextlib.suppress(httpx.TransportError):
            mine.report(task.id)

        assert qargo.document(task.document_id).posted is committed
        assert (mine.waiting() == []) is committed
        assert said(mine.report(task.id)) == OK
        assert qargo.postings(task.document_id) == 1
        assert qargo.calls["update_status"] == 2

    def test_a_fault_speaks_as_qargo_does(self, qargo: Qargo, desk: Desks) -> None:
        mine = desk("NL")
        qargo.faults.arm(Fault.THROTTLE, retry_after=58)

        answer = mine.get(TASKS)

        assert answer.headers["retry-after"] == "58"
        assert answer.json() == {"error": "Rate limit exceeded"}
