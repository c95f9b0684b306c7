"""`make demo`: the main job end to end, on real servers, with a kill in the middle.

Nothing here is simulated: PostgreSQL, Redis, Celery workers and Tryton, a complete accounting
server, run as processes of their own on this machine, and go when the demo ends.
"""

import contextlib
import datetime as dt
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli.output import table
from cli.progress import Status
from demo.judge import Verdict, handed_in, judge
from demo.ledger import (
    BANK_ACCOUNT,
    FEES_ACCOUNT,
    GOODS_ACCOUNT,
    PURCHASE_ACCOUNT,
    ROOT,
    Books,
    LedgerError,
    TrytonLedger,
)
from demo.stage import Stage, StageError
from models.canonical import ObjectType
from models.ids import short
from models.status import SyncStatus
from sync.errors import SyncError
from worker.runtime import Runtime

EXAMPLES = ROOT / "examples" / "atelier"
BOOKS = Books(company="Atelier Lumière SARL", years=(2025, 2026, 2027), closed=("2026-01",))
Worker = subprocess.Popen[bytes]
KILL_AT = 100
"""How many invoices the ledger has when the worker is killed."""
BATCH = 50
CALLS_A_BATCH = 9
"""Most calls for a batch of documents: see connectors/tryton/README.md."""
MOVING = frozenset(
    {SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN}
)
LONGEST_SECONDS = 180.0

out = Console(highlight=False)


