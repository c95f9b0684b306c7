"""Pushing sales invoices as documents: created, compared, closed, posted, one step at a time.

Once an invoice is closed nobody can change it any more, only credit it: so Sage's sums are compared
with ours before. Every step begins with the status found, unless this process has just made it.
"""

from collections.abc import Mapping, Sequence
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
from connectors.sage_active.books import SALES, Books
from connectors.sage_active.client import Client
from connectors.sage_active.document_entries import document_of
from connectors.sage_active.feeds import sales_marker
from connectors.sage_active.invoice_values import invoice_values
from connectors.sage_active.ledger import DESCRIPTION_LENGTH, known_ids
from connectors.sage_active.mapping_documents import (
    CLOSED,
    CREDIT_NOTE,
    IN_THE_LEDGER,
    PENDING,
    sales_kind,
    sales_sums,
)
from connectors.sage_active.values import Notes, differing_sums, label, priced, require_euro
from connectors.sage_active.wire import SalesInvoice
from models.canonical import AnyDocument, ObjectType

CREATED, WITHDRAWN = "created", "withdrawn"


class SalesDocuments:
    """Sales invoices, and credit notes that Sage has made of them, of one organisation."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books
        self._just_made: dict[str, SalesInvoice] = {}
        """Documents as a step of this process left them: they need not be read again."""

    def push(self, item: PushItem) -> PushResult:
        """Take one document a step further."""
        record = document_of(item)
        require_euro(record)
        step = (item.progress or {}).get("step")
        if item.platform_id is None or step == WITHDRAWN:
            return self._create(item, record)
        row = self._just_made.pop(item.platform_id, None) or self.row(item.platform_id)
        if row is None:
            if item.progress is None:
                raise errors.deleted(label(record))
            # Somebody deleted the draft: there is nothing of it in the ledger.
            error = errors.deleted(label(record))
            error.withdrawn = True
            raise error
        return self.go_on(item, record, row)

    def row(self, document_id: str) -> SalesInvoice | None:
        """A document by its id."""
        found = self._client.by_ids(SalesInvoice, queries.SALES_INVOICES, [document_id])
        return found[0] if found else None

    def _create(self, item: PushItem, record: AnyDocument) -> PushResult:
        self._books.require_open(record.issue_date)
        made = self._client.create_sales_invoice(invoice_values(item, record, self._books))
        return Progressed({"step": CREATED}, made.id(), request_id=made.request_id)

    def go_on(self, item: PushItem, record: AnyDocument, row: SalesInvoice) -> PushResult:
        """Do the next step for a document of which it is known where it stands."""
        changed = item.operation is Operation.UPDATE and not same_content(record, row)
        if row.status == PENDING:
            if changed:
                self._delete(row.id)
                return Progressed({"step": WITHDRAWN})
            return self._close(record, row)
        if changed:
            raise errors.frozen(ObjectType(record.type).words, label(record))
        if row.status == CLOSED and self._books.settings.post:
            return self._post(record, row)
        return self._accepted(record, row)

    def _delete(self, document_id: str) -> None:
        try:
            self._client.delete_sales_invoice(document_id)
        except Rejected:
            # An earlier deletion of ours may have come late: then there is nothing to refuse.
            if self.row(document_id) is not None:
                raise

    def _close(self, record: AnyDocument, row: SalesInvoice) -> PushResult:
        difference = _difference(record, row)
        if difference is not None:
            self._withdraw(record, row, difference)
        if not self._books.settings.close:
            return self._accepted(record, row, "it waits in Sage Active as a draft")
        try:
            made = self._client.close_sales_invoice(row.id)
        except Rejected:
            # Closed in the meantime, by somebody or by a call of ours that came late?
            now = self.row(row.id)
            if now is None or now.status == PENDING:
                raise
            self._just_made[now.id] = now
            return Progressed({"step": "closed"}, now.id)
        closed = row.model_copy(
            update={"status": CLOSED, "operational_number": made.text("operationalNumber")}
        )
        if not self._books.settings.post:
            return self._accepted(record, closed, "it waits in Sage Active to be posted")
        self._just_made[row.id] = closed
        return Progressed({"step": "closed"}, row.id, request_id=made.request_id)

    def _withdraw(self, record: AnyDocument, row: SalesInvoice, difference: str) -> None:
        """Delete a draft of which Sage makes other sums, and say so."""
        error = errors.totals_differ(label(record), difference)
        try:
            self._delete(row.id)
        except Rejected as refused:
            error.message = f"{error.message}; its draft stays there: {refused.message}"
            error.args = (error.message,)
        else:
            error.withdrawn = True
        raise error

    def _post(self, record: AnyDocument, row: SalesInvoice) -> PushResult:
        if (difference := _difference(record, row)) is not None:
            # Numbered by us, or changed by somebody: what is closed can only be credited.
            raise errors.totals_differ(label(record), difference)
        setup, named = self._books.sales_setup, self._books.settings.journals
        credit_note = row.type == CREDIT_NOTE
        journal = self._books.journal(
            SALES,
            code=named.sales_credit_notes if credit_note else named.sales,
            credit_note=credit_note,
            default_id=setup.default_sales_posting_invoice_journal_type_id,
        )
        description = posting_text(record, row.operational_number)
        values = {
            "salesInvoiceId": row.id,
            "accountingEntryDescription": description,
            "journalTypeId": journal.id,
        }
        try:
            made = self._client.post_sales_invoice(values)
        except Rejected:
            # Somebody may have posted it in Sage in the meantime: then it is not refused at all.
            now = self.row(row.id)
            if now is None or now.status not in IN_THE_LEDGER:
                raise
            return self._accepted(record, now)
        done = self._accepted(record, row)
        return Accepted(
            done.platform_id,
            number=done.number,
            totals=done.totals,
            notes=done.notes,
            request_id=made.request_id,
        )

    def _accepted(self, record: AnyDocument, row: SalesInvoice, *said: str) -> Accepted:
        notes = Notes(list(said))
        if sales_kind(row) is ObjectType.INVOICE:
            for place in range(len(record.lines)):
                priced(record, place, notes)
        if record.due_date and row.first_due_date and record.due_date != row.first_due_date:
            notes.add(f"Sage Active has it due on {row.first_due_date}")
        net, tax, total = sales_sums(row)
        return Accepted(
            row.id,
            number=row.operational_number or None,
            totals=Totals(net=net, tax=tax, total=total),
            notes=tuple(notes.said),
        )

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look documents up by the marker in the external reference: one query for all."""
        ids = known_ids(items)
        marked = queries.is_one_of("externalReference", [one.marker for one in items], "String")
        clause = queries.either(marked, queries.is_one_of("id", ids)) if ids else marked
        rows = self._client.all(SalesInvoice, queries.SALES_INVOICES, [clause])
        return [self.found(item, rows) for item in items]

    def found(self, item: PushItem, rows: Sequence[SalesInvoice]) -> FindResult:
        """What a look-up says of one document."""
        mine = [
            row for row in rows if sales_marker(row) == item.marker or row.id == item.platform_id
        ]
        if not mine:
            return Absent()
        if len(mine) > 1:
            names = ", ".join(row.operational_number or f"draft {row.id}" for row in mine)
            return Unclear(
                f"Sage Active has {len(mine)} sales documents with our mark {item.marker}: {names}"
            )
        (row,) = mine
        return Found(self._accepted(document_of(item), row), progress=self._missing(row))

    def _missing(self, row: SalesInvoice) -> Mapping[str, Any] | None:
        """What a document still lacks; None when it is complete."""
        settings = self._books.settings
        if row.status == PENDING and settings.close:
            return {"step": CREATED}
        if row.status == CLOSED and settings.post:
            return {"step": "closed"}
        return None


def _difference(record: AnyDocument, row: SalesInvoice) -> str | None:
    """How Sage's sums differ from ours, in words."""
    net, tax, total = sales_sums(row)
    return differing_sums(record, net=net, tax=tax, total=total)


def posting_text(record: AnyDocument, number: str | None) -> str:
    """What the entry says of the document behind it, at most 200 characters."""
    texts = [number, record.number, *(line.description for line in record.lines)]
    words = " ".join(dict.fromkeys(" ".join(text.split()) for text in texts if text))
    return (words or label(record))[:DESCRIPTION_LENGTH].rstrip()


def same_content(record: AnyDocument, row: SalesInvoice) -> bool:
    """Whether a document in Sage says what ours says: then there is nothing to change."""
    return (
        _difference(record, row) is None
        and row.document_date == record.issue_date
        and row.customer_id is not None
        and _lines_of(record) == sorted(abs(line.total_net) for line in row.lines)
    )


def _lines_of(record: AnyDocument) -> list[Any]:
    amounts = [line.net_amount for line in record.lines]
    amounts += [part.amount for part in record.allowances_charges]
    return sorted(abs(amount) for amount in amounts)
