"""Telling Qargo what became of its documents, and finding out whether it heard."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from connectors.base import Absent, Accepted, Failed, Found, Operation, PushItem, Unclear
from connectors.errors import (
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
    Unsupported,
)
from connectors.qargo import mapping
from models.canonical import Invoice, ObjectType
from tests.connectors.qargo.given import (
    BASE_URL,
    NL_ID,
    TASKS,
    connector,
    report,
    said,
    settings,
    task_of,
)

TASK = f"{TASKS}/10000000-0000-4000-8000-000000000001"
COMPLETE, FAIL = Operation.COMPLETE, Operation.FAIL
OURS = "20000000-0000-4000-8000-000000000001"


@pytest.fixture
def qargo() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=BASE_URL, assert_all_called=False) as router:
        yield router


@pytest.fixture
def invoice() -> Invoice:
    found = mapping.document(task_of("sales_invoice"), settings())
    assert isinstance(found, mapping.Document)
    assert isinstance(found.record.record, Invoice)
    return found.record.record


def told(item: PushItem, **changes: Any) -> Accepted | ConnectorError:
    (result,) = connector(**changes).push(ObjectType.INVOICE, [item])
    if isinstance(result, Failed):
        return result.error
    assert isinstance(result, Accepted)
    return result


def the_task(qargo: respx.MockRouter, status: str = "TODO", **changes: Any) -> respx.Route:
    content = said("sales_invoice") | {"status": status}
    content["payload"]["instance"].update(changes)
    return qargo.get(TASK).respond(json=content)


def cause(error: object) -> tuple[str, dict[str, str]]:
    assert isinstance(error, ConnectorError)
    assert error.cause is not None
    return error.cause.code, error.cause.words


class TestTold:
    def test_completed_is_said_with_one_call(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        route = qargo.post(f"{TASK}/update-status").respond(json={"status": "COMPLETED"})

        assert told(report(invoice)) == Accepted(OURS)

        assert json.loads(route.calls.last.request.content) == {"status": "COMPLETED"}
        assert len(qargo.calls) == 1

    def test_failed_is_said_with_words_for_people(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        route = qargo.post(f"{TASK}/update-status").respond(json={"status": "FAILED"})

        assert told(report(invoice, FAIL, "Tax rate 21 % is closed.")) == Accepted(OURS)

        assert json.loads(route.calls.last.request.content) == {
            "status": "FAILED",
            "failure": {
                "error_type": "USER_INPUT_ERROR",
                "error_message": "Tax rate 21 % is closed.",
            },
        }

    def test_refused_to_the_credential(self, qargo: respx.MockRouter, invoice: Invoice) -> None:
        qargo.post(f"{TASK}/update-status").respond(403, json={"message": "Not allowed"})
        the_task(qargo)

        error = told(report(invoice))

        assert type(error) is PermissionDenied
        assert cause(error) == (
            "ack_refused",
            {"document": "invoice NL-2026-0001", "message": "Not allowed"},
        )
        assert [call.request.method for call in qargo.calls] == ["POST", "GET"]

    def test_moved_to_another_entity_meanwhile(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(403, json={"message": "Not allowed"})
        the_task(qargo, billing_entity={"id": "be", "code": "BE"})

        error = told(report(invoice))

        assert type(error) is Conflict
        code, words = cause(error)
        assert (code, words["document"]) == ("ack_conflict", "invoice NL-2026-0001")
        assert (words["ours"], words["theirs"]) == ("NL", "it belongs to billing entity BE")

    def test_renamed_entity_is_no_other_one(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(403)
        the_task(qargo, billing_entity={"id": NL_ID, "code": "NL-NEW"})

        error = told(report(invoice), billing_entity_ids=[NL_ID])

        assert type(error) is PermissionDenied

    @pytest.mark.parametrize("answer", [403, 404, 503, 429])
    def test_refused_and_not_shown_either_is_refused(
        self, qargo: respx.MockRouter, invoice: Invoice, answer: int
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(403)
        qargo.get(TASK).respond(answer)

        error = told(report(invoice))

        assert cause(error)[0] == "ack_refused"

    @pytest.mark.parametrize(("operation", "status"), [(COMPLETE, "COMPLETED"), (FAIL, "FAILED")])
    def test_said_before_is_accepted(
        self, qargo: respx.MockRouter, invoice: Invoice, operation: Operation, status: str
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(409, json={"message": "final"})
        the_task(qargo, status)

        assert told(report(invoice, operation)) == Accepted(OURS)

    @pytest.mark.parametrize(
        ("operation", "status", "code"),
        [
            (COMPLETE, "FAILED", "ack_conflict"),
            (COMPLETE, "TODO", "ack_conflict"),
            (FAIL, "COMPLETED", "refused"),
        ],
    )
    def test_decided_otherwise_is_a_conflict(
        self,
        qargo: respx.MockRouter,
        invoice: Invoice,
        operation: Operation,
        status: str,
        code: str,
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(409, json={"message": "final"})
        the_task(qargo, status)

        error = told(report(invoice, operation))

        assert type(error) is Conflict
        found, words = cause(error)
        assert (found, words["ours"], words["theirs"]) == (code, "NL", f"the task is {status}")

    def test_conflict_that_cannot_be_looked_into_is_tried_again(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        qargo.post(f"{TASK}/update-status").respond(409)
        qargo.get(TASK).respond(429, headers={"Retry-After": "5"})

        assert type(told(report(invoice))) is RateLimited

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (httpx.Response(400, json={"message": "no"}), Rejected),
            (httpx.Response(404), Rejected),
            (httpx.Response(422), Rejected),
            (httpx.Response(401), TokenRefused),
            (httpx.Response(429), RateLimited),
            (httpx.Response(500), OutcomeUnknown),
            (httpx.Response(503), OutcomeUnknown),
            (httpx.Response(200, text="<html>"), OutcomeUnknown),
            (httpx.Response(200, json={"status": "WAITING"}), OutcomeUnknown),
            (httpx.Response(200, json=[]), OutcomeUnknown),
            (httpx.ReadTimeout("slow"), OutcomeUnknown),
            (httpx.ConnectError("away"), Unavailable),
        ],
    )
    def test_other_answers_are_sent_once_and_say_what_to_do(
        self,
        qargo: respx.MockRouter,
        invoice: Invoice,
        answer: httpx.Response | Exception,
        kind: type[ConnectorError],
    ) -> None:
        qargo.post(f"{TASK}/update-status").side_effect = [answer]

        assert type(told(report(invoice))) is kind

        assert len(qargo.calls) == 1

    def test_each_item_has_its_own_result(self, qargo: respx.MockRouter, invoice: Invoice) -> None:
        qargo.post(f"{TASK}/update-status").side_effect = [
            httpx.Response(400),
            httpx.Response(200, json={"status": "COMPLETED"}),
        ]

        results = connector().push(ObjectType.INVOICE, [report(invoice), report(invoice)])

        assert [type(one) for one in results] == [Failed, Accepted]


class TestNotTold:
    @pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE, Operation.VOID])
    def test_documents_are_not_written(
        self, qargo: respx.MockRouter, invoice: Invoice, operation: Operation
    ) -> None:
        assert type(told(report(invoice, operation))) is Unsupported
        assert len(qargo.calls) == 0

    def test_reading_only_reports_nothing(self, qargo: respx.MockRouter, invoice: Invoice) -> None:
        error = told(report(invoice), read_only=True)

        assert isinstance(error, Unsupported)
        assert error.code == "read_only"
        assert len(qargo.calls) == 0

    @pytest.mark.parametrize("progress", [None, {}, {"task": ""}, {"task": 7}])
    def test_record_that_came_from_nowhere_is_not_reported(
        self, qargo: respx.MockRouter, invoice: Invoice, progress: dict[str, Any] | None
    ) -> None:
        item = PushItem("0" * 32, "LB-0", COMPLETE, invoice, OURS, progress=progress)

        assert type(told(item)) is ProtocolError
        assert len(qargo.calls) == 0


class TestFound:
    @pytest.mark.parametrize(
        ("operation", "status", "expected"),
        [
            (COMPLETE, "COMPLETED", Found(Accepted(OURS))),
            (FAIL, "FAILED", Found(Accepted(OURS))),
            (COMPLETE, "TODO", Absent()),
            (FAIL, "TODO", Absent()),
            (
                COMPLETE,
                "FAILED",
                Unclear("the task is FAILED at Qargo, not COMPLETED"),
            ),
            (
                COMPLETE,
                "WAITING",
                Unclear("the task is WAITING at Qargo, not COMPLETED"),
            ),
        ],
    )
    def test_state_of_the_task_tells(
        self,
        qargo: respx.MockRouter,
        invoice: Invoice,
        operation: Operation,
        status: str,
        expected: object,
    ) -> None:
        the_task(qargo, status)

        assert connector().find(ObjectType.INVOICE, [report(invoice, operation)]) == [expected]

    def test_task_that_is_gone_proves_nothing(
        self, qargo: respx.MockRouter, invoice: Invoice
    ) -> None:
        qargo.get(TASK).respond(404)

        (found,) = connector().find(ObjectType.INVOICE, [report(invoice)])

        assert isinstance(found, Unclear)

    @pytest.mark.parametrize(("status", "kind"), [(403, PermissionDenied), (503, Unavailable)])
    def test_look_up_that_fails_proves_nothing(
        self, qargo: respx.MockRouter, invoice: Invoice, status: int, kind: type[ConnectorError]
    ) -> None:
        qargo.get(TASK).respond(status)

        with pytest.raises(kind):
            connector().find(ObjectType.INVOICE, [report(invoice)])
