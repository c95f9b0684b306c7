"""SIGKILL at every point of a push: the ledger, asked directly, holds each document once.

No hook in our code says where to stop: a lock in the database or a held request does.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Answer, FaultProxy, Request
from models.canonical import ObjectType
from tests.factories import SETTINGS, a_contact, an_invoice
from tests.flows.journey import Journey
from tests.stack import Stack, wait_until

WRITES = ("/invoices", "/invoices/post")


class Holding:
    """Stops one request at one point, until the test lets it go on."""

    def __init__(
        self, path: str, *, answered: bool, then: Callable[[], None] | None = None
    ) -> None:
        self.path = path
        self.answered = answered
        self.then = then
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, request: Request, answer: Answer | None) -> None:
        """Called by the proxy with every request, before and after it is forwarded."""
        hit = request.path == self.path and request.method == "POST"
        if not hit or (answer is not None) is not self.answered or self.reached.is_set():
            return
        if self.then:
            self.then()
        self.reached.set()
        self.go_on.wait(20)


@pytest.fixture
def ledger() -> PlainLedger:
    """A ledger that forgets keys at once and posts in two steps: the hardest kind."""
    return PlainLedger(LedgerRules(two_steps=True))


@pytest.fixture
def proxy(ledger: PlainLedger) -> Iterator[FaultProxy]:
    """What stands between the workers and the ledger."""
    with ledger.running() as url:
        yield FaultProxy(url)


@pytest.fixture
def address(proxy: FaultProxy) -> Iterator[str]:
    """Where the workers find the ledger."""
    with proxy.running() as url:
        yield url


@pytest.fixture
def journey(stack: Stack, address: str, ledger: PlainLedger) -> Iterator[Journey]:
    """A billing entity connected to the ledger through the proxy."""
    journey = Journey.begin(
        stack,
        "memory",
        base_url=address,
        credentials={"api_key": ledger.rules.api_key},
        settings=SETTINGS | {"consistency_delay_seconds": 1},
    )
    yield journey
    journey.runtime.close()


def judge(journey: Journey, ledger: PlainLedger, *, invoices: int) -> None:
    """Each document once, posted, and nothing in between."""
    assert journey.statuses() == {"done": invoices + 1}
    assert ledger.twice() == []
    there = ledger.documents(ObjectType.INVOICE)
    assert [entry.status for entry in there] == ["open"] * invoices
    assert sorted(entry.marker or "" for entry in there) == sorted(
        journey.markers(ObjectType.INVOICE)
    )


@pytest.mark.parametrize(
    ("moment", "lock"),
    [
        ("before the claim", "LOCK TABLE synced_records IN ACCESS EXCLUSIVE MODE"),
        ("after the claim", "LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE"),
    ],
)
def test_a_worker_killed_before_anything_was_sent(
    stack: Stack, journey: Journey, ledger: PlainLedger, moment: str, lock: str
) -> None:
    worker = stack.start_worker()
    with stack.locked(lock) if moment == "after the claim" else ExitStack():
        journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(3)))
        if moment == "before the claim":
            with stack.locked(lock):
                journey.runtime.engine.hints.push(journey.connection_id)
                assert wait_until(stack.somebody_waits, seconds=10)
                stack.kill(worker)
        else:
            assert wait_until(stack.somebody_waits, seconds=10)
            stack.kill(worker)
            assert ledger.documents(ObjectType.CONTACT) == []

    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices=3)


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("answered", [False, True], ids=["before commit", "after commit"])
def test_a_worker_killed_while_a_write_is_under_way(
    stack: Stack,
    journey: Journey,
    proxy: FaultProxy,
    ledger: PlainLedger,
    path: str,
    answered: bool,
) -> None:
    proxy.hold = holding = Holding(path, answered=answered)
    worker = stack.start_worker()
    journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(3)))

    assert holding.reached.wait(15)
    stack.kill(worker)
    holding.go_on.set()
    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices=3)


@pytest.mark.parametrize("path", WRITES)
def test_a_worker_killed_after_the_answer_and_before_it_is_written_down(
    stack: Stack, journey: Journey, proxy: FaultProxy, ledger: PlainLedger, path: str
) -> None:
    with ExitStack() as locks:
        lock = "LOCK TABLE synced_records IN ACCESS EXCLUSIVE MODE"
        holding = Holding(path, answered=True, then=lambda: locks.enter_context(stack.locked(lock)))
        holding.go_on.set()  # the answer goes through at once; writing it down waits for the lock
        proxy.hold = holding
        worker = stack.start_worker()
        journey.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(3)))

        assert holding.reached.wait(15)
        assert wait_until(stack.somebody_waits, seconds=10)
        stack.kill(worker)

    stack.start_worker()
    stack.start_beat()

    journey.settle()
    judge(journey, ledger, invoices=3)


def test_the_log_tells_what_happened(stack: Stack, journey: Journey, proxy: FaultProxy) -> None:
    proxy.hold = holding = Holding("/invoices", answered=True)
    worker = stack.start_worker()
    journey.hand_in(a_contact(), an_invoice())
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
