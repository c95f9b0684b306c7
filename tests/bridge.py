"""A bench for bridging: a tenant of Qargo whose entities each have books in a plain ledger."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy
from cryptography.fernet import Fernet

from connectors import qargo
from connectors.base import ConnectorSpec, Limits, Role
from connectors.memory.simulator import PlainLedger, spec_for
from connectors.qargo.simulator import Line, Qargo, Task
from models.canonical import ObjectType
from models.crypto import KeyRing
from models.repositories import LogLine
from models.tables import SyncRunRow, Trigger
from models.unit_of_work import Begin
from sync import connections, runs, sweep
from sync.allowances import Allowances
from sync.connections import NewConnection
from sync.engine import Engine, NoHints
from sync.opener import Opener
from sync.push import Pushed, push_due
from sync.recover import recover_due
from tests.factories import QUICK, SETTINGS, shift

ACCOUNT = "706000"


@dataclass
class Books:
    """A billing entity of ours: its source, its ledger."""

    entity_id: UUID
    ledger: PlainLedger
    ledger_id: UUID
    source_id: UUID
    client_id: str


@dataclass
class Bridge:
    """Qargo on one side, a ledger for each entity on the other."""

    begin: Begin
    database: sqlalchemy.Engine
    qargo: Qargo
    engine: Engine
    opener: Opener
    ledgers: dict[str, PlainLedger]
    books: dict[str, Books] = field(default_factory=dict)
    passed: list[float] = field(default_factory=lambda: [0.0])

    def connect(self, code: str, credentials: dict[str, str], **settings: Any) -> UUID:
        """Connect an entity of ours to its waiting list in Qargo."""
        return connections.add(
            self.engine,
            self.opener,
            NewConnection(
                billing_entity_id=self._entity(code),
                provider="qargo",
                role=Role.SOURCE,
                credentials=dict(credentials),
                settings={"billing_entity_codes": [code]} | settings,
                base_url="http://qargo",
                schedule="24h",
                start_date=None,
            ),
            actor="test",
        ).id

    def open(self, code: str) -> Books:
        """Set an entity up: in Qargo, here, with books of its own."""
        self.qargo.add_entity(code, country="FR")
        self.qargo.add_account(code, ACCOUNT, "Services sold")
        self.ledgers[code] = PlainLedger()
        ledger_id = connections.add(
            self.engine,
            self.opener,
            NewConnection(
                billing_entity_id=self._entity(code),
                provider="memory",
                role=Role.LEDGER,
                credentials={"api_key": self.ledgers[code].rules.api_key},
                settings=SETTINGS,
                base_url=f"http://ledger-{code.lower()}",
                schedule="24h",
                start_date=date(2026, 1, 1),
            ),
            actor="test",
        ).id
        client = self.qargo.credentials("INT", code)
        source_id = self.connect(code, client)
        books = Books(
            self._entity(code), self.ledgers[code], ledger_id, source_id, client["client_id"]
        )
        self.books[code] = books
        self.run(ledger_id)  # accounts and tax rates must be known before anything is pushed
        return books

    def issue(self, code: str, amount: str = "100.00", **details: Any) -> Task:
        """Somebody issues an invoice in Qargo."""
        return self.qargo.add_invoice(code, lines=[Line(amount, account=ACCOUNT)], **details)

    def run(self, connection_id: UUID, **options: Any) -> SyncRunRow:
        """A whole run in this process; the row that it left."""
        run_id = runs.trigger_run(self.engine, connection_id, trigger=Trigger.MANUAL, **options)
        for _ in range(100):
            progress = runs.advance(self.engine, connection_id)
            if progress.finished:
                break
            self.pass_time(progress.wait)
        with self.begin() as work:
            run = work.runs.get(run_id)
        assert run is not None
        return run

    def push(self, connection_id: UUID) -> Pushed:
        """One chunk of pushing, or of reporting."""
        return push_due(self.engine, connection_id, trigger="change", correlation_id="test")

    def recover(self, connection_id: UUID) -> Pushed:
        """One chunk of looking up."""
        return recover_due(self.engine, connection_id, correlation_id="test")

    def keep(self, allowances: Allowances, limits: Limits) -> None:
        """Keep within what Qargo allows from now on."""
        known = self.engine.spec

        def spec(key: str) -> ConnectorSpec:
            return replace(known(key), limits=limits) if key == "qargo" else known(key)

        self.opener = replace(self.opener, spec=spec, allowances=allowances)
        self.engine = replace(
            self.engine, spec=spec, open_connector=self.opener.open, renew=self.opener.renew
        )

    def bridge(self, code: str) -> SyncRunRow:
        """Read what waits, post it, report it; the run of the source."""
        run = self.run(self.books[code].source_id)
        self.push(self.books[code].ledger_id)
        self.push(self.books[code].source_id)
        return run

    def sweep(self) -> None:
        """One sweep."""
        sweep.sweep(self.engine)

    def pass_time(self, time: timedelta) -> None:
        """Let time pass: for our rows, and on everybody's clock."""
        shift(self.database, time)
        self.qargo.pass_time(time)
        for ledger in self.ledgers.values():
            ledger.pass_time(time)
        self.passed[0] += time.total_seconds()

    def line(self, task: Task, connection_id: UUID) -> LogLine:
        """What the sync log of a connection says of a task's document."""
        with self.begin() as work:
            found = work.log.lines(connection_id=connection_id, limit=1000)
        (line,) = [one for one in found if one.external_id == task.document_id]
        return line

    def reported(self, code: str, task: Task) -> tuple[str, str | None]:
        """Where the report of a task stands: (status, reason code)."""
        line = self.line(task, self.books[code].source_id)
        return line.status.value, line.reason_code

    def posted(self, code: str, task: Task) -> tuple[str, str | None]:
        """Where a task's document stands in its ledger: (status, reason code)."""
        line = self.line(task, self.books[code].ledger_id)
        return line.status.value, line.reason_code

    def in_books(self, code: str) -> list[str | None]:
        """The numbers of all invoices in an entity's books: the ledger's own word."""
        return [entry.number for entry in self.ledgers[code].documents(ObjectType.INVOICE)]

    def issues(self, connection_id: UUID) -> list[tuple[str, str]]:
        """Open issues of a connection: (code, sentence)."""
        with self.begin() as work:
            return [(issue.code, issue.sentence) for issue, _ in work.issues.listing(connection_id)]

    def _entity(self, code: str) -> UUID:
        with self.begin() as work:
            organisation = work.tenants.organisation("Haulage")
            known = work.tenants.entity_coded(organisation, code)
            if known is not None:
                return known.id
            made = work.tenants.add_entity(organisation, code=code, legal_name=f"Haulage {code}")
            assert made is not None
            return made.id


