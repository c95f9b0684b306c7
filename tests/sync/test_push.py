"""Pushing: batches, order, settling, and what each kind of failure leaves behind."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy

from connectors.base import PulledRecord, Stale
from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.canonical import Allocation, Invoice, ObjectType
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync.settling import stale
from tests.factories import (
    SETTINGS,
    Bench,
    a_bench,
    a_bill,
    a_contact,
    a_credit_note,
    a_line,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    in_the_ledgers_ids,
)


class TestPushDue:
    def test_documents_of_all_types_arrive_once(self, bench: Bench) -> None:
        bench.hand_in(
            a_contact(), a_supplier(), an_invoice(), a_bill(), a_credit_note(), a_payment(),
            an_entry(),
        )  # fmt: skip

        bench.push()

        statuses = {line.status for line in bench.lines()}
        assert statuses == {SyncStatus.DONE}
        for kind in (ObjectType.INVOICE, ObjectType.BILL, ObjectType.PAYMENT):
            assert len(bench.ledger.documents(kind)) == 1

    def test_the_number_of_calls_is_what_the_batches_allow(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(100)))

        pushed = bench.push()

        assert pushed.batches[ObjectType.INVOICE] == 100 / bench.ledger.rules.batch_size
        assert pushed.calls == 1 + 1 + 4  # who are we, contacts, invoices

    def test_a_second_push_sends_nothing(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        before = bench.ledger.requests.total()

        again = bench.push()

        assert (again.calls, bench.ledger.requests.total()) == (0, before)

    def test_an_attempt_is_on_record_before_the_ledger_is_called(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")

        bench.push()

        with bench.begin() as work:
            (attempt,) = work.attempts.of_record(bench.line("C-1").id)
        assert (attempt.operation, attempt.outcome) == ("create", "unknown")

    def test_a_payment_waits_for_its_invoice_and_follows_it(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), a_payment())
        bench.push()
        assert bench.status("Z-1") is SyncStatus.BLOCKED
        assert bench.issues() == [("document_unknown", "invoice I-1", 1)]

        bench.hand_in(an_invoice())
        bench.push()

        assert bench.status("Z-1") is SyncStatus.DONE
        assert bench.issues() == []

    def test_children_of_a_refused_parent_wait_for_the_same_issue(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        ledger = PlainLedger(LedgerRules(closed_until=date(2026, 3, 31)))
        bench = a_bench(begin, database, ledger=ledger)
        bench.hand_in(a_contact(), an_invoice(), a_payment(date=date(2026, 4, 2)))

        bench.push()

        assert bench.status("I-1") is SyncStatus.REJECTED
        assert bench.status("Z-1") is SyncStatus.BLOCKED
        assert bench.issues() == [("period_closed", "2026-03", 2)]

    def test_a_tax_rate_that_the_ledger_lacks_is_one_issue_for_all_its_documents(
        self, bench: Bench
    ) -> None:
        bench.run(only="pull")
        odd = [an_invoice(f"I-{number}", lines=[a_line(rate="8.5")]) for number in range(3)]
        bench.hand_in(a_contact(), *odd, an_invoice("I-9"))

        bench.push()

        assert bench.issues() == [("tax_rate_unmapped", "8.5", 3)]
        assert bench.status("I-9") is SyncStatus.DONE

    def test_nothing_is_posted_before_posting_starts(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, posting_from=None)
        bench.hand_in(a_contact(), an_invoice())

        bench.push()

        assert bench.ledger.documents(ObjectType.CONTACT) == []
        assert bench.status("I-1") is SyncStatus.PENDING

    def test_documents_dated_before_the_start_are_skipped(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, posting_from=date(2026, 4, 1))
        bench.hand_in(a_contact(), an_invoice())

        bench.push()

        assert bench.status("I-1") is SyncStatus.SKIPPED
        assert bench.line("I-1").reason_code == "before_start"

    def test_a_batch_with_one_bad_record_delivers_the_others(self, bench: Bench) -> None:
        bench.run(only="pull")
        bench.hand_in(
            a_contact(), an_invoice("I-1"), an_invoice("I-2", lines=[a_line(account_id="999999")])
        )

        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE
        assert bench.status("I-2") is SyncStatus.BLOCKED
        assert bench.issues() == [("account_unmapped", "999999", 1)]

    def test_two_steps_are_kept_one_by_one(self, begin: Begin, database: sqlalchemy.Engine) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(two_steps=True)))
        bench.hand_in(a_contact(), an_invoice())
        bench.ledger.faults.arm(Fault.THROTTLE, method="POST", path="/invoices/post")

        bench.push()
        assert bench.status("I-1") is SyncStatus.RETRY_WAIT
        (draft,) = bench.ledger.documents(ObjectType.INVOICE)
        assert bench.line("I-1").platform_object_id == draft.id

        bench.pass_time(timedelta(minutes=1))
        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE
        assert [one.status for one in bench.ledger.documents(ObjectType.INVOICE)] == ["open"]

    def test_totals_off_by_a_cent_are_done_with_the_variance(self, bench: Bench) -> None:
        breakdown = an_invoice().tax_breakdown[0]
        bench.hand_in(
            a_contact(),
            an_invoice(
                tax_breakdown=(breakdown.model_copy(update={"tax_amount": Decimal("20.01")}),),
                tax_total=Decimal("20.01"),
                total=Decimal("120.01"),
            ),
        )

        bench.push()

        line = bench.line("I-1")
        assert (line.status, line.variance) == (SyncStatus.DONE, Decimal("-0.01"))
        assert bench.issues() == []

    def test_totals_off_by_more_are_an_issue(self, bench: Bench) -> None:
        breakdown = an_invoice().tax_breakdown[0]
        bench.hand_in(
            a_contact(),
            an_invoice(
                tax_breakdown=(breakdown.model_copy(update={"tax_amount": Decimal("21.00")}),),
                tax_total=Decimal("21.00"),
                total=Decimal("121.00"),
            ),
        )

        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE
        assert [code for code, _, _ in bench.issues()] == ["totals_differ"]


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            (Fault.DROP_BEFORE, SyncStatus.UNCERTAIN),
            (Fault.DROP_AFTER, SyncStatus.UNCERTAIN),
            (Fault.ERROR_BEFORE, SyncStatus.UNCERTAIN),
            (Fault.ERROR_AFTER, SyncStatus.UNCERTAIN),
            (Fault.GARBAGE, SyncStatus.UNCERTAIN),
            (Fault.TRUNCATED, SyncStatus.UNCERTAIN),
            (Fault.SLOW_COMMIT, SyncStatus.UNCERTAIN),
            (Fault.THROTTLE, SyncStatus.RETRY_WAIT),
        ],
    )
    def test_what_an_answer_means(self, bench: Bench, fault: Fault, status: SyncStatus) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(fault, method="POST", path="/contacts", seconds=0)

        bench.push()

        assert bench.status("C-1") is status

    def test_dead_credentials_stop_the_connection_and_hold_its_records(self, bench: Bench) -> None:
        bench.ledger.change(api_key="another")
        bench.hand_in(a_contact(), an_invoice())

        bench.push()

        assert {line.status for line in bench.lines()} == {SyncStatus.HELD}
        assert [code for code, _, _ in bench.issues()] == ["authorization_lost"]

    def test_other_books_behind_the_same_credentials_are_not_written_to(self, bench: Bench) -> None:
        bench.ledger.change(organisation_id="other-books")
        bench.hand_in(a_contact())

        bench.push()

        assert bench.ledger.documents(ObjectType.CONTACT) == []
        assert bench.ledger.requests["POST /contacts"] == 0  # not every ledger would refuse it
        assert [code for code, _, _ in bench.issues()] == ["wrong_organisation"]

    def test_a_ledger_that_is_away_parks_the_connection_and_fails_nothing(
        self, bench: Bench
    ) -> None:
        bench.ledger.faults.arm(Fault.AWAY, times=20)
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        assert [code for code, _, _ in bench.issues()] == ["ledger_unreachable"]
        assert bench.push().calls == 0

        bench.ledger.faults.clear()
        bench.pass_time(timedelta(minutes=16))
        bench.push()

        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
        assert {line.attempts for line in bench.lines()} == {0}
        assert bench.issues() == []

    @pytest.mark.parametrize("step", ["create", "post"])
    def test_a_worker_that_was_frozen_for_longer_than_its_lease_writes_nothing_more(
        self, begin: Begin, database: sqlalchemy.Engine, step: str
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(two_steps=True)))
        bench.hand_in(a_contact())
        bench.push()
        bench.hand_in(an_invoice())
        before = bench.ledger.requests.copy()
        readings_until_frozen = iter([] if step == "create" else [0.0])  # the renewed deadline

        def about_to_send() -> bool:
            if step == "post":
                return (bench.ledger.requests - before)["POST /invoices"] > 0
            return bench.status("I-1") is SyncStatus.SENDING

        def clock() -> float:
            return next(readings_until_frozen, 3600.0) if about_to_send() else 0.0

        bench.engine = replace(bench.engine, clocks=(clock,))
        bench.push(only=[ObjectType.INVOICE], over=lambda: True)

        written = bench.ledger.requests - before
        assert written["POST /invoices/post"] == 0
        assert written["POST /invoices"] == (0 if step == "create" else 1)
        assert bench.ledger.twice() == []

    def test_a_record_that_always_breaks_off_ends_with_a_person(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_BEFORE, method="POST", path="/contacts", times=100)

        for _ in range(30):
            bench.push()
            bench.pass_time(timedelta(hours=7))
            bench.recover()

        assert bench.status("C-1") is SyncStatus.REJECTED
        assert [code for code, _, _ in bench.issues()] == ["gave_up"]
        assert bench.ledger.faults.injected[Fault.DROP_BEFORE] == bench.engine.timing.push_attempts


class TestEdits:
    def test_an_edit_after_the_push_is_an_update_of_the_same_document(self, bench: Bench) -> None:
        bench.hand_in(a_contact(name="Rossi"))
        bench.push()

        bench.hand_in(a_contact(name="Rossi SpA"))
        bench.push()

        (contact,) = bench.ledger.documents(ObjectType.CONTACT)
        assert contact.record.name == "Rossi SpA"  # type: ignore[union-attr]

    def test_an_edit_of_a_frozen_document_is_an_issue_that_says_so(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(frozen_when_posted=True)))
        bench.hand_in(a_contact(), an_invoice())
        bench.push()

        bench.hand_in(an_invoice(net="200.00"))
        bench.push()

        assert bench.status("I-1") is SyncStatus.REJECTED
        assert bench.issues() == [("frozen_in_ledger", "invoice", 1)]

    def test_taking_an_edit_back_needs_no_call(self, bench: Bench) -> None:
        bench.hand_in(a_contact(name="Rossi"))
        bench.push()
        bench.hand_in(a_contact(name="Rosso"))
        bench.hand_in(a_contact(name="Rossi"))
        before = bench.ledger.requests.total()

        bench.push()

        assert bench.status("C-1") is SyncStatus.DONE
        assert bench.ledger.requests.total() == before

    def test_handing_in_the_same_again_changes_nothing(self, bench: Bench) -> None:
        assert bench.hand_in(a_contact(), an_invoice()) == (2, 0)

        assert bench.hand_in(a_contact(), an_invoice()) == (0, 0)

    def test_mending_a_refused_document_sends_it_with_a_new_key(self, bench: Bench) -> None:
        bench.ledger.change(closed_until=date(2026, 3, 31))
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        assert bench.status("I-1") is SyncStatus.REJECTED

        bench.hand_in(an_invoice(issue_date=date(2026, 4, 1)))
        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE
        with bench.begin() as work:
            keys = [one.idempotency_key for one in work.attempts.of_record(bench.line("I-1").id)]
        assert len(set(keys)) == 2
        assert bench.issues() == []

    def test_a_voided_document_is_voided_in_the_ledger(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()

        bench.hand_in(an_invoice(status="void"))
        bench.push()

        (there,) = bench.ledger.documents(ObjectType.INVOICE)
        assert (there.status, bench.status("I-1")) == ("void", SyncStatus.DONE)

    def test_a_document_voided_before_it_was_sent_never_goes_out(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.hand_in(an_invoice(status="void"))

        bench.push()

        assert bench.ledger.documents(ObjectType.INVOICE) == []
        assert bench.status("I-1") is SyncStatus.SKIPPED


class TestWhatTheLedgerHasAlready:
    def test_a_contact_with_the_same_tax_number_is_paired(self, bench: Bench) -> None:
        theirs = bench.ledger.enter(a_contact("new", name="ROSSI S.P.A.", tax_number="IT 123"))
        bench.run(only="pull")
        bench.hand_in(a_contact(name="Rossi", tax_number="IT123"), an_invoice())

        bench.push()

        assert bench.line("C-1").platform_object_id == theirs
        assert len(bench.ledger.documents(ObjectType.CONTACT)) == 1

    def test_an_invoice_with_the_same_number_and_content_is_paired(self, bench: Bench) -> None:
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        invoice = an_invoice("new", number="2026-7")
        bench.ledger.enter(in_the_ledgers_ids(invoice, contact))
        bench.ledger.change(numbers="document")
        bench.run(only="pull")
        number = bench.lines(ours=False, kind=ObjectType.INVOICE)[0].number
        bench.hand_in(a_contact(name="Rossi"), an_invoice(number=number))

        bench.push()

        assert bench.line("I-1").reason_code == "matched"
        assert len(bench.ledger.documents(ObjectType.INVOICE)) == 1

    def test_the_same_number_on_another_total_is_a_question(self, bench: Bench) -> None:
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.ledger.enter(in_the_ledgers_ids(an_invoice("new"), contact))
        bench.run(only="pull")
        number = bench.lines(ours=False, kind=ObjectType.INVOICE)[0].number
        bench.hand_in(a_contact(name="Rossi"), an_invoice(number=number, net="70.00"))

        bench.push()

        assert bench.status("I-1") is SyncStatus.BLOCKED
        assert [code for code, _, _ in bench.issues()] == ["already_in_ledger"]
        assert len(bench.ledger.documents(ObjectType.INVOICE)) == 1


class TestNewerInTheLedger:
    """The ledger refuses an update because its document is newer than the one we knew."""

    def bench(self, begin: Begin, database: sqlalchemy.Engine, policy: str = "ask") -> Bench:
        """A posted invoice that both sides have seen."""
        bench = a_bench(begin, database, settings=SETTINGS | {"conflict_policy": policy})
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        bench.run(only="pull")
        return bench

    def touch(self, bench: Bench, **changes: Any) -> None:
        there = bench.line("I-1").platform_object_id or ""
        bench.ledger.edit(ObjectType.INVOICE, there, **changes)

    def in_ledger(self, bench: Bench) -> Invoice:
        (entry,) = bench.ledger.documents(ObjectType.INVOICE)
        assert isinstance(entry.record, Invoice)
        return entry.record

    def test_a_version_that_only_moved_on_costs_one_look_and_no_person(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = self.bench(begin, database)
        self.touch(bench)
        bench.hand_in(an_invoice(net="200.00"))
        before = bench.ledger.requests.total()

        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE
        assert self.in_ledger(bench).total == Decimal("240.00")
        # Who are you; the refused update; the look; the update.
        assert bench.ledger.requests.total() - before <= 5
        with bench.begin() as work:
            tries = work.attempts.of_record(bench.line("I-1").id)
        assert {one.outcome for one in tries} == {"accepted", "not_processed"}

    @pytest.mark.parametrize(
        ("policy", "status", "total", "text"),
        [
            ("ask", SyncStatus.REJECTED, "120.00", "Booked to the right project"),
            ("ours", SyncStatus.DONE, "240.00", "Work"),
            ("theirs", SyncStatus.DONE, "120.00", "Booked to the right project"),
        ],
    )
    def test_what_somebody_corrected_there_is_never_silently_overwritten(
        self,
        begin: Begin,
        database: sqlalchemy.Engine,
        policy: str,
        status: SyncStatus,
        total: str,
        text: str,
    ) -> None:
        bench = self.bench(begin, database, policy)
        (line,) = self.in_ledger(bench).lines
        self.touch(bench, lines=(line.model_copy(update={"description": text}),))
        bench.hand_in(an_invoice(net="200.00"))

        bench.push()

        there = self.in_ledger(bench)
        assert bench.status("I-1") is status
        assert (there.total, there.lines[0].description) == (Decimal(total), text)
        assert [code for code, _, _ in bench.issues()] == (["conflict"] if policy == "ask" else [])

    def test_what_was_deleted_there_meanwhile_waits_for_a_person(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = self.bench(begin, database)
        bench.hand_in(an_invoice(net="200.00"))
        bench.ledger.delete(ObjectType.INVOICE, bench.line("I-1").platform_object_id or "")

        bench.run()

        assert bench.status("I-1") is SyncStatus.REJECTED
        assert [code for code, _, _ in bench.issues()] == ["deleted_in_ledger"]

    def test_a_ledger_that_never_agrees_on_a_version_ends_with_a_person(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        answer = Stale(PulledRecord("1", a_contact()))
        with bench.begin() as work:
            (claimed,) = work.records.claim(
                bench.connection_id,
                ObjectType.CONTACT,
                worker="test",
                lease=timedelta(minutes=1),
                limit=1,
            )
        most = bench.engine.timing.push_attempts

        assert stale(claimed, answer, bench.engine, attempts=most - 1).status is SyncStatus.PENDING
        assert stale(claimed, answer, bench.engine, attempts=most).status is SyncStatus.REJECTED


class TestPaymentsWithCredit:
    def test_a_credit_note_pays_for_an_invoice(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(), a_credit_note(net="50.00"))
        used = (
            Allocation(document_type="invoice", document_id="I-1", amount=Decimal("120.00")),
            Allocation(document_type="credit_note", document_id="N-1", amount=Decimal("60.00")),
        )
        bench.hand_in(a_payment(amount="60.00", allocations=used))

        bench.run()

        with bench.begin() as work:
            documents = [work.documents.by_number(number)[0] for number in ("I-1", "N-1")]
        assert [(one.status, one.balance) for one in documents] == [("paid", Decimal(0))] * 2

    def test_a_ledger_that_takes_no_refunds_is_not_asked(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), a_credit_note())
        bench.hand_in(a_payment(refund=True, document_type="credit_note", pays={"N-1": "120.00"}))

        bench.push()

        assert bench.status("Z-1") is SyncStatus.REJECTED
        assert [code for code, _, _ in bench.issues()] == ["unsupported"]
