"""Both sides of a document change at once, or two of our transactions meet over it."""

import threading
from decimal import Decimal

import pytest
import sqlalchemy

from connectors.faults import Answer, Request
from models.canonical import Invoice, ObjectType
from models.status import SyncStatus
from models.tables import RunStatus, Trigger
from models.unit_of_work import Begin
from sync import runs
from tests.factories import SETTINGS, Bench, a_bench, a_contact, a_line, an_invoice
from tests.stack import wait_until


def posted(begin: Begin, database: sqlalchemy.Engine, policy: str = "ask") -> Bench:
    """An invoice that both sides have seen."""
    bench = a_bench(begin, database, settings=SETTINGS | {"conflict_policy": policy})
    bench.hand_in(a_contact(), an_invoice())
    bench.run()
    bench.run(only="pull")
    return bench


def there(bench: Bench) -> str:
    return bench.line("I-1").platform_object_id or ""


def in_ledger(bench: Bench) -> Invoice:
    record = bench.ledger.get(ObjectType.INVOICE, there(bench)).record
    assert isinstance(record, Invoice)
    return record


def describe(bench: Bench, text: str) -> None:
    """Somebody corrects a text in the ledger; no sum changes."""
    (line,) = in_ledger(bench).lines
    changed = line.model_copy(update={"description": text})
    bench.ledger.edit(ObjectType.INVOICE, there(bench), lines=(changed,))


def somebody_waits(database: sqlalchemy.Engine) -> bool:
    with database.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        ).scalar_one()
    return bool(found)


class TestWhoChangedWhat:
    def test_what_we_pushed_ourselves_is_no_change_of_theirs(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        """An edit is in the ledger, the next one waits, and a pull comes in between."""
        bench = posted(begin, database)
        bench.hand_in(an_invoice(net="200.00"))
        bench.push()
        bench.hand_in(an_invoice(net="250.00"))

        bench.run(only="pull")

        assert bench.issues() == []
        assert bench.status("I-1") is SyncStatus.PENDING

    def test_nor_when_the_ledger_says_that_ours_is_newer_than_we_knew(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = posted(begin, database)
        bench.hand_in(an_invoice(net="200.00"))
        bench.push()
        bench.ledger.edit(ObjectType.INVOICE, there(bench))  # saved again without a change
        bench.hand_in(an_invoice(net="250.00"))

        bench.push()

        assert (bench.status("I-1"), in_ledger(bench).total) == (SyncStatus.DONE, Decimal("300.00"))

    @pytest.mark.parametrize("first", ["pull", "push"])
    def test_texts_that_both_sides_changed_are_a_conflict_although_all_sums_agree(
        self, begin: Begin, database: sqlalchemy.Engine, first: str
    ) -> None:
        bench = posted(begin, database)
        describe(bench, "Booked to the right project")
        bench.hand_in(an_invoice(lines=(a_line(description="What we say now"),)))

        if first == "pull":
            bench.run(only="pull")
        bench.push()

        assert in_ledger(bench).lines[0].description == "Booked to the right project"
        assert [code for code, _, _ in bench.issues()] == ["conflict"]
        assert bench.status("I-1") is SyncStatus.REJECTED

    def test_the_same_change_on_both_sides_is_no_conflict(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = posted(begin, database)
        (line,) = in_ledger(bench).lines
        same = line.model_copy(
            update={"net_amount": Decimal("200.00"), "unit_price": Decimal("200.00")}
        )
        bench.ledger.edit(ObjectType.INVOICE, there(bench), lines=(same,))
        bench.hand_in(an_invoice(net="200.00"))

        bench.run(only="pull")
        bench.push()

        assert (bench.issues(), bench.status("I-1")) == ([], SyncStatus.DONE)


class TestNobodyWaitsInARing:
    def test_a_newer_version_and_whoever_stores_the_document(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        """Whoever stores a page, hands in or moves, locks the document first, then its record."""
        bench = posted(begin, database)
        record = bench.line("I-1")
        bench.ledger.pay(ObjectType.INVOICE, there(bench))
        bench.ledger.edit(ObjectType.INVOICE, there(bench))
        bench.hand_in(an_invoice(net="200.00"))
        answered, go_on = threading.Event(), threading.Event()
        handle = bench.ledger.handle

        def answer(request: Request) -> Answer:
            answered.set()
            assert go_on.wait(10)
            return handle(request)

        bench.opener.http._transport._handle = answer
        pushing = threading.Thread(target=bench.push)
        pushing.start()
        assert answered.wait(10)
        with database.begin() as other:
            other.exec_driver_sql(
                "UPDATE documents SET updated_at = now() WHERE external_id = 'I-1'"
            )
            go_on.set()
            assert wait_until(lambda: not pushing.is_alive() or somebody_waits(database), seconds=5)
            other.exec_driver_sql(
                "UPDATE synced_records SET updated_at = now() WHERE id = %s", (record.id,)
            )
        pushing.join(10)

        bench.push()

        assert bench.status("I-1") is not SyncStatus.SENDING

    def test_the_end_of_a_pull_and_whoever_asks_for_a_run(self, bench: Bench) -> None:
        """Whoever asks for a run locks the connection first, then meets the run."""
        run = runs.trigger_run(
            bench.engine, bench.connection_id, only="pull", types=[ObjectType.CONTACT]
        )
        pulling = threading.Thread(target=lambda: runs.advance(bench.engine, bench.connection_id))
        with bench.begin() as work:
            work.connections.set_next_sync(bench.connection_id, work.connections.now())
            pulling.start()
            assert wait_until(lambda: somebody_waits(bench.database), seconds=5)
            queued = work.runs.queue(
                bench.connection_id, trigger=Trigger.MANUAL, correlation_id="x", steps=[]
            )
        pulling.join(10)

        assert queued == (run, False)
        with bench.begin() as work:
            now = work.runs.get(run)
        assert now is not None
        assert now.status is RunStatus.DONE
