"""Ledger accounts and journal entries: the books themselves."""

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from models.canonical.money import ZERO, Amount, Currency, Rate, total_of
from models.canonical.record import (
    CanonicalRecord,
    LongText,
    ObjectType,
    RecordId,
    ShortText,
    Value,
)

NotNegative = Annotated[Amount, Field(ge=0)]


class LedgerAccount(CanonicalRecord):
    """An account of the chart of accounts."""

    derived: ClassVar[frozenset[str]] = frozenset({"balance"})

    type: Literal[ObjectType.LEDGER_ACCOUNT] = ObjectType.LEDGER_ACCOUNT
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    code: ShortText | None = None
    classification: ShortText = "unknown"
    """asset, liability, equity, income, expense, or the owner's own word."""
    subtype: ShortText | None = None
    is_bank_account: bool = False
    currency: Currency | None = None
    tax_rate_id: RecordId | None = None
    balance: Amount | None = None
    active: bool = True


class DimensionTag(Value):
    """A value on an analytic axis (department, project, warehouse ...)."""

    dimension: ShortText
    value: ShortText
    amount: Amount | None = None
    """The part of the line that the tag is about; None for all of it."""


class Matching(Value):
    """Lines that offset each other share a match ("lettrage")."""

    match_id: ShortText
    full: bool
    letters: ShortText | None = None


class OpenItem(Value):
    """What is still to be paid of a line, one per instalment."""

    id: RecordId
    amount: Amount
    paid: Amount = ZERO
    due_date: dt.date | None = None
    status: ShortText | None = None


class JournalLine(Value):
    """One side of an entry: exactly one of debit and credit is above zero."""

    account_id: RecordId
    debit: NotNegative = ZERO
    credit: NotNegative = ZERO
    description: ShortText | None = None
    contact_id: RecordId | None = None
    """The third party that the line concerns."""
    tax_rate_id: RecordId | None = None
    tax_rate: Rate | None = None
    dimensions: tuple[DimensionTag, ...] = ()
    matching: Matching | None = None
    open_items: tuple[OpenItem, ...] = ()


class JournalEntry(CanonicalRecord):
    """A balanced accounting entry."""

    type: Literal[ObjectType.JOURNAL_ENTRY] = ObjectType.JOURNAL_ENTRY
    number: ShortText | None = None
    date: dt.date
    document_date: dt.date | None = None
    document_number: ShortText | None = None
    journal: ShortText | None = None
    """Code or id of the journal that it belongs to."""
    description: LongText | None = None
    currency: Currency
    status: ShortText = "open"
    """draft, open (posted), void, or the owner's own word."""
    source: ShortText | None = None
    """What made the entry, in the owner's words."""
    lines: tuple[JournalLine, ...]

    @property
    def total(self) -> Amount:
        """The sum of the debit side."""
        return total_of(line.debit for line in self.lines)
