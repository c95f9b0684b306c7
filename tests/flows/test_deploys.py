"""Stopping and replacing workers while they work: nothing is broken off that need not be.

A worker that is told to stop ends after the call that it is in. Versions overlap during a deploy:
their messages, their schema and their workers must get along.
"""

import itertools
import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from connectors.memory.simulator import PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from tests.factories import SETTINGS, a_contact, an_invoice
from tests.flows.journey import Journey
from tests.stack import Stack, wait_until
from worker import runtime
from worker.app import app
from worker.dispatch import PUSH, RUN

PATIENT = {
    "LEDGERBRIDGE_HTTP_TIMEOUT_SECONDS": "9",
    "LEDGERBRIDGE_TASK_SOFT_LIMIT_SECONDS": "25",
    "LEDGERBRIDGE_TASK_HARD_LIMIT_SECONDS": "26",
    "LEDGERBRIDGE_LEASE_SECONDS": "27",
    "LEDGERBRIDGE_VISIBILITY_TIMEOUT_SECONDS": "28",
    "LEDGERBRIDGE_CHUNK_SECONDS": "20",
    "LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS": "1",
}
"""A chunk that would go on for much longer than the time that there is for stopping."""


@pytest.fixture
def ledger() -> PlainLedger:
    """An easy-going ledger."""
    return PlainLedger()


@pytest.fixture
def journey(stack: Stack, ledger: PlainLedger) -> Iterator[Journey]:
    """A billing entity connected to it."""
    with ledger.running() as url:
        journey = Journey.begin(
            stack,
            "memory",
            base_url=url,
            credentials={"api_key": ledger.rules.api_key},
            settings=SETTINGS,
        )
        yield journey
        journey.runtime.close()


def tries(journey: Journey) -> list[list[str | None]]:
    """What came of every try of every record."""
    with journey.runtime.begin() as work:
        return [
            [one.outcome for one in work.attempts.of_record(line.id)] for line in journey.lines()
        ]


class TestShutdown:
    def test_a_worker_told_to_stop_in_the_middle_leaves_nothing_unclear(
        self, stack: Stack, journey: Journey, ledger: PlainLedger
    ) -> None:
        stack.environment |= PATIENT
        ledger.faults.arm(Fault.SLOW_ANSWER, method="POST", path="/invoices", seconds=0.4, times=99)
        worker = stack.start_worker()
        journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(150)))
        assert wait_until(lambda: ledger.requests["POST /invoices"] >= 2)

        os.killpg(worker.pid, signal.SIGTERM)  # supervisors tell a whole group
        worker.wait(15)

        left = journey.statuses()
        assert set(left) == {"done", "pending"}
        assert left["pending"] >= 50
        ledger.faults.clear()
        stack.start_worker()  # no beat, no sweep: the one that left has told of the rest
        journey.settle()
        assert journey.statuses() == {"done": 151}
        assert tries(journey) == [["accepted"]] * 151
        assert ledger.twice() == []

    def test_a_call_that_outlasts_the_time_for_stopping_is_looked_up_once(
        self, stack: Stack, journey: Journey, ledger: PlainLedger
    ) -> None:
        stack.environment["LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS"] = "1"
        ledger.faults.arm(Fault.SLOW_ANSWER, method="POST", path="/invoices", seconds=2.2)
        worker = stack.start_worker()
        journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(20)))
        assert wait_until(lambda: ledger.requests["POST /invoices"] == 1)

        worker.send_signal(signal.SIGTERM)
        worker.wait(15)

        assert journey.statuses() == {"done": 1, "sending": 20}
        stack.start_worker()
        stack.start_beat()
        journey.settle()
        assert journey.statuses() == {"done": 21}
        assert ledger.twice() == []
        assert sorted(map(len, tries(journey))) == [1] + [2] * 20  # sent, then found


