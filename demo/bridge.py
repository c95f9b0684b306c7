"""`make demo-bridge`: two billing platforms, two companies, two ledgers, and no document astray.

Real are PostgreSQL, Redis, the Celery workers and Tryton, a complete accounting server. Xero, the
SoftwareOne Marketplace and Qargo are simulated: served over HTTP, stateful, refusing what the real
ones refuse, with answers that get lost. At the end the ledgers and the platforms are asked.
"""

import contextlib
import datetime as dt
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.output import table
from cli.progress import Status
from connectors.faults import Fault
from connectors.qargo.simulator import ClientKind, Line, Qargo
from connectors.softwareone.simulator import Marketplace
from connectors.xero.simulator import Xero
from demo.ledger import (
    BANK_ACCOUNT,
    GOODS_ACCOUNT,
    PURCHASE_ACCOUNT,
    ROOT,
    Books,
    LedgerError,
    TrytonLedger,
)
from demo.stage import Stage, StageError
from models.ids import short
from models.status import SyncStatus
from sync.errors import SyncError
from worker.runtime import Runtime

BOOKS = Books(company="Transports Lumière SARL", years=(2025, 2026, 2027))
DAY = dt.date(2026, 10, 5)
INVOICES = 12
"""From the marketplace, for each company; and so many credit memos and freight invoices:"""
MEMOS = 3
FREIGHT = 8
KILL_AT = 5
"""How many invoices Tryton has when the worker is killed."""
RATE = Decimal("1.2")
MOVING = frozenset(
    {SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN}
)
LONGEST_SECONDS = 240.0

out = Console(highlight=False)


@dataclass
class Company:
    """A billing entity: whose documents come from where, and into which books they belong."""

    code: str
    legal_name: str
    ledger: str
    currency: str
    seller: str
    """At the marketplace."""
    buyer: str
    connections: list[str] = field(default_factory=list)
    documents: dict[str, Decimal] = field(default_factory=dict)
    """Number and total of everything that was issued for it; credit memos are negative."""
    tasks: list[str] = field(default_factory=list)
    """Qargo's."""


