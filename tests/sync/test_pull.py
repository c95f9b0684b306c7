"""Pulling: cursors, hashes, poison, what others do in the ledger, and who wins a conflict."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy

from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from models.status import SyncStatus
from models.tables import RunStatus
from models.unit_of_work import Begin
from tests.factories import (
    SETTINGS,
    Bench,
    a_bench,
    a_contact,
    a_payment,
    an_invoice,
    in_the_ledgers_ids,
)


class TestPull:
    def test_what_others_entered_becomes_a_document(self, bench: Bench) -> None:
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.ledger.enter(in_the_ledgers_ids(an_invoice("new"), contact))

        run = bench.run(only="pull")

        assert run.status is RunStatus.DONE
        (line,) = bench.lines(ours=False, kind=ObjectType.INVOICE)
        assert (line.status, line.total) == (SyncStatus.DONE, Decimal("120.00"))

    def test_a_second_pull_writes_nothing(self, bench: Bench) -> None:
        bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.run(only="pull")

        run = bench.run(only="pull")

        written = {
            name: number
            for counts in run.counts.values()
            for name, number in counts.items()
            if name in {"created", "updated", "deleted"}
        }
        assert written == {}

    def test_a_page_and_its_cursor_are_stored_together_or_not_at_all(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, ledger=PlainLedger(LedgerRules(page_size=2)))
        for number in range(6):
            bench.ledger.enter(a_contact("new", name=f"Contact {number}"))
        bench.ledger.faults.arm(Fault.AWAY, method="GET", path="/contacts", skip=1, times=9)

        broken = bench.run(only="pull")
        stored = len(bench.lines(ours=False, kind=ObjectType.CONTACT))
        bench.ledger.faults.clear()
        bench.pass_time(timedelta(hours=1))
        whole = bench.run(only="pull")

        assert (broken.status, stored) == (RunStatus.FAILED, 2)
        assert whole.status is RunStatus.DONE
        assert len(bench.lines(ours=False, kind=ObjectType.CONTACT)) == 6

    def test_a_poison_record_becomes_an_issue_and_the_page_goes_on(self, bench: Bench) -> None:
        bad = bench.ledger.enter(a_contact("new", name="Bad"))
        bench.ledger.enter(a_contact("new", name="Good"))
        bench.ledger.distort(ObjectType.CONTACT, bad, name=["not", "a", "name"])

        run = bench.run(only="pull")

        assert [line.name for line in bench.lines(ours=False, kind=ObjectType.CONTACT)] == ["Good"]
        assert bench.issues() == [("unreadable_record", f"contact {bad}", 0)]
        assert run.status is RunStatus.PARTIAL

    def test_what_can_be_read_again_closes_its_issue(self, bench: Bench) -> None:
        bad = bench.ledger.enter(a_contact("new", name="Bad"))
        bench.ledger.distort(ObjectType.CONTACT, bad, name=None)
        bench.run(only="pull")

        bench.ledger.distort(ObjectType.CONTACT, bad, name="Readable")
        bench.run(only="pull")

        assert bench.issues() == []

    def test_what_the_ledger_deleted_is_deleted_here(self, bench: Bench) -> None:
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.run(only="pull")

        bench.ledger.delete(ObjectType.CONTACT, contact)
        bench.run(only="pull")

        with bench.begin() as work:
            assert [one.name for one in work.documents.listing(kind=ObjectType.CONTACT)] == []

    def test_a_failed_read_deletes_nothing(self, bench: Bench) -> None:
        bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.run(only="pull")
        bench.ledger.faults.arm(Fault.AWAY, method="GET", times=50)

        bench.run(only="pull", full=True)

        with bench.begin() as work:
            assert [one.name for one in work.documents.listing(kind=ObjectType.CONTACT)] == [
                "Rossi"
            ]


class TestFullPull:
    def test_what_a_complete_pull_does_not_meet_is_gone(self, bench: Bench) -> None:
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        kept = bench.ledger.enter(a_contact("new", name="Bianchi"))
        bench.run(only="pull")
        _vanish(bench, ObjectType.CONTACT, contact)

        run = bench.run(only="pull", full=True)

        with bench.begin() as work:
            there = [one.external_id for one in work.documents.listing(kind=ObjectType.CONTACT)]
        assert there == [kept]
        assert run.counts["contact"]["deleted"] == 1

    def test_a_document_of_ours_that_is_gone_is_an_issue(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()
        _vanish(bench, ObjectType.CONTACT, bench.line("C-1").platform_object_id or "")
        bench.pass_time(timedelta(minutes=1))

        bench.run(only="pull", full=True)

        assert [code for code, _, _ in bench.issues()] == ["deleted_in_ledger"]


class TestPaidState:
    def test_a_payment_in_the_ledger_pays_our_invoice(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()

        bench.ledger.pay(ObjectType.INVOICE, bench.line("I-1").platform_object_id or "")
        bench.run(only="pull")

        with bench.begin() as work:
            (invoice,) = work.documents.by_number("I-1")
        assert (invoice.status, invoice.balance) == ("paid", Decimal(0))
        assert bench.issues() == []  # being paid is no change of the document

    def test_a_part_payment_leaves_the_rest_open(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(), a_payment(amount="20.00"))

        bench.run()

        with bench.begin() as work:
            (invoice,) = work.documents.by_number("I-1")
        assert (invoice.status, invoice.balance) == ("partially_paid", Decimal("100.00"))

    def test_a_payment_deleted_in_the_ledger_reopens_the_invoice(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        payment = bench.ledger.pay(ObjectType.INVOICE, bench.line("I-1").platform_object_id or "")
        bench.run(only="pull")

        bench.ledger.delete(ObjectType.PAYMENT, payment)
        bench.run(only="pull")

        with bench.begin() as work:
            (invoice,) = work.documents.by_number("I-1")
        assert (invoice.status, invoice.balance) == ("open", Decimal("120.00"))


class TestChangesInTheLedger:
    def test_a_change_there_is_an_issue_that_names_it(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()

        _edit(bench, total=Decimal("90.00"))
        bench.run(only="pull")

        with bench.begin() as work:
            ((issue, _),) = work.issues.listing(bench.connection_id)
        assert issue.code == "changed_in_ledger"
        assert "total is 120.00 EUR here and 90.00 EUR there" in issue.sentence

    def test_changing_it_back_closes_the_issue(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        _edit(bench, total=Decimal("90.00"))
        bench.run(only="pull")

        _edit(bench, total=Decimal("120.00"))
        bench.run()

        assert bench.issues() == []

    def test_an_edit_here_is_no_change_there(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        bench.hand_in(an_invoice(net="200.00"))
        bench.ledger.pay(
            ObjectType.INVOICE, bench.line("I-1").platform_object_id or "", Decimal("1.00")
        )

        bench.run(only="pull")

        assert bench.issues() == []
        assert bench.status("I-1") is SyncStatus.PENDING

    @pytest.mark.parametrize(
        ("policy", "status", "total"),
        [
            ("ask", SyncStatus.REJECTED, "240.00"),
            ("ours", SyncStatus.PENDING, "240.00"),
            ("theirs", SyncStatus.DONE, "60.00"),
        ],
    )
    def test_when_both_sides_changed_the_policy_decides(
        self,
        begin: Begin,
        database: sqlalchemy.Engine,
        policy: str,
        status: SyncStatus,
        total: str,
    ) -> None:
        bench = a_bench(begin, database, settings=SETTINGS | {"conflict_policy": policy})
        bench.hand_in(a_contact(), an_invoice())
        bench.run()
        bench.hand_in(an_invoice(net="200.00"))
        lines = bench.ledger.get(ObjectType.INVOICE, _there(bench)).record.lines  # type: ignore[union-attr]
        half = {"net_amount": Decimal(50), "unit_price": Decimal(50)}
        _edit(bench, lines=tuple(line.model_copy(update=half) for line in lines))

        bench.run(only="pull")

        with bench.begin() as work:
            (invoice,) = work.documents.by_number("I-1")
        assert (bench.status("I-1"), invoice.total) == (status, Decimal(total))

    def test_our_own_pushes_come_back_without_a_trace(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.run()

        run = bench.run()

        assert bench.issues() == []
        assert run.status is RunStatus.DONE
        assert bench.lines(ours=False, kind=ObjectType.INVOICE) == []


class TestPushMetByAPull:
    def test_a_pull_that_meets_our_document_first_does_not_make_it_the_ledgers(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
        bench.push()

        bench.run(only="pull")
        bench.pass_time(timedelta(minutes=1))
        bench.recover()

        assert bench.status("C-1") is SyncStatus.DONE
        assert bench.lines(ours=False, kind=ObjectType.CONTACT) == []

    def test_documents_before_the_start_are_paired_and_their_payments_go_out(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database, posting_from=date(2026, 4, 1))
        contact = bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.ledger.enter(in_the_ledgers_ids(an_invoice("new"), contact))
        bench.run(only="pull")
        number = bench.lines(ours=False, kind=ObjectType.INVOICE)[0].number
        payment = a_payment(date=date(2026, 4, 2))
        bench.hand_in(a_contact(name="Rossi"), an_invoice(number=number), payment)

        bench.run()

        assert bench.line("I-1").reason_code == "matched"
        assert bench.status("Z-1") is SyncStatus.DONE
        assert len(bench.ledger.documents(ObjectType.INVOICE)) == 1


def _there(bench: Bench) -> str:
    return bench.line("I-1").platform_object_id or ""


def _edit(bench: Bench, **changes: Any) -> None:
    bench.ledger.edit(ObjectType.INVOICE, _there(bench), **changes)


def _vanish(bench: Bench, kind: ObjectType, entry_id: str) -> None:
    """Let an object disappear without a word in the feed."""
    with bench.ledger.lock:
        store = bench.ledger.books.store
        store.state.entries[kind].pop(entry_id)
        store._feed[kind] = [one for one in store._feed[kind] if one[1] != entry_id]
