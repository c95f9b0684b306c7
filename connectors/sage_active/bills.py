"""Pushing bills as documents: created, compared, posted.

A bill has one field that is ours to fill and to search by: the supplier's number. Together with the
supplier it says which bill it is; where ours has no number, our marker takes its place.
"""

from collections.abc import Sequence
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
    Totals,
    Unclear,
)
from connectors.errors import Rejected
from connectors.sage_active import errors, queries
from connectors.sage_active.books import PURCHASES, Books
from connectors.sage_active.client import Client
from connectors.sage_active.document_entries import document_of
from connectors.sage_active.invoices import CREATED, WITHDRAWN, posting_text
from connectors.sage_active.ledger import known_ids
from connectors.sage_active.mapping_documents import CLOSED, IN_THE_LEDGER, PENDING, bill_sums
from connectors.sage_active.values import (
    by_account_and_rate,
    differing_sums,
    fits,
    label,
    present,
    require_euro,
)
from connectors.sage_active.wire import PurchaseInvoice
from models.canonical import AnyDocument, ObjectType
from models.canonical.money import ZERO


class Bills:
    """Bills of one organisation."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def push(self, item: PushItem) -> PushResult:
        """Take one bill a step further."""
        record = document_of(item)
        require_euro(record)
        step = (item.progress or {}).get("step")
        if item.platform_id is None or step == WITHDRAWN:
            return self._create(item, record)
        row = self._row(item.platform_id)
        if row is None:
            error = errors.deleted(label(record))
            error.withdrawn = item.progress is not None
            raise error
        changed = item.operation is Operation.UPDATE and not _same_content(record, row)
        if row.status == PENDING:
            if changed:
                self._delete(row.id)
                return Progressed({"step": WITHDRAWN})
            return self._post(record, row)
        if changed:
            raise errors.frozen(ObjectType(record.type).words, label(record))
        if row.status == CLOSED and self._books.settings.post:
            # Sage's word for a bill whose posting failed.
            return self._post(record, row)
        return _accepted(record, row)

    def _row(self, bill_id: str) -> PurchaseInvoice | None:
        found = self._client.by_ids(PurchaseInvoice, queries.BILLS, [bill_id])
        return found[0] if found else None

    def _create(self, item: PushItem, record: AnyDocument) -> PushResult:
        self._books.require_open(record.issue_date)
        made = self._client.create_bill(self._values(item, record))
        return Progressed({"step": CREATED}, made.id(), request_id=made.request_id)

    def _values(self, item: PushItem, record: AnyDocument) -> dict[str, Any]:
        parts = by_account_and_rate(record)
        self._books.require_active(part.account_id for part in parts)
        operated = record.tax_point_date
        return present(
            {
                "supplierId": self._books.supplier_for(record.contact_id).id,
                "invoiceDate": record.issue_date.isoformat(),
                "invoiceNumber": number_of(item, record),
                "operationDate": operated.isoformat()
                if operated is not None and operated <= record.issue_date
                else None,
                "vatLines": [
                    present(
                        {
                            "totalVatBase": part.net,
                            "totalVat": part.tax,
                            "taxId": part.tax_rate_id,
                            "vatPercentage": None if part.tax_rate_id else 0,
                            "purchaseAccountingAccountId": part.account_id or None,
                        }
                    )
                    for part in parts
                ],
            }
        )

    def _post(self, record: AnyDocument, row: PurchaseInvoice) -> PushResult:
        net, tax, total = bill_sums(row)
        difference = differing_sums(record, net=net, tax=tax, total=total)
        if difference is not None and row.status == PENDING:
            self._withdraw(record, row, difference)
        if not self._books.settings.post:
            return _accepted(record, row, "it waits in Sage Active to be posted")
        setup, named = self._books.sales_setup, self._books.settings.journals
        journal = self._books.journal(
            PURCHASES,
            code=named.purchases,
            default_id=setup.default_purchase_posting_invoice_journal_type_id,
        )
        values = {
            "purchaseInvoiceId": row.id,
            "accountingEntryDescription": posting_text(record, row.invoice_number),
            "journalTypeId": journal.id,
        }
        try:
            self._client.post_bill(values)
        except Rejected:
            now = self._row(row.id)
            if now is None or now.status not in IN_THE_LEDGER:
                raise
            return _accepted(record, now)
        return _accepted(record, row)

    def _delete(self, bill_id: str) -> None:
        try:
            self._client.delete_bill(bill_id)
        except Rejected:
            # An earlier deletion of ours may have come late: then there is nothing to refuse.
            if self._row(bill_id) is not None:
                raise

    def _withdraw(self, record: AnyDocument, row: PurchaseInvoice, difference: str) -> None:
        error = errors.totals_differ(label(record), difference)
        try:
            self._delete(row.id)
        except Rejected as refused:
            error.message = f"{error.message}; its draft stays there: {refused.message}"
            error.args = (error.message,)
        else:
            error.withdrawn = True
        raise error

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look bills up by supplier and number: one query for all."""
        ids = known_ids(items)
        numbers = [number_of(item, document_of(item)) for item in items]
        numbered = queries.is_one_of("invoiceNumber", numbers, "String")
        clause = queries.either(numbered, queries.is_one_of("id", ids)) if ids else numbered
        rows = self._client.all(PurchaseInvoice, queries.BILLS, [clause])
        return [self._found(item, rows) for item in items]

    def _found(self, item: PushItem, rows: Sequence[PurchaseInvoice]) -> FindResult:
        record = document_of(item)
        number = number_of(item, record)
        named = [row for row in rows if row.id == item.platform_id]
        same = [row for row in rows if (row.invoice_number or "") == number]
        if number != item.marker and same:
            supplier = self._books.supplier_for(record.contact_id).id
            same = [row for row in same if row.supplier_id == supplier]
        mine = {row.id: row for row in (*named, *same)}
        if not mine:
            return Absent()
        if len(mine) > 1:
            return Unclear(
                f"Sage Active has {len(mine)} bills of this supplier with the number {number}"
            )
        (row,) = mine.values()
        if not named and not _same_content(record, row):
            return Unclear(
                f"Sage Active has a bill of this supplier with the number {number}, but with "
                "another date or other sums"
            )
        unposted = row.status in {PENDING, CLOSED} and self._books.settings.post
        return Found(_accepted(record, row), progress={"step": CREATED} if unposted else None)