class Bridge:
    """One performance."""

    def __init__(
        self, stage: Stage, tryton: TrytonLedger, xero: Xero, market: Marketplace, qargo: Qargo
    ) -> None:
        self.stage = stage
        self.tryton = tryton
        self.xero = xero
        self.market = market
        self.qargo = qargo
        self.runtime: Runtime = stage.runtime()
        self.started = time.monotonic()
        known = market.known
        self.companies = [
            Company("FR", BOOKS.company, "tryton", "EUR", known.seller, known.buyer),
            Company("UK", "Brightwater Ltd", "xero", "GBP", known.other_seller, known.second_buyer),
        ]

    def scene(self, words: str) -> None:
        """A heading with the time that has passed."""
        passed = time.monotonic() - self.started
        out.print()
        heading = Text(f"{words}  ", style="bold").append(f"{passed:.0f} s", style="dim")
        out.print(heading, soft_wrap=True)

    def note(self, words: str) -> None:
        """A sentence about what happens outside of our commands."""
        out.print(Text(f"  {words}"), soft_wrap=True)

    def command(self, *arguments: str) -> None:
        """Show a command and run it."""
        words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        out.print(Text(f"$ ledgerbridge {words}", style="cyan"), soft_wrap=True)
        self.stage.run(*arguments)

    # -- the story -----------------------------------------------------------------------

    def play(self) -> None:
        """All of it."""
        self.scene("1  Two companies issue documents on two platforms")
        for company in self.companies:
            self.issue(company)
        self.scene("2  Connect both platforms and both ledgers, company by company")
        for company in self.companies:
            self.connect(company)
        self.scene("3  Read the platforms, post in the books, report back; answers get lost")
        self.arm()
        worker = self.stage.start_worker()
        self.stage.start_beat()
        for company in self.companies:
            for connection in company.connections:
                self.command("sync", connection)
        with Status("bridging …") as status:
            self.until(lambda: self.in_tryton() >= KILL_AT, status)
            there = self.in_tryton()
            self.stage.kill(worker)
        self.note(f"SIGKILL: Tryton had {there} invoices. Another worker starts.")
        self.stage.start_worker()
        with Status("bridging …") as status:
            self.until(self.at_rest, status)
        self.scene("4  Where everything stands")
        for company in self.companies:
            self.command("log", "--summary", "--connection", company.connections[0])
        self.command("issues")

    def issue(self, company: Company) -> None:
        """The platforms issue a company's documents."""
        for number in range(1, INVOICES + 1):
            net = Decimal(100 + number)
            made = self.market.add_invoice(
                net=net, vat="20", buyer=company.buyer, currency=company.currency, date=DAY
            )
            company.documents[self.market.get(made)["documentNo"]] = net * RATE
        for number in range(1, MEMOS + 1):
            net = Decimal(10 + number)
            made = self.market.add_credit_memo(
                net=net, vat="20", buyer=company.buyer, currency=company.currency, date=DAY
            )
            company.documents[self.market.get(made)["documentNo"]] = -net * RATE
        self.qargo.add_entity(company.code, country="GB" if company.code == "UK" else "FR")
        account = GOODS_ACCOUNT if company.ledger == "tryton" else self.xero.uk.known.sales
        with contextlib.suppress(ValueError):
            self.qargo.add_account(company.code, account, "Freight sold")
        for number in range(1, FREIGHT + 1):
            net = Decimal(200 + number)
            task = self.qargo.add_invoice(
                company.code,
                lines=[Line(str(net), account=account)],
                date=DAY,
                number=f"FRT-{company.code}-{number:03}",
                currency=company.currency,
            )
            company.tasks.append(task.id)
            company.documents[f"FRT-{company.code}-{number:03}"] = net * RATE
        self.note(
            f"{company.legal_name}: {INVOICES} invoices and {MEMOS} credit memos at the "
            f"marketplace, {FREIGHT} freight invoices in Qargo, {company.currency}."
        )

    def connect(self, company: Company) -> None:
        """An entity, its ledger, its two sources."""
        self.command(
            *("entities", "add", "--organisation", "Demo", "--code", company.code),
            *("--legal-name", company.legal_name),
        )
        ledgers: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
            "tryton": (
                self.tryton.url,
                {"login": self.tryton.login, "password": self.tryton.password},
                {
                    "database": self.tryton.database,
                    "default_sales_account": GOODS_ACCOUNT,
                    "default_purchase_account": PURCHASE_ACCOUNT,
                    "payment_account": BANK_ACCOUNT,
                    "consistency_delay_seconds": 5,
                },
            ),
            "xero": (
                self.xero.base_url,
                self.xero.credentials(),
                {
                    "organisation": self.xero.uk.name,
                    "default_sales_account": self.xero.uk.known.sales,
                    "default_purchase_account": self.xero.uk.known.purchases,
                    "payment_account": self.xero.uk.known.bank,
                    "consistency_delay_seconds": 2,
                },
            ),
        }
        url, credentials, settings = ledgers[company.ledger]
        self.add(company, company.ledger, url, credentials, settings, "--start-date", "2026-01-01")
        self.add(
            company,
            "softwareone",
            self.market.base_url,
            self.market.credentials("operations"),
            {"account_role": "operations", "sellers": [company.seller]},
        )
        self.add(
            company,
            "qargo",
            self.qargo.base_url,
            self.qargo.credentials(ClientKind.INT, company.code),
            {"billing_entity_codes": [company.code]},
        )

    def add(
        self,
        company: Company,
        provider: str,
        url: str,
        credentials: Any,
        settings: dict[str, Any],
        *more: str,
    ) -> None:
        """A connection, from files as a person would write them."""
        files = []
        for what, content in (("credentials", credentials), ("settings", settings)):
            path = self.stage.home / f"{company.code.lower()}-{provider}-{what}.json"
            path.write_text(json.dumps(content))
            files.append(str(path.relative_to(ROOT)))
        with self.runtime.begin() as work:
            before = {row.id for row, _ in work.connections.listing()}
        self.command(
            *("connections", "add", provider, "--entity", company.code, "--base-url", url),
            *("--credentials", files[0], "--settings", files[1], *more),
        )
        with self.runtime.begin() as work:
            new = [row.id for row, _ in work.connections.listing() if row.id not in before]
        if len(new) != 1:
            raise StageError(f"{provider} was not connected")
        company.connections.append(short(new[0]))

    def arm(self) -> None:
        """What goes wrong from now on."""
        self.qargo.ignores_filter = True
        report = r".*/sync-tasks/[^/]+/update-status"
        self.qargo.faults.arm(Fault.DROP_AFTER, method="POST", path=report, times=2)
        self.qargo.faults.arm(Fault.DROP_BEFORE, method="POST", path=report, skip=2, times=1)
        self.market.faults.arm(Fault.ERROR_BEFORE, method="GET", path=".*/invoices.*", times=1)
        self.xero.arm(Fault.DROP_AFTER, path="/Invoices", method="PUT", times=1)
        self.xero.arm(Fault.DROP_AFTER, path="/CreditNotes", method="PUT", times=1)
        self.note(
            "Armed: lost answers to writes at Xero and to reports at Qargo, an error of the "
            "marketplace, and Qargo shows every company the other one's waiting list too."
        )

    # -- looking -------------------------------------------------------------------------

    def in_tryton(self) -> int:
        """How many posted customer invoices Tryton has, by its own count."""
        number: int = self.tryton.rpc(
            "model.account.invoice.search_count",
            [["type", "=", "out"], ["state", "in", ["posted", "paid"]]],
        )
        return number

    def standing(self) -> Counter[SyncStatus]:
        """How many records of all connections stand where."""
        found: Counter[SyncStatus] = Counter()
        with self.runtime.begin() as work:
            for row, _ in work.connections.listing():
                for (_, status), number in work.log.figures(row.id).items():
                    found[status] += number
        return found

    def at_rest(self) -> bool:
        """Whether nothing moves any more and Qargo waits for nothing."""
        with self.runtime.begin() as work:
            rows = [row for row, _ in work.connections.listing()]
            active = any(work.runs.active(row.id) for row in rows)
        waits = any(task.status == "TODO" for task in self.qargo.tasks())
        moving = MOVING & {one for one, number in self.standing().items() if number}
        return not active and not waits and not moving

    def until(self, condition: Callable[[], bool], status: Status) -> None:
        """Wait, and say how far it is.

        Raises:
            StageError: It takes too long.
        """
        end = time.monotonic() + LONGEST_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise StageError(f"it does not come to an end: {dict(self.standing())}")
            found = self.standing()
            words = [f"{found[one]:,} {one.value.replace('_', ' ')}" for one in sorted(found)]
            status.say(f"bridging … {', '.join(words)}")
            time.sleep(0.25)

    # -- proof ---------------------------------------------------------------------------

    def proof(self) -> None:
        """Ask the ledgers and the platforms, not our database."""
        self.scene("5  The proof: both ledgers and both platforms were asked, not our database")
        tryton = [
            (one.reference or "", one.total) for one in self.tryton.invoices(["type", "=", "out"])
            if one.state in {"posted", "paid"}
        ]  # fmt: skip
        xero = [
            (one["InvoiceNumber"], Decimal(str(one["Total"])))
            for one in self.xero.uk.rows("Invoices")
        ] + [
            (one["CreditNoteNumber"], -Decimal(str(one["Total"])))
            for one in self.xero.uk.rows("CreditNotes")
        ]
        lines = []
        for company, books in zip(self.companies, (tryton, xero), strict=True):
            lines.append(self.judged(company, books))
        table(
            ["company", "ledger", "issued>", "in the books>", "sum issued>", "sum there>"],
            lines,
            empty="",
        )
        postings = [self.qargo.postings(task.document_id) for task in self.qargo.tasks()]
        if set(postings) != {1}:
            raise StageError(f"Qargo was told of a posting {sorted(set(postings))} times")
        if twice := self.xero.twice():
            raise StageError(f"Xero has something twice: {twice}")
        wrong = self.xero.au.documents_with("Invoices", "FRT-UK-001")
        if wrong:
            raise StageError("a document is in the books of another organisation")
        self.note("Each document is there once, in the right books, and equal to the cent.")
        self.note(f"Qargo was told {len(postings)} times that a document is posted: once for each.")
        lost = sum(
            one.faults.injected.total() for one in (self.xero, self.market, self.qargo)
        )  # fmt: skip
        self.note(f"{lost} answers were lost or wrong on the way, and one worker was killed.")

    def judged(self, company: Company, books: Sequence[tuple[str, Decimal]]) -> tuple[Any, ...]:
        """What a company's books hold against what was issued for it.

        Raises:
            StageError: Something is missing, doubled, astray, or not equal.
        """
        there = Counter(number for number, _ in books)
        totals = dict(books)
        for number, total in company.documents.items():
            if there[number] != 1:
                raise StageError(f"{company.ledger} has {number} {there[number]} times")
            if totals[number] != total:
                raise StageError(f"{number}: {total} was issued, {totals[number]} is there")
        others = {
            number for other in self.companies if other is not company for number in other.documents
        }
        if astray := sorted(others & there.keys()):
            raise StageError(f"{company.ledger} has documents of another company: {astray[:3]}")
        issued = sum(company.documents.values(), Decimal(0))
        found = sum((totals[number] for number in company.documents), Decimal(0))
        return (
            company.legal_name,
            company.ledger,
            f"{len(company.documents):,}",
            f"{sum(there[number] for number in company.documents):,}",
            f"{issued:,.2f} {company.currency}",
            f"{found:,.2f} {company.currency}",
        )


