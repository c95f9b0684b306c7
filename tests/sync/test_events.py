"""What happens is told once, in the transaction in which it happens, to those who asked."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy

from models.tables import ConnectionStatus
from sync import connections, control
from tests.factories import Bench, a_contact, an_invoice
from tests.receiver import Outbox

URL = "http://127.0.0.1:9/hooks"


@pytest.fixture
def outbox(bench: Bench) -> Outbox:
    return Outbox.of(bench.begin, bench.opener.keys, bench.entity_id)


@contextmanager
def counted(database: sqlalchemy.Engine) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    sqlalchemy.event.listen(database, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sqlalchemy.event.remove(database, "before_cursor_execute", note)


def test_records_that_reach_the_ledger_are_told(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "synced_record", "done")
    bench.hand_in(a_contact(), an_invoice())

    bench.push()

    assert outbox.told() == ["synced_record.done"] * 2
    (line,) = [line for line in outbox.log() if line.event.object["external_id"] == "I-1"]
    record = bench.line("I-1")
    assert line.event.object == {
        "id": str(record.id),
        "connection_id": str(bench.connection_id),
        "object_type": "invoice",
        "object_id": line.event.object["object_id"],
        "external_id": "I-1",
        "platform_object_id": record.platform_object_id,
        "sync_status": "done",
        "status": "done",
    }


def test_a_refusal_and_its_cause_are_told_until_it_is_mended(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "synced_record")
    outbox.subscribe(URL, "issue")
    bench.ledger.change(closed_until=date(2026, 3, 31))
    bench.hand_in(a_contact(), an_invoice())

    bench.push()

    assert Counter(outbox.told()) == {
        "synced_record.done": 1,
        "synced_record.failed": 1,
        "issue.opened": 1,
    }


def test_an_issue_that_is_met_again_is_not_told_again(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "issue")
    bench.hand_in(a_contact(), an_invoice())
    bench.ledger.change(closed_until=date(2026, 3, 31))
    bench.push()
    control.retry(bench.engine, actor="test", record_id=bench.line("I-1").id)

    bench.push()

    assert Counter(outbox.told())["issue.opened"] == 1


def test_a_closed_issue_is_told(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "issue")
    bench.ledger.change(closed_until=date(2026, 3, 31))
    bench.hand_in(a_contact(), an_invoice())
    bench.push()
    (issue,) = {line.issue_id for line in bench.lines() if line.issue_id}

    control.retry(bench.engine, actor="test", issue_id=issue)

    assert [told for told in outbox.told() if told.startswith("issue.")] == [
        "issue.opened",
        "issue.closed",
    ]


def test_the_end_of_a_run_is_told(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "sync_run")

    run = bench.run()

    (line,) = outbox.log()
    assert (line.event.object["id"], line.event.object["status"]) == (str(run.id), "done")


def test_a_pause_is_no_news_and_an_end_is(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "accounting_connection")
    connections.pause(bench.engine, bench.connection_id, actor="test")
    connections.resume(bench.engine, bench.connection_id, actor="test")

    connections.disconnect(bench.engine, bench.connection_id, actor="test")
    connections.disconnect(bench.engine, bench.connection_id, actor="test")

    assert outbox.told() == ["accounting_connection.disconnected"]


@pytest.mark.parametrize(
    "status",
    [
        ConnectionStatus.DEAUTHORIZED,
        ConnectionStatus.PENDING_AUTH,
        ConnectionStatus.DISCONNECTED,
    ],
)
def test_every_status_of_the_contract_is_told_once(
    bench: Bench, outbox: Outbox, status: ConnectionStatus
) -> None:
    outbox.subscribe(URL, "accounting_connection")

    for _ in range(2):
        with bench.begin() as work:
            work.connections.set_status(bench.connection_id, status)

    assert outbox.told() == [f"accounting_connection.{status.value}"]


def test_a_rollback_leaves_no_event(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "accounting_connection")

    def goes_wrong_after_the_change() -> None:
        with bench.begin() as work:
            work.connections.set_status(bench.connection_id, ConnectionStatus.DEAUTHORIZED)
            raise LookupError

    with pytest.raises(LookupError):
        goes_wrong_after_the_change()

    assert outbox.told() == []
    assert outbox.log() == []


def test_without_an_endpoint_nothing_is_written(bench: Bench, outbox: Outbox) -> None:
    bench.hand_in(a_contact(), an_invoice())
    bench.run()

    assert outbox.told() == []


def test_only_what_was_asked_for_is_delivered(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "synced_record", "failed")
    bench.hand_in(a_contact(), an_invoice())

    bench.push()

    assert outbox.told() == ["synced_record.done"] * 2
    assert outbox.log() == []


def test_another_organisation_hears_nothing(bench: Bench, outbox: Outbox) -> None:
    with bench.begin() as work:
        stranger = work.tenants.add_entity(
            work.tenants.organisation("Other"), code="X", legal_name="X"
        )
        assert stranger is not None
    other = Outbox.of(bench.begin, bench.opener.keys, stranger.id)
    other.subscribe(URL, "sync_run")

    bench.run()

    assert other.told() == []
    assert other.log() == []
    assert outbox.told() == []


def test_telling_costs_one_statement_for_a_batch_of_any_size(bench: Bench, outbox: Outbox) -> None:
    outbox.subscribe(URL, "synced_record")
    bench.hand_in(a_contact())
    bench.push()
    numbers = []
    for size in (2, 20):
        bench.hand_in(*(an_invoice(f"I-{size}-{n}") for n in range(size)))
        with counted(bench.database) as statements:
            bench.push()
        numbers.append(sum("INSERT INTO events" in one for one in statements))

    assert numbers[0] == numbers[1]
    assert outbox.told() == ["synced_record.done"] * 23
