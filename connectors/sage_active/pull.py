"""Reading what changed, list by list, in an order that nobody's edits disturb.

A type comes from one or more lists (`feeds`): contacts are customers and suppliers; invoices are
documents and entries; and because a settlement does not always touch the document, changed open
items and matchings are lists too, whose rows only say which documents to read again. The cursor
says which list, behind which row, and since when.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.base import BadRecord, Page, Period, PulledRecord
from connectors.errors import PermissionDenied, ProtocolError, Unsupported
from connectors.sage_active import mapping, queries
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client, Rows, Values, advanced
from connectors.sage_active.errors import PLAN_LACKS_FEATURE
from connectors.sage_active.feeds import Feed, Feeds, Read
from connectors.sage_active.queries import Clause, Place
from connectors.sage_active.wire import Entry, Row
from models.canonical import BillingDocument, JournalEntry, ObjectType, Payment

OVERLAP = timedelta(minutes=10)
"""How far back the next pull reaches: what commits late carries an earlier time."""
_WHOLE = frozenset({ObjectType.TAX_RATE, ObjectType.LEDGER_ACCOUNT})
_UNDATED = _WHOLE | {ObjectType.CONTACT, ObjectType.ITEM}


@dataclass(frozen=True)
class Cursor:
    """How far a pull got."""

    since: datetime | None = None
    """What changed after this is read; None: everything."""
    started: datetime | None = None
    """The `since` of the next pull: when this one began, by Sage's clock, less the overlap."""
    feed: int = 0
    behind: Place | None = None

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
            place = values.get("behind")
            return cls(
                since=_moment(values.get("since")),
                started=_moment(values.get("started")),
                feed=int(values.get("feed", 0)),
                behind=Place(str(place[0]), str(place[1])) if place else None,
            )
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            raise ProtocolError(f"{text!r} is no cursor of this connector", code="cursor") from None

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "since": self.since and self.since.isoformat(),
            "started": self.started and self.started.isoformat(),
            "feed": self.feed,
            "behind": [self.behind.created, self.behind.id] if self.behind else None,
        }
        return json.dumps({name: value for name, value in values.items() if value})


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Puller:
    """Reads one organisation's objects."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books
        self._feeds = Feeds(client)

    def pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        """Read page by page; with a period, what is dated in it, whatever the cursor says."""
        bounded = period is not None and (period.start is not None or period.end is not None)
        if bounded and kind in _UNDATED:
            return
        if kind is ObjectType.TAX_RATE:
            yield self._taxes()
            return
        feeds = self._feeds.of(kind)
        if not feeds:
            raise Unsupported(f"{kind.plural} are not read from Sage Active")
        yield from self._read(kind, feeds, Cursor() if period else Cursor.parse(cursor), period)

    def _read(
        self, kind: ObjectType, feeds: list[Feed], at: Cursor, period: Period | None
    ) -> Iterator[Page]:
        # Children matter only to who has read their parents before.
        wanted = [
            (place, feed)
            for place, feed in enumerate(feeds)
            if place >= at.feed and not (feed.of_parents and at.since is None)
        ]
        started, seen = at.started, set[str]()
        for place, feed in wanted:
            behind = at.behind if place == at.feed else None
            while True:
                rows = self._rows(feed, _clauses(feed, at, period), behind)
                started = started or (rows.moment or datetime.now(UTC)) - OVERLAP
                if rows.more:
                    behind = advanced(rows, behind)
                    text = Cursor(at.since, started, place, behind)
                elif place == wanted[-1][0]:
                    text = Cursor(since=started)
                else:
                    text = Cursor(at.since, started, place + 1)
                whole = kind in _WHOLE or period is not None
                page = self._page(feed, rows, seen, period)
                yield Page(page.records, page.bad, cursor=None if whole else str(text))
                if not rows.more:
                    break

    def _rows(self, feed: Feed, clauses: Sequence[Clause], behind: Place | None) -> Rows:
        try:
            return self._client.page(feed.listing, clauses, behind=behind)
        except PermissionDenied as error:
            missing = error.cause is not None and error.cause.code == PLAN_LACKS_FEATURE
            if not (feed.optional and missing):
                raise
            return Rows([], more=False, last=behind, moment=None)

    def _page(self, feed: Feed, rows: Rows, seen: set[str], period: Period | None) -> Page:
        """The records of a page, each object once in a pull."""
        values = self._parents(feed, rows, seen) if feed.parents else rows.values
        good: list[Row] = []
        bad: list[BadRecord] = []
        for one in values:
            row_id = str(one.get("id") or "?")
            if row_id in seen:
                continue
            seen.add(row_id)
            try:
                good.append(feed.row_class.model_validate(one))
            except ValidationError as error:
                bad.append(BadRecord(row_id, _in_words(error)))
        records: list[PulledRecord] = []
        entries = {row.id: row for row in good if isinstance(row, Entry)}
        for row_id, marker, found in _all_read(feed.read, good):
            if isinstance(found, Exception):
                bad.append(BadRecord(row_id, _in_words(found)))
            elif _is_within(found, period):
                extra = entries.get(row_id) if isinstance(found, JournalEntry) else None
                records.append(PulledRecord(found.id, found, marker, extra=extra))
        return Page(records, bad)

    def _parents(self, feed: Feed, rows: Rows, seen: set[str]) -> list[Values]:
        """The parents of changed children, those that this pull has not read yet."""
        assert feed.parents is not None  # noqa: S101  # asked before
        ids = {feed.parents(one) for one in rows.values}
        wanted = sorted(one for one in ids if one and one not in seen)
        if not wanted:
            return []
        clauses = [queries.is_one_of("id", wanted), *feed.clauses]
        listing = feed.parents_from or feed.listing
        return [one for page in self._client.pages(listing, clauses) for one in page.values]

    def _taxes(self) -> Page:
        """All rates at once: which of a group is in use shows only then."""
        rates = mapping.tax_rates(self._books.taxes, self._books.treatments)
        return Page(
            [PulledRecord(tax.id, rate) for tax, rate in rates if not isinstance(rate, Exception)],
            [
                BadRecord(row_id, _in_words(problem))
                for row_id, problem in (
                    *self._books.all_taxes.bad.items(),
                    *((tax.id, rate) for tax, rate in rates),
                )
                if isinstance(problem, Exception)
            ],
        )


def _clauses(feed: Feed, at: Cursor, period: Period | None) -> list[Clause]:
    clauses = [] if feed.of_parents else list(feed.clauses)
    if at.since is not None:
        clauses.append(queries.changed_since(at.since))
    if period is not None and feed.date:
        clauses += queries.dated(feed.date, period)
    return clauses


def _all_read(read: Read, rows: list[Row]) -> Iterator[tuple[str, str | None, Any]]:
    try:
        yield from read(rows)
    except (ValueError, ArithmeticError) as error:  # pragma: no cover  # `read` sets rows aside
        for row in rows:
            yield row.id, None, error


def _is_within(record: Any, period: Period | None) -> bool:
    if period is None:
        return True
    if isinstance(record, BillingDocument):
        return period.holds(record.issue_date)
    return not isinstance(record, Payment | JournalEntry) or period.holds(record.date)


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
