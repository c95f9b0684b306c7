"""`make demo-bridge`: two billing platforms, two companies, two ledgers, and no document astray.

Real are PostgreSQL, Redis, the Celery workers and Tryton, a complete accounting server. Xero, the
SoftwareOne Marketplace and Qargo are simulated: served over HTTP, stateful, refusing what the real
ones refuse, with answers that get lost. At the end the ledgers and the platforms are asked.
"""

import contextlib
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli.output import table
from cli.progress import Status
from connectors.qargo.simulator import Qargo
from connectors.softwareone.simulator import Marketplace
from connectors.xero.simulator import Xero
from demo.ledger import ROOT, Books, LedgerError, TrytonLedger
from demo.scenery import AstrayError, Company, Link, Scenery
from demo.stage import Stage, StageError
from models.ids import short
from models.status import SyncStatus
from sync.errors import SyncError
from worker.runtime import Runtime

BOOKS = Books(company="Transports Lumière SARL", years=(2025, 2026, 2027))
INVOICES = 12
"""From the marketplace, for each company; and so many credit memos and freight invoices:"""
MEMOS = 3
FREIGHT = 8
KILL_AT = 5
"""How many invoices Tryton has when the worker is killed."""
MOVING = frozenset(
    {SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN}
)
LONGEST_SECONDS = 240.0

out = Console(highlight=False)


class Bridge:
    """One performance."""

    def __init__(self, stage: Stage, scenery: Scenery) -> None:
        self.stage = stage
        self.scenery = scenery
        self.runtime: Runtime = stage.runtime()
        self.connections: defaultdict[str, list[str]] = defaultdict(list)
        """By company: its ledger, then its sources."""
        self.started = time.monotonic()

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
        for company in self.scenery.companies:
            self.scenery.issue(company, invoices=INVOICES, memos=MEMOS, freight=FREIGHT)
            self.note(
                f"{company.legal_name}: {INVOICES} invoices and {MEMOS} credit memos at the "
                f"marketplace, {FREIGHT} freight invoices in Qargo, {company.currency}."
            )
        self.scene("2  Connect both platforms and both ledgers, company by company")
        for company in self.scenery.companies:
            self.connect(company)
        self.scene("3  Read the platforms, post in the books, report back; answers get lost")
        self.scenery.arm()
        self.note(
            "Armed: lost answers to writes at Xero and to reports at Qargo, an error of the "
            "marketplace, and Qargo shows every company the other one's waiting list too."
        )
        worker = self.stage.start_worker()
        self.stage.start_beat()
        for connections in self.connections.values():
            for connection in connections:
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
        for connections in self.connections.values():
            self.command("log", "--summary", "--connection", connections[0])
        self.command("issues")

    def connect(self, company: Company) -> None:
        """An entity, its ledger, its two sources."""
        self.command(
            *("entities", "add", "--organisation", "Demo", "--code", company.code),
            *("--legal-name", company.legal_name),
        )
        self.add(company, self.scenery.ledger_of(company), "--start-date", "2026-01-01")
        for source in self.scenery.sources_of(company):
            self.add(company, source)

    def add(self, company: Company, link: Link, *more: str) -> None:
        """A connection, from files as a person would write them."""
        files = []
        for what, content in (("credentials", link.credentials), ("settings", link.settings)):
            path = self.stage.home / f"{company.code.lower()}-{link.provider}-{what}.json"
            path.write_text(json.dumps(content))
            files.append(_shown(path))
        with self.runtime.begin() as work:
            before = {row.id for row, _ in work.connections.listing()}
        self.command(
            *("connections", "add", link.provider, "--entity", company.code),
            *("--base-url", link.url, "--credentials", files[0], "--settings", files[1], *more),
        )
        with self.runtime.begin() as work:
            new = [row.id for row, _ in work.connections.listing() if row.id not in before]
        if len(new) != 1:
            raise StageError(f"{link.provider} was not connected")
        self.connections[company.code].append(short(new[0]))

    # -- looking -------------------------------------------------------------------------

    def in_tryton(self) -> int:
        """How many posted customer invoices Tryton has, by its own count."""
        number: int = self.scenery.tryton.rpc(
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
        moving = MOVING & {one for one, number in self.standing().items() if number}
        return not active and not self.scenery.waiting and not moving

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
        sums = self.scenery.judged()
        table(
            ["company", "ledger", "documents>", "sum issued>", "sum in the books>"],
            [
                (
                    company.legal_name,
                    company.ledger,
                    f"{len(company.documents):,}",
                    f"{issued:,.2f} {company.currency}",
                    f"{there:,.2f} {company.currency}",
                )
                for company, issued, there in sums
            ],
            empty="",
        )
        told = len(self.scenery.qargo.tasks())
        self.note("Each document is there once, in the right books, and equal to the cent.")
        self.note(f"Qargo was told {told} times that a document is posted: once for each.")
        self.note(
            f"{self.scenery.injected} answers were lost or wrong on the way, and one worker was "
            "killed."
        )


def _shown(path: Path) -> str:
    """A path as one types it in this folder."""
    return str(path.relative_to(ROOT))


def main() -> int:
    """Play the demo; 0 when everything held, 1 with a sentence when not."""
    started = time.monotonic()
    words = "Two platforms, two companies, two ledgers: PostgreSQL, Redis, Celery and Tryton."
    out.print(Text(words, "bold"))
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
            bridge = Bridge(stage, Scenery(tryton, xero, market, qargo, prefix="D"))
            bridge.play()
            bridge.proof()
    except (StageError, LedgerError, SyncError, AstrayError) as problem:
        out.print(Text(f"The demo failed: {problem}", style="red"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        out.print("Stopped.")
        return 1
    out.print(Text(f"Everything held, in {time.monotonic() - started:.0f} s.", style="bold green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
