"""Pushing payments: one settlement of open items each, or one entry where nothing is named.

Sage has no payment object. A settlement is one call for one third party, one bank account and any
number of open items; Sage writes the bank entry. Our marker is its document number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Cause, MappingMissing, Rejected, Unsupported
from connectors.sage_active import errors, mapping_entries, queries
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client
from connectors.sage_active.entries import several
from connectors.sage_active.ledger import (
    DESCRIPTION_LENGTH,
    EntryLineOut,
    EntryOut,
    Ledger,
)
from connectors.sage_active.mapping_documents import IN_THE_LEDGER
from connectors.sage_active.mapping_entries import FINANCIAL
from connectors.sage_active.values import label, require_euro
from connectors.sage_active.wire import (
    Entry,
    OpenItem,
    PaymentMethod,
    PurchaseInvoice,
    SalesInvoice,
)
from models.canonical import Allocation, ObjectType, Payment, Side
from models.canonical.money import ZERO, shown


@dataclass(frozen=True)
class Payable:
    """A document as a settlement sees it."""

    name: str
    """As people call it."""
    party_id: str | None
    posted: bool
    items: Sequence[OpenItem]


class Payments:
    """Payments of one organisation."""

    def __init__(self, client: Client, books: Books, ledger: Ledger) -> None:
        self._client = client
        self._books = books
        self._ledger = ledger

    def push(self, item: PushItem) -> PushResult:
        """Write one payment."""
        record = item.record
        assert isinstance(record, Payment)  # noqa: S101  # by its type
        require_euro(record)
        if not record.allocations:
            return self._on_account(item, record)
        if record.unallocated != ZERO:
            raise Unsupported(
                "Sage Active books a payment as exactly what it settles, and "
                f"{shown(record.unallocated, record.currency)} of {label(record)} settles nothing",
                code="unallocated",
            )
        return self._settle(item, record)

    # Settling open items.

    def _settle(self, item: PushItem, record: Payment) -> PushResult:
        payables = self._payables(record)
        party_id = self._one_party(record, payables)
        amounts: list[dict[str, Any]] = []
        for part in record.allocations:
            amounts += _spread(part, payables[part.document_id], label(record))
        method = self._method(record)
        self._books.require_open(record.date)
        values: dict[str, Any] = {
            "entryDate": record.date.isoformat(),
            "paymentMethodId": method.id,
            "thirdPartyId": party_id,
            "description": _text(record),
            "documentNumber": item.marker,
        }
        if record.side is Side.CUSTOMER:
            values["salesOpenItemLinkagePaidAmounts"] = amounts
            made = self._client.settle_sales(values)
        else:
            values["purchaseOpenItemLinkagePaidAmounts"] = amounts
            made = self._client.settle_bills(values)
        number = made.text("accountingEntryNumber")
        entry_id = made.id("accountingEntryId")
        return Accepted(entry_id, number=number, request_id=made.request_id)

    def _payables(self, record: Payment) -> dict[str, Payable]:
        """The documents that are paid, with what is open on them: one query, or two with entries."""
        ids = [part.document_id for part in record.allocations]
        wanted = ObjectType.INVOICE if record.side is Side.CUSTOMER else ObjectType.BILL
        for part in record.allocations:
            if part.document_type != wanted:
                raise Unsupported(
                    f"Sage Active settles a {wanted.words} with such a payment, not a "
                    f"{ObjectType(part.document_type).words}",
                    code="allocation",
                )
        found: dict[str, Payable] = {}
        if wanted is ObjectType.INVOICE:
            for row in self._client.by_ids(SalesInvoice, queries.SALES_INVOICES, ids):
                posted = row.status in IN_THE_LEDGER
                name = f"{wanted.words} {row.operational_number or row.id}"
                found[row.id] = Payable(name, row.customer_id, posted, row.open_items)
        else:
            for bill in self._client.by_ids(PurchaseInvoice, queries.BILLS, ids):
                posted = bill.status in IN_THE_LEDGER
                name = f"{wanted.words} {bill.invoice_number or bill.id}"
                found[bill.id] = Payable(name, bill.supplier_id, posted, bill.open_items)
        for entry in self._client.by_ids(
            Entry, queries.ENTRIES, [one for one in ids if one not in found]
        ):
            found[entry.id] = _payable_entry(entry, wanted)
        for one in ids:
            if one not in found:
                raise errors.deleted(f"{wanted.words} {one}")
            if not found[one].posted:
                raise errors.not_posted(found[one].name)
        return found

    def _one_party(self, record: Payment, payables: dict[str, Payable]) -> str:
        parties = {payables[part.document_id].party_id for part in record.allocations}
        (party, *others) = sorted(one or "" for one in parties)
        if others or not party:
            raise Unsupported(
                f"Sage Active settles open items of one third party at a time, and {label(record)} "
                f"pays those of {len(parties)}",
                code="parties",
            )
        return party

    def _method(self, record: Payment) -> PaymentMethod:
        """The bank or cash account in Sage's own list of them.

        Raises:
            MappingMissing: None is on the payment's account.
        """
        usable = [one for one in self._books.payment_methods if not one.disabled]
        name = self._books.settings.payment_method
        if name is not None:
            fitting = [one for one in usable if name in {one.reference_name, one.id}]
        else:
            fitting = [one for one in usable if one.sub_account_id == record.account_id]
        if fitting:
            return fitting[0]
        which = f"named {name}" if name else f"on the account {record.account_id}"
        raise MappingMissing(
            f"Sage Active has no payment method {which}",
            code="no_payment_method",
            cause=Cause("payment_method_missing", which, {"which": which}),
        )

    # Money on account.

    def _on_account(self, item: PushItem, record: Payment) -> PushResult:
        """Bank against third party; what it pays is matched in Sage, by a person or by itself."""
        if record.contact_id is None or record.account_id is None:
            raise Unsupported(
                f"{label(record)} names neither a document nor a contact", code="no_contact"
            )
        bought = record.side is Side.SUPPLIER
        setup = self._books.accounting_setup
        if bought:
            party = self._books.supplier_for(record.contact_id)
            default = setup.default_suppliers_account_id
        else:
            party = self._books.customer_for(record.contact_id)
            default = setup.default_customers_account_id
        account = party.default_accounting_account_id or default
        if account is None:
            raise Unsupported(
                f"{party.social_name or party.id} has no account in Sage Active",
                code="no_party_account",
            )
        method = self._method(record)
        if method.sub_account_id is None or method.journal_type_id is None:
            raise Unsupported(
                f"the payment method {method.reference_name} has no account or no journal in Sage "
                "Active",
                code="payment_method",
            )
        amount = -record.amount if bought else record.amount
        made = self._ledger.create(
            EntryOut(
                label=label(record),
                date=record.date,
                journal_id=method.journal_type_id,
                document_number=item.marker,
                description=_text(record),
                lines=[
                    EntryLineOut.of(method.sub_account_id, amount),
                    EntryLineOut.of(account, -amount, third_id=party.id),
                ],
            )
        )
        return Accepted(made.id(), number=made.text("number"), request_id=made.request_id)

    # Looking up.

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look payments up by the document number of their bank entries: one query for all."""
        rows = self._ledger.rows(items, by="documentNumber")
        return [_found(item, rows) for item in items]


