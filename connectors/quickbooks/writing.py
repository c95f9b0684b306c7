"""Writing objects of one type: one call for a batch, and one more for all that need a second look.

A write that is refused because the object is newer, or because something like it is there already,
is looked at again: once for the whole batch. What the company has already, as we say it, is
accepted; what somebody changed goes back to the engine as `Stale`. Nothing is sent a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import (
    Accepted,
    Failed,
    FindResult,
    Found,
    Operation,
    PulledRecord,
    PushItem,
    PushResult,
    Stale,
    Totals,
)
from connectors.errors import ConnectorError, OutcomeUnknown, Rejected
from connectors.quickbooks import errors
from connectors.quickbooks.answers import Values, query_of
from connectors.quickbooks.changes import Change, by_id, nameless, references
from connectors.quickbooks.client import Client, Written
from connectors.quickbooks.company import Books
from connectors.quickbooks.entities import Entity, place_of, platform_id
from connectors.quickbooks.reading import core, read
from connectors.quickbooks.values import label
from models.canonical import AnyRecord, BillingDocument, JournalEntry, Payment

_THERE_ALREADY = frozenset({errors.DUPLICATE_NAME, errors.DUPLICATE_NUMBER, errors.VAGUE})
_NEWER_OR_GONE = frozenset({errors.STALE, errors.NOT_FOUND})


class Writer:
    """Writes the objects of one type; subclasses say what differs."""

    def __init__(self, client: Client, books: Books) -> None:
        self.client = client
        self.books = books

    # What differs between types.

    def entity(self, record: AnyRecord) -> Entity:
        """What a record is in QuickBooks."""
        raise NotImplementedError

    def body(self, item: PushItem) -> dict[str, Any]:
        """What a record is written with."""
        raise NotImplementedError

    def prepare(self, items: Sequence[PushItem]) -> None:
        """Ask, for all items together, what their bodies need."""

    def change(self, item: PushItem) -> Change:
        """What is to be written."""
        entity, row_id = self.entity(item.record), None
        if item.platform_id is not None:
            entity, row_id = place_of(item.platform_id, entity)
        self._open(item.record)
        body = {} if item.operation is Operation.VOID else self.body(item)
        return Change(entity, item.operation, body, row_id, item.version, item.key)

    def done(self, item: PushItem, change: Change, there: PulledRecord) -> PushResult:
        """What a write that went well comes to."""
        del change
        return self.accepted(item, there)

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left."""
        raise NotImplementedError

    # Writing.

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Write a batch: one call, and one more where something must be looked at again."""
        # What the whole batch needs is asked for here, so that a failure concerns all of it once.
        self.books.identity()
        self.prepare([item for item in items if item.operation is not Operation.VOID])
        results: dict[int, PushResult] = {}
        changes: dict[int, Change] = {}
        for place, item in enumerate(items):
            try:
                changes[place] = self.change(item)
            except ConnectorError as error:
                results[place] = Failed(error)
        unversioned = {
            place: change
            for place, change in changes.items()
            if change.row_id is not None and change.version is None
        }
        if unversioned:
            self._look_first(items, unversioned, changes, results)
        places = [place for place in changes if place not in results]
        answers = self.client.write([changes[place].write() for place in places])
        for place, answer in zip(places, answers, strict=True):
            results[place] = self._result(items[place], changes[place], answer)
        self._look_again(items, changes, results)
        return [results[place] for place in range(len(items))]

    def _open(self, record: AnyRecord) -> None:
        """Refuse what is dated in a closed period: QuickBooks would."""
        match record:
            case BillingDocument():
                day = record.issue_date
            case Payment() | JournalEntry():
                day = record.date
            case _:
                return
        closed = self.books.closed_until()
        if closed is not None and day <= closed:
            raise errors.period_closed(label(record), closed.isoformat())

    def _result(
        self, item: PushItem, change: Change, answer: Written | ConnectorError
    ) -> PushResult:
        if isinstance(answer, ConnectorError):
            return Failed(self.explained(item, change, answer))
        kept = platform_id(change.entity, str(answer.values["Id"]))
        if change.operation is Operation.VOID:
            return Accepted(kept, request_id=answer.request_id)
        try:
            there = self.read(change.entity, answer.values)
            result = self.done(item, change, there)
        except (ValueError, ArithmeticError) as error:
            version = answer.values.get("SyncToken")
            note = f"it is written, but what QuickBooks says of it cannot be read: {error}"
            return Accepted(kept, version=None if version is None else str(version), notes=(note,))
        if isinstance(result, Accepted):
            result = replace(result, request_id=answer.request_id)
        return result

    def explained(self, item: PushItem, change: Change, error: ConnectorError) -> ConnectorError:
        """An error that says which of the things that were named may be meant."""
        currency = getattr(item.record, "currency", None)
        if isinstance(error, Rejected) and currency and "currency" in error.message.lower():
            what = (
                f"{label(item.record)} is in {currency}: customers, vendors and accounts have one "
            )
            clear = errors.inexpressible(f"{what}currency for good ({error.message})", error.code)
            clear.request_id, clear.http_status = error.request_id, error.http_status
            return clear
        if error.code != errors.NOT_FOUND or change.row_id is not None:
            return error
        named = sorted(set(references(change.body)))
        if named:
            error.message = f"{error.message} ({label(item.record)} names {', '.join(named)})"
            error.args = (error.message,)
        return error

    def read(self, entity: Entity, values: Values) -> PulledRecord:
        """An object as we keep it."""
        return read(entity, values, self.books.home_currency)

    def accepted(self, item: PushItem, there: PulledRecord) -> Accepted:
        """An object of the company as the result of a push."""
        totals = Totals()
        if isinstance(there.record, BillingDocument):
            record = there.record
            totals = Totals(net=record.net_total, tax=record.tax_total, total=record.total)
        return Accepted(
            there.platform_id,
            number=getattr(there.record, "number", None),
            totals=totals,
            version=there.version,
            notes=self.notes(item.record, there.record),
        )

    def notes(self, ours: AnyRecord, theirs: AnyRecord) -> tuple[str, ...]:
        """What a person should know."""
        name, kept = getattr(ours, "name", None), getattr(theirs, "name", None)
        if name is not None and kept is not None and self.known_as(ours, theirs) != kept:
            # Company files of the US have room for Latin letters only (page "basics").
            return (f"QuickBooks keeps the name as {kept!r}",)
        return ()

    def known_as(self, ours: AnyRecord, theirs: AnyRecord) -> str:
        """What a record should be called there."""
        del theirs
        return " ".join(str(getattr(ours, "name", "")).split())

    # Looking again.

    def current(self, wanted: Sequence[tuple[Entity, str]]) -> dict[tuple[Entity, str], Values]:
        """Objects as they are now: one call for all of them; those that are gone are missing."""
        by_entity: dict[Entity, list[str]] = {}
        for entity, row_id in wanted:
            by_entity.setdefault(entity, []).append(row_id)
        if not by_entity:
            return {}
        asked = [
            (entity, query_of(entity, by_id(entity, ids))) for entity, ids in by_entity.items()
        ]
        answers = self.client.queries(asked)
        return {
            (entity, str(row.get("Id"))): row
            for (entity, _), rows in zip(asked, answers, strict=True)
            for row in rows.values
        }

    def _look_first(
        self,
        items: Sequence[PushItem],
        unversioned: Mapping[int, Change],
        changes: dict[int, Change],
        results: dict[int, PushResult],
    ) -> None:
        """What was paired and never read has no version yet: ask for it."""
        there = self.current([_place(change) for change in unversioned.values()])
        for place, change in unversioned.items():
            values = there.get(_place(change))
            if values is None or change.operation is Operation.VOID:
                results.update(self._second_look(items[place], change, values, place))
            if values is not None and place not in results:
                changes[place] = replace(change, version=str(values.get("SyncToken")))

    def _second_look(
        self, item: PushItem, change: Change, values: Values | None, place: int
    ) -> dict[int, PushResult]:
        if change.operation is Operation.VOID and (values is None or self._is_void(change, values)):
            return {place: Accepted(platform_id(change.entity, change.row_id or ""))}
        if values is None:
            return {place: Failed(errors.deleted(label(item.record)))}
        return {}

    def _is_void(self, change: Change, values: Values) -> bool:
        try:
            there = self.read(change.entity, values).record
        except (ValueError, ArithmeticError):
            return False
        return getattr(there, "status", "") == "void"

    def _look_again(
        self,
        items: Sequence[PushItem],
        changes: Mapping[int, Change],
        results: dict[int, PushResult],
    ) -> None:
        """One call for all that was refused because of what is there now."""
        again: dict[int, tuple[Change, ConnectorError]] = {}
        created: list[int] = []
        for place, change in changes.items():
            result = results[place]
            if not isinstance(result, Failed):
                continue
            error = result.error
            if change.row_id is None:
                if error.code in _THERE_ALREADY:
                    created.append(place)
            elif error.code in _NEWER_OR_GONE or (
                change.operation is Operation.VOID and isinstance(error, Rejected)
            ):
                again[place] = (change, error)
        if again:
            self._read_again(items, again, results)
        if created:
            self._find_again(items, changes, created, results)

    def _read_again(
        self,
        items: Sequence[PushItem],
        again: Mapping[int, tuple[Change, ConnectorError]],
        results: dict[int, PushResult],
    ) -> None:
        """What updates and voids met; a look that fails is tried again later, with the write."""
        try:
            there = self.current([_place(change) for change, _ in again.values()])
        except ConnectorError as failure:
            results.update(dict.fromkeys(again, Failed(failure)))
            return
        for place, (change, error) in again.items():
            values = there.get(_place(change))
            results[place] = self._judged(items[place], change, values, error)

    def _find_again(
        self,
        items: Sequence[PushItem],
        changes: Mapping[int, Change],
        created: Sequence[int],
        results: dict[int, PushResult],
    ) -> None:
        """Whether what a creation met is ours: a repeat may be refused because the first went well.

        A repeated request was once answered with a vague 6000 instead of its first answer.
        """
        try:
            found = self.find([_anew(items[place]) for place in created])
        except ConnectorError as error:
            unknown = OutcomeUnknown(
                f"it was refused as being there already, and could not be looked up: {error}",
                code="not_looked_up",
            )
            results.update(dict.fromkeys(created, Failed(unknown)))
            return
        for place, there_already in zip(created, found, strict=True):
            if not isinstance(there_already, Found):
                continue
            ours = self.adopted(items[place], changes[place], there_already)
            if ours is not None:
                results[place] = ours

    def adopted(self, item: PushItem, change: Change, found: Found) -> PushResult | None:
        """What is there already, as the result of a creation; None: it is not ours."""
        del item, change
        return found.accepted

    def _judged(
        self, item: PushItem, change: Change, values: Values | None, error: ConnectorError
    ) -> PushResult:
        decided = self._second_look(item, change, values, 0)
        if decided:
            return decided[0]
        assert values is not None  # noqa: S101  # what is gone has been decided
        try:
            now = self.read(change.entity, values)
            if change.operation is Operation.UPDATE and self._says(change, values):
                return self.done(item, change, now)
        except (ValueError, ArithmeticError) as unreadable:
            return Failed(Rejected(f"it cannot be read: {unreadable}", code="unreadable"))
        if error.code == errors.STALE:
            return Stale(now, request_id=error.request_id)
        return Failed(error)

    def _says(self, change: Change, values: Values) -> bool:
        """Whether an object says already what we would write."""
        known = {name: nameless(part) for name, part in values.items()}
        ours = self.read(change.entity, {**known, **change.body})
        there = self.read(change.entity, known)
        return bool(core(ours.record) == core(there.record))


def _place(change: Change) -> tuple[Entity, str]:
    return change.entity, change.row_id or ""


def _anew(item: PushItem) -> PushItem:
    """The item as one that was never written."""
    return replace(item, operation=Operation.CREATE, platform_id=None, version=None)
