"""Credit notes, given to customers or received from suppliers; amounts are positive."""

from typing import Literal

from models.canonical.document import BillingDocument, Side
from models.canonical.record import ObjectType, RecordId, ShortText


class CreditNote(BillingDocument):
    """A credit of `total`, to a customer or from a supplier."""

    type: Literal[ObjectType.CREDIT_NOTE] = ObjectType.CREDIT_NOTE
    side: Side = Side.CUSTOMER
    corrects: tuple[RecordId, ...] = ()
    """The invoices or bills that it corrects (BG-3)."""
    correction_type: ShortText | None = None
    """How it corrects where the law asks: by differences, substitutive ..."""
    correction_reason: ShortText | None = None
    """A code where the law asks for one (R1 to R5 in Spain), or words."""
