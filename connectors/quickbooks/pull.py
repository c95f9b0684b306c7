"""Reading what changed: by query the first time, and by change data capture after it.

Pages are no snapshot: rows are read in the order of their changes, and each page begins where the
last one ended in time and not at a position, so that a row that is edited meanwhile comes again and
none is passed over. Afterwards one call for all entities of a type tells what changed, deletions
too. It looks back 30 days and gives 1,000 objects at most, without pages (page "change data
capture", read 2026-11-20): beyond either, what changed is queried, and deletions in that time are
known only from a full pull.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import BadRecord, Page, Period, PulledRecord
from connectors.errors import ProtocolError, Unsupported
from connectors.quickbooks.answers import Values, stamp
from connectors.quickbooks.client import MOST_OBJECTS, PAGE_SIZE, Client, Rows
from connectors.quickbooks.company import ANY_STATE, Books
from connectors.quickbooks.entities import ENTITIES, LISTS, Entity, platform_id
from connectors.quickbooks.reading import problem, read
from connectors.quickbooks.values import moment
from connectors.quickbooks.wire import TaxCodeRow
from models.canonical import BillingDocument, JournalEntry, ObjectType, Payment

OVERLAP = timedelta(minutes=10)
"""How far the next pull reaches back: what commits late carries an earlier time."""
LOOK_BACK = timedelta(days=30) - timedelta(hours=12)
"""How far changes are asked for; a little less than what is kept."""
_STEP_BACK = 100
"""Rows that are read again where many have the same time and a position must do."""
_TIME = "MetaData.LastUpdatedTime"
_DATED = frozenset(
    {
        ObjectType.INVOICE,
        ObjectType.BILL,
        ObjectType.CREDIT_NOTE,
        ObjectType.PAYMENT,
        ObjectType.JOURNAL_ENTRY,
    }
)


@dataclass(frozen=True)
class Cursor:
    """How far a pull got."""

    since: datetime | None = None
    """What changed from here on is wanted; None: everything."""
    started: datetime | None = None
    """When this pull began, by QuickBooks' clock."""
    feed: int | None = None
    """Which entity is being queried; None: nothing is yet."""
    at: str | None = None
    """The time up to which it has been read, in QuickBooks' words."""
    position: int = 0
    """How many of those with that very time."""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read what an earlier pull left.

        Raises:
            ProtocolError: It is not ours.
        """
        if text is None:
            return cls()
        try:
            values = json.loads(text)
            return cls(
                since=_parsed(values.get("since")),
                started=_parsed(values.get("started")),
                feed=values.get("feed"),
                at=values.get("at"),
                position=int(values.get("position", 0)),
            )
        except (ValueError, TypeError, AttributeError):
            raise ProtocolError(f"{text!r} is no cursor of this connector", code="cursor") from None

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "since": self.since and self.since.isoformat(),
            "started": self.started and self.started.isoformat(),
            "feed": self.feed,
            "at": self.at,
            "position": self.position or None,
        }
        return json.dumps({name: value for name, value in values.items() if value is not None})

    def next_pull(self) -> "Cursor":
        """Where the next pull begins: at our start, overlapped."""
        return Cursor(since=(self.started or datetime.now(UTC)) - OVERLAP)


def _parsed(text: str | None) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass
class _Run:
    """One pull under way."""

    kind: ObjectType
    at: Cursor
    period: Period | None
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Id and version of what the last page brought: pages overlap."""
    gone: list[PulledRecord] = field(default_factory=list)
    """Deletions that are known of, to be told with the first page."""


