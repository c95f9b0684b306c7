"""One row of any list as a pulled record: the row's class, its marker, version and state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.apideck.client import Client, Values
from connectors.apideck.mapping import CODE, DELETED, BaseCurrency, marker_in, platform_id
from connectors.apideck.mapping_documents import bill, credit_note, invoice
from connectors.apideck.mapping_parties import (
    account,
    contact,
    entry,
    product,
    tax_rate,
    tax_rate_id,
)
from connectors.apideck.mapping_payments import marker_of, payment
from connectors.apideck.services import Resource
from connectors.apideck.wire import (
    AccountRow,
    BillRow,
    CreditNoteRow,
    EntryRow,
    InvoiceRow,
    ItemRow,
    PartyRow,
    PaymentRow,
    Row,
    TaxRow,
)
from connectors.base import PulledRecord
from models.canonical import AnyRecord, BillingDocument

_DIGITS = 16


@dataclass(frozen=True)
class Kind:
    """How the rows of one list are read."""

    row: type[Row]
    record: Callable[[Any, BaseCurrency], AnyRecord]
    marker: Callable[[Any], str | None]
    versioned: bool = True


def _kind_of_payment(resource: Resource) -> Kind:
    return Kind(PaymentRow, lambda row, base: payment(resource, row, base), marker_of)


def _kind_of_party(resource: Resource) -> Kind:
    return Kind(PartyRow, lambda row, _: contact(resource, row), lambda row: marker_in(row.notes))


KINDS: Mapping[Resource, Kind] = {
    Resource.INVOICES: Kind(InvoiceRow, invoice, lambda row: marker_in(row.reference)),
    Resource.BILLS: Kind(BillRow, bill, lambda row: marker_in(row.reference)),
    Resource.CREDIT_NOTES: Kind(CreditNoteRow, credit_note, lambda row: marker_in(row.reference)),
    Resource.PAYMENTS: _kind_of_payment(Resource.PAYMENTS),
    Resource.BILL_PAYMENTS: _kind_of_payment(Resource.BILL_PAYMENTS),
    Resource.CUSTOMERS: _kind_of_party(Resource.CUSTOMERS),
    Resource.SUPPLIERS: _kind_of_party(Resource.SUPPLIERS),
    Resource.ITEMS: Kind(ItemRow, lambda row, _: product(row), lambda row: marker_in(row.code)),
    Resource.JOURNAL_ENTRIES: Kind(EntryRow, entry, lambda row: marker_in(row.memo)),
    Resource.TAX_RATES: Kind(TaxRow, lambda row, _: tax_rate(row), lambda _: None, False),
    Resource.LEDGER_ACCOUNTS: Kind(AccountRow, lambda row, _: account(row), lambda _: None, False),
}


class Books:
    """What is known of the books behind a connection, asked for once and only when needed."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._currency: list[str | None] = []
        self._taxes: dict[str, dict[str, str]] | None = None

    def base_currency(self) -> str | None:
        """The currency of the books."""
        if not self._currency:
            self._currency.append(self.client.company_info().currency)
        return self._currency[0]

    def read(self, resource: Resource, values: Values) -> PulledRecord:
        """A row as the engine gets it.

        Raises:
            ValueError: It cannot be read.
        """
        kind = KINDS[resource]
        row = kind.row.model_validate(values)
        if isinstance(row, TaxRow):
            record_id = tax_rate_id(row)
        elif row.id:
            record_id = platform_id(resource, row.id)
        else:
            raise ValueError("it has no id")
        record = kind.record(row, self.base_currency)
        return PulledRecord(
            record_id,
            record,
            kind.marker(row),
            version_of(row, record) if kind.versioned else row.row_version,
            deleted=row.status == DELETED,
        )

    def tax(self, tax_rate: str) -> dict[str, str]:
        """How a line names a tax rate: most ledgers want its id, some its code."""
        if self._taxes is None:
            self._taxes = {}
            if self.client.service.tax_by_code:
                for page in self.client.pages(Resource.TAX_RATES, {}):
                    self._taxes |= {
                        str(one["id"]): {"code": str(one["code"])}
                        for one in page.values
                        if one.get("id") and one.get("code")
                    }
        if tax_rate in self._taxes:
            return self._taxes[tax_rate]
        if tax_rate.startswith(CODE):
            return {"code": tax_rate.removeprefix(CODE)}
        return {"id": tax_rate}


def version_of(row: Row, record: AnyRecord) -> str:
    """A version of ours: the ledger's, and a digest of the content.

    A payment changes the version of the document that it pays (seen with QuickBooks), and some
    ledgers have no version: the digest tells an edit from either.
    """
    return f"{row.row_version or ''}|{digest_of(record)}"


def digest_of(record: AnyRecord) -> str:
    """What stays the same while nobody edits an object; a payment is no edit."""
    if isinstance(record, BillingDocument):
        kept = record.status if record.status in {"draft", "void"} else "open"
        record = record.model_copy(update={"status": kept})
    return record.content_hash()[:_DIGITS]


def row_version_of(version: str | None) -> str | None:
    """The ledger's part of a version of ours."""
    return (version or "").rpartition("|")[0] or None


def same_content(known: str | None, now: str | None) -> bool:
    """Whether what the ledger has is what we knew; unknown counts as known."""
    return not known or known.rpartition("|")[2] == (now or "").rpartition("|")[2]
