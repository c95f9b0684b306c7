"""Looking up what unclear writes left: by number in one call, and by date before anything is absent.

Our marker stands in the private note, which cannot be searched; numbers can. But a company may
number documents itself, and people change numbers: what is not found under its number is looked
for among everything of its date. Only then it is absent, and may be sent again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from connectors.base import Absent, Accepted, FindResult, Found, PulledRecord, PushItem, Unclear
from connectors.quickbooks.answers import Values, query_of
from connectors.quickbooks.changes import by_id
from connectors.quickbooks.client import PAGE_SIZE, Client
from connectors.quickbooks.entities import Entity, number_field, place_of
from connectors.quickbooks.values import any_of
from models.canonical import BillingDocument, JournalEntry, Payment

_MOST_PAGES = 1000

Read = Callable[[Entity, Values], PulledRecord]
Take = Callable[[PushItem, PulledRecord], Accepted]
Asked = list[tuple[Entity, str]]


class Finder:
    """Looks transactions up."""

    def __init__(
        self,
        client: Client,
        *,
        entity: Callable[[Any], Entity],
        number: Callable[[PushItem], str],
        read: Read,
        take: Take,
    ) -> None:
        self._client = client
        self._entity = entity
        self._number = number
        self._read = read
        self._take = take

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look items up: one call for all, and more only for those that it does not find."""
        found: dict[int, dict[str, PulledRecord]] = {place: {} for place in range(len(items))}
        asked = self._asked(items)
        for (entity, _), rows in zip(asked, self._client.queries(asked), strict=True):
            self._sort(items, entity, rows.values, found)
        missing = [place for place, mine in found.items() if not mine]
        for entity, days in self._days(items, missing).items():
            for values in self._dated(entity, days):
                self._sort(items, entity, values, found, only=missing)
        return [self._judged(item, list(found[place].values())) for place, item in enumerate(items)]

    def _asked(self, items: Sequence[PushItem]) -> Asked:
        ids: dict[Entity, list[str]] = {}
        numbers: dict[Entity, list[str]] = {}
        for item in items:
            entity = self._entity(item.record)
            if item.platform_id is not None:
                entity, row_id = place_of(item.platform_id, entity)
                ids.setdefault(entity, []).append(row_id)
            else:
                numbers.setdefault(entity, []).append(self._number(item))
        return [(one, query_of(one, by_id(one, wanted))) for one, wanted in ids.items()] + [
            (
                one,
                query_of(
                    one, any_of(number_field(one), sorted(set(wanted))), f"maxresults {PAGE_SIZE}"
                ),
            )
            for one, wanted in numbers.items()
        ]

    def _sort(
        self,
        items: Sequence[PushItem],
        entity: Entity,
        rows: Iterable[Values],
        found: Mapping[int, dict[str, PulledRecord]],
        *,
        only: Sequence[int] | None = None,
    ) -> None:
        """Give rows to the items that they are."""
        for values in rows:
            try:
                there = self._read(entity, values)
            except (ValueError, ArithmeticError):
                continue
            for place, item in enumerate(items):
                wanted = only is None or place in only
                if wanted and (
                    there.platform_id == item.platform_id or there.marker == item.marker
                ):
                    found[place][there.platform_id] = there

    def _days(self, items: Sequence[PushItem], missing: Sequence[int]) -> dict[Entity, list[date]]:
        days: dict[Entity, set[date]] = {}
        for place in missing:
            record = items[place].record
            match record:
                case BillingDocument():
                    on = record.issue_date
                case Payment() | JournalEntry():
                    on = record.date
                case _:
                    continue
            days.setdefault(self._entity(record), set()).add(on)
        return {entity: sorted(found) for entity, found in days.items()}

    def _dated(self, entity: Entity, days: Sequence[date]) -> Iterator[Sequence[Values]]:
        where = any_of("TxnDate", [one.isoformat() for one in days])
        start = 1
        for _ in range(_MOST_PAGES):
            page = f"orderby MetaData.CreateTime startposition {start} maxresults {PAGE_SIZE}"
            rows = self._client.query(entity, where, more=page).values
            yield rows
            if len(rows) < PAGE_SIZE:
                return
            start += len(rows)

    def _judged(self, item: PushItem, mine: Sequence[PulledRecord]) -> FindResult:
        exact = [one for one in mine if one.platform_id == item.platform_id]
        mine = exact or mine
        if not mine:
            return Absent()
        if len(mine) > 1:
            names = ", ".join(
                getattr(one.record, "number", None) or one.platform_id for one in mine
            )
            what = self._entity(item.record).words
            return Unclear(
                f"QuickBooks has {len(mine)} objects ({what}) with our mark {item.marker}: {names}"
            )
        return Found(self._take(item, mine[0]))
