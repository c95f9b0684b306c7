"""Two platforms bridged into two ledgers, one of them a real Tryton, while answers get lost."""

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import date
from uuid import UUID, uuid4

import pytest

from connectors.base import Role
from connectors.qargo.simulator import Qargo
from connectors.softwareone.simulator import Marketplace
from connectors.xero.simulator import Xero, XeroRules
from demo.ledger import TrytonLedger
from demo.scenery import Company, Link, Scenery
from models.crypto import new_key
from models.status import SyncStatus
from sync import connections, runs
from sync.connections import NewConnection
from sync.engine import NoHints
from sync.push import push_due
from sync.recover import recover_due
from sync.settings import Settings
from tests.connectors.tryton.bench import BOOKS
from tests.stack import Stack
from worker.runtime import Runtime, build


@pytest.fixture
def scenery() -> Iterator[Scenery]:
    """A real ledger, a simulated one, and two platforms."""
    xero, market = Xero(XeroRules(minute_limit=6000)), Marketplace()
    qargo = Qargo(limited=False)
    with contextlib.ExitStack() as running:
        tryton = running.enter_context(TrytonLedger.running(BOOKS))
        for simulator in (xero, market, qargo):
            simulator.start()
            running.callback(simulator.stop)
        yield Scenery(tryton, xero, market, qargo, prefix=f"B{uuid4().hex[:6]}")
    assert [*xero.crashes, *market.crashes, *qargo.crashes] == []


@pytest.fixture
def runtime(stack: Stack, scenery: Scenery, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """What a process of ours has; the work of workers is done here."""
    rules = scenery.xero.rules
    app = {"client_id": rules.client_id, "client_secret": rules.client_secret}
    urls = [scenery.tryton.url, scenery.xero.base_url]
    urls += [scenery.market.base_url, scenery.qargo.base_url]
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", stack.database_url)
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", stack.redis_url)
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", new_key())
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", ",".join(urls))
    monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps({"xero": app}))
    monkeypatch.setenv("LEDGERBRIDGE_FIRST_CHECK_SECONDS", "0.2")
    monkeypatch.setenv("LEDGERBRIDGE_RETRY_BASE_SECONDS", "0.2")
    built = build(Settings(), role="test", hints=NoHints())
    yield built
    built.close()


def connect(runtime: Runtime, entity_id: UUID, link: Link, role: Role) -> UUID:
    new = NewConnection(
        billing_entity_id=entity_id,
        provider=link.provider,
        role=role,
        credentials=link.credentials,
        settings=link.settings,
        base_url=link.url,
        schedule="24h",
        start_date=date(2026, 1, 1) if role is Role.LEDGER else None,
    )
    return connections.add(runtime.engine, runtime.opener, new, actor="test").id


def connected(runtime: Runtime, scenery: Scenery, company: Company) -> tuple[UUID, list[UUID]]:
    """A company's ledger, and its sources."""
    with runtime.begin() as work:
        organisation = work.tenants.organisation("Bridge")
        entity = work.tenants.add_entity(
            organisation, code=company.code, legal_name=company.legal_name
        )
    assert entity is not None
    ledger = connect(runtime, entity.id, scenery.ledger_of(company), Role.LEDGER)
    sources = [
        connect(runtime, entity.id, link, Role.SOURCE) for link in scenery.sources_of(company)
    ]
    return ledger, sources


def run(runtime: Runtime, connection_id: UUID) -> None:
    """A whole run, unless something stops it."""
    runs.trigger_run(runtime.engine, connection_id)
    end = time.monotonic() + 30
    while not (progress := runs.advance(runtime.engine, connection_id)).finished:
        assert time.monotonic() < end
        time.sleep(min(0.2, progress.wait.total_seconds()))


def standing(runtime: Runtime, connections_: list[UUID]) -> list[object]:
    """Where everything stands, for whoever reads why it did not come to an end."""
    with runtime.begin() as work:
        rows = [connections.get(work, one) for one in connections_]
        return [
            (row.provider, row.status.value, row.parked_until, work.log.figures(row.id))
            for row in rows
        ]


def moving(runtime: Runtime, connection_id: UUID) -> bool:
    still = {
        SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN,
    }  # fmt: skip
    with runtime.begin() as work:
        figures = work.log.figures(connection_id)
    return any(number and status in still for (_, status), number in figures.items())


def test_each_document_is_once_in_the_right_books_and_told_once(
    runtime: Runtime, scenery: Scenery
) -> None:
    links = []
    for company in scenery.companies:
        scenery.issue(company, invoices=3, memos=1, freight=2)
        links.append(connected(runtime, scenery, company))
    for ledger, _ in links:
        run(runtime, ledger)
    scenery.arm()

    end = time.monotonic() + 120
    everything = [one for ledger, sources in links for one in (*sources, ledger)]
    for connection_id in everything * 2:  # the first run of one meets an error
        run(runtime, connection_id)
    while scenery.waiting or any(moving(runtime, one) for one in everything):
        assert time.monotonic() < end, standing(runtime, everything)
        for connection_id in everything:
            recover_due(runtime.engine, connection_id, correlation_id="test")
            push_due(runtime.engine, connection_id, trigger="change", correlation_id="test")
        time.sleep(0.1)

    assert scenery.injected >= 5
    for company, issued, there in scenery.judged():
        assert len(company.documents) == 6
        assert issued == there