def _found(item: PushItem, rows: Iterable[Entry]) -> FindResult:
    mine = [
        row
        for row in rows
        if row.id == item.platform_id
        or (row.document_number == item.marker and mapping_entries.journal_of(row) == FINANCIAL)
    ]
    if not mine:
        return Absent()
    if len(mine) > 1:
        return Unclear(several(item, mine))
    (row,) = mine
    return Found(Accepted(row.id, number=None if row.number is None else str(row.number)))


def _payable_entry(entry: Entry, kind: ObjectType) -> Payable:
    line = mapping_entries.party_line(entry)
    party = line.accounting_entry_third_party if line else None
    invoice = line.accounting_entry_invoice if line else None
    return Payable(
        f"{kind.words} {mapping_entries.outside_number(entry) or entry.id}",
        party.third_party_id if party else None,
        posted=True,
        items=invoice.open_items if invoice else (),
    )


def _spread(part: Allocation, payable: Payable, payment: str) -> list[dict[str, Any]]:
    """Spread an allocation over a document's open items, those due first before the others.

    Raises:
        Rejected: It is more than what is open.
    """
    left = part.amount
    amounts: list[dict[str, Any]] = []
    for one in sorted(payable.items, key=lambda each: (each.due_date or date.max, each.id)):
        paid = min(left, one.open)
        if paid > ZERO:
            amounts.append({"openItemId": one.id, "paidAmount": paid})
            left -= paid
    if left > ZERO:
        raise _over_allocated(payable.name, payment, part.amount, part.amount - left)
    return amounts


def _over_allocated(document: str, payment: str, wanted: Decimal, there: Decimal) -> Rejected:
    return Rejected(
        f"{payment} would pay {shown(wanted, 'EUR')} of {document}, of which only "
        f"{shown(there, 'EUR')} is open",
        code="over_allocated",
        cause=Cause("over_allocated", document, {"document": document}),
    )


def _text(record: Payment) -> str:
    texts = [record.reference or record.number, record.note]
    words = " ".join(" ".join(text.split()) for text in texts if text)
    return (words or label(record))[:DESCRIPTION_LENGTH].rstrip()
