"""Pushing journal entries: one call each; a change is a deletion and a new entry."""

from collections.abc import Sequence

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Rejected
from connectors.sage_active import errors
from connectors.sage_active.books import GENERAL, Books
from connectors.sage_active.ledger import (
    DESCRIPTION_LENGTH,
    NUMBER_LENGTH,
    EntryLineOut,
    EntryOut,
    Ledger,
    sides_of,
    sides_to_be,
)
from connectors.sage_active.mapping_entries import marker_of
from connectors.sage_active.values import composed, fits, label, require_euro
from connectors.sage_active.wire import Entry
from models.canonical import JournalEntry

REPLACING = "replacing"
"""The old entry is about to be deleted, or has been: what is missing then is to be made again."""


class Entries:
    """Journal entries of one organisation."""

    def __init__(self, ledger: Ledger, books: Books) -> None:
        self._ledger = ledger
        self._books = books

    def push(self, item: PushItem) -> PushResult:
        """Take one entry a step further."""
        record = item.record
        assert isinstance(record, JournalEntry)  # noqa: S101  # by its type
        if item.operation is Operation.VOID:
            return self._void(item)
        if item.platform_id is None:
            return self._create(item, record)
        return self._change(item, record)

    def _create(self, item: PushItem, record: JournalEntry) -> PushResult:
        made = self._ledger.create(self._to_be(item, record))
        return Accepted(made.id(), number=made.text("number"), request_id=made.request_id)

    def _to_be(self, item: PushItem, record: JournalEntry) -> EntryOut:
        require_euro(record)
        name = label(record)
        code = record.journal or self._books.settings.journals.entries
        journal = self._books.journal(GENERAL, code=code)
        number = fits(
            record.document_number or record.number, NUMBER_LENGTH, "document number", name
        )
        return EntryOut(
            label=name,
            date=record.date,
            document_date=record.document_date,
            journal_id=journal.id,
            document_number=number or item.marker,
            description=composed(item.marker, DESCRIPTION_LENGTH, record.description),
            lines=[
                EntryLineOut(
                    line.account_id,
                    debit=line.debit,
                    credit=line.credit,
                    third_id=line.contact_id,
                    description=fits(line.description, DESCRIPTION_LENGTH, "line text", name),
                )
                for line in record.lines
            ],
        )

    def _change(self, item: PushItem, record: JournalEntry) -> PushResult:
        """Replace an entry; what was said before the first write is that it will be."""
        replacing = (item.progress or {}).get("step") == REPLACING
        there = self._row(item)
        if there is None:
            if not replacing:
                raise errors.deleted(label(record))
            return self._create(item, record)
        wanted = self._to_be(item, record)
        if is_written(there, wanted):
            return _accepted(there)
        if not replacing:
            # A write that breaks off is then known to be one of these two.
            return Progressed({"step": REPLACING}, there.id)
        try:
            self._ledger.delete(there, label(record))
        except Rejected:
            # An earlier deletion of ours may have come late: then there is nothing to refuse.
            if self._row(item) is not None:
                raise
        return self._create(item, record)

    def _row(self, item: PushItem) -> Entry | None:
        rows = self._ledger.rows([item])
        mine = [row for row in rows if row.id == item.platform_id]
        return next(iter(mine or rows), None)

    def _void(self, item: PushItem) -> PushResult:
        assert item.platform_id is not None  # noqa: S101  # only what is there is voided
        there = self._ledger.row(item.platform_id)
        if there is None:
            return Accepted(item.platform_id, notes=("it was deleted in Sage Active",))
        self._ledger.delete(there, label(item.record))
        return Accepted(item.platform_id)

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look entries up by the marker in their description: one query for all."""
        rows = self._ledger.rows(items)
        return [self._found(item, rows) for item in items]

    def _found(self, item: PushItem, rows: Sequence[Entry]) -> FindResult:
        mine = [row for row in rows if marker_of(row) == item.marker or row.id == item.platform_id]
        if not mine:
            return Absent()
        if len(mine) > 1:
            return Unclear(several(item, mine))
        if (item.progress or {}).get("step") == REPLACING:
            return Found(_accepted(mine[0]), progress={"step": REPLACING})
        return Found(_accepted(mine[0]))


def is_written(there: Entry, wanted: EntryOut) -> bool:
    """Whether an entry says what it is to say: then there is nothing to change."""
    return (
        there.date == wanted.date
        and there.description == wanted.description
        and there.document_number == wanted.document_number
        and sides_of(there) == sides_to_be(wanted.lines)
    )


def several(item: PushItem, rows: Sequence[Entry]) -> str:
    """More than one entry carries our marker: somebody has made a copy."""
    names = ", ".join(f"{row.number or row.id} of {row.date}" for row in rows)
    return f"Sage Active has {len(rows)} entries with our mark {item.marker}: {names}"


def _accepted(row: Entry) -> Accepted:
    return Accepted(row.id, number=None if row.number is None else str(row.number))
