"""What is paid is read from the ledger, and told to the source once for each change."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy

from connectors.faults import Answer, Fault
from connectors.qargo.simulator import Task
from models.canonical import ObjectType
from models.unit_of_work import Begin, UnitOfWork
from sync import connections, push, settling
from sync.reports import queue_paid_states
from tests.bridge import Books, Bridge, a_bridge
from tests.stack import wait_until


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


def document_of(bridge: Bridge, task: Task) -> UUID:
    books = bridge.books["NL"]
    with bridge.begin() as work:
        (found,) = [
            one
            for one in work.documents.by_number(task.document_id)
            if one.source_id == books.source_id
        ]
    return found.id


def notes_that_it_is_paid(work: UnitOfWork, bridge: Bridge, document: UUID) -> None:
    """What a pull of the ledger writes."""
    books = bridge.books["NL"]
    work.documents.refresh_derived([{"id": document, "balance": "0", "status": "paid"}])
    queue_paid_states(work, bridge.engine, [books.source_id], [document])


def test_a_payment_that_is_read_while_the_source_is_told_of_the_posting_is_not_lost(
    bridge: Bridge,
) -> None:
    books = bridge.books["NL"]
    task = bridge.issue("NL")
    bridge.run(books.source_id)
    bridge.push(books.ledger_id)
    document = document_of(bridge, task)
    telling = threading.Thread(target=lambda: bridge.push(books.source_id))

    with bridge.begin() as work:
        notes_that_it_is_paid(work, bridge, document)
        telling.start()
        assert wait_until(lambda: not telling.is_alive() or somebody_waits(bridge), seconds=10)
    telling.join(10)
    bridge.push(books.source_id)
    bridge.push(books.source_id)

    assert bridge.qargo.document(task.document_id).payment_status == "PAID"


def test_nor_one_that_is_read_while_there_seems_to_be_nothing_to_tell(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, books = posted(bridge)
    document = document_of(bridge, task)
    with bridge.begin() as work:  # it was paid, and is open again: there is nothing to say
        notes_that_it_is_paid(work, bridge, document)
        work.documents.refresh_derived([{"id": document, "balance": "1", "status": "open"}])
    decided = settling.write_down

    def then_it_is_paid(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(push, "write_down", decided)
        with bridge.begin() as work:
            notes_that_it_is_paid(work, bridge, document)
        return decided(*given, **named)

    monkeypatch.setattr(push, "write_down", then_it_is_paid)
    bridge.push(books.source_id)
    bridge.push(books.source_id)

    assert bridge.qargo.document(task.document_id).payment_status == "PAID"


def test_what_is_paid_after_its_ledger_was_disconnected_is_nobodys_task(bridge: Bridge) -> None:
    task, books = posted(bridge)
    paid(bridge, task)
    bridge.run(books.ledger_id, only="pull")
    connections.disconnect(bridge.engine, books.ledger_id, actor="test")

    bridge.push(books.source_id)

    assert bridge.reported("NL", task) == ("done", "reported")
    assert bridge.issues(books.source_id) == []


def somebody_waits(bridge: Bridge) -> bool:
    with bridge.database.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        ).scalar_one()
    return bool(found)
