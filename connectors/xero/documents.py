"""Writing invoices, bills, credit notes and manual journals: what differs from the rest."""

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.base import Absent, FindResult, Operation, PulledRecord, PushItem, Unclear
from connectors.errors import Rejected
from connectors.xero import errors
from connectors.xero.bodies import document_body, notes_on
from connectors.xero.client import Values
from connectors.xero.finding import core
from connectors.xero.mapping import journal_body, journal_notes
from connectors.xero.mapping_documents import BOUGHT, SOLD
from connectors.xero.values import both, by_length, dated, label, marker_in, spans
from connectors.xero.walking import walk
from connectors.xero.writing import Writer
from models.canonical import (
    AnyRecord,
    Bill,
    BillingDocument,
    CreditNote,
    Invoice,
    JournalEntry,
    ObjectType,
    Side,
)

_FREE = frozenset({"InvoiceNumber", "Reference", "DueDate", "Url", "Contact"})
"""What may be changed although something is paid ("edit table" of the Invoices page, 2026)."""
_AMOUNTS = ("Payments", "CreditNotes", "Prepayments", "Overpayments", "Allocations")


class Dated(Writer):
    """What has a day, so that it may be locked."""

    def require(self, item: PushItem, there: PulledRecord | None) -> None:
        """Neither the day that it has nor the one that it gets may be locked."""
        records = [item.record] if item.operation is not Operation.VOID else []
        for record in [*records, *([there.record] if there else [])]:
            day = record.issue_date if isinstance(record, BillingDocument) else record.date  # type: ignore[union-attr]  # by its type
            self.books.require_open(day, label(item.record))

    def on_their_days(self, items: Sequence[PushItem], where: str = "") -> Iterable[Values]:
        """What is dated as records are: one call for days that are near each other."""
        for start, end in spans(map(day_of, items)):
            query = {"where": both(where, dated(start, end))}
            for step in walk(self.client, self.endpoint, query):
                yield from step.values


def day_of(item: PushItem) -> Any:
    """The day of a record that has one."""
    record = item.record
    return record.issue_date if isinstance(record, BillingDocument) else record.date  # type: ignore[union-attr]  # by its type


class Documents(Dated):
    """Invoices, bills and credit notes."""

    number_field: str

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """A document with all its lines, which replace those that are there."""
        del there
        record = item.record
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        return document_body(item, record, self.books, self.client.settings)

    def changing(self, item: PushItem, there: PulledRecord, values: Values) -> dict[str, Any]:
        """All of it; only what is free to change where something is paid or credited on it."""
        body = self.body(item, values)
        if not is_touched(there):
            return body
        free = {name: value for name, value in body.items() if name in _FREE}
        kept = {**values, **free}
        wanted, possible = (core(self._readable(one).record) for one in ({**values, **body}, kept))
        if wanted != possible or self.endpoint != "Invoices":
            raise errors.frozen(item.record, label(item.record))
        return {**free, "Status": body["Status"]}

    def void_body(self, item: PushItem, there: Values) -> dict[str, Any]:
        """The state that takes a document out of the books; nothing may be applied to it."""
        name = label(item.record)
        if is_touched(self._readable(there)) or any(there.get(one) for one in _AMOUNTS):
            raise errors.wrong_state(
                f"{name} cannot be voided: something is paid or credited on it. Take that back first"
            )
        draft = there.get("Status") in {"DRAFT", "SUBMITTED"}
        return {"Status": "DELETED" if draft else "VOIDED"}

    def notes(self, record: AnyRecord) -> tuple[str, ...]:
        """What a person should know."""
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        return notes_on(record)

    def looks_like(self, item: PushItem, values: Values) -> bool:
        """Whether a row without a marker of ours is the same document by all that it says."""
        record = item.record
        assert isinstance(record, BillingDocument)  # noqa: S101  # by its type
        if not record.number or values.get(self.number_field) != record.number:
            return False
        if marker_in(values.get("Url"), values.get("Reference")) is not None:
            return False
        try:
            there = self._readable(values).record
        except Rejected:
            return False
        assert isinstance(there, BillingDocument)  # noqa: S101  # by its list
        names = ("type", "contact_id", "issue_date", "total")
        return all(getattr(there, name) == getattr(record, name) for name in names)

    def alike(self, item: PushItem, rows: Sequence[Values]) -> FindResult:
        """One that is equal but has no marker may be ours: a person can tell."""
        same = [one for one in rows if self.looks_like(item, one)]
        if not same:
            return Absent()
        return Unclear(
            f"Xero has {label(item.record)} with this contact, date and total, but without our mark"
        )


