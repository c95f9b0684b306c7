"""No batch leaves anything behind: what a worker has seen is not kept (see `make bench`, too)."""

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.memory import sandbox
from connectors.base import Role
from models.unit_of_work import Begin
from sync import connections, documents, runs
from sync.engine import NoHints
from sync.push import push_due
from sync.settings import Settings
from tests.factories import SETTINGS, a_contact, an_invoice
from worker.runtime import Runtime, build

BATCH = 25
MEASURED = 6
MOST_BYTES = 15_000
"""That may be left of a batch: pydantic keeps short texts that it has read, up to 16,384 of them.
One body of each document would be four times as much."""


@pytest.fixture
def ledger() -> Iterator[dict[str, Any]]:
    """In a process of its own: what it keeps is its own affair."""
    with sandbox() as told:
        yield told


@pytest.fixture
def parts(
    ledger: dict[str, Any], database_url: str, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    """What a worker's child is made of."""
    assert begin is not None
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", f"{'A' * 43}=")
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", ledger["base_url"])
    built = build(Settings(), role="test", hints=NoHints())
    yield built
    built.close()


def test_no_batch_leaves_anything_behind(parts: Runtime, ledger: dict[str, Any]) -> None:
    with parts.begin() as work:
        entity = work.tenants.add_entity(
            work.tenants.organisation("Acme"), code="FR", legal_name="Acme SARL"
        )
        assert entity is not None
    new = connections.NewConnection(
        billing_entity_id=entity.id,
        provider="memory",
        role=Role.LEDGER,
        credentials=ledger["credentials"],
        settings=SETTINGS,
        base_url=ledger["base_url"],
        schedule="24h",
        start_date=an_invoice().issue_date,
    )
    connection = connections.add(parts.engine, parts.opener, new, actor="test").id

    def batches(first: int, number: int) -> None:
        for batch in range(first, first + number):
            invoices = [an_invoice(f"I-{batch}-{one}") for one in range(BATCH)]
            with parts.begin() as work:
                documents.store(work, parts.engine, entity.id, [a_contact(), *invoices])
            push_due(parts.engine, connection, trigger="test", correlation_id=f"b-{batch}")
        run_id = runs.trigger_run(parts.engine, connection)
        assert runs.complete(parts.engine, connection, run_id).status == "done"

    def kept() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    batches(0, 2)
    tracemalloc.start()
    try:
        batches(2, 2)
        before = kept()
        batches(4, MEASURED)
        left = kept() - before
    finally:
        tracemalloc.stop()

    assert left / MEASURED < MOST_BYTES, f"{left / MEASURED:.0f} bytes are left of every batch"