def a_bridge(
    begin: Begin,
    database: sqlalchemy.Engine,
    *codes: str,
    at: Qargo | None = None,
    spec: ConnectorSpec = qargo.SPEC,
) -> Bridge:
    """Set entities up on both sides, in this process and without sockets."""
    at = at or Qargo(limited=False)
    ledgers: dict[str, PlainLedger] = {}
    specs = {"memory": spec_for(PlainLedger()), "qargo": spec}
    passed = [0.0]
    opener = Opener(
        spec=lambda key: specs[key],
        keys=KeyRing([Fernet.generate_key().decode()]),
        http=httpx.Client(transport=_Ways(at, ledgers)),
        timeout_seconds=5,
        allowed_base_urls=("http://qargo", *(f"http://ledger-{one.lower()}" for one in codes)),
    )
    engine = Engine(
        begin=begin,
        spec=lambda key: specs[key],
        open_connector=opener.open,
        renew=opener.renew,
        hints=NoHints(),
        timing=QUICK,
        worker="test",
        clocks=(lambda: monotonic() + passed[0],),
    )
    bridge = Bridge(begin, database, at, engine, opener, ledgers, passed=passed)
    for code in codes:
        bridge.open(code)
    return bridge


class _Ways(httpx.BaseTransport):
    """Leads each host to its simulator."""

    def __init__(self, qargo: Qargo, ledgers: dict[str, PlainLedger]) -> None:
        self._qargo = qargo.transport()
        self._ledgers = ledgers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of any connection."""
        if request.url.host == "qargo":
            return self._qargo.handle_request(request)
        code = request.url.host.removeprefix("ledger-").upper()
        return self._ledgers[code].transport().handle_request(request)
