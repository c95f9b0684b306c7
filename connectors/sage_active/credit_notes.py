"""Pushing credit notes: as entries, or made by Sage from the invoice that they take back.

`generateCreditNote` takes nothing of ours, so our marker is written into the draft right after. A
draft without a marker, of the same invoice and the same total, is what a lost answer leaves.
"""

from collections.abc import Sequence

from connectors.base import (
    Absent,
    FindResult,
    Found,
    Progressed,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Unsupported
from connectors.sage_active import queries
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client
from connectors.sage_active.document_entries import ENTRY, DocumentEntries, document_of
from connectors.sage_active.feeds import sales_marker
from connectors.sage_active.invoices import CREATED, WITHDRAWN, SalesDocuments
from connectors.sage_active.mapping_documents import CLOSED, PENDING, POSTED, sales_sums
from connectors.sage_active.settings import Mode
from connectors.sage_active.values import differing_sums, label, require_euro
from connectors.sage_active.wire import SalesInvoice
from models.canonical import AnyDocument, CreditNote, ObjectType, Side

GENERATED = "generated"


class CreditNotes:
    """Credit notes of one organisation."""

    def __init__(
        self, client: Client, books: Books, documents: SalesDocuments, entries: DocumentEntries
    ) -> None:
        self._client = client
        self._books = books
        self._documents = documents
        self._entries = entries

    def push(self, item: PushItem) -> PushResult:
        """Take one credit note a step further."""
        record = document_of(item)
        step = (item.progress or {}).get("step")
        if (item.progress or {}).get("as") == ENTRY or not self._by_sage(record):
            return self._entries.push(item)
        require_euro(record)
        if item.platform_id is None or step == WITHDRAWN:
            return self._generate(record)
        if step == GENERATED:
            values = {"id": item.platform_id, "externalReference": item.marker}
            self._client.update_sales_invoice(values)
            return Progressed({"step": CREATED}, item.platform_id)
        return self._documents.push(item)

    def _by_sage(self, record: AnyDocument) -> bool:
        return (
            isinstance(record, CreditNote)
            and record.side is Side.CUSTOMER
            and self._books.settings.modes.credit_notes is Mode.DOCUMENT
        )

    def _generate(self, record: AnyDocument) -> PushResult:
        assert isinstance(record, CreditNote)  # noqa: S101  # asked before
        source = self._source(record)
        self._books.require_open(record.issue_date)
        made = self._client.generate_credit_note(
            {"id": source.id, "outputDocumentDate": record.issue_date.isoformat()}
        )
        return Progressed({"step": GENERATED}, made.id(), request_id=made.request_id)

    def _source(self, record: CreditNote) -> SalesInvoice:
        """The invoice that is taken back, whole."""
        if len(record.corrects) != 1:
            raise Unsupported(
                "Sage Active makes a credit note from one invoice, and this one names "
                f"{len(record.corrects) or 'none'}: let credit notes be entries (modes)",
                code="corrects",
            )
        row = self._documents.row(record.corrects[0])
        if row is None or row.status not in {CLOSED, POSTED}:
            where = f"is {row.status}" if row else "is no sales invoice there"
            raise Unsupported(
                f"Sage Active makes credit notes from closed or posted invoices only, and "
                f"{record.corrects[0]} {where}: let credit notes be entries (modes)",
                code="corrects",
            )
        net, tax, total = sales_sums(row)
        if differing_sums(record, net=net, tax=tax, total=total) is not None:
            raise Unsupported(
                f"{label(record)} takes back a part of the invoice, and Sage Active credits "
                "returned quantities only: let credit notes be entries (modes)",
                code="partial",
            )
        return row

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look credit notes up, each where it would be."""
        by_sage = [item for item in items if self._by_sage(document_of(item))]
        others = [item for item in items if item not in by_sage]
        found: dict[int, FindResult] = {}
        for some, results in (
            (by_sage, self._find_generated(by_sage) if by_sage else []),
            (others, self._entries.find(others) if others else []),
        ):
            found |= {id(item): result for item, result in zip(some, results, strict=True)}
        return [found[id(item)] for item in items]

    def _find_generated(self, items: Sequence[PushItem]) -> list[FindResult]:
        results = self._documents.find(items)
        return [
            self._unmarked(item) if isinstance(result, Absent) else result
            for item, result in zip(items, results, strict=True)
        ]

    def _unmarked(self, item: PushItem) -> FindResult:
        """A draft whose marker was never written: the answer to its making was lost."""
        record = document_of(item)
        assert isinstance(record, CreditNote)  # noqa: S101  # asked before
        clauses = [
            queries.is_one_of("sourceSalesInvoiceId", list(record.corrects)),
            queries.is_word("type", "CREDIT_NOTE"),
        ]
        rows = self._client.all(SalesInvoice, queries.SALES_INVOICES, clauses)
        mine = []
        for row in rows:
            net, tax, total = sales_sums(row)
            same = differing_sums(record, net=net, tax=tax, total=total) is None
            if row.status == PENDING and sales_marker(row) is None and same:
                mine.append(row)
        if not mine:
            return Absent()
        if len(mine) > 1:
            return Unclear(
                f"Sage Active has {len(mine)} drafts of credit notes for this invoice that could "
                f"be the {ObjectType.CREDIT_NOTE.words}"
            )
        found = self._documents.found(item, [mine[0].model_copy(update={"remarks": item.marker})])
        assert isinstance(found, Found)  # noqa: S101  # there is exactly one
        return Found(found.accepted, progress={"step": GENERATED})
