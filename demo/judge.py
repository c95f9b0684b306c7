"""The demo's judge: what was handed in against what the ledger itself holds.

It reads the example files and Tryton's own API, by a session of its own; neither our database
nor our connector is asked.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.ledger import LedgerInvoice, LedgerMove, TrytonLedger
from models.canonical import ObjectType

POSTED = frozenset({"posted", "paid"})
MOST_SAID = 3


def handed_in(folder: Path) -> dict[str, dict[str, Any]]:
    """All example documents by id; a line that is there twice counts once."""
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            document = json.loads(line, parse_float=Decimal)
            found[document["id"]] = document
    return found


@dataclass(frozen=True)
class Wanted:
    """One document that was handed in, and what the ledger should have of it."""

    kind: ObjectType
    label: str
    amount: Decimal
    month: str
    waits: bool
    """It waits for a person: the ledger must not have it."""


@dataclass(frozen=True)
class There:
    """One document that the ledger has."""

    amount: Decimal
    state: str
    month: str


@dataclass
class Tally:
    """Documents of one type on both sides."""

    handed_in: int = 0
    sum_handed_in: Decimal = Decimal(0)
    there: int = 0
    sum_there: Decimal = Decimal(0)
    waiting: int = 0


@dataclass
class Verdict:
    """What the ledger holds of ours, and what is wrong with it."""

    tallies: dict[ObjectType, Tally] = field(default_factory=lambda: defaultdict(Tally))
    complaints: list[str] = field(default_factory=list)
    gaps: dict[tuple[str, ObjectType], Decimal] = field(
        default_factory=lambda: defaultdict(lambda: Decimal(0))
    )
    """(month, type) → the ledger's total less ours, of what should be there."""

    def add(self, wanted: Wanted, there: list[There]) -> None:
        """Compare one document with what the ledger has of it."""
        tally = self.tallies[wanted.kind]
        tally.handed_in += 1
        tally.sum_handed_in += wanted.amount
        tally.there += len(there)
        tally.sum_there += sum((one.amount for one in there), Decimal(0))
        for one in there:
            self.gaps[one.month, wanted.kind] += one.amount
        if wanted.waits:
            tally.waiting += 1
            if there:
                self.complaints.append(f"{wanted.label} is in Tryton, although it should wait")
            return
        self.gaps[wanted.month, wanted.kind] -= wanted.amount
        if len(there) != 1:
            self.complaints.append(f"{wanted.label} is in Tryton {len(there)} times")
        elif there[0].state not in POSTED:
            self.complaints.append(f"{wanted.label} is not posted in Tryton: {there[0].state}")
        elif there[0].amount != wanted.amount:
            self.complaints.append(
                f"{wanted.label} is {wanted.amount} here and {there[0].amount} in Tryton"
            )

    @property
    def sentence(self) -> str | None:
        """What is wrong, or None."""
        wrong = [
            *self.complaints,
            *(
                f"the {kind.plural_words} of {month} differ by {gap:+}"
                for (month, kind), gap in sorted(self.gaps.items())
                if gap
            ),
        ]
        if not wrong:
            return None
        rest = f" (and {len(wrong) - MOST_SAID} more)" if len(wrong) > MOST_SAID else ""
        return "; ".join(wrong[:MOST_SAID]) + rest


def judge(
    ledger: TrytonLedger, documents: Iterable[dict[str, Any]], *, missing: Collection[str]
) -> Verdict:
    """Compare, document by document.

    Args:
        ledger: The real thing.
        documents: What was handed in.
        missing: Ids that must not be there: they wait for a person.
    """
    verdict = Verdict()
    invoices, moves = ledger.invoices(), ledger.moves()
    by_reference, by_word = _by_reference(invoices), _by_word(moves)
    for document in documents:
        kind = ObjectType(document["type"])
        match kind:
            case ObjectType.INVOICE | ObjectType.BILL | ObjectType.CREDIT_NOTE:
                rows = by_reference[kind, document["number"]]
                there = [There(abs(row.total), row.state, f"{row.day:%Y-%m}") for row in rows]
                amount, day = Decimal(document["total"]), document["issue_date"]
            case ObjectType.PAYMENT:
                there, day = by_word[document["reference"]], document["date"]
                amount = Decimal(document["amount"])
            case ObjectType.JOURNAL_ENTRY:
                there, day = by_word[document["document_number"]], document["date"]
                debits = (Decimal(line.get("debit", "0")) for line in document["lines"])
                amount = sum(debits, Decimal(0))
            case _:
                continue
        label = f"{kind.words} {document.get('number') or document['id']}"
        waits = document["id"] in missing
        verdict.add(Wanted(kind, label, amount, day[:7], waits), there)
    marks = Counter(row.marker for row in invoices if row.marker)
    marks.update(row.marker for row in moves if row.marker and not row.origin)
    verdict.complaints += [
        f"our mark {mark} is on {times} documents" for mark, times in marks.items() if times > 1
    ]
    return verdict


def _by_reference(
    rows: Iterable[LedgerInvoice],
) -> dict[tuple[ObjectType, str], list[LedgerInvoice]]:
    found: dict[tuple[ObjectType, str], list[LedgerInvoice]] = defaultdict(list)
    for row in rows:
        kind = ObjectType.INVOICE if row.type == "out" else ObjectType.BILL
        if row.total < 0:
            kind = ObjectType.CREDIT_NOTE
        found[kind, row.reference or ""].append(row)
    return found


def _by_word(rows: Iterable[LedgerMove]) -> dict[str, list[There]]:
    """Movements by each word of their description."""
    found: dict[str, list[There]] = defaultdict(list)
    for row in rows:
        for word in set((row.description or "").split()):
            found[word].append(There(row.debit, row.state, f"{row.date:%Y-%m}"))
    return found
