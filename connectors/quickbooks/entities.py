"""QuickBooks' entities: which of them a type of ours is, and ids that are unique among them."""

from collections.abc import Mapping
from enum import StrEnum

from models.canonical import ContactRole, ObjectType


class Entity(StrEnum):
    """As answers name them; paths have them in lower case."""

    ACCOUNT = "Account"
    TAX_CODE = "TaxCode"
    TAX_RATE = "TaxRate"
    CUSTOMER = "Customer"
    VENDOR = "Vendor"
    ITEM = "Item"
    INVOICE = "Invoice"
    BILL = "Bill"
    CREDIT_MEMO = "CreditMemo"
    VENDOR_CREDIT = "VendorCredit"
    PAYMENT = "Payment"
    BILL_PAYMENT = "BillPayment"
    JOURNAL_ENTRY = "JournalEntry"

    @property
    def path(self) -> str:
        """Where it is written."""
        return f"/{self.value.lower()}"

    @property
    def words(self) -> str:
        """As people read it: `vendor credit`."""
        return "".join(f" {one.lower()}" if one.isupper() else one for one in self.value).strip()


ENTITIES: Mapping[ObjectType, tuple[Entity, ...]] = {
    ObjectType.LEDGER_ACCOUNT: (Entity.ACCOUNT,),
    ObjectType.TAX_RATE: (Entity.TAX_CODE,),
    ObjectType.CONTACT: (Entity.CUSTOMER, Entity.VENDOR),
    ObjectType.ITEM: (Entity.ITEM,),
    ObjectType.INVOICE: (Entity.INVOICE,),
    ObjectType.BILL: (Entity.BILL,),
    ObjectType.CREDIT_NOTE: (Entity.CREDIT_MEMO, Entity.VENDOR_CREDIT),
    ObjectType.PAYMENT: (Entity.PAYMENT, Entity.BILL_PAYMENT),
    ObjectType.JOURNAL_ENTRY: (Entity.JOURNAL_ENTRY,),
}
"""A tax rate of ours is a code there: rates proper stand on no document."""

LISTS = frozenset(
    {Entity.ACCOUNT, Entity.TAX_CODE, Entity.TAX_RATE, *ENTITIES[ObjectType.CONTACT], Entity.ITEM}
)
"""Entries that are made inactive instead of deleted; queries leave those out unless asked."""

ROLES = {ContactRole.CUSTOMER: Entity.CUSTOMER, ContactRole.SUPPLIER: Entity.VENDOR}

NUMBERS: Mapping[Entity, str] = {
    Entity.CUSTOMER: "DisplayName",
    Entity.VENDOR: "DisplayName",
    Entity.ITEM: "Name",
    Entity.PAYMENT: "PaymentRefNum",
}
"""Where a number, or a unique name, stands; `DocNumber` for all others."""


def number_field(entity: Entity) -> str:
    """The field that a look-up goes by."""
    return NUMBERS.get(entity, "DocNumber")


_PREFIXES = {
    Entity.CUSTOMER: "customer",
    Entity.VENDOR: "vendor",
    Entity.CREDIT_MEMO: "credit-memo",
    Entity.VENDOR_CREDIT: "vendor-credit",
    Entity.PAYMENT: "payment",
    Entity.BILL_PAYMENT: "bill-payment",
}
"""Ids count by entity: equal ones in two lists of one type of ours are different objects."""
_ENTITIES = {prefix: entity for entity, prefix in _PREFIXES.items()}


def platform_id(entity: Entity, row_id: str) -> str:
    """The id under which we keep an object."""
    prefix = _PREFIXES.get(entity)
    return f"{prefix}:{row_id}" if prefix else row_id


def place_of(kept: str, default: Entity) -> tuple[Entity, str]:
    """The entity and the id behind an id that we keep."""
    prefix, colon, row_id = kept.partition(":")
    if colon and prefix in _ENTITIES:
        return _ENTITIES[prefix], row_id
    return default, kept
