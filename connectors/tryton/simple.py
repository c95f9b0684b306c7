"""Pushing what has one step and no money: contacts and items.

An update writes only what differs, and nothing where nothing does: an update whose answer was
lost may be sent again, also with a version that it has itself made old.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors.base import (
    Absent,
    Accepted,
    Failed,
    FindResult,
    Found,
    Operation,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Conflict, ConnectorError, OutcomeUnknown, Unsupported
from connectors.tryton.batch import Work, in_one_call, made_for, together, unsettled
from connectors.tryton.client import Client
from connectors.tryton.posting import Link
from connectors.tryton.values import known_ids
from connectors.tryton.wire import Domain, Party, Product, Values
from models.canonical import AnyRecord, Contact, Item

_Row = TypeVar("_Row", Party, Product)


@dataclass(frozen=True)
class _Change(Generic[_Row]):
    """What is to be written to one of them."""

    work: Work[_Row]
    row: _Row
    values: Values

    @property
    def complete(self) -> Values:
        """With what taking it back from the archive has changed."""
        if self.row.in_use:
            return self.values
        return {**self.values, "active": _in_use(self.work.item.record)}


class Simple(ABC, Generic[_Row]):
    """Batches of one such type for one connection."""

    model: str
    row_class: type[_Row]
    words: str

    def __init__(self, client: Client, link: Link) -> None:
        self.client = client
        self.link = link

    @abstractmethod
    def new(self, work: Work[_Row]) -> Values:
        """The values of a new one, with our marker."""

    @abstractmethod
    def changed(self, work: Work[_Row], row: _Row) -> Values:
        """The values that differ; empty when none does."""

    @abstractmethod
    def archive(self, ids: Sequence[int], *, active: bool) -> None:
        """Archive some, or take them back: Tryton takes no other change of what is archived."""

    def create(self, values: Sequence[Values]) -> list[int]:
        """Make new ones in one transaction; their ids in the same order."""
        return self.client.create(self.model, values)

    def update(self, changes: Sequence[tuple[_Row, Values]], versions: dict[str, str]) -> None:
        """Write changes in one transaction, unless one is not of the version that we knew."""
        self.client.update(
            self.model, [(row.id, values) for row, values in changes], _timestamp=versions
        )

    def version_key(self, row: _Row) -> str:
        """The record whose version is compared."""
        return f"{self.model},{row.id}"

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Make new ones and write changed ones."""
        batch = [Work[_Row](item) for item in items]
        for work, rows in zip(batch, self._found(items), strict=True):
            if work.item.operation is Operation.VOID:
                work.result = Failed(Unsupported(f"Tryton does not void a {self.words}"))
            elif len(rows) > 1:
                work.result = Failed(Conflict(self._several(rows), code="ambiguous"))
            elif rows:
                (work.row,) = rows
            elif work.item.platform_id:
                message = f"the {self.words} {work.item.platform_id} is not in Tryton any more"
                work.result = Failed(Conflict(message, code="deleted"))
        waiting = unsettled(batch)
        together([work for work in waiting if work.row is None], self._create)
        together([work for work in waiting if work.row is not None], self._update)
        return [work.settled() for work in batch]

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look them up by their ids and markers, in one call."""
        results: list[FindResult] = []
        for rows in self._found(items):
            if len(rows) > 1:
                results.append(Unclear(self._several(rows)))
            else:
                results.append(Found(self._accepted(rows[0])) if rows else Absent())
        return results

    def _found(self, items: Sequence[PushItem]) -> list[list[_Row]]:
        ids = known_ids(items)
        markers = [item.marker for item in items]
        rows = self._rows(["OR", ["id", "in", ids], ["identifiers.code", "in", markers]])
        by_id = {str(row.id): row for row in rows}
        by_marker: defaultdict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            for identifier in row.identifiers:
                by_marker[identifier.code].append(row)
        # One that we know by its id may be one that was there before us, without our marker.
        return [
            [by_id[item.platform_id]]
            if item.platform_id in by_id
            else []
            if item.platform_id
            else by_marker[item.marker]
            for item in items
        ]

    def _rows(self, domain: Domain) -> list[_Row]:
        return self.client.all(self.row_class, self.model, [domain])

    def _create(self, batch: Sequence[Work[_Row]]) -> None:
        values = made_for(batch, self.new)
        parts = in_one_call(
            list(values),
            lambda some: self.create([values[work] for work in some]),
            left_traces=lambda some: any(self._found([work.item for work in some])),
        )
        made: dict[Work[_Row], int] = {}
        for part in parts:
            for position, work in enumerate(part.items):
                if part.answer is not None:
                    made[work] = part.answer[position]
                else:
                    work.result = Failed(part.error or OutcomeUnknown("no answer", code="bug"))
        self._archive({work: one for work, one in made.items() if not _in_use(work.item.record)})
        self._read_back({work: one for work, one in made.items() if work.result is None})

    def _archive(self, made: dict[Work[_Row], int]) -> None:
        """Archive new ones: what is made archived would be refused."""
        if not made:
            return
        try:
            self.archive(list(made.values()), active=False)
        except ConnectorError as error:
            for work in made:
                unknown = OutcomeUnknown(f"it is there, but not archived: {error.message}")
                work.result = Failed(unknown)

    def _update(self, batch: Sequence[Work[_Row]]) -> None:
        changes: list[_Change[_Row]] = []
        for work, values in made_for(batch, lambda work: self.changed(work, work.there)).items():
            if values:
                changes.append(_Change(work, work.there, values))
            else:
                work.result = self._accepted(work.there, tuple(work.notes))
        parts = in_one_call(changes, self._write, left_traces=lambda _: False)
        written: dict[Work[_Row], int] = {}
        for part in parts:
            for change in part.items:
                if part.error is not None:
                    change.work.result = Failed(part.error)
                else:
                    written[change.work] = change.row.id
        self._read_back(written)

    def _write(self, changes: Sequence[_Change[_Row]]) -> None:
        """Write in one transaction; archived ones are taken back first, in one of its own."""
        # What Tryton compares before it writes: the versions that we knew.
        versions = {
            self.version_key(change.row): change.work.item.version
            for change in changes
            if change.work.item.version
        }
        archived = [change.row for change in changes if not change.row.in_use]
        if archived:
            self.archive([row.id for row in archived], active=True)
            for row in archived:
                versions.pop(self.version_key(row), None)
        self.update([(change.row, change.complete) for change in changes], versions)

    def _read_back(self, written: dict[Work[_Row], int]) -> None:
        if not written:
            return
        try:
            rows = {row.id: row for row in self._rows(["id", "in", list(written.values())])}
        except ConnectorError as error:
            for work in written:
                unknown = OutcomeUnknown(f"it could not be read back: {error.message}")
                work.result = Failed(unknown)
            return
        for work, record_id in written.items():
            row = rows.get(record_id)
            if row is None:
                message = f"the {self.words} was deleted again in Tryton"
                work.result = Failed(Conflict(message, withdrawn=True))
            else:
                work.result = self._accepted(row, tuple(work.notes))

    def _accepted(self, row: _Row, notes: tuple[str, ...] = ()) -> Accepted:
        return Accepted(
            platform_id=str(row.id),
            number=row.code or None,
            version=row.written,
            url=self.link(self.model, row.id),
            notes=notes,
        )

    def _several(self, rows: Sequence[_Row]) -> str:
        names = ", ".join(row.code or str(row.id) for row in rows)
        return f"Tryton has several with our mark as a {self.words}: {names}"


def _in_use(record: AnyRecord) -> bool:
    return not isinstance(record, Contact | Item) or record.active
