"""Payments, received from customers or made to suppliers, and what they are for.

A document's paid state is never written: a payment with allocations is, and the state is read
back from the ledger.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from models.canonical.document import Side
from models.canonical.money import Amount, Currency, Rate, total_of
from models.canonical.record import (
    CanonicalRecord,
    LongText,
    ObjectType,
    RecordId,
    ShortText,
    Value,
)

Positive = Annotated[Amount, Field(gt=0)]
PayableType = Literal[ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE]


class Allocation(Value):
    """The part of a payment assigned to one document."""

    document_type: PayableType
    document_id: RecordId
    amount: Positive


class Payment(CanonicalRecord):
    """Money in (`side` customer) or out (`side` supplier).

    Allocations may add up to less than the amount: the rest stays on account.
    """

    type: Literal[ObjectType.PAYMENT] = ObjectType.PAYMENT
    side: Side
    number: ShortText | None = None
    date: dt.date
    amount: Positive
    currency: Currency
    currency_rate: Rate | None = None
    contact_id: RecordId | None = None
    account_id: RecordId | None = None
    """The bank or cash account that the money moved on."""
    method: ShortText | None = None
    reference: ShortText | None = None
    note: LongText | None = None
    reconciled: bool = False
    """Whether it is matched with a bank statement."""
    status: ShortText = "open"
    """draft, open, void, or the owner's own word."""
    allocations: tuple[Allocation, ...] = ()

    @property
    def unallocated(self) -> Amount:
        """What is not assigned to a document."""
        return self.amount - total_of(part.amount for part in self.allocations)
