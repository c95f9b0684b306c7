"""What is special about each ledger behind Apideck, as data.

From Apideck's accounting document 10.34.0, its changelog and the SDK 0.52.0 (August and November
2026). A service that is not in the table gets `CAREFUL`: what the API documents for all, and no
edits of documents, about which ledgers differ most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from connectors.base import Operation
from models.canonical import ObjectType

PAGE_SIZE = 200


class Resource(StrEnum):
    """What Apideck calls the lists that we use."""

    INVOICES = "invoices"
    BILLS = "bills"
    CREDIT_NOTES = "credit-notes"
    PAYMENTS = "payments"
    BILL_PAYMENTS = "bill-payments"
    TAX_RATES = "tax-rates"
    CUSTOMERS = "customers"
    SUPPLIERS = "suppliers"
    LEDGER_ACCOUNTS = "ledger-accounts"
    ITEMS = "invoice-items"
    JOURNAL_ENTRIES = "journal-entries"


RESOURCES: Mapping[ObjectType, tuple[Resource, ...]] = {
    ObjectType.CONTACT: (Resource.CUSTOMERS, Resource.SUPPLIERS),
    ObjectType.ITEM: (Resource.ITEMS,),
    ObjectType.TAX_RATE: (Resource.TAX_RATES,),
    ObjectType.LEDGER_ACCOUNT: (Resource.LEDGER_ACCOUNTS,),
    ObjectType.INVOICE: (Resource.INVOICES,),
    ObjectType.BILL: (Resource.BILLS,),
    ObjectType.CREDIT_NOTE: (Resource.CREDIT_NOTES,),
    ObjectType.PAYMENT: (Resource.PAYMENTS, Resource.BILL_PAYMENTS),
    ObjectType.JOURNAL_ENTRY: (Resource.JOURNAL_ENTRIES,),
}

KEYED = frozenset(
    {Resource.INVOICES, Resource.BILLS, Resource.CREDIT_NOTES, Resource.JOURNAL_ENTRIES}
)
"""Creations that take an `Idempotency-Key`; payments, contacts and items do not."""

UNDATED = frozenset({Resource.TAX_RATES})
"""Lists without `filter[updated_since]` and without an order, for every ledger."""

_CREATE = frozenset({Operation.CREATE})
_UPDATE = _CREATE | {Operation.UPDATE}
_VOID = _CREATE | {Operation.VOID}
_ALL = _UPDATE | {Operation.VOID}

WHOLE: Mapping[ObjectType, frozenset[Operation]] = {
    ObjectType.CONTACT: _UPDATE,
    ObjectType.ITEM: _UPDATE,
    ObjectType.INVOICE: _ALL,
    ObjectType.BILL: _ALL,
    ObjectType.CREDIT_NOTE: _ALL,
    ObjectType.PAYMENT: _VOID,
    ObjectType.JOURNAL_ENTRY: _ALL,
}
"""The most that is written to any ledger."""

FEW: Mapping[ObjectType, frozenset[Operation]] = {
    **WHOLE,
    ObjectType.INVOICE: _CREATE,
    ObjectType.BILL: _CREATE,
    ObjectType.CREDIT_NOTE: _CREATE,
    ObjectType.JOURNAL_ENTRY: _CREATE,
}
"""Without edits of documents."""


class Marker(StrEnum):
    """The field of a payment that keeps our marker."""

    REFERENCE = "reference"
    NUMBER = "number"
    NOTE = "note"


@dataclass(frozen=True)
class Service:
    """One ledger's ways."""

    writes: Mapping[ObjectType, frozenset[Operation]] = field(default_factory=lambda: WHOLE)
    missing: frozenset[Resource] = frozenset()
    """Lists that it does not have."""
    unfiltered: frozenset[Resource] = frozenset()
    """Lists that cannot be asked for what changed: they are read whole."""
    unsorted: frozenset[Resource] = frozenset()
    unpaged: frozenset[Resource] = frozenset()
    """Lists that come whole, and take neither `limit` nor `cursor`."""
    page_size: int = PAGE_SIZE
    keys: bool = True
    """Whether it honours `Idempotency-Key` where the API takes one."""
    marker: Marker = Marker.REFERENCE
    applies_later: bool = False
    """Allocations of payments take effect after the answer: a document may look unpaid."""
    status: str | None = "authorised"
    """With which a document is created; None: it takes none."""
    void_by_status: frozenset[Resource] = frozenset()
    """Documents that are voided by their status; the others are deleted."""
    tax_by_code: bool = False
    """Lines name taxes by code, not by id."""
    lines_keep_ids: bool = False
    """A line of an update without its id is added, and one left out stays."""
    needs_allocations: bool = False
    """A payment must say what it is for."""
    needs_method: frozenset[Resource] = frozenset()
    methods: frozenset[str] = frozenset()
    """The only methods of bill payments, exactly so."""
    needs_note: bool = False
    bill_states: tuple[str, ...] = ()
    """Its list of bills holds one of these states at a time."""

    @property
    def whole(self) -> frozenset[Resource]:
        """Lists that are read whole every time."""
        return UNDATED | self.unfiltered


def without(
    writes: Mapping[ObjectType, frozenset[Operation]], *kinds: ObjectType
) -> Mapping[ObjectType, frozenset[Operation]]:
    """The same without writing some types."""
    return {kind: operations for kind, operations in writes.items() if kind not in kinds}


_VOIDS = frozenset({Resource.INVOICES, Resource.CREDIT_NOTES})

CAREFUL = Service(writes=FEW)

SERVICES: Mapping[str, Service] = {
    "afas": replace(CAREFUL, bill_states=("unpaid", "partially_paid", "paid")),
    "alegra": replace(CAREFUL, needs_allocations=True),
    "clearbooks-uk": replace(CAREFUL, unpaged=frozenset(Resource)),
    "dualentry": replace(CAREFUL, needs_note=True),
    "exact-online": replace(CAREFUL, status=None),
    "exact-online-nl": replace(CAREFUL, status=None),
    "exact-online-uk": replace(CAREFUL, status=None),
    "holded": replace(CAREFUL, status=None),
    "microsoft-dynamics-365-business-central": replace(CAREFUL, tax_by_code=True),
    "netsuite": Service(),
    "quickbooks": Service(
        applies_later=True,
        marker=Marker.NOTE,
        methods=frozenset({"Check", "CreditCard"}),
        needs_method=frozenset({Resource.BILL_PAYMENTS}),
        unpaged=frozenset({Resource.TAX_RATES}),
        void_by_status=frozenset({Resource.INVOICES}),
    ),
    "sage-business-cloud-accounting": replace(CAREFUL, status="submitted"),
    "sage-intacct": replace(CAREFUL, needs_method=frozenset({Resource.BILL_PAYMENTS})),
    "sage-intacct-rest": replace(
        CAREFUL,
        lines_keep_ids=True,
        marker=Marker.NUMBER,
        needs_method=frozenset({Resource.BILL_PAYMENTS}),
    ),
    "workday": replace(
        CAREFUL,
        writes=without(CAREFUL.writes, ObjectType.ITEM),
        keys=False,
        unfiltered=frozenset(Resource),
        unsorted=frozenset(Resource),
    ),
    "xero": Service(void_by_status=_VOIDS | {Resource.BILLS}),
    "zoho-books": replace(CAREFUL, status="submitted"),
}


def service(key: str | None) -> Service:
    """What is known of a ledger; the careful one for others."""
    return SERVICES.get(key or "", CAREFUL)
