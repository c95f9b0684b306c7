"""Unclear writes: found and adopted, proven absent and repeated, or handed to a person."""

from datetime import timedelta

import pytest
import sqlalchemy

from connectors.faults import Answer
from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync.order import PUSH_ORDER
from tests.factories import (
    Bench,
    a_bench,
    a_bill,
    a_contact,
    a_credit_note,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    an_item,
)

EVERYTHING = (
    a_contact(), a_supplier(), an_item(), an_invoice(), a_bill(), a_credit_note(), a_payment(),
    an_entry(),
)  # fmt: skip
LOSES_THE_ANSWER = (Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE, Fault.TRUNCATED)


def settle_everything(bench: Bench) -> None:
    """Push and look up until nothing moves any more."""
    for _ in range(12):
        bench.push()
        bench.pass_time(timedelta(minutes=20))
        bench.recover()
    bench.push()


class TestLostAnswers:
    @pytest.mark.parametrize("two_steps", [False, True])
    @pytest.mark.parametrize("kind", PUSH_ORDER)
    def test_a_lost_answer_never_makes_a_second_object(
        self, begin: Begin, database: sqlalchemy.Engine, kind: ObjectType, two_steps: bool
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(two_steps=two_steps)))
        bench.hand_in(*EVERYTHING)
        for fault in LOSES_THE_ANSWER:
            bench.ledger.faults.arm(fault, method="POST", path=f"/{kind.plural}.*")

        settle_everything(bench)

        assert bench.ledger.twice() == []
        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}

    def test_a_request_that_never_arrived_is_sent_again_with_the_same_key(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_BEFORE, method="POST", path="/contacts")

        settle_everything(bench)

        with bench.begin() as work:
            tries = work.attempts.of_record(bench.line("C-1").id)
        assert [one.operation for one in tries] == ["create", "look_up", "create"]
        assert tries[0].idempotency_key == tries[2].idempotency_key
        assert len(bench.ledger.documents(ObjectType.CONTACT)) == 1

    def test_a_batch_is_verified_with_one_look_up(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(20)))
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices")
        bench.push()
        bench.pass_time(timedelta(minutes=1))

        found = bench.recover()

        assert found.counts[ObjectType.INVOICE] == {SyncStatus.DONE: 20}
        assert found.calls == 2  # who are we, and one look-up

    def test_a_slow_commit_is_waited_for_before_anything_is_repeated(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        ledger = PlainLedger(LedgerRules(hidden_for=timedelta(minutes=2)))
        bench = a_bench(begin, database, ledger=ledger)
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
        bench.push()

        bench.pass_time(timedelta(seconds=30))
        bench.recover()
        assert bench.status("C-1") is SyncStatus.UNCERTAIN  # not visible to a look-up yet

        settle_everything(bench)

        assert len(bench.ledger.documents(ObjectType.CONTACT)) == 1
        assert bench.status("C-1") is SyncStatus.DONE


class TestDeadWorkers:
    def test_a_lease_that_ends_while_sending_leads_to_a_look_up(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        _die_after_commit(bench)

        assert bench.sweep().expired == 0
        bench.pass_time(bench.engine.timing.lease + timedelta(seconds=1))
        assert bench.sweep().expired == 1
        assert bench.status("C-1") is SyncStatus.UNCERTAIN
        bench.recover()

        assert bench.status("C-1") is SyncStatus.DONE
        assert len(bench.ledger.documents(ObjectType.CONTACT)) == 1

    def test_the_log_tells_that_the_worker_was_lost(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        _die_after_commit(bench)
        bench.pass_time(bench.engine.timing.lease + timedelta(seconds=1))
        bench.sweep()

        with bench.begin() as work:
            (attempt,) = work.attempts.of_record(bench.line("C-1").id)

        assert (attempt.outcome, attempt.error_code) == ("unknown", "worker_lost")


class TestCannotTell:
    def test_two_with_the_same_mark_are_a_question_for_a_person(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
        bench.push()
        (there,) = bench.ledger.documents(ObjectType.CONTACT)
        bench.ledger.copy(ObjectType.CONTACT, there.id)

        for _ in range(12):
            bench.pass_time(timedelta(days=2))
            bench.recover()
            bench.push()

        assert bench.status("C-1") is SyncStatus.REJECTED
        assert [code for code, _, _ in bench.issues()] == ["outcome_unclear"]
        assert len(bench.ledger.documents(ObjectType.CONTACT)) == 2

    def test_a_look_up_that_fails_proves_nothing(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_BEFORE, method="POST", path="/contacts")
        bench.push()
        bench.ledger.faults.arm(Fault.AWAY, method="GET", times=50)

        for _ in range(3):
            bench.pass_time(timedelta(minutes=20))
            bench.recover()

        assert bench.status("C-1") is SyncStatus.UNCERTAIN
        assert bench.line("C-1").attempts == 1


class TestEditsMeanwhile:
    def test_an_edit_while_the_outcome_is_unclear_becomes_an_update(self, bench: Bench) -> None:
        bench.hand_in(a_contact(name="Rossi"))
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
        bench.push()
        bench.hand_in(a_contact(name="Rossi SpA"))

        settle_everything(bench)

        (contact,) = bench.ledger.documents(ObjectType.CONTACT)
        assert contact.record.name == "Rossi SpA"  # type: ignore[union-attr]

    def test_an_edit_between_two_steps_changes_the_draft_before_it_is_posted(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(two_steps=True)))
        bench.hand_in(a_contact(), an_invoice(net="100.00"))
        bench.ledger.faults.arm(Fault.THROTTLE, method="POST", path="/invoices/post")
        bench.push()
        bench.hand_in(an_invoice(net="300.00"))

        settle_everything(bench)

        (there,) = bench.ledger.documents(ObjectType.INVOICE)
        assert (there.status, str(there.record.total)) == ("open", "360.00")  # type: ignore[union-attr]
        assert bench.status("I-1") is SyncStatus.DONE

    @pytest.mark.parametrize(
        ("fault", "total", "status"),
        [
            (Fault.DROP_BEFORE, "120.00", SyncStatus.DONE),
            # The ledger's version has moved on, by whomever: a person is asked.
            (Fault.DROP_AFTER, "360.00", SyncStatus.REJECTED),
        ],
    )
    def test_an_edit_that_is_taken_back_while_its_fate_is_unclear_is_not_taken_for_done(
        self, bench: Bench, fault: Fault, total: str, status: SyncStatus
    ) -> None:
        bench.hand_in(a_contact(), an_invoice(net="100.00"))
        bench.push()
        bench.ledger.faults.arm(fault, method="POST", path="/invoices/update")
        bench.hand_in(an_invoice(net="300.00"))
        bench.push()
        assert bench.status("I-1") is SyncStatus.UNCERTAIN
        bench.hand_in(an_invoice(net="100.00"))

        settle_everything(bench)

        (there,) = bench.ledger.documents(ObjectType.INVOICE)
        assert str(there.record.total) == total  # type: ignore[union-attr]
        assert bench.status("I-1") is status

    @pytest.mark.parametrize("arrived", [Fault.DROP_AFTER, Fault.DROP_BEFORE])
    @pytest.mark.parametrize(("net", "total"), [("100.00", "120.00"), ("300.00", "360.00")])
    def test_an_unfinished_document_is_finished_with_its_latest_content(
        self,
        begin: Begin,
        database: sqlalchemy.Engine,
        arrived: Fault,
        net: str,
        total: str,
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(two_steps=True)))
        bench.hand_in(a_contact(), an_invoice(net="100.00"))
        bench.ledger.faults.arm(Fault.THROTTLE, method="POST", path="/invoices/post")
        bench.push()
        bench.pass_time(timedelta(minutes=20))
        bench.ledger.faults.arm(arrived, method="POST", path="/invoices/update")
        bench.hand_in(an_invoice(net="300.00"))
        bench.push()
        assert bench.status("I-1") is SyncStatus.UNCERTAIN
        bench.hand_in(an_invoice(net=net))

        settle_everything(bench)

        (there,) = bench.ledger.documents(ObjectType.INVOICE)
        assert (there.status, str(there.record.total)) == ("open", total)  # type: ignore[union-attr]
        assert bench.status("I-1") is SyncStatus.DONE


def _die_after_commit(bench: Bench) -> None:
    """A worker that is killed when the ledger has committed: nothing of ours was written after."""

    class Killed(BaseException):
        """Not an Exception, as nothing catches SIGKILL."""

    handle = bench.ledger.handle

    def handle_and_die(request: object) -> object:
        answer = handle(request)  # type: ignore[arg-type]
        if request.method == "POST":  # type: ignore[attr-defined]
            raise Killed
        return answer

    transport = bench.opener.http._transport
    transport._handle = handle_and_die
    with pytest.raises(Killed):
        bench.push()
    transport._handle = handle


def test_a_look_up_says_whether_it_asked_whose_books_these_are(bench: Bench) -> None:
    """Requests alone are no answer: the one that asks may have been the one that failed."""
    bench.hand_in(a_contact())
    bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
    bench.push()
    bench.pass_time(timedelta(minutes=5))
    refusal = Answer(403, {"error": {"code": "forbidden", "message": "not now"}})
    bench.ledger.faults.arm(Fault.ERROR_BEFORE, method="GET", path="/organisation", answer=refusal)

    failed = bench.recover()

    assert failed.calls > 0
    assert not failed.checked
    bench.pass_time(timedelta(minutes=20))
    assert bench.recover().checked