class Puller:
    """Reads one company's objects."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        """Read page by page; with a period, what is dated in it, whatever the cursor says."""
        if kind not in ENTITIES:
            raise Unsupported(f"{kind.plural_words} are not read from QuickBooks")
        bounded = period is not None and (period.start is not None or period.end is not None)
        if bounded and kind not in _DATED:
            return
        if kind is ObjectType.TAX_RATE:
            yield self._tax_rates()
            return
        run = _Run(kind, Cursor() if period else Cursor.parse(cursor), period)
        if run.at.since is not None and run.at.feed is None:
            done = self._changed(run)
            if done is not None:
                yield done
                return
        yield from self._queried(run)

    def _tax_rates(self) -> Page:
        """Codes and rates: changes of them are not captured, so all of them every time."""
        taxes, codes = self._books.taxes_and_codes()
        records: list[PulledRecord] = []
        bad: list[BadRecord] = []
        for values in codes:
            try:
                row = TaxCodeRow.model_validate(values)
                found = taxes.records(row)
            except (ValueError, ArithmeticError) as error:
                bad.append(BadRecord(str(values.get("Id") or "?"), problem(error)))
                continue
            records += [PulledRecord(one.id, one, version=row.sync_token) for one in found]
        return Page(records, bad)

    # What changed since.

    def _changed(self, run: _Run) -> Page | None:
        """Everything that changed, in one call; None where that call cannot tell it all."""
        since = run.at.since
        assert since is not None  # noqa: S101  # asked by the caller
        if datetime.now(UTC) - since > LOOK_BACK:
            return None
        entities = ENTITIES[run.kind]
        found, objects = self._client.changes(entities, since)
        said = [rows.moment for rows in found.values() if rows.moment is not None]
        run.at = replace(run.at, started=min(said, default=datetime.now(UTC)))
        if objects >= MOST_OBJECTS:
            # What there is of deletions is taken; live objects are queried.
            run.gone = [
                one
                for entity, rows in found.items()
                for one in self._page(run, entity, rows).records
                if one.deleted
            ]
            run.seen = set()
            return None
        pages = [self._page(run, entity, rows) for entity, rows in found.items()]
        return Page(
            [one for page in pages for one in page.records],
            [one for page in pages for one in page.bad],
            cursor=str(run.at.next_pull()),
        )

    # By query.

    def _queried(self, run: _Run) -> Iterator[Page]:
        entities = ENTITIES[run.kind]
        for place, entity in enumerate(entities):
            if place < (run.at.feed or 0):
                continue
            if place != run.at.feed:
                run.at = replace(run.at, feed=place, at=None, position=0)
            last = place == len(entities) - 1
            for page in self._read(run, entity, last=last):
                yield replace(page, records=[*page.records, *run.gone])
                run.gone = []

    def _read(self, run: _Run, entity: Entity, *, last: bool) -> Iterator[Page]:
        while True:
            rows = self._client.query(entity, self._conditions(run, entity), more=_more(run.at))
            started = run.at.started or rows.moment or datetime.now(UTC)
            page = self._page(run, entity, rows)
            more = len(rows.values) >= PAGE_SIZE
            run.at = replace(run.at, started=started)
            if more:
                run.at = _further(run.at, rows)
            yield replace(page, cursor=self._cursor(run, more=more, last=last))
            if not more:
                return

    def _conditions(self, run: _Run, entity: Entity) -> str:
        conditions = []
        since = run.at.at or (stamp(run.at.since) if run.at.since else None)
        if since is not None:
            conditions.append(f"{_TIME} >= '{since}'")
        if entity in LISTS:
            conditions.append(ANY_STATE)
        period = run.period or Period()
        if period.start is not None:
            conditions.append(f"TxnDate >= '{period.start.isoformat()}'")
        if period.end is not None:
            conditions.append(f"TxnDate <= '{period.end.isoformat()}'")
        return " and ".join(conditions)

    def _cursor(self, run: _Run, *, more: bool, last: bool) -> str | None:
        """What the next pull begins with once this page is stored."""
        if run.period is not None:
            return None
        if more:
            return str(run.at)
        if last:
            return str(run.at.next_pull())
        return str(replace(run.at, feed=(run.at.feed or 0) + 1, at=None, position=0))

    def _page(self, run: _Run, entity: Entity, rows: Rows) -> Page:
        """The records of a page, without those that the page before brought."""
        records: dict[str, PulledRecord] = {}
        bad: list[BadRecord] = []
        seen: set[tuple[str, str]] = set()
        for values in rows.values:
            name = platform_id(entity, str(values.get("Id") or "?"))
            key = (name, str(values.get("SyncToken")))
            if key in seen:
                continue
            seen.add(key)
            if key in run.seen:
                continue
            try:
                found = read(entity, values, self._books.home_currency)
            except (ValueError, ArithmeticError) as error:
                bad.append(BadRecord(name, problem(error)))
                continue
            if _is_within(found, run.period):
                records[name] = found
        run.seen = seen
        return Page(list(records.values()), bad)


def _more(at: Cursor) -> str:
    start = f"startposition {at.position + 1} " if at.position else ""
    return f"orderby {_TIME} {start}maxresults {PAGE_SIZE}"


def _further(at: Cursor, rows: Rows) -> Cursor:
    """Where the next page begins: at the time of the last row; by position where that is the same.

    Raises:
        ProtocolError: The rows do not say when they changed.
    """
    last = _changed_at(rows.values[-1])
    if last is None:
        raise ProtocolError("objects without a time of their last change", code="no_time")
    alike = sum(1 for values in rows.values if _changed_at(values) == last)
    before = at.position if last == at.at else 0
    further = replace(at, at=last, position=max(0, before + alike - _STEP_BACK))
    if further == at or _is_before(last, at.at):
        raise ProtocolError("the pages do not go on in the order of changes", code="loop")
    return further


def _is_before(text: str, other: str | None) -> bool:
    one, two = moment(text), moment(other)
    return one is not None and two is not None and one < two


def _changed_at(values: Values) -> str | None:
    about = values.get("MetaData")
    text = about.get("LastUpdatedTime") if isinstance(about, dict) else None
    return text if moment(text) is not None else None


def _is_within(found: PulledRecord, period: Period | None) -> bool:
    record = found.record
    if period is None or found.deleted:
        return True
    if isinstance(record, BillingDocument):
        return period.holds(record.issue_date)
    return not isinstance(record, Payment | JournalEntry) or period.holds(record.date)
