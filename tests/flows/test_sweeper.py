"""Sweepers at once, among workers: hints may be lost, doubled and late, and leases end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy

from connectors.simulator import Fault
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync import sweep
from sync.engine import Engine
from sync.push import push_due
from sync.recover import recover_due
from sync.settings import Settings
from tests.factories import Bench, a_bench, a_contact, an_invoice
from worker import runtime


@pytest.fixture
def bench(begin: Begin, database: sqlalchemy.Engine) -> Bench:
    """A connection to an easy-going ledger."""
    return a_bench(begin, database)


@dataclass
class Told:
    """Hints that nobody acts upon."""

    pushes: list[UUID] = field(default_factory=list)

    def push(self, connection_id: UUID) -> None:
        self.pushes.append(connection_id)

    def run(self, connection_id: UUID, *, backfill: bool = False, countdown: float = 0) -> None:
        """Runs are not looked at here."""


def at_once(*works: Callable[[], object]) -> None:
    """Do several things at the same moment; whatever one of them raises is raised."""
    start = threading.Barrier(len(works))
    wrong: list[BaseException] = []

    def begun(work: Callable[[], object]) -> None:
        start.wait(10)
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's own thread
            wrong.append(error)

    threads = [threading.Thread(target=begun, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if wrong:
        raise wrong[0]


def as_worker(bench: Bench, name: str) -> Engine:
    return replace(bench.engine, worker=name)


def test_two_sweepers_and_two_workers_at_once_do_everything_once(bench: Bench) -> None:
    bench.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(60)))
    bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices", skip=1)
    bench.push()
    bench.pass_time(timedelta(minutes=10))

    def work(name: str) -> None:
        engine = as_worker(bench, name)
        for _ in range(3):
            recover_due(engine, bench.connection_id, correlation_id=name)
            push_due(engine, bench.connection_id, trigger="change", correlation_id=name)

    for _ in range(3):
        at_once(
            lambda: sweep.sweep(bench.engine),
            lambda: sweep.sweep(bench.engine),
            lambda: work("one"),
            lambda: work("two"),
        )
        bench.pass_time(timedelta(minutes=10))

    assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
    assert bench.ledger.twice() == []


def test_leases_that_end_in_front_of_several_sweepers_end_once(bench: Bench) -> None:
    bench.hand_in(a_contact())
    bench.push()
    bench.hand_in(*(an_invoice(f"I-{number}") for number in range(100)))
    with bench.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE synced_records SET status = 'sending', sent_operation = 'create', fence = 7, "
            "lease_until = now() - interval '1 second' WHERE status = 'pending'"
        )

    at_once(*[lambda: sweep.sweep(bench.engine)] * 4)

    with bench.database.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT fence, count(*) FROM synced_records WHERE status = 'uncertain' GROUP BY fence"
        )
        assert [tuple(row) for row in found] == [(8, 100)]


def test_a_lost_hint_is_given_again_until_somebody_looks(bench: Bench) -> None:
    told = Told()
    engine = replace(bench.engine, hints=told)
    bench.hand_in(a_contact())

    for _ in range(3):
        sweep.sweep(engine)
    bench.push()
    sweep.sweep(engine)

    assert told.pushes == [bench.connection_id] * 3


def test_doubled_and_stale_hints_find_nothing_to_do(bench: Bench) -> None:
    bench.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(30)))

    at_once(*[bench.push] * 4)
    written = bench.ledger.requests["POST /invoices"]
    for _ in range(3):
        bench.push()

    assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
    assert bench.ledger.requests["POST /invoices"] == written == 2
    assert bench.ledger.twice() == []


def test_nobody_holds_more_database_connections_than_is_said(
    database_url: str,
) -> None:
    """docs/operations.md: each worker child uses at most eight."""
    engine = runtime.connect(Settings(database_url=database_url), role="counted")
    most: list[int] = []
    inside = threading.Barrier(8)

    def use(number: int) -> None:
        with engine.connect() as connection:
            if number < 8:
                inside.wait(10)
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE application_name LIKE 'ledgerbridge-counted-%%'"
            )
            most.append(found.scalar_one())

    at_once(*[lambda number=number: use(number) for number in range(8)])
    at_once(*[lambda: use(8)] * 20)
    engine.dispose()

    assert max(most) == 8