def is_touched(there: PulledRecord) -> bool:
    """Whether something is paid or credited."""
    return getattr(there.record, "status", "") in {"partially_paid", "paid"}


class Invoices(Documents):
    """Invoices or bills: one list for both."""

    endpoint = "Invoices"
    number_field = "InvoiceNumber"
    ids_as_list = True

    def __init__(self, *given: Any, kind: ObjectType) -> None:
        super().__init__(*given)
        self._where = f'Type=="{BOUGHT if kind is ObjectType.BILL else SOLD}"'

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """By their numbers; those without one among what is dated as they are."""
        numbered, others = [], []
        for item in items:
            number = item.record.number  # type: ignore[union-attr]  # a document's
            if number and "," not in number:
                numbered.append(number)
            else:
                others.append(item)
        for some in by_length(dict.fromkeys(numbered)):
            query = {"InvoiceNumbers": ",".join(some), "where": self._where}
            query["includeArchived"] = "true"
            for step in walk(self.client, self.endpoint, query):
                yield from step.values
        yield from self.on_their_days(others, self._where)

    def carries(self, values: Values, item: PushItem) -> bool:
        """In the link to the source."""
        return marker_in(values.get("Url")) == item.marker


class CreditNotes(Documents):
    """Credit notes of both sides."""

    endpoint = "CreditNotes"
    number_field = "CreditNoteNumber"

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """Among what is dated as they are: the list takes no numbers."""
        return self.on_their_days(items)

    def carries(self, values: Values, item: PushItem) -> bool:
        """In the reference; a supplier's without a number has it as one."""
        return item.marker in {
            marker_in(values.get("Reference")),
            marker_in(values.get("CreditNoteNumber")),
        }

    def alike(self, item: PushItem, rows: Sequence[Values]) -> FindResult:
        """A supplier's may have lost its reference: whether they have one is not certain."""
        same = [one for one in rows if self.looks_like(item, one)]
        record = item.record
        bought = isinstance(record, CreditNote) and record.side is Side.SUPPLIER
        if bought and len(same) == 1 and not same[0].get("Reference"):
            return self.judged(item, same)
        return super().alike(item, rows)


class Journals(Dated):
    """Manual journals."""

    endpoint = "ManualJournals"

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """An entry with all its lines."""
        del there
        assert isinstance(item.record, JournalEntry)  # noqa: S101  # by its type
        return journal_body(item, item.record, self.books, self.client.settings)

    def void_body(self, item: PushItem, there: Values) -> dict[str, Any]:
        """The state that takes an entry out of the books."""
        del item
        return {"Status": "DELETED" if there.get("Status") == "DRAFT" else "VOIDED"}

    def notes(self, record: AnyRecord) -> tuple[str, ...]:
        """What a person should know."""
        assert isinstance(record, JournalEntry)  # noqa: S101  # by its type
        return journal_notes(record)

    def there(self, items: Sequence[PushItem]) -> dict[str, Values]:
        """What is there: on their days; by itself what has another one now.

        The list takes no ids, and whether it can be filtered by them is not documented.
        """
        wanted = {item.platform_id for item in items if item.platform_id}
        mine = [item for item in items if item.platform_id]
        found = {str(one.get("ManualJournalID")): one for one in self.on_their_days(mine)}
        for row_id in wanted - found.keys():
            try:
                found[row_id] = self.client.one(self.endpoint, row_id)
            except Rejected as error:
                if error.code != errors.GONE:
                    raise
        return {row_id: one for row_id, one in found.items() if row_id in wanted}

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """Among what is dated as they are."""
        return self.on_their_days(items)

    def carries(self, values: Values, item: PushItem) -> bool:
        """In the link to the source."""
        return marker_in(values.get("Url")) == item.marker
