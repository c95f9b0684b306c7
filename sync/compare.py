"""Where our version of a document and the ledger's differ, in words: pure.

Compared is what both sides must agree on: dates, currency, sums, names. What a ledger adds of
its own (numbers, accounts, texts) is no difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from models.canonical import (
    AnyRecord,
    BillingDocument,
    Contact,
    Item,
    JournalEntry,
    Payment,
)
from models.canonical.money import ZERO, equal_to_the_cent, shown
from models.canonical.record import ObjectType


@dataclass(frozen=True)
class Difference:
    """One field that differs, as people read it."""

    field: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.field} is {self.ours} here and {self.theirs} there"


def differences(
    ours: AnyRecord, theirs: AnyRecord, *, tolerance: Decimal = ZERO
) -> list[Difference]:
    """List what differs; sums may differ by `tolerance`."""
    return list(_differences(ours, theirs, tolerance))


def _differences(ours: AnyRecord, theirs: AnyRecord, tolerance: Decimal) -> Iterator[Difference]:
    if isinstance(ours, BillingDocument) and isinstance(theirs, BillingDocument):
        yield from _texts([("date", ours.issue_date, theirs.issue_date)])
        yield from _texts([("currency", ours.currency, theirs.currency)])
        sums = [
            ("net total", ours.net_total, theirs.net_total),
            ("tax", ours.tax_total, theirs.tax_total),
            ("total", ours.total, theirs.total),
        ]
        yield from _sums(sums, ours.currency, tolerance)
        # A void one keeps its sums; being void is the difference.
        if (ours.status == "void") != (theirs.status == "void"):
            yield Difference("status", ours.status, theirs.status)
    elif isinstance(ours, Payment) and isinstance(theirs, Payment):
        yield from _texts([("date", ours.date, theirs.date)])
        yield from _texts([("currency", ours.currency, theirs.currency)])
        yield from _sums([("amount", ours.amount, theirs.amount)], ours.currency, tolerance)
        if (ours.status == "void") != (theirs.status == "void"):
            yield Difference("status", ours.status, theirs.status)
    elif isinstance(ours, JournalEntry) and isinstance(theirs, JournalEntry):
        yield from _texts([("date", ours.date, theirs.date)])
        yield from _sums([("sum of debits", ours.total, theirs.total)], ours.currency, ZERO)
    elif (isinstance(ours, Contact) and isinstance(theirs, Contact)) or (
        isinstance(ours, Item) and isinstance(theirs, Item)
    ):
        yield from _texts([("name", ours.name, theirs.name)])


def _texts(pairs: Sequence[tuple[str, object, object]]) -> Iterator[Difference]:
    for field, ours, theirs in pairs:
        if ours != theirs:
            yield Difference(field, str(ours), str(theirs))


def _sums(
    triples: Sequence[tuple[str, Decimal, Decimal]], currency: str, tolerance: Decimal
) -> Iterator[Difference]:
    for field, ours, theirs in triples:
        if equal_to_the_cent(ours, theirs, currency) or abs(ours - theirs) <= tolerance:
            continue
        yield Difference(field, shown(ours, currency), shown(theirs, currency))


def in_words(found: Sequence[Difference]) -> str:
    """Differences as one clause of a sentence."""
    return "; ".join(map(str, found))


def label(record: AnyRecord) -> str:
    """A document as people call it: `Invoice INV-7`, `Contact Rossi SpA`."""
    name: str | None
    match record:
        case Contact() | Item():
            name = record.name
        case BillingDocument() | JournalEntry():
            name = record.number
        case Payment():
            name = record.reference or record.number
        case _:
            name = record.name
    words = ObjectType(record.type).words
    return f"{words[0].upper()}{words[1:]} {name or record.id}"
