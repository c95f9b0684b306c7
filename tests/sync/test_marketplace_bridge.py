"""A source that is told nothing: the Marketplace's bills get into the books of their buyer, once."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy
from cryptography.fernet import Fernet

from connectors import softwareone
from connectors.base import Role
from connectors.memory.simulator import PlainLedger, spec_for
from connectors.softwareone.simulator import Marketplace
from models.canonical import Bill, ObjectType
from models.crypto import KeyRing
from models.tables import SyncRunRow, Trigger
from models.unit_of_work import Begin
from sync import connections, runs
from sync.connections import NewConnection
from sync.engine import Engine, NoHints
from sync.opener import Opener
from sync.push import push_due
from tests.factories import QUICK, SETTINGS, shift


@dataclass
class Bridge:
    """A client's account at the Marketplace, and the books of its first buyer."""

    begin: Begin
    database: sqlalchemy.Engine
    marketplace: Marketplace
    ledger: PlainLedger
    engine: Engine
    source_id: UUID
    ledger_id: UUID

    def run(self, connection_id: UUID) -> SyncRunRow:
        """A whole run in this process; the row that it left."""
        run_id = runs.trigger_run(self.engine, connection_id, trigger=Trigger.MANUAL)
        for _ in range(100):
            progress = runs.advance(self.engine, connection_id)
            if progress.finished:
                break
            shift(self.database, progress.wait)
        with self.begin() as work:
            run = work.runs.get(run_id)
        assert run is not None
        return run

    def bridge(self) -> SyncRunRow:
        """Read what changed, and post it; the run of the source."""
        run = self.run(self.source_id)
        shift(self.database, timedelta(minutes=5))
        push_due(self.engine, self.ledger_id, trigger="change", correlation_id="test")
        push_due(self.engine, self.ledger_id, trigger="change", correlation_id="test")
        return run

    def bills(self) -> list[tuple[str | None, str]]:
        """Number and total of the bills in the books: the ledger's own word."""
        there = [one.record for one in self.ledger.documents(ObjectType.BILL)]
        return [(one.number, str(one.total)) for one in there if isinstance(one, Bill)]


@pytest.fixture
def bridge(begin: Begin, database: sqlalchemy.Engine) -> Bridge:
    marketplace, ledger = Marketplace(), PlainLedger()
    specs = {"memory": spec_for(ledger), "softwareone": softwareone.SPEC}
    ways = {"http://marketplace": marketplace.transport(), "http://ledger": ledger.transport()}
    opener = Opener(
        spec=lambda key: specs[key],
        keys=KeyRing([Fernet.generate_key().decode()]),
        http=httpx.Client(mounts=dict(ways)),
        timeout_seconds=5,
        allowed_base_urls=tuple(ways),
    )
    engine = Engine(
        begin=begin,
        spec=lambda key: specs[key],
        open_connector=opener.open,
        renew=opener.renew,
        hints=NoHints(),
        timing=QUICK,
        worker="test",
    )
    with begin() as work:
        organisation = work.tenants.organisation("Widgets")
        entity = work.tenants.add_entity(organisation, code="NL", legal_name="Widgets B.V.")
    assert entity is not None

    def connected(provider: str, role: Role, host: str, **more: dict[str, object]) -> UUID:
        return connections.add(
            engine,
            opener,
            NewConnection(
                billing_entity_id=entity.id,
                provider=provider,
                role=role,
                credentials=more["credentials"],
                settings=more["settings"],
                base_url=f"http://{host}",
                schedule="24h",
                start_date=date(2026, 1, 1) if role is Role.LEDGER else None,
            ),
            actor="test",
        ).id

    ledger_id = connected(
        "memory",
        Role.LEDGER,
        "ledger",
        credentials={"api_key": ledger.rules.api_key},
        settings=dict(SETTINGS),
    )
    source_id = connected(
        "softwareone",
        Role.SOURCE,
        "marketplace",
        credentials=dict(marketplace.credentials("client")),
        settings={"account_role": "client", "buyers": [marketplace.known.buyer]},
    )
    made = Bridge(begin, database, marketplace, ledger, engine, source_id, ledger_id)
    made.run(ledger_id)
    return made


def test_a_clients_invoices_become_bills_in_its_buyers_books(bridge: Bridge) -> None:
    bridge.marketplace.add_invoice(number="NL-1", net="100.00", vat="20")
    bridge.marketplace.add_invoice(number="DE-1", buyer=bridge.marketplace.known.second_buyer)

    run = bridge.bridge()

    assert run.status.value == "done"
    assert [number for number, _ in bridge.bills()] == ["NL-1"]


def test_reading_again_posts_nothing_again(bridge: Bridge) -> None:
    bridge.marketplace.add_invoice(number="NL-1", net="100.00", vat="20")

    bridge.bridge()
    bridge.bridge()

    assert [number for number, _ in bridge.bills()] == ["NL-1"]


def test_a_bill_that_is_paid_at_the_marketplace_is_not_edited_in_the_books(bridge: Bridge) -> None:
    invoice = bridge.marketplace.add_invoice(number="NL-1", net="100.00", vat="20")
    bridge.bridge()
    before = bridge.ledger.requests.total()

    bridge.marketplace.pay(invoice)
    run = bridge.bridge()

    assert run.counts["bill"]["updated"] == 1
    assert bridge.ledger.requests.total() == before


def test_a_bill_that_changes_there_is_changed_in_the_books(bridge: Bridge) -> None:
    invoice = bridge.marketplace.add_invoice(number="NL-1", net="100.00", vat="20")
    bridge.bridge()

    bridge.marketplace.edit(invoice, net="150.00", vat="20")
    bridge.bridge()

    (bill,) = bridge.bills()
    assert bill[0] == "NL-1"
    assert bill[1].startswith("180")
