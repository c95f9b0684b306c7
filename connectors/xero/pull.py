"""Reading what changed: one to four lists for each type, each walked by Xero's own clock.

A pull ends with the time at which it began, by Xero's clock and less an overlap; the next one reads
from there. What the lists do not tell (a due date of a document that is partly paid) is caught by a
comparison of all open documents, once a week at most.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import BadRecord, Page, Period, PulledRecord
from connectors.errors import ProtocolError, Unsupported
from connectors.xero import reading
from connectors.xero.books import Books
from connectors.xero.client import Client, Values
from connectors.xero.reading import Feed
from connectors.xero.values import both, dated, moment
from connectors.xero.walking import Step, walk
from models.canonical import BillingDocument, JournalEntry, ObjectType, Payment

OVERLAP = timedelta(minutes=2)
"""How far the next pull reaches back: what commits late carries an earlier time."""
COMPARED_EVERY = timedelta(days=7)
_REMEMBERED = 10_000
"""Objects. A row that comes again does so on the next pages; later, it only costs a comparison."""


@dataclass(frozen=True)
class Cursor:
    """How far a pull got; times are Xero's."""

    since: Mapping[str, datetime] = field(default_factory=dict)
    """By list: what changed from here on is read; absent: everything."""
    begun: Mapping[str, datetime] = field(default_factory=dict)
    """Lists that this pull has begun, and where the next one begins in them."""
    feed: str = ""
    """The list that is being walked."""
    at: datetime | None = None
    """Where to go on in it."""
    compared: datetime | None = None
    """When open documents were last compared."""

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
                since=_moments(values.get("since", {})),
                begun=_moments(values.get("begun", {})),
                feed=str(values.get("feed", "")),
                at=_moment(values.get("at")),
                compared=_moment(values.get("compared")),
            )
        except (ValueError, TypeError, AttributeError):
            raise ProtocolError(f"{text!r} is no cursor of this connector", code="cursor") from None

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "since": {name: when.isoformat() for name, when in self.since.items()},
            "begun": {name: when.isoformat() for name, when in self.begun.items()},
            "feed": self.feed,
            "at": self.at and self.at.isoformat(),
            "compared": self.compared and self.compared.isoformat(),
        }
        return json.dumps({name: value for name, value in values.items() if value})

    def over(self) -> "Cursor":
        """Where the next pull begins."""
        return Cursor(since={**self.since, **self.begun}, compared=self.compared)


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text else None


def _moments(values: Mapping[str, str]) -> dict[str, datetime]:
    return {name: moment(text) for name, text in values.items()}


@dataclass
class _Run:
    """One pull under way."""

    at: Cursor
    period: Period | None
    whole: bool
    """Whether it is a list that is read whole every time: it has no cursor."""
    given: dict[str, str | None] = field(default_factory=dict)
    """What was given lately, in which version."""
    before: dict[str, str | None] = field(default_factory=dict)
    """The same of what was given before that; older ones are forgotten, so that it stays small."""
    clock: datetime | None = None

    @property
    def keeps_cursor(self) -> bool:
        return not self.whole and self.period is None

    def is_new(self, name: str, version: str | None) -> bool:
        """Whether this version was not given lately; from now on it was."""
        for given in (self.given, self.before):
            if name in given and given[name] == version:
                return False
        if len(self.given) >= _REMEMBERED:
            self.given, self.before = {}, self.given
        self.given[name] = version
        return True


