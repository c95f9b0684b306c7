"""SIGKILL at every point of a push: the ledger, asked directly, holds each document once.

No hook in our code says where to stop: a lock in the database or a held request does. Each test
plays in front of a plain ledger and of a real Tryton.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from connectors.simulator import Answer, Request
from demo.ledger import TrytonLedger
from models.canonical import Invoice, ObjectType
from tests.connectors.tryton.bench import BOOKS
from tests.factories import a_contact, an_invoice
from tests.flows.journey import Journey
from tests.flows.ledgers import Ledger, Plain, RealTryton
from tests.stack import Stack, wait_until

STEPS = ("create", "post")
ATTEMPTS = "LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE"
RECORDS = "LOCK TABLE synced_records IN ACCESS EXCLUSIVE MODE"


class Holding:
    """Stops one request at one point, until the test lets it go on."""

    def __init__(
        self,
        ledger: Ledger,
        step: str,
        *,
        answered: bool,
        then: Callable[[], None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.step = step
        self.answered = answered
        self.then = then
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, request: Request, answer: Answer | None) -> None:
        """Called by the proxy with every request, before and after it is forwarded."""
        if (answer is not None) is not self.answered or self.reached.is_set():
            return
        if not self.ledger.writes(request, self.step):
            return
        if self.then:
            self.then()
        self.reached.set()
        self.go_on.wait(20)


@pytest.fixture(scope="module")
def tryton() -> Iterator[TrytonLedger]:
    """One server for all tests; each brings numbers of its own."""
    with TrytonLedger.running(BOOKS) as running:
        yield running


@pytest.fixture(params=["plain", "tryton"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """A ledger behind a proxy."""
    if request.param == "plain":
        with Plain.running() as plain:
            yield plain
    else:
        with RealTryton.before(request.getfixturevalue("tryton")) as real:
            yield real


@pytest.fixture
def invoices() -> list[Invoice]:
    """Three invoices with numbers that no other test has."""
    prefix = uuid.uuid4().hex[:8]
    return [an_invoice(f"I-{one}", number=f"{prefix}-{one}") for one in range(3)]


@pytest.fixture
def journey(stack: Stack, ledger: Ledger) -> Iterator[Journey]:
    """A billing entity connected to the ledger through the proxy."""
    journey = Journey.begin(
        stack,
        ledger.provider,
        base_url=ledger.address,
        credentials=ledger.credentials,
        settings=ledger.settings | {"consistency_delay_seconds": 1},
    )
    yield journey
    journey.runtime.close()


def judge(journey: Journey, ledger: Ledger, invoices: list[Invoice]) -> None:
    """Each document once, posted, and nothing in between."""
    assert journey.statuses() == {"done": len(invoices) + 1}
    numbers = [invoice.number or "" for invoice in invoices]
    ledger.has(numbers, journey.markers(ObjectType.INVOICE))


def test_a_worker_killed_before_the_claim(
    stack: Stack, journey: Journey, ledger: Ledger, invoices: list[Invoice]
) -> None:
    worker = stack.start_worker()
    journey.hand_in(a_contact(), *invoices, told=False)
    with stack.locked(RECORDS):
        journey.runtime.engine.hints.push(journey.connection_id)
        assert wait_until(stack.somebody_waits, seconds=10)
        stack.kill(worker)

    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices)


def test_a_worker_killed_after_the_claim(
    stack: Stack, journey: Journey, ledger: Ledger, invoices: list[Invoice]
) -> None:
    worker = stack.start_worker()
    with stack.locked(ATTEMPTS):
        journey.hand_in(a_contact(), *invoices)
        assert wait_until(stack.somebody_waits, seconds=10)
        stack.kill(worker)
        assert ledger.holds_nothing_of([invoice.number or "" for invoice in invoices])

    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("answered", [False, True], ids=["after the attempt row", "after commit"])
def test_a_worker_killed_while_a_write_is_under_way(
    stack: Stack,
    journey: Journey,
    ledger: Ledger,
    invoices: list[Invoice],
    step: str,
    answered: bool,
) -> None:
    ledger.proxy.hold = holding = Holding(ledger, step, answered=answered)
    worker = stack.start_worker()
    journey.hand_in(a_contact(), *invoices)

    assert holding.reached.wait(15)
    stack.kill(worker)
    holding.go_on.set()  # what was held reaches the ledger now: its sender is dead
    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_after_the_answer_and_before_it_is_written_down(
    stack: Stack, journey: Journey, ledger: Ledger, invoices: list[Invoice], step: str
) -> None:
    with ExitStack() as locks:
        holding = Holding(
            ledger,
            step,
            answered=True,
            then=lambda: locks.enter_context(stack.locked(RECORDS)),
        )
        holding.go_on.set()  # the answer goes through at once; writing it down waits for the lock
        ledger.proxy.hold = holding
        worker = stack.start_worker()
        journey.hand_in(a_contact(), *invoices)

        assert holding.reached.wait(15)
        assert wait_until(stack.somebody_waits, seconds=10)
        stack.kill(worker)

    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices)


def test_the_log_tells_what_happened(
    stack: Stack, journey: Journey, ledger: Ledger, invoices: list[Invoice]
) -> None:
    ledger.proxy.hold = holding = Holding(ledger, "create", answered=True)
    worker = stack.start_worker()
    journey.hand_in(a_contact(), invoices[0])
    assert holding.reached.wait(15)
    stack.kill(worker)
    holding.go_on.set()
    stack.start_worker()
    stack.start_beat()
    journey.settle()

    (invoice,) = [line for line in journey.lines() if line.type is ObjectType.INVOICE]
    with journey.runtime.begin() as work:
        tries = [(one.operation, one.outcome) for one in work.attempts.of_record(invoice.id)]

    assert tries == [("create", "unknown"), ("look_up", "found"), ("create", "accepted")]
