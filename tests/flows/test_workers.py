"""Workers, beat and broker as they run: hints are only hints, and nothing depends on one."""

import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.memory.simulator import PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from models.ids import new_id
from models.tables import RunStatus
from sync import runs
from tests.factories import SETTINGS, a_contact, an_invoice, shift
from tests.flows.journey import Journey
from tests.stack import Stack, wait_until


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


def test_what_is_handed_in_is_pushed_at_once(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    stack.start_worker()  # no beat: only the hint tells it

    journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(60)))

    journey.settle()
    assert journey.statuses() == {"done": 61}
    assert ledger.requests["POST /invoices"] == 3  # 60 in batches of 25


def test_messages_may_come_thrice_for_nobody_or_too_late(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    hints = journey.runtime.engine.hints
    journey.hand_in(a_contact(), an_invoice())
    for _ in range(3):
        hints.push(journey.connection_id)
        hints.run(journey.connection_id)
    hints.push(new_id())
    hints.run(new_id())
    worker = stack.start_worker(concurrency=2)

    journey.settle()
    hints.push(journey.connection_id)  # stale: everything is done
    wait_until(lambda: stack.redis().llen("ledgerbridge:push") == 0)

    assert journey.statuses() == {"done": 2}
    assert ledger.twice() == []
    assert worker.poll() is None
    log = (stack.folder / "worker-0.log").read_text()
    assert "Traceback" not in log


def test_an_emptied_redis_costs_one_sweep(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    journey.hand_in(a_contact(), an_invoice())
    run_id = runs.trigger_run(journey.runtime.engine, journey.connection_id)
    with stack.redis() as broker:
        broker.flushall()
    stack.start_worker()
    stack.start_beat()

    journey.settle()

    def ended() -> bool:
        with journey.runtime.begin() as work:
            run = work.runs.get(run_id)
        return run is not None and run.status is RunStatus.DONE

    assert wait_until(ended)
    assert ledger.twice() == []


def test_a_due_connection_is_synced_by_the_clock(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    contact = ledger.enter(a_contact("new", name="Entered meanwhile"))
    shift(journey.runtime.database, timedelta(hours=25))
    stack.start_worker()
    stack.start_beat()

    def read() -> bool:
        with journey.runtime.begin() as work:
            known = work.documents.listing(kind=ObjectType.CONTACT)
        return [one.external_id for one in known] == [contact]

    assert wait_until(read)
    with journey.runtime.begin() as work:
        latest = work.runs.listing(journey.connection_id, 1)[0]
    assert latest.trigger == "schedule"


def test_a_worker_told_to_stop_finishes_its_call_and_leaves_nothing_half_done(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    ledger.faults.arm(Fault.SLOW_ANSWER, method="POST", path="/invoices", seconds=1)
    worker = stack.start_worker()
    journey.hand_in(a_contact(), an_invoice())
    assert wait_until(lambda: ledger.requests["POST /invoices"] == 1)

    worker.send_signal(signal.SIGTERM)
    worker.wait(15)

    assert journey.statuses() == {"done": 2}


def test_two_beats_and_two_workers_do_everything_once(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    stack.start_worker(concurrency=2)
    stack.start_worker(concurrency=2)
    stack.start_beat()
    stack.start_beat()
    shift(journey.runtime.database, timedelta(hours=25))

    journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(80)))

    journey.settle()
    assert journey.statuses() == {"done": 81}
    assert ledger.twice() == []

    def scheduled() -> int:
        with journey.runtime.begin() as work:
            found = work.runs.listing(journey.connection_id, 50)
        return sum(run.trigger == "schedule" for run in found)

    assert wait_until(lambda: scheduled() == 1)
    assert not wait_until(lambda: scheduled() > 1, seconds=2.5)  # two more ticks of each beat


def test_a_worker_on_an_empty_database_says_what_to_do(stack: Stack) -> None:
    stack.environment["LEDGERBRIDGE_DATABASE_URL"] = stack.database_url.replace(
        "/postgres?", "/template1?"
    )
    process = stack._start(stack.folder / "refused.log", "worker", "--queues", "push")

    assert process.wait(30) != 0
    assert "run `ledgerbridge migrate`" in (stack.folder / "refused.log").read_text()


def test_one_correlation_id_from_the_trigger_to_the_providers_request(
    stack: Stack, journey: Journey, ledger: PlainLedger
) -> None:
    stack.start_worker()
    journey.hand_in(a_contact())

    run_id = runs.trigger_run(
        journey.runtime.engine, journey.connection_id, correlation_id="abc123"
    )
    journey.settle()
    wait_until(lambda: "run.finished" in (stack.folder / "worker-0.log").read_text())

    assert run_id
    seen = {request.headers.get("x-correlation-id") for request in ledger.traffic.log}
    assert "abc123" in seen
    log = (stack.folder / "worker-0.log").read_text()
    assert '"correlation_id": "abc123"' in log
    assert ledger.rules.api_key not in log
