"""One object of a plain ledger."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models.canonical import (
    AnyRecord,
    BillingDocument,
    JournalEntry,
    ObjectType,
    Payment,
)
from models.canonical.money import ZERO, shown

DOCUMENTS = (ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE)
POSTED = (*DOCUMENTS, ObjectType.JOURNAL_ENTRY)
"""What is posted, and may be a draft before."""
DATED = (*POSTED, ObjectType.PAYMENT)


@dataclass(frozen=True)
class Entry:
    """One object of the ledger, as a judge sees it."""

    id: str
    kind: ObjectType
    record: AnyRecord
    """With the ledger's ids, numbers, totals, balance and status."""
    marker: str | None = None
    version: int = 1
    """Rises with every change of content; being paid is none."""
    draft: bool = False
    deleted: bool = False
    paid: Decimal = ZERO
    """What payments have allocated to it, void ones aside."""
    created_at: dt.datetime | None = None
    changed_at: dt.datetime | None = None
    overlay: Mapping[str, Any] = field(default_factory=dict)
    """Fields that go out as they are, instead of the record's: see `PlainLedger.distort`."""

    @property
    def number(self) -> str | None:
        """The document's number."""
        return getattr(self.record, "number", None)

    @property
    def status(self) -> str:
        """The document's status; objects that have none are open."""
        return str(getattr(self.record, "status", "open"))

    @property
    def total(self) -> Decimal | None:
        """With tax; a payment's amount, an entry's sum of debits."""
        if isinstance(self.record, Payment):
            return self.record.amount
        return (
            self.record.total if isinstance(self.record, BillingDocument | JournalEntry) else None
        )

    @property
    def balance(self) -> Decimal | None:
        """What is still to be paid."""
        return self.record.balance if isinstance(self.record, BillingDocument) else None

    @property
    def label(self) -> str:
        """The object as a bookkeeper calls it: `invoice INV-00001`."""
        return f"{self.kind.words} {getattr(self.record, 'name', None) or self.number or self.id}"

    def money(self, amount: Decimal) -> str:
        """An amount in the document's currency, in words."""
        return shown(amount, getattr(self.record, "currency", ""))
