"""The promise as a state machine: whatever fails and whoever dies when, nothing twice, nothing lost.

Hypothesis plays a product, a ledger, a network and workers: documents are handed in and edited,
answers get lost before and after commit, workers die between any two steps or answer after their
lease has ended, messages come twice or not at all. The judge asks the ledger itself.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Answer, Fault, Request
from models.canonical import ObjectType
from models.status import SyncStatus
from models.unit_of_work import Begin, UnitOfWork
from tests.conftest import empty
from tests.factories import Bench, a_bench, a_contact, a_payment, an_invoice

EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
RESTING = {
    SyncStatus.DONE,
    SyncStatus.REJECTED,
    SyncStatus.BLOCKED,
    SyncStatus.SKIPPED,
}
FAULTS = st.sampled_from(
    [
        Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER,
        Fault.DROP_AFTER, Fault.THROTTLE, Fault.AWAY, Fault.GARBAGE,
    ]
)  # fmt: skip


DOING = st.sampled_from(["push", "push", "look up", "run", "pull"])


class Killed(BaseException):
    """SIGKILL: nothing catches it and nothing is cleaned up after it."""


class World(RuleBasedStateMachine):
    """A product, a ledger, a network and workers."""

    begin: Begin
    database: sqlalchemy.Engine

    @initialize(
        two_steps=st.booleans(),
        remembers_keys=st.booleans(),
        atomic=st.booleans(),
        delay=st.sampled_from([0, 90]),
        batch_size=st.integers(1, 3),
    )
    def connect(
        self, *, two_steps: bool, remembers_keys: bool, atomic: bool, delay: int, batch_size: int
    ) -> None:
        empty(self.database)
        rules = LedgerRules(
            two_steps=two_steps,
            remembers_keys=timedelta(minutes=6) if remembers_keys else None,
            atomic_batches=atomic,
            hidden_for=timedelta(seconds=delay),
            batch_size=batch_size,
        )
        self.bench: Bench = a_bench(self.begin, self.database, ledger=PlainLedger(rules))
        self.bench.hand_in(a_contact("C-0"))
        self.contacts = 1
        self.invoices: dict[str, Decimal] = {}
        self.payments: dict[str, Decimal] = {}

    # -- the product ----------------------------------------------------------------------

    @rule(contact=st.integers(0, 3), number=st.integers(1, 4), paid=st.booleans())
    def new_documents(self, contact: int = 0, number: int = 2, *, paid: bool = True) -> None:
        """Invoices for a contact that may come later, and a payment of the last one."""
        if contact == self.contacts:
            self.bench.hand_in(a_contact(f"C-{self.contacts}"))
            self.contacts += 1
        for _ in range(number):
            name = f"I-{len(self.invoices)}"
            self.bench.hand_in(an_invoice(name, contact_id=f"C-{contact}", net="100.00"))
            self.invoices[name] = Decimal("120.00")
        if paid:
            payment = f"Z-{len(self.payments)}"
            part = {"amount": "1.00", "pays": {name: "1.00"}, "contact_id": f"C-{contact}"}
            self.bench.hand_in(a_payment(payment, **part))
            self.payments[payment] = Decimal("1.00")

    @precondition(lambda self: self.invoices)
    @rule(data=st.data(), net=st.sampled_from(["100.00", "200.00", "300.00"]))
    def edit_invoice(self, data: st.DataObject, net: str) -> None:
        self._edit(data.draw(st.sampled_from(sorted(self.invoices))), net)

    # -- workers, and what becomes of them ------------------------------------------------

    @rule(fault=FAULTS, skip=st.integers(0, 3), catch_up=st.sampled_from([0, 6, 95]))
    def a_write_goes_wrong(self, fault: Fault, skip: int, catch_up: int) -> None:
        """And the others go on right after it, or a little later."""
        self.new_documents()
        self.bench.ledger.faults.arm(fault, method="POST", skip=skip)
        self.bench.push()
        self.bench.ledger.faults.clear()
        self.time_passes_and_others_catch_up(catch_up)

    @rule(fault=FAULTS, skip=st.integers(0, 3), doing=DOING)
    def a_read_goes_wrong(self, fault: Fault, skip: int, doing: str) -> None:
        self.bench.ledger.faults.arm(fault, method="GET", skip=skip)
        self._do(doing)
        self.bench.ledger.faults.clear()

    @rule(seconds=st.sampled_from([6, 61, 95, 1200, 30_000]))
    def time_passes_and_others_catch_up(self, seconds: int) -> None:
        self.bench.pass_time(timedelta(seconds=seconds))
        self.bench.sweep()
        self.bench.recover()
        self.bench.push()

    @rule(at=st.integers(2, 12), after=st.booleans(), doing=DOING)
    def a_worker_dies_at_a_commit(self, at: int, after: bool, doing: str) -> None:
        self.new_documents()
        mortal = replace(self.bench.engine, begin=dying(self.begin, at=at, after=after))
        self._as(mortal, lambda: self._do(doing))

    @rule(at=st.integers(1, 4), after=st.booleans())
    def a_worker_dies_at_the_ledger(self, at: int, after: bool) -> None:
        self.new_documents()
        with self._at_the_ledger(_death(at, after=after)):
            self._as(self.bench.engine, self.bench.push)

    @rule(at=st.integers(1, 3), fault=st.none() | FAULTS)
    def an_answer_comes_after_the_lease_has_ended(self, at: int, fault: Fault | None) -> None:
        """Meanwhile another worker has taken over."""
        self.new_documents()
        turns = iter(range(1, 100))

        def hold(handle: Callable[[Request], Answer], request: Request) -> Answer:
            answer = handle(request)
            if request.method == "POST" and next(turns) == at:
                self._others_work(lease_ends=True)
            return answer

        if fault is not None:
            self.bench.ledger.faults.arm(fault, method="POST", skip=at - 1)
        with self._at_the_ledger(hold):
            self.bench.push()
        self.bench.ledger.faults.clear()

    @rule(at=st.integers(2, 12), doing=DOING, lease_ends=st.booleans(), edit=st.booleans())
    def another_worker_comes_between_two_steps(
        self, at: int, doing: str, lease_ends: bool, edit: bool
    ) -> None:
        """The first one is only slow: it goes on afterwards as if nothing had been."""
        self.new_documents()
        turns = iter(range(1, 10_000))

        @contextmanager
        def interrupted() -> Iterator[UnitOfWork]:
            if next(turns) == at:
                if edit:
                    self._edit(max(self.invoices), "400.00")
                self._others_work(lease_ends=lease_ends)
            with self.begin() as work:
                yield work

        slow = replace(self.bench.engine, begin=interrupted)
        self._as(slow, lambda: self._do(doing))

    # -- the promise ----------------------------------------------------------------------

    @invariant()
    def nothing_is_there_twice(self) -> None:
        assert self.bench.ledger.twice() == []

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        self.bench.ledger.faults.clear()
        for _ in range(40):
            self.bench.pass_time(timedelta(hours=7))
            self.bench.sweep()
            self.bench.recover()
            self.bench.run()
            if {line.status for line in self.bench.lines()} <= RESTING:
                break
        self._nothing_is_stuck()
        self._nothing_is_lost()
        assert self.bench.ledger.twice() == []

    def _nothing_is_stuck(self) -> None:
        for line in self.bench.lines():
            assert line.status in RESTING, line
            if line.status is not SyncStatus.DONE:
                assert line.issue_id is not None, f"nobody owns {line}"
                assert line.next_step, line

    def _nothing_is_lost(self) -> None:
        lines = {line.external_id: line for line in self.bench.lines()}
        expected = self.invoices | self.payments
        assert lines.keys() == expected.keys() | {f"C-{one}" for one in range(self.contacts)}
        for name, amount in expected.items():
            line = lines[name]
            if line.status is not SyncStatus.DONE:
                continue
            kind = ObjectType.INVOICE if name.startswith("I") else ObjectType.PAYMENT
            there = self.bench.ledger.get(kind, line.platform_object_id or "").record
            paid = getattr(there, "total", None) or getattr(there, "amount", None)
            assert paid == amount, f"{name} is {paid} in the ledger"

    # -- how it is done -------------------------------------------------------------------

    def _do(self, what: str) -> None:
        match what:
            case "push":
                self.bench.push()
            case "look up":
                self.bench.recover()
            case "run":
                self.bench.run()
            case _:
                self.bench.run(only="pull")

    def _others_work(self, *, lease_ends: bool) -> None:
        """Another worker does everything that there is to do."""
        if lease_ends:
            self.bench.pass_time(self.bench.engine.timing.lease + timedelta(seconds=1))
        other = replace(self.bench.engine, worker="another", begin=self.begin)
        before, self.bench.engine = self.bench.engine, other
        self.bench.sweep()
        self.bench.recover()
        self.bench.push()
        self.bench.engine = before

    def _edit(self, name: str, net: str) -> None:
        contact = self._document(name).contact_id
        self.bench.hand_in(an_invoice(name, contact_id=contact, net=net))
        self.invoices[name] = Decimal(net) * Decimal("1.2")

    def _document(self, name: str) -> Any:
        with self.begin() as work:
            line = self.bench.line(name)
            return work.pulled.bodies([line.object_id])[line.object_id]

    def _as(self, engine: Any, work: Callable[[], object]) -> None:
        """Do something as another worker, who may die of it."""
        before, self.bench.engine = self.bench.engine, engine
        try:
            work()
        except Killed:
            pass
        finally:
            self.bench.engine = before

    @contextmanager
    def _at_the_ledger(
        self, hook: Callable[[Callable[[Request], Answer], Request], Answer]
    ) -> Iterator[None]:
        transport = self.bench.opener.http._transport
        handle = transport._handle
        transport._handle = lambda request: hook(handle, request)
        try:
            yield
        finally:
            transport._handle = handle


def _death(at: int, *, after: bool) -> Callable[[Callable[[Request], Answer], Request], Answer]:
    """A worker that is killed while its n-th write is under way."""
    turns = iter(range(1, 1000))

    def die(handle: Callable[[Request], Answer], request: Request) -> Answer:
        if request.method != "POST" or next(turns) != at:
            return handle(request)
        if after:
            handle(request)
        raise Killed

    return die


def dying(begin: Begin, *, at: int, after: bool) -> Begin:
    """A worker that is killed just before or just after its n-th commit."""
    turns = iter(range(1, 10_000))
    dead = False

    @contextmanager
    def mortal() -> Iterator[UnitOfWork]:
        nonlocal dead
        if dead:  # `finally` blocks do not run after SIGKILL
            raise Killed
        if next(turns) == at:
            dead = True
            if not after:
                with begin() as work:
                    yield work
                    raise Killed  # rolls back, as the server does when its client is gone
        with begin() as work:
            yield work
        if dead:
            raise Killed

    return mortal


def test_nothing_twice_and_nothing_lost(begin: Begin, database: sqlalchemy.Engine) -> None:
    world = type("TheWorld", (World,), {"begin": staticmethod(begin), "database": database})
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