class Demo:
    """One performance."""

    def __init__(self, stage: Stage, ledger: TrytonLedger) -> None:
        self.stage = stage
        self.ledger = ledger
        self.runtime: Runtime = stage.runtime()
        self.documents = handed_in(EXAMPLES)
        self.started = time.monotonic()
        self.connection = ""

    # -- what is said --------------------------------------------------------------------

    def scene(self, words: str) -> None:
        """A heading with the time that has passed."""
        passed = time.monotonic() - self.started
        out.print()
        out.print(Text(f"{words}  ", style="bold").append(f"{passed:.0f} s", style="dim"))

    def note(self, words: str) -> None:
        """A sentence about what happens outside of our commands."""
        out.print(Text(f"  {words}"), soft_wrap=True)

    def command(self, *arguments: str) -> None:
        """Show a command and run it."""
        words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        out.print(Text(f"$ ledgerbridge {words}", style="cyan"), soft_wrap=True)
        self.stage.run(*arguments)

    # -- the story -----------------------------------------------------------------------

    def play(self) -> Verdict:
        """All of it; the verdict at the end."""
        self.books_of_somebody()
        self.connect()
        self.hand_in()
        worker = self.first_look()
        self.push_and_kill(worker)
        self.read_back()
        self.scene("7  Where everything stands")
        self.take_stock(missing=self.without_rate() | {"INV-0301"})
        self.fix()
        self.scene("9  Where everything stands now")
        verdict = self.take_stock(missing={"INV-0301"})
        self.command("reconcile", self.connection)
        return verdict

    def books_of_somebody(self) -> None:
        """Before we come: the books are in use, and some of our documents are in them."""
        self.scene("1  A real ledger, already in use")
        bill = self.documents["BILL-0001"]
        parties = {
            one: self.ledger.enter_party(self.documents[one]["name"])
            for one in ("C-001", "C-002", bill["contact_id"])
        }
        self.ledger.enter_bill(
            supplier=parties[bill["contact_id"]],
            reference=bill["number"],
            date=dt.date.fromisoformat(bill["issue_date"]),
            net=Decimal(bill["net_total"]),
            tax="VAT 0 %",
        )
        self.note(
            f"Tryton is at {self.ledger.url}: the books of {BOOKS.company}, VAT at 20, 5.5 and "
            "0 %, January 2026 closed. Three of our contacts and one bill are there already."
        )

    def connect(self) -> None:
        """An entity, a connection, and two accounts that have another name in the ledger."""
        self.scene("2  Connect it")
        self.command(
            *("entities", "add", "--organisation", "Demo", "--code", "FR"),
            *("--legal-name", BOOKS.company, "--default"),
        )
        credentials, settings = self.stage.home / "tryton.json", self.stage.home / "settings.json"
        credentials.write_text(
            json.dumps({"login": self.ledger.login, "password": self.ledger.password})
        )
        settings.write_text(
            json.dumps(
                {
                    "database": self.ledger.database,
                    "default_sales_account": GOODS_ACCOUNT,
                    "default_purchase_account": PURCHASE_ACCOUNT,
                    "payment_account": BANK_ACCOUNT,
                    # Tryton runs on this machine and ends what it works on within seconds.
                    "consistency_delay_seconds": 5,
                }
            )
        )
        self.command(
            *("connections", "add", "tryton", "--entity", "FR", "--base-url", self.ledger.url),
            *("--credentials", _shown(credentials), "--settings", _shown(settings)),
        )
        with self.runtime.begin() as work:
            ((row, _),) = work.connections.listing()
        self.connection_id = row.id
        self.connection = short(row.id)
        for ours, theirs in (("bank", BANK_ACCOUNT), ("bank-fees", FEES_ACCOUNT)):
            self.command("map", "account", "--connection", self.connection, ours, theirs)

    def hand_in(self) -> None:
        """The product hands its documents in."""
        self.scene("3  Hand in the product's documents")
        for path in sorted(EXAMPLES.glob("*.jsonl"), key=_parents_first):
            self.command("documents", "import", _shown(path), "--entity", "FR")

    def first_look(self) -> Worker:
        """A worker reads the ledger and recognises what it has of ours; nothing is posted yet."""
        self.scene("4  Start a worker and beat, and look before anything is posted")
        worker = self.stage.start_worker()
        self.stage.start_beat()
        self.command("sync", self.connection, "--wait")
        with self.runtime.begin() as work:
            names = [
                f"{line.type.words} {line.name or line.number}"
                for line in work.log.lines(
                    connection_id=self.connection_id, status=SyncStatus.DONE, limit=1000
                )
                if line.ours
            ]
        self.note(f"Recognised, so not written again: {', '.join(sorted(names))}.")
        return worker

    def push_and_kill(self, worker: Worker) -> None:
        """The push, with SIGKILL for the worker in the middle of a batch."""
        self.scene("5  Post, and kill the worker in the middle of it")
        self.command("connections", "start", self.connection, "--from", "2026-01-01")
        self.command("sync", self.connection)
        with Status("posting …") as status:
            self.until(lambda: self.ledger_has() >= KILL_AT and self.sending() > 0, status)
        there, sending = self.ledger_has(), self.sending()
        self.stage.kill(worker)
        self.note(f"SIGKILL: the ledger had {there} invoices, {sending} more were on their way.")
        self.stage.start_worker()
        self.note("Another worker started. It looks in the ledger before it repeats anything.")
        self.somebody_works()
        with Status("posting …") as status:
            self.until(self.at_rest, status)

    def somebody_works(self) -> None:
        """A bookkeeper enters a bill and a payment in Tryton meanwhile."""
        supplier = self.ledger.enter_party("Électricité du Lac")
        self.ledger.enter_bill(
            supplier=supplier, reference="EDL-4711", date=dt.date(2026, 10, 5), net=Decimal(180)
        )
        paid = {
            part["document_id"]
            for one in self.documents.values()
            if one["type"] == "payment"
            for part in one["allocations"]
        }
        corrected = {
            number
            for one in self.documents.values()
            if one["type"] == "credit_note"
            for number in one["corrects"]
        }
        numbers = [
            one["number"]
            for one in self.documents.values()
            if one["type"] == "invoice" and one["id"] not in paid | corrected
        ]
        row = self.ledger.invoices(
            ["type", "=", "out"], ["reference", "in", numbers], ["state", "=", "posted"]
        )[0]
        self.ledger.pay(row.id)
        self.paid_there = row.reference or ""
        self.note(f"Meanwhile in Tryton, by hand: bill EDL-4711 of 216.00, {row.reference} paid.")

    def read_back(self) -> None:
        """Pull what was done in the ledger."""
        self.scene("6  Read back what was done in the ledger meanwhile")
        self.command("sync", self.connection, "--only", "pull", "--wait")
        with self.runtime.begin() as work:
            bills = work.documents.listing(
                billing_entity_id=None, kind=ObjectType.BILL, status=None, limit=1000
            )
            invoices = work.documents.listing(
                billing_entity_id=None, kind=ObjectType.INVOICE, status="paid", limit=1000
            )
        if "EDL-4711" not in {row.number for row in bills}:
            raise StageError("the bill that was entered in Tryton was not read")
        if self.paid_there not in {row.number for row in invoices}:
            raise StageError(f"{self.paid_there} was paid in Tryton, but is not paid here")
        self.note(f"Bill EDL-4711 is here now, and {self.paid_there} is paid.")

    def take_stock(self, *, missing: set[str]) -> Verdict:
        """What we say, and what the ledger says when it is asked directly."""
        self.command("log", "--summary", "--connection", self.connection)
        self.command("issues")
        with Status("asking Tryton for every document …"):
            verdict = judge(self.ledger, self.documents.values(), missing=missing)
        if verdict.sentence:
            raise StageError(f"the ledger does not hold what it should: {verdict.sentence}")
        return verdict

    def fix(self) -> None:
        """The bookkeeper makes the missing rate in Tryton; one mapping releases what waited."""
        self.scene("8  Fix one cause, once")
        self.ledger.enter_tax("VAT 8.5 % (DOM)", Decimal("0.085"))
        self.note("A bookkeeper creates the rate in Tryton.")
        self.command("map", "tax-rate", "--connection", self.connection, "8.5", "VAT 8.5 % (DOM)")
        with Status("posting what waited …") as status:
            self.until(self.at_rest, status)
        with self.runtime.begin() as work:
            waiting = [issue.code for issue, _ in work.issues.listing(self.connection_id)]
        if "tax_rate_unmapped" in waiting:
            raise StageError("what waited for the tax rate did not go through")
        self.note("All of it went through.")

    def proof(self, verdict: Verdict) -> None:
        """What the judge found, and what it took."""
        self.scene("10  The proof: Tryton was asked for every document, not our database")
        table(
            ["type", "handed in>", "in Tryton>", "waiting>", "sum handed in>", "sum there>"],
            [
                (
                    kind.plural_words,
                    f"{tally.handed_in:,}",
                    f"{tally.there:,}",
                    f"{tally.waiting or ''}",
                    f"{tally.sum_handed_in:,}",
                    f"{tally.sum_there:,}",
                )
                for kind, tally in verdict.tallies.items()
            ],
            empty="",
        )
        self.note("Each is there once, posted, in its month, and equal to the cent.")
        pushes = self.stage.logged("push.batch", type="invoice")
        calls = sum(one["calls"] for one in pushes)
        tasks = len({one["correlation_id"] for one in pushes})
        self.note(
            f"Posting the invoices took {calls} provider calls, in {len(pushes)} batches of up to "
            f"{BATCH}: at most {CALLS_A_BATCH} each, and as many for Tryton's own lists in each of "
            f"{tasks} tasks."
        )
        if calls > CALLS_A_BATCH * (len(pushes) + tasks):
            raise StageError(f"{calls} calls are more than the batches allow")
        found = self.stage.logged("look_up.batch", type="invoice")
        if not found:
            raise StageError("nothing had to be looked up: the kill came at no bad moment")
        looked_up = sum((Counter(one["records"]) for one in found), Counter[str]())
        self.note(
            f"{looked_up.total()} invoices were looked up after the kill, in "
            f"{sum(one['calls'] for one in found)} calls, before anything was sent again."
        )

    # -- looking -------------------------------------------------------------------------

    def without_rate(self) -> set[str]:
        """Invoices at the rate that the ledger lacks, and what pays them."""
        lacking = {
            one["id"]
            for one in self.documents.values()
            if one["type"] == "invoice" and one["tax_breakdown"][0]["rate"] == "8.5"
        }
        return lacking | {
            one["id"]
            for one in self.documents.values()
            if one["type"] == "payment"
            and lacking & {part["document_id"] for part in one["allocations"]}
        }

    def ledger_has(self) -> int:
        """How many posted customer invoices Tryton has, by its own count."""
        number: int = self.ledger.rpc(
            "model.account.invoice.search_count",
            [["type", "=", "out"], ["state", "in", ["posted", "paid"]]],
        )
        return number

    def standing(self) -> Counter[SyncStatus]:
        """How many of our records stand where."""
        with self.runtime.begin() as work:
            figures = work.log.figures(self.connection_id)
        found: Counter[SyncStatus] = Counter()
        for (_, status), number in figures.items():
            found[status] += number
        return found

    def sending(self) -> int:
        """How many records are on their way to the ledger right now."""
        return self.standing()[SyncStatus.SENDING]

    def at_rest(self) -> bool:
        """Whether nothing moves any more, no run is on, and what is left waits for a person."""
        with self.runtime.begin() as work:
            active = work.runs.active(self.connection_id)
        return active is None and not MOVING & {one for one, n in self.standing().items() if n}

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
            words = [
                f"{found[one]:,} {one.value.replace('_', ' ')}"
                for one in (SyncStatus.DONE, *sorted(MOVING))
                if found[one]
            ]
            status.say(f"posting … {', '.join(words)}")
            time.sleep(0.25)


def _parents_first(path: Path) -> int:
    names = ["contacts", "invoices", "bills", "credit_notes", "payments", "journal_entries"]
    return names.index(path.stem)


def _shown(path: Path) -> str:
    """A path as one types it in this folder."""
    return str(path.relative_to(ROOT))


def main() -> int:
    """Play the demo; 0 when everything held, 1 with a sentence when not."""
    started = time.monotonic()
    out.print(Text("Ledgerbridge, on real servers: PostgreSQL, Redis, Celery and Tryton.", "bold"))
    try:
        with Status("starting PostgreSQL, Redis and Tryton (15 s the first time) …"):
            stack = contextlib.ExitStack()
            stage = stack.enter_context(Stage.set())
            ledger = stack.enter_context(TrytonLedger.running(BOOKS))
        with stack:
            demo = Demo(stage, ledger)
            verdict = demo.play()
            demo.proof(verdict)
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
