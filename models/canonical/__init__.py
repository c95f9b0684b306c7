"""Canonical records: our provider-neutral values for business objects, all frozen."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from models.canonical.bill import Bill
from models.canonical.checks import Problem, contradictions
from models.canonical.credit_note import CreditNote
from models.canonical.document import (
    AllowanceCharge,
    BillingDocument,
    DocumentStatus,
    Line,
    Side,
    TaxSubtotal,
)
from models.canonical.invoice import Invoice
from models.canonical.item import Item
from models.canonical.ledger import (
    DimensionTag,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    Matching,
    OpenItem,
)
from models.canonical.party import Address, Contact, ContactRole
from models.canonical.payment import Allocation, Payment
from models.canonical.record import CanonicalRecord, ObjectType
from models.canonical.tax_rate import TaxComponent, TaxRate, TaxUse

AnyDocument = Invoice | Bill | CreditNote
AnyRecord = (
    Contact | Item | TaxRate | LedgerAccount | Invoice | Bill | CreditNote | Payment | JournalEntry
)
record_adapter: TypeAdapter[AnyRecord] = TypeAdapter(
    Annotated[AnyRecord, Field(discriminator="type")]
)
"""Reads any record by its `type`."""

RECORD_CLASSES: dict[ObjectType, type[AnyRecord]] = {
    ObjectType.CONTACT: Contact,
    ObjectType.ITEM: Item,
    ObjectType.TAX_RATE: TaxRate,
    ObjectType.LEDGER_ACCOUNT: LedgerAccount,
    ObjectType.INVOICE: Invoice,
    ObjectType.BILL: Bill,
    ObjectType.CREDIT_NOTE: CreditNote,
    ObjectType.PAYMENT: Payment,
    ObjectType.JOURNAL_ENTRY: JournalEntry,
}

__all__ = [
    "RECORD_CLASSES",
    "Address",
    "Allocation",
    "AllowanceCharge",
    "AnyDocument",
    "AnyRecord",
    "Bill",
    "BillingDocument",
    "CanonicalRecord",
    "Contact",
    "ContactRole",
    "CreditNote",
    "DimensionTag",
    "DocumentStatus",
    "Invoice",
    "Item",
    "JournalEntry",
    "JournalLine",
    "LedgerAccount",
    "Line",
    "Matching",
    "ObjectType",
    "OpenItem",
    "Payment",
    "Problem",
    "Side",
    "TaxComponent",
    "TaxRate",
    "TaxSubtotal",
    "TaxUse",
    "contradictions",
    "record_adapter",
]
