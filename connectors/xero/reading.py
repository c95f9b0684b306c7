"""Which list holds which type of ours, and how a row of it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import PulledRecord
from connectors.xero import mapping, mapping_documents, mapping_payments
from connectors.xero.books import Books, readable
from connectors.xero.client import Values
from connectors.xero.values import marker_in
from connectors.xero.wire import (
    AccountRow,
    BatchPaymentRow,
    ContactRow,
    CreditNoteRow,
    CreditRow,
    InvoiceRow,
    ItemRow,
    JournalRow,
    PaymentRow,
    Row,
    TaxRow,
)
from models.canonical import AnyRecord, ObjectType

OPEN = "AUTHORISED"


@dataclass(frozen=True)
class Feed:
    """One list of a type."""

    endpoint: str
    where: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    paged: bool = True
    compared: bool = False
    """Whether open documents are read whole now and then: a change that posts nothing, as of a due
    date, does not move `UpdatedDateUTC` ("requests and responses", 2026)."""


_ARCHIVED = {"includeArchived": "true"}
_SOLD = Feed("Invoices", 'Type=="ACCREC"', _ARCHIVED, compared=True)
_BOUGHT = Feed("Invoices", 'Type=="ACCPAY"', _ARCHIVED, compared=True)

FEEDS: Mapping[ObjectType, tuple[Feed, ...]] = {
    ObjectType.LEDGER_ACCOUNT: (Feed("Accounts", paged=False),),
    ObjectType.TAX_RATE: (Feed("TaxRates", paged=False),),
    ObjectType.CONTACT: (Feed("Contacts", query=_ARCHIVED),),
    ObjectType.ITEM: (Feed("Items", paged=False),),
    ObjectType.INVOICE: (_SOLD,),
    ObjectType.BILL: (_BOUGHT,),
    ObjectType.CREDIT_NOTE: (Feed("CreditNotes"),),
    ObjectType.PAYMENT: (
        Feed("Payments"),
        Feed("BatchPayments", paged=False),
        Feed("Overpayments"),
        Feed("Prepayments"),
    ),
    ObjectType.JOURNAL_ENTRY: (Feed("ManualJournals"),),
}
WHOLE = frozenset({ObjectType.LEDGER_ACCOUNT, ObjectType.TAX_RATE, ObjectType.ITEM})
"""Small lists that are read whole every time: some of them have no date at all."""
UNDATED = WHOLE | {ObjectType.CONTACT}

_IDS = {
    "Accounts": "AccountID",
    "TaxRates": "TaxType",
    "Contacts": "ContactID",
    "Items": "ItemID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Payments": "PaymentID",
    "BatchPayments": "BatchPaymentID",
    "Overpayments": "OverpaymentID",
    "Prepayments": "PrepaymentID",
    "ManualJournals": "ManualJournalID",
}
_Maker = Callable[[Any, Books], AnyRecord]
_READERS: Mapping[str, tuple[type[Row], _Maker]] = {
    "Accounts": (AccountRow, lambda row, _: mapping.account(row)),
    "TaxRates": (TaxRow, lambda row, _: mapping.tax_rate(row)),
    "Contacts": (ContactRow, lambda row, _: mapping.contact(row)),
    "Items": (ItemRow, mapping.item),
    "Invoices": (InvoiceRow, mapping_documents.invoice_or_bill),
    "CreditNotes": (CreditNoteRow, mapping_documents.credit_note),
    "Payments": (PaymentRow, mapping_payments.payment),
    "BatchPayments": (BatchPaymentRow, mapping_payments.batch),
    "Overpayments": (CreditRow, mapping_payments.credit),
    "Prepayments": (CreditRow, mapping_payments.credit),
    "ManualJournals": (JournalRow, mapping.journal),
}


def id_field(endpoint: str) -> str:
    """Which field holds a row's id."""
    return _IDS[endpoint]


def id_of(endpoint: str, values: Values) -> str:
    """The id under which we keep a row."""
    return mapping_payments.platform_id(endpoint, str(values.get(_IDS[endpoint]) or ""))


def read(endpoint: str, values: Values, books: Books) -> PulledRecord | None:
    """A row as the engine gets it; None for one that is a part of another.

    Raises:
        ValueError: It cannot be read.
    """
    cls, maker = _READERS[endpoint]
    if not values.get(_IDS[endpoint]):
        raise ValueError("it has no id")
    row = readable(cls, values)
    if isinstance(row, PaymentRow) and mapping_payments.is_batched(row):
        return None
    return PulledRecord(
        id_of(endpoint, values),
        maker(row, books),
        _marker(row),
        row.updated_date_utc and row.updated_date_utc.isoformat(),
        deleted=row.status == "DELETED" and endpoint in {"Invoices", "CreditNotes"},
    )


def _marker(row: Row) -> str | None:
    match row:
        case InvoiceRow() | CreditNoteRow():
            return mapping_documents.marker_of(row)
        case PaymentRow() | BatchPaymentRow() | CreditRow():
            return mapping_payments.marker_of(row)
        case ContactRow():
            return marker_in(row.contact_number)
        case ItemRow():
            return marker_in(row.code)
        case JournalRow():
            return marker_in(row.url)
    return None