class Puller:
    """Reads one connection's objects."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        """Read page by page; with a period, what is dated in it, whatever the cursor says."""
        feeds = reading.FEEDS.get(kind)
        if feeds is None:
            raise Unsupported(f"{kind.plural_words} are not read from Xero")
        bounded = period is not None and (period.start is not None or period.end is not None)
        if bounded and kind in reading.UNDATED:
            return
        whole = kind in reading.WHOLE
        run = _Run(Cursor() if period or whole else Cursor.parse(cursor), period, whole)
        names = [feed.endpoint for feed in feeds]
        first = names.index(run.at.feed) if run.at.feed in names else 0
        for place, feed in enumerate(feeds[first:], first):
            following = names[place + 1] if place + 1 < len(names) else ""
            yield from self._read(kind, feed, run, following)

    def _read(self, kind: ObjectType, feed: Feed, run: _Run, following: str) -> Iterator[Page]:
        name = feed.endpoint
        since = run.at.at if run.at.feed == name and run.at.at else run.at.since.get(name)
        compares = feed.compared and run.keeps_cursor
        started_over = name not in run.at.since
        for step in walk(self._client, name, _query(feed, run), since=since, paged=feed.paged):
            self._begin(feed, run, step, started_over=started_over)
            page = self._page(kind, feed, step.values, run)
            yield replace(page, cursor=self._cursor(feed, run, step, following))
        if compares and self._is_due(run):
            yield from self._compare(kind, feed, run)

    def _begin(self, feed: Feed, run: _Run, step: Step, *, started_over: bool) -> None:
        """Note when this pull began in a list, by the clock of its first answer."""
        run.clock = step.clock or run.clock
        if feed.endpoint in run.at.begun or step.clock is None:
            return
        begun = {**run.at.begun, feed.endpoint: step.clock - OVERLAP}
        compared = step.clock if started_over and feed.compared else run.at.compared
        run.at = replace(run.at, begun=begun, compared=compared)

    def _cursor(self, feed: Feed, run: _Run, step: Step, following: str) -> str | None:
        """What the next pull begins with once these rows are stored."""
        if not run.keeps_cursor:
            return None
        if step.last:
            return str(replace(run.at, feed=following, at=None) if following else run.at.over())
        if step.since is None:
            return None
        return str(replace(run.at, feed=feed.endpoint, at=step.since))

    def _is_due(self, run: _Run) -> bool:
        compared, now = run.at.compared, run.clock
        return now is not None and (compared is None or now - compared >= COMPARED_EVERY)

    def _compare(self, kind: ObjectType, feed: Feed, run: _Run) -> Iterator[Page]:
        """Read all open documents: changes that post nothing do not show in the list of changes."""
        query = {**_query(feed, run), "Statuses": reading.OPEN}
        for step in walk(self._client, feed.endpoint, query):
            if step.last:
                run.at = replace(run.at, compared=run.clock)
            page = self._page(kind, feed, step.values, run)
            yield replace(page, cursor=str(run.at.over()) if step.last else None)

    def _page(self, kind: ObjectType, feed: Feed, rows: Any, run: _Run) -> Page:
        """The records of some rows, without those that came with the pages before."""
        if kind is ObjectType.LEDGER_ACCOUNT:
            self._books.learn_accounts(rows)
        records: list[PulledRecord] = []
        bad: list[BadRecord] = []
        for values in rows:
            name, version = reading.id_of(feed.endpoint, values), _version(values)
            if not run.is_new(name, version):
                continue
            try:
                found = reading.read(feed.endpoint, values, self._books)
            except (ValueError, ArithmeticError) as error:
                bad.append(BadRecord(name or "?", _in_words(error)))
                continue
            if found is not None and _is_within(found, run.period):
                records.append(found)
        return Page(records, bad)


def _query(feed: Feed, run: _Run) -> dict[str, str]:
    period = run.period
    where = both(feed.where, dated(period.start, period.end) if period else "")
    return {**feed.query, **({"where": where} if where else {})}


def _version(values: Values) -> str | None:
    return str(values.get("UpdatedDateUTC")) if values.get("UpdatedDateUTC") else None


def _is_within(found: PulledRecord, period: Period | None) -> bool:
    record = found.record
    if period is None:
        return True
    if isinstance(record, BillingDocument):
        return period.holds(record.issue_date)
    return not isinstance(record, Payment | JournalEntry) or period.holds(record.date)


def _in_words(error: Exception) -> str:
    """What is wrong, in a sentence's length."""
    errors = getattr(error, "errors", None)
    if callable(errors):
        first = errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