def number_of(item: PushItem, record: AnyDocument) -> str:
    """The supplier's number; our marker where ours has none."""
    return fits(record.number, 50, "number", label(record)) or item.marker


def _same_content(record: AnyDocument, row: PurchaseInvoice) -> bool:
    net, tax, total = bill_sums(row)
    ours: dict[tuple[str | None, str | None], Any] = {}
    for part in by_account_and_rate(record):
        key = (part.account_id or None, part.tax_rate_id)
        ours[key] = ours.get(key, ZERO) + part.net
    theirs: dict[tuple[str | None, str | None], Any] = {}
    for line in row.vat_lines:
        key = (line.purchase_accounting_account_id, line.tax.id if line.tax else None)
        theirs[key] = theirs.get(key, ZERO) + line.total_vat_base
    return (
        differing_sums(record, net=net, tax=tax, total=total) is None
        and row.invoice_date == record.issue_date
        and sorted(ours.values()) == sorted(theirs.values())
    )


def _accepted(record: AnyDocument, row: PurchaseInvoice, *said: str) -> Accepted:
    notes = list(said)
    if record.due_date and row.first_due_date and record.due_date != row.first_due_date:
        notes.append(
            f"Sage Active has it due on {row.first_due_date}: the supplier's payment terms say so"
        )
    net, tax, total = bill_sums(row)
    return Accepted(
        row.id,
        number=record.number,
        totals=Totals(net=net, tax=tax, total=total),
        notes=tuple(notes),
    )