def main() -> int:
    """Play the demo; 0 when everything held, 1 with a sentence when not."""
    started = time.monotonic()
    out.print(
        Text(
            "Two platforms, two companies, two ledgers: PostgreSQL, Redis, Celery, Tryton.", "bold"
        )
    )
    try:
        with contextlib.ExitStack() as stack:
            with Status("starting PostgreSQL, Redis and Tryton (15 s the first time) …"):
                stage = stack.enter_context(Stage.set())
                tryton = stack.enter_context(TrytonLedger.running(BOOKS))
                xero, market, qargo = Xero(), Marketplace(), Qargo()
                for simulator in (xero, market, qargo):
                    simulator.start()
                    stack.callback(simulator.stop)
            app = {"client_id": xero.rules.client_id, "client_secret": xero.rules.client_secret}
            os.environ["LEDGERBRIDGE_OAUTH_APPS"] = json.dumps({"xero": app})
            stack.callback(os.environ.pop, "LEDGERBRIDGE_OAUTH_APPS", None)
            bridge = Bridge(stage, tryton, xero, market, qargo)
            bridge.play()
            bridge.proof()
    except (StageError, LedgerError, SyncError) as problem:
        out.print(Text(f"The demo failed: {problem}", style="red"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        out.print("Stopped.")
        return 1
    out.print(Text(f"Everything held, in {time.monotonic() - started:.0f} s.", style="bold green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