def test_workers_are_replaced_one_by_one_while_documents_come_in(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    stack.environment["LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS"] = "1"
    ledger.faults.arm(Fault.SLOW_ANSWER, method="POST", path="/invoices", seconds=0.1, times=999)
    journey.hand_in(a_contact())
    numbers, stop = itertools.count(), threading.Event()

    def load() -> None:
        while not stop.wait(0.1):
            journey.hand_in(*(an_invoice(f"I-{next(numbers)}") for _ in range(5)))

    product = threading.Thread(target=load)
    old = stack.start_worker()
    product.start()
    for _ in range(2):
        new = stack.start_worker()  # side by side for a while
        old.send_signal(signal.SIGTERM)
        old.wait(15)
        old = new
    stop.set()
    product.join()

    # The last hint may have come while a worker left: one sweep, or the next document.
    journey.runtime.engine.hints.push(journey.connection_id)
    journey.settle()
    count = next(numbers)
    assert count > 50
    assert journey.statuses() == {"done": count + 1}
    assert len(ledger.documents(ObjectType.INVOICE)) == count
    assert ledger.twice() == []
    assert tries(journey) == [["accepted"]] * (count + 1)


class TestMessages:
    def test_messages_of_other_versions_do_no_harm(self, stack: Stack, journey: Journey) -> None:
        connection = str(journey.connection_id)

        def send(name: str, *arguments: object, queue: str = "push", **named: object) -> None:
            app.send_task(name, args=arguments, kwargs=named, queue=queue)

        send("ledgerbridge.from_the_future", connection_id=connection)
        send(PUSH, records=["named otherwise"])
        send(PUSH, connection_id=None)
        send(PUSH, connection_id="no id")
        send(PUSH, connection_id=5)
        send(RUN, since="2026-01-01", queue="pull")
        send("ledgerbridge.sweep", depth=3, queue="maintenance")
        journey.hand_in(a_contact(), an_invoice(), told=False)
        send(PUSH, connection_id=connection, correlation_id="c", urgency="added later")
        worker = stack.start_worker()

        journey.settle()

        assert journey.statuses() == {"done": 2}
        assert worker.poll() is None
        log = (stack.folder / "worker-0.log").read_text()
        assert log.count("hint.unreadable") == 5
        assert "Received unregistered task of type 'ledgerbridge.from_the_future'" in log
        assert "raised unexpected" not in log


class TestSchema:
    @pytest.fixture
    def elsewhere(self, stack: Stack) -> Iterator[str]:
        """Another database on the same server; processes are pointed at it."""
        name = "overlapping"
        plain = stack.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            url = stack.database_url.replace("/postgres?", f"/{name}?")
            stack.environment["LEDGERBRIDGE_DATABASE_URL"] = url
            yield url
            stack.stop()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @staticmethod
    def at(url: str, revision: str) -> None:
        """Bring a database to a revision; one that nobody knows is only written down."""
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            config = Config(runtime.MIGRATIONS)
            config.attributes["connection"] = connection
            known = revision in {"0001", "0002", "head"}
            command.upgrade(config, revision if known else "head")
            if not known:
                connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        engine.dispose()

    def said(self, stack: Stack) -> str:
        """What a worker says that does not start; it ends by itself."""
        process = stack._start(stack.folder / "refused.log", "worker", "--queues", "push")
        assert process.wait(30) == 1
        return (stack.folder / "refused.log").read_text()

    def test_a_worker_does_not_start_on_an_older_schema(self, stack: Stack, elsewhere: str) -> None:
        self.at(elsewhere, "0001")

        said = self.said(stack)

        assert "is at revision 0001, but this program needs revision" in said
        assert "run `ledgerbridge migrate`" in said
        assert "Traceback" not in said

    def test_an_older_program_does_not_start_on_a_newer_schema_and_cannot_migrate_it(
        self, stack: Stack, elsewhere: str
    ) -> None:
        self.at(elsewhere, "9999")

        said = self.said(stack)

        assert "at revision 9999, which this program does not know" in said
        assert "start that version" in said
        assert "Traceback" not in said
        engine = sqlalchemy.create_engine(elsewhere)
        with pytest.raises(runtime.NewerSchemaError):
            runtime.migrate(engine)
        engine.dispose()

    def test_workers_go_on_while_a_newer_version_migrates(
        self, stack: Stack, journey: Journey, database: sqlalchemy.Engine
    ) -> None:
        worker = stack.start_worker()  # its child has looked at nothing yet
        revision = "UPDATE alembic_version SET version_num = '{}'"
        with database.begin() as connection:
            head = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            connection.exec_driver_sql(revision.format("9999"))
        try:
            journey.hand_in(a_contact(), an_invoice())
            journey.settle()
        finally:
            with database.begin() as connection:
                connection.exec_driver_sql(revision.format(head))

        assert journey.statuses() == {"done": 2}
        assert worker.poll() is None
        assert "Traceback" not in (stack.folder / "worker-0.log").read_text()
