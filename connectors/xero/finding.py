"""Looking up what is there: by ids, and by our markers after an unclear write.

Few calls for many records: a list by ids, or a filter that holds all of them. What stands goes
before what was voided or deleted since; that one has arrived, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    PulledRecord,
    PushItem,
    Totals,
    Unclear,
)
from connectors.errors import ConnectorError
from connectors.xero import errors, reading
from connectors.xero.books import Books
from connectors.xero.client import IDS_AT_ONCE, Client, Values
from connectors.xero.values import any_guid, chunks
from connectors.xero.walking import walk
from models.canonical import AnyRecord, BillingDocument, JournalEntry

_GUIDS_AT_ONCE = 15
"""As a filter they take more room than as a list."""


class Finder:
    """Looks up the objects of one list."""

    endpoint: str
    ids_as_list = False
    """Whether the list takes `IDs`; others are asked with a filter."""

    def __init__(self, client: Client, books: Books) -> None:
        self.client = client
        self.books = books

    # What differs between types.

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """Rows among which objects with our markers must be, if they are anywhere."""
        raise NotImplementedError

    def carries(self, values: Values, item: PushItem) -> bool:
        """Whether a row has our marker."""
        raise NotImplementedError

    def alike(self, item: PushItem, rows: Sequence[Values]) -> FindResult:
        """What is said where no row has our marker."""
        del item, rows
        return Absent()

    def notes(self, record: AnyRecord) -> tuple[str, ...]:
        """What a person should know about how a record went out."""
        del record
        return ()

    # Looking up.

    def there(self, items: Sequence[PushItem]) -> dict[str, Values]:
        """What is there of objects with an id, by id: as few calls as addresses allow."""
        field = reading.id_field(self.endpoint)
        wanted = list(dict.fromkeys(item.platform_id for item in items if item.platform_id))
        found: dict[str, Values] = {}
        for some in chunks(wanted, IDS_AT_ONCE if self.ids_as_list else _GUIDS_AT_ONCE):
            query = (
                {"IDs": ",".join(some)} if self.ids_as_list else {"where": any_guid(field, some)}
            )
            if self.endpoint in {"Invoices", "Contacts"}:
                query["includeArchived"] = "true"
            for step in walk(self.client, self.endpoint, query):
                found |= {str(one.get(field)): one for one in step.values}
        return found

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left."""
        known = self.there([item for item in items if item.platform_id])
        rows = list({id(one): one for one in known.values()}.values())
        lost = [item for item in items if (item.platform_id or "") not in known]
        if lost:
            rows += self.candidates(lost)
        latest = {reading.id_of(self.endpoint, one): one for one in rows}
        return [self._found(item, latest) for item in items]

    def _found(self, item: PushItem, rows: Mapping[str, Values]) -> FindResult:
        named = rows.get(item.platform_id or "")
        if named is not None:
            return self.judged(item, [named])
        mine = [values for values in rows.values() if self.carries(values, item)]
        if not mine:
            return self.alike(item, list(rows.values()))
        return self.judged(item, mine)

    def judged(self, item: PushItem, mine: Sequence[Values]) -> FindResult:
        """What the rows with our marker mean: those that stand go before those that do not."""
        standing = [one for one in mine if one.get("Status") not in {"DELETED", "VOIDED"}]
        if len(standing) > 1:
            ids = ", ".join(str(one.get(reading.id_field(self.endpoint))) for one in standing)
            return Unclear(f"Xero has {len(standing)} of them with our mark {item.marker}: {ids}")
        try:
            there = self._readable((standing or mine)[0])
        except ConnectorError as error:
            return Unclear(error.message)
        return Found(self.accepted(item, there))

    def accepted(self, item: PushItem, there: PulledRecord) -> Accepted:
        """An object of Xero as the result of a push."""
        totals, record = Totals(), there.record
        if isinstance(record, BillingDocument):
            totals = Totals(net=record.net_total, tax=record.tax_total, total=record.total)
        return Accepted(
            there.platform_id,
            number=getattr(record, "number", None),
            totals=totals,
            version=there.version,
            notes=self.notes(item.record),
        )

    def _readable(self, values: Values) -> PulledRecord:
        """A row of ours.

        Raises:
            Rejected: It cannot be read.
        """
        try:
            found = reading.read(self.endpoint, values, self.books)
        except (ValueError, ArithmeticError) as error:
            found, why = None, str(error)
        else:
            why = "it is a part of another"
        if found is None:
            raise errors.wrong_state(f"what is there cannot be read: {why}")
        return found


def core(record: AnyRecord) -> Any:
    """What of a record an update of ours is about."""
    left_out = {"id", "balance", "status", "lines", "net_total", "tax_total", "total", "roles"}
    values = record.model_dump(exclude=left_out | {"rounding_amount"})
    if isinstance(record, BillingDocument | JournalEntry):
        values["lines"] = [_line(line) for line in record.lines]
    return values


def _line(line: Any) -> tuple[Any, ...]:
    names = (
        *("description", "quantity", "unit_price", "net_amount", "account_id", "tax_rate_id"),
        *("item_id", "debit", "credit"),
    )
    return tuple(getattr(line, name, None) or None for name in names)
