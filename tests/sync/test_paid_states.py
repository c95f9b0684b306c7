"""What is paid is read from the ledger, and told to the source once for each change."""

from datetime import timedelta

import pytest
import sqlalchemy

from connectors.faults import Answer, Fault
from connectors.qargo.simulator import Task
from models.canonical import ObjectType
from models.unit_of_work import Begin
from tests.bridge import Books, Bridge, a_bridge


@pytest.fixture
def bridge(begin: Begin, database: sqlalchemy.Engine) -> Bridge:
    """One entity with books of its own."""
    return a_bridge(begin, database, "NL")


def posted(bridge: Bridge) -> tuple[Task, Books]:
    """An invoice that is in the ledger, which the source knows."""
    task = bridge.issue("NL")
    bridge.bridge("NL")
    assert bridge.qargo.task(task.id).status == "COMPLETED"
    return task, bridge.books["NL"]


def paid(bridge: Bridge, task: Task) -> str:
    """Somebody enters a payment in the ledger; its id there."""
    books = bridge.books["NL"]
    return books.ledger.pay(
        ObjectType.INVOICE, bridge.line(task, books.ledger_id).platform_object_id or ""
    )


def test_an_invoice_that_is_paid_in_the_ledger_is_paid_in_the_source(bridge: Bridge) -> None:
    task, books = posted(bridge)

    paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")
    bridge.push(books.source_id)

    assert bridge.qargo.document(task.document_id).payment_status == "PAID"
    assert bridge.reported("NL", task) == ("done", "reported")
    assert bridge.qargo.postings(task.document_id) == 1


def test_it_is_said_once(bridge: Bridge) -> None:
    task, books = posted(bridge)
    paid(bridge, task)

    for _ in range(3):
        bridge.run(books.ledger_id, only="pull")
        bridge.run(books.source_id)

    assert bridge.qargo.calls["payment_status"] == 1


def test_a_payment_that_is_taken_back_opens_it_again(bridge: Bridge) -> None:
    task, books = posted(bridge)
    payment = paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")
    bridge.push(books.source_id)

    books.ledger.delete(ObjectType.PAYMENT, payment)
    bridge.run(books.ledger_id, only="pull")
    bridge.push(books.source_id)

    assert bridge.qargo.document(task.document_id).payment_status == "UNPAID"


def test_what_was_paid_before_the_source_knew_it_was_posted_follows_at_once(bridge: Bridge) -> None:
    books = bridge.books["NL"]
    task = bridge.issue("NL")
    bridge.run(books.source_id)
    bridge.push(books.ledger_id)
    paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")

    bridge.push(books.source_id)

    assert bridge.qargo.task(task.id).status == "COMPLETED"
    assert bridge.qargo.document(task.document_id).payment_status == "PAID"


def test_a_lost_answer_is_said_again(bridge: Bridge) -> None:
    task, books = posted(bridge)
    paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")
    bridge.qargo.faults.arm(Fault.DROP_AFTER, method="POST", path=".*/payment/update-status")

    bridge.push(books.source_id)
    assert bridge.reported("NL", task)[0] == "uncertain"
    for _ in range(3):
        bridge.pass_time(timedelta(minutes=5))
        bridge.recover(books.source_id)
        bridge.push(books.source_id)

    assert bridge.reported("NL", task) == ("done", "reported")
    assert bridge.qargo.document(task.document_id).payment_status == "PAID"


def test_a_refusal_is_an_issue_and_posts_nothing(bridge: Bridge) -> None:
    task, books = posted(bridge)
    paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")
    refusal = Answer(403, {"message": "not yours"})
    bridge.qargo.faults.arm(
        Fault.ERROR_BEFORE, method="POST", path=".*/payment/update-status", answer=refusal
    )

    bridge.push(books.source_id)

    assert bridge.reported("NL", task) == ("rejected", "paid_state_refused")
    assert len(bridge.in_books("NL")) == 1
