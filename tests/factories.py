"""Builders with sensible defaults: `an_invoice(total="12.00")`, and an engine around a ledger."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy
from cryptography.fernet import Fernet

from connectors.base import ConnectorSpec
from connectors.memory.simulator import PlainLedger, spec_for
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxSubtotal,
)
from models.crypto import KeyRing
from models.repositories import LogLine
from models.status import SyncStatus
from models.tables import ConnectionRole, Trigger
from models.unit_of_work import Begin
from sync import documents, runs, sweep
from sync.engine import Engine, NoHints, Timing
from sync.opener import Opener
from sync.push import Pushed, push_due
from sync.recover import recover_due

DAY = date(2026, 3, 15)


def a_contact(id: str = "C-1", **fields: Any) -> Contact:  # noqa: A002  # the field's name
    """A customer."""
    return Contact(id=id, **({"name": f"Customer {id}"} | fields))


def a_supplier(id: str = "S-1", **fields: Any) -> Contact:  # noqa: A002
    """A supplier."""
    return a_contact(id, roles=(ContactRole.SUPPLIER,), **({"name": f"Supplier {id}"} | fields))


def an_item(id: str = "P-1", **fields: Any) -> Item:  # noqa: A002
    """A product."""
    return Item(id=id, **({"name": f"Product {id}", "unit_price": Decimal(10)} | fields))


def a_line(net: str = "100.00", rate: str | None = "20", **fields: Any) -> Line:
    """A line of one unit."""
    amount = Decimal(net)
    defaults = {
        "description": "Work",
        "unit_price": amount,
        "net_amount": amount,
        "tax_rate": None if rate is None else Decimal(rate),
    }
    return Line(**(defaults | fields))


def _document(fields: dict[str, Any]) -> dict[str, Any]:
    """Sums that hold for the lines of a document, unless they are given."""
    lines: tuple[Line, ...] = tuple(
        fields.pop("lines", None) or (a_line(fields.pop("net", "100.00")),)
    )
    bases: dict[Decimal, Decimal] = {}
    for line in lines:
        if line.tax_rate is not None:
            bases[line.tax_rate] = bases.get(line.tax_rate, Decimal(0)) + line.net_amount
    breakdown = tuple(
        TaxSubtotal(
            rate=rate,
            taxable_amount=base,
            tax_amount=(base * rate / 100).quantize(Decimal("0.01")),
        )
        for rate, base in bases.items()
    )
    net = sum((line.net_amount for line in lines), Decimal(0))
    tax = sum((part.tax_amount for part in breakdown), Decimal(0))
    return {
        "issue_date": DAY,
        "currency": "EUR",
        "lines": lines,
        "tax_breakdown": breakdown,
        "net_total": net,
        "tax_total": tax,
        "total": net + tax,
    } | fields


def an_invoice(id: str = "I-1", **fields: Any) -> Invoice:  # noqa: A002
    """An invoice of 120.00 EUR to customer C-1."""
    return Invoice(id=id, **({"number": f"INV-{id}", "contact_id": "C-1"} | _document(fields)))


def a_bill(id: str = "B-1", **fields: Any) -> Bill:  # noqa: A002
    """A bill of 120.00 EUR from supplier S-1."""
    return Bill(id=id, **({"number": f"R-{id}", "contact_id": "S-1"} | _document(fields)))


def a_credit_note(id: str = "N-1", **fields: Any) -> CreditNote:  # noqa: A002
    """A credit of 120.00 EUR to customer C-1."""
    return CreditNote(id=id, **({"number": f"CN-{id}", "contact_id": "C-1"} | _document(fields)))


def a_payment(id: str = "Z-1", **fields: Any) -> Payment:  # noqa: A002
    """A payment of invoice I-1, by default of 120.00 EUR."""
    amount = Decimal(fields.pop("amount", "120.00"))
    pays = fields.pop("pays", {"I-1": amount})
    kind = fields.pop("document_type", ObjectType.INVOICE)
    defaults = {
        "side": Side.CUSTOMER,
        "date": DAY,
        "amount": amount,
        "currency": "EUR",
        "contact_id": "C-1",
        "reference": f"PAY-{id}",
        "allocations": tuple(
            Allocation(document_type=kind, document_id=document, amount=Decimal(part))
            for document, part in pays.items()
        ),
    }
    return Payment(id=id, **(defaults | fields))


def an_entry(id: str = "J-1", amount: str = "50.00", **fields: Any) -> JournalEntry:  # noqa: A002
    """A balanced entry between bank and fees."""
    defaults = {
        "date": DAY,
        "currency": "EUR",
        "description": f"Entry {id}",
        "lines": (
            JournalLine(account_id="622000", debit=Decimal(amount)),
            JournalLine(account_id="512000", credit=Decimal(amount)),
        ),
    }
    return JournalEntry(id=id, **(defaults | fields))


SETTINGS = {
    "default_sales_account": "706000",
    "default_purchase_account": "607000",
    "payment_account": "512000",
}


def in_the_ledgers_ids(invoice: Invoice, contact: str) -> Invoice:
    """An invoice as somebody enters it in a plain ledger."""
    account = SETTINGS["default_sales_account"]
    lines = tuple(
        line.model_copy(update={"account_id": account, "tax_rate_id": "vat-20"})
        for line in invoice.lines
    )
    return invoice.model_copy(update={"lines": lines, "contact_id": contact})


QUICK = Timing(
    lease=timedelta(seconds=60),
    chunk=timedelta(seconds=30),
    retry_base=timedelta(seconds=10),
    first_check=timedelta(seconds=5),
)


@dataclass
class Bench:
    """A billing entity connected to a plain ledger, with everything to move documents."""

    begin: Begin
    database: sqlalchemy.Engine
    ledger: PlainLedger
    spec: ConnectorSpec
    engine: Engine
    opener: Opener
    entity_id: UUID
    connection_id: UUID
    passed: list[float] = field(default_factory=lambda: [0.0])
    """Seconds that tests have let pass."""

    def hand_in(self, *records: AnyRecord) -> tuple[int, int]:
        """The host product hands documents in: (created, changed)."""
        with self.begin() as work:
            return documents.store(work, self.engine, self.entity_id, records)

    def push(self, **options: Any) -> Pushed:
        """One chunk of pushing."""
        return push_due(
            self.engine, self.connection_id, trigger="manual", correlation_id="test", **options
        )

    def recover(self) -> Pushed:
        """One chunk of looking up."""
        return recover_due(self.engine, self.connection_id, correlation_id="test")

    def sweep(self) -> sweep.Swept:
        """One sweep."""
        return sweep.sweep(self.engine)

    def run(self, **options: Any) -> Any:
        """A whole run in this process; the row that it left."""
        run_id = runs.trigger_run(
            self.engine, self.connection_id, trigger=Trigger.MANUAL, **options
        )
        for _ in range(200):
            progress = runs.advance(self.engine, self.connection_id)
            if progress.finished:
                break
            self.pass_time(progress.wait)
        with self.begin() as work:
            return work.runs.get(run_id)

    def pass_time(self, time: timedelta) -> None:
        """Let time pass: for our rows, and on the ledger's clock."""
        shift(self.database, time)
        self.ledger.pass_time(time)
        self.passed[0] += time.total_seconds()

    def lines(self, *, ours: bool = True, **filters: Any) -> list[LogLine]:
        """The sync log of our documents, or of the ledger's own."""
        with self.begin() as work:
            found = work.log.lines(connection_id=self.connection_id, limit=10_000, **filters)
        return [line for line in found if line.ours is ours]

    def line(self, external_id: str) -> LogLine:
        """The record of one of our documents."""
        (found,) = [line for line in self.lines() if line.external_id == external_id]
        return found

    def status(self, external_id: str) -> SyncStatus:
        """Where one of our documents stands."""
        return self.line(external_id).status

    def issues(self) -> list[tuple[str, str, int]]:
        """Open issues: (code, subject, records)."""
        with self.begin() as work:
            return [
                (issue.code, issue.subject, number)
                for issue, number in work.issues.listing(self.connection_id)
            ]


