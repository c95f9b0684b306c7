"""Writing one object and looking it up again: what all types have in common.

A creation is answered with an id and nothing else, so that each write is followed by one read. An
update reads first: it is sent with the version that the ledger has now, and only when the content
behind it is still what we knew. Nothing is ever sent a second time by itself, except where the
ledger has said that it did nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from connectors.apideck import errors
from connectors.apideck.client import Client, Filters, Values
from connectors.apideck.mapping import DELETED, label, place_of, platform_id
from connectors.apideck.mapping_documents import notes_on
from connectors.apideck.reading import Books, row_version_of, same_content
from connectors.apideck.services import Resource
from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    PulledRecord,
    PushItem,
    PushResult,
    Totals,
    Unclear,
)
from connectors.errors import Conflict, ConnectorError, Rejected, Unsupported
from models.canonical import AnyRecord, BillingDocument, JournalEntry

_STALE = ("row_version", "row version", "stale", "version", "synctoken", "modified since")


class Writer:
    """Writes and looks up the objects of one list."""

    def __init__(self, client: Client, books: Books, resource: Resource) -> None:
        self.client = client
        self.books = books
        self.resource = resource

    # What differs between types.

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """What is sent; with `there`, to change that."""
        raise NotImplementedError

    def places(self, item: PushItem) -> list[Filters]:
        """Where an object is looked for, the narrowest place first; each is enough by itself."""
        raise NotImplementedError

    def is_it(self, item: PushItem, one: PulledRecord) -> bool:
        """Whether an object of the ledger is ours."""
        return one.marker == item.marker

    # Writing.

    def push(self, item: PushItem) -> PushResult:
        """Write one object, complete."""
        match item.operation:
            case Operation.CREATE:
                return self.create(item)
            case Operation.UPDATE:
                return self.update(item)
        return self.void(item)

    def create(self, item: PushItem) -> PushResult:
        """Create an object, under a key where that is possible."""
        body = self.body(item, None)
        try:
            made = self.client.create(self.resource, body, item.key)
        except Unsupported as error:
            if error.code != errors.KEY_NOT_TAKEN:
                raise
            # Nothing was written now; an earlier try may have been.
            (found,) = self.find([item])
            if isinstance(found, Found):
                return found.accepted
            if isinstance(found, Unclear):
                raise Conflict(found.reason, code="several") from None
            made = self.client.create(self.resource, body, item.key)
        return self.written(item, made.id, made.request_id)

    def written(self, item: PushItem, row_id: str, request_id: str | None = None) -> Accepted:
        """What the ledger made of a write that it has confirmed."""
        try:
            values = self.client.one(self.resource, row_id)
            done = self.accepted(item, self.books.read(self.resource, values))
        except (ConnectorError, ValueError) as error:
            # The id is what must not be lost; the rest comes with the next pull.
            note = f"it is written, but could not be read back yet: {error}"
            done = Accepted(platform_id(self.resource, row_id), notes=(note,))
        return replace(done, request_id=request_id)

    def accepted(self, item: PushItem, there: PulledRecord) -> Accepted:
        """An object of the ledger as the result of a push."""
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
        del theirs
        return notes_on(ours) if isinstance(ours, BillingDocument) else ()

    def update(self, item: PushItem) -> PushResult:
        """Change an object that is what we knew.

        Raises:
            Conflict: Somebody else has changed it, or it is gone.
        """
        assert item.platform_id is not None  # noqa: S101  # what was created has an id
        row_id = place_of(item.platform_id, self.resource)[1]
        values, there = self._there(item, row_id)
        version = item.version
        for last in (False, True):
            body = self.body(item, values)
            if self._has(values, body):
                return self.accepted(item, there)
            if not same_content(version, there.version):
                raise errors.changed_there(label(item.record))
            body |= _versioned(there)
            try:
                self.client.update(self.resource, row_id, body, item.key)
            except Rejected as error:
                if last or not _is_stale(error):
                    raise
                before = row_version_of(there.version)
                values, there = self._there(item, row_id)
                if row_version_of(there.version) == before:
                    raise
                continue
            break
        return self.written(item, row_id)

    def _there(self, item: PushItem, row_id: str) -> tuple[Values, PulledRecord]:
        try:
            values = self.client.one(self.resource, row_id)
            there = self.books.read(self.resource, values)
        except Rejected as error:
            if errors.is_gone(error):
                raise errors.gone(label(item.record)) from None
            raise
        except ValueError as error:
            raise Conflict(
                f"{label(item.record)} cannot be read in the ledger: {error}", code="unreadable"
            ) from None
        if there.deleted:
            raise errors.gone(label(item.record))
        return values, there

    def _has(self, values: Values, body: Values) -> bool:
        """Whether the ledger says already what we say: then there is nothing to change."""
        theirs = {**values, **{name: part for name, part in body.items() if name in _OURS}}
        sent = {**theirs, **body, "id": values.get("id")}
        try:
            mine = self.books.read(self.resource, sent)
            there = self.books.read(self.resource, theirs)
        except ValueError:
            return False
        return bool(_core(mine.record) == _core(there.record))

    def void(self, item: PushItem) -> PushResult:
        """Take an object out of the books: by its status or by deleting it, as the ledger wants."""
        assert item.platform_id is not None  # noqa: S101  # what was created has an id
        row_id = place_of(item.platform_id, self.resource)[1]
        if self.resource not in self.client.service.void_by_status:
            try:
                self.client.delete(self.resource, row_id)
            except Rejected:
                if self._standing(item, row_id) is not None:
                    raise
            return Accepted(item.platform_id)
        there = self._standing(item, row_id)
        if there is not None:
            word = "voided" if self.resource is Resource.CREDIT_NOTES else "void"
            body = {"status": word, **_versioned(there)}
            self.client.update(self.resource, row_id, body)
        return Accepted(item.platform_id)

    def _standing(self, item: PushItem, row_id: str) -> PulledRecord | None:
        """An object that is still in the books; None when it is void or gone."""
        try:
            there = self.books.read(self.resource, self.client.one(self.resource, row_id))
        except Rejected as error:
            if errors.is_gone(error):
                return None
            raise
        except ValueError:
            return PulledRecord(item.platform_id or row_id, item.record)
        void = there.deleted or getattr(there.record, "status", "") == "void"
        return None if void else there

    # Looking up.

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left."""
        return [self.look_up(item) for item in items]

    def look_up(self, item: PushItem) -> FindResult:
        """Look one up: by its id, else in the narrowest list that must hold it."""
        if item.platform_id is not None:
            row_id = place_of(item.platform_id, self.resource)[1]
            try:
                there = self.books.read(self.resource, self.client.one(self.resource, row_id))
            except Rejected as error:
                if not errors.is_gone(error):
                    raise
            except ValueError as error:
                return Unclear(f"{item.platform_id} cannot be read: {error}")
            else:
                if not there.deleted:
                    return Found(self.accepted(item, there))
        mine: list[PulledRecord] = []
        for place in self.places(item):
            mine = self.matching(item, place)
            if mine:
                break
        return self.judged(item, mine)

    def matching(self, item: PushItem, filters: Filters) -> list[PulledRecord]:
        """The objects of a list that are ours."""
        found: dict[str, PulledRecord] = {}
        for page in self.client.pages(self.resource, filters, newest_first=True):
            for one in self._readable(page.values):
                if not one.deleted and self.is_it(item, one):
                    found[one.platform_id] = one
        return list(found.values())

    def _readable(self, rows: Iterable[Values]) -> Iterable[PulledRecord]:
        for values in rows:
            if values.get("status") == DELETED:
                continue
            try:
                yield self.books.read(self.resource, values)
            except (ValueError, ArithmeticError):
                continue

    def judged(self, item: PushItem, mine: Sequence[PulledRecord]) -> FindResult:
        """What those that match mean."""
        if not mine:
            return Absent()
        if len(mine) > 1:
            names = ", ".join(
                getattr(one.record, "number", None) or one.platform_id for one in mine
            )
            kind = self.resource.value.replace("-", " ")
            return Unclear(
                f"the ledger has {len(mine)} {kind} with our mark {item.marker}: {names}"
            )
        return Found(self.accepted(item, mine[0]))


_OURS = frozenset({"status", "company_id", "pass_through", "tax_inclusive"})
"""What is sent and says nothing about the content."""


def _versioned(there: PulledRecord) -> dict[str, Any]:
    version = row_version_of(there.version)
    return {"row_version": version} if version else {}


def _is_stale(error: Rejected) -> bool:
    if isinstance(error, Conflict) and not errors.is_gone(error):
        return True
    words = error.message.lower()
    return any(word in words for word in _STALE)


def _core(record: AnyRecord) -> Any:
    """What of a record an update of ours is about."""
    values = record.model_dump(exclude={"id", "balance", "status", "lines", "tax_rate"})
    if isinstance(record, BillingDocument | JournalEntry):
        values["lines"] = [_line(line) for line in record.lines]
    return values


def _line(line: Any) -> tuple[Any, ...]:
    names = ("description", "net_amount", "account_id", "tax_rate_id", "debit", "credit")
    return tuple(getattr(line, name, None) for name in names)
