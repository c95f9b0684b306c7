"""A document that is handed in at the moment when another one is found to wait for it."""

import pytest
import sqlalchemy

from connectors.memory.simulator import PlainLedger
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync import documents
from tests.factories import Bench, a_bench, a_contact, a_payment, an_invoice


@pytest.fixture
def bench(begin: Begin, database: sqlalchemy.Engine) -> Bench:
    return a_bench(begin, database, ledger=PlainLedger())


def test_what_waits_for_it_is_released_by_the_next_sweep(bench: Bench) -> None:
    bench.hand_in(a_contact(), a_payment())
    with bench.begin() as work:  # the invoice is on its way in, and nobody can see that yet
        documents.store(work, bench.engine, bench.entity_id, [an_invoice()])
        bench.push()
    assert bench.status("Z-1") is SyncStatus.BLOCKED

    bench.sweep()
    bench.push()

    assert bench.status("Z-1") is SyncStatus.DONE
    assert bench.issues() == []


def test_what_is_still_unknown_stays_blocked(bench: Bench) -> None:
    bench.hand_in(a_contact(), a_payment())
    bench.push()

    bench.sweep()

    assert bench.status("Z-1") is SyncStatus.BLOCKED
    assert [code for code, _, _ in bench.issues()] == ["document_unknown"]
