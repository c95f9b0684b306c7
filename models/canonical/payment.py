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
NotNegative = Annotated[Amount, Field(ge=0)]
PayableType = Literal[ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE]


class Allocation(Value):
    """The part of a payment assigned to one document, or the credit of a note that it uses up."""

    document_type: PayableType
    document_id: RecordId
    amount: Positive


class Payment(CanonicalRecord):
    """Money in (`side` customer) or out (`side` supplier); with `refund`, the other way.

    An allocation to a credit note uses up its credit, which then pays for other documents: what is
    allocated to them comes to no more than the amount and that credit. The rest stays on account.
    A refund gives a credit note's money back; it names nothing else.
    """

    type: Literal[ObjectType.PAYMENT] = ObjectType.PAYMENT
    side: Side
    number: ShortText | None = None
    date: dt.date
    amount: NotNegative
    """What moved on the account; 0 where a credit pays for all."""
    currency: Currency
    currency_rate: Rate | None = None
    contact_id: RecordId | None = None
    account_id: RecordId | None = None
    """The bank or cash account that the money moved on."""
    method: ShortText | None = None
    reference: ShortText | None = None
    note: LongText | None = None
    refund: bool = False
    """Back to a customer, or back from a supplier."""
    reconciled: bool = False
    """Whether it is matched with a bank statement."""
    status: ShortText = "open"
    """draft, open, void, or the owner's own word."""
    allocations: tuple[Allocation, ...] = ()

    @property
    def credit(self) -> Amount:
        """How much of credit notes it uses up."""
        return total_of(
            part.amount
            for part in self.allocations
            if part.document_type is ObjectType.CREDIT_NOTE and not self.refund
        )

    @property
    def allocated(self) -> Amount:
        """How much of documents it settles."""
        return total_of(part.amount for part in self.allocations) - self.credit

    @property
    def unallocated(self) -> Amount:
        """What is not assigned to a document."""
        return self.amount + self.credit - self.allocated
