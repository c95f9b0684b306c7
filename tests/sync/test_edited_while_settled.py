"""Edits that meet a change elsewhere: one that is not committed yet, or a newer version there."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy

from connectors.faults import Answer, Request
from connectors.memory.simulator import LedgerRules, PlainLedger
from models.canonical import ObjectType
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync import documents
from tests.factories import Bench, a_bench, a_contact, an_invoice
from tests.stack import wait_until


@pytest.fixture
def bench(begin: Begin, database: sqlalchemy.Engine) -> Bench:
    return a_bench(begin, database, ledger=PlainLedger())


def somebody_waits(database: sqlalchemy.Engine) -> bool:
    with database.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).scalar_one()
    return bool(found)


@pytest.mark.parametrize("kind", ["changed", "void"])
def test_an_edit_that_is_not_committed_yet_is_not_settled_away(bench: Bench, kind: str) -> None:
    """The ledger answers while the product's transaction with the edit is still open."""
    bench.hand_in(a_contact(), an_invoice())
    edited = an_invoice(net="250.00") if kind == "changed" else an_invoice(status="void")
    answered, open_yet = threading.Event(), threading.Event()
    handle = bench.ledger.handle

    def answer(request: Request) -> Answer:
        if request.method == "POST" and request.path == "/invoices":
            answered.set()
            assert open_yet.wait(10)
        return handle(request)

    transport = bench.opener.http._transport
    transport._handle = answer
    pushing = threading.Thread(target=bench.push)
    pushing.start()
    assert answered.wait(10)
    with bench.begin() as work:
        documents.store(work, bench.engine, bench.entity_id, [edited])
        open_yet.set()
        assert wait_until(
            lambda: not pushing.is_alive() or somebody_waits(bench.database), seconds=5
        )
    pushing.join(10)

    bench.push()

    (there,) = bench.ledger.documents(ObjectType.INVOICE)
    assert bench.status("I-1") is SyncStatus.DONE
    assert (there.total, there.status) == (
        (Decimal("300.00"), "open") if kind == "changed" else (Decimal("120.00"), "void")
    )


def test_an_edit_on_top_of_a_newer_version_has_a_key_of_its_own(
    begin: Begin, database: sqlalchemy.Engine
) -> None:
    """The ledger remembers its refusal of the older version, and what was asked for with it."""
    rules = LedgerRules(remembers_keys=timedelta(hours=1), replays_errors=True)
    bench = a_bench(begin, database, ledger=PlainLedger(rules))
    bench.hand_in(a_contact(), an_invoice())
    bench.push()
    (there,) = bench.ledger.documents(ObjectType.INVOICE)
    bench.ledger.edit(ObjectType.INVOICE, there.id)  # saved again without a change

    bench.hand_in(an_invoice(net="250.00"))
    bench.push()

    (there,) = bench.ledger.documents(ObjectType.INVOICE)
    assert (bench.status("I-1"), there.total) == (SyncStatus.DONE, Decimal("300.00"))


def test_a_void_on_top_of_a_newer_version_goes_through(
    begin: Begin, database: sqlalchemy.Engine
) -> None:
    bench = a_bench(begin, database, ledger=PlainLedger())
    bench.hand_in(a_contact(), an_invoice())
    bench.push()
    (there,) = bench.ledger.documents(ObjectType.INVOICE)
    bench.ledger.edit(ObjectType.INVOICE, there.id)

    bench.hand_in(an_invoice(status="void"))
    bench.push()

    (there,) = bench.ledger.documents(ObjectType.INVOICE)
    assert (bench.status("I-1"), there.status) == (SyncStatus.DONE, "void")