# Every column that says when something is due or how long it holds.
_CLOCKS = {
    "synced_records": ("lease_until", "next_attempt_at", "uncertain_since"),
    "connections": ("parked_until", "next_sync_at"),
    "consents": ("expires_at", "refresh_lease_until", "refresh_not_before"),
    "sync_runs": ("lease_until", "next_step_at"),
    "webhook_deliveries": ("lease_until", "next_attempt_at"),
    "webhook_endpoints": ("failing_since", "paused_until"),
}


def shift(database: sqlalchemy.Engine, time: timedelta) -> None:
    """Let time pass for rows: what is due in an hour is due now, after `shift` by an hour."""
    with database.begin() as connection:
        for table, columns in _CLOCKS.items():
            moved = ", ".join(f"{column} = {column} - :time" for column in columns)
            connection.execute(sqlalchemy.text(f"UPDATE {table} SET {moved}"), {"time": time})


def a_bench(
    begin: Begin,
    database: sqlalchemy.Engine,
    *,
    ledger: PlainLedger | None = None,
    spec: ConnectorSpec | None = None,
    posting_from: date | None = date(2026, 1, 1),
    settings: dict[str, Any] | None = None,
    timing: Timing = QUICK,
) -> Bench:
    """Connect a new billing entity to a plain ledger, in this process and without sockets."""
    ledger = ledger or PlainLedger()
    spec = spec or spec_for(ledger)
    passed = [0.0]
    keys = KeyRing([Fernet.generate_key().decode()])
    opener = Opener(
        spec=lambda _: spec,
        keys=keys,
        http=httpx.Client(transport=ledger.transport()),
        timeout_seconds=5,
        allowed_base_urls=("http://plain-ledger",),
    )
    engine = Engine(
        begin=begin,
        spec=lambda _: spec,
        open_connector=opener.open,
        renew=opener.renew,
        hints=NoHints(),
        timing=timing,
        worker="test",
        clocks=(lambda: monotonic() + passed[0],),
    )
    with begin() as work:
        entity = work.tenants.add_entity(
            work.tenants.organisation("Acme"), code="FR", legal_name="Acme SARL"
        )
        assert entity is not None
        identity = ledger.connector().check()
        connection = work.connections.add(
            billing_entity_id=entity.id,
            provider=spec.key,
            role=ConnectionRole.LEDGER,
            sealed=keys.seal({"api_key": ledger.rules.api_key}),
            base_url="http://plain-ledger",
            organisation=(identity.organisation_id, identity.organisation_name),
            settings=settings if settings is not None else SETTINGS,
            posting_from=posting_from,
            schedule="24h",
            next_sync_at=work.connections.now(),
        )
    bench = Bench(begin, database, ledger, spec, engine, opener, entity.id, connection.id, passed)
    bench.run(only="pull")  # accounts and tax rates must be known before anything is pushed
    return bench
